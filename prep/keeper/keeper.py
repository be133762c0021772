"""One round after the other: reads, decides, simulates, sends, waits.

Liquidations of positions come first, as one block shows them; then credit accounts, orders and
requests; then asset-backed positions; then, if that is wanted, what the vault can no longer carry
is closed.
"""

from threading import Event
from typing import Any, Final

from ape.api import AccountAPI

from prep.credit.errors import types_of
from prep.keeper.chain import Chain, NodeError, Reverted
from prep.keeper.closer import Closer, ToDeleverage
from prep.keeper.credit.desk import Desk
from prep.keeper.credit.read import CreditContracts
from prep.keeper.decide import Action, Plan, Settings, Skipped, plan
from prep.keeper.deleverage import Close
from prep.keeper.margin.actions import MarginAction
from prep.keeper.margin.clerk import Clerk, ToWatch
from prep.keeper.read import read
from prep.keeper.report import Failure, Liquidation, Report, Round
from prep.keeper.sender import Call, Mined, NotSent, Sender
from prep.keeper.snapshot import Snapshot
from prep.reverts import web3_of

_TOO_LATE: Final = {"PositionHealthy", "UnknownPosition"}
"""What the protocol answers when somebody else was first, or the price came back."""


class Keeper:
    """Watches one protocol. Sends nothing unless told to `execute`; prints nothing.

    `protocol` and `lens` are Ape contract instances; `account` signs, unasked, and may be None in a
    dry run. Waiting ends early when `stop` is set. Deleverages only with `deleverage`, and serves
    credit accounts, orders and requests only with `credit`, and asset-backed positions with
    `margin`.
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
        margin: ToWatch | None = None,
    ) -> None:
        """Raises `StoreError`, with `margin`."""
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
        if margin is not None:
            types += [
                project.get_contract(name).contract_type
                for name in ("LongPool", "DebtController", "LendingVault")
            ]
        self.chain = Chain(web3_of(protocol.provider), types)
        self._protocol = self.chain.contract(protocol)
        self._lens = self.chain.contract(lens)
        self._stop = stop or Event()
        chain_id: int = protocol.provider.chain_id
        self._sender = Sender(self.chain, chain_id, account, self._stop)
        self.desk: Desk | None = None
        if credit is not None:
            self.desk = Desk(self.chain, self._sender, credit, project, execute, self._stop)
        self.clerk: Clerk | None = None
        if margin is not None:
            self.clerk = Clerk(
                self.chain,
                self._sender,
                margin,
                project,
                chain_id,
                execute,
                self._stop,
                settings.block_range,
                settings.batch_size,
            )
        self._vault: Any = None
        self.closer: Closer | None = None
        if deleverage is not None:
            self._vault = self.chain.contract(deleverage.vault)
            self.closer = Closer(
                self.chain,
                self._sender,
                self._protocol,
                self._lens,
                deleverage,
                chain_id,
                self._read,
                execute,
                self._stop,
            )

    def step(self) -> Report:
        """One round. Never raises for what a node or a contract does: the report says it."""
        done = Round(self.execute)
        before = self.chain.requests
        try:
            if (mined := self._sender.follow_up(done)) is not None:
                self._book(mined, done)
            snapshot, decided = self.look()
            self.act(snapshot, decided, done)
            if self.desk is not None:
                self._serve_credit(self.desk, done)
            if self.clerk is not None:
                self._serve_margin(self.clerk, done)
            if self.closer is not None:
                self._deleverage_if_due(self.closer, snapshot, done)
        except NodeError as error:
            done.unreachable = str(error)
        return done.report(self.chain.requests - before)

    def look(self) -> tuple[Snapshot, Plan]:
        """What the newest block shows and whom to liquidate."""
        snapshot = self._read()
        return snapshot, plan(snapshot, self.settings)

    def act(self, snapshot: Snapshot, decided: Plan, done: Round) -> None:
        """Carries a plan out, as far as it still holds. One that fails does not stop the others."""
        done.snapshot = snapshot
        done.skipped += decided.skipped
        for action in decided.actions:
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

    def _serve_margin(self, clerk: Clerk, done: Round) -> None:
        """The same: reading a long history may take several rounds."""
        try:
            clerk.work(self.settings, done)
        except NodeError as error:
            done.margin.interrupted = str(error)

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

    def _deleverage_if_due(self, closer: Closer, snapshot: Snapshot, done: Round) -> None:
        """A node that fails here, at events for one, is not to slow liquidations down."""
        try:
            if self._has_acted(done):
                snapshot = self._read()
            closer.deleverage(snapshot, self.settings, done)
        except NodeError as error:
            done.interrupted = str(error)

    def _has_acted(self, done: Round) -> bool:
        return self.execute and bool(done.actions or done.credit.actions or done.margin.actions)

    # ------------------------------------------------------------------------------------- results

    def _book(self, mined: Mined, done: Round) -> None:
        """What a mined transaction has done, or why it reverted."""
        call, receipt = mined.call, mined.receipt
        action = call.action
        if isinstance(action, Close):
            assert self.closer is not None
            self.closer.book(mined, done)
            return
        if isinstance(action, MarginAction):
            assert self.clerk is not None
            self.clerk.book(mined, done)
            return
        if not isinstance(action, Action):
            assert self.desk is not None
            self.desk.book(mined, done)
            return
        if not mined.succeeded:
            refusal = self._sender.refusal(call, receipt["blockNumber"])
            if refusal is None:
                done.errors.append(Failure(action.id, "reverted when mined"))
            else:
                self._note_refusal(action, refusal, done)
            return
        event = self.chain.event(receipt, call.contract, "PositionLiquidated")
        done.liquidated.append(
            Liquidation(
                id=action.id,
                trader=action.trader,
                reward=event["reward"],
                expected_reward=action.reward,
                **mined.facts,
            )
        )
