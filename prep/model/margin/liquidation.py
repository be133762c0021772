"""Liquidation, by the liquidator and by anyone once a position was marked. docs/margin.md."""

from collections.abc import Hashable
from typing import Final

from prep.model.errors import Rejected
from prep.model.fixed import ceil_div
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

MAX_PARTS: Final = 100
"""What a smaller part brings says little about the whole."""


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
            whole = position.collateral
            return self._liquidate(caller, position, whole, interest, swapped, marked=False)

    def liquidate_part(
        self, caller: Hashable, position: Position, amount: int, interest: int, swapped: Swapped
    ) -> Closing:
        """Likewise of a part of the collateral, by whose price the whole is judged."""
        with self._action():
            self._check_role(caller, self.liquidators)
            self._check_stored(position)
            if amount > position.collateral:
                raise Rejected("AmountTooLarge", amount, position.collateral)
            if amount < (least := ceil_div(position.collateral, MAX_PARTS)):
                raise Rejected("AmountTooSmall", amount, least)
            self._check_interest(position, interest)
            return self._liquidate(caller, position, amount, interest, swapped, marked=False)

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
            whole = position.collateral
            return self._liquidate(caller, position, whole, interest, swapped, marked=True)

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
        amount: int,
        interest: int,
        swapped: Swapped,
        *,
        marked: bool,
    ) -> Closing:
        terms = self.controller.terms(position.base, position.quote)
        owed, held = self.owed_token(position), self.held_token(position)
        due = arithmetic.principal_part(position.principal, amount, position.collateral)
        swap = self._swap(held, owed, swapped)
        value = self._realised(amount, due + interest, swap)
        self._check_closing_swap(swap, terms)
        health = self._judged(position, amount, due, interest, value, terms)
        if not marked and not health.within_threshold:
            raise Rejected("NotLiquidatable", *health)

        principal_paid = min(due, swap.received)
        interest_paid = min(interest, swap.received - principal_paid)
        # Nothing is given up while there is collateral.
        lost = due - principal_paid if amount == position.collateral else 0
        rest = swap.received - principal_paid - interest_paid
        quote_left = rest if self.is_long else amount - swap.spent
        fee = min(quote_left, arithmetic.liquidation_fee(value, terms.liquidation_fee))
        closing = Closing(
            amount,
            *swap,
            principal_paid,
            interest_paid,
            fee,
            quote_left - fee,
            lost,
        )
        in_full = interest > 0 and interest_paid == interest
        left = position._replace(
            principal=position.principal - principal_paid - lost,
            collateral=position.collateral - amount,
            last_funding=self.now if in_full else position.last_funding,
            nonce=position.nonce + 1,
        )
        self._store(position.id, left if left.collateral else CLOSED)
        self._emit(PositionLiquidated(position.id, position.trader, caller, left, closing))
        self._record(owed, interest_paid)
        self._repay(owed, principal_paid + interest_paid)
        self._write_off(owed, lost)
        self._send(position.quote, caller, fee)
        self._send_or_keep(position.quote, position.trader, quote_left - fee)
        if not self.is_long:
            self._send_or_keep(position.base, position.trader, rest)
        return closing

    def _realised(self, amount: int, due: int, swap: Swap) -> int:
        """What the base tokens that were sold, or bought of what is due, have turned out to be
        worth."""
        short_of = not self.is_long and swap.received < due
        if (self.is_long or short_of) and swap.spent != amount:
            raise Rejected("WrongAmountSpent", swap.spent, amount)
        if self.is_long:
            return swap.received
        if short_of:
            return amount
        return swap.spent * due // swap.received if due else 0

    def _judged(
        self,
        position: Position,
        amount: int,
        part: int,
        interest: int,
        value: int,
        terms: PairTerms,
    ) -> Health:
        """The whole position, by the value of a part; rounded for the trader."""
        owed = position.principal + interest
        if self.is_long:
            whole = ceil_div(value * position.collateral, amount)
            equity = whole - owed
        else:
            whole = value * owed // (part + interest) if part + interest else 0
            equity = position.collateral - whole
        return Health(equity, arithmetic.least_margin(whole, terms.maintenance_margin))
