"""What can be done about asset-backed positions, and whether it is worth its gas."""

from dataclasses import dataclass, replace
from typing import Final

from prep.exchange.calldata import exact_input, exact_output
from prep.keeper.credit.decide import Priced, priced
from prep.keeper.decide import Settings, Skipped
from prep.keeper.margin.ids import PoolId
from prep.keeper.margin.snapshot import SignedOrder
from prep.margin.data import Position
from prep.model import WAD
from prep.quotes.swaps import Swap

NO_DEADLINE: Final = 2**256 - 1
"""A transaction that is mined late is bound by the position's threshold or the order's price."""


@dataclass(frozen=True, slots=True)
class Seize:
    """A liquidation: by the role, or by anyone of a marked position."""

    id: PoolId
    position: Position
    amount: int
    """Of the collateral: all of it, or by the role a part."""
    swap: Swap
    bound: int
    """The least that it brings or the most that it spends."""
    interest: int | None
    """None: of a marked position, at the highest."""
    equity: int
    """Of the whole position; quote base units, as the next ones: when the swap is as quoted."""
    fee: int
    value: int | None
    """What that is worth, PREP base units, rounded down; None where nothing says it."""

    @property
    def left(self) -> int:
        """Collateral that the position keeps."""
        return self.position.collateral - self.amount


@dataclass(frozen=True, slots=True)
class Execute:
    """An order whose condition is met."""

    id: PoolId
    position: Position
    order: SignedOrder
    swap: Swap
    bound: int
    interest: int


@dataclass(frozen=True, slots=True)
class SetMark:
    """Marks a position that is within its threshold, or clears its mark if it is not."""

    id: PoolId
    position: Position
    clear: bool
    value: int | None = 0
    """What liquidating it later pays, PREP base units."""


@dataclass(frozen=True, slots=True)
class Record:
    """Interest of positions of one pool that owe the same token."""

    ids: tuple[PoolId, ...]
    positions: tuple[Position, ...]
    interests: tuple[int, ...]

    @property
    def id(self) -> PoolId:
        """Of the first."""
        return self.ids[0]

    def halves(self) -> "tuple[Record, Record]":
        """For when one of them cannot be recorded."""
        half = len(self.ids) // 2
        return (
            Record(self.ids[:half], self.positions[:half], self.interests[:half]),
            Record(self.ids[half:], self.positions[half:], self.interests[half:]),
        )


@dataclass(frozen=True, slots=True)
class TakeEther:
    """Takes away the ether that lies in the router, which would spend it instead of what a position
    holds: the pool then refuses. It is whose who comes first."""

    id: PoolId
    """Of the position that it is in the way of."""
    ether: int
    """Wei."""


MarginAction = Seize | Execute | SetMark | Record | TakeEther


def swap_data(action: Seize | Execute, pool: str) -> bytes:
    """Of the router, for the pool."""
    swap = action.swap
    if swap.exact_output:
        return exact_output(swap.route, pool, NO_DEADLINE, swap.amount_out, action.bound)
    return exact_input(swap.route, pool, NO_DEADLINE, swap.amount_in, action.bound)


def worthwhile(
    action: MarginAction, gas: int, gas_price: int, settings: Settings
) -> Priced | Skipped:
    """Whether it is to be sent if it goes through with so much gas. Orders and interest are the
    executor's duty: they pay nothing, and are bound by the limits on gas alone. Ether
    has to be worth what fetching it costs."""
    if isinstance(action, Execute | Record):
        return priced(action.id, 0, gas, gas_price, replace(settings, unpaid=True), True)
    if isinstance(action, TakeEther):
        found = action.ether * settings.native_price // WAD
        return priced(action.id, found, gas, gas_price, replace(settings, min_profit=0), False)
    pays = action.value
    if pays is None:
        if not (settings.unpaid or settings.native_price == settings.min_profit == 0):
            return Skipped(action.id, "its quote token has no price in PREP to reckon gas with")
        return priced(action.id, 0, gas, gas_price, replace(settings, unpaid=True), True)
    if isinstance(action, SetMark) and not action.clear:
        # What it pays comes with another transaction.
        all_gas = gas + settings.gas_per_liquidation
        both = priced(action.id, pays, all_gas, gas_price, settings, True)
        if isinstance(both, Skipped):
            return both
    return priced(action.id, pays, gas, gas_price, settings, True)
