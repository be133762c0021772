"""The action Trade: on a market with skew and fees, at limit prices, and on many markets."""

import pytest

from prep.credit.actions import Action, ActionKind, reduce, trade
from tests.credit import BITCOIN, ETHER, PREP, SOL
from tests.suite import UNLIMITED, WAD
from tests.unit.books import both_sides, sign
from tests.unit.credit.acting import acted, holdings, market_ids, refused
from tests.unit.credit.trading import (
    SOL_UNIT,
    add_markets,
    closing,
    configure,
    fill,
    opening_fee,
)


@pytest.fixture
def account(credit, trader):
    """A million PREP."""
    return credit.funded(trader, prep=10**6 * WAD)


@pytest.fixture(params=[0, 40, -40], ids=["flat", "long-skew", "short-skew"])
def skew(credit, other_trader, request):
    """What somebody else has opened before."""
    size = request.param * WAD
    if size:
        other = credit.funded(other_trader, prep=10**6 * WAD)
        credit.act(other_trader, other, trade(ETHER, size))
    return size


@both_sides
def test_trade__opens__position_fee_and_event(credit, trader, account, skew, is_long):
    size = sign(is_long) * 10 * WAD
    paid = opening_fee(size, skew)
    logs = acted(credit, trader, account, trade(ETHER, size))
    assert logs == [("BalanceChanged", account, PREP, -paid, 10**6 * WAD - paid)]
    client, protocol = credit.manager.address, credit.suite.protocol
    position = protocol.marginPosition(client, account, ETHER)
    assert (position.size, position.entryPrice) == (size, fill(size, skew))
    assert market_ids(credit, account) == (ETHER,)


@both_sides
def test_trade__limit__at_its_price_done_and_a_unit_better_refused(
    credit, trader, account, skew, is_long
):
    s = sign(is_long)
    size = s * 10 * WAD
    price = fill(size, skew)
    wanted = price - s
    assert refused(credit, trader, account, trade(ETHER, size, wanted)) == (
        0,
        ("PriceNotAcceptable", price, wanted),
    )
    credit.act(trader, account, trade(ETHER, size, price))
    assert credit.size(account, ETHER) == size


@both_sides
def test_trade__limit_far_away__done(credit, trader, account, is_long):
    size = sign(is_long) * WAD
    credit.act(trader, account, trade(ETHER, size, UNLIMITED if is_long else 1))
    assert credit.size(account, ETHER) == size


def test_trade__market_without_skew__oracle_price_is_the_limit(credit, trader, account):
    price = 100 * 10**30
    assert refused(credit, trader, account, trade(SOL, SOL_UNIT, price - 1)) == (
        0,
        ("PriceNotAcceptable", price, price - 1),
    )
    assert refused(credit, trader, account, trade(SOL, -SOL_UNIT, price + 1)) == (
        0,
        ("PriceNotAcceptable", price, price + 1),
    )
    credit.act(trader, account, trade(SOL, SOL_UNIT, price), trade(SOL, -SOL_UNIT, price))
    assert market_ids(credit, account) == ()


@both_sides
def test_trade__to_flat__settled_in_prep(credit, trader, account, skew, is_long):
    size = sign(is_long) * 10 * WAD
    credit.act(trader, account, trade(ETHER, size))
    before = credit.balance(account, PREP)
    settled = closing(size, fill(size, skew), skew + size)
    logs = acted(credit, trader, account, trade(ETHER, -size))
    assert logs == [("BalanceChanged", account, PREP, settled, before + settled)]
    assert credit.size(account, ETHER) == 0
    assert market_ids(credit, account) == ()


@both_sides
def test_trade__flips__the_other_side_is_open(credit, trader, account, is_long):
    size = sign(is_long) * 10 * SOL_UNIT
    credit.act(trader, account, trade(SOL, size), trade(SOL, -3 * size))
    assert credit.size(account, SOL) == -2 * size
    assert market_ids(credit, account) == (SOL,)
    assert holdings(credit, account) == {PREP: (10**6 * WAD, 0)}


def test_trade__three_markets__all_noted_in_order(credit, trader, account):
    actions = trade(SOL, SOL_UNIT), trade(BITCOIN, -WAD // 10), trade(ETHER, WAD)
    credit.act(trader, account, *actions)
    assert market_ids(credit, account) == (BITCOIN, ETHER, SOL)
    credit.act(trader, account, trade(ETHER, -WAD))
    assert market_ids(credit, account) == (BITCOIN, SOL)


def test_trade__ninth_position__refused_until_one_is_closed(credit, trader, account):
    markets = [BITCOIN, SOL, *add_markets(credit, 7)]
    size = dict.fromkeys(markets, SOL_UNIT) | {BITCOIN: WAD // 10}
    first = [trade(market, size[market]) for market in markets[:8]]
    ninth = trade(markets[8], SOL_UNIT)
    assert refused(credit, trader, account, *first, ninth) == (8, ("TooMany", 8))
    credit.act(trader, account, *first)
    assert refused(credit, trader, account, ninth) == (0, ("TooMany", 8))
    # Growing, flipping and reducing are no new positions.
    credit.act(trader, account, trade(SOL, SOL_UNIT), trade(SOL, -4 * SOL_UNIT))
    credit.act(trader, account, trade(SOL, 2 * SOL_UNIT), ninth)
    assert market_ids(credit, account) == tuple(m for m in markets if m != SOL)


def test_trade__last_of_64_markets__has_a_place(credit, trader, account):
    last = add_markets(credit, 61)[-1]
    assert last == 63
    credit.act(trader, account, trade(last, SOL_UNIT), trade(SOL, SOL_UNIT))
    assert market_ids(credit, account) == (SOL, 63)
    credit.act(trader, account, trade(last, -SOL_UNIT))
    assert market_ids(credit, account) == (SOL,)


def test_trade__beyond_health__refused_to_the_unit(credit, trader):
    """1,000 PREP carry 5,000 dollars of SOL, which needs a fifth of them."""
    account = credit.funded(trader, prep=1_000 * WAD)
    seen = refused(credit, trader, account, trade(SOL, 50 * SOL_UNIT + 1))
    needed = -(-(5_000 * WAD + 10**14) * 2_000 // 10_000)
    assert seen == ("AccountUnhealthy", 1_000 * WAD, needed)
    credit.act(trader, account, trade(SOL, 50 * SOL_UNIT))


def test_trade__in_a_market_without_weights__needs_all_of_its_value(credit, trader):
    (market,) = add_markets(credit, 1)
    account = credit.funded(trader, prep=1_000 * WAD)
    seen = refused(credit, trader, account, trade(market, 10 * SOL_UNIT + 1))
    assert seen == ("AccountUnhealthy", 1_000 * WAD, 1_000 * WAD + 10**14)
    credit.act(trader, account, trade(market, 10 * SOL_UNIT))


@both_sides
def test_trade__disabled_market__closed(credit, trader, account, is_long):
    size = sign(is_long) * SOL_UNIT
    credit.act(trader, account, trade(SOL, size))
    credit.suite.protocol.disableMarket(SOL, sender=credit.suite.guardian)
    assert refused(credit, trader, account, trade(SOL, size)) == (0, ("MarketClosed", SOL))
    credit.act(trader, account, trade(SOL, -size))


@pytest.mark.parametrize("limit", [0, 1])
@pytest.mark.parametrize("market", [3, 256 + SOL, UNLIMITED])
def test_trade__unknown_market__says_so(credit, trader, account, market, limit):
    for action in (trade(market, 1, limit), reduce(market, -1, limit)):
        assert refused(credit, trader, account, action) == (0, ("UnknownMarket", market))


def test_trade__size_zero_or_beyond_arithmetic__refused(credit, trader, account):
    zero = Action(ActionKind.TRADE, SOL, 0)
    assert refused(credit, trader, account, zero) == (0, ("ZeroAmount",))
    largest = Action(ActionKind.TRADE, SOL, 2**255 - 1)
    seen = refused(credit, trader, account, largest)
    assert seen == (0, ("AmountOutOfBounds", 2**255 - 1, 10**30))


def test_trade__price_missing__refused(credit, trader, account):
    credit.set_market_price(SOL, 0)
    for limit in (0, 10**30):
        seen = refused(credit, trader, account, trade(SOL, SOL_UNIT, limit))
        assert seen == (0, ("PriceOutOfBounds", 0, 10**36))


@pytest.mark.parametrize("kind", [trade, reduce])
def test_trade__market_with_two_steps__refused(credit, trader, account, kind):
    credit.act(trader, account, trade(SOL, SOL_UNIT))
    configure(credit, SOL, minExecutionDelay=1)
    for limit in (0, 1):
        seen = refused(credit, trader, account, kind(SOL, -SOL_UNIT, limit))
        assert seen == (0, ("TwoStepMarket", SOL))
    configure(credit, SOL, minExecutionDelay=0)
    credit.act(trader, account, kind(SOL, -SOL_UNIT))
