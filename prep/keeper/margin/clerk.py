"""Asset-backed positions, round by round: the index is brought up to date, one block is read, and
what was decided is tried out, sent and booked, one transaction at a time."""

from dataclasses import dataclass, field, replace
from threading import Event
from typing import Any, Final

from ape.managers.project import ProjectManager

from prep.keeper.chain import Chain, NodeError, Reverted
from prep.keeper.decide import Settings, Skipped
from prep.keeper.margin.actions import (
    Execute,
    MarginAction,
    Record,
    TakeEther,
    worthwhile,
)
from prep.keeper.margin.calls import Contracts
from prep.keeper.margin.decide import decide
from prep.keeper.margin.ids import PoolId
from prep.keeper.margin.orders import NoOrders, OrderSource
from prep.keeper.margin.read import MarginReader
from prep.keeper.margin.rules import Rules
from prep.keeper.margin.snapshot import MarginSnapshot
from prep.keeper.margin.source import NodeSource
from prep.keeper.report import Failure, Round
from prep.keeper.sender import Call, Mined, NotSent, Sender
from prep.margin.data import Position
from prep.margin.index import DEPTH, ChainMoved, Index, RangeRefused
from prep.margin.index_store import Store, StoreError
from prep.quotes import config

LEFT_FOR: Final = 5
"""Blocks for which a position is left alone after a transaction about it has reverted, if it is
still the same."""
_TOO_LATE: Final = {
    "UnknownPosition",
    "NotLiquidatable",
    "StillLiquidatable",
    "AlreadyMarked",
    "NotMarked",
    "ConditionNotMet",
    "OrderIsCancelled",
    "Expired",
}
"""What pools answer when somebody else was first, or the price came back."""


@dataclass(frozen=True, slots=True)
class ToWatch:
    """What a keeper needs to serve asset-backed positions."""

    settings: config.Settings
    """Of the quote service: pools, exchange and routes."""
    prep: str
    """The token that rewards are counted in."""
    database: str
    """URL of where positions are kept."""
    first_block: int = 0
    """Events are read from here on."""
    rules: Rules = field(default_factory=Rules)
    orders: OrderSource | None = None
    """None: orders are not executed."""
    depth: int = DEPTH
    """Blocks that the chain may still replace without everything being read anew."""


class Clerk:
    """Works for one keeper, with its chain and its sender."""

    def __init__(
        self,
        chain: Chain,
        sender: Sender,
        watch: ToWatch,
        project: ProjectManager,
        chain_id: int,
        execute: bool,
        stop: Event,
        block_range: int,
        batch_size: int,
    ) -> None:
        """Raises `StoreError`."""
        self.chain = chain
        self._sender = sender
        self._watch = watch
        self._execute = execute
        self._stop = stop
        self._contracts = Contracts(chain, watch.settings, watch.orders, project)
        pools = watch.settings.pools
        self.store = Store(watch.database, chain_id, pools.long, pools.short)
        self.index = Index(
            self.store,
            NodeSource(chain, (pools.long, pools.short), self._contracts.pool_type, batch_size),
            watch.first_block,
            depth=watch.depth,
            largest_range=block_range,
        )
        self._reader = MarginReader(chain, watch.settings, watch.prep, sender.address)
        self._left: dict[PoolId, tuple[int, Position, str]] = {}  # until which block, and why
        self._refused: dict[str, int] = {}  # orders by digest, and in which block

    def work(self, settings: Settings, done: Round) -> None:
        """One round. Raises `NodeError`."""
        try:
            snapshot = self.look(settings)
        except StoreError as error:
            done.margin.interrupted = str(error)
            return
        if snapshot is not None:
            self.act(snapshot, settings, done)

    def look(self, settings: Settings) -> MarginSnapshot | None:
        """What the newest block shows; None: told to stop. Raises `NodeError` and `StoreError`."""
        try:
            at = self.index.update(self._stop)
        except ChainMoved as error:
            raise NodeError("the chain keeps changing while its events are read") from error
        except RangeRefused as error:
            raise NodeError(f"events of a single block are refused: {error}") from error
        if at is None:
            return None
        positions = self.index.positions()
        return self._reader.read(at, positions, self._watch.orders, settings, self._watch.rules)

    def act(self, snapshot: MarginSnapshot, settings: Settings, done: Round) -> None:
        """Carries out what was decided. What fails does not stop the rest."""
        done.margin.snapshot = snapshot
        plan = decide(self._without_left(snapshot, done), settings, self._watch.rules)
        done.margin.skipped += plan.skipped
        queue = list(plan.actions)
        while queue:
            action = queue.pop(0)
            if reason := self._hindered():
                _skip(done, action, reason)
            elif len(done.margin.actions) >= settings.max_actions:
                # What is refused does not count: it must not keep the others from their turn.
                _skip(done, action, f"more than {settings.max_actions} in one round")
            else:
                queue[:0] = self._attempt(action, snapshot, settings, done)

    def book(self, mined: Mined, done: Round) -> None:
        """What a mined transaction has done, or why it reverted."""
        call, receipt = mined.call, mined.receipt
        action: Any = call.action
        if not mined.succeeded:
            refusal = self._sender.refusal(call, receipt["blockNumber"])
            self._leave(action, receipt["blockNumber"] + LEFT_FOR, str(refusal or "reverted"))
            if refusal is not None and refusal.name in _TOO_LATE:
                _skip(done, action, f"came too late: {refusal}")
            else:
                done.errors.append(Failure(action.id, str(refusal or "reverted when mined")))
            return
        done.margin.results.append(self._contracts.result(mined))

    # -------------------------------------------------------------------------------------- actions

    def _hindered(self) -> str:
        if self._sender.waiting:
            return f"waiting for {self._sender.waiting}"
        return "stopping" if self._stop.is_set() else ""

    def _without_left(self, snapshot: MarginSnapshot, done: Round) -> MarginSnapshot:
        """Without positions that failed in this block, or lately, and are still as they were."""
        self._left = {
            watched.id: left
            for watched in snapshot.positions
            if (left := self._left.get(watched.id)) is not None
            and left[0] > snapshot.block
            and left[1] == watched.position
        }
        done.margin.skipped += [Skipped(i, reason) for i, (_, _, reason) in self._left.items()]
        others = (w for w in snapshot.positions if w.id not in self._left)
        digests = {order.digest for order in snapshot.orders}
        self._refused = {d: block for d, block in self._refused.items() if d in digests}
        orders = sorted(snapshot.orders, key=lambda order: self._refused.get(order.digest, -1))
        return replace(snapshot, positions=tuple(others), orders=tuple(orders))

    def _put_last(self, action: MarginAction, snapshot: MarginSnapshot) -> None:
        """An order that was refused: others of its position are to have their turn."""
        if isinstance(action, Execute):
            self._refused[action.order.digest] = snapshot.block

    def _attempt(
        self, action: MarginAction, snapshot: MarginSnapshot, settings: Settings, done: Round
    ) -> list[MarginAction]:
        """Tries out, judges, sends. Returns what is to be done instead."""
        if isinstance(action, TakeEther) and self._is_gone(action):
            _skip(done, action, "somebody else has taken the ether that lay in the router")
            return []
        try:
            call = self._contracts.call(action, snapshot.next, settings.max_gas_price)
        except NoOrders as error:
            self._put_last(action, snapshot)
            _skip(done, action, f"no signed request: {error}")
            return []
        try:
            gas = self._sender.gas_of(call, self._without_ether(done))
        except Reverted as refusal:
            if isinstance(action, Record) and len(action.ids) > 1:
                return list(action.halves())
            self._put_last(action, snapshot)
            late = refusal.name in _TOO_LATE
            self._leave(action, snapshot.block + 1, f"was refused in this block: {refusal}")
            _skip(done, action, f"already done or healthy: {refusal}" if late else str(refusal))
            return []
        price = worthwhile(action, gas, snapshot.gas_price, settings)
        if isinstance(price, Skipped):
            done.margin.skipped.append(price)
            return []
        done.margin.actions.append(action)
        if self._execute:
            if price.unpaid and settings.max_daily_gas is not None:
                # What pays must not have to stop for what does not.
                settings = replace(settings, max_daily_gas=settings.max_daily_gas // 2)
            call = replace(call, max_gas_price=price.max_price)
            self._send(call, price.limit, snapshot, settings, done)
        return []

    def _send(
        self, call: Call, gas: int, snapshot: MarginSnapshot, settings: Settings, done: Round
    ) -> None:
        action: Any = call.action
        try:
            mined = self._sender.send(call, gas, settings, snapshot.timestamp, done)
        except NotSent as limit:
            done.margin.actions.remove(action)
            _skip(done, action, str(limit))
            return
        if mined is not None:
            self.book(mined, done)

    def _is_gone(self, action: TakeEther) -> bool:
        return self.chain.balance(self._contracts.router.address) < action.ether

    def _without_ether(self, done: Round) -> str | None:
        """The router, where a dry run would have taken the ether out of it before."""
        taken = any(isinstance(action, TakeEther) for action in done.margin.actions)
        return self._contracts.router.address if taken and not self._execute else None

    def _leave(self, action: MarginAction, until: int, reason: str) -> None:
        """Alone, until this block or until it is another."""
        for identity, position in _about(action):
            self._left[identity] = until, position, reason


def _about(action: MarginAction) -> list[tuple[PoolId, Position]]:
    """Positions that it changes."""
    if isinstance(action, TakeEther):
        return []
    if isinstance(action, Record):
        return list(zip(action.ids, action.positions, strict=True))
    return [(action.id, action.position)]


def _skip(done: Round, action: MarginAction, reason: str) -> None:
    ids = action.ids if isinstance(action, Record) else (action.id,)
    done.margin.skipped += [Skipped(identity, reason) for identity in ids]
