"""A listed token that is hostile, and somebody's position that has nothing to do with it."""

from dataclasses import dataclass

from prep.margin.data import CLOSED
from tests.attacks.backed import lent
from tests.attacks.backed_acts import PAIR
from tests.margin_suite import (
    PREP,
    MarginSuite,
    Side,
)
from tests.suite import WAD

TOKEN = "TOKEN"
DOWN = 1_000 * WAD


@dataclass(frozen=True)
class Listed:
    """A token of 18 decimals, worth as much as PREP or a 2,000th of an ether, in a pair with
    limits; and somebody's position in an ordinary pair of the same pool."""

    margin: MarginSuite
    side: Side
    hostile: object
    pair: tuple[str, str]
    other: object
    """The ordinary position."""
    victim: object

    @property
    def token(self):
        return self.margin.tokens[TOKEN]

    @property
    def price(self) -> int:
        """Of base in quote."""
        return WAD if self.pair[0] == TOKEN else 2_000 * WAD

    def trade(self, opening: bool, given: int, brought: int | None = None) -> None:
        side = self.side
        sold, bought = side.owed(self.pair), side.held(self.pair)
        if not opening:
            sold, bought = bought, sold
        if brought is None:
            buys = bought == self.pair[0]
            brought = given * WAD // self.price if buys else given * self.price // WAD
        self.hostile.trade(side, sold, given, bought, brought)

    def request(self, trader, down=DOWN):
        margin, side = self.margin, self.side
        principal = down if side.is_long else down * WAD // self.price
        self.trade(True, principal + down if side.is_long else principal)
        margin.give(trader, self.pair[1], down)
        return margin.open_request(side, trader, self.pair, down, principal, **self.hostile.route)

    def open(self, trader):
        margin, request = self.margin, self.request(trader)
        logs = margin.do(trader, self.side, "open", request, margin.signed(self.side, request))
        return margin.after(logs, "PositionOpened")

    def close(self, trader, position, **changes):
        margin, side = self.margin, self.side
        margin.node.at(margin.time() + 60)
        margin.node.mine()
        due = position.principal + 1
        given = position.collateral if side.is_long else due * self.price // WAD + 1
        self.trade(False, given, None if side.is_long else due)
        return margin.close(side, trader, position, interest=1, **self.hostile.route | changes)

    def seize(self, position, brought=None):
        """By the liquidator, who gets so much of the owed token for everything."""
        margin, side = self.margin, self.side
        margin.node.at(margin.time() + 60)
        margin.node.mine()
        brought = position.principal + 1 if brought is None else brought
        given = position.collateral
        if not side.is_long:
            # A tenth is left: 4 % would be too little to see.
            given = given * 98 // 100
        self.trade(False, given, brought)
        args = position, 1, *self.hostile.route.values()
        return margin.do(margin.liquidator, side, "liquidate", *args)

    def check_others(self) -> None:
        """The ordinary position closes, through the exchange; its lenders have their unit."""
        margin, side = self.margin, self.side
        margin.node.at(margin.time() + 60)
        margin.node.mine()
        symbol = side.owed(PAIR)
        before = lent(margin, symbol)
        held = margin.balance(self.victim, PREP)
        _, closing = margin.close(side, self.victim, self.other, interest=1)
        assert margin.balance(self.victim, PREP) - held == closing.payout > 0
        assert lent(margin, symbol) == before + 1
        assert margin.stored(side, self.other.id) == CLOSED
