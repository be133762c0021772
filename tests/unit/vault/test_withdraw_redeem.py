"""Vault.withdraw and redeem: priced at the lower value, rounded in favour of those who stay."""

import pytest

from tests.expected import assets, shares
from tests.suite import UNLIMITED, WAD, ZERO_ADDRESS
from tests.unit.books import audit, books, logs
from tests.unit.vault.pricing import smallest_redeemable, trade, value, winning_or_losing

ASSETS = 777 * WAD + 12_345
SHARES = 777 * WAD * 10**6 + 12_345


def left(sender, receiver, owner, paid, burned) -> list:
    """What the vault logs of it."""
    transfer = {"from": owner.address, "to": ZERO_ADDRESS, "value": burned}
    withdraw = {
        "sender": sender.address,
        "receiver": receiver.address,
        "owner": owner.address,
        "assets": paid,
        "shares": burned,
    }
    return [("Transfer", transfer), ("Withdraw", withdraw)]


def check_left(suite, tx, before, funds, v, receiver, owner, paid, burned, *traders):
    assert suite.vault.totalSupply() == v.supply - burned
    assert suite.vault.balanceOf(owner) == v.supply - burned
    assert suite.prep.balanceOf(receiver) == funds + paid
    assert audit(suite, *traders) == before._replace(
        liquidity=before.liquidity - paid,
        net_deposits=before.net_deposits - paid,
        custody=before.custody - paid,
    )
    moved = {"from": suite.vault.address, "to": receiver.address, "value": paid}
    assert logs(tx, suite.prep) == [("Transfer", moved)]
    assert logs(tx, suite.protocol) == []


@winning_or_losing
@pytest.mark.parametrize("form, is_long", [("caller", True), ("receiver", False)])
def test_withdraw__every_form__shares_at_lower_value_rounded_up(
    btc, lp, trader, crowd, clock, form, change, is_long
):
    v = trade(btc, trader, clock, is_long, change)
    expected = shares(ASSETS, v.lower, v.supply, up=True)
    assert expected > shares(ASSETS, v.upper, v.supply, up=True)
    receiver = lp if form == "caller" else crowd[0]
    arguments = (ASSETS,) if form == "caller" else (ASSETS, receiver, lp)
    before, funds = books(btc), btc.prep.balanceOf(receiver)
    assert btc.vault.withdraw.call(*arguments, sender=lp) == expected
    tx = btc.vault.withdraw(*arguments, sender=lp)
    check_left(btc, tx, before, funds, v, receiver, lp, ASSETS, expected, trader)
    assert logs(tx, btc.vault) == left(lp, receiver, lp, ASSETS, expected)


@winning_or_losing
@pytest.mark.parametrize("form", ["caller", "receiver", "minimum"])
def test_redeem__every_form__assets_at_lower_value_rounded_down(
    btc, lp, trader, crowd, clock, form, change
):
    v = trade(btc, trader, clock, False, change)
    expected = assets(SHARES, v.lower, v.supply)
    assert expected < assets(SHARES, v.upper, v.supply)
    receiver = lp if form == "caller" else crowd[0]
    arguments = {
        "caller": (SHARES,),
        "receiver": (SHARES, receiver, lp),
        "minimum": (SHARES, receiver, lp, expected),
    }[form]
    before, funds = books(btc), btc.prep.balanceOf(receiver)
    assert btc.vault.redeem.call(*arguments, sender=lp) == expected
    tx = btc.vault.redeem(*arguments, sender=lp)
    check_left(btc, tx, before, funds, v, receiver, lp, expected, SHARES, trader)
    assert logs(tx, btc.vault) == left(lp, receiver, lp, expected, SHARES)


def test_leave__zero__reverts(btc, lp, reverts):
    vault = btc.vault
    for arguments in [(0,), (0, lp, lp)]:
        with reverts(vault.ZeroAmount):
            vault.withdraw(*arguments, sender=lp)
    for arguments in [(0,), (0, lp, lp), (0, lp, lp, 0)]:
        with reverts(vault.ZeroAmount):
            vault.redeem(*arguments, sender=lp)


@winning_or_losing
def test_redeem__rounds_to_nothing__reverts_and_one_share_more_does_not(
    btc, lp, trader, clock, reverts, change
):
    v = trade(btc, trader, clock, True, change)
    smallest = smallest_redeemable(v)
    with reverts(btc.vault.ZeroAmount):
        btc.vault.redeem(smallest - 1, sender=lp)
    tx = btc.vault.redeem(smallest, sender=lp)
    assert logs(tx, btc.vault) == left(lp, lp, lp, 1, smallest)


def test_redeem__minimum_missed_by_one__reverts_with_both(btc, lp, trader, clock, reverts):
    v = trade(btc, trader, clock, True, 321)
    received = assets(SHARES, v.lower, v.supply)
    with reverts(btc.vault.TooLittleReceived, received=received, min=received + 1):
        btc.vault.redeem(SHARES, lp, lp, received + 1, sender=lp)
    with reverts(btc.vault.TooLittleReceived, received=received, min=UNLIMITED):
        btc.vault.redeem(SHARES, lp, lp, UNLIMITED, sender=lp)


@pytest.mark.parametrize("function", ["withdraw", "redeem"])
def test_leave__for_another_owner__spends_an_allowance_of_shares(
    btc, lp, trader, stranger, crowd, clock, reverts, function
):
    v = trade(btc, trader, clock, True, 321)
    receiver = crowd[0]
    if function == "withdraw":
        paid, burned = ASSETS, shares(ASSETS, v.lower, v.supply, up=True)
        amount = paid
    else:
        paid, burned = assets(SHARES, v.lower, v.supply), SHARES
        amount = burned
    leave = getattr(btc.vault, function)
    btc.vault.approve(stranger, burned - 1, sender=lp)
    with reverts(
        btc.vault.ERC20InsufficientAllowance,
        spender=stranger.address,
        allowance=burned - 1,
        needed=burned,
    ):
        leave(amount, receiver, lp, sender=stranger)
    btc.vault.approve(stranger, burned + 7, sender=lp)
    before = books(btc)
    tx = leave(amount, receiver, lp, sender=stranger)
    check_left(btc, tx, before, 0, v, receiver, lp, paid, burned, trader)
    assert logs(tx, btc.vault) == left(stranger, receiver, lp, paid, burned)
    assert btc.vault.allowance(lp, stranger) == 7
    assert btc.vault.balanceOf(stranger) == 0


def test_redeem__minimum_form_for_another_owner__needs_the_allowance(btc, lp, stranger, reverts):
    with reverts(
        btc.vault.ERC20InsufficientAllowance, spender=stranger.address, allowance=0, needed=SHARES
    ):
        btc.vault.redeem(SHARES, stranger, lp, 0, sender=stranger)


def test_leave__allowance_of_everything__stays(btc, lp, stranger):
    btc.vault.approve(stranger, UNLIMITED, sender=lp)
    btc.vault.withdraw(ASSETS, stranger, lp, sender=stranger)
    btc.vault.redeem(SHARES, stranger, lp, sender=stranger)
    assert btc.vault.allowance(lp, stranger) == UNLIMITED


def test_leave__own_shares__needs_no_allowance(btc, lp, crowd):
    assert btc.vault.allowance(lp, lp) == 0
    btc.vault.withdraw(ASSETS, crowd[0], lp, sender=lp)
    btc.vault.redeem(SHARES, crowd[0], lp, 1, sender=lp)
    assert btc.prep.balanceOf(crowd[0]) == ASSETS + SHARES // 10**6


def test_leave__to_nobody__reverts(btc, lp, reverts):
    for leave in (btc.vault.withdraw, btc.vault.redeem):
        with reverts(btc.prep.ERC20InvalidReceiver, receiver=ZERO_ADDRESS):
            leave(10**9, ZERO_ADDRESS, lp, sender=lp)


def test_redeem__everything_of_an_idle_vault__empties_it(btc, lp, clock):
    v = value(btc, clock.now)
    tx = btc.vault.redeem(v.supply, sender=lp)
    assert logs(tx, btc.vault) == left(lp, lp, lp, v.liquidity, v.supply)
    assert books(btc)[:4] == (0, 0, 0, 0)
    assert btc.vault.totalSupply() == 0
