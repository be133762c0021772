"""What a pair may be traded with, within the coded bounds of `PairTerms` in IDebtController.sol."""

from collections.abc import Hashable
from dataclasses import dataclass
from typing import Final

from prep.model.config import require
from prep.model.errors import Rejected
from prep.model.fixed import WAD
from prep.model.limits import DAY
from prep.model.margin.arithmetic import BPS

MAX_LEVERAGE: Final = 100_000
MIN_MARGIN: Final = 100
MAX_MARGIN: Final = 5_000
MIN_DEVIATION: Final = 10
MAX_DEVIATION: Final = 2_000
MIN_PRICE: Final = 10**6
"""With fewer digits a check price is none."""
MAX_LIMIT: Final = 2**128 - 1
MAX_APY: Final = 10 * WAD
MIN_GRACE: Final = 600
MAX_GRACE: Final = DAY
DEFAULT_GRACE: Final = 3_600


@dataclass(frozen=True, slots=True, kw_only=True)
class PairTerms:
    """Basis points; a leverage of one is 10,000. Limits are base units of what is borrowed."""

    oracle: Hashable | None = None
    """Of the base token in the quote token. None: the pair has limits instead."""
    max_leverage: int
    maintenance_margin: int
    liquidation_fee: int
    max_deviation: int = 0
    long_limit: int = 0
    short_limit: int = 0
    disabled: bool = False

    def validate(self) -> None:
        """Raises for the first parameter outside of its bounds."""
        self._check_kind()
        require("maxLeverage", self.max_leverage, BPS + 1, MAX_LEVERAGE)
        require("maintenanceMargin", self.maintenance_margin, MIN_MARGIN, MAX_MARGIN)
        require("liquidationFee", self.liquidation_fee, 0, self.maintenance_margin)
        require("longLimit", self.long_limit, 0, MAX_LIMIT)
        require("shortLimit", self.short_limit, 0, MAX_LIMIT)
        if self.oracle is not None:
            most = min(MAX_DEVIATION, self.maintenance_margin)
            require("maxDeviation", self.max_deviation, MIN_DEVIATION, most)
        if self.max_leverage * (self.maintenance_margin + self.max_deviation) >= BPS * BPS:
            raise Rejected(
                "LeverageTooHigh", self.max_leverage, self.maintenance_margin, self.max_deviation
            )

    def _check_kind(self) -> None:
        limited = self.long_limit > 0 or self.short_limit > 0
        checked = self.oracle is not None
        if checked == limited or checked != (self.max_deviation > 0):
            raise Rejected(
                "CheckOrLimits",
                self.oracle,
                self.max_deviation,
                self.long_limit,
                self.short_limit,
            )
