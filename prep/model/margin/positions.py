"""Positions, requests for them, what swaps did, and what the events of a pool say. IMarginPool.sol.

Only those parts of requests are here that decide something: who signed and what a router is called
with are outside of the model. Amounts are base units, times seconds."""

from collections.abc import Hashable
from enum import IntEnum
from typing import Final, NamedTuple

from prep.model.errors import Rejected


class Position(NamedTuple):
    """`principal` is owed, recorded interest included; `collateral` is held."""

    id: int
    trader: Hashable
    base: Hashable
    quote: Hashable
    principal: int
    collateral: int
    last_funding: int
    """Until when interest has been charged."""
    nonce: int


class OpenRequest(NamedTuple):
    """Opens a position, with nonce 0, or increases one."""

    id: int
    nonce: int
    trader: Hashable
    base: Hashable
    quote: Hashable
    down_payment: int
    principal: int
    min_output: int
    interest: int
    fee: int
    expiry: int


class CloseRequest(NamedTuple):
    """Closes `amount` of the collateral with its part of the principal."""

    id: int
    nonce: int
    trader: Hashable
    amount: int
    min_payout: int
    interest: int
    fee: int
    expiry: int


class CollateralRequest(NamedTuple):
    """Adds to the collateral, or takes out of it (negative)."""

    id: int
    nonce: int
    trader: Hashable
    amount: int
    expiry: int


class Payout(IntEnum):
    """In which form a trader is paid."""

    TOKEN = 0
    NATIVE = 1
    LEND = 2


class Order(NamedTuple):
    """A take-profit or stop-loss. As a whole it stands for its digest."""

    id: int
    trader: Hashable
    signer: Hashable
    take_profit: bool
    quote_amount: int
    base_amount: int
    min_payout: int
    payout: Payout
    expiry: int


class Swap(NamedTuple):
    """What the exchange took from the pool, and gave."""

    spent: int
    received: int


NO_SWAP: Final = Swap(0, 0)
"""Where there is nothing to swap."""
Swapped = Swap | Rejected
"""A swap, or the error that it ends with."""


class Move(NamedTuple):
    """Tokens that changed hands; on the other side of the pool as ether if not wrapped."""

    token: Hashable
    source: Hashable
    target: Hashable
    amount: int
    as_ether: bool = False


class Payment(NamedTuple):
    """How a trader pays: in ether, as much as he has sent, or else in the token."""

    ether: int = 0
    refusal: Rejected | None = None
    """What the token refuses it with."""


class Closing(NamedTuple):
    """What a closing did."""

    amount: int
    spent: int
    received: int
    principal_paid: int
    interest_paid: int
    fee: int
    payout: int
    bad_debt: int


class PositionOpened(NamedTuple):
    """A position was opened."""

    id: int
    trader: Hashable
    position: Position
    down_payment: int
    borrowed: int
    fee: int
    spent: int
    received: int


class PositionIncreased(NamedTuple):
    """`interest` was added to the principal, and `borrowed`, without what was returned."""

    id: int
    trader: Hashable
    position: Position
    down_payment: int
    borrowed: int
    interest: int
    fee: int
    spent: int
    received: int


class PositionClosed(NamedTuple):
    """As a whole or in part; the position is as it is left."""

    id: int
    trader: Hashable
    position: Position
    closing: Closing


class PositionLiquidated(NamedTuple):
    """As a whole."""

    id: int
    trader: Hashable
    liquidator: Hashable
    position: Position
    closing: Closing


class CollateralChanged(NamedTuple):
    """Collateral was added or taken out."""

    id: int
    trader: Hashable
    position: Position
    amount: int


class InterestRecorded(NamedTuple):
    """Interest became part of the principal."""

    id: int
    trader: Hashable
    position: Position
    interest: int


class OrderExecuted(NamedTuple):
    """A closing was one by order."""

    id: int
    trader: Hashable
    order: Order


class OrderCancelled(NamedTuple):
    """An order is void."""

    trader: Hashable
    order: Order


class SignerAuthorised(NamedTuple):
    """Somebody may sign orders for a trader, or no longer."""

    trader: Hashable
    signer: Hashable
    authorised: bool


class PositionMarked(NamedTuple):
    """Anyone may liquidate it in this time, if it is within its threshold then."""

    id: int
    start: int
    until: int


class PositionUnmarked(NamedTuple):
    """It has no mark any more."""

    id: int


class PayoutKept(NamedTuple):
    """The token refused to be sent to the trader."""

    trader: Hashable
    token: Hashable
    amount: int


class PayoutClaimed(NamedTuple):
    """What was kept has been sent."""

    trader: Hashable
    token: Hashable
    receiver: Hashable
    amount: int


class Mark(NamedTuple):
    """When anyone may liquidate; zeros: no mark."""

    start: int = 0
    until: int = 0
