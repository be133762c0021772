"""What the BTC market's actions may cost at most, and what an older implementation needs.

Whole-transaction gas. The older implementation keeps fewer books and reads its feed directly.
"""

CEILINGS = {
    "open, fresh id": 140_000,
    "open, reused id": 120_000,
    "increase": 92_000,
    "decrease, profit": 92_000,
    "decrease, loss": 92_000,
    "close, profit": 91_000,
    "close, loss": 91_000,
    "liquidate one third": 110_000,
    "liquidate one third, first-time liquidator": 124_000,
    "deposit collateral": 50_000,
    "deposit collateral, first": 68_000,
    "withdraw collateral, position": 70_000,
    "withdraw collateral, no position": 50_000,
    "LP deposit": 105_000,
    "LP withdraw": 110_000,
}

OLDER = {
    "open, fresh id": 326_600,
    "increase": 125_200,
    "decrease, profit": 114_500,
    "close, profit": 141_900,
    "liquidate one third": 152_500,
    "deposit collateral, first": 65_900,
    "withdraw collateral, position": 75_700,
    "LP deposit": 74_000,
    "LP withdraw": 97_000,
}

# EIP-170, bytes of code.
MAX_CODE_SIZE = 24_576
