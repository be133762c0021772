"""One exchange for each module: tokens of 6, 8 and 18 decimals, and pools of several fees."""

import pytest

from tests.exchange import create_exchange

USD, BTC, DAI, ETHER = 10**6, 10**8, 10**18, 10**18
DECIMALS = {"USD": 6, "BTC": 8, "DAI": 18}
POOLS = (
    (("WETH", 1_000 * ETHER), ("USD", 2_000_000 * USD), 3_000),
    (("BTC", 100 * BTC), ("USD", 6_000_000 * USD), 500),
    (("DAI", 3_000_000 * DAI), ("USD", 3_000_000 * USD), 500),
    (("BTC", 50 * BTC), ("WETH", 1_500 * ETHER), 10_000),
)


@pytest.fixture(scope="module")
def exchange(project, admin):
    return create_exchange(project, admin, DECIMALS, POOLS)


@pytest.fixture(scope="module")
def eth_usd(exchange):
    """At $2,000, with a fee of 0.3 %."""
    return exchange.pools.pool(*(exchange.tokens[s].address for s in ("WETH", "USD")), 3_000)
