"""Listing a pair and changing its terms: state, event, access, every bound."""

import pytest
from ape.exceptions import ContractLogicError

from tests.suite import ZERO_ADDRESS
from tests.unit.debt_controller.terms import (
    BPS,
    LIMITED,
    MAX_128,
    MAX_ADDRESS,
    MIN_PRICE,
    same,
)


def test_set_pair__with_a_check_price__stored_and_told(controller, set_pair, oracle, base, quote):
    terms = LIMITED.checked(oracle)
    receipt = set_pair(terms)
    assert same(controller.terms(base, quote), terms)
    (event,) = receipt.decode_logs()
    assert (event.event_name, event.base, event.quote) == ("PairSet", base, quote)
    assert same(event.terms, terms)


def test_set_pair__with_limits__stored_and_told(controller, set_pair, base, quote):
    receipt = set_pair(LIMITED)
    assert same(controller.terms(base, quote), LIMITED)
    (event,) = receipt.decode_logs()
    assert (event.event_name, event.base, event.quote) == ("PairSet", base, quote)
    assert same(event.terms, LIMITED)


def test_set_pair__again__nothing_of_the_old_terms_stays(controller, set_pair, oracle, base, quote):
    for terms in (
        LIMITED.but(max_leverage=99_999, maintenance_margin=200, disabled=True),
        LIMITED.checked(oracle),
        LIMITED.but(long_limit=0, short_limit=3),
        LIMITED.but(long_limit=3, short_limit=0),
    ):
        set_pair(terms)
        assert same(controller.terms(base, quote), terms)


def test_set_pair__other_pairs__untouched(controller, set_pair, reverts, base, quote, other_token):
    first, second = LIMITED.but(max_leverage=20_000), LIMITED.but(max_leverage=30_000)
    set_pair(first)
    set_pair(second, (other_token, quote))
    set_pair(second, (base, other_token))
    assert same(controller.terms(base, quote), first)
    assert same(controller.terms(other_token, quote), second)
    assert same(controller.terms(base, other_token), second)
    with reverts(controller.PairNotListed, base=quote, quote=other_token):
        controller.terms(quote, other_token)


@pytest.mark.parametrize("who", ["admin", "guardian", "stranger"])
def test_set_pair__anyone_but_the_risk_manager__refused(request, set_pair, unauthorised, who):
    caller = request.getfixturevalue(who)
    with unauthorised(caller):
        set_pair(LIMITED, sender=caller)


# ------------------------------------------------------------------------------------------ tokens


@pytest.mark.parametrize("place, name", [(0, "base"), (1, "quote")])
def test_set_pair__zero_address__refused(set_pair, out_of_bounds, base, quote, place, name):
    tokens = [base, quote]
    tokens[place] = ZERO_ADDRESS
    with out_of_bounds(name, 0, 1, MAX_ADDRESS):
        set_pair(LIMITED, tokens)


def test_set_pair__same_tokens__refused(controller, set_pair, reverts, base):
    with reverts(controller.PairReversed, base=base, quote=base):
        set_pair(LIMITED, (base, base))


def test_set_pair__listed_the_other_way_round__refused(controller, set_pair, reverts, base, quote):
    set_pair(LIMITED.but(disabled=True))
    with reverts(controller.PairReversed, base=quote, quote=base):
        set_pair(LIMITED, (quote, base))


# ------------------------------------------------------------------------------------------ bounds


@pytest.mark.parametrize(
    "terms, parameter, value, least, most",
    [
        (LIMITED.but(max_leverage=BPS), "maxLeverage", BPS, BPS + 1, 100_000),
        (LIMITED.but(max_leverage=100_001), "maxLeverage", 100_001, BPS + 1, 100_000),
        (LIMITED.but(max_leverage=2**24 + 50_000), "maxLeverage", 2**24 + 50_000, 10_001, 100_000),
        (LIMITED.but(maintenance_margin=99), "maintenanceMargin", 99, 100, 5_000),
        (LIMITED.but(maintenance_margin=5_001), "maintenanceMargin", 5_001, 100, 5_000),
        (LIMITED.but(liquidation_fee=501), "liquidationFee", 501, 0, 500),
        (LIMITED.but(long_limit=MAX_128 + 1), "longLimit", MAX_128 + 1, 0, MAX_128),
        (LIMITED.but(short_limit=MAX_128 + 1), "shortLimit", MAX_128 + 1, 0, MAX_128),
    ],
)
def test_set_pair__one_beyond_a_bound__refused(
    set_pair, out_of_bounds, terms, parameter, value, least, most
):
    with out_of_bounds(parameter, value, least, most):
        set_pair(terms)


@pytest.mark.parametrize(
    "margin, deviation, most",
    [(500, 9, 500), (500, 501, 500), (3_000, 2_001, 2_000), (3_000, 2**16 + 100, 2_000)],
)
def test_set_pair__deviation_beyond_a_bound__refused(
    set_pair, out_of_bounds, oracle, margin, deviation, most
):
    """It is at most the maintenance margin: a swap cannot take more than what is left there."""
    terms = LIMITED.checked(oracle, deviation).but(maintenance_margin=margin, max_leverage=11_000)
    with out_of_bounds("maxDeviation", deviation, 10, most):
        set_pair(terms)


@pytest.mark.parametrize(
    "changes",
    [
        {"max_leverage": BPS + 1},
        {"max_leverage": 100_000},
        {"maintenance_margin": 100},
        {"maintenance_margin": 5_000, "max_leverage": 19_999},
        {"liquidation_fee": 0},
        {"liquidation_fee": 500},
        {"long_limit": MAX_128, "short_limit": 0},
        {"long_limit": 0, "short_limit": MAX_128},
        {"long_limit": 0, "short_limit": 1},
        {"long_limit": 1, "short_limit": 0},
    ],
)
def test_set_pair__at_a_bound__stored(controller, set_pair, base, quote, changes):
    terms = LIMITED.but(**changes)
    set_pair(terms)
    assert same(controller.terms(base, quote), terms)


@pytest.mark.parametrize("margin, deviation", [(500, 10), (500, 500), (3_000, 2_000)])
def test_set_pair__deviation_at_a_bound__stored(
    controller, set_pair, oracle, base, quote, margin, deviation
):
    terms = LIMITED.checked(oracle, deviation).but(maintenance_margin=margin, max_leverage=19_999)
    set_pair(terms)
    assert same(controller.terms(base, quote), terms)


# ------------------------------------------------------------------------- a check price or limits


@pytest.mark.parametrize(
    "changes",
    [
        {"max_deviation": 10},
        {"long_limit": 0, "short_limit": 0},
    ],
    ids=["limits and a deviation", "neither"],
)
def test_set_pair__without_oracle__limits_and_nothing_else(controller, set_pair, reverts, changes):
    terms = LIMITED.but(**changes)
    with reverts(
        controller.CheckOrLimits,
        oracle=ZERO_ADDRESS,
        maxDeviation=terms.max_deviation,
        longLimit=terms.long_limit,
        shortLimit=terms.short_limit,
    ):
        set_pair(terms)


@pytest.mark.parametrize("changes", [{"long_limit": 1}, {"short_limit": 1}, {"max_deviation": 0}])
def test_set_pair__with_oracle__a_deviation_and_no_limits(
    controller, set_pair, oracle, reverts, changes
):
    terms = LIMITED.checked(oracle).but(**changes)
    with reverts(
        controller.CheckOrLimits,
        oracle=oracle,
        maxDeviation=terms.max_deviation,
        longLimit=terms.long_limit,
        shortLimit=terms.short_limit,
    ):
        set_pair(terms)


# ---------------------------------------------------------------------------------------- leverage


@pytest.mark.parametrize(
    "leverage, margin, deviation",
    [(50_000, 1_990, 10), (100_000, 500, 500), (40_000, 2_000, 500), (90_091, 777, 333)],
)
def test_set_pair__leverage_that_leaves_no_room__refused_from_there_on(
    controller, set_pair, reverts, oracle, base, quote, leverage, margin, deviation
):
    assert leverage * (margin + deviation) >= BPS * BPS > (leverage - 1) * (margin + deviation)
    terms = LIMITED.checked(oracle, deviation).but(maintenance_margin=margin)
    with reverts(
        controller.LeverageTooHigh,
        maxLeverage=leverage,
        maintenanceMargin=margin,
        maxDeviation=deviation,
    ):
        set_pair(terms.but(max_leverage=leverage))
    set_pair(terms.but(max_leverage=leverage - 1))
    assert controller.terms(base, quote).maxLeverage == leverage - 1


def test_set_pair__leverage_without_deviation__by_the_margin_alone(controller, set_pair, reverts):
    terms = LIMITED.but(max_leverage=20_000, maintenance_margin=5_000)
    with reverts(
        controller.LeverageTooHigh, maxLeverage=20_000, maintenanceMargin=5_000, maxDeviation=0
    ):
        set_pair(terms)
    set_pair(terms.but(maintenance_margin=4_999))


# --------------------------------------------------------------------------------------- the price


def test_set_pair__price_of_six_digits__refused(controller, set_pair, oracle, reverts, stranger):
    oracle.setPrice(MIN_PRICE - 1, sender=stranger)
    with reverts(controller.PriceTooCoarse, price=MIN_PRICE - 1, min=MIN_PRICE):
        set_pair(LIMITED.checked(oracle))


def test_set_pair__price_of_seven_digits__stored(
    controller, set_pair, oracle, base, quote, stranger
):
    oracle.setPrice(MIN_PRICE, sender=stranger)
    set_pair(LIMITED.checked(oracle))
    assert controller.terms(base, quote).oracle == oracle.address


def test_set_pair__oracle_that_refuses__refused_with_its_reason(project, admin, set_pair, reverts):
    silent = admin.deploy(project.WindowProbe)
    with reverts(silent.NoPrice):
        set_pair(LIMITED.checked(silent))


def test_set_pair__oracle_without_code__refused(
    controller, set_pair, stranger, base, quote, reverts
):
    with pytest.raises(ContractLogicError):
        set_pair(LIMITED.checked(stranger))
    with reverts(controller.PairNotListed, base=base, quote=quote):
        controller.terms(base, quote)
