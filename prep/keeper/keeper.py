"""One round after the other: reads, decides, simulates, sends, waits.

Liquidations come first, as one block shows them. Then what the vault can no longer carry is closed,
if that is wanted, one position at a time: after each everything is read anew, because a size
that was decided on before may be too much.
"""

from dataclasses import dataclass, replace
from pathlib import Path
from threading import Event
from typing import Any, Final

from ape.api import AccountAPI

from prep.credit.errors import types_of
from prep.keeper.candidates import Candidates
from prep.keeper.chain import Chain, NodeError, Reverted
from prep.keeper.credit.desk import Desk
from prep.keeper.credit.read import CreditContracts
from prep.keeper.decide import Action, Plan, Settings, Skipped, plan
from prep.keeper.deleverage import Close, Deleveraging, deleverages, standing_of
from prep.keeper.read import read, read_margin_positions
from prep.keeper.report import Deleverage, Failure, Liquidation, Report, Round
from prep.keeper.sender import Call, Mined, NotSent, Sender
from prep.keeper.snapshot import Id, MarginKey, Snapshot
from prep.reverts import web3_of

_TOO_LATE: Final = {"PositionHealthy", "UnknownPosition"}
"""What the protocol answers when somebody else was first, or the price came back."""
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


class Keeper:
    """Watches one protocol. Sends nothing unless told to `execute`; prints nothing.

    `protocol` and `lens` are Ape contract instances; `account` signs, unasked, and may be None in a
    dry run. Waiting ends early when `stop` is set. Deleverages only with `deleverage`, and serves
    credit accounts, orders and requests only with `credit`.
    """

    def __init__(
        self,
        protocol: Any,
        lens: Any,
        account: AccountAPI | None,
        settings: Settings,
        execute: bool = False,
        stop: Event | None = None,
        deleverage: ToDeleverage | None = None,
        credit: CreditContracts | None = None,
    ) -> None:
        if execute and account is None:
            raise ValueError("executing needs an account")
        self.settings = settings
        self.execute = execute
        project = protocol.local_project
        oracle = project.get_contract("ChainlinkOracle")
        instances = [protocol, oracle, *([deleverage.deleverager] if deleverage else [])]
        types = [instance.contract_type for instance in instances]
        if credit is not None:
            types += [credit.requests.contract_type, *types_of(project)]
        self.chain = Chain(web3_of(protocol.provider), types)
        self._protocol = self.chain.contract(protocol)
        self._lens = self.chain.contract(lens)
        self._stop = stop or Event()
        chain_id: int = protocol.provider.chain_id
        self._sender = Sender(self.chain, chain_id, account, self._stop)
        self.desk: Desk | None = None
        if credit is not None:
            self.desk = Desk(self.chain, self._sender, credit, project, execute, self._stop)
        self._vault: Any = None
        if deleverage is not None:
            self._vault = self.chain.contract(deleverage.vault)
            self._deleverager = self.chain.contract(deleverage.deleverager)
            self._candidates = Candidates(
                self.chain,
                self._protocol,
                deleverage.first_block,
                chain_id,
                deleverage.events_file,
                self._stop,
            )
        self._last_close = 0  # the block of the last deleverage
        self._refused: dict[Id, tuple[int, str]] = {}  # until which block, and why

    def step(self) -> Report:
        """One round. Never raises for what a node or a contract does: the report says it."""
        done = Round(self.execute)
        before = self.chain.requests
        try:
            if (mined := self._sender.follow_up(done)) is not None:
                self._book(mined, done)
            snapshot, todo = self.look()
            self.act(snapshot, todo, done)
            if self.desk is not None:
                self._serve_credit(self.desk, done)
            if self._vault is not None:
                self._deleverage_if_due(snapshot, done)
        except NodeError as error:
            done.unreachable = str(error)
        return done.report(self.chain.requests - before)

    def look(self) -> tuple[Snapshot, Plan]:
        """What the newest block shows and whom to liquidate."""
        snapshot = self._read()
        return snapshot, plan(snapshot, self.settings)

    def act(self, snapshot: Snapshot, todo: Plan, done: Round) -> None:
        """Carries a plan out, as far as it still holds. One that fails does not stop the others."""
        done.snapshot = snapshot
        done.skipped += todo.skipped
        for action in todo.actions:
            if self._stop.is_set():
                done.skipped.append(Skipped(action.id, "stopping"))
            elif self._sender.waiting:
                # What is sent now could not be mined before it.
                done.skipped.append(Skipped(action.id, f"waiting for {self._sender.waiting}"))
            else:
                self._liquidate(action, snapshot.timestamp, done)

    def _read(self) -> Snapshot:
        return read(
            self.chain,
            self._protocol,
            self._lens,
            self._sender.address,
            self.settings.page_size,
            self._vault,
        )

    def _serve_credit(self, desk: Desk, done: Round) -> None:
        """A node that fails here, at many calls in one request say, is not to hinder the rest."""
        try:
            desk.work(self.settings, done)
        except NodeError as error:
            done.credit.interrupted = str(error)

    # ----------------------------------------------------------------------------------- liquidate

    def _liquidate(self, action: Action, now: int, done: Round) -> None:
        call = Call(
            action,
            self._protocol,
            "liquidatePosition",
            (action.id,),
            action.max_gas_price,
        )
        gas_limit = self.settings.gas_limit
        refusal = self._sender.refusal(call, gas=gas_limit)
        if refusal is not None:
            self._note_refusal(action, refusal, done)
            return
        done.actions.append(action)
        if not self.execute:
            return
        try:
            mined = self._sender.send(call, gas_limit, self.settings, now, done)
        except NotSent as limit:
            done.skipped.append(Skipped(action.id, str(limit)))
            return
        if mined is not None:
            self._book(mined, done)

    @staticmethod
    def _note_refusal(action: Action, refusal: Reverted, done: Round) -> None:
        if refusal.name in _TOO_LATE:
            done.skipped.append(Skipped(action.id, f"already done or healthy: {refusal}"))
        else:
            done.errors.append(Failure(action.id, str(refusal)))

    # ---------------------------------------------------------------------------------- deleverage

    def _deleverage_if_due(self, snapshot: Snapshot, done: Round) -> None:
        """A node that fails here, at events for one, is not to slow liquidations down."""
        try:
            self.deleverage(self._read() if self._has_acted(done) else snapshot, done)
        except NodeError as error:
            done.interrupted = str(error)

    def _has_acted(self, done: Round) -> bool:
        return self.execute and bool(done.actions or done.credit.actions)

    def deleverage(self, snapshot: Snapshot, done: Round) -> None:
        """Closes one position after the other until nothing is due, or nothing more can be done."""
        most = self.settings.max_actions
        for attempt in range(most + 1):
            complete = self._with_margin_positions(snapshot)
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
            todo = deleverages(
                complete, self.settings, min(1, left) if self.execute else left, refused
            )
            done.standing, done.left = todo.standing, todo.left
            done.kept = list(todo.skipped)
            if todo.standing is not None and todo.standing.due:
                done.kept += [Skipped(name, reason) for name, reason in refused.items()]
            if not todo.actions or not self._attempt(todo, complete, done):
                return
            snapshot = self._read()

    def _with_margin_positions(self, snapshot: Snapshot) -> Snapshot | None:
        """They are read only when something is due, but events in every round. None: stopped."""
        if not self._candidates.update(snapshot.block, self.settings.block_range):
            return None
        standing = standing_of(snapshot)
        if standing is None or not standing.due:
            return snapshot
        positions = read_margin_positions(
            self.chain,
            self._lens,
            self._candidates.keys,
            snapshot.block,
            self.settings.page_size,
        )
        return replace(snapshot, margin_positions=positions)

    def _attempt(self, todo: Deleveraging, snapshot: Snapshot, done: Round) -> bool:
        """Carries the first action out. Whether to look again."""
        action, call = todo.actions[0], self._deleverage_call(todo.actions[0])
        if self._stop.is_set() or self._sender.waiting:
            waiting = self._sender.waiting
            done.left = f"waiting for {waiting}" if waiting else "stopping"
            return False
        try:
            if (refusal := self._sender.refusal(call, "pending")) is not None:
                raise refusal
            gas = self._sender.gas_of(call) if self.execute else 0
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
        done.closes += todo.actions
        if not self.execute:
            return False
        gas_limit = gas * 3 // 2
        if gas_limit > self.settings.max_deleverage_gas:
            done.left = f"gas {gas_limit} above {self.settings.max_deleverage_gas}"
            return False
        try:
            mined = self._sender.send(call, gas_limit, self.settings, snapshot.timestamp, done)
        except NotSent as limit:
            done.left = str(limit)
            return False
        if mined is None:
            done.left = "waiting"
            return False
        self._book(mined, done)
        return True

    def _still_refused(self, block: int) -> dict[Id, str]:
        """Positions that could not be closed lately though they should have been, and why."""
        self._refused = {name: item for name, item in self._refused.items() if item[0] > block}
        return {name: reason for name, (_, reason) in self._refused.items()}

    def _deleverage_call(self, action: Close) -> Call:
        name, deleverager = action.id, self._deleverager
        limit = self.settings.max_gas_price
        if isinstance(name, MarginKey):
            key = (name.client, name.account, name.market_id)
            return Call(action, deleverager, _OF_ACCOUNT, (*key, action.max_size), limit)
        return Call(action, deleverager, _OF_TRADER, (action.owner, action.max_size), limit)

    # ------------------------------------------------------------------------------------- results

    def _book(self, mined: Mined, done: Round) -> None:
        """What a mined transaction has done, or why it reverted."""
        call, receipt = mined.call, mined.receipt
        action = call.action
        if not isinstance(action, Action | Close):
            assert self.desk is not None
            self.desk.book(mined, done)
            return
        if not mined.succeeded:
            refusal = self._sender.refusal(call, receipt["blockNumber"])
            if refusal is None:
                done.errors.append(Failure(action.id, "reverted when mined"))
            elif isinstance(action, Close):
                done.skipped.append(Skipped(action.id, f"came too late: {refusal}"))
            else:
                self._note_refusal(action, refusal, done)
            return
        common: dict[str, Any] = {
            "gas_cost": mined.gas_cost,
            "gas_used": receipt["gasUsed"],
            "transaction": receipt["transactionHash"].to_0x_hex(),
            "block": receipt["blockNumber"],
        }
        if isinstance(action, Close):
            name = "TraderDeleveraged" if isinstance(action.id, int) else "AccountDeleveraged"
            (event,) = self.chain.events(receipt, call.contract, name)
            self._last_close = receipt["blockNumber"]
            done.deleveraged.append(
                Deleverage(
                    action=action,
                    size=event["size"],
                    settlement=event["settlement"],
                    ratio_before=event["ratioBefore"],
                    ratio_after=event["ratioAfter"],
                    **common,
                )
            )
            return
        (event,) = self.chain.events(receipt, call.contract, "PositionLiquidated")
        done.liquidated.append(
            Liquidation(
                id=action.id,
                trader=action.trader,
                reward=event["reward"],
                expected_reward=action.reward,
                **common,
            )
        )
