"""Attacks on the waiting time for withdrawals: making others wait for ever, not waiting oneself,
and taking what a waiting time is there to keep."""

import pytest

from tests.attacks.assets import dollars, leave, wealth
from tests.attacks.test_around_realisation import EPS, both_sides, open_positions, skew_eps
from tests.suite import UNLIMITED, WAD
from tests.unit.vault.cooling import (
    DAY,
    MOST,
    PERIOD,
    WINDOW,
    locks,
    queue,
    request,
    resume,
    set_periods,
    stop,
)

DEPOSIT = dollars(30_000_000)

pytestmark = pytest.mark.usefixtures("one_block")


@pytest.fixture
def wait(chain):
    """Mines a block that much later."""
    return lambda seconds: chain.mine(timestamp=chain.blocks.head.timestamp + seconds)


@pytest.fixture
def cooling(btc):
    """As `btc`, with a cooldown of 3 days and a window of 7."""
    set_periods(btc, PERIOD, WINDOW)
    return btc


# ---------------------------------------------------------------------------------- blocking others


def test_queue_of_another__every_way_in__stays_empty(
    cooling, attacker, victim_lp, stranger, reverts, wait
):
    """Shares are given to the victim, allowances to the attacker, and queues of all numbers filled:
    the victim's has room for all of his requests, and they cost what they cost before."""
    vault = cooling.vault
    cooling.provide(victim_lp, dollars(1_000))
    cooling.provide(attacker, dollars(1_000))
    shares = vault.balanceOf(victim_lp)
    alone = vault.requestRedeem.estimate_gas_cost(MOST, sender=victim_lp)
    vault.approve(attacker, UNLIMITED, sender=victim_lp)
    for ref in (0, 1, UNLIMITED):
        for _ in range(MOST):
            request(cooling, attacker, 1, ref)
    vault.transfer(victim_lp, 5, sender=attacker)
    for ref in (0, 1, UNLIMITED):
        vault.clearLapsed(victim_lp, ref, sender=attacker)
        with reverts(vault.RequestsExceeded, shares=1, requested=0):
            vault.cancelRequest(1, 7, sender=attacker)
        assert queue(cooling, victim_lp, ref) == []
    assert vault.requestRedeem.estimate_gas_cost(MOST, sender=victim_lp) == alone
    for _ in range(MOST):
        request(cooling, victim_lp, (shares + 5) // MOST)
    assert len(queue(cooling, victim_lp)) == MOST
    wait(PERIOD)
    # Whoever may spend shares may redeem them, as everywhere; nobody else.
    with reverts(
        vault.ERC20InsufficientAllowance, spender=stranger.address, allowance=0, needed=10**6
    ):
        vault.redeem(10**6, stranger, victim_lp, sender=stranger)


@pytest.mark.parametrize("way", ["redeem", "withdraw", "cancel", "lapse"])
def test_own_queue__full_of_single_shares__traps_nothing(cooling, attacker, wait, way):
    """Somebody has cut his shares into as many requests as there can be, all but one of a share.
    Everything leaves in a few calls of bounded cost."""
    vault = cooling.vault
    cooling.provide(attacker, DEPOSIT)
    held = vault.balanceOf(attacker)
    for _ in range(MOST - 1):
        request(cooling, attacker, 1)
    request(cooling, attacker, held - (MOST - 1))
    wait(PERIOD)
    if way == "cancel":
        gas = vault.cancelRequest(held, 0, sender=attacker).gas_used
    elif way == "lapse":
        wait(WINDOW)
        gas = vault.transfer(attacker, held, sender=attacker).gas_used
    if way in ("cancel", "lapse"):
        assert locks(cooling, attacker)[0] == 0
        request(cooling, attacker, held)
        wait(PERIOD)
    assert vault.maxRedeem(attacker) == held
    if way == "withdraw":
        assert vault.maxWithdraw(attacker) == DEPOSIT
        gas = vault.withdraw(DEPOSIT, sender=attacker).gas_used
    else:
        tx = vault.redeem(held, sender=attacker)
        gas = tx.gas_used if way == "redeem" else gas
    assert (vault.balanceOf(attacker), queue(cooling, attacker)) == (0, []), "V5"
    assert cooling.prep.balanceOf(attacker) == DEPOSIT
    assert gas < 200_000


# ---------------------------------------------------------------------------------- evading a lock


def test_transfer__around_a_lock__neither_shares_nor_maturity_move(
    cooling, attacker, accomplice, second_accomplice, reverts, wait
):
    """Shares that wait cannot be sold, and those that are sold wait anew."""
    vault = cooling.vault
    cooling.provide(attacker, dollars(1_000))
    held = vault.balanceOf(attacker)
    vault.approve(accomplice, UNLIMITED, sender=attacker)
    request(cooling, attacker, held // 2, 3)
    request(cooling, attacker, held // 2)
    locked = {"owner": attacker.address, "unlocked": 0}
    for seconds in (0, PERIOD):
        wait(seconds)
        with reverts(vault.InsufficientUnlocked, **locked, needed=1):
            vault.transfer(accomplice, 1, sender=attacker)
        with reverts(vault.InsufficientUnlocked, **locked, needed=held):
            vault.transferFrom(attacker, second_accomplice, held, sender=accomplice)
        with reverts(vault.InsufficientUnlocked, **locked, needed=1):
            vault.requestRedeem(1, 4, sender=attacker)
    # Cancelling what has matured gives it up: whoever gets the shares waits from then on.
    vault.cancelRequest(held // 2, 0, sender=attacker)
    vault.transfer(accomplice, held // 2, sender=attacker)
    assert vault.maxRedeem(accomplice) == 0
    request(cooling, accomplice, held // 2)
    wait(PERIOD - 1)
    assert vault.maxRedeem(accomplice) == 0, "V5: left before its time"
    # What comes into an account with a matured request does not mature with it.
    vault.transferFrom(attacker, accomplice, 0, sender=accomplice)
    assert vault.maxRedeem(attacker, 3) == held // 2
    vault.redeem(held // 2, attacker, attacker, 0, 3, sender=attacker)
    cooling.provide(attacker, dollars(500))
    assert [vault.maxRedeem(attacker, ref) for ref in (0, 3, 4)] == [0, 0, 0]


def test_stop__lapse_clock_turned_by_the_guardian__at_most_delayed(cooling, attacker, wait):
    """Stopping and going on within a block, again and again, moves no clock."""
    cooling.provide(attacker, dollars(1_000))
    request(cooling, attacker, 10**24)
    before = queue(cooling, attacker)
    for _ in range(3):
        stop(cooling)
        resume(cooling)
    assert queue(cooling, attacker) == before


# ------------------------------------------------------------------------------ around realisations


@both_sides
@pytest.mark.parametrize("per_mille", [-60, -20, 20, 60])
def test_deposit__before_a_realisation_and_out_after_the_cooldown__nothing_gained(
    cooling, attacker, victim, wait, is_long, per_mille
):
    """Deposited at the upper value and requested at once, redeemed when it has matured: the price
    for coming in is the same as without a cooldown, and now there is no way out before."""
    sign = 1 if is_long else -1
    open_positions(cooling, victim, is_long)
    wait(DAY)
    cooling.set_price(10_000 + 10 * per_mille * sign)
    cooling.give(attacker, DEPOSIT)
    before = wealth(cooling, attacker)
    cooling.vault.deposit(DEPOSIT, sender=attacker)
    request(cooling, attacker, cooling.vault.balanceOf(attacker))
    cooling.protocol.closePosition(sender=victim)
    assert cooling.vault.maxRedeem(attacker) == 0
    wait(PERIOD)
    leave(cooling, attacker)
    assert wealth(cooling, attacker) - before <= EPS, "V2: gained around a realisation"


def _fees_of_a_close(suite, victim):
    fees = suite.lens.cashFlow(0).closingFee
    suite.protocol.closePosition(sender=victim)
    return suite.lens.cashFlow(0).closingFee - fees


def test_deposit__around_anothers_fees__has_to_bear_what_comes_until_it_matures(
    full, attacker, victim, accomplice, wait
):
    """Without a waiting time a part of a fee can be had for a moment's deposit (`test_deposit__
    around_anothers_fees`). Now whoever wants it is an LP for as long as the cooldown, with the same
    part of what traders win meanwhile."""
    set_periods(full, PERIOD, WINDOW)
    full.configure(maxFundingVelocity=0)
    open_positions(full, victim, True)
    full.give(attacker, DEPOSIT)
    before = wealth(full, attacker)
    full.vault.deposit(DEPOSIT, sender=attacker)
    held, supply = full.vault.balanceOf(attacker), full.vault.totalSupply()
    request(full, attacker, held)
    liquidity = full.protocol.liquidity()
    assert _fees_of_a_close(full, victim) > 0
    assert full.vault.maxRedeem(attacker) == 0, "V5: out again with the fee"
    full.open(accomplice, dollars(100_000), dollars(1_000_000), True)
    wait(PERIOD)
    full.set_price(10_100)
    full.protocol.closePosition(sender=accomplice)
    result = full.protocol.liquidity() - liquidity
    assert result < -dollars(3_000), "traders have won more than all fees"
    leave(full, attacker)
    gained = wealth(full, attacker) - before
    assert gained <= result * held // supply + skew_eps(full, 400 * WAD) < 0


def test_deposit__with_as_many_matured_shares__part_of_a_fee_once_in_a_cooldown(
    full, attacker, victim, wait
):
    """What matured requests give at most: an LP who has waited may come in with as much again and
    go out with the old shares in the same block. He takes a part of one fee for money that stays a
    moment, and then has to wait for the next."""
    set_periods(full, PERIOD, WINDOW)
    full.provide(attacker, DEPOSIT)
    old = full.vault.balanceOf(attacker)
    request(full, attacker, old)
    wait(PERIOD)
    open_positions(full, victim, True)
    full.give(attacker, DEPOSIT)
    worth = full.vault.convertToAssets(old)
    full.vault.deposit(DEPOSIT, sender=attacker)
    part = _fees_of_a_close(full, victim) * old // full.vault.totalSupply()
    before = full.prep.balanceOf(attacker)
    full.vault.redeem(old, sender=attacker)
    taken = full.prep.balanceOf(attacker) - before - worth
    assert 0 < taken <= part + skew_eps(full, 100 * WAD), "more is gained than a part of the fee"
    assert full.vault.balanceOf(attacker) > 0
    assert full.vault.maxRedeem(attacker) == 0, "once"


# ------------------------------------------------------------------------------- evergreen requests


def test_evergreen__staggered_requests__at_most_the_windows_part_can_leave_at_once(
    cooling, attacker, wait
):
    """Somebody renews requests day by day, each as soon as it has lapsed, so that as much as
    possible can always leave at once: window / (cooldown + window) of his shares, here 7 of 10,
    however long he keeps at it."""
    vault, days = cooling.vault, (PERIOD + WINDOW) // DAY
    cooling.provide(attacker, dollars(1_000))
    part = vault.balanceOf(attacker) // days
    for day in range(3 * days):
        # More requests than a queue takes, so each tranche has a queue of its own.
        request(cooling, attacker, part, day % days)
        ready = sum(vault.redeemableShares(attacker, ref) for ref in range(days))
        if day >= days:
            assert ready == part * WINDOW // DAY
        assert ready <= part * WINDOW // DAY
        wait(DAY)


def test_evergreen__no_window__everything_can_leave_at_once_for_ever(cooling, attacker, wait):
    """Why the window should not be 0: one request on the first day, and the cooldown is of no
    effect on this owner any more."""
    set_periods(cooling, window=0)
    cooling.provide(attacker, DEPOSIT)
    held = cooling.vault.balanceOf(attacker)
    request(cooling, attacker, held)
    wait(1_000 * DAY)
    assert cooling.vault.maxRedeem(attacker) == held


@both_sides
@pytest.mark.parametrize("per_mille", [-60, 60])
def test_evergreen__out_before_a_realisation__no_better_than_staying(
    cooling, isolated, attacker, victim, wait, is_long, per_mille
):
    """What a matured request is worth in the moment before a profit or a loss is realised: as much
    as after it. The value that it leaves at counts what traders would win."""
    cooling.provide(attacker, DEPOSIT)
    request(cooling, attacker, cooling.vault.balanceOf(attacker))
    wait(PERIOD)
    open_positions(cooling, victim, is_long)
    cooling.set_price(10_000 + 10 * per_mille)
    with isolated():
        cooling.protocol.closePosition(sender=victim)
        leave(cooling, attacker)
        stayed = wealth(cooling, attacker)
    leave(cooling, attacker)
    assert wealth(cooling, attacker) - stayed <= EPS, "V1: leaving first is better"


def test_store_up__requests_before_there_is_a_cooldown__refused(btc, attacker, reverts):
    """Otherwise whoever foresees a cooldown would never be bound by it."""
    btc.provide(attacker, dollars(1_000))
    with reverts(btc.vault.NoCooldown):
        btc.vault.requestRedeem(1, sender=attacker)
    set_periods(btc, PERIOD)
    assert btc.vault.maxRedeem(attacker) == 0
