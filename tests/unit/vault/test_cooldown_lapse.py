"""Requests that lapse, and their clock, which stands still while withdrawals are stopped."""

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
    resume,
    set_periods,
    stop,
)
from tests.unit.vault.test_cooldown_redeem import taken
from tests.unit.vault.test_cooldown_transfer import lapsed


def test_lapse__a_second_before__redeemable_and_then_unlocked(
    cooling, lp, isolated, clock, reverts
):
    vault = cooling.vault
    request(cooling, lp, 5 * SHARES)
    clock.advance(PERIOD + WINDOW - 1)
    assert locks(cooling, lp) == (5 * SHARES, 5 * SHARES)
    assert vault.maxRedeem(lp) == 5 * SHARES, "V3"
    with isolated():
        vault.redeem(5 * SHARES, sender=lp)
    clock.advance(1)
    assert (queue(cooling, lp), locks(cooling, lp)) == ([], (0, 0))
    assert vault.maxRedeem(lp) == vault.maxWithdraw(lp) == 0, "V3"
    with reverts(vault.ERC4626ExceededMaxRedeem, owner=lp.address, shares=1, max=0):
        vault.redeem(1, sender=lp)
    request(cooling, lp, vault.balanceOf(lp))
    assert locks(cooling, lp)[0] == vault.balanceOf(lp), "V5"


def test_lapse__partly_redeemed__the_rest_is_unlocked(cooling, lp, clock):
    request(cooling, lp, 5 * SHARES)
    clock.advance(PERIOD)
    cooling.vault.redeem(2 * SHARES, sender=lp)
    clock.advance(WINDOW - 1)
    assert locks(cooling, lp) == (3 * SHARES, 3 * SHARES)
    clock.advance(1)
    assert (queue(cooling, lp), locks(cooling, lp)) == ([], (0, 0))


def test_lapse__redeeming_a_later_request__removes_it(cooling, lp, clock):
    vault = cooling.vault
    request(cooling, lp, 5 * SHARES, 1)
    clock.advance(DAY)
    request(cooling, lp, 7 * SHARES, 1)
    clock.advance(DAY)
    request(cooling, lp, 9 * SHARES, 1)
    clock.advance(PERIOD + WINDOW - 2 * DAY)
    tx = vault.redeem(2 * SHARES, lp, lp, 0, 1, sender=lp)
    assert logs(tx, vault)[:2] == [
        lapsed(lp, 1, 5 * SHARES, 16 * SHARES),
        taken(lp, 1, 2 * SHARES, 14 * SHARES),
    ]
    assert [r[0] for r in queue(cooling, lp, 1)] == [5 * SHARES, 9 * SHARES]
    assert vault.lockedShares(lp) == 14 * SHARES


def test_lapse__without_a_cooldown__redeemable_with_what_is_unlocked(cooling, lp, clock, reverts):
    """Of its own queue. Other queues of the owner let it go when it has been cleared."""
    vault, held = cooling.vault, cooling.vault.balanceOf(lp)
    request(cooling, lp, 5 * SHARES)
    request(cooling, lp, 7 * SHARES, 1)
    set_periods(cooling, 0)
    clock.advance(PERIOD + WINDOW - 1)
    assert vault.redeemableShares(lp, 0) == held - 7 * SHARES
    clock.advance(1)
    assert vault.redeemableShares(lp, 0) == held - 7 * SHARES
    assert vault.redeemableShares(lp, 1) == held - 5 * SHARES
    most = held - 7 * SHARES
    with reverts(vault.ERC4626ExceededMaxRedeem, owner=lp.address, shares=most + 1, max=most):
        vault.redeem(most + 1, sender=lp)
    tx = vault.redeem(most, sender=lp)
    assert logs(tx, vault)[0] == lapsed(lp, 0, 5 * SHARES, 7 * SHARES)
    assert vault.maxRedeem(lp) == 0, "V3"
    assert vault.maxRedeem(lp, 1) == vault.balanceOf(lp) == 7 * SHARES, "V3"
    vault.redeem(7 * SHARES, lp, lp, 0, 1, sender=lp)
    assert vault.lockedShares(lp) == 0


def test_cancel__lapsed__removed_along_and_not_counted(cooling, lp, clock, reverts):
    vault = cooling.vault
    request(cooling, lp, 5 * SHARES)
    clock.advance(DAY)
    request(cooling, lp, 7 * SHARES)
    clock.advance(PERIOD + WINDOW - DAY)
    with reverts(vault.RequestsExceeded, shares=7 * SHARES + 1, requested=7 * SHARES):
        vault.cancelRequest(7 * SHARES + 1, 0, sender=lp)
    tx = vault.cancelRequest(3 * SHARES, 0, sender=lp)
    values = {"owner": lp.address, "ref": 0, "shares": 3 * SHARES, "locked": 4 * SHARES}
    assert logs(tx, vault) == [
        lapsed(lp, 0, 5 * SHARES, 7 * SHARES),
        ("RequestsCancelled", values),
    ]
    clock.advance(DAY)
    with reverts(vault.RequestsExceeded, shares=1, requested=0):
        vault.cancelRequest(1, 0, sender=lp)


def test_clear_lapsed__nothing_has__changes_nothing(cooling, lp, stranger, clock):
    vault = cooling.vault
    request(cooling, lp, SHARES, 1)
    for wait in (0, PERIOD, WINDOW - 1):
        clock.advance(wait)
        before = queue(cooling, lp, 1)
        assert vault.clearLapsed.call(lp, 1, sender=stranger) == 0
        assert logs(vault.clearLapsed(lp, 1, sender=stranger), vault) == []
        assert queue(cooling, lp, 1) == before != []
    for owner, ref in ((lp, 0), (stranger, 1)):
        assert logs(vault.clearLapsed(owner, ref, sender=stranger), vault) == []
    assert vault.lockedShares(lp) == SHARES, "V5"


def test_clear_lapsed__between_two_that_have__by_anyone(cooling, lp, stranger, clock):
    """A request that never lapses between two that do: order and times stay."""
    vault, start = cooling.vault, clock.now
    for amount, window in ((3, DAY), (5, 0), (7, DAY), (9, 2 * DAY)):
        set_periods(cooling, window=window)
        request(cooling, lp, amount * SHARES, 1)
    clock.advance(PERIOD + DAY)
    tx = vault.clearLapsed(lp, 1, sender=stranger)
    assert logs(tx, vault) == [lapsed(lp, 1, 10 * SHARES, 14 * SHARES)]
    assert queue(cooling, lp, 1) == [
        (5 * SHARES, start + PERIOD, 0),
        (9 * SHARES, start + PERIOD, start + PERIOD + 2 * DAY),
    ]
    assert vault.lockedShares(lp) == 14 * SHARES
    assert vault.redeemableShares(lp, 1) == 14 * SHARES


# ------------------------------------------------------------------------------------------- clock


@pytest.mark.parametrize(
    "before, stopped",
    [
        (0, DAY),
        (HOUR, PERIOD - HOUR),
        (HOUR, PERIOD + HOUR),
        (PERIOD + DAY, HOUR),
        (PERIOD + WINDOW - 1, 400 * DAY),
    ],
    ids=["at once", "until maturity", "over maturity", "in the window", "at its end"],
)
def test_stop__for_a_while__lapses_that_much_later_and_matures_as_before(
    cooling, lp, clock, before, stopped
):
    vault, start = cooling.vault, clock.now
    request(cooling, lp, SHARES)
    end = start + PERIOD + WINDOW
    clock.advance(before)
    stop(cooling)
    clock.advance(stopped)
    assert queue(cooling, lp) == [(SHARES, start + PERIOD, end + stopped)]
    resume(cooling)
    assert queue(cooling, lp) == [(SHARES, start + PERIOD, end + stopped)]
    if clock.now < start + PERIOD:
        clock.advance(start + PERIOD - 1 - clock.now)
        assert vault.redeemableShares(lp, 0) == 0
        clock.advance(1)
    assert vault.redeemableShares(lp, 0) == SHARES
    clock.advance(end + stopped - 1 - clock.now)
    assert locks(cooling, lp) == (SHARES, SHARES)
    clock.advance(1)
    assert locks(cooling, lp) == (0, 0)


def test_stop__twice_in_a_row__counts_from_the_first(cooling, lp, clock, guardian, admin):
    vault, start = cooling.vault, clock.now
    request(cooling, lp, SHARES)
    for _ in range(3):
        vault.stopWithdrawals(sender=guardian)
        clock.advance(DAY)
    for _ in range(3):
        vault.resumeWithdrawals(sender=admin)
        clock.advance(HOUR)
    assert queue(cooling, lp) == [(SHARES, start + PERIOD, start + PERIOD + WINDOW + 3 * DAY)]


def test_stop__several_times__adds_up(cooling, lp, clock):
    start, stopped = clock.now, 0
    request(cooling, lp, SHARES)
    for days in (1, 2, 3):
        stop(cooling)
        clock.advance(days * DAY)
        resume(cooling)
        clock.advance(HOUR)
        stopped += days * DAY
    assert queue(cooling, lp) == [(SHARES, start + PERIOD, start + PERIOD + WINDOW + stopped)]


def test_stop__request_made_meanwhile__has_a_full_window_afterwards(cooling, lp, clock):
    stop(cooling)
    clock.advance(5 * DAY)
    start = clock.now
    tx = cooling.vault.requestRedeem(SHARES, sender=lp)
    assert logs(tx, cooling.vault)[0][1]["lapsesAt"] == start + PERIOD + WINDOW
    assert queue(cooling, lp) == [(SHARES, start + PERIOD, start + PERIOD + WINDOW)]
    clock.advance(PERIOD + 2 * DAY)
    resume(cooling)
    end = clock.now + PERIOD + WINDOW
    assert queue(cooling, lp) == [(SHARES, start + PERIOD, end)]
    clock.advance(end - 1 - clock.now)
    cooling.vault.redeem(1_000_000, sender=lp)
    clock.advance(1)
    assert locks(cooling, lp) == (0, 0)


def test_stop__lapsed_before__stays_so(cooling, lp, clock):
    request(cooling, lp, SHARES)
    clock.advance(PERIOD + WINDOW)
    stop(cooling)
    assert (queue(cooling, lp), locks(cooling, lp)) == ([], (0, 0))
    clock.advance(DAY)
    tx = cooling.vault.clearLapsed(lp, 0, sender=lp)
    assert logs(tx, cooling.vault) == [lapsed(lp, 0, SHARES, 0)]


def test_stop__never_lapsing_request__stays(cooling, lp, clock):
    set_periods(cooling, window=0)
    request(cooling, lp, SHARES)
    stop(cooling)
    clock.advance(1_000 * DAY)
    resume(cooling)
    assert queue(cooling, lp)[0][2] == 0
    cooling.vault.redeem(SHARES, sender=lp)
