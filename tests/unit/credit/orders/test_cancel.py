"""The action CancelOrder, and OrderBook.remove, on markets without a delay."""

import pytest

from prep.credit.actions import cancel_order, trade, withdraw
from tests.credit import PREP, SOL
from tests.suite import WAD
from tests.unit.books import both_sides, sign
from tests.unit.credit.acting import acted, low, refused, wallet
from tests.unit.credit.orders.ordering import (
    ABOVE,
    FEE,
    State,
    dollars,
    not_removed,
    order,
    orders_of,
    placed,
    removed,
    state,
)
from tests.unit.credit.trading import SOL_UNIT


@pytest.mark.parametrize("trigger", [0, 10**36], ids=["ready", "waiting"])
def test_cancel__ready_or_waiting__fee_back_and_gone(credit, clock, trader, account, trigger):
    action = order(clock, condition=ABOVE, trigger=trigger or 1, fee=FEE)
    order_id = placed(credit, trader, account, action)
    held = credit.balance(account, PREP)
    logs = acted(credit, trader, account, cancel_order(order_id))
    assert logs == [
        ("OrderCancelled", order_id, account),
        ("BalanceChanged", account, PREP, FEE, held + FEE),
    ]
    assert state(credit, order_id) == State.GONE
    assert orders_of(credit, account) == []
    assert credit.manager.reservedFees() == 0
    assert refused(credit, trader, account, cancel_order(order_id)) == (
        0,
        ("UnknownOrder", order_id),
    )


def test_cancel__expired__fee_back(credit, clock, trader, account):
    order_id = placed(credit, trader, account, order(clock, lifetime=5, fee=FEE))
    clock.advance(5)
    credit.act(trader, account, cancel_order(order_id), withdraw(PREP, 10_000 * WAD))


def test_cancel__price_missing__still_can(credit, clock, trader, account):
    order_id = placed(credit, trader, account, order(clock))
    credit.set_market_price(SOL, 0)
    credit.act(trader, account, cancel_order(order_id))


def test_cancel__of_another_account__unknown(credit, clock, trader, other_trader, account):
    other = credit.funded(other_trader, prep=100 * WAD)
    order_id = placed(credit, other_trader, other, order(clock, fee=FEE))
    assert refused(credit, trader, account, cancel_order(order_id)) == (
        0,
        ("UnknownOrder", order_id),
    )


@both_sides
@pytest.mark.parametrize("why", ["expired", "gone", "flipped", "settled"])
def test_remove__dead__by_anyone_and_fee_back_to_the_account(
    credit, clock, trader, keeper, account, is_long, why
):
    size = sign(is_long) * SOL_UNIT
    credit.act(trader, account, trade(SOL, size))
    lifetime = 100 if why == "expired" else 10**7
    action = order(clock, -size, fee=FEE, reduce_only=True, lifetime=lifetime)
    order_id = placed(credit, trader, account, action)
    other = placed(credit, trader, account, order(clock, fee=1))
    if why == "expired":
        clock.advance(99)
        assert not_removed(credit, keeper, order_id) == ("OrderAlive", order_id, State.READY)
        clock.advance(1)
    elif why == "settled":
        clock.advance(3 * 86_400)
        credit.suite.protocol.settleMarket(SOL, dollars(100), sender=credit.suite.admin)
        credit.set_market_price(SOL, 0)
        assert state(credit, other) == State.DEAD
    else:
        assert not_removed(credit, keeper, order_id) == ("OrderAlive", order_id, State.READY)
        credit.act(trader, account, trade(SOL, -size if why == "gone" else -2 * size))
    assert state(credit, order_id) == State.DEAD
    held = credit.balance(account, PREP)
    logs = removed(credit, keeper, order_id)
    assert logs == [
        ("OrderRemoved", order_id, account, low(keeper), False),
        ("BalanceChanged", account, PREP, FEE, held + FEE),
    ]
    assert orders_of(credit, account) == [other]
    assert credit.manager.reservedFees() == 1
    assert wallet(credit, PREP, keeper) == 0
    assert not_removed(credit, keeper, order_id) == ("UnknownOrder", order_id)


@pytest.mark.parametrize("waiting", [True, False])
def test_remove__alive__refused(credit, clock, trader, keeper, account, waiting):
    action = order(clock, condition=ABOVE, trigger=dollars(101 if waiting else 100))
    order_id = placed(credit, trader, account, action)
    want = State.WAITING if waiting else State.READY
    assert not_removed(credit, keeper, order_id) == ("OrderAlive", order_id, want)


def test_remove__without_fee__only_the_order_goes(credit, clock, trader, keeper, account):
    order_id = placed(credit, trader, account, order(clock, lifetime=1))
    clock.advance(1)
    logs = removed(credit, keeper, order_id)
    assert logs == [("OrderRemoved", order_id, account, low(keeper), False)]


def test_state__reduce_only_before_there_is_a_position__dead(credit, clock, trader, account):
    order_id = placed(credit, trader, account, order(clock, -SOL_UNIT, reduce_only=True))
    assert state(credit, order_id) == State.DEAD
    credit.act(trader, account, trade(SOL, SOL_UNIT))
    assert state(credit, order_id) == State.READY
