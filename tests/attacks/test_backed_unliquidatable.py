"""Attack: a position that should be liquidated and cannot be.

Liquidations have to work when they are due (R4): what stands in their way is the lenders' loss.
"""

import pytest

from prep.exchange.calldata import EXACT_INPUT_SINGLE
from prep.exchange.contracts import ROUTER, unrecorded
from prep.margin.data import CLOSED, position_hash
from prep.node import Reverted
from tests.attacks.backed import check_books, ether, leave_ether, refused, take_ether
from tests.attacks.backed_acts import PAIR
from tests.integration.keeper.margin_stage import Stage, identity, results
from tests.margin_suite import FUNCTIONS, PREP, WBTC, WETH, _plain
from tests.suite import WAD


def test_liquidate__position_larger_than_the_market__possible_in_parts(
    margin, pool, rogue, accomplice
):
    """Opened little by little, with time for the market to come back in between: each swap is
    within the deviation. All of it at once is not, neither for the liquidator nor, once it is
    marked, for anybody else. The liquidator takes it apart as it was put together."""
    market = margin.markets[PAIR]
    start = margin.exchange.pools.sqrt_price(market)
    position = margin.typical(pool, rogue, PAIR, 4)
    down = margin.units(PREP, 70_000)
    for _ in range(7):
        margin.node.at(margin.time() + 60)
        margin.node.mine()
        principal = down * 3 if pool.is_long else down * 3 * WAD // margin.price(PAIR)
        request = margin.increase_request(pool, position, down, principal, interest=1)
        margin.give(rogue, PREP, down)
        args = request, margin.signed(pool, request), position
        position = margin.after(margin.do(rogue, pool, "increase", *args), "PositionIncreased")
        margin.exchange.move(accomplice, market, start)
    margin.move_market(accomplice, PAIR, 80 if pool.is_long else 127)
    equity, least = margin.health(pool, position)
    assert equity <= least
    assert refusals_of_the_whole(margin, pool, position, accomplice) == 2 * ["PriceDeviates"]

    market_price = margin.exchange.pools.sqrt_price(market)
    parts = 0
    while position.collateral:
        margin.node.at(margin.time() + 60)
        margin.node.mine()
        amount = position.collateral // max(1, 8 - parts)
        data = margin.closing_swap(pool, position, amount, 1)
        args = position, amount, 1, margin.router, data
        logs = margin.do(margin.liquidator, pool, "liquidate_part", *args)
        position = margin.after(logs, "PositionLiquidated")
        parts += 1
        margin.exchange.move(accomplice, market, market_price)
    assert parts == 8
    assert margin.stored(pool, position.id) == CLOSED, "A3"
    check_books(margin)


def refusals_of_the_whole(margin, pool, position, who):
    """By the liquidator, and by anybody once it is marked."""
    margin.node.at(margin.time() + 60)
    margin.node.mine()
    margin.do(who, pool, "mark", position)
    margin.node.at(margin.time() + 3_601)
    margin.node.mine()
    refusals = []
    for kind in ("liquidate", "liquidate_marked"):
        interest = (margin.max_interest(pool, position),) if kind == "liquidate" else ()
        data = margin.seizing_swap(pool, position, 10**18)
        args = position, *interest, margin.router, data
        try:
            margin.node.simulate(
                margin.liquidator.address, pool.address, FUNCTIONS[kind], *map(_plain, args)
            )
        except Reverted as refusal:
            refusals.append(refusal.name)
    return refusals


@pytest.fixture
def at_risk(margin, pool, rogue, accomplice):
    """A position that holds wrapped ether, within its threshold: a long on it, or a short whose
    proceeds are in it."""
    pair = PAIR if pool.is_long else (WBTC, WETH)
    position = margin.typical(pool, rogue, pair, 4)
    margin.node.at(margin.time() + 60)
    margin.node.mine()
    margin.move_market(accomplice, pair, 78 if pool.is_long else 122)
    return position


def refusal_of(margin, pool, position):
    """Of a liquidation at the highest interest, with its values; nothing is changed by it."""
    stored = margin.stored(pool, position.id)
    interest = margin.max_interest(pool, position)
    with pytest.raises(Reverted) as raised:
        margin.liquidate(pool, position, interest)
    assert margin.stored(pool, position.id) == stored == position_hash(position)
    check_books(margin)
    return raised.value.name, raised.value.args_


def test_ether_left_in_the_router__liquidation_is_refused_by_name_and_nothing_is_lost(
    margin, pool, at_risk, accomplice
):
    """The router pays with it instead of what the position holds, as long as there is enough: a
    long has not sold what it must, and to a short the tokens seem to be a gift."""
    leave_ether(margin, accomplice, at_risk.collateral)
    expected = {
        True: ("WrongAmountSpent", (0, at_risk.collateral)),
        False: ("NotLiquidatable", (at_risk.collateral, 0)),
    }
    assert refusal_of(margin, pool, at_risk) == expected[pool.is_long]


def test_ether_left_in_the_router__whoever_left_it_loses_it_to_the_first_comer(
    margin, pool, at_risk, accomplice, stranger
):
    leave_ether(margin, accomplice, at_risk.collateral)
    before = ether(margin, stranger)
    take_ether(margin, stranger)
    assert ether(margin, stranger) - before == at_risk.collateral
    before = ether(margin, accomplice)
    take_ether(margin, accomplice)
    assert ether(margin, accomplice) == before, "nothing is left for who has left it"
    margin.liquidate(pool, at_risk)
    assert margin.stored(pool, at_risk.id) == CLOSED
    check_books(margin)


def test_ether_left_in_the_router__keeper_takes_it_and_liquidates_all_the_same(
    margin, pool, at_risk, accomplice, project, tmp_path
):
    stage = Stage(project, margin, tmp_path)
    leave_ether(margin, accomplice, at_risk.collateral)
    before = ether(margin, margin.liquidator)
    done = stage.round(stage.clerk(margin.liquidator))
    of = identity(pool, at_risk)
    assert results(done) == [("EtherTaken", of), ("Seized", of)]
    assert ether(margin, margin.liquidator) - before + done.gas_spent == at_risk.collateral
    assert margin.stored(pool, at_risk.id) == CLOSED
    check_books(margin)


def test_long__ether_left_in_the_router__exit_pays_out_what_is_not_sold(margin, rogue, accomplice):
    """The debt is paid with somebody else's ether: the collateral is the trader's."""
    pool = margin.sides["long"]
    position = margin.typical(pool, rogue, PAIR, 4)
    leave_ether(margin, accomplice, position.collateral)
    data = margin.closing_swap(pool, position, position.collateral, 0)
    margin.do(rogue, pool, "exit", position, margin.router, data, 0, 0)
    assert margin.balance(rogue, WETH) == position.collateral
    assert margin.stored(pool, position.id) == CLOSED
    check_books(margin)


def test_long__a_wei_less_than_the_whole_left_in_the_router__changes_nothing(
    margin, rogue, accomplice
):
    pool = margin.sides["long"]
    position = margin.typical(pool, rogue, PAIR, 4)
    margin.node.at(margin.time() + 60)
    margin.node.mine()
    margin.move_market(accomplice, PAIR, 78)
    leave_ether(margin, accomplice, position.collateral - 1)
    margin.liquidate(pool, position)
    assert margin.stored(pool, position.id) == CLOSED
    assert ether(margin, margin.router) == position.collateral - 1
    check_books(margin)


def test_long__router_with_a_wrapped_ether_of_its_own__ether_in_it_changes_nothing(
    margin, project, rogue, accomplice
):
    """The way out for who deploys: a router over the same exchange that takes no token that is
    traded for ether pays with what the pool gives it."""
    pool = margin.sides["long"]
    create = unrecorded(project, margin.admin)
    own = create("", ROUTER, margin.exchange.pools.contracts.factory, rogue.address).address
    allow = "setRouter(address,bytes4,bool)"
    margin.send(margin.admin, pool, allow, own, EXACT_INPUT_SINGLE, True)
    position = margin.typical(pool, rogue, PAIR, 4)
    margin.node.at(margin.time() + 60)
    margin.node.mine()
    margin.move_market(accomplice, PAIR, 78)
    leave_ether(margin, accomplice, position.collateral, own)
    interest = margin.max_interest(pool, position)
    data = margin.seizing_swap(pool, position, interest)
    margin.do(margin.liquidator, pool, "liquidate", position, interest, own, data)
    assert margin.stored(pool, position.id) == CLOSED
    check_books(margin)


def test_liquidate__trader_with_signed_requests__dodges_once_for_each(margin, pool, rogue, acts):
    """Whoever sees a liquidation coming and holds a signature changes his position by a unit
    first, and the liquidation is of a state that is gone. Each dodge needs its own signature, for
    the state that the last one left: who signs for positions within the threshold helps him."""
    position = margin.typical(pool, rogue, PAIR, 4)
    margin.give(rogue, pool.held(PAIR), 10)
    price = margin.price(PAIR)
    margin.set_price(PAIR, price * (76 if pool.is_long else 124) // 100)
    for _ in range(3):
        acts.wait()
        stale, position = position, margin.change_collateral(pool, rogue, position, 1)
        data = margin.seizing_swap(pool, stale, 1)
        with refused("UnknownPosition"):
            margin.do(margin.liquidator, pool, "liquidate", stale, 1, margin.router, data)
    # Without a signature for this state he stays.
    acts.wait()
    request = margin.collateral_request(stale, 1)
    with refused("WrongPosition", position.id, position.nonce, stale.id, stale.nonce):
        margin.do(rogue, pool, "add", request, margin.signed(pool, request), position)
    margin.move_market(margin.lender, PAIR, 76 if pool.is_long else 124)
    margin.set_price(PAIR, price * (76 if pool.is_long else 124) // 100)
    margin.liquidate(pool, position, 1)
    assert margin.stored(pool, position.id) == CLOSED
    check_books(margin)
