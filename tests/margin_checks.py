"""What an action of a pool must have done, computed anew in fractions from its events and the
positions before: of the model, and of contracts that say the same.

Messages of failed assertions begin with the invariant's id (docs/invariants.md).
"""

from collections import defaultdict
from fractions import Fraction
from typing import Any

from prep.model import WAD, Rejected
from prep.model.limits import DAY, YEAR
from prep.model.margin import MarginPool, Position
from prep.model.margin.book import CLOSED, Lenders
from prep.model.margin.controller import Pair
from prep.model.margin.positions import (
    CollateralChanged,
    InterestRecorded,
    Mark,
    PayoutKept,
    PositionClosed,
    PositionIncreased,
    PositionLiquidated,
    PositionOpened,
)


class Witness:
    """Of one pool. `look` before an action, `check` after one that went through."""

    def __init__(self, pool: MarginPool) -> None:
        self.pool = pool
        self.used: dict[Pair, list[tuple[int, int]]] = defaultdict(list)
        """When how much of a daily limit was taken."""
        self.highest: dict[Pair, int] = defaultdict(int)
        """Limits that there have been."""
        self.before: dict[int, Position] = {}
        self.marks: dict[int, Mark] = {}
        self.worth: dict[Any, int] = {}

    def look(self) -> None:
        """Remembers what there is."""
        self.before = {it.id: it for it in self.pool.open_positions()}
        self.marks = dict(self.pool.marks)
        self.worth = {token: vault.total_assets() for token, vault in self.pool.vaults.items()}
        for pair, terms in self.pool.controller.pairs.items():
            limit = terms.long_limit if self.pool.is_long else terms.short_limit
            self.highest[pair] = max(self.highest[pair], limit)

    def check(self) -> None:
        """All events of the last action, and what lenders have."""
        pool, lost = self.pool, defaultdict[Any, int](int)
        for event in pool.events:
            self._check_event(pool, event)
            if isinstance(event, PositionLiquidated):
                lost[pool.owed_token(event.position)] += event.closing.bad_debt
        for token, vault in pool.vaults.items():
            assert vault.total_assets() >= self.worth[token] - lost[token], "A7 lenders lose"

    # ------------------------------------------------------------------------------------ internal

    def _check_event(self, pool: MarginPool, event: Any) -> None:
        match event:
            case PositionOpened() | PositionIncreased():
                self._check_opening(pool, event)
            case PositionClosed():
                self._check_closing(pool, event)
            case PositionLiquidated():
                self._check_liquidation(pool, event)
            case InterestRecorded():
                self._check_interest(pool, event.id, event.interest, event.position)
            case CollateralChanged() if event.amount < 0:
                self._check_removal(pool, event)

    def _check_interest(
        self, pool: MarginPool, position_id: int, interest: int, after: Position
    ) -> None:
        old = self.before[position_id]
        apy = pool.controller.apys[pool.owed_token(old)]
        elapsed = pool.now - old.last_funding
        most = Fraction(old.principal * apy * elapsed, WAD * YEAR)
        assert interest <= most, "R3 interest is above the highest"
        assert interest > 0 or most < 1, "R3 no interest where there is some"
        charged = interest > 0 or after.collateral > old.collateral
        assert after.last_funding == (pool.now if charged else old.last_funding), "R3 time"

    def _check_opening(self, pool: MarginPool, event: Any) -> None:
        after, terms = event.position, pool.controller.pairs[event.position[2:4]]
        assert pool.stored[event.id] == after, "A3"
        old = self.before.get(event.id)
        interest = 0
        if isinstance(event, PositionIncreased):
            assert old is not None, "A3 nothing was there to increase"
            interest = event.interest
            self._check_interest(pool, event.id, interest, after)
        else:
            assert old is None, "A3 an id was used twice"
        owed, held = (old.principal, old.collateral) if old else (0, 0)
        down = 0 if pool.is_long else event.down_payment
        assert after.principal == owed + interest + event.borrowed
        assert after.collateral == held + event.received + down
        assert after.nonce == (old.nonce if old else 0) + 1
        assert after.collateral > 0, "A3"
        assert after.last_funding == pool.now, "R3 time"

        quote, base = (event.spent, event.received) if pool.is_long else event[:-3:-1]
        own = event.down_payment if pool.is_long else 0
        assert event.borrowed == max(0, event.spent - own), "A2 unused principal was not returned"
        assert 100 * event.fee <= quote, "R3 the fee"
        assert not terms.disabled, "A5 new risk in a disabled pair"
        most = Fraction(event.down_payment * (terms.max_leverage - 10_000 * pool.is_long), 10_000)
        if terms.oracle is None:
            assert (event.borrowed if pool.is_long else event.received) <= most, "R3 leverage"
            self._take(pool, after[2:4], event.borrowed)
            return
        price = Fraction(pool.controller.price(terms.oracle), WAD)
        assert event.borrowed * (1 if pool.is_long else price) <= most, "R3 leverage"
        deviation = Fraction(terms.max_deviation, 10_000)
        if pool.is_long:
            assert quote <= base * price * (1 + deviation), "A5 bought too dear"
        else:
            assert quote >= base * price * (1 - deviation), "A5 sold too cheap"
        equity, value = _at(pool, after, price)
        margin = value * terms.maintenance_margin / 10_000
        assert equity > margin, "A5 born within its threshold"

    def _check_closing(self, pool: MarginPool, event: PositionClosed) -> None:
        old, after, closing = self.before[event.id], event.position, event.closing
        self._check_interest(pool, event.id, closing.interest_paid, after)
        part = Fraction(old.principal * closing.amount, old.collateral)
        assert part <= closing.principal_paid < part + 1, "A2 too little was paid"
        whole = closing.amount == old.collateral
        assert pool.stored[event.id] == (CLOSED if whole else after), "A3"
        assert not whole or after.principal == after.collateral == 0, "A3 something is left"
        assert after.principal == old.principal - closing.principal_paid
        assert after.collateral == old.collateral - closing.amount
        assert after.nonce == old.nonce + 1
        assert closing.bad_debt == 0, "A7 a closing wrote off"
        due = closing.principal_paid + closing.interest_paid
        assert closing.received >= due, "A2 debt was not covered"
        if pool.is_long:
            assert closing.spent <= closing.amount
            assert closing.received == due + closing.fee + closing.payout
            left = closing.amount - closing.spent
        else:
            assert closing.amount == closing.spent + closing.fee + closing.payout
            left = closing.received - due
        quote = closing.received if pool.is_long else closing.spent
        assert 100 * closing.fee <= quote, "R3 the fee"
        self._check_paid(pool, after.base, old.trader, left)
        self._check_paid(pool, after.quote, old.trader, closing.payout)

    def _check_liquidation(self, pool: MarginPool, event: PositionLiquidated) -> None:
        """Of the whole or of a part."""
        old, after, closing = self.before[event.id], event.position, event.closing
        terms = pool.controller.pairs[old.base, old.quote]
        whole = closing.amount == old.collateral
        assert pool.stored[event.id] == (CLOSED if whole else after), "A3"
        principal = closing.principal_paid + closing.bad_debt
        part = Fraction(old.principal * closing.amount, old.collateral)
        assert principal < part + 1, "A2 more than its part"
        assert whole or closing.bad_debt == 0, "A7 given up while there is collateral"
        if whole:
            assert principal == old.principal, "A2"
        elif principal < part:
            assert closing.principal_paid == closing.received, "A7 lenders did not get it all"
        assert after.principal == old.principal - principal, "A2"
        assert after.collateral == old.collateral - closing.amount, "A1"
        assert after.nonce == old.nonce + 1, "A3"
        if closing.bad_debt:
            assert closing.spent == closing.amount, "A7 not all was spent"
            assert closing.received == closing.principal_paid, "A7 lenders did not get it all"
            assert closing.fee == closing.payout == closing.interest_paid == 0, "A7"
        left = closing.received - closing.principal_paid - closing.interest_paid
        quote = left if pool.is_long else closing.amount - closing.spent
        assert closing.fee + closing.payout == quote, "A1"
        value = closing.received if pool.is_long else closing.spent
        assert 10_000 * closing.fee <= value * terms.liquidation_fee, "R4 the fee"
        if terms.oracle is not None:
            price = Fraction(pool.controller.price(terms.oracle), WAD)
            deviation = Fraction(terms.max_deviation, 10_000)
            if pool.is_long:
                assert value >= closing.amount * price * (1 - deviation), "R4 sold too cheap"
            else:
                assert value <= closing.received * price * (1 + deviation), "R4 bought too dear"
        self._check_threshold(pool, event, old, value)
        self._check_paid(pool, old.quote, old.trader, closing.payout)
        if not pool.is_long:
            self._check_paid(pool, old.base, old.trader, left)

    def _check_threshold(
        self, pool: MarginPool, event: PositionLiquidated, old: Position, value: int
    ) -> None:
        """Of the whole, by the quote tokens of the swap, or by the check price while marked."""
        closing, terms = event.closing, pool.controller.pairs[old.base, old.quote]
        margin = Fraction(terms.maintenance_margin, 10_000)
        if event.liquidator not in pool.liquidators:
            equity, worth = _at(pool, old, Fraction(pool.controller.price(terms.oracle), WAD))
            assert equity < worth * margin + 3, "R4 marked, but well"
            start, until = self.marks[event.id]
            assert start <= pool.now <= until <= start + DAY, "R4 the mark"
            return
        if closing.amount != old.collateral and closing.fee + closing.payout == 0:
            # How much of the interest was left unpaid is not said.
            return
        owed = old.principal + closing.interest_paid
        parts = Fraction(old.collateral, closing.amount)
        if pool.is_long:
            worth = value * parts
            equity = worth - owed
        else:
            due = closing.principal_paid + closing.bad_debt + closing.interest_paid
            worth = Fraction(value * owed, max(closing.received, due))
            equity = old.collateral - worth
        assert equity < margin * worth + 2 * parts, "R4 liquidated while well"

    def _check_paid(self, pool: MarginPool, token: Any, trader: Any, amount: int) -> None:
        """The trader has it, or his share of the vault, or waits for it."""
        to = {trader, Lenders(token)}
        got = [move.amount for move in pool.moves if (move.token, move.source) == (token, pool.name)
               and move.target in to]  # fmt: skip
        got += [it.amount for it in pool.events if isinstance(it, PayoutKept) and it.token == token]
        assert amount == 0 or amount in got, f"A1 {amount} of {token} went elsewhere: {got}"

    def _check_removal(self, pool: MarginPool, event: CollateralChanged) -> None:
        after, old = event.position, self.before[event.id]
        terms = pool.controller.pairs[after.base, after.quote]
        assert (after.principal, after.last_funding) == (old.principal, old.last_funding)
        assert after.collateral == old.collateral + event.amount > 0
        assert not terms.disabled, "A5 new risk in a disabled pair"
        if terms.oracle is None:
            self._take(pool, old[2:4], -(old.principal * event.amount // old.collateral))
            return
        apy = pool.controller.apys[pool.owed_token(old)]
        interest = old.principal * apy * (pool.now - old.last_funding) // (WAD * YEAR)
        price = Fraction(pool.controller.price(terms.oracle), WAD)
        debt = after._replace(principal=after.principal + interest)
        equity, _ = _at(pool, debt, price)
        most = equity * (terms.max_leverage - 10_000 * pool.is_long) / 10_000
        assert debt.principal * (1 if pool.is_long else price) <= most, "A5 beyond its leverage"

    def _take(self, pool: MarginPool, pair: Pair, amount: int) -> None:
        """No window lets more through than the limit and its share of the time."""
        limit, taken = self.highest[pair], self.used[pair]
        taken.append((pool.now, amount))
        total = 0
        for at, used in reversed(taken):
            total += used
            assert total <= limit + Fraction(limit * (pool.now - at), DAY), "A6 the daily limit"

    # ------------------------------------------------------------------------------------ refusals

    @staticmethod
    def check_refusal(refused: Rejected) -> None:
        """What an error says is true."""
        arguments: Any = refused.args
        if refused.name in ("NotLiquidatable", "MarginTooLow", "StillLiquidatable"):
            equity, margin = arguments
            assert (equity > margin) == (refused.name == "NotLiquidatable"), "R4"
        elif refused.name == "DailyLimitExceeded":
            used, limit = arguments
            assert used > limit, "A6"
        elif refused.name == "InvalidInterest":
            interest, most = arguments
            assert interest > most or (interest == 0 < most), "R3"


def _at(pool: MarginPool, it: Position, price: Fraction) -> tuple[Fraction, Fraction]:
    """Equity and value at a price, exactly."""
    if pool.is_long:
        return it.collateral * price - it.principal, it.collateral * price
    return it.collateral - it.principal * price, it.principal * price
