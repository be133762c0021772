"""Attack: dust. Many tiny steps, positions of a unit, roundings one after the other.

Every rounding is against the trader: in parts he never gets more than at once, and the lenders
never less (A2).
"""

import random

import pytest

from tests.attacks.backed import ceil, check_books, lent, refused
from tests.attacks.backed_acts import PAIR
from tests.margin_suite import USD, WBTC, WETH
from tests.suite import WAD

PAIRS = (PAIR, (WBTC, WETH), (WETH, USD))


def sized(margin, pool, hostile, trader, pair, principal, collateral):
    """A position of just these amounts, whatever they are: on enough own money, at the attacker's
    own exchange."""
    base, quote = pair
    if pool.is_long:
        down = max(principal, 1)
        margin.give(trader, quote, down)
        hostile.trade(pool, quote, principal + down, base, collateral)
    else:
        down = collateral - 1
        margin.give(trader, quote, down)
        hostile.trade(pool, base, principal, quote, 1)
    request = margin.open_request(pool, trader, pair, down, principal, **hostile.route)
    logs = margin.do(trader, pool, "open", request, margin.signed(pool, request))
    return margin.after(logs, "PositionOpened")


def close(margin, pool, hostile, trader, position, pair, amount, price):
    """At a price of base in quote, rounded against the trader, without interest: in one block."""
    due = ceil(position.principal * amount, position.collateral)
    sold, bought = pool.held(pair), pool.owed(pair)
    if pool.is_long:
        given, brought = amount, amount * price // WAD
    else:
        given, brought = ceil(due * price, WAD), due
    hostile.trade(pool, sold, given, bought, brought)
    return margin.close(pool, trader, position, amount, interest=0, **hostile.route)


@pytest.fixture
def no_interest(margin):
    for token in margin.tokens.values():
        margin.send(
            margin.risk_manager, margin.controller, "setMaxApy(address,uint256)", token.address, 0
        )


@pytest.mark.parametrize("seed", range(3))
def test_close__in_many_parts__never_more_than_at_once(
    margin, pool, hostile, rogue, no_interest, seed
):
    """Parts of all sizes, down to a unit, of positions of odd amounts."""
    dice = random.Random(seed)
    pair = (WETH, USD)
    principal = dice.randrange(10**7, 10**9)
    collateral = dice.randrange(principal * 2, principal * 3)
    price = WAD if pool.is_long else WAD * 9 // 10
    position = sized(margin, pool, hostile, rogue, pair, principal, collateral)
    owed = pool.owed(pair)
    lenders = lent(margin, owed)
    snapshot = margin.node.rpc("evm_snapshot")
    _, whole = close(margin, pool, hostile, rogue, position, pair, position.collateral, price)
    margin.node.rpc("evm_revert", snapshot)
    paid = payout = 0
    while position.collateral:
        sizes = [1, 2, dice.randrange(1, position.collateral + 1), position.collateral]
        amount = min(dice.choice(sizes), position.collateral)
        if dice.random() < 0.3:
            amount = min(dice.randrange(1, 100), position.collateral)
        before = position
        try:
            position, closing = close(margin, pool, hostile, rogue, position, pair, amount, price)
        except Exception as refusal:  # A part too small to pay its rounded-up due.
            check_too_small(refusal, pool, before, amount, price)
            continue
        expected = ceil(before.principal * amount, before.collateral)
        assert closing.principal_paid == expected
        assert before.principal - position.principal == expected
        paid, payout = paid + closing.principal_paid, payout + closing.payout
    assert paid == principal
    assert payout <= whole.payout, "M6"
    assert lent(margin, owed) == lenders
    check_books(margin)


def check_too_small(refusal, pool, position, amount, price):
    assert refusal.name == "DebtNotCovered", refusal
    due = ceil(position.principal * amount, position.collateral)
    if pool.is_long:
        assert amount * price // WAD < due
    else:
        assert ceil(due * price, WAD) > amount


def test_close__a_unit_again_and_again__pays_down_the_principal_faster(
    margin, pool, hostile, rogue, no_interest
):
    """Each unit of collateral pays a whole unit of principal at least: what is left is better
    covered than before, and in the end it owes nothing."""
    pair = (WETH, USD)
    position = sized(margin, pool, hostile, rogue, pair, 20, 1_000)
    lenders = lent(margin, pool.owed(pair))
    for left in range(19, -1, -1):
        position, closing = close(margin, pool, hostile, rogue, position, pair, 1, WAD)
        assert (closing.principal_paid, closing.payout) == (1, 0)
        assert position.principal == left
    # Without debt: the rest is the trader's.
    assert (position.principal, position.collateral) == (0, 980)
    hostile.trade(pool, pool.held(pair), 980, pool.owed(pair), 980)
    route = hostile.route.values() if pool.is_long else (hostile.address, b"")
    logs = margin.do(rogue, pool, "exit", position, *route, 980, 0)
    assert margin.closing(logs).payout == 980
    assert lent(margin, pool.owed(pair)) == lenders
    check_books(margin)


@pytest.mark.parametrize("principal", [1, 2, 3])
@pytest.mark.parametrize("pair", PAIRS, ids=["-".join(pair) for pair in PAIRS])
def test_dust__positions_of_a_unit__owe_it_and_pay_it(
    margin, pool, hostile, rogue, no_interest, pair, principal
):
    """As small as can be. With a check price they are no worse off than large ones."""
    collateral = principal + 2
    if pair in margin.oracles:
        margin.set_price(pair, WAD)
        collateral = principal * 3
        if not pool.is_long:
            margin.give(rogue, pair[1], 10)
            down, brought = 10, principal
            hostile.trade(pool, pair[0], principal, pair[1], brought)
            request = margin.open_request(pool, rogue, pair, down, principal, **hostile.route)
            logs = margin.do(rogue, pool, "open", request, margin.signed(pool, request))
            position = margin.after(logs, "PositionOpened")
            assert position.collateral == down + principal
        else:
            position = sized(margin, pool, hostile, rogue, pair, principal, collateral)
        health, least = margin.health(pool, position)
        assert health > least, "A5"
    else:
        position = sized(margin, pool, hostile, rogue, pair, principal, collateral)
    assert position.principal == principal
    lenders = lent(margin, pool.owed(pair))
    close(margin, pool, hostile, rogue, position, pair, position.collateral, WAD)
    assert lent(margin, pool.owed(pair)) == lenders
    check_books(margin)


def test_interest__recorded_or_charged_every_block__none_is_lost_to_rounding(
    margin, pool, hostile, rogue
):
    """A debt too small to owe a unit in a block: its time goes on, until it does. Only an increase
    sets it back, and costs its caller a down payment each time."""
    pair = (WETH, USD)
    # 200 % a year on 1,000 units: one every 4.4 hours.
    tiny = sized(margin, pool, hostile, rogue, pair, 1_000, 4_000)
    begun = tiny.last_funding_timestamp
    for hours in (1, 2, 3, 4):
        margin.node.at(begun + hours * 3_600)
        with refused("ZeroAmount"):
            margin.do(margin.executor, pool, "record", [tiny], [0])
        margin.node.at(begun + hours * 3_600 + 1)
        with refused("InvalidInterest", 1, 0):
            margin.do(margin.executor, pool, "record", [tiny], [1])
        amount = 1
        margin.give(rogue, pool.held(pair), amount)
        tiny = margin.change_collateral(pool, rogue, tiny, amount)
        assert tiny.last_funding_timestamp == begun
    margin.node.at(begun + 31_536_000 // 2_000 + 1)
    margin.do(margin.executor, pool, "record", [tiny], [1])
    check_books(margin)
