"""What every request and every position that is handed in must be, in the order of docs/margin.md,
and a position at the check price."""

from collections.abc import Hashable
from typing import Final, NamedTuple

from prep.model.errors import Rejected
from prep.model.margin import arithmetic
from prep.model.margin.book import Book
from prep.model.margin.positions import CloseRequest, CollateralRequest, OpenRequest, Position
from prep.model.margin.terms import PairTerms

Request = OpenRequest | CloseRequest | CollateralRequest

ORDER_SIGNER: Final = "order signer"
"""Any holder of the role."""


class Health(NamedTuple):
    """A position at a price: quote base units."""

    equity: int
    """Negative: bad debt."""
    min_margin: int

    @property
    def within_threshold(self) -> bool:
        """Of liquidation."""
        return self.equity <= self.min_margin


class Checks(Book):
    """Refusals that several actions share."""

    def health(self, position: Position) -> Health:
        """At the check price, without interest that was not recorded."""
        terms = self._checked_terms(position)
        return self._health(position, terms)

    def _health(self, position: Position, terms: PairTerms) -> Health:
        price = self.controller.price(terms.oracle)
        if self.is_long:
            value = arithmetic.value_down(position.collateral, price)
            equity = value - position.principal
        else:
            value = arithmetic.value_up(position.principal, price)
            equity = position.collateral - value
        return Health(equity, arithmetic.least_margin(value, terms.maintenance_margin))

    def _checked_terms(self, position: Position) -> PairTerms:
        """Of a pair that has a check price."""
        terms = self.controller.terms(position.base, position.quote)
        if terms.oracle is None:
            raise Rejected("NoCheckPrice", position.base, position.quote)
        return terms

    def _check_request(
        self, request: Request, caller: Hashable | None, signer: Hashable = ORDER_SIGNER
    ) -> None:
        """Of any request; `caller` is None where an order stands for the trader."""
        if self.now > request.expiry:
            raise Rejected("Expired", request.expiry, self.now)
        if caller is not None and caller != request.trader:
            raise Rejected("NotTrader", caller, request.trader)
        if signer != ORDER_SIGNER:
            raise Rejected("NotOrderSigner", signer)

    def _check_stored(self, position: Position) -> None:
        """Positions stand for their hashes, None for that of an id that was never used."""
        stored = self.stored.get(position.id)
        if stored != position:
            raise Rejected("UnknownPosition", position.id, stored, position)

    def _check_position(self, position: Position, request: Request) -> None:
        """What a request acts on."""
        self._check_stored(position)
        if position.trader != request.trader:
            raise Rejected("NotTrader", request.trader, position.trader)
        if (position.id, position.nonce) != (request.id, request.nonce):
            raise Rejected("WrongPosition", position.id, position.nonce, request.id, request.nonce)

    def _check_interest(self, position: Position, interest: int) -> None:
        """Neither above the highest nor zero where that is not."""
        most = self.max_interest(position)
        if interest > most or (interest == 0 and most > 0):
            raise Rejected("InvalidInterest", interest, most)

    def _check_enabled(self, base: Hashable, quote: Hashable) -> PairTerms:
        """The terms of a pair that may take new risk."""
        terms = self.controller.terms(base, quote)
        if terms.disabled:
            raise Rejected("PairIsDisabled", base, quote)
        return terms

    def _check_sale(self, base: int, proceeds: int, terms: PairTerms) -> None:
        """Of base tokens, at the check price if there is one."""
        if terms.oracle is not None:
            price = self.controller.price(terms.oracle)
            least = arithmetic.least_proceeds(base, price, terms.max_deviation)
            if proceeds < least:
                raise Rejected("PriceDeviates", proceeds, least)

    def _check_purchase(self, base: int, cost: int, terms: PairTerms) -> None:
        """Of base tokens, at the check price if there is one."""
        if terms.oracle is not None:
            price = self.controller.price(terms.oracle)
            most = arithmetic.highest_cost(base, price, terms.max_deviation)
            if cost > most:
                raise Rejected("PriceDeviates", cost, most)

    def _check_closing_swap(self, position: Position, spent: int, received: int) -> None:
        """Of collateral, for what is owed: where the trader does not watch over it himself."""
        terms = self.controller.terms(position.base, position.quote)
        if self.is_long:
            self._check_sale(spent, received, terms)
        else:
            self._check_purchase(received, spent, terms)

    @staticmethod
    def _check_fee(fee: int, quote_swapped: int) -> None:
        most = arithmetic.highest_fee(quote_swapped)
        if fee > most:
            raise Rejected("FeeTooHigh", fee, most)

    def _check_role(self, caller: Hashable, holders: set[Hashable]) -> None:
        if caller not in holders:
            raise Rejected("AccessManagedUnauthorized", caller)

    def _funded(self, position: Position, interest: int) -> int:
        """Until when interest has been charged once this much is."""
        return self.now if interest else position.last_funding
