"""Locked shares stay with their owner, whichever way they are to be moved."""

import pytest

from tests.suite import UNLIMITED
from tests.unit.books import logs
from tests.unit.vault.cooling import DAY, PERIOD, SHARES, WINDOW, locks, queue, request

both_functions = pytest.mark.parametrize("function", ["transfer", "transferFrom"])


@pytest.fixture
def move(cooling, lp, stranger, crowd):
    """Moves the LP's shares to somebody, sent by the LP or by whom he has approved."""
    cooling.vault.approve(stranger, UNLIMITED, sender=lp)

    def move(function, shares, to=crowd[0]):
        if function == "transfer":
            return cooling.vault.transfer(to, shares, sender=lp)
        return cooling.vault.transferFrom(lp, to, shares, sender=stranger)

    return move


def lapsed(owner, ref, shares, locked) -> tuple:
    values = {"owner": owner.address, "ref": ref, "shares": shares, "locked": locked}
    return "RequestsLapsed", values


@both_functions
@pytest.mark.parametrize("matured", [False, True])
def test_transfer__locked_shares__only_the_rest_moves(
    cooling, lp, crowd, clock, reverts, move, function, matured
):
    vault, held = cooling.vault, cooling.vault.balanceOf(lp)
    request(cooling, lp, 30 * SHARES, 0)
    request(cooling, lp, 12 * SHARES, 5)
    clock.advance(PERIOD if matured else PERIOD - 1)
    free = held - 42 * SHARES
    values = {"owner": lp.address, "unlocked": free, "needed": free + 1}
    with reverts(vault.InsufficientUnlocked, **values):
        move(function, free + 1)
    with reverts(vault.InsufficientUnlocked, **values | {"needed": held}):
        move(function, held)
    tx = move(function, free)
    moved = {"from": lp.address, "to": crowd[0].address, "value": free}
    assert logs(tx, vault) == [("Transfer", moved)]
    assert (vault.balanceOf(lp), vault.balanceOf(crowd[0])) == (42 * SHARES, free)
    assert locks(cooling, lp)[0] == 42 * SHARES, "V5"
    with reverts(vault.InsufficientUnlocked, owner=lp.address, unlocked=0, needed=1):
        move(function, 1)
    move(function, 0)
    vault.cancelRequest(SHARES, 5, sender=lp)
    move(function, SHARES)


@both_functions
def test_transfer__more_than_the_balance__is_the_tokens_own_error(
    cooling, lp, reverts, move, function
):
    vault, held = cooling.vault, cooling.vault.balanceOf(lp)
    values = {"sender": lp.address, "balance": held, "needed": held + 1}
    with reverts(vault.ERC20InsufficientBalance, **values):
        move(function, held + 1)
    request(cooling, lp, SHARES)
    with reverts(vault.ERC20InsufficientBalance, **values):
        move(function, held + 1)


def test_transfer__to_oneself__locked_all_the_same(cooling, lp, reverts):
    vault, held = cooling.vault, cooling.vault.balanceOf(lp)
    request(cooling, lp, SHARES)
    with reverts(vault.InsufficientUnlocked, owner=lp.address, unlocked=held - SHARES, needed=held):
        vault.transfer(lp, held, sender=lp)
    vault.transfer(lp, held - SHARES, sender=lp)
    assert (vault.balanceOf(lp), locks(cooling, lp)[0]) == (held, SHARES)


@both_functions
def test_transfer__lapsed_shares_needed__swept_at_the_second(
    cooling, lp, clock, reverts, move, function
):
    vault, held = cooling.vault, cooling.vault.balanceOf(lp)
    request(cooling, lp, 30 * SHARES)
    clock.advance(DAY)
    request(cooling, lp, 12 * SHARES)
    clock.advance(PERIOD + WINDOW - DAY - 1)
    with reverts(
        vault.InsufficientUnlocked,
        owner=lp.address,
        unlocked=held - 42 * SHARES,
        needed=held - 42 * SHARES + 1,
    ):
        move(function, held - 42 * SHARES + 1)
    clock.advance(1)
    with reverts(
        vault.InsufficientUnlocked,
        owner=lp.address,
        unlocked=held - 12 * SHARES,
        needed=held - 12 * SHARES + 1,
    ):
        move(function, held - 12 * SHARES + 1)
    tx = move(function, held - 12 * SHARES)
    events = logs(tx, vault)
    assert events[0] == lapsed(lp, 0, 30 * SHARES, 12 * SHARES)
    assert [name for name, _ in events] == ["RequestsLapsed", "Transfer"]
    assert [r[0] for r in queue(cooling, lp)] == [12 * SHARES]
    assert locks(cooling, lp) == (12 * SHARES, 12 * SHARES)


def test_transfer__unlocked_shares_suffice__nothing_is_swept(cooling, lp, crowd, clock):
    request(cooling, lp, 30 * SHARES)
    clock.advance(PERIOD + WINDOW)
    held = cooling.vault.balanceOf(lp)
    tx = cooling.vault.transfer(crowd[0], held - 30 * SHARES, sender=lp)
    assert [name for name, _ in logs(tx, cooling.vault)] == ["Transfer"]
    tx = cooling.vault.transfer(crowd[0], 1, sender=lp)
    assert logs(tx, cooling.vault)[0] == lapsed(lp, 0, 30 * SHARES, 0)


def test_transfer__lapsed_in_another_queue__after_clearing_it(
    cooling, lp, stranger, crowd, clock, reverts
):
    vault, held = cooling.vault, cooling.vault.balanceOf(lp)
    request(cooling, lp, 30 * SHARES, 6)
    clock.advance(PERIOD + WINDOW)
    assert (queue(cooling, lp, 6), locks(cooling, lp, 6)) == ([], (30 * SHARES, 0))
    free = held - 30 * SHARES
    with reverts(vault.InsufficientUnlocked, owner=lp.address, unlocked=free, needed=held):
        vault.transfer(crowd[0], held, sender=lp)
    assert vault.clearLapsed.call(lp, 6, sender=stranger) == 30 * SHARES
    tx = vault.clearLapsed(lp, 6, sender=stranger)
    assert logs(tx, vault) == [lapsed(lp, 6, 30 * SHARES, 0)]
    assert vault.lockedShares(lp) == 0
    vault.transfer(crowd[0], held, sender=lp)


def test_transfer__no_locks__as_before(cooling, lp, crowd):
    held = cooling.vault.balanceOf(lp)
    tx = cooling.vault.transfer(crowd[0], held, sender=lp)
    assert [name for name, _ in logs(tx, cooling.vault)] == ["Transfer"]
    assert cooling.vault.balanceOf(crowd[0]) == held
    assert cooling.vault.redeemableShares(crowd[0], 0) == 0
