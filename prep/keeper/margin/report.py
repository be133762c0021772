"""What a round did about asset-backed positions."""

from dataclasses import dataclass, field

from prep.keeper.credit.report import Transaction
from prep.keeper.decide import Skipped
from prep.keeper.margin.actions import Execute, MarginAction, Record, Seize, SetMark, TakeEther
from prep.keeper.margin.ids import PoolId
from prep.keeper.margin.snapshot import MarginSnapshot
from prep.margin.data import Closing


@dataclass(frozen=True, slots=True, kw_only=True)
class Seized(Transaction):
    """A liquidation that went through."""

    action: Seize
    closing: Closing


@dataclass(frozen=True, slots=True, kw_only=True)
class Executed(Transaction):
    """An order that was executed."""

    action: Execute
    closing: Closing


@dataclass(frozen=True, slots=True, kw_only=True)
class MarkSet(Transaction):
    """A mark that was set or cleared."""

    action: SetMark


@dataclass(frozen=True, slots=True, kw_only=True)
class EtherTaken(Transaction):
    """Ether that lay in the router."""

    action: TakeEther


@dataclass(frozen=True, slots=True, kw_only=True)
class Recorded(Transaction):
    """Interest that was recorded."""

    action: Record


MarginResult = Seized | Executed | MarkSet | Recorded | EtherTaken


@dataclass(frozen=True, slots=True, kw_only=True)
class MarginReport:
    """One round."""

    snapshot: MarginSnapshot | None = None
    """What it was based on; None when it was not read."""
    actions: tuple[MarginAction, ...] = ()
    """What the pools would have accepted: what a dry run would have sent."""
    results: tuple[MarginResult, ...] = ()
    skipped: tuple[Skipped, ...] = ()
    differing: tuple[PoolId, ...] = ()
    """Positions that the chain has otherwise than the index."""
    interrupted: str = ""
    """Why it ended early, if node or database failed; else empty."""


@dataclass(slots=True)
class MarginRound:
    """A report while it is being written."""

    snapshot: MarginSnapshot | None = None
    actions: list[MarginAction] = field(default_factory=list)
    results: list[MarginResult] = field(default_factory=list)
    skipped: list[Skipped] = field(default_factory=list)
    interrupted: str = ""

    def report(self) -> MarginReport:
        """As it is now."""
        snapshot = self.snapshot
        watched = snapshot.positions if snapshot else ()
        return MarginReport(
            snapshot=snapshot,
            actions=tuple(self.actions),
            results=tuple(self.results),
            skipped=tuple(self.skipped),
            differing=tuple(w.id for w in watched if w.differs),
            interrupted=self.interrupted,
        )
