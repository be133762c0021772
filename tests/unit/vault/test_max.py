"""Vault.max*: exact, and zero rather than a revert where nothing is possible (V3)."""

import pytest

from tests.expected import assets, shares
from tests.suite import WAD
from tests.unit.books import both_sides, open_position
from tests.unit.vault.pricing import (
    COLLATERAL,
    DAY,
    MAX_LIQUIDITY,
    NOTIONAL,
    one_of_each_side,
    trade,
    value,
    winning_or_losing,
)

leaving = pytest.mark.parametrize("function", ["withdraw", "redeem"])
entering = pytest.mark.parametrize("function", ["deposit", "mint"])

ERRORS = {
    "deposit": ("ERC4626ExceededMaxDeposit", "receiver", "assets"),
    "mint": ("ERC4626ExceededMaxMint", "receiver", "shares"),
    "withdraw": ("ERC4626ExceededMaxWithdraw", "owner", "assets"),
    "redeem": ("ERC4626ExceededMaxRedeem", "owner", "shares"),
}


def all_max(vault, account) -> tuple[int, ...]:
    return tuple(
        getattr(vault, name)(account)
        for name in ("maxDeposit", "maxMint", "maxWithdraw", "maxRedeem")
    )


def check_exact(suite, reverts, function, account, expected) -> None:
    """The view says it, one unit more reverts with it, and that amount goes through."""
    vault = suite.vault
    view = getattr(vault, "max" + function.capitalize())
    assert view(account) == expected > 0, "V3"
    name, of, unit = ERRORS[function]
    values = {of: account.address, unit: expected + 1, "max": expected}
    owner = (account,) if function in ("withdraw", "redeem") else ()
    with reverts(getattr(vault, name), **values):
        getattr(vault, function)(expected + 1, account, *owner, sender=account)
    getattr(vault, function)(expected, account, *owner, sender=account)


def limit(v, function, held) -> int:
    return v.max_withdraw(held) if function == "withdraw" else v.max_redeem(held)


@both_sides
@winning_or_losing
@leaving
def test_max_leave__reserves_bind__exact_and_leaves_the_reserves(
    btc, lp, trader, clock, reverts, function, change, is_long
):
    v = trade(btc, trader, clock, is_long, change)
    expected = limit(v, function, v.supply)
    assert v.reserves > 0
    assert assets(v.supply, v.lower, v.supply) > v.free, "reserves bind"
    check_exact(btc, reverts, function, lp, expected)
    assert btc.protocol.liquidity() == btc.protocol.liquidityReservesToHold(), "V4"
    assert btc.vault.maxWithdraw(lp) == btc.vault.maxRedeem(lp) == 0, "V3"


@one_of_each_side
@leaving
def test_max_leave__own_shares_bind__exact(
    btc, lp, trader, stranger, clock, reverts, function, change, is_long
):
    held = 12_345 * WAD * 10**6 + 678
    btc.vault.transfer(stranger, held, sender=lp)
    v = trade(btc, trader, clock, is_long, change)
    expected = held if function == "redeem" else assets(held, v.lower, v.supply)
    assert limit(v, function, held) == expected
    check_exact(btc, reverts, function, stranger, expected)


@both_sides
def test_max_leave__no_reserve_needed__everything(btc, lp, trader, clock, is_long):
    """Traders lose more than the reserve: nothing has to stay, and lower value is liquidity."""
    v = trade(btc, trader, clock, is_long, -1_600)
    assert (v.reserves, v.lower) == (0, v.liquidity)
    assert btc.vault.maxWithdraw(lp) == v.liquidity == v.max_withdraw(v.supply), "V3"
    assert btc.vault.maxRedeem(lp) == v.supply, "V3"
    btc.vault.redeem(v.supply, sender=lp)
    assert btc.protocol.liquidity() == 0


def test_max_leave__everything_reserved__zero_and_one_unit_reverts(
    unreserved, lp, trader, clock, reverts
):
    suite = unreserved
    suite.provide(lp, 1_000 * WAD)
    suite.open(trader, COLLATERAL, 50_000 * WAD, True)
    suite.set_price(10_200)
    v = value(suite, clock.now)
    assert (v.reserves, v.free) == (1_000 * WAD, 0)
    assert suite.vault.maxWithdraw(lp) == suite.vault.maxRedeem(lp) == 0, "V3"
    suite.set_price(10_300)
    assert value(suite, clock.now).reserves == 1_500 * WAD > suite.protocol.liquidity()
    assert suite.vault.maxWithdraw(lp) == suite.vault.maxRedeem(lp) == 0, "V3"
    with reverts(suite.vault.ERC4626ExceededMaxWithdraw, owner=lp.address, assets=1, max=0):
        suite.vault.withdraw(1, sender=lp)
    with reverts(suite.vault.ERC4626ExceededMaxRedeem, owner=lp.address, shares=1, max=0):
        suite.vault.redeem(1, sender=lp)


def test_max_redeem__shares_worth_nothing__zero(btc, lp, stranger, clock, reverts):
    """A unit is a million shares."""
    btc.vault.transfer(stranger, 999_999, sender=lp)
    assert btc.vault.maxWithdraw(stranger) == btc.vault.maxRedeem(stranger) == 0, "V3"
    with reverts(btc.vault.ERC4626ExceededMaxRedeem, owner=stranger.address, shares=999_999, max=0):
        btc.vault.redeem(999_999, sender=stranger)
    btc.vault.transfer(stranger, 1, sender=lp)
    check_exact(btc, reverts, "redeem", stranger, 10**6)


def test_max_leave__no_shares__zero(btc, stranger):
    assert btc.vault.maxWithdraw(stranger) == btc.vault.maxRedeem(stranger) == 0


@leaving
@pytest.mark.parametrize("by_larger_side", [False, True], ids=["difference", "larger"])
@pytest.mark.parametrize("mostly_long", [True, False], ids=["longs", "shorts"])
def test_max_leave__reserve_basis__exact(
    btc, larger, lp, trader, other_trader, reverts, mostly_long, by_larger_side, function
):
    suite = larger if by_larger_side else btc
    assert suite.vault.reservesByLargerSide() == by_larger_side
    open_position(suite, trader, 50_000 * WAD, 300_000 * WAD, mostly_long)
    open_position(suite, other_trader, 50_000 * WAD, 200_000 * WAD, not mostly_long)
    reserves = (300_000 if by_larger_side else 100_000) * 15 * WAD // 100
    expected = suite.protocol.liquidity() - reserves
    if function == "redeem":
        # The most shares whose assets round down to it.
        expected = (expected + 1) * 10**6 - 1
    check_exact(suite, reverts, function, lp, expected)
    assert suite.protocol.liquidity() == reserves, "V4"


@one_of_each_side
@entering
def test_max_enter__open_position__exact(
    btc, trader, other_trader, clock, reverts, function, change, is_long
):
    btc.give(other_trader, MAX_LIQUIDITY)
    v = trade(btc, trader, clock, is_long, change)
    room = MAX_LIQUIDITY - v.liquidity
    expected = room if function == "deposit" else shares(room, v.upper, v.supply)
    assert expected == (v.max_deposit if function == "deposit" else v.max_mint)
    check_exact(btc, reverts, function, other_trader, expected)
    # A share is worth less than a unit: the last one that fits takes all the room.
    assert btc.protocol.liquidity() == MAX_LIQUIDITY
    assert all_max(btc.vault, other_trader)[:2] == (0, 0), "V3"


def test_max_enter__liquidity_above_the_most__zero(btc, trader, other_trader, clock, reverts):
    btc.give(other_trader, MAX_LIQUIDITY)
    btc.vault.deposit(btc.vault.maxDeposit(other_trader), sender=other_trader)
    trade(btc, trader, clock, True, -100)
    btc.protocol.closePosition(sender=trader)
    assert btc.protocol.liquidity() > MAX_LIQUIDITY
    assert all_max(btc.vault, other_trader)[:2] == (0, 0), "V3"
    account = other_trader.address
    with reverts(btc.vault.ERC4626ExceededMaxDeposit, receiver=account, assets=1, max=0):
        btc.vault.deposit(1, sender=other_trader)
    with reverts(btc.vault.ERC4626ExceededMaxMint, receiver=account, shares=1, max=0):
        btc.vault.mint(1, other_trader, sender=other_trader)


def test_max_enter__empty_vault__all_there_is_room_for(suite, stranger):
    assert all_max(suite.vault, stranger) == (MAX_LIQUIDITY, MAX_LIQUIDITY * 10**6, 0, 0)


def missing_price(suite, clock, why: str) -> tuple:
    """Makes the oracle fail. Its error and the error's values."""
    oracle, heartbeat = suite.oracle, suite.oracle.heartbeat()
    updated_at = suite.feed.latestRoundData()[3]
    if why == "stale":
        clock.advance(updated_at + heartbeat + 1 - clock.now)
        return oracle.AnswerStale, {"updatedAt": updated_at, "heartbeat": heartbeat}
    suite.set_answer(0)
    return oracle.AnswerNotPositive, {"answer": 0}


@pytest.mark.parametrize("why, is_long", [("stale", True), ("zero", False)])
def test_max__no_price__zero_and_actions_say_why(
    btc, lp, trader, other_trader, clock, reverts, why, is_long
):
    open_position(btc, trader, COLLATERAL, NOTIONAL, is_long)
    btc.set_price(10_000)
    clock.advance(btc.oracle.heartbeat())
    assert all(all_max(btc.vault, lp)), "a price that is just fresh enough"
    error, values = missing_price(btc, clock, why)
    assert all_max(btc.vault, lp) == (0, 0, 0, 0), "V3"
    vault = btc.vault
    for act in (
        lambda: vault.deposit(WAD, sender=other_trader),
        lambda: vault.mint(WAD, other_trader, sender=other_trader),
        lambda: vault.withdraw(WAD, sender=lp),
        lambda: vault.redeem(WAD, sender=lp),
        vault.upperValue,
        lambda: vault.previewDeposit(WAD),
    ):
        with reverts(error, **values):
            act()


def test_max__no_price_and_no_position__not_asked_for(btc, lp, other_trader, clock):
    clock.advance(btc.oracle.heartbeat() + DAY)
    v = value(btc, clock.now)
    expected = (v.max_deposit, v.max_mint, v.max_withdraw(v.supply), v.max_redeem(v.supply))
    assert all_max(btc.vault, lp) == expected
    btc.vault.deposit(WAD, sender=other_trader)
    btc.vault.redeem(v.supply, sender=lp)
    assert btc.protocol.liquidity() == WAD
