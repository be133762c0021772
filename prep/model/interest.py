"""How debt to a lending vault grows. docs/credit.md, "Lending vault"."""

from dataclasses import dataclass
from enum import Enum
from typing import Final

from prep.model.config import require
from prep.model.fixed import WAD
from prep.model.limits import YEAR

RAY: Final = 10**27
"""One, of indices."""
MAX_INDEX: Final = 2**128 - 1
"""The index, and interest, stop here."""
MAX_RATE: Final = 10 * WAD
"""A year."""


class BorrowerKind(Enum):
    """How a borrower's debt grows. A borrower of no kind is not registered."""

    NONE = 0
    INDEXED = 1
    """Every second, at the rate of the vault's curve."""
    QUOTED = 2
    """By interest that the borrower itself records."""


@dataclass(frozen=True, slots=True)
class RateCurve:
    """The yearly rate by utilisation, WAD: straight to `at_kink`, and from there to `at_full`."""

    at_zero: int
    at_kink: int
    at_full: int
    kink: int

    def validate(self) -> None:
        """Raises `ParameterOutOfBounds` for the first parameter outside its bounds."""
        require("atZero", self.at_zero, 0, self.at_kink)
        require("atKink", self.at_kink, self.at_zero, self.at_full)
        require("atFull", self.at_full, self.at_kink, MAX_RATE)
        require("kink", self.kink, 1, WAD - 1)

    def rate(self, utilisation: int) -> int:
        """At a utilisation of at most one, rounded down."""
        if utilisation <= self.kink:
            return self.at_zero + (self.at_kink - self.at_zero) * utilisation // self.kink
        above = (self.at_full - self.at_kink) * (utilisation - self.kink) // (WAD - self.kink)
        return self.at_kink + above


class Borrower:
    """What a registered borrower may owe, and owes: debt shares if indexed, else `quoted`."""

    __slots__ = ("cap", "kind", "quoted", "shares")

    def __init__(self, kind: BorrowerKind, cap: int) -> None:
        self.kind = kind
        self.cap = cap
        self.shares = 0
        self.quoted = 0

    @property
    def indexed(self) -> bool:
        """Whether its debt grows by the index."""
        return self.kind is BorrowerKind.INDEXED


def growth(index: int, rate: int, elapsed: int) -> int:
    """What is added to the index in `elapsed` seconds at a yearly rate (WAD): three terms of
    ``exp(x) - 1``, each rounded down."""
    x = rate * 10**9 * elapsed // YEAR
    second = x * x // (2 * RAY)
    third = second * x // (3 * RAY)
    return index * (x + second + third) // RAY
