"""Deployments for tests: of local parameters, and with a holder of its own for every role."""

from functools import partial
from pathlib import Path

import pytest
from ape_ethereum.trace import Trace

from prep.deploy.deployer import deploy
from prep.deploy.params import Parameters
from tests.suite import WAD

LOCAL = Path(__file__).parents[3] / "deployments" / "params" / "local.yml"
CHAIN = 31337
MADE_BY_OTHERS = ("Vault", "Deleverager", "OrderBook")


@pytest.fixture(autouse=True)
def quiet(monkeypatch):
    """Ape draws no call trees of reverts that are expected."""
    monkeypatch.setattr(Trace, "show", lambda *_, **__: None)


@pytest.fixture(scope="module")
def local():
    """Those of local networks."""
    return Parameters.load(LOCAL)


@pytest.fixture(scope="module")
def params(local):
    """Of them the first market, no credit accounts and nothing asset-backed."""
    changes = {"markets": local.markets[:1], "credit": None, "margin": None}
    return local.model_copy(update=changes)


@pytest.fixture(scope="module")
def deployer(crowd):
    """Deploys, and holds no role afterwards unless the parameters say so."""
    return crowd[0]


@pytest.fixture(scope="module")
def holders(admin, guardian, risk_manager, minter, treasury):
    """An account of its own for every role."""
    return {
        "admin": admin.address,
        "guardian": guardian.address,
        "risk_manager": risk_manager.address,
        "minter": minter.address,
        "treasury": treasury.address,
    }


@pytest.fixture(scope="module")
def separate(params, holders):
    """The same with a holder of its own for every role."""
    return params.model_copy(
        update={
            "roles": params.roles.model_copy(update=holders),
            "protocol_fee_rate": WAD // 10,
            "target_collateralization_ratio": 3 * WAD // 2,
            "deposit_cap": 1_000_000 * WAD,
            "cooldown_period": 3 * 86_400,
            "redeem_window": 86_400,
            "reserves_by_larger_side": True,
        }
    )


@pytest.fixture
def path(tmp_path):
    """Of the record."""
    return tmp_path / "deployments" / f"{CHAIN}.json"


@pytest.fixture(scope="module")
def deploy_at(project, deployer):
    """Deploys with a record there, and gives the contracts by their names in it."""

    def deploy_at(path, params, account=deployer):
        deployment = deploy(project, account, params, path)
        return {name: deployment.instance(project, name) for name in deployment.contracts}

    return deploy_at


@pytest.fixture(scope="module")
def deployed(deploy_at, separate, tmp_path_factory):
    """All contracts, every role held by another account."""
    return deploy_at(tmp_path_factory.mktemp("separate") / f"{CHAIN}.json", separate)


@pytest.fixture(scope="module")
def with_accounts(deploy_at, local, holders, tmp_path_factory):
    """All of the local parameters, every role held by another account."""
    roles = local.roles.model_copy(update=holders)
    path = tmp_path_factory.mktemp("accounts") / f"{CHAIN}.json"
    return deploy_at(path, local.model_copy(update={"roles": roles}))


@pytest.fixture
def run(deploy_at, path):
    """The same for one test."""
    return partial(deploy_at, path)
