"""What accounts can be told to do, one after the other. docs/credit.md.

The first check that fails names the error. Their order: who may; the amount, which is above zero;
that asset or market exist; that they can be used so; what "all" is, which is not nothing; that the
account has it; what the vaults, the protocol and the order book say, before anything is credited;
how many assets or positions it has then. By kind:

- Deposit: `ZeroAmount`, `UnknownAsset`, the oracle's error for what is not held yet, the token's
  errors, `DepositCapExceeded`, `TooMany`.
- Withdraw: `ZeroAmount`, `UnknownAsset`, `InsufficientBalance`, the token's errors.
- Borrow: `ZeroAmount`, `UnknownAsset`, `NotBorrowable`, the lending vault's errors, `TooMany`.
- Repay: `ZeroAmount`, `UnknownAsset`, `InsufficientBalance`. No more than the debt is taken.
- Trade, Reduce: `ZeroAmount`, `UnknownMarket`, `TwoStepMarket`, the oracle's error and
  `PriceNotAcceptable` if there is a limit, the protocol's errors, `TooMany`, `CannotBorrow`.
- AddLiquidity: `ZeroAmount`, `InsufficientBalance`, the LP vault's errors, `TooMany`.
- RemoveLiquidity, RequestRedeem, Withdraw of shares: `ZeroAmount`, `InsufficientBalance` with what
  requests leave free, the LP vault's errors.
- CancelRequest: `ZeroAmount`, the LP vault's errors.
- PlaceOrder: the order book's errors, `CannotBorrow` for the fee.
- CancelOrder: the order book's errors.

Shares of one account are not to be paid out for another one's: what the manager has of them is one
balance for the LP vault. So shares in requests (those that have lapsed are removed first) are
not free here.
"""

from collections.abc import Callable, Hashable
from typing import TYPE_CHECKING, Final

from prep.model.accounts import Accounts
from prep.model.credit_config import LP_SHARES, MAX_HELD, PREP
from prep.model.credit_results import ALL, Action, ActionKind
from prep.model.errors import Rejected
from prep.model.pricing import execution_price

if TYPE_CHECKING:
    from prep.model.order_book import OrderBook


class Actions(Accounts):
    """The kinds of actions, and positions that change."""

    order_book: "OrderBook"

    def _act(self, caller: Hashable, account_id: int, action: Action) -> None:
        """One action that is allowed."""
        _ACTIONS[action.kind](self, caller, account_id, action)

    # -------------------------------------------------------------------------------------- assets

    def _deposit(self, caller: Hashable, account_id: int, action: Action) -> None:
        amount = _positive(action.amount)
        asset = self.asset(action.id)
        # An asset without a price keeps an account from being liquidated.
        if action.id not in self.accounts[account_id].assets:
            self.price(action.id)
        if action.id == LP_SHARES:
            self._move_shares(caller, self.client, amount)
        held = asset.held + amount + (self.reserved_fees if action.id == PREP else 0)
        if held > asset.config.deposit_cap:
            raise Rejected("DepositCapExceeded", action.id, held, asset.config.deposit_cap)
        self._change_balance(account_id, action.id, amount)

    def _withdraw(self, _: Hashable, account_id: int, action: Action) -> None:
        _positive(action.amount)
        self.asset(action.id)
        amount = self._of_balance(account_id, action.id, action.amount)
        if action.id == LP_SHARES:
            self._clear_lapsed(account_id)
            self._check_free(account_id, amount)
        self._debit(account_id, action.id, amount)
        if action.id == LP_SHARES:
            self._move_shares(self.client, self.accounts[account_id].owner, amount)

    def _borrow_action(self, _: Hashable, account_id: int, action: Action) -> None:
        amount = _positive(action.amount)
        self.asset(action.id)
        self._borrow(account_id, action.id, amount)
        self._change_balance(account_id, action.id, amount)

    def _repay_action(self, _: Hashable, account_id: int, action: Action) -> None:
        _positive(action.amount)
        self.asset(action.id)
        _, balance, _, debt = self.holding(account_id, action.id)
        amount = _positive(min(debt, balance if action.amount == ALL else action.amount))
        self._debit(account_id, action.id, amount)
        self._repay(account_id, action.id, amount)

    # ----------------------------------------------------------------------------------- positions

    def _trade(self, _: Hashable, account_id: int, action: Action) -> None:
        self._check_market(action)
        self._order(account_id, action.id, action.amount, False, action.limit)

    def _reduce(self, _: Hashable, account_id: int, action: Action) -> None:
        self._check_market(action)
        size = action.amount
        if size == ALL:
            size = -self.system.margin_position(self.client, account_id, action.id).size
            if size == 0:
                raise Rejected("ZeroAmount")
        self._order(account_id, action.id, size, True, action.limit)

    def _check_market(self, action: Action) -> None:
        if action.amount == 0:
            raise Rejected("ZeroAmount")
        if self.system.market(action.id).config.min_execution_delay:
            raise Rejected("TwoStepMarket", action.id)

    def _order(
        self, account_id: int, market_id: int, size: int, reduce_only: bool, limit: int
    ) -> None:
        """Trades for an account, unless the executed size would move the skew at a price worse
        than `limit`."""
        if limit:
            held = self.system.margin_position(self.client, account_id, market_id).size
            cut = reduce_only and held * size < 0 and abs(size) > abs(held)
            self._check_price(market_id, -held if cut else size, limit)
        self._execute(account_id, market_id, size, reduce_only)

    def _check_price(self, market_id: int, size: int, limit: int) -> None:
        market = self.system.market(market_id)
        skew, price = market.skew, self.system.price(market_id)
        fill = execution_price(skew, skew + size, market.skew_scale, price)
        if fill > limit if size > 0 else fill < limit:
            raise Rejected("PriceNotAcceptable", fill, limit)

    def _execute(
        self, account_id: int, market_id: int, size: int, reduce_only: bool, spare: int = 0
    ) -> int:
        """Changes a position and settles it. What of `spare` was used."""
        self._save_position(account_id, market_id)
        order = self.system.execute_order(self.client, account_id, market_id, size, reduce_only)
        self.undo.events.append(order)
        return self._settled(
            account_id, market_id, order.position.size, order.settlement, spare=spare
        )

    def _settled(
        self, account_id: int, market_id: int, size: int, settlement: int, spare: int = 0
    ) -> int:
        """What the protocol tells its client: the position's size now, and what was paid to the
        manager or will be pulled from it. What of `spare` was used."""
        account = self.accounts[account_id]
        self.undo.save(account)
        if size == 0:
            account.markets -= {market_id}
        elif market_id not in account.markets:
            if len(account.markets) == MAX_HELD:
                raise Rejected("TooMany", MAX_HELD)
            account.markets |= {market_id}
        if settlement < 0:
            return self._pay(account_id, -settlement, spare)
        self._change_balance(account_id, PREP, settlement)
        return 0

    # ----------------------------------------------------------------------------------- liquidity

    def _add_liquidity(self, _: Hashable, account_id: int, action: Action) -> None:
        _positive(action.amount)
        amount = self._of_balance(account_id, PREP, action.amount)
        self._debit(account_id, PREP, amount)
        self._save_shares(account_id, self.client)
        added = self.system.deposit(self.client, amount, min_shares=action.limit)
        self.undo.events.append(added)
        self._change_balance(account_id, LP_SHARES, added.shares)

    def _remove_liquidity(self, _: Hashable, account_id: int, action: Action) -> None:
        _positive(action.amount)
        shares = self._of_balance(account_id, LP_SHARES, action.amount)
        self._check_free(account_id, shares, matured=True)
        self._save_shares(account_id, self.client)
        removed = self.system.redeem(self.client, shares, min_assets=action.limit, ref=account_id)
        self.undo.events.append(removed)
        self._debit(account_id, LP_SHARES, shares)
        self._change_balance(account_id, PREP, removed.assets)

    def _request_redeem(self, _: Hashable, account_id: int, action: Action) -> None:
        _positive(action.amount)
        shares = self._of_balance(account_id, LP_SHARES, action.amount)
        self._check_free(account_id, shares)
        self._save_shares(account_id, self.client)
        self.undo.events.append(self.system.request_redeem(self.client, shares, account_id))

    def _cancel_request(self, _: Hashable, account_id: int, action: Action) -> None:
        _positive(action.amount)
        shares = self._requested(account_id) if action.amount == ALL else action.amount
        self._cancel_requests(account_id, _positive(shares))

    def _cancel_requests(self, account_id: int, shares: int) -> None:
        self._save_shares(account_id, self.client)
        self.undo.events.append(self.system.cancel_request(self.client, shares, account_id))

    def _requested(self, account_id: int, *, matured: bool = True) -> int:
        """Shares in requests of the account that have not lapsed, or only those not matured."""
        now = self.system.now
        return sum(
            shares
            for shares, matures_at, _ in self.system.requests(self.client, account_id)
            if matured or matures_at > now
        )

    def _check_free(self, account_id: int, shares: int, *, matured: bool = False) -> None:
        """Raises unless so many shares of the account are in no request, or in one that has
        matured if that is allowed."""
        balance = self.accounts[account_id].balances.get(LP_SHARES, 0)
        free = balance - self._requested(account_id, matured=not matured)
        if shares > free:
            raise Rejected("InsufficientBalance", LP_SHARES, free, shares)

    def _clear_lapsed(self, account_id: int) -> None:
        """The LP vault counts what has lapsed as locked where another queue is acted on."""
        self._save_shares(account_id, self.client)
        self.system.clear_lapsed(self.client, account_id)

    # -------------------------------------------------------------------------------------- orders

    def _place_order(self, _: Hashable, account_id: int, action: Action) -> None:
        assert action.terms is not None
        self.order_book.place(account_id, action.id, action.amount, action.limit, action.terms)
        fee = action.terms.keeper_fee
        if fee:
            self._pay(account_id, fee)
            self.undo.save(self, "reserved_fees")
            self.reserved_fees += fee

    def _cancel_order(self, _: Hashable, account_id: int, action: Action) -> None:
        self.release(account_id, self.order_book.cancel(account_id, action.id), None)

    def release(self, account_id: int, fee: int, keeper: Hashable | None) -> None:
        """Gives a reserved keeper fee back to an account, or to whoever has removed a dead order.
        For the order book."""
        self.undo.save(self, "reserved_fees")
        self.reserved_fees -= fee
        if keeper is None:
            self._change_balance(account_id, PREP, fee)

    # ------------------------------------------------------------------------------------ internal

    def _of_balance(self, account_id: int, asset_id: int, amount: int) -> int:
        """The amount, or all of the balance."""
        if amount != ALL:
            return amount
        return _positive(self.accounts[account_id].balances.get(asset_id, 0))

    def _move_shares(self, source: Hashable, target: Hashable, shares: int) -> None:
        vault = self.system.vault
        for owner in (source, target):
            self.undo.save_entry(vault.shares, owner)
        self.undo.save_entry(vault.queues.by_owner, (source, 0))
        self.system.transfer(source, target, shares)

    def _save_shares(self, account_id: int, owner: Hashable) -> None:
        """What a deposit, a redemption or a request of the account changes in the LP vault."""
        vault = self.system.vault
        self.undo.save(vault)
        self.undo.save_entry(vault.shares, owner)
        self.undo.save_entry(vault.queues.by_owner, (owner, account_id))

    def _save_position(self, account_id: int, market_id: int) -> None:
        """What an order of the account changes in the system."""
        system = self.system
        self.undo.save(system, "unpaid_protocol_fees")
        self.undo.save(system.vault)
        self.undo.save(system.market(market_id))
        self.undo.save_entry(system.margin_positions[market_id], (self.client, account_id))


def _positive(amount: int) -> int:
    if amount <= 0:
        raise Rejected("ZeroAmount")
    return amount


_ACTIONS: Final[dict[ActionKind, Callable[[Actions, Hashable, int, Action], None]]] = {
    ActionKind.DEPOSIT: Actions._deposit,
    ActionKind.WITHDRAW: Actions._withdraw,
    ActionKind.BORROW: Actions._borrow_action,
    ActionKind.REPAY: Actions._repay_action,
    ActionKind.TRADE: Actions._trade,
    ActionKind.REDUCE: Actions._reduce,
    ActionKind.ADD_LIQUIDITY: Actions._add_liquidity,
    ActionKind.REMOVE_LIQUIDITY: Actions._remove_liquidity,
    ActionKind.REQUEST_REDEEM: Actions._request_redeem,
    ActionKind.CANCEL_REQUEST: Actions._cancel_request,
    ActionKind.PLACE_ORDER: Actions._place_order,
    ActionKind.CANCEL_ORDER: Actions._cancel_order,
}
