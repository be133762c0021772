"""The action Repay."""

import pytest

from prep.credit.actions import ALL, Action, ActionKind, borrow, deposit, repay, withdraw
from tests.credit import CURVE, DECIMALS, DOLLARS, LENT, PREP, SHARES, USD, WETH
from tests.suite import UNLIMITED, WAD
from tests.unit.credit import expected
from tests.unit.credit.acting import acted, charge_interest, drain, holdings, refused
from tests.unit.credit.expected import RAY
from tests.unit.credit.test_borrow import holding, lent


@pytest.fixture
def account(credit, trader):
    """A million PREP."""
    return credit.funded(trader, prep=10**6 * WAD)


@lent
def test_repay__part_and_then_all__balance_debt_and_events(credit, trader, account, asset):
    amount = 10 ** DECIMALS[asset] + 7
    before = credit.balance(account, asset)
    credit.act(trader, account, borrow(asset, amount))
    idle = credit.lending[asset].idle()
    logs = acted(credit, trader, account, repay(asset, amount - 5))
    assert logs == [
        ("BalanceChanged", account, asset, 5 - amount, before + 5),
        ("DebtChanged", account, asset, 5 - amount, 5),
    ]
    assert holding(credit, account, asset) == (asset, before + 5, 5, 5)
    assert credit.lending[asset].idle() == idle + amount - 5
    logs = acted(credit, trader, account, repay(asset, ALL))
    assert logs[1] == ("DebtChanged", account, asset, -5, 0)
    assert holding(credit, account, asset) == (asset, before, 0, 0)
    assert credit.lending[asset].debtShares(credit.manager) == 0
    kept = {PREP: (10**6 * WAD, 0)}
    assert holdings(credit, account) == kept


@lent
def test_repay__after_a_year__shares_for_it_rounded_down_and_all_of_them_by_the_debt(
    credit, clock, trader, account, asset
):
    whole = LENT * 10 ** DECIMALS[asset] // DOLLARS.get(asset, 1)
    amount = whole // 10 + 3
    charge_interest(credit)
    credit.act(trader, account, borrow(asset, amount))
    clock.advance(expected.YEAR)
    yearly = expected.rate(CURVE, amount, whole - amount)
    index = expected.index_after(RAY, yearly, expected.YEAR)
    shares = amount - 1_000 * RAY // index
    logs = acted(credit, trader, account, repay(asset, 1_000))
    assert logs[1] == ("DebtChanged", account, asset, -1_000, shares)
    debt = expected.debt_of(shares, index)
    assert holding(credit, account, asset)[2:] == (shares, debt)
    if asset != PREP:
        credit.give(trader, asset, debt)
        credit.act(trader, account, deposit(asset, debt))
    logs = acted(credit, trader, account, repay(asset, ALL))
    assert logs[1] == ("DebtChanged", account, asset, -debt, 0)


def test_repay__more_than_the_debt__cut_to_it(credit, trader, account):
    credit.act(trader, account, borrow(USD, 100))
    credit.give(trader, USD, 50)
    credit.act(trader, account, deposit(USD, 50))
    logs = acted(credit, trader, account, repay(USD, 101))
    assert logs == [
        ("BalanceChanged", account, USD, -100, 50),
        ("DebtChanged", account, USD, -100, 0),
    ]


def test_repay__all_with_less_than_the_debt__all_of_the_balance(credit, trader, account):
    credit.act(trader, account, borrow(USD, 100), withdraw(USD, 60))
    credit.act(trader, account, repay(USD, ALL))
    assert holdings(credit, account)[USD] == (0, 60)


def test_repay__more_than_the_balance__refused(credit, trader, account):
    credit.act(trader, account, borrow(USD, 100), withdraw(USD, 60))
    assert refused(credit, trader, account, repay(USD, 41)) == (
        0,
        ("InsufficientBalance", USD, 40, 41),
    )
    credit.act(trader, account, repay(USD, 40))


def test_repay__cut_to_the_debt_but_more_than_the_balance__refused(credit, trader, account):
    credit.act(trader, account, borrow(USD, 100), withdraw(USD, 1))
    assert refused(credit, trader, account, repay(USD, 10**9)) == (
        0,
        ("InsufficientBalance", USD, 99, 100),
    )


@pytest.mark.parametrize("amount", [1, ALL])
def test_repay__no_debt__refused(credit, trader, account, amount):
    for asset in (PREP, USD, SHARES):
        assert refused(credit, trader, account, repay(asset, amount)) == (0, ("ZeroAmount",))


def test_repay__all_of_no_balance__refused(credit, trader, account):
    credit.act(trader, account, borrow(USD, 100), withdraw(USD, ALL))
    assert refused(credit, trader, account, repay(USD, ALL)) == (0, ("ZeroAmount",))
    seen = refused(credit, trader, account, repay(USD, 1))
    assert seen == (0, ("InsufficientBalance", USD, 0, 1))


@pytest.mark.parametrize("amount", [0, -1, -(2**255)])
def test_repay__not_positive__refused(credit, trader, account, amount):
    credit.act(trader, account, borrow(USD, 100))
    action = Action(ActionKind.REPAY, USD, amount)
    assert refused(credit, trader, account, action) == (0, ("ZeroAmount",))


@pytest.mark.parametrize("asset", [5, UNLIMITED])
def test_repay__no_such_asset__refused(credit, trader, account, asset):
    assert refused(credit, trader, account, repay(asset, 1)) == (0, ("UnknownAsset", asset))


def test_repay__unhealthy_account__still_can(credit, trader):
    """R12: it is not checked, for it can only help."""
    account = credit.funded(trader, prep=1_000 * WAD)
    credit.act(trader, account, borrow(WETH, WAD // 2))
    credit.set_asset_price(WETH, 10_000)
    seen = refused(credit, trader, account, withdraw(WETH, 1))
    assert seen[0] == "AccountUnhealthy"
    credit.act(trader, account, repay(WETH, WAD // 4))
    assert holdings(credit, account)[WETH] == (WAD // 4, WAD // 4)


def test_repay__lenders_have_taken_all_out__still_can(credit, trader, account):
    credit.act(trader, account, borrow(USD, 100))
    drain(credit, USD)
    credit.act(trader, account, repay(USD, 100))
    assert credit.lending[USD].idle() == 100
