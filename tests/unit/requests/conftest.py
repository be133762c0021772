"""A market with two-step execution, with liquidity and two traders who have collateral."""

import pytest

from tests.suite import BTC, UNLIMITED, WAD
from tests.two_step import TwoStep
from tests.unit.requests.roles import COLLATERAL, DELAY, OTHER, TRADER

FUNDS = 10_000_000 * WAD
LIQUIDITY = 1_000_000 * WAD
MARKET = BTC | {
    "minExecutionDelay": DELAY,
    "skewScale": 12_000 * WAD,
    "openingFeeRate": WAD // 1000,
}


@pytest.fixture(scope="session")
def two_step_suite(create_suite):
    return create_suite(market=MARKET)


@pytest.fixture(scope="session")
def actors(two_step_suite, trader, other_trader, stranger, liquidator, lp):
    """With PREP that protocol, vault and requests may take. In the order of the roles."""
    suite, approve = two_step_suite, "approve(address,uint256)"
    actors = trader, other_trader, stranger, liquidator, lp
    for account in actors:
        suite.give(account, FUNDS)
        suite.send(account, suite.prep, approve, suite.requests.address, UNLIMITED)
    return [account.address for account in actors]


@pytest.fixture
def desk(two_step_suite, actors, clock):
    """Contracts and model, compared once more at the end."""
    desk = TwoStep(two_step_suite, actors)
    desk.provide(LIQUIDITY)
    for trader in (TRADER, OTHER):
        desk.deposit(trader, COLLATERAL)
    yield desk
    desk.check()
