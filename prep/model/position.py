"""A position and what can happen to it, as pure functions. docs/whitepaper.md, "Positions"."""

from typing import TYPE_CHECKING, Final, NamedTuple

from prep.model.fixed import UNLIMITED, WAD, ceil_div, floor_div, trunc_div, wmul
from prep.model.pricing import borrowing_fee, execution_price, fee, price_pnl, protocol_share

if TYPE_CHECKING:
    from prep.model.market import Quote


class Position(NamedTuple):
    """Size in signed base units, entry price in WAD, and the two indices at entry."""

    size: int = 0
    entry_price: int = 0
    funding_index: int = 0
    borrow_index: int = 0

    @property
    def cost(self) -> int:
        """``wmul(size, entryPrice)``, signed like the size."""
        return wmul(self.size, self.entry_price)

    @property
    def notional(self) -> int:
        """The entry notional, ``|cost|``."""
        return abs(self.size) * self.entry_price // WAD


FLAT: Final = Position()


class Settlement(NamedTuple):
    """What closing a part realises, and how it is split between trader, vault and protocol."""

    size: int
    """The part closed, signed like the position."""
    price: int
    price_pnl: int
    funding: int
    borrowing_fee: int
    """Zero or negative."""
    closing_fee: int
    """Zero or negative, the protocol's share included."""
    protocol_share: int
    """The protocol's share of the closing fee before anything is waived."""
    protocol_fee: int
    """What the protocol gets of it."""
    bad_debt: int
    """What the trader owed and could not pay, without what the protocol waived; not negative."""
    collateral: int
    """After."""
    liquidity_change: int
    """What the vault gains, or loses when negative."""

    @property
    def realised(self) -> int:
        """The trader's gain, before bad debt."""
        return self.price_pnl + self.funding + self.borrowing_fee + self.closing_fee

    @property
    def shortfall(self) -> int:
        """What collateral cannot pay: borne by the protocol up to its share, then by the vault."""
        return self.bad_debt + self.protocol_share - self.protocol_fee


def increased(position: Position, size: int, price: int, quote: "Quote") -> Position:
    """The position after `size`, with its sign, was added at the execution price `price`.

    Entry price and funding index are averages weighted by size, rounded up for longs and down for
    shorts; the borrowing index is weighted by entry notional and rounded down: all against the
    trader. Opening is adding to `FLAT`.
    """
    if position.size == 0:
        return Position(size, price, quote.funding_index, quote.borrow_index)
    old, added = abs(position.size), abs(size)
    entry = old * position.entry_price + added * price
    funding = old * position.funding_index + added * quote.funding_index
    div = ceil_div if size > 0 else floor_div
    old_cost, added_cost = position.notional, added * price // WAD
    borrow_index = quote.borrow_index
    if old_cost + added_cost > 0:
        weighted = old_cost * position.borrow_index + added_cost * quote.borrow_index
        borrow_index = weighted // (old_cost + added_cost)
    return Position(
        position.size + size, div(entry, old + added), div(funding, old + added), borrow_index
    )


def reduced(position: Position, part: int) -> Position:
    """The position after `part` was closed; what is left keeps its entry price and indices."""
    if part == position.size:
        return FLAT
    return Position(
        position.size - part,
        position.entry_price,
        position.funding_index,
        position.borrow_index,
    )


def part_of_notional(position: Position, notional: int) -> int:
    """The size whose entry notional is `notional`, toward zero; for `notional` below the whole."""
    return trunc_div(position.size * notional, position.notional)


def settle(
    position: Position,
    part: int,
    collateral: int,
    quote: "Quote",
    skew: int,
    protocol_fee_rate: int,
) -> Settlement:
    """What closing `part` realises with the market's skew at `skew` before.

    Collateral never goes below zero: the protocol waives its share first, the rest is bad debt.
    """
    config = quote.config
    px = execution_price(skew, skew - part, quote.skew_scale, quote.price)
    from_price = price_pnl(part, position.entry_price, px)
    funding = wmul(part, quote.funding_index - position.funding_index)
    notional = abs(part) * position.entry_price // WAD
    borrowing = borrowing_fee(notional, quote.borrow_index - position.borrow_index)
    closing = fee(config.closing_fee_rate, part, px)
    share = protocol_share(-closing, protocol_fee_rate)
    after = collateral + from_price + funding + borrowing + closing
    waived = bad_debt = 0
    if after < 0:
        waived = min(share, -after)
        bad_debt = -after - waived
        after = 0
    return Settlement(
        size=part,
        price=px,
        price_pnl=from_price,
        funding=funding,
        borrowing_fee=borrowing,
        closing_fee=closing,
        protocol_share=share,
        protocol_fee=share - waived,
        bad_debt=bad_debt,
        collateral=after,
        liquidity_change=collateral - after - share + waived,
    )


def equity(position: Position, collateral: int, quote: "Quote", skew: int, *, strict: bool) -> int:
    """Collateral plus what closing the whole position now would realise, fees due included.

    The price PnL is taken at the closing price and at the bare oracle price. `strict`, for what
    lets a trader do more, uses the lower of the two; otherwise the higher one, for what lets others
    act against him.
    """
    size = position.size
    config = quote.config
    px = execution_price(skew, skew - size, quote.skew_scale, quote.price)
    pnl = price_pnl(size, position.entry_price, px)
    if px != quote.price:
        at_oracle = price_pnl(size, position.entry_price, quote.price)
        pnl = min(pnl, at_oracle) if strict else max(pnl, at_oracle)
    return (
        collateral
        + pnl
        + wmul(size, quote.funding_index - position.funding_index)
        + borrowing_fee(position.notional, quote.borrow_index - position.borrow_index)
        + fee(config.closing_fee_rate, size, px)
    )


def leverage(notional: int, own: int) -> int:
    """Entry notional over equity, WAD, rounded up, so that comparing it with a bound is exact;
    `UNLIMITED` when no equity is left."""
    return -(-notional * WAD // own) if own > 0 else UNLIMITED
