"""Execution prices, fees and values as pure functions of numbers.

Sizes and skews are signed base units, prices WAD, amounts PREP base units.
docs/whitepaper.md, "Execution price" and "Fees".
"""

from prep.model.fixed import UNLIMITED, WAD, wmul


def premium(skew: int, skew_scale: int) -> int:
    """``skew / K``, WAD, toward zero; 0 in a market without price impact."""
    if skew_scale == 0:
        return 0
    return skew * WAD // skew_scale if skew >= 0 else -(-skew * WAD // skew_scale)


def price_between(premium_from: int, premium_to: int, price: int) -> int:
    """The oracle price plus the mean of two premiums, never below zero."""
    total = premium_from + premium_to
    mean = total // 2 if total >= 0 else -(-total // 2)
    return (WAD + max(mean, -WAD)) * price // WAD


def execution_price(skew_from: int, skew_to: int, skew_scale: int, price: int) -> int:
    """At which the skew moves from one value to the other."""
    if skew_scale == 0:
        return price
    return price_between(premium(skew_from, skew_scale), premium(skew_to, skew_scale), price)


def fee(rate: int, size: int, price: int) -> int:
    """What trading `size` at `price` costs: zero or negative, rounded against the trader."""
    return -(abs(size) * (price * rate // WAD)) // WAD if rate else 0


def protocol_share(fee_paid: int, rate: int) -> int:
    """The protocol's share of a fee given as a positive number, rounded up."""
    return -(-fee_paid * rate // WAD)


def value(size: int, price: int) -> int:
    """Value of a size at a price, rounded down; never negative."""
    return abs(size) * price // WAD


def excess(open_interest: int, cap: int, price: int) -> int:
    """The fewest base units whose closing brings the value of a side to its cap or below; 0 while
    it is there. Never negative; for `price > 0`. docs/whitepaper.md, "Deleverage"."""
    if cap == UNLIMITED:
        return 0
    # The largest open interest whose value, rounded down, is not above the cap.
    return max(0, open_interest - ((cap + 1) * WAD - 1) // price)


def borrowing_fee(notional: int, index_change: int) -> int:
    """What a notional (positive) owes while the index grew: zero or negative, rounded against the
    trader. docs/whitepaper.md, "Borrowing fee"."""
    return -(notional * index_change) // WAD


def price_pnl(size: int, entry_price: int, price: int) -> int:
    """What `size` entered at one price gains at another, toward zero. "Positions"."""
    return wmul(size, price - entry_price)
