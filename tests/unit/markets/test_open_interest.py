"""Caps of open interest and of the skew: for what grows them, and for nothing else (R2, P6)."""

import pytest

from tests.expected import UNLIMITED
from tests.suite import WAD
from tests.unit.books import both_sides, held, open_position

COLLATERAL = 10_000 * WAD
CAP = 10_000 * WAD
PRICE = 10_000
AT_CAP = CAP // PRICE  # base units


@pytest.fixture
def market(btc, trader, other_trader):
    """The BTC market without caps and without a minimum; both traders have collateral."""
    btc.configure(minPositionValue=0)
    for account in (trader, other_trader):
        btc.protocol.depositCollateral(COLLATERAL, sender=account)
    return btc


def cap(market, is_long: bool, value: int) -> None:
    """Of one side."""
    name = "maxLongOIValue" if is_long else "maxShortOIValue"
    market.configure(minPositionValue=0, **{name: value})


@both_sides
def test_side_cap__at_it__accepted_and_one_unit_more_not(
    market, trader, other_trader, reverts, is_long
):
    cap(market, is_long, CAP)
    act = market.protocol.openPositionWithToken
    values = {"value": CAP + PRICE, "cap": CAP}
    with reverts(market.protocol.OpenInterestCapExceeded, **values):
        act(AT_CAP + 1, is_long, sender=trader)
    act(AT_CAP // 2, is_long, sender=other_trader)
    with reverts(market.protocol.OpenInterestCapExceeded, **values):
        act(AT_CAP // 2 + 1, is_long, sender=trader)
    act(AT_CAP // 2 - 1, is_long, sender=trader)
    with reverts(market.protocol.OpenInterestCapExceeded, **values):
        market.protocol.increasePosition(2 * PRICE, sender=trader)
    market.protocol.increasePosition(PRICE, sender=trader)
    with reverts(market.protocol.OpenInterestCapExceeded, **values):
        market.protocol.increasePosition(PRICE, sender=trader)


@both_sides
def test_side_cap__of_the_other_side__does_not_matter(market, trader, is_long):
    cap(market, not is_long, 0)
    market.protocol.openPositionWithToken(AT_CAP, is_long, sender=trader)
    market.protocol.increasePosition(CAP, sender=trader)
    assert abs(held(market, trader).size) == 2 * AT_CAP


@both_sides
def test_side_cap__value_rounded_down(market, trader, reverts, is_long):
    market.set_answer(15 * 10**7)  # $1.50
    market.configure(minPositionValue=0, maxLongOIValue=1, maxShortOIValue=1)
    market.protocol.openPositionWithToken(1, is_long, sender=trader)
    with reverts(market.protocol.OpenInterestCapExceeded, value=3, cap=1):
        market.protocol.increasePosition(2, sender=trader)


@both_sides
def test_side_cap__exceeded_by_the_price__no_growth_but_every_way_out(
    market, trader, other_trader, liquidator, reverts, is_long
):
    cap(market, is_long, CAP)
    market.protocol.openPositionWithToken(AT_CAP - 1, is_long, sender=trader)
    market.set_price(PRICE + 1_000)
    value = AT_CAP * (PRICE + 1_000)
    with reverts(market.protocol.OpenInterestCapExceeded, value=value, cap=CAP):
        market.protocol.increasePosition(PRICE + 1_000, sender=trader)
    market.protocol.openPositionWithToken(AT_CAP, not is_long, sender=other_trader)
    market.protocol.decreasePosition(PRICE, sender=trader)
    market.protocol.closePosition(sender=trader)


@both_sides
def test_net_cap__at_it__accepted_and_one_unit_more_not(market, trader, reverts, is_long):
    market.configure(minPositionValue=0, maxNetOIValue=CAP)
    values = {"value": CAP + PRICE, "cap": CAP}
    with reverts(market.protocol.NetOpenInterestCapExceeded, **values):
        market.protocol.openPositionWithToken(AT_CAP + 1, is_long, sender=trader)
    market.protocol.openPositionWithToken(AT_CAP - 1, is_long, sender=trader)
    with reverts(market.protocol.NetOpenInterestCapExceeded, **values):
        market.protocol.increasePosition(2 * PRICE, sender=trader)
    market.protocol.increasePosition(PRICE, sender=trader)


@both_sides
def test_net_cap__skew_over_it__only_what_grows_the_skew_is_refused(
    market, trader, other_trader, crowd, reverts, is_long
):
    """Against the skew one may go until it is as large on the other side, and no unit further."""
    act = market.protocol.openPositionWithToken
    act(2 * AT_CAP, is_long, sender=trader)
    market.configure(minPositionValue=0, maxNetOIValue=CAP)
    values = {"value": 2 * CAP + PRICE, "cap": CAP}
    with reverts(market.protocol.NetOpenInterestCapExceeded, **values):
        market.protocol.increasePosition(PRICE, sender=trader)
    with reverts(market.protocol.NetOpenInterestCapExceeded, **values):
        act(4 * AT_CAP + 1, not is_long, sender=other_trader)
    act(4 * AT_CAP, not is_long, sender=other_trader)
    state = market.lens.marketState(0)
    assert abs(state.longOI - state.shortOI) == 2 * AT_CAP


@both_sides
def test_net_cap__closing_grows_the_skew__accepted(market, trader, other_trader, is_long):
    act = market.protocol.openPositionWithToken
    act(2 * AT_CAP, is_long, sender=trader)
    act(2 * AT_CAP, not is_long, sender=other_trader)
    market.configure(minPositionValue=0, maxNetOIValue=0)
    market.protocol.decreasePosition(CAP, sender=trader)
    market.protocol.closePosition(sender=trader)
    assert held(market, other_trader).size != 0, "P6"


@both_sides
def test_caps__several_exceeded__the_first_names_the_error(market, trader, reverts, is_long):
    """Value of the position, of its side, of the skew."""
    limits = {"minPositionValue": 0}
    values = {"value": CAP, "cap": CAP - 1}
    errors = [
        ("maxNetOIValue", market.protocol.NetOpenInterestCapExceeded, values),
        ("maxShortOIValue", market.protocol.OpenInterestCapExceeded, values),
        ("maxPositionValue", market.protocol.PositionTooLarge, {"value": CAP, "max": CAP - 1}),
    ]
    for name, error, expected in errors:
        limits[name] = CAP - 1
        if name == "maxShortOIValue":
            limits["maxLongOIValue"] = CAP - 1
        market.configure(**limits)
        with reverts(error, **expected):
            market.protocol.openPositionWithToken(AT_CAP, is_long, sender=trader)
    market.configure(minPositionValue=CAP + 1, maxPositionValue=UNLIMITED)
    with reverts(market.protocol.PositionTooSmall, value=CAP, min=CAP + 1):
        market.protocol.openPositionWithToken(AT_CAP, is_long, sender=trader)


@both_sides
def test_caps__market_with_skew__at_the_oracle_price(full, trader, reverts, is_long):
    """Not at the execution price, which is higher for longs and lower for shorts."""
    most = 500_000 * WAD
    for name, error in (
        ("maxNetOIValue", full.protocol.NetOpenInterestCapExceeded),
        ("maxLongOIValue" if is_long else "maxShortOIValue", full.protocol.OpenInterestCapExceeded),
    ):
        full.configure(**{name: most})
        full.protocol.depositCollateral(200_000 * WAD, sender=trader)
        size = most // PRICE
        with reverts(error, value=most + PRICE, cap=most):
            full.protocol.openPositionWithToken(size + 1, is_long, sender=trader)
        full.protocol.openPositionWithToken(size, is_long, sender=trader)
        full.protocol.closePosition(sender=trader)
    assert open_position(full, trader, WAD, 10_000 * WAD, is_long).size != 0
