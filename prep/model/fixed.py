"""Fixed-point arithmetic on integers. Every rounding of the model is one of these functions.

Python's ``//`` rounds toward minus infinity; the contracts' division truncates toward zero. A bare
``//`` in the model therefore stands only where the dividend cannot be negative or a floor is meant.
"""

from typing import Final

WAD: Final = 10**18
"""One, in 18-decimal fixed point. Prices and rates are WAD."""

UNLIMITED: Final = 2**256 - 1
"""``type(uint256).max``: no bound, or an infinite ratio."""


def trunc_div(a: int, b: int) -> int:
    """``a / b`` toward zero, for ``b > 0``."""
    return a // b if a >= 0 else -(-a // b)


def floor_div(a: int, b: int) -> int:
    """``a / b`` toward minus infinity, for ``b > 0``."""
    return a // b


def ceil_div(a: int, b: int) -> int:
    """``a / b`` toward plus infinity, for ``b > 0``."""
    return -(-a // b)


def wmul(a: int, b: int) -> int:
    """``a * b / WAD`` toward zero."""
    product = a * b
    return product // WAD if product >= 0 else -(-product // WAD)


def mul_div_floor(a: int, b: int, c: int) -> int:
    """``a * b / c`` toward minus infinity, for ``c > 0``."""
    return a * b // c


def mul_div_ceil(a: int, b: int, c: int) -> int:
    """``a * b / c`` toward plus infinity, for ``c > 0``."""
    return -(-a * b // c)
