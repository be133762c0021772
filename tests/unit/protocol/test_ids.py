"""Ids of positions: given out in order, reused last in first out, never lost (P3)."""

import pytest

from tests.expected import UNLIMITED
from tests.suite import WAD, ZERO_ADDRESS
from tests.unit.books import audit, both_sides, open_position, sign

COLLATERAL = 1_000 * WAD
NOTIONAL = 5_000 * WAD


@pytest.fixture
def open_for(btc, crowd):
    """Opens a position for the n-th of the crowd. Its id."""

    def act(n: int, is_long: bool = True) -> int:
        btc.give(crowd[n], COLLATERAL)
        open_position(btc, crowd[n], COLLATERAL, NOTIONAL, is_long)
        return btc.position(crowd[n]).id

    return act


def free_ids(suite) -> list[int]:
    return list(suite.protocol.getIdsNotInUse())


def test_ids__nothing_opened_yet__none(btc):
    assert btc.protocol.getNumOfOpenPositionsIds() == 0
    assert free_ids(btc) == []


def test_position_owner__never_given_out__nobody(btc):
    for id_ in (0, 1, UNLIMITED):
        assert btc.protocol.positionOwner(id_) == ZERO_ADDRESS


@both_sides
def test_ids__opened_one_after_the_other__count_up_from_one(btc, crowd, open_for, is_long):
    assert [open_for(n, is_long) for n in range(3)] == [1, 2, 3]
    assert btc.protocol.getNumOfOpenPositionsIds() == 3
    assert free_ids(btc) == []
    assert [btc.protocol.positionOwner(i) for i in range(5)] == [
        ZERO_ADDRESS,
        *crowd[:3],
        ZERO_ADDRESS,
    ]


def test_ids__closed__freed_last_first_and_reused_in_that_order(btc, crowd, open_for):
    for n in range(4):
        open_for(n)
    for n in (1, 3, 0):
        btc.protocol.closePosition(sender=crowd[n])
    assert free_ids(btc) == [1, 4, 2]
    assert btc.protocol.getNumOfOpenPositionsIds() == 4, "the highest ever given out"
    assert [btc.protocol.positionOwner(i) for i in (1, 2, 4)] == 3 * [ZERO_ADDRESS]
    assert [open_for(4), open_for(5)] == [1, 4]
    assert free_ids(btc) == [2]
    assert [btc.protocol.positionOwner(i) for i in (1, 4)] == [crowd[4], crowd[5]]
    assert [open_for(0), open_for(1)] == [2, 5]
    assert free_ids(btc) == []
    audit(btc, *crowd[:6])


@both_sides
def test_ids__liquidated__freed_only_when_flat(btc, crowd, open_for, liquidator, is_long):
    for n in range(2):
        open_for(n, is_long)
    btc.set_price(10_000 - sign(is_long) * 1_690)  # equity 3.1 %: a third is enough
    btc.protocol.liquidatePosition(1, sender=liquidator)
    assert free_ids(btc) == []
    btc.set_price(10_000 - sign(is_long) * 2_500)
    btc.protocol.liquidatePosition(1, sender=liquidator)
    assert free_ids(btc) == [1]
    btc.protocol.liquidatePosition(2, sender=liquidator)
    assert free_ids(btc) == [2, 1]
    audit(btc, *crowd[:2], liquidator)


def test_ids__other_actions_in_between__free_ids_kept(btc, crowd, open_for, trader):
    """The list's head lies among a market's aggregates, which every action rewrites."""
    for n in range(3):
        open_for(n)
    for n in (0, 2):
        btc.protocol.closePosition(sender=crowd[n])
    btc.protocol.increasePosition(WAD, sender=crowd[1])
    btc.protocol.decreasePosition(WAD, sender=crowd[1])
    btc.configure(borrowRate=0)
    btc.protocol.depositCollateral(1, sender=trader)
    assert free_ids(btc) == [3, 1]
    btc.protocol.closePosition(sender=crowd[1])
    assert free_ids(btc) == [2, 3, 1]


def test_ids__reopened_by_the_same_trader__nothing_left_of_the_old(btc, trader, clock):
    open_position(btc, trader, COLLATERAL, NOTIONAL, True)
    clock.advance(86_400)
    btc.set_price(9_000)
    btc.protocol.closePosition(sender=trader)
    left = btc.position(trader).collateral
    new = open_position(btc, trader, COLLATERAL, NOTIONAL, False)
    assert new.entry_price == btc.price()
    assert new.borrow_index == btc.lens.marketState(0).borrowIndex
    assert btc.position(trader).id == 1
    assert btc.position(trader).collateral == left + COLLATERAL
    audit(btc, trader)
