"""Attack: sending tokens or shares where they were not expected, to move a price, to open a limit
or to break a count."""

import pytest

from tests.attacks.assets import dollars, leave, wealth

GIFT = dollars(123_456) + 789

pytestmark = pytest.mark.usefixtures("one_block")


def observe(suite, *accounts):
    """Every number that depends on what the vault has."""
    vault, protocol = suite.vault, suite.protocol
    return (
        protocol.liquidity(),
        protocol.netDeposits(),
        protocol.exposure(False),
        protocol.exposure(True),
        protocol.liquidityReservesToHold(),
        vault.totalAssets(),
        vault.upperValue(),
        vault.totalSupply(),
        vault.convertToAssets(10**24),
        vault.convertToShares(10**18),
        [vault.previewDeposit(10**18), vault.previewMint(10**24)],
        [vault.previewWithdraw(10**18), vault.previewRedeem(10**24)],
        [(vault.maxWithdraw(a), vault.maxRedeem(a), vault.maxDeposit(a)) for a in accounts],
        [suite.lens.position(a) for a in accounts],
    )


@pytest.fixture
def busy(btc, victim, accomplice):
    """Positions on both sides, one in profit."""
    btc.open(victim, dollars(20_000), dollars(200_000), True)
    btc.open(accomplice, dollars(20_000), dollars(50_000), False)
    btc.set_price(10_100)
    return btc


@pytest.mark.parametrize("receiver", ["vault", "protocol"])
def test_transfer__gift_of_tokens__counted_nowhere(busy, receiver, attacker, lp, victim):
    busy.give(attacker, GIFT)
    before = observe(busy, lp, victim)
    custody = busy.prep.balanceOf(busy.vault)
    busy.prep.transfer(getattr(busy, receiver), GIFT, sender=attacker)
    assert observe(busy, lp, victim) == before, "V1: a gift moves the value of shares"
    gift_to_vault = GIFT if receiver == "vault" else 0
    assert busy.prep.balanceOf(busy.vault) == custody + gift_to_vault, "M1"


def test_transfer__gift_to_vault__nobody_can_take_it(
    busy, attacker, accomplice, victim, lp, treasury
):
    busy.give(attacker, GIFT)
    busy.provide(attacker, dollars(1_000))
    busy.prep.transfer(busy.vault, GIFT, sender=attacker)
    leave(busy, victim, accomplice, attacker, lp)
    for account in (victim, accomplice):
        collateral = busy.position(account).collateral
        busy.protocol.withdrawCollateral(collateral, sender=account)
    assert wealth(busy, attacker) <= dollars(1_000), "M6: a gift came back"
    # What rounding has left to those who stay is the only other thing there.
    assert busy.prep.balanceOf(busy.vault) == GIFT + busy.protocol.liquidity(), "M1"
    assert busy.vault.totalSupply() == 0


def test_close_position__gift_instead_of_liquidity__still_cannot_pay(
    create_suite, attacker, victim, lp, reverts
):
    """Only counted money pays profits: a gift can neither be relied on nor be won."""
    suite = create_suite()
    suite.provide(lp, dollars(1_000))
    suite.open(victim, dollars(1_000), dollars(5_000), True)
    suite.set_price(13_000)
    suite.give(attacker, GIFT)
    suite.prep.transfer(suite.vault, GIFT, sender=attacker)
    profit = suite.lens.position(victim).unrealised
    amount = profit.pricePnl + profit.borrowingFee
    with reverts(suite.protocol.VaultCannotPay, amount=amount, liquidity=dollars(1_000)):
        suite.protocol.closePosition(sender=victim)


@pytest.mark.parametrize("receiver", ["vault", "protocol"])
def test_transfer__gift_of_shares__nobody_elses_share_changes(busy, receiver, attacker, lp, victim):
    busy.provide(attacker, dollars(5_000))
    before = observe(busy, lp, victim)
    shares = busy.vault.balanceOf(attacker)
    busy.vault.transfer(getattr(busy, receiver), shares, sender=attacker)
    assert observe(busy, lp, victim) == before, "V1: a gift of shares moves their value"
    assert busy.vault.maxRedeem(attacker) == 0
