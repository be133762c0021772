"""A market: its aggregates, its accrual, and what its open positions are worth in O(1).

docs/whitepaper.md, "Funding", "Borrowing fee", "Aggregates" and "Reserves".
"""

from dataclasses import dataclass, replace

from prep.model import limits
from prep.model.config import MarketConfig
from prep.model.fixed import WAD, clamp, trunc_div, wmul
from prep.model.position import Position, Settlement


@dataclass(frozen=True, slots=True)
class Unrealised:
    """What the open positions of a market have coming, PREP base units, traders' view."""

    price_pnl: int = 0
    """The sum of what each position would realise through the price if it alone closed first."""
    closing_fee: int = 0
    """The sum of their closing fees, likewise."""
    funding: int = 0
    borrowing: int = 0
    """Never positive."""
    seq_pnl: int = 0
    """What closing all of them, one after the other in any order, realises through the price."""


NOTHING = Unrealised()


class Market:
    """Aggregates as of the last accrual, each exactly the sum over the open positions, and the
    realised cash flow from the vault's side (positive: the vault gained)."""

    __slots__ = (
        "accrued_funding",
        "bad_debt",
        "borrow_cost",
        "borrow_index",
        "borrowing_fee",
        "closing_fee",
        "config",
        "cost_long",
        "cost_short",
        "funding_cost",
        "funding_index",
        "funding_rate",
        "long_oi",
        "opening_fee",
        "price_pnl",
        "settled_price",
        "short_oi",
        "skew_scale",
        "sum_signed_squares",
        "sum_squares",
        "updated_at",
        "yearly_borrowing",
    )

    def __init__(self, config: MarketConfig, now: int) -> None:
        self.settled_price: int | None = None
        self.configure(config)
        # Sums over the positions, in base units and PREP base units.
        self.long_oi = 0
        self.short_oi = 0
        self.cost_long = 0
        self.cost_short = 0
        self.borrow_cost = 0  # NB = sum wmul(|cost_i|, B_i)
        self.funding_cost = 0  # Ft = sum wmul(size_i, F_i)
        self.sum_squares = 0  # Q = sum size_i**2, kept only while K > 0
        self.sum_signed_squares = 0  # A = sum size_i * |size_i|, likewise
        # Indices.
        self.borrow_index = 0  # B, WAD per unit of entry notional
        self.funding_rate = 0  # of 24 hours, WAD; positive: longs pay
        self.funding_index = 0  # F, price WAD, per unit of size
        self.updated_at = now % limits.CLOCK
        # Realised cash flow, fees without the protocol's share.
        self.price_pnl = 0
        self.opening_fee = 0
        self.closing_fee = 0
        self.accrued_funding = 0
        self.borrowing_fee = 0
        self.bad_debt = 0

    def configure(self, config: MarketConfig) -> None:
        """Puts parameters, and what follows from them, into force. Accrue first."""
        self.config = config
        self.skew_scale = config.skew_scale  # K for prices and funding
        self.yearly_borrowing = config.borrow_rate * config.reserve_factor // WAD

    def settle(self, price: int) -> None:
        """Fixes the price: close-only for ever, no impact, no further funding or borrowing fee.
        What is owed until now stays owed. Accrue first. docs/whitepaper.md, "Settlement"."""
        self.settled_price = price
        self.config = replace(self.config, enabled=False)
        self.skew_scale = self.yearly_borrowing = self.funding_rate = 0

    @property
    def skew(self) -> int:
        """``S``, base units; positive: more longs."""
        return self.long_oi - self.short_oi

    @property
    def open_interest(self) -> int:
        """``T``, base units, both sides."""
        return self.long_oi + self.short_oi

    def accrued(self, now: int, price: int) -> tuple[int, int, int]:
        """The borrowing index, the funding rate and the funding index at `now`, nothing stored:
        borrowing fee, then funding with the skew since the last change. The price is not used while
        ``K = 0``."""
        borrow_index, rate, index = self.borrow_index, self.funding_rate, self.funding_index
        elapsed = (now - self.updated_at) % limits.CLOCK
        if elapsed:
            borrow_index = min(
                borrow_index + self.yearly_borrowing * elapsed // limits.YEAR,
                limits.MAX_BORROW_INDEX,
            )
            if self.skew_scale:
                days = elapsed * WAD // limits.DAY
                tilt = clamp(trunc_div(self.skew * WAD, self.skew_scale), -WAD, WAD)
                velocity = wmul(tilt, self.config.max_funding_velocity)
                limit = limits.MAX_FUNDING_RATE
                rate = clamp(self.funding_rate + wmul(velocity, days), -limit, limit)
                mean = trunc_div(self.funding_rate + rate, 2)
                index -= wmul(wmul(mean, days), price)
        return borrow_index, rate, index

    def at(self, now: int, price: int) -> "Quote":
        """The market accrued to `now` at `price`, in memory only."""
        return Quote(self, price, *self.accrued(now, price))

    def accrue(self, quote: "Quote", now: int) -> None:
        """Stores what `at` computed."""
        self.borrow_index = quote.borrow_index
        self.funding_rate = quote.funding_rate
        self.funding_index = quote.funding_index
        self.updated_at = now % limits.CLOCK

    def replace(self, old: Position, new: Position) -> None:
        """Takes `old` out of the aggregates and puts `new` in. Accrue first."""
        self._add(old, -1)
        self._add(new, 1)

    def replaced(self, old: Position, new: Position) -> tuple[int, int, int]:
        """`cost_long`, `cost_short` and `borrow_cost` as `replace` would leave them."""
        sums = [self.cost_long, self.cost_short, self.borrow_cost]
        for position, times in ((old, -1), (new, 1)):
            notional = position.notional
            sums[position.size < 0] += times * notional
            sums[2] += times * (notional * position.borrow_index // WAD)
        return sums[0], sums[1], sums[2]

    def book(self, settlement: Settlement) -> None:
        """Books what a trader realised into the cash flow, signs reversed, the fee without the
        protocol's share."""
        self.price_pnl -= settlement.price_pnl
        self.accrued_funding -= settlement.funding
        self.borrowing_fee -= settlement.borrowing_fee
        self.closing_fee -= settlement.closing_fee + settlement.protocol_share
        self.bad_debt -= settlement.bad_debt

    def _add(self, position: Position, times: int) -> None:
        size = position.size
        if size == 0:
            return
        notional = position.notional
        if size > 0:
            self.long_oi += times * size
            self.cost_long += times * notional
        else:
            self.short_oi -= times * size
            self.cost_short += times * notional
        self.borrow_cost += times * (notional * position.borrow_index // WAD)
        self.funding_cost += times * wmul(size, position.funding_index)
        if self.config.skew_scale:
            self.sum_squares += times * size * size
            self.sum_signed_squares += times * size * abs(size)


class Quote:
    """A market at one moment and one price, its indices accrued: everything that can be asked about
    it without changing it."""

    __slots__ = (
        "borrow_index",
        "config",
        "funding_index",
        "funding_rate",
        "market",
        "price",
        "skew_scale",
    )

    def __init__(
        self, market: Market, price: int, borrow_index: int, funding_rate: int, funding_index: int
    ) -> None:
        self.market = market
        self.config = market.config
        self.skew_scale = market.skew_scale
        self.price = price
        self.borrow_index = borrow_index
        self.funding_rate = funding_rate
        self.funding_index = funding_index

    def price_pnl(self) -> int:
        """What is reported: every position as if it alone closed first."""
        market = self.market
        return self._at_oracle() + self._impact(2 * market.skew**2 - market.sum_squares)

    def seq_pnl(self) -> int:
        """What the vault is valued by: all close, in any order. Trades at one price keep it."""
        return self._at_oracle() + self._impact(self.market.skew**2)

    def closing_fee(self) -> int:
        """The closing fees of all positions, each as if it alone closed first."""
        market, config = self.market, self.config
        total = market.open_interest
        impact = 0
        if self.skew_scale:
            twice = market.sum_signed_squares - 2 * market.skew * total
            impact = trunc_div(twice * WAD, 2 * self.skew_scale) // WAD
        return wmul(impact - total, wmul(self.price, config.closing_fee_rate))

    def funding(self) -> int:
        """Funding due to the traders."""
        return wmul(self.market.skew, self.funding_index) - self.market.funding_cost

    def borrowing(self) -> int:
        """Borrowing fees due to the traders: never positive."""
        market = self.market
        notional = market.cost_long + market.cost_short
        return market.borrow_cost - notional * self.borrow_index // WAD

    def reserve(self, seq_pnl: int, funding: int, by_larger_side: bool) -> int:
        """What the vault must hold for this market's positions, given what they have coming."""
        market = self.market
        if by_larger_side:
            notional = max(market.cost_long, market.cost_short)
        else:
            notional = abs(market.cost_long - market.cost_short)
        return max(0, notional * self.config.reserve_factor // WAD + seq_pnl + funding)

    def unrealised(self) -> Unrealised:
        """All components; zero in a market without positions."""
        if self.market.open_interest == 0:
            return NOTHING
        return Unrealised(
            price_pnl=self.price_pnl(),
            closing_fee=self.closing_fee(),
            funding=self.funding(),
            borrowing=self.borrowing(),
            seq_pnl=self.seq_pnl(),
        )

    def _at_oracle(self) -> int:
        """``wmul(S, P) - C``."""
        market = self.market
        return wmul(market.skew, self.price) - market.cost_long + market.cost_short

    def _impact(self, twice: int) -> int:
        """The price impact of an area given twice, in squared base units: toward zero after the
        division by ``2K`` and after the product with the price, floored at last."""
        skew_scale = self.skew_scale
        if skew_scale == 0:
            return 0
        return wmul(trunc_div(twice * WAD, 2 * skew_scale), self.price) // WAD
