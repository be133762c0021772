"""Protocol.openPositionWithSize and openPositionWithToken, with and without limits."""

from dataclasses import dataclass

import pytest

from tests.expected import MAX_LEVERAGE, UNLIMITED, borrow_index, ceil, execution_price, leverage
from tests.suite import WAD
from tests.unit.books import audit, books, both_sides, held, logs, oracle_code, sign

COLLATERAL = 1_000 * WAD
ANSWER = 1_234_567_890_123  # $12,345.67890123
NOTIONAL = 4_321 * WAD + 98_765
DAY = 86_400
RATE = 15 * WAD // 100  # of borrowing a year, and of the reserve
MAX_SIZE = 10**30
MAX_COST = 10**37
MAX_PRICE = 10**36


@dataclass(frozen=True)
class Way:
    """One of the overloads, given the notional."""

    by_token: bool
    limited: bool

    def __call__(self, suite, trader, notional, is_long, acceptable=None, deadline=UNLIMITED):
        amount = notional * WAD // suite.price() if self.by_token else notional
        protocol = suite.protocol
        act = protocol.openPositionWithToken if self.by_token else protocol.openPositionWithSize
        limits = (UNLIMITED if is_long else 0) if acceptable is None else acceptable, deadline
        return act(amount, is_long, *(limits if self.limited else ()), sender=trader)


WAYS = [Way(by_token, limited) for by_token in (False, True) for limited in (False, True)]
all_ways = pytest.mark.parametrize(
    "way", WAYS, ids=["size", "size_limited", "token", "token_limited"]
)
limited_ways = pytest.mark.parametrize(
    "way", [Way(False, True), Way(True, True)], ids=["size", "token"]
)


@pytest.fixture
def market(btc, trader):
    """The trader has collateral and no position yet."""
    btc.protocol.depositCollateral(COLLATERAL, sender=trader)
    return btc


@both_sides
@all_ways
def test_open__within_bounds__stored_counted_and_logged(market, trader, clock, way, is_long):
    stored = market.lens.marketState(0)
    now = clock.advance(DAY)
    market.set_answer(ANSWER)
    before = books(market)
    tx = way(market, trader, NOTIONAL, is_long)

    price = ANSWER * 10**10
    size = sign(is_long) * (NOTIONAL * WAD // price)
    index = borrow_index(stored.borrowIndex, RATE, RATE, now - stored.updatedAt)
    p = held(market, trader)
    assert p == (size, price, 0, index)
    assert tuple(market.position(trader)) == (1, size, price, COLLATERAL, p.notional, index, 0)
    assert market.protocol.positionOwner(1) == trader
    assert market.protocol.getNumOfOpenPositionsIds() == 1
    state = market.lens.marketState(0)
    assert (state.borrowIndex, state.updatedAt) == (index, now)
    assert audit(market, trader) == before, "nothing is paid for opening without a fee"
    values = {
        "trader": trader.address,
        "id": 1,
        "marketId": 0,
        "sizeAdded": size,
        "price": price,
        "size": size,
        "entryPrice": price,
        "collateral": COLLATERAL,
        "openingFee": 0,
        "borrowIndex": index,
    }
    assert logs(tx, market.protocol) == [("PositionIncreased", values)]
    assert logs(tx, market.prep) == []


def test_open__position_exists__reverts(market, trader, reverts):
    market.protocol.openPositionWithSize(NOTIONAL, True, sender=trader)
    for way in WAYS:
        for is_long in (True, False):
            with reverts(market.protocol.PositionExists, id=1):
                way(market, trader, NOTIONAL, is_long)


def test_open__nothing__reverts(market, trader, reverts):
    for way in WAYS:
        with reverts(market.protocol.ZeroAmount):
            way(market, trader, 0, True)


@both_sides
def test_open__less_than_a_base_unit__reverts(market, trader, reverts, is_long):
    market.configure(minPositionValue=0)
    with reverts(market.protocol.ZeroAmount):
        market.protocol.openPositionWithSize(9_999, is_long, sender=trader)
    market.protocol.openPositionWithSize(10_000, is_long, sender=trader)
    assert held(market, trader).size == sign(is_long)


@limited_ways
def test_open__at_deadline__accepted_and_a_second_later_not(market, trader, clock, reverts, way):
    now = clock.now
    with reverts(market.protocol.DeadlinePassed, deadline=now - 1):
        way(market, trader, NOTIONAL, True, deadline=now - 1)
    way(market, trader, NOTIONAL, True, deadline=now)
    assert held(market, trader).size > 0


@both_sides
@limited_ways
def test_open__at_acceptable_price__accepted_and_one_unit_beyond_not(
    full, trader, reverts, way, is_long
):
    full.protocol.depositCollateral(COLLATERAL, sender=trader)
    size = sign(is_long) * (NOTIONAL * WAD // full.price())
    price = execution_price(full.price(), full.market["skewScale"], 0, size)
    better = price - sign(is_long)
    with reverts(full.protocol.PriceNotAcceptable, price=price, acceptable=better):
        way(full, trader, NOTIONAL, is_long, acceptable=better)
    way(full, trader, NOTIONAL, is_long, acceptable=price)
    assert held(full, trader).entry_price == price


def test_open__market_disabled__reverts(market, guardian, trader, reverts):
    market.protocol.disableMarket(0, sender=guardian)
    for way in WAYS:
        for is_long in (True, False):
            with reverts(market.protocol.MarketClosed, marketId=0):
                way(market, trader, NOTIONAL, is_long)


def test_open__several_reasons_to_refuse__the_first_names_the_error(
    market, guardian, trader, clock, reverts
):
    protocol, late, dead = market.protocol, clock.now - 1, 0
    market.set_answer(dead)
    protocol.disableMarket(0, sender=guardian)
    with reverts(protocol.ZeroAmount):
        protocol.openPositionWithSize(0, True, 0, late, sender=trader)
    with reverts(protocol.DeadlinePassed, deadline=late):
        protocol.openPositionWithSize(1, True, 0, late, sender=trader)
    with reverts(market.oracle.AnswerNotPositive, answer=dead):
        protocol.openPositionWithSize(1, True, 0, clock.now, sender=trader)
    market.set_price(10_000)
    with reverts(protocol.ZeroAmount):
        protocol.openPositionWithSize(1, True, 0, clock.now + 9, sender=trader)
    with reverts(protocol.MarketClosed, marketId=0):
        protocol.openPositionWithSize(10_000, True, 0, clock.now + 9, sender=trader)


@both_sides
def test_open__up_to_15x__and_not_beyond(market, trader, reverts, is_long):
    size = 15 * WAD // 10 + 1  # a base unit more than 15 times the collateral buys
    notional = size * 10_000
    refused = leverage(notional, COLLATERAL)
    assert refused > MAX_LEVERAGE
    with reverts(market.protocol.LeverageTooHigh, leverage=refused, max=MAX_LEVERAGE):
        market.protocol.openPositionWithToken(size, is_long, sender=trader)
    lacking = ceil(notional, 15) - COLLATERAL
    market.protocol.depositCollateral(lacking - 1, sender=trader)
    refused = leverage(notional, COLLATERAL + lacking - 1)
    with reverts(market.protocol.LeverageTooHigh, leverage=refused, max=MAX_LEVERAGE):
        market.protocol.openPositionWithToken(size, is_long, sender=trader)
    market.protocol.depositCollateral(1, sender=trader)
    market.protocol.openPositionWithToken(size, is_long, sender=trader)
    assert leverage(held(market, trader).notional, COLLATERAL + lacking) <= MAX_LEVERAGE, "P4"


@both_sides
def test_open__without_collateral__reverts(market, other_trader, reverts, is_long):
    with reverts(market.protocol.LeverageTooHigh, leverage=UNLIMITED, max=MAX_LEVERAGE):
        market.protocol.openPositionWithSize(NOTIONAL, is_long, sender=other_trader)


@both_sides
def test_open__value_at_minimum__accepted_and_one_unit_below_not(market, trader, reverts, is_long):
    least = market.market["minPositionValue"]
    size = least // 10_000
    values = {"value": least - 10_000, "min": least}
    with reverts(market.protocol.PositionTooSmall, **values):
        market.protocol.openPositionWithToken(size - 1, is_long, sender=trader)
    market.protocol.openPositionWithToken(size, is_long, sender=trader)


@both_sides
def test_open__value_at_maximum__accepted_and_one_unit_above_not(market, trader, reverts, is_long):
    most = 5_000 * WAD
    market.configure(maxPositionValue=most)
    size = most // 10_000
    values = {"value": most + 10_000, "max": most}
    with reverts(market.protocol.PositionTooLarge, **values):
        market.protocol.openPositionWithToken(size + 1, is_long, sender=trader)
    market.protocol.openPositionWithToken(size, is_long, sender=trader)


@both_sides
def test_open__largest_open_interest__accepted_and_one_unit_more_not(
    market, trader, other_trader, reverts, is_long
):
    """At the lowest price of the feed 1e30 base units are a notional of 10,000 PREP."""
    market.set_answer(1)
    market.configure(minPositionValue=0)
    market.protocol.depositCollateral(COLLATERAL, sender=other_trader)
    half = MAX_SIZE // 2
    market.protocol.openPositionWithToken(half, is_long, sender=other_trader)
    with reverts(market.protocol.AmountOutOfBounds, amount=MAX_SIZE + 1, max=MAX_SIZE):
        market.protocol.openPositionWithToken(half + 1, is_long, sender=trader)
    market.protocol.openPositionWithToken(half, is_long, sender=trader)
    state = market.lens.marketState(0)
    assert (state.longOI, state.shortOI) == ((MAX_SIZE, 0) if is_long else (0, MAX_SIZE))
    audit(market, trader, other_trader)


@both_sides
def test_open__out_of_bounds__reverts(market, trader, reverts, is_long):
    for size in (MAX_SIZE + 1, 2**255 - 1, 2**255, UNLIMITED):
        with reverts(market.protocol.AmountOutOfBounds, amount=size, max=MAX_SIZE):
            market.protocol.openPositionWithToken(size, is_long, sender=trader)
    for notional in (MAX_COST + 1, UNLIMITED):
        with reverts(market.protocol.AmountOutOfBounds, amount=notional, max=MAX_COST):
            market.protocol.openPositionWithSize(notional, is_long, sender=trader)


@both_sides
def test_open__notional_within_bounds_but_not_its_size__reverts(market, trader, reverts, is_long):
    notional = MAX_SIZE * 10_000 + 10_000
    with reverts(market.protocol.AmountOutOfBounds, amount=MAX_SIZE + 1, max=MAX_SIZE):
        market.protocol.openPositionWithSize(notional, is_long, sender=trader)


@both_sides
def test_open__largest_price_and_cost__accepted_and_one_unit_more_not(
    btc, stranger, reverts, is_long
):
    """A base unit costs 1e18 units of PREP then."""
    btc.configure(reserveFactor=0)
    btc.give_collateral(stranger, MAX_COST)
    btc.set_answer(MAX_PRICE // 10**10 + 1)
    values = {"price": MAX_PRICE + 10**10, "max": MAX_PRICE}
    with reverts(btc.protocol.PriceOutOfBounds, **values):
        btc.protocol.openPositionWithToken(MAX_COST // WAD, is_long, sender=stranger)
    btc.set_answer(MAX_PRICE // 10**10)
    with reverts(btc.protocol.AmountOutOfBounds, amount=MAX_COST + WAD, max=MAX_COST):
        btc.protocol.openPositionWithToken(MAX_COST // WAD + 1, is_long, sender=stranger)
    btc.protocol.openPositionWithToken(MAX_COST // WAD, is_long, sender=stranger)
    assert held(btc, stranger).notional == MAX_COST
    audit(btc, stranger)


def test_open__oracle_answers_zero__reverts(market, trader, chain, reverts):
    chain.provider.set_code(market.oracle.address, oracle_code(0))
    with reverts(market.protocol.PriceOutOfBounds, price=0, max=MAX_PRICE):
        market.protocol.openPositionWithSize(NOTIONAL, True, sender=trader)
