"""`ape run deploy` and `ape run status` as their users run them, on nodes of their own."""

import json
import os
import re
import signal
import subprocess
import sys
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from threading import Thread

import pytest
from eth_account import Account

from prep.credit.actions import deposit, encode
from prep.node import Node
from tests.commands import Command

ROOT = Path(__file__).parents[2]
APE = Path(sys.executable).parent / "ape"
LOCAL = ROOT / "deployments" / "params" / "local.yml"
PUBLIC = ROOT / "deployments" / "params" / "sepolia.yml"
PUBLIC_CHAIN = 11155111
WAD = 10**18
PASSPHRASE = "correct horse"
KEY = "0x" + 32 * "17"
CONTRACTS = ("PrepToken", "Vault", "Protocol", "MockAggregator", "CreditManager")
ACTIONS = "(uint8,uint256,int256,uint256,bytes)"
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


@dataclass(frozen=True)
class Run:
    """What a command left behind."""

    code: int
    out: str
    err: str

    @property
    def table(self) -> dict[str, str]:
        """First cell to second, of all tables; the first of several, so that of markets the one of
        isolated trading."""
        rows = [[c.strip() for c in line.split("│")[1:-1]] for line in self.out.splitlines()]
        return {row[0]: row[1] for row in reversed(rows) if len(row) >= 2}

    @property
    def error(self) -> str:
        """The one line that tells what is wrong."""
        lines = [line for line in self.err.splitlines() if not line.startswith("deploy ")]
        assert self.code == 1, self.err
        assert len(lines) == 1, self.err
        return lines[0].removeprefix("Error: ")


@contextmanager
def _anvil(*options: str):
    """A node on a free loopback port, which ends with the block. Its address."""
    command = [APE.parent / "anvil", "--port", "0", "--accounts", "3", *options]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    try:
        for line in process.stdout:
            if found := re.match(r"Listening on (\S+)", line):
                # A pipe that nobody empties stops the node.
                Thread(target=process.stdout.read, daemon=True).start()
                yield f"http://{found[1]}"
                return
        raise AssertionError("anvil did not start")
    finally:
        process.terminate()
        process.wait(timeout=10)


@pytest.fixture(scope="module")
def node():
    """A local node that is kept."""
    with _anvil() as uri:
        yield uri


@pytest.fixture(scope="module")
def other_node():
    """Another one with the same chain id, on which nothing is deployed."""
    with _anvil() as uri:
        yield uri


@pytest.fixture
def folder(tmp_path):
    """Where records are written."""
    return tmp_path / "deployments"


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """Runs a command to its end, and sees that nothing of it is left."""
    folder, numbers = tmp_path_factory.mktemp("output"), count()

    def run(*arguments) -> Run:
        written = [folder / f"{next(numbers)}.{name}" for name in ("out", "err")]
        command = Command(arguments, *written, {"COLUMNS": "160"})
        code = command.wait(120)
        out, err = (path.read_text() for path in written)
        assert "Traceback" not in out + err
        assert command.pid not in _sessions()
        return Run(code, out, err)

    return run


@pytest.fixture(scope="module")
def run_alone():
    """The same, with nothing imported before: `run_alone(*arguments, VARIABLE=...)`."""

    def run(*arguments, **environment) -> Run:
        process = subprocess.Popen(
            [APE, "run", *map(str, arguments)],
            cwd=ROOT,
            env=os.environ | {"COLUMNS": "160"} | environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        out, err = process.communicate(timeout=120)
        assert "Traceback" not in out + err
        assert process.pid not in _sessions()
        return Run(process.returncode, out, err)

    return run


def _sessions() -> set[int]:
    """Those that have a process which has not ended."""
    listed = subprocess.run(
        ["ps", "-Ao", "sess=,stat="], capture_output=True, text=True, check=True
    )
    rows = [line.split() for line in listed.stdout.splitlines()]
    return {int(session) for session, state in rows if not state.startswith("Z")}


def _client(uri: str, project) -> Node:
    return Node(uri, *(project.get_contract(name).contract_type for name in CONTRACTS))


# ------------------------------------------------------------------------------------------- deploy


def test_deploy__kept_node__deploys_once_and_shows_all_addresses(run, node, folder, project):
    first = run("deploy", "--network", node, "--folder", folder)
    assert first.code == 0, first.err
    record = json.loads((folder / "31337.json").read_text())
    addresses = {name: contract["address"] for name, contract in record["contracts"].items()}
    assert tuple(addresses) == NAMES
    assert {name: first.table[name] for name in NAMES} == addresses
    assert record["temporary"] is False
    assert "This node ends" not in first.out
    client = _client(node, project)
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
    client = _client(node, project)
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


def _edit(text: str, *edits: tuple[str, str]) -> str:
    for old, new in edits:
        assert old in text
        text = text.replace(old, new)
    return text


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
    "command, network", [("deploy", "ethereum:local:node"), ("status", "http://127.0.0.1:1")]
)
def test_command__unreachable_node__one_line(run, folder, command, network):
    result = run(command, "--network", network, "--folder", folder)
    assert result.error.startswith(f"cannot connect to {network}: ")


def test_deploy__bad_parameters__names_file_field_and_reason(run, folder, tmp_path):
    path = tmp_path / "mine.yml"
    path.write_text(_edit(LOCAL.read_text(), ("borrow_rate: 0.15", "borrow_rate: 15")))
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


# ------------------------------------------------------------------------------------------- public


@pytest.fixture(scope="module")
def public_node():
    """A node with the chain id of a public network."""
    with _anvil("--chain-id", str(PUBLIC_CHAIN)) as uri:
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
    with _anvil("--chain-id", "7777") as uri:
        error = run("deploy", "--network", uri, "--folder", folder).error
    assert error == "there is no deployments/params/custom.yml for chain 7777: name one by --params"


def test_deploy__public_network__deploys_and_hands_over(
    run, run_public, public_node, folder, project, tmp_path
):
    client = _client(public_node, project)
    holder = client.rpc("eth_accounts")[1]
    params = tmp_path / "public.yml"
    roles = ("admin", "guardian", "risk_manager", "minter", "treasury")
    holders = [(f"{role}: deployer", f"{role}: '{holder}'") for role in roles]
    params.write_text(_edit(PUBLIC.read_text(), *holders))
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


# ------------------------------------------------------------------------------------------- status


@pytest.fixture(scope="module")
def market(run, tmp_path_factory, project):
    """A deployment with an LP and two traders: folder, node address, client, contracts."""
    folder = tmp_path_factory.mktemp("market")
    with _anvil("--block-base-fee-per-gas", "0") as uri:
        assert run("deploy", "--network", uri, "--folder", folder).code == 0
        client = _client(uri, project)
        record = json.loads((folder / "31337.json").read_text())
        address = {name: c["address"] for name, c in record["contracts"].items()}
        deployer, first, second = client.rpc("eth_accounts")

        def send(sender, name, signature, *arguments):
            assert client.send(sender, address[name], signature, *arguments)[0], signature

        for account in (deployer, first, second):
            send(deployer, "PrepToken", "mint(address,uint256)", account, 1_000_000 * WAD)
            for spender in ("Protocol", "Vault"):
                send(account, "PrepToken", "approve(address,uint256)", address[spender], 10**30)
        send(deployer, "Vault", "deposit(uint256)", 500_000 * WAD)
        for account, notional, is_long in ((first, 15_000, True), (second, 6_000, False)):
            send(account, "Protocol", "depositCollateral(uint256)", 1_000 * WAD)
            open_ = "openPositionWithSize(uint256,bool)"
            send(account, "Protocol", open_, notional * WAD, is_long)
        yield folder, uri, client, send, (first, second)


def test_status__open_positions__shows_them_exactly(run, market):
    folder, uri, _, send, (first, second) = market
    send(first, "BTC/feed", "setAnswer(int256)", 9_600 * 10**8)
    send(second, "BTC/feed", "setAnswer(int256)", 960_012_345_678)
    result = run("status", "--network", uri, "--folder", folder)
    assert result.code == 0, result.err
    table = result.table
    assert table["Price"] == "9,600.12345678"
    assert table["Trading"] == "open"
    assert table["Long"] == "1.5 BTC, entered for 15,000 PREP"
    assert table["Short"] == "0.6 BTC, entered for 6,000 PREP"
    assert table["Skew"] == "0.9 BTC"
    assert table["Funding rate"] == "0 % a day"
    assert table["from the price"] == "-359.888888898 PREP"
    assert table["Liquidity"] == "500,000 PREP"
    assert table["Custody"] == "502,000 PREP"
    assert table["traders' collateral, gifts"] == "2,000 PREP"
    assert table["Lower value (withdrawals)"] == "500,000 PREP"
    assert table["Share price to leave"] == "1 PREP"
    assert (table["Collateralization ratio"], table["target"]) == ("∞", "none")
    assert table["cap of deposits"] == "unlimited"
    assert table["cooldown"] == "none"
    # 15 % of 9,000 and what the traders have lost.
    assert table["Reserves (difference of the sides)"] == "990.111111102 PREP"
    assert table["Utilisation by reserves"] == "0.19… %"
    rows = [line for line in result.out.splitlines() if "0x" in line]
    assert [first.lower() in rows[0].lower(), second.lower() in rows[1].lower()] == [True, True]
    assert "liquidatable" in rows[0]
    assert "liquidatable" not in rows[1]
    assert "Riskiest positions: 2 of 2 open, 1 liquidatable" in result.out


@pytest.mark.parametrize("top, shown", [(0, 0), (1, 1)])
def test_status__top__limits_the_positions(run, market, top, shown):
    folder, uri, *_ = market
    result = run("status", "--network", uri, "--folder", folder, "--top", top)
    assert f"Riskiest positions: {shown} of 2 open" in result.out
    assert len([line for line in result.out.splitlines() if "0x" in line]) == shown


def test_status__stale_price__says_so_and_shows_what_needs_none(run, market):
    folder, uri, client, *_ = market
    snapshot = client.rpc("evm_snapshot")
    client.rpc("evm_increaseTime", 7_300)
    client.mine()
    result = run("status", "--network", uri, "--folder", folder)
    client.undo(snapshot)
    assert result.code == 0, result.err
    assert re.search(
        r"^BTC has no usable price: AnswerStale\(updatedAt=\d+, heartbeat=7200\)$",
        result.out,
        re.MULTILINE,
    )
    table = result.table
    assert table["Price"] == "no price"
    assert table["Long"] == "1.5 BTC, entered for 15,000 PREP"
    assert table["Liquidity"] == "500,000 PREP"
    assert table["Custody"] == "502,000 PREP"
    assert table["Value, share price, reserves"] == "no price"
    assert (table["Collateralization ratio"], table["target"]) == ("no price", "none")
    assert table["Open"] == "2; leverage needs a price"


def test_status__stopped_withdrawals__says_so_until_they_go_on(run, market):
    folder, uri, client, send, _ = market
    deployer = client.rpc("eth_accounts")[0]
    says = "Withdrawals from the vault are stopped until the admin resumes them."
    for function, stopped in (("stopWithdrawals()", True), ("resumeWithdrawals()", False)):
        send(deployer, "Vault", function)
        result = run("status", "--network", uri, "--folder", folder)
        assert (says in result.out.splitlines()) is stopped


def test_status__account__shows_it_and_refuses_unknown_ones(run, market):
    folder, uri, client, send, (owner, _) = market
    where = ("status", "--network", uri, "--folder", folder, "--account")
    assert run(*where, 1).error == "there is no credit account 1: there is none yet"
    snapshot = client.rpc("evm_snapshot")
    manager = json.loads((folder / "31337.json").read_text())["contracts"]["CreditManager"]
    send(owner, "PrepToken", "approve(address,uint256)", manager["address"], 10**30)
    send(owner, "CreditManager", "open(address)", owner)
    # No price is asked for where there is nothing but PREP.
    paid_in = encode([deposit(0, 1_000 * WAD)])
    send(owner, "CreditManager", f"execute(uint256,{ACTIONS}[])", 1, paid_in)
    result = run(*where, 1)
    client.undo(snapshot)
    assert result.code == 0, result.err
    assert result.table["Owner"].lower() == owner.lower()
    assert result.table["PREP"] == "1,000"
    assert result.table["Collateral, weighted"] == "1,000"
    assert run(*where, "one").code == 2


def test_status__negative_top__usage_error(run):
    result = run("status", "--top", "-1")
    assert result.code == 2
    assert "Invalid value for '--top'" in result.err
