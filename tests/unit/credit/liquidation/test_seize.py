"""CreditManager.liquidate: debts and collaterals of several decimals, and how much of them."""

import pytest

from prep.credit.actions import borrow, deposit, withdraw
from tests.credit import LTVS, PREP, SHARES, USD, WBTC, WETH
from tests.expected import ceil
from tests.suite import WAD
from tests.unit.credit import expected
from tests.unit.credit.acting import config_of, holdings
from tests.unit.credit.expected import BPS, TARGET
from tests.unit.credit.liquidation.liquidating import (
    NAMES,
    check,
    liquidated,
    owing,
    price,
    supply_of,
    units,
    weighed,
)

PAIRS = [
    (debt, collateral)
    for debt in (PREP, WETH, WBTC, USD)
    for collateral in (PREP, SHARES, WETH, WBTC, USD)
    if debt != collateral
]
each_pair = pytest.mark.parametrize(
    "debt, collateral", PAIRS, ids=[f"{NAMES[d]}-for-{NAMES[c]}" for d, c in PAIRS]
)


def short(credit, owner, debt, collateral, percent):
    """An account with 10,000 dollars of collateral that owes what makes it `percent` short. Tokens
    of odd amounts, so that every rounding shows."""
    amounts = {
        NAMES[collateral]: 10_000 * WAD if collateral == SHARES else units(collateral, 10_000)
    }
    amounts[NAMES[collateral]] += 7
    account = credit.funded(owner, **amounts)
    balance = credit.balance(account, collateral)
    value = balance * price(credit, collateral) // WAD
    weighted = value * LTVS[collateral][1] // BPS
    # Owed so much that its weighted value exceeds the collateral's by `percent`.
    owed = weighted * 100 // (100 - percent) * LTVS[debt][1] // BPS
    amount = owed * WAD // price(credit, debt) + 3
    loosen(credit, collateral, debt, owner, account, amount)
    return account


def loosen(credit, collateral, debt, owner, account, amount):
    """Borrows at a price of the debt, or of the collateral, at which it may."""
    asset = debt if debt != PREP else collateral
    if asset == SHARES:
        # Neither has a price of its own to move: weights do it.
        now = config_of(credit, SHARES)
        high = config_of(credit, SHARES, maxLtv=9_000, liquidationThreshold=9_000)
        credit.manager.setAsset(SHARES, high, sender=credit.suite.risk_manager)
        owing(credit, owner, account, debt, amount)
        credit.manager.setAsset(SHARES, now, sender=credit.suite.risk_manager)
        return
    oracle = credit.oracles[asset]
    now = oracle.price()
    factor = (1, 3) if asset == debt else (3, 1)
    oracle.setPrice(now * factor[0] // factor[1], sender=credit.suite.admin)
    owing(credit, owner, account, debt, amount)
    oracle.setPrice(now, sender=credit.suite.admin)


@each_pair
@pytest.mark.parametrize("percent", [1, 7])
def test_liquidate__any_pair__to_the_target(credit, trader, liquidator, debt, collateral, percent):
    account = short(credit, trader, debt, collateral, percent)
    supply_of(credit, liquidator, debt)
    before = expected.health(weighed(credit, account).values())
    done = check(credit, liquidator, account, debt, collateral)
    assert done.repaid > 0
    after = expected.health(weighed(credit, account).values())
    # R13: it does not stand worse. R14: the target is reached, unless there is too little, and what
    # is beyond it comes from the last unit of the debt.
    assert after.shortfall < before.shortfall
    missing = ceil(after.debt * TARGET, WAD) - after.collateral
    unit = ceil(2 * price(credit, debt) * BPS, LTVS[debt][1] * WAD)
    beyond = unit + ceil(price(credit, collateral), WAD)
    if weighed(credit, account, collateral)[collateral].balance:
        assert -beyond - 3 <= missing <= beyond + 3


@each_pair
def test_liquidate__in_two_parts__never_worse(credit, trader, liquidator, debt, collateral):
    account = short(credit, trader, debt, collateral, 5)
    supply_of(credit, liquidator, debt)
    part = credit.debt(account, debt) // 9
    first = expected.health(weighed(credit, account).values())
    check(credit, liquidator, account, debt, collateral, max_repay=part)
    second = expected.health(weighed(credit, account).values())
    assert second.shortfall < first.shortfall
    assert second.shortfall > 0
    check(credit, liquidator, account, debt, collateral)
    last = expected.health(weighed(credit, account).values())
    assert last.shortfall < second.shortfall


@each_pair
def test_liquidate__one_unit_of_debt__rounded_against_the_liquidator(
    credit, trader, liquidator, debt, collateral
):
    account = short(credit, trader, debt, collateral, 5)
    supply_of(credit, liquidator, debt)
    done = check(credit, liquidator, account, debt, collateral, max_repay=1)
    assert done.repaid == 1


def test_liquidate__collateral_smaller_than_asked__all_of_it_and_less_paid(
    credit, trader, liquidator
):
    """10 USD beside 950 PREP."""
    credit.set_asset_price(WETH, 1_000)
    account = credit.funded(trader, prep=950 * WAD, usd=10 * 10**6)
    owing(credit, trader, account, WETH, 42 * WAD // 100)
    credit.set_asset_price(WETH, 2_000)
    supply_of(credit, liquidator, WETH)
    done = check(credit, liquidator, account, WETH, USD)
    assert done.seized == 10 * 10**6
    # What 10 dollars are without the bonus, rounded up twice.
    worth = ceil(10 * WAD * WAD, WAD + done.bonus)
    assert done.repaid == ceil(worth * WAD, 2_000 * WAD)
    assert holdings(credit, account)[PREP] == (950 * WAD, 0)


@pytest.mark.parametrize("debt, collateral", [(WETH, USD), (WETH, WBTC), (USD, WBTC), (USD, PREP)])
def test_liquidate__several_debts_and_collaterals__the_chosen_ones(
    credit, trader, liquidator, debt, collateral
):
    account = credit.funded(trader, prep=3_000 * WAD, wbtc=10**8 // 2)
    owing(credit, trader, account, WETH, WAD + 1)
    owing(credit, trader, account, USD, 3_000 * 10**6 + 1)
    if collateral == USD:
        # Both held and owed: what is held pays first.
        credit.give(trader, USD, 500 * 10**6)
        credit.act(trader, account, deposit(USD, 500 * 10**6))
    credit.set_asset_price(WETH, 4_000)
    supply_of(credit, liquidator, debt)
    before = holdings(credit, account)
    done = check(credit, liquidator, account, debt, collateral)
    after = holdings(credit, account)
    if collateral == USD:
        assert done.repaid == done.seized == 0
        assert after[USD] == (0, before[USD][1] - 500 * 10**6)
    else:
        assert done.repaid > 0
        untouched = {PREP, WBTC} - {collateral}
        assert all(after[asset] == before[asset] for asset in untouched)


def test_liquidate__own_balance_of_the_debt__pays_it_without_bonus(credit, trader, liquidator):
    account = credit.funded(trader, prep=950 * WAD)
    credit.set_asset_price(WETH, 1_000)
    credit.act(trader, account, borrow(WETH, WAD), withdraw(WETH, 4 * WAD // 10))
    credit.set_asset_price(WETH, 2_300)
    supply_of(credit, liquidator, WETH)
    want = weighed(credit, account)
    assert want[WETH][:2] == (6 * WAD // 10, WAD)
    done, logs = liquidated(credit, liquidator, account, WETH, PREP)
    assert logs[:2] == [
        ("BalanceChanged", account, WETH, -6 * WAD // 10, 0),
        ("DebtChanged", account, WETH, -6 * WAD // 10, 4 * WAD // 10),
    ]
    assert done.seized > 0


def test_liquidate__netting_alone_heals__nothing_is_seized(credit, trader, liquidator):
    """Held and owed in full: weights of both sides make it look short."""
    account = credit.funded(trader, prep=100 * WAD)
    credit.act(trader, account, borrow(WETH, 8 * WAD // 100))
    credit.set_asset_price(WETH, 4_000)
    supply_of(credit, liquidator, WETH)
    done = check(credit, liquidator, account, WETH, PREP)
    assert done[:4] == (0, 0, 0, 0)
    assert holdings(credit, account) == {PREP: (100 * WAD, 0)}
