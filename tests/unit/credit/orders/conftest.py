"""An account that can pay for its orders."""

import pytest

from tests.suite import WAD


@pytest.fixture
def account(credit, trader):
    """10,000 PREP."""
    return credit.funded(trader, prep=10_000 * WAD)
