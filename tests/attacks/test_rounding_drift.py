"""Attack: opening and closing ten thousand times, so that what rounding gives away adds up.

Played by a contract that trades from one transaction, at one price, without fees. Alone in a market
every fill goes back at the very price at which it came, so that nothing is won or lost, whatever
the price. Two accounts that get in each other's way meet different roundings: what they win in one
round is at most eps, and what they win in all ten thousand is no more than that either.
"""

import pytest

from tests.attacks.assets import dollars
from tests.attacks.conftest import STEEP
from tests.node import Node
from tests.suite import BTC, WAD, market_config

PAIRS = 10_000
BATCH = 500
# Of 8 and 18 decimals, round and odd, and close to nothing.
PRICES = {
    "round": (10_000 * WAD, WAD),
    "odd": (60_123 * WAD + 123_456_789_012_345_677, WAD),
    "8 decimals": (60_123 * 10**28 + 7, 10**8),
    "tiny": (333_333_333_333, 10**25),
}
SCALE = 6_000
FREE = {"borrowRate": 0, "reserveFactor": 0, "minPositionValue": 0}

pytestmark = pytest.mark.usefixtures("one_block")


@pytest.fixture(scope="session")
def churn(create_suite, project, lp):
    """A market without and one with a skew scale for each price, and a contract that churns."""
    suite = create_suite()
    admin = suite.admin
    churner = admin.deploy(project.Churner, suite.protocol, suite.prep)
    suite.protocol.setMarginClient(churner, True, sender=admin)
    suite.prep.mint(churner, dollars(10**9), sender=admin)
    suite.provide(lp, dollars(100_000_000))
    markets = {}
    for name, (price, unit) in PRICES.items():
        for kind, market in (("plain", BTC), ("steep", STEEP)):
            config = market | FREE
            if kind == "steep":
                config |= {"skewScale": SCALE * unit}
            oracle = admin.deploy(project.MockOracle, price)
            suite.protocol.addMarket(market_config(oracle, config), sender=suite.risk_manager)
            markets[name, kind] = suite.protocol.marketCount() - 1
    types = [c.contract_type for c in (suite.protocol, suite.prep, churner)]
    node = Node(suite.prep.provider.uri, *types)
    return suite, churner, markets, node


def play(node, suite, churner, market, first, second, steps):
    """What was gained in ten thousand rounds, and the most in one."""
    data = node._data(
        "churn(uint256,int256,int256,uint256,uint256)", (market, first, second, steps, BATCH)
    )
    call = {"from": suite.admin.address, "to": churner.address, "data": data}
    call |= {"gas": hex(2 * 10**9), "gasPrice": "0x0"}
    gained, most = 0, -(2**255)
    for _ in range(PAIRS // BATCH):
        answer = node.rpc("eth_call", call, "latest")
        once = node._result("churn(uint256,int256,int256,uint256,uint256)", answer)
        before = balance(node, suite, churner)
        hash_ = node.rpc("eth_sendTransaction", call)
        while (receipt := node.rpc("eth_getTransactionReceipt", hash_)) is None:
            pass
        assert receipt["status"] == "0x1"
        assert balance(node, suite, churner) - before == once[0], "M3"
        gained, most = gained + once[0], max(most, once[1])
    return gained, most


def balance(node, suite, churner):
    return node.read((suite.prep.address, "balanceOf(address)", churner.address))[0]


@pytest.mark.parametrize("sign", [1, -1], ids=["long", "short"])
@pytest.mark.parametrize("kind", ["plain", "steep"])
@pytest.mark.parametrize("name", PRICES)
def test_execute_order__alone_in_the_market__nothing_gained(churn, name, kind, sign):
    suite, churner, markets, node = churn
    unit = PRICES[name][1]
    size = sign * (7 * unit + 12_347)
    assert play(node, suite, churner, markets[name, kind], size, 0, 1) == (0, 0), "M6"
