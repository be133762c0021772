"""Opening and increasing. docs/margin.md, "open, increase"."""

from collections.abc import Hashable
from typing import Final

from prep.model.errors import Rejected
from prep.model.margin import arithmetic
from prep.model.margin.book import TREASURY
from prep.model.margin.checks import ORDER_SIGNER, Checks
from prep.model.margin.positions import (
    NO_SWAP,
    OpenRequest,
    Payment,
    Position,
    PositionIncreased,
    PositionOpened,
    Swap,
    Swapped,
)
from prep.model.margin.terms import PairTerms

IN_TOKENS: Final = Payment()


class Opening(Checks):
    """New risk."""

    def open(
        self,
        request: OpenRequest,
        swapped: Swapped = NO_SWAP,
        *,
        caller: Hashable | None = None,
        signer: Hashable = ORDER_SIGNER,
        payment: Payment = IN_TOKENS,
    ) -> Position:
        """Opens a position. The caller is the request's trader by default."""
        with self._action():
            self._check_request(request, request.trader if caller is None else caller, signer)
            if request.id in self.stored:
                raise Rejected("IdUsed", request.id)
            if request.nonce != 0:
                raise Rejected("WrongPosition", request.id, 0, request.id, request.nonce)
            tokens = request.trader, request.base, request.quote
            position = Position(request.id, *tokens, 0, 0, self.now, 0)
            opened, borrowed, swap = self._grow(request, position, swapped, payment)
            self._emit(
                PositionOpened(
                    request.id,
                    request.trader,
                    opened,
                    request.down_payment,
                    borrowed,
                    request.fee,
                    *swap,
                )
            )
        return opened

    def increase(
        self,
        request: OpenRequest,
        position: Position,
        swapped: Swapped = NO_SWAP,
        *,
        caller: Hashable | None = None,
        signer: Hashable = ORDER_SIGNER,
        payment: Payment = IN_TOKENS,
    ) -> Position:
        """Adds to a position: interest is charged, more is borrowed and swapped."""
        with self._action():
            self._check_request(request, request.trader if caller is None else caller, signer)
            self._check_position(position, request)
            if (request.base, request.quote) != (position.base, position.quote):
                raise Rejected("WrongTokens", request.base, request.quote)
            increased, borrowed, swap = self._grow(request, position, swapped, payment)
            self._emit(
                PositionIncreased(
                    request.id,
                    request.trader,
                    increased,
                    request.down_payment,
                    borrowed,
                    request.interest,
                    request.fee,
                    *swap,
                )
            )
        return increased

    def _grow(
        self,
        request: OpenRequest,
        position: Position,
        swapped: Swapped,
        payment: Payment,
    ) -> tuple[Position, int, Swap]:
        """From the second step on. The position, what was borrowed, what was swapped."""
        terms = self._check_enabled(request.base, request.quote)
        down_payment, principal, fee = request.down_payment, request.principal, request.fee
        if principal == 0 and (position.nonce == 0 or down_payment == 0):
            raise Rejected("ZeroAmount")
        self._check_interest(position, request.interest)

        owed, held = self.owed_token(position), self.held_token(position)
        self._record(owed, request.interest)
        self._take(request.quote, request.trader, down_payment + fee, payment)
        self._borrow(owed, principal)
        given = down_payment + principal if self.is_long else principal
        swap = self._swap(owed, held, swapped) if given else NO_SWAP
        if swap.spent > given:
            raise Rejected("WrongAmountSpent", swap.spent, given)
        if swap.received < request.min_output:
            raise Rejected("OutputTooLow", swap.received, request.min_output)
        returned = min(given - swap.spent, principal)
        borrowed = principal - returned
        self._repay(owed, returned)
        self._send(owed, request.trader, given - swap.spent - returned)

        added = swap.received if self.is_long else down_payment + swap.received
        grown = position._replace(
            principal=position.principal + request.interest + borrowed,
            collateral=position.collateral + added,
            last_funding=self.now,
            nonce=position.nonce + 1,
        )
        if grown.collateral == 0:
            raise Rejected("ZeroAmount")
        self._check_opening(request, terms, borrowed, swap)
        if terms.oracle is not None:
            health = self._health(grown, terms)
            if health.within_threshold:
                raise Rejected("MarginTooLow", *health)
        self._check_fee(fee, swap.spent if self.is_long else swap.received)
        self._send(request.quote, TREASURY, fee)
        self._store(grown.id, grown)
        return grown, borrowed, swap

    def _check_opening(
        self, request: OpenRequest, terms: PairTerms, borrowed: int, swap: Swap
    ) -> None:
        """Price, leverage and limit."""
        if self.is_long:
            self._check_purchase(swap.received, swap.spent, terms)
        else:
            self._check_sale(swap.spent, swap.received, terms)

        leverage, down_payment = terms.max_leverage, request.down_payment
        if self.is_long:
            self._check_principal(
                borrowed, arithmetic.highest_principal_long(down_payment, leverage)
            )
        elif terms.oracle is not None:
            price = self.controller.price(terms.oracle)
            self._check_principal(
                borrowed, arithmetic.highest_principal_short(down_payment, leverage, price)
            )
        else:
            most = arithmetic.highest_sale(down_payment, leverage)
            if swap.received > most:
                raise Rejected("SaleTooLarge", swap.received, most)
        if terms.oracle is None:
            self._use_limit(request.base, request.quote, borrowed)

    @staticmethod
    def _check_principal(principal: int, most: int) -> None:
        if principal > most:
            raise Rejected("PrincipalTooHigh", principal, most)
