"""The debt controller: what signed requests cannot exceed. IDebtController.sol, docs/margin.md."""

from collections.abc import Hashable
from dataclasses import replace

from prep.model.config import require
from prep.model.errors import Rejected
from prep.model.margin import arithmetic
from prep.model.margin.terms import (
    DEFAULT_GRACE,
    MAX_APY,
    MAX_GRACE,
    MIN_GRACE,
    MIN_PRICE,
    PairTerms,
)

Pair = tuple[Hashable, Hashable]
"""Base and quote token."""


class Controller:
    """Terms of pairs, highest interest by token. Its user sets `now` (seconds) and what oracles
    answer: a price (WAD) or the refusal to give one."""

    def __init__(self, now: int) -> None:
        self.now = now
        self.pairs: dict[Pair, PairTerms] = {}
        self.apys: dict[Hashable, int] = {}
        self.grace_period = DEFAULT_GRACE
        self.prices: dict[Hashable, int | Rejected] = {}

    # --------------------------------------------------------------------------------------- roles

    def set_pair(self, base: Hashable, quote: Hashable, terms: PairTerms) -> None:
        """Lists a pair or changes its terms."""
        if base == quote or (quote, base) in self.pairs:
            raise Rejected("PairReversed", base, quote)
        terms.validate()
        if terms.oracle is not None and self.price(terms.oracle) < MIN_PRICE:
            raise Rejected("PriceTooCoarse", self.price(terms.oracle), MIN_PRICE)
        self.pairs[base, quote] = terms

    def disable_pair(self, base: Hashable, quote: Hashable) -> None:
        """Stops new risk in a pair."""
        self.pairs[base, quote] = replace(self.terms(base, quote), disabled=True)

    def set_max_apy(self, token: Hashable, max_apy: int) -> None:
        """The highest yearly interest on what is borrowed of a token, WAD."""
        require("maxApy", max_apy, 0, MAX_APY)
        self.apys[token] = max_apy

    def set_grace_period(self, period: int) -> None:
        """How long a mark stands before anyone may liquidate, seconds."""
        require("gracePeriod", period, MIN_GRACE, MAX_GRACE)
        self.grace_period = period

    # --------------------------------------------------------------------------------------- views

    def terms(self, base: Hashable, quote: Hashable) -> PairTerms:
        """Of a listed pair."""
        if (base, quote) not in self.pairs:
            raise Rejected("PairNotListed", base, quote)
        return self.pairs[base, quote]

    def price(self, oracle: Hashable) -> int:
        """The check price that an oracle answers with; raises what it refuses with."""
        answer = self.prices[oracle]
        if isinstance(answer, Rejected):
            raise answer
        return answer

    def compute_max_interest(self, token: Hashable, principal: int, last_funding: int) -> int:
        """The most that may be charged on a principal since its last funding."""
        elapsed = self.now - last_funding
        return arithmetic.highest_interest(principal, self.apys.get(token, 0), elapsed)

    def compute_max_principal(
        self, collateral_token: Hashable, principal_token: Hashable, down_payment: int
    ) -> int:
        """The most that may be borrowed on a down payment in the quote token."""
        if (collateral_token, principal_token) in self.pairs:
            leverage = self.pairs[collateral_token, principal_token].max_leverage
            return arithmetic.highest_principal_long(down_payment, leverage)
        terms = self.terms(principal_token, collateral_token)
        if terms.oracle is None:
            raise Rejected("NoCheckPrice", principal_token, collateral_token)
        price = self.price(terms.oracle)
        return arithmetic.highest_principal_short(down_payment, terms.max_leverage, price)

    def min_margin(self, collateral_token: Hashable, principal_token: Hashable, value: int) -> int:
        """The margin at and below which a position is within the threshold."""
        long = self.pairs.get((collateral_token, principal_token))
        terms = long or self.terms(principal_token, collateral_token)
        return arithmetic.least_margin(value, terms.maintenance_margin)
