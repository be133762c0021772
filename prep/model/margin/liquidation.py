"""Liquidation, by the liquidator and by anyone once a position was marked. docs/margin.md."""

from collections.abc import Hashable

from prep.model.errors import Rejected
from prep.model.limits import DAY
from prep.model.margin import arithmetic
from prep.model.margin.book import CLOSED
from prep.model.margin.checks import Checks, Health
from prep.model.margin.positions import (
    Closing,
    Mark,
    Position,
    PositionLiquidated,
    PositionMarked,
    PositionUnmarked,
    Swap,
    Swapped,
)
from prep.model.margin.terms import PairTerms


class Liquidation(Checks):
    """Closing of positions that are within their threshold."""

    def liquidate(
        self, caller: Hashable, position: Position, interest: int, swapped: Swapped
    ) -> Closing:
        """By the liquidator, within the threshold at the price that the swap realises."""
        with self._action():
            self._check_role(caller, self.liquidators)
            self._check_stored(position)
            self._check_interest(position, interest)
            return self._liquidate(caller, position, interest, swapped, marked=False)

    def liquidate_marked(self, caller: Hashable, position: Position, swapped: Swapped) -> Closing:
        """By anyone while a mark is good, within the threshold at the check price."""
        with self._action():
            self._check_stored(position)
            health = self.health(position)
            mark = self.mark_of(position.id)
            if not mark.start <= self.now <= mark.until:
                raise Rejected("NotMarked", *mark)
            if not health.within_threshold:
                raise Rejected("NotLiquidatable", *health)
            interest = self.max_interest(position)
            return self._liquidate(caller, position, interest, swapped, marked=True)

    def mark(self, position: Position) -> Mark:
        """Marks a position that is within its threshold at the check price."""
        with self._action():
            self._check_stored(position)
            health = self.health(position)
            if not health.within_threshold:
                raise Rejected("NotLiquidatable", *health)
            old = self.mark_of(position.id)
            if self.now <= old.until:
                raise Rejected("AlreadyMarked", *old)
            start = self.now + self.controller.grace_period
            mark = Mark(start, start + DAY)
            self.undo.save_entry(self.marks, position.id)
            self.marks[position.id] = mark
            self._emit(PositionMarked(position.id, *mark))
        return mark

    def unmark(self, position: Position) -> None:
        """Clears the mark of a position that is not within its threshold at the check price."""
        with self._action():
            self._check_stored(position)
            if position.id not in self.marks:
                raise Rejected("NotMarked", 0, 0)
            health = self.health(position)
            if health.within_threshold:
                raise Rejected("StillLiquidatable", *health)
            self.undo.save_entry(self.marks, position.id)
            del self.marks[position.id]
            self._emit(PositionUnmarked(position.id))

    # ------------------------------------------------------------------------------------ internal

    def _liquidate(
        self,
        caller: Hashable,
        position: Position,
        interest: int,
        swapped: Swapped,
        *,
        marked: bool,
    ) -> Closing:
        terms = self.controller.terms(position.base, position.quote)
        owed, held = self.owed_token(position), self.held_token(position)
        swap = self._swap(held, owed, swapped)
        value, health = self._realised(position, position.principal + interest, swap, terms)
        self._check_closing_swap(position, *swap)
        if not marked and not health.within_threshold:
            raise Rejected("NotLiquidatable", *health)

        principal_paid = min(position.principal, swap.received)
        interest_paid = min(interest, swap.received - principal_paid)
        lost = position.principal - principal_paid
        rest = swap.received - principal_paid - interest_paid
        quote_left = rest if self.is_long else position.collateral - swap.spent
        fee = min(quote_left, arithmetic.liquidation_fee(value, terms.liquidation_fee))
        closing = Closing(
            position.collateral,
            *swap,
            principal_paid,
            interest_paid,
            fee,
            quote_left - fee,
            lost,
        )
        gone = position._replace(principal=0, collateral=0, nonce=position.nonce + 1)
        self._store(position.id, CLOSED)
        self._emit(PositionLiquidated(position.id, position.trader, caller, gone, closing))
        self._record(owed, interest_paid)
        self._repay(owed, principal_paid + interest_paid)
        self._write_off(owed, lost)
        self._send(position.quote, caller, fee)
        self._send_or_keep(position.quote, position.trader, quote_left - fee)
        if not self.is_long:
            self._send_or_keep(position.base, position.trader, rest)
        return closing

    def _realised(
        self, position: Position, owed: int, swap: Swap, terms: PairTerms
    ) -> tuple[int, Health]:
        """What the swap says that the position is worth, and its health at that."""
        held = position.collateral
        short_of = not self.is_long and swap.received < owed
        if (self.is_long or short_of) and swap.spent != held:
            raise Rejected("WrongAmountSpent", swap.spent, held)
        if self.is_long:
            value = swap.received
            equity = value - owed
        else:
            value = held if short_of else _value(swap, owed)
            equity = held - value
        margin = arithmetic.least_margin(value, terms.maintenance_margin)
        return value, Health(equity, margin)


def _value(swap: Swap, owed: int) -> int:
    """Of what a short owes, by what its swap spent for at least as much; rounded down."""
    return swap.spent * owed // swap.received if swap.received else 0
