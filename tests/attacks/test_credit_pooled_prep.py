"""Attack: an account loses more PREP than it has or can borrow, so that the manager pays with the
PREP of others, which lies in the same place.

Whatever it is that settles, it fails, or somebody else pays who has agreed to; the others' PREP is
never touched (M5).
"""

import pytest

from prep.credit.actions import (
    ALL,
    Condition,
    OrderTerms,
    deposit,
    place_order,
    reduce,
    trade,
    withdraw,
)
from tests.attacks.till import (
    HOUR,
    check_books,
    liquidate,
    now,
    placed,
    refusal,
    refused,
    wallet,
)
from tests.credit import BITCOIN, PREP, WETH
from tests.suite import UNLIMITED, WAD

DELEVERAGE = "deleverage(address,uint256,uint256,uint256)"
LOSS = 2_000 * WAD
OTHERS = 100_000 * WAD


@pytest.fixture
def others(credit, victim):
    """Pooled PREP."""
    return credit.funded(victim, prep=OTHERS)


@pytest.fixture
def account(credit, others, attacker, guardian):
    """Holds ten ether and no PREP; its position has lost 2,000, which nobody lends any more."""
    account = credit.funded(attacker, weth=10 * WAD)
    credit.act(attacker, account, trade(BITCOIN, 2 * WAD))
    terms = OrderTerms(Condition.AT_OR_BELOW, 9_500 * WAD, True, now(credit) + HOUR, 0)
    placed(credit, attacker, account, place_order(BITCOIN, -2 * WAD, terms))
    credit.set_market_price(BITCOIN, 9_000)
    credit.lending[PREP].disableBorrower(credit.manager, sender=guardian)
    return account


def unharmed(credit, victim, others):
    check_books(credit)
    assert credit.balance(others, PREP) == OTHERS
    credit.act(victim, others, withdraw(PREP, ALL))
    assert wallet(credit, victim, PREP) == OTHERS


def test_reduce__loss_that_nobody_lends__refused(credit, attacker, victim, others, account):
    error = refused(credit, attacker, account, reduce(BITCOIN, ALL))
    assert error == ("CannotBorrow", (PREP, LOSS, 0))
    unharmed(credit, victim, others)


def test_trade__reopening_at_a_loss__refused(credit, attacker, victim, others, account):
    error = refused(credit, attacker, account, trade(BITCOIN, WAD))
    assert error == ("CannotBorrow", (PREP, LOSS, 0))
    unharmed(credit, victim, others)


def test_execute_order__loss_that_nobody_lends__refused_and_skipped(
    credit, attacker, stranger, victim, others, account
):
    (order,) = credit.book.ordersOf(account)
    error = refusal(credit, stranger, credit.book, "execute(uint256)", order)
    assert error == ("CannotBorrow", (PREP, LOSS, 0))
    credit.must(stranger, credit.book, "executeMany(uint256[])", [order])
    assert credit.size(account, BITCOIN) == 2 * WAD
    unharmed(credit, victim, others)


def test_place_order__fee_that_nobody_lends__refused(credit, attacker, victim, others, account):
    terms = OrderTerms(Condition.AT_OR_ABOVE, 1, False, now(credit) + HOUR, 100 * WAD)
    error = refused(credit, attacker, account, place_order(BITCOIN, WAD, terms))
    assert error == ("CannotBorrow", (PREP, 100 * WAD, 0))
    unharmed(credit, victim, others)


def test_deleverage__loss_that_nobody_lends__refused_for_this_account_alone(
    credit, attacker, stranger, victim, others, account
):
    """The bound: an account without PREP cannot be deleveraged at a loss while nobody lends.
    Another on the same side can."""
    credit.act(victim, others, trade(BITCOIN, WAD))
    credit.suite.configure(maxLongOIValue=0)
    credit.set_market_price(BITCOIN, 8_900)
    args = (credit.manager.address, account, BITCOIN, UNLIMITED)
    error = refusal(credit, stranger, credit.suite.deleverager, DELEVERAGE, *args)
    assert error == ("CannotBorrow", (PREP, 2_200 * WAD, 0))
    args = (credit.manager.address, others, BITCOIN, UNLIMITED)
    credit.must(stranger, credit.suite.deleverager, DELEVERAGE, *args)
    assert credit.size(others, BITCOIN) == 0
    check_books(credit)
    assert credit.balance(others, PREP) == OTHERS - 100 * WAD


@pytest.mark.parametrize("supply", [0, LOSS - 1, 10**30], ids=["none", "too-little", "all"])
def test_liquidate__loss_that_nobody_lends__skipped_or_supplied(
    credit, attacker, liquidator, victim, others, account, supply
):
    """Whoever liquidates pays it, or the position stays."""
    credit.set_asset_price(WETH, 300)
    credit.give(liquidator, PREP, 10**6 * WAD)
    before = wallet(credit, liquidator, PREP)
    closed, reward, repaid, _, _, _ = liquidate(credit, liquidator, account, PREP, WETH, supply)
    if supply < LOSS:
        assert (closed, repaid, credit.size(account, BITCOIN)) == (0, 0, 2 * WAD)
        assert wallet(credit, liquidator, PREP) == before
    else:
        assert (closed, repaid, credit.size(account, BITCOIN)) == (18_000 * WAD, LOSS, 0)
        assert wallet(credit, liquidator, PREP) == before - LOSS + reward
    unharmed(credit, victim, others)


def test_reduce__loss_brought_along__goes_through(credit, attacker, victim, others, account):
    """The control: to the unit."""
    credit.give(attacker, PREP, LOSS)
    actions = deposit(PREP, LOSS - 1), reduce(BITCOIN, ALL)
    assert refused(credit, attacker, account, *actions) == ("CannotBorrow", (PREP, 1, 0))
    credit.act(attacker, account, deposit(PREP, LOSS), reduce(BITCOIN, ALL))
    assert credit.balance(account, PREP) == 0
    unharmed(credit, victim, others)
