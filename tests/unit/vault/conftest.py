"""Suites that only tests of the vault need."""

import pytest

from tests.suite import BTC
from tests.unit.conftest import FUNDS, LIQUIDITY
from tests.unit.vault.cooling import PERIOD, WINDOW, set_periods


@pytest.fixture(scope="session")
def _special_suites(create_suite, lp, trader, other_trader):
    """With reserves by the larger side, and with none."""
    larger = create_suite(by_larger_side=True)
    larger.provide(lp, LIQUIDITY)
    for account in (trader, other_trader):
        larger.give(account, FUNDS)
    return create_suite(market=BTC | {"borrowRate": 0, "reserveFactor": 0}), larger


@pytest.fixture
def unreserved(_special_suites, clock):
    """The BTC market without borrowing fee and reserves, and an empty vault: traders can win it
    all."""
    return _special_suites[0]


@pytest.fixture
def larger(_special_suites, clock):
    """As `btc`, with withdrawals that leave the reserve of the larger side."""
    return _special_suites[1]


@pytest.fixture
def cooling(btc):
    """As `btc`, with a cooldown of 3 days and a window of 7."""
    set_periods(btc, PERIOD, WINDOW)
    return btc
