"""Vaults that owe their traders much."""

import pytest

from tests.margin import ISOLATED
from tests.suite import WAD
from tests.unit.books import sign

BIG, SMALL = 900_000, 60_000  # dollars
HOUR = 3_600


@pytest.fixture
def winners(desk):
    """Two accounts on one side that have won a fifth, 7 much and 1 little. The vault's ratio."""

    def win(market: int, is_long: bool, per_mille: int = 200) -> int:
        s = sign(is_long)
        desk.order(market, s * desk.units(market, BIG))
        desk.order(market, s * desk.units(market, SMALL), account=1)
        desk.wait(HOUR)
        desk.move_price(market, s * per_mille)
        return desk.model.collateralization_ratio()

    return win


@pytest.fixture
def isolated_winners(desk, trader, other_trader):
    """The same with isolated positions."""

    def win(is_long: bool, per_mille: int = 200) -> int:
        desk.open_isolated(trader, 100_000 * WAD, BIG * WAD, is_long)
        desk.open_isolated(other_trader, 10_000 * WAD, SMALL * WAD, is_long)
        desk.wait(HOUR)
        desk.move_price(ISOLATED, sign(is_long) * per_mille)
        return desk.model.collateralization_ratio()

    return win


@pytest.fixture
def cap(desk):
    """Caps a side so that `excess` base units of it are too many: `cap(market, is_long, excess)`.
    With the excess zero the side is at its cap."""

    def act(market: int, is_long: bool, excess: int) -> None:
        m = desk.model.markets[market]
        size = (m.long_oi if is_long else m.short_oi) - excess
        value = size * desk.price(market) // WAD
        desk.configure(market, **{"maxLongOIValue" if is_long else "maxShortOIValue": value})
        desk.wait(1)  # nothing is deleveraged in a block in which its market was touched

    return act
