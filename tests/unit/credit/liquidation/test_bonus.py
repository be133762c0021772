"""CreditManager.liquidate: who can be, and the bonus.

950 PREP, and 0.4 WETH owed of which each dollar counts 1.25: at 1,900 dollars the account is at its
limit, at 2,000 a twentieth short."""

import pytest

from prep.credit.actions import trade
from tests.credit import MARKET_LTVS, PREP, SHARES, SOL, USD, WETH
from tests.suite import UNLIMITED, WAD
from tests.unit.credit import expected
from tests.unit.credit.acting import LIQUIDATE, health, holdings, low, refusal
from tests.unit.credit.expected import Exposed
from tests.unit.credit.liquidation.liquidating import check, liquidated, owing, supply_of, weighed
from tests.unit.credit.trading import SOL_UNIT, configure, sol_pnl


@pytest.fixture
def account(credit, trader, liquidator):
    credit.set_asset_price(WETH, 1_000)
    account = credit.funded(trader, prep=950 * WAD)
    owing(credit, trader, account, WETH, 4 * WAD // 10)
    supply_of(credit, liquidator, WETH, USD)
    return account


def set_price(credit, price):
    credit.oracles[WETH].setPrice(price, sender=credit.suite.admin)


def refused(credit, liquidator, account, debt=WETH, collateral=PREP, most=UNLIMITED):
    return refusal(credit, liquidator, credit.manager, LIQUIDATE, account, debt, collateral, most)


def test_liquidate__at_its_limit__healthy(credit, liquidator, account):
    set_price(credit, 1_900 * WAD)
    assert health(credit, account, True)[6:] == (0, 0)
    assert refused(credit, liquidator, account) == ("AccountHealthy", 0, 0)


def test_liquidate__a_unit_beyond__smallest_bonus(credit, liquidator, account):
    set_price(credit, 1_900 * WAD + 3)
    # 0.4 of 3 more is 2 units of value, of debt 3.
    assert health(credit, account, True)[7] == -3
    done = check(credit, liquidator, account, WETH, PREP)
    assert done.bonus == 2 * WAD // 100
    # Up to the target: 1.1 * 950 less 950, over what each dollar brings: 1.1 / 0.8 less 1.02.
    value = 95 * WAD * 1_000 // 355
    assert 0 <= done.repaid * 1_900 - value < 2_000 + 10


def test_liquidate__a_twentieth_short__six_percent(credit, liquidator, account):
    set_price(credit, 2_000 * WAD)
    done = check(credit, liquidator, account, WETH, PREP)
    assert done.bonus == 6 * WAD // 100
    repaid = -(-(150 * WAD * WAD // (315 * WAD // 1_000) + 1) // 2_000)
    assert done.repaid == repaid
    assert done.seized == repaid * 2_000 * 106 // 100
    assert holdings(credit, account) == {
        PREP: (950 * WAD - done.seized, 0),
        WETH: (0, 4 * WAD // 10 - repaid),
    }


# 1.25 * 0.4 * x less 950 over that: a tenth at 2,111.11.
@pytest.mark.parametrize(
    "dollars, bonus",
    [
        (1_919_191919, 2 * WAD // 100 + 8 * WAD // 1_000),
        (2_111_111111, WAD // 10),
        (2_111_111112, WAD // 10),
        (2_375_000000, WAD // 10),
    ],
)
def test_liquidate__between_and_beyond__by_the_shortfall(
    credit, liquidator, account, dollars, bonus
):
    set_price(credit, dollars * 10**12)
    done = check(credit, liquidator, account, WETH, PREP)
    assert done.bonus <= bonus
    assert bonus - done.bonus < 10**9


def test_liquidate__a_unit_below_the_full_shortfall__not_quite_the_largest(
    credit, liquidator, account
):
    full = 950 * WAD * WAD // (WAD // 2 * 9 // 10)
    set_price(credit, full - 10**3)
    done = check(credit, liquidator, account, WETH, PREP)
    assert WAD // 10 - 10**3 < done.bonus < WAD // 10


def test_liquidate__position_requires__counts_for_the_base_too(credit, trader, liquidator):
    """Base is debt and requirement: 100 PREP, and a SOL that needs 10 of its 100 dollars."""
    configure(credit, SOL, borrowRate=0)
    account = credit.funded(trader, prep=100 * WAD)
    credit.act(trader, account, trade(SOL, 4 * SOL_UNIT))
    credit.set_market_price(SOL, 82)
    supply_of(credit, liquidator, USD)
    size = 4 * SOL_UNIT
    position = Exposed(size, 82 * 10**30, sol_pnl(size, 100, 82), MARKET_LTVS[SOL][1])
    # 100 - 72 = 28 of the 32.8 needed: short by 14.6 %.
    done = check(credit, liquidator, account, USD, PREP, exposed=(position,))
    assert done.bonus == WAD // 10
    assert done.closed == 328 * WAD
    assert done.reward == 82 * WAD // 100


def test_liquidate__a_base_of_zero_cannot_be_short(credit, liquidator, trader):
    account = credit.open(trader)
    assert refused(credit, liquidator, account) == ("AccountHealthy", 0, 0)


def test_liquidate__healthy_with_positive_values__says_them(credit, liquidator, account):
    held = weighed(credit, account)
    want = expected.health(held.values())
    assert want.equity == 450 * WAD
    assert refused(credit, liquidator, account) == ("AccountHealthy", 450 * WAD, 0)


@pytest.mark.parametrize("bad", [5, UNLIMITED])
def test_liquidate__no_such_asset__refused(credit, liquidator, account, bad):
    set_price(credit, 2_000 * WAD)
    assert refused(credit, liquidator, account, debt=bad) == ("UnknownAsset", bad)
    assert refused(credit, liquidator, account, collateral=bad) == ("UnknownAsset", bad)


def test_liquidate__price_missing__refused(credit, liquidator, account):
    set_price(credit, 0)
    assert refused(credit, liquidator, account) == ("PriceOutOfBounds", 0, 10**36)


def test_liquidate__without_allowance__refused(credit, stranger, account):
    set_price(credit, 2_000 * WAD)
    seen = refused(credit, stranger, account)
    assert seen[:3] == ("ERC20InsufficientAllowance", low(credit.manager), 0)


def test_liquidate__wrong_debt_or_collateral__nothing_done(credit, liquidator, account):
    set_price(credit, 2_000 * WAD)
    before = holdings(credit, account)
    for debt, collateral in ((USD, PREP), (PREP, USD), (SHARES, PREP), (WETH, WETH)):
        done = check(credit, liquidator, account, debt, collateral)
        assert done[:4] == (0, 0, 0, 0)
        assert holdings(credit, account) == before


@pytest.mark.parametrize("most", [0, 1, 10**15, 24 * WAD // 100])
def test_liquidate__max_repay__no_more_than_that(credit, liquidator, account, most):
    set_price(credit, 2_000 * WAD)
    done = check(credit, liquidator, account, WETH, PREP, max_repay=most)
    assert done.repaid == min(most, done.repaid)
    assert (done.repaid == most) == (most < 24 * WAD // 100)


def test_liquidate__event__before_payments_with_the_balances_after(credit, liquidator, account):
    set_price(credit, 2_000 * WAD)
    done, logs = liquidated(credit, liquidator, account, WETH, PREP)
    left, owed = 950 * WAD - done.seized, 4 * WAD // 10 - done.repaid
    assert logs == [
        ("BalanceChanged", account, PREP, -done.seized, left),
        ("DebtChanged", account, WETH, -done.repaid, owed),
    ]
