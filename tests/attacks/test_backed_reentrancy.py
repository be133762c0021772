"""Attack: from inside of a swap, everything of the pool and of the lending vaults is called.

Nothing of a pool can be entered while it runs; lenders come and go as always, and no wallet signs
for anybody but itself (A1 to A4).
"""

import pytest
from eth_utils import keccak

from prep.node import Reverted
from tests.attacks.backed import (
    SWAP,
    check_books,
    gained,
    lent,
    refused,
    wealth,
)
from tests.attacks.backed_acts import DOWN, PAIR, fair, principal_of
from tests.margin_suite import (
    FUNCTIONS,
    PREP,
    WETH,
    _plain,
)
from tests.suite import UNLIMITED, WAD

REENTRANT = keccak(text="ReentrancyGuardReentrantCall()")[:4]


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
