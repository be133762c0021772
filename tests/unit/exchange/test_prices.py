"""Prices and ranges of pools: exact, and what no pool can have refused."""

from fractions import Fraction

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from prep.errors import UserError
from prep.exchange.prices import (
    MAX_SQRT_PRICE,
    MIN_SQRT_PRICE,
    Amount,
    full_range,
    in_order,
    range_around,
    spot,
    sqrt_price,
)
from tests.ticks import sqrt_price_at

LOW = "0x" + 40 * "1"
HIGH = "0x" + 40 * "f"
Q96 = 2**96


def test_limits__are_the_prices_of_the_outermost_ticks():
    assert sqrt_price_at(-887_272) == MIN_SQRT_PRICE
    assert sqrt_price_at(887_272) == MAX_SQRT_PRICE


@pytest.mark.parametrize(
    "units, expected",
    [((1, 1), Q96), ((1, 4), 2 * Q96), ((4, 1), Q96 // 2), ((10**18, 10**18), Q96)],
)
def test_sqrt_price__squares__exact_in_either_order(units, expected):
    low, high = Amount(LOW, units[0]), Amount(HIGH, units[1])
    assert sqrt_price(low, high) == sqrt_price(high, low) == expected


units_ = st.integers(1, 2**112)


@given(units_, units_)
def test_sqrt_price__any_ratio__rounded_down(units0, units1):
    assume(2**-126 < Fraction(units1, units0) < 2**126)
    price = sqrt_price(Amount(HIGH, units1), Amount(LOW, units0))
    assert price**2 * units0 <= units1 * Q96**2 < (price + 1) ** 2 * units0


def test_sqrt_price__at_the_limits__refused_beyond():
    unit = Amount(LOW, Q96**2)
    lowest = Amount(HIGH, MIN_SQRT_PRICE**2)
    assert sqrt_price(unit, lowest) == MIN_SQRT_PRICE
    with pytest.raises(UserError, match=r"^no pool can have a price of"):
        sqrt_price(unit, Amount(HIGH, lowest.units - 1))
    above = Amount(HIGH, MAX_SQRT_PRICE**2)
    assert sqrt_price(unit, Amount(HIGH, above.units - 1)) == MAX_SQRT_PRICE - 1
    with pytest.raises(UserError, match=r"^no pool can have a price of"):
        sqrt_price(unit, above)


@pytest.mark.parametrize("units", [(0, 1), (1, 0), (-1, -1)])
def test_sqrt_price__not_positive__refused(units):
    message = rf"^a price is of positive amounts, not {units[0]} and {units[1]}"
    with pytest.raises(UserError, match=message):
        sqrt_price(Amount(LOW, units[0]), Amount(HIGH, units[1]))


def test_in_order__same_token_twice__refused():
    with pytest.raises(UserError, match=r"^a pool needs two tokens"):
        in_order(Amount(HIGH, 1), Amount(HIGH.upper().replace("X", "x"), 2))


def test_spot__either_direction__exact():
    assert spot(2 * Q96, LOW, HIGH) == 4
    assert spot(2 * Q96, HIGH, LOW) == Fraction(1, 4)
    assert spot(Q96 + 1, LOW, HIGH) == Fraction((Q96 + 1) ** 2, Q96**2)


@pytest.mark.parametrize(
    "spacing, expected", [(1, 887_272), (10, 887_270), (60, 887_220), (200, 887_200)]
)
def test_full_range__multiples_of_the_spacing(spacing, expected):
    assert full_range(spacing) == (-expected, expected)


@pytest.mark.parametrize(
    "tick, width, expected",
    [
        (0, 60, (-60, 60)),
        (0, 61, (-120, 120)),
        (1, 60, (-60, 120)),
        (-1, 60, (-120, 60)),
        (-1, 1, (-60, 0)),
        (887_271, 1, (887_160, 887_220)),
        (-887_272, 1, (-887_220, -887_160)),
        (887_219, 1, (887_160, 887_220)),
        (0, 887_272, (-887_220, 887_220)),
    ],
)
def test_range_around__rounded_outward__within_the_full_range(tick, width, expected):
    assert range_around(tick, width, 60) == expected


@pytest.mark.parametrize("width", [0, -1])
def test_range_around__no_width__refused(width):
    with pytest.raises(UserError, match=rf"^a range of {width} ticks"):
        range_around(0, width, 60)
