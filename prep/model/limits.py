"""Coded bounds and constants: what no role can change. Amounts are PREP base units."""

from typing import Final

from prep.model.fixed import WAD

MAX_MARKETS: Final = 64
MAX_SIZE: Final = 10**30
"""Open interest of one side, base units of the asset."""
MAX_PRICE: Final = 10**36
"""Oracle price, WAD."""
MAX_COST: Final = 10**37
"""Entry notional of a position."""
MAX_SKEW_SCALE: Final = 10**36
MAX_LIQUIDITY: Final = 10**37
"""What deposits can bring the vault's liquidity to."""
MAX_TARGET_COLLATERALIZATION_RATIO: Final = 10 * WAD
MAX_COLLATERAL: Final = 2**128 - 1
MAX_BORROW_INDEX: Final = 2**64 - 1
"""The borrowing index saturates here; the fee then stops."""

MAX_FUNDING_VELOCITY: Final = 1000 * WAD
MAX_FUNDING_RATE: Final = 96 * WAD // 100
"""The 24-hour rate, either way."""
MAX_FEE_RATE: Final = WAD // 10
MAX_BORROW_RATE: Final = 10 * WAD
MAX_RESERVE_FACTOR: Final = WAD
MAX_BORROWING_A_YEAR: Final = WAD // 2
"""Borrow rate times reserve factor."""
MAX_PROTOCOL_FEE_RATE: Final = WAD // 2
MAX_VALUE: Final = 10**37
"""Position values and open-interest caps, unless unlimited."""
MAX_EXECUTION_DELAY: Final = 3_600
"""Seconds that an order waits at least for its price, at most."""

MAX_LEVERAGE: Final = 15 * WAD
LIQUIDATION_LEVERAGE: Final = 30 * WAD
LIQUIDATION_REWARD_RATE: Final = 5 * WAD // 1000
MAX_REWARD_FROM_VAULT: Final = 50 * 10**18

VIRTUAL_SHARES: Final = 10**6
VIRTUAL_ASSETS: Final = 1
WIPED_OUT: Final = 10**12
"""Deposits close when the vault's value is below the supply of shares divided by this."""

HOUR: Final = 3_600
DAY: Final = 86_400
YEAR: Final = 31_536_000
CLOCK: Final = 2**32
"""Times are stored modulo this."""
MIN_DEPTH: Final = 120
"""How many times a side's open interest has to fit into the skew scale of the market that isolated
positions are on: a loss ends at collateral, the gain of whoever moves the skew against a position
does not. Elsewhere it has to fit once."""
