"""Positions that the exchange does not take at once: the keeper liquidates them in parts, over a
real exchange, until nothing is left."""

import pytest

from prep.keeper import Settings
from prep.keeper.margin.seize import BETWEEN, HALVINGS
from prep.margin.data import CLOSED, position_hash
from prep.quotes.swaps import EXACT_INPUT, EXACT_OUTPUT
from tests.attacks.backed import check_books
from tests.integration.keeper.margin_stage import identity, move, rest, results
from tests.margin_suite import PREP, USD, WETH
from tests.suite import WAD

PAIR, UNCHECKED = (WETH, PREP), (WETH, USD)
SETTINGS = Settings()


@pytest.fixture
def grown(margin, side, trader, crowd):
    """Opened little by little, with time for the market to come back in between: more than the
    exchange takes at once within the deviation."""
    market = margin.markets[PAIR]
    start = margin.exchange.pools.sqrt_price(market)
    position = margin.typical(side, trader, PAIR, 4)
    down = margin.units(PREP, 70_000)
    for _ in range(7):
        rest(margin, 60)
        principal = down * 3 if side.is_long else down * 3 * WAD // margin.price(PAIR)
        request = margin.increase_request(side, position, down, principal, interest=1)
        margin.give(trader, PREP, down)
        args = request, margin.signed(side, request), position
        position = margin.after(margin.do(trader, side, "increase", *args), "PositionIncreased")
        margin.exchange.move(crowd[4], market, start)
    return position


@pytest.fixture
def unhealthy(margin, side, grown, crowd):
    """The same once the price has moved against it."""
    move(margin, crowd[3], PAIR, 80 if side.is_long else 127)
    return grown


def liquidate_until_closed(stage, side, position, pair, who):
    """The amounts of the rounds. After each the market comes back."""
    margin = stage.margin
    market = margin.markets[pair]
    price = margin.exchange.pools.sqrt_price(market)
    clerk = stage.clerk(margin.liquidator)
    amounts = []
    while margin.stored(side, position.id) != CLOSED:
        before = margin.balance(margin.liquidator, pair[1])
        done = stage.round(clerk)
        assert results(done) == [("Seized", identity(side, position))]
        assert (done.errors, done.margin.skipped) == ([], [])
        (seized,) = done.margin.results
        amounts.append(seized.action.amount)
        assert seized.closing.amount == seized.action.amount
        assert seized.closing.fee == seized.action.fee > 0, "to the unit, as it was decided"
        assert margin.balance(margin.liquidator, pair[1]) - before == seized.closing.fee
        assert seized.closing.bad_debt == 0
        assert seized.action.left == position.collateral - sum(amounts)
        assert len(amounts) < 20
        margin.exchange.move(who, market, price)
        rest(margin, 60)
    assert results(stage.round(clerk)) == []
    return amounts


def test_work__larger_than_the_market__is_liquidated_in_parts_until_it_is_closed(
    stage, margin, side, unhealthy, crowd
):
    amounts = liquidate_until_closed(stage, side, unhealthy, PAIR, crowd[4])
    assert sum(amounts) == unhealthy.collateral
    assert len(amounts) > 2
    check_books(margin)


def test_work__market_does_not_come_back__stops_where_the_check_price_does(
    stage, margin, side, unhealthy
):
    clerk = stage.clerk(margin.liquidator)
    left = unhealthy.collateral
    while results(done := stage.round(clerk)):
        (seized,) = done.margin.results
        left = seized.action.left
        rest(margin, 60)
    assert 0 < left < unhealthy.collateral
    (skipped,) = done.margin.skipped
    assert str(skipped.id) == identity(side, unhealthy)
    assert "that the check price allows; nor can a part be liquidated" in skipped.reason
    (watched,) = done.margin.snapshot.positions
    assert watched.position.collateral == left
    assert margin.stored(side, unhealthy.id) == position_hash(watched.position)
    check_books(margin)


def test_work__whole_would_pay_nothing__parts_of_it_pay(stage, margin, side, trader, crowd):
    """Without a check price: all at once would move the price so far that lenders would lose."""
    market = margin.markets[UNCHECKED]
    start = margin.exchange.pools.sqrt_price(market)
    down = margin.units(USD, 240_000)
    principal = down * 4 if side.is_long else margin.units(WETH, 480)
    position = margin.open(side, trader, UNCHECKED, down, principal)
    margin.exchange.move(crowd[4], market, start)
    move(margin, crowd[3], UNCHECKED, 89 if side.is_long else 114)
    whole = stage.clerk(margin.liquidator).look(SETTINGS).positions[0].whole
    if side.is_long:
        assert whole.sale.amount_out < position.principal
    else:
        assert whole.purchase.amount_in > position.collateral
    amounts = liquidate_until_closed(stage, side, position, UNCHECKED, crowd[4])
    assert sum(amounts) == position.collateral
    assert len(amounts) > 1
    check_books(margin)


def test_work__dry_run__says_which_part_and_sends_nothing(stage, margin, side, unhealthy):
    done = stage.round(stage.clerk(margin.liquidator, execute=False))
    (action,) = done.margin.actions
    assert 0 < action.amount < unhealthy.collateral
    assert action.left == unhealthy.collateral - action.amount
    assert margin.stored(side, unhealthy.id) == position_hash(unhealthy)


def test_work__part_does_not_earn_its_gas__is_left_alone(stage, margin, unhealthy):
    clerk = stage.clerk(margin.liquidator)
    done = stage.round(clerk, native_price=10**9 * WAD)
    assert results(done) == []
    assert "less gas" in done.margin.skipped[0].reason
    assert len(results(stage.round(clerk, native_price=10**9 * WAD, unpaid=True))) == 1


def quotes_of(clerk):
    """How many the quoter is asked for in a look."""
    asked = []
    many = clerk.chain.many
    clerk.chain.many = lambda requests: asked.extend(requests) or many(requests)
    clerk.look(SETTINGS)
    selectors = tuple("0x" + f.selector.hex() for f in (EXACT_INPUT, EXACT_OUTPUT))
    return sum(
        params[0]["data"].startswith(selectors) for method, params in asked if method == "eth_call"
    )


def test_look__parts__so_many_quotes_and_no_more(stage, margin, side, grown, crowd):
    clerk = stage.clerk(margin.liquidator)
    assert quotes_of(clerk) == 0, "healthy at any price that is allowed"
    move(margin, crowd[3], PAIR, 80 if side.is_long else 127)
    of_each = 1 if side.is_long else 2
    assert quotes_of(clerk) == of_each * (1 + HALVINGS + 1 + BETWEEN)


def test_look__without_the_role__asks_for_no_parts(stage, margin, side, unhealthy, stranger):
    """Whoever liquidates what is marked liquidates the whole."""
    clerk = stage.clerk(stranger)
    assert results(stage.round(clerk)) == [("MarkSet", identity(side, unhealthy))]
    start, _ = margin.node.read((side.address, "markOf(uint256)", unhealthy.id))[0]
    margin.node.at(start)
    margin.node.mine()
    done = stage.round(clerk)
    (skipped,) = done.margin.skipped
    assert skipped.reason.endswith("that the check price allows")
    assert quotes_of(clerk) == (1 if side.is_long else 3)


def test_work__whole_pays__no_part_is_asked_for(stage, margin, side, trader, crowd):
    position = margin.typical(side, trader, PAIR, 4)
    move(margin, crowd[3], PAIR, 78 if side.is_long else 122)
    clerk = stage.clerk(margin.liquidator)
    assert quotes_of(clerk) == (1 if side.is_long else 2)
    done = stage.round(clerk)
    assert [result.action.left for result in done.margin.results] == [0]
    assert margin.stored(side, position.id) == CLOSED
