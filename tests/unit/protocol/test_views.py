"""Views of Protocol, and what it says about itself."""

import pytest

from tests.expected import (
    LIQUIDATION_LEVERAGE,
    MAX_LEVERAGE,
    MAX_REWARD_FROM_VAULT,
    REWARD_RATE,
    UNLIMITED,
    Totals,
    borrow_index,
    ceil,
    leverage,
    wmul,
)
from tests.suite import WAD
from tests.unit.books import accrued, both_sides, held, open_position, sign

COLLATERAL = 1_000 * WAD
NOTIONAL = 5_000 * WAD
DAY = 86_400
RATE = 15 * WAD // 100  # of borrowing a year, and of the reserve


def test_constants__as_documented(btc):
    protocol = btc.protocol
    assert protocol.MAX_LEVERAGE() == MAX_LEVERAGE
    assert protocol.LIQUIDATION_LEVERAGE() == LIQUIDATION_LEVERAGE
    assert protocol.LIQUIDATION_REWARD_RATE() == REWARD_RATE
    assert protocol.MAX_REWARD_FROM_VAULT() == MAX_REWARD_FROM_VAULT


def test_constructor__deployed__wired_and_empty(suite):
    protocol, vault = suite.protocol, suite.vault
    assert protocol.vault() == vault
    assert protocol.authority() == suite.authority
    assert vault.protocol() == protocol
    assert vault.asset() == suite.prep
    assert vault.reservesByLargerSide() is False
    assert (protocol.liquidity(), protocol.netDeposits(), protocol.marketCount()) == (0, 0, 1)
    assert suite.lens.cashFlow(0) == (0, 0, 0, 0, 0, 0)
    assert tuple(protocol.exposure(False)) == tuple(protocol.exposure(True)) == (0, 0, 0, 0, 0)


def test_constructor__by_larger_side__vault_knows(create_suite):
    assert create_suite(by_larger_side=True).vault.reservesByLargerSide() is True


def test_views_of_markets__unknown__revert(btc, reverts):
    for view in (btc.lens.marketConfig, btc.lens.marketState, btc.lens.cashFlow):
        for market in (1, UNLIMITED):
            with reverts(btc.protocol.UnknownMarket, marketId=market):
                view(market)


@both_sides
@pytest.mark.parametrize("change", [123, -123])
def test_check_position__price_and_time_have_moved__leverage_rounded_up(
    btc, trader, clock, change, is_long
):
    p = open_position(btc, trader, COLLATERAL, NOTIONAL, is_long)
    btc.set_price(10_000 + change)
    clock.advance(DAY)
    index = borrow_index(p.borrow_index, RATE, RATE, DAY)
    equity = COLLATERAL + sum(p.realised(p.size, btc.price(), index=index))
    expected = leverage(p.notional, equity)
    assert expected * equity > p.notional * WAD, "rounded up"
    assert btc.protocol.checkPositionLeverageAndLiquidability(1) == (expected, False)


@both_sides
@pytest.mark.parametrize("short_of, level", [(0, UNLIMITED), (-1, NOTIONAL * WAD)])
def test_check_position__hardly_anything_left__unlimited_without_anything(
    btc, trader, clock, short_of, level, is_long
):
    p = open_position(btc, trader, COLLATERAL, NOTIONAL, is_long)
    clock.advance(DAY)
    btc.set_price(10_000 - sign(is_long) * 3_000)
    index = borrow_index(p.borrow_index, RATE, RATE, DAY)
    owed = -sum(p.realised(p.size, btc.price(), index=index))
    btc.protocol.depositCollateral(owed - short_of - COLLATERAL, sender=trader)
    assert btc.protocol.checkPositionLeverageAndLiquidability(1) == (level, True)


def test_check_position__unknown_or_freed_id__reverts(btc, trader, reverts):
    open_position(btc, trader, COLLATERAL, NOTIONAL, True)
    btc.protocol.closePosition(sender=trader)
    for id_ in (0, 1, 2, UNLIMITED):
        with reverts(btc.protocol.UnknownPosition, id=id_):
            btc.protocol.checkPositionLeverageAndLiquidability(id_)


@both_sides
@pytest.mark.parametrize("price", [9_000, 11_000])
def test_exposure__positions_on_both_sides__summed_up_as_of_now(
    btc, trader, other_trader, clock, price, is_long
):
    first = open_position(btc, trader, COLLATERAL, NOTIONAL, is_long)
    second = open_position(btc, other_trader, COLLATERAL, 2_000 * WAD, not is_long)
    clock.advance(DAY)
    btc.set_price(price)
    totals = Totals.of([first, second], has_skew=False)
    seq = sum(p.realised(p.size, btc.price()).price_pnl for p in (first, second))
    index = borrow_index(first.borrow_index, RATE, RATE, DAY)
    for larger in (False, True):
        e = btc.protocol.exposure(larger)
        assert e.liquidity == btc.protocol.liquidity()
        assert e.seqPnl == totals.seq_pnl(btc.price(), 0) == seq
        assert e.funding == 0
        assert e.borrowing == totals.borrowing(index) < 0
        basis = 5_000 * WAD if larger else 3_000 * WAD
        assert e.reserves == max(0, wmul(basis, RATE) + seq)
        assert e.reserves == totals.reserves(RATE, seq, 0, by_larger_side=larger)
    assert btc.protocol.liquidityReservesToHold() == btc.protocol.exposure(False).reserves


@both_sides
def test_exposure__market_with_skew__impact_and_funding_in_it(
    full, trader, other_trader, clock, is_long
):
    first = open_position(full, trader, 20_000 * WAD, 100_000 * WAD, is_long)
    second = open_position(full, other_trader, 20_000 * WAD, 30_000 * WAD, not is_long)
    now = accrued(full, clock.advance(DAY))
    full.set_price(10_500)
    now = accrued(full, clock.now)
    totals = Totals.of([first, second], has_skew=True)
    seq = totals.seq_pnl(full.price(), full.market["skewScale"])
    funding = totals.funding(now.funding.index)
    assert funding < 0, "the larger side pays"
    e = full.protocol.exposure(False)
    assert (e.seqPnl, e.funding) == (seq, funding)
    assert e.borrowing == totals.borrowing(now.borrow_index)
    assert e.reserves == totals.reserves(RATE, seq, funding)


@both_sides
def test_reserves__losses_of_traders_exceed_them__none(btc, trader, is_long):
    p = open_position(btc, trader, COLLATERAL, NOTIONAL, is_long)
    assert btc.protocol.liquidityReservesToHold() == wmul(p.notional, RATE)
    # 15 % of the notional are lost at a 15 % lower price.
    btc.set_price(10_000 - sign(is_long) * 1_499)
    assert btc.protocol.liquidityReservesToHold() == 5 * WAD // 10
    btc.set_price(10_000 - sign(is_long) * 1_500)
    assert btc.protocol.liquidityReservesToHold() == 0
    btc.set_price(10_000 - sign(is_long) * 1_501)
    assert btc.protocol.liquidityReservesToHold() == 0


@both_sides
def test_get_position_details__no_price__stored_values_all_the_same(btc, trader, is_long):
    p = open_position(btc, trader, COLLATERAL, NOTIONAL + 1, is_long)
    btc.set_answer(0)
    assert tuple(btc.position(trader)) == (
        1,
        p.size,
        p.entry_price,
        COLLATERAL,
        p.notional,
        p.borrow_index,
        0,
    )
    assert held(btc, trader).notional <= NOTIONAL + 1 < p.notional + ceil(p.entry_price, WAD)


def test_count_deposit__anyone_but_the_vault__reverts(btc, admin, lp, reverts):
    for caller in (admin, lp):
        with reverts(btc.protocol.NotVault, caller=caller):
            btc.protocol.countDeposit(1, sender=caller)
