"""What may be borrowed on a down payment: long and short, rounded down."""

import pytest

from tests.suite import WAD
from tests.unit.debt_controller.terms import LIMITED


@pytest.fixture
def listed(set_pair, oracle):
    """Base in quote at three and a third times, with a check price."""
    set_pair(LIMITED.checked(oracle).but(max_leverage=33_333))


def test_compute_max_principal__long__down_payment_less_one_share(controller, listed, base, quote):
    for down_payment in (0, 1, 10_000, 10_001, 3 * 10**18 + 1, 2**200):
        expected = down_payment * 23_333 // 10_000
        assert controller.computeMaxPrincipal(base, quote, down_payment) == expected
    assert controller.computeMaxPrincipal(base, quote, 3) == 6, "6.9999, rounded down"


def test_compute_max_principal__short__at_the_check_price(
    controller, listed, oracle, stranger, base, quote
):
    for price in (10**6, 1_500 * WAD, 3 * WAD + 1, 10**33):
        oracle.setPrice(price, sender=stranger)
        for down_payment in (0, 1, 10_001, 3 * 10**18 + 1, 2**128):
            expected = down_payment * 33_333 * WAD // (10_000 * price)
            assert controller.computeMaxPrincipal(quote, base, down_payment) == expected


def test_compute_max_principal__short_by_hand__rounded_down(
    controller, listed, oracle, stranger, base, quote
):
    oracle.setPrice(3 * WAD, sender=stranger)
    assert controller.computeMaxPrincipal(quote, base, 9) == 9, "9.9999"
    assert controller.computeMaxPrincipal(quote, base, 90_001) == 100_000, "100,000.11"


def test_compute_max_principal__long_with_limits__needs_no_price(controller, set_pair, base, quote):
    set_pair(LIMITED.but(max_leverage=20_000))
    assert controller.computeMaxPrincipal(base, quote, 77) == 77


def test_compute_max_principal__short_with_limits__refused(
    controller, set_pair, reverts, base, quote
):
    set_pair(LIMITED)
    with reverts(controller.NoCheckPrice, base=base, quote=quote):
        controller.computeMaxPrincipal(quote, base, 1)


def test_compute_max_principal__disabled__said_all_the_same(
    controller, set_pair, oracle, base, quote
):
    set_pair(LIMITED.checked(oracle).but(disabled=True))
    assert controller.computeMaxPrincipal(base, quote, 10) == 40
    assert controller.computeMaxPrincipal(quote, base, 1_500) == 5


def test_compute_max_principal__not_listed__refused_in_the_order_given(
    controller, reverts, base, quote
):
    for tokens in ((base, quote), (quote, base)):
        with reverts(controller.PairNotListed, base=tokens[0], quote=tokens[1]):
            controller.computeMaxPrincipal(*tokens, 1)
