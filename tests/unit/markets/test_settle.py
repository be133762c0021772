"""Markets.settleMarket: the end of a market whose feed is dead."""

import pytest

from tests.agreement import rejected
from tests.margin import EIGHTEEN, ISOLATED, KINDS, MAX_PRICE, PLAIN, every_market
from tests.suite import UNLIMITED, WAD
from tests.unit.books import both_sides
from tests.unit.markets.conftest import DAY, DEAD, HELD, break_feed

SETTLE = "settleMarket(uint256,uint256)"

with_skew = pytest.mark.parametrize("market", [m for m in range(4) if KINDS[m].config["skewScale"]])


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
    expected = ("PriceOutOfBounds", price, MAX_PRICE)
    assert refusal(desk, PLAIN, price) == expected
    desk.wait(DEAD)
    assert refusal(desk, PLAIN, price) == expected


@pytest.mark.parametrize("price", [0, MAX_PRICE + 1])
def test_settle_market__price_beyond_bounds__model_agrees(desk, price):
    desk.wait(DEAD)
    with rejected("PriceOutOfBounds", price, MAX_PRICE):
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
