"""Protocol.withdrawCollateral: the leverage that it leaves is at most 15x, whatever the PnL."""

import pytest

from tests.expected import (
    MAX_LEVERAGE,
    UNLIMITED,
    borrow_index,
    ceil,
    execution_price,
    leverage,
    wmul,
)
from tests.suite import WAD
from tests.unit.books import accrued, audit, books, both_sides, held, logs, open_position, sign

COLLATERAL = 1_000 * WAD
DAY = 86_400
MONTH = 30 * DAY
RATE = 15 * WAD // 100  # of borrowing a year, and of the reserve


@pytest.mark.parametrize("amount", [1, COLLATERAL - 1, COLLATERAL])
def test_withdraw_collateral__no_position__paid_out(btc, trader, amount):
    btc.protocol.depositCollateral(COLLATERAL, sender=trader)
    before, funds = books(btc), btc.prep.balanceOf(trader)
    tx = btc.protocol.withdrawCollateral(amount, sender=trader)
    assert btc.position(trader).collateral == COLLATERAL - amount
    assert btc.prep.balanceOf(trader) == funds + amount
    assert audit(btc, trader) == before._replace(custody=before.custody - amount)
    values = {"trader": trader.address, "amount": -amount, "collateral": COLLATERAL - amount}
    assert logs(tx, btc.protocol) == [("CollateralChanged", values)]
    moved = {"from": btc.vault.address, "to": trader.address, "value": amount}
    assert logs(tx, btc.prep) == [("Transfer", moved)]


def test_withdraw_collateral__nothing__reverts(btc, trader, reverts):
    btc.protocol.depositCollateral(COLLATERAL, sender=trader)
    with reverts(btc.protocol.ZeroAmount):
        btc.protocol.withdrawCollateral(0, sender=trader)


@pytest.mark.parametrize("amount", [COLLATERAL + 1, UNLIMITED])
def test_withdraw_collateral__more_than_there_is__reverts(btc, trader, reverts, amount):
    btc.protocol.depositCollateral(COLLATERAL, sender=trader)
    values = {"collateral": COLLATERAL, "required": amount}
    with reverts(btc.protocol.InsufficientCollateral, **values):
        btc.protocol.withdrawCollateral(amount, sender=trader)


def test_withdraw_collateral__of_another__reverts(btc, trader, other_trader, reverts):
    btc.protocol.depositCollateral(COLLATERAL, sender=trader)
    with reverts(btc.protocol.InsufficientCollateral, collateral=0, required=1):
        btc.protocol.withdrawCollateral(1, sender=other_trader)


@both_sides
@pytest.mark.parametrize("change", [300, 0, -300], ids=["winning", "flat", "losing"])
def test_withdraw_collateral__with_position__down_to_15x_and_not_one_unit_further(
    btc, trader, clock, reverts, is_long, change
):
    open_position(btc, trader, COLLATERAL, 5_000 * WAD, is_long)
    position = held(btc, trader)
    clock.advance(MONTH)
    btc.set_price(10_000 + sign(is_long) * change)
    index = borrow_index(position.borrow_index, RATE, RATE, MONTH)
    pnl = sum(position.realised(position.size, btc.price(), index=index))
    most = COLLATERAL + pnl - ceil(position.notional, 15)
    refused = leverage(position.notional, COLLATERAL + pnl - most - 1)
    with reverts(btc.protocol.LeverageTooHigh, leverage=refused, max=MAX_LEVERAGE):
        btc.protocol.withdrawCollateral(most + 1, sender=trader)

    market = btc.lens.marketState(0)
    btc.protocol.withdrawCollateral(most, sender=trader)
    assert btc.position(trader).collateral == COLLATERAL - most
    assert held(btc, trader) == position
    assert btc.lens.marketState(0) == market, "what has accrued is not stored"
    audit(btc, trader)


@both_sides
def test_withdraw_collateral__nothing_would_back_the_position__reverts(
    btc, trader, reverts, is_long
):
    open_position(btc, trader, COLLATERAL, 5_000 * WAD, is_long)
    with reverts(btc.protocol.LeverageTooHigh, leverage=UNLIMITED, max=MAX_LEVERAGE):
        btc.protocol.withdrawCollateral(COLLATERAL, sender=trader)


@both_sides
@pytest.mark.parametrize("same_side", [True, False])
def test_withdraw_collateral__market_with_skew__measured_at_the_worse_price(
    full, trader, other_trader, clock, reverts, is_long, same_side
):
    """Closing price and oracle price: the skew decides which of them is worse for the trader."""
    open_position(full, other_trader, 100_000 * WAD, 400_000 * WAD, is_long == same_side)
    open_position(full, trader, 20_000 * WAD, 100_000 * WAD, is_long)
    p = held(full, trader)
    now = accrued(full, clock.advance(DAY))
    price, scale = full.price(), full.market["skewScale"]
    closing = execution_price(price, scale, now.skew, now.skew - p.size)
    rate = full.market["closingFeeRate"]
    realised = p.realised(p.size, closing, **now.terms, closing_rate=rate)
    at_oracle = wmul(p.size, price - p.entry_price)
    assert (realised.price_pnl > at_oracle) == same_side
    worse = realised._replace(price_pnl=min(realised.price_pnl, at_oracle))
    collateral = full.position(trader).collateral
    equity = collateral + sum(worse)
    most = equity - ceil(p.notional, 15)
    refused = leverage(p.notional, equity - most - 1)
    with reverts(full.protocol.LeverageTooHigh, leverage=refused, max=MAX_LEVERAGE):
        full.protocol.withdrawCollateral(most + 1, sender=trader)
    full.protocol.withdrawCollateral(most, sender=trader)
    assert full.position(trader).collateral == collateral - most
    audit(full, trader, other_trader)
