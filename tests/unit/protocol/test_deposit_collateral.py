"""Protocol.depositCollateral."""

import pytest

from tests.suite import WAD
from tests.unit.books import audit, books, both_sides, held, logs, open_position

AMOUNT = 1_234 * WAD + 5
MAX_COLLATERAL = 2**128 - 1


def test_deposit_collateral__first__credited_and_moved_to_vault(btc, trader):
    before, funds = books(btc), btc.prep.balanceOf(trader)
    tx = btc.protocol.depositCollateral(AMOUNT, sender=trader)
    assert btc.position(trader).collateral == AMOUNT
    assert btc.prep.balanceOf(trader) == funds - AMOUNT
    assert audit(btc, trader) == before._replace(custody=before.custody + AMOUNT)
    values = {"trader": trader.address, "amount": AMOUNT, "collateral": AMOUNT}
    assert logs(tx, btc.protocol) == [("CollateralChanged", values)]
    moved = {"from": trader.address, "to": btc.vault.address, "value": AMOUNT}
    assert logs(tx, btc.prep) == [("Transfer", moved)]


def test_deposit_collateral__again__added(btc, trader, other_trader):
    btc.protocol.depositCollateral(AMOUNT, sender=trader)
    tx = btc.protocol.depositCollateral(1, sender=trader)
    values = {"trader": trader.address, "amount": 1, "collateral": AMOUNT + 1}
    assert logs(tx, btc.protocol) == [("CollateralChanged", values)]
    assert btc.position(trader).collateral == AMOUNT + 1
    assert btc.position(other_trader).collateral == 0


@both_sides
def test_deposit_collateral__with_position__position_and_market_untouched(
    btc, trader, clock, is_long
):
    open_position(btc, trader, 1_000 * WAD, 5_000 * WAD, is_long)
    position, market = held(btc, trader), btc.lens.marketState(0)
    clock.advance(3_600)
    btc.protocol.depositCollateral(AMOUNT, sender=trader)
    assert btc.position(trader).collateral == 1_000 * WAD + AMOUNT
    assert held(btc, trader) == position
    assert btc.lens.marketState(0) == market
    audit(btc, trader)


def test_deposit_collateral__nothing__reverts(btc, trader, reverts):
    with reverts(btc.protocol.ZeroAmount):
        btc.protocol.depositCollateral(0, sender=trader)


def test_deposit_collateral__one_more_than_allowance__reverts(btc, trader, reverts):
    btc.prep.approve(btc.protocol, AMOUNT - 1, sender=trader)
    values = {"spender": btc.protocol, "allowance": AMOUNT - 1, "needed": AMOUNT}
    with reverts(btc.prep.ERC20InsufficientAllowance, **values):
        btc.protocol.depositCollateral(AMOUNT, sender=trader)


def test_deposit_collateral__one_more_than_balance__reverts(btc, trader, reverts):
    funds = btc.prep.balanceOf(trader)
    values = {"sender": trader, "balance": funds, "needed": funds + 1}
    with reverts(btc.prep.ERC20InsufficientBalance, **values):
        btc.protocol.depositCollateral(funds + 1, sender=trader)


def test_deposit_collateral__up_to_the_largest__accepted(btc, stranger, reverts):
    btc.give(stranger, MAX_COLLATERAL + 1)
    btc.protocol.depositCollateral(MAX_COLLATERAL - 1, sender=stranger)
    with reverts(btc.protocol.AmountOutOfBounds, amount=2**128, max=MAX_COLLATERAL):
        btc.protocol.depositCollateral(2, sender=stranger)
    btc.protocol.depositCollateral(1, sender=stranger)
    assert btc.position(stranger).collateral == MAX_COLLATERAL


@pytest.mark.parametrize("amount", [2**128, 2**255])
def test_deposit_collateral__does_not_fit__reverts(btc, stranger, reverts, amount):
    with reverts(btc.protocol.AmountOutOfBounds, amount=amount, max=MAX_COLLATERAL):
        btc.protocol.depositCollateral(amount, sender=stranger)
