"""Attack: moving a market's skew as far as it goes for one block, to turn the funding rate or the
funding index for positions that stay open, one's own among them.

Funding is accrued over time with the skew before an order. So within a block nothing moves, and
whoever holds the skew for longer is the one who pays most of what he causes.
"""

import pytest

from tests.attacks.conftest import STEEP
from tests.attacks.venue import PRICE, STEEP_MARKET, eps
from tests.expected import Funding, wmul
from tests.suite import WAD

MARKET = STEEP_MARKET
# Of a skew scale of 6,000: the whole of what the market takes.
HUGE = 5_900 * WAD
OTHERS = 60 * WAD
DAY = 86_400

both_ways = pytest.mark.parametrize("sign", [1, -1], ids=["buying", "selling"])


def funding_of(venue, market=MARKET):
    """Rate and index as stored."""
    state = venue.state(market)
    return state[7], state[8]


@both_ways
@pytest.mark.parametrize("age", [0, DAY], ids=["new market", "after a day of funding"])
def test_order__opened_and_closed_in_one_block__funding_untouched(
    venue, villain, honest, chain, one_block, sign, age
):
    honest.order(MARKET, OTHERS)
    honest.order(MARKET, -OTHERS // 3, account=2)
    chain.mine(timestamp=chain.blocks.head.timestamp + age)
    honest.order(MARKET, 1, account=1)  # brings the market up to now
    rate, index = funding_of(venue)
    owed, wealth, liquidity = venue.owed, villain.wealth, venue.liquidity
    preview = honest.preview(MARKET, -honest.size(MARKET))

    for account in (1, 2, 3):
        villain.order(MARKET, sign * HUGE // 3, account=account)
    assert venue.skew(MARKET) * sign > 5_900 * WAD - OTHERS, "the attack does not reach far"
    assert funding_of(venue) == (rate, index), "P7: funding moved within a block"
    for account in (2, 1, 3):
        villain.close(MARKET, account)

    assert funding_of(venue) == (rate, index), "P7: funding moved within a block"
    bound = eps(venue, MARKET, *[HUGE // 3] * 6)
    assert villain.wealth - wealth <= bound, "M6: gained in one block"
    assert abs(venue.owed - owed) <= bound, "V1: what the vault owes changed"
    assert venue.liquidity >= liquidity - bound, "V1: lost in one block"
    assert honest.preview(MARKET, -honest.size(MARKET)).settlement == preview.settlement, (
        "P7: a bystander's PnL"
    )


@both_ways
@pytest.mark.parametrize("seconds", [1, 12, 3_600])
def test_order__skew_held_for_some_seconds__attacker_pays_more_than_others_do(
    venue, villain, honest, chain, one_block, sign, seconds
):
    """The attacker holds a small position against a huge one of his own, to be paid for it. What
    bystanders on the huge one's side pay is a part of what he pays, by size."""
    honest.order(MARKET, sign * OTHERS)
    wealth = villain.wealth
    villain.order(MARKET, -sign * OTHERS // 2, account=1)
    villain.order(MARKET, sign * HUGE // 2, account=2)
    before = funding_of(venue)
    skew = venue.skew(MARKET)
    chain.mine(timestamp=chain.blocks.head.timestamp + seconds)
    closed = [villain.close(MARKET, account=2)]
    rate, index = funding_of(venue)
    moved = index - before[1]
    assert (rate - before[0]) * sign > 0, "the rate follows the skew"
    assert moved * sign < 0, "the side that is larger pays"
    assert skew == sign * (HUGE + OTHERS) // 2
    closed.append(villain.close(MARKET, account=1))
    left = honest.close(MARKET)

    # Funding alone: the borrowing fee is on what each has paid for his position.
    lost, paid = -sum(outcome.realised[1] for outcome in closed), -left.realised[1]
    # Sizes 2,950 - 30 against 60: what he causes costs him 48 times as much.
    assert lost >= 48 * paid > 0, f"P7: cost {lost}, bystander paid {paid}"
    assert wealth - villain.wealth >= lost - eps(venue, MARKET, HUGE, OTHERS, OTHERS), "M6"
    flow = venue.read(venue.suite.lens.address, "cashFlow(uint256)", MARKET)
    assert flow[3] >= 0, "P7: the vault paid for funding"


@both_ways
def test_order__closed_by_the_same_second__rate_stays_where_it_was(
    venue, villain, honest, chain, one_block, sign
):
    """Twenty times in and out, a second apart, with the skew at nothing while time passes: what the
    market remembers is the skew between the blocks, not within."""
    honest.order(MARKET, OTHERS)
    honest.order(MARKET, -OTHERS, account=2)
    rate, index = funding_of(venue)
    for _ in range(20):
        villain.order(MARKET, sign * HUGE)
        villain.close(MARKET)
        chain.mine(timestamp=chain.blocks.head.timestamp + 1)
    villain.order(MARKET, WAD)
    assert funding_of(venue) == (rate, index), "P7: a skew that was nowhere between blocks accrued"


@both_ways
def test_order__rate_turned_by_the_attacker__each_pays_for_his_size_and_time(
    venue, villain, honest, chain, one_block, sign
):
    """A bystander is paid for a day, then the attacker turns the skew. To the unit: everyone's size
    times what the index moved, and the vault has what is left."""
    terms = {"scale": STEEP["skewScale"], "velocity": STEEP["maxFundingVelocity"]}
    terms["price"] = PRICE * WAD
    honest.order(MARKET, sign * OTHERS)
    villain.order(MARKET, -sign * 2 * OTHERS)
    chain.mine(timestamp=chain.blocks.head.timestamp + DAY)
    first = Funding().after(DAY, skew=-sign * OTHERS, **terms)
    flipped = villain.order(MARKET, sign * 4 * OTHERS)
    chain.mine(timestamp=chain.blocks.head.timestamp + DAY // 3)
    second = first.after(DAY // 3, skew=sign * 3 * OTHERS, **terms)
    closed, left = villain.close(MARKET), honest.close(MARKET)

    assert flipped.realised[1] == wmul(-sign * 2 * OTHERS, first.index), "P7"
    assert closed.realised[1] == wmul(sign * 2 * OTHERS, second.index - first.index), "P7"
    assert left.realised[1] == wmul(sign * OTHERS, second.index), "P7"
    flow = venue.read(venue.suite.lens.address, "cashFlow(uint256)", MARKET)
    assert flow[3] == -sum(o.realised[1] for o in (flipped, closed, left)) != 0, "P7"
    assert venue.custody_adds_up(), "M1 M2"
