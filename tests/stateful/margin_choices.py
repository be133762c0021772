"""What random walks of asset-backed positions choose from: who, which, how much, at what price."""

from dataclasses import dataclass
from math import isqrt
from random import Random
from typing import Any

from eth_account import Account

from prep.margin import data
from prep.model import Rejected
from prep.model.fixed import ceil_div
from prep.model.margin import Position, Swap
from prep.model.margin.positions import Swapped
from tests.exchange import FOREVER
from tests.margin_desk import MarginDesk
from tests.margin_suite import DOLLARS, LISTED, Side
from tests.suite import WAD

Q96 = 2**96
STRANGER = Account.from_key("0x" + 32 * "b3")
"""Holds no role."""


@dataclass(frozen=True)
class Trade:
    """A swap: what the router is called with, and what it will do."""

    data: bytes
    swapped: Swapped


class Choices:
    """People with positions on a `MarginDesk`."""

    def __init__(self, desk: MarginDesk, people: list, side: Side, seed: object) -> None:
        self.desk, self.suite, self.people = desk, desk.suite, people
        self.main = side
        self.dice = Random(f"{side.is_long} {seed}")
        self.traders = {who.address: who for who in people}
        self.symbols = {token.address: symbol for symbol, token in self.suite.tokens.items()}
        self.oracle_of = {
            (self.suite.tokens[a].address, self.suite.tokens[b].address): (a, b) for a, b in LISTED
        }
        self.pairs = list(self.oracle_of)
        self.terms = dict(self.desk.controller.pairs)
        none = Rejected("SwapNotAllowed", self.suite.router, bytes(4))
        self.no_trade = Trade(b"", none)
        """Good where there is nothing to swap."""
        self.past: list[Position] = []
        """Positions as they were."""
        self.focus: int | None = None
        """The position that everything is about for a while."""

    # -------------------------------------------------------------------------------------- swaps

    def sell(self, side: Side, sold: str, bought: str, amount: int, most: int) -> Trade:
        """Of exactly this much, with an allowance of `most`."""
        if amount == 0:
            return self.no_trade
        swapped = self.desk.quote(sold, bought, amount, most)
        return Trade(self.suite.swap_in(side, sold, bought, amount), swapped)

    def buy(self, side: Side, sold: str, bought: str, amount: int, most: int) -> Trade:
        """Exactly this much."""
        if amount == 0:
            return self.no_trade
        swapped = self.desk.quote(sold, bought, amount, most, exact_output=True)
        return Trade(self.suite.swap_out(side, sold, bought, amount), swapped)

    def closing(self, side: Side, it: Position, amount: int, interest: int) -> Trade:
        """Sells `amount`, or buys what is due for it; sometimes not quite, or with all there is."""
        owed, held = self.suite.owed(side, it), self.suite.held(side, it)
        slip = self.dice.choice((0,) * 12 + (1, -1))
        if side.is_long:
            return self.sell(side, held, owed, amount and max(1, amount + slip), amount)
        part = ceil_div(it.principal * amount, it.collateral) if it.collateral else 0
        due = part + interest
        trade = self.buy(side, held, owed, due and max(1, due + slip), amount)
        if due and (self.dice.random() < 0.1 or not isinstance(trade.swapped, Swap)):
            return self.sell(side, held, owed, amount, amount)
        return trade

    # ------------------------------------------------------------------------------------- prices

    def price(self, pair: tuple[str, str]) -> int:
        """The exchange's, WAD, rounded down."""
        pool = self.suite.markets[self.oracle_of[pair]]
        root = self.suite.exchange.pools.sqrt_price(pool)
        if pool.tokens[0] == pair[0]:
            return root * root * WAD // Q96**2
        return Q96**2 * WAD // (root * root)

    def move(self, pair: tuple[str, str], price: int, check: int | None) -> None:
        """By one real swap of a stranger; the check price to `check`, if there is one."""
        symbols = self.oracle_of[pair]
        pool = self.suite.markets[symbols]
        ratio = price * Q96**2 // WAD if pool.tokens[0] == pair[0] else WAD * Q96**2 // price
        self.suite.exchange.pools.move(self.suite.admin.address, pool, isqrt(ratio))
        if check is not None and symbols in self.suite.oracles:
            self.desk.set_price(symbols, check)
        self.desk.synchronise()

    # -------------------------------------------------------------------------------------- short

    def side(self) -> Side:
        """Mostly the one that the walk is about."""
        other = next(s for s in self.suite.sides.values() if s is not self.main)
        return self.main if self.dice.random() < 0.85 else other

    def anyone(self) -> Any:
        """The last one, who can hardly pay, is rare."""
        *rich, poor = self.people
        return poor if self.dice.random() < 0.05 else self.dice.choice(rich)

    def trader(self, it: Position) -> Any:
        """Its own, mostly."""
        return self.traders[it.trader] if self.dice.random() < 0.96 else self.anyone()

    def signer(self) -> Any:
        """None: the order signer."""
        return None if self.dice.random() < 0.97 else STRANGER

    def expiry(self) -> int:
        now = self.desk.now
        return self.dice.choice((FOREVER,) * 20 + (now,) * 9 + (now - 1,))

    def position(self, side: Side) -> Position | None:
        """An open one; rarely as it was, or as it never was."""
        mine = self._open(side)
        chance = self.dice.random()
        if chance < 0.03 and self.past:
            return self.dice.choice(self.past)
        if not mine:
            return None
        it = self.dice.choice(mine)
        if chance < 0.05:
            return it._replace(collateral=it.collateral + 1)
        return it

    def _open(self, side: Side) -> list[Position]:
        mine = self.desk.pool(side).open_positions()
        return [it for it in mine if it.id == self.focus] or mine

    def riskiest(self, side: Side) -> Position | None:
        """Whose debt is largest for what it holds."""
        mine = self._open(side)

        def risk(it: Position) -> int:
            worth = it.collateral * self.price((it.base, it.quote)) // WAD
            owed = it.principal * self.price((it.base, it.quote)) // WAD
            both = (it.principal, worth) if side.is_long else (owed, it.collateral)
            return both[0] * WAD // (both[1] + 1)

        return max(mine, key=risk, default=None)

    def interest(self, side: Side, it: Position) -> int:
        """Mostly good."""
        most = self.desk.pool(side).max_interest(it)
        good = [most, most, ceil_div(most, 3), min(1, most)]
        return self.dice.choice(good * 5 + [0, most + 1])

    def amount(self, symbol: str, dollars: int) -> int:
        """Base units of so many dollars, at first prices, and not a round number."""
        return self.suite.units(symbol, dollars) // DOLLARS[symbol] + dollars % 7

    def payout(self, it: Position) -> data.Payout:
        ether = it.quote == self.desk.weth or self.dice.random() < 0.05
        kinds = [data.Payout.TOKEN, data.Payout.LEND] + [data.Payout.ETHER] * ether
        return self.dice.choice(kinds)
