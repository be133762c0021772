"""What quotes are computed with. Base units, basis points, prices quote base units for a base base
unit (WAD). Nothing here asks a chain, and nothing passes through a binary fraction."""

from dataclasses import dataclass
from fractions import Fraction
from typing import Final

from prep.model.fixed import WAD, ceil_div, mul_div_ceil
from prep.model.interest import RateCurve
from prep.model.limits import YEAR
from prep.model.margin.arithmetic import BPS, least_margin, value_down, value_up

FOREVER: Final = 2**256 - 1


class InterestTooHighError(Exception):
    """The curve asks for more than the chain allows."""

    def __init__(self, interest: int, max_interest: int) -> None:
        super().__init__(f"interest of {interest} is above the highest of {max_interest}")
        self.interest, self.max = interest, max_interest


def interest_due(
    principal: int, elapsed: int, curve: RateCurve, utilisation: int, max_interest: int
) -> int:
    """On a whole principal over `elapsed` seconds at the rate of now: rounded up as far as the
    highest allows, at least 1 where that is not 0. Raises `InterestTooHighError` if the rate is too
    high for it."""
    exact = Fraction(principal * curve.rate(min(utilisation, WAD)) * elapsed, WAD * YEAR)
    if exact // 1 > max_interest:
        raise InterestTooHighError(int(exact), max_interest)
    return min(max(-(-exact // 1), 1), max_interest)


def interest_free_until(principal: int, max_apy: int, since: int) -> int:
    """The last second at which the highest interest on a principal is 0."""
    yearly = principal * max_apy
    return since + (WAD * YEAR - 1) // yearly if yearly else FOREVER


def less(amount: int, slippage: int) -> int:
    """What must be brought at least, rounded up: for the trader."""
    return mul_div_ceil(amount, BPS - slippage, BPS)


def more(amount: int, slippage: int) -> int:
    """What may be spent at most, rounded down: for the trader."""
    return amount * (BPS + slippage) // BPS


def fee_on(quote_swapped: int, rate: int) -> int:
    """Rounded down: never above what the pool allows."""
    return quote_swapped * rate // BPS


def long_principal(down_payment: int, leverage: int) -> int:
    """For a position of `leverage` times the down payment, rounded down."""
    return down_payment * (leverage - BPS) // BPS


def short_principal(down_payment: int, leverage: int, price: int) -> int:
    """For a sale of `leverage` times the down payment at a price, rounded down."""
    return down_payment * leverage * WAD // (BPS * price)


def price_of(quote: int, base: int, *, up: bool) -> int:
    """WAD; of base tokens above 0."""
    return mul_div_ceil(quote, WAD, base) if up else quote * WAD // base


def impact(amount_in: int, amount_out: int, spot: Fraction) -> int:
    """By how many basis points a swap is worse than the pools' price before it (`spot`: token out
    for token in), their fees included; rounded up, at least 0."""
    fair = amount_in * spot
    return max(0, -(-(fair - amount_out) * BPS // fair)) if fair else 0


@dataclass(frozen=True, slots=True)
class Standing:
    """A position as it will be."""

    is_long: bool
    principal: int
    collateral: int

    def leverage(self, price: int) -> int | None:
        """The base tokens' value over the equity at a price, basis points, rounded up; None where
        nothing is left of the equity."""
        base, quote = self._base_and_quote()
        value = base * price
        equity = value - quote * WAD if self.is_long else quote * WAD - value
        return ceil_div(value * BPS, equity) if equity > 0 else None

    def health(self, price: int, maintenance_margin: int) -> tuple[int, int]:
        """The equity at a price, and the margin at and below which it is within the threshold."""
        base, quote = self._base_and_quote()
        value = value_down(base, price) if self.is_long else value_up(base, price)
        equity = value - quote if self.is_long else quote - value
        return equity, least_margin(value, maintenance_margin)

    def liquidation_price(self, maintenance_margin: int) -> int | None:
        """At and beyond which it is within the threshold, but for interest to come: of a long
        rounded down, of a short up, so that it is within at the very price. None: it owes
        nothing."""
        if self.principal == 0:
            return None
        base, quote = self._base_and_quote()
        if self.is_long:
            return quote * WAD * BPS // (base * (BPS - maintenance_margin))
        return ceil_div(quote * WAD * BPS, base * (BPS + maintenance_margin))

    def _base_and_quote(self) -> tuple[int, int]:
        held, owed = self.collateral, self.principal
        return (held, owed) if self.is_long else (owed, held)
