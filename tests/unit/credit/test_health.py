"""CreditManager.health: both readings by hand."""

import pytest

from prep.credit.actions import borrow, trade, withdraw
from tests.credit import (
    BITCOIN,
    DECIMALS,
    DOLLARS,
    ETHER,
    LTVS,
    MARKET_LTVS,
    PREP,
    SHARES,
    SOL,
    USD,
    WBTC,
    WETH,
)
from tests.suite import UNLIMITED, WAD
from tests.unit.books import both_sides, sign
from tests.unit.credit import expected
from tests.unit.credit.acting import charge_interest, health, holdings, refusal, refused
from tests.unit.credit.expected import Exposed, Held
from tests.unit.credit.trading import PRICE, SOL_UNIT, closing, configure, fill, sol_pnl

both_readings = pytest.mark.parametrize("reading", [0, 1], ids=["may-act", "liquidatable"])


def price(asset, dollars=None):
    """PREP base units for a base unit of an asset, WAD."""
    if asset == PREP:
        return WAD
    if asset == SHARES:
        return WAD // 10**6
    return (DOLLARS[asset] if dollars is None else dollars) * 10 ** (36 - DECIMALS[asset])


def held(reading, contents, share=WAD // 10**6):
    return [
        Held(balance, debt, share if asset == SHARES else price(asset), LTVS[asset][reading])
        for asset, (balance, debt) in contents.items()
    ]


@both_readings
@pytest.mark.parametrize("asset", [PREP, SHARES, WETH, WBTC, USD])
def test_health__one_balance__value_and_weight_of_any_decimals(credit, trader, asset, reading):
    name = {PREP: "prep", SHARES: "shares", WETH: "weth", WBTC: "wbtc", USD: "usd"}[asset]
    account = credit.funded(trader, **{name: 12_345_678_901})
    balance = credit.balance(account, asset)
    value = balance * price(asset) // WAD
    collateral = value * LTVS[asset][reading] // 10_000
    want = value, collateral, 0, 0, 0, 0, 0, collateral
    assert health(credit, account, bool(reading)) == want


@both_readings
@pytest.mark.parametrize("asset", [PREP, WETH, WBTC, USD])
def test_health__one_debt__divided_by_its_weight_rounded_up(credit, trader, asset, reading):
    account = credit.funded(trader, shares=10**5 * WAD)
    amount = 10 ** DECIMALS[asset] // 7
    credit.act(trader, account, borrow(asset, amount), withdraw(asset, amount))
    owed = -(-amount * price(asset) // WAD)
    debt = -(-owed * 10_000 // LTVS[asset][reading])
    seen = health(credit, account, bool(reading))
    collateral = 10**5 * WAD * LTVS[SHARES][reading] // 10_000
    assert seen == (10**5 * WAD, collateral, owed, debt, 0, 0, 0, collateral - debt)


@both_readings
def test_health__debts_in_every_asset_with_interest__all_counted(credit, clock, trader, reading):
    charge_interest(credit)
    account = credit.funded(trader, shares=10**6 * WAD, prep=77, weth=3, wbtc=5, usd=7)
    amounts = {PREP: 10**23 + 1, WETH: 10**19 + 3, WBTC: 10**8 + 7, USD: 10**9 + 9}
    for asset, amount in amounts.items():
        credit.act(trader, account, borrow(asset, amount))
    clock.advance(10**6)
    contents = holdings(credit, account)
    assert all(contents[asset][1] > amount for asset, amount in amounts.items())
    assert len(contents) == 5
    want = expected.health(held(reading, contents))
    assert health(credit, account, bool(reading)) == want


@both_readings
@both_sides
@pytest.mark.parametrize("dollars", [83, 100, 119])
def test_health__position_without_skew__one_pnl_and_its_weight(
    credit, trader, is_long, reading, dollars
):
    account = credit.funded(trader, prep=1_000 * WAD)
    size = sign(is_long) * (SOL_UNIT + 1)
    credit.act(trader, account, trade(SOL, size))
    credit.set_market_price(SOL, dollars)
    position = Exposed(
        size, dollars * 10**30, sol_pnl(size, 100, dollars), MARKET_LTVS[SOL][reading]
    )
    want = expected.health([Held(1_000 * WAD, 0, WAD, 10_000)], [position])
    assert health(credit, account, bool(reading)) == want


@both_readings
@both_sides
@pytest.mark.parametrize("other", [0, 300, -300], ids=["alone", "longs", "shorts"])
@pytest.mark.parametrize("dollars", [1_900, 2_100])
def test_health__position_with_skew__the_worse_or_the_better_price(
    credit, trader, other_trader, is_long, other, dollars, reading
):
    """Closing against the skew fills above or below the oracle: to act the lower counts, for
    liquidation the higher."""
    account = credit.funded(trader, prep=10_000 * WAD)
    if other:
        rich = credit.funded(other_trader, prep=10**6 * WAD)
        credit.act(other_trader, rich, trade(ETHER, other * WAD))
    size = sign(is_long) * 3 * WAD
    before = other * WAD
    credit.act(trader, account, trade(ETHER, size))
    now = dollars * WAD
    credit.set_market_price(ETHER, dollars)
    pnls = [
        closing(size, fill(size, before), before + size, now, skewed) for skewed in (True, False)
    ]
    assert pnls[0] != pnls[1]
    pnl = max(pnls) if reading else min(pnls)
    prep = credit.balance(account, PREP)
    want = expected.health(
        [Held(prep, 0, WAD, 10_000)], [Exposed(size, now, pnl, MARKET_LTVS[ETHER][reading])]
    )
    assert health(credit, account, bool(reading)) == want


def test_health__two_readings_of_skew__differ_in_both_directions(credit, trader):
    """Alone in the market a long position closes above the oracle."""
    account = credit.funded(trader, prep=10_000 * WAD)
    size = 3 * WAD
    credit.act(trader, account, trade(ETHER, size))
    skewed, bare = (closing(size, fill(size), size, PRICE, s) for s in (True, False))
    assert skewed > bare
    assert health(credit, account)[4] == bare
    assert health(credit, account, True)[4] == skewed


@both_readings
@both_sides
def test_health__everything_at_once__sums(credit, clock, trader, is_long, reading):
    """Three markets, five assets, two debts, and ten thousand seconds of funding and fees, of which
    the protocol says what they are."""
    charge_interest(credit)
    s = sign(is_long)
    account = credit.funded(trader, prep=50_000 * WAD, shares=777 * WAD, wbtc=10**8 + 1, usd=9)
    credit.act(trader, account, borrow(WETH, WAD), borrow(USD, 10**8), withdraw(WETH, WAD))
    sizes = {BITCOIN: s * WAD // 7, ETHER: -s * 5 * WAD, SOL: s * 123_456_789}
    credit.act(trader, account, *(trade(market, size) for market, size in sizes.items()))
    clock.advance(10_000)
    prices = {BITCOIN: 10_123 * WAD, ETHER: 1_987 * WAD, SOL: 101 * 10**30}
    for market, dollars in zip(sizes, (10_123, 1_987, 101), strict=True):
        credit.set_market_price(market, dollars)
    exposed = []
    for market, size in sizes.items():
        equity = credit.suite.protocol.marginEquity(credit.manager, account, market)
        fills = equity.atFill, equity.atOracle
        pnl = max(fills) if reading else min(fills)
        exposed.append(Exposed(size, prices[market], pnl, MARKET_LTVS[market][reading]))
    contents = holdings(credit, account)
    assert len(contents) == 5
    # What traders have won is not the shares' any more.
    share = credit.share_oracle.price()
    assert share != price(SHARES)
    want = expected.health(held(reading, contents, share), exposed)
    assert health(credit, account, bool(reading)) == want


@pytest.mark.parametrize("bad", [0, 10**36 + 1, UNLIMITED])
@both_readings
def test_health__price_of_an_asset_out_of_bounds__refused(credit, trader, bad, reading):
    account = credit.funded(trader, weth=WAD)
    credit.oracles[WETH].setPrice(bad, sender=credit.suite.admin)
    signature = "health(uint256,bool)"
    seen = refusal(credit, trader, credit.manager, signature, account, bool(reading))
    assert seen == ("PriceOutOfBounds", bad, 10**36)
    other = credit.funded(trader, usd=5)
    assert health(credit, other, bool(reading))[0] == 5 * 10**12


def test_health__largest_price__counted(credit, trader):
    account = credit.funded(trader, weth=3)
    credit.oracles[WETH].setPrice(10**36, sender=credit.suite.admin)
    assert health(credit, account)[0] == 3 * 10**18


@both_readings
def test_health__price_of_a_market_missing__refused(credit, trader, reading):
    account = credit.funded(trader, prep=1_000 * WAD)
    credit.act(trader, account, trade(SOL, SOL_UNIT))
    credit.set_market_price(SOL, 0)
    signature = "health(uint256,bool)"
    seen = refusal(credit, trader, credit.manager, signature, account, bool(reading))
    assert seen == ("PriceOutOfBounds", 0, 10**36)
    assert refused(credit, trader, account, withdraw(PREP, 1)) == seen


def test_execute__price_of_what_is_not_held_missing__does_not_matter(credit, trader):
    account = credit.funded(trader, prep=1_000 * WAD)
    for oracle in credit.oracles.values():
        oracle.setPrice(0, sender=credit.suite.admin)
    credit.act(trader, account, withdraw(PREP, 1))


@both_readings
def test_health__market_without_weights__all_of_its_value_required(credit, trader, reading):
    account = credit.funded(trader, prep=1_000 * WAD)
    credit.manager.setMarketLtv(SOL, 0, 0, sender=credit.suite.risk_manager)
    configure(credit, SOL, borrowRate=0)
    credit.act(trader, account, trade(SOL, SOL_UNIT))
    assert health(credit, account, bool(reading))[5:7] == (100 * WAD, 100 * WAD)
