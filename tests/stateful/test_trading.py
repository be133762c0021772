"""Any sequence of actions over protocol, deleverager, vault, oracles and time, on three markets:
contracts and model agree to the last digit after every step, in state, events and errors, and the
invariants hold (M1, M2, M3, P1 to P6, V1 to V6, R1, R2, R6, R8)."""

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import run_state_machine_as_test

from prep.node import Node
from tests.stateful.isolated import IsolatedRules
from tests.stateful.liquidity import LiquidityRules
from tests.stateful.machine import FUNDS
from tests.stateful.margin import MarginRules
from tests.stateful.oracle import OracleRules
from tests.suite import BTC, FULL, WAD, market_config


class Trading(IsolatedRules, MarginRules, LiquidityRules, OracleRules):
    """All of it."""


# The second is steep, so that its skew scale is felt; both have caps that prices reach.
OTHER_MARKETS = [
    BTC | {"maxLongOIValue": 700_000 * WAD},
    FULL | {"skewScale": 500 * WAD, "maxShortOIValue": 700_000 * WAD},
]


@pytest.mark.parametrize(
    ("market", "rate", "by_larger_side"),
    [(BTC, 0, False), (FULL, WAD // 10, True)],
    ids=["btc", "full"],
)
def test_trading__any_sequence__contracts_and_model_agree(
    market, rate, by_larger_side, create_suite, project, crowd, treasury, chain
):
    suite = create_suite(market=market, protocol_fee_rate=rate, by_larger_side=by_larger_side)
    suite.protocol.setTreasury(treasury, sender=suite.admin)
    actors = crowd[:5]
    for actor in actors:
        suite.give(actor, FUNDS)
    margin_client = suite.admin.deploy(project.MarginClient, suite.protocol, suite.prep)
    suite.protocol.setMarginClient(margin_client, True, sender=suite.admin)
    suite.prep.mint(margin_client, 10**9 * FUNDS, sender=suite.admin)
    others = []
    for config in OTHER_MARKETS:
        others.append(suite.admin.deploy(project.MockOracle, 10_000 * WAD))
        suite.protocol.addMarket(market_config(others[-1], config), sender=suite.risk_manager)
    names = ("Protocol", "Vault", "PrepToken", "ProtocolLens", "ChainlinkOracle", "MockAggregator")
    names += ("Deleverager", "MarginClient", "MockOracle")
    types = [getattr(project, name).contract_type for name in names]
    connection = Node(chain.provider.uri, *types)
    names = [actor.address for actor in actors]
    trusted = suite.admin, suite.risk_manager, suite.guardian, suite.requests
    for name in [*names, *(a.address for a in trusted)]:
        connection.rpc("anvil_impersonateAccount", name)
    machine_rate = rate

    class Machine(Trading):
        node = connection
        actors = names
        rate = machine_rate
        client = margin_client.address
        oracles = others
        configs = OTHER_MARKETS

    Machine.suite = suite
    run_state_machine_as_test(
        Machine,
        settings=settings(
            max_examples=25,
            stateful_step_count=50,
            deadline=None,
            suppress_health_check=list(HealthCheck),
            print_blob=True,
            # A failing sequence is short enough to read; making it shorter takes minutes.
            phases=(Phase.explicit, Phase.reuse, Phase.generate),
        ),
    )
