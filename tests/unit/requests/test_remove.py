"""TradeRequests.remove: what is dead, what it died of, and who gets the fee.

The desk compares events, payments and all that is stored with the model."""

import pytest

from prep.model.window import OrderState
from tests.two_step import LIFETIME, SCALE
from tests.unit.requests.roles import (
    CLOSE,
    DECREASE,
    DELAY,
    INCREASE,
    NOTIONAL,
    OPEN,
    OPEN_TOKEN,
    PRICE,
    REMOVER,
    SHARES,
    TRADER,
    hold,
    refused,
)

WAITING, READY, DEAD, GONE = OrderState


@pytest.fixture
def placed(desk):
    """Expires long after its price could be there."""
    return desk.request(TRADER, OPEN, NOTIONAL, lasts=10 * DELAY)


def test_remove__waiting__alive(desk, placed):
    with refused(desk, "RequestAlive", placed, WAITING):
        desk.remove(TRADER, placed)
    desk.set_answer(DELAY - 1, PRICE)
    with refused(desk, "RequestAlive", placed, WAITING):
        desk.remove(TRADER, placed, wait=9 * DELAY)


def test_remove__ready__alive(desk, placed):
    desk.set_answer(DELAY, PRICE)
    with refused(desk, "RequestAlive", placed, READY):
        desk.remove(TRADER, placed)
    with refused(desk, "RequestAlive", placed, READY):
        desk.remove(REMOVER, placed, wait=9 * DELAY - 1)


def test_remove__price_passed__fee_to_the_remover(desk, placed):
    desk.set_answer(DELAY, PRICE)
    desk.set_answer(1, PRICE)
    assert desk.remove(REMOVER, placed).fee_to_remover
    assert desk.suite.requests.stateOf(placed) == GONE
    with refused(desk, "UnknownRequest", placed):
        desk.remove(REMOVER, placed)


def test_remove__price_passed_and_none_usable__fee_to_the_remover(desk, placed):
    """The feed has died since: its answer is stale."""
    desk.set_answer(DELAY, PRICE)
    desk.set_answer(1, PRICE)
    desk._advance(30 * LIFETIME)
    desk.node.mine()
    with pytest.raises(Exception, match="AnswerStale"):
        desk.node.read((desk.suite.oracle.address, "price()"))
    assert desk.remove(REMOVER, placed).fee_to_remover


def test_remove__price_before_unknown__fee_to_the_remover(desk, placed):
    desk.set_answer_after_a_gap(DELAY, PRICE)
    assert desk.remove(REMOVER, placed).fee_to_remover


@pytest.mark.parametrize("latest", [None, DELAY - 1])
def test_remove__expired_without_a_price__fee_to_the_trader(desk, placed, latest):
    if latest:
        desk.set_answer(latest, PRICE)
    left = 10 * DELAY - (latest or 0)
    with refused(desk, "RequestAlive", placed, WAITING):
        desk.remove(REMOVER, placed, wait=left - 1)
    assert not desk.remove(REMOVER, placed, wait=1).fee_to_remover


@pytest.mark.parametrize("priced_at, to_remover", [(10 * DELAY - 1, True), (10 * DELAY, False)])
def test_remove__expired_unfilled__fee_by_whether_there_was_a_price(
    desk, placed, priced_at, to_remover
):
    desk.set_answer(priced_at, PRICE)
    assert desk.remove(REMOVER, placed, wait=DELAY).fee_to_remover is to_remover


def test_remove__two_prices_after_expiry__fee_to_the_remover(desk, placed):
    """Whether there were others before is not known any more: its trader could have come first."""
    desk.set_answer(11 * DELAY, PRICE)
    desk.set_answer(1, PRICE)
    assert desk.remove(REMOVER, placed).fee_to_remover


def test_remove__expired_and_no_answer__fee_to_the_trader(desk, placed):
    desk.set_answer(DELAY, 0)
    assert not desk.remove(REMOVER, placed, wait=9 * DELAY).fee_to_remover


def test_remove__longer_delay_since__waits_again(desk, placed):
    desk.set_answer(DELAY, PRICE)
    desk.set_answer(1, PRICE)
    desk.configure(0, minExecutionDelay=2 * DELAY)
    with refused(desk, "RequestAlive", placed, WAITING):
        desk.remove(REMOVER, placed)


def test_remove__market_without_delay__alive_until_expiry_then_to_the_trader(desk, placed):
    desk.configure(0, minExecutionDelay=0)
    desk.set_answer(DELAY, PRICE)
    desk.set_answer(1, PRICE)
    with refused(desk, "RequestAlive", placed, READY):
        desk.remove(REMOVER, placed)
    assert not desk.remove(REMOVER, placed, wait=10 * DELAY).fee_to_remover


@pytest.mark.parametrize("kind", [OPEN, OPEN_TOKEN, INCREASE])
def test_remove__settled_market_and_opening__fee_to_the_trader(desk, kind):
    desk._advance(3 * LIFETIME)
    desk.node.mine()
    request = desk.request(TRADER, kind, SHARES[kind])
    desk.settle(1, 0, PRICE * SCALE)
    assert not desk.remove(REMOVER, request).fee_to_remover


@pytest.mark.parametrize("kind", [DECREASE, CLOSE])
def test_remove__settled_market_and_closing__alive_until_expiry(desk, kind):
    hold(desk)
    desk._advance(3 * LIFETIME)
    desk.node.mine()
    request = desk.request(TRADER, kind, SHARES[kind])
    desk.settle(1, 0, PRICE * SCALE)
    with refused(desk, "RequestAlive", request, READY):
        desk.remove(REMOVER, request, wait=LIFETIME - 2)
    assert not desk.remove(REMOVER, request, wait=1).fee_to_remover


def test_remove__never_placed__unknown(desk):
    with refused(desk, "UnknownRequest", 1):
        desk.remove(REMOVER, 1)
