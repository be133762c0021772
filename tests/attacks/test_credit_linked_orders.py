"""Attack: on a market with two-step execution an order cannot be cancelled once its fate may be
known. So it is linked to a cheap one elsewhere, which the attacker fills himself if he does not
like what he has seen: filling one cancels the other.

An order that its account could not cancel is not cancelled by a linked one either.
"""

import pytest

from prep.credit.actions import (
    Action,
    ActionKind,
    Condition,
    OrderTerms,
    deposit,
    limit_order,
    market_order,
    place_order,
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
    state_of,
    two_step,
)
from tests.credit import ETHER, PREP, SOL
from tests.suite import WAD

DELAY = 10
FEE = WAD


@pytest.fixture
def account(credit, attacker):
    two_step(credit, DELAY)
    return credit.funded(attacker, prep=50_000 * WAD)


def cheap(credit, linked_to=0) -> Action:
    """A tenth of a SOL, at any price, at once: ten dollars are the least that a position may be
    worth."""
    terms = OrderTerms(Condition.AT_OR_ABOVE, 1, False, now(credit) + HOUR, 0, linked_to)
    return place_order(SOL, 10**5, terms)


def dear(credit, kind, linked_to=0) -> Action:
    """Five ether in two steps."""
    size, expiry = 5 * WAD, now(credit) + HOUR
    if kind == "always":
        return market_order(ETHER, size, expiry, FEE, linked_to=linked_to)
    return limit_order(ETHER, size, 2_100 * WAD, expiry, FEE, linked_to)


def linked(credit, who, account, kind, first):
    """Both, linked to each other whichever was first. The dear one, the cheap one."""
    if first == "dear":
        order = placed(credit, who, account, dear(credit, kind))
        return order, placed(credit, who, account, cheap(credit, order))
    order = placed(credit, who, account, cheap(credit))
    return placed(credit, who, account, dear(credit, kind, order)), order


@pytest.mark.parametrize("first", ["dear", "cheap"])
@pytest.mark.parametrize("kind", ["always", "limit"])
def test_execute__linked_order_is_ready__stays_and_fills(
    credit, attacker, stranger, account, kind, first
):
    order, other = linked(credit, attacker, account, kind, first)
    later(credit, DELAY)
    credit.set_market_price(ETHER, 2_000)
    assert state_of(credit, order) == OrderState.READY
    fill(credit, attacker, other)
    assert state_of(credit, order) == OrderState.READY, "a bound order was cancelled"
    fill(credit, stranger, order)
    assert credit.size(account, ETHER) == 5 * WAD
    assert credit.suite.prep.balanceOf(stranger) == FEE
    check_books(credit)


@pytest.mark.parametrize("first", ["dear", "cheap"])
def test_execute__linked_order_waits_for_its_only_price__stays(credit, attacker, account, first):
    order, other = linked(credit, attacker, account, "always", first)
    fill(credit, attacker, other)
    assert state_of(credit, order) == OrderState.WAITING
    assert read_order(credit, order)[6] == order, "it is alone in its ring"
    assert credit.manager.reservedFees() == FEE


def test_execute__linked_order_is_free_to_be_cancelled__is_cancelled(credit, attacker, account):
    """The control: a limit order that waits for its price could be cancelled by its account too."""
    order, other = linked(credit, attacker, account, "limit", "dear")
    fill(credit, attacker, other)
    assert state_of(credit, order) == OrderState.GONE
    assert credit.manager.reservedFees() == 0
    check_books(credit)


def test_execute__ring_of_bound_and_free_ones__only_bound_ones_stay(
    credit, attacker, stranger, account
):
    """Of five in a ring two are bound; what is left of it is a ring of those two."""
    bound = placed(credit, attacker, account, dear(credit, "always"))
    free = [placed(credit, attacker, account, cheap(credit, bound)) for _ in range(2)]
    bound_too = placed(credit, attacker, account, dear(credit, "always", bound))
    other = placed(credit, attacker, account, cheap(credit, free[0]))
    fill(credit, attacker, other)
    assert [state_of(credit, order) for order in (*free, other)] == 3 * [OrderState.GONE]
    assert sorted(credit.book.ordersOf(account)) == sorted([bound, bound_too])
    assert (read_order(credit, bound)[6], read_order(credit, bound_too)[6]) == (bound_too, bound)
    later(credit, DELAY)
    credit.set_market_price(ETHER, 2_000)
    for order in (bound_too, bound):
        fill(credit, stranger, order)
    assert credit.size(account, ETHER) == 10 * WAD
    assert credit.book.ordersOf(account) == []


def test_execute__linked_orders_without_second_step__one_cancels_all(credit, attacker, account):
    """The control: where execution is in one step nothing is bound."""
    two_step(credit, 0)
    first = placed(credit, attacker, account, cheap(credit))
    rest = [placed(credit, attacker, account, cheap(credit, first)) for _ in range(3)]
    fill(credit, attacker, rest[1])
    assert credit.book.ordersOf(account) == []
    assert credit.size(account, SOL) == 10**5


@pytest.mark.parametrize("first", ["dear", "cheap"])
def test_execute__refused_for_its_account__linked_orders_stay(
    credit, attacker, stranger, account, first
):
    """Somebody makes a fill fail, by the skew against what the account has, to be paid for it and
    to take its stop away besides. Nothing was filled, so nothing is cancelled."""
    order, other = linked(credit, attacker, account, "always", first)
    held = credit.balance(account, PREP)
    credit.act(attacker, account, withdraw(PREP, held))
    later(credit, DELAY)
    credit.set_market_price(ETHER, 2_000)
    fill(credit, stranger, order)
    assert state_of(credit, order) == OrderState.GONE
    assert credit.size(account, ETHER) == 0
    assert credit.suite.prep.balanceOf(stranger) == FEE
    assert credit.book.ordersOf(account) == [other], "R18"
    assert read_order(credit, other)[6] == other, "it is alone in its ring"
    credit.give(attacker, PREP, 1_000 * WAD)
    credit.act(attacker, account, deposit(PREP, 1_000 * WAD))
    fill(credit, stranger, other)
    assert credit.size(account, SOL) == 10**5
    check_books(credit)


def test_execute__delegate_who_may_only_place__cancels_what_is_linked(
    credit, attacker, accomplice, account
):
    """Known: who may place orders may link them, and so cancel others that can be cancelled."""
    order = placed(credit, attacker, account, cheap(credit))
    allowed = 1 << ActionKind.PLACE_ORDER
    credit.manager.setDelegate(account, accomplice, allowed, now(credit) + HOUR, sender=attacker)
    own = placed(credit, accomplice, account, cheap(credit, order))
    fill(credit, accomplice, own)
    assert state_of(credit, order) == OrderState.GONE


def read_order(credit, order):
    return credit.node.read((credit.book.address, "order(uint256)", order))[0]
