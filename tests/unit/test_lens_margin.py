"""ProtocolLens.marginPositions, quote and fundingRate: what orders then do."""

import pytest

from tests.expected import execution_price, fee
from tests.margin import ACCOUNT, EIGHTEEN, ISOLATED, KINDS, MAX_PRICE, PLAIN, SIX, every_market
from tests.suite import WAD
from tests.unit.books import both_sides, sign

DAY = 86_400
EMPTY = 0, 0, 0, 0
LOOK = "marginPositions((address,uint256,uint256)[])"


def look(desk, *keys) -> list[tuple]:
    (views,) = desk.node.read((desk.suite.lens.address, LOOK, list(keys)))
    return list(views)


@every_market
@both_sides
@pytest.mark.parametrize("gain", [True, False])
def test_margin_positions__open__what_closing_then_settles(desk, market, is_long, gain):
    s = sign(is_long)
    desk.order(market, -s * desk.units(market, 12_000), account=1)
    desk.order(market, s * desk.units(market, 40_000))
    desk.wait(DAY)
    desk.move_price(market, s * (60 if gain else -60))
    key = (desk.client.lower(), ACCOUNT, market)
    held = desk.position(market)
    (view,) = look(desk, key)
    done = desk.order(market, -held.size)
    realised = (done.price_pnl, done.funding, done.borrowing_fee, done.closing_fee)
    assert view == (key, tuple(held), realised, done.settlement)
    assert (done.settlement > 0) == gain


def test_margin_positions__several_keys__in_their_order_flat_ones_empty(desk, trader):
    """Twice the same, another client's account of that number, a market that is none."""
    who, other = desk.client.lower(), trader.address.lower()
    for market in (ISOLATED, SIX):
        desk.order(market, desk.units(market, 40_000))
    keys = [
        (who, ACCOUNT, SIX),
        (who, ACCOUNT, PLAIN),
        (other, ACCOUNT, SIX),
        (who, ACCOUNT, ISOLATED),
        (who, ACCOUNT, 4),
        (who, 0, SIX),
        (who, ACCOUNT, SIX),
    ]
    views = look(desk, *keys)
    assert [view[0] for view in views] == keys
    sizes = [view[1][0] for view in views]
    six, isolated = desk.position(SIX).size, desk.position(ISOLATED).size
    assert sizes == [six, 0, 0, isolated, 0, 0, six]
    for view in views:
        if not view[1][0]:
            assert view[1:] == (EMPTY, EMPTY, 0)
    assert look(desk) == []


def test_margin_positions__no_price__only_open_ones_need_it(desk, reverts):
    desk.order(SIX, desk.units(SIX, 40_000))
    desk.set_price(SIX, 0)
    lens = desk.suite.lens
    assert len(look(desk, (desk.client, 0, SIX), (desk.client, ACCOUNT, PLAIN))) == 2
    with reverts(desk.suite.protocol.PriceOutOfBounds, price=0, max=MAX_PRICE):
        lens.marginPositions([(desk.client, ACCOUNT, SIX)])


@every_market
@both_sides
def test_quote__any_size__price_and_both_fees(desk, market, is_long):
    """Buying and selling, into the skew and out of it, nothing, and beyond the skew scale."""
    desk.order(market, sign(is_long) * desk.units(market, 40_000))
    desk.move_price(market, 7)
    config, price = KINDS[market].config, desk.price(market)
    skew, scale = desk.model.markets[market].skew, config["skewScale"]
    for size in (0, 1, -1, skew, -skew, -3 * skew + 1, 3 * scale, -3 * scale):
        fill = execution_price(price, scale, skew, skew + size)
        fees = [fee(config[name], size, fill) for name in ("openingFeeRate", "closingFeeRate")]
        assert tuple(desk.suite.lens.quote(market, size)) == (fill, *fees)
    if scale:
        assert desk.suite.lens.quote(market, -3 * scale).price == 0


@every_market
@both_sides
def test_quote__order_of_a_flat_account__the_same_price_and_fee(desk, market, is_long):
    desk.order(market, desk.units(market, 25_000), account=1)
    size = sign(is_long) * desk.units(market, 40_000)
    quote = desk.suite.lens.quote(market, size)
    done = desk.order(market, size)
    assert (quote.price, quote.openingFee) == (done.position.entry_price, done.opening_fee)
    quote = desk.suite.lens.quote(market, -size)
    done = desk.order(market, -size)
    assert (quote.price, -quote.closingFee) == (done.close_price, done.closing_fee)


def test_quote__no_price_or_market__refused(desk, reverts):
    desk.set_price(SIX, MAX_PRICE + 1)
    lens, protocol = desk.suite.lens, desk.suite.protocol
    for view in (lambda: lens.quote(SIX, 1), lambda: lens.fundingRate(SIX)):
        with reverts(protocol.PriceOutOfBounds, price=MAX_PRICE + 1, max=MAX_PRICE):
            view()
    with reverts(protocol.UnknownMarket, marketId=4):
        lens.quote(4, 1)


@every_market
@both_sides
def test_funding_rate__of_now__not_of_the_last_trade(desk, market, is_long):
    """Positive when longs pay; at most 96 % a day; 0 without a skew scale."""
    s, lens = sign(is_long), desk.suite.lens
    assert lens.fundingRate(market) == 0
    desk.order(market, s * desk.units(market, 90_000))
    rates = []
    for wait in (0, 1, DAY, 300 * DAY):
        desk.wait(wait)
        if market == ISOLATED:
            desk.set_price(market, KINDS[market].price)
        rates.append(lens.fundingRate(market))
        assert rates[-1] == desk.model.quote(market).funding_rate
    assert lens.marketState(market).fundingRate == 0
    if market == PLAIN:
        assert rates == [0, 0, 0, 0]
    else:
        assert rates[0] == 0 < s * rates[1] < s * rates[2] < s * rates[3]
        assert rates[3] == s * 96 * WAD // 100


def test_funding_rate__settled__none(desk):
    desk.order(EIGHTEEN, desk.units(EIGHTEEN, 90_000))
    desk.wait(3 * DAY)
    assert desk.suite.lens.fundingRate(EIGHTEEN) > 0
    desk.settle(EIGHTEEN, 100 * WAD)
    desk.wait(DAY)
    assert desk.suite.lens.fundingRate(EIGHTEEN) == 0
    assert desk.suite.lens.quote(EIGHTEEN, WAD).price == 100 * WAD
