"""Keepers, and positions for them."""

import pytest
from web3._utils.http_session_manager import HTTPSessionManager

from prep.keeper import Keeper, Settings
from tests.integration.keeper.margin_stage import Stage
from tests.integration.keeper.stage import COLLATERAL, LIQUIDITY, NOTIONAL
from tests.margin_suite import create_margin_suite
from tests.suite import FULL, WAD


@pytest.fixture
def create_keeper(suite, liquidator):
    """A keeper that sends: `create_keeper(account=..., execute=..., **settings)`."""

    def create(
        account=liquidator, execute=True, deployment=suite, stop=None, deleverage=None, **wanted
    ):
        protocol, lens = deployment.protocol, deployment.lens
        return Keeper(protocol, lens, account, Settings(**wanted), execute, stop, deleverage)

    return create


@pytest.fixture
def keeper(create_keeper):
    """Liquidates with the default settings."""
    return create_keeper()


@pytest.fixture(scope="module")
def suite(create_suite):
    """Of one file alone: its positions stay."""
    return create_suite()


@pytest.fixture(scope="module")
def longs(suite, lp, crowd):
    """Five longs of 1.5 bitcoin, ids 1 to 5: above 30x below a price of 9,666.67."""
    suite.provide(lp, LIQUIDITY)
    return [suite.open(account, COLLATERAL, NOTIONAL, True) for account in crowd[:5]]


@pytest.fixture(scope="module")
def deployments(create_suite, suite, longs, lp, crowd):
    """The plain market with its longs, and the one with everything on with three of 13.5x."""
    full_suite = create_suite(market=FULL, protocol_fee_rate=WAD // 10)
    full_suite.provide(lp, LIQUIDITY)
    for account in crowd[:3]:
        full_suite.open(account, COLLATERAL, 13_500 * WAD, True)
    return {"plain": suite, "full": full_suite}


@pytest.fixture
def requests_sent(monkeypatch):
    """How many HTTP requests have been sent, from whichever part of the process."""
    sent = []
    original = HTTPSessionManager.make_post_request

    def count(self, *arguments, **options):
        sent.append(arguments)
        return original(self, *arguments, **options)

    monkeypatch.setattr(HTTPSessionManager, "make_post_request", count)
    return sent


@pytest.fixture(scope="module")
def margin(project, accounts):
    """Asset-backed positions over a real exchange. Of one file alone."""
    return create_margin_suite(project, accounts)


@pytest.fixture
def stage(project, margin, tmp_path):
    """A clerk for them, and what it is told."""
    return Stage(project, margin, tmp_path)


@pytest.fixture(params=("long", "short"))
def side(request, margin):
    """Of the two pools, one after the other."""
    return margin.sides[request.param]
