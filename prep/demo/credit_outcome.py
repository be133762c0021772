"""What a run leaves behind of credit accounts and lenders. Amounts are PREP base units unless said
otherwise, rates WAD."""

from collections.abc import Mapping
from dataclasses import dataclass

from prep.demo.credit_ledger import AccountLiquidation, OrderEnd


@dataclass(frozen=True)
class CreditReading:
    """At the price of a step, before the keeper looks. Of every account, in order, equity and what
    it needs, both as liquidation counts; how much of the lenders' PREP is lent, and at which rate
    for a year."""

    standings: tuple[tuple[int, int], ...]
    utilisation: int
    rate: int


@dataclass(frozen=True)
class CreditParticipant:
    """Somebody with a credit account, or a lender, who has none. `brought` and `worth`, in the
    account and outside, are values at the last prices."""

    name: str
    address: str
    plan: str
    account: int | None
    brought: int
    worth: int

    @property
    def result(self) -> int:
        """What it has more than if it had just kept what it brought."""
        return self.worth - self.brought


@dataclass(frozen=True)
class Lent:
    """What happened at a lending vault, base units of its asset."""

    interest: int
    losses: int


@dataclass(frozen=True)
class CreditOutcome:
    """All of it. Ends of orders and liquidations come with the step in which each happened;
    `waiting` are accounts and kinds of the orders that are left; `lent` is by asset."""

    samples: tuple[CreditReading, ...]
    participants: tuple[CreditParticipant, ...]
    orders: tuple[tuple[int, OrderEnd], ...]
    liquidations: tuple[tuple[int, AccountLiquidation], ...]
    waiting: tuple[tuple[int, str], ...]
    lent: Mapping[int, Lent]

    @property
    def accounts(self) -> tuple[CreditParticipant, ...]:
        return tuple(p for p in self.participants if p.account is not None)

    def name(self, account: int) -> str:
        """Of its owner."""
        return next(p.name for p in self.participants if p.account == account)

    def ended(self, how: str) -> int:
        """Orders that were filled, cancelled or removed."""
        return sum(order.how == how for _, order in self.orders)
