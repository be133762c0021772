"""Markets whose feeds die."""

import pytest

from tests.desk import Desk
from tests.margin import ISOLATED
from tests.suite import WAD
from tests.unit.books import sign

DAY = 86_400
DEAD = 3 * DAY
HELD = 40_000  # dollars


@pytest.fixture
def crowded(desk, trader, other_trader):
    """Both kinds of positions on both sides, a day of funding, and then three days of silence."""

    def crowd(market: int, is_long: bool) -> None:
        s = sign(is_long)
        desk.order(market, s * desk.units(market, HELD))
        desk.order(market, -s * desk.units(market, HELD // 4), account=1)
        if market == ISOLATED:
            desk.open_isolated(trader, 5_000 * WAD, 20_000 * WAD, is_long)
            desk.open_isolated(other_trader, 3_000 * WAD, 7_000 * WAD, not is_long)
        desk.wait(DAY)
        desk.move_price(market, 20)
        desk.order(market, -s * desk.units(market, HELD // 5), account=2)
        desk.wait(DEAD)

    return crowd


def break_feed(desk: Desk, market: int) -> None:
    """No price any more, with nothing changed otherwise."""
    if market == ISOLATED:
        desk.wait(7 * DAY)
    else:
        # PUSH0, PUSH0, REVERT
        desk.node.rpc("anvil_setCode", desk.oracles[market].address, "0x5f5ffd")
