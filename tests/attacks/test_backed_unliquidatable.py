"""Attack: a position that should be liquidated and cannot be.

Liquidations have to work when they are due (R4): what stands in their way is the lenders' loss.
"""

import pytest
from eth_utils import function_signature_to_4byte_selector as selector_of

from prep.exchange.calldata import EXACT_INPUT_SINGLE
from prep.exchange.contracts import ROUTER, unrecorded
from prep.margin.data import CLOSED
from prep.node import Reverted
from tests.attacks.backed import check_books, refused
from tests.attacks.backed_acts import PAIR
from tests.margin_suite import FUNCTIONS, PREP, WETH, _plain
from tests.suite import WAD


@pytest.mark.xfail(
    strict=True,
    reason="the whole position goes through one swap, which deviates by more than is allowed",
)
def test_liquidate__position_larger_than_the_market__possible_in_parts(
    margin, pool, rogue, accomplice
):
    """Opened little by little, with time for the market to come back in between: each swap is
    within the deviation. All of it at once is not, and so nobody liquidates it: neither the
    liquidator nor, once it is marked, anybody else. The trader closes in parts, if he wins."""
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
    assert_all_in_one(margin, pool, position, accomplice)


def assert_all_in_one(margin, pool, position, accomplice):
    margin.move_market(accomplice, PAIR, 80 if pool.is_long else 127)
    equity, least = margin.health(pool, position)
    assert equity <= least
    margin.node.at(margin.time() + 60)
    margin.node.mine()
    margin.do(accomplice, pool, "mark", position)
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
    assert not refusals, f"R4: {refusals}"


def leave_ether(margin, who, amount, router=None) -> None:
    """In the exchange's router, which pays with it instead of the caller's wrapped ether. Whoever
    comes next can take it away again: in the same block nobody else does."""
    call = selector_of("multicall(bytes[])") + (32).to_bytes(32) + bytes(32)
    margin.node.execute_data(who.address, router or margin.router, "0x" + call.hex(), amount)


def take_ether_back(margin, who) -> None:
    margin.node.execute_data(who.address, margin.router, "0x" + selector_of("refundETH()").hex())


@pytest.mark.xfail(
    strict=True, reason="the router spends its own ether, and nothing of the position's"
)
def test_long__ether_left_in_the_router__liquidated_all_the_same(margin, rogue, accomplice):
    """A long on ether is closed by selling ether: a router that has as much of its own pays with
    that. A trader who sees his liquidation coming leaves it there and takes it back after, and so
    does whoever does not want another one to leave."""
    pool = margin.sides["long"]
    position = margin.typical(pool, rogue, PAIR, 4)
    margin.node.at(margin.time() + 60)
    margin.node.mine()
    margin.move_market(accomplice, PAIR, 78)
    margin.node.rpc("anvil_setBalance", accomplice.address, hex(10**30))
    leave_ether(margin, accomplice, position.collateral)
    try:
        margin.liquidate(pool, position)
    finally:
        take_ether_back(margin, accomplice)
    assert margin.stored(pool, position.id) == CLOSED


def test_long__ether_left_in_the_router__exit_pays_out_what_is_not_sold(margin, rogue, accomplice):
    """The debt is paid with somebody else's ether: the collateral is the trader's."""
    pool = margin.sides["long"]
    position = margin.typical(pool, rogue, PAIR, 4)
    margin.node.rpc("anvil_setBalance", accomplice.address, hex(10**30))
    leave_ether(margin, accomplice, position.collateral)
    data = margin.closing_swap(pool, position, position.collateral, 0)
    margin.do(rogue, pool, "exit", position, margin.router, data, 0, 0)
    assert margin.balance(rogue, WETH) == position.collateral
    assert margin.stored(pool, position.id) == CLOSED
    check_books(margin)


def test_long__ether_left_in_the_router__whoever_takes_it_away_first_closes(
    margin, rogue, accomplice, stranger
):
    """The way out as it is: the ether is anybody's, in the same transaction even."""
    pool = margin.sides["long"]
    position = margin.typical(pool, rogue, PAIR, 4)
    margin.node.at(margin.time() + 60)
    margin.node.mine()
    margin.move_market(accomplice, PAIR, 78)
    margin.node.rpc("anvil_setBalance", accomplice.address, hex(10**30))
    leave_ether(margin, accomplice, position.collateral - 1)
    assert_liquidatable(margin, pool, position)
    take_ether_back(margin, stranger)
    margin.liquidate(pool, position)
    check_books(margin)


def assert_liquidatable(margin, pool, position):
    """A unit less than the whole does not help it."""
    interest = margin.max_interest(pool, position)
    args = position, interest, margin.router, margin.seizing_swap(pool, position, interest)
    margin.node.simulate(
        margin.liquidator.address, pool.address, FUNCTIONS["liquidate"], *map(_plain, args)
    )


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
    margin.node.rpc("anvil_setBalance", accomplice.address, hex(10**30))
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
