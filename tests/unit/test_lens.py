"""ProtocolLens: every field against what the raw getters and the whitepaper's formulas give."""

import pytest

from tests.expected import Totals, execution_price, leverage, trunc, wmul
from tests.suite import BTC, MARKET_FIELDS, UNLIMITED, WAD
from tests.unit.books import accrued, both_sides, held, open_position, sign
from tests.unit.vault.pricing import exposure, totals, value

DAY = 86_400
SIZES = (43_210 * WAD + 98_765, 21_098 * WAD + 4_321, 10_987 * WAD + 54_321)
COLLATERAL = 5_000 * WAD
EMPTY = (0, 0, 0, 0)

kinds = pytest.mark.parametrize("kind", ["btc", "full"])


@pytest.fixture
def markets(btc, full):
    return {"btc": btc, "full": full}


@pytest.fixture
def crowded(markets, trader, other_trader, stranger, clock):
    """Two on one side and one on the other, a quarter of a day apart, and then another price."""

    def crowd(kind, is_long):
        suite = markets[kind]
        suite.give(stranger, COLLATERAL)
        sides = (is_long, is_long, not is_long)
        for account, size, side in zip((trader, other_trader, stranger), SIZES, sides, strict=True):
            open_position(suite, account, COLLATERAL, size, side)
            clock.advance(DAY // 4)
        suite.set_price(10_123)
        return suite

    return crowd


def expected_view(suite, account, now: int) -> tuple:
    """A `PositionView`."""
    details, p, at, price = suite.position(account), held(suite, account), *market_at(suite, now)
    scale = suite.market["skewScale"]
    fill = execution_price(price, scale, at.skew, at.skew - p.size)
    rate = suite.market["closingFeeRate"]
    realised = p.realised(p.size, fill, **at.terms, closing_rate=rate)
    # Others act against a trader only at the better of both prices.
    better = max(realised.price_pnl, wmul(p.size, price - p.entry_price))
    equity = details.collateral + sum(realised) - realised.price_pnl + better
    rate = leverage(p.notional, equity)
    return (
        details.id,
        account.address,
        details.collateral,
        p.notional,
        tuple(p),
        tuple(realised),
        equity,
        rate,
        rate > 30 * WAD,
    )


def market_at(suite, now: int):
    return accrued(suite, now), suite.price()


def plain(view) -> tuple:
    return tuple(plain(v) if isinstance(v, tuple | list) else v for v in view)


@kinds
@both_sides
def test_positions__every_field(crowded, trader, other_trader, stranger, clock, kind, is_long):
    suite = crowded(kind, is_long)
    accounts = (trader, other_trader, stranger)
    expected = [expected_view(suite, account, clock.now) for account in accounts]
    views = [plain(view) for view in suite.lens.positions(1, 3)]
    assert views == expected
    assert [view[0] for view in views] == [1, 2, 3]
    # Whoever is against the crowd closes at a worse price than the oracle's, which then counts.
    better = [
        equity > collateral + sum(realised)
        for _, _, collateral, _, _, realised, equity, *_ in views
    ]
    assert better == [False, False, kind == "full"]
    for account, view in zip(accounts, expected, strict=True):
        assert plain(suite.lens.position(account)) == view
        checked = suite.protocol.checkPositionLeverageAndLiquidability(view[0])
        assert tuple(checked) == view[-2:], "the same as the protocol says"


@both_sides
def test_position__at_the_liquidation_leverage__liquidatable_only_above(
    feeless, trader, clock, is_long
):
    """0.75 BTC and 625 dollars: a loss of 375 leaves 250, a thirtieth of the notional."""
    suite = feeless
    suite.open(trader, 625 * WAD, 7_500 * WAD, is_long)
    suite.set_price(10_000 - sign(is_long) * 500)
    view = suite.lens.position(trader)
    assert (view.equity, view.leverage, view.liquidatable) == (250 * WAD, 30 * WAD, False)
    suite.set_answer((10_000 - sign(is_long) * 500) * 10**8 - sign(is_long))
    view = suite.lens.position(trader)
    assert view.leverage > 30 * WAD
    assert view.liquidatable
    suite.set_price(10_000 - sign(is_long) * 900)
    view = suite.lens.position(trader)
    assert (view.equity, view.leverage, view.liquidatable) == (-50 * WAD, UNLIMITED, True)


@pytest.fixture(scope="session")
def _empty_suites(create_suite, lp, trader):
    """Without borrowing fee, and with the larger side as reserve."""
    market = BTC | {"borrowRate": 0, "reserveFactor": 0}
    suites = create_suite(market=market), create_suite(by_larger_side=True)
    for suite in suites:
        suite.provide(lp, 100_000 * WAD)
        suite.give(trader, COLLATERAL)
    return suites


@pytest.fixture
def feeless(_empty_suites, clock):
    """Nothing but the price makes a difference here."""
    return _empty_suites[0]


@pytest.fixture
def larger(_empty_suites, clock):
    """Withdrawals leave the reserve of the larger side."""
    return _empty_suites[1]


@kinds
def test_position__none__collateral_and_no_price_needed(markets, trader, stranger, clock, kind):
    suite = markets[kind]
    suite.protocol.depositCollateral(777, sender=trader)
    suite.set_answer(0)
    for account, collateral in [(trader, 777), (stranger, 0)]:
        expected = (0, account.address, collateral, 0, EMPTY, EMPTY, 0, 0, False)
        assert plain(suite.lens.position(account)) == expected


@kinds
@both_sides
def test_market__every_field(crowded, trader, other_trader, stranger, clock, kind, is_long):
    suite = crowded(kind, is_long)
    raw = suite.lens.marketState(0)
    at, scale = accrued(suite, clock.now), suite.market["skewScale"]
    sums = totals(suite)
    positions = [held(suite, account) for account in (trader, other_trader, stranger)]
    assert sums == Totals.of(positions, has_skew=scale != 0)
    view, wad_price = suite.lens.market(0), suite.price()
    assert view.price == wad_price == 10_123 * WAD
    assert raw.updatedAt < clock.now
    assert at.borrow_index > raw.borrowIndex
    assert plain(view.state) == (
        *sums[:5],
        at.borrow_index,
        clock.now,
        at.funding.rate,
        at.funding.index,
        *sums[5:],
    )
    assert plain(view.config) == (
        suite.oracle.address,
        *(suite.market[name] for name in MARKET_FIELDS[1:]),
    )
    flow = plain(view.cashFlow)
    assert flow == plain(suite.lens.cashFlow(0))
    assert (flow[1] > 0) == (kind == "full"), "opening fees were paid"
    e = exposure(suite, clock.now)
    assert view.pricePnl == sums.price_pnl(wad_price, scale)
    assert view.seqPnl == e.seq_pnl
    assert view.funding == e.funding
    assert view.borrowingFee == e.borrowing < 0
    fees = sums.closing_fee(wad_price, scale, suite.market["closingFeeRate"])
    assert view.closingFee == fees
    assert view.reserves == e.reserves == suite.protocol.liquidityReservesToHold()
    if kind == "full":
        assert len({view.pricePnl, view.seqPnl, view.funding, view.closingFee, 0}) == 5


def test_market__unknown__reverts(btc, reverts):
    with reverts(btc.protocol.UnknownMarket, marketId=1):
        btc.lens.market(1)


@kinds
@both_sides
def test_vault__every_field(crowded, stranger, clock, kind, is_long):
    suite = crowded(kind, is_long)
    suite.prep.mint(suite.vault, 4_321, sender=suite.admin)
    e, v = exposure(suite, clock.now), value(suite, clock.now)
    debt = max(0, e.seq_pnl + e.funding)
    assert (debt > 0) == is_long, "both kinds occur"
    assert plain(suite.lens.vault()) == (
        suite.protocol.liquidity(),
        suite.protocol.netDeposits(),
        v.upper,
        v.lower,
        v.reserves,
        debt,
        trunc(v.liquidity * WAD, debt) if debt else UNLIMITED,
        suite.vault.totalSupply(),
        suite.prep.balanceOf(suite.vault),
    )


@both_sides
def test_vault__reserve_of_the_larger_side__that_of_its_vault(larger, trader, clock, is_long):
    suite = larger
    for account, notional, side in [(trader, 3_000, is_long), (suite.admin, 2_000, not is_long)]:
        suite.open(account, COLLATERAL, notional * WAD, side)
    expected = value(suite, clock.now, by_larger_side=True).reserves
    assert suite.lens.vault().reserves == expected == 450 * WAD
    assert suite.lens.market(0).reserves == suite.protocol.liquidityReservesToHold() == 150 * WAD


def test_lens__deployed__looks_at_its_protocol(suite):
    assert suite.lens.protocol() == suite.protocol.address


@pytest.mark.parametrize("why, is_long", [("stale", True), ("zero", False)])
def test_lens__no_price__the_oracles_error(btc, trader, clock, reverts, why, is_long):
    open_position(btc, trader, COLLATERAL, 10_000 * WAD, is_long)
    btc.set_price(10_000)
    updated_at, heartbeat = clock.now, btc.oracle.heartbeat()
    clock.advance(heartbeat)
    assert len(btc.lens.positions(1, 1)) == 1, "just fresh enough"
    if why == "stale":
        clock.advance(1)
        error, values = btc.oracle.AnswerStale, {"updatedAt": updated_at, "heartbeat": heartbeat}
    else:
        btc.set_answer(0)
        error, values = btc.oracle.AnswerNotPositive, {"answer": 0}
    for look in (
        lambda: btc.lens.positions(1, 1),
        lambda: btc.lens.position(trader),
        lambda: btc.lens.market(0),
        btc.lens.vault,
    ):
        with reverts(error, **values):
            look()
