"""ProtocolLens.positions: pages of ids, with ids that are free again between them."""

import pytest

from tests.suite import UNLIMITED, WAD
from tests.unit.books import open_position

COLLATERAL = 5_000 * WAD


@pytest.fixture
def numbered(btc, crowd, clock):
    """Ids 1 to 5, of which 2 and 4 are free again."""
    for i, account in enumerate(crowd[:5]):
        btc.give(account, COLLATERAL)
        open_position(btc, account, COLLATERAL, (1_000 + i) * WAD, i % 2 == 0)
    for id_ in (2, 4):
        btc.protocol.closePosition(sender=crowd[id_ - 1])
    return btc


def test_positions__pages__ids_in_order_without_gaps(numbered, crowd):
    owners = {id_: account.address for id_, account in enumerate(crowd[:5], start=1)}
    most = UNLIMITED
    pages = {
        (1, 5): [1, 3, 5],
        (1, 0): [],
        (0, 0): [],
        (0, 2): [1],
        (0, 6): [1, 3, 5],
        (1, 1): [1],
        (1, 2): [1],
        (2, 1): [],
        (2, 2): [3],
        (2, 3): [3],
        (3, 2): [3],
        (3, 3): [3, 5],
        (4, 1): [],
        (5, 1): [5],
        (5, 2): [5],
        (6, 1): [],
        (7, 9): [],
        (0, most): [1, 3, 5],
        (1, most): [1, 3, 5],
        (4, most): [5],
        (6, most): [],
        (most, most): [],
        (most, 0): [],
        (most, 1): [],
    }
    for (first, count), ids in pages.items():
        found = [(view.id, view.trader) for view in numbered.lens.positions(first, count)]
        assert found == [(id_, owners[id_]) for id_ in ids], (first, count)


def test_positions__id_zero__counts_as_one_of_the_page(numbered):
    """`[0, 1)` holds nothing but 0, which no position has."""
    assert numbered.lens.positions(0, 1) == []


def test_positions__id_given_out_again__its_new_owner(numbered, crowd):
    numbered.protocol.openPositionWithSize(2_000 * WAD, True, sender=crowd[3])
    (reused,) = (view for view in numbered.lens.positions(1, 5) if view.id in (2, 4))
    assert (reused.id, reused.trader) == (4, crowd[3].address)
    assert reused.entryNotional == 2_000 * WAD


def test_positions__nobody__empty_and_no_price_needed(btc):
    btc.set_answer(0)
    assert btc.lens.positions(1, UNLIMITED) == []
