"""The world as one block shows it: everything that a decision depends on."""

from dataclasses import dataclass, fields
from typing import Final

from prep.keeper.credit.snapshot import CreditId
from prep.keeper.margin.ids import PoolId
from prep.model import MarketConfig
from prep.model.position import Position

MARKET: Final = 0
"""The market that isolated positions are on."""


@dataclass(frozen=True, slots=True, order=True)
class MarginKey:
    """Which position of a margin client."""

    client: str
    """Address with its checksum."""
    account: int
    market_id: int

    def __str__(self) -> str:
        return f"{self.client}/{self.account}/{self.market_id}"


Id = int | MarginKey | CreditId | PoolId
"""Of an isolated position, of one of a margin client, of an account, an order, a request, or of an
asset-backed position."""


@dataclass(frozen=True, slots=True)
class OpenPosition:
    """An isolated position as the lens shows it. Sizes are signed base units, amounts PREP base
    units."""

    id: int
    trader: str
    """Address with its checksum."""
    collateral: int
    size: int
    entry_price: int
    """WAD, as the two indices."""
    funding_index: int
    borrow_index: int
    leverage: int
    """WAD, rounded up; the largest uint256 when nothing backs the position."""
    liquidatable: bool
    """At this block's time and price."""

    @property
    def market_id(self) -> int:
        """The same for all."""
        return MARKET

    @property
    def owner(self) -> str:
        """Who is paid when it is closed."""
        return self.trader

    @property
    def position(self) -> Position:
        """As the model has it."""
        return Position(self.size, self.entry_price, self.funding_index, self.borrow_index)


@dataclass(frozen=True, slots=True)
class MarginPosition:
    """An open position of a margin client."""

    id: MarginKey
    position: Position

    @property
    def market_id(self) -> int:
        """Any."""
        return self.id.market_id

    @property
    def owner(self) -> str:
        """The client, which is paid when it is closed."""
        return self.id.client


Holding = OpenPosition | MarginPosition


@dataclass(frozen=True, slots=True)
class Aggregates:
    """A market's sums and indices as of `updated_at`. Fields as in `MarketState` on chain."""

    long_oi: int
    short_oi: int
    cost_long: int
    cost_short: int
    borrow_cost: int
    borrow_index: int
    updated_at: int
    """Seconds modulo 2**32."""
    funding_rate: int
    funding_index: int
    funding_cost: int
    sum_squares: int
    sum_signed_squares: int


AGGREGATES: Final = tuple(field.name for field in fields(Aggregates))


@dataclass(frozen=True, slots=True, kw_only=True)
class MarketShot:
    """A market in a block."""

    price: int | None
    """WAD; None when the oracle has no usable one."""
    no_price: str = ""
    """Why there is none."""
    config: MarketConfig
    aggregates: Aggregates
    settled: bool = False
    """Whether the price is the market's last."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    """One block. Without a usable price nothing can be liquidated, and positions are not read."""

    block: int
    timestamp: int
    """Seconds."""
    keeper: str | None
    """Who would liquidate and be rewarded, an address with its checksum; None: nobody yet."""
    gas_price: int
    """Wei per gas, base fee included, that the node expects to be mined soon."""
    markets: tuple[MarketShot, ...]
    """All of them, or the first alone where only liquidations are looked for."""
    liquidity: int
    """Of the vault, PREP base units."""
    target_ratio: int = 0
    """Collateralization ratio below which winners are closed, WAD; 0: never, or not looked for."""
    protocol_fee_rate: int
    """The protocol's share of fees, WAD."""
    highest_id: int
    positions: tuple[OpenPosition, ...] = ()
    """All open isolated ones, by id."""
    margin_positions: tuple[MarginPosition, ...] = ()
    """All open ones by key, if there may be something to deleverage."""

    @property
    def btc(self) -> MarketShot:
        """The market of isolated positions."""
        return self.markets[MARKET]
