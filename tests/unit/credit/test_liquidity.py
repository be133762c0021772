"""The actions AddLiquidity and RemoveLiquidity, without a cooldown."""

import pytest

from prep.credit.actions import (
    ALL,
    Action,
    ActionKind,
    add_liquidity,
    cancel_request,
    deposit,
    reduce,
    remove_liquidity,
    request_redeem,
    trade,
)
from tests.credit import PREP, SHARES, SOL
from tests.expected import assets, shares
from tests.suite import WAD
from tests.unit.credit.acting import acted, holdings, low, refused, wallet
from tests.unit.credit.trading import SOL_UNIT


@pytest.fixture
def account(credit, trader):
    """A thousand PREP, and a vault whose share is worth more than at first."""
    account = credit.funded(trader, prep=1_000 * WAD)
    other = credit.funded(trader, prep=10**5 * WAD)
    credit.act(trader, other, trade(SOL, 1_000 * SOL_UNIT))
    credit.set_market_price(SOL, 93)
    credit.act(trader, other, reduce(SOL, ALL))
    return account


def pool(credit):
    vault = credit.suite.vault
    return vault.totalAssets(), vault.totalSupply()


@pytest.mark.parametrize("amount", [1, 77 * WAD + 13, 1_000 * WAD, ALL])
def test_add_liquidity__any_amount__shares_for_it(credit, trader, account, amount):
    value, supply = pool(credit)
    assert value * 10**6 > supply
    paid = min(amount, 1_000 * WAD)
    bought = shares(paid, value, supply)
    logs = acted(credit, trader, account, add_liquidity(amount))
    assert logs == [
        ("BalanceChanged", account, PREP, -paid, 1_000 * WAD - paid),
        ("BalanceChanged", account, SHARES, bought, bought),
    ]
    assert pool(credit) == (value + paid, supply + bought)
    left = {PREP: (1_000 * WAD - paid, 0)} if paid < 1_000 * WAD else {}
    assert holdings(credit, account) == left | {SHARES: (bought, 0)}


def test_add_liquidity__fewest_shares__to_the_unit(credit, trader, account):
    bought = shares(WAD, *pool(credit))
    assert refused(credit, trader, account, add_liquidity(WAD, bought + 1)) == (
        0,
        ("TooLittleReceived", bought, bought + 1),
    )
    credit.act(trader, account, add_liquidity(WAD, bought))


def test_add_liquidity__more_than_the_balance__refused(credit, trader, account):
    assert refused(credit, trader, account, add_liquidity(1_000 * WAD + 1)) == (
        0,
        ("InsufficientBalance", PREP, 1_000 * WAD, 1_000 * WAD + 1),
    )


@pytest.mark.parametrize(
    "kind", [ActionKind.ADD_LIQUIDITY, ActionKind.REMOVE_LIQUIDITY, ActionKind.REQUEST_REDEEM]
)
@pytest.mark.parametrize("amount", [0, -1])
def test_liquidity__not_positive__refused(credit, trader, account, kind, amount):
    action = Action(kind, 0, amount)
    assert refused(credit, trader, account, action) == (0, ("ZeroAmount",))


def test_liquidity__all_of_nothing__refused(credit, trader):
    account = credit.open(trader)
    for action in (add_liquidity(ALL), remove_liquidity(ALL), request_redeem(ALL)):
        assert refused(credit, trader, account, action) == (0, ("ZeroAmount",))
    assert refused(credit, trader, account, cancel_request(ALL)) == (0, ("ZeroAmount",))


def test_add_liquidity__unhealthy_afterwards__refused(credit, trader):
    """Shares count half."""
    account = credit.funded(trader, prep=100 * WAD)
    credit.act(trader, account, trade(SOL, 4 * SOL_UNIT))
    seen = refused(credit, trader, account, add_liquidity(40 * WAD + 1))
    assert seen == ("AccountUnhealthy", 80 * WAD - 1, 80 * WAD)
    credit.act(trader, account, add_liquidity(40 * WAD))


def test_add_liquidity__beyond_the_vaults_cap__refused(credit, trader, account):
    protocol, vault = credit.suite.protocol, credit.suite.vault
    cap = protocol.liquidity() + 5
    vault.setDepositCap(cap, sender=credit.suite.risk_manager)
    assert refused(credit, trader, account, add_liquidity(6)) == (
        0,
        ("ERC4626ExceededMaxDeposit", low(credit.manager), 6, 5),
    )
    credit.act(trader, account, add_liquidity(5))


@pytest.mark.parametrize("part", [1, 2, 7])
def test_remove_liquidity__part_or_all__prep_for_it(credit, trader, account, part):
    credit.act(trader, account, add_liquidity(ALL))
    held = credit.balance(account, SHARES)
    value, supply = pool(credit)
    sold = held // part
    got = assets(sold, value, supply)
    mine = wallet(credit, PREP, trader)
    logs = acted(credit, trader, account, remove_liquidity(ALL if part == 1 else sold))
    assert logs == [
        ("BalanceChanged", account, SHARES, -sold, held - sold),
        ("BalanceChanged", account, PREP, got, got),
    ]
    assert wallet(credit, PREP, trader) == mine
    assert pool(credit) == (value - got, supply - sold)


def test_remove_liquidity__least_amount__to_the_unit(credit, trader, account):
    credit.act(trader, account, add_liquidity(ALL))
    got = assets(10**24, *pool(credit))
    assert refused(credit, trader, account, remove_liquidity(10**24, got + 1)) == (
        0,
        ("TooLittleReceived", got, got + 1),
    )
    credit.act(trader, account, remove_liquidity(10**24, got))


def test_remove_liquidity__more_than_the_account_has__refused(
    credit, trader, other_trader, account
):
    """The manager has more, of others."""
    credit.funded(other_trader, shares=1_000 * WAD)
    credit.act(trader, account, add_liquidity(WAD))
    held = credit.balance(account, SHARES)
    assert refused(credit, trader, account, remove_liquidity(held + 1)) == (
        0,
        ("InsufficientBalance", SHARES, held, held + 1),
    )


def test_remove_liquidity__withdrawals_stopped__refused(credit, trader, account):
    credit.act(trader, account, add_liquidity(ALL))
    credit.suite.vault.stopWithdrawals(sender=credit.suite.guardian)
    seen = refused(credit, trader, account, remove_liquidity(ALL))
    assert seen == (0, ("WithdrawalsStopped",))


def test_request_redeem__no_cooldown__refused(credit, trader, account):
    credit.act(trader, account, add_liquidity(ALL))
    assert refused(credit, trader, account, request_redeem(1)) == (0, ("NoCooldown",))


def test_deposit__of_vault_shares__can_be_removed_like_bought_ones(credit, trader, account):
    credit.give(trader, SHARES, 10 * WAD)
    held = wallet(credit, SHARES, trader)
    credit.act(trader, account, deposit(SHARES, held), remove_liquidity(ALL))
    assert SHARES not in holdings(credit, account)
