"""`ape run status` of a deployment with positions."""

import json
import re

import pytest

from prep.credit.actions import deposit, encode
from tests.integration.commands.running import (
    WAD,
    anvil,
    client_of,
)

ACTIONS = "(uint8,uint256,int256,uint256,bytes)"


@pytest.fixture(scope="module")
def market(run, tmp_path_factory, project):
    """A deployment with an LP and two traders: folder, node address, client, contracts."""
    folder = tmp_path_factory.mktemp("market")
    with anvil("--block-base-fee-per-gas", "0") as uri:
        assert run("deploy", "--network", uri, "--folder", folder).code == 0
        client = client_of(uri, project)
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
