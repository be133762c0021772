"""Liquidations of credit accounts worked out by hand.

Messages of failed assertions begin with the invariant's id (docs/invariants.md).
"""

import pytest

from prep.model import UNLIMITED, WAD, Rejected
from prep.model.credit_config import MarketLtv
from prep.model.credit_results import ALL, Action, ActionKind, CloseSkipped, DebtWrittenOff
from tests.property.bench import (
    BTC,
    COIN,
    ETH,
    PREP,
    SHARES,
    UNIT,
    USDC,
    WETH,
    asset_price,
    bench,
    do,
    long_on,
    set_market,
)
from tests.property.world import outcome

A = ActionKind
MILLI = UNIT // 1_000
DOLLAR = 10**6


def test_liquidate__loss_that_nobody_lends__liquidator_supplies_for_collateral() -> None:
    credit = bench(lent=0)
    account = long_on(credit, 400)
    do(credit, account, A.DEPOSIT, WETH, UNIT)
    do(credit, account, A.TRADE, ETH, 3 * UNIT)
    set_market(credit, ETH, 2_200)
    # 3,000 * 82.5 % + 400 - 4 * 800 = -325 against 440: all of the bonus.
    with pytest.raises(Rejected, match=r"^CollateralInsufficient\(1026666666666666666, 10{18}\)$"):
        credit.liquidate("keeper", account, PREP, WETH, 2_800 * UNIT)
    result = credit.liquidate("keeper", account, WETH, WETH, UNLIMITED)
    assert (result.closed, result.repaid, result.seized) == (0, 0, 0), "supplies need PREP"
    reason = Rejected("CannotBorrow", PREP, 2_800 * UNIT, 0)
    assert CloseSkipped(account, ETH, reason) in credit.events
    set_market(credit, ETH, 2_300)
    result = credit.liquidate("keeper", account, PREP, WETH, 2_400 * UNIT)
    assert (result.closed, result.reward) == (9_200 * UNIT, 0), "nothing to pay him with"
    assert (result.repaid, result.seized) == (2_400 * UNIT, 880 * MILLI), "a tenth more, at 3,000"
    assert credit.contents(account) == ([(WETH, 120 * MILLI, 0, 0)], [])


def test_liquidate__supplies_of_several_positions__count_together() -> None:
    credit = bench(lent=100)
    account = long_on(credit, 400)
    do(credit, account, A.DEPOSIT, WETH, UNIT)
    do(credit, account, A.TRADE, ETH, UNIT)
    do(credit, account, A.TRADE, BTC, COIN[BTC] // 10)
    set_market(credit, BTC, 50_000)  # 1,000 lost: 400 held, 100 borrowed, 500 supplied
    set_market(credit, ETH, 2_000)  # 2,000 lost: a unit more than is left
    result = credit.liquidate("keeper", account, PREP, WETH, 2_500 * UNIT - 1)
    assert (result.closed, result.repaid) == (5_000 * UNIT, 500 * UNIT)
    assert result.seized == 550 * UNIT // 3_000
    reason = Rejected("CannotBorrow", PREP, 2_000 * UNIT, 0)
    assert CloseSkipped(account, ETH, reason) in credit.events


def test_liquidate__supplied_and_repaid__at_most_what_is_allowed_together() -> None:
    credit = bench(lent=1_500)
    account = credit.open("owner")
    do(credit, account, A.DEPOSIT, WETH, UNIT)
    actions = [Action(A.BORROW, PREP, 1_500 * UNIT), Action(A.WITHDRAW, PREP, ALL)]
    credit.execute("owner", account, [*actions, Action(A.TRADE, ETH, UNIT)])
    set_market(credit, ETH, 2_900)
    credit.set_asset_price(WETH, asset_price(1_900, 18))
    # 100 supplied; (1.1 * 1,500 - 1,567.5) / (1.1 - 1.1 * 0.825) = 428.6 would reach the target.
    result = credit.liquidate("keeper", account, PREP, WETH, 300 * UNIT)
    assert (result.repaid, result.bonus) == (300 * UNIT, WAD // 10)
    assert result.seized == 330 * UNIT // 1_900
    assert credit.holding(account, PREP).debt == 1_300 * UNIT


def test_liquidate__shares_in_lapsed_requests__can_be_seized() -> None:
    credit = bench()
    account = credit.open("owner")
    credit.system.set_cooldown_period(1_000)
    actions = [
        Action(A.DEPOSIT, PREP, 3_000 * UNIT),
        Action(A.ADD_LIQUIDITY, 0, ALL),
        Action(A.REQUEST_REDEEM, 0, ALL),
        Action(A.BORROW, USDC, 1_300 * DOLLAR),
        Action(A.WITHDRAW, USDC, ALL),
    ]
    credit.execute("owner", account, actions)
    credit.system.now += 9 * 86_400
    credit.set_asset_price(USDC, asset_price(1, 6) * 13 // 10)
    result = credit.liquidate("keeper", account, USDC, SHARES, UNLIMITED)
    assert credit.system.vault.balance_of("keeper") == result.seized > 0


def test_liquidate__vault_cannot_pay__position_is_skipped() -> None:
    credit = bench()
    account = long_on(credit, 1_000)
    do(credit, account, A.TRADE, BTC, COIN[BTC] // 20)
    credit.system.withdraw("lp", 999_700 * UNIT)
    set_market(credit, BTC, 39_000)  # 1,050 lost
    set_market(credit, ETH, 90_000)  # 87,000 won
    credit.set_market_ltv(ETH, MarketLtv())  # needs all of its 90,000
    result = credit.liquidate("keeper", account, PREP, PREP, 0)
    assert result.closed == 1_950 * UNIT
    reason = Rejected("VaultCannotPay", 87_000 * UNIT, 1_350 * UNIT)
    assert CloseSkipped(account, ETH, reason) in credit.events
    assert credit.contents(account)[1] == [ETH]
    assert result.reward == 4_875 * MILLI, "borrowed: what was skipped has won enough"
    assert credit.holding(account, PREP).debt == 50 * UNIT + result.reward


def test_liquidate__held_and_owed__repays_itself_without_bonus() -> None:
    credit = bench()
    account = credit.open("owner")
    do(credit, account, A.DEPOSIT, WETH, UNIT)
    do(credit, account, A.BORROW, USDC, 2_000 * DOLLAR)
    credit.set_asset_price(WETH, asset_price(300, 18))
    before = credit.health(account, for_liquidation=True)
    assert (before.collateral, before.debt) == (2_047_500 * MILLI, 2_222_222222222222222223)
    result = credit.liquidate("keeper", account, USDC, WETH, UNLIMITED)
    assert (result.repaid, result.seized) == (0, 0)
    assert credit.contents(account) == ([(WETH, UNIT, 0, 0)], [])


def test_liquidate__collateral_ends__all_is_seized_and_the_rest_written_off() -> None:
    credit = bench()
    account = credit.open("owner")
    do(credit, account, A.DEPOSIT, WETH, UNIT)
    actions = [Action(A.BORROW, USDC, 2_000 * DOLLAR), Action(A.WITHDRAW, USDC, ALL)]
    credit.execute("owner", account, actions)
    credit.set_asset_price(WETH, asset_price(1_100, 18))
    result = credit.liquidate("keeper", account, USDC, WETH, UNLIMITED)
    assert result.bonus == WAD // 10
    assert (result.repaid, result.seized) == (1_000 * DOLLAR, UNIT)
    assert result.bad_debt == 1_000 * UNIT
    assert DebtWrittenOff(account, USDC, 1_000 * DOLLAR) in credit.events
    assert credit.contents(account) == ([], [])
    pool = credit.asset(USDC).config.pool
    assert (pool.total_debt(), pool.total_assets()) == ((0, 0), 99_000 * DOLLAR)


def test_liquidate__shares_in_requests__newest_give_way() -> None:
    credit = bench()
    account = credit.open("owner")
    credit.system.set_cooldown_period(1_000)
    actions = [
        Action(A.DEPOSIT, PREP, 3_000 * UNIT),
        Action(A.ADD_LIQUIDITY, 0, ALL),
        Action(A.REQUEST_REDEEM, 0, 1_000 * UNIT * 10**6),
        Action(A.REQUEST_REDEEM, 0, 1_900 * UNIT * 10**6),
        Action(A.BORROW, USDC, 1_300 * DOLLAR),
        Action(A.WITHDRAW, USDC, ALL),
    ]
    credit.execute("owner", account, actions)
    usdc = asset_price(1, 6)
    credit.set_asset_price(USDC, usdc * 13 // 10)  # owes 1,690 / 90 % = 1,877.8; has 1,800
    result = credit.liquidate("keeper", account, USDC, SHARES, UNLIMITED)
    left = 3_000 * UNIT * 10**6 - result.seized
    assert credit.holding(account, SHARES).balance == left
    requests = credit.system.requests("manager", account)
    assert [shares for shares, _, _ in requests] == [
        1_000 * UNIT * 10**6,
        left - 1_000 * UNIT * 10**6,
    ]
    assert credit.system.vault.balance_of("keeper") == result.seized


def test_liquidate__prep_for_prep_at_the_largest_bonus__does_not_divide_by_zero() -> None:
    credit = bench()
    account = long_on(credit, 400)
    set_market(credit, ETH, 2_000)
    result = credit.liquidate("keeper", account, PREP, PREP, UNLIMITED)
    assert result.bonus == WAD // 10
    assert (result.closed, result.reward) == (2_000 * UNIT, 0)
    assert (result.repaid, result.seized, result.bad_debt) == (0, 0, 600 * UNIT)
    assert credit.contents(account) == ([], [])


def test_liquidate__last_unit_of_a_balance_repays_no_share__does_not_fail() -> None:
    credit = bench()
    account = credit.open("owner")
    do(credit, account, A.DEPOSIT, WETH, UNIT)
    pool = credit.asset(USDC).config.pool
    pool.index = 15 * 10**26
    actions = [
        Action(A.BORROW, USDC, 2_000 * DOLLAR),
        Action(A.WITHDRAW, USDC, 2_000 * DOLLAR - 1),
    ]
    credit.execute("owner", account, actions)
    credit.set_asset_price(WETH, asset_price(2_500, 18))
    shares = credit.holding(account, USDC).debt_shares
    result = credit.liquidate("keeper", account, USDC, WETH, 0)
    assert result.repaid == 0
    holding = credit.holding(account, USDC)
    assert (holding.balance, holding.debt_shares) == (0, shares)


def test_liquidate__unknown_things__are_refused_in_this_order() -> None:
    credit = bench()
    assert outcome(credit.liquidate, "x", 1, 9, 9, 0) == Rejected("ERC721NonexistentToken", 1)
    credit.open("owner")
    assert outcome(credit.liquidate, "x", 1, 9, 8, 0) == Rejected("UnknownAsset", 9)
    assert outcome(credit.liquidate, "x", 1, 0, 8, 0) == Rejected("UnknownAsset", 8)
    assert outcome(credit.liquidate, "x", 1, 0, 0, 0) == Rejected("AccountHealthy", 0, 0)
