"""What a suite has booked, what a transaction has logged, and what holds after every action."""

from typing import NamedTuple

import pytest
from eth_utils import is_address, to_checksum_address

from tests.expected import Funding, Position, Totals, borrow_index
from tests.node import Node
from tests.suite import Suite

both_sides = pytest.mark.parametrize("is_long", [True, False], ids=["long", "short"])


def sign(is_long: bool) -> int:
    return 1 if is_long else -1


class CashFlow(NamedTuple):
    """Realised, from the vault's side. In the order of the contract's struct."""

    price_pnl: int = 0
    opening_fee: int = 0
    closing_fee: int = 0
    accrued_funding: int = 0
    borrowing_fee: int = 0
    bad_debt: int = 0


class Books(NamedTuple):
    """Amounts in PREP base units. `custody`: tokens that lie in the vault."""

    liquidity: int
    net_deposits: int
    unpaid_fees: int
    custody: int
    cash_flow: CashFlow


_nodes: dict[str, Node] = {}


def node(suite: Suite) -> Node:
    """For what every test does and none is about: many reads in one request, and preparations."""
    uri = suite.prep.provider.uri
    if uri not in _nodes:
        contracts = suite.prep, suite.oracle, suite.protocol, suite.vault, suite.lens
        _nodes[uri] = Node(uri, *(contract.contract_type for contract in contracts))
    return _nodes[uri]


def _of_books(suite: Suite) -> list[tuple]:
    protocol = suite.protocol.address
    return [
        (protocol, "liquidity()"),
        (protocol, "netDeposits()"),
        (protocol, "protocolFees()"),
        (suite.prep.address, "balanceOf(address)", suite.vault.address),
        (suite.lens.address, "cashFlow(uint256)", 0),
    ]


def _as_books(answers: list) -> Books:
    liquidity, net_deposits, (_, unpaid, _), custody, cash_flow = answers
    return Books(liquidity, net_deposits, unpaid, custody, CashFlow(*cash_flow))


def books(suite: Suite) -> Books:
    return _as_books(node(suite).read(*_of_books(suite)))


class Details(NamedTuple):
    """A trader as stored. In the order of the contract's struct."""

    id: int
    size: int
    entry_price: int
    collateral: int
    entry_notional: int
    borrow_index: int
    funding_index: int

    @property
    def position(self) -> Position:
        return Position(self.size, self.entry_price, self.funding_index, self.borrow_index)


def _of_details(suite: Suite, account) -> tuple:
    return suite.protocol.address, "getPositionDetails(address)", account.address


def held(suite: Suite, account) -> Position:
    """An account's position."""
    (details,) = node(suite).read(_of_details(suite, account))
    return Details(*details).position


def open_position(suite: Suite, account, collateral: int, notional: int, is_long: bool) -> Position:
    """For an account that has PREP and has approved it."""
    for action in (
        ("depositCollateral(uint256)", collateral),
        ("openPositionWithSize(uint256,bool)", notional, is_long),
    ):
        call = account.address, suite.protocol.address, *action
        done, _ = node(suite).send(*call)
        assert done, node(suite).simulate(*call)
    return held(suite, account)


class Indices(NamedTuple):
    """A market's funding and borrowing index, brought up to a moment."""

    skew: int
    funding: Funding
    borrow_index: int

    @property
    def terms(self) -> dict:
        """What a position realises depends on these."""
        return {"funding_index": self.funding.index, "index": self.borrow_index}


def accrued(suite: Suite, now: int) -> Indices:
    """Computed from what the market has stored and from its parameters, at the price of now."""
    config = suite.market
    (state,) = node(suite).read((suite.lens.address, "marketState(uint256)", 0))
    long_oi, short_oi, *_, index, updated_at, rate, funding_index = state[:9]
    elapsed, funding = now - updated_at, Funding(rate, funding_index)
    if config["skewScale"]:
        (price,) = node(suite).read((suite.oracle.address, "price()"))
        funding = funding.after(
            elapsed,
            skew=long_oi - short_oi,
            scale=config["skewScale"],
            velocity=config["maxFundingVelocity"],
            price=price,
        )
    index = borrow_index(index, config["borrowRate"], config["reserveFactor"], elapsed)
    return Indices(long_oi - short_oi, funding, index)


def audit(suite: Suite, *traders, gifts: int = 0) -> Books:
    """Checks what holds after every action, given all who have collateral. The books."""
    protocol = suite.protocol.address
    answers = node(suite).read(
        *_of_books(suite),
        (suite.prep.address, "balanceOf(address)", protocol),
        (suite.lens.address, "marketState(uint256)", 0),
        (protocol, "getIdsNotInUse()"),
        (protocol, "getNumOfOpenPositionsIds()"),
        *(_of_details(suite, trader) for trader in traders),
    )
    now, details = _as_books(answers[:5]), [Details(*answer) for answer in answers[9:]]
    dust, state, free, highest = answers[5:9]
    owed = now.liquidity + sum(d.collateral for d in details) + now.unpaid_fees
    assert now.custody == owed + gifts, "M1"
    assert dust == 0, "M1"
    assert now.net_deposits + sum(now.cash_flow) == now.liquidity, "M2"

    # Sizes, costs and what the borrowing fee is owed from; then what funding is, and squares.
    totals = Totals.of([d.position for d in details], has_skew=suite.market["skewScale"] != 0)
    assert (*state[:5], *state[9:]) == totals, "P1"

    in_use = {d.id: t.address for t, d in zip(traders, details, strict=True) if d.id}
    assert sorted([*in_use, *free]) == list(range(1, highest + 1)), "P3"
    if in_use:
        owners = node(suite).read(*((protocol, "positionOwner(uint256)", id_) for id_ in in_use))
        assert [to_checksum_address(owner) for owner in owners] == list(in_use.values()), "P3"
    return now


def logs(tx, contract) -> list[tuple[str, dict]]:
    """Name and all values of each event that `contract` logged, in order. Ape's own comparison
    looks only at the fields that it is given."""
    return [
        (log.event_name, {name: _plain(value) for name, value in log.event_arguments.items()})
        for log in tx.events
        if log.contract_address == contract.address
    ]


def _plain(value):
    """Ape leaves structs as lists, and addresses in them without a checksum."""
    if isinstance(value, list | tuple):
        return tuple(_plain(v) for v in value)
    return to_checksum_address(value) if is_address(value) else value


def oracle_code(price: int) -> str:
    """Runtime code that answers every call with `price`."""
    # PUSH32 price, PUSH0, MSTORE, PUSH1 32, PUSH0, RETURN
    return "0x7f" + price.to_bytes(32).hex() + "5f52" + "60205ff3"
