"""Orders on a market with a delay: at the first price, late enough, of a run at which they fill."""

import pytest

from prep.credit.actions import trade
from tests.credit import BITCOIN, PREP, SOL
from tests.suite import WAD
from tests.unit.books import both_sides, sign
from tests.unit.credit.acting import low, wallet
from tests.unit.credit.orders.ordering import (
    ABOVE,
    ALWAYS,
    BELOW,
    DELAY,
    FEE,
    State,
    dollars,
    executed,
    not_executed,
    not_removed,
    order,
    orders_of,
    placed,
    publish,
    removed,
    state,
    stored,
    two_steps,
)
from tests.unit.credit.trading import SOL_UNIT


@pytest.fixture
def place(credit, clock, trader, account):
    """Orders on SOL, which has a delay now."""
    two_steps(credit)

    def place(condition=ALWAYS, trigger=0, size=SOL_UNIT, **terms):
        action = order(clock, size, condition, trigger, **({"fee": FEE} | terms))
        return placed(credit, trader, account, action)

    return place


@both_sides
def test_always__first_price_in_time__filled(credit, clock, keeper, account, place, is_long):
    order_id = place(size=sign(is_long) * SOL_UNIT)
    assert state(credit, order_id) == State.WAITING
    clock.advance(DELAY)
    assert state(credit, order_id) == State.WAITING
    publish(credit, 104)
    assert state(credit, order_id) == State.READY
    # For as long as it is the latest.
    clock.advance(1_000)
    logs = executed(credit, keeper, order_id)
    assert logs[0] == ("OrderTriggered", order_id, account, low(keeper), dollars(104))
    assert credit.size(account, SOL) == sign(is_long) * SOL_UNIT
    client = credit.manager.address
    position = credit.suite.protocol.marginPosition(client, account, SOL)
    assert position.entryPrice == dollars(104)
    assert wallet(credit, PREP, keeper) == FEE


def test_always__price_a_second_too_early__waits_and_does_not_count(credit, clock, keeper, place):
    order_id = place()
    publish(credit)
    assert state(credit, order_id) == State.WAITING
    clock.advance(DELAY - 1)
    publish(credit, 101)
    assert not_executed(credit, keeper, order_id) == ("OrderNotReady", order_id, State.WAITING)
    clock.advance(1)
    publish(credit, 102)
    assert state(credit, order_id) == State.READY


def test_always__second_price_in_time__dead_and_its_fee_to_the_remover(
    credit, clock, keeper, account, place
):
    order_id, other = place(), place(lifetime=10**6)
    clock.advance(DELAY)
    publish(credit, 101)
    assert not_removed(credit, keeper, order_id) == ("OrderAlive", order_id, State.READY)
    clock.advance(1)
    publish(credit, 101)
    assert state(credit, order_id) == State.DEAD
    assert not_executed(credit, keeper, order_id) == ("OrderNotReady", order_id, State.DEAD)
    held = credit.balance(account, PREP)
    logs = removed(credit, keeper, order_id)
    assert logs == [("OrderRemoved", order_id, account, low(keeper), True)]
    assert wallet(credit, PREP, keeper) == FEE
    assert credit.balance(account, PREP) == held
    assert orders_of(credit, account) == [other]
    assert credit.manager.reservedFees() == FEE


def test_always__missed_and_expired__fee_to_the_remover(credit, clock, keeper, place):
    order_id = place(lifetime=100)
    clock.advance(DELAY)
    publish(credit)
    clock.advance(1)
    publish(credit)
    clock.advance(100)
    assert removed(credit, keeper, order_id)[0][4] is True


@pytest.mark.parametrize("had_its_price", [False, True])
def test_always__expired__fee_to_the_remover_if_it_could_have_been_filled(
    credit, clock, keeper, account, place, had_its_price
):
    order_id = place(lifetime=100)
    clock.advance(99)
    if had_its_price:
        publish(credit)
    assert state(credit, order_id) == (State.READY if had_its_price else State.WAITING)
    clock.advance(1)
    assert state(credit, order_id) == State.DEAD
    held = credit.balance(account, PREP)
    assert removed(credit, keeper, order_id)[0][4] is had_its_price
    assert credit.balance(account, PREP) == held + (0 if had_its_price else FEE)
    assert wallet(credit, PREP, keeper) == (FEE if had_its_price else 0)


@both_sides
def test_always__reduce_only_and_flat__dead_and_fee_back(
    credit, clock, keeper, account, place, is_long
):
    order_id = place(size=sign(is_long) * SOL_UNIT, reduce_only=True)
    clock.advance(DELAY)
    publish(credit)
    assert state(credit, order_id) == State.DEAD
    assert removed(credit, keeper, order_id)[0][4] is False


@pytest.mark.parametrize(
    "condition, before, at, after",
    [(ABOVE, 109, 110, 111), (BELOW, 111, 110, 109)],
    ids=["above", "below"],
)
def test_trigger__first_of_a_run__filled_and_otherwise_the_next_run(
    credit, clock, keeper, place, condition, before, at, after
):
    first, second = (place(condition, dollars(110)) for _ in range(2))
    clock.advance(DELAY)
    for price, want in [
        (before, State.WAITING),
        (at, State.READY),
        (after, State.WAITING),
        (at, State.WAITING),
        (before, State.WAITING),
        (after, State.READY),
    ]:
        publish(credit, price)
        assert state(credit, first) == want
        if want == State.WAITING:
            assert not_removed(credit, keeper, first) == ("OrderAlive", first, want)
        clock.advance(1)
    logs = executed(credit, keeper, first)
    assert logs[0][4] == dollars(after)
    assert state(credit, second) == State.READY


def test_trigger__price_in_time_after_one_that_was_not__first_of_its_run(credit, clock, place):
    """What held before is of no account."""
    order_id = place(ABOVE, dollars(110))
    publish(credit, 120)
    clock.advance(DELAY - 1)
    publish(credit, 120)
    assert state(credit, order_id) == State.WAITING
    clock.advance(1)
    publish(credit, 120)
    assert state(credit, order_id) == State.READY
    clock.advance(1)
    publish(credit, 120)
    assert state(credit, order_id) == State.WAITING


def test_trigger__expired__dead_and_fee_back(credit, clock, keeper, account, place):
    order_id = place(ABOVE, dollars(110), lifetime=100)
    clock.advance(100)
    publish(credit, 110)
    held = credit.balance(account, PREP)
    assert removed(credit, keeper, order_id)[0][4] is False
    assert credit.balance(account, PREP) == held + FEE


@both_sides
def test_trigger__reduce_only__filled_cut(credit, clock, trader, keeper, account, is_long):
    s = sign(is_long)
    credit.act(trader, account, trade(SOL, s * SOL_UNIT))
    two_steps(credit)
    action = order(clock, -9 * s * SOL_UNIT, ABOVE, 1, reduce_only=True, fee=FEE)
    order_id = placed(credit, trader, account, action)
    clock.advance(DELAY)
    publish(credit)
    executed(credit, keeper, order_id)
    assert credit.size(account, SOL) == 0


def test_delay__changed_after_placing__the_new_one_counts(credit, clock, place):
    order_id = place()
    two_steps(credit, delay=3_600)
    clock.advance(3_599)
    publish(credit)
    assert state(credit, order_id) == State.WAITING
    clock.advance(1)
    publish(credit)
    assert state(credit, order_id) == State.READY


def test_always__market_has_one_step_again__fills_at_once(credit, keeper, account, place):
    order_id = place()
    assert stored(credit, order_id)[4][0] == ALWAYS
    two_steps(credit, delay=0)
    assert state(credit, order_id) == State.READY
    executed(credit, keeper, order_id)
    assert credit.size(account, SOL) == SOL_UNIT


@pytest.mark.parametrize("missed", [False, True])
def test_always__market_settled__dead_and_fee_back(credit, clock, keeper, account, place, missed):
    order_id = place()
    for _ in range(2 if missed else 1):
        clock.advance(DELAY)
        publish(credit)
    clock.advance(3 * 86_400)
    credit.suite.protocol.settleMarket(SOL, dollars(100), sender=credit.suite.admin)
    assert state(credit, order_id) == State.DEAD
    held = credit.balance(account, PREP)
    assert removed(credit, keeper, order_id)[0][4] is False
    assert credit.balance(account, PREP) == held + FEE


def test_always__over_a_feed__by_its_rounds(credit, clock, trader, keeper, account):
    two_steps(credit, BITCOIN)
    credit.suite.set_price(10_000)
    order_id = placed(
        credit, trader, account, order(clock, WAD // 10, ALWAYS, 0, market=BITCOIN, fee=WAD)
    )
    clock.advance(DELAY)
    assert state(credit, order_id) == State.WAITING
    credit.suite.set_price(10_001)
    assert state(credit, order_id) == State.READY
    credit.suite.set_price(10_002)
    assert state(credit, order_id) == State.DEAD
    removed(credit, keeper, order_id)
    assert wallet(credit, PREP, keeper) == WAD


def test_linked__bound_order__stays_when_the_other_is_filled(credit, clock, keeper, account, place):
    """What its owner cannot cancel does not go with an order that it is linked to either."""
    first = place()
    second = place(ABOVE, 1, linked_to=first)
    clock.advance(DELAY)
    publish(credit)
    assert state(credit, first) == state(credit, second) == State.READY
    executed(credit, keeper, second)
    assert orders_of(credit, account) == [first]
    assert credit.balance(account, PREP) == 10_000 * WAD - 2 * FEE
