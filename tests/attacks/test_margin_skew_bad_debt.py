"""Attack: bad debt from an isolated position by moving the skew of market 0 through margin
accounts, whose gains are paid in full while the isolated loss ends at collateral.

On that market margin accounts have the same narrow room as everybody, and share it: each side fits
into the skew scale 120 times, whoever has it.
"""

import pytest

from prep.node import Node, Reverted
from tests.attacks.assets import dollars, leave
from tests.attacks.test_skew_bad_debt import eps, weaken
from tests.attacks.venue import next_block
from tests.suite import UNLIMITED, WAD

BTC = 0
DEPTH = 6_000 // 120

pytestmark = pytest.mark.usefixtures("one_block")

both_ways = pytest.mark.parametrize("sign", [1, -1], ids=["long", "short"])


class Desk:
    """A margin client's account on market 0 of a suite."""

    def __init__(self, suite, client, node):
        self.suite, self.client, self.node = suite, client, node

    def order(self, size, account=1):
        call = (self.client.address, "executeOrder(uint256,uint256,int256,bool)", account, BTC)
        sender = self.suite.admin.address
        if not self.node.send(sender, *call, size, False)[0]:
            self.node.simulate(sender, *call, size, False)

    def close(self, account=1):
        self.order(-self.size(account), account)

    def size(self, account=1):
        return self.suite.protocol.marginPosition(self.client, account, BTC).size

    @property
    def wealth(self):
        return self.suite.prep.balanceOf(self.client)


@pytest.fixture(scope="session")
def desk(markets, project):
    """On the steep market."""
    suite = markets["steep"]
    client = suite.admin.deploy(project.MarginClient, suite.protocol, suite.prep)
    suite.authority.grantRole(suite.authority.MINTER(), client, 0, sender=suite.admin)
    suite.protocol.setMarginClient(client, True, sender=suite.admin)
    client.fund(dollars(10**9), sender=suite.admin)
    types = [c.contract_type for c in (suite.protocol, suite.prep, client)]
    return Desk(suite, client, Node(suite.prep.provider.uri, *types))


@pytest.fixture
def refused(steep, reverts):
    """A deleverage on market 0, in the block in which something has changed it."""

    def refused(*args, sender):
        with reverts(steep.protocol.MarketBusy, marketId=BTC):
            steep.deleverager.deleverage(*args, sender=sender)

    return refused


@both_ways
def test_execute_order__market_0__room_is_shared_with_isolated_traders(
    steep, desk, attacker, accomplice, sign
):
    """By opening, growing and turning round alike."""
    steep.open(attacker, dollars(20_000), dollars(200_000), sign > 0)
    desk.order(sign * (DEPTH - 20) * WAD)
    for account, size in ((1, 1), (2, WAD), (2, DEPTH * WAD)):
        with pytest.raises(Reverted, match="SkewScaleExceeded"):
            desk.order(sign * size, account)
    desk.order(-sign * DEPTH * WAD, 3)
    with pytest.raises(Reverted, match="SkewScaleExceeded"):
        desk.order(-sign * 2 * (DEPTH - 20) * WAD)
    with pytest.raises(Reverted, match="SkewScaleExceeded"):
        desk.order(sign * (DEPTH + 1) * WAD, 3)
    state = steep.lens.marketState(0)
    assert max(state.longOI, state.shortOI) <= DEPTH * WAD, "R7"


@both_ways
@pytest.mark.parametrize("collateral", [16_000, 190_000])
def test_close_position__skew_moved_by_margin_accounts__no_bad_debt(
    steep, desk, attacker, sign, collateral
):
    """Held up by one account's skew, so that the position cannot be liquidated although the
    oracle's price has eaten its margin; then that account turns round, as far as it goes."""
    suite, protocol = steep, steep.protocol
    suite.give_collateral(attacker, dollars(collateral))
    protocol.openPositionWithToken(20 * WAD, sign > 0, sender=attacker)
    desk.order(sign * 30 * WAD)
    id_ = weaken(suite, attacker, 29_50)
    assert not protocol.checkPositionLeverageAndLiquidability(id_)[1]
    wealth, own, liquidity = desk.wealth, suite.position(attacker).collateral, protocol.liquidity()
    owed = protocol.exposure(False)

    desk.order(-sign * (30 + DEPTH) * WAD)
    with pytest.raises(Reverted, match="SkewScaleExceeded"):
        desk.order(-sign, 2)
    leave(suite, attacker)
    desk.close()
    bad_debt = -suite.lens.cashFlow(0).badDebt
    assert bad_debt == 0, f"V1: {bad_debt} of bad debt from a position that was below 30x"
    # What one has lost the other has won: at one price nothing comes from the vault.
    bound = eps(suite, 20, 30, 30 + DEPTH, DEPTH)
    taken = desk.wealth - wealth + suite.position(attacker).collateral - own
    assert taken <= owed.seqPnl + bound, f"M6: {taken} of {owed.seqPnl}"
    assert protocol.liquidity() >= liquidity - owed.seqPnl - bound, "V1"


@both_ways
@pytest.mark.parametrize("way", ["closed", "liquidated", "deleveraged"])
def test_close_position__left_behind_by_a_gap__bad_debt_is_bounded(
    steep, desk, attacker, accomplice, refused, sign, way
):
    """Above 60x less is left than moving the skew takes, through margin accounts as through
    isolated ones, and a deleverage is no better a way than any other. docs/known-issues.md"""
    suite, protocol = steep, steep.protocol
    suite.give_collateral(attacker, dollars(18_000))
    protocol.openPositionWithToken(20 * WAD, sign > 0, sender=attacker)
    desk.order(sign * 30 * WAD)
    id_ = weaken(suite, attacker, 420_00)
    desk.order(-sign * (30 + DEPTH) * WAD)
    worth = 20 * suite.price()
    if way == "closed":
        protocol.closePosition(sender=attacker)
    elif way == "liquidated":
        protocol.liquidatePosition(id_, sender=accomplice)
    else:
        suite.configure(maxLongOIValue=0, maxShortOIValue=0)
        refused(attacker, UNLIMITED, sender=accomplice)
        next_block(suite.node)
        suite.deleverager.deleverage(attacker, UNLIMITED, sender=accomplice)
    flow = suite.lens.cashFlow(0)
    reward = suite.position(accomplice).collateral
    assert (reward > 0) == (way == "liquidated")
    bad_debt = -flow.badDebt - reward
    assert 0 < bad_debt <= worth // 60, f"R7: {bad_debt} of bad debt for a position of {worth}"


@both_ways
def test_deleverage__healthy_isolated_loser_above_the_cap__no_bad_debt(
    steep, desk, attacker, accomplice, refused, sign
):
    """Whoever forces the close has moved the skew in the block before."""
    suite, protocol = steep, steep.protocol
    suite.give_collateral(attacker, dollars(18_000))
    protocol.openPositionWithToken(20 * WAD, sign > 0, sender=attacker)
    id_ = weaken(suite, attacker, 29_50)
    assert not protocol.checkPositionLeverageAndLiquidability(id_)[1]
    suite.configure(**{"maxLongOIValue" if sign > 0 else "maxShortOIValue": 0})
    next_block(suite.node)
    desk.order(-sign * DEPTH * WAD)
    refused(attacker, UNLIMITED, sender=accomplice)
    next_block(suite.node)
    suite.deleverager.deleverage(attacker, UNLIMITED, sender=accomplice)
    assert suite.position(attacker).size == 0
    bad_debt = -suite.lens.cashFlow(0).badDebt
    assert bad_debt == 0, f"V1: {bad_debt} of bad debt from a position that was below 30x"
    assert suite.position(accomplice).collateral == 0
