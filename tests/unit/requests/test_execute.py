"""TradeRequests.execute: at which price, by whom and when; what ends a request and what leaves it.

The desk compares events, payments and all that is stored with the model."""

import pytest

from prep.model.isolated import TradeKind
from prep.model.requests import TradeFilled, TradeRefused
from prep.model.window import OrderState
from prep.node import Reverted
from tests.expected import execution_price
from tests.suite import WAD
from tests.two_step import FEE, LIFETIME, SCALE
from tests.unit.requests.roles import (
    CLOSE,
    COLLATERAL,
    DECREASE,
    DELAY,
    INCREASE,
    KEEPER,
    NOTIONAL,
    OPEN,
    OPEN_TOKEN,
    OTHER,
    PRICE,
    SHARES,
    TRADER,
    every_kind,
    hold,
    refused,
)

WAITING, READY, DEAD, GONE = OrderState
SET_ROUND = "setRound(uint256,int256,uint256,uint256,uint256)"


def fill_price(desk, answer: int, change: int) -> int:
    """At which the skew, now as it is, has just changed by that much."""
    skew = desk.model.markets[0].skew
    return execution_price(answer * SCALE, desk.market["skewScale"], skew - change, skew)


def state(desk, request: int) -> OrderState:
    """By the contract; the model's is compared by `check`."""
    return OrderState(desk.suite.requests.stateOf(request))


@every_kind
@pytest.mark.parametrize("is_long", [True, False], ids=["long", "short"])
def test_execute__first_price_in_time__traded_at_it_and_fee_paid(desk, kind, is_long):
    if kind not in (OPEN, OPEN_TOKEN):
        hold(desk, is_long=is_long)
    suite, keeper = desk.suite, desk.actors[KEEPER]
    before = suite.prep.balanceOf(keeper)
    request = desk.request(TRADER, kind, SHARES[kind], is_long=is_long)
    desk.set_answer(DELAY, PRICE + 12_345)
    done = desk.execute(KEEPER, request)
    assert isinstance(done, TradeFilled)
    opens = kind in (OPEN, OPEN_TOKEN, INCREASE)
    change = done.trade.size_added if opens else -done.trade.size_removed
    assert done.trade.price == fill_price(desk, PRICE + 12_345, change)
    assert suite.prep.balanceOf(keeper) == before + FEE
    assert suite.prep.balanceOf(suite.requests) == 0
    assert state(desk, request) is GONE
    with refused(desk, "UnknownRequest", request):
        desk.execute(KEEPER, request)


@pytest.mark.parametrize("late, expected", [(-1, WAITING), (0, READY), (1, READY)])
def test_execute__price_by_the_second__waits_or_fills(desk, late, expected):
    request = desk.request(TRADER, OPEN, NOTIONAL)
    assert state(desk, request) is WAITING
    desk.set_answer(DELAY + late, PRICE)
    assert state(desk, request) is expected
    if expected is READY:
        assert desk.execute(KEEPER, request)
        return
    with refused(desk, "RequestNotReady", request, WAITING):
        desk.execute(KEEPER, request)
    # Time alone does not make the early price a later one.
    with refused(desk, "RequestNotReady", request, WAITING):
        desk.execute(KEEPER, request, wait=LIFETIME - DELAY - 1)


def test_execute__early_price_then_one_in_time__filled_at_the_second(desk):
    request = desk.request(TRADER, OPEN_TOKEN, WAD)
    desk.set_answer(DELAY - 1, PRICE - 5)
    desk.set_answer(1, PRICE - 9)
    done = desk.execute(KEEPER, request)
    assert done.trade.size_added == WAD
    assert done.trade.price == fill_price(desk, PRICE - 9, WAD)


@pytest.mark.parametrize("wait", [0, 1, 3_600])
def test_execute__second_price_in_time__dead(desk, wait):
    request = desk.request(TRADER, OPEN, NOTIONAL)
    desk.set_answer(DELAY, PRICE)
    desk.set_answer(wait, PRICE)
    assert state(desk, request) is DEAD
    with refused(desk, "RequestNotReady", request, DEAD):
        desk.execute(KEEPER, request)


def test_execute__price_before_not_known__dead(desk):
    request = desk.request(TRADER, OPEN, NOTIONAL)
    desk.set_answer_after_a_gap(DELAY, PRICE)
    with refused(desk, "RequestNotReady", request, DEAD):
        desk.execute(KEEPER, request)


def test_execute__round_without_an_answer_before__dead(desk):
    request = desk.request(TRADER, OPEN, NOTIONAL)
    desk.set_answer(DELAY, 0)
    with refused(desk, "RequestNotReady", request, WAITING):
        desk.execute(KEEPER, request)
    desk.set_answer(1, PRICE)
    with refused(desk, "RequestNotReady", request, DEAD):
        desk.execute(KEEPER, request)


@pytest.mark.parametrize("early, expected", [(1, READY), (0, DEAD)])
def test_execute__expiry_by_the_second__filled_or_dead(desk, early, expected):
    request = desk.request(TRADER, OPEN, NOTIONAL, lasts=DELAY + 9)
    desk.set_answer(DELAY, PRICE)
    if expected is READY:
        assert desk.execute(KEEPER, request, wait=9 - early)
        return
    with refused(desk, "RequestNotReady", request, DEAD):
        desk.execute(KEEPER, request, wait=9 - early)


@pytest.mark.parametrize("request_id", [0, 1, 2**256 - 1])
def test_execute__never_placed__unknown(desk, request_id):
    with refused(desk, "UnknownRequest", request_id):
        desk.execute(KEEPER, request_id)
    assert state(desk, request_id) is GONE


@pytest.mark.parametrize("is_long", [True, False], ids=["long", "short"])
def test_execute__worse_than_acceptable__left_until_it_dies(desk, is_long):
    worse = (PRICE + (1 if is_long else -1)) * SCALE
    request = desk.request(TRADER, OPEN, NOTIONAL, is_long=is_long, acceptable=PRICE * SCALE)
    desk.set_answer(DELAY, worse // SCALE)
    desk.execute(KEEPER, request)
    assert desk.refusals[-1].name == "PriceNotAcceptable"
    assert desk.refusals[-1].args[1] == PRICE * SCALE
    assert state(desk, request) is READY
    desk.set_answer(1, PRICE // 2 if is_long else PRICE * 2)
    assert state(desk, request) is DEAD


@pytest.mark.parametrize("left", [0, 1, 280 * WAD])
def test_execute__collateral_missing__used_up_and_fee_to_who_tried(desk, left):
    """As good as nothing, too little for the fee, too little for the leverage."""
    request = desk.request(TRADER, OPEN, NOTIONAL)
    desk.withdraw(TRADER, COLLATERAL - left)
    desk.set_answer(DELAY, PRICE)
    done = desk.execute(KEEPER, request)
    assert isinstance(done, TradeRefused)
    assert done.reason.name == ("InsufficientCollateral" if left <= 1 else "LeverageTooHigh")
    assert state(desk, request) is GONE
    desk.deposit(TRADER, COLLATERAL)
    with refused(desk, "UnknownRequest", request):
        desk.execute(TRADER, request)


def test_execute__decrease_that_collateral_cannot_pay__used_up(desk):
    hold(desk)
    desk.withdraw(TRADER, 600 * WAD)
    request = desk.request(TRADER, DECREASE, NOTIONAL // 2)
    desk.set_answer(DELAY, PRICE * 8 // 10)
    done = desk.execute(KEEPER, request)
    assert done.reason.name == "InsufficientCollateral"


def test_execute__other_refusals__left_as_it_was(desk):
    """Of which the trader cannot make his choice: somebody fills it once it can be."""
    first, second, third = (
        desk.request(TRADER, kind, amount)
        for kind, amount in ((OPEN, NOTIONAL), (OPEN, NOTIONAL), (CLOSE, 0))
    )
    desk.set_answer(DELAY, PRICE)
    with refused(desk, "NoPosition"):
        desk.execute(KEEPER, third)
    assert desk.execute(KEEPER, first)
    with refused(desk, "PositionExists", 1):
        desk.execute(KEEPER, second)
    assert desk.execute(KEEPER, third)
    assert desk.execute(KEEPER, second)


def test_execute__market_closed_to_new_risk__left_as_it_was(desk):
    request = desk.request(TRADER, OPEN, NOTIONAL)
    desk.configure(0, enabled=False)
    desk.set_answer(DELAY, PRICE)
    with refused(desk, "MarketClosed", 0):
        desk.execute(KEEPER, request)
    assert state(desk, request) is READY


def test_execute__price_that_the_oracle_refuses__left_as_it_was(desk):
    """Published, and not usable: what it is refused for may pass."""
    suite = desk.suite
    request = desk.request(TRADER, OPEN, NOTIONAL)
    future = desk.now + DELAY + 9
    admin = suite.admin.address
    assert desk.node.send(admin, suite.feed.address, SET_ROUND, 2, PRICE, 0, future, 2)[0]
    assert state(desk, request) is READY
    with pytest.raises(Reverted, match="AnswerFromFuture"):
        desk.node.simulate(desk.actors[KEEPER], desk.book, "execute(uint256)", request)
    # As the model hears of it, when it is the present.
    desk._advance(DELAY + 9)
    desk.answered_at = future
    desk._publish()
    desk._sync_price()
    assert desk.execute(KEEPER, request)


def test_execute__delay_taken_away__fills_at_once(desk):
    request = desk.request(TRADER, OPEN_TOKEN, WAD)
    desk.configure(0, minExecutionDelay=0)
    assert state(desk, request) is READY
    assert desk.execute(KEEPER, request)


def test_execute__longer_delay__waits_for_it(desk):
    request = desk.request(TRADER, OPEN, NOTIONAL)
    desk.configure(0, minExecutionDelay=DELAY + 30)
    desk.set_answer(DELAY + 29, PRICE)
    assert state(desk, request) is WAITING
    desk.set_answer(1, PRICE)
    assert desk.execute(KEEPER, request)


@every_kind
def test_execute__settled_market__closes_at_the_last_price_and_opens_nothing(desk, kind):
    hold(desk)
    actor = OTHER if kind in (OPEN, OPEN_TOKEN) else TRADER
    desk._advance(3 * LIFETIME)
    desk.node.mine()
    request = desk.request(actor, kind, SHARES[kind])
    last = (PRICE + 777) * SCALE
    desk.settle(1, 0, last)
    if kind in (DECREASE, CLOSE):
        assert state(desk, request) is READY
        done = desk.execute(KEEPER, request)
        assert done.trade.price == last
        return
    assert state(desk, request) is DEAD
    with refused(desk, "RequestNotReady", request, DEAD):
        desk.execute(KEEPER, request)


def test_execute__settled_market_after_expiry__dead(desk):
    hold(desk)
    desk._advance(3 * LIFETIME)
    desk.node.mine()
    request = desk.request(TRADER, CLOSE)
    desk.settle(1, 0, PRICE * SCALE)
    with refused(desk, "RequestNotReady", request, DEAD):
        desk.execute(KEEPER, request, wait=LIFETIME - 1)


def test_execute__by_the_trader_himself__has_his_fee_back(desk):
    request = desk.request(TRADER, OPEN, NOTIONAL)
    desk.set_answer(DELAY, PRICE)
    before = desk.suite.prep.balanceOf(desk.actors[TRADER])
    assert desk.execute(TRADER, request)
    assert desk.suite.prep.balanceOf(desk.actors[TRADER]) == before + FEE


def test_trade_for__by_anyone_else__refused(desk, reverts, stranger):
    protocol = desk.suite.protocol
    for kind in TradeKind:
        with reverts(protocol.NotRequests, caller=stranger):
            protocol.tradeFor(desk.actors[TRADER], kind, True, NOTIONAL, 0, sender=stranger)


def test_increase__by_a_request__at_the_new_price(desk):
    hold(desk)
    held = desk.model.position(desk.actors[TRADER]).size
    request = desk.request(TRADER, INCREASE, NOTIONAL)
    desk.set_answer(DELAY, 2 * PRICE)
    done = desk.execute(KEEPER, request)
    assert done.trade.size_added == NOTIONAL * WAD // (2 * PRICE * SCALE)
    assert done.trade.size == held + done.trade.size_added
