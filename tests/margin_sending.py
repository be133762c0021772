"""How an action goes to contracts and to the model of asset-backed margin, and how what they say is
compared. Amounts are base units; tokens, pools and people are known by their addresses."""

from collections import Counter
from collections.abc import Callable
from typing import Any

from eth_utils import keccak

from prep.margin import data
from prep.margin.typed import digest
from prep.model import Rejected
from prep.model.interest import BorrowerKind, RateCurve
from prep.model.lending import LendingPool
from prep.model.margin import (
    Controller,
    MarginPool,
    Order,
    PairTerms,
    Position,
)
from prep.model.margin.book import CLOSED, TREASURY, Lenders
from prep.model.margin.checks import ORDER_SIGNER
from prep.node import Log, Reverted
from tests.margin_checks import Witness
from tests.margin_suite import CAP, CURVE, MarginSuite
from tests.suite import ZERO_ADDRESS

ETHER = "ether"
"""In the places of tokens, where it is counted who has it."""
REVERTING = "0x60006000fd"
"""Code that does nothing else."""
NO_PRICE = Rejected("unknown error 0x")
SIGNED = {"open", "increase", "close", "addCollateral", "removeCollateral", "executeOrder"}
"""Functions that take a request."""
NO_PAYMENT = Rejected("TransferFromFailed")
NO_PAYOUT = Rejected("TransferFailed")
"""What pools say when a token refuses a payment, and to be sent."""


class Sending:
    """How an action goes to both, and what the model knows at first."""

    def __init__(self, suite: MarginSuite) -> None:
        self.suite, self.node = suite, suite.node
        self.now = suite.time()
        self.weth = suite.exchange.tokens["WETH"].address
        self.controller = Controller(self.now)
        self.vaults: dict[str, LendingPool] = {}
        self.vault_of: dict[str, str] = {}
        """Addresses of lending vaults by token."""
        for symbol, vault in suite.lending.items():
            token = suite.tokens[symbol].address
            self.vault_of[token] = vault.address
            self.vaults[token] = self._lending(vault.address)
            self.controller.apys[token] = self._ask(
                suite.controller.address, "maxApy(address)", token
            )
        for (base, quote), _ in suite.markets.items():
            pair = suite.tokens[base].address, suite.tokens[quote].address
            terms = self._ask(suite.controller.address, "terms(address,address)", *pair)
            self.controller.pairs[pair] = as_terms(terms)
        for oracle in suite.oracles.values():
            self.controller.prices[oracle.address] = self._ask(oracle.address, "price()")
        self.pools: dict[str, MarginPool] = {}
        self.witnesses: dict[str, Witness] = {}
        """By the pool's address."""
        for side in suite.sides.values():
            pool = MarginPool(
                self.controller,
                self.vaults,
                is_long=side.is_long,
                name=side.address,
                weth=self.weth,
            )
            pool.executors.add(suite.executor.address)
            pool.liquidators.add(suite.liquidator.address)
            self.pools[side.address] = pool
            self.witnesses[side.address] = Witness(pool)
            for vault in self.vaults.values():
                vault.register_borrower(side.address, BorrowerKind.QUOTED, CAP)
        self.holders = [suite.lender.address, suite.treasury, suite.liquidator.address]
        self.holders += [*self.pools, *self.vault_of.values()]
        self.money: Counter[tuple[str, str]] = Counter()
        """By holder and token: what each should have."""
        self.seen: Counter[str] = Counter()
        self._pending = False
        # Of the library that pools move tokens with; their ABI does not have it.
        for error in (NO_PAYMENT, NO_PAYOUT):
            self.node.interface.errors[keccak(text=f"{error.name}()")[:4]] = (error.name, [])

    def watch(self, *holders: str) -> None:
        """Counts the tokens of these people, too."""
        self.holders += holders
        for key, amount in zip(self.wallets(), self.count(), strict=True):
            self.money[key] = amount

    def wallets(self) -> list[tuple[str, str]]:
        """Whose money of which kind is compared."""
        return [(h, t) for h in self.holders for t in (*self.vaults, ETHER)]

    def count(self) -> list[int]:
        """The same, as it is."""
        data_ = self.node._data
        calls = [
            ("eth_getBalance", (holder, "latest"))
            if token == ETHER
            else (
                "eth_call",
                ({"to": token, "data": data_("balanceOf(address)", (holder,))}, "latest"),
            )
            for holder, token in self.wallets()
        ]
        return [int(answer, 16) for answer in self.node.batch(calls)]

    def tick(self, seconds: int) -> None:
        """The next block, which the next action is in, is so much later."""
        self.now += seconds
        self._pending = True
        self.node.at(self.now)
        self.controller.now = self.now
        for vault in self.vaults.values():
            vault.now = self.now

    def settle(self) -> None:
        """What can be seen is of the time that it is, even if nothing happens."""
        if self._pending:
            self.node.mine()
            self._pending = False

    def synchronise(self) -> None:
        """After transactions that took what time they took."""
        self.now = self.node.time()
        self.tick(0)

    def both(
        self,
        who: Any,
        target: Any,
        signature: str,
        *args: Any,
        model: Callable[[], Any],
        ether: int = 0,
    ) -> Any:
        """Sends the call, and the same to the model. What the model returns; a `Rejected` if both
        have refused."""
        sender, address = who.address, target.address
        self._pending = False
        name = signature.partition("(")[0]
        if address in self.pools:
            self.witnesses[address].look()
        try:
            expected = model()
        except Rejected as refused:
            expected = refused
        try:
            logs = self.node.execute(sender, address, signature, *args, value=ether)
        except Reverted as reverted:
            seen = reverted.name, plain(reverted.args_)
            assert isinstance(expected, Rejected), f"{name}{brief(args)}: refused with {seen}"
            wanted = expected.name, self.said(address, expected.args)
            assert seen == wanted, f"{name}{brief(args)}: {seen}, by the model {wanted}"
            self.seen[f"refused: {expected.name}"] += 1
            return expected
        assert not isinstance(expected, Rejected), (
            f"{name}{brief(args)} goes through, not {expected!r}"
        )
        if address in self.pools:
            self._compare_events(address, name, logs)
            self.witnesses[address].check()
            if name in SIGNED:
                self._try_again(sender, signature, args)
        self.seen[name] += 1
        return expected

    def _try_again(self, sender: str, signature: str, args: tuple[Any, ...]) -> None:
        """What was signed is good no more, nor for the other pool, nor for another position."""
        calls = [(address, args) for address in self.pools]
        request, *rest = args
        unused = max(max(pool.stored, default=0) for pool in self.pools.values()) + 10**9
        calls += [(address, ((unused, *request[1:]), *rest)) for address in self.pools]
        for address, again in calls:
            try:
                self.node.simulate(sender, address, signature, *again)
            except Reverted:
                continue
            raise AssertionError(f"R5 {signature}{brief(again)} works at {address}, too")

    def _compare_events(self, address: str, name: str, logs: list[Log]) -> None:
        pool = self.pools[address]
        seen = [(log.name, plain(log.args)) for log in logs if log.address == address]
        wanted = [(type(e).__name__, self.said(address, e)) for e in pool.events]
        assert seen == wanted, f"events of {name}: {seen}, by the model {wanted}"
        for event, _ in seen:
            self.seen[event] += 1
        for move in pool.moves:
            for holder, sign in ((move.source, -1), (move.target, 1)):
                of = ETHER if move.as_ether and holder != pool.name else move.token
                self.money[self.address(holder), of] += sign * move.amount

    def address(self, holder: Any) -> str:
        """Of somebody whom the model knows."""
        if isinstance(holder, Lenders):
            return self.vault_of[holder.token]
        return {TREASURY: self.suite.treasury}.get(holder, holder)

    def said(self, address: str, values: Any) -> Any:
        """As the contracts say it: hashes of positions in errors, digests of orders."""
        domain = (
            next(s.domain for s in self.suite.sides.values() if s.address == address)
            if (address in self.pools)
            else None
        )
        if type(values) is tuple and any(isinstance(v, Position) for v in values):
            return plain((values[0], *map(hash_of, values[1:])))
        if isinstance(values, tuple):
            return plain(
                tuple(
                    digest(domain, data.Order(*v)) if isinstance(v, Order) and domain else v
                    for v in values
                )
            )
        return plain(values)

    def _lending(self, vault: str) -> LendingPool:
        """As the suite has left it: one lender, no loans."""
        lender = self.suite.lender.address
        pool = LendingPool(
            self.now,
            RateCurve(*CURVE),
            reserve_share=self._ask(vault, "reserveShare()"),
            profit_unlock_time=self._ask(vault, "profitUnlockTime()"),
        )
        pool.deposit(lender, self._ask(vault, "idle()"))
        assert pool.supply == self._ask(vault, "totalSupply()")
        return pool

    def _ask(self, *call: Any) -> Any:
        return self.node.read(call)[0]


class At:
    """A contract of which nothing but the address matters."""

    def __init__(self, address: str) -> None:
        self.address = address


def as_terms(terms: tuple) -> PairTerms:
    """The contracts' struct for the model."""
    oracle, leverage, margin, fee, deviation, long_limit, short_limit, disabled = terms
    return PairTerms(
        oracle=None if oracle == ZERO_ADDRESS else _checksummed(oracle),
        max_leverage=leverage,
        maintenance_margin=margin,
        liquidation_fee=fee,
        max_deviation=deviation,
        long_limit=long_limit,
        short_limit=short_limit,
        disabled=disabled,
    )


def hash_of(state: Position | str | None) -> bytes:
    """What a pool stores."""
    if isinstance(state, Position):
        return data.position_hash(data.Position(*state))
    return data.CLOSED if state == CLOSED else data.NEVER_OPENED


def plain(value: Any) -> Any:
    """Names as text, addresses in lower case, tuples throughout."""
    if isinstance(value, bytes) and len(value) == 32:
        text = value.rstrip(b"\0")
        return text.decode() if text.isalpha() and len(text) < 32 else value
    if isinstance(value, str):
        return value.lower() if value.startswith("0x") else value
    if isinstance(value, (tuple, list)):
        return tuple(plain(item) for item in value)
    return ZERO_ADDRESS if value is None else value


def brief(value: Any) -> Any:
    """Arguments without what routers are called with and signatures."""
    if isinstance(value, bytes):
        return f"{len(value)} bytes"
    return tuple(map(brief, value)) if isinstance(value, (tuple, list)) else value


def _checksummed(address: str) -> str:
    return data.parse_address(address)


def signer_name(signer: Any) -> Any:
    """As the model knows a signer; None stands for the order signer."""
    return ORDER_SIGNER if signer is None else signer.address
