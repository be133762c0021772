"""Attack: an id is freed and taken by somebody else while a keeper's liquidation of it is under
way."""

import pytest

from tests.attacks.assets import dollars
from tests.suite import WAD

pytestmark = pytest.mark.usefixtures("one_block")

both_markets = pytest.mark.parametrize("market", ["btc", "full"])


@pytest.fixture
def doomed(markets, market, attacker):
    """The attacker's position can be liquidated; a keeper has seen its id."""
    suite = markets[market]
    id_ = suite.open(attacker, dollars(1_050), dollars(14_000), True)
    suite.set_price(9_550)
    assert suite.protocol.checkPositionLeverageAndLiquidability(id_)[1]
    return suite, id_


@both_markets
def test_liquidate_position__id_freed_meanwhile__unknown(doomed, attacker, liquidator, reverts):
    suite, id_ = doomed
    suite.protocol.closePosition(sender=attacker)
    with reverts(suite.protocol.UnknownPosition, id=id_):
        suite.protocol.liquidatePosition(id_, sender=liquidator)
    with reverts(suite.protocol.UnknownPosition, id=id_):
        suite.protocol.checkPositionLeverageAndLiquidability(id_)


@both_markets
def test_liquidate_position__id_taken_by_a_healthy_trader__refused(
    doomed, attacker, victim, liquidator, reverts
):
    suite, id_ = doomed
    suite.protocol.closePosition(sender=attacker)
    assert suite.open(victim, dollars(10_000), dollars(14_000), True) == id_
    held = suite.position(victim)
    leverage, liquidatable = suite.protocol.checkPositionLeverageAndLiquidability(id_)
    assert not liquidatable
    with reverts(suite.protocol.PositionHealthy, leverage=leverage, threshold=30 * WAD):
        suite.protocol.liquidatePosition(id_, sender=liquidator)
    assert suite.position(victim) == held, "P5: a healthy trader was hurt"


@both_markets
def test_liquidate_position__id_taken_by_the_keeper__refused(doomed, attacker, victim, reverts):
    suite, id_ = doomed
    suite.protocol.closePosition(sender=attacker)
    assert suite.open(victim, dollars(10_000), dollars(14_000), True) == id_
    with reverts(suite.protocol.SelfLiquidation):
        suite.protocol.liquidatePosition(id_, sender=victim)


@both_markets
def test_liquidate_position__id_taken_again_by_its_owner__old_losses_are_gone(
    doomed, attacker, liquidator, reverts
):
    """Closing and opening anew pays the loss: the owner gets away with nothing."""
    suite, id_ = doomed
    suite.protocol.closePosition(sender=attacker)
    assert suite.open(attacker, dollars(10_000), dollars(14_000), True) == id_
    leverage, _ = suite.protocol.checkPositionLeverageAndLiquidability(id_)
    with reverts(suite.protocol.PositionHealthy, leverage=leverage, threshold=30 * WAD):
        suite.protocol.liquidatePosition(id_, sender=liquidator)


@both_markets
def test_open_position__reused_id__nothing_of_the_old_position_is_left(doomed, attacker, victim):
    suite, id_ = doomed
    suite.protocol.closePosition(sender=attacker)
    suite.open(victim, dollars(10_000), dollars(5_000), False)
    held, old = suite.position(victim), suite.position(attacker)
    assert held.id == id_
    assert held.size < 0
    assert held.borrowIndex == suite.lens.marketState(0).borrowIndex
    assert held.fundingIndex == suite.lens.marketState(0).fundingIndex
    assert (old.id, old.size, old.entryPrice, old.entryNotional) == (0, 0, 0, 0), "P3"
    assert suite.protocol.positionOwner(id_) == victim, "P3"


@both_markets
def test_events__reused_id__owners_do_not_mix(markets, market, attacker, victim, liquidator):
    """Whoever follows an id through the logs finds one owner from its opening to its flat end."""
    suite = markets[market]
    protocol = suite.protocol
    txs = []

    def act(call, *args, sender):
        txs.append(call(*args, sender=sender))

    for account in (attacker, victim):
        suite.give_collateral(account, dollars(1_050))
    act(protocol.openPositionWithSize, dollars(10_000), True, sender=attacker)
    id_ = suite.position(attacker).id
    act(protocol.increasePosition, dollars(4_000), sender=attacker)
    suite.set_price(9_560)
    act(protocol.liquidatePosition, id_, sender=liquidator)
    act(protocol.closePosition, sender=attacker)
    act(protocol.openPositionWithSize, dollars(8_000), False, sender=victim)
    act(protocol.decreasePosition, dollars(1_000), sender=victim)
    act(protocol.closePosition, sender=victim)
    act(protocol.openPositionWithSize, dollars(1_000), True, sender=attacker)

    owner, lives = None, []
    for tx in txs:
        for log in tx.events:
            if not log.event_name.startswith("Position"):
                continue
            assert log.id == id_
            if log.event_name == "PositionLiquidated":
                assert log.trader == lives[-1], "P3: logged for somebody else"
                continue
            if owner is None:
                assert log.event_name == "PositionIncreased", "P3: a life begins by opening"
                assert log.size == log.sizeAdded
                lives.append(log.trader)
            else:
                assert log.trader == owner, "P3: logged for somebody else"
            owner = log.trader if log.size else None
    assert lives == [attacker, victim, attacker], "P3"
    assert owner == attacker
