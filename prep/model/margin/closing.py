"""Closing by request, by the trader alone and by order. docs/margin.md, "close" and below."""

from collections.abc import Hashable
from typing import NamedTuple

from prep.model.errors import Rejected
from prep.model.margin import arithmetic
from prep.model.margin.book import CLOSED, TREASURY
from prep.model.margin.checks import ORDER_SIGNER, Checks
from prep.model.margin.positions import (
    NO_SWAP,
    CloseRequest,
    Closing,
    Order,
    OrderCancelled,
    OrderExecuted,
    Payout,
    Position,
    PositionClosed,
    SignerAuthorised,
    Swapped,
)


class Terms(NamedTuple):
    """What is closed, and what for."""

    amount: int
    interest: int
    fee: int
    min_payout: int
    payout: Payout


class ClosingOut(Checks):
    """Less risk, on the trader's demand."""

    def close(
        self,
        request: CloseRequest,
        position: Position,
        swapped: Swapped,
        payout: Payout = Payout.TOKEN,
        *,
        caller: Hashable | None = None,
        signer: Hashable = ORDER_SIGNER,
    ) -> Closing:
        """Closes a position or a part of it. The caller is the request's trader by default."""
        with self._action():
            self._check_request(request, request.trader if caller is None else caller, signer)
            self._check_position(position, request)
            return self._close(
                position,
                Terms(request.amount, request.interest, request.fee, request.min_payout, payout),
                swapped,
            )

    def exit(
        self,
        caller: Hashable,
        position: Position,
        swapped: Swapped,
        min_payout: int = 0,
        payout: Payout = Payout.TOKEN,
    ) -> Closing:
        """Closes a whole position without a request, at the highest interest."""
        with self._action():
            self._check_stored(position)
            if caller != position.trader:
                raise Rejected("NotTrader", caller, position.trader)
            interest = self.max_interest(position)
            terms = Terms(position.collateral, interest, 0, min_payout, payout)
            return self._close(position, terms, swapped)

    def execute_order(
        self,
        caller: Hashable,
        order: Order,
        request: CloseRequest,
        position: Position,
        swapped: Swapped,
        *,
        signer: Hashable = ORDER_SIGNER,
        order_signed: bool = True,
    ) -> Closing:
        """Closes a position by an order of its trader; `order_signed`: by its signer."""
        with self._action():
            self._check_role(caller, self.executors)
            self._check_request(request, None, signer)
            self._check_position(position, request)
            self._check_order(order, request, position, order_signed)
            least, payout = request.min_payout, order.payout
            terms = Terms(request.amount, request.interest, request.fee, least, payout)
            closing = self._close(position, terms, swapped)
            if closing.payout < order.min_payout:
                raise Rejected("PayoutTooLow", closing.payout, order.min_payout)
            if self.is_long and closing.spent != closing.amount:
                raise Rejected("WrongAmountSpent", closing.spent, closing.amount)
            self._check_closing_swap(position, closing.spent, closing.received)
            self._check_condition(order, closing)
            self._emit(OrderExecuted(order.id, order.trader, order))
        return closing

    def authorise_signer(self, trader: Hashable, signer: Hashable, authorised: bool) -> None:
        """Lets somebody sign orders for the trader, or no longer."""
        with self._action():
            (self.authorised.add if authorised else self.authorised.discard)((trader, signer))
            self._emit(SignerAuthorised(trader, signer, authorised))

    def cancel_order(self, caller: Hashable, order: Order) -> None:
        """Makes an order void."""
        with self._action():
            if caller not in (order.trader, order.signer):
                raise Rejected("NotTrader", caller, order.trader)
            self.cancelled.add(order)
            self._emit(OrderCancelled(order.trader, order))

    # ------------------------------------------------------------------------------------ internal

    def _check_order(
        self, order: Order, request: CloseRequest, position: Position, signed: bool
    ) -> None:
        meant = order.id == request.id and order.trader == request.trader
        if not meant or request.amount != position.collateral:
            raise Rejected("OrderMismatch")
        if self.now > order.expiry:
            raise Rejected("Expired", order.expiry, self.now)
        own = order.signer == order.trader or (order.trader, order.signer) in self.authorised
        if not own or not signed:
            raise Rejected("NotOrderOfTrader", order.signer, order.trader)
        if order in self.cancelled:
            raise Rejected("OrderIsCancelled", order)

    def _check_condition(self, order: Order, closing: Closing) -> None:
        """At the price of the swap, exactly."""
        base, quote = closing.spent, closing.received
        if not self.is_long:
            base, quote = quote, base
        realised, wanted = quote * order.base_amount, order.quote_amount * base
        above = order.take_profit is self.is_long
        if realised < wanted if above else realised > wanted:
            raise Rejected("ConditionNotMet", quote, base)

    def _close(
        self,
        position: Position,
        terms: Terms,
        swapped: Swapped,
    ) -> Closing:
        """Of a position that may be closed so."""
        amount, interest, fee = terms.amount, terms.interest, terms.fee
        if amount == 0:
            raise Rejected("ZeroAmount")
        if amount > position.collateral:
            raise Rejected("AmountTooLarge", amount, position.collateral)
        self._check_interest(position, interest)
        paid = arithmetic.principal_part(position.principal, amount, position.collateral)

        owed, held = self.owed_token(position), self.held_token(position)
        # A short that owes nothing has nothing to buy.
        swap = self._swap(held, owed, swapped) if self.is_long or paid + interest else NO_SWAP
        if self.is_long:
            self._check_covered(swap.received, paid + interest + fee)
            payout, beyond = swap.received - paid - interest - fee, amount - swap.spent
        else:
            self._check_covered(swap.received, paid + interest)
            self._check_covered(amount, swap.spent + fee)
            payout, beyond = amount - swap.spent - fee, swap.received - paid - interest
        self._check_fee(fee, swap.received if self.is_long else swap.spent)
        if payout < terms.min_payout:
            raise Rejected("PayoutTooLow", payout, terms.min_payout)

        self._record(owed, interest)
        self._repay(owed, paid + interest)
        self._send(position.quote, TREASURY, fee)
        self._send(position.base, position.trader, beyond)
        self._send(position.quote, position.trader, payout, terms.payout)
        left = position._replace(
            principal=position.principal - paid,
            collateral=position.collateral - amount,
            last_funding=self._funded(position, interest),
            nonce=position.nonce + 1,
        )
        self._store(position.id, left if left.collateral else CLOSED)
        closing = Closing(amount, *swap, paid, interest, fee, payout, 0)
        self._emit(PositionClosed(position.id, position.trader, left, closing))
        return closing

    @staticmethod
    def _check_covered(available: int, due: int) -> None:
        if available < due:
            raise Rejected("DebtNotCovered", available, due)
