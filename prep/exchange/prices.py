"""Prices and ranges of pools, in integers."""

from dataclasses import dataclass
from fractions import Fraction
from math import isqrt
from typing import Final

from prep.errors import UserError

MIN_SQRT_PRICE: Final = 4295128739
"""The lowest price of a pool."""
MAX_SQRT_PRICE: Final = 1461446703485210103287273052203988822378723970342
"""Every price of a pool is below."""
MAX_TICK: Final = 887272
"""The tick of the highest price; of the lowest it is the negative."""
_SQRT_BITS: Final = 96


@dataclass(frozen=True, slots=True)
class Amount:
    """Base units of a token. Two amounts that are worth the same are a price."""

    token: str
    units: int


def in_order(a: Amount, b: Amount) -> tuple[Amount, Amount]:
    """Token 0 first."""
    if int(a.token, 16) == int(b.token, 16):
        raise UserError(f"a pool needs two tokens, not {a.token} twice")
    return (a, b) if int(a.token, 16) < int(b.token, 16) else (b, a)


def sqrt_price(a: Amount, b: Amount) -> int:
    """The price of a pool where `a` is worth `b`, rounded down."""
    first, second = in_order(a, b)
    if first.units <= 0 or second.units <= 0:
        raise UserError(f"a price is of positive amounts, not {a.units} and {b.units}")
    price = isqrt((second.units << 2 * _SQRT_BITS) // first.units)
    if not MIN_SQRT_PRICE <= price < MAX_SQRT_PRICE:
        raise UserError(f"no pool can have a price of {a.units} to {b.units}")
    return price


def spot(sqrt_price_: int, token_in: str, token_out: str) -> Fraction:
    """Base units of the token out per base unit of the token in at this price of their pool,
    exactly."""
    price = Fraction(sqrt_price_**2, 1 << 2 * _SQRT_BITS)
    return price if int(token_in, 16) < int(token_out, 16) else 1 / price


def full_range(spacing: int) -> tuple[int, int]:
    """The lowest and the highest tick between which a position can be."""
    highest = MAX_TICK // spacing * spacing
    return -highest, highest


def range_around(tick: int, width: int, spacing: int) -> tuple[int, int]:
    """At least `width` ticks to either side, as far as a position can reach. At the end of what it
    can reach the tick itself may be outside."""
    if width <= 0:
        raise UserError(f"a range of {width} ticks to either side has no room")
    lowest, highest = full_range(spacing)
    lower = (tick - width) // spacing * spacing
    upper = -(-(tick + width) // spacing) * spacing
    lower = min(max(lower, lowest), highest - spacing)
    upper = max(min(upper, highest), lowest + spacing)
    return lower, upper
