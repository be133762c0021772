"""A lending vault, from its logs alone. Amounts are base units of its asset, the index RAY."""

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from prep.model.fixed import WAD

RAY: Final = 10**27


@dataclass
class Pool:
    """A lending vault. `shares`: debt shares; `quoted`: owed by each borrower that says itself what
    interest it owes, recorded interest included; `principal`: lent by index less repaid and written
    off; `supply`: of lenders' shares."""

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
    quoted: defaultdict[str, int] = field(default_factory=lambda: defaultdict(int))
    wallets: defaultdict[str, int] = field(default_factory=lambda: defaultdict(int))

    @property
    def indexed(self) -> int:
        """What lenders count of the debt that grows by the index."""
        return self.shares * self.index // RAY

    @property
    def debt(self) -> int:
        """What lenders count."""
        return self.indexed + sum(self.quoted.values())

    def total_assets(self, locked: int) -> int:
        """`locked`: of recorded interest, what is not the lenders' yet."""
        return max(0, self.idle + self.debt - locked - self.reserves)

    def accrue(self, args: Mapping[str, Any]) -> int:
        """Interest, and by how much it and the treasury's part are not what they should be."""
        before, reserves = self.indexed, self.reserves
        interest: int = args["interest"]
        self.index, self.reserves = args["index"], args["reserves"]
        self.interest += interest
        share = interest * self.reserve_share // WAD
        return abs(self.indexed - before - interest) + abs(self.reserves - reserves - share)

    def lend(self, assets: int, shares: int) -> None:
        """Repaid if negative."""
        self.idle -= assets
        self.principal += assets
        self.shares += shares

    def lend_quoted(self, borrower: str, assets: int) -> None:
        """Repaid if negative."""
        self.idle -= assets
        self.quoted[borrower] += assets

    def record(self, args: Mapping[str, Any]) -> int:
        """Interest that a borrower says it owes, and by how much its debt is not what is logged."""
        interest: int = args["interest"]
        self.quoted[args["borrower"]] += interest
        self.interest += interest
        self.reserves += interest * self.reserve_share // WAD
        return abs(self.quoted[args["borrower"]] - int(args["debt"]))

    def write_off_quoted(self, args: Mapping[str, Any]) -> None:
        self.quoted[args["borrower"]] -= args["assets"]
        self.losses += args["loss"]

    def write_off(self, args: Mapping[str, Any]) -> None:
        self.principal -= args["assets"]
        self.shares -= args["shares"]
        self.written_off += args["assets"]
        self.losses += args["loss"]
        self.reserves = min(self.reserves, self.idle + self.debt)
