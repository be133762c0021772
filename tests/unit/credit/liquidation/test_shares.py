"""CreditManager.liquidate: shares of the LP vault as collateral, and those of them in cooldown."""

import pytest

from prep.credit.actions import ALL, deposit, request_redeem
from tests.credit import SHARES, WETH
from tests.suite import WAD
from tests.unit.credit.acting import holdings, wallet
from tests.unit.credit.liquidation.liquidating import check, owing, supply_of
from tests.unit.vault.cooling import PERIOD, WINDOW, queue, set_periods

UNIT = 10**6 * WAD
"""Shares for a PREP."""


@pytest.fixture
def account(credit, trader, liquidator):
    """Shares for 2,000 PREP in cooldown, 500 and 700 and 800, and a fifth of a WETH owed."""
    set_periods(credit.suite, PERIOD, WINDOW)
    account = credit.funded(trader, shares=2_000 * WAD)
    owing(credit, trader, account, WETH, 3 * WAD // 10)
    for amount in (500, 700):
        credit.act(trader, account, request_redeem(amount * UNIT))
    credit.act(trader, account, request_redeem(ALL))
    supply_of(credit, liquidator, WETH)
    return account


def requested(credit, account):
    return [q[0] for q in queue(credit.suite, credit.manager, account)]


@pytest.mark.parametrize("most", [WAD // 100, WAD // 10, 3 * WAD // 10])
def test_liquidate__requested_shares__cancelled_newest_first(credit, liquidator, account, most):
    credit.set_asset_price(WETH, 4_000)
    held = credit.balance(account, SHARES)
    assert held == 2_000 * UNIT
    done = check(credit, liquidator, account, WETH, SHARES, max_repay=most)
    assert done.seized > 0
    left = held - done.seized
    want = []
    for amount in (500 * UNIT, 700 * UNIT, 800 * UNIT):
        part = min(amount, left - sum(want))
        if part:
            want.append(part)
    assert requested(credit, account) == want
    assert credit.suite.vault.lockedShares(credit.manager) == left
    assert wallet(credit, SHARES, liquidator) == done.seized


def test_liquidate__unrequested_shares_are_enough__requests_stay(
    credit, trader, liquidator, account
):
    credit.give(trader, SHARES, 1_000 * WAD)
    credit.act(trader, account, deposit(SHARES, 1_000 * UNIT))
    credit.set_asset_price(WETH, 6_000)
    done = check(credit, liquidator, account, WETH, SHARES, max_repay=WAD // 10)
    assert 0 < done.seized < 1_000 * UNIT
    assert requested(credit, account) == [500 * UNIT, 700 * UNIT, 800 * UNIT]


def test_liquidate__all_shares_and_bankrupt__no_request_is_left(credit, liquidator, account):
    credit.set_asset_price(WETH, 9_000)
    done = check(credit, liquidator, account, WETH, SHARES)
    assert done.seized == 2_000 * UNIT
    assert done.bad_debt > 0
    assert requested(credit, account) == []
    assert credit.suite.vault.lockedShares(credit.manager) == 0
    assert holdings(credit, account) == {}


def test_liquidate__lapsed_requests__cleared_on_the_way(credit, clock, trader, liquidator, account):
    clock.advance(PERIOD + WINDOW)
    credit.set_asset_price(WETH, 4_000)
    done = check(credit, liquidator, account, WETH, SHARES, max_repay=WAD // 10)
    assert requested(credit, account) == []
    assert wallet(credit, SHARES, liquidator) == done.seized


def test_liquidate__anothers_requests__are_not_touched(
    credit, trader, other_trader, liquidator, account
):
    other = credit.funded(other_trader, shares=300 * WAD)
    credit.act(other_trader, other, request_redeem(ALL))
    held = credit.balance(other, SHARES)
    credit.set_asset_price(WETH, 9_000)
    check(credit, liquidator, account, WETH, SHARES)
    assert requested(credit, other) == [held]
    assert credit.balance(other, SHARES) == held
    assert credit.suite.vault.lockedShares(credit.manager) == held
