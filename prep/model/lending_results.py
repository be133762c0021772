"""What actions on a lending vault return: the numbers that its events carry, base units."""

from collections.abc import Hashable
from dataclasses import dataclass
from typing import NamedTuple

from prep.model.interest import BorrowerKind


@dataclass(frozen=True, slots=True)
class InterestAccrued:
    """The index was brought up to date."""

    index: int
    """RAY."""
    interest: int
    """Since the last time."""
    reserves: int
    """The treasury's part, after."""


class Borrowed(NamedTuple):
    """A borrower took tokens."""

    borrower: Hashable
    assets: int
    shares: int
    """Added; 0 for a quoted borrower."""
    debt: int
    """After, rounded up."""


class Repaid(NamedTuple):
    """A borrower paid back."""

    borrower: Hashable
    assets: int
    shares: int
    """Removed; 0 for a quoted borrower."""
    debt: int


@dataclass(frozen=True, slots=True)
class InterestRecorded:
    """A quoted borrower recorded interest that it will pay."""

    borrower: Hashable
    interest: int
    debt: int
    locked: int
    """What is not in `total_assets` yet, after."""


@dataclass(frozen=True, slots=True)
class WrittenOff:
    """A debt will not be paid."""

    borrower: Hashable
    assets: int
    shares: int
    debt: int
    loss: int
    """What lenders bear of it."""


@dataclass(frozen=True, slots=True)
class ReservesCollected:
    """The treasury was paid."""

    amount: int
    reserves: int
    """After."""


@dataclass(frozen=True, slots=True)
class BorrowerSet:
    """A borrower was registered, or its cap changed."""

    borrower: Hashable
    kind: BorrowerKind
    cap: int
