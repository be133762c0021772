"""Rounds over asset-backed positions: what is to be done is done, and nothing else."""

import sqlite3

import pytest

from prep.keeper import Rules, Settings
from prep.keeper.chain import NodeError
from prep.keeper.report import Round
from prep.margin.data import CLOSED, position_hash
from prep.node import Reverted
from tests.exchange import FEE
from tests.integration.keeper.margin_stage import identity, local, move, rest, results
from tests.margin_suite import PREP, USD, WBTC, WETH
from tests.suite import WAD

DAY = 86_400
PAIR = (WETH, PREP)
SETTINGS = Settings()


@pytest.fixture
def longs(margin):
    return margin.sides["long"]


@pytest.fixture
def shorts(margin):
    return margin.sides["short"]


def against(side):
    """Percent to which a price goes that is bad for a side."""
    return 78 if side.is_long else 122


# -------------------------------------------------------------------------------------- positions


def test_look__positions_of_both_pools__are_as_the_chain_has_them(stage, margin, crowd):
    expected = []
    for number, name in enumerate(("long", "short")):
        side, trader = margin.sides[name], crowd[number]
        position = margin.typical(side, trader, PAIR)
        held = position.quote if not side.is_long else position.base
        margin.give(trader, margin.symbol(held), 10**18)
        changed = margin.change_collateral(side, trader, position, 10**15)
        expected.append((identity(side, changed), changed))
        gone = margin.typical(side, trader, (WBTC, PREP))
        margin.close(side, trader, gone)
    clerk = stage.clerk(margin.liquidator)
    snapshot = clerk.look(SETTINGS)
    found = [(str(w.id), w.position) for w in snapshot.positions]
    assert sorted(found) == sorted(expected)
    assert [w.differs for w in snapshot.positions] == ["", ""]


@pytest.mark.parametrize("pair", [(WETH, PREP), (WBTC, PREP), (WETH, USD)])
def test_work__price_against_it__is_liquidated_and_nothing_else_is(
    stage, margin, side, pair, crowd
):
    """Eight, six and eighteen decimals, with a check price and without."""
    risky = margin.typical(side, crowd[0], pair, 4)
    safe = margin.typical(side, crowd[1], pair, 2)
    other = margin.typical(side, crowd[2], (WBTC, WETH), 4)
    clerk = stage.clerk(margin.liquidator)
    assert results(stage.round(clerk)) == []
    move(margin, crowd[3], pair, against(side))
    before = margin.balance(margin.liquidator, pair[1])
    done = stage.round(clerk)
    assert results(done) == [("Seized", identity(side, risky))]
    assert (done.errors, done.margin.skipped) == ([], [])
    (seized,) = done.margin.results
    assert margin.balance(margin.liquidator, pair[1]) - before == seized.closing.fee > 0
    assert seized.closing.fee == seized.action.fee, "to the unit, as it was decided"
    assert margin.stored(side, risky.id) == CLOSED
    for position in (safe, other):
        assert margin.stored(side, position.id) == position_hash(position)
    assert results(stage.round(clerk)) == []


def test_work__interest_brings_it_to_the_threshold__is_liquidated_in_that_very_second(
    stage, margin, side, trader, crowd
):
    position = margin.typical(side, trader, PAIR, 4)
    move(margin, crowd[3], PAIR, 85 if side.is_long else 113)
    clerk = stage.clerk(margin.liquidator)
    (watched,) = clerk.look(SETTINGS).positions
    start = position.last_funding_timestamp
    held, owed_token = (PREP, WETH) if not side.is_long else (WETH, PREP)
    route = margin.exchange.route(held, FEE, owed_token)
    quoter = margin.exchange.quoter

    def distance(at):
        """Of the equity from the least margin, at the contract's rule, when interest is charged up
        to a second."""
        interest = watched.interest(at)
        owed = position.principal + interest
        if side.is_long:
            value = quoter.quote_exact_input(route, position.collateral).amount_out
            equity = value - owed
        else:
            value = quoter.quote_exact_output(route, owed).amount_in
            equity = position.collateral - value
        return equity - -(-value * 500 // 10_000)

    low, high = start, start + 3_650 * DAY
    assert distance(low + 1) > 0
    assert distance(high) <= 0
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if distance(middle) > 0 else (low, middle)
    margin.node.at(high - 1)
    assert results(stage.round(clerk)) == [], "a second before it"
    with pytest.raises(Reverted, match="NotLiquidatable"):
        margin.liquidate(side, position, watched.interest(high - 1))
    margin.node.at(high)
    assert results(stage.round(clerk)) == [("Seized", identity(side, position))]


def test_work__nothing_left__lenders_get_all_there_is(stage, margin, side, trader, crowd):
    position = margin.typical(side, trader, PAIR, 4)
    move(margin, crowd[3], PAIR, 60 if side.is_long else 140)
    clerk = stage.clerk(margin.liquidator)
    assert [s.reason for s in stage.round(clerk).margin.skipped] == ["pays 0"]
    margin.node.mine()
    done = stage.round(clerk, unpaid=True)
    assert done.margin.skipped == []
    (seized,) = done.margin.results
    assert seized.action.interest > 0
    assert seized.closing.spent == position.collateral
    assert seized.closing.bad_debt == position.principal - seized.closing.received > 0
    assert (seized.closing.fee, seized.closing.payout) == (0, 0)


def test_work__check_price_disagrees__is_left_alone_and_said(stage, margin, side, trader, crowd):
    position = margin.typical(side, trader, PAIR, 4)
    price = margin.price(PAIR)
    move(margin, crowd[3], PAIR, 75 if side.is_long else 125)
    margin.set_price(PAIR, margin.price(PAIR) * (105 if side.is_long else 95) // 100)
    done = stage.round(stage.clerk(margin.liquidator))
    assert results(done) == []
    (skipped,) = done.margin.skipped
    assert str(skipped.id) == identity(side, position)
    assert "that the check price allows" in skipped.reason
    margin.node.at(margin.time() + 60)
    with pytest.raises(Reverted, match="PriceDeviates"):
        margin.liquidate(side, position, 1)
    margin.set_price(PAIR, price)
    assert results(stage.round(stage.clerk(margin.liquidator))) == [], "far from it"


def test_work__without_the_role__does_not_liquidate(stage, margin, side, trader, stranger, crowd):
    margin.typical(side, trader, (WETH, USD), 4)
    move(margin, crowd[3], (WETH, USD), against(side))
    assert results(stage.round(stage.clerk(stranger))) == []


def test_work__dry_run__says_so_and_sends_nothing(stage, margin, side, trader, crowd):
    position = margin.typical(side, trader, PAIR, 4)
    move(margin, crowd[3], PAIR, against(side))
    done = stage.round(stage.clerk(margin.liquidator, execute=False))
    assert [str(action.id) for action in done.margin.actions] == [identity(side, position)]
    assert margin.stored(side, position.id) == position_hash(position)


def test_work__gas_costs_more_than_it_pays__is_left_alone(stage, margin, side, trader, crowd):
    margin.typical(side, trader, PAIR, 4)
    move(margin, crowd[3], PAIR, against(side))
    clerk = stage.clerk(margin.liquidator)
    done = stage.round(clerk, native_price=10**9 * WAD)
    assert results(done) == []
    assert "less gas" in done.margin.skipped[0].reason
    done = stage.round(clerk, native_price=10**9 * WAD, unpaid=True)
    assert len(results(done)) == 1


def test_work__reward_has_no_price__needs_to_be_told_to(stage, margin, side, trader, crowd):
    margin.typical(side, trader, (WETH, USD), 4)
    move(margin, crowd[3], (WETH, USD), against(side))
    clerk = stage.clerk(margin.liquidator)
    done = stage.round(clerk, native_price=WAD)
    assert results(done) == []
    assert "has no price in PREP" in done.margin.skipped[0].reason
    assert len(results(stage.round(clerk, native_price=WAD, unpaid=True))) == 1


# ------------------------------------------------------------------------------------------- marks


def test_work__anybody__marks_waits_and_liquidates_what_is_marked(
    stage, margin, side, trader, stranger, crowd
):
    position = margin.typical(side, trader, PAIR, 4)
    move(margin, crowd[3], PAIR, against(side))
    clerk = stage.clerk(stranger)
    assert results(stage.round(clerk)) == [("MarkSet", identity(side, position))]
    assert results(stage.round(clerk)) == [], "it stands, and is not good yet"
    start, _ = margin.node.read((side.address, "markOf(uint256)", position.id))[0]
    margin.node.at(start - 1)
    assert results(stage.round(clerk)) == [], "a second too early"
    margin.node.at(start)
    before = margin.balance(stranger, PREP)
    done = stage.round(clerk)
    assert results(done) == [("Seized", identity(side, position))]
    (seized,) = done.margin.results
    assert seized.action.interest is None
    assert margin.balance(stranger, PREP) - before == seized.closing.fee > 0
    assert margin.stored(side, position.id) == CLOSED


def test_work__mark_has_lapsed__marks_anew(stage, margin, side, trader, stranger, crowd):
    position = margin.typical(side, trader, PAIR, 4)
    move(margin, crowd[3], PAIR, against(side))
    clerk = stage.clerk(stranger)
    stage.round(clerk)
    _, until = margin.node.read((side.address, "markOf(uint256)", position.id))[0]
    margin.node.at(until + 1)
    assert results(stage.round(clerk)) == [("MarkSet", identity(side, position))]


def test_work__recovered__is_unmarked_only_when_told_to(
    stage, margin, side, trader, stranger, crowd
):
    position = margin.typical(side, trader, PAIR, 4)
    price = margin.price(PAIR)
    clerk = stage.clerk(stranger)
    margin.set_price(PAIR, price * against(side) // 100)
    stage.round(clerk)
    margin.set_price(PAIR, price)
    assert results(stage.round(clerk)) == []
    done = stage.round(clerk, unpaid=True)
    assert results(done) == [("MarkSet", identity(side, position))]
    assert done.margin.results[0].action.clear
    assert margin.node.read((side.address, "markOf(uint256)", position.id))[0] == (0, 0)
    assert results(stage.round(clerk, unpaid=True)) == []


# ------------------------------------------------------------------------------------------- orders


def price_times(margin, side, position, factor):
    """Quote and base amounts of a price: `factor` percent of the check price of the pair."""
    return margin.price(PAIR) * factor // 100, WAD


@pytest.mark.parametrize("take_profit", (True, False))
def test_work__order__is_executed_when_the_price_is_there(
    stage, margin, side, trader, crowd, take_profit
):
    """At 110 % of the price for what is above, at 90 % for what is below."""
    position = margin.typical(side, trader, PAIR, 3)
    above = side.is_long == take_profit
    limit = price_times(margin, side, position, 110 if above else 90)
    stage.order(side, local(trader), position, *limit, take_profit)
    clerk = stage.clerk(margin.executor)
    assert results(stage.round(clerk)) == []
    move(margin, crowd[3], PAIR, 112 if above else 88)
    before = margin.balance(trader, PREP)
    done = stage.round(clerk)
    assert results(done) == [("Executed", identity(side, position))]
    (executed,) = done.margin.results
    assert margin.balance(trader, PREP) - before == executed.closing.payout > 0
    assert margin.stored(side, position.id) == CLOSED
    assert results(stage.round(clerk)) == []


def test_work__order_of_somebody_else__is_refused_and_the_others_are_executed(
    stage, margin, side, trader, other_trader, crowd
):
    first, second = (margin.typical(side, who, PAIR, 3) for who in (trader, other_trader))
    now = price_times(margin, side, first, 100)
    take = not side.is_long  # above for longs, below for shorts: their stop-loss and take-profit
    far = (now[0] * (150 if side.is_long == take else 50) // 100, now[1])
    near = (now[0] * (50 if side.is_long == take else 150) // 100, now[1])
    stage.order(side, local(crowd[5]), first, *near, take, signer=trader.address)
    stage.order(side, local(other_trader), second, *near, take)
    rest(margin, 60)
    clerk = stage.clerk(margin.executor)
    done = stage.round(clerk)
    assert results(done) == [("Executed", identity(side, second))]
    (skipped,) = done.margin.skipped
    assert "NotOrderOfTrader" in skipped.reason
    assert margin.stored(side, first.id) == position_hash(first)
    assert far != near


def two_orders(stage, margin, side, first, second, crowd):
    """Both would be executed now, but for the first one's signature."""
    price, base = price_times(margin, side, first, 100)
    take = not side.is_long
    near = price * (50 if side.is_long == take else 150) // 100
    stage.order(side, local(crowd[5]), first, near, base, take, signer=first.trader)
    owner = next(who for who in crowd if who.address == second.trader)
    stage.order(side, local(owner), second, near + 1, base, take)
    rest(margin, 60)


def test_work__order_is_refused__another_one_of_the_position_has_its_turn(
    stage, margin, side, crowd
):
    position = margin.typical(side, crowd[0], PAIR, 3)
    two_orders(stage, margin, side, position, position, crowd)
    clerk = stage.clerk(margin.executor)
    assert "NotOrderOfTrader" in stage.round(clerk).margin.skipped[0].reason
    margin.node.mine()
    assert results(stage.round(clerk)) == [("Executed", identity(side, position))]


def test_work__refused__does_not_count_as_an_action(stage, margin, side, crowd):
    first, second = (margin.typical(side, who, PAIR, 3) for who in crowd[:2])
    two_orders(stage, margin, side, first, second, crowd)
    done = stage.round(stage.clerk(margin.executor), max_actions=1)
    assert results(done) == [("Executed", identity(side, second))]


def test_work__more_than_is_allowed_in_a_round__the_others_wait(stage, margin, side, crowd):
    """Those that are left out are in the next one."""
    positions = [margin.typical(side, who, PAIR, 4) for who in crowd[:2]]
    move(margin, crowd[3], PAIR, against(side))
    clerk = stage.clerk(margin.liquidator)
    done = stage.round(clerk, max_actions=1)
    assert len(results(done)) == 1
    assert [s.reason for s in done.margin.skipped] == ["more than 1 in one round"]
    assert len(results(stage.round(clerk, max_actions=1))) == 1
    assert [margin.stored(side, position.id) for position in positions] == 2 * [CLOSED]


def test_work__refused__is_not_tried_again_in_the_same_block(stage, margin, side, trader, crowd):
    position = margin.typical(side, trader, PAIR, 3)
    price, base = price_times(margin, side, position, 100)
    take = not side.is_long
    near = price * (50 if side.is_long == take else 150) // 100
    stage.order(side, local(crowd[5]), position, near, base, take, signer=trader.address)
    clerk = stage.clerk(margin.executor)
    asked = []
    request = stage.signed.request
    stage.signed.request = lambda *arguments: asked.append(arguments) or request(*arguments)
    for _ in range(3):
        done = stage.round(clerk)
        assert "NotOrderOfTrader" in done.margin.skipped[0].reason
    assert len(asked) == 1
    margin.node.mine()
    stage.round(clerk)
    assert len(asked) == 2


# ----------------------------------------------------------------------------------------- interest


def test_work__a_day_has_passed__interest_is_recorded_once(stage, margin, side, crowd):
    positions = [margin.typical(side, who, PAIR, 3) for who in crowd[:3]]
    other = margin.typical(side, crowd[3], (WBTC, WETH), 3)
    clerk = stage.clerk(margin.executor, Rules(record_interval=DAY, record_batch=2))
    margin.node.at(positions[0].last_funding_timestamp + DAY - 1)
    assert results(stage.round(clerk)) == [], "a second too early"
    margin.node.at(other.last_funding_timestamp + DAY)
    done = stage.round(clerk)
    assert done.errors == []
    recorded = [result.action for result in done.margin.results]
    assert sorted(map(len, (action.ids for action in recorded))) == [1, 1, 2]
    by_id = {
        str(i): amount
        for action in recorded
        for i, amount in zip(action.ids, action.interests, strict=True)
    }
    assert sorted(by_id) == sorted(identity(side, p) for p in (*positions, other))
    snapshot = clerk.look(SETTINGS)
    for watched in snapshot.positions:
        before = next(p for p in (*positions, other) if p.id == watched.position.id)
        assert watched.position.principal - before.principal == by_id[str(watched.id)] > 0
        assert watched.differs == ""
    assert results(stage.round(clerk)) == [], "not twice a day"


def test_work__one_of_several_cannot_be_charged__the_others_are(stage, margin, side, crowd):
    positions = [margin.typical(side, who, PAIR, 3) for who in crowd[:3]]
    clerk = stage.clerk(margin.executor, Rules(record_interval=DAY))
    rest(margin, 2 * DAY)
    snapshot = clerk.look(SETTINGS)
    margin.change_collateral(side, crowd[1], positions[1], _give_held(margin, side, crowd[1]))
    done = Round(True)
    clerk.act(snapshot, SETTINGS, done)
    charged = {str(i) for result in done.margin.results for i in result.action.ids}
    assert charged == {identity(side, positions[0]), identity(side, positions[2])}
    (skipped,) = done.margin.skipped
    assert (str(skipped.id), "UnknownPosition" in skipped.reason) == (
        identity(side, positions[1]),
        True,
    )


def _give_held(margin, side, who):
    """An amount of what positions hold, which its trader has then."""
    margin.give(who, side.held(PAIR), 10**15)
    return 10**15


# ---------------------------------------------------------------------------------------- the index


def test_work__after_a_restart__reads_only_what_is_new(stage, margin, side, trader, crowd):
    position = margin.typical(side, trader, PAIR, 4)
    stage.round(stage.clerk(margin.liquidator))
    clerk = stage.clerk(margin.liquidator)
    asked = []
    many = clerk.chain.many
    clerk.chain.many = lambda requests: asked.extend(requests) or many(requests)
    assert results(stage.round(clerk)) == []
    assert [method for method, _ in asked if method == "eth_getLogs"] == []
    move(margin, crowd[3], PAIR, against(side))
    assert results(stage.round(clerk)) == [("Seized", identity(side, position))]
    asked = [method for method, _ in asked]
    assert "eth_getLogs" in asked


def test_work__chain_replaces_its_blocks__follows_it(stage, margin, side, crowd, isolated):
    """A liquidation is undone with the block that it was in, another position takes its place."""
    first = margin.typical(side, crowd[0], PAIR, 4)
    clerk = stage.clerk(margin.liquidator)
    assert results(stage.round(clerk)) == []
    with isolated():
        move(margin, crowd[3], PAIR, against(side))
        doomed = margin.typical(side, crowd[1], (WBTC, PREP), 4)
        assert results(stage.round(clerk)) == [("Seized", identity(side, first))]
        found = [w.position for w in clerk.look(SETTINGS).positions]
        assert found == [doomed]
    rest(margin, 100)
    second = margin.typical(side, crowd[2], (WBTC, WETH), 4)
    found = [w.position for w in clerk.look(SETTINGS).positions]
    assert sorted(found) == sorted((first, second))
    assert [w.differs for w in clerk.look(SETTINGS).positions] == ["", ""]
    move(margin, crowd[3], PAIR, against(side))
    assert results(stage.round(clerk)) == [("Seized", identity(side, first))]


def test_work__index_is_wrong_about_a_position__says_so_and_leaves_it_alone(
    stage, margin, side, trader, crowd
):
    position = margin.typical(side, trader, PAIR, 4)
    clerk = stage.clerk(margin.liquidator)
    stage.round(clerk)
    with sqlite3.connect(stage.folder / "positions.sqlite") as database:
        database.execute("UPDATE margin_versions SET collateral = '1'")
    move(margin, crowd[3], PAIR, against(side))
    done = stage.round(clerk)
    assert [str(i) for i in done.margin.snapshot.differing] == [identity(side, position)]
    assert (results(done), done.margin.actions) == ([], [])
    assert margin.stored(side, position.id) == position_hash(position)


def test_look__block_is_replaced_while_it_is_read__blames_the_node_and_not_the_index(
    stage, margin, side, trader
):
    margin.typical(side, trader, PAIR, 4)
    clerk = stage.clerk(margin.liquidator)
    stage.round(clerk)
    with sqlite3.connect(stage.folder / "positions.sqlite") as database:
        database.execute("UPDATE margin_versions SET collateral = '1'")
    assert [w.differs == "" for w in clerk.look(SETTINGS).positions] == [False]
    clerk.chain.block_hash = lambda number: "0x" + 64 * "1"
    with pytest.raises(NodeError, match="was replaced"):
        clerk.look(SETTINGS)
