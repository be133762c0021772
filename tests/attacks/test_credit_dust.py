"""Attack: dust in an account, so that it cannot be liquidated or its debt not be written off.

What is paid in a liquidation may be less than one debt share: it is taken all the same.
"""

from prep.credit.actions import borrow, deposit, withdraw
from tests.attacks.till import check_books, later, liquidate
from tests.credit import PREP, WBTC, WETH
from tests.suite import WAD, YEAR

DEAR = 10 * WAD


def indebted(credit, owner, debt_asset, amount, dust_asset):
    """Owes and has taken it away, and holds one base unit of another asset. A year has gone by, so a
    unit of debt is less than a share."""
    account = credit.funded(owner, weth=10 * WAD)
    credit.act(owner, account, borrow(debt_asset, amount), withdraw(debt_asset, amount))
    later(credit, YEAR)
    credit.give(owner, dust_asset, 1)
    credit.act(owner, account, deposit(dust_asset, 1))
    assert credit.lending[debt_asset].debtIndex() > 10**27
    return account


def test_liquidate__one_unit_of_what_is_owed__does_not_stop_it(credit, attacker, liquidator):
    account = indebted(credit, attacker, PREP, 14_000 * WAD, PREP)
    credit.set_asset_price(WETH, 1_700)
    credit.give(liquidator, PREP, 100_000 * WAD)
    _, _, repaid, seized, _, _ = liquidate(credit, liquidator, account, PREP, WETH, 10**30)
    assert repaid > 0 and seized > 0
    assert credit.balance(account, PREP) == 0
    check_books(credit)
