"""The keeper and what waits for its price: orders of credit accounts, isolated trade requests."""

import pytest

from prep.credit.actions import limit_order, market_order, stop_loss, take_profit, trade
from prep.keeper.credit.report import Filled, Removed
from tests.credit import ETHER, ETHER_MARKET, deploy_credit
from tests.integration.keeper.credit_stage import FEE, Stage, act
from tests.suite import UNLIMITED, WAD, market_config

DELAY = 60
LIFETIME = 10_000
OPEN, CLOSE = 0, 4
REQUEST = "request(uint8,bool,uint256,uint256,uint256,uint256)"
REMOVE = "remove(uint256)"
EXECUTE = "execute(uint256)"


@pytest.fixture(scope="module")
def stage(create_suite, project, lp, trader, liquidator):
    return Stage(deploy_credit(project, create_suite(), lp), trader, liquidator)


@pytest.fixture
def expiry(chain):
    return chain.blocks.head.timestamp + LIFETIME


@pytest.fixture
def long(stage):
    """An account that is long of one ether, at 2,000."""
    account = stage.credit.funded(stage.owner, prep=10_000 * WAD)
    stage.credit.act(stage.owner, account, trade(ETHER, WAD))
    return account


@pytest.fixture
def two_steps(stage, chain):
    """Both markets fill in two steps."""
    credit, suite = stage.credit, stage.credit.suite
    suite.configure(minExecutionDelay=DELAY)
    config = market_config(
        credit.market_oracles[ETHER], ETHER_MARKET | {"minExecutionDelay": DELAY}
    )
    suite.protocol.setMarket(ETHER, config, sender=suite.risk_manager)

    def publish(market, dollars):
        """A price that is late enough for what was placed before."""
        chain.mine(timestamp=chain.blocks.head.timestamp + DELAY)
        credit.set_market_price(market, dollars)

    return publish


@pytest.fixture
def ask(stage, crowd, expiry):
    """Requests a long of 1,000 of somebody who has the collateral. The request's id."""
    suite, asked = stage.credit.suite, []

    def ask(collateral=1_000 * WAD, fee=FEE, acceptable=UNLIMITED, until=None):
        account = crowd[len(asked)]
        asked.append(account)
        if collateral:
            suite.give_collateral(account, collateral)
        suite.give(account, fee)
        suite.send(account, suite.prep, "approve(address,uint256)", suite.requests.address, fee)
        terms = OPEN, True, 1_000 * WAD, acceptable, until or expiry, fee
        stage.credit.must(account, suite.requests, REQUEST, *terms)
        return suite.requests.requestCount(), account

    stage.credit.node.interface.learn(suite.requests.contract_type)
    return ask


def orders_of(stage, account):
    return stage.credit.book.ordersOf(account)


def reasons(report):
    return {str(skipped.id): skipped.reason for skipped in report.credit.skipped}


def numbers(result):
    return [identity.number for identity in result.ids]


# ----------------------------------------------------------------------------------------- orders


def test_step__stop_loss__is_filled_and_the_linked_take_profit_cancelled(stage, long, expiry):
    credit = stage.credit
    credit.act(stage.owner, long, stop_loss(ETHER, -WAD, 1_900 * WAD, expiry, FEE))
    (stop,) = orders_of(stage, long)
    linked = take_profit(ETHER, -WAD, 2_100 * WAD, expiry, FEE, linked_to=stop)
    credit.act(stage.owner, long, linked)
    keeper = stage.keeper()
    report = keeper.step()
    assert (report.credit.actions, report.credit.skipped) == ((), ())
    assert report.credit.snapshot.orders == 2

    credit.set_market_price(ETHER, 1_900)
    before = stage.wallet()
    report = keeper.step()
    (result,) = report.credit.results
    assert isinstance(result, Filled)
    assert (numbers(result), result.fee) == ([stop], FEE)
    assert stage.wallet()[0] - before[0] == FEE
    assert credit.size(long, ETHER) == 0
    assert orders_of(stage, long) == []
    assert keeper.step().credit.actions == ()


def test_step__both_of_a_pair_are_ready__fills_one(stage, long, expiry):
    credit = stage.credit
    credit.act(stage.owner, long, stop_loss(ETHER, -WAD, 2_000 * WAD, expiry, FEE))
    (first,) = orders_of(stage, long)
    pair = take_profit(ETHER, -WAD, 2_000 * WAD, expiry, 2 * FEE, linked_to=first)
    credit.act(stage.owner, long, pair)
    report = stage.keeper().step()
    (result,) = report.credit.results
    assert numbers(result) == [first + 1], "the better paid one"
    assert result.fee == 2 * FEE
    assert reasons(report)[f"order/{first}"].startswith("already done or healthy: UnknownOrder(")
    assert report.errors == ()


def test_step__several_are_ready__one_transaction_fills_them(stage, long, expiry, chain):
    credit = stage.credit
    sells = [take_profit(ETHER, -WAD // 4, 2_000 * WAD, expiry, FEE + i) for i in range(3)]
    credit.act(stage.owner, long, *sells)
    placed = sorted(orders_of(stage, long))
    height = chain.blocks.height
    report = stage.keeper().step()
    (result,) = report.credit.results
    assert numbers(result) == placed[::-1], "the best paid first"
    assert result.fee == 3 * FEE + 3
    assert chain.blocks.height == height + 1
    assert credit.size(long, ETHER) == WAD // 4


def test_step__limit_does_not_hold__is_left_alone_for_some_blocks(stage, long, expiry, chain):
    """The condition holds at the oracle price, but a buy moves the market and fills above it."""
    credit = stage.credit
    credit.act(stage.owner, long, limit_order(ETHER, WAD, 2_000 * WAD, expiry, FEE))
    (order,) = orders_of(stage, long)
    keeper = stage.keeper()
    report = keeper.step()
    assert reasons(report)[f"order/{order}"].startswith("PriceNotAcceptable(")
    assert report.errors == ()
    credit.set_market_price(ETHER, 1_900)  # now it would fill
    report = keeper.step()
    assert report.credit.actions == ()
    assert reasons(report)[f"order/{order}"].startswith("PriceNotAcceptable("), "said again"
    chain.mine(5)
    keeper.step()
    (result,) = keeper.step().credit.results
    assert numbers(result) == [order]


def test_step__fee_does_not_pay_for_the_gas__sends_nothing(stage, long, expiry, chain):
    stage.credit.act(stage.owner, long, stop_loss(ETHER, -WAD, 2_000 * WAD, expiry, FEE))
    chain.mine(timestamp=chain.blocks.head.timestamp + 10)  # interest is stored from now on
    (task,) = stage.keeper(execute=False).step().credit.actions[0].tasks
    gas_price = chain.provider.web3.eth.gas_price
    native = FEE * WAD // (task.gas_limit * gas_price)
    settings = {"max_gas_price": 10**12, "unpaid": True}
    height = chain.blocks.height
    report = stage.keeper(native_price=native * 11 // 10, **settings).step()
    assert "less gas" in reasons(report)[str(task.id)]
    assert chain.blocks.height == height
    report = stage.keeper(native_price=native * 9 // 10, **settings).step()
    assert report.credit.skipped == ()
    (result,) = report.credit.results
    assert result.gas_cost * native * 9 // 10 // WAD <= result.fee == FEE


def test_step__expired_order__is_removed_only_when_wanted(stage, long, expiry, chain):
    stage.credit.act(stage.owner, long, stop_loss(ETHER, -WAD, 1_900 * WAD, expiry, FEE))
    (order,) = orders_of(stage, long)
    chain.mine(timestamp=expiry)
    held = stage.credit.balance(long, 0)
    assert stage.keeper().step().credit.actions == ()
    (result,) = stage.keeper(unpaid=True).step().credit.results
    assert (result.id.number, result.fee) == (order, 0)
    assert stage.credit.balance(long, 0) == held + FEE, "its fee went back"
    assert stage.keeper(unpaid=True).step().credit.actions == ()


def test_step__order_dead_because_its_price_has_passed__is_removed_for_the_fee(
    stage, long, expiry, two_steps
):
    stage.credit.act(stage.owner, long, market_order(ETHER, WAD, expiry, FEE))
    (order,) = orders_of(stage, long)
    keeper = stage.keeper()
    assert keeper.step().credit.actions == (), "no price yet"
    two_steps(ETHER, 2_000)
    two_steps(ETHER, 2_001)
    before = stage.wallet()
    (result,) = keeper.step().credit.results
    assert isinstance(result, Removed)
    assert (result.id.number, result.fee) == (order, FEE)
    assert stage.wallet()[0] - before[0] == FEE


def test_step__two_step_order__is_filled_at_its_price(stage, long, expiry, two_steps):
    stage.credit.act(stage.owner, long, market_order(ETHER, WAD, expiry, FEE))
    two_steps(ETHER, 2_000)
    (result,) = stage.keeper().step().credit.results
    assert result.fee == FEE
    assert stage.credit.size(long, ETHER) == 2 * WAD


# --------------------------------------------------------------------------------------- requests


def test_step__request__is_filled_at_the_first_price_that_is_late_enough(stage, ask, two_steps):
    number, trader = ask()
    keeper = stage.keeper()
    assert keeper.step().credit.actions == ()
    two_steps(0, 10_000)
    before = stage.wallet()
    (result,) = keeper.step().credit.results
    assert (numbers(result), result.fee) == ([number], FEE)
    assert stage.wallet()[0] - before[0] == FEE
    assert stage.credit.suite.position(trader).size == WAD // 10
    assert keeper.step().credit.snapshot.requests == 0


def test_step__price_has_passed__is_removed_for_the_fee(stage, ask, two_steps):
    number, trader = ask()
    two_steps(0, 10_000)
    two_steps(0, 10_001)
    before = stage.wallet()
    (result,) = stage.keeper().step().credit.results
    assert isinstance(result, Removed)
    assert (str(result.id), result.fee) == (f"request/{number}", FEE)
    assert stage.wallet()[0] - before[0] == FEE
    assert stage.credit.suite.position(trader).size == 0


def test_step__expired_without_a_price__its_fee_is_the_traders_and_it_stays(
    stage, ask, two_steps, chain, expiry
):
    number, trader = ask(until=expiry)
    chain.mine(timestamp=expiry)
    keeper = stage.keeper()
    report = keeper.step()
    assert report.credit.actions == ()
    assert reasons(report) == {f"request/{number}": "pays 0"}
    assert reasons(keeper.step()) == {f"request/{number}": "pays 0"}
    (result,) = stage.keeper(unpaid=True).step().credit.results
    assert (result.id.number, result.fee) == (number, 0)
    assert stage.credit.suite.prep.balanceOf(trader) == FEE


def test_step__several_requests__the_price_of_one_does_not_hold__others_are_filled(
    stage, ask, two_steps
):
    wrong, _ = ask(acceptable=1)
    first, _ = ask()
    second, _ = ask(fee=FEE + 1)
    two_steps(0, 10_000)
    report = stage.keeper().step()
    (result,) = report.credit.results
    assert numbers(result) == [second, first]
    assert result.fee == 2 * FEE + 1
    assert reasons(report)[f"request/{wrong}"].startswith("PriceNotAcceptable(")


def test_step__trader_without_collateral__the_request_ends_and_pays(stage, ask, two_steps):
    poor, _ = ask(collateral=0)
    good, trader = ask()
    two_steps(0, 10_000)
    before = stage.wallet()
    report = stage.keeper().step()
    assert report.errors == ()
    filled = [number for result in report.credit.results for number in numbers(result)]
    ended = [i.number for result in report.credit.results for i in result.ended]
    assert (filled, ended) == ([good], [poor])
    assert stage.wallet()[0] - before[0] == 2 * FEE
    assert stage.credit.suite.position(trader).size > 0


# -------------------------------------------------------------------------------------- conflicts


def test_act__another_keeper_was_first__says_so_and_goes_on(
    stage, long, expiry, lp, ask, two_steps
):
    credit = stage.credit
    late, _ = ask()
    dead_for = stage.credit.suite.requests
    two_steps(0, 10_000)
    credit.act(stage.owner, long, market_order(ETHER, WAD, expiry, FEE))
    two_steps(ETHER, 2_000)
    (order,) = orders_of(stage, long)
    keeper = stage.keeper()
    look = keeper.desk.look(keeper.settings)
    credit.must(lp, dead_for, EXECUTE, late)
    report = act(keeper, look)
    assert [numbers(result) for result in report.credit.results] == [[order]]
    why = f"already done or healthy: UnknownRequest(requestId={late})"
    assert reasons(report) == {f"request/{late}": why}
    assert report.errors == ()


def test_act__one_of_several_was_filled_by_others__the_rest_is_filled(stage, long, expiry, lp):
    credit = stage.credit
    sells = [take_profit(ETHER, -WAD // 4, 2_000 * WAD, expiry, FEE) for _ in range(3)]
    credit.act(stage.owner, long, *sells)
    placed = sorted(orders_of(stage, long))
    keeper = stage.keeper()
    look = keeper.desk.look(keeper.settings)
    credit.must(lp, credit.book, EXECUTE, placed[1])
    report = act(keeper, look)
    (result,) = report.credit.results
    assert numbers(result) == [placed[0], placed[2]]
    assert list(reasons(report)) == [f"order/{placed[1]}"]


def test_step__restarted__finds_old_requests_and_removes_the_dead(stage, ask, two_steps):
    dead, _ = ask()
    assert stage.keeper().step().credit.actions == ()
    two_steps(0, 10_000)
    two_steps(0, 10_001)
    ready, _ = ask()
    two_steps(0, 10_002)
    results = stage.keeper().step().credit.results
    assert numbers(results[0]) == [ready]
    assert results[1].id.number == dead
    snapshot = stage.keeper().step().credit.snapshot
    assert (snapshot.requests, snapshot.chores) == (0, ())


def test_step__many_requests_that_are_gone__are_asked_for_once(
    stage, ask, two_steps, requests_sent
):
    for _ in range(4):
        ask()
    two_steps(0, 10_000)
    stage.keeper().step()
    keeper = stage.keeper(batch_size=1)
    requests_sent.clear()
    first = keeper.step().requests
    second = keeper.step().requests
    assert first == second + 4
