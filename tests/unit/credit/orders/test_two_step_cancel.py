"""The action CancelOrder on a market with a delay: nobody chooses after he has seen the price."""

import pytest

from prep.credit.actions import cancel_order
from tests.credit import BITCOIN, PREP, SOL
from tests.suite import WAD
from tests.unit.credit.acting import refused
from tests.unit.credit.orders.ordering import (
    ABOVE,
    ALWAYS,
    DELAY,
    FEE,
    State,
    dollars,
    order,
    placed,
    publish,
    state,
    two_steps,
)
from tests.unit.credit.trading import SOL_UNIT


@pytest.fixture
def place(credit, clock, trader, account):
    two_steps(credit)

    def place(condition=ALWAYS, trigger=0, **terms):
        action = order(clock, SOL_UNIT, condition, trigger, **({"fee": FEE} | terms))
        return placed(credit, trader, account, action)

    return place


@pytest.fixture
def bound(credit, trader, account):
    """Whether an order cannot be cancelled; if it can, its fee has come back."""

    def bound(order_id):
        held = credit.balance(account, PREP)
        try:
            credit.act(trader, account, cancel_order(order_id))
        except Exception:
            seen = refused(credit, trader, account, cancel_order(order_id))
            assert seen == (0, ("OrderBound", order_id))
            return True
        assert credit.balance(account, PREP) == held + FEE
        assert state(credit, order_id) == State.GONE
        return False

    return bound


def test_cancel__always_waiting_and_ready__bound_until_dead(credit, clock, place, bound):
    order_id = place()
    assert bound(order_id)
    clock.advance(DELAY)
    assert bound(order_id)
    publish(credit)
    assert state(credit, order_id) == State.READY
    assert bound(order_id)
    publish(credit)
    assert state(credit, order_id) == State.DEAD
    assert not bound(order_id)


def test_cancel__always_expired__can_be(clock, place, bound):
    order_id = place(lifetime=50)
    clock.advance(49)
    assert bound(order_id)
    clock.advance(1)
    assert not bound(order_id)


def test_cancel__trigger_waiting__can_be(credit, clock, place, bound):
    first, second = (place(ABOVE, dollars(110)) for _ in range(2))
    assert not bound(first)
    clock.advance(DELAY)
    publish(credit, 109)
    assert not bound(second)


def test_cancel__trigger_ready__bound_until_the_run_goes_on(credit, clock, place, bound):
    order_id = place(ABOVE, dollars(110))
    clock.advance(DELAY)
    publish(credit, 110)
    assert state(credit, order_id) == State.READY
    assert bound(order_id)
    clock.advance(1)
    publish(credit, 111)
    assert state(credit, order_id) == State.WAITING
    assert not bound(order_id)


def test_cancel__always_reduce_only_of_nothing__dead_so_it_can_be(place, bound):
    assert not bound(place(reduce_only=True))


def test_cancel__one_step_again_or_settled__can_be(credit, clock, place, bound):
    first, second = place(), place()
    two_steps(credit, delay=0)
    assert not bound(first)
    two_steps(credit)
    assert bound(second)
    clock.advance(3 * 86_400)
    credit.suite.protocol.settleMarket(SOL, dollars(100), sender=credit.suite.admin)
    assert not bound(second)


def test_cancel__trigger_while_the_feed_is_stale__can_be(credit, clock, trader, account, bound):
    """Without a usable price it cannot be filled either. One that always fills stays bound."""
    two_steps(credit, BITCOIN)
    actions = [
        order(clock, WAD // 10, condition, trigger, market=BITCOIN, fee=FEE)
        for condition, trigger in ((ABOVE, 1), (ALWAYS, 0))
    ]
    waits, always = (placed(credit, trader, account, action) for action in actions)
    clock.advance(DELAY)
    credit.suite.set_price(10_000)
    assert state(credit, waits) == state(credit, always) == State.READY
    assert bound(waits)
    clock.advance(7 * 86_400 + 1)
    assert not bound(waits)
    assert bound(always)


def test_cancel__oracle_that_says_nothing_at_all__bound_only_without_a_condition(
    credit, place, bound
):
    """What could still have its only price stays; what waits for a condition cannot be filled."""
    always, triggered = place(), place(ABOVE, 1)
    credit.node.rpc("anvil_setCode", credit.market_oracles[SOL].address, "0xfe")
    assert bound(always)
    assert not bound(triggered)
