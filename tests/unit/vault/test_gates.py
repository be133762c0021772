"""What the vault's roles can bound: what leaves it, what comes in, and whether anything leaves."""

import pytest

from tests.suite import WAD
from tests.unit.books import both_sides, logs, sign
from tests.unit.vault.pricing import COLLATERAL, MAX_LIQUIDITY, NOTIONAL, trade, value
from tests.unit.vault.test_max import all_max, check_exact, entering, leaving, limit

MAX_TARGET = 10 * WAD
NAMES = {
    "setTargetCollateralizationRatio": "targetCollateralizationRatio",
    "setDepositCap": "depositCap",
}


def parameter(name: str) -> bytes:
    return name.encode()[:32].ljust(32, b"\0")


@pytest.mark.parametrize(
    "setter, event, most",
    [
        ("setTargetCollateralizationRatio", "TargetCollateralizationRatioSet", MAX_TARGET),
        ("setDepositCap", "DepositCapSet", MAX_LIQUIDITY),
    ],
)
def test_set__at_the_bound__stored_logged_and_one_unit_more_not(
    btc, risk_manager, reverts, setter, event, most
):
    vault = btc.vault
    for amount in (0, 1, most):
        tx = getattr(vault, setter)(amount, sender=risk_manager)
        ((name, values),) = logs(tx, vault)
        assert (name, list(values.values())) == (event, [amount])
        assert getattr(vault, NAMES[setter])() == amount
    values = {"parameter": parameter(NAMES[setter]), "value": most + 1, "min": 0, "max": most}
    with reverts(vault.ParameterOutOfBounds, **values):
        getattr(vault, setter)(most + 1, sender=risk_manager)
    assert getattr(vault, NAMES[setter])() == most


@both_sides
@leaving
def test_target__traders_are_winning__ratio_is_kept_to_the_unit(
    btc, lp, trader, risk_manager, clock, reverts, function, is_long
):
    # Traders have nearly 5,000 coming, the reserve is some 11,500.
    target = MAX_TARGET - 1
    btc.vault.setTargetCollateralizationRatio(target, sender=risk_manager)
    v = trade(btc, trader, clock, is_long, 1_154)
    assert v.reserves < v.debt * 9, "the target binds"
    check_exact(btc, reverts, function, lp, limit(v, function, v.supply))
    left = btc.protocol.liquidity()
    assert left * WAD // v.debt >= target > (left - 1) * WAD // v.debt, "V4"


@both_sides
def test_target__ratio_is_below_it_already__nothing_leaves_and_trading_goes_on(
    btc, lp, trader, risk_manager, clock, is_long
):
    v = trade(btc, trader, clock, is_long, 1_154)
    others = v.liquidity - 9 * v.debt
    btc.vault.withdraw(others, sender=lp)
    btc.vault.setTargetCollateralizationRatio(MAX_TARGET, sender=risk_manager)
    assert btc.vault.maxWithdraw(lp) == btc.vault.maxRedeem(lp) == 0, "V3"
    btc.protocol.increasePosition(WAD, sender=trader)
    btc.protocol.closePosition(sender=trader)
    assert btc.vault.maxWithdraw(lp) == value(btc, clock.now).lower > 0


@both_sides
def test_target__traders_are_losing__nothing_owed_and_reserves_alone_count(
    btc, lp, trader, risk_manager, clock, is_long
):
    btc.vault.setTargetCollateralizationRatio(MAX_TARGET, sender=risk_manager)
    v = trade(btc, trader, clock, is_long, -10)
    assert v.debt == 0
    assert btc.vault.maxWithdraw(lp) == v.liquidity - v.reserves


@entering
def test_cap__room_is_left__exact(btc, other_trader, risk_manager, reverts, function):
    before = btc.protocol.liquidity()
    btc.vault.setDepositCap(before + 777 * WAD, sender=risk_manager)
    v = value(btc, 0)
    expected = v.max_deposit if function == "deposit" else v.max_mint
    check_exact(btc, reverts, function, other_trader, expected)
    assert btc.protocol.liquidity() == before + 777 * WAD, "V6"


def test_cap__below_liquidity__nobody_comes_in_and_everybody_may_leave(
    btc, lp, other_trader, risk_manager, reverts
):
    btc.vault.setDepositCap(btc.protocol.liquidity() - 1, sender=risk_manager)
    assert all_max(btc.vault, other_trader)[:2] == (0, 0), "V3"
    values = {"receiver": other_trader.address, "assets": 1, "max": 0}
    with reverts(btc.vault.ERC4626ExceededMaxDeposit, **values):
        btc.vault.deposit(1, sender=other_trader)
    btc.vault.redeem(btc.vault.balanceOf(lp), sender=lp)
    assert btc.protocol.liquidity() == 0


@both_sides
def test_stop__by_the_guardian__withdrawals_only_until_the_admin_resumes(
    btc, lp, trader, other_trader, guardian, admin, clock, reverts, is_long
):
    vault = btc.vault
    tx = vault.stopWithdrawals(sender=guardian)
    assert logs(tx, vault) == [("WithdrawalsSwitched", {"stopped": True})]
    assert vault.withdrawalsStopped()
    assert all_max(vault, lp)[2:] == (0, 0), "V3"
    for act in (
        lambda: vault.withdraw(1, sender=lp),
        lambda: vault.redeem(10**6, sender=lp),
        lambda: vault.withdraw(1, lp, lp, sender=lp),
        lambda: vault.redeem(10**6, lp, lp, 0, sender=lp),
    ):
        with reverts(vault.WithdrawalsStopped):
            act()
    assert vault.totalSupply() == vault.balanceOf(lp), "V6: no share is redeemed"

    # V6, P6: traders come and go, with their profits, and others may deposit.
    btc.open(trader, COLLATERAL, NOTIONAL, is_long)
    btc.set_price(10_000 + sign(is_long) * 100)
    btc.protocol.closePosition(sender=trader)
    btc.protocol.withdrawCollateral(btc.position(trader).collateral, sender=trader)
    vault.deposit(WAD, sender=other_trader)

    tx = vault.resumeWithdrawals(sender=admin)
    assert logs(tx, vault) == [("WithdrawalsSwitched", {"stopped": False})]
    vault.redeem(vault.balanceOf(lp), sender=lp)
