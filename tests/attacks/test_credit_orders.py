"""Attack: an order is filled twice, at a price that its account did not accept, or stops a batch.

An order is gone before it trades; a limit holds whatever the oracle has said since; and one that
fails costs the others of its batch nothing but its gas.
"""

import pytest

from prep.credit.actions import (
    ALL,
    Condition,
    OrderTerms,
    limit_order,
    place_order,
    stop_order,
    trade,
    withdraw,
)
from tests.attacks.till import (
    HOUR,
    OrderState,
    check_books,
    fill,
    last_order,
    later,
    now,
    placed,
    refusal,
    state_of,
    wallet,
)
from tests.credit import BITCOIN, ETHER, PREP, SOL
from tests.suite import WAD

FUNDS = 50_000 * WAD
FEE = 7 * WAD
EXECUTE_ONE, EXECUTE_MANY, REMOVE = "execute(uint256)", "executeMany(uint256[])", "remove(uint256)"
PRICE = 10_000 * WAD


@pytest.fixture
def account(credit, victim):
    return credit.funded(victim, prep=FUNDS)


def buying(credit, fee=FEE, size=WAD):
    """A bitcoin at 10,000 or less."""
    return limit_order(BITCOIN, size, PRICE, now(credit) + HOUR, fee)


@pytest.mark.parametrize("again", [EXECUTE_ONE, REMOVE])
def test_execute__an_order_that_was_filled__gone(credit, victim, attacker, account, again):
    order = placed(credit, victim, account, buying(credit))
    fill(credit, attacker, order)
    assert refusal(credit, attacker, credit.book, again, order) == ("UnknownOrder", (order,))
    assert state_of(credit, order) == OrderState.GONE


def test_execute_many__the_same_order_three_times__filled_once(credit, victim, attacker, account):
    order = placed(credit, victim, account, buying(credit))
    credit.must(attacker, credit.book, EXECUTE_MANY, [order, order, order])
    assert credit.size(account, BITCOIN) == WAD
    assert wallet(credit, attacker, PREP) == FEE
    assert credit.manager.reservedFees() == 0
    check_books(credit)


def test_place__after_an_order_was_filled__another_id(credit, victim, attacker, account):
    """An old transaction that fills an id cannot fill a new order."""
    order = placed(credit, victim, account, buying(credit))
    fill(credit, attacker, order)
    assert placed(credit, victim, account, buying(credit)) == order + 1


@pytest.mark.parametrize("dollars", [10_001, 12_000])
def test_execute__oracle_has_risen_before_the_fill__waits(
    credit, victim, attacker, account, dollars
):
    order = placed(credit, victim, account, buying(credit))
    assert state_of(credit, order) == OrderState.READY
    credit.set_market_price(BITCOIN, dollars)
    error = refusal(credit, attacker, credit.book, EXECUTE_ONE, order)
    assert error == ("OrderNotReady", (order, OrderState.WAITING))


def test_execute__skew_pushed_before_the_fill__not_above_the_limit(
    credit, victim, attacker, account
):
    """The oracle's price is the trigger; the limit is for the price that the trade itself gets."""
    terms = limit_order(ETHER, WAD, 2_000 * WAD, now(credit) + HOUR, FEE)
    order = placed(credit, victim, account, terms)
    own = credit.funded(attacker, prep=10 * FUNDS)
    credit.act(attacker, own, trade(ETHER, 100 * WAD))
    error, (price, limit) = refusal(credit, attacker, credit.book, EXECUTE_ONE, order)
    assert error == "PriceNotAcceptable"
    assert price > limit == 2_000 * WAD


@pytest.mark.parametrize("dollars", [11_000, 13_000])
def test_execute__stop_without_a_limit__fills_wherever_the_price_is(
    credit, victim, attacker, account, dollars
):
    """The control: without a limit whoever comes after the price has moved may fill it, and then it
    is filled at the price of that moment, not at the trigger."""
    terms = stop_order(BITCOIN, WAD, 10_500 * WAD, now(credit) + HOUR, FEE)
    order = placed(credit, victim, account, terms)
    credit.set_market_price(BITCOIN, dollars)
    fill(credit, attacker, order)
    call = "marginPosition(address,uint256,uint256)", credit.manager.address, account, BITCOIN
    entry = credit.node.read((credit.suite.protocol.address, *call))[0][1]
    assert entry == dollars * WAD


def test_execute_many__orders_that_fail_in_every_way__others_filled(
    credit, victim, attacker, accomplice, account
):
    """One has no collateral left, one waits, one is dead, one does not exist, one is above its
    limit."""
    poor = credit.funded(accomplice, prep=20_000 * WAD)
    bad = [placed(credit, accomplice, poor, buying(credit))]
    credit.act(accomplice, poor, withdraw(PREP, ALL))
    bad.append(placed(credit, victim, account, low(credit)))
    reducing = OrderTerms(Condition.AT_OR_ABOVE, 1, True, now(credit) + HOUR, 0)
    bad.append(placed(credit, victim, account, place_order(SOL, -(10**6), reducing)))
    bad.append(last_order(credit, account) + 99)
    tight = OrderTerms(Condition.AT_OR_ABOVE, 1, False, now(credit) + HOUR, 0)
    bad.append(placed(credit, victim, account, place_order(BITCOIN, WAD, tight, PRICE - 1)))
    good = [placed(credit, victim, account, buying(credit)) for _ in range(2)]
    batch = [good[0], *bad, good[1]]
    alone = [refusal(credit, attacker, credit.book, EXECUTE_ONE, order)[0] for order in bad]
    assert alone == [
        "AccountUnhealthy",
        "OrderNotReady",
        "OrderNotReady",
        "UnknownOrder",
        "PriceNotAcceptable",
    ]
    call = attacker.address, credit.book.address, EXECUTE_MANY, batch
    filled = credit.node.simulate(*call)
    assert list(filled) == [True, *[False] * len(bad), True]
    credit.must(attacker, credit.book, EXECUTE_MANY, batch)
    assert credit.size(account, BITCOIN) == 2 * WAD
    assert wallet(credit, attacker, PREP) == 2 * FEE
    check_books(credit)


def low(credit):
    return limit_order(BITCOIN, WAD, 9_000 * WAD, now(credit) + HOUR, FEE)


def test_remove__dead_order__fee_back_to_the_account(credit, victim, attacker, account):
    """Nobody is paid for removing what nobody has missed."""
    order = placed(credit, victim, account, buying(credit))
    error = refusal(credit, attacker, credit.book, REMOVE, order)
    assert error == ("OrderAlive", (order, OrderState.READY))
    later(credit, HOUR)
    credit.must(attacker, credit.book, REMOVE, order)
    assert wallet(credit, attacker, PREP) == 0
    assert credit.balance(account, PREP) == FUNDS
    check_books(credit)
