"""Asset-backed margin on contracts and model side by side.

A `MarginDesk` acts on a deployment and a model of it. Every action goes to both: they accept with
the same events of the pool in the same order, or refuse with the same error and values. What a swap
will do is asked of the exchange's quoter just before. Amounts are base units, prices WAD, times
seconds; tokens, pools and people are known by their addresses, as in structs.
"""

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
    CloseRequest,
    CollateralRequest,
    Controller,
    MarginPool,
    OpenRequest,
    Order,
    PairTerms,
    Payment,
    Position,
    Swap,
)
from prep.model.margin.book import CLOSED, TREASURY, Lenders
from prep.model.margin.checks import ORDER_SIGNER
from prep.model.margin.opening import IN_TOKENS
from prep.model.margin.positions import NO_SWAP, Swapped
from prep.node import Log, Reverted
from tests.exchange import FEE
from tests.margin_checks import Witness
from tests.margin_suite import CAP, CURVE, FUNCTIONS, TERMS, MarginSuite, Side
from tests.suite import ZERO_ADDRESS

ETHER = "ether"
"""In the places of tokens, where it is counted who has it."""
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


class MarginDesk(Sending):
    """What anybody can do."""

    def pool(self, side: Side) -> MarginPool:
        return self.pools[side.address]

    # --------------------------------------------------------------------------------------- swaps

    def quote(
        self, sold: str, bought: str, amount: int, most: int, *, exact_output: bool = False
    ) -> Swapped:
        """What a swap of the pool will do: of `amount` of what is sold, or for so much of what is
        bought, with an allowance of `most`."""
        tokens = (bought, sold) if exact_output else (sold, bought)
        path = bytes.fromhex(tokens[0][2:]) + FEE.to_bytes(3) + bytes.fromhex(tokens[1][2:])
        function = "quoteExactOutput" if exact_output else "quoteExactInput"
        call = self.suite.exchange.pools.contracts.quoter, f"{function}(bytes,uint256)"
        too_much = Rejected("Error", "STF")
        try:
            other = self._ask(*call, path, amount)[0]
        except Reverted:
            # More than the exchange has: it asks for a payment without end.
            return too_much
        swap = Swap(other, amount) if exact_output else Swap(amount, other)
        return too_much if swap.spent > most else swap

    # ----------------------------------------------------------------------------------- positions

    def open(
        self,
        who: Any,
        side: Side,
        request: data.OpenRequest,
        swapped: Swapped = NO_SWAP,
        position: Position | None = None,
        *,
        signer: Any = None,
        payment: Payment = IN_TOKENS,
    ) -> Any:
        """Opens, or increases the position. `signer`: somebody who is no order signer."""
        pool, ether = self.pool(side), payment.ether
        asked = OpenRequest(*request[:-2])
        signature = self.suite.signed(side, request, signer)
        by: dict[str, Any] = {"caller": who.address, "signer": _name(signer), "payment": payment}
        if position is None:
            call = FUNCTIONS["open"], tuple(request), signature
            return self.both(
                who, side, *call, model=lambda: pool.open(asked, swapped, **by), ether=ether
            )
        call = FUNCTIONS["increase"], tuple(request), signature, tuple(position)
        model = lambda: pool.increase(asked, position, swapped, **by)  # noqa: E731
        return self.both(who, side, *call, model=model, ether=ether)

    def close(
        self,
        who: Any,
        side: Side,
        request: data.CloseRequest,
        position: Position,
        swapped: Swapped,
        payout: int = 0,
        *,
        signer: Any = None,
    ) -> Any:
        asked = CloseRequest(*request[:-2])
        by = {"caller": who.address, "signer": _name(signer)}
        signature = self.suite.signed(side, request, signer)
        call = FUNCTIONS["close"], tuple(request), signature, tuple(position), payout
        model = lambda: self.pool(side).close(asked, position, swapped, payout, **by)  # noqa: E731
        return self.both(who, side, *call, model=model)

    def exit(
        self,
        who: Any,
        side: Side,
        position: Position,
        router_data: bytes,
        swapped: Swapped,
        min_payout: int = 0,
        payout: int = 0,
    ) -> Any:
        args = tuple(position), self.suite.router, router_data, min_payout, payout
        pool = self.pool(side)
        model = lambda: pool.exit(who.address, position, swapped, min_payout, payout)  # noqa: E731
        return self.both(who, side, FUNCTIONS["exit"], *args, model=model)

    def execute(
        self,
        who: Any,
        side: Side,
        order: data.Order,
        order_signer: Any,
        request: data.CloseRequest,
        position: Position,
        swapped: Swapped,
        *,
        signer: Any = None,
    ) -> Any:
        """By whoever is the executor; `order_signer` signs the order, whoever should."""
        args = (
            tuple(order),
            self.suite.signed(side, order, order_signer),
            tuple(request),
            self.suite.signed(side, request, signer),
            tuple(position),
        )

        def model() -> Any:
            return self.pool(side).execute_order(
                who.address,
                Order(*order),
                CloseRequest(*request[:-2]),
                position,
                swapped,
                signer=_name(signer),
                order_signed=order_signer.address == order.signer,
            )

        return self.both(who, side, FUNCTIONS["execute"], *args, model=model)

    def change(
        self,
        who: Any,
        side: Side,
        adds: bool,
        request: data.CollateralRequest,
        position: Position,
        *,
        signer: Any = None,
        payment: Payment = IN_TOKENS,
    ) -> Any:
        """Adds collateral, or takes it out."""
        pool, asked = self.pool(side), CollateralRequest(*request)
        by: dict[str, Any] = {"caller": who.address, "signer": _name(signer)}
        signature = self.suite.signed(side, request, signer)
        call = FUNCTIONS["add" if adds else "remove"], tuple(request), signature, tuple(position)

        def model() -> Any:
            if adds:
                return pool.add_collateral(asked, position, payment=payment, **by)
            return pool.remove_collateral(asked, position, **by)

        return self.both(who, side, *call, model=model, ether=payment.ether)

    # -------------------------------------------------------------------------------------- others

    def authorise(self, who: Any, side: Side, signer: str, authorised: bool) -> Any:
        model = lambda: self.pool(side).authorise_signer(who.address, signer, authorised)  # noqa: E731
        signature = "authoriseSigner(address,bool)"
        return self.both(who, side, signature, signer, authorised, model=model)

    def cancel(self, who: Any, side: Side, order: data.Order) -> Any:
        model = lambda: self.pool(side).cancel_order(who.address, Order(*order))  # noqa: E731
        return self.both(who, side, FUNCTIONS["cancel"], tuple(order), model=model)

    def claim(self, who: Any, side: Side, token: str, receiver: str) -> Any:
        model = lambda: self.pool(side).claim(who.address, token, receiver)  # noqa: E731
        return self.both(who, side, "claim(address,address)", token, receiver, model=model)

    def record(self, who: Any, side: Side, positions: list[Position], interests: list[int]) -> Any:
        model = lambda: self.pool(side).record_interest(who.address, positions, interests)  # noqa: E731
        args = [tuple(position) for position in positions], interests
        return self.both(who, side, FUNCTIONS["record"], *args, model=model)

    def liquidate(
        self,
        who: Any,
        side: Side,
        position: Position,
        interest: int,
        router_data: bytes,
        swapped: Swapped,
    ) -> Any:
        args = tuple(position), interest, self.suite.router, router_data
        model = lambda: self.pool(side).liquidate(who.address, position, interest, swapped)  # noqa: E731
        return self.both(who, side, FUNCTIONS["liquidate"], *args, model=model)

    def liquidate_marked(
        self, who: Any, side: Side, position: Position, router_data: bytes, swapped: Swapped
    ) -> Any:
        args = tuple(position), self.suite.router, router_data
        model = lambda: self.pool(side).liquidate_marked(who.address, position, swapped)  # noqa: E731
        return self.both(who, side, FUNCTIONS["liquidate_marked"], *args, model=model)

    def mark(self, who: Any, side: Side, position: Position, marked: bool = True) -> Any:
        """Marks, or clears the mark."""
        pool = self.pool(side)
        model = lambda: (pool.mark if marked else pool.unmark)(position)  # noqa: E731
        signature = FUNCTIONS["mark" if marked else "unmark"]
        return self.both(who, side, signature, tuple(position), model=model)

    # ----------------------------------------------------------------------- lenders, prices, roles

    def lend(self, who: Any, token: str, amount: int) -> Any:
        return self._lending_action(who, token, "deposit(uint256,address)", amount, 1)

    def take_back(self, who: Any, token: str, amount: int) -> Any:
        return self._lending_action(who, token, "withdraw(uint256,address,address)", amount, -1)

    def _lending_action(self, who: Any, token: str, signature: str, amount: int, way: int) -> Any:
        vault, name = self.vaults[token], who.address
        action = vault.deposit if way > 0 else vault.withdraw
        target = next(v for v in self.suite.lending.values() if v.address == self.vault_of[token])
        args = (name,) if way > 0 else (name, name)
        result = self.both(
            who, target, signature, amount, *args, model=lambda: action(name, amount)
        )
        if not isinstance(result, Rejected):
            self.money[name, token] -= way * amount
            self.money[target.address, token] += way * amount
        return result

    def set_borrow_cap(self, token: str, side: Side, cap: int) -> None:
        """By the admin, who may register anew."""
        self.vaults[token].set_borrow_cap(side.address, cap)
        signature = "registerBorrower(address,uint8,uint256)"
        self.suite.send(
            self.suite.admin, _At(self.vault_of[token]), signature, side.address, 2, cap
        )

    def block(self, who: Any, token: str, blocked: bool) -> None:
        """A token that can refuse people does, or no longer."""
        self.suite.send(
            self.suite.admin, _At(token), "setBlocked(address,bool)", who.address, blocked
        )
        for pool in self.pools.values():
            if blocked:
                pool.refusing[who.address, token] = NO_PAYOUT
            else:
                pool.refusing.pop((who.address, token), None)
        self.synchronise()

    def set_price(self, pair: tuple[str, str], price: int) -> None:
        """Of a checked pair, by symbols."""
        self.suite.set_price(pair, price)
        self.controller.prices[self.suite.oracles[pair].address] = price

    def set_pair(self, who: Any, pair: tuple[str, str], terms: data.PairTerms) -> Any:
        model = lambda: self.controller.set_pair(*pair, as_terms(terms))  # noqa: E731
        signature = f"setPair(address,address,{TERMS})"
        return self.both(who, self.suite.controller, signature, *pair, tuple(terms), model=model)

    def disable_pair(self, pair: tuple[str, str]) -> Any:
        model = lambda: self.controller.disable_pair(*pair)  # noqa: E731
        who, target = self.suite.guardian, self.suite.controller
        return self.both(who, target, "disablePair(address,address)", *pair, model=model)

    def set_max_apy(self, token: str, apy: int) -> Any:
        model = lambda: self.controller.set_max_apy(token, apy)  # noqa: E731
        who, target = self.suite.risk_manager, self.suite.controller
        return self.both(who, target, "setMaxApy(address,uint256)", token, apy, model=model)

    def set_grace_period(self, period: int) -> Any:
        model = lambda: self.controller.set_grace_period(period)  # noqa: E731
        who, target = self.suite.risk_manager, self.suite.controller
        return self.both(who, target, "setGracePeriod(uint256)", period, model=model)


class _At:
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


def _name(signer: Any) -> Any:
    return ORDER_SIGNER if signer is None else signer.address
