"""Orders.executeOrder and previewOrder: each refusal with its values, and which comes first.

The desk asks both functions for every refusal."""

import pytest

from prep.model import Rejected
from tests.agreement import rejected
from tests.expected import execution_price, wmul
from tests.margin import (
    EIGHTEEN,
    ISOLATED,
    KINDS,
    MAX_COST,
    MAX_PRICE,
    MAX_SIZE,
    PLAIN,
    SIX,
    every_market,
)
from tests.suite import UNLIMITED, WAD
from tests.unit.books import both_sides, sign

DAY = 86_400


@every_market
@pytest.mark.parametrize("reduce_only", [False, True])
def test_execute_order__size_zero__zero_amount(desk, market, reduce_only):
    with rejected("ZeroAmount"):
        desk.order(market, 0, reduce_only=reduce_only)


@both_sides
@pytest.mark.parametrize("size", [MAX_SIZE + 1, 2**255 - 1])
def test_execute_order__size_beyond_arithmetic__out_of_bounds(desk, is_long, size):
    with rejected("AmountOutOfBounds", size, MAX_SIZE):
        desk.order(PLAIN, sign(is_long) * size)


def test_execute_order__smallest_int256__out_of_bounds(desk):
    with rejected("AmountOutOfBounds", 2**255, MAX_SIZE):
        desk.order(PLAIN, -(2**255))


@pytest.mark.parametrize("market", [4, UNLIMITED])
def test_execute_order__unknown_market__says_so(desk, market):
    calls = [
        ("previewOrder(address,uint256,uint256,int256,bool)", desk.client, 0, market, 1, False),
        ("executeOrder(uint256,uint256,int256,bool)", 0, market, 1, False),
    ]
    for call in calls:
        seen = desk.refusal(desk.suite.admin.address, desk.protocol, *call)
        assert seen == ("UnknownMarket", market)


@pytest.mark.parametrize("reduce_only", [False, True])
def test_execute_order__stale_feed__refused_even_to_close(desk, reduce_only):
    size = desk.units(ISOLATED, 1_000)
    desk.order(ISOLATED, size)
    desk.set_price(ISOLATED, KINDS[ISOLATED].price)
    answered = desk.now
    desk.wait(7 * DAY + 1)
    with rejected("AnswerStale", answered, 7 * DAY):
        desk.order(ISOLATED, -size, reduce_only=reduce_only)


@both_sides
@pytest.mark.parametrize("price", [0, MAX_PRICE + 1, UNLIMITED])
def test_execute_order__price_out_of_bounds__refused(desk, is_long, price):
    desk.set_price(PLAIN, price)
    with rejected("PriceOutOfBounds", price, MAX_PRICE):
        desk.order(PLAIN, sign(is_long))


@both_sides
def test_execute_order__largest_price__traded(desk, is_long):
    desk.configure(PLAIN, reserveFactor=0, borrowRate=0)
    desk.set_price(PLAIN, MAX_PRICE)
    done = desk.order(PLAIN, sign(is_long) * 10**18)
    assert done.position.entry_price == MAX_PRICE


@both_sides
def test_execute_order__cost_at_its_bound__one_base_unit_more_refused(desk, is_long):
    desk.configure(PLAIN, reserveFactor=0, borrowRate=0, minPositionValue=0)
    desk.set_price(PLAIN, MAX_PRICE)
    most = MAX_COST * WAD // MAX_PRICE
    with rejected("AmountOutOfBounds", (most + 1) * MAX_PRICE // WAD, MAX_COST):
        desk.order(PLAIN, sign(is_long) * (most + 1))
    desk.order(PLAIN, sign(is_long) * most)


@both_sides
def test_execute_order__side_at_bound_of_arithmetic__one_base_unit_more_refused(desk, is_long):
    """Of all accounts together; the other side has a bound of its own."""
    desk.configure(PLAIN, reserveFactor=0, borrowRate=0, minPositionValue=0)
    desk.set_price(PLAIN, WAD)
    size = sign(is_long) * (MAX_SIZE - 10)
    desk.order(PLAIN, size)
    with rejected("AmountOutOfBounds", MAX_SIZE + 1, MAX_SIZE):
        desk.order(PLAIN, sign(is_long) * 11, account=1)
    desk.order(PLAIN, sign(is_long) * 10, account=1)
    desk.order(PLAIN, sign(not is_long) * MAX_SIZE, account=2)


def test_execute_order__costs_of_a_side_do_not_fit__refused_and_nothing_changed(desk):
    """128 bits hold 34 positions of the largest cost."""
    desk.configure(PLAIN, reserveFactor=0, borrowRate=0, minPositionValue=0)
    desk.set_price(PLAIN, MAX_PRICE)
    most = MAX_COST * WAD // MAX_PRICE
    for account in range(34):
        desk.order(PLAIN, most, account=account)
    m = desk.model.markets[PLAIN]
    with pytest.raises(Rejected) as refused:
        desk.model.execute_order(desk.client, 34, PLAIN, most)
    assert refused.value == Rejected("SafeCastOverflowedUintDowncast", 128, 35 * MAX_COST)
    call = (desk.suite.admin.address, desk.client, "executeOrder(uint256,uint256,int256,bool)")
    seen = desk.refusal(*call, 34, PLAIN, most, False)
    assert seen == ("SafeCastOverflowedUintDowncast", 128, 35 * MAX_COST)
    assert m.cost_long == 34 * MAX_COST
    desk.agree()


@pytest.mark.parametrize("market", [ISOLATED, SIX, EIGHTEEN], ids=["isolated-18", "6", "18"])
@both_sides
def test_execute_order__everything_wrong__first_names_the_error(
    desk, other_client, market, is_long
):
    """In the order that the interface promises; each step puts one thing right."""
    s, who = sign(is_long), other_client.address
    desk.suite.give(other_client, 10**6 * WAD)
    desk.register(who)
    desk.move_price(market, 100)  # or all that fits into market 0 would fit into the vault
    desk.order(market, s * desk.units(market, 50), client=who)
    desk.register(who, False)
    scale = KINDS[market].config["skewScale"]
    depth = scale // 120 if market == ISOLATED else scale
    held, size = desk.position(market, client=who).size, depth
    desk.configure(
        market,
        enabled=False,
        minPositionValue=0,
        maxPositionValue=1,
        maxLongOIValue=1,
        maxShortOIValue=1,
        maxNetOIValue=1,
        reserveFactor=WAD,
        borrowRate=0,
    )

    def refused(name, *args, size=size, reduce_only=False):
        with rejected(name, *args):
            desk.order(market, s * size, client=who, reduce_only=reduce_only)

    good = desk.price(market)
    desk.set_price(market, 0)
    refused("ZeroAmount", size=0)
    refused("AmountOutOfBounds", MAX_SIZE + 1, MAX_SIZE, size=MAX_SIZE + 1)
    if market == ISOLATED:
        refused("AnswerNotPositive", 0, reduce_only=True)
    else:
        refused("PriceOutOfBounds", 0, MAX_PRICE, reduce_only=True)
    desk.set_price(market, good)
    refused("NotReducible", held, s * size, reduce_only=True)
    refused("NotMarginClient", who)
    desk.register(who)
    refused("MarketClosed", market)
    desk.configure(market, **(desk.configs[market] | {"enabled": True}))
    refused("AmountOutOfBounds", abs(held) + MAX_SIZE, MAX_SIZE, size=MAX_SIZE)
    refused("SkewScaleExceeded", abs(held) + size, depth)
    size -= abs(held)
    value = depth * good // WAD
    fill = execution_price(good, scale, held, held + s * size)
    required = wmul(size, fill) + desk.model.liquidity_reserves_to_hold()
    refused("ReservesExceeded", required, desk.model.vault.liquidity, size=size)
    desk.configure(market, **(desk.configs[market] | {"reserveFactor": 0}))
    for name, bound in [
        ("PositionTooLarge", "maxPositionValue"),
        ("OpenInterestCapExceeded", "maxLongOIValue" if is_long else "maxShortOIValue"),
        ("NetOpenInterestCapExceeded", "maxNetOIValue"),
    ]:
        refused(name, value, 1, size=size)
        desk.configure(market, **(desk.configs[market] | {bound: UNLIMITED}))
    desk.order(market, s * size, client=who)
