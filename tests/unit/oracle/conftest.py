"""A real Uniswap pool of tokens with 6, 8 and 18 decimals, and what happened in it."""

from dataclasses import dataclass, field

import pytest

from prep.exchange.pools import Pool
from tests.exchange import Exchange, create_exchange
from tests.ticks import sqrt_price_at

DECIMALS = {"USD": 6, "BTC": 8, "DAI": 18}
PERIOD = 1_800
MIN_LIQUIDITY = 10**9
PAIRS = {
    "WETH-USD": (("WETH", 1_000 * 10**18), ("USD", 2_000_000 * 10**6), 3_000),
    "BTC-USD": (("BTC", 100 * 10**8), ("USD", 6_000_000 * 10**6), 500),
    "BTC-WETH": (("BTC", 50 * 10**8), ("WETH", 1_500 * 10**18), 10_000),
    "DAI-WETH": (("DAI", 2_000_000 * 10**18), ("WETH", 1_000 * 10**18), 500),
}


@dataclass
class Market:
    """A pool, and every tick that it had since when, as blocks with swaps left it."""

    exchange: Exchange
    pool: Pool
    trader: object
    ticks: list[tuple[int, int]] = field(default_factory=list)

    def trade(self, after: int, ticks: int) -> None:
        """Seconds later, one swap moves the price to the tick this far from the present one."""
        node, pools = self.exchange.node, self.exchange.pools
        target = pools.tick(self.pool) + ticks
        node.at(self.now + after)
        # The allowance that this gives once more is what is mined at that time.
        pools.move(self.trader.address, self.pool, sqrt_price_at(target))
        self.see()
        assert self.ticks[-1][1] == target

    def see(self) -> None:
        self.ticks.append((self.now, self.exchange.pools.tick(self.pool)))

    def wait(self, seconds: int) -> None:
        self.exchange.node.at(self.now + seconds)
        self.exchange.node.mine()

    @property
    def now(self) -> int:
        return self.exchange.node.time()

    def ticks_over(self, period: int) -> int:
        """Sum of the tick of every second of the period that ends now."""
        total, until = 0, self.now
        for since, tick in reversed(self.ticks):
            begin = max(since, self.now - period)
            total += tick * (until - begin)
            until = begin
        assert until == self.now - period, "the pool is younger"
        return total


@pytest.fixture(scope="module")
def exchange(project, admin):
    return create_exchange(project, admin, DECIMALS, tuple(PAIRS.values()))


@pytest.fixture(params=PAIRS)
def pair(request):
    return PAIRS[request.param]


@pytest.fixture
def create_market(exchange, trader, stranger):
    """The market of a pair, with room for many observations."""

    def create(pair, observations=100):
        (a, _), (b, _), fee = pair
        pool = exchange.pools.pool(*(exchange.tokens[s].address for s in (a, b)), fee)
        exchange.pools.remember(stranger.address, pool, observations)
        for symbol in (a, b):
            exchange.give(trader, symbol, 2**126)
        market = Market(exchange, pool, trader)
        # The pool's first observation is of the block in which it got its price.
        since = exchange.node.read((pool.address, "observations(uint256)", 0))[0][0]
        market.ticks.append((since, exchange.pools.tick(pool)))
        return market

    return create


@pytest.fixture
def create_twap(admin, project):
    """An adapter of a pool, of its token 0 unless said otherwise."""

    def create(pool, base=0, period=PERIOD, min_liquidity=MIN_LIQUIDITY):
        tokens = pool.tokens[base], pool.tokens[1 - base]
        return admin.deploy(project.TwapOracle, (pool.address, *tokens, period, min_liquidity))

    return create
