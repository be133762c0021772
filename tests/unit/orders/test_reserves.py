"""Orders.executeOrder: the reserve that the vault must hold for what an order grows."""

import pytest

from tests.agreement import rejected
from tests.expected import execution_price, wmul
from tests.margin import KINDS, LIQUIDITY, PLAIN, SIX, every_market
from tests.suite import UNLIMITED, WAD
from tests.unit.books import both_sides, sign

RESERVE = 15 * WAD // 100


def required(desk, market: int, size: int, removed: int = 0) -> int:
    """For an order that adds `size` after it has removed another part."""
    m, config = desk.model.markets[market], desk.configs[market]
    skew = m.skew - removed
    fill = execution_price(desk.price(market), config["skewScale"], skew, skew + size)
    reserve = wmul(wmul(abs(size), fill), config["reserveFactor"])
    return reserve + desk.model.liquidity_reserves_to_hold()


@every_market
@both_sides
def test_execute_order__reserve_of_the_order_alone__held_exactly_or_one_short(
    desk, market, is_long
):
    """The vault's million is met by the factor: of the largest that fits, one base unit of PREP
    is too much."""
    s = sign(is_long)
    desk.configure(market, reserveFactor=WAD, borrowRate=0, maxNetOIValue=UNLIMITED)
    desk.move_price(market, 100)  # or all that fits into market 0 would fit into the vault
    low, high = 1, desk.units(market, 2_000_000)
    while high - low > 1:
        middle = (low + high) // 2
        if required(desk, market, s * middle) <= LIQUIDITY:
            low = middle
        else:
            high = middle
    with rejected("ReservesExceeded", required(desk, market, s * high), LIQUIDITY):
        desk.order(market, s * high)
    desk.order(market, s * low)


@both_sides
def test_execute_order__exactly_what_the_vault_holds__accepted(desk, is_long):
    """100 bitcoin at 10,000 dollars, all in reserve."""
    desk.configure(PLAIN, reserveFactor=WAD, borrowRate=0)
    step = KINDS[PLAIN].price // WAD
    size = LIQUIDITY // step
    with rejected("ReservesExceeded", LIQUIDITY + step, LIQUIDITY):
        desk.order(PLAIN, sign(is_long) * (size + 1))
    desk.order(PLAIN, sign(is_long) * size)


@both_sides
@pytest.mark.parametrize("gain", [True, False], ids=["traders-gain", "traders-lose"])
def test_execute_order__other_markets__their_reserve_comes_on_top(desk, is_long, gain):
    """What is open beside, with what it has won but not what it has lost beyond its reserve."""
    s = sign(is_long)
    desk.order(SIX, s * desk.units(SIX, 2_000_000), account=1)
    desk.move_price(SIX, s * (100 if gain else -100))
    beside = desk.model.liquidity_reserves_to_hold()
    assert (beside > 300_000 * WAD) == gain
    size = desk.units(PLAIN, 6_666_000)
    need = required(desk, PLAIN, s * size)
    assert need == beside + wmul(wmul(size, desk.price(PLAIN)), RESERVE)
    with rejected("ReservesExceeded", need, LIQUIDITY + earned(desk)):
        desk.order(PLAIN, s * size)
    desk.order(PLAIN, s * (size - desk.units(PLAIN, beside // WAD * 20 // 3)))


def earned(desk) -> int:
    return desk.model.cash_flow().total


@both_sides
def test_execute_order__increase_and_flip__only_what_is_added_needs_a_reserve(desk, is_long):
    s, half = sign(is_long), desk.units(PLAIN, 3_000_000)
    desk.order(PLAIN, s * half)
    size = desk.units(PLAIN, 4_000_000)
    need = required(desk, PLAIN, s * size)
    assert need == wmul(wmul(half, desk.price(PLAIN)) + wmul(size, desk.price(PLAIN)), RESERVE)
    with rejected("ReservesExceeded", need, LIQUIDITY):
        desk.order(PLAIN, s * size)
    # The old position counts as it is before the order, though the order closes it.
    flip = -s * (half + size)
    with rejected("ReservesExceeded", required(desk, PLAIN, -s * size, s * half), LIQUIDITY):
        desk.order(PLAIN, flip)
    desk.order(PLAIN, -s * (half + desk.units(PLAIN, 3_600_000)))


@both_sides
def test_execute_order__reserve_missing__reducing_and_closing_go_on(desk, is_long):
    s = sign(is_long)
    size = desk.units(PLAIN, 6_000_000)
    desk.order(PLAIN, s * size)
    desk.move_price(PLAIN, s * 100)
    need = required(desk, PLAIN, s)
    with rejected("ReservesExceeded", need, LIQUIDITY):
        desk.order(PLAIN, s)
    desk.order(PLAIN, -s * (size // 2))
    desk.order(PLAIN, -s * size, reduce_only=True)


@both_sides
def test_execute_order__no_reserve_factor__no_reserve_and_no_other_price(desk, is_long):
    """R6 the other way round: without a reserve nobody asks the other markets."""
    desk.order(SIX, desk.units(SIX, 1_000), account=1)
    desk.set_price(SIX, 0)
    size = sign(is_long) * desk.units(PLAIN, 1_000)
    with rejected("PriceOutOfBounds", 0, 10**36):
        desk.order(PLAIN, size)
    desk.configure(PLAIN, reserveFactor=0)
    desk.order(PLAIN, size)
    desk.configure(PLAIN, reserveFactor=RESERVE)
    desk.order(PLAIN, -size // 2)
    desk.order(PLAIN, -size, reduce_only=True)
