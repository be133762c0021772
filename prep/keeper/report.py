"""What a round did."""

from dataclasses import dataclass, field

from prep.keeper.decide import Action, Skipped
from prep.keeper.snapshot import Snapshot


@dataclass(frozen=True, slots=True, kw_only=True)
class Liquidation:
    """One that was mined. Rewards are PREP base units."""

    id: int
    trader: str
    reward: int
    expected_reward: int
    """At the snapshot before."""
    gas_used: int
    gas_cost: int
    """Wei."""
    transaction: str
    block: int


@dataclass(frozen=True, slots=True)
class Failure:
    """Something that the operator may have to look at."""

    id: int
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """One round."""

    execute: bool
    snapshot: Snapshot | None
    """What it was based on; None when the node could not be asked."""
    actions: tuple[Action, ...]
    """Liquidations that the protocol would have accepted: what a dry run would have sent."""
    liquidated: tuple[Liquidation, ...]
    skipped: tuple[Skipped, ...]
    errors: tuple[Failure, ...]
    gas_spent: int
    """Wei, also on transactions that were too late."""
    requests: int
    """How often the node was asked."""
    unreachable: str
    """Why the round ended early, if the node failed; else empty."""

    @property
    def ids(self) -> tuple[int, ...]:
        """Of the positions that were liquidated."""
        return tuple(liquidation.id for liquidation in self.liquidated)

    @property
    def reward(self) -> int:
        """Of all liquidations, PREP base units."""
        return sum(liquidation.reward for liquidation in self.liquidated)


@dataclass(slots=True)
class Round:
    """A report while it is being written."""

    execute: bool
    snapshot: Snapshot | None = None
    actions: list[Action] = field(default_factory=list)
    liquidated: list[Liquidation] = field(default_factory=list)
    skipped: list[Skipped] = field(default_factory=list)
    errors: list[Failure] = field(default_factory=list)
    gas_spent: int = 0
    unreachable: str = ""

    def report(self, requests: int) -> Report:
        """As it is now."""
        return Report(
            execute=self.execute,
            snapshot=self.snapshot,
            actions=tuple(self.actions),
            liquidated=tuple(self.liquidated),
            skipped=tuple(self.skipped),
            errors=tuple(self.errors),
            gas_spent=self.gas_spent,
            requests=requests,
            unreachable=self.unreachable,
        )
