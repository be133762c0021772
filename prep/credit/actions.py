"""Lists of actions for a credit account, built one by one and checked before anything is sent.

    encode([deposit(PREP, 1_000 * WAD), trade(BTC, size, limit)])

is what `CreditManager.execute` takes after the account's id. Amounts are base units of their asset,
sizes base units of the market's asset (positive buys), prices WAD, times seconds. What the builders
refuse is a `UserError`; what depends on the state of the chain is refused there.
"""

from collections.abc import Iterable
from typing import Final

from eth_abi.abi import encode as abi_encode

from prep.errors import UserError
from prep.model.credit_results import ALL, Action, ActionKind, OrderTerms
from prep.model.fixed import UNLIMITED
from prep.model.window import Condition

__all__ = ["ALL", "NO_LIMIT", "Action", "ActionKind", "Condition", "OrderTerms"]

NO_LIMIT: Final = 0
"""As a limit: any price, or any amount."""
Encoded = tuple[int, int, int, int, bytes]
"""The contract's `Action` as web3 and Ape take it."""
_TERMS: Final = "(uint8,uint256,bool,uint256,uint256,uint256)"


def encode(actions: Iterable[Action]) -> list[Encoded]:
    """The second argument of `CreditManager.execute`."""
    return [_encoded(action) for action in actions]


def words(kind: ActionKind) -> str:
    """The name of a kind as text."""
    return kind.name.lower().replace("_", " ")


def allowed(*kinds: ActionKind) -> int:
    """What a delegate may do, as `setDelegate` takes it: a bit for each kind."""
    return sum(1 << kind for kind in set(kinds))


def _encoded(action: Action) -> Encoded:
    data = b"" if action.terms is None else abi_encode([_TERMS], [tuple(action.terms)])
    return int(action.kind), action.id, action.amount, action.limit, data


# ----------------------------------------------------------------------------------------- balances


def deposit(asset: int, amount: int) -> Action:
    """From the caller's wallet, by his allowance to the manager."""
    return _of_asset(ActionKind.DEPOSIT, asset, amount, can_be_all=False)


def withdraw(asset: int, amount: int) -> Action:
    """To the account's owner. `ALL`: the balance."""
    return _of_asset(ActionKind.WITHDRAW, asset, amount)


def borrow(asset: int, amount: int) -> Action:
    """Into the balance."""
    return _of_asset(ActionKind.BORROW, asset, amount, can_be_all=False)


def repay(asset: int, amount: int) -> Action:
    """Out of the balance. `ALL`: the debt, as far as the balance goes."""
    return _of_asset(ActionKind.REPAY, asset, amount)


# ---------------------------------------------------------------------------------------- positions


def trade(market: int, size: int, limit: int = NO_LIMIT) -> Action:
    """At once. `limit`: the worst price."""
    kind = ActionKind.TRADE
    return Action(kind, _id(kind, market), _size(kind, size), _unsigned(kind, "limit", limit))


def reduce(market: int, size: int, limit: int = NO_LIMIT) -> Action:
    """As `trade`, but a position only becomes smaller; `ALL` closes it. `size` has the sign of a
    trade, so it is against that of the position."""
    kind = ActionKind.REDUCE
    size = ALL if size == ALL else _size(kind, size)
    return Action(kind, _id(kind, market), size, _unsigned(kind, "limit", limit))


# ---------------------------------------------------------------------------------------- liquidity


def add_liquidity(amount: int, least_shares: int = NO_LIMIT) -> Action:
    """PREP of the balance for shares of the LP vault. `ALL`: the balance."""
    kind = ActionKind.ADD_LIQUIDITY
    least = _unsigned(kind, "least_shares", least_shares)
    return Action(kind, amount=_amount(kind, amount), limit=least)


def remove_liquidity(shares: int, least_amount: int = NO_LIMIT) -> Action:
    """Shares of the balance for PREP; with a cooldown matured ones only. `ALL`: the balance."""
    kind = ActionKind.REMOVE_LIQUIDITY
    least = _unsigned(kind, "least_amount", least_amount)
    return Action(kind, amount=_amount(kind, shares), limit=least)


def request_redeem(shares: int) -> Action:
    """Puts shares of the balance into cooldown. `ALL`: those that are in no request."""
    return Action(ActionKind.REQUEST_REDEEM, amount=_amount(ActionKind.REQUEST_REDEEM, shares))


def cancel_request(shares: int) -> Action:
    """Takes shares out of cooldown again, newest request first. `ALL`: of all requests."""
    return Action(ActionKind.CANCEL_REQUEST, amount=_amount(ActionKind.CANCEL_REQUEST, shares))


# ------------------------------------------------------------------------------------------- orders


def place_order(market: int, size: int, terms: OrderTerms, limit: int = NO_LIMIT) -> Action:
    """Any order; the next five functions are easier to read. `limit`: the worst price."""
    kind = ActionKind.PLACE_ORDER
    if terms.condition != Condition.ALWAYS and terms.trigger == 0:
        raise UserError(f"{words(kind)}: a trigger of 0 is no price to wait for")
    for name in ("trigger", "expiry", "keeper_fee", "linked_to"):
        _unsigned(kind, name, getattr(terms, name))
    limit = _unsigned(kind, "limit", limit)
    return Action(kind, _id(kind, market), _size(kind, size), limit, terms)


def limit_order(
    market: int, size: int, price: int, expiry: int, keeper_fee: int = 0, linked_to: int = 0
) -> Action:
    """Buys when the oracle price is at most `price`, or sells when it is at least that; at no worse
    price than that either."""
    terms = OrderTerms(_better(size), price, False, expiry, keeper_fee, linked_to)
    return place_order(market, size, terms, price)


def stop_order(
    market: int,
    size: int,
    trigger: int,
    expiry: int,
    keeper_fee: int = 0,
    limit: int = NO_LIMIT,
    linked_to: int = 0,
) -> Action:
    """Buys when the oracle price is at least `trigger`, or sells when it is at most that."""
    terms = OrderTerms(_worse(size), trigger, False, expiry, keeper_fee, linked_to)
    return place_order(market, size, terms, _beyond(size, trigger, limit))


def take_profit(
    market: int,
    size: int,
    trigger: int,
    expiry: int,
    keeper_fee: int = 0,
    limit: int = NO_LIMIT,
    linked_to: int = 0,
) -> Action:
    """Reduces a position that has won. `size` has the sign of the trade: a sale for a long one."""
    terms = OrderTerms(_better(size), trigger, True, expiry, keeper_fee, linked_to)
    return place_order(market, size, terms, _beyond(size, trigger, limit))


def stop_loss(
    market: int,
    size: int,
    trigger: int,
    expiry: int,
    keeper_fee: int = 0,
    limit: int = NO_LIMIT,
    linked_to: int = 0,
) -> Action:
    """Reduces a position that has lost. `size` has the sign of the trade: a sale for a long one."""
    terms = OrderTerms(_worse(size), trigger, True, expiry, keeper_fee, linked_to)
    return place_order(market, size, terms, _beyond(size, trigger, limit))


def market_order(
    market: int,
    size: int,
    expiry: int,
    keeper_fee: int,
    limit: int = NO_LIMIT,
    *,
    reduce_only: bool = False,
    linked_to: int = 0,
) -> Action:
    """At the first price that is late enough: a trade on a market with two-step execution."""
    terms = OrderTerms(Condition.ALWAYS, 0, reduce_only, expiry, keeper_fee, linked_to)
    return place_order(market, size, terms, limit)


def cancel_order(order: int) -> Action:
    """Its fee goes back into the balance."""
    if order == 0:
        raise UserError("cancel order: order 0 does not exist")
    return Action(ActionKind.CANCEL_ORDER, _id(ActionKind.CANCEL_ORDER, order))


def _better(size: int) -> Condition:
    """A price that is good for a trade of this sign."""
    return Condition.AT_OR_BELOW if size > 0 else Condition.AT_OR_ABOVE


def _worse(size: int) -> Condition:
    return Condition.AT_OR_ABOVE if size > 0 else Condition.AT_OR_BELOW


def _beyond(size: int, trigger: int, limit: int) -> int:
    """The limit, if it lies where a trade after the trigger can fill: on its far side."""
    if limit and (limit < trigger if size > 0 else limit > trigger):
        side = "a buy fills at no price above" if size > 0 else "a sale fills at no price below"
        raise UserError(f"place order: {side} the limit {limit}, so not at the trigger {trigger}")
    return limit


# ------------------------------------------------------------------------------------------- checks


def _of_asset(kind: ActionKind, asset: int, amount: int, *, can_be_all: bool = True) -> Action:
    return Action(kind, _id(kind, asset), _amount(kind, amount, can_be_all))


def _id(kind: ActionKind, value: int) -> int:
    return _unsigned(kind, "id", value)


def _unsigned(kind: ActionKind, name: str, value: int) -> int:
    if not 0 <= value <= UNLIMITED:
        raise UserError(f"{words(kind)}: {name} {value} is negative or above 256 bits")
    return value


def _amount(kind: ActionKind, value: int, can_be_all: bool = True) -> int:
    if value == ALL and not can_be_all:
        raise UserError(f"{words(kind)}: needs an amount, there is no `ALL` of it")
    if not 0 < value <= ALL:
        raise UserError(f"{words(kind)}: an amount of {value} is not possible")
    return value


def _size(kind: ActionKind, value: int) -> int:
    if value == 0 or not -ALL < value < ALL:
        raise UserError(f"{words(kind)}: a size of {value} is not possible")
    return value
