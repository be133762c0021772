"""Attack: an account places an order on a market with two-step execution, waits until it knows
whether it wants it, and gets rid of it otherwise.

It cannot cancel or remove it, nor by selling the account. It can take away its collateral, so that
the fill is refused: that costs the keeper fee, works only before somebody fills it in the block of
the price, and leaves nothing to repeat. An order with a condition can be cancelled while it waits.
"""

import pytest

from prep.credit.actions import (
    ALL,
    Condition,
    OrderTerms,
    borrow,
    cancel_order,
    limit_order,
    market_order,
    place_order,
    repay,
    withdraw,
)
from tests.attacks.till import (
    HOUR,
    OrderState,
    check_books,
    fill,
    later,
    now,
    placed,
    refusal,
    refused,
    state_of,
    two_step,
    wallet,
)
from tests.credit import ETHER, PREP, WETH
from tests.suite import WAD

DELAY = 10
FEE = WAD
FUNDS = 50_000 * WAD
SIZE = 5 * WAD


@pytest.fixture
def account(credit, attacker):
    two_step(credit, DELAY)
    return credit.funded(attacker, prep=FUNDS)


@pytest.fixture
def order(credit, attacker, account):
    """Always fills: what would be a trade elsewhere."""
    terms = market_order(ETHER, SIZE, now(credit) + HOUR, FEE)
    return placed(credit, attacker, account, terms)


def publish(credit, dollars=2_000):
    later(credit, DELAY)
    credit.set_market_price(ETHER, dollars)


def test_cancel__order_that_always_fills__never(credit, attacker, account, order):
    assert refused(credit, attacker, account, cancel_order(order)) == ("OrderBound", (order,))
    publish(credit)
    assert refused(credit, attacker, account, cancel_order(order)) == ("OrderBound", (order,))


def test_remove__order_that_can_fill__refused_and_then_costs_the_fee(
    credit, attacker, stranger, account, order
):
    signature = "remove(uint256)"
    error = refusal(credit, attacker, credit.book, signature, order)
    assert error == ("OrderAlive", (order, OrderState.WAITING))
    publish(credit)
    error = refusal(credit, attacker, credit.book, signature, order)
    assert error == ("OrderAlive", (order, OrderState.READY))
    publish(credit)
    credit.must(stranger, credit.book, signature, order)
    assert wallet(credit, stranger, PREP) == FEE, "who removes what has been missed is paid"
    assert credit.balance(account, PREP) == FUNDS - FEE
    check_books(credit)


def test_cancel__missed_order_before_anybody_removes_it__fee_comes_back(
    credit, attacker, account, order
):
    """The fee of an order that nobody has filled is for whoever is first, and that may be its
    owner."""
    publish(credit)
    publish(credit)
    assert state_of(credit, order) == OrderState.DEAD
    credit.act(attacker, account, cancel_order(order))
    assert credit.balance(account, PREP) == FUNDS
    check_books(credit)


def test_transfer__with_an_order__new_owner_cannot_cancel_and_it_fills(
    credit, attacker, accomplice, stranger, account, order
):
    credit.manager.transferFrom(attacker, accomplice, account, sender=attacker)
    assert refused(credit, accomplice, account, cancel_order(order)) == ("OrderBound", (order,))
    publish(credit)
    fill(credit, stranger, order)
    assert credit.size(account, ETHER) == SIZE


def test_withdraw__before_the_fill__costs_the_fee_and_the_order(
    credit, attacker, stranger, account, order
):
    """Who takes his collateral away cannot bring it back once he has seen more: the first who tries
    to fill uses the order up, and gets its fee. If that is the owner, all he has is a free end."""
    credit.act(attacker, account, withdraw(PREP, ALL))
    publish(credit)
    assert refused(credit, attacker, account, cancel_order(order)) == ("OrderBound", (order,))
    credit.must(stranger, credit.book, "execute(uint256)", order)
    assert credit.size(account, ETHER) == 0
    assert wallet(credit, stranger, PREP) == FEE
    assert wallet(credit, attacker, PREP) == FUNDS - FEE
    error, _ = refusal(credit, stranger, credit.book, "execute(uint256)", order)
    assert error == "UnknownOrder"
    check_books(credit)


def test_withdraw__after_the_fill_in_the_block_of_the_price__too_late(
    credit, attacker, stranger, account, order, one_block
):
    """The control: a keeper who comes with the price leaves nothing to choose."""
    credit.act(attacker, account, withdraw(PREP, FUNDS // 2))
    publish(credit, 2_000)
    fill(credit, stranger, order)
    error, _ = refused(credit, attacker, account, withdraw(PREP, ALL))
    assert error == "AccountUnhealthy"
    assert credit.size(account, ETHER) == SIZE


@pytest.mark.parametrize("holds", [True, False], ids=["any-price", "limit"])
def test_cancel__order_with_a_condition__while_it_waits_only(
    credit, attacker, stranger, account, holds
):
    """An order with a condition that holds at every price fills as one without, but can be
    cancelled until its price is published: whoever sees prices before they are, chooses. Not
    afterwards, and not with an order that always fills."""
    trigger = 10**30 if holds else 1_990 * WAD
    terms = OrderTerms(Condition.AT_OR_BELOW, trigger, False, now(credit) + HOUR, FEE)
    order = placed(credit, attacker, account, place_order(ETHER, SIZE, terms))
    later(credit, DELAY)
    credit.act(attacker, account, cancel_order(order))
    assert credit.balance(account, PREP) == FUNDS

    order = placed(credit, attacker, account, place_order(ETHER, SIZE, terms))
    publish(credit, 1_990)
    assert refused(credit, attacker, account, cancel_order(order)) == ("OrderBound", (order,))
    fill(credit, stranger, order)
    assert credit.size(account, ETHER) == SIZE


def test_execute__condition_held_at_the_price_before__not_a_second_time(
    credit, attacker, stranger, account
):
    """Of a run of prices at which it holds only the first fills: it cannot be kept for a better
    one."""
    terms = limit_order(ETHER, SIZE, 2_100 * WAD, now(credit) + HOUR, FEE, 0)
    order = placed(credit, attacker, account, terms)
    publish(credit, 2_050)
    assert state_of(credit, order) == OrderState.READY
    publish(credit, 1_900)
    error = refusal(credit, attacker, credit.book, "execute(uint256)", order)
    assert error == ("OrderNotReady", (order, OrderState.WAITING))


def test_cancel__market_with_one_step__as_one_likes(credit, attacker, account):
    """The control: there is nothing to wait for."""
    two_step(credit, 0)
    terms = limit_order(ETHER, SIZE, 2_100 * WAD, now(credit) + HOUR, FEE)
    order = placed(credit, attacker, account, terms)
    assert state_of(credit, order) == OrderState.READY
    credit.act(attacker, account, cancel_order(order))
    assert credit.balance(account, PREP) == FUNDS


def test_execute__nothing_left_to_borrow_by_the_owners_doing__waits_for_him(
    credit, attacker, accomplice, stranger
):
    """Known: an account without PREP cannot pay for opening while the lenders have none idle, and
    its order is not used up by that. Who borrows all of it himself can look at what prices do until
    the next one is published, and then give it back and fill; or let it be and lose the fee."""
    two_step(credit, DELAY)
    account = credit.funded(attacker, weth=50 * WAD, prep=FEE)
    order = placed(credit, attacker, account, market_order(ETHER, SIZE, now(credit) + HOUR, FEE))
    whale = credit.funded(accomplice, weth=1_000 * WAD)
    credit.act(accomplice, whale, borrow(PREP, credit.lending[PREP].idle()))
    publish(credit)
    error, _ = refusal(credit, stranger, credit.book, "execute(uint256)", order)
    assert error == "CannotBorrow"
    later(credit, HOUR // 2)
    assert state_of(credit, order) == OrderState.READY
    credit.act(accomplice, whale, repay(PREP, ALL))
    fill(credit, attacker, order)
    assert credit.size(account, ETHER) == SIZE
    assert wallet(credit, attacker, PREP) == FEE
    check_books(credit)


def test_execute__something_without_price_in_the_account__waits_for_its_owner(
    credit, attacker, stranger
):
    """Known: the same with a unit of an asset whose feed is dead at the moment. It can be taken out
    alone, since what is left has a price."""
    two_step(credit, DELAY)
    account = credit.funded(attacker, prep=FUNDS, weth=1)
    order = placed(credit, attacker, account, market_order(ETHER, SIZE, now(credit) + HOUR, FEE))
    credit.must(credit.suite.admin, credit.oracles[WETH], "setPrice(uint256)", 0)
    publish(credit)
    error, _ = refusal(credit, stranger, credit.book, "execute(uint256)", order)
    assert error == "PriceOutOfBounds"
    credit.act(attacker, account, withdraw(WETH, ALL))
    fill(credit, attacker, order)
    assert credit.size(account, ETHER) == SIZE
