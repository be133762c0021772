"""Linked orders: a ring of which one that is filled cancels the others."""

import pytest

from prep.credit.actions import cancel_order
from tests.credit import PREP
from tests.suite import UNLIMITED, WAD
from tests.unit.credit.acting import acted, refused
from tests.unit.credit.orders.ordering import (
    State,
    executed,
    order,
    orders_of,
    placed,
    removed,
    state,
    stored,
)

# To which of the orders before it each is linked.
RINGS = {
    "two": [None, 0],
    "four-in-a-chain": [None, 0, 1, 2],
    "four-around-the-first": [None, 0, 0, 0],
}


def ring(credit, clock, trader, account, links, **terms):
    """Orders with fees of 1, 2, 4, 8 PREP."""
    ids = []
    for number, link in enumerate(links):
        action = order(
            clock, fee=2**number * WAD, linked_to=0 if link is None else ids[link], **terms
        )
        ids.append(placed(credit, trader, account, action))
    return ids


def members(credit, order_id):
    """The orders of a ring, by what is next to each."""
    found = [order_id]
    while (following := stored(credit, found[-1])[6]) != order_id:
        found.append(following)
        assert len(found) < 20
    return found


CASES = [(name, member) for name, links in RINGS.items() for member in range(len(links))]
each_member = pytest.mark.parametrize("name, member", CASES)


@each_member
def test_place__linked__one_ring(credit, clock, trader, account, name, member):
    ids = ring(credit, clock, trader, account, RINGS[name])
    assert sorted(members(credit, ids[member])) == ids
    seen = stored(credit, ids[member])
    assert seen[4][5] == seen[6] != ids[member]


def test_place__alone__next_is_itself(credit, clock, trader, account):
    order_id = placed(credit, trader, account, order(clock))
    assert stored(credit, order_id)[6] == order_id
    assert stored(credit, order_id)[4][5] == 0


@each_member
def test_execute__one_of_a_ring__others_cancelled_and_their_fees_back(
    credit, clock, trader, keeper, account, name, member
):
    alone = placed(credit, trader, account, order(clock, fee=32 * WAD))
    ids = ring(credit, clock, trader, account, RINGS[name])
    around = members(credit, ids[member])[1:]
    fees = sum(2**n for n in range(len(ids)) if n != member) * WAD
    held = credit.balance(account, PREP)
    logs = executed(credit, keeper, ids[member])
    assert logs[: len(around)] == [("OrderCancelled", other, account) for other in around]
    assert logs[len(around)] == ("BalanceChanged", account, PREP, fees, held + fees)
    assert logs[len(around) + 1][:2] == ("OrderTriggered", ids[member])
    assert orders_of(credit, account) == [alone]
    assert {state(credit, other) for other in ids} == {State.GONE}
    assert credit.balance(account, PREP) == held + fees
    assert credit.manager.reservedFees() == 32 * WAD
    assert state(credit, alone) == State.READY


@each_member
def test_cancel__one_of_a_ring__the_others_stay_linked(
    credit, clock, trader, keeper, account, name, member
):
    ids = ring(credit, clock, trader, account, RINGS[name])
    credit.act(trader, account, cancel_order(ids[member]))
    left = [i for i in ids if i != ids[member]]
    for other in left:
        assert sorted(members(credit, other)) == left
    executed(credit, keeper, left[0])
    assert orders_of(credit, account) == []
    assert credit.manager.reservedFees() == 0


@each_member
def test_remove__one_of_a_ring__the_others_stay_linked(
    credit, clock, trader, keeper, account, name, member
):
    """That one alone expires."""
    ids = []
    for number, link in enumerate(RINGS[name]):
        lifetime = 10 if number == member else 100
        linked_to = 0 if link is None else ids[link]
        action = order(clock, lifetime=lifetime, linked_to=linked_to)
        ids.append(placed(credit, trader, account, action))
    clock.advance(10)
    removed(credit, keeper, ids[member])
    left = [i for i in ids if i != ids[member]]
    assert sorted(orders_of(credit, account)) == left
    for other in left:
        assert sorted(members(credit, other)) == left


def test_cancel__down_to_the_last__alone_again(credit, clock, trader, keeper, account):
    ids = ring(credit, clock, trader, account, RINGS["four-in-a-chain"])
    for order_id in ids[1:]:
        credit.act(trader, account, cancel_order(order_id))
    assert stored(credit, ids[0])[6] == ids[0]
    assert stored(credit, ids[0])[4][5] == 0
    executed(credit, keeper, ids[0])


def test_execute__linked_without_fees__nothing_given_back(credit, clock, trader, keeper, account):
    first = placed(credit, trader, account, order(clock))
    second = placed(credit, trader, account, order(clock, linked_to=first))
    logs = executed(credit, keeper, first)
    names = [log[0] for log in logs]
    assert names == ["OrderCancelled", "OrderTriggered", "OrderFilled"]
    assert state(credit, second) == State.GONE


@pytest.mark.parametrize("what", ["gone", "anothers", "never", "huge"])
def test_place__linked_to_what_is_not_an_order_of_it__refused(
    credit, clock, trader, other_trader, account, what
):
    other = credit.funded(other_trader, prep=1_000 * WAD)
    anothers = placed(credit, other_trader, other, order(clock))
    gone = placed(credit, trader, account, order(clock))
    credit.act(trader, account, cancel_order(gone))
    target = {"gone": gone, "anothers": anothers, "never": account << 32 | 9, "huge": UNLIMITED}
    assert refused(credit, trader, account, order(clock, linked_to=target[what])) == (
        0,
        ("UnknownOrder", target[what]),
    )


def test_place__linked_to_itself__refused(credit, clock, trader, account):
    """Its id can be known before; a ring without end would be the last of whoever walks it."""
    target = account << 32 | 1
    seen = refused(credit, trader, account, order(clock, linked_to=target))
    assert seen == (0, ("UnknownOrder", target))


def test_place__two_of_a_list_linked__by_the_id_that_the_first_will_have(
    credit, clock, trader, account
):
    target = account << 32 | 1
    logs = acted(credit, trader, account, order(clock), order(clock, linked_to=target))
    assert [log[0] for log in logs] == ["OrderPlaced", "OrderPlaced"]
    assert members(credit, target) == [target, target + 1]
