"""Expected integers: the formulas of docs/whitepaper.md in Python, and nothing else.

Written from the document, independent of the contracts and of `prep.model`. Amounts are PREP base
units, sizes base units of the asset, prices and rates WAD, times seconds.
"""

from typing import NamedTuple

WAD = 10**18
DAY = 86_400
YEAR = 365 * DAY
UNLIMITED = 2**256 - 1
MAX_FUNDING_RATE = 96 * WAD // 100
MAX_BORROW_INDEX = 2**64 - 1
MAX_LEVERAGE = 15 * WAD
LIQUIDATION_LEVERAGE = 30 * WAD
REWARD_RATE = 5 * WAD // 1_000
MAX_REWARD_FROM_VAULT = 50 * WAD
VIRTUAL_SHARES = 10**6


def trunc(a: int, b: int) -> int:
    """`a / b` toward zero, for `b > 0`."""
    return a // b if a >= 0 else -(-a // b)


def ceil(a: int, b: int) -> int:
    """`a / b` toward plus infinity, for `b > 0`."""
    return -(-a // b)


def wmul(a: int, b: int) -> int:
    return trunc(a * b, WAD)


def wmul_up(a: int, b: int) -> int:
    return ceil(a * b, WAD)


def execution_price(price: int, scale: int, start: int, end: int) -> int:
    """At which the skew moves from `start` to `end`."""
    if scale == 0:
        return price
    premium = trunc(trunc(start * WAD, scale) + trunc(end * WAD, scale), 2)
    return wmul(WAD + max(premium, -WAD), price)


def fee(rate: int, size: int, price: int) -> int:
    """What the trader pays, not negative."""
    return wmul_up(abs(size), wmul(price, rate))


def borrow_index(index: int, borrow_rate: int, reserve_factor: int, elapsed: int) -> int:
    return min(index + wmul(borrow_rate, reserve_factor) * elapsed // YEAR, MAX_BORROW_INDEX)


class Funding(NamedTuple):
    rate: int = 0
    index: int = 0

    def after(self, elapsed: int, *, skew: int, scale: int, velocity: int, price: int) -> "Funding":
        if elapsed == 0:
            return self
        days = elapsed * WAD // DAY
        speed = wmul(max(-WAD, min(WAD, trunc(skew * WAD, scale))), velocity)
        rate = max(-MAX_FUNDING_RATE, min(MAX_FUNDING_RATE, self.rate + wmul(speed, days)))
        return Funding(rate, self.index - wmul(wmul(trunc(self.rate + rate, 2), days), price))


class Realised(NamedTuple):
    """In the order of the contract's struct; positive in the trader's favour."""

    price_pnl: int = 0
    funding: int = 0
    borrowing_fee: int = 0
    closing_fee: int = 0


class Position(NamedTuple):
    size: int
    entry_price: int
    funding_index: int = 0
    borrow_index: int = 0

    @property
    def cost(self) -> int:
        return wmul(self.size, self.entry_price)

    @property
    def notional(self) -> int:
        return abs(self.cost)

    def increased(self, size: int, price: int, funding_index: int, index: int) -> "Position":
        """Averages, rounded against the trader."""
        against = ceil if self.size > 0 else (lambda a, b: a // b)
        held, added = abs(self.size), abs(size)
        paid = abs(wmul(size, price))
        costs = self.notional + paid
        return Position(
            self.size + size,
            against(held * self.entry_price + added * price, held + added),
            against(held * self.funding_index + added * funding_index, held + added),
            (self.notional * self.borrow_index + paid * index) // costs if costs else index,
        )

    def part(self, notional: int) -> int:
        """The size that a decrease by `notional` closes."""
        return trunc(self.size * notional, self.notional)

    def realised(
        self,
        part: int,
        price: int,
        *,
        funding_index: int = 0,
        index: int = 0,
        closing_rate: int = 0,
    ) -> Realised:
        """By closing `part` at `price`; `index` is the market's `B`."""
        return Realised(
            wmul(part, price - self.entry_price),
            wmul(part, funding_index - self.funding_index),
            -wmul_up(abs(wmul(part, self.entry_price)), index - self.borrow_index),
            -fee(closing_rate, part, price),
        )


def leverage(notional: int, equity: int) -> int:
    """WAD, rounded up."""
    return ceil(notional * WAD, equity) if equity > 0 else UNLIMITED


class Totals(NamedTuple):
    """A market's aggregates, summed over positions. Named like the contract's."""

    long_oi: int = 0
    short_oi: int = 0
    cost_long: int = 0
    cost_short: int = 0
    borrow_cost: int = 0
    funding_cost: int = 0
    sum_squares: int = 0
    sum_signed_squares: int = 0

    @classmethod
    def of(cls, positions: list[Position], *, has_skew: bool) -> "Totals":
        """Without a skew scale the last three are not kept."""
        longs = [p for p in positions if p.size > 0]
        shorts = [p for p in positions if p.size < 0]
        with_skew = positions if has_skew else []
        return cls(
            sum(p.size for p in longs),
            -sum(p.size for p in shorts),
            sum(p.notional for p in longs),
            sum(p.notional for p in shorts),
            sum(wmul(p.notional, p.borrow_index) for p in positions),
            sum(wmul(p.size, p.funding_index) for p in with_skew),
            sum(p.size**2 for p in with_skew),
            sum(p.size * abs(p.size) for p in with_skew),
        )

    @property
    def skew(self) -> int:
        return self.long_oi - self.short_oi

    @property
    def open_interest(self) -> int:
        return self.long_oi + self.short_oi

    def price_pnl(self, price: int, scale: int) -> int:
        return self._linear(price) + _impact(2 * self.skew**2 - self.sum_squares, price, scale)

    def seq_pnl(self, price: int, scale: int) -> int:
        return self._linear(price) + _impact(self.skew**2, price, scale)

    def funding(self, funding_index: int) -> int:
        return wmul(self.skew, funding_index) - self.funding_cost

    def borrowing(self, index: int) -> int:
        return -(wmul(self.cost_long + self.cost_short, index) - self.borrow_cost)

    def closing_fee(self, price: int, scale: int, rate: int) -> int:
        tilt = self.sum_signed_squares - 2 * self.skew * self.open_interest
        impact = trunc(tilt * WAD, 2 * scale) // WAD if scale else 0
        return wmul(impact - self.open_interest, wmul(price, rate))

    def reserves(
        self, factor: int, seq_pnl: int, funding: int, *, by_larger_side: bool = False
    ) -> int:
        basis = abs(self.cost_long - self.cost_short)
        if by_larger_side:
            basis = max(self.cost_long, self.cost_short)
        return max(0, wmul(basis, factor) + seq_pnl + funding)

    def _linear(self, price: int) -> int:
        return wmul(self.skew, price) - (self.cost_long - self.cost_short)


def _impact(squares: int, price: int, scale: int) -> int:
    if scale == 0:
        return 0
    return trunc(trunc(squares * WAD, 2 * scale) * price, WAD) // WAD


def shares(assets: int, value: int, supply: int, *, up: bool = False) -> int:
    """What `assets` are in vault shares."""
    return (ceil if up else trunc)(assets * (supply + VIRTUAL_SHARES), value + 1)


def assets(shares: int, value: int, supply: int, *, up: bool = False) -> int:
    """What vault shares are in assets."""
    return (ceil if up else trunc)(shares * (value + 1), supply + VIRTUAL_SHARES)
