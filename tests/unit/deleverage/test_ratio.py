"""Deleverager.deleverage while the vault's collateralization ratio is below its target."""

import pytest

from tests.agreement import rejected
from tests.margin import ACCOUNT, LIQUIDITY, PLAIN, SIX, every_market
from tests.suite import UNLIMITED, WAD
from tests.unit.books import both_sides, sign

MOST = UNLIMITED
parts = pytest.mark.parametrize("part", [3, 1, 0], ids=["third", "whole", "more"])


@every_market
@both_sides
@parts
def test_deleverage__account_below_target__closes_up_to_what_is_asked(
    desk, winners, market, is_long, part
):
    """All of its gain is paid before the client is told; the ratio is better afterwards."""
    ratio = winners(market, is_long)
    desk.configure_vault(ratio + 1)
    held = desk.position(market).size
    size = abs(held) // part if part else MOST
    money = desk.money[desk.client]
    done = desk.deleverage(market, size)
    assert done.size == sign(is_long) * min(size, abs(held))
    assert desk.position(market).size == held - done.size
    assert desk.money[desk.client] - money == done.settlement > 0
    assert (done.ratio_before, done.ratio_after) == (ratio, desk.model.collateralization_ratio())
    assert done.ratio_after > ratio


@both_sides
@parts
def test_deleverage__trader_below_target__closes_as_by_its_owner(
    desk, isolated_winners, trader, is_long, part
):
    """What it has won is in his collateral; no token moves."""
    ratio = isolated_winners(is_long)
    desk.configure_vault(ratio + 1)
    before = desk.model.position(trader.address)
    size = abs(before.size) // part if part else MOST
    done = desk.deleverage_trader(trader, size)
    after = desk.suite.position(trader)
    assert done.size == sign(is_long) * min(size, abs(before.size))
    assert after.size == before.size - done.size
    assert after.collateral == before.collateral + done.settlement > before.collateral
    assert (after.id == 0) == (after.size == 0)
    if after.size:
        assert after.entryPrice == before.entry_price
    desk.suite.protocol.withdrawCollateral(done.settlement, sender=trader)
    desk.model.withdraw_collateral(trader.address, done.settlement)
    desk.agree()


@every_market
@both_sides
def test_deleverage__ratio_at_target_or_one_above__nothing_to_deleverage(
    desk, winners, market, is_long
):
    ratio = winners(market, is_long)
    for target in (ratio, ratio - 1, 0):
        desk.configure_vault(target)
        for size in (1, MOST):
            with rejected("NothingToDeleverage", ratio, target):
                desk.deleverage(market, size)


@every_market
@both_sides
def test_deleverage__small_winner__ratio_better_and_still_below_the_target(
    desk, winners, market, is_long
):
    """Every step counts, however far the target is."""
    winners(market, is_long)
    desk.configure_vault(10 * WAD)
    done = desk.deleverage(market, MOST, account=1)
    assert done.ratio_before < done.ratio_after < 10 * WAD


@both_sides
def test_deleverage__trader_at_target__nothing_to_deleverage(
    desk, isolated_winners, trader, is_long
):
    ratio = isolated_winners(is_long)
    desk.configure_vault(ratio)
    with rejected("NothingToDeleverage", ratio, ratio):
        desk.deleverage_trader(trader, MOST)
    desk.configure_vault(ratio + 1)
    desk.deleverage_trader(trader, MOST)


@every_market
@both_sides
def test_deleverage__nothing_owed__infinite_ratio_meets_any_target(desk, winners, market, is_long):
    winners(market, is_long, -100)
    desk.configure_vault(10 * WAD)
    with rejected("NothingToDeleverage", UNLIMITED, 10 * WAD):
        desk.deleverage(market, MOST)


@both_sides
def test_deleverage__last_debt_gone__ratio_infinite_afterwards(desk, is_long):
    s = sign(is_long)
    desk.order(PLAIN, s * desk.units(PLAIN, 900_000))
    desk.move_price(PLAIN, s * 200)
    desk.configure_vault(10 * WAD)
    done = desk.deleverage(PLAIN, MOST)
    assert done.ratio_after == UNLIMITED


@both_sides
def test_deleverage__losers__left_alone(desk, winners, is_long):
    """Neither those who would pay nor those who would get nothing, in whatever size."""
    s = sign(is_long)
    desk.configure(PLAIN, borrowRate=0)
    winners(PLAIN, is_long)
    desk.order(PLAIN, s * desk.units(PLAIN, 50_000), account=2)
    desk.order(SIX, s * desk.units(SIX, 50_000), account=2)
    desk.configure_vault(10 * WAD)
    desk.wait(1)
    fee = desk.model.preview_order(desk.client, 2, SIX, -desk.position(SIX, 2).size).settlement
    assert fee < 0
    with rejected("SettlementNotPositive", fee):
        desk.deleverage(SIX, MOST, account=2)
    with rejected("SettlementNotPositive", 0):
        desk.deleverage(PLAIN, MOST, account=2)
    with rejected("SettlementNotPositive", 0):
        desk.deleverage(PLAIN, desk.units(PLAIN, 20_000), account=2)
    size = desk.position(PLAIN, 2).size
    # The smallest step of the price that wins a base unit of PREP.
    desk.set_price(PLAIN, desk.price(PLAIN) + s * (WAD // abs(size) + 1))
    assert desk.deleverage(PLAIN, MOST, account=2).settlement == 1


@both_sides
def test_deleverage__losing_trader__left_alone(
    desk, isolated_winners, trader, other_trader, is_long
):
    isolated_winners(is_long)
    desk.configure_vault(10 * WAD)
    desk.suite.protocol.closePosition(sender=other_trader)
    desk.model.close_position(other_trader.address)
    desk.open_isolated(other_trader, 10_000 * WAD, 60_000 * WAD, is_long)
    desk.wait(1)
    whole = desk.model.position(other_trader.address).size
    with rejected("SettlementNotPositive", -loss(desk, other_trader)):
        desk.deleverage_trader(other_trader, abs(whole))


def loss(desk, trader) -> int:
    """What closing would cost right after opening: the fee, for the price comes back."""
    view = desk.suite.lens.position(trader)
    assert view.unrealised.closingFee < 0
    return -sum(view.unrealised)


@both_sides
def test_deleverage__account_rest_too_small__refused_and_whole_closes(desk, winners, is_long):
    """Below the target the size is not changed for it."""
    ratio = winners(PLAIN, is_long)
    desk.configure_vault(ratio + 1)
    size, least = abs(desk.position(PLAIN).size), 10 * WAD
    price = desk.price(PLAIN)
    few = -(-least * WAD // price)
    value = (few - 1) * price // WAD
    with rejected("PositionTooSmall", value, least):
        desk.deleverage(PLAIN, size - few + 1)
    desk.deleverage(PLAIN, size - few)
    assert abs(desk.position(PLAIN).size) == few


@both_sides
def test_deleverage__ratio_below_one__may_fall_while_the_debt_falls(desk, is_long):
    """Who comes first is paid in full; the last cannot be."""
    s = sign(is_long)
    desk.configure(PLAIN, borrowRate=0)
    for account, millions in ((1, 2), (2, 3)):
        desk.order(PLAIN, s * millions * 100 * 10**8, account=account)
    desk.move_price(PLAIN, s * 300)
    assert desk.model.collateralization_ratio() == LIQUIDITY * WAD // (1_500_000 * WAD)
    desk.configure_vault(WAD)
    done = desk.deleverage(PLAIN, MOST, account=1)
    assert done.settlement == 600_000 * WAD
    assert done.ratio_after == 400_000 * WAD // 900_000 < done.ratio_before
    with rejected("VaultCannotPay", 900_000 * WAD, 400_000 * WAD):
        desk.deleverage(PLAIN, MOST, account=2)


@both_sides
def test_deleverage__other_market_without_price__its_error(desk, winners, is_long):
    """The ratio is of all markets."""
    ratio = winners(PLAIN, is_long)
    desk.configure_vault(ratio + 1)
    desk.order(SIX, desk.units(SIX, 1_000), account=3)
    desk.set_price(SIX, 0)
    with rejected("PriceOutOfBounds", 0, 10**36):
        desk.deleverage(PLAIN, MOST)


def test_deleverage__nothing_asked_or_held__says_so_in_this_order(desk, trader, winners):
    """Before anything that needs a price."""
    desk.set_price(PLAIN, 0)
    with rejected("ZeroAmount"):
        desk.deleverage(PLAIN, 0)
    with rejected("NothingToClose"):
        desk.deleverage(PLAIN, 1)
    with rejected("ZeroAmount"):
        desk.deleverage_trader(trader, 0)
    with rejected("NothingToClose"):
        desk.deleverage_trader(trader, 1)


@pytest.mark.parametrize("size, name", [(0, "ZeroAmount"), (1, "NothingToClose")])
def test_deleverage__unknown_market__nothing_to_close(desk, size, name):
    with rejected(name):
        desk.deleverage(4, size)


@both_sides
def test_deleverage__another_account_than_the_winner__only_that_one_is_closed(
    desk, winners, is_long
):
    ratio = winners(PLAIN, is_long)
    desk.configure_vault(ratio + 1)
    big = desk.position(PLAIN, ACCOUNT)
    desk.deleverage(PLAIN, MOST, account=1)
    assert desk.position(PLAIN, ACCOUNT) == big
    assert desk.position(PLAIN, 1).size == 0


@every_market
@both_sides
def test_deleverage__market_touched_in_this_block__busy_where_trading_moves_the_price(
    desk, winners, market, is_long
):
    """Without a skew scale nobody moves it."""
    winners(market, is_long)
    desk.configure_vault(10 * WAD)
    desk.order(market, sign(is_long) * desk.units(market, 100), account=3)
    if market != PLAIN:
        with rejected("MarketBusy", market):
            desk.deleverage(market, MOST)
        desk.wait(1)
    desk.deleverage(market, MOST)
