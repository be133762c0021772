"""Markets.addMarket: there are at most 64, because every valuation asks all of them."""

from tests.agreement import rejected
from tests.suite import BTC, CONFIG_TUPLE, market_config

MAX_MARKETS = 64
ADD = f"addMarket({CONFIG_TUPLE})"


def test_add_market__sixty_four__not_one_more(desk):
    """With parameters out of bounds, these are named first."""
    model, manager = desk.model, desk.suite.risk_manager.address
    config = model.markets[1].config
    call = (manager, desk.protocol, ADD, market_config(desk.oracles[1], BTC))
    for market in range(4, MAX_MARKETS):
        ((name, values),) = desk.send(call)
        assert (name, values[0]) == ("MarketConfigured", market)
        assert model.add_market(config).market_id == market
    with rejected("TooManyMarkets", MAX_MARKETS):
        model.add_market(config)
    assert desk.refusal(*call) == ("TooManyMarkets", MAX_MARKETS)
    bad = market_config(desk.oracles[1], BTC | {"skewScale": 10**36 + 1})
    seen = desk.refusal(*call[:3], bad)
    assert seen == ("ParameterOutOfBounds", "skewScale", 10**36 + 1, 0, 10**36)
    assert desk.suite.protocol.marketCount() == MAX_MARKETS


def test_add_market__the_last__traded_and_valued_like_any(desk):
    call = (desk.suite.risk_manager.address, desk.protocol, ADD)
    for _ in range(4, MAX_MARKETS):
        desk.send((*call, market_config(desk.oracles[2], desk.configs[2])))
        desk.model.add_market(desk.model.markets[2].config)
    last = MAX_MARKETS - 1
    desk.model.set_price(last, desk.price(2))
    desk.order(last, 40_000 * 10**6 // 2_000 + 1)
    desk.order(2, desk.units(2, 30_000))
    desk.wait(3_600)
    assert desk.suite.protocol.exposure(False).funding == desk.model.exposure().funding < 0
    desk.close_all()
    assert desk.position(last).size == 0
