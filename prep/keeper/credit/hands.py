"""Sends what was decided about credit accounts, orders and requests, and says what became of it."""

from collections.abc import Mapping
from dataclasses import replace
from threading import Event
from typing import Any, Final

from prep.keeper.chain import Chain, Reverted
from prep.keeper.credit.calls import NOBODY, Ask
from prep.keeper.credit.chores import Work
from prep.keeper.credit.decide import Approve, Liquidate, Outcome
from prep.keeper.credit.read import Reader
from prep.keeper.credit.report import (
    AccountLiquidated,
    Approved,
    CreditAction,
    Filled,
    Removed,
)
from prep.keeper.credit.snapshot import CreditId, CreditSnapshot, Kind
from prep.keeper.decide import Settings, Skipped
from prep.keeper.report import Failure, Round
from prep.keeper.sender import Call, Mined, NotSent, Sender

_TOO_LATE: Final = {
    "AccountHealthy",
    "UnknownOrder",
    "OrderNotReady",
    "OrderAlive",
    "UnknownRequest",
    "RequestNotReady",
    "RequestAlive",
}
"""What the contracts answer when somebody else was first, or the price came back."""


def is_late(refusal: str) -> bool:
    """Whether a refusal says that there is nothing to do any more."""
    return refusal.partition("(")[0] in _TOO_LATE


def reason_of(refusal: Reverted) -> str:
    """In words."""
    return f"already done or healthy: {refusal}" if is_late(str(refusal)) else str(refusal)


class Hands:
    """One transaction at a time, through the keeper's sender."""

    def __init__(
        self, chain: Chain, sender: Sender, reader: Reader, execute: bool, stop: Event
    ) -> None:
        self._chain = chain
        self._sender = sender
        self._reader = reader
        self.execute = execute
        self._stop = stop

    def hindered(self) -> str:
        """Why nothing can be sent now; empty if it can."""
        if self._sender.waiting:
            return f"waiting for {self._sender.waiting}"
        return "stopping" if self._stop.is_set() else ""

    def try_out(self, ask: Ask, gas: int) -> tuple[Any, ...] | Reverted:
        """What a call would return in the next block."""
        try:
            return self._chain.call(
                ask.contract,
                ask.function,
                *ask.arguments,
                block="pending",
                sender=self._sender.address or NOBODY,
                gas=gas,
            )
        except Reverted as refusal:
            return refusal

    def send(
        self,
        action: CreditAction,
        ask: Ask,
        gas_limit: int,
        snapshot: CreditSnapshot,
        settings: Settings,
        done: Round,
    ) -> bool:
        """Whether something was sent. In a dry run nothing is."""
        done.credit.actions.append(action)
        if not self.execute:
            return False
        if action.unpaid and settings.max_daily_gas is not None:
            # What pays must not have to stop for what does not.
            settings = replace(settings, max_daily_gas=settings.max_daily_gas // 2)
        call = Call(action, ask.contract, ask.function, ask.arguments, action.max_gas_price)
        try:
            mined = self._sender.send(call, gas_limit, settings, snapshot.timestamp, done)
        except NotSent as limit:
            done.credit.actions.remove(action)
            done.credit.skipped.append(Skipped(action.id, str(limit)))
            return False
        if mined is not None:
            self.book(mined, done)
        return True

    def book(self, mined: Mined, done: Round) -> None:
        """What a mined transaction has done, or why it reverted."""
        action, call, receipt = mined.call.action, mined.call, mined.receipt
        if not mined.succeeded:
            refusal = self._sender.refusal(call, receipt["blockNumber"])
            if refusal is not None and is_late(str(refusal)):
                done.credit.skipped.append(Skipped(action.id, reason_of(refusal)))
            else:
                done.errors.append(Failure(action.id, str(refusal or "reverted when mined")))
            return
        common = mined.facts
        if isinstance(action, Liquidate):
            event = self._chain.event(receipt, call.contract, "AccountLiquidated")
            fields = event["liquidation"]
            outcome = Outcome(*(fields.values() if isinstance(fields, Mapping) else fields))
            worth = action.choice.worth(outcome)
            done.credit.results.append(
                AccountLiquidated(action=action, outcome=outcome, yields=worth, **common)
            )
        elif isinstance(action, Approve):
            done.credit.results.append(Approved(action=action, **common))
        elif isinstance(action, Work):
            self._book_work(action, mined, common, done)

    def _book_work(self, work: Work, mined: Mined, common: dict[str, Any], done: Round) -> None:
        """The fee is what came in: an event of PREP says it."""
        receipt, contract = mined.receipt, mined.call.contract
        transfers = self._chain.events(receipt, self._reader.prep, "Transfer")
        fee = sum(t["value"] for t in transfers if t["to"] == self._sender.address)
        if not work.fill:
            done.credit.results.append(Removed(id=work.id, fee=fee, **common))
            return

        def named(event: str, key: str) -> tuple[CreditId, ...]:
            events = self._chain.events(receipt, contract, event)
            return tuple(CreditId(work.id.kind, event[key]) for event in events)

        if work.id.kind is Kind.ORDER:
            ended = named("OrderRefused", "orderId")
            triggered = named("OrderTriggered", "orderId")
            filled = tuple(order for order in triggered if order not in ended)
        else:
            filled, ended = named("TradeFilled", "requestId"), named("TradeRefused", "requestId")
        done.credit.results.append(Filled(ids=filled, ended=ended, fee=fee, **common))
        for task in work.tasks:
            if task.id not in filled + ended:
                done.credit.skipped.append(Skipped(task.id, "came too late"))
