"""How a credit account stands at one block, and at which prices it could be liquidated.

Without a usable price of all that the account has, nothing can be said about its health. Amounts
are base units of their asset, values PREP base units, prices and rates WAD, weights basis points.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from prep.model.credit_config import MarketLtv
from prep.model.credit_results import Order
from prep.model.health import Health, Held, Stake, health, owed
from prep.model.limits import MAX_PRICE
from prep.model.market import Market
from prep.model.position import Position, equity
from prep.model.pricing import value
from prep.model.window import OrderState

LOWEST_PRICE: Final = 1


@dataclass(frozen=True)
class AssetLine:
    """What an account has and owes in one asset."""

    name: str
    decimals: int
    balance: int
    debt: int
    """Interest until now included, rounded up."""
    price: int | None
    """PREP for a base unit."""
    no_price: str | None
    weights: MarketLtv
    borrow_rate: int | None
    """A year; None: it cannot be borrowed."""

    @property
    def value(self) -> int | None:
        """Of the balance, rounded down."""
        return None if self.price is None else value(self.balance, self.price)

    @property
    def owed(self) -> int | None:
        """Value of the debt, rounded up."""
        return None if self.price is None else owed(self.debt, self.price)

    def stake(self, *, for_liquidation: bool) -> Stake:
        """What it adds to the account's health; needs a price."""
        assert self.price is not None
        weight = self.weights.weight(for_liquidation=for_liquidation)
        return Stake(self.balance, self.debt, self.price, weight)


@dataclass(frozen=True)
class PositionLine:
    """A position, with its market as it is stored."""

    market_id: int
    name: str
    decimals: int
    """Of the market's asset."""
    position: Position
    market: Market
    price: int | None
    no_price: str | None
    weights: MarketLtv

    @property
    def value(self) -> int | None:
        """At the oracle price, rounded down."""
        return None if self.price is None else value(self.position.size, self.price)

    def pnl(self, now: int) -> tuple[int, int] | None:
        """What closing all of it would realise, at the worse and at the better one of execution
        and oracle price."""
        if self.price is None:
            return None
        worse = self._equity(self.price, now, strict=True)
        return worse, self._equity(self.price, now, strict=False)

    def held(self, price: int, now: int, *, for_liquidation: bool) -> Held:
        """What it adds to the account's health at a price."""
        return Held(
            value(self.position.size, price),
            self._equity(price, now, strict=not for_liquidation),
            self.weights.weight(for_liquidation=for_liquidation),
        )

    def _equity(self, price: int, now: int, *, strict: bool) -> int:
        quote = self.market.at(now, price)
        return equity(self.position, 0, quote, self.market.skew, strict=strict)


@dataclass(frozen=True)
class OrderLine:
    """An order that waits."""

    id: int
    market: str
    decimals: int
    """Of the market's asset."""
    order: Order
    state: OrderState | None
    no_state: str | None
    """Why it cannot be known."""


@dataclass(frozen=True)
class Statement:
    """Everything about one account."""

    chain_id: int
    block: int
    timestamp: int
    account: int
    owner: str
    assets: tuple[AssetLine, ...]
    positions: tuple[PositionLine, ...]
    orders: tuple[OrderLine, ...]

    @property
    def missing(self) -> tuple[str, ...]:
        """Whose prices are missing, and why."""
        lines: Sequence[AssetLine | PositionLine] = (*self.assets, *self.positions)
        return tuple(f"{line.name}: {line.no_price}" for line in lines if line.price is None)

    def health(self, *, for_liquidation: bool) -> Health | None:
        """By one of the two readings; None if a price is missing."""
        if self.missing:
            return None
        stakes = [a.stake(for_liquidation=for_liquidation) for a in self.assets]
        return health(stakes, [self._held(p, for_liquidation) for p in self.positions])

    @property
    def liquidatable(self) -> bool:
        """Whether it can be liquidated now, as far as can be known."""
        now = self.health(for_liquidation=True)
        return now is not None and not now.well

    def liquidation_price(self, line: PositionLine) -> int | None:
        """The oracle price of a position's market, nearest to the one of now, at which the account
        can be liquidated while all other prices, that of LP shares too, stay as they are.

        It is looked for below first, and then above: there a short one loses, and a long one may
        need more than it wins. Exact: one unit of price nearer the account stands well. None if
        there is none, a price is missing, or the market was settled, whose price is its last.
        """
        if self.missing or line.price is None or line.market.settled_price is not None:
            return None
        stakes = [asset.stake(for_liquidation=True) for asset in self.assets]
        others = [self._held(p, True) for p in self.positions if p.market_id != line.market_id]

        def in_danger(price: int) -> bool:
            at = line.held(price, self.timestamp, for_liquidation=True)
            return not health(stakes, [*others, at]).well

        for end in (LOWEST_PRICE, MAX_PRICE):
            if in_danger(end):
                return nearest(in_danger, line.price, end)
        return line.price if in_danger(line.price) else None

    def _held(self, line: PositionLine, for_liquidation: bool) -> Held:
        assert line.price is not None
        return line.held(line.price, self.timestamp, for_liquidation=for_liquidation)


def nearest(holds: Callable[[int], bool], start: int, end: int) -> int:
    """The number nearest to `start`, on the way to `end` where it holds, from which on something
    holds."""
    if holds(start):
        return start
    while abs(end - start) > 1:
        middle = (start + end) // 2
        if holds(middle):
            end = middle
        else:
            start = middle
    return end
