"""The actions RequestRedeem, CancelRequest and RemoveLiquidity where shares have a cooldown: every
account has its own requests, though all shares are the manager's."""

import pytest

from prep.credit.actions import (
    ALL,
    Action,
    ActionKind,
    cancel_request,
    remove_liquidity,
    request_redeem,
    withdraw,
)
from tests.credit import SHARES
from tests.suite import WAD
from tests.unit.credit.acting import acted, low, refused
from tests.unit.vault.cooling import MOST, PERIOD, WINDOW, queue, set_periods

UNIT = 10**6 * WAD
"""Shares for a PREP."""


@pytest.fixture
def accounts_(credit, trader, other_trader):
    """Two, with shares for 100 PREP each, of different owners."""
    set_periods(credit.suite, PERIOD, WINDOW)
    return credit.funded(trader, shares=100 * WAD), credit.funded(other_trader, shares=100 * WAD)


@pytest.fixture
def account(accounts_):
    return accounts_[0]


def requested(credit, account):
    return [q[0] for q in queue(credit.suite, credit.manager, account)]


def test_request_redeem__part_and_then_all__queued_and_balance_unchanged(
    credit, clock, trader, account
):
    held = credit.balance(account, SHARES)
    assert acted(credit, trader, account, request_redeem(30 * UNIT)) == []
    now = clock.advance(60)
    credit.act(trader, account, request_redeem(ALL))
    assert queue(credit.suite, credit.manager, account) == [
        (30 * UNIT, now - 60 + PERIOD, now - 60 + PERIOD + WINDOW),
        (held - 30 * UNIT, now + PERIOD, now + PERIOD + WINDOW),
    ]
    assert credit.balance(account, SHARES) == held
    assert credit.suite.vault.lockedShares(credit.manager) == held
    assert refused(credit, trader, account, request_redeem(ALL)) == (0, ("ZeroAmount",))


def test_request_redeem__more_than_is_unrequested__refused_to_the_unit(
    credit, trader, account, accounts_
):
    """The manager has more unlocked shares, of another account."""
    credit.act(trader, account, request_redeem(30 * UNIT))
    left = credit.balance(account, SHARES) - 30 * UNIT
    assert refused(credit, trader, account, request_redeem(left + 1)) == (
        0,
        ("InsufficientBalance", SHARES, left, left + 1),
    )
    credit.act(trader, account, request_redeem(left))


def test_request_redeem__too_many__refused(credit, trader, account):
    credit.act(trader, account, *(MOST * [request_redeem(UNIT)]))
    assert refused(credit, trader, account, request_redeem(UNIT)) == (
        0,
        ("TooManyRequests", MOST),
    )


def test_cancel_request__newest_first__and_all(credit, trader, account):
    credit.act(trader, account, request_redeem(10 * UNIT), request_redeem(20 * UNIT))
    assert acted(credit, trader, account, cancel_request(5 * UNIT)) == []
    assert requested(credit, account) == [10 * UNIT, 15 * UNIT]
    credit.act(trader, account, cancel_request(16 * UNIT))
    assert requested(credit, account) == [9 * UNIT]
    credit.act(trader, account, cancel_request(ALL))
    assert requested(credit, account) == []
    assert credit.suite.vault.lockedShares(credit.manager) == 0
    held = credit.balance(account, SHARES)
    credit.act(trader, account, withdraw(SHARES, held))


def test_cancel_request__more_than_requested__refused(credit, trader, other_trader, accounts_):
    """Though another account has requested more."""
    first, second = accounts_
    credit.act(trader, first, request_redeem(10 * UNIT))
    credit.act(other_trader, second, request_redeem(50 * UNIT))
    assert refused(credit, trader, first, cancel_request(10 * UNIT + 1)) == (
        0,
        ("RequestsExceeded", 10 * UNIT + 1, 10 * UNIT),
    )
    credit.act(trader, first, cancel_request(10 * UNIT))
    assert requested(credit, first) == []
    assert requested(credit, second) == [50 * UNIT]


@pytest.mark.parametrize("amount", [0, -5])
def test_cancel_request__not_positive__refused(credit, trader, account, amount):
    credit.act(trader, account, request_redeem(UNIT))
    action = Action(ActionKind.CANCEL_REQUEST, 0, amount)
    assert refused(credit, trader, account, action) == (0, ("ZeroAmount",))


def test_remove_liquidity__before_and_when_matured__refused_and_done(
    credit, clock, trader, account
):
    credit.act(trader, account, request_redeem(10 * UNIT))
    clock.advance(PERIOD - 1)
    credit.suite.set_price(10_000)
    manager = low(credit.manager)
    assert refused(credit, trader, account, remove_liquidity(1)) == (
        0,
        ("ERC4626ExceededMaxRedeem", manager, 1, 0),
    )
    clock.advance(1)
    assert refused(credit, trader, account, remove_liquidity(10 * UNIT + 1)) == (
        0,
        ("ERC4626ExceededMaxRedeem", manager, 10 * UNIT + 1, 10 * UNIT),
    )
    held = credit.balance(account, SHARES)
    logs = acted(credit, trader, account, remove_liquidity(10 * UNIT))
    assert logs == [
        ("BalanceChanged", account, SHARES, -10 * UNIT, held - 10 * UNIT),
        ("BalanceChanged", account, 0, 10 * WAD, 10 * WAD),
    ]
    assert requested(credit, account) == []


def test_remove_liquidity__lapsed__refused(credit, clock, trader, account):
    credit.act(trader, account, request_redeem(10 * UNIT))
    clock.advance(PERIOD + WINDOW - 1)
    credit.suite.set_price(10_000)
    credit.act(trader, account, remove_liquidity(4 * UNIT))
    clock.advance(1)
    assert refused(credit, trader, account, remove_liquidity(1)) == (
        0,
        ("ERC4626ExceededMaxRedeem", low(credit.manager), 1, 0),
    )


def test_remove_liquidity__anothers_request_has_matured__not_with_it(
    credit, clock, trader, other_trader, accounts_
):
    first, second = accounts_
    credit.act(other_trader, second, request_redeem(10 * UNIT))
    clock.advance(PERIOD)
    credit.suite.set_price(10_000)
    assert refused(credit, trader, first, remove_liquidity(1)) == (
        0,
        ("ERC4626ExceededMaxRedeem", low(credit.manager), 1, 0),
    )
    credit.act(other_trader, second, remove_liquidity(10 * UNIT))


def test_remove_liquidity__cooldown_switched_off__own_shares_only(
    credit, trader, other_trader, accounts_
):
    """All unlocked shares of the manager could be redeemed; those that the account has in requests
    that have not matured stay, and so do those of others."""
    first, second = accounts_
    credit.act(trader, first, request_redeem(60 * UNIT))
    set_periods(credit.suite, 0)
    held = credit.balance(first, SHARES)
    free = held - 60 * UNIT
    assert refused(credit, trader, first, remove_liquidity(free + 1)) == (
        0,
        ("InsufficientBalance", SHARES, 60 * UNIT - 1, 60 * UNIT),
    )
    credit.act(trader, first, remove_liquidity(free))
    credit.act(other_trader, second, remove_liquidity(ALL))
    assert requested(credit, first) == [60 * UNIT]
    credit.act(trader, first, cancel_request(ALL), remove_liquidity(ALL))


def test_remove_liquidity__all_while_a_part_has_matured__refused(credit, clock, trader, account):
    credit.act(trader, account, request_redeem(10 * UNIT))
    clock.advance(PERIOD)
    credit.suite.set_price(10_000)
    held = credit.balance(account, SHARES)
    assert refused(credit, trader, account, remove_liquidity(ALL)) == (
        0,
        ("ERC4626ExceededMaxRedeem", low(credit.manager), held, 10 * UNIT),
    )


def test_request_redeem__lapsed_ones__can_be_requested_again(credit, clock, trader, account):
    credit.act(trader, account, request_redeem(ALL))
    clock.advance(PERIOD + WINDOW)
    held = credit.balance(account, SHARES)
    credit.act(trader, account, request_redeem(ALL))
    assert requested(credit, account) == [held]
