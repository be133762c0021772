"""Attack: thousands of tiny loans, repayments and requests, each of which rounds in favour of the
attacker.

All of them round against whoever acts: nothing is gained after ten thousand, with any index, and
lenders never have less.
"""

import pytest

from prep.credit.actions import ALL, borrow, deposit, encode, repay, withdraw
from tests.attacks.till import check_books, later, wallet
from tests.credit import EXECUTE, PREP, USD, WBTC
from tests.suite import WAD, YEAR

TIMES = 10_000
AT_ONCE = 100
"""Pairs of actions in one list."""
GAS = hex(29_000_000)
FUNDS = {PREP: WAD, USD: 10**6, WBTC: 10**6}


def grow(credit, who, years):
    """With a debt of somebody else the index grows for some years."""
    account = credit.funded(who, prep=500_000 * WAD)
    for asset, amount in ((PREP, WAD), (USD, 10**11), (WBTC, 10**8)):
        credit.act(who, account, borrow(asset, amount))
    for _ in range(years):
        later(credit, YEAR)


def repeat(credit, who, account, *actions):
    """In lists: 10,000 times in all."""
    call = who.address, credit.manager.address, EXECUTE, account, encode([*actions] * AT_ONCE)
    _, (transaction,) = credit.node.sending(*call)
    for _ in range(TIMES // AT_ONCE):
        receipt = credit.node.rpc("eth_sendTransactionSync", transaction | {"gas": GAS})
        assert int(receipt["status"], 16) == 1


@pytest.mark.parametrize(("asset", "years"), [(PREP, 0), (USD, 3)])
def test_borrow_and_repay__a_unit_ten_thousand_times__never_gains(
    credit, attacker, accomplice, one_block, asset, years
):
    grow(credit, accomplice, years)
    account = credit.funded(attacker, prep=1_000 * WAD)
    credit.give(attacker, asset, FUNDS[asset])
    credit.act(attacker, account, deposit(asset, FUNDS[asset]))
    vault = credit.lending[asset]
    lent = vault.totalAssets()
    held = credit.balance(account, asset)
    repeat(credit, attacker, account, borrow(asset, 1), repay(asset, 1))
    debt = credit.debt(account, asset)
    gained = credit.balance(account, asset) - held - debt
    assert gained <= 0
    assert vault.totalAssets() >= lent
    if debt:
        credit.act(attacker, account, repay(asset, ALL))
    assert credit.debt(account, asset) == 0
    assert credit.balance(account, asset) <= held
    check_books(credit)


def test_borrow_and_withdraw__a_unit_at_a_time__owed_at_least_what_was_taken(
    credit, attacker, accomplice, one_block
):
    """The control for what it costs: ten thousand units taken are ten thousand owed, or more."""
    grow(credit, accomplice, 1)
    account = credit.funded(attacker, prep=1_000 * WAD)
    repeat(credit, attacker, account, borrow(USD, 1), withdraw(USD, 1))
    assert wallet(credit, attacker, USD) == TIMES
    debt = credit.debt(account, USD)
    assert debt >= TIMES
    # A unit is one share: so many units are owed as the index is worth.
    assert debt == -(-TIMES * credit.lending[USD].debtIndex() // 10**27)
    check_books(credit)
