"""Vault.deposit and mint: priced at the upper value, rounded in favour of those who are in."""

import pytest

from tests.expected import assets, shares
from tests.suite import UNLIMITED, WAD, ZERO_ADDRESS
from tests.unit.books import audit, books, logs
from tests.unit.vault.pricing import one_of_each_side, trade, value, winning_or_losing

ASSETS = 777 * WAD + 12_345
SHARES = 777 * WAD * 10**6 + 12_345
TINY = 1


def entered(sender, receiver, paid, minted) -> list:
    """What the vault logs of it."""
    transfer = {"from": ZERO_ADDRESS, "to": receiver.address, "value": minted}
    deposit = {
        "sender": sender.address,
        "owner": receiver.address,
        "assets": paid,
        "shares": minted,
    }
    return [("Transfer", transfer), ("Deposit", deposit)]


def moved(sender, vault, amount) -> list:
    values = {"from": sender.address, "to": vault.address, "value": amount}
    return [("Transfer", values)]


@winning_or_losing
@pytest.mark.parametrize("form", ["caller", "receiver", "minimum"])
def test_deposit__every_form__shares_at_upper_value(
    btc, trader, other_trader, crowd, clock, form, change
):
    v = trade(btc, trader, clock, True, change)
    expected = shares(ASSETS, v.upper, v.supply)
    assert expected != shares(ASSETS, v.lower, v.supply)
    receiver = other_trader if form == "caller" else crowd[0]
    arguments = {
        "caller": (ASSETS,),
        "receiver": (ASSETS, receiver),
        "minimum": (ASSETS, receiver, expected),
    }[form]
    before, funds = books(btc), btc.prep.balanceOf(other_trader)
    assert btc.vault.deposit.call(*arguments, sender=other_trader) == expected
    tx = btc.vault.deposit(*arguments, sender=other_trader)

    assert btc.vault.balanceOf(receiver) == expected
    assert btc.vault.totalSupply() == v.supply + expected
    assert btc.prep.balanceOf(other_trader) == funds - ASSETS
    assert audit(btc, trader) == before._replace(
        liquidity=before.liquidity + ASSETS,
        net_deposits=before.net_deposits + ASSETS,
        custody=before.custody + ASSETS,
    )
    assert logs(tx, btc.vault) == entered(other_trader, receiver, ASSETS, expected)
    assert logs(tx, btc.prep) == moved(other_trader, btc.vault, ASSETS)
    assert logs(tx, btc.protocol) == []


@one_of_each_side
def test_mint__open_position__assets_at_upper_value_rounded_up(
    btc, trader, other_trader, crowd, clock, change, is_long
):
    v = trade(btc, trader, clock, is_long, change)
    expected = assets(SHARES, v.upper, v.supply, up=True)
    assert expected == assets(SHARES, v.upper, v.supply) + 1, "the rounding shows"
    receiver = crowd[0]
    before, funds = books(btc), btc.prep.balanceOf(other_trader)
    assert btc.vault.mint.call(SHARES, receiver, sender=other_trader) == expected
    tx = btc.vault.mint(SHARES, receiver, sender=other_trader)

    assert btc.vault.balanceOf(receiver) == SHARES
    assert btc.vault.totalSupply() == v.supply + SHARES
    assert btc.prep.balanceOf(other_trader) == funds - expected
    assert audit(btc, trader) == before._replace(
        liquidity=before.liquidity + expected,
        net_deposits=before.net_deposits + expected,
        custody=before.custody + expected,
    )
    assert logs(tx, btc.vault) == entered(other_trader, receiver, expected, SHARES)
    assert logs(tx, btc.prep) == moved(other_trader, btc.vault, expected)


def test_mint__one_share__costs_a_whole_unit(btc, other_trader, clock):
    """A millionth of a unit is what it is worth."""
    funds = btc.prep.balanceOf(other_trader)
    btc.vault.mint(TINY, other_trader, sender=other_trader)
    assert btc.prep.balanceOf(other_trader) == funds - 1
    assert btc.vault.balanceOf(other_trader) == TINY


def test_deposit__empty_vault__a_million_shares_per_unit(suite, lp):
    suite.provide(lp, ASSETS)
    assert suite.vault.balanceOf(lp) == ASSETS * 10**6
    assert suite.vault.totalSupply() == ASSETS * 10**6
    assert suite.protocol.liquidity() == suite.protocol.netDeposits() == ASSETS


def test_deposit__zero__reverts(btc, other_trader, reverts):
    vault = btc.vault
    for arguments in [(0,), (0, other_trader), (0, other_trader, 0)]:
        with reverts(vault.ZeroAmount):
            vault.deposit(*arguments, sender=other_trader)
    with reverts(vault.ZeroAmount):
        vault.mint(0, other_trader, sender=other_trader)


def test_deposit__rounds_to_no_shares__reverts_and_one_unit_more_does_not(
    unreserved, lp, trader, other_trader, clock, reverts
):
    suite = unreserved
    suite.provide(lp, 1)
    suite.open(trader, 5_000 * WAD, 50_000 * WAD, True)
    suite.set_price(9_500)
    suite.protocol.closePosition(sender=trader)
    v = value(suite, clock.now)
    price = -(-(v.upper + 1) // (v.supply + 10**6))
    assert shares(price, v.upper, v.supply) == 1
    suite.give(other_trader, price)
    with reverts(suite.vault.ZeroAmount):
        suite.vault.deposit(price - 1, sender=other_trader)
    suite.vault.deposit(price, sender=other_trader)
    assert suite.vault.balanceOf(other_trader) == 1


def test_deposit__minimum_missed_by_one__reverts_with_both(
    btc, trader, other_trader, clock, reverts
):
    v = trade(btc, trader, clock, True, -321)
    received = shares(ASSETS, v.upper, v.supply)
    with reverts(btc.vault.TooLittleReceived, received=received, min=received + 1):
        btc.vault.deposit(ASSETS, other_trader, received + 1, sender=other_trader)
    with reverts(btc.vault.TooLittleReceived, received=received, min=UNLIMITED):
        btc.vault.deposit(ASSETS, other_trader, UNLIMITED, sender=other_trader)


@pytest.mark.parametrize("function", ["deposit", "mint"])
def test_enter__one_unit_short__reverts_with_the_tokens_error(btc, stranger, reverts, function):
    """A share price of one unit for a million shares: 1,000 units either way."""
    amount = 1_000 if function == "deposit" else 1_000 * 10**6
    enter = getattr(btc.vault, function)
    btc.prep.mint(stranger, 999, sender=btc.admin)
    btc.prep.approve(btc.vault, 999, sender=stranger)
    with reverts(
        btc.prep.ERC20InsufficientAllowance, spender=btc.vault.address, allowance=999, needed=1_000
    ):
        enter(amount, stranger, sender=stranger)
    btc.prep.approve(btc.vault, 1_000, sender=stranger)
    with reverts(
        btc.prep.ERC20InsufficientBalance, sender=stranger.address, balance=999, needed=1_000
    ):
        enter(amount, stranger, sender=stranger)
    btc.prep.mint(stranger, 1, sender=btc.admin)
    enter(amount, stranger, sender=stranger)
    assert btc.vault.balanceOf(stranger) == 1_000 * 10**6
    assert btc.prep.allowance(stranger, btc.vault) == 0


def test_enter__for_nobody__reverts(btc, other_trader, reverts):
    for enter in (btc.vault.deposit, btc.vault.mint):
        with reverts(btc.vault.ERC20InvalidReceiver, receiver=ZERO_ADDRESS):
            enter(10**6, ZERO_ADDRESS, sender=other_trader)


@one_of_each_side
def test_deposit_then_redeem__unchanged_price__never_returns_more(
    btc, trader, other_trader, clock, change, is_long
):
    trade(btc, trader, clock, is_long, change)
    funds = btc.prep.balanceOf(other_trader)
    btc.vault.deposit(ASSETS, sender=other_trader)
    btc.vault.redeem(btc.vault.balanceOf(other_trader), sender=other_trader)
    lost = funds - btc.prep.balanceOf(other_trader)
    assert lost >= 0, "V2"
    btc.vault.mint(SHARES, other_trader, sender=other_trader)
    btc.vault.withdraw(btc.vault.maxWithdraw(other_trader), sender=other_trader)
    assert btc.prep.balanceOf(other_trader) <= funds - lost, "V2"
