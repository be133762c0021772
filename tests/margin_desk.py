"""Asset-backed margin on contracts and model side by side.

A `MarginDesk` acts on a deployment and a model of it. Every action goes to both: they accept with
the same events of the pool in the same order, or refuse with the same error and values. What a swap
will do is asked of the exchange's quoter just before. Amounts are base units, prices WAD, times
seconds; tokens, pools and people are known by their addresses, as in structs.
"""

from typing import Any

from prep.margin import data
from prep.model import Rejected
from prep.model.margin import (
    CloseRequest,
    CollateralRequest,
    MarginPool,
    OpenRequest,
    Order,
    Payment,
    Position,
    Swap,
)
from prep.model.margin.opening import IN_TOKENS
from prep.model.margin.positions import NO_SWAP, Swapped
from prep.node import Reverted
from tests.exchange import FEE
from tests.margin_sending import (
    NO_PAYOUT,
    NO_PRICE,
    REVERTING,
    At,
    Sending,
    as_terms,
    signer_name,
)
from tests.margin_suite import FUNCTIONS, TERMS, Side


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
        by: dict[str, Any] = {
            "caller": who.address,
            "signer": signer_name(signer),
            "payment": payment,
        }
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
        by = {"caller": who.address, "signer": signer_name(signer)}
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
                signer=signer_name(signer),
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
        by: dict[str, Any] = {"caller": who.address, "signer": signer_name(signer)}
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

    def liquidate_part(
        self,
        who: Any,
        side: Side,
        position: Position,
        amount: int,
        interest: int,
        router_data: bytes,
        swapped: Swapped,
    ) -> Any:
        args = tuple(position), amount, interest, self.suite.router, router_data
        part, by = self.pool(side).liquidate_part, who.address
        model = lambda: part(by, position, amount, interest, swapped)  # noqa: E731
        return self.both(who, side, FUNCTIONS["liquidate_part"], *args, model=model)

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
        self.suite.send(self.suite.admin, At(self.vault_of[token]), signature, side.address, 2, cap)

    def block(self, who: Any, token: str, blocked: bool) -> None:
        """A token that can refuse people does, or no longer."""
        self.suite.send(
            self.suite.admin, At(token), "setBlocked(address,bool)", who.address, blocked
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

    def set_dead(self, pair: tuple[str, str], dead: bool) -> None:
        """The oracle of a checked pair reverts from now on, or has its code and price again."""
        oracle = self.suite.oracles[pair]
        alive = oracle.contract_type.runtime_bytecode.bytecode
        self.node.rpc("anvil_setCode", oracle.address, REVERTING if dead else alive)
        price = NO_PRICE if dead else self._ask(oracle.address, "price()")
        self.controller.prices[oracle.address] = price
        self.synchronise()

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
