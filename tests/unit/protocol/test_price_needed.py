"""R6: what needs a price stops without one, with the oracle's own error; what does not, goes on."""

import pytest

from tests.expected import UNLIMITED
from tests.suite import WAD
from tests.unit.books import held, open_position

COLLATERAL = 1_000 * WAD
NOTIONAL = 5_000 * WAD
HEARTBEAT = 7 * 86_400

with_position = [
    lambda protocol, holder: protocol.withdrawCollateral(1, sender=holder),
    lambda protocol, holder: protocol.increasePosition(WAD, sender=holder),
    lambda protocol, holder: protocol.increasePosition(WAD, UNLIMITED, UNLIMITED, sender=holder),
    lambda protocol, holder: protocol.decreasePosition(WAD, sender=holder),
    lambda protocol, holder: protocol.decreasePosition(WAD, 0, UNLIMITED, sender=holder),
    lambda protocol, holder: protocol.decreasePosition(NOTIONAL, sender=holder),
    lambda protocol, holder: protocol.closePosition(sender=holder),
    lambda protocol, holder: protocol.closePosition(0, UNLIMITED, sender=holder),
    lambda protocol, _: protocol.checkPositionLeverageAndLiquidability(1),
    lambda protocol, _: protocol.liquidityReservesToHold(),
    lambda protocol, _: protocol.exposure(False),
]
without_position = [
    lambda protocol, other: protocol.openPositionWithSize(NOTIONAL, True, sender=other),
    lambda protocol, other: protocol.openPositionWithToken(WAD, True, sender=other),
    lambda protocol, other: protocol.liquidatePosition(1, sender=other),
]


@pytest.fixture(params=["stale", "zero", "negative"])
def refusal(btc, trader, other_trader, clock, request):
    """Takes the price away. The oracle's error with its values."""
    open_position(btc, trader, COLLATERAL, NOTIONAL, True)
    btc.protocol.depositCollateral(COLLATERAL, sender=other_trader)
    if request.param == "stale":
        btc.set_price(10_000)
        answered = clock.now
        clock.advance(HEARTBEAT + 1)
        return btc.oracle.AnswerStale, {"updatedAt": answered, "heartbeat": HEARTBEAT}
    answer = 0 if request.param == "zero" else -1
    btc.set_answer(answer)
    return btc.oracle.AnswerNotPositive, {"answer": answer}


def test_price__missing__what_depends_on_it_is_refused(btc, trader, other_trader, reverts, refusal):
    error, values = refusal
    for act in with_position:
        with reverts(error, **values):
            act(btc.protocol, trader)
    for act in without_position:
        with reverts(error, **values):
            act(btc.protocol, other_trader)


def test_price__missing__collateral_moves_all_the_same(btc, trader, other_trader, refusal):
    position = held(btc, trader)
    btc.protocol.depositCollateral(5, sender=trader)
    assert held(btc, trader) == position
    assert btc.position(trader).collateral == COLLATERAL + 5
    btc.protocol.depositCollateral(5, sender=other_trader)
    btc.protocol.withdrawCollateral(COLLATERAL + 5, sender=other_trader)
    assert btc.position(other_trader).collateral == 0


def test_price__at_heartbeat__still_good(btc, trader, clock):
    open_position(btc, trader, COLLATERAL, NOTIONAL, True)
    btc.set_price(10_000)
    clock.advance(HEARTBEAT)
    btc.protocol.closePosition(sender=trader)
    assert btc.position(trader).id == 0


def test_price__missing_but_nothing_open__vault_is_known(btc, clock):
    clock.advance(HEARTBEAT + 1)
    assert btc.protocol.exposure(True).liquidity == btc.protocol.liquidity()
    assert btc.protocol.liquidityReservesToHold() == 0
