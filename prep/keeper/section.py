"""What a round did about one kind of things."""

from dataclasses import dataclass, field
from typing import Generic, TypeVar

from prep.keeper.decide import Skipped

Snap = TypeVar("Snap")
Act = TypeVar("Act")
Res = TypeVar("Res")


@dataclass(frozen=True, slots=True, kw_only=True)
class Transaction:
    """One that was mined."""

    gas_used: int
    gas_cost: int
    """Wei."""
    transaction: str
    block: int


@dataclass(frozen=True, kw_only=True)
class Section(Generic[Snap, Act, Res]):
    """As it is told."""

    snapshot: Snap | None = None
    """What it was based on; None when it was not read."""
    actions: tuple[Act, ...] = ()
    """What the contracts would have accepted: what a dry run would have sent."""
    results: tuple[Res, ...] = ()
    skipped: tuple[Skipped, ...] = ()
    interrupted: str = ""
    """Why it ended early, if node or database failed; else empty."""


@dataclass(slots=True)
class SectionRound(Generic[Snap, Act, Res]):
    """While it is being written."""

    snapshot: Snap | None = None
    actions: list[Act] = field(default_factory=list)
    results: list[Res] = field(default_factory=list)
    skipped: list[Skipped] = field(default_factory=list)
    interrupted: str = ""

    def report(self) -> Section[Snap, Act, Res]:
        """As it is now."""
        return Section(
            snapshot=self.snapshot,
            actions=tuple(self.actions),
            results=tuple(self.results),
            skipped=tuple(self.skipped),
            interrupted=self.interrupted,
        )
