"""What the risk manager decides about assets and markets of credit accounts, with the coded bounds,
and the constants that no role can change. docs/credit.md."""

from collections.abc import Hashable
from dataclasses import dataclass
from typing import Final

from prep.model.config import require
from prep.model.fixed import UNLIMITED, WAD
from prep.model.lending import LendingPool
from prep.model.limits import DAY

BPS: Final = 10_000
PREP: Final = 0
"""The asset that everything is counted in."""
LP_SHARES: Final = 1
"""The asset that is shares of the LP vault."""

MAX_ASSETS: Final = 32
MAX_HELD: Final = 8
"""Assets besides PREP that an account holds or owes, and markets that it has positions on."""
MAX_THRESHOLD: Final = 9_000
"""Of assets other than PREP, basis points."""
MIN_BORROWABLE: Final = 1_000
"""Weight of an asset that can be borrowed, basis points."""
MAX_MARKET_THRESHOLD: Final = 9_900

MIN_BONUS: Final = 2 * WAD // 100
MAX_BONUS: Final = 10 * WAD // 100
FULL_BONUS_AT: Final = 10 * WAD // 100
"""Shortfall from which the bonus is the largest, of debt and requirement, WAD."""
TARGET: Final = 11 * WAD // 10
"""What a liquidation brings the account to: collateral and PnL over debt."""
CLOSING_REWARD: Final = 25
"""For closing positions, basis points of their value."""

MAX_ORDERS: Final = 15
"""Of an account."""
MAX_LIFETIME: Final = 365 * DAY
MIN_TWO_STEP_FEE: Final = WAD
"""PREP base units, of an order on a market with two-step execution."""
MAX_KEEPER_FEE: Final = 100 * WAD


@dataclass(frozen=True, slots=True, kw_only=True)
class AssetConfig:
    """A token that accounts can hold, and with a pool owe. Weights are basis points."""

    token: Hashable
    pool: LendingPool | None = None
    max_ltv: int = 0
    """What of its value counts where an account may do more; debt counts divided by it."""
    liquidation_threshold: int = 0
    """What counts against liquidation."""
    deposit_cap: int = UNLIMITED
    """What all accounts may hold of it after a deposit, base units."""

    def weight(self, *, for_liquidation: bool) -> int:
        """By the reading."""
        return self.liquidation_threshold if for_liquidation else self.max_ltv

    def validate(self, asset_id: int) -> None:
        """Raises `ParameterOutOfBounds` for the first weight outside its bounds."""
        if asset_id == PREP:
            low = high = BPS
        else:
            low, high = 0 if self.pool is None else MIN_BORROWABLE, MAX_THRESHOLD
        require("liquidationThreshold", self.liquidation_threshold, low, high)
        require("maxLtv", self.max_ltv, low, self.liquidation_threshold)


@dataclass(frozen=True, slots=True)
class MarketLtv:
    """What of a position's value need not be covered, basis points."""

    max_ltv: int = 0
    liquidation_threshold: int = 0

    def weight(self, *, for_liquidation: bool) -> int:
        """By the reading."""
        return self.liquidation_threshold if for_liquidation else self.max_ltv

    def validate(self) -> None:
        """Raises `ParameterOutOfBounds` for the first weight outside its bounds."""
        require("liquidationThreshold", self.liquidation_threshold, 0, MAX_MARKET_THRESHOLD)
        require("maxLtv", self.max_ltv, 0, self.liquidation_threshold)


NO_MARKET_LTV: Final = MarketLtv()
"""A market without weights: its positions need all of their value."""
