"""The action Withdraw."""

import pytest

from prep.credit.actions import ALL, Action, ActionKind, borrow, request_redeem, withdraw
from tests.credit import PREP, SHARES, USD, WBTC, WETH
from tests.suite import UNLIMITED, WAD
from tests.unit.credit.acting import acted, holdings, refused, wallet
from tests.unit.credit.test_deposit import every_asset, units
from tests.unit.vault.cooling import PERIOD, WINDOW, queue, set_periods

NAMES = {PREP: "prep", SHARES: "shares", WETH: "weth", WBTC: "wbtc", USD: "usd"}


@every_asset
@pytest.mark.parametrize("all_", [False, True], ids=["amount", "all"])
def test_withdraw__any_decimals__tokens_balance_and_event(credit, trader, asset, all_):
    account = credit.funded(trader, **{NAMES[asset]: units(asset)})
    held = credit.balance(account, asset)
    amount = held if all_ else held - 1
    mine, manager = wallet(credit, asset, trader), wallet(credit, asset, credit.manager)
    logs = acted(credit, trader, account, withdraw(asset, ALL if all_ else amount))
    assert logs == [("BalanceChanged", account, asset, -amount, held - amount)]
    assert wallet(credit, asset, trader) == mine + amount
    assert wallet(credit, asset, credit.manager) == manager - amount
    assert holdings(credit, account) == ({} if all_ else {asset: (1, 0)})


def test_withdraw__one_unit_more_than_held__refused(credit, trader, other_trader):
    """Also where the manager has it, of somebody else."""
    account = credit.funded(trader, usd=100)
    credit.funded(other_trader, usd=100)
    assert refused(credit, trader, account, withdraw(USD, 101)) == (
        0,
        ("InsufficientBalance", USD, 100, 101),
    )


@pytest.mark.parametrize("amount", [0, -1, -(2**255)])
def test_withdraw__not_positive__refused(credit, trader, amount):
    account = credit.funded(trader, usd=100)
    action = Action(ActionKind.WITHDRAW, USD, amount)
    assert refused(credit, trader, account, action) == (0, ("ZeroAmount",))


def test_withdraw__all_of_nothing__refused(credit, trader):
    account = credit.funded(trader, usd=100)
    assert refused(credit, trader, account, withdraw(WETH, ALL)) == (0, ("ZeroAmount",))


@pytest.mark.parametrize("asset", [5, UNLIMITED])
def test_withdraw__no_such_asset__refused(credit, trader, asset):
    account = credit.funded(trader, usd=100)
    for amount in (1, ALL):
        seen = refused(credit, trader, account, withdraw(asset, amount))
        assert seen == (0, ("UnknownAsset", asset))


def test_withdraw__to_the_last_unit_that_debt_allows__one_more_refused(credit, trader):
    """1 WETH owed needs 2,000 / 0.75, of which the borrowed one itself brings 1,500."""
    account = credit.funded(trader, usd=10_000 * 10**6)
    credit.act(trader, account, borrow(WETH, WAD))
    debt = -(-2_000 * WAD * 10_000 // 7_500)
    needed = debt - 1_500 * WAD
    # In base units of USD, each 10^12 PREP base units that count 85 %.
    least = -(-needed // (85 * 10**10))
    spare = 10_000 * 10**6 - least
    assert 85 * 10**10 * least >= needed > 85 * 10**10 * (least - 1)
    equity = 85 * 10**10 * (least - 1) - needed
    seen = refused(credit, trader, account, withdraw(USD, spare + 1))
    assert seen == ("AccountUnhealthy", equity, 0)
    credit.act(trader, account, withdraw(USD, spare))


def test_withdraw__everything_but_debt__refused(credit, trader):
    account = credit.funded(trader, prep=10_000 * WAD)
    credit.act(trader, account, borrow(USD, 10**6))
    debt = -(-WAD * 10_000 // 8_500)
    seen = refused(credit, trader, account, withdraw(PREP, ALL), withdraw(USD, ALL))
    assert seen == ("AccountUnhealthy", -debt, 0)


# Shares of the LP vault, some of them in cooldown


@pytest.fixture
def cooling(credit, trader):
    """An account with shares for 100 PREP, 60 of them requested."""
    set_periods(credit.suite, PERIOD, WINDOW)
    account = credit.funded(trader, shares=100 * WAD)
    credit.act(trader, account, request_redeem(60 * 10**6 * WAD))
    return account


def test_withdraw__unrequested_shares__to_the_last(credit, trader, other_trader, cooling):
    """The manager has unlocked shares of another account too."""
    credit.funded(other_trader, shares=1_000 * WAD)
    held = credit.balance(cooling, SHARES)
    requested = 60 * 10**6 * WAD
    assert refused(credit, trader, cooling, withdraw(SHARES, held - requested + 1)) == (
        0,
        ("InsufficientBalance", SHARES, requested - 1, requested),
    )
    assert refused(credit, trader, cooling, withdraw(SHARES, ALL)) == (
        0,
        ("InsufficientBalance", SHARES, 0, requested),
    )
    credit.act(trader, cooling, withdraw(SHARES, held - requested))
    assert credit.balance(cooling, SHARES) == requested
    assert [q[0] for q in queue(credit.suite, credit.manager, cooling)] == [requested]


def test_withdraw__matured_request__still_has_to_be_cancelled(credit, clock, trader, cooling):
    clock.advance(PERIOD)
    requested = 60 * 10**6 * WAD
    assert refused(credit, trader, cooling, withdraw(SHARES, ALL)) == (
        0,
        ("InsufficientBalance", SHARES, 0, requested),
    )


def test_withdraw__lapsed_request__all_goes(credit, clock, trader, cooling):
    """Lapsed shares are unlocked on the way, without anybody else's doing."""
    clock.advance(PERIOD + WINDOW)
    held, mine = credit.balance(cooling, SHARES), wallet(credit, SHARES, trader)
    credit.act(trader, cooling, withdraw(SHARES, ALL))
    assert wallet(credit, SHARES, trader) == mine + held
    assert queue(credit.suite, credit.manager, cooling) == []
    assert credit.suite.vault.lockedShares(credit.manager) == 0


def test_withdraw__another_account_has_requests__of_no_account_to_this(
    credit, trader, other_trader, cooling
):
    other = credit.funded(other_trader, shares=10 * WAD)
    credit.act(other_trader, other, withdraw(SHARES, ALL))
    assert holdings(credit, other) == {}
    assert [q[0] for q in queue(credit.suite, credit.manager, cooling)] == [60 * 10**6 * WAD]
