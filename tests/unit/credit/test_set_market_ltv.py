"""CreditManager.setMarketLtv and marketLtv."""

import pytest

from prep.credit.actions import trade
from tests.credit import MARKET_LTVS, SOL
from tests.suite import UNLIMITED, WAD
from tests.unit.credit.acting import events, health, refusal, refused
from tests.unit.credit.test_settings import bound
from tests.unit.credit.trading import SOL_UNIT, add_markets

SET = "setMarketLtv(uint256,uint256,uint256)"


def ltv(credit, market):
    return tuple(credit.manager.marketLtv(market))


def test_set_market_ltv__many_markets__each_keeps_its_own(credit, risk_manager):
    """Eight share a word."""
    add_markets(credit, 61)
    weights = {market: (100 * market, 100 * market + 7) for market in range(64)}
    for market, pair in weights.items():
        logs = events(credit, risk_manager, credit.manager, SET, market, *pair)
        assert logs == [("MarketLtvSet", market, *pair)]
    assert {market: ltv(credit, market) for market in weights} == weights
    credit.must(risk_manager, credit.manager, SET, 9, 0, 0)
    credit.must(risk_manager, credit.manager, SET, 15, 9_900, 9_900)
    weights |= {9: (0, 0), 15: (9_900, 9_900)}
    assert {market: ltv(credit, market) for market in weights} == weights


def test_market_ltv__never_set__zero(credit):
    assert [ltv(credit, market) for market in range(4)] == [*MARKET_LTVS.values(), (0, 0)]
    assert ltv(credit, UNLIMITED) == (0, 0)


@pytest.mark.parametrize(
    "weights, want",
    [
        ((0, 9_901), ("liquidationThreshold", 9_901, 0, 9_900)),
        ((0, UNLIMITED), ("liquidationThreshold", UNLIMITED, 0, 9_900)),
        ((8_001, 8_000), ("maxLtv", 8_001, 0, 8_000)),
        ((1, 0), ("maxLtv", 1, 0, 0)),
    ],
)
def test_set_market_ltv__beyond_bounds__refused(credit, risk_manager, weights, want):
    seen = refusal(credit, risk_manager, credit.manager, SET, SOL, *weights)
    assert seen == bound(*want)


@pytest.mark.parametrize("market", [3, 64, UNLIMITED - 1])
def test_set_market_ltv__no_such_market__refused(credit, risk_manager, market):
    seen = refusal(credit, risk_manager, credit.manager, SET, market, 0, 0)
    assert seen == bound("marketId", market + 1, 1, 3)


def test_set_market_ltv__in_use__counts_at_once(credit, trader, risk_manager):
    account = credit.funded(trader, prep=100 * WAD)
    credit.act(trader, account, trade(SOL, SOL_UNIT))
    credit.must(risk_manager, credit.manager, SET, SOL, 4_321, 6_789)
    assert health(credit, account)[6] == 100 * WAD * 5_679 // 10_000
    assert health(credit, account, True)[6] == 100 * WAD * 3_211 // 10_000
    needed = 200 * WAD * 5_679 // 10_000
    seen = refused(credit, trader, account, trade(SOL, SOL_UNIT))
    assert seen == ("AccountUnhealthy", 100 * WAD, needed)
