"""What a round did about credit accounts, orders and requests."""

from dataclasses import dataclass, field

from prep.keeper.credit.chores import Work
from prep.keeper.credit.decide import Approve, Liquidate, Outcome
from prep.keeper.credit.snapshot import CreditId, CreditSnapshot
from prep.keeper.decide import Skipped

CreditAction = Liquidate | Approve | Work


@dataclass(frozen=True, slots=True, kw_only=True)
class Transaction:
    """One that was mined."""

    gas_used: int
    gas_cost: int
    """Wei."""
    transaction: str
    block: int


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountLiquidated(Transaction):
    """One that went through."""

    action: Liquidate
    """As it was decided."""
    outcome: Outcome
    yields: int
    """What that is worth, at the prices of the decision; PREP base units."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Filled(Transaction):
    """Orders, or requests."""

    ids: tuple[CreditId, ...]
    ended: tuple[CreditId, ...]
    """Those that are gone without a trade, because their owners lack collateral."""
    fee: int
    """For all of them, PREP base units."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Removed(Transaction):
    """A dead order or request."""

    id: CreditId
    fee: int
    """What the keeper got, PREP base units."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Approved(Transaction):
    """An allowance."""

    action: Approve


Result = AccountLiquidated | Filled | Removed | Approved


@dataclass(frozen=True, slots=True, kw_only=True)
class CreditReport:
    """One round."""

    snapshot: CreditSnapshot | None = None
    """What it was based on; None when the node could not be asked."""
    actions: tuple[CreditAction, ...] = ()
    """What the contracts would have accepted: what a dry run would have sent."""
    results: tuple[Result, ...] = ()
    skipped: tuple[Skipped, ...] = ()
    interrupted: str = ""
    """Why it ended early, if the node failed; else empty."""


@dataclass(slots=True)
class CreditRound:
    """A report while it is being written."""

    snapshot: CreditSnapshot | None = None
    actions: list[CreditAction] = field(default_factory=list)
    results: list[Result] = field(default_factory=list)
    skipped: list[Skipped] = field(default_factory=list)
    interrupted: str = ""

    def report(self) -> CreditReport:
        """As it is now."""
        return CreditReport(
            snapshot=self.snapshot,
            actions=tuple(self.actions),
            results=tuple(self.results),
            skipped=tuple(self.skipped),
            interrupted=self.interrupted,
        )
