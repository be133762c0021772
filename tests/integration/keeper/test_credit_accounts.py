"""The keeper and credit accounts on the contracts: whom it liquidates, for what, what it earns."""

from threading import Event

import pytest

from prep.credit.actions import trade
from prep.keeper.chain import NodeError
from prep.keeper.credit.report import AccountLiquidated, Approved
from prep.model.fixed import mul_div_ceil
from tests.credit import ETHER, PREP, SOL, USD, WBTC, WETH, deploy_credit
from tests.integration.keeper.credit_stage import BITCOIN, DOLLAR, Stage, act
from tests.suite import UNLIMITED, WAD

PRICES = {PREP: WAD, WETH: 1_300 * WAD, WBTC: 10_000 * 10**28, USD: 10**30}
FEE_FREE = {"native_price": 0}


@pytest.fixture(scope="module")
def stage(create_suite, project, lp, trader, liquidator):
    return Stage(deploy_credit(project, create_suite(), lp), trader, liquidator)


@pytest.fixture
def needy(stage):
    """An account that is liquidatable since ether costs $1,300. The keeper has $1,000."""
    account = stage.needy()
    stage.credit.set_asset_price(WETH, 1_300)
    stage.fund(USD, 1_000 * DOLLAR)
    assert stage.in_need(account)
    return account


def gained(before, after):
    """What a wallet has won, PREP base units: every change rounded against it."""
    total = 0
    for asset, price in PRICES.items():
        change = after[asset] - before[asset]
        total += change * price // WAD if change > 0 else -mul_div_ceil(-change, price, WAD)
    return total


def reasons(report):
    return {str(skipped.id): skipped.reason for skipped in report.credit.skipped}


# ---------------------------------------------------------------------------------- what it takes


@pytest.mark.parametrize(
    "holdings, better",
    [
        # A hundred dollars of bitcoin are seized whole; of ether more debt can be paid.
        ({"weth": WAD, "wbtc": BITCOIN // 100}, WETH),
        # A third of a dollar in ether: nearly all of what is held is bitcoin.
        ({"weth": WAD // 4_000, "wbtc": BITCOIN * 2 // 10}, WBTC),
    ],
)
def test_step__two_collaterals__takes_the_one_that_yields_more(stage, holdings, better):
    account = stage.needy(**holdings)
    stage.credit.set_asset_price(WETH, 1_300)
    if better == WBTC:
        stage.credit.set_asset_price(WBTC, 6_300)
    stage.fund(USD, 1_000 * DOLLAR)
    prices = PRICES | {WBTC: stage.credit.oracles[WBTC].price()}
    before = stage.wallet()
    possible = {}
    for collateral in (WETH, WBTC):
        done = stage.tried(account, USD, collateral, 1_000 * DOLLAR)
        seized, repaid = done.seized * prices[collateral], done.repaid * prices[USD]
        possible[collateral] = seized // WAD + done.reward - -(-repaid // WAD)
    assert max(possible, key=possible.get) == better
    assert min(possible.values()) > 0, "the other one would pay too"

    report = stage.keeper(**FEE_FREE).step()

    assert report.errors == ()
    (result,) = report.credit.results
    assert isinstance(result, AccountLiquidated)
    trial, outcome = result.action.choice.trial, result.outcome
    assert (trial.debt, trial.collateral) == (USD, better)
    assert result.action.choice.yields == possible[better], "exactly what was to be expected"
    after = stage.wallet()
    assert before[USD] - after[USD] == outcome.repaid > 0
    assert after[better] - before[better] == outcome.seized > 0
    assert after[PREP] - before[PREP] == outcome.reward
    assert outcome.closed > 0
    assert not stage.in_need(account)


def test_step__healthy_account__is_left_alone(stage, chain):
    account = stage.needy()
    stage.fund(USD, 1_000 * DOLLAR)
    assert not stage.in_need(account)
    height = chain.blocks.height
    report = stage.keeper(**FEE_FREE).step()
    assert (report.credit.actions, report.credit.skipped) == ((), ())
    assert [a.number for a in report.credit.snapshot.accounts] == [account]
    assert chain.blocks.height == height


def test_step__no_debt_but_a_position__is_closed_for_the_reward(stage):
    """Nothing is owed: the keeper needs no money of its own."""
    credit = stage.credit
    account = credit.funded(stage.owner, prep=250 * WAD)
    credit.act(stage.owner, account, trade(SOL, 10 * 10**6))
    credit.set_market_price(SOL, 80)  # 50 left, and 80 needed
    before = stage.wallet()
    report = stage.keeper(**FEE_FREE).step()
    (result,) = report.credit.results
    assert result.outcome.repaid == 0
    assert result.outcome.reward == result.yields == 800 * WAD * 25 // 10_000
    assert stage.wallet()[PREP] - before[PREP] == result.outcome.reward
    assert credit.size(account, SOL) == 0


def test_step__one_cannot_be_priced__says_so_and_the_other_is_liquidated(stage, needy):
    other = stage.needy(size=0)
    stage.credit.set_asset_price(WETH, 1_200)
    stage.credit.set_market_price(ETHER, 0)  # only the first one has a position there
    report = stage.keeper(**FEE_FREE).step()
    assert [result.action.id.number for result in report.credit.results] == [other]
    assert report.errors == ()
    ((who, why),) = reasons(report).items()
    assert (who, why.partition("(")[0]) == (f"account/{needy}", "PriceOutOfBounds")


# --------------------------------------------------------------------------------- its own money


def test_step__no_allowance__says_what_to_approve_and_keeps_its_money(stage, needy, chain):
    token = stage.credit.tokens[USD]
    token.approve(stage.credit.manager, 0, sender=stage.keeper_account)
    height = chain.blocks.height
    # What closing alone would pay is less than is wanted.
    report = stage.keeper(min_profit=5 * WAD).step()
    assert report.credit.results == ()
    assert chain.blocks.height == height
    needs = f"asset {USD} ({token.address}): have {1_000 * DOLLAR}, approved 0"
    assert reasons(report)[f"account/{needy}"].startswith("pays 2500000000000000000 less gas 0, ")
    assert reasons(report)[f"account/{needy}"].endswith(needs)


def test_step__limit_of_a_liquidation__pays_no_more(stage, needy):
    report = stage.keeper(max_repay=20 * WAD).step()
    (result,) = report.credit.results
    assert result.outcome.repaid == 20 * DOLLAR
    assert result.action.choice.trial.max_repay == 20 * DOLLAR


def test_step__balance_below_the_limit__pays_what_there_is(stage, needy):
    token = stage.credit.tokens[USD]
    token.transfer(stage.owner, 990 * DOLLAR, sender=stage.keeper_account)
    (result,) = stage.keeper().step().credit.results
    assert result.outcome.repaid == 10 * DOLLAR
    assert token.balanceOf(stage.keeper_account) == 0


def test_step__approving__approves_exactly_what_the_liquidation_takes(stage, needy):
    token, manager = stage.credit.tokens[USD], stage.credit.manager
    token.approve(manager, 0, sender=stage.keeper_account)
    before = stage.wallet()
    report = stage.keeper(approve=True, max_repay=1_000 * WAD).step()
    approved, liquidated = report.credit.results
    assert isinstance(approved, Approved)
    assert 0 < approved.action.amount < 1_000 * DOLLAR
    assert liquidated.outcome.repaid == before[USD] - stage.wallet()[USD]
    assert liquidated.outcome.repaid <= approved.action.amount
    left = token.allowance(stage.keeper_account, manager)
    assert left == approved.action.amount - liquidated.outcome.repaid
    assert not stage.in_need(needy)


def test_step__approving_with_enough_allowance__does_not_touch_it(stage, needy):
    token, manager = stage.credit.tokens[USD], stage.credit.manager
    token.approve(manager, 500 * DOLLAR, sender=stage.keeper_account)
    (result,) = stage.keeper(approve=True, max_repay=1_000 * WAD).step().credit.results
    left = token.allowance(stage.keeper_account, manager)
    assert left == 500 * DOLLAR - result.outcome.repaid


def test_step__node_cannot_try_out_an_approval__does_what_it_can_without(stage, needy, monkeypatch):
    stage.credit.tokens[USD].approve(stage.credit.manager, 0, sender=stage.keeper_account)
    keeper = stage.keeper(approve=True, max_repay=1_000 * WAD)
    original = keeper.chain.many

    def many(requests):
        if any(method == "eth_simulateV1" for method, _ in requests):
            raise NodeError("method not found")
        return original(requests)

    monkeypatch.setattr(keeper.chain, "many", many)
    (result,) = keeper.step().credit.results
    assert (result.outcome.repaid, result.outcome.closed > 0) == (0, True)


def test_step__dry_run__sends_nothing_and_says_what_it_would(stage, needy, chain):
    height = chain.blocks.height
    report = stage.keeper(execute=False).step()
    (action,) = report.credit.actions
    assert (action.id.number, action.choice.trial.collateral) == (needy, WETH)
    assert report.credit.results == ()
    assert chain.blocks.height == height
    assert stage.in_need(needy)


# --------------------------------------------------------------------------------- worth its gas


def test_step__gas_eats_the_yield__sends_nothing(stage, needy, chain):
    chain.mine(timestamp=chain.blocks.head.timestamp + 10)  # interest is stored from now on
    probe = stage.keeper(execute=False).step().credit.actions[0]
    gas_price = chain.provider.web3.eth.gas_price
    # At this price of the native token the whole gas limit costs what is earned.
    native = probe.choice.yields * WAD // (probe.gas_limit * gas_price)
    height = chain.blocks.height
    report = stage.keeper(native_price=native * 11 // 10, max_gas_price=10**12).step()
    assert report.credit.results == ()
    assert "less gas" in reasons(report)[f"account/{needy}"]
    assert chain.blocks.height == height


def test_step__gas_is_worth_it__never_costs_more_than_was_earned(stage, needy, chain):
    chain.mine(timestamp=chain.blocks.head.timestamp + 10)  # interest is stored from now on
    probe = stage.keeper(execute=False).step().credit.actions[0]
    gas_price = chain.provider.web3.eth.gas_price
    native = probe.choice.yields * WAD // (probe.gas_limit * gas_price) * 9 // 10
    before = stage.wallet()
    report = stage.keeper(native_price=native, max_gas_price=10**12).step()
    (result,) = report.credit.results
    cost = mul_div_ceil(result.gas_cost, native, WAD)
    assert report.gas_spent == result.gas_cost
    assert 0 < cost <= gained(before, stage.wallet()) == result.yields
    assert result.gas_used <= result.action.gas_limit


def test_step__account_with_nothing_left__is_written_off_only_when_wanted(stage, chain):
    account = stage.broke()
    height = chain.blocks.height
    report = stage.keeper().step()
    assert reasons(report)[f"account/{account}"].startswith("pays 0")
    assert chain.blocks.height == height

    report = stage.keeper(unpaid=True).step()
    (result,) = report.credit.results
    assert result.outcome.bad_debt >= 300 * WAD
    assert stage.credit.debt(account, PREP) == 0
    assert stage.keeper(unpaid=True).step().credit.actions == ()


def test_step__unpaid__leaves_half_of_the_gas_of_a_day_for_what_pays(stage):
    account = stage.broke()
    probe = stage.keeper(unpaid=True, execute=False).step().credit.actions[0]
    price = 2 * stage.credit.suite.protocol.provider.web3.eth.gas_price
    most = probe.gas_limit * price  # of the transaction, with room for the base fee to double
    limit = most * 3 // 2
    report = stage.keeper(unpaid=True, max_daily_gas=limit).step()
    assert reasons(report)[f"account/{account}"] == f"more than {limit // 2} wei of gas in a day"
    (result,) = stage.keeper(unpaid=True, max_daily_gas=2 * limit).step().credit.results
    assert result.outcome.bad_debt > 0


# -------------------------------------------------------------------------------------- conflicts


def test_act__another_keeper_was_first__says_so_and_goes_on(stage, needy, other_trader, lp):
    second = stage.needy(owner=other_trader, size=0, weth=WAD * 9 // 10)
    credit, keeper = stage.credit, stage.keeper()
    credit.set_asset_price(WETH, 1_300)
    assert stage.in_need(second)
    look = keeper.desk.look(keeper.settings)
    stage.fund(USD, 1_000 * DOLLAR, lp)
    most = 1_000 * DOLLAR
    credit.must(lp, credit.manager, LIQUIDATE, needy, USD, WETH, most)
    before = stage.wallet()
    report = act(keeper, look)
    assert [result.action.id.number for result in report.credit.results] == [second]
    assert report.errors == ()
    late = reasons(report)[f"account/{needy}"]
    assert late.startswith("already done or healthy")
    assert stage.wallet()[PREP] == before[PREP], "nothing for what others did"


LIQUIDATE = "liquidate(uint256,uint256,uint256,uint256)"


def test_step__several_accounts__the_money_is_counted_anew_after_each(stage, needy, other_trader):
    second = stage.needy(owner=other_trader, weth=WAD * 9 // 10, size=0)
    stage.credit.set_asset_price(WETH, 1_200)
    token = stage.credit.tokens[USD]
    # Not enough for both.
    token.transfer(stage.owner, 400 * DOLLAR, sender=stage.keeper_account)
    first = stage.keeper().step()
    numbers = [result.action.id.number for result in first.credit.results]
    assert sorted(numbers) == [needy, second]
    repaid = [result.outcome.repaid for result in first.credit.results]
    assert sum(repaid) <= 600 * DOLLAR
    assert repaid[1] == min(repaid[1], 600 * DOLLAR - repaid[0])
    assert first.errors == ()
    yields = [action.choice.yields for action in first.credit.actions]
    assert yields[0] >= yields[1] > 0


def test_step__told_to_stop__begins_nothing(stage, needy, chain):
    stop = Event()
    keeper = stage.keeper(stop=stop)
    look = keeper.desk.look(keeper.settings)
    stop.set()
    height = chain.blocks.height
    assert reasons(act(keeper, look)) == {f"account/{needy}": "stopping"}
    assert chain.blocks.height == height


def test_step__node_refuses_many_calls_in_one__isolated_liquidations_go_on(
    stage, needy, crowd, lp, monkeypatch
):
    suite = stage.credit.suite
    position = suite.open(crowd[0], 1_000 * WAD, 15_000 * WAD, True)
    suite.set_price(9_650)
    keeper = stage.keeper()

    def many(requests):
        raise NodeError("batches are not allowed")

    monkeypatch.setattr(keeper.chain, "many", many)
    report = keeper.step()
    assert report.ids == (position,)
    assert report.credit.interrupted == "batches are not allowed"
    monkeypatch.undo()
    assert [r.action.id.number for r in keeper.step().credit.results] == [needy]


def test_step__restarted__finds_everything_again(stage, needy):
    stage.credit.set_asset_price(WETH, 1_200)
    first = stage.keeper(max_repay=20 * WAD)
    assert len(first.step().credit.results) == 1
    assert stage.in_need(needy), "a limit kept it from doing all"
    (result,) = stage.keeper().step().credit.results
    assert result.action.id.number == needy
    assert not stage.in_need(needy)
    assert stage.keeper().step().credit.actions == ()


# ---------------------------------------------------------------------------------- what it costs


@pytest.mark.parametrize("batch_size", [2, 100])
def test_step__requests__grow_with_the_accounts_by_the_page(
    stage, requests_sent, batch_size, other_trader
):
    def ask():
        requests_sent.clear()
        report = stage.keeper(execute=False, batch_size=batch_size).step()
        assert report.requests == len(requests_sent)
        return report.requests

    def pages(calls):
        return -(-calls // batch_size)

    nothing = ask()
    for _ in range(3):
        stage.credit.open(other_trader)
    assert ask() == nothing + pages(2 * 3), "what they hold, and their orders"
    stage.needy()
    stage.needy()
    assert ask() == nothing + pages(2 * 5) + pages(2), "and the health of those with debt"


def test_limits__unlimited_allowance_of_the_operator__is_never_asked_for(stage, needy):
    """The keeper itself approves an amount; that what it was given is large is the operator's."""
    token, manager = stage.credit.tokens[USD], stage.credit.manager
    token.approve(manager, 0, sender=stage.keeper_account)
    report = stage.keeper(approve=True, max_repay=UNLIMITED).step()
    approved = report.credit.results[0]
    assert approved.action.amount <= 1_001 * DOLLAR
