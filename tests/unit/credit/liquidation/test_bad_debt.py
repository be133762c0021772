"""CreditManager.liquidate: what nobody pays any more is written off, and only then."""

import pytest

from prep.credit.actions import deposit, trade
from tests.credit import PREP, SOL, USD, WBTC, WETH
from tests.expected import assets as lent_assets
from tests.suite import UNLIMITED, WAD
from tests.unit.credit.acting import (
    LIQUIDATE,
    charge_interest,
    events,
    holdings,
    low,
    market_ids,
)
from tests.unit.credit.liquidation.liquidating import check, liquidated, owing, supply_of
from tests.unit.credit.trading import SOL_UNIT


@pytest.fixture
def bankrupt(credit, trader, liquidator):
    """1,000 USD, and half a WETH owed that is worth twice that."""
    account = credit.funded(trader, usd=1_000 * 10**6)
    owing(credit, trader, account, WETH, 3 * WAD // 10)
    credit.set_asset_price(WETH, 6_000)
    supply_of(credit, liquidator, WETH, USD)
    return account


def test_liquidate__nothing_left__rest_written_off_and_lenders_lose_exactly_it(
    credit, lp, liquidator, bankrupt
):
    vault = credit.lending[WETH]
    value, supply = vault.totalAssets(), vault.totalSupply()
    held = vault.balanceOf(lp)
    done = check(credit, liquidator, bankrupt, WETH, USD)
    paid = -(-(1_000 * WAD * WAD // (11 * WAD // 10) + 1) // 6_000)
    lost = 3 * WAD // 10 - paid
    assert (done.repaid, done.seized) == (paid, 1_000 * 10**6)
    assert done.bad_debt == lost * 6_000
    assert vault.totalAssets() == value - lost
    assert vault.convertToAssets(held) == lent_assets(held, value - lost, supply)
    assert vault.debtShares(credit.manager) == 0
    assert holdings(credit, bankrupt) == {}


def test_liquidate__nothing_left__events_of_the_write_off(credit, liquidator, bankrupt):
    done, logs = liquidated(credit, liquidator, bankrupt, WETH, USD)
    owed = 3 * WAD // 10
    lost = owed - done.repaid
    assert logs == [
        ("BalanceChanged", bankrupt, USD, -(10**9), 0),
        ("DebtChanged", bankrupt, WETH, -done.repaid, lost),
        ("DebtChanged", bankrupt, WETH, -lost, 0),
        ("DebtWrittenOff", bankrupt, WETH, lost),
    ]


@pytest.mark.parametrize("what", ["dust", "max_repay", "other-collateral"])
def test_liquidate__something_left__nothing_written_off(credit, trader, liquidator, bankrupt, what):
    collateral, most = USD, UNLIMITED
    if what == "dust":
        credit.give(trader, WBTC, 1)
        credit.act(trader, bankrupt, deposit(WBTC, 1))
    elif what == "max_repay":
        most = WAD // 10
    else:
        collateral = WBTC
    owed = credit.debt(bankrupt, WETH)
    done = check(credit, liquidator, bankrupt, WETH, collateral, max_repay=most)
    assert done.bad_debt == 0
    assert holdings(credit, bankrupt)[WETH] == (0, owed - done.repaid)


def test_liquidate__dust_seized_as_well__then_written_off(credit, trader, liquidator, bankrupt):
    credit.give(trader, WBTC, 1)
    credit.act(trader, bankrupt, deposit(WBTC, 1))
    check(credit, liquidator, bankrupt, WETH, USD)
    done = check(credit, liquidator, bankrupt, WETH, WBTC)
    assert done.seized == 1
    assert done.bad_debt > 0
    assert holdings(credit, bankrupt) == {}


def test_liquidate__several_debts__all_written_off_of_their_lenders(
    credit, trader, liquidator, bankrupt
):
    other = credit.funded(trader, prep=2_000 * WAD)
    owing(credit, trader, other, WETH, WAD // 10)
    owing(credit, trader, other, WBTC, 10**7 // 2)
    credit.oracles[WETH].setPrice(7_777 * WAD + 1, sender=credit.suite.admin)
    credit.set_asset_price(WBTC, 50_000)
    supply_of(credit, liquidator, WBTC)
    vaults = {asset: credit.lending[asset].totalAssets() for asset in (WETH, WBTC)}
    done = check(credit, liquidator, other, WBTC, PREP)
    assert done.seized == 2_000 * WAD
    lost = {WETH: WAD // 10, WBTC: 10**7 // 2 - done.repaid}
    assert done.bad_debt == lost[WBTC] * 50_000 * 10**10 + -(-lost[WETH] * (7_777 * WAD + 1) // WAD)
    for asset, before in vaults.items():
        assert credit.lending[asset].totalAssets() == before - lost[asset]
    # The other account of the manager owes what it did.
    assert credit.debt(bankrupt, WETH) == 3 * WAD // 10


def test_liquidate__loss_of_a_position_alone__lenders_of_prep_bear_it(credit, trader, liquidator):
    account = credit.funded(trader, prep=100 * WAD)
    credit.act(trader, account, trade(SOL, 4 * SOL_UNIT))
    credit.set_market_price(SOL, 60)
    value = credit.lending[PREP].totalAssets()
    done, logs = liquidated(credit, liquidator, account, USD, USD)
    assert done == (240 * WAD, 0, 0, 0, WAD // 10, 60 * WAD)
    assert ("DebtWrittenOff", account, PREP, 60 * WAD) in logs
    assert credit.lending[PREP].totalAssets() == value - 60 * WAD
    assert (holdings(credit, account), market_ids(credit, account)) == ({}, ())


def test_liquidate__with_interest__written_off_to_the_last_share(
    credit, clock, trader, liquidator, bankrupt
):
    charge_interest(credit)
    clock.advance(10**7)
    debt = credit.debt(bankrupt, WETH)
    assert debt > 3 * WAD // 10
    logs = events(credit, liquidator, credit.manager, LIQUIDATE, bankrupt, WETH, USD, UNLIMITED)
    assert logs[-1][:3] == ("AccountLiquidated", bankrupt, low(liquidator))
    assert credit.lending[WETH].debtShares(credit.manager) == 0
    assert holdings(credit, bankrupt) == {}


def test_deposit__after_a_write_off__account_is_like_new(credit, trader, liquidator, bankrupt):
    liquidated(credit, liquidator, bankrupt, WETH, USD)
    credit.give(trader, USD, 5)
    credit.act(trader, bankrupt, deposit(USD, 5))
    assert holdings(credit, bankrupt) == {USD: (5, 0)}
