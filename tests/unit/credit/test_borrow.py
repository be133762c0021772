"""The action Borrow."""

import pytest

from prep.credit.actions import Action, ActionKind, borrow, withdraw
from tests.credit import CURVE, DECIMALS, DOLLARS, LENT, PREP, SHARES, USD, WBTC, WETH
from tests.suite import UNLIMITED, WAD, ZERO_ADDRESS
from tests.unit.credit import expected
from tests.unit.credit.acting import (
    acted,
    charge_interest,
    drain,
    holdings,
    refused,
    set_ltv,
    wallet,
)
from tests.unit.credit.expected import RAY

lent = pytest.mark.parametrize("asset", [PREP, WETH, WBTC, USD], ids=["prep", "18", "8", "6"])


@pytest.fixture
def account(credit, trader):
    """A million PREP."""
    return credit.funded(trader, prep=10**6 * WAD)


def holding(credit, account, asset):
    return tuple(credit.holding(account, asset))


@lent
def test_borrow__any_decimals__balance_debt_tokens_and_events(credit, trader, account, asset):
    amount = 10 ** DECIMALS[asset] + 7
    before = credit.balance(account, asset)
    manager, vault = wallet(credit, asset, credit.manager), credit.lending[asset]
    idle = vault.idle()
    logs = acted(credit, trader, account, borrow(asset, amount))
    assert logs == [
        ("DebtChanged", account, asset, amount, amount),
        ("BalanceChanged", account, asset, amount, before + amount),
    ]
    assert holding(credit, account, asset) == (asset, before + amount, amount, amount)
    assert wallet(credit, asset, credit.manager) == manager + amount
    assert vault.idle() == idle - amount
    assert vault.debtShares(credit.manager) == amount


def test_borrow__manager_is_a_quoted_borrower__refused(credit, trader, account, project):
    """Such a vault counts no shares of debt: nobody would owe what it lends."""
    token, admin = credit.tokens[USD], credit.suite.admin
    lending = admin.deploy(project.LendingVault, token, credit.suite.authority, (0, 0, 0, WAD // 2))
    lending.registerBorrower(credit.manager, 2, 10**36, sender=admin)
    credit.give(trader, USD, 10**6)
    credit.approve(trader, USD, lending.address)
    lending.deposit(10**6, trader, sender=trader)
    set_ltv(credit, USD, 8_500, 9_000, lendingVault=lending.address)
    assert refused(credit, trader, account, borrow(USD, 1)) == (0, ("NotBorrowable", USD))


@lent
def test_borrow__a_year_later__debt_has_grown_and_new_shares_cost_more(
    credit, clock, trader, account, asset
):
    unit = 10 ** DECIMALS[asset]
    amount = LENT * unit // DOLLARS.get(asset, 1) // 10 + 3
    whole = LENT * unit // DOLLARS.get(asset, 1)
    charge_interest(credit)
    credit.act(trader, account, borrow(asset, amount))
    clock.advance(expected.YEAR)
    yearly = expected.rate(CURVE, amount, whole - amount)
    index = expected.index_after(RAY, yearly, expected.YEAR)
    assert index > RAY * 102 // 100
    debt = expected.debt_of(amount, index)
    assert holding(credit, account, asset)[2:] == (amount, debt)
    credit.suite.set_price(10_000)
    more = expected.debt_shares(1_000, index)
    logs = acted(credit, trader, account, borrow(asset, 1_000))
    assert logs[0] == ("DebtChanged", account, asset, 1_000, amount + more)
    debt = expected.debt_of(amount + more, index)
    assert holding(credit, account, asset)[2:] == (amount + more, debt)


def test_borrow__two_accounts__each_owes_its_own(credit, trader, other_trader, account):
    other = credit.funded(other_trader, prep=10**5 * WAD)
    credit.act(trader, account, borrow(WETH, WAD))
    credit.act(other_trader, other, borrow(WETH, 3 * WAD))
    assert holdings(credit, account)[WETH] == (WAD, WAD)
    assert holdings(credit, other)[WETH] == (3 * WAD, 3 * WAD)
    assert credit.lending[WETH].debtShares(credit.manager) == 4 * WAD


def test_borrow__to_the_limit_of_health__one_unit_more_refused(credit, trader):
    """Each borrowed unit of USD counts 0.85 as a balance, and 1 / 0.85 as a debt."""
    account = credit.funded(trader, prep=1_000 * WAD)

    def equity(amount):
        value = amount * 10**12
        return 1_000 * WAD + value * 8_500 // 10_000 - -(-value * 10_000 // 8_500)

    most = 1_000 * WAD * 8_500 * 10_000 // ((10_000**2 - 8_500**2) * 10**12)
    assert equity(most) >= 0 > equity(most + 1)
    seen = refused(credit, trader, account, borrow(USD, most + 1))
    assert seen == ("AccountUnhealthy", equity(most + 1), 0)
    credit.act(trader, account, borrow(USD, most))


def test_borrow__more_than_lies_idle__refused_to_the_unit(credit, trader, account):
    drain(credit, WETH, leave=5 * WAD)
    assert refused(credit, trader, account, borrow(WETH, 5 * WAD + 1)) == (
        0,
        ("InsufficientLiquidity", 5 * WAD, 5 * WAD + 1),
    )
    credit.act(trader, account, borrow(WETH, 5 * WAD))


def test_borrow__beyond_the_managers_cap__refused_to_the_unit(credit, trader, account):
    """The cap is of all accounts together."""
    credit.act(trader, account, borrow(WETH, WAD))
    args = credit.manager, 3 * WAD
    credit.lending[WETH].setBorrowCap(*args, sender=credit.suite.risk_manager)
    assert refused(credit, trader, account, borrow(WETH, 2 * WAD + 1)) == (
        0,
        ("BorrowCapExceeded", 3 * WAD + 1, 3 * WAD),
    )
    credit.act(trader, account, borrow(WETH, 2 * WAD))
    credit.lending[WETH].disableBorrower(credit.manager, sender=credit.suite.guardian)
    assert refused(credit, trader, account, borrow(WETH, 1)) == (
        0,
        ("BorrowCapExceeded", 3 * WAD + 1, 0),
    )


def test_borrow__vault_shares__not_borrowable(credit, trader, account):
    seen = refused(credit, trader, account, borrow(SHARES, 1))
    assert seen == (0, ("NotBorrowable", SHARES))


def test_borrow__asset_whose_lending_vault_was_taken_away__not_borrowable(credit, trader, account):
    set_ltv(credit, USD, 8_500, 9_000, lendingVault=ZERO_ADDRESS)
    seen = refused(credit, trader, account, borrow(USD, 1))
    assert seen == (0, ("NotBorrowable", USD))


@pytest.mark.parametrize("asset", [5, UNLIMITED])
def test_borrow__no_such_asset__refused(credit, trader, account, asset):
    assert refused(credit, trader, account, borrow(asset, 1)) == (0, ("UnknownAsset", asset))


@pytest.mark.parametrize("amount", [0, -1, -(2**255)])
def test_borrow__not_positive__refused(credit, trader, account, amount):
    action = Action(ActionKind.BORROW, USD, amount)
    assert refused(credit, trader, account, action) == (0, ("ZeroAmount",))


def test_borrow__all__there_is_no_all_of_it(credit, trader, account):
    """It is the largest number, and nobody lends that."""
    action = Action(ActionKind.BORROW, USD, 2**255 - 1)
    seen = refused(credit, trader, account, action)
    assert seen == (0, ("InsufficientLiquidity", 10**12, 2**255 - 1))


def test_borrow__and_withdrawn__only_the_debt_stays(credit, trader, account):
    mine = wallet(credit, WBTC, trader)
    credit.act(trader, account, borrow(WBTC, 10**8), withdraw(WBTC, 10**8))
    assert holdings(credit, account) == {PREP: (10**6 * WAD, 0), WBTC: (0, 10**8)}
    assert wallet(credit, WBTC, trader) == mine + 10**8


def test_borrow__one_unit_of_each__owed_is_rounded_up(credit, trader, account):
    """0.85 and more of a base unit of PREP: a price below one base unit counts as one."""
    credit.set_asset_price(WETH, 0.5)
    credit.act(trader, account, borrow(WETH, 1))
    health = credit.health(account)
    assert (health.assets, health.owed, health.debt) == (10**6 * WAD, 1, 2)
