"""The formulas of docs/margin.md, "Arithmetic". Amounts are base units, shares of a whole basis
points, check prices quote base units for a base base unit, WAD. Each rounds as its row says."""

from typing import Final

from prep.model.fixed import WAD, ceil_div
from prep.model.limits import DAY, YEAR

BPS: Final = 10_000
FEE_PART: Final = 100
"""A fee is at most this part of the swap's quote tokens."""


def value_up(base: int, price: int) -> int:
    """Of base tokens in quote tokens."""
    return ceil_div(base * price, WAD)


def value_down(base: int, price: int) -> int:
    """Of base tokens in quote tokens."""
    return base * price // WAD


def least_proceeds(base: int, price: int, max_deviation: int) -> int:
    """Of a sale of base tokens, rounded up."""
    return ceil_div(value_up(base, price) * (BPS - max_deviation), BPS)


def highest_cost(base: int, price: int, max_deviation: int) -> int:
    """Of a purchase of base tokens, rounded down."""
    return value_down(base, price) * (BPS + max_deviation) // BPS


def highest_interest(principal: int, max_apy: int, elapsed: int) -> int:
    """In `elapsed` seconds at a yearly rate (WAD), rounded down."""
    return principal * max_apy * elapsed // (WAD * YEAR)


def highest_principal_long(down_payment: int, max_leverage: int) -> int:
    """In quote tokens, rounded down."""
    return down_payment * (max_leverage - BPS) // BPS


def highest_principal_short(down_payment: int, max_leverage: int, price: int) -> int:
    """In base tokens, rounded down."""
    return down_payment * max_leverage * WAD // (BPS * price)


def highest_sale(down_payment: int, max_leverage: int) -> int:
    """What a short without a check price may sell for, rounded down."""
    return down_payment * max_leverage // BPS


def least_margin(value: int, maintenance_margin: int) -> int:
    """At and below which a position of this value is within the threshold, rounded up."""
    return ceil_div(value * maintenance_margin, BPS)


def liquidation_fee(value: int, rate: int) -> int:
    """Rounded down."""
    return value * rate // BPS


def principal_part(principal: int, amount: int, collateral: int) -> int:
    """What is paid, or used of a limit, when `amount` of the collateral goes; rounded up."""
    return ceil_div(principal * amount, collateral)


def used_later(used: int, limit: int, elapsed: int) -> int:
    """Of a limit for a day, `elapsed` seconds later; what comes free is rounded down."""
    return max(0, used - limit * elapsed // DAY)


def highest_fee(quote_swapped: int) -> int:
    """A hundredth of what the swap moved, rounded down."""
    return quote_swapped // FEE_PART
