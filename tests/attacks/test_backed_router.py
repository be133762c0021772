"""Attack: an allowed router that is hostile, and calls of what is not a router.

Whatever a router does, only what it took and brought counts (A1), it can take what a swap is given
and nothing after it (A4), lenders get back what was not spent (A2), and nothing of a pool can be
entered while it runs.
"""

import pytest
from eth_utils import function_signature_to_4byte_selector as selector_of
from eth_utils import keccak

from prep.exchange.calldata import SELECTORS
from prep.node import Reverted
from tests.attacks.backed import (
    BPS,
    SWAP,
    check_books,
    gained,
    highest_cost,
    least_proceeds,
    lent,
    refused,
    wealth,
)
from tests.attacks.backed_acts import PAIR, Acts
from tests.margin_suite import (
    DEVIATION,
    FUNCTIONS,
    PREP,
    USD,
    WBTC,
    WETH,
    _plain,
)
from tests.suite import UNLIMITED, WAD

REENTRANT = keccak(text="ReentrancyGuardReentrantCall()")[:4]
DOWN = 1_000 * WAD
LIMITED = (WETH, USD)
HALF_ETHER = WAD // 2


@pytest.fixture
def acts(margin, pool):
    return Acts(margin, pool)


def principal_of(pool) -> int:
    """Worth $1,000, of the token that is borrowed."""
    return DOWN if pool.is_long else HALF_ETHER


def fair(pool) -> tuple[int, int]:
    """What a swap of the whole gives and brings at the check price, $2,000 for an ether."""
    return (2 * DOWN, WAD) if pool.is_long else (HALF_ETHER, DOWN)


def open_at(margin, pool, hostile, trader, **changes):
    margin.give(trader, PREP, DOWN)
    request = margin.open_request(
        pool, trader, PAIR, DOWN, principal_of(pool), **hostile.route | changes
    )
    logs = margin.do(trader, pool, "open", request, margin.signed(pool, request))
    return margin.event(logs, "PositionOpened")


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


# --------------------------------------------------------------------------------------- reentrancy


class Reentry:
    """The router is a trader with two positions, one of them within its threshold and marked for
    long enough; it is order executor and liquidator too, and signs whatever it is asked for. It has
    tokens, shares and a payout to claim: every call would go through."""

    def __init__(self, margin, pool, hostile, acts, isolated):
        self.margin, self.pool, self.hostile, self.acts = margin, pool, hostile, acts
        self.isolated = isolated
        self.address = hostile.address
        for role in (margin.authority.ORDER_EXECUTOR(), margin.authority.LIQUIDATOR()):
            margin.authority.grantRole(role, hostile.address, 0, sender=margin.admin)
        margin.node.execute(margin.admin.address, hostile.address, "setWallet(uint8)", 1)
        for symbol, token in margin.tokens.items():
            hostile.fund(symbol, margin.units(symbol, 10_000_000))
            spenders = (pool.address, margin.router, margin.lending[symbol].address)
            for spender in spenders:
                hostile.run(token, "approve(address,uint256)", spender, UNLIMITED)
            vault = margin.lending[symbol]
            amount = margin.units(symbol, 5)
            hostile.run(vault, "deposit(uint256,address)", amount, hostile.address)
        down = 10_000 * WAD
        self.healthy = self.open(down, 2)
        self.other = self.open(down, 2)
        self.poor = self.open(down, 49 / 10)
        margin.move_market(margin.lender, PAIR, 83 if pool.is_long else 121)
        margin.do(margin.lender, pool, "mark", self.poor)
        margin.node.at(margin.time() + 3_600)
        margin.node.mine()
        health = margin.health(pool, self.healthy)
        assert health[0] > health[1]

    def open(self, down, leverage):
        margin, pool = self.margin, self.pool
        times = int(leverage * 10)
        principal = down * (times - 10) // 10
        if not pool.is_long:
            principal = down * (times - 10) // 10 * WAD // margin.price(PAIR)
        request = margin.open_request(pool, self, PAIR, down, principal)
        return margin.after(
            self.do("open", request, margin.signed(pool, request)), "PositionOpened"
        )

    def do(self, kind, *args):
        return self.hostile.run(self.pool, FUNCTIONS[kind], *map(_plain, args))

    def calls(self) -> dict:
        """Everything that moves something, with arguments that are good now."""
        margin, pool, acts = self.margin, self.pool, self.acts
        healthy, poor = self.healthy, self.poor
        new = margin.open_request(pool, self, PAIR, DOWN, principal_of(pool))
        more = margin.increase_request(pool, healthy, DOWN, principal_of(pool), interest=1)
        half = margin.close_request(pool, healthy, healthy.collateral // 2, interest=1)
        add = margin.collateral_request(healthy, 1)
        remove = margin.collateral_request(healthy, -1)
        whole = acts.whole(healthy)
        order = acts.order(healthy)
        exit_ = (
            margin.swap_in(pool, WETH, PREP, healthy.collateral)
            if pool.is_long
            else margin.swap_out(pool, PREP, WETH, healthy.principal * 11 // 10)
        )
        seize = margin.seizing_swap(pool, poor, 1)
        seize_marked = margin.swap_in(pool, pool.held(PAIR), pool.owed(PAIR), poor.collateral)

        def sig(request):
            return margin.signed(pool, request)

        return {
            "open": (new, sig(new)),
            "increase": (more, sig(more), healthy),
            "close": (half, sig(half), healthy, 0),
            "exit": (healthy, margin.router, exit_, 0, 0),
            "add": (add, sig(add), healthy),
            "remove": (remove, sig(remove), healthy),
            "execute": (order, b"", whole, sig(whole), healthy),
            "record": ([healthy], [1]),
            "liquidate": (poor, 1, margin.router, seize),
            "liquidate_marked": (poor, margin.router, seize_marked),
        }


@pytest.fixture
def reentry(margin, pool, hostile, acts, isolated):
    return Reentry(margin, pool, hostile, acts, isolated)


def test_reentry__every_function_while_swapping__refused(reentry, margin, pool, hostile, acts):
    """Each would go through by itself; from inside of a swap none does."""
    calls = reentry.calls()
    for kind, args in calls.items():
        margin.node.simulate(hostile.address, pool.address, FUNCTIONS[kind], *map(_plain, args))
    given, brought = fair(pool)
    price = margin.price(PAIR)
    brought = given * WAD // price if pool.is_long else given * price // WAD
    bought, sold = pool.held(PAIR), pool.owed(PAIR)
    inner = [hostile.call(pool, FUNCTIONS[k], *map(_plain, args)) for k, args in calls.items()]
    inner.append(
        hostile.call(pool, "claim(address,address)", margin.tokens[PREP].address, pool.address)
    )
    hostile.fund(bought, brought)
    hostile.arm(hostile.take(pool, sold, given), *inner, hostile.give(pool, bought, brought))
    request = margin.open_request(
        pool, reentry, PAIR, DOWN, principal_of(pool), min_output=brought, **hostile.route
    )
    reentry.do("open", request, margin.signed(pool, request))
    first, *middle, last = hostile.answers()
    assert first[0]
    assert last[0]
    assert len(middle) == len(calls) + 1
    for (ok, data), kind in zip(middle, [*calls, "claim"], strict=True):
        assert (ok, data) == (False, REENTRANT), kind
    check_books(margin)


def test_reentry__lending_vaults_while_swapping__harmless(reentry, margin, pool, hostile):
    """A lending vault is not entered while a pool swaps: lenders come and go as always, and only a
    borrower borrows, repays or writes off."""
    sold, bought = pool.owed(PAIR), pool.held(PAIR)
    price = margin.price(PAIR)
    given, _ = fair(pool)
    brought = given * WAD // price if pool.is_long else given * price // WAD
    vault = margin.lending[sold]
    amount = margin.units(sold, 1)
    me = hostile.address
    lenders = {
        "deposit": hostile.call(vault, "deposit(uint256,address)", amount, me),
        "withdraw": hostile.call(vault, "withdraw(uint256,address,address)", amount, me, me),
        "accrue": hostile.call(vault, "accrue()"),
    }
    borrowers = {
        "borrow": hostile.call(vault, "borrow(uint256,address)", 1, me),
        "repay": hostile.call(vault, "repay(uint256)", 1),
        "record": hostile.call(vault, "recordInterest(uint256)", 1),
        "write off": hostile.call(vault, "writeOff(uint256)", 1),
    }
    hostile.fund(bought, brought)
    hostile.arm(
        hostile.take(pool, sold, given),
        *lenders.values(),
        *borrowers.values(),
        hostile.give(pool, bought, brought),
    )
    request = margin.open_request(
        pool, reentry, PAIR, DOWN, principal_of(pool), min_output=brought, **hostile.route
    )
    before, shares = lent(margin, sold), shares_of(margin, sold, me)
    mine = wealth(margin, me)
    reentry.do("open", request, margin.signed(pool, request))
    answers = [ok for ok, _ in hostile.answers()]
    assert answers == [True] + 3 * [True] + 4 * [False] + [True]
    # Put in and taken out again: at most a unit is lost to rounding, to those who stay.
    assert 0 <= lent(margin, sold) - before <= 1
    assert shares_of(margin, sold, me) <= shares
    down = DOWN if pool.is_long else 0
    assert gained(mine, wealth(margin, me))[sold] == given - down
    check_books(margin)


def shares_of(margin, symbol, account):
    return margin.node.read((margin.lending[symbol].address, "balanceOf(address)", account))[0]


@pytest.mark.parametrize("outer", ["increase", "close", "exit", "execute", "liquidate", "marked"])
def test_reentry__same_position_twice__refused(reentry, margin, pool, hostile, acts, outer):
    """The state that an action began with is good until it ends: nobody can use it in between."""
    calls = reentry.calls()
    poor = outer in ("liquidate", "marked")
    position = reentry.poor if poor else reentry.healthy
    names = ("liquidate", "liquidate_marked") if poor else tuple(calls)[1:8]
    inner = [hostile.call(pool, FUNCTIONS[k], *map(_plain, calls[k])) for k in names]
    price = margin.price(PAIR)
    opening = outer == "increase"
    sold, bought = (
        (pool.owed(PAIR), pool.held(PAIR))
        if opening
        else (
            pool.held(PAIR),
            pool.owed(PAIR),
        )
    )
    given = fair(pool)[0] if opening else position.collateral
    brought = given * price // WAD if sold == WETH else given * WAD // price
    hostile.fund(bought, brought)
    hostile.arm(hostile.take(pool, sold, given), *inner, hostile.give(pool, bought, brought))
    route = hostile.address, SWAP
    if outer == "increase":
        request = margin.increase_request(
            pool, position, DOWN, principal_of(pool), interest=1, **hostile.route
        )
        reentry.do(outer, request, margin.signed(pool, request), position)
    elif outer == "close":
        request = acts.whole(position, **hostile.route)
        reentry.do(outer, request, margin.signed(pool, request), position, 0)
    elif outer == "exit":
        reentry.do(outer, position, *route, 0, 0)
    elif outer == "execute":
        request = acts.whole(position, **hostile.route)
        args = acts.order(position), b"", request, margin.signed(pool, request), position
        reentry.do(outer, *args)
    elif outer == "liquidate":
        reentry.do(outer, position, 1, *route)
    else:
        reentry.do("liquidate_marked", position, *route)
    _, *middle, _ = hostile.answers()
    assert len(middle) == len(names)
    assert set(map(tuple, middle)) == {(False, REENTRANT)}
    check_books(margin)


def test_wallet__answers_everything__signs_for_itself_only(
    margin, pool, hostile, acts, victim, rogue
):
    """A contract that takes every signature for its own is no order signer, and no signer of
    anybody who has not authorised it."""
    margin.node.execute(margin.admin.address, hostile.address, "setWallet(uint8)", 1)
    position = margin.typical(pool, victim, PAIR, 2)
    order = acts.order(position, signer=hostile.address)
    with refused("NotOrderOfTrader", hostile.address, victim.address):
        acts.execute(order, rogue, position, order_signature=b"")
    request = acts.request("close", victim, position)
    for signature in (b"", bytes(65), hostile.address.encode(), bytes(64)):
        with pytest.raises(Reverted, match="NotOrderSigner"):
            acts.do("close", victim, request, signature, position)
