"""Attack: moving the skew against a position in one block, and in the next deleveraging it and
moving the skew back, before anybody else does.

That takes `victim's size * attacker's size * P / K`, to the unit but for rounding and for funding
and borrowing fees of a second, which are off here. All of it is the victim's: the vault loses
nothing. In between the attacker holds his position over a block, and whoever moves the skew back
before him is paid by him. docs/known-issues.md
"""

import pytest

from prep.node import Reverted
from tests.attacks.assets import dollars, wealth
from tests.attacks.conftest import STEEP
from tests.attacks.sandwich import (
    PATHS,
    TARGET,
    above_cap,
    begin_below_target,
    begin_isolated,
    without_interest,
)
from tests.attacks.test_skew_bad_debt import eps as market_0_eps
from tests.attacks.venue import FEES, STEEP_MARKET, eps, next_block
from tests.suite import UNLIMITED, WAD

SCALE = STEEP["skewScale"]

pytestmark = pytest.mark.usefixtures("one_block")

both_ways = pytest.mark.parametrize("sign", [1, -1], ids=["long", "short"])


@pytest.fixture
def begin(venue, lp, honest, villain):
    return lambda *where: begin_below_target(venue, lp, honest, villain, *where)


def sandwich(venue, villain, honest, own, market, attack, size=UNLIMITED):
    """What the victim is paid. The attacker is flat afterwards. In this order, because the reserve
    for his winner alone would not leave room for opening anything."""
    villain.order(market, attack)
    venue.next_block()
    own.close_loser()
    assert venue.ratio < TARGET
    paid = venue.deleverage(honest, market, size)
    villain.close(market)
    own.close_winner()
    return paid


@both_ways
@pytest.mark.parametrize("victim, attack", [(600, 2_000), (6, 1)])
def test_deleverage__sandwiched_over_two_blocks__takes_the_product_of_the_sizes(
    venue, honest, villain, begin, sign, victim, attack
):
    """The bound."""
    own = begin(STEEP_MARKET, sign, victim * WAD)
    promised = honest.preview(STEEP_MARKET, -honest.size(STEEP_MARKET)).settlement
    wealth, liquidity = villain.wealth, venue.liquidity
    paid = sandwich(venue, villain, honest, own, STEEP_MARKET, -sign * attack * WAD)

    price = (10_000 + sign * 5_000) * WAD
    product = victim * attack * WAD * price // SCALE
    bound = eps(venue, STEEP_MARKET, victim * WAD, *[attack * WAD] * 2)
    assert abs(promised - paid - product) <= bound, f"M6: {promised - paid} taken, not {product}"
    assert abs(villain.wealth - wealth - product) <= bound, "M6: not the attacker's"
    assert abs(venue.liquidity - (liquidity - promised)) <= bound, "V1: the vault lost by it"


@both_ways
def test_deleverage__sandwiched_as_far_as_it_goes__leaves_the_victim_without_a_gain(
    venue, isolated, honest, villain, begin, sign
):
    """The worst: all that the victim has won, and no more, for it must pay him something."""
    own = begin(STEEP_MARKET, sign, 600 * WAD)
    promised = honest.preview(STEEP_MARKET, -honest.size(STEEP_MARKET)).settlement
    wealth = villain.wealth
    price = (10_000 + sign * 5_000) * WAD
    all_of_it = promised * SCALE // (600 * price)
    with isolated(), pytest.raises(Reverted, match="SettlementNotPositive"):
        sandwich(venue, villain, honest, own, STEEP_MARKET, -sign * (all_of_it + 10**12))
    paid = sandwich(venue, villain, honest, own, STEEP_MARKET, -sign * (all_of_it - 10**12))
    assert 0 < paid < promised // 10**6, "R1: the bound is not reached"
    assert villain.wealth - wealth > promised * 999_999 // 10**6


@both_ways
def test_deleverage__skew_moved_back_by_somebody_else_first__attacker_pays_him(
    venue, project, honest, villain, begin, sign
):
    """The risk that he bears. Who trades against the moved skew in the next block before him makes
    the market busy, so that the victim is not closed, and takes from him the product of their own
    two sizes over the scale."""
    rival = venue.party(project)
    size, against = 900 * WAD, 1_100 * WAD
    own = begin(STEEP_MARKET, sign, 600 * WAD)
    promised = honest.preview(STEEP_MARKET, -honest.size(STEEP_MARKET)).settlement
    wealth, rivals = villain.wealth, rival.wealth
    villain.order(STEEP_MARKET, -sign * size)
    venue.next_block()
    rival.order(STEEP_MARKET, sign * against)
    own.close_loser()
    assert venue.ratio < TARGET
    venue.refuses_as_busy(honest, STEEP_MARKET)
    villain.close(STEEP_MARKET)
    rival.close(STEEP_MARKET)
    own.close_winner()
    product = size * against // WAD * (10_000 + sign * 5_000) * WAD // SCALE
    bound = eps(venue, STEEP_MARKET, *[size] * 2, *[against] * 2, 600 * WAD)
    assert abs(wealth - villain.wealth - product) <= bound, "M6: the attacker does not pay"
    assert abs(rival.wealth - rivals - product) <= bound, "M6: not the rival's"
    left = honest.preview(STEEP_MARKET, -honest.size(STEEP_MARKET)).settlement
    assert left == promised, "M6: the victim has lost by it"


@both_ways
def test_deleverage__own_loser_in_the_same_market__nothing_else_needed(
    venue, honest, villain, lp, sign
):
    """Two accounts make the loser that is needed themselves, by moving the skew, and one of them
    moves it against the victim all the same. Needs no reserve in that market, and a vault that is
    near its target. In one block it comes to nothing."""
    without_interest(venue, STEEP_MARKET, reserveFactor=0)
    honest.order(STEEP_MARKET, sign * 600 * WAD)
    price = 10_000 + sign * 5_000
    venue.set_price(STEEP_MARKET, price)
    venue.set_target(TARGET)
    left = TARGET * venue.owed // WAD + dollars(500_000)
    venue.suite.vault.withdraw(venue.liquidity - left, sender=lp)
    venue.next_block()
    promised = honest.preview(STEEP_MARKET, -honest.size(STEEP_MARKET)).settlement
    wealth = villain.wealth

    villain.order(STEEP_MARKET, sign * 3_000 * WAD, account=1)
    villain.order(STEEP_MARKET, -sign * 1_200 * WAD, account=2)
    villain.close(STEEP_MARKET, account=1)
    assert venue.ratio < TARGET
    venue.refuses_as_busy(honest, STEEP_MARKET)
    venue.next_block()
    assert venue.ratio < TARGET
    paid = venue.deleverage(honest, STEEP_MARKET)
    villain.close(STEEP_MARKET, account=2)
    product = 600 * 1_200 * price * WAD // (SCALE // WAD)
    bound = eps(venue, STEEP_MARKET, *[3_000 * WAD] * 2, *[1_200 * WAD] * 2, 600 * WAD)
    assert abs(promised - paid - product) <= bound, "M6"
    assert abs(villain.wealth - wealth - product) <= bound, "M6"


@both_ways
@pytest.mark.parametrize("victim, gains", [(15, False), (60, True)])
def test_deleverage__sandwiched_with_fees__pays_only_for_large_victims(
    venue, honest, villain, begin, sign, victim, gains
):
    """Opening and closing cost 0.3 % of the attacker's size, so the victim's must be more than
    0.3 % of the skew scale, 18 of 6,000."""
    own = begin(FEES, sign, victim * WAD)
    wealth = villain.wealth
    sandwich(venue, villain, honest, own, FEES, -sign * 300 * WAD)
    assert (villain.wealth > wealth) == gains, villain.wealth - wealth


@both_ways
def test_deleverage__sandwiched_above_a_cap__costs_more_than_was_won(
    venue, isolated, honest, villain, sign
):
    """A side above its cap is reduced whoever pays for it, so a forced close can cost the victim
    more than he has. The excess is closed of a victim's position rather than of the attacker's."""
    excess = above_cap(venue, honest, villain, sign)
    with isolated():
        # Without the attack: closed in part, and the rest later.
        fair = venue.deleverage(honest, STEEP_MARKET) + honest.close(STEEP_MARKET).settlement
    villain.order(STEEP_MARKET, -sign * 3_000 * WAD)
    venue.next_block()
    paid = venue.deleverage(honest, STEEP_MARKET)
    assert abs(honest.size(STEEP_MARKET)) == 100 * WAD - excess, "R1: more than the excess"
    assert paid < 0
    villain.close(STEEP_MARKET)
    # What is left open recovers when the skew is back, what has been closed does not.
    taken = fair - paid - honest.close(STEEP_MARKET).settlement
    product = excess * 3_000 * 10_500 * WAD // SCALE
    bound = eps(venue, STEEP_MARKET, *[100 * WAD] * 3, *[3_000 * WAD] * 2)
    assert abs(taken - product) <= bound, f"M6: {taken} taken, not {product}"
    assert product > excess * 10_500 * 49 // 100, "half of what the excess is worth"


@both_ways
@pytest.mark.parametrize("path", PATHS)
def test_deleverage__isolated_position_sandwiched_over_two_blocks__takes_a_120th_at_most(
    steep, isolated, victim, attacker, lp, sign, path
):
    """On market 0 each side fits into the skew scale 120 times, so the attacker's position too."""
    suite, protocol = steep, steep.protocol
    begin_isolated(suite, lp, victim, attacker, sign, path)
    with isolated():
        protocol.closePosition(sender=victim)
        promised = wealth(suite, victim)
    before, liquidity, owed = (
        wealth(suite, attacker),
        protocol.liquidity(),
        protocol.exposure(False).seqPnl,
    )
    size = SCALE // 120
    protocol.openPositionWithToken(size, sign < 0, sender=attacker)
    next_block(suite.node)
    suite.deleverager.deleverage(victim, UNLIMITED, sender=attacker)
    protocol.closePosition(sender=attacker)
    product = 20 * size * suite.price() // SCALE
    bound = market_0_eps(suite, 20, size // WAD)
    assert abs(promised - wealth(suite, victim) - product) <= bound, "M6"
    assert abs(wealth(suite, attacker) - before - product) <= bound, "M6: not the attacker's"
    assert abs(protocol.liquidity() - (liquidity - owed)) <= bound, "V1: the vault lost by it"
    assert product <= 20 * suite.price() // 120, "R7"
