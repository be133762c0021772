"""What a run leaves behind of asset-backed positions. Amounts are base units of their token."""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class MarginParticipant:
    """A trader. `paid` to pools and `got` from them, by token; leverage WAD. `value`: of what was
    paid or got in the base token, PREP, at the last price."""

    name: str
    address: str
    plan: str
    is_long: bool
    base: str
    leverage: int
    paid: Mapping[str, int]
    got: Mapping[str, int]
    open: bool


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
    """All of it. Interest and bad debt by token, fees and rewards PREP."""

    participants: tuple[MarginParticipant, ...]
    closings: tuple[Swapped, ...]
    interest: Mapping[str, int]
    bad_debt: Mapping[str, int]
    fees: int
    rewards: int

    def result(self, who: MarginParticipant, price: int) -> int:
        """PREP that a trader has more than before: base tokens at a price, PREP for a base unit,
        WAD."""
        base = who.got[who.base] - who.paid[who.base]
        return who.got["PREP"] - who.paid["PREP"] + base * price // 10**18

    def ending(self, who: MarginParticipant) -> str:
        """How the position ended."""
        whole = [c.how for c in self.closings if c.trader == who.name and c.whole]
        return whole[-1] if whole else "open"
