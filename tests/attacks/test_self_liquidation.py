"""Attack: liquidating one's own position from a second address, to be paid for one's own loss.

Both addresses together must not end with more than closing honestly would have left. All that the
vault may add is its part of a reward, where no collateral is left: at most 50 PREP a position.
"""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.attacks.assets import dollars, leave, wealth
from tests.suite import FEED_DECIMALS, WAD

ENTRY = 10_000
MAX_REWARD_FROM_VAULT = 50 * WAD
# One base unit for each fill: liquidation closes in at most two, what is left goes in a third.
EPS = 3

pytestmark = pytest.mark.usefixtures("one_block")


def compare(suite, isolated, attacker, accomplice, *, notional, collateral, is_long, answer):
    """What both have after honest closing and after self-liquidation, at the price `answer` (8
    decimals), and the liquidation's log (None if the position is healthy)."""
    suite.open(attacker, collateral, notional, is_long)
    suite.set_answer(answer)
    with isolated():
        leave(suite, attacker)
        honest = wealth(suite, attacker, accomplice)
    id_ = suite.position(attacker).id
    log = None
    while (
        suite.position(attacker).id and suite.protocol.checkPositionLeverageAndLiquidability(id_)[1]
    ):
        tx = suite.protocol.liquidatePosition(id_, sender=accomplice)
        assert log is None, "P5: healthy or flat after one liquidation"
        (log,) = tx.decode_logs(suite.protocol.PositionLiquidated)
    leave(suite, attacker)
    return honest, wealth(suite, attacker, accomplice), log


def gap(per_100_000: int, is_long: bool) -> int:
    """An answer that many thousandths of a per cent against the position."""
    return ENTRY * (100_000 - per_100_000 * (1 if is_long else -1)) * 10**FEED_DECIMALS // 100_000


@pytest.mark.parametrize("is_long", [True, False], ids=["long", "short"])
@pytest.mark.parametrize(
    "loss",
    [
        pytest.param(3_400, id="just-liquidatable"),
        pytest.param(5_000, id="third-is-enough"),
        pytest.param(6_100, id="whole-equity-above-reward"),
        pytest.param(6_400, id="whole-equity-below-reward"),
        pytest.param(6_660, id="whole-equity-nearly-gone"),
        pytest.param(6_700, id="bankrupt"),
        pytest.param(20_000, id="bankrupt-by-far"),
    ],
)
def test_liquidate_position__own_second_address__no_more_than_honest_closing(
    btc, isolated, attacker, accomplice, loss, is_long
):
    notional = dollars(3_000_000)
    honest, attack, log = compare(
        btc,
        isolated,
        attacker,
        accomplice,
        notional=notional,
        collateral=notional // 15 + 1,
        is_long=is_long,
        answer=gap(loss, is_long),
    )
    assert log is not None
    gained = attack - honest
    assert gained <= log.fromVault + EPS, (
        f"P8: self-liquidation is worth {gained} more than closing; the vault's part of the reward"
        f" was {log.fromVault}"
    )
    assert log.fromVault <= MAX_REWARD_FROM_VAULT, "P8: the vault's part of a reward is bounded"


@pytest.mark.parametrize("is_long", [True, False], ids=["long", "short"])
def test_liquidate_position__winning_without_collateral__vault_adds_nothing(
    btc, isolated, attacker, accomplice, is_long
):
    """All gains but the last were taken out. A third's gain is less than the reward; the rest's is
    there to pay it before the vault does."""
    btc.open(attacker, dollars(10_000), dollars(50_000), is_long)
    btc.set_answer(gap(-20_000, is_long))
    btc.protocol.withdrawCollateral(dollars(10_000), sender=attacker)
    btc.set_answer(gap(-1_200, is_long))
    with isolated():
        leave(btc, attacker)
        honest = wealth(btc, attacker, accomplice)
    tx = btc.protocol.liquidatePosition(btc.position(attacker).id, sender=accomplice)
    (log,) = tx.decode_logs(btc.protocol.PositionLiquidated)
    assert (log.reward, log.fromVault) == (dollars(250), 0), "P8: the vault paid for a winner"
    assert wealth(btc, attacker, accomplice) <= honest, "M6: paid for being liquidated"


@pytest.mark.parametrize("market", ["btc", "steep", "full"])
@settings(max_examples=5, deadline=None)
@given(
    notional=st.integers(1_000, 1_000_000).map(dollars),
    leverage=st.integers(4_000, 14_900),
    eaten=st.integers(500, 1_400),
    is_long=st.booleans(),
)
def test_liquidate_position__any_gap__vault_loses_at_most_its_reward(
    markets, market, isolated, attacker, accomplice, notional, leverage, eaten, is_long
):
    """The price has eaten so many thousandths of the collateral, or more than all of it."""
    suite = markets[market]
    price, scale = suite.price(), suite.market["skewScale"]
    if scale:
        notional = min(notional, scale * price // WAD // 125)
    # With price impact a position needs its impact as collateral too.
    impact = notional**2 * WAD // (2 * price * scale) if scale else 0
    with isolated():
        liquidity = suite.protocol.liquidity()
        fees = notional // 100 if market == "full" else 0
        honest, attack, _ = compare(
            suite,
            isolated,
            attacker,
            accomplice,
            notional=notional,
            collateral=notional * 1_000 // leverage + impact + fees + WAD,
            is_long=is_long,
            answer=gap(100_000 * eaten // leverage, is_long),
        )
        eps = EPS + 3 * (2 + notional * 3 // suite.price()) + suite.price() // WAD
        assert attack - honest <= MAX_REWARD_FROM_VAULT + eps, "M6: self-liquidation"
        assert suite.protocol.liquidity() >= liquidity - MAX_REWARD_FROM_VAULT - eps, "V1: bad debt"


def test_liquidate_position__own_address__refused(btc, attacker, reverts):
    id_ = btc.open(attacker, dollars(1_000), dollars(14_900), True)
    btc.set_price(9_600)
    with reverts(btc.protocol.SelfLiquidation):
        btc.protocol.liquidatePosition(id_, sender=attacker)
