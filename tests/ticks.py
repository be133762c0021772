"""What a tick is worth, from its definition: `sqrt(1.0001**tick) * 2**96` as Uniswap rounds it.

Independent of its code: no constant of that is here. What is taken over is the order in which it
multiplies and where it rounds, without which no implementation agrees to the last unit.
"""

from functools import cache
from math import isqrt

MIN_TICK, MAX_TICK = -887_272, 887_272
MIN_SQRT_PRICE, MAX_SQRT_PRICE = 4295128739, 1461446703485210103287273052203988822378723970342
_BITS = 128
_MORE = 512
"""Bits in which powers are computed, so that rounding them to 128 is exact."""


@cache
def _powers() -> list[int]:
    """`1.0001**-(2**i / 2)`, rounded to the nearest in 128 bits after the point."""
    power = isqrt((10_000 << 2 * _MORE) // 10_001)
    rounded = []
    for _ in range(MAX_TICK.bit_length()):
        rounded.append((power + (1 << _MORE - _BITS - 1)) >> _MORE - _BITS)
        power = power * power >> _MORE
    return rounded


def sqrt_price_at(tick: int) -> int:
    """Rounded up to 96 bits after the point."""
    assert MIN_TICK <= tick <= MAX_TICK
    price = 1 << _BITS
    for i, power in enumerate(_powers()):
        if abs(tick) >> i & 1:
            price = price * power >> _BITS
    if tick > 0:
        price = (2**256 - 1) // price
    return -(-price >> _BITS - 96)


def tick_at(sqrt_price: int) -> int:
    """The highest tick whose price is not above."""
    assert MIN_SQRT_PRICE <= sqrt_price < MAX_SQRT_PRICE
    low, high = MIN_TICK, MAX_TICK
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if sqrt_price_at(middle) <= sqrt_price else (low, middle)
    return low
