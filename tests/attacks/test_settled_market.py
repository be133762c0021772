"""Attack: taking something from a market that has been settled, or being stuck in it.

Its price is known and final, nothing accrues and nothing has impact any more. What was owed until
then stays owed, to the unit; everybody can leave, in any order, in part or whole, by himself or by
a deleverage, and what all of them get is what the vault said it owed.
"""

from itertools import permutations

import pytest

from prep.node import Reverted
from tests.attacks.venue import PLAIN, STEEP_MARKET, eps
from tests.expected import wmul
from tests.suite import WAD

DEAD = 3 * 86_400
FINAL = 12_500

pytestmark = pytest.mark.usefixtures("one_block")

both_markets = pytest.mark.parametrize("market", [PLAIN, STEEP_MARKET], ids=["plain", "steep"])


@pytest.fixture
def settled(venue, honest, villain, chain):
    """Three positions, opened at different times, so at different funding; then the feed dies."""

    def settle(market):
        honest.order(market, 60 * WAD)
        chain.mine(timestamp=chain.blocks.head.timestamp + 86_400)
        villain.order(market, -90 * WAD)
        chain.mine(timestamp=chain.blocks.head.timestamp + 86_400)
        villain.order(market, 12 * WAD + 3, account=2)
        chain.mine(timestamp=chain.blocks.head.timestamp + DEAD + 86_400)
        owed = venue.read(venue.suite.protocol.address, "exposure(bool)", False)
        venue.send(venue.suite.protocol, "settleMarket(uint256,uint256)", market, FINAL * WAD)
        assert owed != venue.read(venue.suite.protocol.address, "exposure(bool)", False)

    return settle


@both_markets
@pytest.mark.parametrize("order", permutations(range(3)))
def test_close__in_a_settled_market__all_are_paid_what_was_owed(
    venue, honest, villain, settled, chain, market, order
):
    settled(market)
    parties = [(honest, 1), (villain, 1), (villain, 2)]
    stored = venue.state(market)
    _, price_pnl, funding, borrowing, _ = venue.read(
        venue.suite.protocol.address, "exposure(bool)", False
    )
    liquidity = venue.liquidity
    for number in order:
        party, account = parties[number]
        chain.mine(timestamp=chain.blocks.head.timestamp + 30 * 86_400)
        size, entry, funding_index, _ = party.position(market, account)
        outcome = party.close(market, account)
        assert outcome.close_price == FINAL * WAD, "P6: another price than the last"
        assert outcome.realised[0] == wmul(size, FINAL * WAD - entry), "P2"
        assert outcome.realised[1] == wmul(size, stored[8] - funding_index), "P7"
    bound = eps(venue, market, *[90 * WAD] * 3)
    paid = liquidity - venue.liquidity
    assert abs(paid - price_pnl - funding - borrowing) <= bound, "P2: not what was owed"
    assert venue.state(market)[:5] == (0, 0, 0, 0, 0), "P1"
    assert venue.state(market)[9:] == (0, 0, 0), "P1"
    assert venue.custody_adds_up(), "M1 M2"


@both_markets
def test_reduce__in_a_settled_market__nothing_accrues_and_nothing_grows(
    venue, honest, villain, settled, chain, market
):
    settled(market)
    honest.order(market, -WAD)
    rate, index = venue.state(market)[7:9]
    assert rate == 0
    chain.mine(timestamp=chain.blocks.head.timestamp + 365 * 86_400)
    outcome = honest.order(market, -WAD)
    assert outcome.realised == (0, 0, 0, 0), "P7: something has accrued since"
    assert venue.state(market)[8] == index
    for size in (1, -200 * WAD):
        with pytest.raises(Reverted, match="MarketClosed"):
            honest.order(market, size)
    venue.set_price(market, 10 * FINAL)
    assert honest.order(market, -WAD).close_price == FINAL * WAD, "P6: the dead feed counts again"


@both_markets
def test_deleverage__in_a_settled_market__closes_as_elsewhere(
    venue, honest, villain, settled, lp, market
):
    settled(market)
    for account in (1, 2):
        villain.close(market, account)
    promised = honest.preview(market, -honest.size(market)).settlement
    assert promised > 0
    venue.suite.vault.withdraw(venue.liquidity - 2 * venue.owed, sender=lp)
    venue.set_target(10 * WAD)
    assert WAD < venue.ratio < 10 * WAD
    assert venue.deleverage(honest, market) == promised, "R1"
    assert honest.size(market) == 0
