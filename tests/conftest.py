"""Roles and factories that all tests share."""

from contextlib import contextmanager

import pytest
import requests
from ape.contracts.base import ContractMethodHandler
from ape.exceptions import ContractLogicError, CustomError
from ape_ethereum.trace import Trace
from ape_foundry.provider import FoundryProvider
from eth_abi import encode
from eth_utils import function_signature_to_4byte_selector as selector_of
from hexbytes import HexBytes

from tests import quick
from tests.suite import deploy_suite

TICK = "anvil_setBlockTimestampInterval"
ZERO_ADDRESS = "0x" + 40 * "0"
HOUR = 3_600


def _revert_data(error):
    """What a call or transaction reverted with. Ape keeps it in different places."""
    if isinstance(error, CustomError):
        return _error_data(error.abi, error.inputs)
    of_transaction = getattr(error.base_err, "data", None)
    of_call = getattr(error.trace, "return_value", "0x")
    return HexBytes(of_transaction or of_call)


def _error_data(abi, values):
    arguments = [getattr(values[i.name], "address", values[i.name]) for i in abi.inputs]
    return selector_of(abi.selector) + encode([i.canonical_type for i in abi.inputs], arguments)


@contextmanager
def _reverts(error, **values):
    names = [i.name for i in error.abi.inputs]
    assert sorted(values) == sorted(names), f"{error.abi.name} carries {names}"
    with quick.expected(), pytest.raises(ContractLogicError) as raised:
        yield
    message = f"expected {error.abi.name}{values}, got {raised.value!r}"
    assert _revert_data(raised.value) == _error_data(error.abi, values), message


def _settings(build):
    """Ape builds a provider's settings anew whenever it asks for one of them, and for each node
    ever started in this folder that was killed, when it stops its own."""
    built = {}

    def settings(provider):
        config, key = provider.config, repr(provider.provider_settings)
        if key not in built or built[key][0] is not config:
            built[key] = config, build(provider)
        return built[key][1]

    return settings


def pytest_configure():
    """What nothing here needs, and what costs half the time of a test: that the node keeps every
    step of every transaction, that Ape asks for a contract's code before every call of it, and that
    a proxy is looked for before every request to the node on this machine."""
    build_command = FoundryProvider.build_command

    def without_steps(provider):
        return [word for word in build_command(provider) if word != "--steps-tracing"]

    FoundryProvider.build_command = without_steps
    ContractMethodHandler._validate_is_contract = lambda handler: None
    requests.sessions.get_environ_proxies = lambda *_, **__: {}
    FoundryProvider.settings = property(_settings(FoundryProvider.settings.fget))
    quick.patch()


@pytest.fixture(scope="session", autouse=True)
def no_call_trees():
    """Ape draws the call tree of every revert, expected ones too: half a test's time."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Trace, "show", lambda *_, **__: None)
        yield


@pytest.fixture(scope="session")
def reverts():
    """`with reverts(contract.Error, name=value)`: this error and no other, with all its values.

    `ape.reverts` compares only errors that Ape could decode. It lets any other pass for the one
    expected: those of view calls, of deployments, and of contracts further down the call.
    """
    return _reverts


@pytest.fixture(scope="session")
def isolated(chain):
    """`with isolated():` what happens inside is undone, time included.

    `chain.isolate` swallows every exception raised inside it, failed assertions too, and does not
    look whether the node has gone back.
    """
    node = quick.node_of(chain.provider)
    of_head = "eth_getBlockByNumber", ("latest", False)

    @contextmanager
    def isolate():
        pending, head, snapshot = node.batch(
            [("eth_getBlockByNumber", ("pending", False)), of_head, ("evm_snapshot", ())]
        )
        try:
            yield
        finally:
            node.undo(snapshot)
            now, _ = node.batch([of_head, ("evm_setNextBlockTimestamp", (pending["timestamp"],))])
            assert now["hash"] == head["hash"], "the node has gone back to another state"
            chain.history.revert_to_block(int(head["number"], 16))

    return isolate


@pytest.fixture(autouse=True)
def undone(chain, isolated):
    """What a test does, and what its own fixtures have done, is undone. Those of wider scope stay.
    A block is a second later than the one before, however long the test takes between them.

    Ape's isolation is switched off (pyproject.toml): it does not notice when the node fails to go
    back, and builds fixtures anew whenever one of wider scope comes after them.
    """
    quick.node_of(chain.provider).rpc(TICK, 1)
    with isolated():
        yield


@pytest.fixture
def one_block(chain):
    """Time stands still, from the head on: transactions of one block, between which nothing
    accrues."""
    node = quick.node_of(chain.provider)
    node.rpc(TICK, 0)
    # The interval counts only after what was said about the next block, and undoing a test says it.
    node.at(node.time())
    yield
    node.rpc(TICK, 1)


@pytest.fixture(scope="session")
def admin(accounts):
    """Holds the admin role of the authority and deploys everything."""
    return accounts[0]


@pytest.fixture(scope="session")
def minter(accounts):
    """May mint PREP."""
    return accounts[1]


@pytest.fixture(scope="session")
def stranger(accounts):
    """Holds no role."""
    return accounts[2]


@pytest.fixture(scope="session")
def risk_manager(accounts):
    """Adds and changes markets."""
    return accounts[3]


@pytest.fixture(scope="session")
def guardian(accounts):
    """Closes markets to new risk."""
    return accounts[4]


@pytest.fixture(scope="session")
def lp(accounts):
    """Provides liquidity."""
    return accounts[5]


@pytest.fixture(scope="session")
def trader(accounts):
    """Trades."""
    return accounts[6]


@pytest.fixture(scope="session")
def other_trader(accounts):
    """Trades too, where two are needed."""
    return accounts[7]


@pytest.fixture(scope="session")
def liquidator(accounts):
    """Liquidates others; has no balance at first."""
    return accounts[8]


@pytest.fixture(scope="session")
def treasury(accounts):
    """Receives protocol fees."""
    return accounts[9]


@pytest.fixture(scope="session")
def crowd(accounts):
    """Traders without names, where many are needed."""
    return list(accounts[10:20])


@pytest.fixture(scope="session")
def create_suite(project, admin, risk_manager, guardian):
    """Deploys all contracts with one market: `create_suite(market=..., price=..., ...)`."""

    def create(**settings):
        return deploy_suite(project, admin, risk_manager, guardian, **settings)

    return create


@pytest.fixture(scope="session")
def suite(create_suite):
    """The BTC market at $10,000 with its default parameters and an empty vault."""
    return create_suite()


@pytest.fixture
def authority(admin, minter, project):
    """Says who may do what. Nothing is granted but to the minter."""
    authority = admin.deploy(project.Authority, admin)
    authority.grantRole(authority.MINTER(), minter, 0, sender=admin)
    return authority


@pytest.fixture
def create_token(admin, authority, project):
    """Deploys PREP, for the minter to mint."""

    def create(faucet_amount=0, faucet_interval=0):
        token = admin.deploy(project.PrepToken, authority, faucet_amount, faucet_interval)
        mint = selector_of("mint(address,uint256)")
        authority.setTargetFunctionRole(token, [mint], authority.MINTER(), sender=admin)
        return token

    return create


@pytest.fixture
def create_feed(admin, project):
    """Deploys a price feed, or with 0 decimals and answer 0 an uptime feed."""

    def create(decimals=8, answer=100_000 * 10**8, description="BTC / USD"):
        return admin.deploy(project.MockAggregator, decimals, description, answer)

    return create


@pytest.fixture
def create_oracle(admin, create_feed, project):
    """Deploys a price adapter, by default for bitcoin of 8 decimals over a feed of its own."""

    def create(
        feed=None,
        heartbeat=HOUR,
        asset_decimals=8,
        min_price=0,
        max_price=0,
        sequencer_feed=ZERO_ADDRESS,
        sequencer_grace=0,
    ):
        config = (
            create_feed() if feed is None else feed,
            heartbeat,
            asset_decimals,
            min_price,
            max_price,
            sequencer_feed,
            sequencer_grace,
        )
        return admin.deploy(project.ChainlinkOracle, config)

    return create
