"""The action PlaceOrder, and OrderBook.place."""

import pytest

from prep.credit.actions import Action, ActionKind, cancel_order
from tests.credit import ETHER, PREP, SOL
from tests.suite import UNLIMITED, WAD
from tests.unit.credit.acting import acted, drain, holdings, low, refusal, refused
from tests.unit.credit.orders.ordering import (
    ABOVE,
    ALWAYS,
    BELOW,
    FEE,
    LIFETIME,
    LONG,
    MOST,
    State,
    order,
    orders_of,
    placed,
    state,
    stored,
    two_steps,
)
from tests.unit.credit.trading import SOL_UNIT

PLACE = "place(uint256,uint256,int256,uint256,(uint8,uint256,bool,uint256,uint256,uint256))"


def test_place__all_fields__stored_logged_and_fee_reserved(credit, clock, trader, account):
    action = order(
        clock, -7, ABOVE, 123, market=ETHER, reduce_only=True, lifetime=55, fee=FEE, limit=77
    )
    first = account << 32 | 1
    terms = (ABOVE, 123, True, clock.now + 55, FEE, 0)
    want = account, ETHER, -7, 77, terms, clock.now, first
    logs = acted(credit, trader, account, action)
    assert logs == [
        ("OrderPlaced", first, account, want),
        ("BalanceChanged", account, PREP, -FEE, 10_000 * WAD - FEE),
    ]
    assert stored(credit, first) == want
    assert orders_of(credit, account) == [first]
    assert credit.manager.reservedFees() == FEE


def test_place__several_and_one_cancelled__ids_are_not_used_twice(
    credit, clock, trader, other_trader, account
):
    base = account << 32
    assert [placed(credit, trader, account, order(clock)) for _ in range(3)] == [
        base | 1,
        base | 2,
        base | 3,
    ]
    credit.act(trader, account, cancel_order(base | 2))
    assert placed(credit, trader, account, order(clock)) == base | 4
    assert set(orders_of(credit, account)) == {base | 1, base | 3, base | 4}
    other = credit.funded(other_trader, prep=WAD * 1_000)
    assert placed(credit, other_trader, other, order(clock)) == other << 32 | 1
    assert orders_of(credit, other) == [other << 32 | 1]


def test_place__fee_without_prep__borrowed(credit, clock, trader):
    account = credit.funded(trader, weth=WAD, prep=WAD)
    credit.act(trader, account, order(clock, fee=FEE))
    assert holdings(credit, account)[PREP] == (0, FEE - WAD)
    assert credit.manager.reservedFees() == FEE


def test_place__fee_and_nobody_lends__refused_to_the_unit(credit, clock, trader):
    account = credit.funded(trader, weth=WAD)
    drain(credit, PREP, leave=FEE)
    assert refused(credit, trader, account, order(clock, fee=FEE + 1)) == (
        0,
        ("CannotBorrow", PREP, FEE + 1, FEE),
    )
    credit.act(trader, account, order(clock, fee=FEE))


def test_place__fee_that_health_does_not_allow__refused(credit, clock, trader):
    account = credit.funded(trader, prep=FEE)
    seen = refused(credit, trader, account, order(clock, fee=FEE + 1))
    assert seen == ("AccountUnhealthy", -1, 0)
    credit.act(trader, account, order(clock, fee=FEE))
    assert holdings(credit, account) == {}


def test_place__sixteenth__refused_until_one_is_gone(credit, clock, trader, account):
    credit.act(trader, account, *(MOST * [order(clock)]))
    assert refused(credit, trader, account, order(clock)) == (0, ("TooManyOrders", MOST))
    base = account << 32
    assert orders_of(credit, account) == [base | n for n in range(1, MOST + 1)]
    credit.act(trader, account, cancel_order(base | 7), order(clock))
    assert set(orders_of(credit, account)) == {base | n for n in range(1, MOST + 2)} - {base | 7}


@pytest.mark.parametrize("size", [0, 10**30 + 1, -(10**30) - 1, 2**255 - 1, -(2**255) + 1])
def test_place__size_out_of_bounds__refused(credit, clock, trader, account, size):
    good = order(clock)
    action = Action(ActionKind.PLACE_ORDER, SOL, size, 0, good.terms)
    assert refused(credit, trader, account, action) == (0, ("SizeOutOfBounds", size))


@pytest.mark.parametrize("size", [1, -1, 10**30, -(10**30)])
def test_place__smallest_and_largest_size__stored(credit, clock, trader, account, size):
    assert stored(credit, placed(credit, trader, account, order(clock, size)))[2] == size


@pytest.mark.parametrize("lifetime", [0, -1, LIFETIME + 1])
def test_place__expiry_out_of_bounds__refused(credit, clock, trader, account, lifetime):
    now = clock.now
    seen = refused(credit, trader, account, order(clock, lifetime=lifetime))
    assert seen == (0, ("ExpiryOutOfBounds", now + lifetime, now + 1, now + LIFETIME))


@pytest.mark.parametrize("expiry", [2**40 + 5, UNLIMITED])
def test_place__expiry_of_many_bits__refused(credit, clock, trader, account, expiry):
    now = clock.now
    seen = refused(credit, trader, account, order(clock, lifetime=expiry - now))
    assert seen == (0, ("ExpiryOutOfBounds", expiry, now + 1, now + LIFETIME))


@pytest.mark.parametrize("lifetime", [1, LIFETIME])
def test_place__first_and_last_expiry__stored(credit, clock, trader, account, lifetime):
    order_id = placed(credit, trader, account, order(clock, lifetime=lifetime))
    assert stored(credit, order_id)[4][3] == clock.now + lifetime


@pytest.mark.parametrize("two", [False, True], ids=["one-step", "two-steps"])
def test_place__keeper_fee__within_its_bounds(credit, clock, trader, account, two):
    if two:
        two_steps(credit)
    least, most = WAD if two else 0, 100 * WAD
    for fee in [most + 1, 2**96 + WAD, UNLIMITED, *([WAD - 1, 0] if two else [])]:
        assert refused(credit, trader, account, order(clock, fee=fee)) == (
            0,
            ("KeeperFeeOutOfBounds", fee, least, most),
        )
    credit.act(trader, account, order(clock, fee=least), order(clock, fee=most))
    assert credit.manager.reservedFees() == least + most


def test_place__always_on_a_one_step_market__refused(credit, clock, trader, account):
    seen = refused(credit, trader, account, order(clock, condition=ALWAYS, trigger=0))
    assert seen == (0, ("ConditionRefused", ALWAYS))
    two_steps(credit)
    order_id = placed(credit, trader, account, order(clock, condition=ALWAYS, trigger=0, fee=WAD))
    assert state(credit, order_id) == State.WAITING


@pytest.mark.parametrize("market", [3, 256 + SOL, UNLIMITED])
def test_place__unknown_market__refused(credit, clock, trader, account, market):
    seen = refused(credit, trader, account, order(clock, market=market))
    assert seen == (0, ("UnknownMarket", market))


def test_place__trigger_and_limit_of_many_bits__as_good_as_the_largest(
    credit, clock, trader, account
):
    action = order(clock, condition=BELOW, trigger=2**128, limit=UNLIMITED)
    order_id = placed(credit, trader, account, action)
    assert stored(credit, order_id)[3] == stored(credit, order_id)[4][1] == 2**128 - 1
    action = order(clock, condition=BELOW, trigger=2**128 - 1, limit=2**128 - 1)
    order_id = placed(credit, trader, account, action)
    assert stored(credit, order_id)[3] == stored(credit, order_id)[4][1] == 2**128 - 1


def test_place__by_somebody_himself__refused(credit, clock, trader, account):
    terms = (BELOW, 1, False, clock.now + LONG, 0, 0)
    seen = refusal(credit, trader, credit.book, PLACE, account, SOL, SOL_UNIT, 0, terms)
    assert seen == ("NotManager", low(trader))
    seen = refusal(credit, trader, credit.book, "cancel(uint256,uint256)", account, 1)
    assert seen == ("NotManager", low(trader))
    seen = refusal(credit, trader, credit.book, "executeFor(uint256,address)", 1, trader.address)
    assert seen == ("NotManager", low(trader))


@pytest.mark.parametrize("order_id", [0, 5, UNLIMITED])
def test_order__none__all_zero_and_gone(credit, order_id):
    assert state(credit, order_id) == State.GONE
    seen = stored(credit, order_id)
    assert seen[1:4] == (0, 0, 0)
    assert seen[5] == 0
