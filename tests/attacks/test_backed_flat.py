"""Attack: much at once, within one block, and flat at its end.

Nobody who starts and ends flat in one block, at one price of the exchange, ends richer; lenders
have what they had (M6). A loan within a block costs no interest, and brings nothing but what it
bought.
"""

import random

import pytest

from tests.attacks.backed import check_books, lent, refused, wealth
from tests.attacks.backed_acts import PAIR
from tests.margin_suite import LISTED, PREP, USD, WETH
from tests.suite import WAD

LIMITED = (WETH, USD)

pytestmark = pytest.mark.usefixtures("one_block")


class Own:
    """The attacker's exchange, that buys and sells at one price, whatever is asked."""

    def __init__(self, margin, pool, hostile, trader, pair, price):
        self.margin, self.pool, self.hostile = margin, pool, hostile
        self.trader, self.pair, self.price = trader, pair, price

    def trade(self, opening, given, brought=None):
        sold, bought = self.pool.owed(self.pair), self.pool.held(self.pair)
        if not opening:
            sold, bought = bought, sold
        if brought is None:
            buys = bought == self.pair[0]
            brought = given * WAD // self.price if buys else given * self.price // WAD
        self.hostile.arm(
            self.hostile.take(self.pool, sold, given),
            self.hostile.give(self.pool, bought, brought),
        )

    def send(self, kind, request, *rest):
        margin, pool = self.margin, self.pool
        args = request, margin.signed(pool, request), *rest
        return margin.do(self.trader, pool, kind, *args)

    def open(self, down, principal):
        margin, pool = self.margin, self.pool
        self.trade(True, principal + down if pool.is_long else principal)
        request = margin.open_request(
            pool, self.trader, self.pair, down, principal, **self.hostile.route
        )
        return margin.after(self.send("open", request), "PositionOpened")

    def increase(self, position, down, principal):
        margin, pool = self.margin, self.pool
        self.trade(True, principal + down if pool.is_long else principal)
        request = margin.increase_request(
            pool, position, down, principal, interest=0, **self.hostile.route
        )
        return margin.after(self.send("increase", request, position), "PositionIncreased")

    def change(self, position, amount):
        return self.margin.change_collateral(self.pool, self.trader, position, amount)

    def close(self, position, amount):
        due = -(-position.principal * amount // position.collateral)
        if self.pool.is_long:
            self.trade(False, amount)
        elif due:
            self.trade(False, -(-due * self.price // WAD), due)
        return self.margin.close(
            self.pool, self.trader, position, amount, interest=0, **self.hostile.route
        )[0]


@pytest.mark.parametrize("pair", LISTED, ids=["-".join(pair) for pair in LISTED])
@pytest.mark.parametrize("seed", range(2))
def test_flat__any_sequence_at_one_price__not_a_unit_richer(
    margin, pool, hostile, rogue, pair, seed
):
    """Opened, increased, added to, taken from, closed in parts: all in one block and at the check
    price, with an exchange of his own, so that not even its fee is between him and a gain."""
    dice = random.Random(seed)
    price = margin.price(pair) if pair in margin.oracles else 2_000 * 10**6
    base, quote = (margin.units(symbol, 100_000) for symbol in pair)
    for symbol, amount in zip(pair, (base, quote), strict=True):
        margin.give(rogue, symbol, amount)
        hostile.fund(symbol, amount)
    own = Own(margin, pool, hostile, rogue, pair, price)
    before = wealth(margin, rogue, hostile.address)
    lenders = {symbol: lent(margin, symbol) for symbol in pair}

    def sizes():
        down = dice.randrange(1_000, quote // 2_000_000)
        principal = down * dice.randrange(1, 3)
        return down, principal if pool.is_long else principal * WAD // price + 1

    position = own.open(*sizes())
    for _ in range(8):
        act = dice.choice(["increase", "add", "remove", "close"])
        if act == "increase":
            position = own.increase(position, *sizes())
        elif act == "add":
            position = own.change(position, dice.randrange(1, position.collateral))
        elif act == "remove":
            position = own.change(position, -1 - dice.randrange(position.collateral // 100))
        else:
            position = own.close(position, dice.randrange(1, position.collateral // 2))
    own.close(position, position.collateral)
    after = wealth(margin, rogue, hostile.address)
    for symbol in pair:
        assert after[symbol] <= before[symbol] or worth(after, pair, price) <= worth(
            before, pair, price
        ), f"M6: {symbol}"
    assert worth(after, pair, price) <= worth(before, pair, price), "M6"
    assert {symbol: lent(margin, symbol) for symbol in pair} == lenders
    check_books(margin)


def worth(amounts, pair, price):
    return amounts[pair[0]] * price + amounts[pair[1]] * WAD


@pytest.mark.parametrize("pair", [PAIR, LIMITED], ids=["check price", "limits"])
def test_flat__on_the_real_exchange__costs_its_fee_and_nothing_else(margin, pool, rogue, pair):
    """The loan is free within a block: what was opened and closed has lost the exchange's fee
    twice, lenders have gained nothing and lost nothing."""
    lenders = {symbol: lent(margin, symbol) for symbol in pair}
    down = margin.units(pair[1], 10_000)
    principal = 3 * down if pool.is_long else margin.units(pair[0], 15)
    position = margin.open(pool, rogue, pair, down, principal)
    volume = 4 * down if pool.is_long else 3 * down
    _, closing = margin.close(pool, rogue, position, interest=0)
    lost = down - closing.payout
    # 0.3 % of it twice, and what the price moved by.
    assert volume * 6 // 1_000 * 98 // 100 < lost < volume * 10 // 1_000
    assert margin.balance(rogue, pair[1]) == closing.payout
    assert {symbol: lent(margin, symbol) for symbol in pair} == lenders
    check_books(margin)


def test_flat__lender_and_trader_at_once__gains_nothing(margin, pool, hostile, rogue):
    """Deposits what he then borrows, closes, and takes his deposit out again, with all lenders'
    idle tokens borrowed in between."""
    owed = pool.owed(PAIR)
    price = margin.price(PAIR)
    vault = margin.lending[owed].address
    deposit = margin.units(owed, 1_000)
    margin.give(rogue, owed, deposit)
    margin.send(rogue, margin.lending[owed], "deposit(uint256,address)", deposit, rogue.address)
    (idle,) = margin.node.read((vault, "idle()"))
    down = idle if pool.is_long else idle * price // WAD
    margin.give(rogue, PREP, down)
    for symbol in PAIR:
        hostile.fund(symbol, margin.units(symbol, 100_000_000))
    own = Own(margin, pool, hostile, rogue, PAIR, price)
    before = wealth(margin, rogue, hostile.address)
    position = own.open(down, idle)
    assert margin.node.read((vault, "idle()"))[0] == 0
    (shares,) = margin.node.read((vault, "balanceOf(address)", rogue.address))
    redeem = "redeem(uint256,address,address)"
    call = margin.lending[owed], redeem, shares, rogue.address, rogue.address
    with refused("ERC4626ExceededMaxRedeem", rogue.address, shares, 0):
        margin.send(rogue, *call)
    own.close(position, position.collateral)
    margin.send(rogue, *call)
    after = wealth(margin, rogue, hostile.address)
    returned = worth(after, PAIR, price) - worth(before, PAIR, price)
    unit = price if owed == WETH else WAD
    assert returned <= deposit * unit, "M6"
    check_books(margin)


def test_flat__opened_and_marked_or_liquidated_at_once__refused(margin, pool, rogue, acts):
    """At the highest leverage, by himself, for the fee: nobody is born within it (A5)."""
    down = margin.units(PREP, 10_000)
    principal = down * 39 // 10 if pool.is_long else down * 48 // 10 * WAD // margin.price(PAIR)
    position = margin.open(pool, rogue, PAIR, down, principal)
    with refused("NotLiquidatable", *margin.health(pool, position)):
        margin.do(rogue, pool, "mark", position)
    data = margin.seizing_swap(pool, position, 0)
    with refused("NotLiquidatable"):
        margin.do(margin.liquidator, pool, "liquidate", position, 0, margin.router, data)
    with refused("NotMarked", 0, 0):
        margin.do(rogue, pool, "liquidate_marked", position, margin.router, data)
