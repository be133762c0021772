"""Orders.executeOrder: sizes, caps and depth, each met exactly and exceeded by one base unit."""

import pytest

from tests.agreement import rejected
from tests.margin import ISOLATED, KINDS, PLAIN, every_market
from tests.suite import UNLIMITED, WAD
from tests.unit.books import both_sides, sign

DOLLARS = 30_000
CAP = DOLLARS * WAD


@pytest.fixture
def most(desk):
    """The most base units whose value, rounded down, is CAP at most, at a price that does not
    divide it."""

    def find(market: int) -> int:
        desk.move_price(market, 3 if market else 7)
        return ((CAP + 1) * WAD - 1) // desk.price(market)

    return find


def value(desk, market: int, size: int) -> int:
    return abs(size) * desk.price(market) // WAD


@every_market
@both_sides
def test_execute_order__min_position_value__at_it_and_below(desk, most, market, is_long):
    """Opening, decreasing and flipping; an increase may leave less, as when the price has moved."""
    s, size = sign(is_long), most(market)
    floor = value(desk, market, size)
    desk.configure(market, minPositionValue=floor)
    low = value(desk, market, size - 1)
    assert low < floor
    with rejected("PositionTooSmall", low, floor):
        desk.order(market, s * (size - 1))
    desk.order(market, s * size)
    desk.order(market, s * 5)
    with rejected("PositionTooSmall", low, floor):
        desk.order(market, -s * 6)
    with rejected("PositionTooSmall", low, floor):
        desk.order(market, -s * 6, reduce_only=True)
    desk.order(market, -s * 5)
    with rejected("PositionTooSmall", low, floor):
        desk.order(market, -s * (2 * size - 1))
    desk.order(market, -s * 2 * size)
    desk.configure(market, minPositionValue=2 * floor)
    desk.order(market, -s)
    desk.order(market, s * (size + 1))


@every_market
@both_sides
def test_execute_order__max_position_value__at_it_and_above(desk, most, market, is_long):
    """Of one position, when it opens, grows or flips; never when it shrinks."""
    s, size = sign(is_long), most(market)
    desk.configure(market, maxPositionValue=CAP)
    high = value(desk, market, size + 1)
    assert high > CAP
    with rejected("PositionTooLarge", high, CAP):
        desk.order(market, s * (size + 1))
    desk.order(market, s * size)
    with rejected("PositionTooLarge", high, CAP):
        desk.order(market, s)
    with rejected("PositionTooLarge", high, CAP):
        desk.order(market, -s * (2 * size + 1))
    desk.order(market, s * size, account=1)
    desk.configure(market, maxPositionValue=CAP // 2)
    desk.order(market, -s)
    with rejected("PositionTooLarge", value(desk, market, size), CAP // 2):
        desk.order(market, s)


@every_market
@both_sides
def test_execute_order__cap_of_a_side__at_it_and_above(desk, most, market, is_long):
    """Of all accounts together, of the side that grows only."""
    s, size = sign(is_long), most(market)
    mine, other = "maxLongOIValue", "maxShortOIValue"
    if not is_long:
        mine, other = other, mine
    desk.configure(market, **{mine: CAP, other: UNLIMITED})
    desk.order(market, s * (size // 2))
    high = value(desk, market, size + 1)
    with rejected("OpenInterestCapExceeded", high, CAP):
        desk.order(market, s * (size - size // 2 + 1), account=1)
    desk.order(market, s * (size - size // 2), account=1)
    desk.order(market, -s * 3 * size, account=2)
    more = desk.units(market, 20)
    with rejected("OpenInterestCapExceeded", value(desk, market, size + more), CAP):
        desk.order(market, s * (3 * size + more), account=2)
    desk.configure(market, **{mine: CAP // 2})
    desk.order(market, -s * 10, account=1)
    with rejected("OpenInterestCapExceeded", value(desk, market, size - 9), CAP // 2):
        desk.order(market, s, account=1)
    # Out of this side and into the other one is growth of the other.
    desk.order(market, -s * size, account=1)


@every_market
@both_sides
def test_execute_order__cap_of_the_skew__only_what_grows_it(desk, most, market, is_long):
    s, size = sign(is_long), most(market)
    desk.configure(market, maxNetOIValue=CAP)
    high = value(desk, market, size + 1)
    with rejected("NetOpenInterestCapExceeded", high, CAP):
        desk.order(market, s * (size + 1))
    desk.order(market, s * size)
    # From one side of the cap to the other, the skew as large as before: it has not grown.
    desk.configure(market, maxNetOIValue=0)
    desk.order(market, -s * 2 * size, account=1)
    with rejected("NetOpenInterestCapExceeded", high, 0):
        desk.order(market, -s, account=1)
    # Back towards none is always allowed.
    desk.order(market, s * 5)
    desk.order(market, s * 5, account=1)
    with rejected("NetOpenInterestCapExceeded", value(desk, market, size - 9), 0):
        desk.order(market, -s, account=1)


@pytest.mark.parametrize("market", [m for m in range(4) if KINDS[m].config["skewScale"]])
@both_sides
def test_execute_order__depth_of_the_market__at_it_and_above(desk, market, is_long):
    """Market 0, where isolated positions are, has the 120th part of it."""
    s, scale = sign(is_long), KINDS[market].config["skewScale"]
    deepest = scale // 120 if market == ISOLATED else scale
    unlimited = {"maxPositionValue": UNLIMITED, "maxNetOIValue": UNLIMITED}
    unlimited |= {"maxLongOIValue": UNLIMITED, "maxShortOIValue": UNLIMITED, "reserveFactor": 0}
    desk.configure(market, **unlimited)
    desk.order(market, s * (deepest // 2))
    with rejected("SkewScaleExceeded", deepest + 1, deepest):
        desk.order(market, s * (deepest - deepest // 2 + 1), account=1)
    desk.order(market, s * (deepest - deepest // 2), account=1)
    with rejected("SkewScaleExceeded", deepest + 1, deepest):
        desk.order(market, -s * (deepest // 2 + deepest + 1))
    desk.order(market, -s * deepest, account=2)
    with rejected("SkewScaleExceeded", 2 * deepest, deepest):
        desk.order(market, s * 2 * deepest, account=2)


@pytest.mark.parametrize("market", [m for m in range(4) if KINDS[m].config["skewScale"]])
@both_sides
def test_execute_order__depth_shrunk_below_the_side__can_still_reduce(desk, market, is_long):
    s, scale = sign(is_long), KINDS[market].config["skewScale"]
    size = scale // 120 // 2
    desk.order(market, s * size)
    desk.configure(market, skewScale=size)
    deepest = size // 120 if market == ISOLATED else size
    with rejected("SkewScaleExceeded", size + 1, deepest):
        desk.order(market, s)
    desk.order(market, -s * (size // 2))
    desk.order(market, -s * size, reduce_only=True)
    assert desk.position(market).size == 0


@both_sides
def test_execute_order__no_skew_scale__no_depth(desk, is_long):
    desk.configure(PLAIN, reserveFactor=0)
    desk.order(PLAIN, sign(is_long) * 10**22)
