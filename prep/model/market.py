"""A market: its aggregates, its accrual, and what its open positions are worth in O(1).

docs/whitepaper.md, "Funding", "Borrowing fee", "Aggregates" and "Reserves".
"""

from dataclasses import dataclass, replace

from prep.model.config import MarketConfig
from prep.model.errors import Rejected
from prep.model.fixed import WAD, trunc_div, wmul
from prep.model.limits import CLOCK, DAY, MAX_BORROW_INDEX, MAX_FUNDING_RATE, YEAR
from prep.model.position import Position, Settlement
from prep.model.storage import INT128, UINT128, check_int128, check_uint128


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

Indices = tuple[int, int, int]
"""Borrowing index, funding rate and funding index at one moment."""


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
        self.updated_at = now % CLOCK
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
        What is owed until now stays owed, and no later price is waited for. Accrue first.
        docs/whitepaper.md, "Settlement"."""
        self.settled_price = price
        self.config = replace(self.config, enabled=False, min_execution_delay=0)
        self.skew_scale = self.yearly_borrowing = self.funding_rate = 0

    @property
    def skew(self) -> int:
        """``S``, base units; positive: more longs."""
        return self.long_oi - self.short_oi

    @property
    def open_interest(self) -> int:
        """``T``, base units, both sides."""
        return self.long_oi + self.short_oi

    def accrued(self, now: int, price: int) -> Indices:
        """The borrowing index, the funding rate and the funding index at `now`, nothing stored:
        borrowing fee, then funding with the skew since the last change. The price is not used while
        ``K = 0``.

        Products are divided by magnitude and signed afterwards: that is toward zero.
        """
        borrow_index, rate, index = self.borrow_index, self.funding_rate, self.funding_index
        elapsed = (now - self.updated_at) % CLOCK
        if elapsed == 0:
            return borrow_index, rate, index
        if self.yearly_borrowing:
            borrow_index += self.yearly_borrowing * elapsed // YEAR
            if borrow_index > MAX_BORROW_INDEX:
                borrow_index = MAX_BORROW_INDEX
        if self.skew_scale:
            days = elapsed * WAD // DAY
            before, skew = rate, self.long_oi - self.short_oi
            if skew > 0:
                tilt = skew * WAD // self.skew_scale
                speed = (tilt if tilt < WAD else WAD) * self.config.max_funding_velocity // WAD
                rate += speed * days // WAD
                if rate > MAX_FUNDING_RATE:
                    rate = MAX_FUNDING_RATE
            elif skew < 0:
                tilt = -skew * WAD // self.skew_scale
                speed = (tilt if tilt < WAD else WAD) * self.config.max_funding_velocity // WAD
                rate -= speed * days // WAD
                if rate < -MAX_FUNDING_RATE:
                    rate = -MAX_FUNDING_RATE
            twice = before + rate
            if twice > 0:
                index -= twice // 2 * days // WAD * price // WAD
            elif twice < 0:
                index += -twice // 2 * days // WAD * price // WAD
        return borrow_index, rate, index

    def at(self, now: int, price: int) -> "Quote":
        """The market accrued to `now` at `price`, in memory only."""
        return Quote(self, price, self.accrued(now, price))

    def accrue(self, indices: Indices, now: int) -> None:
        """Stores what `accrued` computed."""
        self.borrow_index, self.funding_rate, self.funding_index = indices
        self.updated_at = now % CLOCK

    def at_stake(self, price: int, indices: Indices) -> tuple[int, int, int]:
        """`seq_pnl`, `funding` and `borrowing` of `Unrealised`, with indices of now."""
        borrow_index, _, funding_index = indices
        skew = self.long_oi - self.short_oi
        worth = skew * price
        seq_pnl = worth // WAD if worth >= 0 else -(-worth // WAD)  # wmul(S, P)
        seq_pnl += self.cost_short - self.cost_long
        if self.skew_scale:  # floor(wmul(S**2 * WAD / 2K, P) / WAD), none of it negative
            seq_pnl += skew * skew * WAD // (2 * self.skew_scale) * price // WAD // WAD
        owed = skew * funding_index
        funding = owed // WAD if owed >= 0 else -(-owed // WAD)  # wmul(S, F)
        notional = self.cost_long + self.cost_short
        return (
            seq_pnl,
            funding - self.funding_cost,
            self.borrow_cost - notional * borrow_index // WAD,
        )

    def reserve(self, seq_pnl: int, funding: int, by_larger_side: bool) -> int:
        """What the vault must hold for the open positions, given what they have coming."""
        if by_larger_side:
            notional = max(self.cost_long, self.cost_short)
        else:
            notional = abs(self.cost_long - self.cost_short)
        return max(0, notional * self.config.reserve_factor // WAD + seq_pnl + funding)

    def replace(self, old: Position, new: Position) -> None:
        """Takes `old` out of the aggregates and puts `new` in. Accrue first."""
        self._add(old, -1)
        self._add(new, 1)

    def check_storable(self) -> None:
        """Raises if an amount does not fit into its type."""
        if (
            -INT128 <= self.price_pnl < INT128
            and -INT128 <= self.closing_fee < INT128
            and -INT128 <= self.accrued_funding < INT128
            and -INT128 <= self.borrowing_fee < INT128
            and -INT128 <= self.opening_fee < INT128
            and self.cost_long < UINT128
            and self.cost_short < UINT128
            and self.borrow_cost < UINT128
        ):
            return
        check_int128(self.price_pnl, self.borrowing_fee, self.closing_fee, self.accrued_funding)
        check_int128(self.opening_fee)
        check_uint128(self.cost_long, self.cost_short, self.borrow_cost)

    def book_growth(self, old: Position, new: Position, opening_fee: int) -> None:
        """As `replace`, and books the fee without the protocol's share; or changes nothing and
        raises because an amount does not fit."""
        self.replace(old, new)
        self.opening_fee += opening_fee
        try:
            self.check_storable()
        except Rejected:
            self.opening_fee -= opening_fee
            self.replace(new, old)
            raise

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

    def __init__(self, market: Market, price: int, indices: Indices) -> None:
        self.market = market
        self.config = market.config
        self.skew_scale = market.skew_scale
        self.price = price
        self.borrow_index, self.funding_rate, self.funding_index = indices

    @property
    def indices(self) -> Indices:
        """What accrual stores."""
        return self.borrow_index, self.funding_rate, self.funding_index

    def price_pnl(self) -> int:
        """What is reported: every position as if it alone closed first."""
        market = self.market
        return self._at_oracle() + self._impact(2 * market.skew**2 - market.sum_squares)

    def closing_fee(self) -> int:
        """The closing fees of all positions, each as if it alone closed first."""
        market, config = self.market, self.config
        total = market.open_interest
        impact = 0
        if self.skew_scale:
            twice = market.sum_signed_squares - 2 * market.skew * total
            impact = trunc_div(twice * WAD, 2 * self.skew_scale) // WAD
        return wmul(impact - total, wmul(self.price, config.closing_fee_rate))

    def unrealised(self) -> Unrealised:
        """All components; zero in a market without positions."""
        if self.market.open_interest == 0:
            return NOTHING
        seq_pnl, funding, borrowing = self.market.at_stake(self.price, self.indices)
        return Unrealised(self.price_pnl(), self.closing_fee(), funding, borrowing, seq_pnl)

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
