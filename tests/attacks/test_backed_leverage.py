"""Attack: more leverage than is allowed, by what a swap does, by donations, by increasing.

What is borrowed is at most what the down payment of the same call allows, whatever the swap brings
(R3); no position with a check price is born within its threshold (A5).
"""

import pytest

from tests.attacks.backed import (
    BPS,
    ceil,
    check_books,
    least_proceeds,
    lent,
    refused,
)
from tests.attacks.backed_acts import PAIR
from tests.margin_suite import DEVIATION, LEVERAGE, MAINTENANCE, PREP, USD, WETH
from tests.suite import WAD

LIMITED = (WETH, USD)
DOWN = 1_000 * WAD


def most(margin, pool, down, pair=PAIR) -> int:
    if pool.is_long:
        return down * (LEVERAGE - BPS) // BPS
    return down * LEVERAGE * WAD // (BPS * margin.price(pair))


def send(margin, pool, who, request, position=None):
    kind, args = ("open", ()) if position is None else ("increase", (position,))
    event = "PositionOpened" if position is None else "PositionIncreased"
    logs = margin.do(who, pool, kind, request, margin.signed(pool, request), *args)
    return margin.after(logs, event)


def fair(margin, pool, given):
    price = margin.price(PAIR)
    return given * WAD // price if pool.is_long else given * price // WAD


def test_open__principal_beyond_the_down_payment__only_as_far_as_it_is_returned(
    margin, pool, hostile, rogue
):
    """Ten times what is allowed is lent, and all but what is allowed comes back: that is fine. A
    unit less that comes back is not, and a down payment that itself comes back counts for nothing
    more."""
    margin.give(rogue, PREP, 3 * DOWN)
    limit = most(margin, pool, DOWN)
    principal = 10 * limit
    before = lent(margin, pool.owed(PAIR))
    for extra in (1, 0):
        spent = limit + extra + (DOWN if pool.is_long else 0)
        hostile.trade(pool, pool.owed(PAIR), spent, pool.held(PAIR), fair(margin, pool, spent))
        request = margin.open_request(pool, rogue, PAIR, DOWN, principal, **hostile.route)
        if extra:
            with refused("PrincipalTooHigh", limit + 1, limit):
                send(margin, pool, rogue, request)
            continue
        position = send(margin, pool, rogue, request)
    assert position.principal == limit, "R3"
    assert lent(margin, pool.owed(PAIR)) == before
    check_books(margin)


def test_short__down_payment_is_no_proceeds(margin, hostile, rogue):
    """It lies in the pool before the swap, and the sale is what comes after: a sale that brings
    nothing is refused however much is put down, and one a unit below the least as well."""
    pool = margin.sides["short"]
    down = 1_000 * DOWN
    margin.give(rogue, PREP, down)
    principal = WAD
    least = least_proceeds(principal, margin.price(PAIR), DEVIATION)
    for brought in (0, least - 1):
        hostile.trade(pool, WETH, principal, PREP, brought)
        request = margin.open_request(pool, rogue, PAIR, down, principal, **hostile.route)
        with refused("PriceDeviates", brought, least):
            send(margin, pool, rogue, request)
    hostile.trade(pool, WETH, principal, PREP, least)
    position = send(margin, pool, rogue, request)
    assert position.collateral == down + least


@pytest.mark.parametrize("donated", [1, DOWN])
def test_short__proceeds_raised_by_a_donation__no_more_can_be_borrowed(
    margin, hostile, rogue, donated
):
    """With a check price the sale does not say how much may be borrowed. Without one it does, the
    other way round: what is added only makes it too large."""
    pool = margin.sides["short"]
    margin.give(rogue, PREP, DOWN)
    limit = most(margin, pool, DOWN)
    proceeds = fair(margin, pool, limit + 1)
    hostile.trade(pool, WETH, limit + 1, PREP, proceeds + donated)
    request = margin.open_request(pool, rogue, PAIR, DOWN, limit + 1, **hostile.route)
    with refused("PrincipalTooHigh", limit + 1, limit):
        send(margin, pool, rogue, request)
    down = margin.units(USD, 1_000)
    margin.give(rogue, USD, down)
    sale = down * LEVERAGE // BPS
    for extra in (donated, 0):
        hostile.trade(pool, WETH, WAD, USD, sale + extra)
        request = margin.open_request(pool, rogue, LIMITED, down, WAD, **hostile.route)
        if extra:
            with refused("SaleTooLarge", sale + extra, sale):
                send(margin, pool, rogue, request)
        else:
            send(margin, pool, rogue, request)
    check_books(margin)


def poor_price(pool, position, equity_bps):
    if pool.is_long:
        return ceil(position.principal * WAD * BPS, position.collateral * (BPS - equity_bps))
    return position.collateral * WAD * BPS // (position.principal * (BPS + equity_bps))


@pytest.mark.parametrize("equity", [-500, 0, 300, MAINTENANCE - 10])
def test_increase__position_within_its_threshold__refused_unless_it_is_lifted_out(
    margin, pool, hostile, rogue, acts, equity
):
    """A large increase hides no bad debt: the whole is looked at, at the check price, and with what
    is owed in interest."""
    position = margin.typical(pool, rogue, PAIR, 4)
    margin.set_price(PAIR, poor_price(pool, position, equity))
    margin.give(rogue, PREP, 100_000 * DOWN)

    def increased(down, principal):
        acts.wait()
        given = principal + down if pool.is_long else principal
        hostile.trade(pool, pool.owed(PAIR), given, pool.held(PAIR), fair(margin, pool, given))
        request = margin.increase_request(
            pool, position, down, principal, interest=1, **hostile.route
        )
        return send(margin, pool, rogue, request, position)

    # Of the trader's own money too little, and a little at the highest leverage.
    for down in (10**6, 10 * WAD):
        for principal in (0, most(margin, pool, down)):
            with refused("MarginTooLow"):
                increased(down, principal)
    after = increased(50 * DOWN, 0)
    health, least = margin.health(pool, after)
    assert health > least, "A5"
    check_books(margin)


def test_remove__right_after_a_donation__as_without_it(margin, pool, hostile, rogue, acts):
    """What lies in the pool is nobody's margin."""
    position = margin.typical(pool, rogue, PAIR, 4)
    held = pool.held(PAIR)
    donation = position.collateral
    hostile.fund(held, donation)
    hostile.run(margin.tokens[held], "transfer(address,uint256)", pool.address, donation)
    request = margin.collateral_request(position, -position.collateral // 5)
    with refused("PrincipalTooHigh"):
        margin.do(rogue, pool, "remove", request, margin.signed(pool, request), position)
    request = margin.collateral_request(position, -position.collateral)
    with refused("AmountTooLarge", position.collateral, position.collateral):
        margin.do(rogue, pool, "remove", request, margin.signed(pool, request), position)
    check_books(margin, {("long" if pool.is_long else "short", held): donation})


def test_open__nothing_is_swapped__no_position_or_one_without_debt(margin, pool, hostile, rogue):
    """All that was lent comes back. What stays is a short's own down payment: it can be taken out
    again, to the unit, needs no swap to be closed, and is in nobody's threshold."""
    margin.give(rogue, PREP, DOWN)
    hostile.arm()
    request = margin.open_request(
        pool, rogue, PAIR, DOWN, most(margin, pool, DOWN), **hostile.route
    )
    if pool.is_long:
        with refused("ZeroAmount"):
            send(margin, pool, rogue, request)
        return
    position = send(margin, pool, rogue, request)
    assert (position.principal, position.collateral) == (0, DOWN)
    margin.set_price(PAIR, 10**40)
    for kind, args in (
        ("mark", (position,)),
        ("liquidate", (position, 0, *hostile.route.values())),
    ):
        who = margin.liquidator
        with refused("NotLiquidatable", DOWN, 0):
            margin.do(who, pool, kind, *args)
    position = margin.change_collateral(pool, rogue, position, 1 - DOWN)
    assert position.collateral == 1
    margin.do(rogue, pool, "exit", position, hostile.address, b"", 1, 0)
    assert margin.balance(rogue, PREP) == DOWN
    check_books(margin)
