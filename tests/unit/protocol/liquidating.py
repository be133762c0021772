"""Positions about to be liquidated, with an equity that is known to the unit."""

from typing import NamedTuple

from tests.expected import Position, Realised, borrow_index
from tests.suite import WAD, Suite
from tests.unit.books import open_position, sign

DAY = 86_400
RATE = 15 * WAD // 100  # of borrowing a year, and of the reserve


class Sinking(NamedTuple):
    """A position in the BTC market a day after it was opened, having lost a tenth."""

    position: Position
    collateral: int
    price: int
    borrow_index: int

    def realised(self, part: int) -> Realised:
        return self.position.realised(part, self.price, index=self.borrow_index)

    @property
    def part(self) -> int:
        """A third of the size, toward zero."""
        size = self.position.size
        return size // 3 if size > 0 else -(-size // 3)

    @property
    def rest(self) -> int:
        return self.position.size - self.part


def sink(suite: Suite, trader, clock, is_long: bool, equity: int, notional: int) -> Sinking:
    """Leaves the trader with this equity: collateral and what closing everything realises."""
    p = open_position(suite, trader, notional // 12, notional, is_long)
    clock.advance(DAY)
    suite.set_price(10_000 - sign(is_long) * 1_000)
    index = borrow_index(p.borrow_index, RATE, RATE, DAY)
    pnl = sum(p.realised(p.size, suite.price(), index=index))
    suite.protocol.depositCollateral(equity - pnl - notional // 12, sender=trader)
    return Sinking(p, equity - pnl, suite.price(), index)
