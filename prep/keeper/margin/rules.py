"""What the operator wants done about asset-backed positions."""

from dataclasses import dataclass
from typing import Final

BPS: Final = 10_000
DAY: Final = 86_400


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """Besides `Settings`, whose limits hold here too. Basis points, seconds."""

    room: int = 20
    """So much of the value an equity must be below the least margin, and a price beyond that of an
    order, before anything is sent: prices move until it is mined."""
    slippage: int = 100
    """By how much a swap may be worse than it was quoted."""
    record_interval: int = DAY
    """Interest of a position is recorded at most so often, and once an hour; 0: never."""
    record_batch: int = 20
    """Positions whose interest is recorded with one transaction."""

    def __post_init__(self) -> None:
        for name, low, high in (
            ("room", 0, BPS),
            ("slippage", 0, BPS),
            ("record_interval", 0, 365 * DAY),
            ("record_batch", 1, 200),
        ):
            value = getattr(self, name)
            if not low <= value <= high:
                raise ValueError(f"{name} must be from {low} to {high}, is {value}")
