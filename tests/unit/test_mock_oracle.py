"""MockOracle: prices that anyone sets, and when."""

import pytest

from tests.suite import WAD


@pytest.fixture
def oracle(admin, project):
    return admin.deploy(project.MockOracle, 5 * WAD)


def test_previous__first_price__itself(oracle, chain):
    now = chain.blocks.head.timestamp
    assert (oracle.price(), oracle.lastUpdate()) == (5 * WAD, now)
    assert tuple(oracle.previous()) == (5 * WAD, now)


def test_set_price__again__the_one_before_is_known(oracle, stranger):
    second = oracle.setPrice(6, sender=stranger).timestamp
    third = oracle.setPrice(7, sender=stranger).timestamp
    assert (oracle.price(), oracle.lastUpdate()) == (7, third)
    assert tuple(oracle.previous()) == (6, second)
