"""Attack: becoming an LP just before the vault takes a trader's loss and leaving right after, or
leaving just before the vault pays a profit.

Deposits are priced as if everything had been realised already, withdrawals as if only profits had.
"""

import pytest

from tests.attacks.assets import dollars, leave, wealth
from tests.suite import WAD

DEPOSIT = dollars(30_000_000)
# A unit for each rounding of a share's price, and one for each fill.
EPS = 6

pytestmark = pytest.mark.usefixtures("one_block")

both_markets = pytest.mark.parametrize("market", ["btc", "skewed"])
both_sides = pytest.mark.parametrize("is_long", [True, False], ids=["long", "short"])


def open_positions(suite, victim, is_long, *, collateral=300_000):
    """A position of 100 BTC."""
    suite.give_collateral(victim, dollars(collateral))
    suite.protocol.openPositionWithToken(100 * WAD, is_long, sender=victim)


def skew_eps(suite, size):
    """What rounding may move in a market with price impact, for these base units of fills."""
    return size * (suite.price() // WAD + 2) // WAD + suite.price() // WAD + 12


@both_sides
@both_markets
@pytest.mark.parametrize("per_mille", [-190, -60, -20, 20, 60, 190])
def test_deposit__before_a_realisation__nothing_gained(
    markets, market, isolated, chain, attacker, victim, is_long, per_mille
):
    """In before a loss or a profit is realised, out after. A month of fees and funding is due
    too."""
    suite = markets[market]
    open_positions(suite, victim, is_long)
    chain.pending_timestamp += 30 * 86_400
    suite.set_price(10_000 + 10 * per_mille)
    suite.give(attacker, DEPOSIT)
    before = wealth(suite, attacker)
    suite.vault.deposit(DEPOSIT, sender=attacker)
    assert suite.vault.maxWithdraw(attacker) <= DEPOSIT, "V2"
    suite.protocol.closePosition(sender=victim)
    leave(suite, attacker)
    assert wealth(suite, attacker) - before <= EPS, "V2: gained around a realisation"


@both_sides
@both_markets
@pytest.mark.parametrize("per_mille", [-60, -20, 20, 60])
def test_withdraw__before_a_realisation__no_better_than_staying(
    markets, market, isolated, chain, attacker, victim, is_long, per_mille
):
    suite = markets[market]
    suite.provide(attacker, DEPOSIT)
    open_positions(suite, victim, is_long)
    chain.pending_timestamp += 30 * 86_400
    suite.set_price(10_000 + 10 * per_mille)
    with isolated():
        suite.protocol.closePosition(sender=victim)
        leave(suite, attacker)
        stayed = wealth(suite, attacker)
    leave(suite, attacker)
    assert wealth(suite, attacker) - stayed <= EPS, "V1: leaving first is better"


@both_sides
@pytest.mark.parametrize("per_mille", [40, 80, 300])
def test_deposit__before_a_liquidation__nothing_gained(
    btc, attacker, accomplice, victim, is_long, per_mille
):
    """With and without bad debt: a loss beyond collateral makes depositing dearer, never
    cheaper."""
    sign = 1 if is_long else -1
    id_ = btc.open(victim, dollars(68_000), dollars(1_000_000), is_long)
    btc.set_price(10_000 - 10 * per_mille * sign)
    btc.give(attacker, DEPOSIT)
    before = wealth(btc, attacker)
    btc.vault.deposit(DEPOSIT, sender=attacker)
    btc.protocol.liquidatePosition(id_, sender=accomplice)
    leave(btc, attacker)
    assert wealth(btc, attacker) - before <= EPS, "V2: gained around a liquidation"


@both_sides
@pytest.mark.parametrize("per_mille", [80, 300])
def test_withdraw__before_bad_debt__no_better_than_staying(
    btc, isolated, attacker, accomplice, victim, is_long, per_mille
):
    """Withdrawals do not count on traders' losses, so there is nothing to flee from. The vault's
    part of the reward is the one thing that an LP escapes by leaving."""
    sign = 1 if is_long else -1
    btc.provide(attacker, DEPOSIT)
    id_ = btc.open(victim, dollars(68_000), dollars(1_000_000), is_long)
    btc.set_price(10_000 - 10 * per_mille * sign)
    with isolated():
        btc.protocol.liquidatePosition(id_, sender=accomplice)
        leave(btc, attacker)
        stayed = wealth(btc, attacker)
    leave(btc, attacker)
    assert wealth(btc, attacker) - stayed <= EPS, "V1: leaving first is better"


@both_sides
def test_withdraw__bad_debt_set_off_against_a_profit__escapes_at_most_that_debt(
    btc, isolated, attacker, accomplice, victim, victim_lp, is_long
):
    """The one way to flee: another trader's profit is set off against a loss that will not be paid.
    It is worth the leaver's part of the bad debt, and needs a price gap."""
    sign = 1 if is_long else -1
    btc.provide(attacker, DEPOSIT)
    id_ = btc.open(victim, dollars(68_000), dollars(1_000_000), is_long)
    btc.open(victim_lp, dollars(100_000), dollars(1_000_000), not is_long)
    btc.set_price(10_000 - 2_000 * sign)
    supply = btc.vault.totalSupply()
    with isolated():
        btc.protocol.liquidatePosition(id_, sender=accomplice)
        btc.protocol.closePosition(sender=victim_lp)
        bad_debt = -btc.lens.cashFlow(0).badDebt
        assert bad_debt > 0
        leave(btc, attacker)
        stayed = wealth(btc, attacker)
    part = bad_debt * btc.vault.balanceOf(attacker) // supply
    leave(btc, attacker)
    escaped = wealth(btc, attacker) - stayed
    assert escaped <= part + EPS, "V1: more is escaped than the bad debt"


@both_sides
@pytest.mark.parametrize("order", ["skew first", "deposit first"])
@pytest.mark.parametrize("attack_is_long", [True, False], ids=["buying", "selling"])
@pytest.mark.parametrize("price", [9_800, 10_000, 10_300])
def test_deposit__skew_moved_by_the_depositor__nothing_gained(
    skewed, attacker, accomplice, victim, is_long, attack_is_long, price, order
):
    """At one price the attacker moves the skew, becomes an LP, moves the skew back and leaves; in
    the other order too. What others have unrealised must not be worth a different price to him."""
    open_positions(skewed, victim, is_long)
    skewed.set_price(price)
    skewed.give(attacker, DEPOSIT)
    skewed.give_collateral(accomplice, dollars(4_000_000))
    before = wealth(skewed, attacker, accomplice)
    size = 200 * WAD
    steps = [
        lambda: skewed.protocol.openPositionWithToken(size, attack_is_long, sender=accomplice),
        lambda: skewed.vault.deposit(DEPOSIT, sender=attacker),
        lambda: skewed.protocol.closePosition(sender=accomplice),
        lambda: skewed.vault.redeem(skewed.vault.balanceOf(attacker), sender=attacker),
    ]
    for step in steps if order == "skew first" else (steps[1], steps[0], steps[3], steps[2]):
        step()
    gained = wealth(skewed, attacker, accomplice) - before
    assert gained <= skew_eps(skewed, 2 * size), "M6: gained by moving the skew"


@pytest.mark.parametrize("price", [9_900, 10_100])
def test_deposit__around_anothers_fees__at_most_those_fees(full, attacker, victim, price):
    """Fees that a trade pays belong to whoever is an LP at that moment. Without a waiting time for
    withdrawals somebody can be it for a moment only; what he takes is a part of that fee."""
    open_positions(full, victim, True)
    full.set_price(price)
    full.give(attacker, DEPOSIT)
    before = wealth(full, attacker)
    full.vault.deposit(DEPOSIT, sender=attacker)
    fees = full.lens.cashFlow(0).closingFee
    full.protocol.closePosition(sender=victim)
    fees = full.lens.cashFlow(0).closingFee - fees
    part = fees * full.vault.balanceOf(attacker) // full.vault.totalSupply()
    leave(full, attacker)
    gained = wealth(full, attacker) - before
    assert gained <= part + skew_eps(full, 100 * WAD), "V2: more is gained than a part of the fee"
