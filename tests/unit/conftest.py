"""Suites with liquidity and funded traders, at a time that stands still."""

import pytest

from tests import quick
from tests.desk import Desk
from tests.margin import create_stage
from tests.suite import FULL, WAD

LIQUIDITY = 1_000_000 * WAD
FUNDS = 10_000_000 * WAD

# Everything on that the engine knows, with an impact that is felt: a side may have 100 bitcoin, a
# million dollars, with a premium of 0.8 %.
EVERYTHING = FULL | {"skewScale": 12_000 * WAD, "maxFundingVelocity": 9 * WAD}


class Clock:
    """Block time, seconds."""

    def __init__(self, chain) -> None:
        self._node = quick.node_of(chain.provider)

    @property
    def now(self) -> int:
        return self._node.time()

    def advance(self, seconds: int) -> int:
        """Mines a block that much later: views and all blocks from then on have its time."""
        then = self.now + seconds
        self._node.rpc("evm_mine", then)
        return then


@pytest.fixture
def clock(chain, one_block):
    """Time stands still, so that amounts that grow with it are known to the unit."""
    return Clock(chain)


@pytest.fixture(scope="session")
def funded_suites(create_suite, lp, trader, other_trader):
    """One of each kind, with liquidity; two traders have PREP."""
    suites = create_suite(), create_suite(market=EVERYTHING, protocol_fee_rate=WAD // 10)
    for suite in suites:
        suite.provide(lp, LIQUIDITY)
        for account in (trader, other_trader):
            suite.give(account, FUNDS)
    return suites


@pytest.fixture
def btc(funded_suites, clock):
    """The BTC market with a million of liquidity."""
    return funded_suites[0]


@pytest.fixture
def full(funded_suites, clock):
    """The market with everything on, the protocol taking 10 % of fees, a million of liquidity."""
    return funded_suites[1]


@pytest.fixture(scope="session")
def stage(create_suite, project, lp):
    """A margin client and markets of every kind."""
    return create_stage(create_suite, project, lp)


@pytest.fixture
def desk(stage, clock):
    """Where the client trades, contracts and model side by side."""
    (round_,) = stage.node.read((stage.suite.feed.address, "latestRoundData()"))
    return Desk(stage, answered_at=round_[3])


@pytest.fixture
def other_client(stage, admin, project):
    """A second margin client, which calls the protocol itself: the node signs for it. It has no
    PREP, has allowed nothing and is not registered."""
    suite = stage.suite
    client = admin.deploy(project.MarginClient, suite.protocol, suite.prep)
    stage.node.rpc("anvil_impersonateAccount", client.address)
    for spender in (suite.protocol, suite.vault):
        suite.send(client, suite.prep, "approve(address,uint256)", spender.address, 0)
    yield client
    stage.node.rpc("anvil_stopImpersonatingAccount", client.address)
