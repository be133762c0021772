"""Orders on markets with a delay worked out by hand. docs/credit.md, "Orders"."""

import pytest

from prep.model import MarketConfig, Rejected
from prep.model.credit_results import (
    ActionKind,
    OrderFilled,
    OrderRefused,
    OrderRemoved,
)
from prep.model.window import Condition, OrderState
from tests.property.bench import ETH, PREP, UNIT, do, terms
from tests.property.orders import place, price, tell, trading
from tests.property.world import outcome

A = ActionKind
ALWAYS, ABOVE, BELOW = Condition
DELAY = 10
WAITING, READY, DEAD, GONE = OrderState


def test_always__first_price_in_time__fills_at_that_alone() -> None:
    credit = trading(DELAY)
    order = place(credit, UNIT, terms(credit, ALWAYS, keeper_fee=UNIT))
    book = credit.order_book
    tell(credit, 3_100, 9)
    assert book.state_of(order) is WAITING, "a second too early"
    bound = Rejected("ActionFailed", 0, Rejected("OrderBound", order))
    assert outcome(do, credit, 1, A.CANCEL_ORDER, order) == bound
    tell(credit, 3_200, 1)
    assert book.state_of(order) is READY
    assert outcome(do, credit, 1, A.CANCEL_ORDER, order) == bound
    book.execute("keeper", order)
    assert credit.system.margin_position("manager", 1, ETH).entry_price == price(3_200)


def test_always__later_price__is_dead_and_its_fee_the_removers() -> None:
    credit = trading(DELAY)
    order = place(credit, UNIT, terms(credit, ALWAYS, keeper_fee=UNIT))
    tell(credit, 3_100, 10)
    tell(credit, 3_200, 1)
    credit.system.set_price(ETH, Rejected("StalePrice"))
    assert credit.order_book.state_of(order) is DEAD, "also without a usable price"
    assert OrderRemoved(order, 1, "x", True) in credit.order_book.remove("x", order)
    assert (credit.reserved_fees, credit.holding(1, PREP).balance) == (0, 1_999 * UNIT)


@pytest.mark.parametrize("after, to_remover", [(9, False), (10, True), (86_400, False)])
def test_always__expired__fee_by_whether_there_was_a_price(after: int, to_remover: bool) -> None:
    credit = trading(DELAY)
    order = place(credit, UNIT, terms(credit, ALWAYS, keeper_fee=UNIT))
    tell(credit, 3_100, after)
    credit.system.now += 86_400
    assert OrderRemoved(order, 1, "x", to_remover) in credit.order_book.remove("x", order)


def test_always__dead__can_be_cancelled_by_the_account() -> None:
    credit = trading(DELAY)
    order = place(credit, UNIT, terms(credit, ALWAYS, keeper_fee=UNIT))
    credit.system.now += 86_400
    do(credit, 1, A.CANCEL_ORDER, order)
    assert credit.holding(1, PREP).balance == 2_000 * UNIT


def test_limit_order__run_of_prices__only_its_first_fills() -> None:
    credit = trading(DELAY)
    order = place(credit, UNIT, terms(credit, BELOW, price(2_900), keeper_fee=UNIT))
    book = credit.order_book
    credit.system.set_price(ETH, Rejected("StalePrice"))
    states = [book.state_of(order)]
    for coins, after in ((2_800, 9), (2_850, 1), (2_850, 1), (2_950, 1), (2_900, 1), (2_899, 1)):
        tell(credit, coins, after)
        states.append(book.state_of(order))
    assert states == [WAITING, WAITING, READY, WAITING, WAITING, READY, WAITING]
    do(credit, 1, A.CANCEL_ORDER, order)
    assert credit.reserved_fees == 0


def test_limit_order__ready__cannot_be_cancelled() -> None:
    credit = trading(DELAY)
    order = place(credit, UNIT, terms(credit, BELOW, price(2_900), keeper_fee=UNIT))
    do(credit, 1, A.CANCEL_ORDER, order)
    order = place(credit, UNIT, terms(credit, BELOW, price(2_900), keeper_fee=UNIT))
    tell(credit, 2_900, 10)
    refused = outcome(do, credit, 1, A.CANCEL_ORDER, order)
    assert refused == Rejected("ActionFailed", 0, Rejected("OrderBound", order))
    credit.system.set_market(ETH, MarketConfig())
    do(credit, 1, A.CANCEL_ORDER, order)


def test_always__own_account_cannot_bear_it__is_gone_and_its_fee_the_keepers() -> None:
    credit = trading(DELAY)
    order = place(credit, 7 * UNIT, terms(credit, ALWAYS, keeper_fee=UNIT))
    tell(credit, 3_000, DELAY)
    events = credit.order_book.execute("keeper", order)
    # 1,999 that are left against 21,000 * 10 %.
    reason = Rejected("AccountUnhealthy", 1_999 * UNIT, 2_100 * UNIT)
    assert OrderRefused(order, 1, "keeper", reason) in events
    assert not [event for event in events if isinstance(event, OrderFilled)]
    assert credit.order_book.state_of(order) is GONE
    assert credit.contents(1) == ([(PREP, 1_999 * UNIT, 0, 0)], [])
    assert credit.reserved_fees == 0


def test_always__limit_is_not_met__stays() -> None:
    credit = trading(DELAY)
    order = place(credit, UNIT, terms(credit, ALWAYS, keeper_fee=UNIT), price(2_999))
    tell(credit, 3_000, DELAY)
    refused = outcome(credit.order_book.execute, "keeper", order)
    assert refused == Rejected("PriceNotAcceptable", price(3_000), price(2_999))
    assert credit.order_book.state_of(order) is READY


def test_always__used_up__what_is_linked_to_it_stays() -> None:
    credit = trading(DELAY)
    other = place(credit, UNIT, terms(credit, ABOVE, price(4_000), keeper_fee=UNIT))
    linked = terms(credit, ALWAYS, keeper_fee=UNIT)._replace(linked_to=other)
    order = place(credit, 7 * UNIT, linked)
    tell(credit, 3_000, DELAY)
    events = credit.order_book.execute("keeper", order)
    # With the fee of the other one, which would come back: 1,998 + 1 against 2,100.
    reason = Rejected("AccountUnhealthy", 1_999 * UNIT, 2_100 * UNIT)
    assert events == (OrderRefused(order, 1, "keeper", reason),)
    book = credit.order_book
    assert (book.state_of(order), book.state_of(other)) == (GONE, WAITING)
    assert book.orders[other].next == other
    assert (credit.reserved_fees, credit.holding(1, PREP).balance) == (UNIT, 1_998 * UNIT)


def test_always__no_room_for_a_position__is_gone_and_its_fee_the_keepers() -> None:
    credit = trading(DELAY)
    order = place(credit, UNIT, terms(credit, ALWAYS, keeper_fee=UNIT))
    for market in range(2, 10):
        credit.system.add_market(MarketConfig())
        credit.system.set_price(market, UNIT)
        do(credit, 1, A.TRADE, market, UNIT)
    tell(credit, 3_000, DELAY)
    events = credit.order_book.execute("keeper", order)
    assert OrderRefused(order, 1, "keeper", Rejected("TooMany", 8)) in events
    assert credit.order_book.state_of(order) is GONE
    assert credit.system.margin_position("manager", 1, ETH).size == 0
    assert credit.reserved_fees == 0
