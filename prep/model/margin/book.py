"""The books of a pool: what it stores, what it holds, whom it pays, and what it owes to lenders.

Wallets are not modelled: `moves` says who has sent what to whom. All that changes is undone when an
action is refused."""

from collections.abc import Hashable, Iterator
from contextlib import contextmanager
from typing import Final, NamedTuple

from prep.model.errors import Rejected
from prep.model.lending import LendingPool
from prep.model.margin.arithmetic import used_later
from prep.model.margin.controller import Controller, Pair
from prep.model.margin.positions import (
    Mark,
    Move,
    Payment,
    Payout,
    PayoutKept,
    Position,
    Swap,
    Swapped,
)
from prep.model.margin.terms import PairTerms
from prep.model.undo import Undo

EXCHANGE: Final = "exchange"
TREASURY: Final = "treasury"
CLOSED: Final = "closed"
"""What is stored of a position that was closed."""


class Lenders(NamedTuple):
    """The lending vault of a token, as one of those who are paid."""

    token: Hashable


class Used(NamedTuple):
    """Of a limit for a day, at a time."""

    amount: int = 0
    at: int = 0


class Book:
    """The state of one pool."""

    def __init__(
        self,
        controller: Controller,
        vaults: dict[Hashable, LendingPool],
        *,
        is_long: bool,
        name: Hashable,
        weth: Hashable = None,
    ) -> None:
        self.controller = controller
        self.vaults = vaults
        self.is_long = is_long
        self.name = name
        self.weth = weth
        self.stored: dict[int, Position | str] = {}
        """By id: the open position whose hash is stored, or `CLOSED`."""
        self.marks: dict[int, Mark] = {}
        self.used: dict[Pair, Used] = {}
        self.claimable: dict[tuple[Hashable, Hashable], int] = {}
        """By trader and token."""
        self.balances: dict[Hashable, int] = {}
        """What the pool holds, by token."""
        self.cancelled: set[object] = set()
        self.authorised: set[tuple[Hashable, Hashable]] = set()
        self.executors: set[Hashable] = set()
        self.liquidators: set[Hashable] = set()
        self.refusing: dict[tuple[Hashable, Hashable], Rejected] = {}
        """By receiver and token: the error that a transfer ends with."""
        self.moves: list[Move] = []
        """Of the last action that was not refused."""
        self.undo = Undo()

    @property
    def now(self) -> int:
        """Seconds."""
        return self.controller.now

    @property
    def events(self) -> tuple[object, ...]:
        """Of the last action that was not refused, in the order in which they happened."""
        return tuple(self.undo.events)

    # ----------------------------------------------------------------------------------- positions

    def owed_token(self, position: Position) -> Hashable:
        """What the position owes."""
        return position.quote if self.is_long else position.base

    def held_token(self, position: Position) -> Hashable:
        """What the position holds."""
        return position.base if self.is_long else position.quote

    def open_positions(self) -> list[Position]:
        """In the order of opening."""
        return [it for it in self.stored.values() if isinstance(it, Position)]

    def max_interest(self, position: Position) -> int:
        """The highest interest on a position now."""
        token = self.owed_token(position)
        funded = position.last_funding
        return self.controller.compute_max_interest(token, position.principal, funded)

    def mark_of(self, position_id: int) -> Mark:
        """When anyone may liquidate."""
        return self.marks.get(position_id, Mark())

    def borrowed_today(self, base: Hashable, quote: Hashable) -> int:
        """How much of a daily limit is used now."""
        used = self.used.get((base, quote), Used())
        limit = self._limit(self.controller.terms(base, quote))
        return used_later(used.amount, limit, self.now - used.at)

    # ------------------------------------------------------------------------------------ internal

    @contextmanager
    def _action(self) -> Iterator[None]:
        """All of it or nothing."""
        before, self.undo.events, self.moves = (self.undo.events, self.moves), [], []
        try:
            with self.undo.atomic():
                yield
        except Rejected:
            self.undo.events, self.moves = before
            raise

    def _emit(self, event: object) -> None:
        self.undo.events.append(event)

    def _store(self, position_id: int, state: Position | str) -> None:
        self.undo.save_entry(self.stored, position_id)
        self.stored[position_id] = state

    def _limit(self, terms: PairTerms) -> int:
        return terms.long_limit if self.is_long else terms.short_limit

    def _use_limit(self, base: Hashable, quote: Hashable, amount: int) -> None:
        """Takes from what may be borrowed in a day."""
        limit = self._limit(self.controller.terms(base, quote))
        used = self.borrowed_today(base, quote) + amount
        if used > limit:
            raise Rejected("DailyLimitExceeded", used, limit)
        self.undo.save_entry(self.used, (base, quote))
        self.used[base, quote] = Used(used, self.now)

    # --------------------------------------------------------------------------------------- money

    def _move(
        self,
        token: Hashable,
        source: Hashable,
        target: Hashable,
        amount: int,
        as_ether: bool = False,
    ) -> None:
        if amount == 0:
            return
        for holder, change in ((source, -amount), (target, amount)):
            if holder == self.name:
                self.undo.save_entry(self.balances, token)
                self.balances[token] = self.balances.get(token, 0) + change
        self.moves.append(Move(token, source, target, amount, as_ether))

    def _take(
        self,
        token: Hashable,
        trader: Hashable,
        amount: int,
        payment: Payment,
    ) -> None:
        """The trader pays."""
        if payment.ether:
            due = amount if token == self.weth else 0
            if payment.ether != due:
                raise Rejected("WrongEther", payment.ether, due)
        elif amount and payment.refusal is not None:
            raise payment.refusal
        self._move(token, trader, self.name, amount, payment.ether > 0)

    def _send(
        self, token: Hashable, to: Hashable, amount: int, payout: Payout = Payout.TOKEN
    ) -> None:
        """The pool pays, in any form."""
        if payout == Payout.NATIVE and token != self.weth:
            raise Rejected("NotWrappedEther", token)
        vault = self._vault(token) if payout == Payout.LEND else None
        if amount == 0:
            return
        if vault is not None:
            self.undo.save_entry(vault.shares, to)
            vault.deposit(self.name, amount, to)
            self._move(token, self.name, Lenders(token), amount)
            return
        if (to, token) in self.refusing:
            raise self.refusing[to, token]
        self._move(token, self.name, to, amount, payout == Payout.NATIVE)

    def _send_or_keep(self, token: Hashable, to: Hashable, amount: int) -> None:
        """What the token refuses to send waits to be claimed."""
        if amount == 0 or (to, token) not in self.refusing:
            self._send(token, to, amount)
            return
        self.undo.save_entry(self.claimable, (to, token))
        self.claimable[to, token] = self.claimable.get((to, token), 0) + amount
        self._emit(PayoutKept(to, token, amount))

    def _swap(self, sold: Hashable, bought: Hashable, swapped: Swapped) -> Swap:
        """What the exchange has done."""
        if isinstance(swapped, Rejected):
            raise swapped
        self._move(sold, self.name, EXCHANGE, swapped.spent)
        self._move(bought, EXCHANGE, self.name, swapped.received)
        return swapped

    # ------------------------------------------------------------------------------------- lenders

    def _vault(self, token: Hashable) -> LendingPool:
        """A lending vault that is about to change."""
        if token not in self.vaults:
            raise Rejected("NoLendingVault", token)
        vault = self.vaults[token]
        self.undo.save(vault)
        if self.name in vault.borrowers:
            self.undo.save(vault.borrowers[self.name])
        return vault

    def _borrow(self, token: Hashable, amount: int) -> None:
        if amount:
            self._vault(token).borrow(self.name, amount)
            self._move(token, Lenders(token), self.name, amount)

    def _repay(self, token: Hashable, amount: int) -> None:
        if amount:
            self._vault(token).repay(self.name, amount)
            self._move(token, self.name, Lenders(token), amount)

    def _record(self, token: Hashable, interest: int) -> None:
        if interest:
            self._vault(token).record_interest(self.name, interest)

    def _write_off(self, token: Hashable, amount: int) -> None:
        if amount:
            self._vault(token).write_off(self.name, amount)
