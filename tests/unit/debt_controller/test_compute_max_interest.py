"""The most interest since the last funding, rounded down."""

from tests.suite import WAD

YEAR = 31_536_000


def test_compute_max_interest__a_year_at_a_tenth__a_tenth(controller, risk_manager, base, chain):
    controller.setMaxApy(base, WAD // 10, sender=risk_manager)
    now = chain.blocks.head.timestamp
    assert controller.computeMaxInterest(base, 1_000, now - YEAR) == 100
    assert controller.computeMaxInterest(base, 999, now - YEAR) == 99
    assert controller.computeMaxInterest(base, 1_000, now - YEAR + 1) == 99


def test_compute_max_interest__first_unit__due_in_that_second(
    controller, risk_manager, base, chain
):
    """A principal of as many units as a year has seconds, at 50 %: one unit in two seconds."""
    controller.setMaxApy(base, WAD // 2, sender=risk_manager)
    now = chain.blocks.head.timestamp
    interest = [controller.computeMaxInterest(base, YEAR, now - t) for t in range(5)]
    assert interest == [0, 0, 1, 1, 2]


def test_compute_max_interest__largest_of_everything__exact(controller, risk_manager, base, chain):
    controller.setMaxApy(base, 10 * WAD, sender=risk_manager)
    now = chain.blocks.head.timestamp
    principal = 2**200 - 1
    expected = principal * 10 * WAD * now // (WAD * YEAR)
    assert controller.computeMaxInterest(base, principal, 0) == expected


def test_compute_max_interest__funded_in_the_future__none(controller, risk_manager, base, chain):
    controller.setMaxApy(base, 10 * WAD, sender=risk_manager)
    later = chain.blocks.head.timestamp + 1
    assert controller.computeMaxInterest(base, 2**128, later) == 0


def test_compute_max_interest__rate_never_set__none(controller, base):
    assert controller.computeMaxInterest(base, 2**128, 0) == 0


def test_compute_max_interest__rate_of_another_token__none(controller, risk_manager, base, quote):
    controller.setMaxApy(base, WAD, sender=risk_manager)
    assert controller.computeMaxInterest(quote, 2**128, 0) == 0
