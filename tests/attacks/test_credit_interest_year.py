"""Attack: nobody does anything for a year, so that interest is charged at the old rate, or an
account that has become too weak for it cannot be liquidated at once.

Everything that depends on interest accrues it by itself. One step of a year charges what the rate
of its beginning makes of it, to the unit of docs/credit.md; hourly accrual, which follows the rate,
charges more by what the bounds below say.
"""

import pytest

from prep.credit.actions import borrow, withdraw
from tests.attacks.till import HOUR, check_books, liquidate
from tests.credit import CURVE, LENT, PREP, WETH
from tests.suite import WAD, YEAR

RAY = 10**27


def grown(index, used, seconds):
    """The index after so many seconds at the rate of a utilisation."""
    zero, kink_rate, full, kink = CURVE
    if used <= kink:
        rate = zero + (kink_rate - zero) * used // kink
    else:
        rate = kink_rate + (full - kink_rate) * (used - kink) // (WAD - kink)
    x = rate * 10**9 * seconds // YEAR
    second = x * x // (2 * RAY)
    third = second * x // (3 * RAY)
    return index + index * (x + second + third) // RAY


def after(shares, idle, step, index=RAY, seconds=YEAR):
    """The index after a year in steps; what is idle stays."""
    for _ in range(seconds // step):
        debt = shares * index // RAY
        index = grown(index, debt * WAD // (debt + idle), step)
    return index


@pytest.fixture(params=[20, 50, 79, 95], ids="{} %".format)
def debt(request, credit, attacker):
    """So much of what is lent is borrowed by one account. Account, amount, how much is used."""
    amount = LENT * WAD * request.param // 100
    account = credit.funded(attacker, weth=amount * 10_000 // 7_500 // 2_000 + WAD)
    credit.act(attacker, account, borrow(PREP, amount), withdraw(PREP, amount))
    return account, amount, request.param


def test_liquidate__after_a_year_of_nothing__at_once_and_with_all_interest(
    credit, debt, liquidator, one_block
):
    """The account could do no more when it borrowed; a year's interest is above what the threshold
    leaves, except where the rate was low."""
    account, amount, used = debt
    start = credit.node.time()
    vault = credit.lending[PREP]
    shares, index = vault.debtShares(credit.manager), vault.debtIndex()
    credit.node.at(start + YEAR)
    credit.node.mine()
    expected = -(-shares * after(shares, LENT * WAD - amount, YEAR, index) // RAY)
    assert credit.debt(account, PREP) == expected
    health = credit.health(account, True)
    assert health.owed == expected
    if used == 20:
        credit.set_asset_price(WETH, 1_800)
        health = credit.health(account, True)
    assert health.equity < health.required
    credit.give(liquidator, PREP, 10**7 * WAD)
    *_, repaid, _, _, bad_debt = liquidate(credit, liquidator, account, PREP, WETH, 10**30)
    assert (bad_debt > 0) == (used == 95)
    assert credit.debt(account, PREP) - (expected - repaid - bad_debt) in (0, 1)
    check_books(credit)


MORE_BY_THE_HOUR = {20: 10, 50: 30, 79: 400, 95: 8_000}
"""Basis points of the debt, at most."""


def test_accrue__in_365_steps__equal_to_the_formula_and_near_to_hourly_ones(credit, debt):
    """Daily on the chain, hourly in the formula; and one step of a year is never the dearer one."""
    _, amount, used = debt
    idle = LENT * WAD - amount
    vault = credit.lending[PREP]
    # A first accrual, so that all steps are equally long.
    credit.must(credit.suite.admin, vault, "accrue()")
    begun = vault.debtIndex()
    start = credit.node.time()
    for day in range(1, 366):
        credit.node.at(start + day * 86_400)
        credit.must(credit.suite.admin, vault, "accrue()")
    daily = vault.debtIndex()
    shares = vault.debtShares(credit.manager)
    assert daily == after(shares, idle, 86_400, begun)
    hourly = after(shares, idle, HOUR, begun)
    once = after(shares, idle, YEAR, begun)
    assert once <= daily <= hourly
    assert (hourly - once) * 10_000 <= MORE_BY_THE_HOUR[used] * once
