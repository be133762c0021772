"""The keeper when others act too, prices go away, and transactions are late or lost."""

import pytest
from eth_utils import keccak

from prep.keeper import Settings
from prep.keeper.chain import NodeError
from tests.integration.keeper.stage import FIXED_REQUESTS, REWARD, act, mining_stopped
from tests.processes import wait_for

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
    assert report.snapshot.btc.price is None, "R6"
    assert (
        report.snapshot.btc.no_price
        == f"AnswerStale(updatedAt={updated_at}, heartbeat={7 * 86_400})"
    ), "R6"
    assert (report.actions, report.errors, report.unreachable) == ((), (), "")
    assert len(requests_sent) == FIXED_REQUESTS, "positions are not read"

    suite.set_price(9_650)
    assert sorted(keeper.step().ids) == longs


@pytest.mark.parametrize("answer", [0, -1])
def test_step__no_usable_price__says_why_and_waits(suite, keeper, longs, answer):
    suite.set_answer(answer)
    report = keeper.step()
    assert report.snapshot.btc.no_price == f"AnswerNotPositive(answer={answer})", "R6"
    assert report.actions == report.errors == ()


def test_step__price_above_what_the_protocol_takes__says_why_and_waits(suite, keeper, longs):
    suite.set_answer(10**26 + 1)  # of 8 decimals: 1e36 and a little, WAD
    report = keeper.step()
    assert (
        report.snapshot.btc.no_price == f"PriceOutOfBounds(price={10**36 + 10**10}, max={10**36})"
    )
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
            transaction = "0x" + keccak(raw).hex()
            wait_for(lambda: keeper.chain.receipt(transaction), "the block of the transaction")
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
