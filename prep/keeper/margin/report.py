"""What a round did about asset-backed positions."""

from dataclasses import dataclass

from prep.keeper.margin.actions import Execute, MarginAction, Record, Seize, SetMark, TakeEther
from prep.keeper.margin.snapshot import MarginSnapshot
from prep.keeper.section import Section, SectionRound, Transaction
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


MarginReport = Section[MarginSnapshot, MarginAction, MarginResult]
"""One round."""
MarginRound = SectionRound[MarginSnapshot, MarginAction, MarginResult]
