"""Random walks of asset-backed positions over a real exchange, contracts and model side by side:
after every step they agree in events, refusals, hashes, money and lenders, and A1 to A7 hold."""

import pytest

from tests.margin_desk import MarginDesk
from tests.margin_suite import PREP, SIDES, create_margin_suite
from tests.stateful.margin_walk import MarginWalk


@pytest.fixture(scope="session")
def margin_venue(project, accounts):
    """The whole suite, with a stranger who can move every market, and PREP that can refuse people:
    the same storage under the code of a token that can."""
    suite = create_margin_suite(project, accounts)
    blocklist = project.BlocklistToken.contract_type
    code = blocklist.runtime_bytecode.bytecode
    suite.node.rpc("anvil_setCode", suite.tokens[PREP].address, code)
    suite.node.interface.learn(blocklist)
    for symbol in suite.tokens:
        suite.exchange.give(suite.admin, symbol, 2**120)
    return suite


@pytest.fixture(scope="session")
def traders(margin_venue, crowd):
    """Have tokens of all kinds, but the last one, and allow pools and vaults to take them."""
    traders = crowd[1:5]
    for who in traders:
        who.balance = 10**30
        for symbol in margin_venue.tokens:
            whole = 1 if who is traders[-1] and symbol != "WETH" else 10**10
            margin_venue.give(who, symbol, margin_venue.units(symbol, whole))
    return traders


@pytest.fixture
def desk(margin_venue, traders):
    desk = MarginDesk(margin_venue)
    desk.watch(*(who.address for who in traders))
    return desk


@pytest.mark.parametrize("side", SIDES)
@pytest.mark.parametrize("seed", range(2))
def test_walk__any_actions__contracts_and_model_agree(desk, traders, side, seed):
    walk = MarginWalk(desk, traders, desk.suite.sides[side], seed)
    walk.go(180)
    assert desk.seen["PositionOpened"] > 5
    assert desk.seen["PositionClosed"] > 3
    assert desk.seen["PositionLiquidated"] > 0
