"""What fits into the types in which the contracts store amounts.

A value that does not fit is refused with the error of OpenZeppelin's `SafeCast`, and the action
that would have stored it changes nothing. Checked is only what inputs within their bounds can
reach: a market's entry notionals and cash flow, fees, liquidity, collateral, net deposits.
"""

from typing import Final

from prep.model.errors import Rejected

UINT128: Final = 2**128
"""One more than the largest."""
INT128: Final = 2**127
"""One more than the largest, and the size of the smallest."""


def check_uint128(*amounts: int) -> None:
    """Raises for the first amount, none negative, that does not fit."""
    if max(amounts) < UINT128:
        return
    for amount in amounts:
        if amount >= UINT128:
            raise Rejected("SafeCastOverflowedUintDowncast", 128, amount)


def check_int128(*amounts: int) -> None:
    """Raises for the first amount that does not fit."""
    if max(amounts) < INT128 and min(amounts) >= -INT128:
        return
    for amount in amounts:
        if not -INT128 <= amount < INT128:
            raise Rejected("SafeCastOverflowedIntDowncast", 128, amount)
