"""`ape run keeper` as operators run it: a process of its own, and a node that comes and goes."""

import gzip
import runpy
import signal
import subprocess
from contextlib import ExitStack, contextmanager, nullcontext
from pathlib import Path

import pytest
from click.testing import CliRunner

from prep.credit.actions import deposit, encode, stop_loss, trade
from prep.deploy.deployer import deploy
from prep.deploy.params import Parameters
from prep.keeper.log import LOGGER
from prep.node import Node
from tests.processes import PATIENCE, listens, running, unused_port, wait_for
from tests.suite import UNLIMITED, WAD

ROOT = Path(__file__).parents[2]
QUOTES = ROOT / "deployments" / "quotes" / "local.yml"
COLLATERAL = 1_000 * WAD
NOTIONAL = 15_000 * WAD
EXECUTE = ("--execute", "--account", "TEST::8")


@pytest.fixture(scope="module")
def deployed(project, admin, lp, trader, other_trader, tmp_path_factory):
    """Contracts, their record, and two longs that are above 30x below a price of 9,666.67."""
    folder = tmp_path_factory.mktemp("deployments")
    params = Parameters.load(ROOT / "deployments" / "params" / "local.yml")
    record = deploy(project, admin, params, folder / "31337.json")
    contracts = {name: record.instance(project, name) for name in record.contracts}
    prep, protocol, vault = (contracts[name] for name in ("PrepToken", "Protocol", "Vault"))
    for account in (lp, trader, other_trader):
        prep.mint(account, 100_000 * WAD, sender=admin)
        for spender in (protocol, vault):
            prep.approve(spender, UNLIMITED, sender=account)
    vault.deposit(100_000 * WAD, sender=lp)
    for account in (trader, other_trader):
        protocol.depositCollateral(COLLATERAL, sender=account)
        protocol.openPositionWithSize(NOTIONAL, True, sender=account)
    return folder, contracts


@pytest.fixture(scope="module")
def state(deployed, chain, tmp_path_factory):
    """The chain as a file that another node can start from."""
    return dump(chain.provider.make_request("anvil_dumpState", []), tmp_path_factory, "start")


@pytest.fixture
def port():
    """Where a test has its node."""
    return unused_port()


@pytest.fixture
def free_port():
    """Where nobody listens."""
    return unused_port()


def dump(answer, tmp_path_factory, name):
    """Writes what a node's `anvil_dumpState` answered to a file."""
    path = tmp_path_factory.mktemp("state") / f"{name}.json"
    path.write_bytes(gzip.decompress(bytes.fromhex(answer[2:])))
    return path


@contextmanager
def node(port, state, *contract_types):
    """A node of its own process on this port; killed at the end, or before."""
    process = subprocess.Popen(
        ["anvil", "--port", str(port), "--load-state", state, "--accounts", "20", "--silent"],
        stdout=subprocess.DEVNULL,
    )
    client = Node(f"http://127.0.0.1:{port}", *contract_types)
    try:
        wait_for(lambda: listens(port), "the node")
        # The state may be ahead of the machine's clock, by which the node would go on.
        client.at(client.time() + 1)
        client.mine()
        yield process, client
    finally:
        process.kill()
        process.wait(PATIENCE)


def let_price_fall(client, contracts, admin):
    client.send(admin.address, contracts["BTC/feed"].address, "setAnswer(int256)", 9_650 * 10**8)


def liquidatable(client, contracts):
    """Of both longs."""
    check = (contracts["Protocol"].address, "checkPositionLeverageAndLiquidability(uint256)")
    return [found for _, found in client.read((*check, 1), (*check, 2))]


def keeper(tmp_path, port, folder, *options):
    """A running one."""
    where = ("--network", f"http://127.0.0.1:{port}", "--folder", folder)
    return running(tmp_path / "keeper.log", "keeper", *where, *options)


def test_keeper__node_killed_and_restarted__liquidates_after_all(
    deployed, state, port, tmp_path, tmp_path_factory, admin
):
    folder, contracts = deployed
    types = [contract.contract_type for contract in contracts.values()]
    options = (*EXECUTE, "--interval", "0.2", "--verbosity", "DEBUG")

    with ExitStack() as stack:
        first, client = stack.enter_context(node(port, state, *types))
        running = stack.enter_context(keeper(tmp_path, port, folder, *options))
        running.wait_for("round", times=2)
        assert running.lines("liquidated") == []
        saved = dump(client.rpc("anvil_dumpState"), tmp_path_factory, "saved")
        first.kill()
        first.wait(PATIENCE)
        running.wait_for("node-failed")

        _, client = stack.enter_context(node(port, saved, *types))
        let_price_fall(client, contracts, admin)
        running.wait_for("node-is-back")
        running.wait_for("liquidated", times=2)
        assert liquidatable(client, contracts) == [False, False], "P5"
        assert running.end(signal.SIGTERM) == 0

    assert running.text().splitlines()[-1].endswith(" INFO stopped")
    assert "Traceback" not in running.text()
    failures = running.lines("node-failed")
    assert all("WARNING node-failed reason=" in line for line in failures)
    delays = [line.rpartition("=")[2] for line in failures]
    assert delays == ["1s", "2s", "4s", "8s"][: len(delays)]


def test_keeper__dry_run__changes_nothing_and_execute_does(deployed, state, port, tmp_path, admin):
    folder, contracts = deployed
    types = [contract.contract_type for contract in contracts.values()]
    with node(port, state, *types) as (_, client):
        let_price_fall(client, contracts, admin)
        block = int(client.rpc("eth_blockNumber"), 16)
        with keeper(tmp_path, port, folder) as dry:
            dry.wait_for("would-liquidate", times=2)
            assert dry.end(signal.SIGINT) == 0, "while it waits for a block"
        assert dry.lines("stopped")
        assert "Traceback" not in dry.text()
        assert int(client.rpc("eth_blockNumber"), 16) == block
        assert liquidatable(client, contracts) == [True, True]

        with keeper(tmp_path, port, folder, "--once", *EXECUTE) as real:
            assert real.process.wait(PATIENCE) == 0, real.text()
        assert len(real.lines("liquidated")) == 2
        assert int(client.rpc("eth_blockNumber"), 16) == block + 2
        assert liquidatable(client, contracts) == [False, False], "P5"


def test_keeper__credit_accounts__are_liquidated_and_left_alone_when_not_wanted(
    deployed, state, port, tmp_path, admin, crowd
):
    folder, contracts = deployed
    types = [contract.contract_type for contract in contracts.values()]
    prep, manager, book, feed = (
        contracts[name].address for name in ("PrepToken", "CreditManager", "OrderBook", "ETH/feed")
    )
    owner = crowd[0].address
    with node(port, state, *types) as (_, client):

        def send(sender, contract, signature, *arguments):
            assert client.send(sender, contract, signature, *arguments)[0], signature

        send(admin.address, prep, "mint(address,uint256)", owner, 200 * WAD)
        send(owner, prep, "approve(address,uint256)", manager, UNLIMITED)
        send(owner, manager, "open(address)", owner)
        long = [deposit(0, 200 * WAD), trade(1, 5 * WAD)]  # 2,000 PREP of ether
        stop = stop_loss(1, -WAD, 390 * WAD, client.time() + 10_000, 2 * WAD)
        execute = "execute(uint256,(uint8,uint256,int256,uint256,bytes)[])"
        send(owner, manager, execute, 1, encode([*long, stop]))
        send(admin.address, feed, "setAnswer(int256)", 370 * 10**8)
        block = int(client.rpc("eth_blockNumber"), 16)

        with keeper(tmp_path, port, folder, "--once", "--no-credit", *EXECUTE) as without:
            assert without.process.wait(PATIENCE) == 0, without.text()
        with keeper(tmp_path, port, folder, "--once") as dry:
            assert dry.process.wait(PATIENCE) == 0, dry.text()
        assert len(dry.lines("would-liquidate-account")) == len(dry.lines("would-fill")) == 1
        assert int(client.rpc("eth_blockNumber"), 16) == block

        with keeper(tmp_path, port, folder, "--once", *EXECUTE) as real:
            assert real.process.wait(PATIENCE) == 0, real.text()
        (line,) = real.lines("liquidated-account")
        assert (
            " id=account/1 debt=0 repaid=0 collateral=0 seized=0 closed=1850 reward=4.625 " in line
        )
        assert real.lines("filled") == [], "there is no position any more"
        assert "Traceback" not in real.text()
        _, markets = client.read((manager, "contents(uint256)", 1))[0]
        assert markets == ()
        assert client.read((book, "ordersOf(uint256)", 1))[0] != ()


def test_keeper__told_to_deleverage__does_until_the_ratio_is_at_its_target(
    deployed, state, port, tmp_path, admin
):
    folder, contracts = deployed
    # Functions are told apart by their names: `vault()` is the lens's here.
    names = ("BTC/feed", "Vault", "ProtocolLens")
    types = [contracts[name].contract_type for name in names]
    feed, vault, lens = (contracts[name].address for name in names)
    events = tmp_path / "events.json"
    options = ("--deleverage", "--events-file", events, "--once")
    # Last, so that `vault()` is this one's.
    types.append(contracts["ProtocolLens"].contract_type)
    with node(port, state, *types) as (_, client):
        client.send(admin.address, feed, "setAnswer(int256)", 20_000 * 10**8)
        client.send(admin.address, vault, "setTargetCollateralizationRatio(uint256)", 5 * WAD)
        client.rpc("anvil_mine", hex(1_200))
        assert client.read((lens, "vault()"))[0][6] < 4 * WAD, "100,000 for 30,000"
        block = int(client.rpc("eth_blockNumber"), 16)

        with keeper(tmp_path, port, folder, "--once", *EXECUTE) as without:
            assert without.process.wait(PATIENCE) == 0, without.text()
        with keeper(tmp_path, port, folder, *options) as dry:
            assert dry.process.wait(PATIENCE) == 0, dry.text()
        assert len(dry.lines("would-deleverage")) == 1
        assert 'reason="dry run"' in dry.lines("deleverage-due")[0]
        assert int(client.rpc("eth_blockNumber"), 16) == block
        assert events.exists()

        with keeper(tmp_path, port, folder, *options, *EXECUTE) as real:
            assert real.process.wait(PATIENCE) == 0, real.text()
        assert len(real.lines("deleveraged")) == 1
        assert real.lines("deleverage-due") == []
        assert client.read((lens, "vault()"))[0][6] >= 5 * WAD
        assert "Traceback" not in real.text()


def test_keeper__cannot_begin__says_why_in_one_line_and_fails(
    deployed, state, port, tmp_path, free_port
):
    folder, _ = deployed
    empty = tmp_path / "empty"
    cases = {
        "record": (port, empty, (), "Error: nothing is deployed on chain 31337: "),
        "account": (port, folder, ("--execute", "--account", "nobody"), "Error: no account has"),
        "approval": (port, folder, ("--approve",), "Error: --approve needs a limit for each"),
        "quotes": (port, folder, ("--quotes", "http://x"), "Error: --quotes is about asset-backed"),
        "signer": (
            port,
            folder,
            ("--margin", QUOTES, "--order-signer", "TEST::0"),
            "Error: --order-signer signs what --quotes asks for",
        ),
        "signer alone": (
            port,
            folder,
            ("--order-signer", "TEST::0"),
            "Error: --order-signer signs what --quotes asks for",
        ),
        "address": (
            port,
            folder,
            ("--margin", QUOTES, "--quotes", "nonsense"),
            "Error: --quotes is no address such as http://127.0.0.1:8010",
        ),
        "node": (free_port, folder, (), f"Error: cannot connect to http://127.0.0.1:{free_port}"),
    }
    with node(port, state), ExitStack() as stack:
        started = {
            name: stack.enter_context(keeper(_folder(tmp_path / name), number, where, *options))
            for name, (number, where, options, _) in cases.items()
        }
        for name, (_, _, _, message) in cases.items():
            process = started[name]
            assert process.process.wait(PATIENCE) != 0, name
            (line,) = process.lines("Error:")
            assert line.startswith(message)
            assert "Traceback" not in process.text()
            assert process.lines("started") == []


def test_keeper__another_contract_was_at_the_address__calls_the_recorded_one(
    deployed, chain, monkeypatch
):
    """Ape remembers what was once at an address: here a protocol whose liquidity is two numbers."""
    folder, contracts = deployed
    protocol = contracts["Protocol"]
    other = protocol.contract_type.model_copy(deep=True)
    liquidity = other.view_methods["liquidity"]
    liquidity.outputs = 2 * liquidity.outputs
    chain.contracts[protocol.address] = other
    monkeypatch.setattr("prep.connect.connect", lambda network: nullcontext(chain.provider))
    for name in ("handlers", "propagate", "level"):  # the command sets them for its process
        monkeypatch.setattr(LOGGER, name, getattr(LOGGER, name))
    cli = runpy.run_path(str(ROOT / "scripts" / "keeper.py"))["cli"]
    result = CliRunner().invoke(cli, ["--once", "--folder", str(folder)])
    chain.contracts[protocol.address] = protocol.contract_type
    assert result.exit_code == 0, result.output


def _folder(path):
    path.mkdir()
    return path
