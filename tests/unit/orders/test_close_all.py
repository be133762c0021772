"""Orders.closeAll: every market of an account, one payment."""

import pytest

from tests.agreement import rejected
from tests.margin import ISOLATED, KINDS, LIQUIDITY, PLAIN, SIX
from tests.suite import WAD
from tests.unit.books import both_sides, sign

DAY = 86_400
HELD = 40_000


def test_close_all__nothing_open__zero_and_no_event(desk):
    assert desk.close_all() == 0
    desk.order(PLAIN, desk.units(PLAIN, HELD), account=1)
    assert desk.close_all() == 0, "another account's"
    desk.close_all(account=1)
    assert desk.close_all(account=1) == 0


@both_sides
@pytest.mark.parametrize(
    "markets", [(0,), (3,), (1, 2), (0, 3), (0, 1, 2, 3)], ids=lambda ids: "-".join(map(str, ids))
)
def test_close_all__several_markets__one_payment_of_the_sum(desk, is_long, markets):
    """Longs and shorts, winners and losers; other accounts stay."""
    for i, market in enumerate(markets):
        s = sign(is_long) * (-1) ** i
        desk.order(market, s * desk.units(market, HELD))
        desk.order(market, s * desk.units(market, HELD // 3), account=1)
    desk.wait(DAY)
    for i, market in enumerate(markets):
        desk.move_price(market, 20 if i % 3 else -30)
    settlement = desk.close_all()
    assert settlement != 0
    assert all(desk.position(market).size == 0 for market in range(4))
    assert all(desk.position(market, 1).size for market in markets)


@both_sides
def test_close_all__gains_and_losses_cancel__no_token_moves(desk, is_long):
    """One bitcoin each way, in markets without fees: what one pays the other gets."""
    s = sign(is_long)
    desk.configure(SIX, skewScale=0, openingFeeRate=0, closingFeeRate=0, borrowRate=0)
    desk.configure(PLAIN, borrowRate=0)
    desk.order(PLAIN, s * 10**8)
    desk.order(SIX, -s * 5 * 10**6)
    desk.move_price(PLAIN, 100)
    desk.move_price(SIX, 100)
    assert desk.close_all() == 0


@both_sides
@pytest.mark.parametrize("short_of", [0, 1], ids=["just-enough", "one-unit-short"])
def test_close_all__loss_in_one_pays_gain_in_another__vault_pays_only_the_sum(
    desk, is_long, short_of
):
    """The gain alone is more than the vault has."""
    s, size = sign(is_long), 500 * 10**8
    desk.configure(SIX, skewScale=0, openingFeeRate=0, closingFeeRate=0, borrowRate=0)
    desk.configure(PLAIN, borrowRate=0)
    desk.order(PLAIN, s * size)
    desk.order(SIX, s * 100 * 10**6)
    # Nine tenths of 200,000 dollars.
    desk.move_price(SIX, -s * 900)
    loss = 180_000 * WAD
    gain = LIQUIDITY + loss + short_of
    step = -(-gain * WAD // size)
    desk.set_price(PLAIN, KINDS[PLAIN].price + s * step)
    with rejected("VaultCannotPay", gain, LIQUIDITY):
        desk.order(PLAIN, -s * size)
    if short_of:
        with rejected("VaultCannotPay", LIQUIDITY + 1, LIQUIDITY):
            desk.close_all()
    else:
        assert desk.close_all() == LIQUIDITY
        assert desk.model.vault.liquidity == 0


@both_sides
def test_close_all__a_market_without_price__all_refused(desk, is_long):
    """R6; the others close one by one."""
    for market in (ISOLATED, PLAIN, SIX):
        desk.order(market, sign(is_long) * desk.units(market, HELD))
    desk.set_price(SIX, 0)
    with rejected("PriceOutOfBounds", 0, 10**36):
        desk.close_all()
    for market in (ISOLATED, PLAIN):
        desk.order(market, -desk.position(market).size)


@both_sides
def test_close_all__a_market_without_price_and_position__not_asked(desk, is_long):
    desk.order(PLAIN, sign(is_long) * desk.units(PLAIN, HELD))
    desk.set_price(SIX, 0)
    desk.close_all()
    assert desk.position(PLAIN).size == 0


@both_sides
def test_close_all__rest_of_market_below_everything__closes(desk, is_long):
    """P6: no bound and no cap refuses it."""
    desk.order(PLAIN, sign(is_long) * desk.units(PLAIN, HELD))
    desk.configure(
        PLAIN,
        enabled=False,
        minPositionValue=10**6 * WAD,
        maxPositionValue=10**6 * WAD,
        maxLongOIValue=0,
        maxShortOIValue=0,
        maxNetOIValue=0,
    )
    desk.close_all()
