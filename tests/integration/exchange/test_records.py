"""Compiled contracts in a deployment's record: made once, and known again from it."""

import json

import pytest

from prep.deploy.begin import begin
from prep.deploy.params import Parameters
from prep.deploy.record import Deployment
from prep.deploy.steps import Steps
from prep.deploy.transactions import Transactions
from prep.errors import UserError
from prep.exchange.contracts import CREATED, deploy
from tests.integration.deploy.conftest import CHAIN, LOCAL

NAMES = ["Uniswap/factory", "Uniswap/positions", "Uniswap/router", "Uniswap/quoter"]


class Crash(BaseException):
    """Nothing of the program survives it."""


@pytest.fixture
def path(tmp_path):
    return tmp_path / f"{CHAIN}.json"


@pytest.fixture
def run(project, admin, path):
    """Deploys wrapped ether and the exchange, or goes on with it."""

    def run():
        record = begin(project, admin, Parameters.load(LOCAL), path)
        steps = Steps(project, admin, record, path, lambda _: None)
        contracts = deploy(steps.create, steps.create("WETH/token", "MockWETH").address)
        return contracts, record

    return run


def test_create__artifacts__record_tells_how_to_call_them(run, path, project):
    contracts, _ = run()
    raw = json.loads(path.read_text())["contracts"]
    weth = raw["WETH/token"]["address"]
    assert list(raw) == ["WETH/token", *NAMES]
    assert [raw[name]["source"] for name in NAMES] == list(CREATED)
    assert raw["Uniswap/router"]["name"] == "SwapRouter"
    assert raw["Uniswap/router"]["arguments"] == {"_factory": contracts.factory, "_WETH9": weth}
    record = Deployment.read(path)
    for name in ("positions", "router", "quoter"):
        instance = record.instance(project, f"Uniswap/{name}")
        assert instance.address == getattr(contracts, name)
        assert (instance.factory(), instance.WETH9()) == (contracts.factory, weth)
    assert record.instance(project, "Uniswap/factory").feeAmountTickSpacing(3_000) == 60
    assert record.instance(project, "WETH/token").symbol() == "WETH"


def test_create__artifact_gone_afterwards__says_which(run, path, project):
    run()
    record = Deployment.read(path)
    router = record.contracts["Uniswap/router"]
    router.source = router.source.replace("v3-periphery", "gone")
    with pytest.raises(UserError, match=r"gone/.*SwapRouter\.json is missing: run `make setup`$"):
        record.instance(project, "Uniswap/router")


@pytest.mark.parametrize("point", ["_sign", "_send", "_wait"])
def test_create__crash_after_every_transaction__makes_nothing_twice(
    run, path, admin, monkeypatch, isolated, point
):
    with isolated():
        nonce = admin.nonce
        expected, _ = run()
        transactions = admin.nonce - nonce
    path.unlink()
    original, crashed = getattr(Transactions, point), set()

    def crashing(transactions, step, *arguments):
        result = original(transactions, step, *arguments)
        name = getattr(step, "step", step)
        if name not in crashed:
            crashed.add(name)
            raise Crash
        return result

    monkeypatch.setattr(Transactions, point, crashing)
    nonce, contracts = admin.nonce, None
    while contracts is None:
        try:
            contracts, _ = run()
        except Crash:
            continue
    assert crashed == {"WETH/token", *NAMES}
    assert contracts == expected
    assert admin.nonce - nonce == transactions == 1 + len(CREATED)
