"""TradeRequests.request and bind: what is stored, what is taken, what is refused.

The desk compares events, payments and all that is stored with the model."""

import pytest

from prep.node import Reverted
from tests.suite import UNLIMITED, WAD, ZERO_ADDRESS
from tests.two_step import FEE, LIFETIME, REQUEST
from tests.unit.requests.roles import (
    CLOSE,
    DELAY,
    NOTIONAL,
    OPEN,
    OTHER,
    SHARES,
    TRADER,
    every_kind,
    refused,
)

LARGEST = 2**128 - 1


@every_kind
@pytest.mark.parametrize("is_long", [True, False], ids=["long", "short"])
def test_request__each_kind__stored_logged_and_fee_taken(desk, kind, is_long):
    suite, trader = desk.suite, desk.actors[TRADER]
    before = suite.prep.balanceOf(trader)
    amount = SHARES[kind]
    request = desk.request(
        TRADER, kind, amount, is_long=is_long, acceptable=7, lasts=DELAY + 9, fee=3 * WAD
    )
    assert request == 1
    stored = suite.requests.tradeRequest(1)
    terms = (amount, 7, desk.now + DELAY + 9, 3 * WAD, desk.now)
    assert tuple(stored) == (trader, kind, is_long, *terms)
    assert suite.prep.balanceOf(trader) == before - 3 * WAD
    assert suite.prep.balanceOf(suite.requests) == 3 * WAD


def test_request__several__ids_from_one(desk):
    ids = [desk.request(who, OPEN, NOTIONAL) for who in (TRADER, OTHER, TRADER)]
    assert ids == [1, 2, 3]
    assert desk.suite.requests.requestCount() == 3


def test_request__close_with_an_amount__stored_without(desk):
    desk.request(TRADER, CLOSE, NOTIONAL)
    assert desk.suite.requests.tradeRequest(1).amount == 0
    desk.request(TRADER, CLOSE, UNLIMITED)
    assert desk.suite.requests.tradeRequest(2).amount == 0


@every_kind
def test_request__no_amount__refused_but_to_close(desk, kind):
    if kind is CLOSE:
        assert desk.request(TRADER, kind, 0) == 1
        return
    with refused(desk, "ZeroAmount"):
        desk.request(TRADER, kind, 0)


def test_request__largest_numbers__stored(desk):
    desk.request(TRADER, OPEN, LARGEST, acceptable=UNLIMITED, lasts=LIFETIME, fee=100 * WAD)
    desk.check()


@pytest.mark.parametrize("amount", [LARGEST + 1, UNLIMITED])
def test_request__amount_that_cannot_be__refused(desk, amount):
    with refused(desk, "AmountOutOfBounds", amount, LARGEST):
        desk.request(TRADER, OPEN, amount)


@pytest.mark.parametrize("lasts", [DELAY, LIFETIME])
def test_request__expiry_at_limit__accepted(desk, lasts):
    assert desk.request(TRADER, OPEN, NOTIONAL, lasts=lasts) == 1


@pytest.mark.parametrize("lasts", [DELAY - 1, LIFETIME + 1, 0, -1, 2**200])
def test_request__expiry_beyond_limit__refused(desk, lasts):
    now = desk.now
    with refused(desk, "ExpiryOutOfBounds", now + lasts, now + DELAY, now + LIFETIME):
        desk.request(TRADER, OPEN, NOTIONAL, lasts=lasts)


@pytest.mark.parametrize("fee", [WAD, 100 * WAD])
def test_request__fee_at_limit__accepted(desk, fee):
    assert desk.request(TRADER, OPEN, NOTIONAL, fee=fee) == 1


@pytest.mark.parametrize("fee", [0, WAD - 1, 100 * WAD + 1, UNLIMITED])
def test_request__fee_beyond_limit__refused(desk, fee):
    with refused(desk, "KeeperFeeOutOfBounds", fee, WAD, 100 * WAD):
        desk.request(TRADER, OPEN, NOTIONAL, fee=fee)


def test_request__market_without_delay__refused(desk):
    desk.configure(0, minExecutionDelay=0)
    with refused(desk, "OneStepMarket", 0):
        desk.request(TRADER, OPEN, NOTIONAL)
    desk.configure(0, minExecutionDelay=1)
    assert desk.request(TRADER, OPEN, NOTIONAL, lasts=1) == 1


def test_request__longest_delay__read_whole(desk):
    """All bits of the delay, and none of those around it."""
    desk.configure(0, minExecutionDelay=3_600, minPositionValue=10**37, maxNetOIValue=10**37)
    now = desk.now
    with refused(desk, "ExpiryOutOfBounds", now + 3_599, now + 3_600, now + LIFETIME):
        desk.request(TRADER, OPEN, NOTIONAL, lasts=3_599)
    assert desk.request(TRADER, OPEN, NOTIONAL, lasts=3_600) == 1


def test_request__settled_market__refused(desk):
    desk.settle(3 * LIFETIME, 0, desk.answer * 10**10)
    with refused(desk, "OneStepMarket", 0):
        desk.request(TRADER, CLOSE)


def test_request__several_faults__the_first_is_told(desk):
    with refused(desk, "ZeroAmount"):
        desk.request(TRADER, OPEN, 0, lasts=0, fee=0)
    with refused(desk, "AmountOutOfBounds", LARGEST + 1, LARGEST):
        desk.request(TRADER, OPEN, LARGEST + 1, lasts=0, fee=0)
    now = desk.now
    with refused(desk, "ExpiryOutOfBounds", now, now + DELAY, now + LIFETIME):
        desk.request(TRADER, OPEN, NOTIONAL, lasts=0, fee=0)


def test_request__no_allowance__refused(desk):
    suite, trader = desk.suite, desk.actors[TRADER]
    approve = (trader, suite.prep.address, "approve(address,uint256)", desk.book, FEE - 1)
    assert desk.node.send(*approve)[0]
    args = (OPEN, True, NOTIONAL, 0, desk.now + DELAY, FEE)
    with pytest.raises(Reverted, match="ERC20InsufficientAllowance") as error:
        desk.node.simulate(trader, desk.book, REQUEST, *args)
    assert error.value.args_ == (desk.book.lower(), FEE - 1, FEE)


def test_request__unknown_kind__reverts(desk):
    args = (5, True, NOTIONAL, 0, desk.now + DELAY, FEE)
    with pytest.raises(Reverted, match="unknown error 0x"):
        desk.node.simulate(desk.actors[TRADER], desk.book, REQUEST, *args)


def test_bind__second_time__refused(desk, stranger, reverts):
    book = desk.suite.requests
    with reverts(book.AlreadyBound, protocol=desk.suite.protocol):
        book.bind(sender=stranger)


def test_bind__first_time__the_caller_is_the_protocol(desk, project, admin, stranger, reverts):
    book = admin.deploy(project.TradeRequests, desk.suite.prep)
    assert book.protocol() == ZERO_ADDRESS
    book.bind(sender=stranger)
    assert book.protocol() == stranger
    with reverts(book.AlreadyBound, protocol=stranger):
        book.bind(sender=stranger)
