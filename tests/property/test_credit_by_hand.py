"""Settling and lists of actions of credit accounts, worked out by hand.

Messages of failed assertions begin with the invariant's id (docs/invariants.md).
"""

from prep.model import UNLIMITED, WAD, MarketConfig, Rejected
from prep.model.credit_results import ALL, Action, ActionKind
from tests.property.bench import (
    COIN,
    ETH,
    PREP,
    UNIT,
    USDC,
    WETH,
    bench,
    do,
    long_on,
    set_market,
)
from tests.property.world import outcome

A = ActionKind
DOLLAR = 10**6


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
    credit = bench(MarketConfig(closing_fee_rate=WAD // 100))
    credit.system.set_protocol_fee_rate(WAD // 2)
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
    assert credit.system.unpaid_protocol_fees == 0
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


def test_health__fractions__are_rounded_against_the_account() -> None:
    credit = bench()
    account = credit.open("owner")
    credit.set_asset_price(USDC, 15 * WAD // 10)
    credit.set_asset_price(WETH, 17 * WAD // 10)
    actions = [Action(A.DEPOSIT, WETH, 9), Action(A.BORROW, USDC, 3), Action(A.WITHDRAW, USDC, 2)]
    credit.execute("owner", account, actions)
    # 15.3 -> 15, 80 % of it 12; 1.5 -> 1, 88 % of it 0.88 -> 0; 4.5 -> 5, 5.68 -> 6.
    assert credit.health(account, for_liquidation=False) == (16, 12, 5, 6, 0, 0)
