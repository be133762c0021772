"""What actions return: the numbers that the contracts' events carry. Amounts are PREP base units.

`liquidity_change` is what the action did to the vault's liquidity, `protocol_fee` what was set
aside of the fee for the protocol.
"""

from collections.abc import Hashable
from dataclasses import dataclass
from typing import NamedTuple

from prep.model.config import MarketConfig
from prep.model.position import Position


@dataclass(frozen=True, slots=True)
class CollateralChanged:
    """A trader's balance: what was deposited (or, negative, withdrawn) and what is left."""

    trader: Hashable
    amount: int
    collateral: int


class PositionIncreased(NamedTuple):
    """A position was opened or increased. Size, entry price and collateral are those after."""

    trader: Hashable
    id: int
    market_id: int
    size_added: int
    price: int
    """Execution price of what was added, WAD."""
    size: int
    entry_price: int
    collateral: int
    opening_fee: int
    """What the trader paid, not negative."""
    protocol_fee: int
    liquidity_change: int


class PositionDecreased(NamedTuple):
    """A part or the whole of a position was closed, by its owner or in a liquidation."""

    trader: Hashable
    id: int
    market_id: int
    size_removed: int
    """Signed like the position."""
    price: int
    """Execution price of what was removed, WAD."""
    size: int
    """After; 0 frees the id."""
    collateral: int
    """After."""
    price_pnl: int
    funding: int
    borrowing_fee: int
    """Never positive."""
    closing_fee: int
    """Never positive."""
    bad_debt: int
    """What the trader owed and could not pay, without the protocol's share that was waived."""
    protocol_fee: int
    liquidity_change: int

    @property
    def realised(self) -> int:
        """What the trader gained, before bad debt."""
        return self.price_pnl + self.funding + self.borrowing_fee + self.closing_fee


@dataclass(frozen=True, slots=True)
class PositionLiquidated:
    """A position was liquidated in part or whole, through one or two decreases."""

    trader: Hashable
    id: int
    liquidator: Hashable
    leverage: int
    """Before, WAD."""
    collateral: int
    """The trader's, after."""
    reward: int
    """Credited to the liquidator's balance."""
    from_vault: int
    """The part of it that the vault added."""
    liquidator_collateral: int
    """After."""
    decreases: tuple[PositionDecreased, ...]
    liquidity_change: int


class MarginEquity(NamedTuple):
    """What a margin client needs to know of a position for its account's health."""

    size: int
    """Base units."""
    value: int
    """At the oracle price, rounded down."""
    at_fill: int
    """What closing all of it would realise now, fees included."""
    at_oracle: int
    """The same, with the price PnL at the bare oracle price."""


class OrderExecuted(NamedTuple):
    """An order of a margin client settled what was open and left a new position."""

    client: Hashable
    account: Hashable
    market_id: int
    size: int
    """Executed, signed: as asked, or cut to a close because it was reduce-only."""
    close_price: int
    """At which the old position was realised, WAD; 0 if there was none."""
    price_pnl: int
    """Of the whole old position, as funding and the borrowing fee."""
    funding: int
    borrowing_fee: int
    """Never positive."""
    closing_fee: int
    """On the size removed; never positive."""
    opening_fee: int
    """On the size added; not negative."""
    protocol_fee: int
    """Of both fees."""
    settlement: int
    """What the client is paid, or pays when negative."""
    position: Position
    """After; `FLAT` when nothing is left."""
    liquidity_change: int

    @property
    def realised(self) -> int:
        """What the old position gained."""
        return self.price_pnl + self.funding + self.borrowing_fee + self.closing_fee


@dataclass(frozen=True, slots=True)
class Deleveraged:
    """A part or the whole of somebody's position was closed for the vault's sake."""

    size: int
    """Closed, signed like the position."""
    settlement: int
    """What it realised for its owner."""
    ratio_before: int
    """The collateralization ratio, WAD."""
    ratio_after: int
    closed: PositionDecreased | OrderExecuted
    """What closing returned."""


@dataclass(frozen=True, slots=True)
class Deposited:
    """Assets came into the vault for shares."""

    caller: Hashable
    receiver: Hashable
    assets: int
    shares: int


@dataclass(frozen=True, slots=True)
class Withdrawn:
    """Assets left the vault for shares that were burned."""

    caller: Hashable
    receiver: Hashable
    owner: Hashable
    assets: int
    shares: int


@dataclass(frozen=True, slots=True)
class MarketConfigured:
    """A market was added or its parameters replaced."""

    market_id: int
    config: MarketConfig


@dataclass(frozen=True, slots=True)
class MarketDisabled:
    """A market became close-only."""

    market_id: int


@dataclass(frozen=True, slots=True)
class MarketSettled:
    """A market's price was fixed for ever, WAD."""

    market_id: int
    price: int


@dataclass(frozen=True, slots=True)
class MarginClientSet:
    """A margin client was registered, or can only reduce and close from now on."""

    client: Hashable
    registered: bool


@dataclass(frozen=True, slots=True)
class ProtocolFeeRateSet:
    """The protocol's share of fees, WAD."""

    rate: int


@dataclass(frozen=True, slots=True)
class ProtocolFeesCollected:
    """All unpaid protocol fees left."""

    amount: int
