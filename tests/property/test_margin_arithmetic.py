"""The formulas of asset-backed margin against exact fractions: each is off by less than one unit,
to the side that its row in docs/margin.md names."""

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from prep.model import WAD, Rejected
from prep.model.margin import Controller, PairTerms
from prep.model.margin import arithmetic as it

DAY = 86_400
amounts = st.integers(0, 10**30)
prices = st.integers(1, 10**30)
shares = st.integers(0, 10_000)
leverages = st.integers(10_001, 100_000)


def rounded_up(value: int, exact: Fraction) -> bool:
    return exact <= value < exact + 1


def rounded_down(value: int, exact: Fraction) -> bool:
    return exact - 1 < value <= exact


@given(amounts, prices, shares)
def test_values__any_price__round_as_named(base: int, price: int, share: int) -> None:
    exact = Fraction(base * price, WAD)
    up, down = it.value_up(base, price), it.value_down(base, price)
    assert rounded_up(up, exact)
    assert rounded_down(down, exact)
    below, above = Fraction(10_000 - share, 10_000), Fraction(10_000 + share, 10_000)
    assert rounded_up(it.least_proceeds(base, price, share), up * below)
    assert rounded_down(it.highest_cost(base, price, share), down * above)


@given(amounts, st.integers(0, 10 * WAD), st.integers(0, 10**9))
def test_highest_interest__any_time__rounds_down(principal: int, apy: int, elapsed: int) -> None:
    exact = Fraction(principal * apy * elapsed, WAD * 365 * DAY)
    assert rounded_down(it.highest_interest(principal, apy, elapsed), exact)


@given(amounts, leverages, prices)
def test_highest_principal__any_leverage__rounds_down(down: int, most: int, price: int) -> None:
    leverage = Fraction(most, 10_000)
    assert rounded_down(it.highest_principal_long(down, most), down * (leverage - 1))
    short = it.highest_principal_short(down, most, price)
    assert rounded_down(short, down * leverage / Fraction(price, WAD))
    assert rounded_down(it.highest_sale(down, most), down * leverage)


@given(amounts, shares)
def test_shares_of_a_value__margin_rounds_up__fees_down(value: int, share: int) -> None:
    exact = Fraction(value * share, 10_000)
    assert rounded_up(it.least_margin(value, share), exact)
    assert rounded_down(it.liquidation_fee(value, share), exact)
    assert rounded_down(it.highest_fee(value), Fraction(value, 100))


@given(amounts, st.integers(1, 10**30), st.data())
def test_principal_part__any_part__rounds_up_to_the_whole(
    principal: int, collateral: int, data: st.DataObject
) -> None:
    amount = data.draw(st.integers(0, collateral))
    paid = it.principal_part(principal, amount, collateral)
    assert rounded_up(paid, Fraction(principal * amount, collateral))
    assert it.principal_part(principal, collateral, collateral) == principal


@given(amounts, amounts, st.integers(0, 3 * DAY))
def test_used_later__any_time__frees_no_more_than_its_share(
    used: int, limit: int, elapsed: int
) -> None:
    later = it.used_later(used, limit, elapsed)
    exact = max(Fraction(0), used - Fraction(limit * elapsed, DAY))
    assert rounded_up(later, exact)


COMMON = {"max_leverage": 50_000, "maintenance_margin": 500, "liquidation_fee": 200}
CHECKED = COMMON | {"oracle": "oracle", "max_deviation": 100}
LIMITED = COMMON | {"long_limit": 10, "short_limit": 0}


@pytest.mark.parametrize(
    ("terms", "refusal"),
    [
        (CHECKED, None),
        (LIMITED, None),
        (CHECKED | {"max_leverage": 10_001, "liquidation_fee": 500}, None),
        (CHECKED | {"max_leverage": 10_000}, ("maxLeverage", 10_000, 10_001, 100_000)),
        (LIMITED | {"max_leverage": 100_001}, ("maxLeverage", 100_001, 10_001, 100_000)),
        (CHECKED | {"maintenance_margin": 99}, ("maintenanceMargin", 99, 100, 5_000)),
        (LIMITED | {"maintenance_margin": 5_001}, ("maintenanceMargin", 5_001, 100, 5_000)),
        (CHECKED | {"liquidation_fee": 501}, ("liquidationFee", 501, 0, 500)),
        (CHECKED | {"max_deviation": 9}, ("maxDeviation", 9, 10, 500)),
        (CHECKED | {"max_deviation": 501}, ("maxDeviation", 501, 10, 500)),
        (LIMITED | {"long_limit": 2**128}, ("longLimit", 2**128, 0, 2**128 - 1)),
        (LIMITED | {"short_limit": 2**128}, ("shortLimit", 2**128, 0, 2**128 - 1)),
    ],
)
def test_set_pair__bounds_of_terms__are_those_of_the_interface(terms, refusal) -> None:
    controller = Controller(0)
    controller.prices["oracle"] = 10**6
    if refusal is None:
        controller.set_pair("base", "quote", PairTerms(**terms))
        assert controller.terms("base", "quote") == PairTerms(**terms)
        return
    with pytest.raises(Rejected) as refused:
        controller.set_pair("base", "quote", PairTerms(**terms))
    assert refused.value == Rejected("ParameterOutOfBounds", *refusal)


@pytest.mark.parametrize(
    "terms",
    [
        COMMON,
        CHECKED | {"max_deviation": 0},
        CHECKED | {"short_limit": 1},
        LIMITED | {"max_deviation": 10},
    ],
)
def test_set_pair__both_or_neither_of_check_and_limits__is_refused(terms) -> None:
    with pytest.raises(Rejected) as refused:
        PairTerms(**terms).validate()
    assert refused.value.name == "CheckOrLimits"


def test_set_pair__leverage_without_room__is_refused() -> None:
    terms = {"max_leverage": 100_000, "maintenance_margin": 900, "liquidation_fee": 0}
    PairTerms(**terms, oracle=1, max_deviation=99).validate()
    with pytest.raises(Rejected) as refused:
        PairTerms(**terms, oracle=1, max_deviation=100).validate()
    assert refused.value == Rejected("LeverageTooHigh", 100_000, 900, 100)


def test_controller__a_pair__is_known_one_way_round_and_answers_for_both_pools() -> None:
    controller = Controller(1_000)
    controller.prices["oracle"] = 10**6 - 1
    with pytest.raises(Rejected) as refused:
        controller.set_pair("base", "quote", PairTerms(**CHECKED))
    assert refused.value == Rejected("PriceTooCoarse", 10**6 - 1, 10**6)
    controller.prices["oracle"] = 2 * WAD
    controller.set_pair("base", "quote", PairTerms(**CHECKED))
    for pair in (("quote", "base"), ("base", "base")):
        with pytest.raises(Rejected) as refused:
            controller.set_pair(*pair, PairTerms(**CHECKED))
        assert refused.value == Rejected("PairReversed", *pair)
    assert controller.compute_max_principal("base", "quote", 1_001) == 4_004
    assert controller.compute_max_principal("quote", "base", 1_001) == 2_502
    assert controller.min_margin("base", "quote", 101) == 6
    assert controller.min_margin("quote", "base", 101) == 6
    controller.set_max_apy("quote", WAD // 2)
    controller.now += 365 * DAY
    assert controller.compute_max_interest("quote", 1_001, 1_000) == 500
    assert controller.compute_max_interest("base", 1_001, 1_000) == 0
    controller.set_pair("base", "quote", PairTerms(**LIMITED))
    with pytest.raises(Rejected) as refused:
        controller.compute_max_principal("quote", "base", 1)
    assert refused.value == Rejected("NoCheckPrice", "base", "quote")
