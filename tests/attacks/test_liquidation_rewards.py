"""Attack: liquidating the same position over and over, a third at a time, to collect many
rewards."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.attacks.assets import dollars, reward_of, wealth
from tests.suite import FEED_DECIMALS, WAD

THRESHOLD = 30 * WAD
ENTRY = 10_000 * 10**FEED_DECIMALS
MAX_REWARD_FROM_VAULT = 50 * WAD

pytestmark = pytest.mark.usefixtures("one_block")


def leverage(suite, id_):
    return suite.protocol.checkPositionLeverageAndLiquidability(id_)


def liquidate_again_refused(suite, id_, liquidator, reverts):
    """A second call at the same price: the position is gone or healthy."""
    if suite.protocol.positionOwner(id_) == "0x" + 40 * "0":
        refusal = reverts(suite.protocol.UnknownPosition, id=id_)
    else:
        rate, liquidatable = leverage(suite, id_)
        assert rate <= THRESHOLD, "P5: above 30x after a liquidation"
        assert not liquidatable
        refusal = reverts(suite.protocol.PositionHealthy, leverage=rate, threshold=THRESHOLD)
    with refusal:
        suite.protocol.liquidatePosition(id_, sender=liquidator)


@pytest.mark.parametrize("market", ["btc", "full"])
@settings(max_examples=5, deadline=None)
@given(
    notional=st.integers(1_000, 500_000).map(dollars),
    steps=st.lists(st.integers(1, 80), min_size=1, max_size=4),
    is_long=st.booleans(),
)
def test_liquidate_position__again_and_again__rewards_bounded(
    markets, market, isolated, reverts, victim, attacker, accomplice, notional, steps, is_long
):
    suite = markets[market]
    sign = 1 if is_long else -1
    with isolated():
        id_ = suite.open(victim, notional // 10, notional, is_long)
        before = wealth(suite, attacker, accomplice)
        entry = suite.position(victim).entryNotional
        rewards, answer = 0, ENTRY
        # From just above the liquidation price, ever further.
        for step in (600, *steps):
            answer -= sign * ENTRY * step // 10_000
            suite.set_answer(answer)
            if not suite.position(victim).id or not leverage(suite, id_)[1]:
                continue
            held = suite.position(victim)
            books = suite.protocol.liquidity() + suite.protocol.protocolFees().unpaid
            tx = suite.protocol.liquidatePosition(id_, sender=attacker)
            (log,) = tx.decode_logs(suite.protocol.PositionLiquidated)
            assert log.reward <= reward_of(held.entryNotional), "M6: more than the reward"
            assert log.fromVault <= MAX_REWARD_FROM_VAULT, "M6: more than the vault's part"
            rewards += log.reward
            left = suite.position(victim)
            # A third, less what division leaves over.
            assert abs(left.size) <= abs(held.size) - abs(held.size) // 3, "P5: less than a third"
            gained = suite.protocol.liquidity() + suite.protocol.protocolFees().unpaid - books
            assert held.collateral == left.collateral + log.reward + gained, "M3"
            liquidate_again_refused(suite, id_, accomplice, reverts)
        # 0.5 % of what is left each time, at most two thirds (and two units) of what was before.
        assert rewards <= 3 * reward_of(entry) + 6, "M6: rewards are not bounded by the position"
        assert wealth(suite, attacker, accomplice) == before + rewards, "M3"


@pytest.mark.parametrize("is_long", [True, False], ids=["long", "short"])
def test_liquidate_position__slow_fall__three_rewards_at_most(
    btc, victim, attacker, reverts, is_long
):
    """The worst case in fact: the price creeps, so that only thirds are closed, as often as
    possible."""
    sign = 1 if is_long else -1
    notional = dollars(5_000)
    id_ = btc.open(victim, notional // 15 + 1, notional, is_long)
    rewards = []
    while held := btc.position(victim).size:
        # Where a thirty-first of the entry notional is left.
        left = btc.position(victim)
        loss = (left.collateral - left.entryNotional // 31) * 10**FEED_DECIMALS // abs(held)
        btc.set_answer(ENTRY - sign * loss)
        tx = btc.protocol.liquidatePosition(id_, sender=attacker)
        (log,) = tx.decode_logs(btc.protocol.PositionLiquidated)
        assert log.fromVault == 0, "V1: the trader can pay"
        rewards.append(log.reward)
        liquidate_again_refused(btc, id_, attacker, reverts)
    assert len(rewards) > 10, "the path was meant to close by thirds"
    assert sum(rewards) <= 3 * reward_of(notional) + 2 * len(rewards), "M6: rewards not bounded"
    assert sum(rewards) == btc.position(attacker).collateral
