"""A deployment that is interrupted anywhere makes the same transactions as one that is not."""

import json
from pathlib import Path

import pytest
from requests.exceptions import ConnectionError as RequestConnectionError

from prep.deploy.credit import config_struct
from prep.deploy.deployer import deploy
from prep.deploy.params import Parameters
from prep.deploy.record import Deployment
from prep.deploy.transactions import Transactions
from prep.errors import UserError

LOCAL = Path(__file__).parents[2] / "deployments" / "params" / "local.yml"
CHAIN = 31337
MADE_BY_OTHERS = ("Vault", "Deleverager", "OrderBook")
EVERYTHING = "everything"
of_everything = pytest.mark.parametrize("params", [EVERYTHING], indirect=True)


class Crash(BaseException):
    """Nothing of the program survives it, like a kill or a power cut."""


@pytest.fixture(scope="module")
def deployer(crowd):
    """Deploys."""
    return crowd[0]


@pytest.fixture(scope="module")
def params(request, admin, guardian, risk_manager):
    """Nothing as it is by default, and an admin who does not deploy. `of_everything`: all steps
    that there are. To others it does not matter which steps come before and after the one that they
    disturb: there are no accounts, and nothing asset-backed."""
    local = Parameters.load(LOCAL)
    holders = {"admin": admin.address, "guardian": guardian.address}
    holders |= {"risk_manager": risk_manager.address}
    roles = local.roles.model_copy(update=holders)
    changes = {"roles": roles, "protocol_fee_rate": 10**17}
    changes |= {"target_collateralization_ratio": 2 * 10**18, "deposit_cap": 10**24}
    changes |= {"cooldown_period": 3_600, "redeem_window": 0}
    if getattr(request, "param", None) != EVERYTHING:
        changes |= {"credit": None, "margin": None}
    return local.model_copy(update=changes)


@pytest.fixture
def path(tmp_path):
    """Of the record."""
    return tmp_path / f"{CHAIN}.json"


@pytest.fixture
def run(project, deployer, params, path):
    """Deploys, or goes on."""
    return lambda progress=None: deploy(project, deployer, params, path, progress)


@pytest.fixture(scope="module")
def expected(project, deployer, params, stranger, isolated, tmp_path_factory):
    """What an undisturbed deployment makes: its outcome, and how often the nonce is used."""
    with isolated():
        before = deployer.nonce
        deployment = deploy(project, deployer, params, tmp_path_factory.mktemp("whole") / "1.json")
        return _outcome(deployment), deployer.nonce - before


def _outcome(deployment: Deployment) -> tuple:
    """Without times."""
    contracts = {name: (c.name, c.address, c.arguments) for name, c in deployment.contracts.items()}
    return contracts, list(deployment.steps), deployment.pending


# --------------------------------------------------------------------------------- crash everywhere


def _step(_, step, *__):
    return step


def _pending_step(_, pending):
    return pending.step


def _written(record, _):
    """Tells what is being written from all that was written before."""
    return len(record.contracts), len(record.steps), record.pending and record.pending.step


POINTS = {
    "signed": (Transactions, "_sign", "after", _step),
    "recorded": (Transactions, "_send", "before", _pending_step),
    "sent": (Transactions, "_send", "after", _pending_step),
    "mined": (Transactions, "_wait", "after", _pending_step),
    "writing": (Deployment, "save", "before", _written),
    "written": (Deployment, "save", "after", _written),
}


@of_everything
@pytest.mark.parametrize("point", POINTS)
def test_deploy__crash_at_every_step__makes_nothing_twice(
    run, expected, deployer, path, project, monkeypatch, point
):
    owner, name, moment, where = POINTS[point]
    original, crashed = getattr(owner, name), set()

    def crash(place):
        if place not in crashed:
            crashed.add(place)
            raise Crash

    def crashing(self, *arguments):
        place = where(self, *arguments)
        if moment == "before":
            crash(place)
        result = original(self, *arguments)
        if moment == "after":
            crash(place)
        return result

    monkeypatch.setattr(owner, name, crashing)
    (contracts, steps, pending), transactions = expected
    nonce, crashes, deployment = deployer.nonce, 0, None
    while deployment is None:
        try:
            deployment = run()
        except Crash:
            crashes += 1
            if path.exists():
                json.loads(path.read_text())  # never half a file

    made = len(contracts) - len(MADE_BY_OTHERS)
    assert crashes == len(crashed) >= transactions == made + len(steps)
    assert _outcome(deployment) == (contracts, steps, pending)
    assert deployer.nonce - nonce == transactions
    assert Deployment.load(CHAIN, path.parent) == deployment
    assert deployment.instance(project, "Protocol").marketCount() == 2
    assert deployment.instance(project, "CreditManager").assetCount() == 4
    vault = deployment.instance(project, "Vault")
    assert (vault.targetCollateralizationRatio(), vault.depositCap()) == (2 * 10**18, 10**24)
    assert (vault.cooldownPeriod(), vault.redeemWindow()) == (3_600, 0)


# ------------------------------------------------------------------------------ what may be pending


@pytest.fixture
def stop(run, monkeypatch):
    """Runs until this step's transaction is recorded, and no further: it is not sent."""

    def stop(step: str) -> None:
        original = Transactions._send

        def send(self, pending):
            if pending.step == step:
                raise Crash
            original(self, pending)

        with monkeypatch.context() as patch:
            patch.setattr(Transactions, "_send", send)
            with pytest.raises(Crash):
                run()

    return stop


@pytest.fixture
def refused(run, deployer):
    """Expects a refusal with these words, and no transaction."""

    def refused(*words):
        nonce = deployer.nonce
        with pytest.raises(UserError) as raised:
            run()
        message = raised.value.format_message()
        assert all(word in message for word in words), message
        assert "\n" not in message
        assert deployer.nonce == nonce

    return refused


@pytest.fixture
def mend(path):
    """Puts this transaction's hash into the record's pending one, as the refusal says."""

    def mend(transaction):
        raw = json.loads(path.read_text())
        raw["pending"] = transaction and raw["pending"] | {"transaction": transaction}
        path.write_text(json.dumps(raw))

    return mend


@pytest.mark.parametrize(
    "step",
    [
        "Authority",
        "Protocol",
        "setDepositCap",
        "addMarket BTC",
        "setTargetFunctionRole GUARDIAN Vault",
        "grantRole GUARDIAN",
    ],
)
def test_deploy__nonce_used_for_something_else__makes_a_new_transaction(
    run, stop, expected, deployer, stranger, step
):
    nonce = deployer.nonce
    stop(step)
    deployer.transfer(stranger, 1)
    contracts, steps, pending = _outcome(run())
    assert (list(contracts), steps, pending) == (list(expected[0][0]), expected[0][1], None)
    assert deployer.nonce - nonce == expected[1] + 1


def test_deploy__replaced_by_another_contract__asks_the_owner(
    run, stop, refused, mend, expected, deployer, project, path
):
    nonce = deployer.nonce
    stop("PrepToken")
    pending = Deployment.read(path).pending
    token = deployer.deploy(project.PrepToken, Deployment.read(path).address("Authority"), 1, 2)
    assert token.address == pending.creates
    words = f"nonce {pending.nonce} was mined instead of {pending.transaction} and made a contract"
    for _ in range(2):
        refused("PrepToken: ", words, f"put its hash into pending.transaction of {path}")
    # Ape would look for it in old states, which the node does not keep.
    block = deployer.provider.make_request("eth_getBlockByNumber", ["latest", False])
    mend(block["transactions"][0])
    assert run().address("PrepToken") == token.address
    assert deployer.nonce - nonce == expected[1]


def test_deploy__market_added_by_a_replacement__asks_the_owner(
    run, stop, refused, mend, expected, deployer, project, params, path
):
    nonce = deployer.nonce
    stop("addMarket BTC")
    record = Deployment.read(path)
    protocol = record.instance(project, "Protocol")
    config = params.markets[0].config_struct(record.address("BTC/oracle"))
    receipt = protocol.addMarket(config, sender=deployer)
    for _ in range(2):
        refused("addMarket BTC: there are 1 before it, not 0; if it was sent to replace the")
    mend(receipt.txn_hash)
    assert run().steps["addMarket BTC"].transaction == receipt.txn_hash
    assert protocol.marketCount() == 2
    assert deployer.nonce - nonce == expected[1]


@of_everything
def test_deploy__asset_added_by_a_replacement__asks_the_owner(
    run, stop, refused, mend, expected, deployer, project, params, path
):
    nonce = deployer.nonce
    stop("addAsset WBTC")
    record = Deployment.read(path)
    manager = record.instance(project, "CreditManager")
    names = ("WBTC/token", "WBTC/oracle", "WBTC/lending")
    config = config_struct(params.credit.assets[-1], *map(record.address, names))
    receipt = manager.addAsset(config, sender=deployer)
    refused("addAsset WBTC: there are 4 before it, not 3; if it was sent to replace the")
    mend(receipt.txn_hash)
    assert run().steps["addAsset WBTC"].transaction == receipt.txn_hash
    assert manager.assetCount() == 4
    assert deployer.nonce - nonce == expected[1]


def test_deploy__not_mined_in_time__waits_on_for_the_same(
    run, refused, expected, deployer, path, chain, monkeypatch
):
    nonce = deployer.nonce
    timeout = "transaction_acceptance_timeout"
    monkeypatch.setattr(type(chain.provider.network), timeout, 1)
    chain.provider.auto_mine = False
    try:
        refused("Authority: transaction 0x", f"with nonce {nonce} is not mined yet; run this again")
        pending = Deployment.read(path).pending
        refused(pending.transaction)
        assert Deployment.read(path).pending == pending
    finally:
        chain.provider.auto_mine = True
    chain.mine()
    assert run().contract("Authority").transaction == pending.transaction
    assert deployer.nonce - nonce == expected[1]


def test_deploy__nonce_taken_in_the_nodes_queue__refused_and_forgotten(
    run, refused, expected, deployer, stranger, path, chain
):
    nonce = deployer.nonce
    chain.provider.auto_mine = False
    try:
        fees = {"max_fee": 10**10, "max_priority_fee": 10**10, "gas_limit": 21_000}
        deployer.transfer(stranger, 1, **fees)
        refused("Authority: the node refuses it: ")
        assert Deployment.read(path).pending is None
    finally:
        chain.provider.auto_mine = True
    chain.mine()
    run()
    assert deployer.nonce - nonce == expected[1] + 1


def test_deploy__node_gone_while_sending__sent_only_once(
    run, refused, expected, deployer, path, chain, monkeypatch
):
    nonce = deployer.nonce
    provider, request = type(chain.provider), type(chain.provider).make_request

    def lost(self, rpc, parameters=None):
        answer = request(self, rpc, parameters)
        if rpc == "eth_sendRawTransaction":
            raise RequestConnectionError("Remote end closed connection without response")
        return answer

    with monkeypatch.context() as patch:
        patch.setattr(provider, "make_request", lost)
        with pytest.raises(UserError) as raised:
            run()
    words = "Authority: Remote end closed connection without response"
    assert raised.value.format_message() == words
    assert Deployment.read(path).pending.step == "Authority"
    run()
    assert deployer.nonce - nonce == expected[1]


def test_deploy__node_that_is_behind__no_nonce_used_twice(run, expected, deployer, monkeypatch):
    """Of several behind one address one may not have heard of the last transaction yet."""
    nonce, provider = deployer.nonce, type(deployer.provider)
    known = provider.get_nonce

    def behind(self, *arguments, **options):
        return max(nonce, known(self, *arguments, **options) - 1)

    with monkeypatch.context() as patch:
        patch.setattr(provider, "get_nonce", behind)
        outcome = _outcome(run())
    assert outcome == expected[0]
    assert deployer.nonce - nonce == expected[1]


def test_deploy__reverted_on_the_chain__says_so_and_can_be_repeated(
    run, expected, deployer, path, monkeypatch
):
    nonce, estimate = deployer.nonce, Transactions._estimate

    def too_little(self, step, transaction):
        return 2_000_000 if step == "Protocol" else estimate(self, step, transaction)

    with monkeypatch.context() as patch:
        patch.setattr(Transactions, "_estimate", too_little)
        with pytest.raises(UserError, match=r"^Protocol: transaction 0x\w{64} reverted$"):
            run()
    assert Deployment.read(path).pending is None
    assert "Protocol" not in Deployment.read(path).contracts
    run()
    assert deployer.nonce - nonce == expected[1] + 1


def test_deploy__would_revert__names_the_error_and_sends_nothing(
    stop, refused, mend, deployer, project, path
):
    stop("setTreasury")
    mend(None)
    authority = Deployment.read(path).instance(project, "Authority")
    authority.renounceRole(0, deployer, sender=deployer)
    refused(f"setTreasury: AccessManagedUnauthorized(caller={deployer.address.lower()})")


def test_deploy__pending_out_of_order__refused(stop, refused, path):
    stop("Protocol")
    raw = json.loads(path.read_text())
    raw["pending"]["step"] = "grantRole MINTER"
    path.write_text(json.dumps(raw))
    refused(f"{path} is wrong: grantRole MINTER is pending before Protocol")


def test_deploy__progress__tells_every_step_once(run, expected, path):
    told = []
    run(told.append)
    created = [f"deploy {name}" for name in expected[0][0] if name not in MADE_BY_OTHERS]
    assert told == [*created, *expected[0][1]]
