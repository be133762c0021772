"""A position of which only a part is liquidated, by whose price the whole is judged."""

import pytest

from prep.margin.data import CLOSED, Closing, position_hash
from tests.margin_expected import highest_cost, least_margin, least_proceeds, liquidation_fee
from tests.margin_suite import DEVIATION, LIQUIDATION_FEE, MAINTENANCE
from tests.unit.margin_pools.stand import HOUR
from tests.unit.margin_pools.test_liquidate import money_of, near


def ceil(a, b):
    return -(-a // b)


def due_of(position, amount):
    """Of the principal."""
    return ceil(position.principal * amount, position.collateral)


def judged(stand, position, amount, interest, spent, received):
    """Equity and least margin of the whole by what the swap of a part did."""
    owed, due = position.principal + interest, due_of(position, amount) + interest
    if stand.is_long:
        whole = ceil(received * position.collateral, amount)
        equity = whole - owed
    else:
        value = amount if received < due else spent * due // received
        whole = value * owed // due
        equity = position.collateral - whole
    return equity, least_margin(whole, MAINTENANCE)


def within(stand, *args):
    equity, least = judged(stand, *args)
    return equity <= least


def at_threshold(stand, position, amount, interest):
    """Spent and received of the part so that the whole is just within."""
    owed = position.principal + interest
    if stand.is_long:
        received = owed * 10_000 // (10_000 - MAINTENANCE) * amount // position.collateral - 2
        assert within(stand, position, amount, interest, amount, received)
        while within(stand, position, amount, interest, amount, received + 1):
            received += 1
        return amount, received
    due = due_of(position, amount) + interest
    spent = position.collateral * 10_000 // (10_000 + MAINTENANCE) * due // owed + 2
    assert within(stand, position, amount, interest, spent, due)
    while within(stand, position, amount, interest, spent - 1, due):
        spent -= 1
    return spent, due


def expected(stand, position, amount, interest, spent, received):
    """What it did, and the position after at this time."""
    due = due_of(position, amount)
    paid = min(received, due + interest)
    value = received if stand.is_long else spent * (due + interest) // received
    remaining = received - paid if stand.is_long else amount - spent
    fee = min(remaining, liquidation_fee(value, LIQUIDATION_FEE))
    principal = min(paid, due)
    closing = Closing(
        amount, spent, received, principal, paid - principal, fee, remaining - fee, due - principal
    )
    left = position._replace(
        principal=position.principal - due, collateral=position.collateral - amount, nonce=2
    )
    in_full = paid == due + interest
    return closing, left._replace(last_funding_timestamp=stand.time()) if in_full else left


def call_of(stand, position, amount, interest, spent, received):
    return position, amount, interest, stand.router, stand.swap(False, spent, received)


def refusal(stand, *args, who=None):
    who = who or stand.margin.liquidator
    return stand.refusal("liquidate_part", *call_of(stand, *args), who=who)


@pytest.fixture(params=[3, 100], ids=["a third", "a hundredth"])
def part(request, any_stand):
    """A position in any pair, an hour old, a part of it, and a swap at the threshold."""
    stand = any_stand
    position = stand.open()
    interest = 1 if request.param == 100 else stand.max_interest(position, stand.wait(HOUR))
    if request.param == 100:
        stand.wait(HOUR)
    amount = ceil(position.collateral, request.param)
    spent, received = at_threshold(stand, position, amount, interest)
    near(stand, position, interest, spent, received)
    return stand, position, amount, interest, spent, received


def test_liquidate_part__at_the_threshold__its_part_is_paid_and_the_rest_stays(part):
    stand, position, *rest = part
    before = stand.balances()
    call = call_of(stand, position, *rest)
    logs = stand.do("liquidate_part", *call, who=stand.margin.liquidator)
    closing, left = expected(stand, position, *rest)
    assert closing.bad_debt == 0
    assert closing.payout > 0
    who = position.id, stand.trader.address, stand.margin.liquidator.address
    assert stand.logged(logs) == [("PositionLiquidated", (*who, left, closing))]
    assert stand.stored(position) == position_hash(left), "A3"
    assert stand.moved(before) == money_of(stand, closing)


def test_liquidate_part__a_unit_above_the_threshold__refused(part):
    stand, position, amount, interest, spent, received = part
    assert refusal(stand, position, amount, interest, spent, received) is None
    swap = (spent, received + 1) if stand.is_long else (spent - 1, received)
    equity, least = judged(stand, position, amount, interest, *swap)
    assert equity > least, "R4"
    assert refusal(stand, position, amount, interest, *swap) == ("NotLiquidatable", equity, least)


def test_liquidate_part__amount__from_a_hundredth_to_all(part):
    stand, position, _, interest, spent, received = part
    whole = position.collateral
    least = ceil(whole, 100)
    swap = interest, spent, received
    assert refusal(stand, position, least - 1, *swap) == ("AmountTooSmall", least - 1, least)
    assert refusal(stand, position, whole + 1, *swap) == ("AmountTooLarge", whole + 1, whole)
    spent, received = at_threshold(stand, position, whole, interest)
    near(stand, position, interest, spent, received)
    call = call_of(stand, position, whole, interest, spent, received)
    logs = stand.do("liquidate_part", *call, who=stand.margin.liquidator)
    closing, _ = expected(stand, position, whole, interest, spent, received)
    assert stand.margin.closing(logs, "PositionLiquidated") == closing
    assert stand.stored(position) == CLOSED


def test_liquidate_part__interest__good_or_refused_by_name(part):
    stand, position, amount, _, spent, received = part
    most = stand.max_interest(position)
    for interest in (0, most + 1):
        refused = refusal(stand, position, amount, interest, spent, received)
        assert refused[:2] == ("InvalidInterest", interest)


def test_liquidate_part__for_the_liquidator_alone(part):
    stand, position, *rest = part
    stranger = stand.stranger
    refused = refusal(stand, position, *rest, who=stranger)
    assert refused == ("AccessManagedUnauthorized", stranger.address)


def test_liquidate_part__under_water__nothing_is_given_up_before_the_last_part(part):
    stand, position, amount, interest, *_ = part
    due = due_of(position, amount)
    # Nothing but half of what is due comes of it.
    spent, received = amount, due // 2
    near(stand, position, interest, spent, received)
    before = stand.balances()
    call = call_of(stand, position, amount, interest, spent, received)
    logs = stand.do("liquidate_part", *call, who=stand.margin.liquidator)
    closing = stand.margin.closing(logs, "PositionLiquidated")
    left = position._replace(
        principal=position.principal - received, collateral=position.collateral - amount, nonce=2
    )
    assert (closing.principal_paid, closing.interest_paid) == (received, 0)
    assert closing.bad_debt == 0, "A7"
    assert (closing.fee, closing.payout) == (0, 0)
    assert stand.stored(position) == position_hash(left), "A3"
    assert stand.moved(before) == money_of(stand, closing)
    rest = left.collateral, left.principal // 2
    near(stand, position, interest, *rest)
    call = call_of(stand, left, left.collateral, stand.max_interest(left), *rest)
    logs = stand.do("liquidate_part", *call, who=stand.margin.liquidator)
    closing = stand.margin.closing(logs, "PositionLiquidated")
    assert closing.bad_debt == left.principal - rest[1], "A7"
    assert stand.stored(position) == CLOSED


def test_liquidate_part__collateral_left_over_and_lenders_not_paid__refused(part):
    stand, position, amount, interest, *_ = part
    due = due_of(position, amount) + interest
    spent, received = amount - 1, due - 1
    near(stand, position, interest, spent, received)
    refused = refusal(stand, position, amount, interest, spent, received)
    assert refused == ("WrongAmountSpent", spent, amount)


def test_liquidate_part__swap_worse_than_the_check_price_allows__refused(part):
    stand, position, amount, interest, spent, received = part
    if not stand.checked:
        # Nothing but the swap says what the position is worth there.
        assert refusal(stand, position, amount, interest, spent, received) is None
        return
    price = stand.price
    if stand.is_long:
        least = least_proceeds(spent, price, DEVIATION)
        assert refusal(stand, position, amount, interest, spent, least) is None
        refused = refusal(stand, position, amount, interest, spent, least - 1)
        assert refused == ("PriceDeviates", least - 1, least)
    else:
        most = highest_cost(received, price, DEVIATION)
        assert refusal(stand, position, amount, interest, most, received) is None
        refused = refusal(stand, position, amount, interest, most + 1, received)
        assert refused == ("PriceDeviates", most + 1, most)
