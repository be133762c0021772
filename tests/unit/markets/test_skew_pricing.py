"""Execution prices of a market with a skew scale, and the open interest that the scale bounds."""

import pytest

from tests.expected import execution_price, wmul
from tests.suite import WAD
from tests.unit.books import audit, both_sides, held, logs, sign

COLLATERAL = 1_000_000 * WAD
SCALE = 12_000 * WAD
PRICE = 10_000 * WAD


def fill_of(tx, suite) -> int:
    """The execution price that the transaction has logged."""
    (price,) = [values["price"] for _, values in logs(tx, suite.protocol) if "price" in values]
    return price


@pytest.fixture
def traders(full, trader, other_trader):
    """Both have collateral."""
    for account in (trader, other_trader):
        full.protocol.depositCollateral(COLLATERAL, sender=account)
    return trader, other_trader


@both_sides
@pytest.mark.parametrize("same_side, scale", [(True, SCALE), (False, SCALE + 7)])
def test_price__skew_moves__mean_of_the_premiums_at_both_ends(
    full, traders, is_long, same_side, scale
):
    """Opening, increasing, decreasing and closing; with and against the skew, and through zero."""
    full.configure(skewScale=scale)
    protocol, (first, second) = full.protocol, traders
    one = sign(is_long == same_side) * (30 * WAD + 1)
    two = sign(is_long) * (40 * WAD + 3)
    more = sign(is_long) * 5 * WAD

    def check(tx, start: int, moved: int) -> int:
        assert fill_of(tx, full) == execution_price(PRICE, scale, start, start + moved)
        audit(full, *traders)
        return start + moved

    tx = protocol.openPositionWithToken(abs(one), is_long == same_side, sender=first)
    skew = check(tx, 0, one)
    tx = protocol.openPositionWithToken(abs(two), is_long, sender=second)
    skew = check(tx, skew, two)
    tx = protocol.increasePosition(50_000 * WAD, sender=second)
    skew = check(tx, skew, more)
    part = held(full, second).part(123_456 * WAD)
    tx = protocol.decreasePosition(123_456 * WAD, sender=second)
    skew = check(tx, skew, -part)
    skew = check(protocol.closePosition(sender=first), skew, -one)
    skew = check(protocol.closePosition(sender=second), skew, -(two + more - part))
    assert skew == 0


def test_price__skew_of_half_a_percent__as_worked_out_by_hand(full, traders):
    """100 of 20,000 at $10,000: premium 0.5 %, on average 0.25 % on the way there."""
    full.configure(skewScale=20_000 * WAD)
    full.protocol.openPositionWithToken(100 * WAD, True, sender=traders[0])
    assert held(full, traders[0]).entry_price == 10_025 * WAD
    full.protocol.openPositionWithToken(50 * WAD, False, sender=traders[1])
    assert held(full, traders[1]).entry_price == 10_037 * WAD + WAD // 2


@both_sides
def test_price__one_piece_or_many__costs_the_same(full, traders, isolated, is_long):
    """M6: to within the roundings, a unit of price on each of the fills and one of cost."""
    whole, part = 40 * WAD, 10 * WAD
    with isolated():
        full.protocol.openPositionWithToken(whole, is_long, sender=traders[0])
        in_one = held(full, traders[0]).notional
    full.protocol.openPositionWithToken(part, is_long, sender=traders[0])
    paid = held(full, traders[0]).notional
    for _ in range(3):
        tx = full.protocol.increasePosition(part * 10_000, sender=traders[0])
        paid += abs(wmul(part, fill_of(tx, full)))
    assert abs(paid - in_one) <= 4 * (wmul(part, PRICE // WAD + 2) + 2), "M6"


@both_sides
@pytest.mark.parametrize("others, spare", [(False, 0), (True, 119)])
def test_skew_scale__side_at_its_part__accepted_and_one_unit_more_not(
    full, traders, reverts, is_long, others, spare
):
    """Open interest of the side counts, not the skew."""
    first, second = traders
    most = 50 * WAD
    full.configure(skewScale=120 * most + spare, minPositionValue=0)
    if others:
        full.protocol.openPositionWithToken(30 * WAD, not is_long, sender=second)
    values = {"openInterest": most + 1, "max": most}
    with reverts(full.protocol.SkewScaleExceeded, **values):
        full.protocol.openPositionWithToken(most + 1, is_long, sender=first)
    full.protocol.openPositionWithToken(most - 1, is_long, sender=first)
    with reverts(full.protocol.SkewScaleExceeded, **values):
        full.protocol.increasePosition(20_000, sender=first)
    full.protocol.increasePosition(10_000, sender=first)
    state = full.lens.marketState(0)
    assert (state.longOI if is_long else state.shortOI) == most
    full.protocol.closePosition(sender=first)
    audit(full, *traders)


@both_sides
def test_skew_scale__lowered_to_open_interest__closing_at_half_as_much_again_or_half(
    full, trader, lp, is_long
):
    """As far as the premium can go: 100 % of it before closing and none after."""
    full.protocol.depositCollateral(COLLATERAL, sender=trader)
    full.protocol.openPositionWithToken(50 * WAD, is_long, sender=trader)
    full.configure(skewScale=50 * WAD)
    tx = full.protocol.closePosition(sender=trader)
    assert fill_of(tx, full) == (15_000 if is_long else 5_000) * WAD
    audit(full, trader)
