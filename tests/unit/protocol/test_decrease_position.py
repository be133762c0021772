"""Protocol.decreasePosition: realises its part and leaves the rest as it was."""

import pytest

from tests.expected import UNLIMITED, borrow_index, ceil, execution_price
from tests.suite import WAD
from tests.unit.books import (
    CashFlow,
    accrued,
    audit,
    books,
    both_sides,
    held,
    logs,
    open_position,
    sign,
)

COLLATERAL = 1_000 * WAD
NOTIONAL = 4_321 * WAD + 98_765
LESS = 1_111 * WAD + 13
DAY = 86_400
RATE = 15 * WAD // 100  # of borrowing a year, and of the reserve


@both_sides
@pytest.mark.parametrize(
    "change, limited", [(321, False), (-321, True)], ids=["winning", "losing_limited"]
)
def test_decrease__part__realised_booked_and_logged(btc, trader, clock, change, limited, is_long):
    p = open_position(btc, trader, COLLATERAL, NOTIONAL, is_long)
    now = clock.advance(DAY)
    btc.set_price(10_000 + sign(is_long) * change)
    before, price = books(btc), btc.price()
    limits = (price, now) if limited else ()
    tx = btc.protocol.decreasePosition(LESS, *limits, sender=trader)

    part = p.part(LESS)
    index = borrow_index(p.borrow_index, RATE, RATE, DAY)
    realised = p.realised(part, price, index=index)
    assert (realised.price_pnl > 0) == (change > 0)
    assert realised.borrowing_fee < 0
    total = sum(realised)
    assert held(btc, trader) == p._replace(size=p.size - part)
    assert btc.position(trader).collateral == COLLATERAL + total
    assert btc.position(trader).id == 1
    assert btc.lens.marketState(0).updatedAt == now
    assert audit(btc, trader) == before._replace(
        liquidity=before.liquidity - total,
        cash_flow=CashFlow(price_pnl=-realised.price_pnl, borrowing_fee=-realised.borrowing_fee),
    )
    values = {
        "trader": trader.address,
        "id": 1,
        "marketId": 0,
        "sizeRemoved": part,
        "price": price,
        "size": p.size - part,
        "collateral": COLLATERAL + total,
        "realised": tuple(realised),
        "badDebt": 0,
        "borrowIndex": index,
    }
    assert logs(tx, btc.protocol) == [("PositionDecreased", values)]
    assert logs(tx, btc.prep) == [], "settling moves no tokens"


@both_sides
@pytest.mark.parametrize("same_side", [True, False])
def test_decrease__market_with_skew__funding_and_fee_realised(
    full, trader, other_trader, clock, same_side, is_long
):
    open_position(full, other_trader, 20_000 * WAD, 100_000 * WAD, is_long == same_side)
    p = open_position(full, trader, COLLATERAL, NOTIONAL, is_long)
    now = accrued(full, clock.advance(DAY))
    before, collateral = books(full), full.position(trader).collateral
    tx = full.protocol.decreasePosition(LESS, sender=trader)

    part = p.part(LESS)
    fill = execution_price(full.price(), full.market["skewScale"], now.skew, now.skew - part)
    rate = full.market["closingFeeRate"]
    realised = p.realised(part, fill, **now.terms, closing_rate=rate)
    assert (realised.funding < 0) == same_side
    share = ceil(-realised.closing_fee, 10)
    flow = before.cash_flow
    flow = flow._replace(
        price_pnl=flow.price_pnl - realised.price_pnl,
        accrued_funding=flow.accrued_funding - realised.funding,
        borrowing_fee=flow.borrowing_fee - realised.borrowing_fee,
        closing_fee=flow.closing_fee - realised.closing_fee - share,
    )
    assert full.position(trader).collateral == collateral + sum(realised)
    assert held(full, trader) == p._replace(size=p.size - part)
    assert audit(full, trader, other_trader) == before._replace(
        liquidity=before.liquidity - sum(realised) - share,
        unpaid_fees=before.unpaid_fees + share,
        cash_flow=flow,
    )
    (decreased,) = [v for name, v in logs(tx, full.protocol) if name == "PositionDecreased"]
    assert (decreased["price"], decreased["realised"]) == (fill, tuple(realised))


@both_sides
def test_decrease__smallest_part__accepted_and_one_unit_less_not(btc, trader, reverts, is_long):
    """A base unit costs 10,000 units of PREP."""
    p = open_position(btc, trader, COLLATERAL, 5_000 * WAD, is_long)
    with reverts(btc.protocol.ZeroAmount):
        btc.protocol.decreasePosition(9_999, sender=trader)
    btc.protocol.decreasePosition(10_000, sender=trader)
    assert held(btc, trader).size == p.size - sign(is_long)
    btc.protocol.decreasePosition(19_999, sender=trader)
    assert held(btc, trader).size == p.size - 2 * sign(is_long)


@both_sides
def test_decrease__by_whole_entry_notional__closes(btc, trader, is_long):
    p = open_position(btc, trader, COLLATERAL, NOTIONAL, is_long)
    tx = btc.protocol.decreasePosition(p.notional, sender=trader)
    assert tuple(btc.position(trader)) == (0, 0, 0, COLLATERAL, 0, 0, 0)
    assert btc.protocol.getIdsNotInUse() == [1]
    ((_, values),) = logs(tx, btc.protocol)
    assert (values["sizeRemoved"], values["size"]) == (p.size, 0)
    audit(btc, trader)


@both_sides
def test_decrease__by_more_than_entry_notional__reverts_without_asking_for_a_price(
    btc, trader, reverts, is_long
):
    p = open_position(btc, trader, COLLATERAL, NOTIONAL, is_long)
    btc.set_answer(0)
    for notional in (p.notional + 1, UNLIMITED):
        values = {"notional": notional, "entryNotional": p.notional}
        with reverts(btc.protocol.DecreaseTooLarge, **values):
            btc.protocol.decreasePosition(notional, sender=trader)


def test_decrease__no_position__reverts(btc, trader, reverts):
    with reverts(btc.protocol.NoPosition):
        btc.protocol.decreasePosition(0, sender=trader)
    with reverts(btc.protocol.NoPosition):
        btc.protocol.decreasePosition(LESS, 0, UNLIMITED, sender=trader)


def test_decrease__nothing__reverts(btc, trader, reverts):
    open_position(btc, trader, COLLATERAL, NOTIONAL, True)
    with reverts(btc.protocol.ZeroAmount):
        btc.protocol.decreasePosition(0, sender=trader)


def test_decrease__after_deadline__reverts(btc, trader, clock, reverts):
    open_position(btc, trader, COLLATERAL, NOTIONAL, True)
    with reverts(btc.protocol.DeadlinePassed, deadline=clock.now - 1):
        btc.protocol.decreasePosition(UNLIMITED, 0, clock.now - 1, sender=trader)


@both_sides
def test_decrease__price_one_unit_worse_than_acceptable__reverts(
    full, trader, clock, reverts, is_long
):
    p = open_position(full, trader, COLLATERAL, NOTIONAL, is_long)
    fill = execution_price(full.price(), full.market["skewScale"], p.size, p.size - p.part(LESS))
    better = fill + sign(is_long)
    with reverts(full.protocol.PriceNotAcceptable, price=fill, acceptable=better):
        full.protocol.decreasePosition(LESS, better, clock.now, sender=trader)
    full.protocol.decreasePosition(LESS, fill, clock.now, sender=trader)
    assert held(full, trader).size == p.size - p.part(LESS)


@both_sides
def test_decrease__loss_takes_all_collateral__accepted_and_one_unit_more_not(
    btc, trader, clock, reverts, is_long
):
    """Nothing is left to back the rest, which is not what a decrease checks."""
    p = open_position(btc, trader, COLLATERAL, 10_000 * WAD, is_long)
    clock.advance(DAY)
    btc.set_price(10_000 - sign(is_long) * 1_500)
    notional = 9_980 * WAD
    index = borrow_index(p.borrow_index, RATE, RATE, DAY)
    owed = -sum(p.realised(p.part(notional), btc.price(), index=index))
    btc.protocol.depositCollateral(owed - 1 - COLLATERAL, sender=trader)
    values = {"collateral": owed - 1, "required": owed}
    with reverts(btc.protocol.InsufficientCollateral, **values):
        btc.protocol.decreasePosition(notional, sender=trader)
    btc.protocol.depositCollateral(1, sender=trader)
    btc.protocol.decreasePosition(notional, sender=trader)
    assert btc.position(trader).collateral == 0
    assert audit(btc, trader).cash_flow.bad_debt == 0


@both_sides
def test_decrease__value_of_rest_at_minimum__accepted_and_one_unit_below_not(
    btc, trader, reverts, is_long
):
    p = open_position(btc, trader, COLLATERAL, 5_000 * WAD, is_long)
    least = btc.market["minPositionValue"]
    btc.set_price(9_000)
    size = ceil(least, 9_000)  # base units
    cost = (abs(p.size) - size) * 10_000
    values = {"value": (size - 1) * 9_000, "min": least}
    with reverts(btc.protocol.PositionTooSmall, **values):
        btc.protocol.decreasePosition(cost + 10_000, sender=trader)
    btc.protocol.decreasePosition(cost, sender=trader)
    assert abs(held(btc, trader).size) == size
    btc.protocol.decreasePosition(size * 10_000, sender=trader)
    assert held(btc, trader).size == 0, "P6: a rest that is too small can always be closed"


def test_decrease__several_reasons_to_refuse__the_first_names_the_error(
    full, trader, clock, reverts
):
    """Price before collateral, collateral before the rest's value."""
    p = open_position(full, trader, COLLATERAL, 10_000 * WAD, True)
    full.set_price(5_000)
    notional = p.notional - WAD
    part = p.part(notional)
    fill = execution_price(full.price(), full.market["skewScale"], p.size, p.size - part)
    with reverts(full.protocol.PriceNotAcceptable, price=fill, acceptable=fill + 1):
        full.protocol.decreasePosition(notional, fill + 1, clock.now, sender=trader)
    now = accrued(full, clock.now)
    rate, collateral = full.market["closingFeeRate"], full.position(trader).collateral
    owed = -sum(p.realised(part, fill, **now.terms, closing_rate=rate))
    with reverts(full.protocol.InsufficientCollateral, collateral=collateral, required=owed):
        full.protocol.decreasePosition(notional, fill, clock.now, sender=trader)
