"""Credit accounts with lenders and liquidity, at a time that stands still."""

import pytest

from tests.credit import deploy_credit


@pytest.fixture(scope="session")
def credit(create_suite, project, lp):
    """Markets of three kinds, tokens of 6, 8 and 18 decimals, a million dollars in each vault."""
    return deploy_credit(project, create_suite(), lp)
