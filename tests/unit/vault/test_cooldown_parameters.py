"""The cooldown's period and window: bounds, roles, and whom a change concerns."""

import pytest

from tests.unit.books import logs
from tests.unit.vault.cooling import (
    DAY,
    HOUR,
    PERIOD,
    SHARES,
    WINDOW,
    locks,
    queue,
    request,
    set_periods,
)
from tests.unit.vault.test_gates import parameter

SETTERS = {
    "setCooldownPeriod": ("cooldownPeriod", "CooldownPeriodSet"),
    "setRedeemWindow": ("redeemWindow", "RedeemWindowSet"),
}
both_setters = pytest.mark.parametrize("setter", SETTERS)


def test_vault__deployed__no_cooldown_and_a_window_of_a_week(suite):
    assert (suite.vault.cooldownPeriod(), suite.vault.redeemWindow()) == (0, 7 * DAY)


@pytest.mark.parametrize(
    "setter, values",
    [
        ("setCooldownPeriod", (1, 30 * DAY, 0)),
        ("setRedeemWindow", (DAY, 365 * DAY, 0)),
    ],
)
def test_set__within_bounds__stored_and_logged(suite, risk_manager, setter, values):
    view, event = SETTERS[setter]
    for value in values:
        tx = getattr(suite.vault, setter)(value, sender=risk_manager)
        ((name, logged),) = logs(tx, suite.vault)
        assert (name, list(logged.values())) == (event, [value])
        assert getattr(suite.vault, view)() == value


@pytest.mark.parametrize(
    "setter, value, least, most",
    [
        ("setCooldownPeriod", 30 * DAY + 1, 0, 30 * DAY),
        ("setCooldownPeriod", 2**24, 0, 30 * DAY),
        ("setRedeemWindow", 1, DAY, 365 * DAY),
        ("setRedeemWindow", DAY - 1, DAY, 365 * DAY),
        ("setRedeemWindow", 365 * DAY + 1, DAY, 365 * DAY),
        ("setRedeemWindow", 2**32, DAY, 365 * DAY),
    ],
)
def test_set__outside_bounds__reverts(suite, risk_manager, reverts, setter, value, least, most):
    view = SETTERS[setter][0]
    before = getattr(suite.vault, view)()
    values = {"parameter": parameter(view), "value": value, "min": least, "max": most}
    with reverts(suite.vault.ParameterOutOfBounds, **values):
        getattr(suite.vault, setter)(value, sender=risk_manager)
    assert getattr(suite.vault, view)() == before


@both_setters
def test_set__by_anyone_but_the_risk_manager__reverts(
    suite, admin, guardian, stranger, reverts, setter
):
    for caller in (admin, guardian, stranger):
        with reverts(suite.vault.AccessManagedUnauthorized, caller=caller.address):
            getattr(suite.vault, setter)(DAY, sender=caller)


def test_set__neighbours_in_the_slot__stay(suite, risk_manager, guardian):
    vault = suite.vault
    vault.setTargetCollateralizationRatio(10**19, sender=risk_manager)
    vault.setDepositCap(10**37, sender=risk_manager)
    vault.setCooldownPeriod(30 * DAY, sender=risk_manager)
    vault.setRedeemWindow(365 * DAY, sender=risk_manager)
    vault.stopWithdrawals(sender=guardian)

    def read():
        return (
            vault.targetCollateralizationRatio(),
            vault.depositCap(),
            vault.cooldownPeriod(),
            vault.redeemWindow(),
            vault.withdrawalsStopped(),
        )

    assert read() == (10**19, 10**37, 30 * DAY, 365 * DAY, True)
    vault.setCooldownPeriod(0, sender=risk_manager)
    vault.setRedeemWindow(0, sender=risk_manager)
    assert read() == (10**19, 10**37, 0, 0, True)


def test_set_period__requests_made_before__keep_their_times(cooling, lp, clock):
    start = clock.now
    request(cooling, lp, 5 * SHARES)
    set_periods(cooling, HOUR, 2 * DAY)
    before = (5 * SHARES, start + PERIOD, start + PERIOD + WINDOW)
    assert queue(cooling, lp) == [before]
    clock.advance(DAY)
    request(cooling, lp, 7 * SHARES)
    after = (7 * SHARES, start + DAY + HOUR, start + 3 * DAY + HOUR)
    assert queue(cooling, lp) == [before, after]


def test_set_period__shorter__the_later_request_matures_and_lapses_first(
    cooling, lp, clock, reverts
):
    """Each request has its own times, whatever is before it in the queue."""
    request(cooling, lp, 5 * SHARES)
    set_periods(cooling, HOUR, DAY)
    request(cooling, lp, 7 * SHARES)
    clock.advance(HOUR)
    assert locks(cooling, lp) == (12 * SHARES, 7 * SHARES)
    values = {"owner": lp.address, "shares": 7 * SHARES + 1, "max": 7 * SHARES}
    with reverts(cooling.vault.ERC4626ExceededMaxRedeem, **values):
        cooling.vault.redeem(7 * SHARES + 1, sender=lp)
    cooling.vault.redeem(2 * SHARES, sender=lp)
    assert [r[0] for r in queue(cooling, lp)] == [5 * SHARES, 5 * SHARES]
    clock.advance(DAY)
    assert [r[0] for r in queue(cooling, lp)] == [5 * SHARES]
    assert locks(cooling, lp) == (5 * SHARES, 0)
    clock.advance(PERIOD - DAY - HOUR)
    assert locks(cooling, lp) == (5 * SHARES, 5 * SHARES)
    cooling.vault.redeem(5 * SHARES, sender=lp)
    assert (queue(cooling, lp), *locks(cooling, lp)) == ([], 0, 0)


def test_set_window__zero__later_requests_never_lapse(cooling, lp, clock):
    set_periods(cooling, window=0)
    start = clock.now
    request(cooling, lp, SHARES)
    assert queue(cooling, lp) == [(SHARES, start + PERIOD, 0)]
    set_periods(cooling, window=DAY)
    clock.advance(20 * 365 * DAY)
    assert queue(cooling, lp) == [(SHARES, start + PERIOD, 0)]
    cooling.vault.redeem(SHARES, sender=lp)
    assert locks(cooling, lp) == (0, 0)


def test_set_period__to_none__unlocked_shares_go_at_once_and_locked_ones_when_cancelled(
    cooling, lp, clock, reverts
):
    vault, held = cooling.vault, cooling.vault.balanceOf(lp)
    request(cooling, lp, 9 * SHARES)
    assert vault.maxRedeem(lp) == vault.maxWithdraw(lp) == 0
    set_periods(cooling, 0)
    with reverts(vault.NoCooldown):
        vault.requestRedeem(1, sender=lp)
    free = held - 9 * SHARES
    assert locks(cooling, lp) == (9 * SHARES, free)
    assert (vault.maxRedeem(lp), vault.maxWithdraw(lp)) == (free, free // 10**6), "V3"
    with reverts(vault.ERC4626ExceededMaxRedeem, owner=lp.address, shares=free + 1, max=free):
        vault.redeem(free + 1, sender=lp)
    vault.redeem(free, sender=lp)
    assert (vault.balanceOf(lp), *locks(cooling, lp)) == (9 * SHARES, 9 * SHARES, 0), "V5"
    vault.cancelRequest(4 * SHARES, 0, sender=lp)
    vault.redeem(4 * SHARES, sender=lp)
    clock.advance(PERIOD)
    vault.redeem(5 * SHARES, sender=lp)
    assert (vault.balanceOf(lp), *locks(cooling, lp)) == (0, 0, 0)


def test_set_period__to_none__matured_shares_are_taken_before_unlocked_ones(cooling, lp, clock):
    vault, held = cooling.vault, cooling.vault.balanceOf(lp)
    request(cooling, lp, 3 * SHARES)
    clock.advance(1)
    request(cooling, lp, 4 * SHARES)
    clock.advance(PERIOD - 1)
    set_periods(cooling, 0)
    assert locks(cooling, lp) == (7 * SHARES, held - 4 * SHARES)
    vault.redeem(2 * SHARES, sender=lp)
    assert [r[0] for r in queue(cooling, lp)] == [SHARES, 4 * SHARES]
    vault.withdraw(SHARES // 10**6 + 5, sender=lp)
    assert [r[0] for r in queue(cooling, lp)] == [4 * SHARES], "the rest was unlocked"
    assert locks(cooling, lp)[0] == 4 * SHARES


def test_set_period__from_none__what_was_free_has_to_be_requested(btc, lp, reverts):
    held = btc.vault.balanceOf(lp)
    assert locks(btc, lp) == (0, held)
    set_periods(btc, 1)
    assert locks(btc, lp) == (0, 0)
    assert btc.vault.maxRedeem(lp) == btc.vault.maxWithdraw(lp) == 0, "V3"
    with reverts(btc.vault.ERC4626ExceededMaxWithdraw, owner=lp.address, assets=1, max=0):
        btc.vault.withdraw(1, sender=lp)
    with reverts(btc.vault.ERC4626ExceededMaxRedeem, owner=lp.address, shares=1, max=0):
        btc.vault.redeem(1, sender=lp)
