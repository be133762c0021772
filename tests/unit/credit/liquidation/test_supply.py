"""CreditManager.liquidate while lenders of PREP have nothing left: the liquidator supplies what a
loss needs."""

import pytest

from prep.credit.actions import deposit
from tests.credit import PREP, SOL, USD, WETH
from tests.suite import UNLIMITED, WAD
from tests.unit.books import both_sides, sign
from tests.unit.credit.acting import LIQUIDATE, decoded, drain, holdings, market_ids, refusal
from tests.unit.credit.liquidation.liquidating import check, liquidated, owing, supply_of
from tests.unit.credit.liquidation.test_positions import on_sol, opened
from tests.unit.credit.trading import SOL_UNIT, configure

LOSS = 640 * WAD
"""Of 40 SOL that move by 16 dollars."""


@pytest.fixture(autouse=True)
def no_borrowing_fee(credit):
    configure(credit, SOL, borrowRate=0)


@pytest.fixture(params=[True, False], ids=["long", "short"])
def lost(request, credit, trader, liquidator):
    """1,000 USD, and a loss of 640 dollars that the lenders can lend 100 of."""
    s = sign(request.param)
    account, exposed = opened(credit, trader, s * 40 * SOL_UNIT, 100 - s * 16, usd=1_000 * 10**6)
    supply_of(credit, liquidator, PREP, WETH)
    drain(credit, PREP, leave=100 * WAD)
    return account, exposed


def test_liquidate__lenders_lack__liquidator_supplies_and_is_paid_with_the_bonus(
    credit, liquidator, lost
):
    account, exposed = lost
    done = check(credit, liquidator, account, PREP, USD, exposed=exposed, lendable=100 * WAD)
    assert done.repaid >= LOSS - 100 * WAD
    assert market_ids(credit, account) == ()
    assert credit.lending[PREP].idle() == done.repaid - (LOSS - 100 * WAD)


def test_liquidate__max_repay_is_the_supply__exactly_that(credit, liquidator, lost):
    account, exposed = lost
    most = LOSS - 100 * WAD
    limits = {"lendable": 100 * WAD, "max_repay": most}
    done = check(credit, liquidator, account, PREP, USD, exposed=exposed, **limits)
    assert done.repaid == most
    assert holdings(credit, account)[PREP] == (0, 100 * WAD)


def test_liquidate__max_repay_above_the_supply__only_the_rest_pays_for_debt(
    credit, trader, liquidator
):
    """Of a loss of 1,600 the lenders lend 900; more than 10 of these would have to be repaid."""
    account, exposed = opened(credit, trader, 40 * SOL_UNIT, 60, usd=1_000 * 10**6)
    supply_of(credit, liquidator, PREP)
    drain(credit, PREP, leave=900 * WAD)
    most = (1_600 - 900 + 10) * WAD
    limits = {"lendable": 900 * WAD, "max_repay": most}
    done = check(credit, liquidator, account, PREP, USD, exposed=exposed, **limits)
    assert done.repaid == most
    assert holdings(credit, account)[PREP] == (0, 890 * WAD)


def test_liquidate__max_repay_a_unit_less__position_skipped(credit, liquidator, lost):
    account, _ = lost
    most = LOSS - 100 * WAD - 1
    done, logs = liquidated(credit, liquidator, account, PREP, USD, most)
    assert [log[0] for log in logs] == ["CloseSkipped"]
    seen = decoded(credit, logs[0][3])
    assert seen == ("CannotBorrow", PREP, LOSS, 100 * WAD)
    assert done[:4] == (0, 0, 0, 0)
    assert market_ids(credit, account) == (SOL,)


def test_liquidate__another_debt_asset__nothing_is_supplied(credit, liquidator, lost):
    account, _ = lost
    done, logs = liquidated(credit, liquidator, account, WETH, USD)
    assert decoded(credit, logs[0][3]) == ("CannotBorrow", PREP, LOSS, 100 * WAD)
    assert done[:4] == (0, 0, 0, 0)


@both_sides
def test_liquidate__collateral_for_the_supply__to_the_unit(credit, trader, liquidator, is_long):
    """750 dollars that nobody lends come back without a bonus, and 25 bps of the value closed."""
    s = sign(is_long)
    account, exposed = opened(credit, trader, s * 30 * SOL_UNIT, 100 - s * 25, usd=720 * 10**6)
    supply_of(credit, liquidator, PREP)
    drain(credit, PREP)
    value = 30 * (100 - s * 25)
    needed = 750 * 10**6 + value * 10**6 * 25 // 10_000
    credit.give(trader, USD, needed - 720 * 10**6)
    credit.act(trader, account, deposit(USD, needed - 720 * 10**6 - 1))
    args = account, PREP, USD, UNLIMITED
    seen = refusal(credit, liquidator, credit.manager, LIQUIDATE, *args)
    assert seen == ("CollateralInsufficient", needed, needed - 1)
    credit.act(trader, account, deposit(USD, 1))
    done = check(credit, liquidator, account, PREP, USD, exposed=exposed, lendable=0)
    assert (done.repaid, done.seized, done.bonus) == (750 * WAD, needed, WAD // 10)
    assert holdings(credit, account) == {}


def test_liquidate__supply_and_another_debt__counts_in_the_reading_as_paid(
    credit, trader, liquidator
):
    """What is supplied is no debt of the account; what else it owes stays."""
    account, _ = opened(credit, trader, 40 * SOL_UNIT, 100, usd=1_000 * 10**6)
    owing(credit, trader, account, WETH, WAD // 100)
    credit.set_market_price(SOL, 84)
    supply_of(credit, liquidator, PREP)
    drain(credit, PREP)
    done = check(
        credit,
        liquidator,
        account,
        PREP,
        USD,
        exposed=(on_sol(40 * SOL_UNIT, 84),),
        lendable=0,
    )
    assert done.repaid == LOSS
    assert holdings(credit, account)[WETH] == (0, WAD // 100)
