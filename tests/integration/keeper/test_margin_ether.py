"""Ether that somebody has left in Uniswap's router: it is spent instead of what a position holds.
The keeper takes it away, keeps it, and goes on."""

import pytest

from prep.keeper import Settings
from prep.keeper.margin.actions import Seize, TakeEther
from prep.keeper.report import Round
from prep.margin.data import CLOSED, position_hash
from tests.attacks.backed import check_books, ether, leave_ether, take_ether
from tests.integration.keeper.margin_stage import identity, local, move, results
from tests.margin_suite import PREP, WBTC, WETH
from tests.suite import WAD

PAIRS = {"long": (WETH, PREP), "short": (WBTC, WETH)}
"""Those whose positions hold wrapped ether."""
SETTINGS = Settings()


@pytest.fixture
def pair(side):
    return PAIRS["long" if side.is_long else "short"]


@pytest.fixture
def unhealthy(margin, side, pair, trader, crowd):
    position = margin.typical(side, trader, pair, 4)
    move(margin, crowd[3], pair, 78 if side.is_long else 122)
    return position


@pytest.mark.parametrize("who", ("liquidator", "stranger"))
def test_work__ether_in_the_router__is_taken_and_the_position_liquidated(
    stage, margin, side, unhealthy, crowd, stranger, who
):
    """By the role, and by anybody once it is marked."""
    keeper = stranger if who == "stranger" else margin.liquidator
    clerk = stage.clerk(keeper)
    if who == "stranger":
        assert results(stage.round(clerk)) == [("MarkSet", identity(side, unhealthy))]
        start, _ = margin.node.read((side.address, "markOf(uint256)", unhealthy.id))[0]
        margin.node.at(start)
        margin.node.mine()
    leave_ether(margin, crowd[4], unhealthy.collateral)
    before = ether(margin, keeper)
    done = stage.round(clerk)
    of = identity(side, unhealthy)
    assert results(done) == [("EtherTaken", of), ("Seized", of)]
    assert (done.errors, done.margin.skipped) == ([], [])
    assert ether(margin, keeper) - before + done.gas_spent == unhealthy.collateral
    assert ether(margin, margin.router) == 0
    assert margin.stored(side, unhealthy.id) == CLOSED
    seized = done.margin.results[1]
    assert seized.closing.fee == seized.action.fee > 0
    check_books(margin)


def test_work__ether_in_the_router__order_is_executed(stage, margin, side, pair, trader, crowd):
    """A stop-loss: it sells, or spends, what lies there as well."""
    position = margin.typical(side, trader, pair, 3)
    limit = margin.price(pair) * (90 if side.is_long else 110) // 100
    stage.order(side, local(trader), position, limit, WAD, False)
    move(margin, crowd[3], pair, 88 if side.is_long else 112)
    leave_ether(margin, crowd[4], position.collateral)
    done = stage.round(stage.clerk(margin.executor))
    of = identity(side, position)
    assert results(done) == [("EtherTaken", of), ("Executed", of)]
    assert margin.stored(side, position.id) == CLOSED


def test_work__too_little_ether_to_pay_with__is_left_there(stage, margin, side, unhealthy, crowd):
    (watched,) = stage.clerk(margin.liquidator).look(SETTINGS).positions
    swap = watched.sale if side.is_long else watched.purchase
    too_little = swap.amount_in * 98 // 100
    leave_ether(margin, crowd[4], too_little)
    done = stage.round(stage.clerk(margin.liquidator))
    assert results(done) == [("Seized", identity(side, unhealthy))]
    assert ether(margin, margin.router) == too_little


def test_work__swap_of_another_token__ether_is_left_there(stage, margin, trader, crowd):
    side, pair = margin.sides["short"], (WETH, PREP)
    position = margin.typical(side, trader, pair, 4)
    move(margin, crowd[3], pair, 122)
    leave_ether(margin, crowd[4], 10**24)
    done = stage.round(stage.clerk(margin.liquidator))
    assert results(done) == [("Seized", identity(side, position))]
    assert ether(margin, margin.router) == 10**24


def test_work__nothing_to_liquidate__ether_is_left_there(stage, margin, side, pair, trader, crowd):
    margin.typical(side, trader, pair, 4)
    leave_ether(margin, crowd[4], 10**24)
    assert results(stage.round(stage.clerk(margin.liquidator))) == []
    assert ether(margin, margin.router) == 10**24


def test_act__somebody_was_first__liquidates_all_the_same(stage, margin, side, unhealthy, crowd):
    leave_ether(margin, crowd[4], unhealthy.collateral)
    clerk = stage.clerk(margin.liquidator)
    snapshot = clerk.look(SETTINGS)
    take_ether(margin, crowd[5])
    done = Round(True)
    clerk.act(snapshot, SETTINGS, done)
    assert results(done) == [("Seized", identity(side, unhealthy))]
    (skipped,) = done.margin.skipped
    assert "somebody else has taken the ether" in skipped.reason


def test_work__ether_comes_back_each_time__the_keeper_gets_it_each_time(
    stage, margin, side, unhealthy, crowd
):
    """Somebody who sees the keeper's second transaction leaves as much again before it."""
    clerk = stage.clerk(margin.liquidator)
    send = clerk._sender.send

    def with_somebody_before_it(call, *arguments):
        if isinstance(call.action, Seize):
            leave_ether(margin, crowd[4], unhealthy.collateral)
        return send(call, *arguments)

    clerk._sender.send = with_somebody_before_it
    leave_ether(margin, crowd[4], unhealthy.collateral)
    done = stage.round(clerk)
    assert results(done) == [("EtherTaken", identity(side, unhealthy))]
    said = [e.reason for e in done.errors] + [s.reason for s in done.margin.skipped]
    assert len(said) == 1
    assert ("WrongAmountSpent" if side.is_long else "NotLiquidatable") in said[0]
    assert margin.stored(side, unhealthy.id) == position_hash(unhealthy)
    clerk._sender.send = send
    for _ in range(5):
        margin.node.mine()
    before = ether(margin, margin.liquidator)
    done = stage.round(clerk)
    of = identity(side, unhealthy)
    assert results(done) == [("EtherTaken", of), ("Seized", of)]
    gained = ether(margin, margin.liquidator) - before + done.gas_spent
    assert gained == unhealthy.collateral


def test_work__dry_run__says_both_and_sends_nothing(stage, margin, side, unhealthy, crowd):
    leave_ether(margin, crowd[4], unhealthy.collateral)
    done = stage.round(stage.clerk(margin.liquidator, execute=False))
    assert [type(action) for action in done.margin.actions] == [TakeEther, Seize]
    assert done.margin.skipped == []
    assert ether(margin, margin.router) == unhealthy.collateral
    assert margin.stored(side, unhealthy.id) == position_hash(unhealthy)
