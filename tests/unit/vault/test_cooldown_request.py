"""Vault.requestRedeem and cancelRequest: what they lock and unlock."""

import pytest
from eth_abi import encode
from eth_utils import keccak

from tests.suite import UNLIMITED, WAD
from tests.unit.books import books, logs
from tests.unit.vault.cooling import (
    DAY,
    MOST,
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
from tests.unit.vault.pricing import COLLATERAL, NOTIONAL

ODD = 777 * SHARES + 12_345


def requested(owner, ref, shares, start, locked, *, period=PERIOD, window=WINDOW) -> list:
    """What the vault logs of it."""
    values = {
        "owner": owner.address,
        "ref": ref,
        "shares": shares,
        "maturesAt": start + period,
        "lapsesAt": start + period + window if window else 0,
        "locked": locked,
    }
    return [("RedeemRequested", values)]


def cancelled(owner, ref, shares, locked) -> list:
    values = {"owner": owner.address, "ref": ref, "shares": shares, "locked": locked}
    return [("RequestsCancelled", values)]


@pytest.mark.parametrize("form", ["caller", "ref 0", "ref"])
def test_request__every_form__locks_and_moves_nothing(cooling, lp, clock, form):
    vault, start = cooling.vault, clock.now
    ref = UNLIMITED if form == "ref" else 0
    arguments = (ODD,) if form == "caller" else (ODD, ref)
    held, before = vault.balanceOf(lp), books(cooling)
    assert vault.requestRedeem.call(*arguments, sender=lp) == start + PERIOD
    tx = vault.requestRedeem(*arguments, sender=lp)
    assert logs(tx, vault) == requested(lp, ref, ODD, start, ODD)
    assert logs(tx, cooling.prep) == logs(tx, cooling.protocol) == []
    assert queue(cooling, lp, ref) == [(ODD, start + PERIOD, start + PERIOD + WINDOW)]
    assert locks(cooling, lp, ref) == (ODD, 0)
    assert (vault.balanceOf(lp), vault.totalSupply()) == (held, held)
    assert books(cooling) == before


def test_request__never_lapsing__logged_as_zero(cooling, lp, clock):
    set_periods(cooling, 30 * DAY, 0)
    tx = cooling.vault.requestRedeem(1, 5, sender=lp)
    assert logs(tx, cooling.vault) == requested(lp, 5, 1, clock.now, 1, period=30 * DAY, window=0)
    assert queue(cooling, lp, 5) == [(1, clock.now + 30 * DAY, 0)]


def test_request__zero__reverts(cooling, lp, reverts):
    for arguments in [(0,), (0, 1)]:
        with reverts(cooling.vault.ZeroAmount):
            cooling.vault.requestRedeem(*arguments, sender=lp)
    with reverts(cooling.vault.ZeroAmount):
        cooling.vault.cancelRequest(0, 0, sender=lp)


def test_request__no_cooldown__reverts(btc, lp, reverts):
    """Nobody can store up requests that outlive a cooldown to come."""
    with reverts(btc.vault.NoCooldown):
        btc.vault.requestRedeem(1, sender=lp)


def test_request__all_shares_and_one_more__only_what_is_unlocked(cooling, lp, reverts):
    vault, held = cooling.vault, cooling.vault.balanceOf(lp)
    with reverts(vault.InsufficientUnlocked, owner=lp.address, unlocked=held, needed=held + 1):
        vault.requestRedeem(held + 1, sender=lp)
    vault.requestRedeem(held - 5, 3, sender=lp)
    with reverts(vault.InsufficientUnlocked, owner=lp.address, unlocked=5, needed=6):
        vault.requestRedeem(6, 4, sender=lp)
    tx = vault.requestRedeem(5, 4, sender=lp)
    assert logs(tx, vault)[0][1]["locked"] == held
    for ref in (0, 3, 4):
        with reverts(vault.InsufficientUnlocked, owner=lp.address, unlocked=0, needed=1):
            vault.requestRedeem(1, ref, sender=lp)
    assert (locks(cooling, lp, 3), locks(cooling, lp, 4)) == ((held, 0), (held, 0))


def test_request__more_than_a_slot_holds__reverts(cooling, lp, reverts):
    """No deposits lead there: the balance is written into the vault's storage."""
    vault = cooling.vault
    slot = _balance_slot(cooling, lp)
    cooling.node.rpc("anvil_setStorageAt", vault.address, slot, _word(2**176))
    with reverts(vault.SafeCastOverflowedUintDowncast, bits=176, value=2**176):
        vault.requestRedeem(2**176, sender=lp)
    vault.requestRedeem(2**176 - 1, sender=lp)
    assert queue(cooling, lp)[0][0] == 2**176 - 1


def _word(value: int) -> str:
    return "0x" + value.to_bytes(32).hex()


def _balance_slot(suite, owner) -> str:
    # The balances are the first thing that ERC20 stores.
    slot = "0x" + keccak(encode(["address", "uint256"], [owner.address, 0])).hex()
    stored = suite.node.rpc("eth_getStorageAt", suite.vault.address, slot, "latest")
    assert int(stored, 16) == suite.vault.balanceOf(owner)
    return slot


def test_request__a_full_queue__reverts_until_there_is_room(cooling, lp, clock, reverts):
    vault = cooling.vault
    for i in range(MOST):
        request(cooling, lp, SHARES + i)
        clock.advance(60)
    with reverts(vault.TooManyRequests, max=MOST):
        vault.requestRedeem(1, sender=lp)
    vault.requestRedeem(1, 1, sender=lp)
    vault.cancelRequest(SHARES + MOST - 2, 0, sender=lp)
    with reverts(vault.TooManyRequests, max=MOST):
        vault.requestRedeem(1, sender=lp)
    vault.cancelRequest(1, 0, sender=lp)
    vault.requestRedeem(5, sender=lp)
    assert [r[0] for r in queue(cooling, lp)] == [*(SHARES + i for i in range(MOST - 1)), 5]


def test_request__a_queue_full_of_lapsed_ones__makes_room(cooling, lp, clock):
    for _ in range(MOST - 1):
        request(cooling, lp, SHARES)
    clock.advance(DAY)
    request(cooling, lp, 2 * SHARES)
    clock.advance(PERIOD + WINDOW - DAY)
    tx = cooling.vault.requestRedeem(SHARES, sender=lp)
    values = {"owner": lp.address, "ref": 0, "shares": 7 * SHARES, "locked": 2 * SHARES}
    expected = requested(lp, 0, SHARES, clock.now, 3 * SHARES)
    assert logs(tx, cooling.vault) == [("RequestsLapsed", values), *expected]
    assert [r[0] for r in queue(cooling, lp)] == [2 * SHARES, SHARES]


def test_request__a_queue_full_of_matured_ones__redeeming_one_makes_room(cooling, lp, clock):
    for _ in range(MOST):
        request(cooling, lp, SHARES)
    clock.advance(PERIOD)
    cooling.vault.redeem(SHARES, sender=lp)
    request(cooling, lp, 5)
    assert [r[0] for r in queue(cooling, lp)] == [SHARES] * (MOST - 1) + [5]


def test_request__two_refs_and_two_owners__are_independent(cooling, lp, stranger, clock):
    vault = cooling.vault
    vault.transfer(stranger, 50 * SHARES, sender=lp)
    request(cooling, lp, 10 * SHARES, 1)
    request(cooling, lp, 20 * SHARES, 2)
    request(cooling, stranger, 30 * SHARES, 1)
    assert locks(cooling, lp, 1)[0] == locks(cooling, lp, 2)[0] == 30 * SHARES
    assert locks(cooling, stranger, 1)[0] == 30 * SHARES
    clock.advance(PERIOD)
    assert [vault.redeemableShares(lp, ref) // SHARES for ref in (0, 1, 2, 3)] == [0, 10, 20, 0]
    vault.cancelRequest(20 * SHARES, 2, sender=lp)
    assert [r[0] for r in queue(cooling, lp, 1)] == [10 * SHARES]
    assert queue(cooling, lp, 2) == []
    assert [r[0] for r in queue(cooling, stranger, 1)] == [30 * SHARES]
    assert locks(cooling, lp, 1) == (10 * SHARES, 10 * SHARES)


def test_cancel__a_part__newest_first_and_times_stay(cooling, lp, clock):
    vault, start = cooling.vault, clock.now
    for shares in (10, 20, 30):
        request(cooling, lp, shares, 9)
        clock.advance(DAY)
    tx = vault.cancelRequest(35, 9, sender=lp)
    assert logs(tx, vault) == cancelled(lp, 9, 35, 25)
    ends = [(start + i * DAY + PERIOD, start + i * DAY + PERIOD + WINDOW) for i in (0, 1)]
    assert queue(cooling, lp, 9) == [(10, *ends[0]), (15, *ends[1])]
    tx = vault.cancelRequest(15, 9, sender=lp)
    assert logs(tx, vault) == cancelled(lp, 9, 15, 10)
    assert queue(cooling, lp, 9) == [(10, *ends[0])]
    request(cooling, lp, 7, 9)
    assert [r[0] for r in queue(cooling, lp, 9)] == [10, 7]
    assert locks(cooling, lp, 9) == (17, 10)
    vault.transfer(lp, vault.balanceOf(lp) - 17, sender=lp)


@pytest.mark.parametrize("matured", [False, True])
def test_cancel__one_share_more_than_requested__reverts(cooling, lp, clock, reverts, matured):
    vault = cooling.vault
    request(cooling, lp, 1_000)
    request(cooling, lp, 500)
    request(cooling, lp, 99_999, 1)
    clock.advance(PERIOD if matured else PERIOD - 1)
    with reverts(vault.RequestsExceeded, shares=1_501, requested=1_500):
        vault.cancelRequest(1_501, 0, sender=lp)
    with reverts(vault.RequestsExceeded, shares=1, requested=0):
        vault.cancelRequest(1, 2, sender=lp)
    tx = vault.cancelRequest(1_500, 0, sender=lp)
    assert logs(tx, vault) == cancelled(lp, 0, 1_500, 99_999)
    assert queue(cooling, lp) == []


def test_cancel__all_of_a_full_queue__empties_it(cooling, lp):
    for i in range(MOST):
        request(cooling, lp, SHARES + i)
    total = MOST * SHARES + sum(range(MOST))
    cooling.vault.cancelRequest(total, 0, sender=lp)
    assert (queue(cooling, lp), locks(cooling, lp)) == ([], (0, 0))
    request(cooling, lp, total)
    assert [r[0] for r in queue(cooling, lp)] == [total]


def test_cancel__anothers_request__nothing_there(cooling, lp, stranger, reverts):
    cooling.vault.approve(stranger, UNLIMITED, sender=lp)
    request(cooling, lp, SHARES)
    with reverts(cooling.vault.RequestsExceeded, shares=1, requested=0):
        cooling.vault.cancelRequest(1, 0, sender=stranger)
    assert locks(cooling, lp)[0] == SHARES


def test_request_and_cancel__withdrawals_stopped_and_no_price__work(
    cooling, lp, trader, clock, reverts
):
    """Neither is worth anything to anybody else: nothing can stand in their way."""
    cooling.open(trader, COLLATERAL, NOTIONAL, True)
    cooling.set_answer(0)
    stop(cooling)
    start = clock.advance(DAY)
    tx = cooling.vault.requestRedeem(ODD, sender=lp)
    assert logs(tx, cooling.vault) == requested(lp, 0, ODD, start, ODD)
    cooling.vault.cancelRequest(5, 0, sender=lp)
    clock.advance(PERIOD)
    assert locks(cooling, lp) == (ODD - 5, ODD - 5), "matures all the same"
    assert cooling.vault.maxRedeem(lp) == cooling.vault.maxWithdraw(lp) == 0, "V3"
    with reverts(cooling.vault.WithdrawalsStopped):
        cooling.vault.redeem(ODD - 5, sender=lp)
    resume(cooling)
    assert cooling.vault.maxRedeem(lp) == cooling.vault.maxWithdraw(lp) == 0, "V3"
    cooling.set_price(10_000)
    cooling.vault.redeem(ODD - 5, sender=lp)
    assert cooling.prep.balanceOf(lp) == ODD // 10**6


def test_request__shares_received_later__are_unlocked(cooling, lp, other_trader, clock):
    vault = cooling.vault
    vault.deposit(5 * WAD, sender=other_trader)
    request(cooling, other_trader, 5 * SHARES)
    vault.deposit(2 * WAD, sender=other_trader)
    vault.transfer(other_trader, SHARES, sender=lp)
    clock.advance(PERIOD)
    assert locks(cooling, other_trader) == (5 * SHARES, 5 * SHARES)
    vault.transfer(lp, 3 * SHARES, sender=other_trader)
    assert vault.balanceOf(other_trader) == 5 * SHARES
