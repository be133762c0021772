"""What shares are priced at: the upper value for those who come, the lower for those who go."""

import itertools

import pytest

from tests.suite import WAD
from tests.unit.books import books, both_sides, open_position, sign
from tests.unit.vault.pricing import (
    COLLATERAL,
    DAY,
    NOTIONAL,
    WIPED_OUT,
    exposure,
    one_of_each_side,
    trade,
    value,
    winning_or_losing,
)


def check_value(suite, now):
    """All that the vault says of its value. What it is."""
    v = value(suite, now)
    vault = suite.vault
    assert vault.upperValue() == v.upper
    assert vault.lowerValue() == vault.totalAssets() == v.lower
    assert v.lower <= v.upper
    return v


@both_sides
@winning_or_losing
def test_value__without_skew__price_and_borrowing(btc, trader, clock, change, is_long):
    trade(btc, trader, clock, is_long, change)
    e, v = exposure(btc, clock.now), check_value(btc, clock.now)
    assert e.borrowing < 0 == e.funding
    if change > 0:
        assert v.lower == e.liquidity - e.seq_pnl
        assert v.upper == v.lower - e.borrowing
    else:
        assert v.lower == e.liquidity
        assert v.upper == e.liquidity - e.seq_pnl - e.borrowing


def test_value__no_position__liquidity(btc, clock):
    v = check_value(btc, clock.now)
    assert v.upper == v.lower == v.liquidity


@both_sides
@pytest.mark.parametrize("change", [150, -150], ids=["winning", "losing"])
@pytest.mark.parametrize("received", [True, False], ids=["received", "paid"])
def test_value__with_skew__price_and_funding_apart(
    full, trader, other_trader, clock, received, change, is_long
):
    """A gain through funding is not set off against a loss through the price, nor the reverse."""
    if received:
        # The other side leaves a funding rate behind that this one is paid by.
        open_position(full, other_trader, 200_000 * WAD, 1_000_000 * WAD, not is_long)
        clock.advance(DAY)
        full.protocol.closePosition(sender=other_trader)
    open_position(full, trader, COLLATERAL, NOTIONAL, is_long)
    clock.advance(DAY // 4)
    full.set_price(10_000 + sign(is_long) * change)
    e, v = exposure(full, clock.now), check_value(full, clock.now)
    assert (e.seq_pnl > 0) == (change > 0)
    assert (e.funding > 0) == received
    assert e.funding != 0 > e.borrowing
    assert v.upper == e.liquidity - e.seq_pnl - e.funding - e.borrowing
    assert v.lower == e.liquidity - max(0, e.seq_pnl) - max(0, e.funding)


@both_sides
def test_value__traders_gain_more_than_there_is__zero(unreserved, lp, trader, clock, is_long):
    suite = unreserved
    suite.provide(lp, 1_000 * WAD)
    suite.open(trader, COLLATERAL, 50_000 * WAD, is_long)
    for change, left in [(199, 5 * WAD), (200, 0), (201, 0), (400, 0)]:
        suite.set_price(10_000 + sign(is_long) * change)
        v = check_value(suite, clock.now)
        assert v.upper == v.lower == left
    assert suite.vault.convertToAssets(10**30) == 10**30 // (v.supply + 10**6)


@one_of_each_side
def test_donation__any_amount__moves_no_price(
    btc, lp, trader, other_trader, clock, is_long, change
):
    trade(btc, trader, clock, is_long, change)
    before, v = books(btc), check_value(btc, clock.now)
    shares_of_all = btc.vault.convertToShares(v.lower)
    limits = btc.vault.maxWithdraw(lp), btc.vault.maxDeposit(lp)
    btc.prep.transfer(btc.vault, 123_456 * WAD, sender=other_trader)
    assert check_value(btc, clock.now) == v, "V1"
    assert btc.vault.convertToShares(v.lower) == shares_of_all, "V1"
    assert (btc.vault.maxWithdraw(lp), btc.vault.maxDeposit(lp)) == limits, "V1"
    assert books(btc) == before._replace(custody=before.custody + 123_456 * WAD), "M1"


@one_of_each_side
def test_share_price__others_come_and_go__never_falls(
    btc, trader, other_trader, clock, is_long, change
):
    """V1: rounding is in favour of those who stay."""
    v = trade(btc, trader, clock, is_long, change)
    prices = [(v.upper, v.lower, v.supply)]
    vault = btc.vault
    for act in (
        lambda: vault.deposit(777, sender=other_trader),
        lambda: vault.mint(12_345_677, other_trader, sender=other_trader),
        lambda: vault.withdraw(333, sender=other_trader),
        lambda: vault.redeem(3_456_789, sender=other_trader),
    ):
        act()
        v = check_value(btc, clock.now)
        prices.append((v.upper, v.lower, v.supply))
    for (upper, lower, supply), (next_upper, next_lower, next_supply) in itertools.pairwise(prices):
        assert (next_upper + 1) * (supply + 10**6) >= (upper + 1) * (next_supply + 10**6), "V1"
        assert (next_lower + 1) * (supply + 10**6) >= (lower + 1) * (next_supply + 10**6), "V1"


@pytest.fixture
def almost_lost(unreserved, lp, trader):
    """A trader about to win 999,999 dollars and 9,999 units of a million dollars and `extra`."""

    def lose(extra: int):
        suite = unreserved
        suite.provide(lp, 1_000_000 * WAD + extra)
        suite.give_collateral(trader, 100_000 * WAD)
        suite.protocol.openPositionWithToken(100 * WAD + 1, True, sender=trader)
        suite.set_answer(19_999_99 * 10**6)
        return suite

    return lose


def test_wiped_out__a_millionth_left__deposits_open(almost_lost, stranger, clock):
    suite = almost_lost(9_999)
    v = check_value(suite, clock.now)
    assert v.upper == v.supply // WIPED_OUT == WAD
    assert suite.vault.maxDeposit(stranger) == v.max_deposit > 0
    suite.provide(stranger, WAD)
    # The whole of the others' shares is now worth as much as this dollar.
    assert suite.vault.balanceOf(stranger) == WAD * (v.supply + 10**6) // (WAD + 1)


def test_wiped_out__one_unit_less__deposits_closed_and_withdrawals_open(
    almost_lost, lp, stranger, clock, reverts
):
    suite = almost_lost(9_998)
    v = check_value(suite, clock.now)
    assert v.upper == v.supply // WIPED_OUT - 1 == WAD - 1
    vault, account = suite.vault, stranger.address
    assert vault.maxDeposit(stranger) == vault.maxMint(stranger) == 0
    suite.give(stranger, 2 * WAD)
    with reverts(vault.ERC4626ExceededMaxDeposit, receiver=account, assets=WAD, max=0):
        vault.deposit(WAD, sender=stranger)
    with reverts(vault.ERC4626ExceededMaxMint, receiver=account, shares=1, max=0):
        vault.mint(1, stranger, sender=stranger)
    assert vault.maxWithdraw(lp) == v.max_withdraw(v.supply) > 0
    vault.withdraw(vault.maxWithdraw(lp), sender=lp)


def test_wiped_out__recovers__deposits_open_again(almost_lost, stranger, clock):
    suite = almost_lost(0)
    assert suite.vault.maxDeposit(stranger) == 0
    suite.set_price(10_000)
    v = check_value(suite, clock.now)
    assert suite.vault.maxDeposit(stranger) == v.max_deposit > 0


def test_value__position_grows_old__borrowing_lifts_only_upper(btc, trader, clock):
    open_position(btc, trader, COLLATERAL, NOTIONAL, True)
    fresh = check_value(btc, clock.now)
    clock.advance(DAY)
    old = check_value(btc, clock.now)
    assert old.lower == fresh.lower == fresh.upper < old.upper
