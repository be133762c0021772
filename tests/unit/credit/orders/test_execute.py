"""OrderBook.execute on markets without a delay: conditions, limits, reducing, and what it pays."""

import pytest

from prep.credit.actions import reduce, trade
from tests.credit import ETHER, PREP, SOL
from tests.suite import WAD
from tests.unit.books import both_sides, sign
from tests.unit.credit.acting import acted, health, low, market_ids, refusal, wallet
from tests.unit.credit.orders.ordering import (
    ABOVE,
    BELOW,
    FEE,
    State,
    dollars,
    executed,
    not_executed,
    order,
    orders_of,
    placed,
    state,
)
from tests.unit.credit.trading import SOL_UNIT, closing, configure, fill, opening_fee


@both_sides
def test_execute__ready__traded_logged_and_the_keeper_paid(
    credit, clock, trader, keeper, account, is_long
):
    size = sign(is_long) * WAD
    order_id = placed(credit, trader, account, order(clock, size, market=ETHER, fee=FEE))
    other = credit.funded(trader, prep=100 * WAD)
    kept = placed(credit, trader, other, order(clock, fee=2))
    held = 10_000 * WAD - FEE
    assert state(credit, order_id) == State.READY
    logs = executed(credit, keeper, order_id)
    paid = opening_fee(size)
    assert logs == [
        ("OrderTriggered", order_id, account, low(keeper), 2_000 * WAD),
        ("BalanceChanged", account, PREP, -paid, held - paid),
        ("OrderFilled", account, ETHER, low(keeper), FEE),
    ]
    assert wallet(credit, PREP, keeper) == FEE
    assert credit.size(account, ETHER) == size
    assert credit.manager.reservedFees() == 2
    assert state(credit, order_id) == State.GONE
    assert orders_of(credit, account) == []
    assert orders_of(credit, other) == [kept]


def test_execute__twice__unknown(credit, clock, trader, keeper, account):
    order_id = placed(credit, trader, account, order(clock))
    executed(credit, keeper, order_id)
    assert not_executed(credit, keeper, order_id) == ("UnknownOrder", order_id)


@pytest.mark.parametrize("order_id", [0, 1, 2**256 - 1])
def test_execute__never_placed__unknown(credit, keeper, order_id):
    assert not_executed(credit, keeper, order_id) == ("UnknownOrder", order_id)


def test_execute__without_fee__no_token_moves(credit, clock, trader, keeper, account):
    order_id = placed(credit, trader, account, order(clock))
    logs = executed(credit, keeper, order_id)
    assert [log[0] for log in logs] == ["OrderTriggered", "OrderFilled"]
    assert wallet(credit, PREP, keeper) == 0


@both_sides
@pytest.mark.parametrize("condition", [ABOVE, BELOW], ids=["above", "below"])
def test_execute__trigger__at_it_ready_and_a_unit_before_it_not(
    credit, clock, trader, keeper, account, is_long, condition
):
    price = dollars(100)
    better = 1 if condition == ABOVE else -1
    size = sign(is_long) * SOL_UNIT
    waits = placed(credit, trader, account, order(clock, size, condition, price + better))
    goes = placed(credit, trader, account, order(clock, size, condition, price))
    assert (state(credit, waits), state(credit, goes)) == (State.WAITING, State.READY)
    assert not_executed(credit, keeper, waits) == ("OrderNotReady", waits, State.WAITING)
    executed(credit, keeper, goes)
    oracle = credit.market_oracles[SOL]
    oracle.setPrice(price + better, sender=keeper)
    assert state(credit, waits) == State.READY
    executed(credit, keeper, waits)


@both_sides
def test_execute__limit__at_the_price_filled_and_a_unit_worse_not(
    credit, clock, trader, keeper, account, is_long
):
    """The condition is on the oracle price, the limit on the price of the trade."""
    s = sign(is_long)
    size = s * 10 * WAD
    price = fill(size)
    refused_ = order(clock, size, market=ETHER, limit=price - s, fee=FEE)
    filled = order(clock, size, market=ETHER, limit=price)
    first, second = (placed(credit, trader, account, o) for o in (refused_, filled))
    assert not_executed(credit, keeper, first) == ("PriceNotAcceptable", price, price - s)
    assert state(credit, first) == State.READY
    executed(credit, keeper, second)
    assert credit.size(account, ETHER) == size


@both_sides
def test_execute__reduce_only_larger_than_the_position__cut_also_for_its_limit(
    credit, clock, trader, keeper, account, is_long
):
    s = sign(is_long)
    size = s * 2 * WAD
    credit.act(trader, account, trade(ETHER, size))
    at = fill(-size, size)
    best = order(clock, -5 * size, market=ETHER, reduce_only=True, limit=at + s)
    action = order(clock, -5 * size, market=ETHER, reduce_only=True, limit=at)
    first, second = (placed(credit, trader, account, o) for o in (best, action))
    assert not_executed(credit, keeper, first) == ("PriceNotAcceptable", at, at + s)
    before = credit.balance(account, PREP)
    logs = executed(credit, keeper, second)
    settled = closing(size, fill(size), size)
    assert logs[1] == ("BalanceChanged", account, PREP, settled, before + settled)
    assert market_ids(credit, account) == ()


@both_sides
def test_execute__reduce_only_smaller_than_the_position__so_much(
    credit, clock, trader, keeper, account, is_long
):
    size = sign(is_long) * 10 * SOL_UNIT
    credit.act(trader, account, trade(SOL, size))
    order_id = placed(credit, trader, account, order(clock, -size * 3 // 10, reduce_only=True))
    executed(credit, keeper, order_id)
    assert credit.size(account, SOL) == size * 7 // 10


@both_sides
@pytest.mark.parametrize("how", ["flat", "flipped"])
def test_execute__reduce_only_and_nothing_to_reduce__dead(
    credit, clock, trader, keeper, account, is_long, how
):
    size = sign(is_long) * SOL_UNIT
    credit.act(trader, account, trade(SOL, size))
    order_id = placed(credit, trader, account, order(clock, -size, reduce_only=True))
    assert state(credit, order_id) == State.READY
    credit.act(trader, account, trade(SOL, -size if how == "flat" else -2 * size))
    assert state(credit, order_id) == State.DEAD
    assert not_executed(credit, keeper, order_id) == ("OrderNotReady", order_id, State.DEAD)
    credit.act(trader, account, trade(SOL, size if how == "flat" else 2 * size))
    assert state(credit, order_id) == State.READY


def test_execute__last_second__filled_and_then_dead(credit, clock, trader, keeper, account):
    first, second = (placed(credit, trader, account, order(clock, lifetime=100)) for _ in range(2))
    clock.advance(99)
    executed(credit, keeper, first)
    clock.advance(1)
    assert state(credit, second) == State.DEAD
    assert not_executed(credit, keeper, second) == ("OrderNotReady", second, State.DEAD)


def test_execute__growing_and_unhealthy__refused_with_its_health(
    credit, clock, trader, keeper, account
):
    order_id = placed(credit, trader, account, order(clock, 600 * SOL_UNIT, fee=FEE))
    seen = not_executed(credit, keeper, order_id)
    assert seen == ("AccountUnhealthy", 10_000 * WAD - FEE, 12_000 * WAD)
    assert state(credit, order_id) == State.READY
    assert credit.manager.reservedFees() == FEE


def test_execute__at_the_limit_of_health__filled(credit, clock, trader, keeper, account):
    fee = 100 * WAD
    most = placed(credit, trader, account, order(clock, 495 * SOL_UNIT, fee=fee))
    beyond = placed(credit, trader, account, order(clock, 1))
    executed(credit, keeper, most)
    seen = not_executed(credit, keeper, beyond)
    assert seen == ("AccountUnhealthy", 9_900 * WAD, 9_900 * WAD + 2 * 10**13)


@both_sides
def test_execute__reduce_only_of_an_unhealthy_account__filled(
    credit, clock, trader, keeper, account, is_long
):
    s = sign(is_long)
    configure(credit, SOL, borrowRate=0)
    credit.act(trader, account, trade(SOL, s * 490 * SOL_UNIT))
    action = order(clock, -s * SOL_UNIT, reduce_only=True)
    order_id = placed(credit, trader, account, action)
    credit.set_market_price(SOL, 100 - s * 10)
    assert health(credit, account)[7] < health(credit, account)[6]
    executed(credit, keeper, order_id)
    assert credit.size(account, SOL) == s * 489 * SOL_UNIT


def test_execute__disabled_market__closed_but_reducing(credit, clock, trader, keeper, account):
    credit.act(trader, account, trade(SOL, SOL_UNIT))
    grows = placed(credit, trader, account, order(clock))
    reduces = placed(credit, trader, account, order(clock, -SOL_UNIT, reduce_only=True))
    credit.suite.protocol.disableMarket(SOL, sender=credit.suite.guardian)
    assert not_executed(credit, keeper, grows) == ("MarketClosed", SOL)
    executed(credit, keeper, reduces)


def test_execute__price_missing__refused(credit, clock, trader, keeper, account):
    order_id = placed(credit, trader, account, order(clock))
    credit.set_market_price(SOL, 0)
    assert not_executed(credit, keeper, order_id) == ("PriceOutOfBounds", 0, 10**36)


@pytest.mark.parametrize("kind", [trade, reduce])
@both_sides
def test_check_trade__skew_and_limit__as_the_trade_would(
    credit, trader, keeper, account, kind, is_long
):
    s = sign(is_long)
    check = "checkTrade(uint256,uint256,int256,uint256,bool)"
    credit.act(trader, account, trade(ETHER, -s * 3 * WAD))
    reducing = kind is reduce
    size = s * 5 * WAD
    moved = s * 3 * WAD if reducing else size
    price = fill(moved, -s * 3 * WAD)
    args = account, ETHER, size, price, reducing
    credit.node.simulate(keeper.address, credit.book.address, check, *args)
    args = account, ETHER, size, price - s, reducing
    seen = refusal(credit, keeper, credit.book, check, *args)
    assert seen == ("PriceNotAcceptable", price, price - s)
    acted(credit, trader, account, kind(ETHER, size, price))
