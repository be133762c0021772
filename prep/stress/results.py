"""What a path leaves behind, and what many of them say together.

Amounts are PREP base units, ratios WAD (`UNLIMITED`: nothing is owed), prices units of the feed.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from prep.demo.prices import STEP_SECONDS
from prep.model.fixed import WAD


@dataclass(frozen=True)
class Outcome:
    """A path's numbers. `start` is in Unix seconds, `None` for made-up prices."""

    number: int
    start: int | None
    first_price: int
    last_price: int
    lowest_price: int
    highest_price: int
    liquidity: int
    """What the LPs began with."""
    lp_profit: int
    """Of all LPs together, after everybody has closed."""
    traders_profit: int
    keeper_profit: int
    protocol_fees: int
    unpaid: int
    """What traders still have coming because the vault has nothing left."""
    bad_debt: int
    """Losses of traders beyond their collateral."""
    rewards_from_vault: int
    """What the vault added to liquidation rewards."""
    worst_ratio: int
    """Lowest collateralization ratio right after a price change."""
    worst_ratio_kept: int
    """Lowest after the keeper's round."""
    steps_below_target: int
    """In which the ratio was below the target even after the keeper's round."""
    liquidations: int
    deleverages: int
    most_open_interest: int
    """Largest entry notional of both sides together."""
    done: Mapping[str, int]
    """Actions by the contracts' names."""
    rejected: Mapping[str, int]
    """By function and error."""
    violations: tuple[str, ...]
    """Invariants that did not hold. The path ended there."""

    @property
    def price_change(self) -> int:
        """From the first to the last price, WAD, rounded down."""
        return (self.last_price - self.first_price) * WAD // self.first_price

    @property
    def lp_return(self) -> int:
        """Profit as a fraction of what the LPs began with, WAD, rounded down."""
        return self.lp_profit * WAD // self.liquidity

    @property
    def seconds_below_target(self) -> int:
        return self.steps_below_target * STEP_SECONDS


QUANTILES: Final = (0, 5, 50, 95, 100)
"""Per cent: the least, the middle and the most, and what all but a twentieth stay within."""


def quantile(values: Sequence[int], percent: int) -> int:
    """The least value that `percent` of all do not exceed: always one that occurred."""
    ordered = sorted(values)
    return ordered[max(1, -(-len(ordered) * percent // 100)) - 1]


METRICS: Final[Mapping[str, Callable[[Outcome], int]]] = {
    "price_change": lambda o: o.price_change,
    "lp_profit": lambda o: o.lp_profit,
    "lp_return": lambda o: o.lp_return,
    "worst_ratio": lambda o: o.worst_ratio,
    "worst_ratio_kept": lambda o: o.worst_ratio_kept,
    "seconds_below_target": lambda o: o.seconds_below_target,
    "bad_debt": lambda o: o.bad_debt,
    "unpaid": lambda o: o.unpaid,
    "liquidations": lambda o: o.liquidations,
    "deleverages": lambda o: o.deleverages,
}
"""What is compared over all paths."""


def summary(outcomes: Sequence[Outcome]) -> dict[str, dict[int, int]]:
    """The quantiles of every metric."""
    values = {name: [metric(o) for o in outcomes] for name, metric in METRICS.items()}
    return {name: {q: quantile(found, q) for q in QUANTILES} for name, found in values.items()}
