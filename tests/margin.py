"""A margin client and markets of every kind, on contracts and in the model."""

from dataclasses import dataclass
from typing import NamedTuple

import pytest
from ape.contracts import ContractInstance

from prep.model import System
from prep.node import Node
from tests.suite import BTC, FULL, WAD, Suite, market_config, model_config

LIQUIDITY = 1_000_000 * WAD
FUNDS = 10**9 * WAD
PROTOCOL_FEE_RATE = WAD // 10
ACCOUNT = 7
MAX_SIZE = 10**30
MAX_PRICE = 10**36
MAX_COST = 10**37

_FULL = FULL | {"maxFundingVelocity": 9 * WAD}


class Kind(NamedTuple):
    """A market: its parameters, the decimals of its asset and dollars per whole unit."""

    config: dict
    decimals: int
    dollars: int

    @property
    def price(self) -> int:
        """WAD, per base unit."""
        return self.dollars * 10 ** (36 - self.decimals)


# By market id. The first, over a feed, is that of isolated positions too.
KINDS = (
    Kind(_FULL | {"skewScale": 12_000 * WAD}, 18, 10_000),
    Kind(BTC, 8, 10_000),
    Kind(_FULL | {"skewScale": 10_000 * 10**6}, 6, 2_000),
    Kind(_FULL | {"skewScale": 70_000 * WAD, "closingFeeRate": WAD // 300}, 18, 100),
)
ISOLATED, PLAIN, SIX, EIGHTEEN = range(4)
every_market = pytest.mark.parametrize(
    "market", range(4), ids=["isolated-18", "plain-8", "full-6", "full-18"]
)


@dataclass(frozen=True)
class Stage:
    """One deployment. `oracles` are those of the markets after the first."""

    suite: Suite
    client: ContractInstance
    oracles: tuple[ContractInstance, ...]
    node: Node
    model: System
    lp: str


def create_stage(create_suite, project, lp) -> Stage:
    """Markets of every kind, a vault with a million, and a registered client with money."""
    first = KINDS[ISOLATED]
    suite = create_suite(
        market=first.config, price=first.dollars, protocol_fee_rate=PROTOCOL_FEE_RATE
    )
    admin, protocol = suite.admin, suite.protocol
    client = admin.deploy(project.MarginClient, protocol, suite.prep)
    suite.authority.grantRole(suite.authority.MINTER(), client, 0, sender=admin)
    protocol.setMarginClient(client, True, sender=admin)
    client.fund(FUNDS, sender=admin)
    oracles = tuple(admin.deploy(project.MockOracle, kind.price) for kind in KINDS[1:])
    for oracle, kind in zip(oracles, KINDS[1:], strict=True):
        protocol.addMarket(market_config(oracle, kind.config), sender=suite.risk_manager)
    suite.provide(lp, LIQUIDITY)

    contracts = (protocol, suite.vault, suite.prep, suite.feed, suite.oracle, suite.lens)
    contracts += (suite.deleverager, client, oracles[0])
    node = Node(admin.provider.uri, *(contract.contract_type for contract in contracts))
    model = System(protocol_fee_rate=PROTOCOL_FEE_RATE)
    for market, kind in enumerate(KINDS):
        (state,) = node.read((suite.lens.address, "marketState(uint256)", market))
        model.now = state[6]
        model.add_market(model_config(kind.config))
        model.set_price(market, kind.price)
    model.set_margin_client(client.address, True)
    model.deposit(lp.address, LIQUIDITY)
    return Stage(suite, client, oracles, node, model, lp.address)
