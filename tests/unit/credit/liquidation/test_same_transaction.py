"""What a liquidator supplies to closing is for that liquidation alone, also where a contract does
more in the same transaction."""

import pytest

from prep.credit.actions import Action, ActionKind, Condition, OrderTerms, encode
from tests.credit import PREP, SOL, USD
from tests.suite import UNLIMITED, WAD, ZERO_ADDRESS
from tests.unit.credit.acting import drain, market_ids, wallet
from tests.unit.credit.liquidation.test_positions import opened
from tests.unit.credit.trading import SOL_UNIT, configure

LOSS = 640 * WAD
"""Of 40 SOL that fall by 16 dollars."""
FUNDS = 10**6 * WAD


@pytest.fixture
def accounts_(credit, trader, other_trader):
    """Two that have lost what nobody lends, and a third one without PREP."""
    configure(credit, SOL, borrowRate=0)
    lost = [
        opened(credit, who, 40 * SOL_UNIT, 100, usd=1_000 * 10**6)[0]
        for who in (trader, other_trader)
    ]
    poor = credit.funded(trader, usd=1_000 * 10**6)
    credit.set_market_price(SOL, 84)
    drain(credit, PREP)
    return *lost, poor


@pytest.fixture
def liquidator(credit, project):
    """A contract with PREP that makes several calls."""
    made = credit.suite.admin.deploy(project.HostileToken)
    credit.suite.prep.mint(made, FUNDS, sender=credit.suite.admin)
    approve = credit.suite.prep.approve.encode_input(credit.manager, UNLIMITED)
    made.run(credit.suite.prep, approve, sender=credit.suite.admin)
    return made


@pytest.fixture
def together(credit, liquidator):
    """Makes calls of the manager in one transaction. Which ones went through."""

    def do(*calls):
        plan = [(credit.manager.address, method.encode_input(*args)) for method, *args in calls]
        liquidator.arm(plan, False, sender=credit.suite.admin)
        liquidator.mint(ZERO_ADDRESS[:-1] + "1", 1, sender=credit.suite.admin)
        return [answer.success for answer in liquidator.answers()]

    return do


def test_liquidate__twice__each_with_a_supply_of_its_own(credit, liquidator, together, accounts_):
    """Each may cost all of `maxRepay`."""
    first, second, _ = accounts_
    liquidate = credit.manager.liquidate
    calls = [(liquidate, account, PREP, USD, LOSS) for account in (first, second)]
    assert together(*calls) == [True, True]
    assert market_ids(credit, first) == market_ids(credit, second) == ()
    assert wallet(credit, PREP, liquidator) == FUNDS - 2 * LOSS


def test_execute__after_a_liquidation__liquidator_supplies_nothing_more(
    credit, clock, trader, liquidator, together, accounts_
):
    """Who may act for an account has its losses paid by nobody but the lenders."""
    first, _, poor = accounts_
    allowed = 1 << ActionKind.PLACE_ORDER
    credit.manager.setDelegate(poor, liquidator, allowed, clock.now + 100, sender=trader)
    terms = OrderTerms(Condition.AT_OR_BELOW, 1, False, clock.now + 100, WAD)
    order = Action(ActionKind.PLACE_ORDER, SOL, SOL_UNIT, 0, terms)
    manager = credit.manager
    calls = [
        (manager.liquidate, first, PREP, USD, 2 * LOSS),
        (manager.execute, poor, encode([order])),
    ]
    assert together(*calls) == [True, False]
    assert market_ids(credit, first) == ()
    assert credit.debt(poor, PREP) == 0
