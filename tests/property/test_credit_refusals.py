"""Who may do what with credit accounts, what is refused, and what can be configured.

Messages of failed assertions begin with the invariant's id (docs/invariants.md).
"""

from dataclasses import replace
from fractions import Fraction

import pytest

from prep.model import UNLIMITED, WAD, MarketConfig, Rejected
from prep.model.credit_config import AssetConfig, MarketLtv
from prep.model.credit_results import ALL, Action, ActionKind
from prep.model.interest import BorrowerKind
from prep.model.lending import LendingPool
from tests.property.bench import (
    BTC,
    ETH,
    FREE,
    HELD,
    PREP,
    SHARES,
    UNIT,
    USDC,
    WETH,
    bench,
    do,
    long_on,
    pool,
    set_market,
)
from tests.property.world import outcome

A = ActionKind


def test_execute__delegate__only_his_actions_until_his_time() -> None:
    credit = bench()
    account = credit.open("owner")
    do(credit, account, A.DEPOSIT, WETH, UNIT)
    deposit, withdraw = Action(A.DEPOSIT, WETH, 1), Action(A.WITHDRAW, WETH, 1)
    until = credit.system.now + 10
    credit.set_delegate("owner", account, "bot", 1 << A.DEPOSIT, until)
    credit.execute("bot", account, [deposit])
    not_allowed = Rejected("ActionFailed", 1, Rejected("NotAllowed", "bot", account, A.WITHDRAW))
    assert outcome(credit.execute, "bot", account, [deposit, withdraw]) == not_allowed
    credit.system.now = until
    not_allowed = Rejected("ActionFailed", 0, Rejected("NotAllowed", "bot", account, A.DEPOSIT))
    assert outcome(credit.execute, "bot", account, [deposit]) == not_allowed
    credit.set_delegate("owner", account, "bot", 1 << A.DEPOSIT, until + 1)
    credit.transfer("owner", account, "heir")
    assert outcome(credit.execute, "bot", account, [deposit]) == not_allowed
    credit.execute("heir", account, [deposit, withdraw])
    refused = outcome(credit.set_delegate, "owner", account, "bot", 1, until)
    assert refused == Rejected("NotOwner", "owner", account)
    refused = outcome(credit.transfer, "owner", account, "owner")
    assert refused == Rejected("ERC721InsufficientApproval", "owner", account)
    nobodys = Rejected("ActionFailed", 0, Rejected("NotAllowed", "x", 2, A.DEPOSIT))
    assert outcome(credit.execute, "x", 2, [deposit]) == nobodys
    assert outcome(credit.transfer, "x", 2, "x") == Rejected("ERC721NonexistentToken", 2)


def test_deposit__ninth_asset__is_refused_but_prep_is_not() -> None:
    credit = bench()
    account = credit.open("owner")
    for n in range(8):
        asset_id = credit.add_asset(AssetConfig(token=f"token {n}"))
        credit.set_asset_price(asset_id, WAD)
        do(credit, account, A.DEPOSIT, asset_id, 1)
    refused = outcome(do, credit, account, A.DEPOSIT, WETH, 1)
    assert refused == Rejected("ActionFailed", 0, Rejected("TooMany", 8))
    do(credit, account, A.DEPOSIT, asset_id, 1)
    do(credit, account, A.DEPOSIT, PREP, 1)


def test_trade__ninth_market__is_refused() -> None:
    credit = bench()
    account = long_on(credit, 1_000, Fraction(1, 10))
    for market_id in range(2, 9):
        credit.system.add_market(MarketConfig())
        credit.system.set_price(market_id, WAD)
        do(credit, account, A.TRADE, market_id, 1)
    refused = outcome(do, credit, account, A.TRADE, BTC, 1)
    assert refused == Rejected("ActionFailed", 0, Rejected("TooMany", 8))
    do(credit, account, A.TRADE, 8, 1)


def test_deposit__above_the_cap__is_refused() -> None:
    credit = bench()
    account = credit.open("owner")
    config = AssetConfig(token="HELD", liquidation_threshold=5_000, deposit_cap=10)
    credit.set_asset(HELD, config)
    do(credit, account, A.DEPOSIT, HELD, 10)
    refused = outcome(do, credit, account, A.DEPOSIT, HELD, 1)
    assert refused == Rejected("ActionFailed", 0, Rejected("DepositCapExceeded", HELD, 11, 10))
    credit.disable_asset(HELD)
    refused = outcome(do, credit, account, A.DEPOSIT, HELD, 1)
    assert refused == Rejected("ActionFailed", 0, Rejected("DepositCapExceeded", HELD, 11, 0))
    do(credit, account, A.WITHDRAW, HELD, ALL)


def test_shares__in_requests_of_one_account__are_not_paid_from_anothers() -> None:
    credit = bench()
    first, second = credit.open("owner"), credit.open("owner")
    shares = 100 * UNIT * 10**6
    for account in (first, second):
        do(credit, account, A.DEPOSIT, PREP, 100 * UNIT)
        do(credit, account, A.ADD_LIQUIDITY, 0, ALL)
    credit.system.set_cooldown_period(1_000)
    do(credit, first, A.REQUEST_REDEEM, 0, ALL)
    unit = 10**6  # shares worth a base unit of PREP
    locked = Rejected("InsufficientBalance", SHARES, shares - unit, shares)
    refusals = {
        (A.WITHDRAW, SHARES): locked,
        (A.REQUEST_REDEEM, 0): Rejected("InsufficientBalance", SHARES, 0, unit),
        (A.REMOVE_LIQUIDITY, 0): Rejected("ERC4626ExceededMaxRedeem", "manager", unit, 0),
    }
    for (kind, asset_id), error in refusals.items():
        refused = outcome(do, credit, first, kind, asset_id, unit)
        assert refused == Rejected("ActionFailed", 0, error)
    refused = outcome(do, credit, first, A.REQUEST_REDEEM, 0, ALL)
    assert refused == Rejected("ActionFailed", 0, Rejected("ZeroAmount"))
    credit.system.set_cooldown_period(0)
    refused = outcome(do, credit, first, A.REMOVE_LIQUIDITY, 0, unit)
    assert refused == Rejected("ActionFailed", 0, locked), "not matured"
    credit.system.now += 1_000
    do(credit, first, A.REMOVE_LIQUIDITY, 0, shares // 2)
    credit.system.now += 8 * 86_400  # the rest lapses
    do(credit, first, A.WITHDRAW, SHARES, ALL)
    do(credit, second, A.WITHDRAW, SHARES, ALL)
    assert credit.system.vault.balance_of("owner") == shares * 3 // 2
    assert credit.system.vault.balance_of("manager") == 0


def test_price_of_shares__is_what_the_lp_vault_converts() -> None:
    credit = bench()
    assert credit.price(SHARES) == WAD // 10**6
    long_on(credit, 1_000)
    set_market(credit, ETH, 3_500)
    worth = (10**36 * (999_500 * UNIT + 1)) // (1_000_000 * UNIT * 10**6 + 10**6)
    assert credit.price(SHARES) == worth * WAD // 10**36
    credit.system.set_price(ETH, Rejected("StalePrice"))
    assert outcome(credit.price, SHARES) == Rejected("StalePrice")


BOUNDS = [
    (PREP, AssetConfig(token="PREP", max_ltv=9_999, liquidation_threshold=10_000), "maxLtv"),
    (PREP, AssetConfig(token="PREP", max_ltv=10_000), "liquidationThreshold"),
    (HELD, AssetConfig(token="HELD", liquidation_threshold=9_001), "liquidationThreshold"),
    (HELD, AssetConfig(token="HELD", max_ltv=2, liquidation_threshold=1), "maxLtv"),
]


@pytest.mark.parametrize("asset_id, config, parameter", BOUNDS)
def test_set_asset__weights_out_of_bounds__are_refused(
    asset_id: int, config: AssetConfig, parameter: str
) -> None:
    refused = outcome(bench().set_asset, asset_id, config)
    assert (refused.name, refused.args[0]) == ("ParameterOutOfBounds", parameter)


def test_set_asset__borrowable_or_in_use__is_bound() -> None:
    credit = bench()
    lender = credit.asset(WETH).config.pool
    low = AssetConfig(token="WETH", pool=lender, max_ltv=999, liquidation_threshold=8_000)
    refused = outcome(credit.set_asset, WETH, low)
    assert refused == Rejected("ParameterOutOfBounds", "maxLtv", 999, 1_000, 8_000)
    account = credit.open("owner")
    do(credit, account, A.DEPOSIT, PREP, 3_000 * UNIT)
    do(credit, account, A.BORROW, WETH, 1)
    for config in (AssetConfig(token="WETH"), AssetConfig(token="other", pool=lender)):
        assert outcome(credit.set_asset, WETH, config) == Rejected("AssetRefused", config.token)
    do(credit, account, A.REPAY, WETH, ALL)
    credit.set_asset(WETH, AssetConfig(token="WETH"))
    refused = outcome(credit.add_asset, AssetConfig(token="WETH"))
    assert refused == Rejected("AssetRefused", "WETH")
    for n in range(32 - 5):
        credit.add_asset(AssetConfig(token=n))
    assert outcome(credit.add_asset, AssetConfig(token="x")) == Rejected("AssetRefused", "x")


def test_set_asset__pool_of_shares__is_refused() -> None:
    """What is in cooldown would pay for debt, with the shares of others."""
    credit = bench()
    shares = credit.asset(SHARES).config
    lent = replace(shares, pool=pool(credit.system, FREE, 0))
    refused = outcome(credit.set_asset, SHARES, lent)
    assert refused == Rejected("AssetRefused", shares.token)


def test_borrow__manager_is_a_quoted_borrower__is_refused() -> None:
    """Such a pool counts no shares of debt: nobody would owe what it lends."""
    credit = bench()
    quoted = LendingPool(credit.system.now, FREE)
    quoted.register_borrower("manager", BorrowerKind.QUOTED, UNLIMITED)
    quoted.deposit("lender", UNIT)
    credit.set_asset(USDC, replace(credit.asset(USDC).config, pool=quoted))
    account = credit.open("owner")
    do(credit, account, A.DEPOSIT, PREP, UNIT)
    refused = outcome(do, credit, account, A.BORROW, USDC, 1)
    assert refused == Rejected("ActionFailed", 0, Rejected("NotBorrowable", USDC))
    assert (quoted.idle, credit.contents(account)) == (UNIT, ([(PREP, UNIT, 0, 0)], []))


def test_set_market_ltv__out_of_bounds__is_refused() -> None:
    credit = bench()
    too_high = outcome(credit.set_market_ltv, BTC, MarketLtv(0, 9_901))
    assert too_high == Rejected("ParameterOutOfBounds", "liquidationThreshold", 9_901, 0, 9_900)
    crossed = outcome(credit.set_market_ltv, BTC, MarketLtv(2, 1))
    assert crossed == Rejected("ParameterOutOfBounds", "maxLtv", 2, 0, 1)
    unknown = outcome(credit.set_market_ltv, 2, MarketLtv())
    assert unknown == Rejected("ParameterOutOfBounds", "marketId", 3, 1, 2)


REFUSED_ACTIONS = [
    (Action(A.DEPOSIT, 9, 0), Rejected("ZeroAmount")),
    (Action(A.DEPOSIT, 9, 1), Rejected("UnknownAsset", 9)),
    (Action(A.DEPOSIT, SHARES, 1), Rejected("ERC20InsufficientBalance", "owner", 0, 1)),
    (Action(A.WITHDRAW, WETH, -1), Rejected("ZeroAmount")),
    (Action(A.WITHDRAW, WETH, ALL), Rejected("ZeroAmount")),
    (Action(A.WITHDRAW, WETH, 1), Rejected("InsufficientBalance", WETH, 0, 1)),
    (Action(A.BORROW, 9, 1), Rejected("UnknownAsset", 9)),
    (Action(A.BORROW, HELD, 1), Rejected("NotBorrowable", HELD)),
    (
        Action(A.BORROW, USDC, 10**11 + 1),
        Rejected("InsufficientLiquidity", 10**11, 10**11 + 1),
    ),
    (Action(A.REPAY, HELD, 1), Rejected("ZeroAmount")),
    (Action(A.REPAY, USDC, ALL), Rejected("ZeroAmount")),
    (Action(A.REPAY, USDC, 1), Rejected("ZeroAmount")),
    (Action(A.TRADE, 9, 0), Rejected("ZeroAmount")),
    (Action(A.TRADE, 9, 1), Rejected("UnknownMarket", 9)),
    (Action(A.TRADE, BTC, 10**30 + 1), Rejected("AmountOutOfBounds", 10**30 + 1, 10**30)),
    (Action(A.REDUCE, BTC, ALL), Rejected("ZeroAmount")),
    (Action(A.REDUCE, BTC, 5), Rejected("NotReducible", 0, 5)),
    (Action(A.ADD_LIQUIDITY, 0, 1_001), Rejected("InsufficientBalance", PREP, 1_000, 1_001)),
    (Action(A.ADD_LIQUIDITY, 0, ALL, 10**9 + 1), Rejected("TooLittleReceived", 10**9, 10**9 + 1)),
    (Action(A.REMOVE_LIQUIDITY, 0, 1), Rejected("InsufficientBalance", SHARES, 0, 1)),
    (Action(A.REQUEST_REDEEM, 0, 1), Rejected("InsufficientBalance", SHARES, 0, 1)),
    (Action(A.CANCEL_REQUEST, 0, ALL), Rejected("ZeroAmount")),
    (Action(A.CANCEL_REQUEST, 0, 1), Rejected("RequestsExceeded", 1, 0)),
    (Action(A.CANCEL_ORDER, 1), Rejected("UnknownOrder", 1)),
]


@pytest.mark.parametrize("action, error", REFUSED_ACTIONS)
def test_execute__refused_action__names_the_error(action: Action, error: Rejected) -> None:
    credit = bench()
    account = credit.open("owner")
    do(credit, account, A.DEPOSIT, PREP, 1_000)
    refused = outcome(credit.execute, "owner", account, [action])
    assert refused == Rejected("ActionFailed", 0, error)


def test_trade__two_step_market__needs_an_order() -> None:
    credit = bench(MarketConfig(min_execution_delay=1))
    account = credit.open("owner")
    for kind in (A.TRADE, A.REDUCE):
        refused = outcome(do, credit, account, kind, ETH, 1)
        assert refused == Rejected("ActionFailed", 0, Rejected("TwoStepMarket", ETH))
