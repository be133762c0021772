"""Asset-backed positions under attack: what must hold after each, and what attackers own."""

from collections.abc import Iterable
from contextlib import contextmanager
from dataclasses import dataclass

import pytest
from eth_utils import function_signature_to_4byte_selector as selector_of
from eth_utils import keccak

from prep.margin.data import CLOSED, Position, encode_struct, struct_of
from prep.node import Reverted
from tests.margin_suite import TERMS, MarginSuite, Side
from tests.suite import WAD

SWAP = selector_of("swap()")
"""Of `HostileRouter`, its function that is allowed."""
BPS = 10_000
HOUR = 3_600
DAY = 86_400
YEAR = 31_536_000
CALLS = "(address,bytes)[]"
GAS = hex(25_000_000)
"""Of putting many calls into storage."""


@contextmanager
def refused(name: str, *args):
    """With this error and, where values are named, with all of them."""
    with pytest.raises(Reverted) as raised:
        yield
    error = raised.value
    assert error.name == name, f"expected {name}{args}, got {error}"
    if args:
        assert tuple(map(_lower, error.args_)) == tuple(map(_lower, args)), str(error)


def _lower(value):
    return value.lower() if isinstance(value, str) else value


def ceil(a: int, b: int) -> int:
    return -(-a // b)


def leave_ether(margin: MarginSuite, who, amount: int, router: str | None = None) -> None:
    """In the exchange's router, which pays with it instead of a pool's wrapped ether."""
    margin.node.rpc("anvil_setBalance", who.address, hex(10**30))
    call = selector_of("multicall(bytes[])") + (32).to_bytes(32) + bytes(32)
    margin.node.execute_data(who.address, router or margin.router, "0x" + call.hex(), amount)


def take_ether(margin: MarginSuite, who) -> None:
    """All that lies there. Anyone may."""
    margin.node.execute_data(who.address, margin.router, "0x" + selector_of("refundETH()").hex())


def ether(margin: MarginSuite, who) -> int:
    """Wei of an account, or an address."""
    address = getattr(who, "address", who)
    return int(margin.node.rpc("eth_getBalance", address, "latest"), 16)


def positions(margin: MarginSuite, side: Side) -> list[Position]:
    """Those that are open, as the latest event of each has it."""
    query = {"fromBlock": "0x0", "toBlock": "latest", "address": side.address}
    latest = {}
    for log in map(margin.node._log, margin.node.rpc("eth_getLogs", query)):
        for value in log.args:
            if isinstance(value, tuple) and len(value) == 8 and isinstance(value[1], str):
                latest[value[0]] = struct_of(Position, value)
    return [position for position in latest.values() if position.collateral]


def check_books(margin: MarginSuite, donated: dict[tuple[str, str], int] | None = None) -> None:
    """A1 to A4 of both pools. `donated`: tokens that somebody just sent, by side and symbol."""
    donated = donated or {}
    for name, side in margin.sides.items():
        held, owed = dict.fromkeys(margin.tokens, 0), dict.fromkeys(margin.tokens, 0)
        for position in positions(margin, side):
            held[margin.symbol(margin.held(side, position))] += position.collateral
            owed[margin.symbol(margin.owed(side, position))] += position.principal
            stored = margin.stored(side, position.id)
            assert stored == keccak(encode_struct(position)), f"A3: {position}"
            assert stored != CLOSED
        for symbol, token in margin.tokens.items():
            balance = margin.balance(side.address, symbol)
            kept = claimable(margin, side, symbol)
            expected = held[symbol] + kept + donated.get((name, symbol), 0)
            assert balance == expected, f"A1: {name} holds {balance} {symbol}, not {expected}"
            if symbol not in margin.lending:
                continue
            vault = margin.lending[symbol].address
            (debt,) = margin.node.read((vault, "debtOf(address)", side.address))
            assert debt == owed[symbol], f"A2: {name} owes {debt} {symbol}, not {owed[symbol]}"
            for spender in (margin.router, vault):
                allowance = token.address, "allowance(address,address)", side.address, spender
                assert margin.node.read(allowance)[0] == 0, f"A4: {name} {symbol} {spender}"


def claimable(margin: MarginSuite, side: Side, symbol: str) -> int:
    """Of all traders."""
    query = {"fromBlock": "0x0", "toBlock": "latest", "address": side.address}
    kept = 0
    for log in map(margin.node._log, margin.node.rpc("eth_getLogs", query)):
        if log.name in ("PayoutKept", "PayoutClaimed") and (
            log.args[1].lower() == margin.tokens[symbol].address.lower()
        ):
            kept += log.args[-1] if log.name == "PayoutKept" else -log.args[-1]
    return kept


def wealth(margin: MarginSuite, *accounts) -> dict[str, int]:
    """Tokens of some accounts together, by symbol."""
    return {s: sum(margin.balance(a, s) for a in accounts) for s in margin.tokens}


def lent(margin: MarginSuite, symbol: str) -> int:
    """What lenders of a token have, locked interest included."""
    vault = margin.lending[symbol].address
    assets, locked = margin.node.read((vault, "totalAssets()"), (vault, "lockedInterest()"))
    return assets + locked


def gained(before: dict[str, int], after: dict[str, int]) -> dict[str, int]:
    """Without what has not changed."""
    return {s: after[s] - before[s] for s in before if after[s] != before[s]}


def of_pool(margin: MarginSuite, side: Side, logs, name: str) -> Position:
    """After an event whose name another contract's has too."""
    return margin.after([log for log in logs if log.address == side.address], name)


@dataclass(frozen=True)
class Hostile:
    """A router of an attacker, allowed in both pools, over the tokens of a suite."""

    margin: MarginSuite
    address: str

    def call(self, target, signature: str, *args) -> tuple[str, bytes]:
        """Something to do during a swap."""
        address = getattr(target, "address", target)
        return address, bytes.fromhex(self.margin.node._data(signature, args)[2:])

    def arm(self, *calls: tuple[str, bytes]) -> None:
        node, admin = self.margin.node, self.margin.admin.address
        data = node._data(f"arm({CALLS})", [list(calls)])
        tx = {"from": admin, "to": self.address, "data": data, "gas": GAS, "gasPrice": "0x0"}
        assert node.rpc("eth_sendTransactionSync", tx)["status"] == "0x1"

    def take(self, side: Side, symbol: str, amount: int) -> tuple[str, bytes]:
        """Tokens of a pool, as far as it has allowed."""
        token = self.margin.tokens[symbol]
        return self.call(
            token, "transferFrom(address,address,uint256)", side.address, self.address, amount
        )

    def give(self, to, symbol: str, amount: int) -> tuple[str, bytes]:
        address = getattr(to, "address", to)
        token = self.margin.tokens[symbol]
        return self.call(token, "transfer(address,uint256)", address, amount)

    def trade(self, side: Side, sold: str, given: int, bought: str, brought: int) -> None:
        """Swaps as an exchange would, at the attacker's price. It has what it gives."""
        self.fund(bought, brought)
        calls = [self.take(side, sold, given)] if given else []
        self.arm(*calls, *([self.give(side, bought, brought)] if brought else []))

    def fund(self, symbol: str, amount: int) -> None:
        """At least so much of a token."""
        missing = amount - self.margin.balance(self.address, symbol)
        if missing > 0:
            token = self.margin.tokens[symbol]
            admin = self.margin.admin
            self.margin.send(admin, token, "mint(address,uint256)", self.address, missing)

    def answers(self) -> list[tuple[bool, bytes]]:
        return self.margin.node.read((self.address, "answers()"))[0]

    def run(self, target, signature: str, *args):
        """As this contract."""
        node = self.margin.node
        address = getattr(target, "address", target)
        data = bytes.fromhex(node._data(signature, args)[2:])
        return node.execute(
            self.margin.admin.address, self.address, "run(address,bytes)", address, data
        )

    @property
    def route(self) -> dict:
        """What a request says to swap here."""
        return {"router": self.address, "data": SWAP}


def deploy_hostile(project, margin: MarginSuite, sides: Iterable[Side] = ()) -> Hostile:
    """Allowed by the admin, in both pools unless others are named."""
    address = margin.node.deploy(margin.admin.address, project.HostileRouter.contract_type)
    for side in sides or margin.sides.values():
        margin.send(margin.admin, side, "setRouter(address,bytes4,bool)", address, SWAP, True)
    return Hostile(margin, address)


def highest_cost(base: int, price: int, deviation: int) -> int:
    """Quote tokens, as docs/margin.md has it."""
    return base * price // WAD * (BPS + deviation) // BPS


def least_proceeds(base: int, price: int, deviation: int) -> int:
    return ceil(ceil(base * price, WAD) * (BPS - deviation), BPS)


def terms_of(margin: MarginSuite, pair: tuple[str, str], **changes):
    """The terms of a pair, with changes, as a tuple."""
    names = ("oracle", "leverage", "maintenance", "fee", "deviation", "long", "short", "disabled")
    tokens = [margin.tokens[s].address for s in pair]
    now = margin.node.read((margin.controller.address, "terms(address,address)", *tokens))[0]
    terms = dict(zip(names, now, strict=True))
    assert changes.keys() <= terms.keys()
    return tuple((terms | changes).values())


def set_terms(margin: MarginSuite, pair: tuple[str, str], **changes) -> None:
    tokens = [margin.tokens[s].address for s in pair]
    signature = f"setPair(address,address,{TERMS})"
    terms = terms_of(margin, pair, **changes)
    margin.send(margin.risk_manager, margin.controller, signature, *tokens, terms)
