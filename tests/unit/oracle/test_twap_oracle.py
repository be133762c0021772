"""TwapOracle over a real pool, against a model in integers of the mean tick and of its price."""

from fractions import Fraction

import pytest

from tests.suite import WAD, ZERO_ADDRESS
from tests.ticks import sqrt_price_at
from tests.unit.oracle.conftest import MIN_LIQUIDITY, PAIRS, PERIOD

DAY = 86_400
Q192 = 2**192
ETH_USD = PAIRS["WETH-USD"]


def _tick(market, base, period=PERIOD):
    """Of the token `base` in the other, rounded toward minus infinity."""
    total = market.ticks_over(period)
    return (total if base == 0 else -total) // period


def _price(tick):
    return sqrt_price_at(tick) ** 2 * WAD // Q192


# -------------------------------------------------------------------------------------------- price


@pytest.mark.parametrize("base", [0, 1])
def test_price__nothing_happened__price_of_the_pools_tick(create_market, create_twap, pair, base):
    market = create_market(pair)
    market.wait(PERIOD)
    oracle = create_twap(market.pool, base)
    tick = market.ticks[0][1] * (1 if base == 0 else -1)
    assert oracle.mean().tick == tick
    assert oracle.price() == _price(tick) > 0
    # Within a tick of what the pool was made with, whatever the decimals.
    units = {market.exchange.tokens[symbol].address: units for symbol, units in pair[:2]}
    base_units, quote_units = (units[market.pool.tokens[i]] for i in (base, 1 - base))
    exact = Fraction(quote_units * WAD, base_units)
    assert exact * Fraction(9_998, 10_000) - 1 < oracle.price() < exact * Fraction(10_002, 10_000)


@pytest.mark.parametrize("base", [0, 1])
def test_price__many_trades__mean_of_the_period_only(create_market, create_twap, pair, base):
    market = create_market(pair)
    oracle = create_twap(market.pool, base)
    for after, ticks in ((7, 300), (60, -1_000), (1_000, 333), (1, 1), (500, 700), (600, -20)):
        market.trade(after, ticks)
    for wait in (PERIOD - 1_101, 1, 1, 499, 600, PERIOD):
        market.wait(wait)
        tick = _tick(market, base)
        assert oracle.mean().tick == tick
        assert oracle.price() == _price(tick)
    assert tick == market.ticks[-1][1] * (1 if base == 0 else -1)


@pytest.mark.parametrize("period", [1_800, 1_801, 7_200, DAY])
def test_price__any_period__mean_of_that(create_market, create_twap, period):
    market = create_market(ETH_USD)
    oracle = create_twap(market.pool, period=period)
    market.wait(period)
    for after, ticks in ((period // 3, 500), (period // 3 + 1, -3_000)):
        market.trade(after, ticks)
    market.wait(77)
    assert oracle.price() == _price(_tick(market, 0, period))


@pytest.mark.parametrize("base", [0, 1])
@pytest.mark.parametrize("seconds", [1, PERIOD - 1])
def test_price__mean_between_two_ticks__lower_one_either_way(
    create_market, create_twap, base, seconds
):
    """The mean of the one direction is not the negative of the other's."""
    market = create_market(ETH_USD)
    market.wait(PERIOD)
    oracle = create_twap(market.pool, base)
    market.trade(1, 1)
    market.wait(seconds)
    before, after = (tick for _, tick in market.ticks)
    total = market.ticks_over(PERIOD)
    assert before * PERIOD < total < after * PERIOD
    assert oracle.mean().tick == (before if base == 0 else -after)


def test_price__both_directions__product_at_most_one(create_market, create_twap, pair):
    market = create_market(pair)
    oracles = [create_twap(market.pool, base) for base in (0, 1)]
    market.wait(PERIOD)
    market.trade(5, 3)
    market.wait(100)
    one, other = (oracle.price() for oracle in oracles)
    assert one * other <= WAD**2


@pytest.mark.parametrize("ticks", [5_000, -5_000])
@pytest.mark.parametrize("base", [0, 1])
def test_price__moved_for_one_block__by_its_share_of_the_period(
    create_market, create_twap, base, ticks
):
    market, block = create_market(ETH_USD), 12
    oracle = create_twap(market.pool, base)
    market.wait(PERIOD)
    before = oracle.mean().tick
    market.trade(block, ticks)
    assert oracle.mean().tick == before  # in the same block, nothing
    market.trade(block, -ticks)
    moved = oracle.mean().tick - before
    held = market.ticks[-1][0] - market.ticks[-2][0]
    signed = ticks if base == 0 else -ticks
    assert moved == signed * held // PERIOD
    assert abs(moved) <= abs(ticks) * held // PERIOD + 1 < abs(ticks) // 100
    market.wait(PERIOD)
    assert oracle.mean().tick == before


def test_price__pool_at_the_end_of_all_prices__rounds_to_zero(create_market, create_twap, reverts):
    market = create_market(ETH_USD)
    oracle, other = (create_twap(market.pool, base, min_liquidity=1_801) for base in (0, 1))
    down = -600_000
    market.trade(1, down - market.ticks[-1][1])
    market.wait(PERIOD)
    with reverts(oracle.PriceRoundsToZero, tick=down):
        oracle.price()
    assert (oracle.lastUpdate(), other.price()) == (0, _price(-down))


# ---------------------------------------------------------------------------------------- refusals


def test_price__pool_younger_than_the_period__refused(create_market, create_twap, reverts):
    market = create_market(ETH_USD)
    oracle = create_twap(market.pool, period=DAY)
    age = market.now - market.ticks[0][0]
    market.wait(DAY - age - 1)
    assert oracle.available() == DAY - 1
    for ask in (oracle.price, oracle.mean, oracle.previous):
        with reverts(oracle.HistoryTooShort, available=DAY - 1, period=DAY):
            ask()
    assert oracle.lastUpdate() == 0
    market.wait(1)
    assert oracle.available() == DAY
    assert oracle.price() == _price(market.ticks[0][1])


def test_price__too_few_observations__refused(create_market, create_twap, reverts):
    market = create_market(ETH_USD, observations=3)
    oracle = create_twap(market.pool)
    market.wait(PERIOD)
    for _ in range(3):
        market.trade(100, 10)
    # The three latest blocks with a swap are known, and the first of them only as a moment.
    available = market.now - market.ticks[-3][0]
    assert oracle.available() == available < PERIOD
    with reverts(oracle.HistoryTooShort, available=available, period=PERIOD):
        oracle.price()
    market.wait(PERIOD - available)
    assert oracle.price() == _price(_tick(market, 0))


def test_available__room_that_is_not_used_yet__from_the_first(create_market, create_twap):
    market = create_market(ETH_USD, observations=50)
    oracle = create_twap(market.pool)
    market.trade(100, 10)
    assert oracle.available() == market.now - market.ticks[0][0]


def test_price__pool_without_a_price__refused(exchange, admin, create_twap, reverts):
    tokens = [exchange.tokens[symbol].address for symbol in ("DAI", "USD")]
    factory = exchange.pools.contracts.factory
    create = "createPool(address,address,uint24)"
    exchange.node.execute(admin.address, factory, create, *tokens, 10_000)
    oracle = create_twap(exchange.pools.pool(*tokens, 10_000))
    assert (oracle.available(), oracle.lastUpdate()) == (0, 0)
    with reverts(oracle.HistoryTooShort, available=0, period=PERIOD):
        oracle.price()


# --------------------------------------------------------------------------------------- liquidity


def test_mean__liquidity_that_stays__itself(exchange, create_market, create_twap, pair):
    market = create_market(pair)
    market.wait(PERIOD)
    oracle = create_twap(market.pool)
    (liquidity,) = exchange.node.read((market.pool.address, "liquidity()"))
    observe = market.pool.address, "observe(uint32[])", [PERIOD, 0]
    ((_, (earlier, now)),) = exchange.node.read(observe)
    assert oracle.mean().liquidity == (PERIOD << 128) // (now - earlier)
    # The pool rounds its sums down, to a part in 2**128 of a second.
    assert abs(oracle.mean().liquidity - liquidity) <= 1 + liquidity**2 // (PERIOD << 126)


@pytest.mark.usefixtures("one_block")
def test_price__liquidity_at_the_lowest__given_out(create_market, create_twap, reverts):
    market = create_market(ETH_USD)
    market.wait(PERIOD)
    liquidity = create_twap(market.pool).mean().liquidity
    assert create_twap(market.pool, min_liquidity=liquidity).price() > 0
    higher = create_twap(market.pool, min_liquidity=liquidity + 1)
    with reverts(higher.LiquidityTooLow, liquidity=liquidity, min=liquidity + 1):
        higher.price()
    assert higher.lastUpdate() == 0


@pytest.mark.parametrize("base", [0, 1])
def test_price__one_second_without_liquidity__refused_for_a_period(
    exchange, create_market, create_twap, trader, base, reverts
):
    """Where there is none, the price goes to the end of all prices for nothing."""
    a, b = (("DAI", 10**24), ("USD", 10**12))
    pool = exchange.create_pool(a, b, 10_000)
    exchange.add_liquidity(pool, a, b, width=2_000)
    exchange.pools.remember(trader.address, pool, 20)
    market = create_market((a, b, 10_000))
    oracle = create_twap(pool, base, min_liquidity=PERIOD + 1)
    market.wait(PERIOD)
    before = oracle.price()
    market.trade(12, 400_000)
    assert oracle.price() == before
    market.wait(1)
    exchange.pools.move(trader.address, pool, sqrt_price_at(market.ticks[0][1]))
    market.see()
    held = market.ticks[-1][0] - market.ticks[-2][0]
    market.wait(1)
    liquidity = oracle.mean().liquidity
    assert liquidity <= PERIOD // held
    with reverts(oracle.LiquidityTooLow, liquidity=liquidity, min=PERIOD + 1):
        oracle.price()
    market.wait(PERIOD)
    assert oracle.price() == before


# ------------------------------------------------------------------------- last update and previous


def test_last_update__while_it_answers__now(create_market, create_twap):
    market = create_market(ETH_USD)
    oracle = create_twap(market.pool)
    market.wait(PERIOD)
    assert oracle.lastUpdate() == market.now
    market.wait(1)
    assert oracle.lastUpdate() == market.now


def test_previous__like_the_latest(create_market, create_twap):
    market = create_market(ETH_USD)
    oracle = create_twap(market.pool)
    market.wait(PERIOD)
    market.trade(600, 50)
    market.wait(1)
    assert tuple(oracle.previous()) == (oracle.price(), market.now)


# ------------------------------------------------------------------------------------- constructor


@pytest.mark.parametrize("base", [0, 1])
def test_constructor__good_config__kept(create_market, create_twap, base):
    pool = create_market(ETH_USD).pool
    oracle = create_twap(pool, base)
    assert (oracle.pool(), oracle.period()) == (pool.address, PERIOD)
    assert (oracle.base(), oracle.quote()) == (pool.tokens[base], pool.tokens[1 - base])
    assert oracle.minLiquidity() == MIN_LIQUIDITY


@pytest.mark.parametrize("period", [0, 1_799, DAY + 1, 2**32 + 1_800])
def test_constructor__period_out_of_range__reverts(
    create_market, create_twap, project, reverts, period
):
    pool = create_market(ETH_USD).pool
    error = project.TwapOracle.PeriodOutOfRange
    with reverts(error, period=period, min=1_800, max=DAY):
        create_twap(pool, period=period)


@pytest.mark.parametrize("min_liquidity", [0, PERIOD])
def test_constructor__lowest_liquidity_not_above_the_period__reverts(
    create_market, create_twap, project, reverts, min_liquidity
):
    pool = create_market(ETH_USD).pool
    error = project.TwapOracle.MinLiquidityTooLow
    with reverts(error, minLiquidity=min_liquidity, period=PERIOD):
        create_twap(pool, min_liquidity=min_liquidity)


def test_constructor__no_pool_there__reverts(project, admin, reverts, stranger):
    for address in (ZERO_ADDRESS, stranger.address):
        with reverts(project.TwapOracle.PoolNotContract, pool=address):
            config = (address, ZERO_ADDRESS, ZERO_ADDRESS, PERIOD, MIN_LIQUIDITY)
            admin.deploy(project.TwapOracle, config)


@pytest.mark.parametrize("tokens", [(0, 0), (1, 1), (0, 2), (2, 0), (1, 2), (2, 1), (2, 2)])
def test_constructor__not_the_pools_tokens__reverts(
    exchange, create_market, project, admin, reverts, tokens
):
    pool = create_market(ETH_USD).pool
    choice = (*pool.tokens, exchange.tokens["DAI"].address)
    base, quote = (choice[i] for i in tokens)
    values = {"base": base, "quote": quote, "token0": pool.tokens[0], "token1": pool.tokens[1]}
    with reverts(project.TwapOracle.TokensNotOfPool, **values):
        config = (pool.address, base, quote, PERIOD, MIN_LIQUIDITY)
        admin.deploy(project.TwapOracle, config)
