"""Attack: opening and closing ten thousand times, so that what rounding gives away adds up.

Played by a contract that trades from one transaction, at one price, without fees. Alone in a market
every fill goes back at the very price at which it came, so that nothing is won or lost, whatever
the price. Two accounts that get in each other's way meet different roundings, of eps each at most.
"""

import pytest

from prep.node import Node
from tests.attacks.assets import dollars
from tests.attacks.conftest import STEEP
from tests.suite import BTC, WAD, market_config

ROUNDS = 10_000
BATCH = 100
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


@pytest.fixture(autouse=True)
def large_blocks(chain):
    """Blocks that hold some hundred rounds."""
    limit = chain.blocks.head.gas_limit
    chain.provider.make_request("evm_setBlockGasLimit", [hex(10**9)])
    yield
    chain.provider.make_request("evm_setBlockGasLimit", [hex(limit)])


def play(churn, name, kind, first, second, *, steps=1, rounds=ROUNDS):
    """What was gained in all rounds, and the most in one."""
    suite, churner, markets, node = churn
    signature = "churn(uint256,int256,int256,uint256,uint256)"
    gained, most = 0, -(2**255)
    before = balance(node, suite, churner)
    for _ in range(rounds // BATCH):
        data = node._data(signature, (markets[name, kind], first, second, steps, BATCH))
        call = {"from": suite.admin.address, "to": churner.address, "data": data}
        call |= {"gas": hex(9 * 10**8), "gasPrice": "0x0"}
        answer = node.rpc("eth_call", call, "latest")
        hash_ = node.rpc("eth_sendTransaction", call)
        while (receipt := node.rpc("eth_getTransactionReceipt", hash_)) is None:
            pass
        assert receipt["status"] == "0x1"
        once = node._result(signature, answer)
        gained, most = gained + once[0], max(most, once[1])
        first -= BATCH if first > 0 else -BATCH
        second -= BATCH if second > 0 else -BATCH if second else 0
    assert balance(node, suite, churner) - before == gained, "M3"
    return gained, most


def balance(node, suite, churner):
    return node.read((suite.prep.address, "balanceOf(address)", churner.address))[0]


# Sizes of two accounts in thousandths of a unit, and in how many orders each is opened.
PATTERNS = {
    "against each other": (7_000, -3_000, 1),
    "one after the other": (7_000, 5_000, 1),
    "in thirds": (7_000, -3_000, 3),
}


def eps(name, *sizes):
    """For opening and closing these sizes."""
    per_unit = PRICES[name][0] // WAD + 2
    return sum(2 * (abs(size) * per_unit // WAD + 2) for size in sizes) + per_unit


@pytest.mark.parametrize("sign", [1, -1], ids=["long", "short"])
@pytest.mark.parametrize("kind", ["plain", "steep"])
@pytest.mark.parametrize("name", PRICES)
def test_execute_order__alone_in_the_market__nothing_won_or_lost(churn, name, kind, sign):
    size = sign * (7 * PRICES[name][1] + 12_347)
    for steps in (1, 3):
        assert play(churn, name, kind, size, 0, steps=steps, rounds=BATCH) == (0, 0), "M6"


def test_execute_order__alone_ten_thousand_times__nothing_won_or_lost(churn):
    assert play(churn, "odd", "steep", 7 * WAD + 12_347, 0) == (0, 0), "M6"


@pytest.mark.parametrize("pattern", PATTERNS.values(), ids=PATTERNS)
@pytest.mark.parametrize("name", PRICES)
def test_execute_order__two_accounts_without_skew_scale__nothing_won_or_lost(churn, name, pattern):
    *parts, steps = pattern
    first, second = (part * PRICES[name][1] // 1_000 + 77 for part in parts)
    assert play(churn, name, "plain", first, second, steps=steps, rounds=BATCH) == (0, 0), "M6"


@pytest.mark.parametrize("pattern", PATTERNS.values(), ids=PATTERNS)
@pytest.mark.parametrize("name", PRICES)
def test_execute_order__two_accounts__at_most_eps_in_a_round(churn, name, pattern):
    *parts, steps = pattern
    first, second = (part * PRICES[name][1] // 1_000 + 77 for part in parts)
    gained, most = play(churn, name, "steep", first, second, steps=steps, rounds=BATCH)
    assert most <= eps(name, *[first, second] * steps), f"M6: {most} gained in a round"
    assert gained <= BATCH * most


def test_execute_order__two_accounts_ten_thousand_times__no_millionth_of_a_dollar(churn):
    """Roundings do not cancel: with a price of few digits and sizes that suit him, a trader wins a
    little every time. All of it would not pay for a thousandth of the gas of one round."""
    first, second = (part * PRICES["tiny"][1] // 1_000 + 77 for part in (7_000, 5_000))
    gained, most = play(churn, "tiny", "steep", first, second)
    assert 0 < most <= eps("tiny", first, second), f"M6: {most} gained in a round"
    assert 0 < gained <= WAD // 10**6, f"M6: {gained} gained in ten thousand rounds"
