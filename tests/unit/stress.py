"""What the tests of stress runs share: two settings, and paths to run in them."""

from dataclasses import replace

from prep.model import WAD, MarketConfig, ReserveBasis
from prep.stress.paths import REGIMES, MadeUp, crowd_seed
from prep.stress.run import Job, Setting

FREE = Setting(
    config=MarketConfig(reserve_factor=WAD * 15 // 100, borrow_rate=WAD * 15 // 100),
    asset_decimals=18,
    protocol_fee_rate=0,
    reserve_basis=ReserveBasis.DIFFERENCE,
    deposit_cap=10**37,
    liquidity=500_000 * WAD,
    target=125 * WAD // 100,
    traders=12,
)
"""Borrowing is all that costs."""
DEAR = replace(
    FREE,
    config=MarketConfig(
        skew_scale=10**24,
        max_funding_velocity=9 * WAD,
        opening_fee_rate=WAD // 1000,
        closing_fee_rate=WAD // 500,
        reserve_factor=WAD // 10,
    ),
    protocol_fee_rate=WAD // 5,
    reserve_basis=ReserveBasis.LARGER_SIDE,
    liquidity=200_001 * WAD + 7,
)
"""Price impact, funding and fees."""


def job(setting=FREE, regime="normal", number=0, hours=24):
    """A path made up from seed 1."""
    path = MadeUp(REGIMES[regime], hours, 1).path(number)
    return Job(number, setting, path, crowd_seed(1, number))
