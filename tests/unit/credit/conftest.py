"""Credit accounts with lenders and liquidity, at a time that stands still."""

import pytest

from tests.credit import deploy_credit
from tests.suite import WAD

NO_INTEREST = 0, 0, 0, WAD // 2


@pytest.fixture(scope="session")
def credit(create_suite, project, lp):
    """Markets of three kinds, tokens of 6, 8 and 18 decimals, a million dollars in each vault. Debt
    does not grow before a test says so (`charge_interest`)."""
    return deploy_credit(project, create_suite(), lp, NO_INTEREST)


@pytest.fixture(autouse=True)
def standing_still(clock):
    """What grows with time is known to the unit."""


@pytest.fixture(scope="session")
def delegate(accounts):
    """May do some things for others."""
    return accounts[10]


@pytest.fixture(scope="session")
def keeper(accounts):
    """Fills orders of others; has no balance at first."""
    return accounts[11]
