"""Positions that are closed on behalf of their owners: the account is credited and debited as if it
had closed them itself, whether it stands well or not."""

import pytest

from prep.credit.actions import borrow, reduce, trade, withdraw
from tests.credit import PREP, SOL, WETH
from tests.suite import UNLIMITED, WAD
from tests.unit.books import both_sides, sign
from tests.unit.credit.acting import drain, events, health, holdings, market_ids, refusal
from tests.unit.credit.trading import SOL_UNIT, configure

DELEVERAGE = "deleverage(address,uint256,uint256,uint256)"


def deleverage(credit, keeper, account, size=UNLIMITED):
    contract = credit.suite.deleverager
    return keeper, contract, DELEVERAGE, credit.manager.address, account, SOL, size


def cap(credit, is_long, value):
    name = "maxLongOIValue" if is_long else "maxShortOIValue"
    configure(credit, SOL, **{name: value}, borrowRate=0)


@both_sides
def test_deleverage__winner__credited_and_position_gone(credit, trader, keeper, is_long):
    account = credit.funded(trader, prep=10_000 * WAD)
    credit.act(trader, account, trade(SOL, sign(is_long) * 10 * SOL_UNIT))
    credit.set_market_price(SOL, 100 + sign(is_long) * 10)
    credit.suite.vault.setTargetCollateralizationRatio(10 * WAD, sender=credit.suite.risk_manager)
    cap(credit, is_long, 0)
    logs = events(credit, *deleverage(credit, keeper, account))
    assert logs == [("BalanceChanged", account, PREP, 100 * WAD, 10_100 * WAD)]
    assert market_ids(credit, account) == ()
    assert holdings(credit, account) == {PREP: (10_100 * WAD, 0)}


@both_sides
def test_deleverage__part__the_rest_is_still_noted(credit, trader, keeper, is_long):
    account = credit.funded(trader, prep=10_000 * WAD)
    credit.act(trader, account, trade(SOL, sign(is_long) * 10 * SOL_UNIT))
    credit.set_market_price(SOL, 100 + sign(is_long) * 10)
    cap(credit, is_long, 0)
    logs = events(credit, *deleverage(credit, keeper, account, 4 * SOL_UNIT))
    # All of the position is settled, also what stays open.
    assert logs == [("BalanceChanged", account, PREP, 100 * WAD, 10_100 * WAD)]
    assert credit.size(account, SOL) == sign(is_long) * 6 * SOL_UNIT
    assert market_ids(credit, account) == (SOL,)


@both_sides
@pytest.mark.parametrize("prep", [0, 30])
def test_deleverage__loser_for_its_sides_cap__pays_prep_and_borrows(
    credit, trader, keeper, is_long, prep
):
    account = credit.funded(trader, weth=WAD, **({"prep": prep * WAD} if prep else {}))
    credit.act(trader, account, trade(SOL, sign(is_long) * 10 * SOL_UNIT))
    credit.set_market_price(SOL, 100 - sign(is_long) * 10)
    cap(credit, is_long, 0)
    logs = events(credit, *deleverage(credit, keeper, account))
    owed = (100 - prep) * WAD
    paid = [("BalanceChanged", account, PREP, -prep * WAD, 0)] if prep else []
    assert logs == [*paid, ("DebtChanged", account, PREP, owed, owed)]
    assert holdings(credit, account) == {PREP: (0, owed), WETH: (WAD, 0)}


@both_sides
def test_deleverage__loser_and_lenders_are_empty__refused_to_the_unit(
    credit, trader, keeper, is_long
):
    account = credit.funded(trader, weth=WAD)
    credit.act(trader, account, trade(SOL, sign(is_long) * 10 * SOL_UNIT))
    credit.set_market_price(SOL, 100 - sign(is_long) * 10)
    cap(credit, is_long, 0)
    drain(credit, PREP, leave=100 * WAD)
    other = credit.funded(trader, weth=WAD)
    credit.act(trader, other, borrow(PREP, 1), withdraw(PREP, 1))
    assert refusal(credit, *deleverage(credit, keeper, account)) == (
        "CannotBorrow",
        PREP,
        100 * WAD,
        100 * WAD - 1,
    )
    lender, vault = credit.liquidity_provider, credit.lending[PREP]
    credit.must(lender, vault, "deposit(uint256,address)", 1, lender.address)
    events(credit, *deleverage(credit, keeper, account))


@both_sides
def test_deleverage__loser_that_is_unhealthy_afterwards__goes_through(
    credit, trader, keeper, is_long
):
    account = credit.funded(trader, weth=WAD // 20)
    credit.act(trader, account, trade(SOL, sign(is_long) * 3 * SOL_UNIT))
    credit.set_market_price(SOL, 100 - sign(is_long) * 33)
    cap(credit, is_long, 0)
    events(credit, *deleverage(credit, keeper, account))
    seen = health(credit, account)
    assert (seen[7], seen[6]) == (75 * WAD - 99 * WAD, 0)


def test_deleverage__nothing_of_the_cap_exceeded__refused(credit, trader, keeper):
    account = credit.funded(trader, prep=10_000 * WAD)
    credit.act(trader, account, trade(SOL, SOL_UNIT))
    seen = refusal(credit, *deleverage(credit, keeper, account))
    assert seen[0] == "NothingToDeleverage"
    credit.act(trader, account, reduce(SOL, -SOL_UNIT))
    seen = refusal(credit, *deleverage(credit, keeper, account))
    assert seen == ("NothingToClose",)
