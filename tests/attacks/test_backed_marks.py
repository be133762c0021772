"""Attack: marks set, kept and used against their purpose.

Without a role nobody liquidates what is healthy, what was not marked for the grace period, or at
a price that is worse than the deviation allows (R4); without a price nobody does (R6).
"""

import pytest

from prep.margin.data import CLOSED
from prep.node import Reverted
from tests.attacks.backed import (
    BPS,
    DAY,
    ceil,
    check_books,
    highest_cost,
    least_proceeds,
    lent,
    refused,
)
from tests.attacks.backed_acts import PAIR
from tests.margin_suite import DEVIATION, LIQUIDATION_FEE, MAINTENANCE, PREP, USD, WETH
from tests.suite import WAD

GRACE = 3_600


def equity_price(pool, position, equity_bps):
    """The check price that leaves so much of the value as equity."""
    if pool.is_long:
        return ceil(position.principal * WAD * BPS, position.collateral * (BPS - equity_bps))
    return position.collateral * WAD * BPS // (position.principal * (BPS + equity_bps))


@pytest.fixture
def poor(margin, pool, victim):
    """At 4 %: within the threshold of 5 %."""
    position = margin.typical(pool, victim, PAIR, 3)
    margin.set_price(PAIR, equity_price(pool, position, 400))
    return position


def mark(margin, pool, who, position) -> int:
    """From when on it is good."""
    margin.do(who, pool, "mark", position)
    return margin.time() + GRACE


def seize(margin, pool, hostile, who, position, given, brought, at):
    hostile.trade(pool, pool.held(PAIR), given, pool.owed(PAIR), brought)
    margin.node.at(at)
    return margin.do(who, pool, "liquidate_marked", position, *hostile.route.values())


def fair(margin, pool, position, at):
    price, interest = margin.price(PAIR), margin.max_interest(pool, position, at)
    if pool.is_long:
        return position.collateral, position.collateral * price // WAD
    return (position.principal + interest) * price // WAD, position.principal + interest


def test_mark__healthy_position__refused(margin, pool, victim, rogue):
    """At the threshold it can be marked, a unit above not: by the price's own unit."""
    position = margin.typical(pool, victim, PAIR, 3)
    with refused("NotLiquidatable", *margin.health(pool, position)):
        margin.do(rogue, pool, "mark", position)
    step = 1 if pool.is_long else -1
    low, high = equity_price(pool, position, MAINTENANCE - 1), margin.price(PAIR)
    if not pool.is_long:
        low, high = high, low
    # The first price at which it is healthy.
    while high - low > 1:
        middle = (low + high) // 2
        margin.set_price(PAIR, middle)
        equity, least = margin.health(pool, position)
        healthy = equity > least
        if healthy == pool.is_long:
            high = middle
        else:
            low = middle
    healthy, poor = (high, low) if pool.is_long else (low, high)
    assert healthy - poor == step
    margin.set_price(PAIR, healthy)
    with refused("NotLiquidatable", *margin.health(pool, position)):
        margin.do(rogue, pool, "mark", position)
    margin.set_price(PAIR, poor)
    margin.do(rogue, pool, "mark", position)


def test_mark__again_while_it_runs__clock_not_reset(margin, pool, poor, rogue, isolated):
    """Neither by the trader, to win time, nor by anybody else, to lengthen it: until its day is
    over. Then it has to stand for the grace period anew."""
    start = mark(margin, pool, rogue, poor)
    for at in (start - GRACE + 1, start - 1, start, start + DAY):
        with isolated():
            margin.node.at(at)
            with refused("AlreadyMarked", start, start + DAY):
                margin.do(rogue, pool, "mark", poor)
    margin.node.at(start + DAY + 1)
    margin.do(rogue, pool, "mark", poor)
    call = pool.address, "markOf(uint256)", poor.id
    fresh = start + DAY + 1 + GRACE
    assert margin.node.read(call)[0] == (fresh, fresh + DAY)


def test_liquidate_marked__outside_of_its_time__refused(
    margin, pool, hostile, poor, rogue, isolated
):
    with refused("NotMarked", 0, 0):
        seize(margin, pool, hostile, rogue, poor, 1, 1, margin.time() + 60)
    start = mark(margin, pool, rogue, poor)
    for at in (start - 1, start + DAY + 1):
        with isolated(), refused("NotMarked", start, start + DAY):
            seize(margin, pool, hostile, rogue, poor, *fair(margin, pool, poor, at), at)
    for at in (start, start + DAY):
        with isolated():
            seize(margin, pool, hostile, rogue, poor, *fair(margin, pool, poor, at), at)
            assert margin.stored(pool, poor.id) == CLOSED
            check_books(margin)


def test_liquidate_marked__recovered_meanwhile__refused(margin, pool, hostile, poor, rogue):
    """The mark is a day old, the position healthy: nobody takes it, whoever has marked it."""
    start = mark(margin, pool, rogue, poor)
    margin.set_price(PAIR, equity_price(pool, poor, MAINTENANCE + 100))
    health = margin.health(pool, poor)
    with refused("NotLiquidatable", *health):
        seize(margin, pool, hostile, rogue, poor, *fair(margin, pool, poor, start), start)


def test_unmark__while_within_the_threshold__refused(margin, pool, poor, victim):
    """The trader cannot clear it, not even just before he is liquidated."""
    with refused("NotMarked", 0, 0):
        margin.do(victim, pool, "unmark", poor)
    mark(margin, pool, victim, poor)
    with refused("StillLiquidatable", *margin.health(pool, poor)):
        margin.do(victim, pool, "unmark", poor)


def test_mark__price_wick_later__only_an_unmarked_position_has_its_grace_again(
    margin, pool, hostile, poor, victim, rogue, isolated
):
    """A mark outlives the recovery unless somebody clears it: then a second wick within its day is
    enough. Whoever adds collateral should clear it: after that it takes the whole grace period."""
    start = mark(margin, pool, rogue, poor)
    wick = margin.price(PAIR)
    margin.set_price(PAIR, equity_price(pool, poor, 2_000))
    later = start + DAY // 2
    with isolated():
        margin.set_price(PAIR, wick)
        seize(margin, pool, hostile, rogue, poor, *fair(margin, pool, poor, later), later)
        assert margin.stored(pool, poor.id) == CLOSED
    margin.do(victim, pool, "unmark", poor)
    margin.set_price(PAIR, wick)
    with isolated(), refused("NotMarked", 0, 0):
        seize(margin, pool, hostile, rogue, poor, *fair(margin, pool, poor, later), later)
    margin.node.at(later)
    margin.do(rogue, pool, "mark", poor)
    with refused("NotMarked", later + GRACE, later + GRACE + DAY):
        at = later + GRACE - 1
        seize(margin, pool, hostile, rogue, poor, *fair(margin, pool, poor, at), at)


def test_liquidate_marked__worst_route__takes_the_deviation_and_no_more(
    margin, pool, hostile, poor, rogue, victim
):
    """Anyone, with his own exchange: a unit worse is refused. Lenders are paid, the trader has what
    is left of 4 %: the deviation of 3 % and the fee go to whoever liquidates."""
    start = mark(margin, pool, rogue, poor)
    price, interest = margin.price(PAIR), margin.max_interest(pool, poor, start)
    owed = poor.principal + interest
    if pool.is_long:
        given, brought = poor.collateral, least_proceeds(poor.collateral, price, DEVIATION)
        worse = given, brought - 1
        error = brought - 1, brought
        remaining, value = brought - owed, brought
    else:
        given, brought = highest_cost(owed, price, DEVIATION), owed
        worse = given + 1, brought
        error = given + 1, given
        remaining, value = poor.collateral - given, given
    snapshot = margin.node.rpc("evm_snapshot")
    with refused("PriceDeviates", *error):
        seize(margin, pool, hostile, rogue, poor, *worse, start)
    margin.node.rpc("evm_revert", snapshot)
    symbol = pool.owed(PAIR)
    before = lent(margin, symbol), margin.balance(victim, PREP), margin.balance(rogue, PREP)
    logs = seize(margin, pool, hostile, rogue, poor, given, brought, start)
    closing = margin.closing(logs, "PositionLiquidated")
    fee = min(remaining, value * LIQUIDATION_FEE // BPS)
    assert (closing.bad_debt, closing.fee, closing.payout) == (0, fee, remaining - fee)
    assert lent(margin, symbol) == before[0] + interest, "A7"
    assert margin.balance(victim, PREP) == before[1] + remaining - fee
    assert margin.balance(rogue, PREP) == before[2] + fee
    check_books(margin)


def test_liquidate_marked__oneself__gains_nothing(margin, pool, hostile, poor, victim):
    """The fee is out of one's own remainder: the trader is left with what closing at the check
    price leaves, not a unit more."""
    start = mark(margin, pool, victim, poor)
    given, brought = fair(margin, pool, poor, start)
    interest = margin.max_interest(pool, poor, start)
    before = margin.balance(victim, PREP)
    seize(margin, pool, hostile, victim, poor, given, brought, start)
    equity = brought - poor.principal - interest if pool.is_long else poor.collateral - given
    assert margin.balance(victim, PREP) - before == equity
    check_books(margin)


def test_marks__price_missing__nothing_moves(margin, pool, hostile, poor, rogue, project):
    """R6: without a price nobody is marked, unmarked or liquidated by it; by his own call a trader
    still leaves."""
    start = mark(margin, pool, rogue, poor)
    oracle = margin.oracles[PAIR].address
    code = margin.node.rpc("eth_getCode", oracle, "latest")
    margin.node.rpc("anvil_setCode", oracle, "0x5f5ffd")
    try:
        margin.node.at(start)
        margin.node.mine()
        calls = {
            "mark": (poor,),
            "unmark": (poor,),
            "liquidate_marked": (poor, *hostile.route.values()),
        }
        for kind, args in calls.items():
            with pytest.raises(Reverted, match="unknown error 0x"):
                margin.do(rogue, pool, kind, *args)
    finally:
        margin.node.rpc("anvil_setCode", oracle, code)


def test_marks__pair_without_check_price__only_the_liquidator(margin, pool, hostile, victim, rogue):
    pair = (WETH, USD)
    position = margin.typical(pool, victim, pair, 2)
    error = ("NoCheckPrice", position.base, position.quote)
    for kind, args in (
        ("mark", (position,)),
        ("unmark", (position,)),
        ("liquidate_marked", (position, *hostile.route.values())),
    ):
        with refused(*(("NotMarked", 0, 0) if kind == "unmark" else error)):
            margin.do(rogue, pool, kind, *args)
