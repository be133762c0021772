"""The action Deposit."""

import pytest

from prep.credit.actions import Action, ActionKind, deposit
from tests.credit import DECIMALS, PREP, SHARES, USD, WBTC, WETH
from tests.suite import UNLIMITED, ZERO_ADDRESS
from tests.unit.credit.acting import (
    acted,
    config_of,
    holdings,
    low,
    refused,
    set_ltv,
    wallet,
)

every_asset = pytest.mark.parametrize(
    "asset", [PREP, SHARES, WETH, WBTC, USD], ids=["prep-18", "shares-24", "18", "8", "6"]
)


def units(asset):
    """A dollar or less, with all digits."""
    return 123_456_789 * 10 ** DECIMALS[asset] // 10**12 + 7


@every_asset
def test_deposit__any_decimals__balance_tokens_and_event(credit, trader, asset):
    account = credit.open(trader)
    credit.give(trader, asset, 10 ** DECIMALS[asset])
    amount = units(asset)
    held, manager = wallet(credit, asset, trader), wallet(credit, asset, credit.manager)
    logs = acted(credit, trader, account, deposit(asset, amount))
    assert logs == [("BalanceChanged", account, asset, amount, amount)]
    assert wallet(credit, asset, trader) == held - amount
    assert wallet(credit, asset, credit.manager) == manager + amount
    assert holdings(credit, account) == {asset: (amount, 0)}
    logs = acted(credit, trader, account, deposit(asset, 1))
    assert logs == [("BalanceChanged", account, asset, 1, amount + 1)]
    assert holdings(credit, account) == {asset: (amount + 1, 0)}


def test_deposit__two_accounts__each_its_own(credit, trader, other_trader):
    first, second = credit.funded(trader, usd=5), credit.funded(other_trader, usd=8)
    assert holdings(credit, first) == {USD: (5, 0)}
    assert holdings(credit, second) == {USD: (8, 0)}


def test_deposit__nothing__refused(credit, trader):
    account = credit.open(trader)
    for amount in (0, -1, -(2**255)):
        action = Action(ActionKind.DEPOSIT, USD, amount)
        assert refused(credit, trader, account, action) == (0, ("ZeroAmount",))


@pytest.mark.parametrize("asset", [5, 32, UNLIMITED])
def test_deposit__no_such_asset__refused(credit, trader, asset):
    account = credit.open(trader)
    assert refused(credit, trader, account, deposit(asset, 1)) == (0, ("UnknownAsset", asset))


def test_deposit__more_than_the_wallet_has__refused(credit, trader):
    account = credit.open(trader)
    credit.give(trader, USD, 10)
    held = wallet(credit, USD, trader)
    assert refused(credit, trader, account, deposit(USD, held + 1)) == (
        0,
        ("ERC20InsufficientBalance", low(trader), held, held + 1),
    )


def test_deposit__without_allowance__refused(credit, trader):
    account = credit.open(trader)
    credit.must(credit.suite.admin, credit.tokens[USD], "mint(address,uint256)", trader.address, 9)
    approve = "approve(address,uint256)"
    credit.must(trader, credit.tokens[USD], approve, credit.manager.address, 8)
    assert refused(credit, trader, account, deposit(USD, 9)) == (
        0,
        ("ERC20InsufficientAllowance", low(credit.manager), 8, 9),
    )


def test_deposit__to_the_cap__done_and_one_unit_more_refused(credit, trader, other_trader):
    """The cap is on what the manager holds, of all accounts and what was just sent."""
    first = credit.funded(trader, usd=60)
    credit.give(other_trader, USD, 1_000)
    second = credit.open(other_trader)
    transfer = "transfer(address,uint256)"
    credit.must(other_trader, credit.tokens[USD], transfer, credit.manager.address, 5)
    set_ltv(credit, USD, 8_500, 9_000, depositCap=100)
    assert refused(credit, other_trader, second, deposit(USD, 36)) == (
        0,
        ("DepositCapExceeded", USD, 101, 100),
    )
    credit.act(other_trader, second, deposit(USD, 35))
    credit.give(trader, USD, 1)
    assert refused(credit, trader, first, deposit(USD, 1)) == (
        0,
        ("DepositCapExceeded", USD, 101, 100),
    )
    assert credit.balance(second, USD) == 35


def test_deposit__disabled_asset__refused_with_a_cap_of_zero(credit, trader):
    account = credit.funded(trader, usd=60)
    credit.manager.disableAsset(USD, sender=credit.suite.guardian)
    credit.give(trader, USD, 1)
    assert refused(credit, trader, account, deposit(USD, 1)) == (
        0,
        ("DepositCapExceeded", USD, 61, 0),
    )


def test_deposit__balance_beyond_128_bits__refused(credit, trader):
    account = credit.open(trader)
    most = 2**128 - 1
    credit.give(trader, USD, most)
    credit.give(trader, USD, 1)
    credit.act(trader, account, deposit(USD, most))
    assert refused(credit, trader, account, deposit(USD, 1)) == (
        0,
        ("SafeCastOverflowedUintDowncast", 128, most + 1),
    )
    assert credit.balance(account, USD) == most


def test_deposit__token_with_a_fee__refused(credit, trader, project):
    token = trader.deploy(project.MockFeeToken)
    config = config_of(credit, USD, token=token, lendingVault=ZERO_ADDRESS)
    credit.manager.addAsset(config, sender=credit.suite.risk_manager)
    asset = credit.manager.assetCount() - 1
    token.mint(trader, 1_000, sender=trader)
    token.approve(credit.manager, UNLIMITED, sender=trader)
    account = credit.open(trader)
    seen = refused(credit, trader, account, deposit(asset, 1_000))
    assert seen == (0, ("TransferFellShort", 999, 1_000))
