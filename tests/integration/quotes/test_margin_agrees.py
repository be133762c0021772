"""What is computed and decoded off the chain agrees with the contracts."""

import pytest
from eth_account import Account
from eth_utils import keccak

from prep.margin import read
from prep.margin.chain import Call, RpcChain, ask, function, try_ask
from prep.margin.data import position_hash
from prep.margin.errors import SENTENCES, selector_of
from prep.margin.typed import VERSION, digest
from prep.node import Reverted
from tests.integration.quotes.trading import PAIR
from tests.margin_suite import USD, WETH
from tests.unit.margin.messages import ORDER

OF_OTHER_ACTS = {
    *("ECDSAInvalidSignature", "ECDSAInvalidSignatureLength", "ECDSAInvalidSignatureS"),
    *("ERC2612ExpiredSignature", "ERC2612InvalidSigner", "InvalidAccountNonce"),
    *("FaucetOff", "FaucetTooSoon", "InvalidShortString", "StringTooLong"),
    *("InvalidPermit", "Permit2AllowanceIsFixedAtInfinity", "PermitExpired"),
    *("BoundsCrossed", "DecimalsOutOfRange", "FeedNotContract", "GraceOutOfRange"),
    *("GraceWithoutSequencer", "HeartbeatOutOfRange", "PeriodOutOfRange", "PoolNotContract"),
    *("MinLiquidityTooLow", "TokensNotOfPool"),
}
"""Permits, the faucet, constructors."""
CONTRACTS = (
    "ChainlinkOracle",
    "TwapOracle",
    "RatioOracle",
    "LongPool",
    "ShortPool",
    "DebtController",
    "LendingVault",
    "PrepToken",
    "MockERC20",
    "MockWETH",
)


@pytest.fixture
def node(margin):
    return RpcChain(margin.node.uri)


def test_domain__of_a_pool__is_the_contracts(side, node):
    view = function("eip712Domain", (), "bytes1", "string", "string", "uint256", "address")
    ((_, name, version, chain_id, pool),) = ask(node, node.head(), (side.address, view))
    assert (name, version) == (side.domain.name, VERSION)
    assert (chain_id, pool) == (side.domain.chain_id, side.domain.pool)


def test_digest__of_an_order__is_the_one_that_is_cancelled(margin, side, trader):
    order = ORDER._replace(trader=trader.address)
    (log,) = margin.do(trader, side, "cancel", order)
    assert log.args[1] == digest(side.domain, order)


def test_digest__of_requests__is_the_one_that_is_recovered(margin, side, trader):
    """Signed by nobody in particular, but by him: the contract names him."""
    nobody = Account.create()
    position = margin.typical(side, trader, PAIR)
    requests = (
        ("open", margin.open_request(side, trader, PAIR, 5, 7), ()),
        ("close", margin.close_request(side, position), (position, 0)),
        ("add", margin.collateral_request(position, 9), (position,)),
        ("remove", margin.collateral_request(position, -9), (position,)),
    )
    for function_, request, rest in requests:
        signature = margin.signed(side, request, nobody)
        with pytest.raises(Reverted) as raised:
            margin.do(trader, side, function_, request, signature, *rest)
        assert raised.value.name == "NotOrderSigner"
        assert raised.value.args_[0].lower() == nobody.address.lower()


@pytest.mark.parametrize("name", CONTRACTS)
def test_errors__that_a_trade_can_meet__are_all_known(project, name):
    known = {selector_of(signature) for signature in SENTENCES}
    errors = project.get_contract(name).contract_type.errors
    unknown = {e.name for e in errors if keccak(text=e.selector)[:4] not in known}
    assert unknown - OF_OTHER_ACTS == set()


def test_read__of_a_position__is_what_the_pool_keeps(margin, side, trader, node):
    position = margin.typical(side, trader, PAIR)
    head = node.head()
    pool = read.read_pool(node, head, side.address)
    assert (pool.is_long, pool.weth) == (side.is_long, margin.tokens[WETH].address)
    assert pool.controller == margin.controller.address
    assert pool.authority == margin.authority.address
    stored = read.read_stored(node, head, pool, position.id)
    assert stored.hash == position_hash(position)
    assert stored.is_of(position)
    assert not stored.is_of(position._replace(nonce=2))
    assert (stored.marked_from, stored.marked_until) == (0, 0)
    assert read.read_stored(node, head, pool, 10**30).is_unused


def test_read__of_a_mark__is_from_and_until(margin, side, trader, node):
    position = margin.typical(side, trader, PAIR, leverage=4)
    margin.move_market(margin.admin, PAIR, 79 if side.is_long else 119)
    margin.do(margin.admin, side, "mark", position)
    head = node.head()
    stored = read.read_stored(node, head, read.read_pool(node, head, side.address), position.id)
    assert stored.marked_from == head.timestamp + 3_600
    assert stored.marked_until == stored.marked_from + 86_400


def test_read__of_a_lending_vault__is_what_it_says(margin, side, trader, node):
    margin.typical(side, trader, PAIR)
    head = node.head()
    pool = read.read_pool(node, head, side.address)
    vault = margin.lending[side.owed(PAIR)]
    lending = read.read_lending(node, head, pool, margin.tokens[side.owed(PAIR)].address)
    views = ("idle()", "utilisation()", "borrowRate()")
    idle, utilisation, rate = margin.node.read(*((vault.address, view) for view in views))
    assert (lending.vault, lending.idle, lending.utilisation) == (vault.address, idle, utilisation)
    assert lending.curve.rate(utilisation) == rate
    assert utilisation == lending.debt * 10**18 // (lending.debt + idle) > 0
    assert lending.max_borrow == idle


def test_read__interest__is_as_of_the_time_asked_for(margin, side, trader, node):
    position = margin.typical(side, trader, PAIR)
    head = node.head()
    pool = read.read_pool(node, head, side.address)
    since = position.last_funding_timestamp
    for later in (0, 1, 1_000, 31_536_000):
        found = read.read_max_interest(node, head, pool, position, since + later)
        assert found == position.principal * 2 * later // 31_536_000


def test_read__no_lending_vault__is_none(margin, side, node):
    head = node.head()
    pool = read.read_pool(node, head, side.address)
    assert read.read_lending(node, head, pool, side.address) is None


def test_refusal__of_a_token_and_of_a_call_cut_short__is_decoded(margin, node, trader):
    transfer = function("transfer", ["address", "uint256"], "bool")
    head = node.head()
    data = transfer.encode(trader.address, 10**40)
    (refusal,) = node.call([Call(margin.tokens[USD].address, data, trader.address)], head)
    assert refusal.name == "ERC20InsufficientBalance"
    assert refusal.values == {"sender": trader.address, "balance": 0, "needed": 10**40}
    (nothing,) = try_ask(node, head, (trader.address, read.IDLE))
    assert nothing.name == "NoContract"
