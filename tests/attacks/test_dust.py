"""Attack: positions, decreases and deposits so small that roundings are all there is to them."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.attacks.assets import dollars, leave, wealth
from tests.suite import BTC, WAD, YEAR

pytestmark = pytest.mark.usefixtures("one_block")

# A dollar is 10**18 units, bitcoin costs 10**4 dollars: one unit of it is worth 10**4 units of
# PREP.
UNIT_VALUE = 10_000


@pytest.fixture(scope="session")
def free(create_suite, lp):
    """Without a smallest position and without fees."""
    suite = create_suite(market=BTC | {"minPositionValue": 0})
    suite.provide(lp, dollars(1_000_000))
    return suite


def test_open_position__below_the_minimum__refused(btc, attacker, reverts):
    btc.give_collateral(attacker, dollars(1))
    value = 10 * WAD - UNIT_VALUE
    with reverts(btc.protocol.PositionTooSmall, value=value, min=10 * WAD):
        btc.protocol.openPositionWithSize(10 * WAD - 1, True, sender=attacker)
    btc.protocol.openPositionWithSize(10 * WAD, True, sender=attacker)


def test_decrease_position__dust_left__refused(btc, attacker, reverts):
    btc.open(attacker, dollars(10), dollars(20), True)
    with reverts(btc.protocol.PositionTooSmall, value=10 * WAD - UNIT_VALUE, min=10 * WAD):
        btc.protocol.decreasePosition(10 * WAD + UNIT_VALUE, sender=attacker)
    btc.protocol.decreasePosition(10 * WAD, sender=attacker)


def test_liquidate_position__dust_would_be_left__closed_whole(btc, victim, attacker):
    """Nobody is left with a position that is not worth liquidating."""
    id_ = btc.open(victim, dollars(1), dollars(14), True)
    btc.set_price(9_600)
    tx = btc.protocol.liquidatePosition(id_, sender=attacker)
    third, rest = tx.decode_logs(btc.protocol.PositionDecreased)
    assert (third.sizeRemoved, rest.size) == (14 * WAD // 10_000 // 3, 0), "P5"
    (log,) = tx.decode_logs(btc.protocol.PositionLiquidated)
    assert (log.reward, log.fromVault) == (14 * WAD * 5 // 1_000, 0), "P5"


@pytest.mark.parametrize("size", [1, 2, 3, 5])
def test_liquidate_position__no_third_to_take__closed_whole(free, victim, attacker, size):
    value = size * UNIT_VALUE
    free.give_collateral(victim, value // 15 + 1)
    free.protocol.openPositionWithToken(size, True, sender=victim)
    free.set_price(9_000)
    id_ = free.position(victim).id
    liquidity = free.protocol.liquidity()
    tx = free.protocol.liquidatePosition(id_, sender=attacker)
    (log,) = tx.decode_logs(free.protocol.PositionLiquidated)
    assert free.position(victim)[:2] == (0, 0), "P5"
    # All collateral is lost to the vault, which pays the reward.
    assert log.fromVault == log.reward == value * 5 // 1_000, "P5"
    assert free.protocol.liquidity() == liquidity + value // 15 + 1 - log.reward, "M2"


@settings(max_examples=5, deadline=None)
@given(pieces=st.integers(2, 12), size=st.integers(1, 50_000), days=st.integers(1, 3_000))
def test_decrease_position__in_dust__no_cheaper_than_closing(
    free, isolated, chain, attacker, pieces, size, days
):
    """Losses are rounded for the trader, one unit a fill at most; fees are rounded against him."""
    with isolated():
        free.give_collateral(attacker, size * UNIT_VALUE)
        free.protocol.openPositionWithToken(size, True, sender=attacker)
        chain.pending_timestamp += days * 86_400
        free.set_price(9_999)
        with isolated():
            leave(free, attacker)
            in_one = wealth(free, attacker)
        fills = 1
        for _ in range(pieces):
            held = free.position(attacker)
            part = held.entryNotional // pieces
            if held.size * part // held.entryNotional:
                free.protocol.decreasePosition(part, sender=attacker)
                fills += 1
        leave(free, attacker)
        assert wealth(free, attacker) - in_one <= fills, "M6: dust is rounded into a gain"


def test_open_position__many_of_dust__fees_not_avoided(free, isolated, chain, crowd, attacker):
    """The same notional in one position and in dust, for a year."""
    suite, size, accounts = free, 40, crowd[:4]
    suite.configure(openingFeeRate=WAD // 1_000, closingFeeRate=WAD // 1_000)
    for account in accounts:
        suite.give_collateral(account, size * UNIT_VALUE)
    start = wealth(suite, *accounts)
    with isolated():
        suite.protocol.openPositionWithToken(size, True, sender=attacker)
        chain.pending_timestamp += YEAR
        suite.set_price(10_000)
        leave(suite, attacker)
        in_one = wealth(suite, *accounts)
    for account in accounts:
        suite.protocol.openPositionWithToken(size // len(accounts), True, sender=account)
    chain.pending_timestamp += YEAR
    suite.set_price(10_000)
    leave(suite, *accounts)
    assert in_one < start
    assert wealth(suite, *accounts) <= in_one, "M6: dust pays less"


@settings(max_examples=5, deadline=None)
@given(
    amounts=st.lists(st.integers(1, 10**7), min_size=1, max_size=5),
    answer=st.integers(9_000 * 10**8, 11_000 * 10**8),
)
def test_deposit__dust_in_and_out__never_more_than_put_in(
    markets, isolated, attacker, victim, amounts, answer
):
    """While a trader wins or loses, so that a share's price is no round number."""
    btc = markets["btc"]
    with isolated():
        btc.open(victim, dollars(100_000), dollars(777_777), True)
        btc.set_answer(answer)
        btc.give(attacker, sum(amounts) + 10**30)
        before = wealth(btc, attacker)
        for amount in amounts:
            btc.vault.deposit(amount, sender=attacker)
            btc.vault.mint(amount, attacker, sender=attacker)
        for _ in range(3):
            part = btc.vault.balanceOf(attacker) // 7
            if btc.vault.previewRedeem(part):
                btc.vault.redeem(part, sender=attacker)
            if worth := btc.vault.maxWithdraw(attacker) // 3:
                btc.vault.withdraw(worth, sender=attacker)
        shares = btc.vault.balanceOf(attacker)
        if btc.vault.previewRedeem(shares):
            leave(btc, attacker)
            assert wealth(btc, attacker) <= before, "V2"
        else:
            # Worth nothing: nothing was gained by not being able to redeem it.
            assert btc.prep.balanceOf(attacker) <= before, "V2"
