"""Orders.executeOrder: what an order does to a position, on every kind of market.

The desk compares outcome, events, books, money and aggregates with the model; here is what an order
is, said apart from it."""

import pytest

from tests.agreement import rejected
from tests.expected import Position, execution_price, fee, wmul
from tests.margin import ACCOUNT, ISOLATED, KINDS, PLAIN, every_market
from tests.suite import WAD
from tests.unit.books import both_sides, sign

DAY = 86_400
HELD = 40_000  # dollars

# What is traded against a position of 40,000 dollars, in the position's direction.
CHANGES = {"increase": 25_000, "decrease": -15_000, "flip": -70_000}
every_change = pytest.mark.parametrize("change", CHANGES)


@pytest.fixture
def holding(desk):
    """An account with a position, a day and a half and another price later."""

    def hold(market: int, is_long: bool) -> Position:
        desk.order(market, -sign(is_long) * desk.units(market, 17_000), account=ACCOUNT + 1)
        desk.order(market, sign(is_long) * desk.units(market, HELD))
        desk.wait(DAY + DAY // 2)
        desk.move_price(market, 37)
        return Position(*desk.position(market))

    return hold


@every_market
@both_sides
def test_execute_order__flat__opens_at_execution_price_for_the_opening_fee(desk, market, is_long):
    size = sign(is_long) * desk.units(market, HELD)
    done = desk.order(market, size)
    kind = KINDS[market]
    fill = execution_price(kind.price, kind.config["skewScale"], 0, size)
    paid = fee(kind.config["openingFeeRate"], size, fill)
    assert (done.size, done.close_price, done.realised) == (size, 0, 0)
    assert done.position[:2] == (size, fill)
    assert (done.opening_fee, done.settlement) == (paid, -paid)
    assert done.protocol_fee == -(-paid // 10)
    assert (paid > 0) == (market != PLAIN)


@every_market
@both_sides
@every_change
def test_execute_order__held__all_is_realised_and_the_rest_held_anew(
    desk, holding, market, is_long, change
):
    held = holding(market, is_long)
    config, price = KINDS[market].config, desk.price(market)
    m, quote = desk.model.markets[market], desk.model.quote(market)
    skew, scale = m.skew, config["skewScale"]
    dollars = CHANGES[change]
    size = sign(is_long) * sign(dollars > 0) * desk.units(market, abs(dollars))
    next_ = held.size + size

    done = desk.order(market, size)
    closing = execution_price(price, scale, skew, skew - held.size)
    assert done.close_price == closing
    terms = {"funding_index": quote.funding_index, "index": quote.borrow_index}
    whole = held.realised(held.size, closing, **terms)
    assert (done.price_pnl, done.funding, done.borrowing_fee) == whole[:3]
    assert whole.borrowing_fee < 0
    assert (done.funding != 0) == (scale != 0)

    removed = {"increase": 0, "decrease": -size, "flip": held.size}[change]
    added = {"increase": size, "decrease": 0, "flip": next_}[change]
    removing = execution_price(price, scale, skew, skew - removed)
    assert done.closing_fee == -fee(config["closingFeeRate"], removed, removing)
    adding = execution_price(price, scale, skew - removed, skew - removed + added)
    assert done.opening_fee == fee(config["openingFeeRate"], added, adding)

    entry = execution_price(price, scale, skew - held.size, skew - held.size + next_)
    assert done.position == (next_, entry, quote.funding_index, quote.borrow_index)
    assert done.settlement == sum(whole) + done.closing_fee - done.opening_fee


@every_market
@both_sides
@pytest.mark.parametrize("reduce_only", [False, True])
def test_execute_order__exactly_what_is_held__closes(desk, holding, market, is_long, reduce_only):
    held = holding(market, is_long)
    before = desk.model.markets[market].long_oi, desk.model.markets[market].short_oi
    done = desk.order(market, -held.size, reduce_only=reduce_only)
    assert done.position == (0, 0, 0, 0)
    assert done.opening_fee == 0
    fees = KINDS[market].config["closingFeeRate"]
    assert done.closing_fee == -fee(fees, held.size, done.close_price)
    after = desk.model.markets[market].long_oi, desk.model.markets[market].short_oi
    gone = [b - a for a, b in zip(after, before, strict=True)]
    assert gone == ([held.size, 0] if is_long else [0, -held.size])


@every_market
@both_sides
def test_execute_order__one_base_unit_less_or_more__rest_too_small(desk, holding, market, is_long):
    """Boundaries of a close: what would be left on either side is below the minimum."""
    held = holding(market, is_long)
    price, least = desk.price(market), KINDS[market].config["minPositionValue"]
    for size in (-held.size + sign(is_long), -held.size - sign(is_long)):
        with rejected("PositionTooSmall", price // WAD, least):
            desk.order(market, size)


@every_market
@both_sides
def test_execute_order__same_block__no_time_no_fee_but_those_of_trading(desk, market, is_long):
    size = sign(is_long) * desk.units(market, HELD)
    opened = desk.order(market, size)
    closed = desk.order(market, -size)
    assert (closed.price_pnl, closed.funding, closed.borrowing_fee) == (0, 0, 0)
    assert closed.close_price == opened.position.entry_price
    again = desk.order(market, size)
    assert again.position.entry_price == opened.position.entry_price


@both_sides
def test_execute_order__accounts_of_one_client__apart(desk, is_long):
    """The largest account number is as good as any."""
    size = sign(is_long) * desk.units(PLAIN, HELD)
    accounts = 0, 1, 2**256 - 1
    for i, account in enumerate(accounts):
        desk.order(PLAIN, size + i, account=account)
    for i, account in enumerate(accounts):
        assert desk.position(PLAIN, account).size == size + i
    desk.order(PLAIN, -size - 1, account=1)
    assert [desk.position(PLAIN, a).size for a in accounts] == [size, 0, size + 2]


@both_sides
def test_execute_order__two_clients__same_account_number_apart(desk, other_client, is_long):
    size, other = sign(is_long) * desk.units(PLAIN, HELD), other_client.address
    desk.suite.give(other_client, WAD)
    desk.register(other)
    desk.order(PLAIN, size)
    desk.order(PLAIN, 2 * size, client=other)
    desk.order(PLAIN, -size)
    assert desk.position(PLAIN, client=other).size == 2 * size


@both_sides
def test_execute_order__isolated_positions_beside__share_the_market(desk, trader, is_long):
    """Skew, open interest and funding are one, positions are not."""
    desk.open_isolated(trader, 5_000 * WAD, 20_000 * WAD, is_long)
    own = desk.model.position(trader.address)
    size = sign(is_long) * desk.units(ISOLATED, HELD)
    done = desk.order(ISOLATED, size)
    scale = KINDS[ISOLATED].config["skewScale"]
    fill = execution_price(desk.price(ISOLATED), scale, own.size, own.size + size)
    assert done.position.entry_price == fill
    m = desk.model.markets[ISOLATED]
    assert (m.long_oi, m.short_oi)[not is_long] == abs(own.size + size)
    assert m.cost_long + m.cost_short == own.entry_notional + abs(wmul(size, fill))
    desk.wait(DAY)
    desk.order(ISOLATED, -size)
    assert desk.model.position(trader.address).size == own.size
