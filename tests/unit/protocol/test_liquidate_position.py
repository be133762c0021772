"""Protocol.liquidatePosition: who can be liquidated, and how much of him."""

import pytest

from tests.expected import (
    LIQUIDATION_LEVERAGE,
    MAX_REWARD_FROM_VAULT,
    REWARD_RATE,
    UNLIMITED,
    ceil,
    leverage,
    wmul,
)
from tests.suite import WAD
from tests.unit.books import (
    CashFlow,
    audit,
    books,
    both_sides,
    held,
    logs,
    open_position,
    sign,
)
from tests.unit.protocol.liquidating import sink

DAY = 86_400
NOTIONAL = 12_000 * WAD
REWARD = wmul(NOTIONAL, REWARD_RATE)
ENOUGH = 360 * WAD  # equity that closing a third makes healthy again


def decreased(trader, fill, part: int, size: int, collateral: int, bad_debt: int = 0):
    """The log of settling `part`."""
    return "PositionDecreased", {
        "trader": trader.address,
        "id": 1,
        "marketId": 0,
        "sizeRemoved": part,
        "price": fill.price,
        "size": size,
        "collateral": collateral,
        "realised": tuple(fill.realised(part)),
        "badDebt": bad_debt,
        "borrowIndex": fill.borrow_index,
    }


def liquidated(trader, liquidator, collateral: int, from_trader: int, from_vault: int):
    """The log of a liquidation by somebody who had nothing before."""
    return "PositionLiquidated", {
        "trader": trader.address,
        "id": 1,
        "liquidator": liquidator.address,
        "collateral": collateral,
        "reward": from_trader + from_vault,
        "fromVault": from_vault,
        "liquidatorCollateral": from_trader + from_vault,
    }


@both_sides
def test_liquidate__a_third_is_enough__rest_stays(btc, trader, liquidator, clock, is_long):
    s = sink(btc, trader, clock, is_long, ENOUGH, NOTIONAL)
    before = books(btc)
    tx = btc.protocol.liquidatePosition(1, sender=liquidator)

    realised = s.realised(s.part)
    collateral = s.collateral + sum(realised)
    assert held(btc, trader) == s.position._replace(size=s.rest)
    assert btc.position(trader).collateral == collateral - REWARD
    assert tuple(btc.position(liquidator)) == (0, 0, 0, REWARD, 0, 0, 0)
    assert btc.protocol.positionOwner(1) == trader
    assert audit(btc, trader, liquidator) == before._replace(
        liquidity=before.liquidity - sum(realised),
        cash_flow=CashFlow(price_pnl=-realised.price_pnl, borrowing_fee=-realised.borrowing_fee),
    )
    assert logs(tx, btc.protocol) == [
        decreased(trader, s, s.part, s.rest, collateral),
        liquidated(trader, liquidator, collateral - REWARD, REWARD, 0),
    ]
    level, liquidable = btc.protocol.checkPositionLeverageAndLiquidability(1)
    assert (level <= LIQUIDATION_LEVERAGE, liquidable) == (True, False), "P5"


@both_sides
def test_liquidate__at_exactly_30x__healthy_and_one_unit_less_liquidated(
    btc, trader, liquidator, clock, reverts, is_long
):
    sink(btc, trader, clock, is_long, NOTIONAL // 30 - 1, NOTIONAL)
    level = leverage(NOTIONAL, NOTIONAL // 30 - 1)
    view = btc.protocol.checkPositionLeverageAndLiquidability
    assert view(1) == (level, True)
    btc.protocol.depositCollateral(1, sender=trader)
    assert view(1) == (LIQUIDATION_LEVERAGE, False)
    values = {"leverage": LIQUIDATION_LEVERAGE, "threshold": LIQUIDATION_LEVERAGE}
    with reverts(btc.protocol.PositionHealthy, **values):
        btc.protocol.liquidatePosition(1, sender=liquidator)
    before = btc.position(trader).size
    # A day's borrowing fee is more than a unit.
    clock.advance(DAY)
    btc.protocol.liquidatePosition(1, sender=liquidator)
    assert abs(btc.position(trader).size) < abs(before), "P5"


@both_sides
@pytest.mark.parametrize("short_of", [0, 1])
def test_liquidate__rest_around_30x__closed_when_beyond(
    btc, trader, liquidator, clock, is_long, short_of
):
    s = sink(btc, trader, clock, is_long, 300 * WAD, NOTIONAL)
    third, second = s.realised(s.part), s.realised(s.rest)
    needed = ceil(s.position._replace(size=s.rest).notional, 30) - short_of
    left = s.collateral + sum(third) - REWARD
    btc.protocol.depositCollateral(needed - left - sum(second), sender=trader)
    collateral = needed - sum(second)
    tx = btc.protocol.liquidatePosition(1, sender=liquidator)

    audit(btc, trader, liquidator)
    first = decreased(trader, s, s.part, s.rest, collateral + REWARD)
    if short_of:
        assert tuple(btc.position(trader)) == (0, 0, 0, needed, 0, 0, 0)
        assert btc.protocol.getIdsNotInUse() == [1]
        assert logs(tx, btc.protocol) == [
            first,
            decreased(trader, s, s.rest, 0, needed),
            liquidated(trader, liquidator, needed, REWARD, 0),
        ]
    else:
        assert held(btc, trader).size == s.rest
        assert logs(tx, btc.protocol) == [
            first,
            liquidated(trader, liquidator, collateral, REWARD, 0),
        ]
        view = btc.protocol.checkPositionLeverageAndLiquidability
        assert view(1) == (LIQUIDATION_LEVERAGE, False)


@both_sides
@pytest.mark.parametrize("short_of", [0, 1])
def test_liquidate__value_of_rest_around_minimum__closed_when_below(
    btc, trader, liquidator, clock, is_long, short_of
):
    s = sink(btc, trader, clock, is_long, ENOUGH, NOTIONAL)
    btc.configure(minPositionValue=wmul(abs(s.rest), s.price) + short_of)
    tx = btc.protocol.liquidatePosition(1, sender=liquidator)
    audit(btc, trader, liquidator)
    assert btc.position(trader).size == (0 if short_of else s.rest)
    assert len(logs(tx, btc.protocol)) == 2 + short_of


@both_sides
@pytest.mark.parametrize("equity", [0, -1, -100 * WAD])
def test_liquidate__nothing_left__whole_at_once_and_bad_debt_booked(
    btc, trader, liquidator, clock, is_long, equity
):
    s = sink(btc, trader, clock, is_long, equity, NOTIONAL)
    before = books(btc)
    assert btc.protocol.checkPositionLeverageAndLiquidability(1) == (UNLIMITED, True)
    tx = btc.protocol.liquidatePosition(1, sender=liquidator)

    realised = s.realised(s.position.size)
    assert tuple(btc.position(trader)) == (0, 0, 0, 0, 0, 0, 0)
    assert audit(btc, trader, liquidator) == before._replace(
        liquidity=before.liquidity + s.collateral - MAX_REWARD_FROM_VAULT,
        cash_flow=CashFlow(
            price_pnl=-realised.price_pnl,
            borrowing_fee=-realised.borrowing_fee,
            bad_debt=equity - MAX_REWARD_FROM_VAULT,
        ),
    )
    assert logs(tx, btc.protocol) == [
        decreased(trader, s, s.position.size, 0, 0, bad_debt=-equity),
        liquidated(trader, liquidator, 0, 0, MAX_REWARD_FROM_VAULT),
    ]


@both_sides
@pytest.mark.parametrize("equity", [3, 10 * WAD, REWARD - 10, REWARD + 10])
def test_liquidate__little_left__reward_leaves_what_the_rest_owes(
    btc, trader, liquidator, clock, is_long, equity
):
    """What is left after a third is far more than the reward, but the rest has lost it already."""
    s = sink(btc, trader, clock, is_long, equity, NOTIONAL)
    before = books(btc)
    tx = btc.protocol.liquidatePosition(1, sender=liquidator)
    third, second = s.realised(s.part), s.realised(s.rest)
    left = s.collateral + sum(third)
    from_trader = min(REWARD, left + sum(second))
    assert left > REWARD
    assert min(REWARD, equity - 2) <= from_trader <= equity, "rounded twice instead of once"
    from_vault = min(REWARD - from_trader, MAX_REWARD_FROM_VAULT)
    rest = left + sum(second) - from_trader
    after = audit(btc, trader, liquidator)
    assert after.cash_flow.bad_debt == -from_vault
    assert after.liquidity == before.liquidity + s.collateral - rest - from_trader - from_vault
    assert logs(tx, btc.protocol) == [
        decreased(trader, s, s.part, s.rest, left),
        decreased(trader, s, s.rest, 0, rest),
        liquidated(trader, liquidator, rest, from_trader, from_vault),
    ]


@both_sides
@pytest.mark.parametrize("size", [1, 2, 3])
def test_liquidate__too_small_for_a_third__whole(btc, trader, liquidator, is_long, size):
    btc.configure(minPositionValue=0)
    btc.protocol.depositCollateral(1_500 * size, sender=trader)
    btc.protocol.openPositionWithToken(size, is_long, sender=trader)
    btc.set_price(10_000 - sign(is_long) * 1_250)  # equity of 250, leverage of 40
    tx = btc.protocol.liquidatePosition(1, sender=liquidator)
    audit(btc, trader, liquidator)
    first = logs(tx, btc.protocol)[0][1]
    assert first["sizeRemoved"] == sign(is_long) * (size if size < 3 else 1)


@both_sides
def test_liquidate__again_when_still_unhealthy_later__next_third(
    btc, trader, liquidator, clock, is_long
):
    s = sink(btc, trader, clock, is_long, ENOUGH, NOTIONAL)
    btc.protocol.liquidatePosition(1, sender=liquidator)
    btc.set_price(10_000 - sign(is_long) * 1_045)
    btc.protocol.liquidatePosition(1, sender=liquidator)
    third_of_rest = sign(is_long) * (abs(s.rest) // 3)
    assert held(btc, trader).size == s.rest - third_of_rest
    assert btc.position(liquidator).collateral == REWARD + wmul(
        s.position._replace(size=s.rest).notional, REWARD_RATE
    )
    audit(btc, trader, liquidator)


@both_sides
def test_liquidate__oneself__reverts(btc, trader, clock, reverts, is_long):
    sink(btc, trader, clock, is_long, ENOUGH, NOTIONAL)
    with reverts(btc.protocol.SelfLiquidation):
        btc.protocol.liquidatePosition(1, sender=trader)


@both_sides
def test_liquidate__healthy__reverts(btc, trader, liquidator, reverts, is_long):
    open_position(btc, trader, 1_000 * WAD, NOTIONAL, is_long)
    values = {"leverage": 12 * WAD, "threshold": LIQUIDATION_LEVERAGE}
    with reverts(btc.protocol.PositionHealthy, **values):
        btc.protocol.liquidatePosition(1, sender=liquidator)


def test_liquidate__id_never_given_out__reverts(btc, trader, liquidator, clock, reverts):
    sink(btc, trader, clock, True, ENOUGH, NOTIONAL)
    for id_ in (0, 2, UNLIMITED):
        with reverts(btc.protocol.UnknownPosition, id=id_):
            btc.protocol.liquidatePosition(id_, sender=liquidator)


def test_liquidate__freed_id__reverts(btc, trader, liquidator, reverts):
    open_position(btc, trader, 1_000 * WAD, NOTIONAL, True)
    btc.protocol.closePosition(sender=trader)
    with reverts(btc.protocol.UnknownPosition, id=1):
        btc.protocol.liquidatePosition(1, sender=liquidator)
