"""Orders of credit accounts worked out by hand. docs/credit.md, "Orders"."""

from dataclasses import replace
from typing import Any

import pytest

from prep.model import WAD, MarketConfig, Rejected
from prep.model.credit import Credit
from prep.model.credit_results import (
    ALL,
    Action,
    ActionKind,
    OrderCancelled,
    OrderFilled,
    OrderRemoved,
    OrderSkipped,
    OrderTerms,
    OrderTriggered,
)
from prep.model.window import Condition, OrderState
from tests.property.bench import BTC, COIN, ETH, PREP, UNIT, WETH, do, set_market, terms
from tests.property.orders import place, price, trading
from tests.property.world import outcome

A = ActionKind
ALWAYS, ABOVE, BELOW = Condition
DELAY = 10
WAITING, READY, DEAD, GONE = OrderState


def test_execute__condition_holds__fills_and_pays_the_keeper() -> None:
    credit = trading()
    buy = place(credit, UNIT, terms(credit, BELOW, price(2_900), keeper_fee=3 * UNIT))
    assert (credit.reserved_fees, credit.holding(1, PREP).balance) == (3 * UNIT, 1_997 * UNIT)
    assert credit.order_book.state_of(buy) is WAITING
    refused = outcome(credit.order_book.execute, "keeper", buy)
    assert refused == Rejected("OrderNotReady", buy, WAITING)
    set_market(credit, ETH, 2_900)
    assert credit.order_book.state_of(buy) is READY
    events = credit.order_book.execute("keeper", buy)
    assert OrderTriggered(buy, 1, "keeper", price(2_900)) in events
    assert OrderFilled(1, ETH, "keeper", 3 * UNIT) in events
    assert (credit.reserved_fees, credit.holding(1, PREP).balance) == (0, 1_997 * UNIT)
    assert credit.system.margin_position("manager", 1, ETH).size == UNIT
    assert credit.order_book.state_of(buy) is GONE
    assert outcome(credit.order_book.execute, "keeper", buy) == Rejected("UnknownOrder", buy)
    assert credit.order_book.ids[1] == ()


@pytest.mark.parametrize(
    "condition, trigger, state",
    [
        (ABOVE, 3_000, READY),
        (ABOVE, 3_001, WAITING),
        (BELOW, 3_000, READY),
        (BELOW, 2_999, WAITING),
    ],
)
def test_state_of__one_step__by_the_price_of_now(
    condition: Condition, trigger: int, state: OrderState
) -> None:
    credit = trading()
    order = place(credit, 1, terms(credit, condition, price(trigger)))
    assert credit.order_book.state_of(order) is state
    credit.system.set_price(ETH, Rejected("StalePrice"))
    assert outcome(credit.order_book.state_of, order) == Rejected("StalePrice")


def test_execute__linked_orders__are_cancelled_and_their_fees_come_back() -> None:
    credit = trading()
    do(credit, 1, A.TRADE, ETH, UNIT)
    profit = place(credit, -UNIT, terms(credit, ABOVE, price(3_500), reduce_only=True))
    loss = place(
        credit,
        -UNIT,
        terms(credit, BELOW, price(2_500), reduce_only=True, keeper_fee=5, linked_to=profit),
    )
    third = place(credit, UNIT, terms(credit, BELOW, price(2_000), keeper_fee=7, linked_to=profit))
    alone = place(credit, UNIT, terms(credit, BELOW, price(2_000)))
    book = credit.order_book
    assert [book.orders[i].next for i in (profit, loss, third, alone)] == [
        third,
        profit,
        loss,
        alone,
    ]
    set_market(credit, ETH, 3_500)
    events = book.execute("keeper", profit)
    assert [e for e in events if isinstance(e, OrderCancelled)] == [
        OrderCancelled(third, 1),
        OrderCancelled(loss, 1),
    ]
    assert list(book.orders) == [alone]
    assert credit.reserved_fees == 0
    assert credit.contents(1) == ([(PREP, 2_500 * UNIT, 0, 0)], [])


def test_cancel__one_of_a_ring__the_others_stay_linked() -> None:
    credit = trading()
    first = place(credit, UNIT, terms(credit, BELOW, 1, keeper_fee=9))
    second = place(credit, UNIT, terms(credit, BELOW, 1, linked_to=first))
    third = place(credit, UNIT, terms(credit, BELOW, 1, linked_to=second))
    do(credit, 1, A.CANCEL_ORDER, first)
    assert credit.holding(1, PREP).balance == 2_000 * UNIT
    orders = credit.order_book.orders
    assert (orders[second].next, orders[third].next) == (third, second)


def test_execute__unhealthy_afterwards__stays_and_leaves_nothing() -> None:
    credit = trading()
    other = place(credit, UNIT, terms(credit, BELOW, 1, keeper_fee=UNIT))
    buy = place(credit, 7 * UNIT, terms(credit, BELOW, price(3_000), linked_to=other))
    before = credit.contents(1)
    refused = outcome(credit.order_book.execute, "keeper", buy)
    assert refused == Rejected("AccountUnhealthy", 2_000 * UNIT, 2_100 * UNIT), "the fee is back"
    assert credit.contents(1) == before
    assert set(credit.order_book.orders) == {other, buy}
    assert credit.reserved_fees == UNIT


def test_execute__reduce_only__cut_and_not_checked_for_health() -> None:
    credit = trading()
    do(credit, 1, A.TRADE, ETH, 6 * UNIT)
    stop = place(credit, -9 * UNIT, terms(credit, BELOW, price(2_700), reduce_only=True))
    wide = place(
        credit, -9 * UNIT, terms(credit, BELOW, price(2_700), reduce_only=True), 2_701 * WAD
    )
    set_market(credit, ETH, 2_700)
    assert not credit.health(1, for_liquidation=True).well
    refused = outcome(credit.order_book.execute, "keeper", wide)
    assert refused == Rejected("PriceNotAcceptable", price(2_700), 2_701 * WAD)
    credit.order_book.execute("keeper", stop)
    assert credit.contents(1) == ([(PREP, 200 * UNIT, 0, 0)], [])
    assert credit.order_book.state_of(wide) is DEAD, "the position is gone"


def test_execute__reduce_only_and_still_unhealthy__fills() -> None:
    credit = trading()
    do(credit, 1, A.TRADE, ETH, 6 * UNIT)
    stop = place(credit, -3 * UNIT, terms(credit, BELOW, price(2_700), reduce_only=True))
    set_market(credit, ETH, 2_700)
    credit.order_book.execute("keeper", stop)
    left = credit.health(1, for_liquidation=False)
    assert (left.equity, left.required) == (200 * UNIT, 810 * UNIT)


def test_execute_many__one_fails__is_skipped() -> None:
    credit = trading()
    ready = place(credit, UNIT, terms(credit, BELOW, price(3_000)))
    waits = place(credit, UNIT, terms(credit, ABOVE, price(3_001)))
    filled, events = credit.order_book.execute_many("keeper", [waits, ready, ready])
    assert filled == [False, True, False]
    skipped = [e for e in events if isinstance(e, OrderSkipped)]
    assert skipped == [
        OrderSkipped(waits, Rejected("OrderNotReady", waits, WAITING)),
        OrderSkipped(ready, Rejected("UnknownOrder", ready)),
    ]


def test_remove__dead__fee_goes_back_to_the_account() -> None:
    credit = trading()
    order = place(credit, UNIT, terms(credit, BELOW, 1, keeper_fee=UNIT))
    refused = outcome(credit.order_book.remove, "x", order)
    assert refused == Rejected("OrderAlive", order, WAITING)
    credit.system.now += 86_400
    assert credit.order_book.state_of(order) is DEAD
    events = credit.order_book.remove("x", order)
    assert OrderRemoved(order, 1, "x", False) in events
    assert (credit.reserved_fees, credit.holding(1, PREP).balance) == (0, 2_000 * UNIT)
    assert outcome(credit.order_book.remove, "x", order) == Rejected("UnknownOrder", order)


def test_state_of__settled_market__is_dead() -> None:
    credit = trading(DELAY)
    order = place(credit, UNIT, terms(credit, ALWAYS, keeper_fee=UNIT))
    credit.system.settle_market(ETH, price(3_000))
    assert credit.order_book.state_of(order) is DEAD
    assert OrderRemoved(order, 1, "x", False) in credit.order_book.remove("x", order)


def test_state_of__reduce_only_on_the_side_of_the_position__is_dead() -> None:
    credit = trading()
    do(credit, 1, A.TRADE, ETH, UNIT)
    order = place(credit, UNIT, terms(credit, BELOW, price(3_000), reduce_only=True))
    assert credit.order_book.state_of(order) is DEAD
    do(credit, 1, A.TRADE, ETH, -2 * UNIT)
    assert credit.order_book.state_of(order) is READY


def spoiled(credit: Credit, **changes: Any) -> OrderTerms:
    """Good terms but for these."""
    good = terms(credit, BELOW, price(2_900), keeper_fee=UNIT)
    return good._replace(**changes)


REFUSALS = [
    (9, 0, {"linked_to": 9}, Rejected("UnknownMarket", 9)),
    (ETH, 0, {"linked_to": 9}, Rejected("UnknownOrder", 9)),
    (ETH, 0, {"condition": ALWAYS}, Rejected("SizeOutOfBounds", 0)),
    (ETH, -(10**30) - 1, {}, Rejected("SizeOutOfBounds", -(10**30) - 1)),
    (ETH, 1, {"condition": ALWAYS, "expiry": 0}, Rejected("ConditionRefused", ALWAYS)),
    (
        ETH,
        1,
        {"expiry": 1_000_000, "keeper_fee": 101 * UNIT},
        Rejected("ExpiryOutOfBounds", 1_000_000, 1_000_001, 1_000_000 + 365 * 86_400),
    ),
    (
        ETH,
        1,
        {"keeper_fee": 100 * UNIT + 1},
        Rejected("KeeperFeeOutOfBounds", 100 * UNIT + 1, 0, 100 * UNIT),
    ),
    (
        BTC,
        1,
        {"keeper_fee": UNIT - 1},
        Rejected("KeeperFeeOutOfBounds", UNIT - 1, UNIT, 100 * UNIT),
    ),
]


@pytest.mark.parametrize("market_id, size, changes, error", REFUSALS)
def test_place__refused__names_the_error(
    market_id: int, size: int, changes: dict[str, Any], error: Rejected
) -> None:
    credit = trading()
    credit.system.set_market(BTC, MarketConfig(min_execution_delay=DELAY))
    action = Action(A.PLACE_ORDER, market_id, size, 0, spoiled(credit, **changes))
    refused = outcome(credit.execute, "owner", 1, [action])
    assert refused == Rejected("ActionFailed", 0, error)
    assert (credit.order_book.orders, credit.order_book.count) == ({}, 0)


def test_place__linked_to_anothers__is_refused() -> None:
    credit = trading()
    order = place(credit, 1, terms(credit, BELOW, 1))
    other = credit.open("owner")
    action = Action(A.PLACE_ORDER, ETH, 1, 0, spoiled(credit, linked_to=order, keeper_fee=0))
    unknown = Rejected("ActionFailed", 0, Rejected("UnknownOrder", order))
    assert outcome(credit.execute, "owner", other, [action]) == unknown
    assert outcome(do, credit, other, A.CANCEL_ORDER, order) == unknown


def test_place__seventeenth__is_refused() -> None:
    credit = trading()
    for _ in range(16):
        order = place(credit, 1, terms(credit, BELOW, 1))
    refused = outcome(place, credit, 1, terms(credit, BELOW, 1))
    assert refused == Rejected("ActionFailed", 0, Rejected("TooManyOrders", 16))
    do(credit, 1, A.CANCEL_ORDER, order)
    place(credit, 1, terms(credit, BELOW, 1))


def test_place__fee_above_the_balance__is_borrowed_and_health_checked() -> None:
    credit = trading()
    do(credit, 1, A.DEPOSIT, WETH, UNIT)
    do(credit, 1, A.WITHDRAW, PREP, ALL)
    order = place(credit, UNIT, terms(credit, BELOW, 1, keeper_fee=10 * UNIT))
    assert credit.holding(1, PREP).debt == 10 * UNIT
    do(credit, 1, A.CANCEL_ORDER, order)
    assert credit.holding(1, PREP)[1:] == (10 * UNIT, 10 * UNIT, 10 * UNIT)
    do(credit, 1, A.REPAY, PREP, ALL)
    do(credit, 1, A.WITHDRAW, WETH, ALL)
    free = terms(credit, BELOW, 1, reduce_only=True)
    place(credit, COIN[ETH], free)
    refused = outcome(place, credit, COIN[ETH], free._replace(keeper_fee=1))
    assert refused == Rejected("AccountUnhealthy", -1, 0)


def test_deposit__fees_reserved__count_for_the_cap() -> None:
    credit = trading()
    place(credit, UNIT, terms(credit, BELOW, 1, keeper_fee=5))
    config = credit.asset(PREP).config
    credit.set_asset(PREP, replace(config, deposit_cap=2_000 * UNIT))
    refused = outcome(do, credit, 1, A.DEPOSIT, PREP, 1)
    error = Rejected("DepositCapExceeded", PREP, 2_000 * UNIT + 1, 2_000 * UNIT)
    assert refused == Rejected("ActionFailed", 0, error)
