"""The credit manager: accounts that hold several assets, owe several, and have positions on many
markets. docs/credit.md.

`Credit` has one method per contract function. What is refused raises `Rejected` and leaves nothing
behind, here, in the system or in a lending vault; what an action of a list is refused for comes as
`ActionFailed` with its index and the refusal. Wallets and allowances are not modelled, nor tokens
that somebody just sends.
"""

from collections.abc import Hashable, Sequence
from typing import Final, NamedTuple

from prep.model.accounts import Account
from prep.model.config import require
from prep.model.credit_results import Action, ActionKind, OrderFilled
from prep.model.errors import Rejected
from prep.model.liquidation import Liquidations
from prep.model.order_book import OrderBook
from prep.model.protocol import System
from prep.model.results import Deleveraged

ALL_ACTIONS: Final = (1 << len(ActionKind)) - 1
"""A delegate's bits."""


class DelegateSet(NamedTuple):
    """A delegate may do these actions, bit ``1 << kind`` each, until `expiry` (seconds)."""

    account: int
    delegate: Hashable
    actions: int
    expiry: int


class Credit(Liquidations):
    """The whole of it. The manager's `client` name is registered in the system, and in lending
    vaults as an indexed borrower, by whoever sets them up."""

    def __init__(self, system: System, client: Hashable = "manager") -> None:
        super().__init__(system, client)
        self.order_book = OrderBook(self)

    def open(self, owner: Hashable) -> int:
        """Opens an account for anybody. Its id."""
        account_id = len(self.accounts) + 1
        self.accounts[account_id] = Account(owner)
        return account_id

    def transfer(self, caller: Hashable, account_id: int, to: Hashable) -> None:
        """The account changes its owner, and has no delegates any more."""
        if account_id not in self.accounts:
            raise Rejected("ERC721NonexistentToken", account_id)
        account = self.accounts[account_id]
        if caller != account.owner:
            raise Rejected("ERC721InsufficientApproval", caller, account_id)
        account.owner = to
        account.delegates = {}

    def set_delegate(
        self, caller: Hashable, account_id: int, delegate: Hashable, actions: int, expiry: int
    ) -> DelegateSet:
        """Allows somebody the actions whose bits are set."""
        account = self.account(account_id)
        if caller != account.owner:
            raise Rejected("NotOwner", caller, account_id)
        require("actions", actions, 0, ALL_ACTIONS)
        require("expiry", expiry, 0, 2**64 - 1)
        account.delegates = {**account.delegates, delegate: (actions, expiry)}
        return DelegateSet(account_id, delegate, actions, expiry)

    def delegate_actions(self, account_id: int, delegate: Hashable) -> tuple[int, int]:
        """What a delegate may do now, and until when; zeros if nothing."""
        actions, expiry = self.account(account_id).delegates.get(delegate, (0, 0))
        return (actions, expiry) if self.system.now < expiry else (0, 0)

    def execute(
        self, caller: Hashable, account_id: int, actions: Sequence[Action]
    ) -> tuple[object, ...]:
        """Carries out a list, all of it or nothing. What has happened."""
        account = self.account(account_id)
        self.begin()
        with self.undo.atomic():
            for index, action in enumerate(actions):
                try:
                    self._check_allowed(caller, account, account_id, action.kind)
                    self._act(caller, account_id, action)
                except Rejected as reason:
                    raise Rejected("ActionFailed", index, reason) from None
            # Who brings as much as he reserves for keepers leaves the account no worse.
            brought = sum(action.brought for action in actions)
            if brought < 0 or not all(action.harmless for action in actions):
                self._check_health(account_id)
        return self.events

    def fill(
        self,
        account_id: int,
        market_id: int,
        size: int,
        reduce_only: bool,
        limit: int,
        keeper_fee: int,
        keeper: Hashable,
    ) -> None:
        """Fills an order, and pays the keeper what was reserved. For the order book."""
        with self.undo.atomic():
            self._order(account_id, market_id, size, reduce_only, limit)
            if not reduce_only:
                self._check_health(account_id)
            self.release(account_id, keeper_fee, keeper)
            self.undo.events.append(OrderFilled(account_id, market_id, keeper, keeper_fee))

    def deleverage(self, account_id: int, market_id: int, max_size: int) -> Deleveraged:
        """Closes at most `max_size` of a position for the vault's sake, and settles it."""
        self.begin()
        with self.undo.atomic():
            if account_id in self.accounts and market_id in self.accounts[account_id].markets:
                self._save_position(account_id, market_id)
            result = self.system.deleverage_account(self.client, account_id, market_id, max_size)
            self.undo.events.append(result)
            held = self.system.margin_position(self.client, account_id, market_id)
            self._settled(account_id, market_id, held.size, result.settlement)
        return result

    def _check_allowed(
        self, caller: Hashable, account: Account, account_id: int, kind: ActionKind
    ) -> None:
        allowed, _ = self.delegate_actions(account_id, caller)
        if caller != account.owner and not allowed >> kind & 1:
            raise Rejected("NotAllowed", caller, account_id, kind)

    def _check_health(self, account_id: int) -> None:
        now = self.health(account_id, for_liquidation=False)
        if not now.well:
            raise Rejected("AccountUnhealthy", now.equity, now.required)
