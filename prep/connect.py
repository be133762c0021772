"""What all commands share: a connection, an account, and errors that fit on one line."""

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from logging import ERROR, INFO
from typing import Final

import click
from ape import accounts, networks
from ape.api import AccountAPI, ProviderAPI
from ape.exceptions import AccountsError, ApeException, ContractLogicError, CustomError
from ape.logging import logger
from ape_accounts import KeyfileAccount
from ape_accounts.accounts import InvalidPasswordError
from ape_foundry.provider import FoundryProvider
from requests.exceptions import RequestException
from web3.exceptions import Web3Exception

from prep.errors import UserError

LOCAL_CHAINS: Final = frozenset({31337, 1337})
"""Chain ids of nodes on somebody's own machine: nothing there is worth anything."""
TEST_ACCOUNT: Final = "TEST::"

# What a node, a network or Ape can answer to a request that nobody programmed wrongly.
_FAILURES = (ApeException, Web3Exception, RequestException, ConnectionError, TimeoutError)
_NO_NETWORK = (*_FAILURES, ValueError, KeyError)
"""Ape finds fault with the text of a network in these ways too."""
# Ape takes "ecosystem:local:URI" for a geth of its own and assumes that one's chain id.
_LOCAL_URI = re.compile(r"\w*:local:(?=https?://)")

network_option: Final = click.option(
    "--network",
    metavar="NETWORK",
    help="Where: a node's address such as http://127.0.0.1:8545, or ecosystem:network:provider. "
    "Without it a node is started for this command alone.",
)
account_option: Final = click.option(
    "--account",
    "alias",
    metavar="ALIAS",
    help="Who signs: an account of `ape accounts`, unlocked by APE_ACCOUNTS_<ALIAS>_PASSPHRASE; "
    "on local chains TEST::<n> too, and TEST::0 when left out.",
)


def describe(error: BaseException) -> str:
    """An error of Ape, web3 or the network, as one line without its trace."""
    if isinstance(error, CustomError):
        values = ", ".join(f"{name}={value}" for name, value in error.inputs.items())
        return f"reverted with {error.abi.name}({values})"
    text = error.message if isinstance(error, ContractLogicError) else str(error)
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    if not lines:
        return type(error).__name__
    # What follows is a list longer than the message.
    return lines[0].removesuffix(" Options:")


@contextmanager
def friendly_errors(
    prefix: str = "", failures: tuple[type[Exception], ...] = _FAILURES
) -> Iterator[None]:
    """Turns what Ape, web3 and the network raise into a `UserError`; `@friendly_errors()` too.

    Other exceptions are mistakes of this code and keep their traceback.
    """
    try:
        yield
    except failures as error:
        raise UserError(prefix + describe(error)) from error


@contextmanager
def connect(network: str | None) -> Iterator[ProviderAPI]:
    """A connection to `network`, Ape's notation or a URI; None: the project's default.

    Ape reports only errors unless `-v` asks for more or less.
    """
    level = logger.level
    if level == INFO:
        logger.set_level(ERROR)
    try:
        with friendly_errors():
            where = network or "the default network"
            with friendly_errors(f"cannot connect to {where}: ", _NO_NETWORK):
                choice = network and _LOCAL_URI.sub("", network)
                _forget_ended_nodes()
                # A node started here ends here, unless somebody else is connected to it already.
                connection = networks.parse_network_choice(
                    choice, disconnect_after=networks.active_provider is None
                )
                provider = connection.__enter__()
            try:
                yield provider
            finally:
                connection.__exit__(None, None, None)
    finally:
        logger.set_level(level)


def _forget_ended_nodes() -> None:
    """Ape keeps a list of the nodes that it has started, those included that were killed, and looks
    at each for a tenth of a second when it stops one."""
    nodes = networks.running_nodes
    if ended := [pid for pid in nodes.process_ids if not _is_running(pid)]:
        nodes.remove_processes(*ended)


def _is_running(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        pass
    return True


@contextmanager
def without_steps() -> Iterator[None]:
    """Nodes started in here do not keep every step of every transaction, which nobody looks at when
    there is no trace to be printed: they are ten times as fast."""
    build_command = FoundryProvider.build_command

    def lean(provider: FoundryProvider) -> list[str]:
        return [word for word in build_command(provider) if word != "--steps-tracing"]

    FoundryProvider.build_command = lean  # type: ignore[method-assign, assignment]
    try:
        yield
    finally:
        FoundryProvider.build_command = build_command  # type: ignore[method-assign]


def chain_id(provider: ProviderAPI) -> int:
    """As the node says, not as the network's name promises."""
    return int(provider.make_request("eth_chainId", []), 16)


def is_local(chain: int) -> bool:
    """Whether a chain with this id is a local one."""
    return chain in LOCAL_CHAINS


def is_temporary(provider: ProviderAPI) -> bool:
    """Whether the node was started by this process and ends with it."""
    return getattr(provider, "process", None) is not None


def load_account(alias: str | None) -> AccountAPI:
    """The account that signs, ready to do so without asking anything. Needs a connection.

    None: the first test account, on local chains only.
    """
    local = is_local(chain_id(networks.provider))
    if alias is None:
        if not local:
            raise UserError("this is not a local chain: name the account to use with --account")
        alias = f"{TEST_ACCOUNT}0"
    if alias.startswith(TEST_ACCOUNT):
        if not local:
            raise UserError(f"{alias} is a test account: everybody has its key")
        return _test_account(alias)
    if alias not in accounts.aliases:
        raise UserError(f"no account has the alias '{alias}': `ape accounts list` shows them all")
    account: AccountAPI = accounts.load(alias)
    if isinstance(account, KeyfileAccount):
        _unlock(account)
    return account


def _test_account(alias: str) -> AccountAPI:
    number = alias.removeprefix(TEST_ACCOUNT)
    count = len(accounts.test_accounts)
    if not number.isdecimal() or int(number) >= count:
        raise UserError(f"no test account {alias}: there are TEST::0 to TEST::{count - 1}")
    account: AccountAPI = accounts.test_accounts[int(number)]
    return account


def _unlock(account: KeyfileAccount) -> None:
    variable = f"APE_ACCOUNTS_{account.alias}_PASSPHRASE"
    passphrase = os.environ.get(variable)
    if not passphrase:
        raise UserError(f"account '{account.alias}' is locked: put its passphrase into {variable}")
    try:
        account.set_autosign(True, passphrase=passphrase)
    except (InvalidPasswordError, AccountsError) as error:
        raise UserError(f"the passphrase in {variable} does not unlock the account") from error
