"""Markets.settleMarket: the end of a market whose feed is dead."""

import pytest

from tests.expected import wmul
from tests.margin import (
    EIGHTEEN,
    ISOLATED,
    KINDS,
    MAX_PRICE,
    PLAIN,
    SIX,
    every_market,
    rejected,
)
from tests.suite import UNLIMITED, WAD
from tests.unit.books import both_sides, sign

DAY = 86_400
DEAD = 3 * DAY
HELD = 40_000
SETTLE = "settleMarket(uint256,uint256)"

with_skew = pytest.mark.parametrize("market", [m for m in range(4) if KINDS[m].config["skewScale"]])


@pytest.fixture
def crowded(desk, trader, other_trader):
    """Both kinds of positions on both sides, a day of funding, and then three days of silence."""

    def crowd(market: int, is_long: bool) -> None:
        s = sign(is_long)
        desk.order(market, s * desk.units(market, HELD))
        desk.order(market, -s * desk.units(market, HELD // 4), account=1)
        if market == ISOLATED:
            desk.open_isolated(trader, 5_000 * WAD, 20_000 * WAD, is_long)
            desk.open_isolated(other_trader, 3_000 * WAD, 7_000 * WAD, not is_long)
        desk.wait(DAY)
        desk.move_price(market, 20)
        desk.order(market, -s * desk.units(market, HELD // 5), account=2)
        desk.wait(DEAD)

    return crowd


def break_feed(desk, market: int) -> None:
    """No price any more, with nothing changed otherwise."""
    if market == ISOLATED:
        desk.wait(7 * DAY)
    else:
        # PUSH0, PUSH0, REVERT
        desk.node.rpc("anvil_setCode", desk.oracles[market].address, "0x5f5ffd")


# When and by whom


@every_market
@both_sides
def test_settle_market__dead_feed__accrues_for_the_last_time_and_logs(
    desk, crowded, market, is_long
):
    crowded(market, is_long)
    price = KINDS[market].price * 11 // 10
    before, updated = desk.model.markets[market], desk.model.markets[market].updated_at
    quote = before.at(desk.now, price)
    events = desk.settle(market, price)
    funding = [("FundingAccrued", (market, quote.funding_rate, quote.funding_index))]
    assert events == [
        *(funding if KINDS[market].config["skewScale"] else []),
        ("BorrowingAccrued", (market, quote.borrow_index)),
        ("MarketSettled", (market, price)),
    ]
    assert desk.now - updated == DEAD
    config = desk.suite.lens.marketConfig(market)
    gone = dict.fromkeys(("skewScale", "maxFundingVelocity", "borrowRate"), 0) | {"enabled": False}
    expected = desk.configs[market] | gone
    assert {name: config[name] for name in expected} == expected
    assert desk.suite.lens.marketState(market).fundingRate == 0


def test_settle_market__by_anyone_but_admin__refused(
    desk, stranger, risk_manager, guardian, trader, reverts
):
    desk.wait(DEAD)
    protocol = desk.suite.protocol
    for caller in (stranger, risk_manager, guardian, trader):
        with reverts(protocol.AccessManagedUnauthorized, caller=caller):
            protocol.settleMarket(PLAIN, 1, sender=caller)


def refusal(desk, market: int, price: int) -> tuple:
    return desk.refusal(desk.suite.admin.address, desk.protocol, SETTLE, market, price)


@pytest.mark.parametrize("market", [ISOLATED, PLAIN], ids=["feed", "oracle"])
def test_settle_market__answered_within_three_days__alive_to_the_second(desk, market):
    desk.set_price(market, KINDS[market].price)
    answered = desk.now
    for wait in (0, 1, DEAD - 2):
        desk.wait(wait)
        assert refusal(desk, market, WAD) == ("FeedAlive", answered)
    assert desk.now - answered == DEAD - 1
    desk.wait(1)
    desk.settle(market, WAD)


@pytest.mark.parametrize("answer", [0, -1])
def test_settle_market__last_answer_not_positive__dead_at_once(desk, answer):
    """It says nothing, however fresh."""
    desk.suite.set_answer(answer)
    desk.settle(ISOLATED, 9_000 * WAD)


def test_settle_market__feed_reverts__dead_at_once(desk):
    # PUSH0, PUSH0, REVERT
    desk.node.rpc("anvil_setCode", desk.suite.feed.address, "0x5f5ffd")
    desk.settle(ISOLATED, 9_000 * WAD)


def test_settle_market__fresh_but_unusable_otherwise__alive(desk):
    """A price beyond the adapter's or the protocol's bounds is no dead feed."""
    desk.set_price(PLAIN, MAX_PRICE + 1)
    assert refusal(desk, PLAIN, WAD) == ("FeedAlive", desk.now)


@pytest.mark.parametrize("market", [4, UNLIMITED])
def test_settle_market__unknown__says_so(desk, market):
    assert refusal(desk, market, WAD) == ("UnknownMarket", market)


@pytest.mark.parametrize("price", [0, MAX_PRICE + 1, UNLIMITED])
def test_settle_market__price_beyond_bounds__refused(desk, price):
    """Before it is asked whether the feed is dead."""
    expected = ("ParameterOutOfBounds", "price", price, 1, MAX_PRICE)
    assert refusal(desk, PLAIN, price) == expected
    desk.wait(DEAD)
    assert refusal(desk, PLAIN, price) == expected


@pytest.mark.xfail(
    strict=True, reason="the model says PriceOutOfBounds, the contracts ParameterOutOfBounds"
)
@pytest.mark.parametrize("price", [0, MAX_PRICE + 1])
def test_settle_market__price_beyond_bounds__model_agrees(desk, price):
    desk.wait(DEAD)
    with rejected("ParameterOutOfBounds", "price", price, 1, MAX_PRICE):
        desk.settle(PLAIN, price)


@pytest.mark.parametrize("price", [1, MAX_PRICE])
def test_settle_market__price_at_bounds__accepted(desk, price):
    desk.wait(DEAD)
    desk.settle(EIGHTEEN, price)
    assert desk.suite.lens.market(EIGHTEEN).price == price


@every_market
def test_settle_market__again_or_changed__refused(desk, market):
    desk.wait(DEAD)
    desk.settle(market, WAD)
    for _ in range(2):
        with rejected("MarketSettledAlready", market):
            desk.settle(market, 2 * WAD)
        with rejected("MarketSettledAlready", market):
            desk.configure(market)
        desk.wait(DEAD)
    others = [m for m in range(4) if m != market]
    for other in others:
        desk.settle(other, WAD)


# What is left of it


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


# A dead feed replaced


@with_skew
@both_sides
def test_set_market__dead_feed_replaced__accrues_at_the_new_price(
    desk, crowded, project, admin, market, is_long
):
    """The old oracle is not asked."""
    crowded(market, is_long)
    break_feed(desk, market)
    price = KINDS[market].price * 7 // 10
    new = admin.deploy(project.MockOracle, price)
    desk.model.now = desk.node.time()
    desk.model.set_price(market, price)
    quote = desk.model.quote(market)
    desk.oracles[market] = new
    assert desk.configure(market) == [
        ("FundingAccrued", (market, quote.funding_rate, quote.funding_index)),
        ("BorrowingAccrued", (market, quote.borrow_index)),
        ("MarketConfigured", (market, desk.logged_config(market))),
    ]
    desk.agree()
    assert desk.suite.lens.market(market).price == price
    desk.wait(DAY)
    desk.order(market, -desk.position(market).size)


@with_skew
def test_set_market__new_feed_without_price__its_error(desk, project, admin, market):
    new = admin.deploy(project.MockOracle, 0)
    desk.model.set_price(market, 0)
    desk.oracles[market] = new
    with rejected("PriceOutOfBounds", 0, MAX_PRICE):
        desk.configure(market)


def test_set_market__no_skew_scale__needs_no_price(desk, project, admin):
    new = admin.deploy(project.MockOracle, 0)
    desk.order(PLAIN, desk.units(PLAIN, HELD))
    desk.oracles[PLAIN] = new
    desk.configure(PLAIN)
    desk.agree()


# Deleverage of what is left


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
