"""The vault as an ERC-4626: its metadata, previews that equal actions, conversions, and access."""

import pytest

from tests.expected import assets, shares
from tests.suite import UNLIMITED, WAD
from tests.unit.books import logs
from tests.unit.vault.pricing import one_of_each_side, trade, winning_or_losing

ASSETS = 777 * WAD + 12_345
SHARES = 777 * WAD * 10**6 + 12_345


def test_vault__deployed__metadata(suite):
    vault = suite.vault
    assert (vault.name(), vault.symbol(), vault.decimals()) == ("Prep Vault", "vPREP", 24)
    assert vault.asset() == suite.prep.address
    assert vault.protocol() == suite.protocol.address
    assert vault.reservesByLargerSide() is False
    assert vault.depositCap() == 10**37
    assert (vault.targetCollateralizationRatio(), vault.withdrawalsStopped()) == (0, False)
    assert suite.prep.allowance(vault, suite.protocol) == UNLIMITED, "the protocol pays out of it"


@winning_or_losing
@pytest.mark.parametrize("function", ["deposit", "mint", "withdraw", "redeem"])
def test_preview__open_position__equals_the_action(
    btc, lp, other_trader, trader, clock, function, change
):
    v = trade(btc, trader, clock, change > 0, change)
    amount = ASSETS if function in ("deposit", "withdraw") else SHARES
    expected = {
        "deposit": shares(amount, v.upper, v.supply),
        "mint": assets(amount, v.upper, v.supply, up=True),
        "withdraw": shares(amount, v.lower, v.supply, up=True),
        "redeem": assets(amount, v.lower, v.supply),
    }[function]
    assert getattr(btc.vault, "preview" + function.capitalize())(amount) == expected
    if function in ("deposit", "mint"):
        tx = getattr(btc.vault, function)(amount, other_trader, sender=other_trader)
    else:
        tx = getattr(btc.vault, function)(amount, lp, lp, sender=lp)
    values = logs(tx, btc.vault)[-1][1]
    other = "shares" if amount == ASSETS else "assets"
    assert values[other] == expected


@one_of_each_side
def test_convert__open_position__lower_value_rounded_down(btc, trader, clock, change, is_long):
    v = trade(btc, trader, clock, is_long, change)
    assert v.lower < v.upper
    assert btc.vault.convertToShares(ASSETS) == shares(ASSETS, v.lower, v.supply)
    assert btc.vault.convertToAssets(SHARES) == assets(SHARES, v.lower, v.supply)
    if is_long:
        assert ASSETS * (v.supply + 10**6) % (v.lower + 1), "the rounding shows"
        assert SHARES * (v.lower + 1) % (v.supply + 10**6), "the rounding shows"


def test_preview__above_every_limit__does_not_revert(btc, trader, clock):
    """Previews know no limits, as the standard asks."""
    v = trade(btc, trader, clock, True, 321)
    much = 10**40
    assert btc.vault.previewDeposit(much) == shares(much, v.upper, v.supply)
    assert btc.vault.previewMint(much) == assets(much, v.upper, v.supply, up=True)
    assert btc.vault.previewWithdraw(much) == shares(much, v.lower, v.supply, up=True)
    assert btc.vault.previewRedeem(much) == assets(much, v.lower, v.supply)


def test_preview__zero__zero(btc):
    vault = btc.vault
    for view in (
        vault.previewDeposit,
        vault.previewMint,
        vault.previewWithdraw,
        vault.previewRedeem,
        vault.convertToShares,
        vault.convertToAssets,
    ):
        assert view(0) == 0


def test_preview__empty_vault__a_million_shares_per_unit(suite):
    assert suite.vault.previewDeposit(7) == suite.vault.convertToShares(7) == 7 * 10**6
    assert suite.vault.previewMint(7 * 10**6 + 1) == 8
    assert suite.vault.convertToAssets(8 * 10**6 - 1) == 7


@pytest.mark.parametrize("amount", [1, -1])
def test_count_deposit__anyone_but_the_vault__reverts(
    btc, admin, risk_manager, guardian, lp, stranger, reverts, amount
):
    before = btc.protocol.liquidity(), btc.protocol.netDeposits()
    for caller in (admin, risk_manager, guardian, lp, stranger):
        with reverts(btc.protocol.NotVault, caller=caller.address):
            btc.protocol.countDeposit(amount, sender=caller)
    assert (btc.protocol.liquidity(), btc.protocol.netDeposits()) == before


def test_transfer__shares__assets_stay(btc, lp, stranger):
    held = btc.vault.balanceOf(lp)
    tx = btc.vault.transfer(stranger, SHARES, sender=lp)
    assert btc.vault.balanceOf(stranger) == SHARES
    assert btc.vault.balanceOf(lp) == held - SHARES
    values = {"from": lp.address, "to": stranger.address, "value": SHARES}
    assert logs(tx, btc.vault) == [("Transfer", values)]
    assert logs(tx, btc.prep) == []
    btc.vault.redeem(SHARES, sender=stranger)
    assert btc.prep.balanceOf(stranger) == SHARES // 10**6
