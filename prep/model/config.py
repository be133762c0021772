"""A market's parameters and their coded bounds. docs/whitepaper.md, all sections."""

from dataclasses import dataclass

from prep.model import limits
from prep.model.errors import Rejected
from prep.model.fixed import UNLIMITED, wmul


@dataclass(frozen=True, slots=True, kw_only=True)
class MarketConfig:
    """Everything the risk manager decides about a market.

    Rates and factors are WAD, values PREP base units at the oracle price, the skew scale base units
    of the asset. `UNLIMITED` switches a maximum off.
    """

    oracle: int = 1
    """Address of the price adapter. The model only knows that it must not be zero."""
    enabled: bool = True
    """False: positions can be closed, decreased and liquidated, never opened or grown."""
    skew_scale: int = 0
    """``K``: the skew at which the premium is 100 %. 0: no price impact and no funding."""
    max_funding_velocity: int = 0
    """``V``: largest change of the 24-hour funding rate in a day."""
    opening_fee_rate: int = 0
    closing_fee_rate: int = 0
    borrow_rate: int = 0
    """Yearly, on the reserve that a position ties up."""
    reserve_factor: int = 0
    """Part of the notional that the vault must hold. 0: no reserve check."""
    min_position_value: int = 0
    max_position_value: int = UNLIMITED
    max_long_oi_value: int = UNLIMITED
    max_short_oi_value: int = UNLIMITED
    max_net_oi_value: int = UNLIMITED
    min_execution_delay: int = 0
    """Seconds that an order waits at least for the price that it fills at. 0: it fills at once."""

    def validate(self) -> None:
        """Raises `ParameterOutOfBounds` for the first parameter outside its bounds."""
        require("oracle", self.oracle, 1, 2**160 - 1)
        require("skewScale", self.skew_scale, 0, limits.MAX_SKEW_SCALE)
        require("maxFundingVelocity", self.max_funding_velocity, 0, limits.MAX_FUNDING_VELOCITY)
        require("openingFeeRate", self.opening_fee_rate, 0, limits.MAX_FEE_RATE)
        require("closingFeeRate", self.closing_fee_rate, 0, limits.MAX_FEE_RATE)
        require("borrowRate", self.borrow_rate, 0, limits.MAX_BORROW_RATE)
        require("reserveFactor", self.reserve_factor, 0, limits.MAX_RESERVE_FACTOR)
        product = wmul(self.borrow_rate, self.reserve_factor)
        require("borrowRate", product, 0, limits.MAX_BORROWING_A_YEAR)
        require("minPositionValue", self.min_position_value, 0, limits.MAX_VALUE)
        _require_or_unlimited("maxPositionValue", self.max_position_value, self.min_position_value)
        _require_or_unlimited("maxLongOIValue", self.max_long_oi_value)
        _require_or_unlimited("maxShortOIValue", self.max_short_oi_value)
        _require_or_unlimited("maxNetOIValue", self.max_net_oi_value)
        require("minExecutionDelay", self.min_execution_delay, 0, limits.MAX_EXECUTION_DELAY)


def require(name: str, value: int, low: int, high: int) -> None:
    if not low <= value <= high:
        raise Rejected("ParameterOutOfBounds", name, value, low, high)


def _require_or_unlimited(name: str, value: int, low: int = 0) -> None:
    if value != UNLIMITED:
        require(name, value, low, limits.MAX_VALUE)


def check_protocol_fee_rate(rate: int) -> None:
    """Raises unless the protocol's share of fees is at most half."""
    require("protocolFeeRate", rate, 0, limits.MAX_PROTOCOL_FEE_RATE)


def check_skew_scale_change(old: int, new: int, long_oi: int, short_oi: int) -> None:
    """Raises unless a market with this open interest may go from one skew scale to the other.

    Between zero and non-zero only while nobody has a position, because two aggregates are not kept
    at zero; otherwise never below the larger side, so that the premium stays above -100 %.
    """
    if (old == 0) != (new == 0) and long_oi + short_oi > 0:
        raise Rejected("SkewScaleLocked", long_oi + short_oi)
    if new > 0:
        require("skewScale", new, max(long_oi, short_oi), limits.MAX_SKEW_SCALE)
