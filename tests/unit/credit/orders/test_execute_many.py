"""OrderBook.executeMany: those that fail are left as they are."""

from tests.credit import PREP, SOL
from tests.suite import WAD
from tests.unit.credit.acting import decoded, events, low, wallet
from tests.unit.credit.orders.ordering import (
    ABOVE,
    EXECUTE_MANY,
    FEE,
    State,
    dollars,
    order,
    orders_of,
    placed,
    state,
)
from tests.unit.credit.trading import SOL_UNIT


def test_execute_many__some_fail__others_filled_and_the_caller_paid(
    credit, clock, trader, other_trader, keeper, account
):
    other = credit.funded(other_trader, prep=1_000 * WAD)
    good = placed(credit, trader, account, order(clock, fee=FEE))
    waits = placed(
        credit, trader, account, order(clock, condition=ABOVE, trigger=dollars(101), fee=FEE)
    )
    too_much = placed(credit, other_trader, other, order(clock, 60 * SOL_UNIT))
    at_limit = placed(credit, other_trader, other, order(clock, limit=dollars(100) - 1))
    last = placed(credit, other_trader, other, order(clock, -SOL_UNIT, fee=FEE))
    ids = [good, waits, too_much, good, at_limit, 77, last]
    call = keeper.address, credit.book.address, EXECUTE_MANY, ids
    assert credit.node.simulate(*call) == (True, False, False, False, False, False, True)
    logs = events(credit, keeper, credit.book, EXECUTE_MANY, ids)
    skipped = [(log[1], decoded(credit, log[2])) for log in logs if log[0] == "OrderSkipped"]
    assert skipped == [
        (waits, ("OrderNotReady", waits, State.WAITING)),
        (too_much, ("AccountUnhealthy", 1_000 * WAD - FEE, 1_200 * WAD)),
        (good, ("UnknownOrder", good)),
        (at_limit, ("PriceNotAcceptable", dollars(100), dollars(100) - 1)),
        (77, ("UnknownOrder", 77)),
    ]
    filled = [log for log in logs if log[0] == "OrderFilled"]
    assert filled == [
        ("OrderFilled", account, SOL, low(keeper), FEE),
        ("OrderFilled", other, SOL, low(keeper), FEE),
    ]
    assert wallet(credit, PREP, keeper) == 2 * FEE
    assert credit.manager.reservedFees() == FEE
    assert orders_of(credit, account) == [waits]
    assert orders_of(credit, other) == [too_much, at_limit]
    assert state(credit, too_much) == State.READY


def test_execute_many__none__nothing(credit, keeper):
    call = keeper.address, credit.book.address, EXECUTE_MANY, []
    assert credit.node.simulate(*call) == ()


def test_execute_many__linked__the_second_is_gone(credit, clock, trader, keeper, account):
    first = placed(credit, trader, account, order(clock))
    second = placed(credit, trader, account, order(clock, linked_to=first))
    logs = events(credit, keeper, credit.book, EXECUTE_MANY, [second, first])
    assert [log[0] for log in logs] == [
        "OrderCancelled",
        "OrderTriggered",
        "OrderFilled",
        "OrderSkipped",
    ]
    assert decoded(credit, logs[-1][2]) == ("UnknownOrder", first)
