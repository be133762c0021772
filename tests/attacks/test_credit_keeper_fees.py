"""Attack: an account that does not stand well, or has nothing, pays keepers: its owner places
orders that can only reduce, which nobody checks, with fees for himself.

A fee that is not brought along in PREP makes the list one that is checked.
"""

import pytest

from prep.credit.actions import (
    Condition,
    OrderTerms,
    borrow,
    cancel_order,
    deposit,
    place_order,
    repay,
    trade,
    withdraw,
)
from tests.attacks.till import HOUR, check_books, fill, last_order, now, placed, refused, wallet
from tests.credit import PREP, SOL, WETH
from tests.suite import WAD

FEE = 100 * WAD


@pytest.fixture
def account(credit, attacker):
    """Does not stand well, and has a position that can be reduced."""
    account = credit.funded(attacker, weth=10 * WAD)
    debt = 14_500 * WAD
    credit.act(attacker, account, borrow(PREP, debt), withdraw(PREP, debt), trade(SOL, 20 * 10**6))
    credit.set_asset_price(WETH, 1_900)
    health = credit.health(account)
    assert health.equity < health.required
    return account


def reducing(credit, fee, linked_to=0):
    terms = OrderTerms(Condition.AT_OR_ABOVE, 1, True, now(credit) + HOUR, fee, linked_to)
    return place_order(SOL, -(10**5), terms)


@pytest.mark.parametrize("brought", [0, FEE - 1])
def test_place_order__fee_above_what_was_brought__refused(credit, attacker, account, brought):
    credit.give(attacker, PREP, FEE)
    actions = [deposit(PREP, brought)] if brought else []
    error = refused(credit, attacker, account, *actions, reducing(credit, FEE))
    assert error[0] == "AccountUnhealthy"


def test_place_order__another_token_was_brought__refused(credit, attacker, account):
    credit.give(attacker, WETH, WAD // 10)
    actions = deposit(WETH, WAD // 10), reducing(credit, FEE)
    assert refused(credit, attacker, account, *actions)[0] == "AccountUnhealthy"


def test_place_order__fee_was_brought_and_used_to_repay__stands_as_before(
    credit, attacker, stranger, account, one_block
):
    """What is brought can be spent once: debt is repaid with it and made again for the fee."""
    credit.give(attacker, PREP, FEE)
    before = credit.health(account)
    credit.act(attacker, account, deposit(PREP, FEE), repay(PREP, FEE), reducing(credit, FEE))
    after = credit.health(account)
    assert before.equity - 1 <= after.equity <= before.equity
    fill(credit, stranger, last_order(credit, account))
    assert wallet(credit, stranger, PREP) == FEE
    check_books(credit)


def test_place_order__fee_given_back_and_placed_again__is_checked(credit, attacker, account):
    """A cancelled order's fee counts for nothing: it was the account's."""
    credit.give(attacker, PREP, FEE)
    order = placed(credit, attacker, account, reducing(credit, 0))
    credit.act(attacker, account, deposit(PREP, FEE), cancel_order(order), reducing(credit, FEE))
    order = last_order(credit, account)
    actions = cancel_order(order), reducing(credit, FEE)
    assert refused(credit, attacker, account, *actions)[0] == "AccountUnhealthy"
    credit.act(attacker, account, cancel_order(order), reducing(credit, 0))
    check_books(credit)


def test_place_order__without_fee__goes_through_fifteen_times(credit, attacker, account):
    """The control; and how many there can be."""
    for _ in range(15):
        credit.act(attacker, account, reducing(credit, 0))
    assert refused(credit, attacker, account, reducing(credit, 0)) == ("TooManyOrders", (15,))


def test_write_off__fees_reserved__were_never_collateral(credit, attacker, liquidator):
    """What lies in orders comes back to an account whose debt was written off; it counted for
    nothing before, as what lies in the owner's wallet."""
    account = credit.funded(attacker, weth=10 * WAD, prep=FEE)
    with_fee = place_order(
        SOL, 10**5, OrderTerms(Condition.AT_OR_BELOW, 1, False, now(credit) + HOUR, FEE)
    )
    before = credit.health(account).collateral
    credit.act(attacker, account, with_fee)
    assert credit.health(account).collateral == before - FEE
    credit.act(attacker, account, borrow(PREP, 14_999 * WAD), withdraw(PREP, 14_999 * WAD))
    credit.set_asset_price(WETH, 1_000)
    credit.give(liquidator, PREP, 10**6 * WAD)
    credit.must(
        liquidator,
        credit.manager,
        "liquidate(uint256,uint256,uint256,uint256)",
        *(account, PREP, WETH, 10**30),
    )
    assert credit.debt(account, PREP) == 0
    credit.act(attacker, account, cancel_order(last_order(credit, account)), withdraw(PREP, FEE))
    assert wallet(credit, attacker, PREP) == 14_999 * WAD + FEE
    check_books(credit)
