"""The keeper deleverages: against the contracts, what the vault can no longer carry."""

import json
from threading import Event

import pytest
from eth_utils import keccak

from prep.keeper import Settings, deleverages, standing_of
from prep.keeper.chain import NodeError
from prep.keeper.report import Round
from tests.integration.keeper.desk import BTC, GOLD, open_desk
from tests.integration.keeper.stage import FIXED_REQUESTS, GWEI, mining_stopped
from tests.processes import wait_for
from tests.suite import BTC as PLAIN
from tests.suite import FULL, WAD

LIQUIDITY = 20_000 * WAD
QUIET_REQUESTS = FIXED_REQUESTS + 5  # number of markets, target, two for the second, events


@pytest.fixture(scope="module")
def desks(create_suite, project, lp, liquidator):
    """With plain markets, and with everything on."""
    desks = {}
    for name, config, fee_rate in (("plain", PLAIN, 0), ("full", FULL, WAD // 10)):
        suite = create_suite(market=config, protocol_fee_rate=fee_rate)
        suite.provide(lp, LIQUIDITY)
        desks[name] = open_desk(project, suite, liquidator, config)
    return desks


@pytest.fixture(scope="module", params=["plain", "full"])
def any_desk(request, desks):
    """Each of them."""
    return desks[request.param]


@pytest.fixture(scope="module")
def desk(desks):
    """The plain one."""
    return desks["plain"]


@pytest.fixture
def people(crowd):
    """Positions of both kinds, by name."""

    def people(desk):
        return {
            "small": desk.open(crowd[0], 0.5),
            "large": desk.open(crowd[1], 2),
            "bear": desk.open(crowd[2], -1),
            "gold bull": desk.trade(1, GOLD, 3),
            "gold bear": desk.trade(2, GOLD, -1),
            "btc bull": desk.trade(3, BTC, 1),
        }

    return people


@pytest.fixture
def rich(desk, people):
    """Bulls have won, and the vault has 20,000 for some 9,000."""
    found = people(desk)
    desk.prices(12_000, 12_000)
    return found


def ids(report):
    return [closed.action.id for closed in report.deleveraged]


def deleverage(keeper, snapshot):
    """Acts on an earlier look."""
    done = Round(keeper.execute)
    keeper.closer.deleverage(snapshot, keeper.settings, done)
    return done.report(0)


# ------------------------------------------------------------------------------------------- whom


def test_step__nothing_due__sends_nothing_and_reads_no_margin_positions(
    desk, rich, chain, requests_sent
):
    desk.target(200)
    keeper = desk.keeper()
    height = chain.blocks.height
    requests_sent.clear()
    report = keeper.step()
    assert (report.closes, report.deleveraged, report.kept, report.left) == ((), (), (), "")
    assert report.standing.ratio == desk.ratio() > 2 * WAD
    assert report.snapshot.margin_positions == ()
    assert chain.blocks.height == height
    assert report.requests == QUIET_REQUESTS + 1, "with a page of isolated positions"


def test_step__keeper_without_deleverage__leaves_it(desk, rich, create_keeper, chain):
    desk.target(1_000)
    height = chain.blocks.height
    report = create_keeper(deployment=desk.suite).step()
    assert (report.standing, report.closes) == (None, ())
    assert report.requests == FIXED_REQUESTS + 1
    assert chain.blocks.height == height


def test_step__below_target__closes_by_profit_until_it_is_reached(desk, rich):
    desk.target(1_000)
    assert desk.ratio() < 10 * WAD
    report = desk.keeper().step()
    # 6,000 and a part of 4,000 of some 9,000 that are owed on balance.
    assert ids(report) == [rich["gold bull"], rich["large"]]
    assert desk.ratio() >= 10 * WAD
    assert (report.errors, report.kept, report.left) == ((), (), "")
    assert not report.standing.due
    assert {closed.action.reason for closed in report.deleveraged} == {"ratio"}
    assert desk.held(rich["gold bull"]) == 0, "closing a part realises no less, and was not enough"
    assert 0 < desk.suite.position(desk.suite.protocol.positionOwner(rich["large"])).size < 2 * WAD
    assert report.deleveraged[1].ratio_after >= 10 * WAD


def test_step__below_target__trader_and_client_are_paid_what_was_expected(desk, rich, crowd):
    desk.target(1_000)
    before = desk.suite.position(crowd[1]).collateral
    first, second = desk.keeper().step().deleveraged
    paid = desk.suite.prep.balanceOf(desk.client)
    assert paid >= first.settlement > 5_990 * WAD
    assert desk.suite.position(crowd[1]).collateral - before == second.settlement
    receipt = desk.suite.protocol.provider.get_receipt(first.transaction)
    (told,) = receipt.decode_logs(desk.client.Deleveraged)
    assert (told.account, told.marketId, told.settlement) == (1, GOLD, first.settlement)


def test_step__side_above_its_cap__closes_the_excess_and_no_more(desk, rich):
    desk.cap(GOLD, maxLongOIValue=20_000)
    desk.cap(BTC, maxLongOIValue=11_000)
    report = desk.keeper().step()
    # 3.5 bitcoins are long, 0.9 may stay.
    assert ids(report) == [rich["large"], rich["btc bull"], rich["gold bull"]]
    assert {closed.action.reason for closed in report.deleveraged} == {"open-interest"}
    for market_id, cap in ((GOLD, 20_000), (BTC, 11_000)):
        assert cap * WAD - 12_000 < desk.value(market_id, True) <= cap * WAD
    assert not report.standing.due
    assert (report.errors, report.left) == ((), "")


def test_step__ratio_and_cap__both_are_fine_in_the_end(desk, rich):
    desk.target(350)
    desk.cap(BTC, maxShortOIValue=5_500)
    report = desk.keeper().step()
    assert [closed.action.reason for closed in report.deleveraged] == ["ratio", "open-interest"]
    assert ids(report) == [rich["gold bull"], rich["bear"]]
    assert report.deleveraged[1].settlement < 0, "who has lost pays"
    assert desk.ratio() >= 35 * WAD // 10
    assert desk.value(BTC, False) <= 5_500 * WAD
    assert not report.standing.due


def test_deleverages__in_the_same_block__pay_exactly_what_was_decided(any_desk, people, chain):
    """One after the other, each against the node's own answer for the block of the decision."""
    desk = any_desk
    people(desk)
    chain.mine(timestamp=chain.pending_timestamp + 86_400)
    desk.prices(11_000, 12_000)
    desk.target(1_000)
    desk.cap(BTC, maxLongOIValue=15_000, maxShortOIValue=4_000)
    desk.cap(GOLD, maxShortOIValue=4_000)
    keeper = desk.keeper(max_actions=1)
    decided = 0
    for _ in range(20):
        chain.mine(timestamp=chain.pending_timestamp + 10)  # a block without trades
        seen = keeper.closer.with_margin_positions(keeper.look()[0], keeper.settings)
        assert standing_of(seen).ratio == desk.ratio()
        planned = deleverages(seen, Settings(), 20)
        if not planned.actions:
            break
        call = keeper.closer.call_of(planned.actions[0], keeper.settings)
        (answer,) = keeper.chain.call(
            call.contract, call.function, *call.arguments, block=seen.block
        )
        assert answer == planned.actions[0].settlement
        decided += 1
        assert len(keeper.step().deleveraged) == 1
    assert decided >= 4
    assert (planned.left, planned.standing.due) == ("", False)


def test_step__position_that_is_flat_again__is_no_candidate_for_long(desk, rich, chain):
    desk.trade(1, GOLD, -3)
    desk.target(1_000)
    report = desk.keeper().step()
    assert ids(report)[0] == rich["large"]
    keeper = desk.keeper()
    chain.provider.make_request("anvil_mine", [hex(200)])
    keeper.step()
    assert rich["gold bull"] not in keeper.closer.candidates.keys


def test_step__opened_and_closed_between_rounds__is_seen(desk, rich):
    keeper = desk.keeper()
    keeper.step()
    new = desk.trade(9, GOLD, 2.2)
    desk.prices(12_000, 14_000)
    desk.target(900)
    report = keeper.step()
    assert ids(report)[:2] == [rich["gold bull"], new]


# -------------------------------------------------------------------------------------- how often


def test_step__dry_run__says_all_that_it_would_do_and_sends_nothing(desk, rich, chain):
    desk.target(1_000)
    height = chain.blocks.height
    report = desk.keeper(execute=False).step()
    assert [close.id for close in report.closes] == [rich["gold bull"], rich["large"]]
    assert (report.deleveraged, report.gas_spent, report.left) == ((), 0, "")
    assert report.standing.due
    assert chain.blocks.height == height


def test_step__max_actions__goes_on_in_the_next_round(desk, rich):
    desk.target(1_000)
    keeper = desk.keeper(max_actions=1)
    report = keeper.step()
    assert ids(report) == [rich["gold bull"]]
    assert report.left == "no more in one round"
    assert report.standing.due
    assert ids(keeper.step()) == [rich["large"]]


def test_step__many_positions__are_read_page_by_page(desk, rich, requests_sent):
    keys = [desk.trade(account, GOLD, 0.01) for account in range(10, 17)]
    desk.target(1_000)
    for page_size, pages in ((1, 10 + 3), (4, 3 + 1), (500, 1 + 1)):
        keeper = desk.keeper(execute=False, page_size=page_size)
        requests_sent.clear()
        report = keeper.step()
        assert {p.id for p in report.snapshot.margin_positions} > set(keys)
        assert len(report.snapshot.margin_positions) == 10
        assert report.requests == len(requests_sent) == QUIET_REQUESTS + pages + 1, "one simulation"


@pytest.mark.parametrize("block_range", [1, 3, 10_000])
def test_step__events_in_ranges__finds_the_same(desk, rich, chain, block_range):
    desk.target(1_000)
    blocks = chain.blocks.height + 1 - desk.first_block
    report = desk.keeper(execute=False, block_range=block_range).step()
    assert [close.id for close in report.closes] == [rich["gold bull"], rich["large"]]
    ranges = -(-blocks // block_range)
    assert report.requests == QUIET_REQUESTS - 1 + ranges + 2 + 1


def test_step__liquidation_and_deleverage__liquidation_first(desk, rich, crowd):
    risky = desk.open(crowd[5], 1.5, collateral=1_200)
    desk.prices(11_550, 12_000)
    desk.target(1_000)
    report = desk.keeper().step()
    assert report.ids == (risky,)
    assert rich["gold bull"] in ids(report)
    assert report.deleveraged[0].block > report.liquidated[0].block
    assert report.errors == ()


# --------------------------------------------------------------------------------- not possible


def test_step__vault_cannot_pay__does_what_it_can_and_says_why(desk, rich, lp, chain):
    desk.prices(20_000, 20_000)  # 20,000 for some 45,000
    desk.target(200)
    report = desk.keeper().step()
    assert report.deleveraged[0].action.id == rich["large"], "gold's 30,000 cannot be paid"
    assert report.left == "none that can be closed"
    assert report.standing.due
    reasons = {kept.id: kept.reason for kept in report.kept}
    assert reasons[rich["gold bull"]].startswith("VaultCannotPay(")
    height = chain.blocks.height
    assert desk.keeper().step().deleveraged == ()
    assert chain.blocks.height == height


def test_step__market_without_a_price__waits_and_goes_on_when_it_is_back(desk, rich, chain):
    desk.target(1_000)
    desk.prices(12_000, 0)
    keeper = desk.keeper()
    height = chain.blocks.height
    report = keeper.step()
    assert (report.standing, report.closes, report.errors) == (None, (), ())
    assert report.snapshot.markets[GOLD].no_price == f"PriceOutOfBounds(price=0, max={10**36})"
    assert report.unreachable == ""
    assert chain.blocks.height == height
    desk.prices(12_000, 12_000)
    assert ids(keeper.step()) == [rich["gold bull"], rich["large"]]


def test_step__client_refuses__takes_the_next_and_tries_again_later(desk, rich, chain):
    desk.target(1_000)
    chain.provider.make_request("anvil_setCode", [desk.client.address, "0x5f5ffd"])  # reverts
    keeper = desk.keeper()
    report = keeper.step()
    refused = {error.id for error in report.errors}
    assert refused == {rich["gold bull"], rich["btc bull"]}
    assert set(ids(report)) == {rich["large"], rich["small"]}
    assert report.standing.due
    assert report.left == "none that can be closed"
    assert {kept.id for kept in report.kept} == refused

    again = keeper.step()
    assert (again.errors, again.closes) == ((), ()), "not in every block"
    assert {kept.id for kept in again.kept} == refused
    chain.provider.make_request("anvil_mine", [hex(60)])
    assert {error.id for error in keeper.step().errors} == refused


@pytest.mark.parametrize(
    "limits, left",
    [
        ({"max_deleverage_gas": 100_000}, " above 100000"),
        ({"max_daily_gas": 1}, "more than 1 wei of gas in a day"),
        ({"max_gas_price": 0}, "gas price "),
    ],
)
def test_step__limits__are_kept_and_named(desk, rich, chain, limits, left):
    desk.target(1_000)
    height = chain.blocks.height
    report = desk.keeper(**limits).step()
    assert left in report.left
    assert report.deleveraged == report.errors == ()
    assert chain.blocks.height == height


def test_step__gas_limit__has_room_and_is_not_used_up(desk, rich, chain):
    desk.target(1_000)
    for closed in desk.keeper().step().deleveraged:
        limit = chain.provider.web3.eth.get_transaction(closed.transaction)["gas"]
        assert closed.gas_used * 14 // 10 < limit < 2 * closed.gas_used + 100_000
        assert closed.gas_used < 500_000


def test_step__told_to_stop__begins_nothing(desk, rich, chain):
    desk.target(1_000)
    stop = Event()
    keeper = desk.keeper(stop=stop)
    look = keeper.look()[0]
    stop.set()
    height = chain.blocks.height
    assert deleverage(keeper, look).left == "stopping"
    assert chain.blocks.height == height


# -------------------------------------------------------------------------------------- conflicts


def test_deleverage__another_keeper_was_first__says_so_and_looks_again(desk, rich, lp):
    desk.target(1_000)
    first, second = desk.keeper(), desk.keeper(account=lp)
    look = second.look()[0]
    assert len(first.step().deleveraged) == 2
    report = deleverage(second, look)
    assert (report.deleveraged, report.errors) == ((), ())
    assert report.left == "the state has changed"
    (skipped,) = report.skipped
    assert skipped.id == rich["gold bull"]
    assert skipped.reason == "changed meanwhile: NothingToClose()"


def test_deleverage__ratio_recovered_meanwhile__closes_nobody(desk, rich, lp):
    desk.target(1_000)
    keeper = desk.keeper()
    look = keeper.look()[0]
    desk.prices(10_100, 10_100)
    report = deleverage(keeper, look)
    assert report.deleveraged == report.errors == ()
    (skipped,) = report.skipped
    assert skipped.reason.startswith("changed meanwhile: NothingToDeleverage(ratio=")
    assert not keeper.step().standing.due


def test_step__another_keeper_has_sent_but_is_not_mined_yet__sends_nothing(desk, rich, lp, chain):
    desk.target(400)
    first, second = desk.keeper(receipt_timeout=0), desk.keeper(account=lp)
    with mining_stopped(chain.provider):
        first.step()
        report = second.step()
        assert report.left == "the state has changed"
        assert report.skipped[0].reason.startswith("changed meanwhile: NothingTo")
        assert report.errors == ()
        chain.mine()
    assert ids(first.step()) == [rich["gold bull"]]


def test_step__two_keepers_in_one_block__the_second_says_so_and_counts_its_gas(
    desk, rich, lp, chain, monkeypatch
):
    desk.target(400)
    first, second = desk.keeper(receipt_timeout=0), desk.keeper(account=lp, receipt_timeout=0)
    call = second.chain.call

    def without_pending(*arguments, block, **options):
        return call(*arguments, block="latest" if block == "pending" else block, **options)

    monkeypatch.setattr(second.chain, "call", without_pending)
    monkeypatch.setattr(second.chain, "estimate_gas", lambda *_, **__: 400_000)
    with mining_stopped(chain.provider):
        for keeper in (first, second):
            report = keeper.step()
            assert "not mined yet" in report.errors[0].reason
            assert report.left == "waiting"
        waiting = first.step()
        assert waiting.left.startswith("waiting for 0x")
        chain.mine()
    won, lost = first.step(), second.step()
    assert ids(won) == [rich["gold bull"]]
    assert (lost.deleveraged, lost.errors) == ((), ())
    (skipped,) = lost.skipped
    assert skipped.id == rich["gold bull"]
    assert skipped.reason.startswith("came too late: NothingTo")
    assert lost.gas_spent > 0
    assert desk.ratio() >= 4 * WAD


def test_step__somebody_trades_in_the_same_block__waits_for_the_next(desks, people, chain):
    desk = desks["full"]
    found = people(desk)
    desk.prices(12_000, 12_000)
    desk.target(400)
    keeper = desk.keeper()
    node, order = desk.suite.node, "executeOrder(uint256,uint256,int256,bool)"
    trade = (desk.account.address, desk.client.address, order, 99, GOLD, WAD // 100, False)
    with mining_stopped(chain.provider):
        method, params = node.sending(*trade)
        node.rpc(method, *params)
        report = keeper.step()
        assert (report.deleveraged, report.errors) == ((), ())
        (skipped,) = report.skipped
        assert skipped.id == found["gold bull"]
        assert skipped.reason == "changed meanwhile: MarketBusy(marketId=1)"
        chain.mine()
    chain.mine(timestamp=chain.pending_timestamp + 10)
    assert ids(keeper.step())[0] == found["gold bull"]


def test_step__node_is_behind__decides_nothing_on_the_state_before(desk, rich, monkeypatch):
    desk.target(1_000)
    keeper = desk.keeper()
    header = keeper.chain.latest_block()
    with monkeypatch.context() as patch:
        patch.setattr(keeper.chain, "latest_block", lambda: header)
        report = keeper.step()
        assert ids(report) == [rich["gold bull"]]
        behind = f"the node is behind block {header['number'] + 1}"
        assert (report.left, keeper.step().left) == (behind, behind)
        assert report.skipped == ()
    assert ids(keeper.step()) == [rich["large"]]


def test_step__base_fee__is_offered_up_to_the_limit(desk, rich, chain):
    desk.target(400)
    gas_price = chain.provider.web3.eth.gas_price
    assert gas_price < 100 * GWEI
    (closed,) = desk.keeper(max_gas_price=gas_price).step().deleveraged
    sent = chain.provider.web3.eth.get_transaction(closed.transaction)
    assert sent["maxFeePerGas"] == gas_price


# --------------------------------------------------------------------------------------- restarts


def ranges_of(keeper, monkeypatch):
    """The blocks whose events it asks for from now on."""
    asked = []
    logs = keeper.chain.logs

    def counted(contract, event, first, last):
        asked.append((first, last))
        return logs(contract, event, first, last)

    monkeypatch.setattr(keeper.chain, "logs", counted)
    return asked


def test_step__further_rounds__read_the_last_blocks_only(desk, rich, chain, monkeypatch):
    keeper = desk.keeper()
    asked = ranges_of(keeper, monkeypatch)
    chain.provider.make_request("anvil_mine", [hex(500)])
    keeper.step()
    head = chain.provider.web3.eth.block_number
    assert asked == [(desk.first_block, head)]
    chain.provider.make_request("anvil_mine", [hex(7)])
    keeper.step()
    assert asked[1:] == [(head + 1 + 7 - 100, head + 7)]


def test_step__node_refuses_events__liquidates_all_the_same(desk, rich, crowd, monkeypatch):
    risky = desk.open(crowd[5], 1.5, collateral=1_200)
    desk.prices(11_550, 12_000)
    desk.target(1_000)
    keeper = desk.keeper()

    def refuse(*_):
        raise NodeError("query returned more than 10000 results")

    with monkeypatch.context() as patch:
        patch.setattr(keeper.chain, "logs", refuse)
        report = keeper.step()
    assert report.ids == (risky,)
    assert report.interrupted == "query returned more than 10000 results"
    assert (report.unreachable, report.deleveraged) == ("", ())
    assert ids(keeper.step())[0] == rich["gold bull"]


def test_step__node_lost_while_sending__follows_up_and_sends_nothing_twice(desk, rich, monkeypatch):
    desk.target(1_000)
    keeper = desk.keeper()
    send = keeper.chain.send

    def lose(raw):
        send(raw)
        transaction = "0x" + keccak(raw).hex()
        wait_for(lambda: keeper.chain.receipt(transaction), "the block of the transaction")
        raise NodeError("did not answer in time")

    with monkeypatch.context() as patch:
        patch.setattr(keeper.chain, "send", lose)
        report = keeper.step()
    assert (report.interrupted, report.deleveraged) == ("did not answer in time", ())
    assert ids(keeper.step()) == [rich["gold bull"], rich["large"]], "the first was taken"


@pytest.fixture
def kept(desk, tmp_path):
    """Where this test's keepers remember events."""
    desk.events_file = tmp_path / "keeper" / "events.json"
    yield desk.events_file
    desk.events_file = None


def test_keeper__restarted__goes_on_from_its_file(desk, rich, kept, chain, monkeypatch):
    chain.provider.make_request("anvil_mine", [hex(1_200)])
    desk.target(1_000)
    first = desk.keeper(max_actions=1)
    assert ids(first.step()) == [rich["gold bull"]]
    saved = json.loads(kept.read_text())
    assert [account for _, account, _ in saved["open"]] == ["1", "2", "3"]

    second = desk.keeper()
    asked = ranges_of(second, monkeypatch)
    assert ids(second.step()) == [rich["large"]]
    assert asked[0][0] == saved["block"] + 1 > desk.first_block
    assert not standing_of(second.look()[0]).due


@pytest.mark.parametrize(
    "change",
    [
        lambda text: "",
        lambda text: text[:-10],
        lambda text: text.replace('"hash":"0x', '"hash":"0x1'),
        lambda text: text.replace('"chain_id":31337', '"chain_id":1'),
        lambda text: text.replace('"protocol":"0x', '"protocol":"0x0'),
        lambda text: json.dumps(json.loads(text) | {"block": 10**9}),
        lambda text: json.dumps(json.loads(text) | {"block": -1}),
        lambda text: json.dumps(json.loads(text) | {"open": [["0x12", "1", 0]]}),
        lambda text: json.dumps(json.loads(text) | {"open": [[1, 2, 3]]}),
    ],
)
def test_keeper__file_is_broken_or_about_another_chain__reads_all_events(
    desk, rich, kept, chain, monkeypatch, change
):
    chain.provider.make_request("anvil_mine", [hex(1_200)])
    desk.keeper().step()
    kept.write_text(change(kept.read_text()))
    keeper = desk.keeper()
    asked = ranges_of(keeper, monkeypatch)
    desk.target(1_000)
    assert ids(keeper.step()) == [rich["gold bull"], rich["large"]]
    assert asked[0][0] == desk.first_block


def test_keeper__file_has_keys_of_nobody__is_not_misled(desk, rich, kept, chain):
    chain.provider.make_request("anvil_mine", [hex(1_200)])
    desk.keeper().step()
    saved = json.loads(kept.read_text())
    saved["open"] += [["0x" + 40 * "1", str(2**256 - 1), 63], ["0x" + 40 * "1", "0", 0]]
    kept.write_text(json.dumps(saved))
    desk.target(1_000)
    report = desk.keeper().step()
    assert ids(report) == [rich["gold bull"], rich["large"]]
    assert report.errors == ()


def test_keeper__file_cannot_be_written__goes_on_without(desk, rich, kept, chain):
    kept.parent.parent.joinpath("keeper").write_text("a file where the folder should be")
    chain.provider.make_request("anvil_mine", [hex(1_200)])
    desk.target(1_000)
    assert len(desk.keeper().step().deleveraged) == 2
