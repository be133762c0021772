"""Connections, accounts and errors that all commands share."""

import json
import os
import subprocess

import pytest
from ape import networks
from ape.exceptions import ApeException, ContractLogicError
from ape_accounts import KeyfileAccount
from eth_account import Account
from requests.exceptions import ConnectionError as RequestConnectionError
from web3.exceptions import Web3RPCError

import prep.connect
from prep.connect import (
    chain_id,
    connect,
    describe,
    friendly_errors,
    is_local,
    is_temporary,
    load_account,
)
from prep.errors import UserError

PASSPHRASE = "correct horse"
VARIABLE = "APE_ACCOUNTS_deployer_PASSPHRASE"


# ------------------------------------------------------------------------------------------ network


@pytest.mark.parametrize(
    "network, reason",
    [
        ("http://127.0.0.1:1", "No (supported) node found on 'http://127.0.0.1:1'."),
        ("ethereum:local:http://127.0.0.1:1", "No (supported) node found on 'http://127.0.0.1:1'."),
        ("http://127.0.0.1:x", "Port could not be cast to integer value as 'x'"),
        ("nowhere", "No ecosystem named 'nowhere'."),
        ("ethereum:nowhere", "No network in 'ethereum' named 'nowhere'."),
        (
            "ethereum:local:nowhere",
            "No provider named 'nowhere' in network 'local' in ecosystem 'ethereum'.",
        ),
        ("pid://x", "Invalid PID: x"),
        ("ws://127.0.0.1:1", "Scheme for 'ws://127.0.0.1:1' not yet supported."),
    ],
)
def test_connect__nothing_there__one_line(network, reason):
    with pytest.raises(UserError) as raised, connect(network):
        pass
    assert raised.value.format_message() == f"cannot connect to {network}: {reason}"


def test_connect__nodes_that_have_ended__forgotten(chain, monkeypatch):
    with subprocess.Popen(["true"]) as process:
        process.wait()
    listed, kept = networks.running_nodes, []
    node = next(iter(listed.nodes.values()))
    monkeypatch.setattr(listed, "nodes", {process.pid: node, os.getpid(): node, 1: node})
    monkeypatch.setattr(type(listed), "model_dump_file", lambda nodes: kept.append(nodes.nodes))
    with connect(chain.provider.uri):
        assert listed.nodes == {os.getpid(): node, 1: node}
    assert kept == [listed.nodes]


def test_connect__running_node__by_its_address(chain):
    uri = chain.provider.uri
    for network in (uri, f"ethereum:local:{uri}"):
        with connect(network) as provider:
            assert chain_id(provider) == 31337
            assert not is_temporary(provider)
            assert provider.get_block("latest").hash == chain.blocks.head.hash
    assert chain.provider.uri == uri
    assert is_temporary(chain.provider)


def test_connect__failure_inside__is_told_without_blaming_the_connection(chain):
    with pytest.raises(UserError) as raised, connect(chain.provider.uri):
        raise RequestConnectionError("gone")
    assert raised.value.format_message() == "gone"


def test_is_local__chain_ids():
    assert [n for n in (0, 1, 1337, 31337, 11155111) if is_local(n)] == [1337, 31337]


# ------------------------------------------------------------------------------------------- errors


@pytest.mark.parametrize(
    "error, text",
    [
        (ApeException("one\n  two"), "one"),
        (Web3RPCError("refused"), "refused"),
        (TimeoutError(), "TimeoutError"),
        (ContractLogicError("too little"), "too little"),
    ],
)
def test_friendly_errors__what_the_world_got_wrong__one_line(error, text):
    with pytest.raises(UserError) as raised, friendly_errors("step: "):
        raise error
    assert raised.value.format_message() == f"step: {text}"


def test_friendly_errors__what_we_got_wrong__keeps_its_traceback():
    for error in (KeyError("x"), ValueError("x"), AssertionError("x")):
        with pytest.raises(type(error)), friendly_errors():
            raise error


def test_describe__custom_error__with_its_arguments(create_token, stranger):
    token = create_token()
    with pytest.raises(ContractLogicError) as raised:
        token.mint(stranger, 1, sender=stranger)
    expected = f"reverted with AccessManagedUnauthorized(caller={stranger.address})"
    assert describe(raised.value) == expected


# ------------------------------------------------------------------------------------------ account


@pytest.fixture
def public(monkeypatch):
    """As if the chain were not a local one."""
    monkeypatch.setattr(prep.connect, "is_local", lambda _: False)


@pytest.fixture
def keyfile(tmp_path, monkeypatch):
    """An account of Ape's, the only one."""
    path = tmp_path / "deployer.json"
    path.write_text(json.dumps(Account.encrypt(b"\7" * 32, PASSPHRASE, "pbkdf2", 2)))
    account = KeyfileAccount(keyfile_path=path)

    class Accounts:
        aliases = ("deployer",)
        test_accounts = prep.connect.accounts.test_accounts

        def load(self, alias):
            return {"deployer": account}[alias]

    monkeypatch.setattr(prep.connect, "accounts", Accounts())
    return account


def test_load_account__local_chain__first_test_account_or_the_one_named(accounts):
    assert load_account(None).address == accounts[0].address
    assert load_account("TEST::7").address == accounts[7].address


@pytest.mark.parametrize("alias", ["TEST::20", "TEST::-1", "TEST::", "TEST::x"])
def test_load_account__no_such_test_account__refused(alias):
    with pytest.raises(UserError) as raised:
        load_account(alias)
    assert raised.value.message == f"no test account {alias}: there are TEST::0 to TEST::19"


@pytest.mark.parametrize(
    "alias, reason",
    [
        (None, "this is not a local chain: name the account to use with --account"),
        ("TEST::0", "TEST::0 is a test account: everybody has its key"),
        ("", "no account has the alias '': `ape accounts list` shows them all"),
        ("nobody", "no account has the alias 'nobody': `ape accounts list` shows them all"),
    ],
)
def test_load_account__public_chain__has_to_be_named(public, alias, reason):
    with pytest.raises(UserError) as raised:
        load_account(alias)
    assert raised.value.message == reason


@pytest.mark.parametrize(
    "passphrase, reason",
    [
        (None, f"account 'deployer' is locked: put its passphrase into {VARIABLE}"),
        ("", f"account 'deployer' is locked: put its passphrase into {VARIABLE}"),
        ("wrong", f"the passphrase in {VARIABLE} does not unlock the account"),
    ],
)
def test_load_account__locked__names_the_variable(keyfile, monkeypatch, passphrase, reason):
    if passphrase is not None:
        monkeypatch.setenv(VARIABLE, passphrase)
    with pytest.raises(UserError) as raised:
        load_account("deployer")
    assert raised.value.message == reason


def test_load_account__unlocked__signs_without_asking(keyfile, public, monkeypatch, stranger):
    monkeypatch.setenv(VARIABLE, PASSPHRASE)
    account = load_account("deployer")
    transaction = account.provider.network.ecosystem.create_transaction(
        to=stranger.address,
        nonce=0,
        gas=21_000,
        chainId=31337,
        maxFeePerGas=0,
        maxPriorityFeePerGas=0,
    )
    assert account.sign_transaction(transaction).signature is not None
