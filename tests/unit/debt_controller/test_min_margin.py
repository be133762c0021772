"""The margin at and below which a position is within the threshold, rounded up."""

from tests.unit.debt_controller.terms import LIMITED


def test_min_margin__long_and_short__the_same_and_rounded_up(controller, set_pair, base, quote):
    set_pair(LIMITED.but(maintenance_margin=333))
    for value in (0, 1, 10_000, 10_001, 3 * 10**18 + 1, 2**200):
        expected = -(-value * 333 // 10_000)
        assert controller.minMargin(base, quote, value) == expected
        assert controller.minMargin(quote, base, value) == expected
    assert controller.minMargin(base, quote, 10_001) == 334, "333.0333, rounded up"


def test_min_margin__disabled__said_all_the_same(controller, set_pair, base, quote):
    set_pair(LIMITED.but(disabled=True))
    assert controller.minMargin(base, quote, 100) == 5


def test_min_margin__not_listed__refused_in_the_order_given(controller, reverts, base, quote):
    for tokens in ((base, quote), (quote, base)):
        with reverts(controller.PairNotListed, base=tokens[0], quote=tokens[1]):
            controller.minMargin(*tokens, 1)
