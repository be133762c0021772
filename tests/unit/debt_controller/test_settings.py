"""The highest yearly interest of a token, and how long a mark stands."""

import pytest

from tests.suite import WAD, ZERO_ADDRESS
from tests.unit.debt_controller.terms import MAX_ADDRESS

MAX_APY = 10 * WAD
NOBODIES = ["admin", "guardian", "stranger"]


@pytest.mark.parametrize("apy", [1, MAX_APY, 0])
def test_set_max_apy__within_bounds__of_that_token(controller, risk_manager, base, quote, apy):
    controller.setMaxApy(base, 7, sender=risk_manager)
    receipt = controller.setMaxApy(base, apy, sender=risk_manager)
    assert (controller.maxApy(base), controller.maxApy(quote)) == (apy, 0)
    assert receipt.events == [controller.MaxApySet(token=base, maxApy=apy)]


def test_set_max_apy__above_the_most__refused(controller, risk_manager, out_of_bounds, base):
    with out_of_bounds("maxApy", MAX_APY + 1, 0, MAX_APY):
        controller.setMaxApy(base, MAX_APY + 1, sender=risk_manager)


def test_set_max_apy__of_no_token__refused(controller, risk_manager, out_of_bounds):
    with out_of_bounds("token", 0, 1, MAX_ADDRESS):
        controller.setMaxApy(ZERO_ADDRESS, 1, sender=risk_manager)


@pytest.mark.parametrize("who", NOBODIES)
def test_set_max_apy__anyone_but_the_risk_manager__refused(
    request, controller, unauthorised, base, who
):
    caller = request.getfixturevalue(who)
    with unauthorised(caller):
        controller.setMaxApy(base, 1, sender=caller)


def test_grace_period__never_set__an_hour(controller):
    assert controller.gracePeriod() == 3_600


@pytest.mark.parametrize("period", [600, 86_400])
def test_set_grace_period__at_a_bound__set(controller, risk_manager, period):
    receipt = controller.setGracePeriod(period, sender=risk_manager)
    assert controller.gracePeriod() == period
    assert receipt.events == [controller.GracePeriodSet(period=period)]


@pytest.mark.parametrize("period", [0, 599, 86_401])
def test_set_grace_period__beyond_a_bound__refused(controller, risk_manager, out_of_bounds, period):
    with out_of_bounds("gracePeriod", period, 600, 86_400):
        controller.setGracePeriod(period, sender=risk_manager)


@pytest.mark.parametrize("who", NOBODIES)
def test_set_grace_period__anyone_but_the_risk_manager__refused(
    request, controller, unauthorised, who
):
    caller = request.getfixturevalue(who)
    with unauthorised(caller):
        controller.setGracePeriod(601, sender=caller)


def test_functions__that_need_a_role__are_tested(controller):
    needed = {
        abi.name for abi in controller.contract_type.mutable_methods if abi.name != "setAuthority"
    }
    assert needed == {"setPair", "disablePair", "setMaxApy", "setGracePeriod"}
