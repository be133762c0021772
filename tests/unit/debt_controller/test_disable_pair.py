"""The guardian stops new risk in a pair; the risk manager ends that."""

import pytest

from tests.unit.debt_controller.terms import LIMITED, same


def test_disable_pair__listed__only_that_changes(
    controller, set_pair, guardian, oracle, base, quote, other_token
):
    terms = LIMITED.checked(oracle)
    set_pair(terms)
    set_pair(LIMITED, (base, other_token))
    receipt = controller.disablePair(base, quote, sender=guardian)
    assert same(controller.terms(base, quote), terms.but(disabled=True))
    assert same(controller.terms(base, other_token), LIMITED)
    assert receipt.events == [controller.PairDisabled(base=base, quote=quote)]
    assert len(receipt.events) == 1


def test_disable_pair__again__stays(controller, set_pair, guardian, base, quote):
    set_pair(LIMITED.but(disabled=True))
    controller.disablePair(base, quote, sender=guardian)
    assert same(controller.terms(base, quote), LIMITED.but(disabled=True))


def test_disable_pair__set_anew__enabled(controller, set_pair, guardian, base, quote):
    set_pair(LIMITED)
    controller.disablePair(base, quote, sender=guardian)
    set_pair(LIMITED)
    assert same(controller.terms(base, quote), LIMITED)


def test_disable_pair__not_listed_or_reversed__refused(
    controller, set_pair, guardian, reverts, base, quote
):
    with reverts(controller.PairNotListed, base=base, quote=quote):
        controller.disablePair(base, quote, sender=guardian)
    set_pair(LIMITED)
    with reverts(controller.PairNotListed, base=quote, quote=base):
        controller.disablePair(quote, base, sender=guardian)


@pytest.mark.parametrize("who", ["admin", "risk_manager", "stranger"])
def test_disable_pair__anyone_but_the_guardian__refused(
    request, controller, set_pair, unauthorised, base, quote, who
):
    set_pair(LIMITED)
    caller = request.getfixturevalue(who)
    with unauthorised(caller):
        controller.disablePair(base, quote, sender=caller)
