"""Protocol.liquidatePosition: who pays the reward, and where it goes."""

import pytest

from tests.expected import MAX_REWARD_FROM_VAULT, REWARD_RATE, wmul
from tests.suite import WAD
from tests.unit.books import audit, books, both_sides, held, logs, open_position, sign
from tests.unit.protocol.liquidating import sink


def payment(suite, tx) -> tuple[int, int]:
    """Reward and the vault's part of it."""
    values = dict(logs(tx, suite.protocol))["PositionLiquidated"]
    return values["reward"], values["fromVault"]


@both_sides
@pytest.mark.parametrize("notional", [12_345 * WAD + 100_000, 600 * WAD])
def test_reward__collateral_suffices__taken_from_it(
    btc, trader, liquidator, clock, notional, is_long
):
    s = sink(btc, trader, clock, is_long, notional * 3 // 100, notional)
    before = books(btc)
    tx = btc.protocol.liquidatePosition(1, sender=liquidator)
    reward = wmul(s.position.notional, REWARD_RATE)
    third = sum(s.realised(s.part))
    assert payment(btc, tx) == (reward, 0)
    assert btc.position(liquidator).collateral == reward
    assert btc.position(trader).collateral == s.collateral + third - reward
    after = audit(btc, trader, liquidator)
    assert after.liquidity == before.liquidity - third
    assert after.cash_flow.bad_debt == 0


@both_sides
@pytest.mark.parametrize(
    "notional, expected",
    [
        (9_998 * WAD, 50 * WAD - WAD // 100),
        (10_000 * WAD, MAX_REWARD_FROM_VAULT),
        (10_002 * WAD, MAX_REWARD_FROM_VAULT),
        (120_000 * WAD, MAX_REWARD_FROM_VAULT),
    ],
)
def test_reward__no_collateral_left__from_vault_within_bound(
    btc, trader, liquidator, clock, notional, expected, is_long
):
    s = sink(btc, trader, clock, is_long, 0, notional)
    before = books(btc)
    tx = btc.protocol.liquidatePosition(1, sender=liquidator)
    assert payment(btc, tx) == (expected, expected)
    after = audit(btc, trader, liquidator)
    assert after.liquidity == before.liquidity + s.collateral - expected
    assert after.cash_flow.bad_debt == -expected


@both_sides
@pytest.mark.parametrize("size", [1, 2])
def test_reward__collateral_covers_a_part__vault_adds_the_rest(
    btc, trader, liquidator, is_long, size
):
    """Too small for a third, so the whole is closed first and little collateral is left."""
    btc.configure(minPositionValue=0)
    btc.protocol.depositCollateral(1_200 * size, sender=trader)
    btc.protocol.openPositionWithToken(size, is_long, sender=trader)
    btc.set_answer((10_000 - sign(is_long) * 1_180) * 10**8)
    tx = btc.protocol.liquidatePosition(1, sender=liquidator)
    reward, left = 50 * size, 20 * size
    assert payment(btc, tx) == (reward, reward - left)
    assert btc.position(trader).collateral == 0
    assert btc.position(liquidator).collateral == reward
    assert audit(btc, trader, liquidator).cash_flow.bad_debt == left - reward


@both_sides
@pytest.mark.parametrize("liquidity", [0, 50 * WAD - 1, 50 * WAD + 1])
def test_reward__vault_has_little__no_more_than_that_and_never_reverts(
    suite, clock, lp, trader, liquidator, is_long, liquidity
):
    """The trader has withdrawn his collateral while winning, so nothing comes in from him."""
    suite.configure(reserveFactor=0)
    if liquidity:
        suite.provide(lp, liquidity)
    suite.give(trader, 1_000 * WAD)
    open_position(suite, trader, 1_000 * WAD, 12_000 * WAD, is_long)
    suite.set_price(10_000 + sign(is_long) * 2_000)
    suite.protocol.withdrawCollateral(1_000 * WAD, sender=trader)
    suite.set_price(10_000)
    tx = suite.protocol.liquidatePosition(1, sender=liquidator)
    reward = min(liquidity, MAX_REWARD_FROM_VAULT)
    assert payment(suite, tx) == (reward, reward)
    assert suite.position(liquidator).collateral == reward
    assert audit(suite, trader, liquidator).liquidity == liquidity - reward


@both_sides
def test_reward__liquidator_has_balance_and_position__added_and_position_untouched(
    btc, trader, other_trader, clock, is_long
):
    own = open_position(btc, other_trader, 1_000 * WAD, 2_000 * WAD, is_long)
    s = sink(btc, trader, clock, is_long, 360 * WAD, 12_000 * WAD)
    tx = btc.protocol.liquidatePosition(2, sender=other_trader)
    reward = wmul(s.position.notional, REWARD_RATE)
    values = dict(logs(tx, btc.protocol))["PositionLiquidated"]
    assert values["liquidatorCollateral"] == 1_000 * WAD + reward
    assert btc.position(other_trader).collateral == 1_000 * WAD + reward
    assert held(btc, other_trader) == own
    assert btc.position(other_trader).id == 1
    audit(btc, trader, other_trader)


def test_reward__credited__can_be_withdrawn(btc, trader, liquidator, clock):
    sink(btc, trader, clock, True, 360 * WAD, 12_000 * WAD)
    btc.protocol.liquidatePosition(1, sender=liquidator)
    btc.protocol.withdrawCollateral(60 * WAD, sender=liquidator)
    assert btc.prep.balanceOf(liquidator) == 60 * WAD
    audit(btc, trader, liquidator)


@both_sides
def test_liquidate__winning_more_than_the_vault_has__refused_until_it_has(
    suite, clock, lp, trader, liquidator, reverts, is_long
):
    """P5's exception: a trader who has taken out his gains and still wins has to be paid."""
    suite.configure(reserveFactor=0)
    suite.provide(lp, 119 * WAD)
    suite.give(trader, 1_000 * WAD)
    open_position(suite, trader, 1_000 * WAD, 12_000 * WAD, is_long)
    suite.set_price(10_000 + sign(is_long) * 2_000)
    suite.protocol.withdrawCollateral(1_000 * WAD, sender=trader)
    suite.set_price(10_000 + sign(is_long) * 100)
    values = {"amount": 120 * WAD, "liquidity": 119 * WAD}
    with reverts(suite.protocol.VaultCannotPay, **values):
        suite.protocol.liquidatePosition(1, sender=liquidator)
    suite.set_price(10_000 + sign(is_long) * 99)
    tx = suite.protocol.liquidatePosition(1, sender=liquidator)
    # A third wins 39.60, the rest 79.20: both pay the reward of 60.
    assert payment(suite, tx) == (60 * WAD, 0)
    assert suite.position(trader).collateral == 588 * WAD // 10
    assert audit(suite, trader, liquidator).liquidity == 2 * WAD // 10
