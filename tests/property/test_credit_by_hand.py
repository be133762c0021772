"""Credit accounts worked out by hand.

Messages of failed assertions begin with the invariant's id (docs/invariants.md).
"""

from fractions import Fraction
from math import ceil, floor

import pytest

from prep.model import UNLIMITED, WAD, MarketConfig, Rejected
from prep.model.credit import Credit
from prep.model.credit_config import AssetConfig, MarketLtv
from prep.model.credit_results import ALL, Action, ActionKind, CloseSkipped, DebtWrittenOff
from prep.model.health import Health
from tests.property.bench import (
    BTC,
    COIN,
    ETH,
    HELD,
    PREP,
    SHARES,
    UNIT,
    USDC,
    WETH,
    asset_price,
    bench,
    do,
)
from tests.property.world import outcome

A = ActionKind
MILLI = UNIT // 1_000
DOLLAR = 10**6


def set_market(credit: Credit, market_id: int, price: int) -> None:
    """The price of a coin, in PREP."""
    credit.system.set_price(market_id, price * UNIT * WAD // COIN[market_id])


def worked_example() -> Credit:
    """docs/credit.md, "A worked example": K is 1,000 BTC, closing costs 0.1 %. Others sell 0.1 BTC;
    then the account buys 0.2 BTC, half above and half below the oracle price of 60,000: it enters
    at exactly that. Then others sell 5 BTC more, and prices fall."""
    credit = bench(MarketConfig(skew_scale=1_000 * COIN[BTC], closing_fee_rate=WAD // 1_000))
    credit.system.set_margin_client("others", True)
    credit.system.execute_order("others", 1, BTC, -COIN[BTC] // 10)
    credit.execute(
        "owner",
        credit.open("owner"),
        [
            Action(A.DEPOSIT, WETH, 2 * UNIT),
            Action(A.DEPOSIT, PREP, 500 * UNIT),
            Action(A.BORROW, USDC, 3_000 * DOLLAR),
            Action(A.WITHDRAW, USDC, 3_000 * DOLLAR),
            Action(A.TRADE, BTC, COIN[BTC] // 5, 60_000 * UNIT * WAD // COIN[BTC]),
        ],
    )
    credit.system.execute_order("others", 1, BTC, -5 * COIN[BTC])
    set_market(credit, BTC, 58_000)
    credit.set_asset_price(WETH, asset_price(2_800, 18))
    return credit


def test_worked_example__health__by_both_readings() -> None:
    credit = worked_example()
    # The skew is -4.9 BTC; closing sells 0.2 more: the mean premium is -5 / 1,000.
    close = 58_000 * (1 - Fraction(5, 1_000))
    assert close == 57_710
    fee = Fraction(2, 10) * close / 1_000
    at_fill, at_oracle = (
        Fraction(2, 10) * (price - 60_000) - fee for price in (close, Fraction(58_000))
    )
    assert (at_fill, at_oracle) == (Fraction("-469.542"), Fraction("-411.542"))

    # May act: 2 * 2,800 * 80 % + 500; 3,000 / 88 %; 11,600 * 10 %.
    strict = credit.health(1, for_liquidation=False)
    assert strict == Health(
        assets=6_100 * UNIT,
        collateral=4_980 * UNIT,
        owed=3_000 * UNIT,
        debt=ceil(Fraction(3_000 * UNIT * 100, 88)),
        pnl=int(at_fill * UNIT),
        required=1_160 * UNIT,
    )
    assert strict.debt == 3_409_090909090909090910
    assert strict.equity == 1_101_367090909090909090 < strict.required
    refused = outcome(do, credit, 1, A.WITHDRAW, PREP, 1)
    assert refused == Rejected("AccountUnhealthy", strict.equity - 1, strict.required)

    # Liquidatable: 2 * 2,800 * 82.5 % + 500; 3,000 / 90 %; 11,600 * 5 %.
    lenient = credit.health(1, for_liquidation=True)
    assert lenient == Health(
        assets=6_100 * UNIT,
        collateral=5_120 * UNIT,
        owed=3_000 * UNIT,
        debt=3_333_333333333333333334,
        pnl=int(at_oracle * UNIT),
        required=580 * UNIT,
    )
    assert lenient.equity == 1_375_124666666666666666 >= lenient.required
    refused = outcome(credit.liquidate, "keeper", 1, USDC, WETH, UNLIMITED)
    assert refused == Rejected("AccountHealthy", lenient.equity, lenient.required)


def test_worked_example__liquidation__step_by_step() -> None:
    credit = worked_example()
    credit.set_asset_price(WETH, asset_price(2_200, 18))
    before = credit.health(1, for_liquidation=True)
    # 2 * 2,200 * 82.5 % + 500 - 411.542 - 3,333.33: 194.88 too little, 4.98 % of 3,913.33.
    assert before.equity == 385_124666666666666666
    short = Fraction(580 * UNIT - before.equity, before.debt + 580 * UNIT)
    bonus = floor(2 * WAD // 100 + Fraction(8, 10) * floor(short * WAD))
    assert bonus == 59838228279386712

    result = credit.liquidate("keeper", 1, USDC, WETH, UNLIMITED)
    assert (result.closed, result.bonus) == (11_600 * UNIT, bonus)
    assert result.reward == 29 * UNIT, "a quarter of a per cent of 11,600"
    # Left are 500 - 469.542 - 29 = 1.458 PREP. Missing are 1.1 * 3,333.33 - 3,630 - 1.458.
    missing = Fraction(11, 10) * 3_000 / Fraction(9, 10) - 3_630 - Fraction("1.458")
    per_unit = Fraction(11, 9) - (1 + Fraction(bonus, WAD)) * Fraction(825, 1_000)
    assert result.repaid == ceil(missing / per_unit * DOLLAR) == 101_216305
    assert result.seized == 48760413347357286, "107.27 PREP at 2,200"
    seized = Fraction(result.repaid, DOLLAR) * (WAD + bonus) / WAD / 2_200
    assert 0 <= seized * UNIT - result.seized < 1
    after = credit.health(1, for_liquidation=True)
    ratio = Fraction(after.collateral, after.debt)
    assert 0 <= ratio - Fraction(11, 10) < Fraction(1, 10**9), "R14 the target"
    assert credit.contents(1)[1] == []
    assert credit.holding(1, PREP).balance == 1_458 * MILLI


# ------------------------------------------------------------------------------------------ settling


def long_on(credit: Credit, prep: int, coins: Fraction = Fraction(1)) -> int:
    """An account with so many PREP and a long of so many ETH."""
    account = credit.open("owner")
    do(credit, account, A.DEPOSIT, PREP, prep * UNIT)
    do(credit, account, A.TRADE, ETH, int(coins * UNIT))
    return account


def test_settle__gain__is_credited() -> None:
    credit = bench()
    account = long_on(credit, 1_000)
    set_market(credit, ETH, 3_200)
    do(credit, account, A.REDUCE, ETH, ALL)
    assert credit.contents(account) == ([(PREP, 1_200 * UNIT, 0, 0)], [])


def test_settle__loss__balance_first_then_borrowed() -> None:
    credit = bench()
    account = long_on(credit, 1_000)
    set_market(credit, ETH, 1_900)
    do(credit, account, A.REDUCE, ETH, -UNIT // 2)
    assert credit.contents(account) == ([(PREP, 0, 100 * UNIT, 100 * UNIT)], [ETH])
    assert credit.asset(PREP).config.pool.debt_of("manager") == 100 * UNIT, "M5"


def test_settle__lenders_have_too_little__fails() -> None:
    credit = bench(lent=99)
    account = long_on(credit, 1_000)
    set_market(credit, ETH, 1_900)
    error = Rejected("CannotBorrow", PREP, 100 * UNIT, 99 * UNIT)
    refused = outcome(do, credit, account, A.REDUCE, ETH, ALL)
    assert refused == Rejected("ActionFailed", 0, error)
    assert credit.system.margin_position("manager", account, ETH).size == UNIT


def test_execute__second_action_fails__leaves_nothing() -> None:
    credit = bench()
    account = long_on(credit, 1_000)
    set_market(credit, ETH, 3_200)
    liquidity, contents = credit.system.vault.liquidity, credit.contents(account)
    actions = [
        Action(A.REDUCE, ETH, -UNIT // 3),
        Action(A.BORROW, USDC, 5 * DOLLAR),
        Action(A.WITHDRAW, USDC, 5 * DOLLAR + 1),
    ]
    error = Rejected("InsufficientBalance", USDC, 5 * DOLLAR, 5 * DOLLAR + 1)
    refused = outcome(credit.execute, "owner", account, actions)
    assert refused == Rejected("ActionFailed", 2, error)
    assert (credit.system.vault.liquidity, credit.contents(account)) == (liquidity, contents)
    assert credit.system.markets[ETH].long_oi == UNIT
    assert credit.asset(USDC).config.pool.idle == 100_000 * DOLLAR
    assert credit.asset(USDC).held == 0
    assert credit.events == ()


def test_execute__healthy_only_at_the_end__is_accepted() -> None:
    credit = bench()
    account = credit.open("owner")
    actions = [
        Action(A.BORROW, USDC, 1_000 * DOLLAR),
        Action(A.WITHDRAW, USDC, 1_000 * DOLLAR),
        Action(A.DEPOSIT, WETH, UNIT),
    ]
    credit.execute("owner", account, actions)
    assert credit.health(account, for_liquidation=False).equity == 2_400 * UNIT - (
        1_136_363636363636363637
    )


def test_execute__only_harmless_actions__health_is_not_checked() -> None:
    credit = bench()
    account = long_on(credit, 400)
    set_market(credit, ETH, 2_700)  # equity 100, required 270 or 135
    assert not credit.health(account, for_liquidation=True).well
    do(credit, account, A.DEPOSIT, PREP, 1)
    do(credit, account, A.REDUCE, ETH, -UNIT // 10)
    refused = outcome(do, credit, account, A.TRADE, ETH, -UNIT // 10)
    assert refused == Rejected("AccountUnhealthy", 100 * UNIT + 1, 216 * UNIT)


def test_trade__worse_than_the_limit__fails() -> None:
    credit = bench(MarketConfig(skew_scale=100 * COIN[ETH]))
    account = credit.open("owner")
    do(credit, account, A.DEPOSIT, PREP, 2_000 * UNIT)
    fill = 3_015 * WAD  # the skew goes from 0 to 1 % of K: half a per cent
    for size, price, worse in ((UNIT, fill, fill - 1), (-UNIT, 2_985 * WAD, 2_985 * WAD + 1)):
        refused = outcome(do, credit, account, A.TRADE, ETH, size, worse)
        assert refused == Rejected("ActionFailed", 0, Rejected("PriceNotAcceptable", price, worse))
    do(credit, account, A.TRADE, ETH, UNIT, fill)
    # Cut to one: from 1 % to 0.
    refused = outcome(do, credit, account, A.REDUCE, ETH, -50 * UNIT, fill + 1)
    assert refused == Rejected("ActionFailed", 0, Rejected("PriceNotAcceptable", fill, fill + 1))
    do(credit, account, A.REDUCE, ETH, -50 * UNIT, fill)
    assert credit.contents(account) == ([(PREP, 2_000 * UNIT, 0, 0)], [])


def test_deleverage__loser_on_a_side_above_its_cap__the_account_pays() -> None:
    credit = bench(MarketConfig(max_long_oi_value=3_100 * UNIT))
    account = long_on(credit, 500)
    credit.system.set_market(ETH, MarketConfig(max_long_oi_value=1_200 * UNIT))
    set_market(credit, ETH, 2_400)
    result = credit.deleverage(account, ETH, UNLIMITED)
    assert (result.size, result.settlement) == (UNIT // 2, -600 * UNIT)
    assert credit.contents(account) == ([(PREP, 0, 100 * UNIT, 100 * UNIT)], [ETH])
    assert outcome(credit.deleverage, 9, 7, 1) == Rejected("NothingToClose")


# ------------------------------------------------------------------------------------- liquidation


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


# ----------------------------------------------------------------------- who may, and configuration


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
    assert outcome(credit.execute, "x", 2, []) == Rejected("ERC721NonexistentToken", 2)


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
    locked = Rejected("InsufficientBalance", SHARES, 0, 1)
    for kind, asset_id in ((A.WITHDRAW, SHARES), (A.REQUEST_REDEEM, 0), (A.REMOVE_LIQUIDITY, 0)):
        refused = outcome(do, credit, first, kind, asset_id, 1)
        assert refused == Rejected("ActionFailed", 0, locked)
    credit.system.set_cooldown_period(0)
    refused = outcome(do, credit, first, A.REMOVE_LIQUIDITY, 0, 1)
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


def test_set_market_ltv__out_of_bounds__is_refused() -> None:
    credit = bench()
    too_high = outcome(credit.set_market_ltv, BTC, MarketLtv(0, 9_901))
    assert too_high == Rejected("ParameterOutOfBounds", "liquidationThreshold", 9_901, 0, 9_900)
    crossed = outcome(credit.set_market_ltv, BTC, MarketLtv(2, 1))
    assert crossed == Rejected("ParameterOutOfBounds", "maxLtv", 2, 0, 1)
    assert outcome(credit.set_market_ltv, 2, MarketLtv()) == Rejected("UnknownMarket", 2)


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
    (Action(A.REPAY, HELD, 1), Rejected("NotBorrowable", HELD)),
    (Action(A.REPAY, USDC, ALL), Rejected("ZeroAmount")),
    (Action(A.REPAY, USDC, 1), Rejected("DebtExceeded", 1, 0)),
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
