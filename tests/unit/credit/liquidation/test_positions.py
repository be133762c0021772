"""CreditManager.liquidate: positions are closed first, and what the liquidator gets for that."""

import pytest

from prep.credit.actions import trade
from tests.credit import ETHER, MARKET_LTVS, PREP, SHARES, SOL, USD, WETH
from tests.expected import ceil
from tests.suite import UNLIMITED, WAD
from tests.unit.books import both_sides, sign
from tests.unit.credit import expected
from tests.unit.credit.acting import decoded, holdings, market_ids
from tests.unit.credit.expected import Exposed
from tests.unit.credit.liquidation.liquidating import (
    check,
    liquidated,
    owing,
    supply_of,
    weighed,
)
from tests.unit.credit.trading import (
    SOL_UNIT,
    closing,
    configure,
    fill,
    opening_fee,
    sol_pnl,
)


@pytest.fixture(autouse=True)
def no_borrowing_fee(credit):
    configure(credit, SOL, borrowRate=0)


def on_sol(size, dollars):
    """A position that was opened at 100."""
    return Exposed(size, dollars * 10**30, sol_pnl(size, 100, dollars), MARKET_LTVS[SOL][1])


def opened(credit, owner, size, dollars, **amounts):
    """An account with a position on SOL, at a price of now."""
    account = credit.funded(owner, **amounts)
    credit.act(owner, account, trade(SOL, size))
    credit.set_market_price(SOL, dollars)
    return account, (on_sol(size, dollars),)


@both_sides
def test_liquidate__loser_with_prep__closed_and_rewarded_in_prep(
    credit, trader, liquidator, is_long
):
    size = sign(is_long) * 40 * SOL_UNIT
    dollars = 100 - sign(is_long) * 20
    account, exposed = opened(credit, trader, size, dollars, prep=1_000 * WAD)
    done = check(credit, liquidator, account, USD, USD, exposed=exposed)
    notional = 40 * dollars * WAD
    assert done[:4] == (notional, notional * 25 // 10_000, 0, 0)
    assert market_ids(credit, account) == ()
    assert holdings(credit, account) == {PREP: (200 * WAD - done.reward, 0)}


def test_liquidate__reward__closed_value_rounded_down(credit, trader, liquidator):
    size = 40 * SOL_UNIT + 7
    account, exposed = opened(credit, trader, size, 79, prep=1_000 * WAD)
    done = check(credit, liquidator, account, USD, USD, exposed=exposed)
    assert done.reward == (size * 79 * 10**12) * 25 // 10_000


@both_sides
def test_liquidate__loss_borrowed__reward_in_the_chosen_collateral(
    credit, trader, liquidator, is_long
):
    """Nothing in PREP: what it is owed for closing comes with what he seizes, without a bonus."""
    size = sign(is_long) * 40 * SOL_UNIT
    dollars = 100 - sign(is_long) * 16
    account, exposed = opened(credit, trader, size, dollars, usd=1_000 * 10**6)
    supply_of(credit, liquidator, PREP)
    done = check(credit, liquidator, account, PREP, USD, exposed=exposed)
    reward = 40 * dollars * WAD * 25 // 10_000
    assert done.reward == 0
    assert done.closed == 40 * dollars * WAD
    bonus = done.repaid * (WAD + done.bonus) // WAD
    assert done.seized == (bonus + reward) // 10**12


def test_liquidate__part_of_the_reward_in_prep__the_rest_in_collateral(credit, trader, liquidator):
    """A PREP is left after the loss."""
    account, exposed = opened(credit, trader, 40 * SOL_UNIT, 80, prep=801 * WAD, weth=WAD // 100)
    done = check(credit, liquidator, account, USD, WETH, exposed=exposed)
    assert done.reward == WAD
    # 3,200 dollars at 25 bps are 8; 7 of them in WETH at 2,000.
    assert done.seized == 7 * WAD // 2_000
    assert done.repaid == 0


def test_liquidate__rewarded_in_prep_and_debt_paid__target_without_the_reward(
    credit, trader, liquidator
):
    """What he gets for closing is no collateral any more."""
    credit.set_asset_price(WETH, 1_000)
    account = credit.funded(trader, prep=1_500 * WAD)
    owing(credit, trader, account, WETH, 4 * WAD // 10)
    credit.act(trader, account, trade(SOL, 40 * SOL_UNIT))
    credit.set_market_price(SOL, 80)
    credit.set_asset_price(WETH, 1_500)
    supply_of(credit, liquidator, WETH)
    exposed = (on_sol(40 * SOL_UNIT, 80),)
    done = check(credit, liquidator, account, WETH, PREP, exposed=exposed)
    assert (done.reward, done.bonus) == (8 * WAD, WAD // 10)
    # 1.1 * 750 less 692, over 1.375 less 1.1.
    assert done.repaid == -(-133 * WAD * 1_000 // 275 // 1_500)


def test_liquidate__rewarded_in_collateral_and_debt_paid__target_without_the_reward(
    credit, trader, liquidator
):
    credit.set_asset_price(WETH, 1_000)
    account = credit.funded(trader, usd=1_500 * 10**6)
    owing(credit, trader, account, WETH, 2 * WAD // 10)
    credit.act(trader, account, trade(SOL, 40 * SOL_UNIT))
    credit.set_market_price(SOL, 84)
    credit.set_asset_price(WETH, 2_800)
    supply_of(credit, liquidator, WETH)
    exposed = (on_sol(40 * SOL_UNIT, 84),)
    done = check(credit, liquidator, account, WETH, USD, exposed=exposed)
    assert (done.reward, done.bonus) == (0, WAD // 10)
    # 1.1 * 1,340 less 1,350 and more 0.9 * 8.4, over 1.375 less 0.99.
    value = 13_156 * WAD * 1_000 // (385 * 100)
    assert 0 <= done.repaid * 2_800 - value < 2_800 * 2


def test_liquidate__collateral_does_not_cover_the_rest__all_of_it(credit, trader, liquidator):
    account, exposed = opened(
        credit, trader, 40 * SOL_UNIT, 80, prep=801 * WAD, weth=WAD // 100, usd=3
    )
    done = check(credit, liquidator, account, WETH, USD, exposed=exposed)
    assert (done.reward, done.seized, done.repaid) == (WAD, 3, 0)


def test_liquidate__reward_and_too_little_for_the_debt__pays_for_what_the_reward_leaves(
    credit, trader, liquidator
):
    """A loss of 640, against 645 USD: 3.4 of them are the reward, the rest pays at 10 %."""
    account, exposed = opened(credit, trader, 20 * SOL_UNIT, 68, usd=645 * 10**6)
    supply_of(credit, liquidator, PREP)
    done = check(credit, liquidator, account, PREP, USD, exposed=exposed)
    assert (done.reward, done.seized, done.bonus) == (0, 645 * 10**6, WAD // 10)
    assert done.repaid == ceil(6_416 * WAD, 11)
    assert done.bad_debt == 640 * WAD - done.repaid


def test_liquidate__prep_for_prep_at_the_largest_bonus__only_closes(credit, trader, liquidator):
    """There is no PREP to take, so none is paid; by its weights nothing could be gained."""
    account, _ = opened(credit, trader, 20 * SOL_UNIT, 68, usd=645 * 10**6)
    done, _ = liquidated(credit, liquidator, account, PREP, PREP)
    assert (done.closed, done.reward, done.repaid, done.seized) == (20 * 68 * WAD, 0, 0, 0)
    assert done.bonus == WAD // 10
    assert holdings(credit, account) == {PREP: (0, 640 * WAD), USD: (645 * 10**6, 0)}


@pytest.mark.parametrize("left", [0, 1, 3])
def test_liquidate__less_left_than_the_reward__no_more_than_that(credit, trader, liquidator, left):
    """It is never taken from the lenders: at 80 dollars the loss is 800."""
    account, exposed = opened(credit, trader, 40 * SOL_UNIT, 80, prep=800 * WAD + left)
    done = check(credit, liquidator, account, USD, USD, exposed=exposed)
    assert (done.reward, done.bad_debt) == (left, 0)
    assert holdings(credit, account) == {}


def test_liquidate__nothing_left__no_reward_and_bad_debt(credit, trader, liquidator):
    account, exposed = opened(credit, trader, 40 * SOL_UNIT, 70, prep=800 * WAD)
    done = check(credit, liquidator, account, USD, USD, exposed=exposed)
    assert (done.closed, done.reward, done.bad_debt) == (2_800 * WAD, 0, 400 * WAD)
    assert holdings(credit, account) == {}


@both_sides
def test_liquidate__market_with_skew_and_fees__settled_at_the_execution_price(
    credit, trader, liquidator, is_long
):
    """For the reading the better price counts, for closing that of the trade."""
    s = sign(is_long)
    size = s * 5 * WAD
    account = credit.funded(trader, prep=1_600 * WAD)
    credit.act(trader, account, trade(ETHER, size))
    assert credit.balance(account, PREP) == 1_600 * WAD - opening_fee(size)
    now = (2_000 - s * 200) * WAD
    credit.set_market_price(ETHER, 2_000 - s * 200)
    pnls = [closing(size, fill(size), size, now, skewed) for skewed in (True, False)]
    exposed = (Exposed(size, now, max(pnls), MARKET_LTVS[ETHER][1]),)
    done = check(credit, liquidator, account, USD, USD, exposed=exposed, settled=(pnls[0],))
    assert done.closed == 5 * now
    assert done.reward == 5 * now * 25 // 10_000


def test_liquidate__two_markets__both_closed_and_gains_pay_losses(credit, trader, liquidator):
    """The ether position comes first and has lost; what SOL has won repays it in the end."""
    account = credit.funded(trader, usd=400 * 10**6)
    size = WAD
    credit.act(trader, account, trade(ETHER, size), trade(SOL, -SOL_UNIT))
    credit.set_market_price(ETHER, 1_750)
    credit.set_market_price(SOL, 90)
    now = 1_750 * WAD
    pnls = [closing(size, fill(size), size, now, skewed) for skewed in (True, False)]
    exposed = (
        Exposed(size, now, max(pnls), MARKET_LTVS[ETHER][1]),
        on_sol(-SOL_UNIT, 90),
    )
    supply_of(credit, liquidator, PREP)
    done = check(
        credit,
        liquidator,
        account,
        PREP,
        USD,
        exposed=exposed,
        settled=(pnls[0], 10 * WAD),
    )
    assert done.closed == 1_840 * WAD
    assert market_ids(credit, account) == ()


def test_liquidate__two_step_or_disabled_market__closed_all_the_same(credit, trader, liquidator):
    account, exposed = opened(credit, trader, 40 * SOL_UNIT, 80, prep=1_000 * WAD)
    configure(credit, SOL, borrowRate=0, minExecutionDelay=600)
    credit.suite.protocol.disableMarket(SOL, sender=credit.suite.guardian)
    done = check(credit, liquidator, account, USD, USD, exposed=exposed)
    assert done.closed == 3_200 * WAD


def test_liquidate__vault_cannot_pay__position_skipped_and_the_rest_done(
    credit, trader, liquidator
):
    """1,100 SOL that have won 1,100,000, of a vault with a million."""
    account = credit.funded(trader, prep=500_000 * WAD)
    owing(credit, trader, account, WETH, 100 * WAD)
    size = 1_100 * SOL_UNIT
    credit.act(trader, account, trade(SOL, size))
    credit.set_market_price(SOL, 1_100)
    credit.set_asset_price(WETH, 20_000)
    liquidity = credit.suite.protocol.liquidity()
    supply_of(credit, liquidator, WETH)
    done, logs = liquidated(credit, liquidator, account, WETH, PREP)
    skipped = [log for log in logs if log[0] == "CloseSkipped"]
    assert [log[1:3] for log in skipped] == [(account, SOL)]
    assert decoded(credit, skipped[0][3]) == ("VaultCannotPay", 1_100_000 * WAD, liquidity)
    assert (done.closed, done.reward, done.bad_debt) == (0, 0, 0)
    assert done.seized == 500_000 * WAD
    assert credit.size(account, SOL) == size
    assert market_ids(credit, account) == (SOL,)
    left = 100 * WAD - done.repaid
    assert holdings(credit, account) == {WETH: (0, left)}


def test_liquidate__skipped_position__counts_for_the_target(credit, trader, liquidator):
    """What it would realise is no collateral to seize, and what it needs is still required."""
    account = credit.funded(trader, prep=1_500_000 * WAD)
    owing(credit, trader, account, WETH, 100 * WAD)
    size = 1_100 * SOL_UNIT
    credit.act(trader, account, trade(SOL, size))
    credit.set_market_price(SOL, 1_100)
    credit.set_asset_price(WETH, 20_300)
    supply_of(credit, liquidator, WETH)
    h = expected.health(weighed(credit, account).values(), [on_sol(size, 1_100)])
    debt, missing = h.debt, -(-h.debt * 11 // 10) + h.required - h.collateral - h.pnl
    gain = 11 * WAD // 8 - (WAD + h.bonus)
    done, _ = liquidated(credit, liquidator, account, WETH, PREP)
    value = -(-missing * WAD // gain)
    assert debt == 100 * 20_300 * WAD * 10_000 // 8_000
    assert done.repaid == -(-value * WAD // (20_300 * WAD))
    assert done.seized == done.repaid * 20_300 * (WAD + h.bonus) // WAD


# Gas


def test_liquidate__too_little_gas_to_close__refused_and_never_left_open(
    credit, trader, liquidator
):
    account, _ = opened(credit, trader, 40 * SOL_UNIT, 80, prep=1_000 * WAD)
    node, manager = credit.node, credit.manager.address
    data = node._data("liquidate(uint256,uint256,uint256,uint256)", (account, USD, USD, UNLIMITED))
    seen = set()
    for gas in range(100_000, 700_000, 5_000):
        call = {"from": liquidator.address, "to": manager, "data": data, "gas": hex(gas)}
        body = {"jsonrpc": "2.0", "id": 1, "method": "eth_call", "params": [call, "latest"]}
        answer = node.post(body)
        if "result" in answer:
            closed = int(answer["result"][2:66], 16)
            assert closed == 3_200 * WAD, f"left open with {gas} of gas"
            seen.add("done")
            continue
        reason = answer["error"].get("data") or ""
        if isinstance(reason, str) and len(reason) > 10:
            seen.add(decoded(credit, bytes.fromhex(reason[2:])))
    assert seen == {"done", ("CloseFailed", SOL)}


def test_liquidate__shares_as_debt_asset__only_closes(credit, trader, liquidator):
    """Nobody can owe them, so nothing is paid for."""
    account, exposed = opened(credit, trader, 40 * SOL_UNIT, 80, prep=1_000 * WAD)
    done = check(credit, liquidator, account, SHARES, PREP, exposed=exposed)
    assert (done.closed, done.repaid, done.seized) == (3_200 * WAD, 0, 0)
