"""Attack: dust in an account, so that it cannot be liquidated or its debt not be written off.

What is paid in a liquidation may be less than one debt share, and what is seized worth less than
one unit of the debt: it is taken all the same. A position too small to be worth closing cannot
exist.
"""

import pytest

from prep.credit.actions import borrow, deposit, reduce, trade, withdraw
from tests.attacks.till import check_books, later, liquidate, refused
from tests.credit import BITCOIN, PREP, SHARES, USD, WBTC, WETH
from tests.suite import WAD, YEAR

# A year at 100 % utilisation; nobody pays more than the account owes.
ALL_OF_IT = 10**30
DEBTS = {PREP: 14_000 * WAD, WBTC: 10**8 + 10**7, USD: 12_000 * 10**6}


def indebted(credit, owner, debt_asset, *dust):
    """Owes and has taken it away, and holds one base unit each of other assets. A year has gone by,
    so a unit of debt is less than a share."""
    account = credit.funded(owner, weth=10 * WAD)
    amount = DEBTS[debt_asset]
    credit.act(owner, account, borrow(debt_asset, amount), withdraw(debt_asset, amount))
    later(credit, YEAR)
    for asset in dust:
        credit.give(owner, asset, WAD if asset == SHARES else 1)
        credit.act(owner, account, deposit(asset, 1))
    assert credit.lending[debt_asset].debtIndex() > 10**27
    return account


@pytest.mark.parametrize("asset", list(DEBTS))
def test_liquidate__one_unit_of_what_is_owed__does_not_stop_it(credit, attacker, liquidator, asset):
    account = indebted(credit, attacker, asset, asset)
    credit.set_asset_price(WETH, 1_500)
    credit.give(liquidator, asset, 10**6 * WAD)
    _, _, repaid, seized, _, _ = liquidate(credit, liquidator, account, asset, WETH, ALL_OF_IT)
    assert (repaid > 0, seized > 0) == (True, True)
    assert credit.balance(account, asset) == 0
    check_books(credit)


@pytest.mark.parametrize("asset", list(DEBTS))
def test_liquidate__dust_of_other_assets__taken_and_debt_written_off(
    credit, attacker, liquidator, asset
):
    """A unit of each, worth less than a unit of what is owed: one liquidation each, then it is
    over."""
    dust = [a for a in (PREP, SHARES, WBTC, USD) if a != asset]
    account = indebted(credit, attacker, asset, *dust)
    credit.set_asset_price(WETH, 900)
    credit.give(liquidator, asset, 10**6 * WAD)
    bad_debts = [
        liquidate(credit, liquidator, account, asset, collateral, ALL_OF_IT)[5]
        for collateral in (WETH, *dust)
    ]
    assert [bad_debt > 0 for bad_debt in bad_debts] == [*[False] * len(dust), True]
    holdings, positions = credit.manager.contents(account)
    assert (len(holdings), len(positions)) == (0, 0)
    assert credit.lending[asset].totalDebt()[0] == 0
    check_books(credit)


def test_deposit__unit_before_each_liquidation__taken_with_the_next(credit, attacker, liquidator):
    """Who puts a unit in once more holds up what is written off by one more call, for one more
    unit."""
    account = indebted(credit, attacker, PREP, PREP)
    credit.set_asset_price(WETH, 900)
    credit.give(liquidator, PREP, 10**6 * WAD)
    credit.give(attacker, WBTC, 3)
    for _ in range(3):
        credit.act(attacker, account, deposit(WBTC, 1))
        assert liquidate(credit, liquidator, account, PREP, WETH, ALL_OF_IT)[5] == 0
    assert liquidate(credit, liquidator, account, PREP, WBTC, ALL_OF_IT)[5] > 0
    check_books(credit)


def test_trade__dust_position__refused(credit, attacker):
    """A position cannot be opened, or left over, below ten dollars."""
    account = credit.funded(attacker, prep=10_000 * WAD)
    error = refused(credit, attacker, account, trade(BITCOIN, WAD // 1_001))
    assert error[0] == "PositionTooSmall"
    credit.act(attacker, account, trade(BITCOIN, WAD // 1_000))
    error = refused(credit, attacker, account, reduce(BITCOIN, -(WAD // 1_001)))
    assert error[0] == "PositionTooSmall"
