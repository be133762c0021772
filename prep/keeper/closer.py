"""Closes what the vault can no longer carry, one position at a time: after each everything is read
anew, because a size that was decided on before may be too much."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from threading import Event
from typing import Any, Final

from prep.keeper.candidates import Candidates
from prep.keeper.chain import Chain, Reverted
from prep.keeper.decide import Settings, Skipped
from prep.keeper.deleverage import Close, Deleveraging, deleverages, standing_of
from prep.keeper.read import read_margin_positions
from prep.keeper.report import Deleverage, Failure, Round
from prep.keeper.sender import Call, Mined, NotSent, Sender
from prep.keeper.snapshot import Id, MarginKey, Snapshot

_BUSY: Final = "MarketBusy"
"""Somebody has traded in the same block: it can be closed in the next one."""
_OF_TRADER: Final = "deleverage(address,uint256)"
_OF_ACCOUNT: Final = "deleverage(address,uint256,uint256,uint256)"
REFUSED_FOR: Final = 50
"""Blocks for which a position is left alone that could not be closed though nothing was against it:
as long as its client refuses, others are to have their turn."""


@dataclass(frozen=True, slots=True)
class ToDeleverage:
    """What a keeper that deleverages needs beside protocol and lens."""

    vault: Any
    """An Ape contract instance, as the next one."""
    deleverager: Any
    first_block: int = 0
    """Events are read from here on."""
    events_file: Path | None = None
    """Where that is kept for the next start; None: nowhere."""


class Closer:
    """Works for one keeper, with its chain and its sender; `look` reads the newest block."""

    def __init__(
        self,
        chain: Chain,
        sender: Sender,
        protocol: Any,
        lens: Any,
        deleverage: ToDeleverage,
        chain_id: int,
        look: Callable[[], Snapshot],
        execute: bool,
        stop: Event,
    ) -> None:
        self._chain = chain
        self._sender = sender
        self._lens = lens
        self._look = look
        self._execute = execute
        self._stop = stop
        self._deleverager = chain.contract(deleverage.deleverager)
        self.candidates = Candidates(
            chain,
            protocol,
            deleverage.first_block,
            chain_id,
            deleverage.events_file,
            stop,
        )
        self._last_close = 0  # the block of the last deleverage
        self._refused: dict[Id, tuple[int, str]] = {}  # until which block, and why

    def deleverage(self, snapshot: Snapshot, settings: Settings, done: Round) -> None:
        """Closes one position after the other until nothing is due, or nothing more can be done."""
        most = settings.max_actions
        for attempt in range(most + 1):
            complete = self.with_margin_positions(snapshot, settings)
            if complete is None:
                done.left = "stopping"
                return
            done.snapshot = complete
            if complete.block < self._last_close:
                # Decided on the state before, a size may be too much, and be taken all the same.
                done.left = f"the node is behind block {self._last_close}"
                return
            refused = self._still_refused(complete.block)
            left = most - attempt
            plan = deleverages(complete, settings, min(1, left) if self._execute else left, refused)
            done.standing, done.left = plan.standing, plan.left
            done.kept = list(plan.skipped)
            if plan.standing is not None and plan.standing.due:
                done.kept += [Skipped(name, reason) for name, reason in refused.items()]
            if not plan.actions or not self._attempt(plan, complete, settings, done):
                return
            snapshot = self._look()

    def with_margin_positions(self, snapshot: Snapshot, settings: Settings) -> Snapshot | None:
        """They are read only when something is due, but events in every round. None: stopped."""
        if not self.candidates.update(snapshot.block, settings.block_range):
            return None
        standing = standing_of(snapshot)
        if standing is None or not standing.due:
            return snapshot
        positions = read_margin_positions(
            self._chain,
            self._lens,
            self.candidates.keys,
            snapshot.block,
            settings.page_size,
        )
        return replace(snapshot, margin_positions=positions)

    def _attempt(
        self, plan: Deleveraging, snapshot: Snapshot, settings: Settings, done: Round
    ) -> bool:
        """Carries the first action out. Whether to look again."""
        action, call = plan.actions[0], self.call_of(plan.actions[0], settings)
        if self._stop.is_set() or self._sender.waiting:
            waiting = self._sender.waiting
            done.left = f"waiting for {waiting}" if waiting else "stopping"
            return False
        try:
            if (refusal := self._sender.refusal(call, "pending")) is not None:
                raise refusal
            gas = self._sender.gas_of(call) if self._execute else 0
        except Reverted as refusal:
            as_decided = self._sender.refusal(call, snapshot.block)
            if as_decided is None or as_decided.name == _BUSY or refusal.name == _BUSY:
                done.skipped.append(Skipped(action.id, f"changed meanwhile: {refusal}"))
                done.left = "the state has changed"
                return False
            # Neither vault nor market refuse what was decided on the same block: its client.
            done.errors.append(Failure(action.id, str(refusal)))
            self._refused[action.id] = snapshot.block + REFUSED_FOR, f"refused: {refusal}"
            return True
        done.closes += plan.actions
        if not self._execute:
            return False
        gas_limit = gas * 3 // 2
        if gas_limit > settings.max_deleverage_gas:
            done.left = f"gas {gas_limit} above {settings.max_deleverage_gas}"
            return False
        try:
            mined = self._sender.send(call, gas_limit, settings, snapshot.timestamp, done)
        except NotSent as limit:
            done.left = str(limit)
            return False
        if mined is None:
            done.left = "waiting"
            return False
        self.book(mined, done)
        return True

    def _still_refused(self, block: int) -> dict[Id, str]:
        """Positions that could not be closed lately though they should have been, and why."""
        self._refused = {name: item for name, item in self._refused.items() if item[0] > block}
        return {name: reason for name, (_, reason) in self._refused.items()}

    def call_of(self, action: Close, settings: Settings) -> Call:
        """The transaction of an action."""
        name, deleverager = action.id, self._deleverager
        limit = settings.max_gas_price
        if isinstance(name, MarginKey):
            key = (name.client, name.account, name.market_id)
            return Call(action, deleverager, _OF_ACCOUNT, (*key, action.max_size), limit)
        return Call(action, deleverager, _OF_TRADER, (action.owner, action.max_size), limit)

    def book(self, mined: Mined, done: Round) -> None:
        """What a mined transaction has done, or why it reverted."""
        call, receipt = mined.call, mined.receipt
        action = call.action
        assert isinstance(action, Close)
        if not mined.succeeded:
            refusal = self._sender.refusal(call, receipt["blockNumber"])
            if refusal is None:
                done.errors.append(Failure(action.id, "reverted when mined"))
            else:
                done.skipped.append(Skipped(action.id, f"came too late: {refusal}"))
            return
        name = "TraderDeleveraged" if isinstance(action.id, int) else "AccountDeleveraged"
        event = self._chain.event(receipt, call.contract, name)
        self._last_close = receipt["blockNumber"]
        done.deleveraged.append(
            Deleverage(
                action=action,
                size=event["size"],
                settlement=event["settlement"],
                ratio_before=event["ratioBefore"],
                ratio_after=event["ratioAfter"],
                **mined.facts,
            )
        )
