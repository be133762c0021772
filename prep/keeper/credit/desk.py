"""Credit accounts, orders and requests, round by round: accounts first, then what can be filled,
then what is dead."""

from threading import Event
from typing import Final

from ape.managers.project import ProjectManager

from prep.keeper.chain import Chain, Reverted
from prep.keeper.credit.chores import Work, chores, together
from prep.keeper.credit.hands import Hands, reason_of
from prep.keeper.credit.liquidate import Liquidator
from prep.keeper.credit.read import CreditContracts, Reader
from prep.keeper.credit.snapshot import CreditId, CreditSnapshot
from prep.keeper.decide import Settings, Skipped
from prep.keeper.report import Round
from prep.keeper.sender import Mined, Sender

LEFT_FOR: Final = 5
"""Blocks for which an order or request is left alone that is ready but refused: its price limit may
hold again soon."""
LEFT_DEAD_FOR: Final = 50
"""The same of a dead one that pays nothing."""


class Desk:
    """Works for one keeper, with its chain and its sender."""

    def __init__(
        self,
        chain: Chain,
        sender: Sender,
        contracts: CreditContracts,
        project: ProjectManager,
        execute: bool,
        stop: Event,
    ) -> None:
        self._reader = Reader(chain, contracts, project, sender.address)
        self._hands = Hands(chain, sender, self._reader, execute, stop)
        self._liquidator = Liquidator(self._reader, self._hands)
        self._left: dict[CreditId, tuple[int, str]] = {}  # until which block, and why

    def work(self, settings: Settings, done: Round) -> None:
        """One round. Raises `NodeError`."""
        self.act(self.look(settings), settings, done)

    def look(self, settings: Settings) -> CreditSnapshot:
        """What the newest block shows."""
        return self._reader.read(settings, self._left)

    def act(self, snapshot: CreditSnapshot, settings: Settings, done: Round) -> None:
        """Carries out what is worth doing after a look, as far as it still holds."""
        done.credit.snapshot = snapshot
        done.credit.skipped += [Skipped(i, reason) for i, (_, reason) in self._left.items()]
        self._left = {i: item for i, item in self._left.items() if item[0] > snapshot.block}
        self._liquidator.work(snapshot, settings, done)
        self._serve(snapshot, settings, done)

    def book(self, mined: Mined, done: Round) -> None:
        """What a transaction of an earlier round has done."""
        self._hands.book(mined, done)

    def _serve(self, snapshot: CreditSnapshot, settings: Settings, done: Round) -> None:
        found = chores(snapshot, settings)
        done.credit.skipped += found.skipped
        for chore in snapshot.chores:
            if chore.refused:
                self._left[chore.id] = snapshot.block + LEFT_FOR, chore.refused
            elif not chore.fill and chore.pays == 0 and not settings.unpaid:
                self._left[chore.id] = snapshot.block + LEFT_DEAD_FOR, "pays 0"
        for work in found.work:
            self._serve_one(work, snapshot, settings, done)

    def _serve_one(
        self, work: Work, snapshot: CreditSnapshot, settings: Settings, done: Round
    ) -> None:
        if hindered := self._hands.hindered():
            done.credit.skipped += [Skipped(task.id, hindered) for task in work.tasks]
            return
        if work.fill:
            ask = self._reader.fill([task.id.number for task in work.tasks], work.id.kind)
        else:
            ask = self._reader.remove(work.id)
        answer = self._hands.try_out(ask, work.gas_limit)
        if isinstance(answer, Reverted):
            done.credit.skipped.append(Skipped(work.id, reason_of(answer)))
        elif len(work.tasks) == 1 or all(answer[0]):
            self._hands.send(work, ask, work.gas_limit, snapshot, settings, done)
        else:
            # What does not go with others may go alone: a request that ends without a trade, say.
            can = list(zip(work.tasks, answer[0], strict=True))
            with_others = [task for task, filled in can if filled]
            groups = [with_others] if with_others else []
            groups += [[task] for task, filled in can if not filled]
            for group in groups:
                self._serve_one(together(group, settings), snapshot, settings, done)
