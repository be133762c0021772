"""Amounts, prices and times as people read them: for display, nothing is computed from them."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Final

from prep.demo.outcome import LPS, Outcome, Sample
from prep.demo.prices import FEED_DECIMALS, STEP_SECONDS, STEPS_PER_HOUR

WAD_DECIMALS: Final = 18


def decimal(value: int, decimals: int = WAD_DECIMALS) -> Decimal:
    """`value` in units of `10**decimals`."""
    return Decimal(value).scaleb(-decimals)


def amount(value: int, places: int = 0, decimals: int = WAD_DECIMALS) -> str:
    """PREP, or anything else with so many decimals."""
    return f"{decimal(value, decimals):,.{places}f}"


def percent(rate: int) -> str:
    """A WAD."""
    return f"{decimal(rate) * 100:.1f} %"


def whole_dollars(price: int) -> str:
    """A WAD price of something with 18 decimals."""
    return f"${decimal(price):,.2f}"


def dollars(answer: int) -> str:
    """A price in units of the feed."""
    return f"${decimal(answer, FEED_DECIMALS):,.2f}"


def change(before: Decimal, after: Decimal) -> str:
    """In per cent."""
    return f"{(after / before - 1) * 100:+.1f} %"


def share_price(sample: Sample, value: int) -> Decimal:
    """PREP for a whole share, of 24 decimals, at the vault's lower or upper value."""
    assets, shares = sample.reading.share_price(value)
    return Decimal(assets) * 10**6 / shares


def moment(outcome: Outcome, step: int) -> str:
    """A time of the file in UTC, or hours and minutes since the beginning of a made-up path."""
    if outcome.path.start is None:
        hour, quarter = divmod(step, STEPS_PER_HOUR)
        return f"{hour}:{quarter * STEP_SECONDS // 60:02}"
    return f"{_at(outcome.path.start, step):%d %b %H:%M}"


def instants(outcome: Outcome) -> list[datetime] | list[float]:
    """The horizontal axis of all charts: times, or hours since the beginning."""
    steps = range(len(outcome.samples))
    if outcome.path.start is None:
        return [step / STEPS_PER_HOUR for step in steps]
    return [_at(outcome.path.start, step) for step in steps]


def period(outcome: Outcome) -> str:
    """Which prices these are."""
    path = outcome.path
    if path.start is None:
        return f"{path.hours} hours of a made-up crash"
    begin, end = _at(path.start, 0), _at(path.start, len(path.prices))
    return f"{path.source}, {begin:%-d %B %Y %H:%M} to {end:%-d %B %Y %H:%M} UTC"


def _at(start: int, step: int) -> datetime:
    return datetime.fromtimestamp(start, UTC) + timedelta(seconds=step * STEP_SECONDS)


def headline(outcome: Outcome) -> list[tuple[str, str, str]]:
    """What matters most: label, value, and a remark."""
    first, last = outcome.samples[0], outcome.last
    prices = outcome.path.prices
    traded = change(Decimal(prices[0]), Decimal(prices[-1]))
    before = share_price(first, first.reading.lower_value)
    after = share_price(last, last.reading.lower_value)
    liquidated = sum(item.notional - item.left for _, item in outcome.liquidations)
    from_vault = sum(item.from_vault for _, item in outcome.liquidations)
    lowest, highest = dollars(min(prices)), dollars(max(prices))
    rejected = sum(outcome.rejected.values())
    lps = [f"{p.name}: {amount(p.profit)}" for p in outcome.participants if p.name in LPS]
    return [
        ("BTC", f"{dollars(prices[-1])}", f"{traded}, between {lowest} and {highest}"),
        ("Trades", f"{outcome.trades}", f"by {outcome.traders} traders, {rejected} rejected"),
        ("Liquidations", f"{len(outcome.liquidations)}", f"{amount(liquidated)} PREP of notional"),
        (
            "Keeper rewards",
            f"{amount(outcome.rewards)} PREP",
            f"{amount(from_vault)} of it from the vault",
        ),
        (
            "Fees",
            f"{amount(outcome.fees)} PREP",
            f"{amount(outcome.protocol_fees)} of it to the protocol",
        ),
        ("Bad debt", f"{amount(last.bad_debt)} PREP", "losses beyond collateral, borne by LPs"),
        ("LP share price", f"{after:.4f} PREP", f"{change(before, after)} from {before:.4f}"),
        ("LP profit", f"{amount(outcome.lp_profit)} PREP", ", ".join(lps)),
        (
            "Unexplained money",
            f"{outcome.unexplained}",
            "base units of PREP" if outcome.unexplained else "base units: it adds up exactly",
        ),
    ]
