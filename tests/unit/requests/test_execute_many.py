"""TradeRequests.executeMany: what fails is skipped alone, and the fees come in one payment.

The desk compares events, payments and all that is stored with the model."""

from prep.model.requests import TradeFilled, TradeRefused, TradeSkipped
from tests.two_step import FEE
from tests.unit.requests.roles import (
    CLOSE,
    COLLATERAL,
    DELAY,
    KEEPER,
    NOTIONAL,
    OPEN,
    OTHER,
    PRICE,
    TRADER,
)


def test_execute_many__some_fail__skipped_alone(desk, stranger):
    """Filled, used up, refused by the protocol, unknown, given twice, and too early."""
    ready = desk.request(TRADER, OPEN, NOTIONAL)
    lacking = desk.request(OTHER, OPEN, 100 * NOTIONAL)
    refused = desk.request(OTHER, CLOSE)
    desk.set_answer(1, PRICE)
    desk._advance(DELAY - 1)
    early = desk.request(TRADER, CLOSE)
    desk.set_answer(1, PRICE)
    ids = [refused, ready, 99, lacking, ready, early]
    filled = desk.suite.requests.executeMany.call(ids, sender=stranger)
    assert filled == [False, True, False, False, False, False]
    before = desk.suite.prep.balanceOf(stranger)
    kinds = [type(result) for result in desk.execute_many(KEEPER, ids)]
    assert kinds == [
        TradeSkipped,
        TradeFilled,
        TradeSkipped,
        TradeRefused,
        TradeSkipped,
        TradeSkipped,
    ]
    assert desk.suite.prep.balanceOf(stranger) == before + 2 * FEE
    assert set(desk.requests.requests) == {refused, early}


def test_execute_many__nothing_given_or_done__nothing_paid(desk):
    assert desk.execute_many(KEEPER, []) == []
    assert len(desk.execute_many(KEEPER, [7, 8])) == 2


def test_execute_many__two_traders__both_filled(desk):
    ids = [desk.request(who, OPEN, NOTIONAL, is_long=who == TRADER) for who in (TRADER, OTHER)]
    desk.withdraw(TRADER, COLLATERAL // 2)
    desk.set_answer(DELAY, PRICE)
    results = desk.execute_many(KEEPER, ids)
    assert all(isinstance(result, TradeFilled) for result in results)


def test_execute_for__by_anyone__refused(desk, reverts, stranger):
    """It would be filled past the guard against re-entering, and the fee paid to nobody."""
    request = desk.request(TRADER, OPEN, NOTIONAL)
    desk.set_answer(DELAY, PRICE)
    book = desk.suite.requests
    with reverts(book.NotItself, caller=stranger):
        book.executeFor(request, stranger, sender=stranger)
