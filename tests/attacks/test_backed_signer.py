"""Attack: the key of an order signer is stolen. The thief trades too, and owns an exchange.

With a check price he takes nothing of the lenders' principal: whatever he does at one right price,
a position's equity is at least its value times `1 / leverage - deviation`, which is above the
maintenance margin (A5). Without one he takes what the limit for a day lets through (A6). Interest
he can spare traders, since it was last recorded. Other traders' positions he cannot touch.
"""

import random

import pytest

from tests.attacks.backed import (
    check_books,
    lent,
    refused,
)
from tests.attacks.backed_acts import PAIR
from tests.attacks.thief import Thief
from tests.margin_suite import (
    PREP,
    WETH,
)
from tests.suite import WAD


@pytest.fixture
def thief(margin, pool, hostile, rogue):
    thief = Thief(margin, pool, hostile, rogue, PAIR)
    margin.give(rogue, PREP, margin.units(PREP, 1_000_000))
    margin.give(rogue, WETH, margin.units(WETH, 500))
    hostile.fund(PREP, margin.units(PREP, 3_000_000))
    hostile.fund(WETH, margin.units(WETH, 1_500))
    return thief


def all_lent(margin):
    return {symbol: lent(margin, symbol) for symbol in margin.tokens}


def test_signer__opens_at_the_worst_price_and_highest_leverage__bound_holds(thief, margin):
    """What is left: 1 of 5 of the value, without the deviation, far above a twentieth."""
    down = margin.units(PREP, 10_000)
    position = thief.grow(down)
    thief.check(position)
    # It is the bound: a hundredth of a basis point more leverage or a unit less is refused.
    health, least = margin.health(thief.pool, position)
    assert health > least
    with refused("NotLiquidatable", health, least):
        margin.do(thief.trader, thief.pool, "mark", position)
    check_books(margin)


def test_signer__a_unit_beyond_each_bound__refused(thief, margin):
    down, pool = margin.units(PREP, 10_000), thief.pool
    principal = thief.max_principal(down)
    given = principal + down if pool.is_long else principal
    fair = thief.worst_opening(given) * 2
    thief.trade(True, given, fair)
    request = margin.open_request(
        pool, thief.trader, PAIR, down, principal + 1, **thief.hostile.route
    )
    thief.hostile.arm(
        thief.hostile.take(pool, pool.owed(PAIR), given + 1),
        thief.hostile.give(pool, pool.held(PAIR), fair),
    )
    with refused("PrincipalTooHigh", principal + 1, principal):
        margin.do(thief.trader, pool, "open", request, margin.signed(pool, request))
    worst = thief.worst_opening(given)
    thief.trade(True, given, worst - 1)
    request = request._replace(principal=principal)
    with refused("PriceDeviates"):
        margin.do(thief.trader, pool, "open", request, margin.signed(pool, request))
    thief.trade(True, given, worst)
    highest = (given if pool.is_long else worst) // 100
    for fee, error in ((highest + 1, ("FeeTooHigh", highest + 1, highest)), (highest, None)):
        request = request._replace(fee=fee)
        args = request, margin.signed(pool, request)
        if error:
            with refused(*error):
                margin.do(thief.trader, pool, "open", *args)
        else:
            position = margin.after(margin.do(thief.trader, pool, "open", *args), "PositionOpened")
    thief.check(position)


@pytest.mark.parametrize("seed", range(4))
def test_signer__any_sequence_at_one_right_price__lenders_lose_nothing(thief, margin, seed):
    """Many positions, opened, increased, stripped of collateral and closed in parts, all swaps with
    himself at the worst price that is allowed: the bound holds after each step, and he is not a
    unit richer, by what his positions are worth."""
    dice = random.Random(seed)
    before, mine = all_lent(margin), thief.wealth()
    open_ = [thief.grow(margin.units(PREP, 10_000))]
    for _ in range(12):
        act = dice.choice(["open", "increase", "increase", "close", "remove", "add"])
        i = dice.randrange(len(open_))
        position = open_[i]
        down = dice.randrange(1, 20_000 * WAD)
        if act == "open" or position.collateral == 0:
            open_.append(thief.grow(down))
            i = -1
        elif act == "increase":
            open_[i] = thief.grow(down, position)
        elif act == "close":
            amount = dice.choice([1, dice.randrange(1, position.collateral), position.collateral])
            open_[i] = thief.close(position, amount)
        elif act == "remove":
            open_[i] = thief.remove_most(position)
        else:
            amount = position.collateral // 7
            margin.give(thief.trader, thief.pool.held(PAIR), 0)
            open_[i] = margin.change_collateral(thief.pool, thief.trader, position, amount)
        thief.check(open_[i])
    check_books(margin)
    after = all_lent(margin)
    assert all(after[s] >= before[s] for s in before), "lenders' principal"
    base, quote = PAIR
    worth = {base: thief.price, quote: WAD}
    held = sum(p.collateral * worth[thief.pool.held(PAIR)] for p in open_)
    owed = sum(p.principal * worth[thief.pool.owed(PAIR)] for p in open_)
    assert thief.wealth() + held - owed <= mine, "M6"
    # And what he owes is covered, with room for the worst price at which it can be sold.
    assert held > owed


def test_signer__takes_collateral_out__equity_left_is_that_of_the_highest_leverage(thief, margin):
    """From a position at a fair price, to the unit: a unit more is refused."""
    down, pool = margin.units(PREP, 10_000), thief.pool
    principal = thief.max_principal(down) // 4
    position = margin.open(pool, thief.trader, PAIR, down, principal)
    amount = position.collateral - thief.remove_most(position).collateral
    assert amount > 0
    after = position._replace(collateral=position.collateral - amount, nonce=2)
    thief.check(after)
    # More of it is refused, now or later: interest only grows.
    request = margin.collateral_request(after, -max(after.collateral // 10**6, 1))
    with refused("PrincipalTooHigh"):
        margin.do(thief.trader, pool, "remove", request, margin.signed(pool, request), after)
