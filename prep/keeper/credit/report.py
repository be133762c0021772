"""What a round did about credit accounts, orders and requests."""

from dataclasses import dataclass

from prep.keeper.credit.chores import Work
from prep.keeper.credit.decide import Approve, Liquidate, Outcome
from prep.keeper.credit.snapshot import CreditId, CreditSnapshot
from prep.keeper.section import Section, SectionRound, Transaction

CreditAction = Liquidate | Approve | Work


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


CreditReport = Section[CreditSnapshot, CreditAction, Result]
"""One round."""
CreditRound = SectionRound[CreditSnapshot, CreditAction, Result]
