"""What a round did."""

from dataclasses import dataclass, field

from prep.keeper.credit.report import CreditReport, CreditRound
from prep.keeper.decide import Action, Skipped
from prep.keeper.deleverage import Close, Standing
from prep.keeper.margin.report import MarginReport, MarginRound
from prep.keeper.section import Transaction
from prep.keeper.snapshot import Id, Snapshot


@dataclass(frozen=True, slots=True, kw_only=True)
class Liquidation(Transaction):
    """One that was mined. Rewards are PREP base units."""

    id: int
    trader: str
    reward: int
    expected_reward: int
    """At the snapshot before."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Deleverage(Transaction):
    """One that was mined."""

    action: Close
    """As it was decided."""
    size: int
    """Closed, base units, signed like the position."""
    settlement: int
    """What its owner was paid, PREP base units; negative: had to pay."""
    ratio_before: int
    """The vault's collateralization ratio, WAD."""
    ratio_after: int


@dataclass(frozen=True, slots=True)
class Failure:
    """Something that the operator may have to look at."""

    id: Id
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
    standing: Standing | None
    """At the end: what is still to be deleveraged. None when that was not looked for, or cannot be
    known without a price."""
    closes: tuple[Close, ...]
    """Deleverages that the protocol would have accepted, as `actions`; in a dry run what follows
    the first one is the model's word alone."""
    deleveraged: tuple[Deleverage, ...]
    kept: tuple[Skipped, ...]
    """Positions that were not deleveraged, and why."""
    left: str
    """Why there is still something to deleverage."""
    interrupted: str
    """Why deleveraging ended early, if the node failed; else empty."""
    credit: CreditReport
    """Credit accounts, orders and requests."""
    margin: MarginReport
    """Asset-backed positions."""
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
    standing: Standing | None = None
    closes: list[Close] = field(default_factory=list)
    deleveraged: list[Deleverage] = field(default_factory=list)
    kept: list[Skipped] = field(default_factory=list)
    left: str = ""
    interrupted: str = ""
    credit: CreditRound = field(default_factory=CreditRound)
    margin: MarginRound = field(default_factory=MarginRound)
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
            standing=self.standing,
            closes=tuple(self.closes),
            deleveraged=tuple(self.deleveraged),
            kept=tuple(self.kept),
            left=self.left,
            interrupted=self.interrupted,
            credit=self.credit.report(),
            margin=self.margin.report(),
            errors=tuple(self.errors),
            gas_spent=self.gas_spent,
            requests=requests,
            unreachable=self.unreachable,
        )
