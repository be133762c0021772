"""What quotes are computed with."""

from fractions import Fraction

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from prep.model.interest import RateCurve
from prep.quotes import arithmetic
from prep.quotes.arithmetic import InterestTooHighError, Standing

WAD = 10**18
BPS = 10_000
YEAR = 31_536_000
CURVE = RateCurve(WAD // 50, WAD // 10, WAD, 8 * WAD // 10)
amounts = st.integers(1, 10**30)


@pytest.mark.parametrize(
    "utilisation, rate",
    [
        (0, WAD // 50),
        (4 * WAD // 10, 6 * WAD // 100),
        (8 * WAD // 10, WAD // 10),
        (9 * WAD // 10, 55 * WAD // 100),
        (WAD, WAD),
        (2 * WAD, WAD),
    ],
)
def test_interest__of_a_year__is_the_rate_of_the_curve(utilisation, rate):
    found = arithmetic.interest_due(1_000 * WAD, YEAR, CURVE, utilisation, 10**30)
    assert found == 1_000 * rate


def test_interest__a_fraction__is_rounded_up_as_far_as_allowed():
    # 20 a year of a principal of 1,000: 0.6 in ten days.
    assert arithmetic.interest_due(1_000, 864_000, CURVE, 0, 5) == 1
    assert arithmetic.interest_due(1_000, 864_000, CURVE, 0, 0) == 0
    # 2.08 in 38 days.
    assert arithmetic.interest_due(1_000, 38 * 86_400, CURVE, 0, 3) == 3
    assert arithmetic.interest_due(1_000, 38 * 86_400, CURVE, 0, 2) == 2


def test_interest__above_the_highest__is_refused():
    with pytest.raises(InterestTooHighError) as raised:
        arithmetic.interest_due(1_000, 38 * 86_400, CURVE, 0, 1)
    assert (raised.value.interest, raised.value.max) == (2, 1)


def test_interest__of_a_free_loan__is_one_where_some_may_be_charged():
    free = RateCurve(0, 0, 0, WAD // 2)
    assert arithmetic.interest_due(WAD, 100, free, 0, 10) == 1
    assert arithmetic.interest_due(WAD, 0, free, 0, 0) == 0


@given(amounts, st.integers(0, 10 * YEAR), st.integers(1, 10 * WAD), st.integers(0, WAD))
def test_interest__by_any_rate_up_to_the_highest__is_what_the_chain_takes(
    principal, elapsed, apy, utilisation
):
    highest = principal * apy * elapsed // (WAD * YEAR)
    curve = RateCurve(0, apy, apy, WAD // 2)
    interest = arithmetic.interest_due(principal, elapsed, curve, utilisation, highest)
    assert interest <= highest
    assert (interest == 0) == (highest == 0)


@given(amounts, st.integers(1, 10 * WAD), st.integers(0, 2**40))
def test_interest_free_until__and_a_second_later__is_the_border(principal, apy, since):
    until = arithmetic.interest_free_until(principal, apy, since)
    assert principal * apy * (until - since) // (WAD * YEAR) == 0
    assert principal * apy * (until + 1 - since) // (WAD * YEAR) > 0


def test_interest_free_until__without_interest__is_for_ever():
    assert arithmetic.interest_free_until(0, WAD, 5) == 2**256 - 1
    assert arithmetic.interest_free_until(WAD, 0, 5) == 2**256 - 1


def test_slippage__of_odd_amounts__is_rounded_for_the_trader():
    assert arithmetic.less(1_001, 50) == 996  # 995.995
    assert arithmetic.more(1_001, 50) == 1_006  # 1006.005
    assert arithmetic.less(1_000, 0) == arithmetic.more(1_000, 0) == 1_000


def test_fee__of_odd_amounts__is_rounded_down():
    assert arithmetic.fee_on(9_999, 10) == 9
    assert arithmetic.fee_on(10_000, 10) == 10


def test_principal__by_leverage__is_rounded_down():
    assert arithmetic.long_principal(999, 25_000) == 1_498  # 1498.5
    assert arithmetic.long_principal(999, BPS) == 0
    # 2.5 times 999 at 2 quote units for a base unit: 1248.75.
    assert arithmetic.short_principal(999, 25_000, 2 * WAD) == 1_248


def test_price__of_a_swap__is_rounded_against_it():
    assert arithmetic.price_of(10, 3, up=True) == 3_333_333_333_333_333_334
    assert arithmetic.price_of(10, 3, up=False) == 3_333_333_333_333_333_333


@pytest.mark.parametrize(
    "amount_in, amount_out, spot, expected",
    [
        (1_000, 500, Fraction(1, 2), 0),
        (1_000, 499, Fraction(1, 2), 20),
        (1_000, 501, Fraction(1, 2), 0),
        (30_000, 9_999, Fraction(1, 3), 1),
        (10**30, 10**30 - 1, Fraction(1), 1),
        (5, 0, Fraction(1), BPS),
    ],
)
def test_impact__of_a_swap__is_rounded_up(amount_in, amount_out, spot, expected):
    assert arithmetic.impact(amount_in, amount_out, spot) == expected


def test_leverage__at_a_price__is_value_over_equity():
    # Worth 300 with a debt of 200; and a debt of 300 against 400.
    assert Standing(True, 200, 3).leverage(100 * WAD) == 30_000
    assert Standing(False, 3, 400).leverage(100 * WAD) == 30_000
    assert Standing(True, 300, 3).leverage(100 * WAD) is None
    assert Standing(False, 4, 400).leverage(100 * WAD) is None
    assert Standing(True, 1, 3).leverage(WAD) == 15_000


def test_liquidation_price__without_debt__is_none():
    assert Standing(True, 0, 5).liquidation_price(500) is None


@given(st.booleans(), amounts, amounts, st.integers(100, 5_000))
def test_liquidation_price__by_the_rule_of_the_contracts__is_the_border(
    is_long, principal, collateral, margin
):
    price = Standing(is_long, principal, collateral).liquidation_price(margin)
    base, quote = (collateral, principal) if is_long else (principal, collateral)
    assume(price > 10**6)
    assume(base * price // WAD > 10**6)

    def within(at):
        value = base * at // WAD if is_long else -(-base * at // WAD)
        equity = value - quote if is_long else quote - value
        return equity <= -(-value * margin // BPS)

    assert within(price)
    # Some units are lost to rounding: values are of a million at least.
    away = price // 10**5
    assert not within(price + away if is_long else price - away)
