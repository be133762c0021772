"""The keeper against the contracts: whom it liquidates, what it earns, what it leaves alone."""

from dataclasses import replace
from threading import Event

import pytest

from prep.keeper import Settings, decide
from tests.integration.keeper.stage import (
    COLLATERAL,
    FIXED_REQUESTS,
    GWEI,
    NOTIONAL,
    REWARD,
    act,
    events_of,
    mining_stopped,
)
from tests.suite import WAD

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
    snapshot, planned = create_keeper(deployment=deployment).look()
    assert len(planned.actions) >= 3

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
            for caller, action in zip(accounts, planned.actions, strict=False)
        ]
        chain.mine(timestamp=snapshot.timestamp + 60)
    blocks = {
        web3.eth.get_transaction_receipt(transaction)["blockNumber"] for transaction in hashes
    }
    assert len(blocks) == 1
    later = decide(replace(snapshot, timestamp=snapshot.timestamp + 60), Settings())
    assert later != planned.actions, "time matters"
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
    during, planned = keeper.look()
    assert moved
    assert during == before
    assert planned.actions == ()
