"""A market that has been settled: everybody gets out at its price, and nothing accrues any more."""

import pytest

from tests.agreement import rejected
from tests.expected import wmul
from tests.margin import EIGHTEEN, ISOLATED, KINDS, PLAIN, SIX, every_market
from tests.suite import UNLIMITED, WAD
from tests.unit.books import both_sides, sign
from tests.unit.markets.conftest import DAY, DEAD, HELD, break_feed

with_skew = pytest.mark.parametrize("market", [m for m in range(4) if KINDS[m].config["skewScale"]])


@every_market
@both_sides
@pytest.mark.parametrize("per_mille", [-300, 0, 50])
def test_settled_market__positions_opened_before__close_at_the_price_without_impact(
    desk, crowded, market, is_long, per_mille
):
    """With all the funding and borrowing fee up to the settlement and none of after."""
    crowded(market, is_long)
    price = KINDS[market].price * (1_000 + per_mille) // 1_000
    desk.settle(market, price)
    break_feed(desk, market)
    desk.wait(100 * DAY)
    m = desk.model.markets[market]
    for account in (1, 7, 2):
        held = desk.position(market, account)
        done = desk.order(market, -held.size, account=account)
        assert done.close_price == price
        assert done.price_pnl == wmul(held.size, price - held.entry_price)
        assert done.funding == wmul(held.size, m.funding_index - held.funding_index)
    assert desk.suite.lens.marketState(market).fundingRate == 0


@both_sides
def test_settled_market__isolated_positions__close_decrease_and_take_collateral(
    desk, crowded, trader, other_trader, is_long
):
    crowded(ISOLATED, is_long)
    desk.settle(ISOLATED, 10_500 * WAD)
    desk.wait(30 * DAY)
    suite, model = desk.suite, desk.model
    suite.protocol.decreasePosition(1_000 * WAD, sender=trader)
    model.decrease_position(trader.address, 1_000 * WAD)
    desk.agree()
    suite.protocol.withdrawCollateral(100 * WAD, sender=trader)
    model.withdraw_collateral(trader.address, 100 * WAD)
    desk.agree()
    for account in (trader, other_trader):
        suite.protocol.closePosition(sender=account)
        model.close_position(account.address)
        desk.agree()


@both_sides
def test_settled_market__isolated_position_without_collateral__liquidated(
    desk, crowded, trader, stranger, is_long
):
    crowded(ISOLATED, is_long)
    desk.settle(ISOLATED, (10_000 - sign(is_long) * 2_000) * WAD)
    desk.wait(8 * DAY)
    id_ = desk.model.position(trader.address).id
    _, liquidable = desk.suite.protocol.checkPositionLeverageAndLiquidability(id_)
    assert liquidable
    desk.suite.protocol.liquidatePosition(id_, sender=stranger)
    desk.model.liquidate_position(stranger.address, id_)
    desk.agree()


@every_market
@both_sides
def test_settled_market__no_price_any_more__vault_valued_and_other_markets_open(
    desk, crowded, market, is_long
):
    crowded(market, is_long)
    desk.settle(market, KINDS[market].price * 9 // 10)
    break_feed(desk, market)
    if market != ISOLATED:
        desk.set_price(ISOLATED, KINDS[ISOLATED].price)
    for wait in (0, 50 * DAY):
        desk.wait(wait)
        e = desk.model.exposure()
        seen = desk.suite.protocol.exposure(False)
        assert tuple(seen)[1:] == (e.seq_pnl, e.funding, e.borrowing, e.reserves)
        assert desk.suite.vault.upperValue() == desk.model.upper_value()
        assert desk.suite.vault.lowerValue() == desk.model.lower_value()
    other = SIX if market != SIX else EIGHTEEN
    desk.order(other, sign(is_long) * desk.units(other, HELD))


@every_market
@both_sides
def test_settled_market__growing__refused_for_ever(desk, crowded, market, is_long):
    crowded(market, is_long)
    desk.settle(market, KINDS[market].price)
    size = desk.position(market).size
    for order in (sign(is_long), -2 * size):
        with rejected("MarketClosed", market):
            desk.order(market, order)
    with rejected("MarketClosed", market):
        desk.order(market, desk.units(market, 1_000), account=9)
    desk.order(market, -size // 3)
    desk.order(market, -size, reduce_only=True)


@both_sides
def test_settled_market__isolated_opening__refused(desk, trader, reverts, is_long):
    desk.wait(DEAD)
    desk.settle(ISOLATED, 10_000 * WAD)
    desk.suite.give_collateral(trader, 1_000 * WAD)
    with reverts(desk.suite.protocol.MarketClosed, marketId=ISOLATED):
        desk.suite.protocol.openPositionWithSize(1_000 * WAD, is_long, sender=trader)


@every_market
@both_sides
def test_settled_market__closing_fee__stays(desk, crowded, market, is_long):
    crowded(market, is_long)
    desk.settle(market, KINDS[market].price)
    size = desk.position(market).size
    done = desk.order(market, -size)
    rate = KINDS[market].config["closingFeeRate"]
    fee = -(-abs(size) * wmul(KINDS[market].price, rate) // WAD)
    assert done.closing_fee == -fee
    assert (fee > 0) == (market != PLAIN)


@every_market
@both_sides
def test_settled_market__close_all__with_the_others(desk, crowded, market, is_long):
    crowded(market, is_long)
    if market != ISOLATED:
        desk.set_price(ISOLATED, KINDS[ISOLATED].price)
    for other in range(4):
        if other != market:
            desk.order(other, desk.units(other, HELD))
    desk.settle(market, KINDS[market].price)
    if market != ISOLATED:
        break_feed(desk, market)
    desk.close_all()
    assert [desk.position(m).size for m in range(4)] == [0, 0, 0, 0]


@every_market
@both_sides
def test_settled_market__vault_below_target__winners_deleveraged(desk, crowded, market, is_long):
    crowded(market, is_long)
    s, other = sign(is_long), SIX if market != SIX else EIGHTEEN
    desk.settle(market, KINDS[market].price * (10 + s * 9) // 10)
    break_feed(desk, market)
    desk.order(other, s * desk.units(other, 1_000_000), account=5)
    desk.move_price(other, s * 150)
    desk.configure_vault(10 * WAD)
    size = s * (abs(desk.position(market).size) // 2)
    done = desk.deleverage(market, abs(size))
    assert done.size == size
    assert done.settlement > 0


@with_skew
@both_sides
def test_settled_market__side_above_cap__excess_deleveraged(desk, crowded, market, is_long):
    """A cap from before the settlement still counts."""
    crowded(market, is_long)
    s, name = sign(is_long), "maxLongOIValue" if is_long else "maxShortOIValue"
    desk.set_price(market, KINDS[market].price)
    desk.configure(market, **{name: 30_000 * WAD})
    desk.wait(DEAD)
    desk.settle(market, KINDS[market].price)
    break_feed(desk, market)
    m = desk.model.markets[market]
    size = m.long_oi if is_long else m.short_oi
    done = desk.deleverage(market, UNLIMITED)
    excess = size - ((30_000 * WAD + 1) * WAD - 1) // KINDS[market].price
    assert done.size == s * excess


@both_sides
def test_settled_market__isolated_winner__deleveraged(desk, crowded, trader, is_long):
    crowded(ISOLATED, is_long)
    s = sign(is_long)
    desk.settle(ISOLATED, 10_000 * WAD + s * 9_900 * WAD)
    desk.wait(8 * DAY)
    desk.order(PLAIN, s * desk.units(PLAIN, 1_000_000), account=5)
    desk.move_price(PLAIN, s * 200)
    desk.configure_vault(10 * WAD)
    assert desk.deleverage_trader(trader, UNLIMITED).settlement > 0
