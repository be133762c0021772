"""Orders.executeOrder with reduceOnly: it only ever takes from a position."""

import pytest

from tests.agreement import rejected
from tests.margin import MAX_SIZE, PLAIN, every_market
from tests.unit.books import both_sides, sign

HELD = 40_000


@pytest.fixture
def hold(desk):
    """Opens a position. Its size."""

    def act(market: int, is_long: bool) -> int:
        return desk.order(market, sign(is_long) * desk.units(market, HELD)).position.size

    return act


@every_market
@both_sides
def test_execute_order__reduce_only_when_flat__not_reducible(desk, market, is_long):
    size = sign(is_long) * desk.units(market, HELD)
    with rejected("NotReducible", 0, size):
        desk.order(market, size, reduce_only=True)


@both_sides
@pytest.mark.parametrize("size", [1, MAX_SIZE])
def test_execute_order__reduce_only_with_the_positions_sign__not_reducible(
    desk, hold, is_long, size
):
    held, size = hold(PLAIN, is_long), sign(is_long) * size
    with rejected("NotReducible", held, size):
        desk.order(PLAIN, size, reduce_only=True)


@every_market
@both_sides
def test_execute_order__reduce_only_smaller__decreases_by_it(desk, hold, market, is_long):
    held = hold(market, is_long)
    size = -held // 3
    done = desk.order(market, size, reduce_only=True)
    assert (done.size, done.position.size) == (size, held + size)


@every_market
@both_sides
@pytest.mark.parametrize("beyond", [1, 12_345, None], ids=["one-more", "more", "most"])
def test_execute_order__reduce_only_larger__cut_to_a_close(desk, hold, market, is_long, beyond):
    held = hold(market, is_long)
    size = -sign(is_long) * (MAX_SIZE if beyond is None else abs(held) + beyond)
    done = desk.order(market, size, reduce_only=True)
    assert (done.size, done.position, done.opening_fee) == (-held, (0, 0, 0, 0), 0)


@both_sides
def test_execute_order__reduce_only_of_another_account__not_reducible(desk, hold, is_long):
    held = hold(PLAIN, is_long)
    with rejected("NotReducible", 0, -held):
        desk.order(PLAIN, -held, account=0, reduce_only=True)


@both_sides
def test_execute_order__reduce_only_rest_below_minimum__too_small(desk, hold, is_long):
    """Cut is only what is larger than the position."""
    desk.configure(PLAIN, minPositionValue=100 * 10**18)
    held = hold(PLAIN, is_long)
    rest = -sign(is_long) * 10**6  # a hundredth of a bitcoin, 100 dollars
    desk.order(PLAIN, -held - rest, reduce_only=True)
    assert desk.position(PLAIN).size == -rest
    with rejected("PositionTooSmall", 99 * 10**18 + 9_999 * 10**14, 100 * 10**18):
        desk.order(PLAIN, sign(not is_long), reduce_only=True)
