"""Protocol.increasePosition: averages, nothing realised, the same checks as opening."""

import pytest

from tests.expected import (
    MAX_LEVERAGE,
    UNLIMITED,
    borrow_index,
    ceil,
    execution_price,
    fee,
    leverage,
)
from tests.suite import WAD
from tests.unit.books import accrued, audit, books, both_sides, held, logs, open_position, sign

COLLATERAL = 1_000 * WAD
NOTIONAL = 4_321 * WAD + 98_765
MORE = 1_000 * WAD + 7
ANSWER = 987_654_321_987  # $9,876.54321987
DAY = 86_400
MAX_SIZE = 10**30
MAX_COST = 10**37
RATE = 15 * WAD // 100  # of borrowing a year, and of the reserve


@both_sides
@pytest.mark.parametrize("limited", [False, True])
def test_increase__price_and_time_have_moved__averaged_and_logged(
    btc, trader, clock, limited, is_long
):
    p = open_position(btc, trader, COLLATERAL, NOTIONAL, is_long)
    now = clock.advance(DAY)
    btc.set_answer(ANSWER)
    before, price = books(btc), ANSWER * 10**10
    limits = (price, now) if limited else ()
    tx = btc.protocol.increasePosition(MORE, *limits, sender=trader)

    added = sign(is_long) * (MORE * WAD // price)
    index = borrow_index(p.borrow_index, RATE, RATE, DAY)
    new = p.increased(added, price, 0, index)
    assert held(btc, trader) == new
    assert p.borrow_index < new.borrow_index < index
    assert min(p.entry_price, price) < new.entry_price < max(p.entry_price, price)
    assert btc.position(trader).collateral == COLLATERAL
    assert btc.position(trader).id == 1
    assert btc.protocol.getNumOfOpenPositionsIds() == 1
    state = btc.lens.marketState(0)
    assert (state.borrowIndex, state.updatedAt) == (index, now)
    assert audit(btc, trader) == before, "nothing is realised"
    values = {
        "trader": trader.address,
        "id": 1,
        "marketId": 0,
        "sizeAdded": added,
        "price": price,
        "size": new.size,
        "entryPrice": new.entry_price,
        "collateral": COLLATERAL,
        "openingFee": 0,
        "borrowIndex": index,
    }
    assert logs(tx, btc.protocol) == [("PositionIncreased", values)]


@both_sides
@pytest.mark.parametrize("answer", [1_000_000_000_001, 999_999_999_999], ids=["up", "down"])
def test_increase__averages_do_not_come_out_even__rounded_against_trader(
    btc, trader, clock, answer, is_long
):
    btc.configure(minPositionValue=0)
    btc.protocol.depositCollateral(COLLATERAL, sender=trader)
    btc.protocol.openPositionWithToken(7 * WAD // 10 + 1, is_long, sender=trader)
    p = held(btc, trader)
    clock.advance(DAY)
    btc.set_answer(answer)
    btc.protocol.increasePosition(3_000 * WAD, sender=trader)
    index = borrow_index(p.borrow_index, RATE, RATE, DAY)
    added = sign(is_long) * (3_000 * WAD * WAD // btc.price())
    new = held(btc, trader)
    assert new == p.increased(added, btc.price(), 0, index)
    exact = abs(p.size) * p.entry_price + abs(added) * btc.price()
    assert exact % abs(new.size) != 0
    assert (new.entry_price * abs(new.size) > exact) == is_long


@both_sides
@pytest.mark.parametrize("same_side", [True, False])
def test_increase__market_with_skew__funding_averaged_and_fee_paid(
    full, trader, other_trader, clock, same_side, is_long
):
    open_position(full, other_trader, 20_000 * WAD, 100_000 * WAD, is_long == same_side)
    p = open_position(full, trader, COLLATERAL, NOTIONAL, is_long)
    now = accrued(full, clock.advance(DAY))
    full.set_answer(ANSWER)
    now = accrued(full, clock.now)
    before, price = books(full), ANSWER * 10**10
    collateral = full.position(trader).collateral
    full.protocol.increasePosition(MORE, sender=trader)

    added = sign(is_long) * (MORE * WAD // price)
    fill = execution_price(price, full.market["skewScale"], now.skew, now.skew + added)
    new = held(full, trader)
    assert new == p.increased(added, fill, now.funding.index, now.borrow_index)
    assert new.funding_index not in (p.funding_index, now.funding.index)
    paid = fee(full.market["openingFeeRate"], added, fill)
    share = ceil(paid, 10)
    assert full.position(trader).collateral == collateral - paid
    flow = before.cash_flow._replace(opening_fee=before.cash_flow.opening_fee + paid - share)
    assert audit(full, trader, other_trader) == before._replace(
        liquidity=before.liquidity + paid - share,
        unpaid_fees=before.unpaid_fees + share,
        cash_flow=flow,
    )


def test_increase__no_position__reverts(btc, trader, reverts):
    with reverts(btc.protocol.NoPosition):
        btc.protocol.increasePosition(0, sender=trader)
    with reverts(btc.protocol.NoPosition):
        btc.protocol.increasePosition(MORE, UNLIMITED, UNLIMITED, sender=trader)


@both_sides
def test_increase__nothing__reverts(btc, trader, reverts, is_long):
    p = open_position(btc, trader, COLLATERAL, NOTIONAL, is_long)
    with reverts(btc.protocol.ZeroAmount):
        btc.protocol.increasePosition(0, sender=trader)
    with reverts(btc.protocol.ZeroAmount):
        btc.protocol.increasePosition(9_999, sender=trader)
    btc.protocol.increasePosition(10_000, sender=trader)
    assert held(btc, trader).size == p.size + sign(is_long)


@both_sides
def test_increase__out_of_bounds__reverts(btc, trader, reverts, is_long):
    p = open_position(btc, trader, COLLATERAL, NOTIONAL, is_long)
    for notional in (MAX_COST + 1, UNLIMITED):
        with reverts(btc.protocol.AmountOutOfBounds, amount=notional, max=MAX_COST):
            btc.protocol.increasePosition(notional, sender=trader)
    notional = MAX_SIZE * 10_000 + 10_000
    with reverts(btc.protocol.AmountOutOfBounds, amount=MAX_SIZE + 1, max=MAX_SIZE):
        btc.protocol.increasePosition(notional, sender=trader)
    room = MAX_SIZE - abs(p.size)
    with reverts(btc.protocol.AmountOutOfBounds, amount=MAX_SIZE + 1, max=MAX_SIZE):
        btc.protocol.increasePosition((room + 1) * 10_000, sender=trader)


def test_increase__after_deadline__reverts(btc, trader, clock, reverts):
    open_position(btc, trader, COLLATERAL, NOTIONAL, True)
    with reverts(btc.protocol.DeadlinePassed, deadline=clock.now - 1):
        btc.protocol.increasePosition(MORE, UNLIMITED, clock.now - 1, sender=trader)


@both_sides
def test_increase__price_one_unit_worse_than_acceptable__reverts(
    full, trader, clock, reverts, is_long
):
    p = open_position(full, trader, COLLATERAL, NOTIONAL, is_long)
    added = sign(is_long) * (MORE * WAD // full.price())
    fill = execution_price(full.price(), full.market["skewScale"], p.size, p.size + added)
    better = fill - sign(is_long)
    with reverts(full.protocol.PriceNotAcceptable, price=fill, acceptable=better):
        full.protocol.increasePosition(MORE, better, clock.now, sender=trader)
    full.protocol.increasePosition(MORE, fill, clock.now, sender=trader)
    assert held(full, trader).size == p.size + added


def test_increase__market_disabled__reverts(btc, guardian, trader, reverts):
    open_position(btc, trader, COLLATERAL, NOTIONAL, True)
    btc.protocol.disableMarket(0, sender=guardian)
    with reverts(btc.protocol.MarketClosed, marketId=0):
        btc.protocol.increasePosition(MORE, sender=trader)


@both_sides
@pytest.mark.parametrize("change", [500, -500], ids=["winning", "losing"])
def test_increase__up_to_15x_with_pnl__and_not_beyond(btc, trader, clock, reverts, change, is_long):
    p = open_position(btc, trader, COLLATERAL, 5_000 * WAD, is_long)
    clock.advance(DAY)
    btc.set_price(10_000 + sign(is_long) * change)
    index = borrow_index(p.borrow_index, RATE, RATE, DAY)

    def after(more: int) -> tuple[int, int]:
        """Entry notional and equity."""
        added = sign(is_long) * (more * WAD // btc.price())
        new = p.increased(added, btc.price(), 0, index)
        return new.notional, COLLATERAL + sum(new.realised(new.size, btc.price(), index=index))

    low, high = 0, 20_000 * WAD
    while high - low > 1:
        middle = (low + high) // 2
        notional, equity = after(middle)
        low, high = (middle, high) if notional <= 15 * equity else (low, middle)
    refused = leverage(*after(high))
    with reverts(btc.protocol.LeverageTooHigh, leverage=refused, max=MAX_LEVERAGE):
        btc.protocol.increasePosition(high, sender=trader)
    btc.protocol.increasePosition(low, sender=trader)
    assert held(btc, trader).notional == after(low)[0]


@both_sides
def test_increase__value_of_the_whole_at_maximum__and_not_one_unit_above(
    btc, trader, reverts, is_long
):
    most = 5_000 * WAD
    btc.configure(maxPositionValue=most)
    p = open_position(btc, trader, COLLATERAL, 4_000 * WAD, is_long)
    room = most - abs(p.size) * 10_000
    values = {"value": most + 10_000, "max": most}
    with reverts(btc.protocol.PositionTooLarge, **values):
        btc.protocol.increasePosition(room + 10_000, sender=trader)
    btc.protocol.increasePosition(room, sender=trader)


@both_sides
def test_increase__position_below_the_minimum__accepted(btc, trader, is_long):
    p = open_position(btc, trader, COLLATERAL, NOTIONAL, is_long)
    btc.configure(minPositionValue=100_000 * WAD)
    btc.protocol.increasePosition(MORE, sender=trader)
    assert abs(held(btc, trader).size) > abs(p.size)
