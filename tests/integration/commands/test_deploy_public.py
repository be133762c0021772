"""`ape run deploy` on a public network."""

import json
import re

import pytest
from eth_account import Account

from tests.integration.commands.running import (
    PUBLIC,
    WAD,
    Run,
    anvil,
    client_of,
    edited,
)

PUBLIC_CHAIN = 11155111
PASSPHRASE = "correct horse"
KEY = "0x" + 32 * "17"


@pytest.fixture(scope="module")
def public_node():
    """A node with the chain id of a public network."""
    with anvil("--chain-id", str(PUBLIC_CHAIN)) as uri:
        yield uri


@pytest.fixture(scope="module")
def keyfile(tmp_path_factory):
    """Ape's data with an account "deployer" in it."""
    data = tmp_path_factory.mktemp("ape")
    (data / "accounts").mkdir()
    keystore = Account.encrypt(KEY, PASSPHRASE, kdf="pbkdf2", iterations=2)
    (data / "accounts" / "deployer.json").write_text(json.dumps(keystore))
    return data


@pytest.fixture
def run_public(run_alone, public_node, keyfile, folder):
    """`ape run deploy` on the public network with the account."""
    environment = {
        "APE_DATA_FOLDER": str(keyfile),
        "APE_ACCOUNTS_deployer_PASSPHRASE": PASSPHRASE,
    }

    def run_public(*arguments, alias="deployer") -> Run:
        account = ["--account", alias] if alias else []
        common = ["--network", public_node, "--folder", folder]
        return run_alone("deploy", *common, *account, *arguments, **environment)

    return run_public


def test_deploy__public_network__refuses_what_is_for_local_ones(run, run_public, folder):
    assert run_public(alias=None).error == (
        "this is not a local chain: name the account to use with --account"
    )
    assert run_public("--fresh").error == (
        "--fresh is for local chains: elsewhere remove the record by hand"
    )
    # The parameters of the network are found by its chain id.
    assert run_public().error == (
        "market BTC: there is no contract at its feed 0x1b44F3514812d835EB1BDB0acB33d3fA3351Ee43"
    )
    assert not folder.exists()


def test_deploy__unknown_network_without_parameters__one_line(run, keyfile, folder):
    with anvil("--chain-id", "7777") as uri:
        error = run("deploy", "--network", uri, "--folder", folder).error
    assert error == "there is no deployments/params/custom.yml for chain 7777: name one by --params"


def test_deploy__public_network__deploys_and_hands_over(
    run, run_public, public_node, folder, project, tmp_path
):
    client = client_of(public_node, project)
    holder = client.rpc("eth_accounts")[1]
    params = tmp_path / "public.yml"
    roles = ("admin", "guardian", "risk_manager", "minter", "treasury")
    holders = [(f"{role}: deployer", f"{role}: '{holder}'") for role in roles]
    params.write_text(edited(PUBLIC.read_text(), *holders))
    feed = "0x1b44F3514812d835EB1BDB0acB33d3fA3351Ee43"
    code = project.MockAggregator.contract_type.runtime_bytecode.bytecode
    # Immutable decimals are zeros in the compiled code, which the adapter reads once.
    client.rpc("anvil_setCode", feed, code)

    poor = Account.from_key(KEY).address
    result = run_public("--params", params)
    assert result.error == f"{poor} has no funds on chain {PUBLIC_CHAIN}"
    client.rpc("anvil_setBalance", poor, hex(10**16))
    # Enough for a few steps: the rest follows when there is more.
    error = run_public("--params", params).error
    assert re.match(r"[\w/]+: .*(funds|balance)", error), error
    assert 0 < int(client.rpc("eth_getTransactionCount", poor, "latest"), 16) < 10
    client.rpc("anvil_setBalance", poor, hex(10**18))

    result = run_public("--params", params)
    assert result.code == 0, result.err
    record = json.loads((folder / f"{PUBLIC_CHAIN}.json").read_text())
    assert record["deployer"] == poor
    assert "BTC/feed" not in record["contracts"]
    assert record["contracts"]["BTC/oracle"]["arguments"]["config"]["feed"] == feed
    assert list(record["steps"])[-2:] == ["grantRole ADMIN", "renounceRole ADMIN"]
    sent = int(client.rpc("eth_getTransactionCount", poor, "latest"), 16)
    assert sent == len(record["contracts"]) - 2 + len(record["steps"])
    vault = record["contracts"]["Vault"]["address"]
    limits = ("reservesByLargerSide()", "targetCollateralizationRatio()", "depositCap()")
    assert client.read(*((vault, name) for name in limits)) == [True, 3 * WAD // 2, 10**25]
    periods = ("cooldownPeriod()", "redeemWindow()")
    assert client.read(*((vault, name) for name in periods)) == [3 * 86_400, 7 * 86_400]

    # The feed has no answer: what needs none is shown all the same.
    status = run("status", "--network", public_node, "--folder", folder)
    assert status.code == 0, status.err
    assert "BTC has no usable price: RoundIncomplete(" in status.out
    assert status.table["Reserves (larger side)"] == "0 PREP"
    assert status.table["target"] == "1.5x"
    assert status.table["cap of deposits"] == "10,000,000 PREP"
    assert status.table["cooldown"] == "redeemable 259,200 s after a request, for 604,800 s"
    assert "Withdrawals" not in status.out
