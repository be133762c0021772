"""Attack: an allowed router that is hostile, and calls of what is not a router.

Whatever a router does, only what it took and brought counts (A1), it can take what a swap is given
and nothing after it (A4), lenders get back what was not spent (A2), and nothing of a pool can be
entered while it runs.
"""

import pytest
from eth_utils import function_signature_to_4byte_selector as selector_of

from prep.exchange.calldata import SELECTORS
from prep.node import Reverted
from tests.attacks.backed import (
    BPS,
    SWAP,
    check_books,
    highest_cost,
    least_proceeds,
    lent,
    refused,
)
from tests.attacks.backed_acts import DOWN, PAIR, fair, open_at, principal_of
from tests.margin_suite import (
    DEVIATION,
    PREP,
    WBTC,
    WETH,
)
from tests.suite import UNLIMITED, WAD

# --------------------------------------------------------------------------- what it takes, gives


def test_swap__takes_all_and_gives_nothing__refused(margin, pool, hostile, rogue):
    given, _ = fair(pool)
    price = margin.price(PAIR)
    hostile.arm(hostile.take(pool, pool.owed(PAIR), given))
    with refused("OutputTooLow", 0, 1):
        open_at(margin, pool, hostile, rogue, min_output=1)
    # Who demands nothing is still held to the check price, and a position to having something.
    error = ("ZeroAmount",)
    if not pool.is_long:
        margin.give(rogue, PREP, DOWN)
        error = ("PriceDeviates", 0, least_proceeds(given, price, DEVIATION))
    with refused(*error):
        open_at(margin, pool, hostile, rogue)


def test_swap__gives_a_unit_less_than_the_minimum__refused(margin, pool, hostile, rogue):
    given, brought = fair(pool)
    sold, bought = pool.owed(PAIR), pool.held(PAIR)
    hostile.trade(pool, sold, given, bought, brought - 1)
    with refused("OutputTooLow", brought - 1, brought):
        open_at(margin, pool, hostile, rogue, min_output=brought)
    hostile.trade(pool, sold, given, bought, brought)
    open_at(margin, pool, hostile, rogue, min_output=brought)
    check_books(margin)


def test_swap__a_unit_beyond_the_deviation__refused(margin, pool, hostile, rogue):
    """The check price holds the router too, to the unit."""
    given, _ = fair(pool)
    sold, bought = pool.owed(PAIR), pool.held(PAIR)
    price = margin.price(PAIR)
    if pool.is_long:
        # The least ether whose highest cost is what is paid.
        worst = -(-given * BPS // (BPS + DEVIATION)) * WAD // price
        while highest_cost(worst, price, DEVIATION) < given:
            worst += 1
        limits = given, highest_cost(worst - 1, price, DEVIATION)
    else:
        worst = least_proceeds(given, price, DEVIATION)
        limits = worst - 1, worst
    hostile.trade(pool, sold, given, bought, worst - 1)
    with refused("PriceDeviates", *limits):
        open_at(margin, pool, hostile, rogue)
    hostile.trade(pool, sold, given, bought, worst)
    open_at(margin, pool, hostile, rogue)
    check_books(margin)


@pytest.mark.parametrize("share", [0, 1, 4, 6, 9])
def test_swap__takes_less__the_rest_goes_to_the_lenders_first(margin, pool, hostile, rogue, share):
    """Tenths of what it was given: lenders get back up to what they lent, then the trader."""
    given, brought = fair(pool)
    sold, bought = pool.owed(PAIR), pool.held(PAIR)
    spent, received = given * share // 10, brought * share // 10
    before = lent(margin, sold)
    if share == 0 and pool.is_long:
        hostile.arm()
        with refused("ZeroAmount"):
            open_at(margin, pool, hostile, rogue)
        return
    hostile.trade(pool, sold, spent, bought, received)
    unused = given - spent
    principal = principal_of(pool)
    returned = min(unused, principal)
    log = open_at(margin, pool, hostile, rogue)
    _, _, position, down, borrowed, _, was_spent, was_received = log.args
    assert (down, was_spent, was_received) == (DOWN, spent, received)
    assert borrowed == position[4] == principal - returned, "A2"
    assert position[5] == (received if pool.is_long else received + DOWN)
    # The trader's rest: of a long's down payment.
    assert margin.balance(rogue, sold) == unused - returned
    assert lent(margin, sold) == before
    check_books(margin)


def test_swap__gives_the_input_back__nothing_was_spent(margin, pool, hostile, rogue, acts):
    """An increase then adds nothing but what a short's down payment is."""
    position = acts.act("open", rogue, acts.request("open", rogue))
    sold = pool.owed(PAIR)
    given, _ = fair(pool)
    hostile.arm(hostile.take(pool, sold, given), hostile.give(pool, sold, given))
    request = acts.request("increase", rogue, position, **hostile.route)
    after = acts.act("increase", rogue, request, position)
    assert after.principal == position.principal + request.interest
    added = 0 if pool.is_long else request.down_payment
    assert after.collateral == position.collateral + added
    check_books(margin)


def test_swap__output_to_somebody_else__received_by_nobody(
    margin, pool, hostile, rogue, accomplice
):
    given, brought = fair(pool)
    sold, bought = pool.owed(PAIR), pool.held(PAIR)
    hostile.fund(bought, brought)
    hostile.arm(hostile.take(pool, sold, given), hostile.give(accomplice, bought, brought))
    with refused("OutputTooLow", 0, brought):
        open_at(margin, pool, hostile, rogue, min_output=brought)


def test_swap__takes_more_than_it_is_given__cannot(margin, pool, hostile, rogue, victim):
    """The pool holds more of the token: of other positions, even of the same trade's fee."""
    sold, bought = pool.owed(PAIR), pool.held(PAIR)
    # A position that holds what is sold here: of the reversed interest, in the same pool.
    pair = (WBTC, WETH) if sold == WETH and not pool.is_long else None
    if pair:
        margin.typical(pool, victim, pair, 2)
        assert margin.balance(pool.address, sold) > 0
    given, brought = fair(pool)
    hostile.fund(bought, brought)
    hostile.arm(
        hostile.take(pool, sold, given),
        hostile.take(pool, sold, 1),
        hostile.give(pool, bought, brought),
    )
    open_at(margin, pool, hostile, rogue, min_output=brought)
    assert [ok for ok, _ in hostile.answers()] == [True, False, True], "A4"
    check_books(margin)


# --------------------------------------------------------------------------------------- allowances


def test_allowance__not_used_up__void_after_the_swap(margin, pool, hostile, rogue, accomplice):
    """Neither later in the transaction, nor in a later one, nor while another trader swaps."""
    given, brought = fair(pool)
    sold, bought = pool.owed(PAIR), pool.held(PAIR)
    hostile.trade(pool, sold, given // 2, bought, brought // 2)
    open_at(margin, pool, hostile, rogue)
    assert allowance(margin, pool, hostile, sold) == 0, "A4"
    transfer = "transferFrom(address,address,uint256)"
    for symbol, token in margin.tokens.items():
        if margin.balance(pool.address, symbol) == 0:
            continue
        with pytest.raises(Reverted):
            hostile.run(token, transfer, pool.address, hostile.address, 1)
    # Another trader's swap of another token: it takes that one, and tries the first one's.
    margin.give(accomplice, PREP, DOWN)
    other = "short" if pool.is_long else "long"
    side = margin.sides[other]
    sells, buys = side.owed(PAIR), side.held(PAIR)
    amounts = fair(side)
    hostile.fund(buys, amounts[1])
    hostile.arm(
        hostile.take(side, sells, amounts[0]),
        hostile.take(pool, sold, 1),
        hostile.take(pool, bought, 1),
        hostile.take(side, buys, 1),
        hostile.give(side, buys, amounts[1]),
    )
    open_at(margin, side, hostile, accomplice)
    assert [ok for ok, _ in hostile.answers()] == [True, False, False, False, True]
    check_books(margin)


def allowance(margin, pool, hostile, symbol):
    call = margin.tokens[symbol].address, "allowance(address,address)"
    return margin.node.read((*call, pool.address, hostile.address))[0]


def test_allowance__of_a_refused_swap__none(margin, pool, hostile, rogue):
    hostile.arm()
    with refused("OutputTooLow", 0, 1):
        open_at(margin, pool, hostile, rogue, min_output=1)
    for symbol in margin.tokens:
        assert allowance(margin, pool, hostile, symbol) == 0


# ---------------------------------------------------------------------------------------- donations


@pytest.mark.parametrize("symbol", [WETH, PREP])
def test_donation__before_a_swap__counts_for_nobody(margin, pool, hostile, rogue, symbol):
    """Tokens that lie in a pool change no swap, no position and no debt."""
    given, brought = fair(pool)
    donation = margin.units(symbol, 7)
    hostile.fund(symbol, donation)
    hostile.run(margin.tokens[symbol], "transfer(address,uint256)", pool.address, donation)
    hostile.trade(pool, pool.owed(PAIR), given, pool.held(PAIR), brought)
    log = open_at(margin, pool, hostile, rogue)
    assert log.args[-2:] == (given, brought)
    name = "long" if pool.is_long else "short"
    check_books(margin, {(name, symbol): donation})


def test_donation__of_the_output_while_swapping__is_output(margin, pool, hostile, rogue):
    """Who adds to what a swap brings has given it to the position: he gains no more than that.
    A short's sale can be made to look better so, by real tokens that then are its collateral."""
    given, brought = fair(pool)
    gift = brought
    hostile.trade(pool, pool.owed(PAIR), given, pool.held(PAIR), brought)
    hostile.fund(pool.held(PAIR), brought + gift)
    hostile.arm(
        hostile.take(pool, pool.owed(PAIR), given),
        hostile.give(pool, pool.held(PAIR), brought),
        hostile.give(pool, pool.held(PAIR), gift),
    )
    log = open_at(margin, pool, hostile, rogue)
    position = log.args[2]
    down = 0 if pool.is_long else DOWN
    assert position[5] == brought + gift + down
    assert position[4] == principal_of(pool)
    check_books(margin)


def test_donation__of_the_input_while_swapping__nothing_was_spent(margin, pool, hostile, rogue):
    """More than was given lies in the pool after the swap: what is beyond is nobody's."""
    _, brought = fair(pool)
    sold, bought = pool.owed(PAIR), pool.held(PAIR)
    hostile.fund(sold, 5)
    hostile.fund(bought, brought)
    hostile.arm(hostile.give(pool, sold, 5), hostile.give(pool, bought, brought))
    log = open_at(margin, pool, hostile, rogue)
    position, borrowed, spent = log.args[2], log.args[4], log.args[6]
    assert (position[4], borrowed, spent) == (0, 0, 0)
    name = "long" if pool.is_long else "short"
    check_books(margin, {(name, sold): 5})


# ------------------------------------------------------------------------------------- not a router


def targets(margin, pool, hostile) -> dict:
    """What somebody might want a pool to call: with its own rights."""
    token = margin.tokens[PREP].address
    vault = margin.lending[PREP].address

    def call(signature, *args):
        return bytes.fromhex(margin.node._data(signature, args)[2:])

    transfer = call("transfer(address,uint256)", hostile.address, 1)
    approve = call("approve(address,uint256)", hostile.address, UNLIMITED)
    return {
        "token": (token, transfer),
        "approval": (token, approve),
        "lending vault": (vault, call("borrow(uint256,address)", 1, hostile.address)),
        "write-off": (vault, call("writeOff(uint256)", 1)),
        "the pool": (pool.address, call("claim(address,address)", token, hostile.address)),
        "authority": (margin.authority.address, b"\x12\x34\x56\x78"),
        "another function": (hostile.address, selector_of("answers()")),
        "nothing": (hostile.address, b""),
        "too short": (hostile.address, SWAP[:3]),
        "multicall": (margin.router, call("multicall(bytes[])", [])),
        "sweep": (margin.router, call("sweepToken(address,uint256,address)", token, 0, token)),
    }


@pytest.mark.parametrize(
    "what",
    (
        *("token", "approval", "lending vault", "write-off", "the pool", "authority"),
        *("another function", "nothing", "too short", "multicall", "sweep"),
    ),
)
def test_swap__calls_something_else__refused(margin, pool, hostile, rogue, acts, what):
    """Signed by an order signer, all the same."""
    position = acts.act("open", rogue, acts.request("open", rogue))
    router, data = targets(margin, pool, hostile)[what]
    error = ("SwapNotAllowed", router, data[:4].ljust(4, b"\0"))
    for kind in ("open", "increase", "close"):
        request = acts.request(kind, rogue, position, router=router, data=data)
        with refused(*error):
            acts.act(kind, rogue, request, position)
    with refused(*error):
        margin.do(rogue, pool, "exit", position, router, data, 0, 0)
    with refused(*error):
        margin.do(margin.liquidator, pool, "liquidate", position, 1, router, data)
    with refused(*error):
        request = acts.whole(position, router=router, data=data)
        acts.execute(acts.order(position), rogue, position, request)


def test_router__no_longer_allowed__refused(margin, pool, hostile, rogue):
    given, brought = fair(pool)
    hostile.trade(pool, pool.owed(PAIR), given, pool.held(PAIR), brought)
    margin.send(margin.admin, pool, "setRouter(address,bytes4,bool)", hostile.address, SWAP, False)
    with refused("SwapNotAllowed", hostile.address, SWAP):
        open_at(margin, pool, hostile, rogue)


def test_router__of_the_exchange__only_swaps_are_allowed(margin, pool):
    call = pool.address, "isRouterAllowed(address,bytes4)", margin.router
    for selector in SELECTORS:
        assert margin.node.read((*call, selector))[0]
