"""When ether in the router is in the way, to the wei."""

from dataclasses import replace

import pytest

from prep.keeper import Rules, Settings, Skipped
from prep.keeper.margin.actions import Execute, Seize, TakeEther, worthwhile
from prep.keeper.margin.decide import decide
from prep.model import WAD
from tests.unit.margin.watched import (
    BASE,
    QUOTE,
    UNCHECKED,
    long,
    order,
    pair,
    position,
    short,
    snapshot,
)

ANY = pair(None, UNCHECKED)
LONG = long(9_400, pair=ANY)
"""Sells 100 base tokens."""
SHORT = short(10_600, pair=ANY)
"""Buys with 10,600 quote tokens."""


def plan(*positions, ether, token=BASE, slippage=0, **changes):
    shot = snapshot(*positions, ether=ether, paid_with_ether=token, **changes)
    return decide(shot, Settings(), Rules(room=0, slippage=slippage)).actions


def kinds(*positions, **changes):
    return [type(action) for action in plan(*positions, **changes)]


@pytest.mark.parametrize("ether, takes", [(100, True), (99, False), (0, False)])
def test_decide__ether_for_all_that_a_long_sells__is_taken_first(ether, takes):
    found = kinds(LONG, ether=ether)
    assert found == ([TakeEther, Seize] if takes else [Seize])


@pytest.mark.parametrize("ether, takes", [(10_494, True), (10_493, False)])
def test_decide__ether_for_what_a_short_may_spend__is_taken_first(ether, takes):
    """A hundredth less than quoted: the price may move."""
    found = kinds(SHORT, ether=ether, token=QUOTE, slippage=100)
    assert found == ([TakeEther, Seize] if takes else [Seize])


@pytest.mark.parametrize("token", [QUOTE, ""])
def test_decide__router_pays_for_another_token_or_for_none__ether_is_left(token):
    assert kinds(LONG, ether=10**18, token=token) == [Seize]


def test_decide__several__ether_is_taken_once_before_the_first_that_it_concerns():
    other = long(9_400, position(number=2), pair=ANY)
    first, take, *rest = plan(SHORT, LONG, other, ether=10**18)
    assert (first.id, take.id) == (SHORT.id, LONG.id)
    assert take == TakeEther(LONG.id, 10**18)
    assert [action.id for action in rest] == [LONG.id, other.id]


def test_decide__order__ether_is_taken_before_it_too():
    watched = long(12_000, pair=pair(120 * WAD))
    orders = (order(watched, 1, 1, True),)
    assert kinds(watched, ether=100, orders=orders) == [TakeEther, Execute]


def test_decide__nothing_to_swap__ether_is_left():
    assert kinds(long(12_000, pair=pair(120 * WAD)), ether=10**18) == []


DEAR = Settings(native_price=WAD, min_profit=10**6)


@pytest.mark.parametrize("ether, worth", [(300, True), (299, False)])
def test_worthwhile__ether__has_to_be_worth_its_gas_and_no_profit(ether, worth):
    """100 gas, at a limit of 150 and a price of 2."""
    found = worthwhile(TakeEther(LONG.id, ether), 100, 2, DEAR)
    assert isinstance(found, Skipped) is not worth
    if worth:
        assert (found.limit, found.max_price, found.unpaid) == (150, 2, False)


def test_worthwhile__ether__never_at_a_loss_though_told_to_work_unpaid():
    settings = replace(DEAR, unpaid=True)
    assert isinstance(worthwhile(TakeEther(LONG.id, 299), 100, 2, settings), Skipped)
