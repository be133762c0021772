"""Attack: trading just before a victim's transaction, so that it fills at a worse price, and back
after it.

With price impact that pays, at the victim's expense and not the vault's, as far as the victim's
limit allows: with a limit at the price that he saw, not at all.
"""

import pytest

from tests.attacks.assets import dollars, leave, wealth
from tests.suite import WAD

SIZE = 20 * WAD
ATTACK = 50 * WAD
FOREVER = 2**256 - 1

pytestmark = pytest.mark.usefixtures("one_block")

both_sides = pytest.mark.parametrize("is_long", [True, False], ids=["long", "short"])
ACTIONS = ["open with size", "open with token", "increase", "decrease", "close"]
GROWING = ACTIONS[:3]


@pytest.fixture
def ready(skewed, attacker, victim):
    skewed.give_collateral(attacker, dollars(2_000_000))
    skewed.give_collateral(victim, dollars(200_000))
    return skewed


def prepare(suite, victim, action, is_long):
    """What the victim has before. Returns a call that takes his limits."""
    protocol = suite.protocol
    if not action.startswith("open"):
        protocol.openPositionWithToken(SIZE, is_long, sender=victim)
    amount = SIZE * suite.price() // WAD // 2
    calls = {
        "open with size": (protocol.openPositionWithSize, amount, is_long),
        "open with token": (protocol.openPositionWithToken, SIZE // 2, is_long),
        "increase": (protocol.increasePosition, amount),
        "decrease": (protocol.decreasePosition, amount),
        "close": (protocol.closePosition,),
    }
    call, *args = calls[action]
    return lambda *limits: call(*args, *limits, sender=victim)


def fill_price(suite, tx):
    (log,) = [
        log for log in tx.events if log.event_name in ("PositionIncreased", "PositionDecreased")
    ]
    return log.price


@both_sides
@pytest.mark.parametrize("action", ACTIONS)
def test_limits__front_run__refused_or_as_seen(
    ready, isolated, reverts, attacker, victim, action, is_long
):
    act = prepare(ready, victim, action, is_long)
    with isolated():
        seen = fill_price(ready, act())
    # The attacker pushes the price the way that hurts: the victim buys when he goes long or leaves
    # a short.
    buying = is_long == (action in GROWING)
    with isolated():
        ready.protocol.openPositionWithToken(ATTACK, buying, sender=attacker)
        with isolated():
            worse = fill_price(ready, act())
        assert worse > seen if buying else worse < seen
        held = ready.position(victim)
        with reverts(ready.protocol.PriceNotAcceptable, price=worse, acceptable=seen):
            act(seen, FOREVER)
        assert ready.position(victim) == held
        # One unit short of what it would take, then exactly that.
        with reverts(
            ready.protocol.PriceNotAcceptable,
            price=worse,
            acceptable=worse + (-1 if buying else 1),
        ):
            act(worse + (-1 if buying else 1), FOREVER)
        assert fill_price(ready, act(worse, FOREVER)) == worse
    assert fill_price(ready, act(seen, FOREVER)) == seen


@both_sides
@pytest.mark.parametrize("action", ACTIONS)
def test_deadline__held_back__refused(ready, chain, reverts, isolated, victim, action, is_long):
    act = prepare(ready, victim, action, is_long)
    now = chain.blocks.head.timestamp
    anything = FOREVER if is_long == (action in GROWING) else 0
    with isolated():
        act(anything, now)
    with reverts(ready.protocol.DeadlinePassed, deadline=now - 1):
        act(anything, now - 1)


@both_sides
def test_sandwich__without_limits__victim_pays_not_the_vault(
    ready, isolated, attacker, victim, is_long
):
    """What the attacker takes is what the victim overpays; the vault is as before."""
    protocol, vault = ready.protocol, ready.vault
    start = wealth(ready, attacker)
    with isolated():
        protocol.openPositionWithToken(SIZE, is_long, sender=victim)
        paid = ready.position(victim).entryNotional
    value = vault.upperValue()
    protocol.openPositionWithToken(ATTACK, is_long, sender=attacker)
    protocol.openPositionWithToken(SIZE, is_long, sender=victim)
    leave(ready, attacker)
    gained = wealth(ready, attacker) - start
    overpaid = (ready.position(victim).entryNotional - paid) * (1 if is_long else -1)
    eps = (2 * ATTACK + SIZE) * (ready.price() // WAD + 2) // WAD + ready.price() // WAD + 8
    assert gained > 0, "the attack is meant to work without limits"
    assert gained <= overpaid + eps, "M6: more than the victim lost"
    assert vault.upperValue() >= value - eps, "V1: the vault paid"


@both_sides
def test_sandwich__victim_with_limit__attacker_gains_nothing(
    ready, isolated, reverts, attacker, victim, is_long
):
    protocol, start = ready.protocol, wealth(ready, attacker)
    with isolated():
        seen = fill_price(ready, protocol.openPositionWithToken(SIZE, is_long, sender=victim))
    protocol.openPositionWithToken(ATTACK, is_long, sender=attacker)
    with isolated():
        worse = fill_price(ready, protocol.openPositionWithToken(SIZE, is_long, sender=victim))
    with reverts(protocol.PriceNotAcceptable, price=worse, acceptable=seen):
        protocol.openPositionWithToken(SIZE, is_long, seen, FOREVER, sender=victim)
    leave(ready, attacker)
    eps = 2 * ATTACK * (ready.price() // WAD + 2) // WAD + ready.price() // WAD + 6
    assert wealth(ready, attacker) - start <= eps, "M6: gained without a victim"


@pytest.mark.parametrize("price", [9_000, 11_000])
def test_vault_limits__price_changed_before_the_victim__refused(
    btc, reverts, victim, victim_lp, price
):
    """Shares and assets received are what was seen, or nothing happens."""
    btc.open(victim, dollars(300_000), dollars(1_000_000), price < 10_000)
    btc.provide(victim_lp, dollars(100_000))
    btc.give(victim_lp, dollars(50_000))
    vault, shares = btc.vault, 10**27
    min_shares, min_assets = vault.previewDeposit(dollars(1_000)), vault.previewRedeem(shares)
    btc.set_price(price)
    received = vault.previewDeposit(dollars(1_000))
    assert received < min_shares, "the traders' loss makes a share dearer"
    with reverts(vault.TooLittleReceived, received=received, min=min_shares):
        vault.deposit(dollars(1_000), victim_lp, min_shares, sender=victim_lp)
    vault.deposit(dollars(1_000), victim_lp, received, sender=victim_lp)

    btc.set_price(20_000 - price)
    assets = vault.previewRedeem(shares)
    assert assets < min_assets, "the traders' profit makes a share cheaper"
    with reverts(vault.TooLittleReceived, received=assets, min=min_assets):
        vault.redeem(shares, victim_lp, victim_lp, min_assets, sender=victim_lp)
    vault.redeem(shares, victim_lp, victim_lp, assets, sender=victim_lp)


def test_liquidate_position__owner_heals_it_first__refused(btc, reverts, victim, liquidator):
    """The one race that a keeper can lose: a deposit of collateral in time saves the position."""
    id_ = btc.open(victim, dollars(700), dollars(10_000), True)
    btc.set_price(9_600)
    btc.give_collateral(victim, dollars(400))
    leverage, _ = btc.protocol.checkPositionLeverageAndLiquidability(id_)
    with reverts(btc.protocol.PositionHealthy, leverage=leverage, threshold=30 * WAD):
        btc.protocol.liquidatePosition(id_, sender=liquidator)
