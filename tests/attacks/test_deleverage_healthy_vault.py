"""Attack: making a vault that is healthy look unhealthy for a moment, so that a bystander's winning
position can be closed against his will.

Withdrawing does not get there and moving a skew does not. Paying in what a loser owes does, if his
gain elsewhere is as large: the ratio of liquidity to debt falls when both grow by the same amount.
docs/known-issues.md
"""

import pytest

from prep.node import Reverted
from tests.attacks.assets import dollars
from tests.attacks.conftest import STEEP
from tests.attacks.venue import (
    BTC_MARKET,
    PLAIN,
    STEEP_MARKET,
    Pair,
    eps,
    needed_to_fall_below,
)
from tests.suite import WAD

TARGET = 12 * WAD // 10
SIZE = 600 * WAD
# Just above the smallest position at half the price.
DUST = WAD // 500 + 1

pytestmark = pytest.mark.usefixtures("one_block")

both_ways = pytest.mark.parametrize("sign", [1, -1], ids=["long", "short"])
both_markets = pytest.mark.parametrize("market", [PLAIN, STEEP_MARKET], ids=["plain", "steep"])


@pytest.fixture
def win(venue, honest, lp):
    """A bystander wins three millions or so. The rest of the liquidity above `left` leaves."""

    def win(market, sign, left):
        honest.order(market, sign * SIZE)
        venue.set_price(market, 10_000 + sign * 5_000)
        venue.set_target(TARGET)
        if leaves := venue.liquidity - left(venue):
            venue.suite.vault.withdraw(leaves, sender=lp)

    return win


def nothing_to_do(venue, party, market, *sizes):
    for size in sizes or (SIZE, 1):
        with pytest.raises(Reverted, match="NothingToDeleverage"):
            venue.deleverage(party, market, size)


@both_ways
@both_markets
def test_withdraw__as_much_as_may_leave__target_kept(venue, honest, win, lp, market, sign):
    """The limit is exact: the ratio is the target then, and nothing can be deleveraged."""
    win(market, sign, lambda v: v.liquidity - v.suite.vault.maxWithdraw(lp))
    reserves = venue.read(venue.suite.protocol.address, "liquidityReservesToHold()")
    assert venue.liquidity == max(reserves, -(-TARGET * venue.owed // WAD)), "V4: not the limit"
    nothing_to_do(venue, honest, market)


@both_ways
@pytest.mark.parametrize("attack", [1, -1], ids=["buying", "selling"])
def test_order__skew_moved_at_the_limit__ratio_stays(venue, honest, villain, win, sign, attack):
    """What one account trades at one price moves liquidity and debt alike, so that the vault stays
    a trillionth above its target, whatever dust and reversals are traded."""
    venue.configure(STEEP_MARKET, reserveFactor=0)
    win(STEEP_MARKET, sign, lambda v: TARGET * v.owed // WAD + v.owed // 10**12)
    assert TARGET < venue.ratio < TARGET + 10**7
    assert eps(venue, STEEP_MARKET, *[300 * WAD] * 5) < venue.owed // 10**12, "M6: not rounding"
    for size in (300 * WAD, 1, -7 * WAD, DUST, -600 * WAD, 8 * WAD + 3):
        villain.order(STEEP_MARKET, attack * size)
        assert venue.ratio > TARGET, "R1: below the target by trading at one price"
        nothing_to_do(venue, honest, STEEP_MARKET)


@both_ways
def test_order__own_accounts_against_each_other__a_loser_at_an_unchanged_price(
    venue, honest, villain, win, sign
):
    """With a skew scale nobody has to wait for a loser: one account buys, the other sells, and the
    first has lost `a * b * P / K` to the second. Paid in, that lowers the ratio like any loss."""
    venue.configure(STEEP_MARKET, reserveFactor=0)
    win(STEEP_MARKET, sign, lambda v: TARGET * v.owed // WAD + dollars(10_000))
    price, scale = 10_000 + sign * 5_000, STEEP["skewScale"] // WAD
    needed = needed_to_fall_below(venue, TARGET)
    size = 800
    villain.order(STEEP_MARKET, sign * size * WAD, account=1)
    villain.order(STEEP_MARKET, -sign * size * WAD, account=2)
    nothing_to_do(venue, honest, STEEP_MARKET)
    lost = -villain.close(STEEP_MARKET, account=1).settlement
    product = size * size * price * WAD // scale
    assert abs(lost - product) <= eps(venue, STEEP_MARKET, size * WAD, size * WAD), "M6"
    assert lost > needed
    assert venue.ratio < TARGET, "R1"
    # In that market nobody is closed in the block in which that was done, but elsewhere.
    venue.refuses_as_busy(honest, STEEP_MARKET)


@both_ways
@pytest.mark.parametrize(
    "left, pair", [(10, 4_000), (200, 100_000)], ids=["an LP leaves", "a large pair"]
)
def test_close__own_loser__healthy_vault_can_be_deleveraged(
    venue, honest, villain, win, sign, left, pair
):
    """It works, with much capital for a moment or few LPs. Without price impact the victim is paid
    all that he had won, less the closing fee, which is nothing here; nobody else gains or loses."""
    own = Pair(venue, villain)
    own.open(pair * WAD)
    win(PLAIN, sign, lambda _: dollars(left * 10**6))
    venue.set_price(BTC_MARKET, 20_000)
    assert venue.ratio > 2 * TARGET
    nothing_to_do(venue, honest, PLAIN)
    wealth, liquidity = villain.wealth, venue.liquidity
    promised = honest.preview(PLAIN, -honest.size(PLAIN)).settlement
    needed = needed_to_fall_below(venue, TARGET)
    assert promised == venue.owed == 5_000 * SIZE

    assert own.close_loser() > needed
    assert venue.ratio < TARGET, "R1"
    assert venue.deleverage(honest, PLAIN) == promised, "M6: a forced close took something"
    own.close_winner()
    assert villain.wealth == wealth, "M6: gained by it"
    assert venue.liquidity == liquidity - promised, "V1: the vault lost by it"


@both_ways
@pytest.mark.parametrize("per_mille, falls", [(999, False), (1_001, True)])
def test_close__own_loser__how_much_it_takes(venue, honest, villain, win, sign, per_mille, falls):
    """Liquidity L, debt D, target t: more than (L - t D) / (t - 1), so five times what is above the
    target here. A lower target for deleverage than for withdrawals makes it dearer; at 1 there is
    no such loss."""
    win(PLAIN, sign, lambda _: dollars(10 * 10**6))
    needed = needed_to_fall_below(venue, TARGET)
    assert needed == 5 * (venue.liquidity - venue.owed * 12 // 10)
    own = Pair(venue, villain)
    # Each bitcoin wins and loses 10,000 dollars.
    for _ in range(100):
        own.open(needed * per_mille // 1_000 // 10_000 // 100)
    venue.set_price(BTC_MARKET, 20_000)
    own.close_loser()
    assert (venue.ratio < TARGET) == falls, "R1"


@both_ways
def test_deleverage__bystanders_loser__never_closed(venue, honest, villain, win, sign):
    """Below the target too, who has lost is left alone, and so is who has won nothing."""
    own = Pair(venue, villain)
    own.open(4_000 * WAD)
    honest.order(PLAIN, -sign * 10 * WAD, account=2)
    win(PLAIN, sign, lambda _: dollars(10 * 10**6))
    honest.order(STEEP_MARKET, 10 * WAD, account=3)
    venue.next_block()
    venue.set_price(BTC_MARKET, 20_000)
    own.close_loser()
    assert venue.ratio < TARGET
    for market, account in ((PLAIN, 2), (STEEP_MARKET, 3)):
        for size in (1, 3 * WAD, 10 * WAD):
            with pytest.raises(Reverted, match="SettlementNotPositive"):
                venue.deleverage(honest, market, size, account)


@both_ways
def test_deleverage__account_that_has_won_more_than_there_is__not_even_in_part(
    venue, honest, win, lp, sign
):
    """An order of a margin account realises the whole position, so a part of it costs the vault as
    much as all of it. Deposits are closed by then: only the price, or others' losses, can help."""
    win(PLAIN, sign, lambda v: v.owed + dollars(1_000_000))
    venue.set_price(PLAIN, 10_000 + sign * 8_000)
    assert venue.ratio < WAD
    for size in (1, SIZE // 2, SIZE):
        with pytest.raises(Reverted, match="VaultCannotPay"):
            venue.deleverage(honest, PLAIN, size)
        with pytest.raises(Reverted, match="VaultCannotPay"):
            honest.order(PLAIN, -sign * size)
    assert venue.suite.vault.maxDeposit(lp) == 0
    venue.set_price(PLAIN, 10_000 + sign * 6_000)
    owed = venue.owed
    assert WAD < venue.ratio < TARGET
    assert venue.deleverage(honest, PLAIN, 1) == owed, "R1: all of it, for a unit"
