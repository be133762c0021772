"""Orders of credit accounts: placed, looked at and filled by keepers, in short words."""

from enum import IntEnum
from typing import Any

from prep.credit.actions import Condition, OrderTerms, place_order
from tests.credit import SOL, CreditSuite
from tests.suite import WAD
from tests.unit.credit.acting import Said, acted, events, refusal
from tests.unit.credit.trading import SOL_UNIT, configure

ABOVE, BELOW, ALWAYS = Condition.AT_OR_ABOVE, Condition.AT_OR_BELOW, Condition.ALWAYS
DELAY = 10
"""Seconds, where a test makes a market one with two-step execution."""
MOST = 15
"""Orders of an account."""
LIFETIME = 365 * 86_400
LONG = 30 * 86_400
FEE = 3 * WAD
EXECUTE, REMOVE = "execute(uint256)", "remove(uint256)"
EXECUTE_MANY = "executeMany(uint256[])"


class State(IntEnum):
    """The contract's `OrderState`."""

    WAITING = 0
    READY = 1
    DEAD = 2
    GONE = 3


def dollars(amount: int) -> int:
    """A price of SOL."""
    return amount * 10**30


def order(
    clock: Any,
    size: int = SOL_UNIT,
    condition: Condition = BELOW,
    trigger: int = 10**36,
    *,
    market: int = SOL,
    reduce_only: bool = False,
    lifetime: int = LONG,
    fee: int = 0,
    linked_to: int = 0,
    limit: int = 0,
):
    """The action that places it. Without more it is one to buy a SOL that may fill at once."""
    terms = OrderTerms(condition, trigger, reduce_only, clock.now + lifetime, fee, linked_to)
    return place_order(market, size, terms, limit)


def placed(credit: CreditSuite, who: Any, account: int, *actions: Any) -> int:
    """The id of the last order of a list."""
    logs = acted(credit, who, account, *actions)
    return [log[1] for log in logs if log[0] == "OrderPlaced"][-1]


def stored(credit: CreditSuite, order_id: int) -> tuple[Any, ...]:
    return tuple(credit.node.read((credit.book.address, "order(uint256)", order_id))[0])


def state(credit: CreditSuite, order_id: int) -> State:
    return State(credit.node.read((credit.book.address, "stateOf(uint256)", order_id))[0])


def orders_of(credit: CreditSuite, account: int) -> list[int]:
    return list(credit.node.read((credit.book.address, "ordersOf(uint256)", account))[0])


def executed(credit: CreditSuite, keeper: Any, order_id: int) -> list[Said]:
    return events(credit, keeper, credit.book, EXECUTE, order_id)


def not_executed(credit: CreditSuite, keeper: Any, order_id: int) -> Said:
    return refusal(credit, keeper, credit.book, EXECUTE, order_id)


def removed(credit: CreditSuite, keeper: Any, order_id: int) -> list[Said]:
    return events(credit, keeper, credit.book, REMOVE, order_id)


def not_removed(credit: CreditSuite, keeper: Any, order_id: int) -> Said:
    return refusal(credit, keeper, credit.book, REMOVE, order_id)


def two_steps(credit: CreditSuite, market: int = SOL, delay: int = DELAY) -> None:
    configure(credit, market, minExecutionDelay=delay, borrowRate=0)


def publish(credit: CreditSuite, price: int = 100) -> None:
    """A price of SOL, now."""
    credit.set_market_price(SOL, price)
