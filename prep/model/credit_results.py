"""What credit accounts are told to do, and what happens to them: the numbers that the events of the
credit manager and its order book carry. Amounts are base units of their asset."""

from collections.abc import Hashable
from enum import IntEnum
from typing import Final, NamedTuple

from prep.model.errors import Rejected
from prep.model.window import Condition

ALL: Final = 2**255 - 1
"""``type(int256).max``: an amount that means all."""


class ActionKind(IntEnum):
    """What an account can be told to do; `1 << kind` is its bit for delegates."""

    DEPOSIT = 0
    WITHDRAW = 1
    BORROW = 2
    REPAY = 3
    TRADE = 4
    REDUCE = 5
    ADD_LIQUIDITY = 6
    REMOVE_LIQUIDITY = 7
    REQUEST_REDEEM = 8
    CANCEL_REQUEST = 9
    PLACE_ORDER = 10
    CANCEL_ORDER = 11


class OrderTerms(NamedTuple):
    """What an account asks for, beside market, size and worst price."""

    condition: Condition
    trigger: int
    """WAD; ignored without a condition."""
    reduce_only: bool
    expiry: int
    """Seconds; from then on it cannot be filled."""
    keeper_fee: int = 0
    """For whoever fills it, PREP base units."""
    linked_to: int = 0
    """An order of the same account of which one cancels the other, and all linked to it."""


class Order(NamedTuple):
    """An order that waits."""

    account: int
    market_id: int
    size: int
    limit: int
    """The worst price, WAD; 0: any."""
    terms: OrderTerms
    placed_at: int
    next: int
    """The next one in its ring of linked orders; itself if alone."""


class Action(NamedTuple):
    """One thing to do. `id`, `amount` and `limit` mean what the interface says for the kind."""

    kind: ActionKind
    id: int = 0
    amount: int = 0
    limit: int = 0
    terms: OrderTerms | None = None

    @property
    def harmless(self) -> bool:
        """Whether it can make no account stand worse, a keeper's fee aside."""
        if self.kind is ActionKind.PLACE_ORDER:
            assert self.terms is not None
            return self.terms.reduce_only
        return self.kind in _HARMLESS

    @property
    def brought(self) -> int:
        """PREP that it pays in, or, negative, reserves for a keeper."""
        if self.kind is ActionKind.PLACE_ORDER:
            assert self.terms is not None
            return -self.terms.keeper_fee
        return self.amount if self.kind is ActionKind.DEPOSIT and self.id == 0 else 0


_HARMLESS: Final = frozenset(
    {
        ActionKind.DEPOSIT,
        ActionKind.REPAY,
        ActionKind.REDUCE,
        ActionKind.REMOVE_LIQUIDITY,
        ActionKind.REQUEST_REDEEM,
        ActionKind.CANCEL_REQUEST,
        ActionKind.CANCEL_ORDER,
    }
)


class Holding(NamedTuple):
    """A balance and a debt of an account in one asset."""

    asset_id: int
    balance: int
    debt_shares: int
    debt: int
    """Rounded up."""


class BalanceChanged(NamedTuple):
    """A balance was changed by `amount`."""

    account: int
    asset_id: int
    amount: int
    balance: int
    """After."""


class DebtChanged(NamedTuple):
    """A debt was changed by `amount` base units."""

    account: int
    asset_id: int
    amount: int
    debt_shares: int
    """After."""


class DebtWrittenOff(NamedTuple):
    """A debt was given up because the account had nothing left."""

    account: int
    asset_id: int
    assets: int


class CloseSkipped(NamedTuple):
    """A position was not closed in a liquidation."""

    account: int
    market_id: int
    reason: Rejected


class Liquidation(NamedTuple):
    """What a liquidation did."""

    closed: int
    """Value of the positions closed, at oracle prices, PREP."""
    reward: int
    """For closing them, PREP."""
    repaid: int
    """What the liquidator paid for debt, what he lent to closing included."""
    seized: int
    """What he got for it."""
    bonus: int
    """On what he paid, WAD."""
    bad_debt: int
    """Value of what was written off, PREP."""


class AccountLiquidated(NamedTuple):
    """An account was liquidated."""

    account: int
    liquidator: Hashable
    debt_asset: int
    collateral_asset: int
    liquidation: Liquidation


class OrderFilled(NamedTuple):
    """An order was filled for an account, and its keeper paid."""

    account: int
    market_id: int
    keeper: Hashable
    keeper_fee: int


class OrderPlaced(NamedTuple):
    """An order was placed."""

    order_id: int
    account: int
    order: Order


class OrderCancelled(NamedTuple):
    """An order was cancelled, by its account or because a linked one was filled."""

    order_id: int
    account: int


class OrderTriggered(NamedTuple):
    """An order was filled."""

    order_id: int
    account: int
    keeper: Hashable
    price: int
    """The oracle's, WAD."""


class OrderRefused(NamedTuple):
    """An order on a market with two-step execution that only its own account stood against is gone;
    its fee went to whoever tried."""

    order_id: int
    account: int
    keeper: Hashable
    reason: Rejected


class OrderRemoved(NamedTuple):
    """A dead order was removed."""

    order_id: int
    account: int
    remover: Hashable
    fee_to_remover: bool


class OrderSkipped(NamedTuple):
    """An order of a batch was left as it is."""

    order_id: int
    reason: Rejected
