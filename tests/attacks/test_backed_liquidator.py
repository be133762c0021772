"""Attack: the key of the liquidator is stolen. The thief owns an exchange.

With a check price a liquidation cannot be worse than the deviation allows: the thief gets that and
the fee out of positions that are close to their threshold, and lenders are paid in full while the
deviation is no more than the maintenance margin (R4, A7). Without a check price nothing but his own
swap says what a position is worth: he takes all that positions hold.
"""

import pytest

from prep.margin.data import CLOSED
from prep.node import Reverted
from tests.attacks.backed import (
    BPS,
    DAY,
    YEAR,
    ceil,
    check_books,
    highest_cost,
    least_proceeds,
    lent,
    refused,
    set_terms,
)
from tests.attacks.backed_acts import PAIR
from tests.margin_suite import (
    DEVIATION,
    LIQUIDATION_FEE,
    MAINTENANCE,
    MAX_APY,
    PREP,
    USD,
    WETH,
)
from tests.suite import WAD

LIMITED = (WETH, USD)


def seize(margin, pool, hostile, position, pair, given, brought, interest=1):
    """Through the thief's exchange, for what he names."""
    hostile.trade(pool, pool.held(pair), given, pool.owed(pair), brought)
    args = position, interest, *hostile.route.values()
    return margin.do(margin.liquidator, pool, "liquidate", *args)


def with_equity(margin, pool, trader, equity_bps, pair=PAIR):
    """A position on which some interest is due, and the check price that leaves it with so much of
    its value as equity: by the price itself, at the position's borders to the unit."""
    position = margin.typical(pool, trader, pair, 3)
    if pool.is_long:
        price = ceil(position.principal * WAD * BPS, position.collateral * (BPS - equity_bps))
    else:
        price = position.collateral * WAD * BPS // (position.principal * (BPS + equity_bps))
    margin.set_price(pair, price)
    margin.node.at(margin.time() + 60)
    margin.node.mine()
    return position


def worst(margin, pool, position, pair=PAIR, interest=1):
    """What a swap gives and brings at the worst price that is allowed."""
    price = margin.price(pair)
    if pool.is_long:
        return position.collateral, least_proceeds(position.collateral, price, DEVIATION)
    owed = position.principal + interest
    return highest_cost(owed, price, DEVIATION), owed


def realised_equity(pool, position, given, brought, interest=1):
    owed = position.principal + interest
    if pool.is_long:
        return brought - owed, brought
    return position.collateral - given, given


def test_liquidator__worst_price__lenders_paid_and_the_loss_is_the_deviation(
    margin, pool, hostile, victim
):
    """The position is not within its threshold: at the worst price it is."""
    position = with_equity(margin, pool, victim, MAINTENANCE + DEVIATION // 2)
    equity, least = margin.health(pool, position)
    assert equity > least
    given, brought = worst(margin, pool, position)
    if pool.is_long:
        beyond = given, brought - 1
        error = ("PriceDeviates", brought - 1, brought)
    else:
        beyond = given + 1, brought
        error = ("PriceDeviates", given + 1, given)
    with refused(*error):
        seize(margin, pool, hostile, position, PAIR, *beyond)
    owed = pool.owed(PAIR)
    before = lent(margin, owed), margin.balance(margin.liquidator, PREP)
    logs = seize(margin, pool, hostile, position, PAIR, given, brought)
    closing = margin.closing(logs, "PositionLiquidated")
    remaining, value = realised_equity(pool, position, given, brought)
    fee = min(remaining, value * LIQUIDATION_FEE // BPS)
    assert closing.bad_debt == 0, "A7"
    assert (closing.principal_paid, closing.interest_paid) == (position.principal, 1)
    assert (closing.fee, closing.payout) == (fee, remaining - fee)
    assert lent(margin, owed) == before[0] + 1
    assert margin.balance(margin.liquidator, PREP) == before[1] + fee
    check_books(margin)


def test_liquidator__further_than_the_deviation_from_the_threshold__refused(
    margin, pool, hostile, victim
):
    """R4: healthy at the worst price that is allowed."""
    position = with_equity(margin, pool, victim, MAINTENANCE + DEVIATION + 100)
    given, brought = worst(margin, pool, position)
    equity, value = realised_equity(pool, position, given, brought)
    with refused("NotLiquidatable", equity, ceil(value * MAINTENANCE, BPS)):
        seize(margin, pool, hostile, position, PAIR, given, brought)


def test_liquidator__sells_a_part_only__refused(margin, pool, hostile, victim):
    """What is not sold would be nobody's: and bad debt only follows when all is spent (A7)."""
    position = with_equity(margin, pool, victim, MAINTENANCE - 100)
    _, brought = worst(margin, pool, position)
    held = position.collateral
    short = (held - 1, brought) if pool.is_long else (held - 1, position.principal)
    with refused("WrongAmountSpent", held - 1, held):
        seize(margin, pool, hostile, position, PAIR, *short)
    assert margin.stored(pool, position.id) != CLOSED


def test_liquidator__interest__at_most_the_highest(margin, pool, hostile, victim):
    position = with_equity(margin, pool, victim, MAINTENANCE - 100)
    for days, too_much in ((5, 0), (6, 1)):
        most = position.principal * MAX_APY * (days * DAY) // (WAD * YEAR)
        interest = most + 1 if too_much else 0
        margin.node.at(position.last_funding_timestamp + days * DAY)
        with refused("InvalidInterest", interest, most):
            args = position, interest, *hostile.route.values()
            margin.do(margin.liquidator, pool, "liquidate", *args)


@pytest.mark.parametrize("equity", [DEVIATION + 1, DEVIATION, 100, 0])
def test_liquidator__within_the_threshold__costs_lenders_what_the_deviation_is_above_equity(
    margin, pool, hostile, victim, equity
):
    """Who is allowed to liquidate can do it badly: what is missing then is the lenders' loss, and
    at most the deviation of the value."""
    position = with_equity(margin, pool, victim, equity)
    price = margin.price(PAIR)
    owed = pool.owed(PAIR)
    before = lent(margin, owed)
    if pool.is_long:
        given, brought = worst(margin, pool, position)
    else:
        # All it has, for as little as is allowed.
        given = position.collateral
        brought = position.principal + 1
        if highest_cost(brought, price, DEVIATION) < given:
            given = highest_cost(brought, price, DEVIATION)
        else:
            brought = ceil(ceil(given * BPS, BPS + DEVIATION) * WAD, price)
    logs = seize(margin, pool, hostile, position, PAIR, given, brought)
    closing = margin.closing(logs, "PositionLiquidated")
    missing = max(position.principal - brought, 0)
    assert closing.bad_debt == missing, "A7"
    assert lent(margin, owed) == before - missing + closing.interest_paid
    value = position.collateral if pool.is_long else position.principal
    if pool.is_long:
        value = value * price // WAD
    assert missing * BPS <= value * max(DEVIATION - equity, 0) + BPS
    assert (missing == 0) == (equity >= DEVIATION) or equity == DEVIATION
    check_books(margin)


EDGE = {"leverage": 99_000, "maintenance": 500, "fee": 500, "deviation": 500}
"""As far as a deviation within the maintenance margin can go: 9.9 * (5 % + 5 %) is less than 1."""


def test_liquidator_and_signer__both_stolen__lenders_paid_as_long_as_the_price_stands(
    margin, pool, hostile, rogue
):
    """Opened at the worst price and the highest leverage, liquidated at the worst price in the same
    minute: twice the deviation and not the lenders' principal, because it is within the maintenance
    margin. Here a hundredth of a short's down payment remains, two 35ths of a long's."""
    set_terms(margin, PAIR, **EDGE)
    price, down = margin.price(PAIR), margin.units(PREP, 10_000)
    owed = pool.owed(PAIR)
    before = lent(margin, owed)
    if pool.is_long:
        principal = down * 89 // 10
        given = principal + down
        brought = ceil(ceil(given * BPS, BPS + 500) * WAD, price)
        while highest_cost(brought - 1, price, 500) >= given:
            brought -= 1
    else:
        given = principal = down * 99 * WAD // (10 * price)
        brought = least_proceeds(given, price, 500)
    hostile.trade(pool, owed, given, pool.held(PAIR), brought)
    margin.give(rogue, PREP, down)
    request = margin.open_request(pool, rogue, PAIR, down, principal, **hostile.route)
    logs = margin.do(rogue, pool, "open", request, margin.signed(pool, request))
    position = margin.after(logs, "PositionOpened")
    margin.node.at(margin.time() + 60)
    margin.node.mine()
    if pool.is_long:
        amounts = position.collateral, least_proceeds(position.collateral, price, 500)
    else:
        amounts = highest_cost(principal + 1, price, 500), principal + 1
    logs = seize(margin, pool, hostile, position, PAIR, *amounts)
    closing = margin.closing(logs, "PositionLiquidated")
    assert closing.bad_debt == 0, "A7"
    left = closing.fee + closing.payout
    assert 0 < left <= (down * 2 // 35 + price // WAD if pool.is_long else down // 100)
    assert lent(margin, owed) == before + 1
    check_books(margin)


WIDE = {"leverage": 50_000, "maintenance": 100, "fee": 100, "deviation": 1_500}
"""Within all bounds but one: 5 * (1 % + 15 %) is less than 1."""


def test_liquidator__deviation_above_maintenance__not_possible(margin):
    """R4. By such terms a liquidator's key could sell positions that are not within their threshold
    for less than they owe."""
    with pytest.raises(Reverted) as raised:
        set_terms(margin, PAIR, **WIDE)
    assert raised.value.name == "ParameterOutOfBounds"
    assert raised.value.args_[1:] == (1_500, 10, 100)


def test_liquidator__pair_with_limits__takes_everything_that_positions_hold(
    margin, pool, hostile, victim, accomplice
):
    """No limit holds him: the lenders lose the whole principal, the traders everything."""
    owed = pool.owed(LIMITED)
    before = lent(margin, owed)
    sizes = [margin.typical(pool, who, LIMITED, 2) for who in (victim, accomplice)]
    margin.node.at(margin.time() + 60)
    margin.node.mine()
    total = 0
    for position in sizes:
        logs = seize(margin, pool, hostile, position, LIMITED, position.collateral, 0)
        closing = margin.closing(logs, "PositionLiquidated")
        assert (closing.bad_debt, closing.payout, closing.fee) == (position.principal, 0, 0)
        total += position.principal
    assert before - lent(margin, owed) == total, "A7"
    held = sum(position.collateral for position in sizes)
    assert margin.balance(hostile.address, pool.held(LIMITED)) == held
    check_books(margin)
