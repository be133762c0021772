"""Vault.withdraw and redeem with a cooldown: what has matured, from when on, and at what price."""

import pytest

from tests.expected import assets, shares
from tests.suite import UNLIMITED, WAD
from tests.unit.books import both_sides, logs
from tests.unit.vault.cooling import DAY, PERIOD, SHARES, locks, queue, request
from tests.unit.vault.pricing import trade, value, winning_or_losing
from tests.unit.vault.test_max import check_exact, leaving
from tests.unit.vault.test_withdraw_redeem import left

ODD = 777 * SHARES + 12_345


def taken(owner, ref, amount, locked) -> tuple:
    values = {"owner": owner.address, "ref": ref, "shares": amount, "locked": locked}
    return "RequestsRedeemed", values


@winning_or_losing
@leaving
def test_leave__a_second_before_and_at_maturity__exact(
    cooling, lp, trader, clock, reverts, function, change
):
    vault, start = cooling.vault, clock.now
    request(cooling, lp, ODD)
    trade(cooling, trader, clock, True, change)
    clock.advance(start + PERIOD - 1 - clock.now)
    assert vault.maxWithdraw(lp) == vault.maxRedeem(lp) == 0, "V3"
    name, unit = {
        "withdraw": ("ERC4626ExceededMaxWithdraw", "assets"),
        "redeem": ("ERC4626ExceededMaxRedeem", "shares"),
    }[function]
    with reverts(getattr(vault, name), **{"owner": lp.address, unit: 1, "max": 0}):
        getattr(vault, function)(1, sender=lp)
    now = clock.advance(1)
    v = value(cooling, now)
    expected = ODD if function == "redeem" else assets(ODD, v.lower, v.supply)
    assert expected == (v.max_redeem(ODD) if function == "redeem" else v.max_withdraw(ODD))
    check_exact(cooling, reverts, function, lp, expected)


@winning_or_losing
@pytest.mark.parametrize("form", ["caller", "receiver", "minimum", "ref"])
def test_redeem__matured__burned_at_the_lower_value_of_that_moment(
    cooling, lp, trader, crowd, clock, form, change
):
    vault, held, ref = cooling.vault, cooling.vault.balanceOf(lp), 9 if form == "ref" else 0
    request(cooling, lp, ODD, ref)
    trade(cooling, trader, clock, False, change)
    now = clock.advance(PERIOD)
    v, part = value(cooling, now), ODD - 54_321
    expected = assets(part, v.lower, v.supply)
    receiver = lp if form == "caller" else crowd[0]
    arguments = {
        "caller": (part,),
        "receiver": (part, receiver, lp),
        "minimum": (part, receiver, lp, expected),
        "ref": (part, receiver, lp, expected, ref),
    }[form]
    assert vault.redeem.call(*arguments, sender=lp) == expected
    before = cooling.prep.balanceOf(receiver)
    tx = vault.redeem(*arguments, sender=lp)
    expected_logs = [taken(lp, ref, part, 54_321), *left(lp, receiver, lp, expected, part)]
    assert logs(tx, vault) == expected_logs
    assert cooling.prep.balanceOf(receiver) == before + expected
    assert vault.balanceOf(lp) == vault.totalSupply() == held - part
    assert [r[0] for r in queue(cooling, lp, ref)] == [54_321]
    assert locks(cooling, lp, ref) == (54_321, 54_321)


@winning_or_losing
def test_withdraw__matured__burns_shares_rounded_up(cooling, lp, trader, clock, change):
    request(cooling, lp, ODD)
    trade(cooling, trader, clock, True, change)
    v = value(cooling, clock.advance(PERIOD))
    amount = 321 * WAD + 98_765
    burned = shares(amount, v.lower, v.supply, up=True)
    assert (burned != shares(amount, v.lower, v.supply)) == (change > 0), "the rounding shows"
    tx = cooling.vault.withdraw(amount, sender=lp)
    expected = [taken(lp, 0, burned, ODD - burned), *left(lp, lp, lp, amount, burned)]
    assert logs(tx, cooling.vault) == expected


def test_redeem__over_two_requests__oldest_first_and_the_rest_stays(cooling, lp, clock):
    vault, start = cooling.vault, clock.now
    for amount in (10, 20, 30):
        request(cooling, lp, amount * SHARES)
        clock.advance(DAY)
    clock.advance(PERIOD - 2 * DAY)  # the first two have matured, for a day and just now
    assert locks(cooling, lp) == (60 * SHARES, 30 * SHARES)
    tx = vault.redeem(14 * SHARES, sender=lp)
    assert logs(tx, vault)[0] == taken(lp, 0, 14 * SHARES, 46 * SHARES)
    times = [(start + i * DAY + PERIOD, start + i * DAY + PERIOD + 7 * DAY) for i in (1, 2)]
    assert queue(cooling, lp) == [(16 * SHARES, *times[0]), (30 * SHARES, *times[1])]
    assert locks(cooling, lp) == (46 * SHARES, 16 * SHARES)
    vault.redeem(16 * SHARES, sender=lp)
    assert queue(cooling, lp) == [(30 * SHARES, *times[1])]
    clock.advance(DAY)
    vault.redeem(30 * SHARES, sender=lp)
    assert (queue(cooling, lp), locks(cooling, lp)) == ([], (0, 0))


@leaving
def test_leave__matured_in_another_queue__nothing(cooling, lp, clock, reverts, function):
    vault = cooling.vault
    request(cooling, lp, 5 * SHARES, 1)
    request(cooling, lp, 7 * SHARES, 2)
    clock.advance(PERIOD)
    assert vault.maxRedeem(lp) == vault.maxWithdraw(lp) == 0, "V3"
    name, unit = ("Withdraw", "assets") if function == "withdraw" else ("Redeem", "shares")
    error = getattr(vault, f"ERC4626ExceededMax{name}")
    with reverts(error, **{"owner": lp.address, unit: 1, "max": 0}):
        getattr(vault, function)(1, lp, lp, sender=lp)
    assert [vault.maxRedeem(lp, ref) for ref in (0, 1, 2)] == [0, 5 * SHARES, 7 * SHARES], "V3"
    assert [vault.maxWithdraw(lp, ref) for ref in (0, 1, 2)] == [0, 5 * WAD, 7 * WAD], "V3"
    values = {"owner": lp.address, "shares": 5 * SHARES + 1, "max": 5 * SHARES}
    with reverts(vault.ERC4626ExceededMaxRedeem, **values):
        vault.redeem(5 * SHARES + 1, lp, lp, 0, 1, sender=lp)
    vault.redeem(5 * SHARES, lp, lp, 0, 1, sender=lp)
    assert (queue(cooling, lp, 1), locks(cooling, lp, 2)) == ([], (7 * SHARES, 7 * SHARES))


def test_redeem__by_ref__minimum_missed_by_one_and_zero(cooling, lp, clock, reverts):
    vault = cooling.vault
    request(cooling, lp, 5 * SHARES, 1)
    clock.advance(PERIOD)
    with reverts(vault.TooLittleReceived, received=5 * WAD, min=5 * WAD + 1):
        vault.redeem(5 * SHARES, lp, lp, 5 * WAD + 1, 1, sender=lp)
    with reverts(vault.ZeroAmount):
        vault.redeem(0, lp, lp, 0, 1, sender=lp)
    vault.redeem(5 * SHARES, lp, lp, 5 * WAD, 1, sender=lp)


def test_redeem__for_another_owner__spends_an_allowance_of_shares(
    cooling, lp, stranger, crowd, clock, reverts
):
    """Who may spend the shares may redeem what has matured of them, of any queue."""
    vault = cooling.vault
    request(cooling, lp, 5 * SHARES)
    request(cooling, lp, 7 * SHARES, 1)
    clock.advance(PERIOD)
    values = {"spender": stranger.address, "allowance": 0, "needed": 5 * SHARES}
    with reverts(vault.ERC20InsufficientAllowance, **values):
        vault.redeem(5 * SHARES, stranger, lp, sender=stranger)
    vault.approve(stranger, 12 * SHARES - 1, sender=lp)
    vault.redeem(5 * SHARES, crowd[0], lp, sender=stranger)
    values |= {"allowance": 7 * SHARES - 1, "needed": 7 * SHARES}
    with reverts(vault.ERC20InsufficientAllowance, **values):
        vault.redeem(7 * SHARES, stranger, lp, 0, 1, sender=stranger)
    tx = vault.redeem(7 * SHARES - 1, crowd[0], lp, 0, 1, sender=stranger)
    assert logs(tx, vault)[0] == taken(lp, 1, 7 * SHARES - 1, 1)
    assert vault.allowance(lp, stranger) == 0
    vault.approve(stranger, UNLIMITED, sender=lp)
    assert vault.maxRedeem(lp) == vault.maxRedeem(stranger) == 0


@both_sides
@winning_or_losing
def test_redeem__locked_while_traders_win_or_lose__as_unlocked_shares(
    cooling, lp, trader, other_trader, clock, is_long, change
):
    """Profit and loss are shared whether or not a request is under way: two owners of as many
    shares, one of whom requests at first and one in the end, get the same."""
    vault = cooling.vault
    cooling.vault.transfer(other_trader, vault.balanceOf(lp) // 2, sender=lp)
    half = vault.balanceOf(lp)
    request(cooling, lp, half)
    trade(cooling, trader, clock, is_long, change)
    clock.advance(PERIOD)
    cooling.protocol.closePosition(sender=trader)
    request(cooling, other_trader, half)
    clock.advance(PERIOD)
    v = value(cooling, clock.now)
    assert (v.liquidity > 10**6 * WAD) == (change < 0), "the vault has won what traders lost"
    before = cooling.prep.balanceOf(other_trader)
    vault.redeem(half, sender=lp)
    vault.redeem(half, sender=other_trader)
    paid = cooling.prep.balanceOf(lp), cooling.prep.balanceOf(other_trader) - before
    assert paid[0] == assets(half, v.lower, v.supply)
    assert 0 <= paid[1] - paid[0] <= 1, "the rounding of the first stays with the second"


@both_sides
@leaving
def test_max_leave__reserves_bind__exact_and_the_request_stays_in_part(
    cooling, lp, trader, clock, reverts, function, is_long
):
    held = cooling.vault.balanceOf(lp)
    request(cooling, lp, held)
    trade(cooling, trader, clock, is_long, 321)
    v = value(cooling, clock.advance(PERIOD))
    expected = v.max_withdraw(held) if function == "withdraw" else v.max_redeem(held)
    assert assets(held, v.lower, v.supply) > v.free
    check_exact(cooling, reverts, function, lp, expected)
    assert cooling.protocol.liquidity() == cooling.protocol.liquidityReservesToHold(), "V4"
    kept = cooling.vault.balanceOf(lp)
    assert [r[0] for r in queue(cooling, lp)] == [kept] == [locks(cooling, lp)[0]], "V5"


def test_max_redeem__matured_shares_worth_nothing__zero(cooling, lp, clock, reverts):
    vault = cooling.vault
    request(cooling, lp, 999_999)
    clock.advance(PERIOD)
    assert vault.maxRedeem(lp) == vault.maxWithdraw(lp) == 0, "V3"
    assert vault.redeemableShares(lp, 0) == 999_999
    with reverts(vault.ERC4626ExceededMaxRedeem, owner=lp.address, shares=999_999, max=0):
        vault.redeem(999_999, sender=lp)


def test_max__stopped__zero_of_every_queue_until_resumed(
    cooling, lp, guardian, admin, clock, reverts
):
    vault = cooling.vault
    request(cooling, lp, SHARES, 1)
    clock.advance(PERIOD)
    vault.stopWithdrawals(sender=guardian)
    assert vault.maxRedeem(lp, 1) == vault.maxWithdraw(lp, 1) == 0, "V3"
    with reverts(vault.WithdrawalsStopped):
        vault.redeem(SHARES, lp, lp, 0, 1, sender=lp)
    assert locks(cooling, lp, 1) == (SHARES, SHARES)
    vault.resumeWithdrawals(sender=admin)
    assert (vault.maxRedeem(lp, 1), vault.maxWithdraw(lp, 1)) == (SHARES, WAD), "V3"
    vault.redeem(SHARES, lp, lp, 0, 1, sender=lp)


def test_deposit_then_redeem__with_a_cooldown__never_more_than_put_in(cooling, other_trader, clock):
    vault, before = cooling.vault, cooling.prep.balanceOf(other_trader)
    vault.deposit(777 * WAD + 12_345, sender=other_trader)
    held = vault.balanceOf(other_trader)
    request(cooling, other_trader, held)
    clock.advance(PERIOD)
    vault.redeem(held, sender=other_trader)
    assert before - 1 <= cooling.prep.balanceOf(other_trader) <= before, "V2"
