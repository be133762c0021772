"""A lending vault, from its logs alone. Amounts are base units of its asset, the index RAY."""

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from prep.model.fixed import WAD

RAY: Final = 10**27


@dataclass
class Pool:
    """A lending vault. `shares`: debt shares; `principal`: lent less repaid and written off;
    `supply`: of lenders' shares."""

    idle: int = 0
    shares: int = 0
    index: int = RAY
    reserves: int = 0
    reserve_share: int = 0
    interest: int = 0
    principal: int = 0
    written_off: int = 0
    losses: int = 0
    supply: int = 0
    donations: int = 0
    wallets: defaultdict[str, int] = field(default_factory=lambda: defaultdict(int))

    @property
    def debt(self) -> int:
        """What lenders count."""
        return self.shares * self.index // RAY

    @property
    def total_assets(self) -> int:
        return max(0, self.idle + self.debt - self.reserves)

    def accrue(self, args: Mapping[str, Any]) -> int:
        """Interest, and by how much it and the treasury's part are not what they should be."""
        before, reserves = self.debt, self.reserves
        interest: int = args["interest"]
        self.index, self.reserves = args["index"], args["reserves"]
        self.interest += interest
        share = interest * self.reserve_share // WAD
        return abs(self.debt - before - interest) + abs(self.reserves - reserves - share)

    def lend(self, assets: int, shares: int) -> None:
        """Repaid if negative."""
        self.idle -= assets
        self.principal += assets
        self.shares += shares

    def write_off(self, args: Mapping[str, Any]) -> None:
        self.principal -= args["assets"]
        self.shares -= args["shares"]
        self.written_off += args["assets"]
        self.losses += args["loss"]
        self.reserves = min(self.reserves, self.idle + self.debt)
