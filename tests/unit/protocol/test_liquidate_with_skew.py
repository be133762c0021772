"""Protocol.liquidatePosition in a market with price impact, funding and fees."""

import pytest

from tests.expected import (
    LIQUIDATION_LEVERAGE,
    MAX_REWARD_FROM_VAULT,
    REWARD_RATE,
    ceil,
    execution_price,
    leverage,
    wmul,
)
from tests.suite import WAD
from tests.unit.books import accrued, audit, books, both_sides, logs, open_position, sign


@both_sides
@pytest.mark.parametrize("same_side", [True, False])
def test_liquidate__skew_made_by_others__measured_at_the_better_price(
    full, trader, other_trader, liquidator, clock, reverts, same_side, is_long
):
    """Of oracle and closing price, so that nobody is liquidated by moving the skew."""
    p = open_position(full, trader, 8_000 * WAD, 100_000 * WAD, is_long)
    open_position(full, other_trader, 200_000 * WAD, 500_000 * WAD, is_long == same_side)
    full.set_price(10_000 - sign(is_long) * 1_500)
    now = accrued(full, clock.now)
    price, rate = full.price(), full.market["closingFeeRate"]
    closing = execution_price(price, full.market["skewScale"], now.skew, now.skew - p.size)
    realised = p.realised(p.size, closing, **now.terms, closing_rate=rate)
    at_oracle = wmul(p.size, price - p.entry_price)
    assert (realised.price_pnl > at_oracle) == same_side
    pnl = sum(realised._replace(price_pnl=max(realised.price_pnl, at_oracle)))
    threshold = ceil(p.notional, 30)
    lacking = threshold - full.position(trader).collateral - pnl
    full.protocol.depositCollateral(lacking - 1, sender=trader)
    view = full.protocol.checkPositionLeverageAndLiquidability
    assert view(1) == (leverage(p.notional, threshold - 1), True)
    full.protocol.liquidatePosition.call(1, sender=liquidator)
    full.protocol.depositCollateral(1, sender=trader)
    level = leverage(p.notional, threshold)
    assert view(1) == (level, False)
    with reverts(full.protocol.PositionHealthy, leverage=level, threshold=LIQUIDATION_LEVERAGE):
        full.protocol.liquidatePosition(1, sender=liquidator)


@both_sides
def test_liquidate__collateral_cannot_pay_a_third__whole_at_once(
    full, trader, other_trader, liquidator, is_long
):
    """Something is left at the oracle price, but closing is at one that the skew has moved far."""
    p = open_position(full, trader, 8_000 * WAD, 100_000 * WAD, is_long)
    open_position(full, other_trader, 200_000 * WAD, 900_000 * WAD, not is_long)
    full.set_price(10_000 - sign(is_long) * 500)
    scale = 150 * WAD
    full.configure(skewScale=scale)
    price = full.price()
    rate, collateral = full.market["closingFeeRate"], full.position(trader).collateral
    now = accrued(full, full.lens.marketState(0).updatedAt)
    third = sign(is_long) * (abs(p.size) // 3)
    fill = execution_price(price, scale, now.skew, now.skew - third)
    assert collateral + sum(p.realised(third, fill, **now.terms, closing_rate=rate)) < 0
    closing = execution_price(price, scale, now.skew, now.skew - p.size)
    realised = p.realised(p.size, closing, **now.terms, closing_rate=rate)
    lenient = realised._replace(price_pnl=wmul(p.size, price - p.entry_price))
    assert 0 < collateral + sum(lenient) < p.notional // 30

    before = books(full)
    tx = full.protocol.liquidatePosition(1, sender=liquidator)
    shortfall = -(collateral + sum(realised))
    waived = ceil(-realised.closing_fee, 10)
    (decreased,) = [v for name, v in logs(tx, full.protocol) if name == "PositionDecreased"]
    assert (decreased["sizeRemoved"], decreased["price"]) == (p.size, closing)
    assert decreased["realised"] == tuple(realised)
    assert decreased["badDebt"] == shortfall - waived
    after = audit(full, trader, other_trader, liquidator)
    reward = min(wmul(p.notional, REWARD_RATE), MAX_REWARD_FROM_VAULT)
    assert after.liquidity == before.liquidity + collateral - reward
    assert after.unpaid_fees == before.unpaid_fees
    assert after.cash_flow.bad_debt == waived - shortfall - reward
    assert full.position(liquidator).collateral == reward


@both_sides
def test_liquidate__third_settled__next_price_from_the_skew_that_is_left(
    full, trader, liquidator, clock, is_long
):
    """A third, then the rest: each at its own price, one after the other."""
    p = open_position(full, trader, 100_000 * WAD, 800_000 * WAD, is_long)
    clock.advance(3_600)
    full.set_price(10_000 - sign(is_long) * 1_010)
    price, now = full.price(), accrued(full, clock.now)
    scale, rate = full.market["skewScale"], full.market["closingFeeRate"]
    third = sign(is_long) * (abs(p.size) // 3)
    rest = p._replace(size=p.size - third)
    first = execution_price(price, scale, p.size, rest.size)
    second = execution_price(price, scale, rest.size, 0)
    collateral = full.position(trader).collateral
    tx = full.protocol.liquidatePosition(1, sender=liquidator)
    fills = [v for name, v in logs(tx, full.protocol) if name == "PositionDecreased"]
    assert [(f["sizeRemoved"], f["price"]) for f in fills] == [
        (third, first),
        (rest.size, second),
    ]
    terms = {**now.terms, "closing_rate": rate}
    assert fills[0]["realised"] == tuple(p.realised(third, first, **terms))
    assert fills[1]["realised"] == tuple(rest.realised(rest.size, second, **terms))
    left = collateral + sum(p.realised(third, first, **terms))
    assert fills[0]["collateral"] == left
    assert fills[1]["collateral"] == max(
        0,
        left - wmul(p.notional, REWARD_RATE) + sum(rest.realised(rest.size, second, **terms)),
    )
    audit(full, trader, liquidator)
