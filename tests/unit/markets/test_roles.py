"""Who may configure, and what the guardian can and cannot stop."""

import pytest

from tests.suite import BTC, WAD, market_config
from tests.unit.books import audit, both_sides, logs, open_position, sign

COLLATERAL = 1_000 * WAD
NOTIONAL = 12_000 * WAD


@pytest.fixture
def restricted(btc, risk_manager, guardian, admin, treasury):
    """Each restricted function, and who may call it."""
    protocol, vault, config = btc.protocol, btc.vault, market_config(btc.oracle, BTC)
    return [
        (lambda caller: protocol.addMarket(config, sender=caller), risk_manager),
        (lambda caller: protocol.setMarket(0, config, sender=caller), risk_manager),
        (lambda caller: protocol.setProtocolFeeRate(1, sender=caller), risk_manager),
        (lambda caller: protocol.disableMarket(0, sender=caller), guardian),
        (lambda caller: protocol.setTreasury(treasury, sender=caller), admin),
        (lambda caller: vault.setTargetCollateralizationRatio(1, sender=caller), risk_manager),
        (lambda caller: vault.setDepositCap(1, sender=caller), risk_manager),
        (lambda caller: vault.stopWithdrawals(sender=caller), guardian),
        (lambda caller: vault.resumeWithdrawals(sender=caller), admin),
    ]


def test_roles__anyone_else__refused(
    btc, restricted, admin, risk_manager, guardian, stranger, trader, reverts
):
    for act, allowed in restricted:
        for caller in (stranger, trader, admin, risk_manager, guardian):
            if caller != allowed:
                with reverts(btc.protocol.AccessManagedUnauthorized, caller=caller):
                    act(caller)


def test_roles__those_allowed__accepted(restricted):
    for act, allowed in restricted:
        assert not act(allowed).failed


def test_roles__revoked__refused(btc, admin, guardian, reverts):
    btc.authority.revokeRole(btc.authority.GUARDIAN(), guardian, sender=admin)
    with reverts(btc.protocol.AccessManagedUnauthorized, caller=guardian):
        btc.protocol.disableMarket(0, sender=guardian)


def test_set_authority__by_anyone__refused(btc, admin, stranger, reverts):
    for caller in (admin, stranger):
        with reverts(btc.protocol.AccessManagedUnauthorized, caller=caller):
            btc.protocol.setAuthority(caller, sender=caller)


def test_disable_market__by_guardian__close_only_and_nothing_else_changed(btc, guardian):
    tx = btc.protocol.disableMarket(0, sender=guardian)
    assert logs(tx, btc.protocol) == [("MarketDisabled", {"marketId": 0})]
    closed = market_config(btc.oracle, BTC | {"enabled": False})
    assert tuple(btc.lens.marketConfig(0)) == closed
    btc.protocol.disableMarket(0, sender=guardian)
    assert tuple(btc.lens.marketConfig(0)) == closed


def test_disable_market__unknown__reverts(btc, guardian, reverts):
    with reverts(btc.protocol.UnknownMarket, marketId=1):
        btc.protocol.disableMarket(1, sender=guardian)


def test_disable_market__another__the_first_stays_open(btc, guardian, risk_manager, trader):
    btc.protocol.addMarket(market_config(btc.oracle, BTC), sender=risk_manager)
    btc.protocol.disableMarket(1, sender=guardian)
    assert open_position(btc, trader, COLLATERAL, NOTIONAL, True).size > 0


@both_sides
def test_disabled_market__no_new_risk__and_enabled_again_by_risk_manager(
    btc, guardian, trader, other_trader, reverts, is_long
):
    open_position(btc, trader, COLLATERAL, NOTIONAL, is_long)
    btc.protocol.depositCollateral(COLLATERAL, sender=other_trader)
    btc.protocol.disableMarket(0, sender=guardian)
    with reverts(btc.protocol.MarketClosed, marketId=0):
        btc.protocol.openPositionWithSize(NOTIONAL, is_long, sender=other_trader)
    with reverts(btc.protocol.MarketClosed, marketId=0):
        btc.protocol.increasePosition(WAD, sender=trader)
    btc.configure()
    btc.protocol.openPositionWithSize(NOTIONAL, is_long, sender=other_trader)


@both_sides
def test_disabled_market__getting_out__works(
    btc, guardian, trader, other_trader, crowd, liquidator, lp, is_long
):
    """P6: decrease, close, liquidate, move collateral, leave the vault."""
    open_position(btc, trader, COLLATERAL, NOTIONAL, is_long)
    open_position(btc, other_trader, COLLATERAL, NOTIONAL, is_long)
    btc.give(crowd[0], 2_000 * WAD)
    open_position(btc, crowd[0], 2_000 * WAD, NOTIONAL, is_long)
    btc.protocol.disableMarket(0, sender=guardian)

    btc.protocol.withdrawCollateral(WAD, sender=crowd[0])
    btc.protocol.depositCollateral(WAD, sender=crowd[0])
    btc.protocol.decreasePosition(1_000 * WAD, sender=crowd[0])
    btc.set_price(10_000 - sign(is_long) * 533)
    btc.protocol.liquidatePosition(1, sender=liquidator)
    btc.protocol.closePosition(sender=crowd[0])
    btc.protocol.closePosition(sender=other_trader)
    btc.vault.withdraw(WAD, sender=lp)
    assert btc.protocol.positionOwner(1) == trader, "P6"
    assert btc.position(trader).size != 0
    audit(btc, trader, other_trader, crowd[0], liquidator)


def test_add_market__not_enabled__opening_refused(create_suite, trader, reverts):
    closed = create_suite(market=BTC | {"enabled": False})
    closed.give_collateral(trader, COLLATERAL)
    with reverts(closed.protocol.MarketClosed, marketId=0):
        closed.protocol.openPositionWithSize(NOTIONAL, True, sender=trader)
