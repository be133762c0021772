"""Attack: a delegate does more than he was allowed, or takes what he may only move.

He cannot: what he withdraws goes to the owner, and each kind of action needs its bit (the tests of
`setDelegate` try all of them). But whoever may place orders spends: he can pay himself keeper fees,
a hundred at a time, as far as the account's health goes. So the bound is what the owner himself
could take out.
"""

import pytest

from prep.credit.actions import (
    ALL,
    ActionKind,
    Condition,
    OrderTerms,
    borrow,
    deposit,
    place_order,
    repay,
    withdraw,
)
from tests.attacks.till import HOUR, check_books, fill, later, now, placed, refused, wallet
from tests.credit import PREP, SOL
from tests.suite import WAD

EVERYTHING = (1 << 12) - 1
FUNDS = 1_000 * WAD
MAX_FEE = 100 * WAD


@pytest.fixture
def account(credit, victim):
    return credit.funded(victim, prep=FUNDS)


def allow(credit, owner, account, delegate, actions):
    expiry = now(credit) + 24 * HOUR
    credit.manager.setDelegate(account, delegate, actions, expiry, sender=owner)


def costly(credit, fee):
    """Fills at once, whatever the price."""
    terms = OrderTerms(Condition.AT_OR_ABOVE, 1, False, now(credit) + HOUR, fee)
    return place_order(SOL, 10**5, terms)


def test_withdraw__by_a_delegate_with_everything__goes_to_the_owner(
    credit, victim, attacker, account
):
    allow(credit, victim, account, attacker, EVERYTHING)
    credit.act(attacker, account, withdraw(PREP, ALL))
    assert (wallet(credit, victim, PREP), wallet(credit, attacker, PREP)) == (FUNDS, 0)


def test_deposit__by_a_delegate__out_of_his_own_wallet(credit, victim, attacker, account):
    """The owner's allowance to the manager is not for him."""
    allow(credit, victim, account, attacker, EVERYTHING)
    credit.give(victim, PREP, FUNDS)
    assert refused(credit, attacker, account, deposit(PREP, 1))[0] == "ERC20InsufficientAllowance"
    credit.give(attacker, PREP, WAD)
    credit.act(attacker, account, deposit(PREP, WAD))
    assert wallet(credit, victim, PREP) == FUNDS


def test_place_order__fees_for_himself__no_more_than_the_account_has(
    credit, victim, attacker, account
):
    """A hundred at a time, until the position that he has built up needs the rest."""
    allow(credit, victim, account, attacker, 1 << ActionKind.PLACE_ORDER)
    error = refused(credit, attacker, account, costly(credit, MAX_FEE + 1))
    assert error == ("KeeperFeeOutOfBounds", (MAX_FEE + 1, 0, MAX_FEE))
    taken = 0
    for _ in range(9):
        fill(credit, attacker, placed(credit, attacker, account, costly(credit, MAX_FEE)))
        taken += MAX_FEE
        assert wallet(credit, attacker, PREP) == taken
    assert refused(credit, attacker, account, costly(credit, MAX_FEE))[0] == "AccountUnhealthy"
    health = credit.health(account)
    assert 0 <= health.equity - health.required < MAX_FEE
    check_books(credit)


@pytest.mark.parametrize("end", ["revoked", "expired", "transferred"])
def test_execute__delegation_has_ended__refused(credit, victim, accomplice, attacker, account, end):
    allow(credit, victim, account, attacker, EVERYTHING)
    credit.act(attacker, account, borrow(PREP, WAD))
    if end == "revoked":
        credit.manager.setDelegate(account, attacker, 0, 0, sender=victim)
    elif end == "expired":
        later(credit, 24 * HOUR)
    else:
        credit.manager.transferFrom(victim, accomplice, account, sender=victim)
    assert refused(credit, attacker, account, repay(PREP, 1))[0] == "NotAllowed"
    if end == "transferred":
        credit.manager.transferFrom(accomplice, victim, account, sender=accomplice)
        assert refused(credit, attacker, account, repay(PREP, 1))[0] == "NotAllowed"


def test_execute__approved_for_the_token_only__refused(credit, victim, attacker, account):
    """Who may transfer an account may not act for it."""
    credit.manager.approve(attacker, account, sender=victim)
    credit.manager.setApprovalForAll(attacker, True, sender=victim)
    assert refused(credit, attacker, account, withdraw(PREP, 1))[0] == "NotAllowed"
