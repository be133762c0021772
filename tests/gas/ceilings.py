"""What actions may cost at most, and what an older implementation of the isolated ones needs.

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

# In a market with skew pricing and funding, and no other with positions.
ORDERS = {
    "open": 190_000,
    "increase": 155_000,
    "decrease": 155_000,
    "flip": 170_000,
    "close": 140_000,
    "deleverage": 200_000,
    # As a transaction of its own: 21,000 and call data are no part of a look from a contract.
    "margin equity, looked at": 58_000,
}

# What each further market with positions may add, by its kind.
FURTHER_MARKET = {
    "plain": {"open": 40_000, "deleverage": 50_000, "LP deposit": 35_000, "LP redeem": 35_000},
    "skewed": {"open": 40_000, "deleverage": 50_000, "LP deposit": 50_000, "LP redeem": 50_000},
}

# Of credit accounts, in a market with skew pricing and funding, and in one without.
# A lender who leaves a vault with indexed borrowers is above what was wanted, 65,000: docs/gas.md
# says of what that consists.
CREDIT = {
    "lender deposit": 95_000,
    "lender deposit, both kinds": 95_000,
    "lender deposit, quoted only": 95_000,
    "lender redeem, quoted only": 65_000,
    "deposit, open": 330_000,
    "close, withdraw": 260_000,
    "trigger order, grows": 260_000,
    "trigger order, reduces": 260_000,
    "liquidate": 380_000,
}

# What a further position, or a further collateral, may add to a health check. A position in a
# market with skew pricing and funding is above what was wanted, 25,000: the words and accounts that
# nothing has touched before cost 21,900 alone.
HEALTH_CHECK = {
    "skew and funding": {"collateral": 25_000},
    "no skew": {"position": 25_000, "collateral": 25_000},
}

# Of asset-backed positions, without the swap itself, whatever the pair.
MARGIN = {
    "open": 200_000,
    "close": 190_000,
    "add collateral": 120_000,
    "remove collateral": 100_000,
    "liquidate": 185_000,
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
