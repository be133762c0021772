"""Protocol.closePosition: always works; what collateral cannot pay is bad debt."""

import pytest

from tests.expected import UNLIMITED, borrow_index, ceil, execution_price
from tests.suite import WAD, ZERO_ADDRESS
from tests.unit.books import (
    CashFlow,
    accrued,
    audit,
    books,
    both_sides,
    logs,
    open_position,
    sign,
)

COLLATERAL = 1_000 * WAD
NOTIONAL = 4_321 * WAD + 98_765
DAY = 86_400
RATE = 15 * WAD // 100  # of borrowing a year, and of the reserve


@both_sides
@pytest.mark.parametrize(
    "change, limited", [(321, False), (-321, True)], ids=["winning", "losing_limited"]
)
def test_close__settled__flat_booked_and_logged(btc, trader, clock, change, limited, is_long):
    p = open_position(btc, trader, COLLATERAL, NOTIONAL, is_long)
    now = clock.advance(DAY)
    btc.set_price(10_000 + sign(is_long) * change)
    before, price = books(btc), btc.price()
    limits = (price, now) if limited else ()
    tx = btc.protocol.closePosition(*limits, sender=trader)

    index = borrow_index(p.borrow_index, RATE, RATE, DAY)
    realised = p.realised(p.size, price, index=index)
    total = sum(realised)
    assert tuple(btc.position(trader)) == (0, 0, 0, COLLATERAL + total, 0, 0, 0)
    assert btc.protocol.positionOwner(1) == ZERO_ADDRESS
    assert audit(btc, trader) == before._replace(
        liquidity=before.liquidity - total,
        cash_flow=CashFlow(price_pnl=-realised.price_pnl, borrowing_fee=-realised.borrowing_fee),
    )
    values = {
        "trader": trader.address,
        "id": 1,
        "marketId": 0,
        "sizeRemoved": p.size,
        "price": price,
        "size": 0,
        "collateral": COLLATERAL + total,
        "realised": tuple(realised),
        "badDebt": 0,
        "borrowIndex": index,
    }
    assert logs(tx, btc.protocol) == [("PositionDecreased", values)]
    btc.protocol.withdrawCollateral(COLLATERAL + total, sender=trader)


@both_sides
@pytest.mark.parametrize("same_side", [True, False])
def test_close__market_with_skew__everything_realised(
    full, trader, other_trader, clock, same_side, is_long
):
    open_position(full, other_trader, 20_000 * WAD, 100_000 * WAD, is_long == same_side)
    p = open_position(full, trader, COLLATERAL, NOTIONAL, is_long)
    now = accrued(full, clock.advance(DAY))
    before, collateral = books(full), full.position(trader).collateral
    tx = full.protocol.closePosition(sender=trader)
    fill = execution_price(full.price(), full.market["skewScale"], now.skew, now.skew - p.size)
    rate = full.market["closingFeeRate"]
    realised = p.realised(p.size, fill, **now.terms, closing_rate=rate)
    share = ceil(-realised.closing_fee, 10)
    assert tuple(full.position(trader)) == (0, 0, 0, collateral + sum(realised), 0, 0, 0)
    after = audit(full, trader, other_trader)
    assert after.liquidity == before.liquidity - sum(realised) - share
    assert after.unpaid_fees == before.unpaid_fees + share
    decreased = dict(logs(tx, full.protocol))["PositionDecreased"]
    assert (decreased["price"], decreased["realised"]) == (fill, tuple(realised))


@both_sides
@pytest.mark.parametrize("short_of", [-1, 0, 1])
def test_close__loss_around_collateral__beyond_it_is_bad_debt(
    btc, trader, clock, is_long, short_of
):
    p = open_position(btc, trader, COLLATERAL, 10_000 * WAD, is_long)
    clock.advance(DAY)
    btc.set_price(10_000 - sign(is_long) * 1_500)
    index = borrow_index(p.borrow_index, RATE, RATE, DAY)
    realised = p.realised(p.size, btc.price(), index=index)
    owed = -sum(realised)
    btc.protocol.depositCollateral(owed - short_of - COLLATERAL, sender=trader)
    before = books(btc)
    tx = btc.protocol.closePosition(sender=trader)
    bad_debt, left = max(0, short_of), max(0, -short_of)
    assert tuple(btc.position(trader)) == (0, 0, 0, left, 0, 0, 0)
    assert audit(btc, trader) == before._replace(
        liquidity=before.liquidity + owed - bad_debt,
        cash_flow=CashFlow(
            price_pnl=-realised.price_pnl,
            borrowing_fee=-realised.borrowing_fee,
            bad_debt=-bad_debt,
        ),
    )
    ((_, values),) = logs(tx, btc.protocol)
    assert (values["badDebt"], values["collateral"]) == (bad_debt, left)


@both_sides
def test_close__with_bad_debt__trader_owes_nothing_afterwards(btc, trader, is_long):
    open_position(btc, trader, COLLATERAL, 10_000 * WAD, is_long)
    btc.set_price(10_000 - sign(is_long) * 5_000)
    btc.protocol.closePosition(sender=trader)
    assert audit(btc, trader).cash_flow.bad_debt == -4_000 * WAD
    again = open_position(btc, trader, COLLATERAL, NOTIONAL, is_long)
    assert again.entry_price == btc.price()
    assert btc.position(trader).collateral == COLLATERAL


@both_sides
def test_close__worth_less_than_the_minimum__accepted(btc, trader, is_long):
    open_position(btc, trader, COLLATERAL, NOTIONAL, is_long)
    btc.configure(minPositionValue=100_000 * WAD)
    btc.protocol.closePosition(sender=trader)
    assert btc.position(trader).size == 0


def test_close__no_position__reverts(btc, trader, reverts):
    with reverts(btc.protocol.NoPosition):
        btc.protocol.closePosition(sender=trader)
    with reverts(btc.protocol.NoPosition):
        btc.protocol.closePosition(0, UNLIMITED, sender=trader)


def test_close__after_deadline__reverts(btc, trader, clock, reverts):
    open_position(btc, trader, COLLATERAL, NOTIONAL, True)
    with reverts(btc.protocol.DeadlinePassed, deadline=clock.now - 1):
        btc.protocol.closePosition(0, clock.now - 1, sender=trader)


@both_sides
def test_close__price_one_unit_worse_than_acceptable__reverts(
    full, trader, clock, reverts, is_long
):
    p = open_position(full, trader, COLLATERAL, NOTIONAL, is_long)
    fill = execution_price(full.price(), full.market["skewScale"], p.size, 0)
    better = fill + sign(is_long)
    with reverts(full.protocol.PriceNotAcceptable, price=fill, acceptable=better):
        full.protocol.closePosition(better, clock.now, sender=trader)
    full.protocol.closePosition(fill, clock.now, sender=trader)
    assert full.position(trader).id == 0


@both_sides
def test_close__alone_at_unchanged_price__costs_only_the_fees(full, trader, is_long):
    """M6: in and out within one block; the premium paid on the way in comes back."""
    p = open_position(full, trader, COLLATERAL, NOTIONAL, is_long)
    collateral = full.position(trader).collateral
    tx = full.protocol.closePosition(sender=trader)
    decreased = dict(logs(tx, full.protocol))["PositionDecreased"]
    assert decreased["price"] == p.entry_price
    assert decreased["realised"][:3] == (0, 0, 0)
    assert full.position(trader).collateral == collateral + decreased["realised"][3]
