"""Names of positions."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, order=True)
class PoolId:
    """Of an asset-backed position, as its pool counts."""

    is_long: bool
    number: int

    def __str__(self) -> str:
        return f"{'long' if self.is_long else 'short'}/{self.number}"
