"""The worked example of docs/credit.md.

Messages of failed assertions begin with the invariant's id (docs/invariants.md).
"""

from fractions import Fraction
from math import ceil, floor

from prep.model import UNLIMITED, WAD, MarketConfig, Rejected
from prep.model.credit import Credit
from prep.model.credit_results import Action, ActionKind
from prep.model.health import Health
from tests.property.bench import (
    BTC,
    COIN,
    PREP,
    UNIT,
    USDC,
    WETH,
    asset_price,
    bench,
    do,
    set_market,
)
from tests.property.world import outcome

A = ActionKind
MILLI = UNIT // 1_000
DOLLAR = 10**6


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
        notional=11_600 * UNIT,
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
        notional=11_600 * UNIT,
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
