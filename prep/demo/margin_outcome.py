"""What a run leaves behind of asset-backed positions. Amounts are base units of their token."""

from collections.abc import Mapping
from dataclasses import dataclass

from prep.model.fixed import WAD


@dataclass(frozen=True)
class MarginParticipant:
    """A trader. `paid` to pools and `got` from them, by token; leverage WAD. `open`: PREP that the
    position is worth in the end; None where it is closed."""

    name: str
    address: str
    plan: str
    is_long: bool
    base: str
    leverage: int
    paid: Mapping[str, int]
    got: Mapping[str, int]
    open: int | None

    @property
    def pair(self) -> str:
        return f"{self.base}/PREP"

    @property
    def owed(self) -> str:
        """The token that was borrowed."""
        return "PREP" if self.is_long else self.base


@dataclass(frozen=True)
class Swapped:
    """A closing: PREP, but principal, interest and bad debt in the token owed."""

    step: int
    trader: str
    how: str
    whole: bool
    payout: int
    interest: int
    principal: int
    fee: int
    bad_debt: int


@dataclass(frozen=True)
class MarginOutcome:
    """All of it. Interest and bad debt by token, fees and rewards PREP. `prices`: PREP for a base
    unit of a token, WAD, in the end. `samples`: of each step what the positions are worth, PREP, in
    the order of the traders; None where there is none."""

    participants: tuple[MarginParticipant, ...]
    closings: tuple[Swapped, ...]
    interest: Mapping[str, int]
    bad_debt: Mapping[str, int]
    fees: int
    rewards: int
    prices: Mapping[str, int]
    samples: tuple[tuple[int | None, ...], ...]

    def value(self, tokens: Mapping[str, int]) -> int:
        """PREP, of each token rounded down."""
        return sum(amount * self.prices[name] // WAD for name, amount in tokens.items())

    def result(self, who: MarginParticipant) -> int:
        """PREP that a trader has more than if he had just kept what he paid."""
        return self.value(who.got) + (who.open or 0) - self.value(who.paid)

    def ending(self, who: MarginParticipant) -> str | None:
        """How the position ended; None where it was never opened, or still is open."""
        whole = [c.how for c in self.closings if c.trader == who.name and c.whole]
        return whole[-1] if whole else None

    def ended(self, how: str) -> int:
        """Positions that ended so, closed as a whole."""
        return sum(c.how == how and c.whole for c in self.closings)
