"""Attack: having somebody's position closed by a deleverage at a bad moment, by moving the skew
against it before and back afterwards. The price impact of the forced close is then the attacker's.

An owner who closes himself names the worst price that he accepts; who is deleveraged cannot. So a
market with a skew scale that has been changed in a block refuses a deleverage in that block: the
attacker has to hold his position over a block, in which others trade too.
test_deleverage_sandwich_two_blocks.py is about what is then still possible, docs/known-issues.md
"""

import pytest

from prep.node import Reverted
from tests.attacks.assets import dollars, wealth
from tests.attacks.sandwich import (
    PATHS,
    TARGET,
    above_cap,
    begin_below_target,
    begin_isolated,
    without_interest,
)
from tests.attacks.test_skew_bad_debt import eps as market_0_eps
from tests.attacks.venue import BTC_MARKET, FEES, PLAIN, STEEP_MARKET, eps, next_block
from tests.suite import UNLIMITED, WAD

pytestmark = pytest.mark.usefixtures("one_block")

both_ways = pytest.mark.parametrize("sign", [1, -1], ids=["long", "short"])


def tried(venue, party, market, size):
    """What somebody's deleverage pays, or None where it is refused: the attacker goes on."""
    try:
        return venue.deleverage(party, market, size)
    except Reverted:
        return None


# ------------------------------------------------------------------------------------- in one block


@both_ways
@pytest.mark.parametrize("market", [STEEP_MARKET, FEES], ids=["steep", "fees"])
@pytest.mark.parametrize("victim, attack", [(600, 300), (60, 900), (6, 1)])
@pytest.mark.parametrize("part", [UNLIMITED, 3 * WAD, 1], ids=["whole", "part", "unit"])
def test_deleverage__sandwiched_in_one_block__attacker_gains_nothing(
    venue, lp, honest, villain, sign, market, victim, attack, part
):
    own = begin_below_target(venue, lp, honest, villain, market, sign, victim * WAD)
    held, wealth = honest.position(market), villain.wealth
    promised = honest.preview(market, -held[0])
    villain.order(market, -sign * attack * WAD)
    own.close_loser()
    assert venue.ratio < TARGET, "the vault is not even below its target"
    paid = tried(venue, honest, market, part)
    villain.close(market)
    own.close_winner()
    bound = eps(venue, market, victim * WAD, *[attack * WAD] * 2)
    assert villain.wealth - wealth <= bound, f"M6: {villain.wealth - wealth} gained"
    assert paid is None, "R1: closed in the block in which the skew was moved"
    assert honest.position(market) == held, "M6"
    assert honest.preview(market, -held[0]) == promised, "M6: the victim is worse off"


@both_ways
@pytest.mark.parametrize("back", ["not yet", "in part", "wholly"])
def test_deleverage__skew_moved_in_this_block__refused_however_far_it_is_back(
    venue, lp, honest, villain, sign, back
):
    """By whomever, by how much, and whether or not it is where it was: and so is every other
    position of that market."""
    own = begin_below_target(venue, lp, honest, villain, STEEP_MARKET, sign, 600 * WAD)
    villain.order(STEEP_MARKET, -sign * 300 * WAD)
    if back != "not yet":
        villain.order(STEEP_MARKET, sign * (300 if back == "wholly" else 100) * WAD)
    own.close_loser()
    assert venue.ratio < TARGET
    for size in (UNLIMITED, 600 * WAD, 1):
        venue.refuses_as_busy(honest, STEEP_MARKET, size)
    venue.next_block()
    expected = honest.preview(STEEP_MARKET, -sign * 600 * WAD)
    assert venue.deleverage(honest, STEEP_MARKET) == expected.settlement > 0


@both_ways
def test_deleverage__above_a_cap_sandwiched_in_one_block__attacker_gains_nothing(
    venue, honest, villain, sign
):
    excess = above_cap(venue, honest, villain, sign)
    held, promised = honest.position(STEEP_MARKET), honest.preview(STEEP_MARKET, -sign * excess)
    wealth = villain.wealth
    villain.order(STEEP_MARKET, -sign * 3_000 * WAD)
    paid = tried(venue, honest, STEEP_MARKET, UNLIMITED)
    villain.close(STEEP_MARKET)
    bound = eps(venue, STEEP_MARKET, *[3_000 * WAD] * 2)
    assert villain.wealth - wealth <= bound, f"M6: {villain.wealth - wealth} gained"
    assert paid is None, "R1: closed in the block in which the skew was moved"
    assert honest.position(STEEP_MARKET) == held, "M6"
    venue.refuses_as_busy(honest, STEEP_MARKET)
    venue.next_block()
    # The second that has passed is free of interest here: exactly what was promised before.
    assert honest.preview(STEEP_MARKET, -sign * excess) == promised
    assert venue.deleverage(honest, STEEP_MARKET) == promised.settlement


@both_ways
@pytest.mark.parametrize("path", PATHS)
def test_deleverage__isolated_position_sandwiched_in_one_block__attacker_gains_nothing(
    steep, isolated, victim, attacker, accomplice, lp, reverts, sign, path
):
    """Market 0 with a skew scale, where an isolated trader can move the skew by a 120th of it."""
    suite, protocol, deleverager = steep, steep.protocol, steep.deleverager
    begin_isolated(suite, lp, victim, attacker, sign, path)
    # What does not change the market does not stand in the way either.
    suite.give_collateral(accomplice, dollars(1_000))
    suite.provide(lp, dollars(1))
    with isolated():
        deleverager.deleverage(victim, UNLIMITED, sender=attacker)
        assert suite.position(victim).size == 0, "the attack has nothing to use"
    held, before = suite.position(victim), wealth(suite, attacker)

    protocol.openPositionWithToken(45 * WAD, sign < 0, sender=attacker)
    for size in (UNLIMITED, 7 * WAD, 1):
        with reverts(protocol.MarketBusy, marketId=BTC_MARKET):
            deleverager.deleverage(victim, size, sender=attacker)
    protocol.closePosition(sender=attacker)
    gained = wealth(suite, attacker) - before
    assert gained <= market_0_eps(suite, 45), f"M6: {gained} gained"
    assert suite.position(victim) == held, "M6"
    with reverts(protocol.MarketBusy, marketId=BTC_MARKET):
        deleverager.deleverage(victim, UNLIMITED, sender=attacker)
    next_block(suite.node)
    deleverager.deleverage(victim, UNLIMITED, sender=attacker)
    assert suite.position(victim).size == 0


# ---------------------------------------------------------------------- what the rule itself allows


BLOCKS = 5
# Above the smallest position.
DUST = WAD // 100


@both_ways
def test_deleverage__dust_traded_in_each_block__delayed_with_a_skew_scale_only(
    venue, isolated, lp, honest, villain, sign
):
    """The price of the rule. Whoever trades a unit before the keeper in every block keeps a
    position of that market open, for as long as he goes on; it costs him gas and fees. Reducing by
    a unit is enough, which always goes through."""
    without_interest(venue, PLAIN)
    own = begin_below_target(venue, lp, honest, villain, STEEP_MARKET, sign, 600 * WAD)
    honest.order(PLAIN, sign * 60 * WAD)
    for market in (PLAIN, STEEP_MARKET, FEES):
        villain.order(market, DUST)
    venue.set_price(PLAIN, 10_000 + sign * 1_000)
    own.close_loser()
    for _ in range(BLOCKS):
        venue.next_block()
        assert venue.ratio < TARGET
        villain.order(STEEP_MARKET, -1)
        venue.refuses_as_busy(honest, STEEP_MARKET)
        # Without a skew scale there is nothing to wait for.
        villain.order(PLAIN, -1)
        with isolated():
            assert venue.deleverage(honest, PLAIN) == 60 * 1_000 * WAD, "R1: at another price"
    venue.next_block()
    # Nor for what happens in another market.
    villain.order(FEES, -1)
    expected = honest.preview(STEEP_MARKET, -honest.size(STEEP_MARKET)).settlement
    assert venue.deleverage(honest, STEEP_MARKET) == expected > 0


@both_ways
def test_deleverage__several_positions_of_a_market__one_in_each_block_with_a_skew_scale(
    venue, lp, honest, villain, sign
):
    """A deleverage changes the market like any trade. In other markets they go through together."""
    without_interest(venue, PLAIN)
    own = begin_below_target(venue, lp, honest, villain, STEEP_MARKET, sign, 600 * WAD)
    for account in (2, 3, 4):
        honest.order(PLAIN, sign * 20 * WAD, account=account)
        honest.order(STEEP_MARKET, sign * 20 * WAD, account=account)
    venue.set_price(PLAIN, 10_000 + sign * 5_000)
    venue.set_price(STEEP_MARKET, 10_000 + sign * 8_000)
    own.close_loser()
    assert venue.ratio < TARGET
    venue.next_block()
    for account in (2, 3, 4):
        assert venue.deleverage(honest, PLAIN, 20 * WAD, account) == 20 * 5_000 * WAD
    for account in (2, 3, 4):
        assert venue.deleverage(honest, STEEP_MARKET, 20 * WAD, account) > 0
        venue.refuses_as_busy(honest, STEEP_MARKET)
        venue.next_block()


@both_ways
def test_deleverage__without_a_skew_scale__moving_it_in_the_same_block_takes_nothing(
    venue, lp, honest, villain, sign
):
    """The rule leaves those markets alone, because there is nothing to take."""
    own = begin_below_target(venue, lp, honest, villain, PLAIN, sign, 600 * WAD)
    wealth, liquidity = villain.wealth, venue.liquidity
    villain.order(PLAIN, -sign * 900 * WAD)
    own.close_loser()
    assert venue.ratio < TARGET
    assert venue.deleverage(honest, PLAIN) == 600 * 5_000 * WAD, "M6: the price has moved"
    villain.close(PLAIN)
    own.close_winner()
    assert villain.wealth == wealth, "M6: gained"
    assert venue.liquidity == liquidity - 600 * 5_000 * WAD, "V1"
