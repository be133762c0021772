"""`ape run deploy`: what it deploys where, and what stops it or `status` with one line."""

import json
import signal
import subprocess

import pytest

from tests.integration.commands.running import (
    APE,
    LOCAL,
    PUBLIC,
    ROOT,
    client_of,
    edited,
)

NAMES = (
    "Authority",
    "PrepToken",
    "BTC/feed",
    "BTC/oracle",
    "ETH/feed",
    "ETH/oracle",
    "TradeRequests",
    "Protocol",
    "Vault",
    "Deleverager",
    "ProtocolLens",
    "SHARES/oracle",
    "CreditManager",
    "OrderBook",
    "WETH/token",
    "WETH/feed",
    "WETH/oracle",
    "WBTC/token",
    "WBTC/feed",
    "WBTC/oracle",
    "PREP/lending",
    "WETH/lending",
    "WBTC/lending",
    "Uniswap/factory",
    "Uniswap/positions",
    "Uniswap/router",
    "Uniswap/quoter",
    "DebtController",
    "LongPool",
    "ShortPool",
)
MADE_BY_OTHERS = ("Vault", "Deleverager", "OrderBook")


def test_deploy__kept_node__deploys_once_and_shows_all_addresses(run, node, folder, project):
    first = run("deploy", "--network", node, "--folder", folder)
    assert first.code == 0, first.err
    record = json.loads((folder / "31337.json").read_text())
    addresses = {name: contract["address"] for name, contract in record["contracts"].items()}
    assert tuple(addresses) == NAMES
    assert {name: first.table[name] for name in NAMES} == addresses
    assert record["temporary"] is False
    assert "This node ends" not in first.out
    client = client_of(node, project)
    assert all(
        client.rpc("eth_getCode", address, "latest") != "0x" for address in addresses.values()
    )

    nonce = client.rpc("eth_getTransactionCount", record["deployer"], "latest")
    again = run("deploy", "--network", f"ethereum:local:{node}", "--folder", folder)
    assert (again.code, again.out) == (0, first.out)
    assert again.err == ""
    assert client.rpc("eth_getTransactionCount", record["deployer"], "latest") == nonce


def test_deploy__no_network__deploys_on_a_node_of_its_own_and_says_so(run, folder):
    for _ in range(2):  # the record of a node that is gone does not stand in the way
        result = run("deploy", "--folder", folder)
        assert result.code == 0, result.err
        assert set(NAMES) <= set(result.table)
        assert "This node ends with this command, and the deployment with it." in result.out
        assert "--network http://127.0.0.1:8545" in result.out
        assert json.loads((folder / "31337.json").read_text())["temporary"] is True
    status = run("status", "--folder", folder)
    assert "(its node ended with the command that deployed)" in status.error


def test_deploy__no_network_beside_a_kept_node__leaves_its_record(run, node, folder):
    assert run("deploy", "--network", node, "--folder", folder).code == 0
    before = (folder / "31337.json").read_text()
    error = run("deploy", "--folder", folder).error
    assert error.endswith(
        "is about a node of yours: name it with --network, or start over with --fresh"
    )
    assert "(this node is only for this command: name yours with --network)" in (
        run("status", "--folder", folder).error
    )
    assert (folder / "31337.json").read_text() == before


def test_deploy__restarted_node__refused_until_fresh(run, node, other_node, folder):
    assert run("deploy", "--network", node, "--folder", folder).code == 0
    error = run("deploy", "--network", other_node, "--folder", folder).error
    assert error == (
        "the recorded deployment is on another chain with id 31337 (was the node restarted?): "
        "there is no Authority on this one; --fresh starts over"
    )
    fresh = run("deploy", "--network", other_node, "--folder", folder, "--fresh")
    assert fresh.code == 0, fresh.err
    assert run("status", "--network", other_node, "--folder", folder).code == 0


def test_deploy__record_that_cannot_be_removed__one_line(run, node, folder):
    record = folder / "31337.json"
    record.mkdir(parents=True)
    error = run("deploy", "--network", node, "--folder", folder, "--fresh").error
    assert error.startswith(f"{record} cannot be removed: ")


def test_deploy__killed_in_the_middle__goes_on_where_it_stopped(run, node, folder, project):
    client = client_of(node, project)
    arguments = ["deploy", "--network", node, "--folder", folder, "--account", "TEST::1"]
    process = subprocess.Popen(
        [APE, "run", *map(str, arguments)],
        cwd=ROOT,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        for line in process.stderr:
            if line.startswith("deploy Protocol"):
                break
    finally:
        process.send_signal(signal.SIGKILL)
        process.wait(timeout=10)
        process.stderr.close()
    begun = json.loads((folder / "31337.json").read_text())
    assert begun["finishedAt"] is None
    assert "unfinished deployment" in run("status", "--network", node, "--folder", folder).error

    assert run(*arguments).code == 0
    record = json.loads((folder / "31337.json").read_text())
    assert begun["contracts"].items() <= record["contracts"].items()
    sent = int(client.rpc("eth_getTransactionCount", record["deployer"], "latest"), 16)
    assert sent == len(record["contracts"]) - len(MADE_BY_OTHERS) + len(record["steps"])


# -------------------------------------------------------------------------------------- user errors


@pytest.mark.parametrize(
    "arguments, error",
    [
        (["--params", "nowhere.yml"], "there is no parameters file nowhere.yml"),
        (["--account", "nobody"], "no account has the alias 'nobody': `ape accounts list` shows "),
        (["--account", "TEST::99"], "no test account TEST::99: there are TEST::0 to TEST::19"),
        (
            ["--params", str(PUBLIC)],
            "the parameters are for chain 11155111, but this is chain 31337",
        ),
    ],
)
def test_deploy__wrong_argument__one_line(run, node, folder, arguments, error):
    result = run("deploy", "--network", node, "--folder", folder, *arguments)
    assert result.error.startswith(error)
    assert not folder.exists()


@pytest.mark.parametrize(
    "command, network", [("deploy", "ethereum:local:nobody"), ("status", "http://127.0.0.1:1")]
)
def test_command__unreachable_node__one_line(run, folder, command, network):
    """A provider that Ape does not have, and an address where nobody is."""
    result = run(command, "--network", network, "--folder", folder)
    assert result.error.startswith(f"cannot connect to {network}: ")


def test_deploy__bad_parameters__names_file_field_and_reason(run, folder, tmp_path):
    path = tmp_path / "mine.yml"
    path.write_text(edited(LOCAL.read_text(), ("borrow_rate: 0.15", "borrow_rate: 15")))
    error = run("deploy", "--params", path, "--folder", folder).error
    assert error == f"{path}: markets[0].borrow_rate: 15 is outside 0 to 10"
    path.write_text("chain_id: [")
    assert run("deploy", "--params", path).error.startswith(f"{path}: line 1: ")


@pytest.mark.parametrize("command", ["deploy", "status"])
def test_command__broken_record__one_line(run, node, folder, command):
    folder.mkdir()
    (folder / "31337.json").write_text("{")
    error = run(command, "--network", node, "--folder", folder).error
    assert error.startswith(f"{folder}/31337.json is not a record of a deployment: Invalid JSON")


def test_status__nothing_deployed__one_line(run, node, folder):
    error = run("status", "--network", node, "--folder", folder).error
    assert error == f"nothing is deployed on chain 31337: {folder}/31337.json is missing"
