"""Attack: becoming an LP just before the vault takes what a margin account has lost and leaving
right after, or leaving just before it pays what one has won; and the same around a deleverage.

Margin accounts realise their whole position with every order, dust included, so a realisation can
be had at any moment and for nothing by whoever has the account: here it is the attacker's too.
"""

import pytest

from tests.attacks.assets import dollars, leave, wealth
from tests.attacks.venue import PLAIN, STEEP_MARKET, eps
from tests.suite import WAD

# As much as there is already: half of everything would be the attacker's.
DEPOSIT = dollars(200_000_000)
SIZE = 600 * WAD
MONTH = 30 * 86_400
# A unit for each rounding of a share's price.
SHARES_EPS = 6

pytestmark = pytest.mark.usefixtures("one_block")

both_ways = pytest.mark.parametrize("sign", [1, -1], ids=["long", "short"])
both_markets = pytest.mark.parametrize("market", [PLAIN, STEEP_MARKET], ids=["plain", "steep"])
moves = pytest.mark.parametrize("per_mille", [-300, -40, 0, 40, 300])


def begin(venue, honest, chain, market, sign, per_mille):
    """One side has 600, the other 150; a month passes and the price moves."""
    honest.order(market, sign * SIZE)
    honest.order(market, -sign * SIZE // 4, account=2)
    chain.mine(timestamp=chain.blocks.head.timestamp + MONTH)
    venue.set_price(market, 10_000 + 10 * per_mille)


def realise(venue, honest, market, how):
    """What makes unrealised into realised."""
    if how == "close":
        honest.close(market)
        honest.close(market, account=2)
    elif how == "dust":
        honest.order(market, 1)
        honest.order(market, 1, account=2)
    else:
        honest.close_all(account=2)
        honest.close_all(account=1)


hows = pytest.mark.parametrize("how", ["close", "dust", "close all"])


@hows
@both_ways
@both_markets
@moves
def test_deposit__before_a_margin_realisation__nothing_gained(
    venue, honest, chain, attacker, market, sign, per_mille, how
):
    begin(venue, honest, chain, market, sign, per_mille)
    suite = venue.suite
    suite.give(attacker, DEPOSIT)
    before = wealth(suite, attacker)
    suite.vault.deposit(DEPOSIT, sender=attacker)
    assert suite.vault.maxWithdraw(attacker) <= DEPOSIT, "V2"
    realise(venue, honest, market, how)
    leave(suite, attacker)
    gained = wealth(suite, attacker) - before
    assert gained <= eps(venue, market, SIZE, SIZE) + SHARES_EPS, f"V2: {gained} gained"


@hows
@both_ways
@both_markets
@pytest.mark.parametrize("per_mille", [-300, -40, 40, 300])
def test_withdraw__before_a_margin_realisation__no_better_than_staying(
    venue, isolated, honest, chain, attacker, market, sign, per_mille, how
):
    suite = venue.suite
    suite.provide(attacker, DEPOSIT)
    begin(venue, honest, chain, market, sign, per_mille)
    with isolated():
        realise(venue, honest, market, how)
        leave(suite, attacker)
        stayed = wealth(suite, attacker)
    leave(suite, attacker)
    gained = wealth(suite, attacker) - stayed
    assert gained <= eps(venue, market, SIZE, SIZE) + SHARES_EPS, f"V1: {gained} by leaving first"


@both_ways
@pytest.mark.parametrize("order", ["skew first", "deposit first"])
@pytest.mark.parametrize("attack", [1, -1], ids=["buying", "selling"])
@pytest.mark.parametrize("per_mille", [-40, 0, 40])
def test_deposit__skew_moved_through_margin_accounts__nothing_gained(
    venue, honest, villain, chain, attacker, sign, attack, per_mille, order
):
    """A margin account can move the skew by a third of the skew scale here, 90 times as far as an
    isolated trader can. Still the value of a share does not depend on it."""
    market = STEEP_MARKET
    begin(venue, honest, chain, market, sign, per_mille)
    suite = venue.suite
    suite.give(attacker, DEPOSIT)
    before = wealth(suite, attacker) + villain.wealth
    size = attack * 2_000 * WAD
    steps = [
        lambda: villain.order(market, size),
        lambda: suite.vault.deposit(DEPOSIT, sender=attacker),
        lambda: villain.close(market),
        lambda: leave(suite, attacker),
    ]
    for step in steps if order == "skew first" else (steps[1], steps[0], steps[3], steps[2]):
        step()
    gained = wealth(suite, attacker) + villain.wealth - before
    bound = eps(venue, market, *[size] * 2) + SHARES_EPS
    assert gained <= bound, f"M6: {gained} gained by moving the skew"


@both_ways
@both_markets
def test_deposit__around_a_deleverage__nothing_gained(venue, honest, chain, attacker, market, sign):
    """A deleverage is a realisation that the attacker may time. It is worth nothing."""
    begin(venue, honest, chain, market, sign, 300 * sign)
    suite = venue.suite
    venue.set_target(10 * WAD)
    debt, liquidity = venue.owed, venue.liquidity
    assert liquidity > 10 * debt, "the vault is above its target by itself"
    # As an LP he could not leave below the target, so the side's cap is what lets him start.
    venue.configure(market, maxLongOIValue=0, maxShortOIValue=0)
    venue.next_block()
    suite.give(attacker, DEPOSIT)
    before = wealth(suite, attacker)
    suite.vault.deposit(DEPOSIT, sender=attacker)
    venue.deleverage(honest, market)
    leave(suite, attacker)
    gained = wealth(suite, attacker) - before
    assert gained <= eps(venue, market, SIZE, SIZE) + SHARES_EPS, f"V2: {gained} gained"
