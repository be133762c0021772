"""What many paths say, as people read it: for display, nothing is computed from it."""

from collections.abc import Callable, Sequence
from typing import Final

from prep.demo.text import amount, decimal
from prep.model.fixed import UNLIMITED
from prep.stress.results import Outcome, summary


def percent(value: int) -> str:
    """A WAD fraction with its sign."""
    return f"{decimal(value) * 100:+.1f} %"


def ratio(value: int) -> str:
    return "∞" if value == UNLIMITED else f"{decimal(value):,.2f}"


def hours(seconds: int) -> str:
    return f"{seconds / 3600:,.2f}"


COLUMNS: Final = ("", "Least", "5 %", "Median", "95 %", "Most")
ROWS: Final[tuple[tuple[str, str, Callable[[int], str]], ...]] = (
    ("price_change", "BTC price, first to last", percent),
    ("lp_profit", "LP profit, PREP", amount),
    ("lp_return", "LP profit of the first liquidity", percent),
    ("worst_ratio", "Worst CR, after a price change", ratio),
    ("worst_ratio_kept", "Worst CR, after the keeper", ratio),
    ("seconds_below_target", "Hours below the target", hours),
    ("bad_debt", "Bad debt, PREP", amount),
    ("unpaid", "Unpaid to traders, PREP", amount),
    ("liquidations", "Liquidations", str),
    ("deleverages", "Deleverages", str),
)


def rows(outcomes: Sequence[Outcome]) -> list[tuple[str, ...]]:
    """The table: a metric, and its quantiles as in `COLUMNS`."""
    found = summary(outcomes)
    return [(label, *map(shown, found[name].values())) for name, label, shown in ROWS]


def headline(outcomes: Sequence[Outcome]) -> list[tuple[str, str, str]]:
    """How often what one would rather not see was seen: label, value, and a remark."""
    total = f"of {len(outcomes)}"

    def often(condition: Callable[[Outcome], bool]) -> str:
        return f"{sum(map(condition, outcomes))} {total}"

    worst = min(outcomes, key=lambda o: o.lp_profit)
    return [
        (
            "LPs lost money",
            often(lambda o: o.lp_profit < 0),
            f"at worst {amount(worst.lp_profit)} PREP, on path {worst.number}",
        ),
        (
            "Bad debt",
            often(lambda o: o.bad_debt > 0),
            f"at worst {amount(max(o.bad_debt for o in outcomes))} PREP",
        ),
        (
            "Below the target for a while",
            often(lambda o: o.steps_below_target > 0),
            "after the keeper had done what it could",
        ),
        (
            "Deleveraged",
            often(lambda o: o.deleverages > 0),
            f"{sum(o.deleverages for o in outcomes):,} positions in all",
        ),
        (
            "Liquidated",
            often(lambda o: o.liquidations > 0),
            f"{sum(o.liquidations for o in outcomes):,} times in all",
        ),
        (
            "Vault could not pay",
            often(lambda o: o.unpaid > 0),
            f"at worst {amount(max(o.unpaid for o in outcomes))} PREP",
        ),
    ]
