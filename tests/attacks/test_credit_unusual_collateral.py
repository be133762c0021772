"""Attack: a collateral that takes a fee on transfer, or blocks the owner, the liquidator or the
manager.

A fee is refused wherever tokens come in. Whoever is blocked is harmed alone: others go on, and the
account can be liquidated by somebody else, or through another collateral.
"""

import pytest

from prep.credit.actions import ALL, borrow, deposit, repay, withdraw
from tests.attacks.hostile_asset import HOSTILE, add_hostile
from tests.attacks.till import LIQUIDATE, check_books, liquidate, refusal, refused, wallet
from tests.credit import PREP, WETH, deploy_credit
from tests.suite import WAD

FUNDS = 10_000 * WAD


@pytest.fixture(scope="module")
def own(create_suite, project, lp):
    """A deployment of its own, as it has an asset more."""
    return deploy_credit(project, create_suite(), lp)


@pytest.fixture(scope="module")
def hostile(own, project, lp):
    return add_hostile(project, own, lp)


@pytest.fixture
def account(own, hostile, victim, liquidator):
    """Holds the token and WETH, owes PREP; can be liquidated once WETH has fallen."""
    account = own.funded(victim, weth=5 * WAD)
    hostile.give(victim, FUNDS)
    own.act(victim, account, deposit(HOSTILE, FUNDS))
    own.act(victim, account, borrow(PREP, 15_000 * WAD), withdraw(PREP, 15_000 * WAD))
    own.give(liquidator, PREP, 10**6 * WAD)
    return account


def fall(own):
    own.set_asset_price(WETH, 1_300)


def block(own, hostile, who, blocked=True):
    hostile.token.setBlocked(who, blocked, sender=own.suite.admin)


@pytest.mark.parametrize("rate", [1, 100, 10_000])
def test_deposit__fee_on_transfer__refused(own, hostile, victim, account, rate):
    hostile.give(victim, WAD)
    hostile.token.setFeeRate(rate, sender=own.suite.admin)
    error = refused(own, victim, account, deposit(HOSTILE, WAD))
    assert error == ("TransferFellShort", (WAD - WAD * rate // 10_000, WAD))


def test_borrow__fee_on_transfer__refused(own, hostile, attacker, victim, account):
    """What does not arrive would be missing for those who hold the same token."""
    own_account = own.funded(attacker, prep=FUNDS)
    hostile.token.setFeeRate(100, sender=own.suite.admin)
    actions = [borrow(HOSTILE, 1_000 * WAD), withdraw(HOSTILE, ALL)]
    error = refused(own, attacker, own_account, *actions)
    assert error == ("TransferFellShort", (990 * WAD, 1_000 * WAD))
    hostile.token.setFeeRate(0, sender=own.suite.admin)
    own.act(attacker, own_account, *actions)
    own.act(victim, account, withdraw(HOSTILE, WAD))
    check_books(own)


def test_withdraw__fee_on_transfer__taken_from_who_withdraws(
    own, hostile, attacker, victim, account
):
    other = own.open(attacker)
    hostile.give(attacker, FUNDS)
    own.act(attacker, other, deposit(HOSTILE, FUNDS))
    hostile.token.setFeeRate(100, sender=own.suite.admin)
    own.act(attacker, other, withdraw(HOSTILE, ALL))
    assert hostile.token.balanceOf(attacker) == FUNDS * 99 // 100
    check_books(own)


def test_repay__fee_on_transfer__refused_and_other_debts_unharmed(
    own, hostile, victim, liquidator, account
):
    own.act(victim, account, borrow(HOSTILE, 100 * WAD))
    hostile.token.setFeeRate(100, sender=own.suite.admin)
    error = refused(own, victim, account, repay(HOSTILE, 50 * WAD))
    assert error == ("TransferFellShort", (49 * WAD + WAD // 2, 50 * WAD))
    own.give(victim, PREP, WAD)
    own.act(victim, account, deposit(PREP, WAD), repay(PREP, WAD))
    check_books(own)


def test_withdraw__owner_blocked__others_can_and_so_can_the_next_owner(
    own, hostile, victim, attacker, accomplice, account
):
    block(own, hostile, victim)
    assert refused(own, victim, account, withdraw(HOSTILE, WAD))[0] == "Blocked"
    other = own.open(attacker)
    hostile.give(attacker, FUNDS)
    own.act(attacker, other, deposit(HOSTILE, FUNDS))
    own.act(attacker, other, withdraw(HOSTILE, ALL))
    own.manager.transferFrom(victim, accomplice, account, sender=victim)
    own.act(accomplice, account, withdraw(HOSTILE, WAD))
    check_books(own)


def test_liquidate__owner_blocked__goes_through(own, hostile, victim, liquidator, account):
    block(own, hostile, victim)
    fall(own)
    _, _, repaid, seized, _, _ = liquidate(own, liquidator, account, PREP, HOSTILE, 10**30)
    assert (repaid > 0, seized > 0) == (True, True)
    assert hostile.token.balanceOf(liquidator) == seized
    check_books(own)


@pytest.mark.parametrize("blocked", ["liquidator", "manager"])
def test_liquidate__liquidator_or_manager_blocked__through_another_collateral(
    own, hostile, victim, liquidator, account, blocked
):
    fall(own)
    block(own, hostile, own.manager if blocked == "manager" else liquidator)
    args = (account, PREP, HOSTILE, 10**30)
    assert refusal(own, liquidator, own.manager, LIQUIDATE, *args)[0] == "Blocked"
    before = own.health(account, True).equity
    _, _, repaid, seized, _, _ = liquidate(own, liquidator, account, PREP, WETH, 10**30)
    assert (repaid > 0, seized > 0) == (True, True)
    assert wallet(own, liquidator, WETH) == seized
    assert own.health(account, True).equity > before
    check_books(own)


def test_liquidate__manager_blocked_and_token_held_and_owed__waits_for_the_token(
    own, hostile, victim, liquidator, account
):
    """The bound: what is both held and owed of a token that nobody can move stops the liquidation
    of this account, until the token moves again. Those of others it does not stop."""
    own.act(victim, account, borrow(HOSTILE, WAD))
    other = own.funded(victim, weth=5 * WAD)
    own.act(victim, other, borrow(PREP, 7_000 * WAD), withdraw(PREP, 7_000 * WAD))
    fall(own)
    block(own, hostile, own.manager)
    args = (account, PREP, WETH, 10**30)
    assert refusal(own, liquidator, own.manager, LIQUIDATE, *args)[0] == "Blocked"
    assert liquidate(own, liquidator, other, PREP, WETH, 10**30)[2] > 0
    block(own, hostile, own.manager, False)
    assert liquidate(own, liquidator, account, PREP, WETH, 10**30)[2] > 0
    check_books(own)
