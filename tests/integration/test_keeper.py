"""The keeper against the contracts: whom it liquidates, what it earns, what it leaves alone."""

from contextlib import contextmanager
from dataclasses import replace
from threading import Event

import pytest
from web3._utils.http_session_manager import HTTPSessionManager

from prep.keeper import Keeper, Settings, decide
from prep.keeper.chain import NodeError
from prep.keeper.report import Round
from tests.suite import FULL, WAD

COLLATERAL = 1_000 * WAD
NOTIONAL = 15_000 * WAD  # 1.5 bitcoin at 10,000
REWARD = 75 * WAD  # 0.5 %
LIQUIDITY = 1_000_000 * WAD
FIXED_REQUESTS = 8  # block, gas price and six calls, however many positions there are
GWEI = 10**9


@pytest.fixture
def create_keeper(suite, liquidator):
    """A keeper that sends: `create_keeper(account=..., execute=..., **settings)`."""

    def create(account=liquidator, execute=True, deployment=suite, stop=None, **wanted):
        protocol, lens = deployment.protocol, deployment.lens
        return Keeper(protocol, lens, account, Settings(**wanted), execute, stop)

    return create


@pytest.fixture
def keeper(create_keeper):
    """Liquidates with the default settings."""
    return create_keeper()


@pytest.fixture(scope="module")
def suite(create_suite):
    """Of this file alone: its positions stay."""
    return create_suite()


@pytest.fixture(scope="module")
def longs(suite, lp, crowd):
    """Five longs of 1.5 bitcoin, ids 1 to 5: above 30x below a price of 9,666.67."""
    suite.provide(lp, LIQUIDITY)
    return [suite.open(account, COLLATERAL, NOTIONAL, True) for account in crowd[:5]]


@pytest.fixture(scope="module")
def deployments(create_suite, suite, longs, lp, crowd):
    """The plain market with its longs, and the one with everything on with three of 13.5x."""
    full_suite = create_suite(market=FULL, protocol_fee_rate=WAD // 10)
    full_suite.provide(lp, LIQUIDITY)
    for account in crowd[:3]:
        full_suite.open(account, COLLATERAL, 13_500 * WAD, True)
    return {"plain": suite, "full": full_suite}


@pytest.fixture
def requests_sent(monkeypatch):
    """How many HTTP requests have been sent, from whichever part of the process."""
    sent = []
    original = HTTPSessionManager.make_post_request

    def count(self, *arguments, **options):
        sent.append(arguments)
        return original(self, *arguments, **options)

    monkeypatch.setattr(HTTPSessionManager, "make_post_request", count)
    return sent


@contextmanager
def mining_stopped(provider):
    """Transactions wait until `provider.mine()`."""
    provider.auto_mine = False
    try:
        yield
    finally:
        provider.auto_mine = True


def events_of(suite, transaction, name):
    receipt = suite.protocol.provider.get_receipt(transaction)
    return list(receipt.decode_logs(getattr(suite.protocol, name)))


def act(keeper, look):
    """Carries out what was decided on an earlier look."""
    done = Round(keeper.execute)
    keeper.act(*look, done)
    return done.report(0)


# ------------------------------------------------------------------------------------------ whom


def test_step__all_healthy__touches_nobody(suite, keeper, longs, chain):
    suite.set_answer(966_666_700_000)  # 30x is passed one unit of the feed below
    height = chain.blocks.height
    report = keeper.step()
    assert (report.actions, report.liquidated, report.skipped, report.errors) == ((), (), (), ())
    assert chain.blocks.height == height, "nothing was sent"
    assert len(report.snapshot.positions) == len(longs)


def test_step__no_positions_at_all__does_nothing(create_suite, create_keeper, requests_sent):
    keeper = create_keeper(deployment=create_suite())
    requests_sent.clear()
    report = keeper.step()
    assert report.snapshot.positions == ()
    assert report.requests == len(requests_sent) == FIXED_REQUESTS


def test_step__price_fell__liquidates_all_above_30x_and_no_other(
    suite, keeper, longs, lp, crowd, liquidator
):
    safe = suite.open(crowd[5], 2 * COLLATERAL, NOTIONAL, True)
    short = suite.open(crowd[6], COLLATERAL, NOTIONAL, False)
    suite.set_price(9_650)
    above = [i for i in range(1, 8) if suite.protocol.checkPositionLeverageAndLiquidability(i)[1]]
    assert above == longs

    report = keeper.step()

    assert sorted(report.ids) == longs, "P5"
    assert report.errors == report.skipped == ()
    assert suite.protocol.getPositionDetails(liquidator).collateral == 5 * REWARD == report.reward
    for position_id in [*longs, safe, short]:
        leverage, liquidatable = suite.protocol.checkPositionLeverageAndLiquidability(position_id)
        assert not liquidatable, f"P5: {position_id} is left at {leverage}"
    assert suite.position(crowd[0]).size == WAD, "a third was closed"
    assert suite.position(crowd[5]).size == suite.position(crowd[6]).size * -1 == 15 * WAD // 10


def test_step__nothing_left_to_do__second_round_sends_nothing(suite, keeper, longs, chain):
    suite.set_price(9_650)
    assert len(keeper.step().liquidated) == 5
    height = chain.blocks.height
    assert keeper.step().actions == ()
    assert chain.blocks.height == height


def test_step__own_position__is_skipped(suite, create_keeper, longs, crowd):
    keeper = create_keeper(account=crowd[1])
    suite.set_price(9_650)
    report = keeper.step()
    assert sorted(report.ids) == [1, 3, 4, 5]
    assert [(s.id, s.reason) for s in report.skipped] == [(2, "own position")]
    assert suite.position(crowd[1]).collateral == COLLATERAL + 4 * REWARD


def test_act__decided_for_somebody_else__own_position_is_refused_in_the_simulation(
    suite, create_keeper, longs, crowd
):
    suite.set_price(9_650)
    look = create_keeper(account=None, execute=False).look()
    report = act(create_keeper(account=crowd[1]), look)
    assert [(error.id, error.reason) for error in report.errors] == [(2, "SelfLiquidation()")]
    assert report.ids == (1, 3, 4, 5)


def test_step__dry_run__sends_nothing_and_says_what_it_would(suite, create_keeper, longs, chain):
    suite.set_price(9_650)
    height, waiting = chain.blocks.height, chain.provider.web3.eth.get_block("pending")
    report = create_keeper(execute=False).step()
    assert sorted(action.id for action in report.actions) == longs
    assert (report.liquidated, report.gas_spent) == ((), 0)
    assert chain.blocks.height == height
    assert waiting["transactions"] == []


def test_step__dry_run_without_an_account__looks_at_all(suite, create_keeper, longs):
    suite.set_price(9_650)
    report = create_keeper(account=None, execute=False).step()
    assert sorted(action.id for action in report.actions) == longs


def test_keeper__executing_without_an_account__is_refused(create_keeper):
    with pytest.raises(ValueError, match="executing needs an account"):
        create_keeper(account=None, execute=True)


def test_step__told_to_stop__finishes_what_it_does_and_begins_nothing(
    suite, create_keeper, longs, chain
):
    stop = Event()
    keeper = create_keeper(stop=stop)
    suite.set_price(9_650)
    look = keeper.look()
    stop.set()
    height = chain.blocks.height
    assert {skip.reason for skip in act(keeper, look).skipped} == {"stopping"}
    assert chain.blocks.height == height


# --------------------------------------------------------------------------------------- how much


@pytest.mark.parametrize("market", ["plain", "full"])
@pytest.mark.parametrize(
    "price",
    [
        9_580,  # a third is closed
        9_500,  # a third, then the rest
        9_250,  # nothing is left: all is closed, and the vault pays up to its bound
        9_000,  # bad debt
    ],
)
def test_step__reward__is_the_expected_one_exactly(deployments, create_keeper, price, market):
    deployment = deployments[market]
    deployment.set_price(price)
    report = create_keeper(deployment=deployment).step()

    assert report.liquidated
    assert report.errors == report.skipped == ()
    paid = [
        event.reward
        for done in report.liquidated
        for event in events_of(deployment, done.transaction, "PositionLiquidated")
    ]
    assert [done.reward for done in report.liquidated] == paid
    assert [action.reward for action in report.actions] == paid


@pytest.mark.parametrize("market, price", [("plain", 9_998), ("full", 10_050)])
def test_decide__rewards_that_depend_on_time_and_each_other__are_those_of_the_chain(
    deployments, create_keeper, accounts, crowd, chain, market, price
):
    """All in one block, by different callers: the expectation for that block's time is exact."""
    deployment = deployments[market]
    traders = crowd[5:9]
    for account in traders:
        deployment.open(account, 6_000 * WAD, 60_000 * WAD, True)
        chain.mine(timestamp=chain.pending_timestamp + 3_600)
    # They take almost all of their collateral away while they win, and then the price is back:
    # hardly anything is left to pay the reward from, and less with every second.
    deployment.set_price(12_000)
    for account in traders:
        rest = deployment.position(account).collateral - 30 * WAD
        deployment.protocol.withdrawCollateral(rest, sender=account)
    deployment.set_price(price)
    snapshot, todo = create_keeper(deployment=deployment).look()
    assert len(todo.actions) >= 3

    web3 = chain.provider.web3
    with mining_stopped(chain.provider):
        hashes = [
            web3.eth.send_transaction(
                {
                    "from": caller.address,
                    "to": deployment.protocol.address,
                    "data": deployment.protocol.liquidatePosition.encode_input(action.id),
                    "gas": 600_000,
                }
            )
            for caller, action in zip(accounts, todo.actions, strict=False)
        ]
        chain.mine(timestamp=snapshot.timestamp + 60)
    blocks = {
        web3.eth.get_transaction_receipt(transaction)["blockNumber"] for transaction in hashes
    }
    assert len(blocks) == 1
    later = decide(replace(snapshot, timestamp=snapshot.timestamp + 60), Settings())
    assert later != todo.actions, "time matters"
    events = [
        event
        for transaction in hashes
        for event in events_of(deployment, transaction.to_0x_hex(), "PositionLiquidated")
    ]
    assert [(event.id, event.reward) for event in events] == [(a.id, a.reward) for a in later]


def test_step__profit_below_the_minimum__sends_nothing(suite, create_keeper, longs, chain):
    suite.set_price(9_650)
    gas_price = chain.provider.web3.eth.gas_price
    # A native token for 75 PREP: the reward is eaten up when 1 / (gas price * 250,000) of it are.
    native_price = REWARD * WAD // (250_000 * gas_price)
    for settings, expected in [
        ({"native_price": native_price}, 5),
        ({"native_price": native_price, "min_profit": 10}, 0),
    ]:
        keeper = create_keeper(execute=False, max_gas_price=gas_price, **settings)
        assert len(keeper.step().actions) == expected
    height = chain.blocks.height
    keeper = create_keeper(native_price=native_price, min_profit=10)
    assert len(keeper.step().skipped) == 5
    assert chain.blocks.height == height


def test_step__gas_limit_of_a_day_is_reached__stops_until_the_next(
    suite, create_keeper, longs, chain
):
    suite.set_price(9_650)
    gas_price = chain.provider.web3.eth.gas_price
    most = 2 * gas_price * Settings().gas_limit  # of a transaction; its fee may double
    keeper = create_keeper(max_daily_gas=most + most // 4)
    report = keeper.step()
    assert 1 < len(report.liquidated) < 5
    assert report.gas_spent <= most + most // 4
    left = {1, 2, 3, 4, 5} - set(report.ids)
    assert {skip.id for skip in report.skipped} == left
    assert {"wei of gas in a day" in skip.reason for skip in report.skipped} == {True}

    chain.mine(timestamp=chain.pending_timestamp + 86_401)
    assert keeper.step().liquidated, "a day later there is room again"


def test_step__gas_price_rises_after_the_decision__sends_nothing(
    suite, create_keeper, longs, chain
):
    suite.set_price(9_650)
    gas_price = chain.provider.web3.eth.gas_price
    keeper = create_keeper(max_gas_price=gas_price)
    look = keeper.look()
    chain.provider.make_request("anvil_setNextBlockBaseFeePerGas", [hex(50 * GWEI)])
    chain.mine()
    try:
        height = chain.blocks.height
        report = act(keeper, look)
        assert len(report.actions) == 5
        assert {f"above {gas_price}" in skip.reason for skip in report.skipped} == {True}
        assert chain.blocks.height == height
        assert {skip.reason.split()[0] for skip in keeper.step().skipped} == {"gas"}
    finally:
        chain.provider.make_request("anvil_setNextBlockBaseFeePerGas", ["0x0"])
        chain.mine()


def test_step__fees_offered__leave_the_profit_and_allow_for_twice_the_price(
    suite, create_keeper, longs, chain
):
    web3 = chain.provider.web3
    gas_price = web3.eth.gas_price
    offered = []
    for limit in (gas_price, 3 * gas_price):
        suite.set_price(9_650)
        report = create_keeper(max_gas_price=limit, max_actions=1).step()
        offered.append(web3.eth.get_transaction(report.liquidated[0].transaction))
    assert [tx["type"] for tx in offered] == [2, 2]
    assert [tx["maxFeePerGas"] for tx in offered] == [gas_price, 2 * gas_price]
    assert {tx["maxPriorityFeePerGas"] for tx in offered} == {gas_price}, "above a base fee of 0"
    assert {tx["gas"] for tx in offered} == {Settings().gas_limit}


def test_step__chain_without_a_base_fee__offers_the_gas_price(
    suite, keeper, longs, chain, monkeypatch
):
    suite.set_price(9_650)
    original = keeper.chain.latest_block
    without = {"number", "timestamp"}
    monkeypatch.setattr(
        keeper.chain, "latest_block", lambda: {key: original()[key] for key in without}
    )
    report = keeper.step()
    assert report.ids == (1, 2, 3, 4, 5)
    transaction = chain.provider.web3.eth.get_transaction(report.liquidated[0].transaction)
    assert (transaction["type"], transaction["gasPrice"]) == (0, chain.provider.web3.eth.gas_price)


# ----------------------------------------------------------------------------------- many and gaps


def test_look__more_positions_than_a_page__reads_all_with_one_request_a_page(
    suite, create_keeper, longs, crowd, requests_sent
):
    for account in crowd[5:9]:
        suite.open(account, COLLATERAL, NOTIONAL, True)
    for page_size, pages in [(1, 9), (2, 5), (3, 3), (4, 3), (8, 2), (9, 1), (500, 1)]:
        keeper = create_keeper(page_size=page_size)
        requests_sent.clear()
        snapshot, _ = keeper.look()
        assert [position.id for position in snapshot.positions] == list(range(1, 10))
        assert keeper.chain.requests == len(requests_sent) == FIXED_REQUESTS + pages


def test_look__ids_with_gaps__reads_what_is_open(suite, create_keeper, longs, crowd):
    for account in (crowd[0], crowd[2], crowd[4]):
        suite.protocol.closePosition(sender=account)
    for page_size in (1, 2, 500):
        snapshot, _ = create_keeper(page_size=page_size).look()
        assert snapshot.highest_id == 5
        assert [position.id for position in snapshot.positions] == [2, 4]
    suite.set_price(9_650)
    assert sorted(create_keeper(page_size=2).step().ids) == [2, 4]


def test_look__is_of_one_block__however_the_chain_moves_on(
    suite, create_keeper, longs, crowd, monkeypatch
):
    """Between two requests another block comes with another price: it is not mixed in."""
    keeper = create_keeper(page_size=1)
    before, _ = keeper.look()
    original = keeper.chain.call
    moved = []

    def call(contract, function, *arguments, **options):
        if function == "positions" and not moved:
            moved.append(True)
            suite.set_price(9_000)
            suite.protocol.closePosition(sender=crowd[4])
        return original(contract, function, *arguments, **options)

    monkeypatch.setattr(keeper.chain, "call", call)
    during, todo = keeper.look()
    assert moved
    assert during == before
    assert todo.actions == ()


# --------------------------------------------------------------------------------------- conflicts


def test_act__another_keeper_was_first__says_so_and_goes_on(
    suite, create_keeper, longs, lp, liquidator
):
    suite.set_price(9_650)
    first, second = create_keeper(max_actions=2), create_keeper(account=lp)
    look = second.look()
    taken = first.step().ids
    report = act(second, look)
    assert len(taken) == 2
    assert sorted([*taken, *report.ids]) == longs, "each of them once"
    assert report.errors == ()
    assert {skip.id for skip in report.skipped} == set(taken)
    assert {skip.reason.split("(")[0] for skip in report.skipped} == {
        "already done or healthy: PositionHealthy"
    }


def test_act__position_closed_meanwhile__says_so_and_goes_on(suite, keeper, longs, crowd):
    suite.set_price(9_650)
    look = keeper.look()
    suite.protocol.closePosition(sender=crowd[2])
    report = act(keeper, look)
    assert sorted(report.ids) == [1, 2, 4, 5]
    reason = "already done or healthy: UnknownPosition(id=3)"
    assert [(skip.id, skip.reason) for skip in report.skipped] == [(3, reason)]


def test_step__two_keepers_in_one_block__the_second_says_so_and_counts_its_gas(
    suite, create_keeper, longs, lp, liquidator, chain
):
    suite.set_price(9_650)
    first, second = (
        create_keeper(account=account, max_actions=1, receipt_timeout=0)
        for account in (liquidator, lp)
    )
    with mining_stopped(chain.provider):
        assert "not mined yet" in first.step().errors[0].reason
        assert "not mined yet" in second.step().errors[0].reason
        chain.mine()
    first.settings, second.settings = Settings(max_actions=0), Settings(max_actions=1)
    (transaction,) = (t for t in chain.blocks.head.transactions if t.sender == lp)
    late = second.step()
    assert first.step().ids == (1,)
    reasons = {skip.id: skip.reason for skip in late.skipped}
    assert reasons[1].startswith("already done or healthy: PositionHealthy(")
    assert late.ids == (2,), "it goes on"
    receipt = chain.provider.web3.eth.get_transaction_receipt(transaction.txn_hash)
    assert receipt["status"] == 0
    lost = receipt["gasUsed"] * receipt["effectiveGasPrice"]
    assert late.gas_spent == lost + late.liquidated[0].gas_cost


def test_act__one_reverts__the_others_are_liquidated(suite, keeper, longs, crowd, monkeypatch):
    """The price is back for one call only: that liquidation fails when it is mined."""
    suite.set_price(9_650)
    look = keeper.look()
    original = keeper.chain.send
    sent = []

    def send(raw):
        sent.append(raw)
        if len(sent) == 2:
            suite.set_price(10_000)
            original(raw)
            suite.set_price(9_650)
        else:
            original(raw)

    monkeypatch.setattr(keeper.chain, "send", send)
    report = act(keeper, look)
    assert report.ids == (1, 3, 4, 5)
    assert len(sent) == 5


def test_act__price_gets_stale_after_the_decision__each_one_is_an_error(
    suite, keeper, longs, chain
):
    suite.set_price(9_650)
    updated_at = chain.blocks.head.timestamp
    look = keeper.look()
    chain.mine(timestamp=updated_at + 7 * 86_400 + 1)
    report = act(keeper, look)
    reason = f"AnswerStale(updatedAt={updated_at}, heartbeat={7 * 86_400})"
    assert [(e.id, e.reason) for e in report.errors] == [(i, reason) for i in longs], "R6"


def test_step__stale_price__says_why_and_waits(suite, keeper, longs, chain, requests_sent):
    suite.set_price(9_650)
    updated_at = chain.blocks.head.timestamp
    chain.mine(timestamp=updated_at + 7 * 86_400 + 1)
    requests_sent.clear()
    report = keeper.step()
    assert report.snapshot.price is None, "R6"
    assert (
        report.snapshot.no_price == f"AnswerStale(updatedAt={updated_at}, heartbeat={7 * 86_400})"
    ), "R6"
    assert (report.actions, report.errors, report.unreachable) == ((), (), "")
    assert len(requests_sent) == FIXED_REQUESTS, "positions are not read"

    suite.set_price(9_650)
    assert sorted(keeper.step().ids) == longs


@pytest.mark.parametrize("answer", [0, -1])
def test_step__no_usable_price__says_why_and_waits(suite, keeper, longs, answer):
    suite.set_answer(answer)
    report = keeper.step()
    assert report.snapshot.no_price == f"AnswerNotPositive(answer={answer})", "R6"
    assert report.actions == report.errors == ()


def test_step__price_above_what_the_protocol_takes__says_why_and_waits(suite, keeper, longs):
    suite.set_answer(10**26 + 1)  # of 8 decimals: 1e36 and a little, WAD
    report = keeper.step()
    assert report.snapshot.no_price == f"PriceOutOfBounds(price={10**36 + 10**10}, max={10**36})"
    assert report.actions == ()


def test_step__market_closed_to_new_risk__liquidates_all_the_same(suite, keeper, longs):
    suite.protocol.disableMarket(0, sender=suite.guardian)
    suite.set_price(9_650)
    assert sorted(keeper.step().ids) == longs


def test_look__no_contract_at_the_address__is_an_error_of_the_node(suite, create_keeper, project):
    keeper = create_keeper()
    nobody = project.Protocol.at("0x" + 20 * "42", fetch_from_explorer=False)
    keeper._protocol = keeper.chain.contract(nobody)
    with pytest.raises(NodeError, match=f"no contract at {nobody.address}"):
        keeper.look()
    assert keeper.step().unreachable.startswith("no contract at")


def test_look__page_is_more_than_the_node_computes__is_an_error_of_the_node(
    suite, create_keeper, longs, monkeypatch
):
    keeper = create_keeper()
    original = keeper.chain.call

    def call(contract, function, *arguments, **options):
        gas = {"gas": 60_000} if function == "positions" else {}
        return original(contract, function, *arguments, **options, **gas)

    monkeypatch.setattr(keeper.chain, "call", call)
    report = keeper.step()
    assert report.unreachable
    assert report.snapshot is None


# --------------------------------------------------------------------------------- what was sent


def test_step__not_mined_in_time__sends_nothing_until_it_is(
    suite, create_keeper, longs, liquidator, chain
):
    suite.set_price(9_650)
    keeper = create_keeper(receipt_timeout=0)
    web3 = chain.provider.web3
    with mining_stopped(chain.provider):
        report = keeper.step()
        (error,) = report.errors
        assert error.reason.startswith("not mined yet: 0x")
        assert len(report.skipped) == 4
        assert all(skip.reason.startswith("waiting for 0x") for skip in report.skipped)

        report = keeper.step()
        assert len(report.skipped) == 5
        assert report.errors == report.liquidated == ()
        assert len(web3.eth.get_block("pending")["transactions"]) == 1, "one in flight"
        chain.mine()

    keeper.settings = Settings()
    report = keeper.step()
    assert sorted(report.ids) == longs, "the one that waited among them"
    assert suite.position(liquidator).collateral == 5 * REWARD == report.reward


def test_step__node_forgot_the_transaction__sends_it_again(suite, create_keeper, longs, chain):
    suite.set_price(9_650)
    keeper = create_keeper(receipt_timeout=0, max_actions=1)
    with mining_stopped(chain.provider):
        (error,) = keeper.step().errors
        transaction = error.reason.split()[-1]
        chain.provider.make_request("anvil_dropTransaction", [transaction])
    keeper.settings = Settings(max_actions=1)
    report = keeper.step()
    assert [e.reason for e in report.errors] == [f"{transaction} was forgotten by the node"]
    assert report.ids == (1,)


def test_step__node_lost_while_sending__follows_up_and_sends_nothing_twice(
    suite, keeper, longs, liquidator, monkeypatch
):
    suite.set_price(9_650)
    original = keeper.chain.send
    sent = []

    def send(raw):
        sent.append(raw)
        original(raw)
        if len(sent) == 2:
            raise NodeError("did not answer in time")

    monkeypatch.setattr(keeper.chain, "send", send)
    broken = keeper.step()
    assert broken.unreachable == "did not answer in time"
    assert broken.ids == (1,)
    report = keeper.step()
    assert report.ids == (2, 3, 4, 5), "the second was taken all the same"
    assert len(sent) == 5
    assert suite.position(liquidator).collateral == 5 * REWARD


def test_step__owner_replaced_the_transaction__goes_on_and_counts_it_as_spent(
    suite, create_keeper, longs, liquidator, chain
):
    suite.set_price(9_650)
    most = 2 * chain.provider.web3.eth.gas_price * Settings().gas_limit
    keeper = create_keeper(receipt_timeout=0, max_actions=1)
    with mining_stopped(chain.provider):
        (error,) = keeper.step().errors
        transaction = error.reason.split()[-1]
        chain.provider.make_request("anvil_dropTransaction", [transaction])
        chain.provider.web3.eth.send_transaction(
            {"from": liquidator.address, "to": liquidator.address, "gas": 21_000}
        )
        chain.mine()
    keeper.settings = Settings(max_actions=1, max_daily_gas=2 * most - 1)
    report = keeper.step()
    assert [e.reason for e in report.errors] == [f"{transaction} was replaced by another one"]
    assert "wei of gas in a day" in report.skipped[-1].reason
    keeper.settings = Settings(max_actions=1, max_daily_gas=2 * most)
    assert keeper.step().ids == (1,)


def test_step__account_without_money__is_an_error_and_no_transaction(
    suite, create_keeper, longs, liquidator, chain
):
    suite.set_price(9_650)
    chain.provider.set_balance(liquidator.address, 0)
    report = create_keeper().step()
    assert [error.id for error in report.errors] == longs
    assert {"nsufficient funds" in error.reason for error in report.errors} == {True}
    chain.provider.set_balance(liquidator.address, 10**21)
    assert sorted(create_keeper().step().ids) == longs
