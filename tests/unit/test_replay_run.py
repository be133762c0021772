"""The comparison, with a second model in the contracts' place: what it finds, and how it ends."""

from dataclasses import replace

import pytest

from prep.model import Rejected
from prep.replay.formats import Action, Config
from prep.replay.plan import Plan
from prep.replay.reference import Reference
from prep.replay.run import DIFFERENT, REJECTED, SUCCESS, replay

WAD = 10**18
PREP = 10**18
CAP = str(10**6 * PREP)
CONFIG = {
    "target_collaterization_ratio": "1.5",
    "protocol_fee_rate": "0.1",
    "perps": [
        {
            "denom": denom,
            "enabled": True,
            "initial_price": "100",
            "max_funding_velocity": "3",
            "skew_scale": str(10**6 * WAD),
            "max_net_oi_value": CAP,
            "max_long_oi_value": CAP,
            "max_short_oi_value": CAP,
            "closing_fee_rate": "0.001",
            "opening_fee_rate": "0.001",
            "min_position_value": str(10 * PREP),
            "max_loan_to_value": "0.9",
            "liquidation_threshold": "0.95",
        }
        for denom in ("ETH", "BTC")
    ],
}
SNAPSHOT = ("snapshot_state", {})
PANIC = Rejected("Panic", 17)


def order(size, account="a", denom="ETH"):
    return "execute_perp_order", {"account_id": account, "denom": denom, "order_size": str(size)}


def deposit(amount):
    return "deposit_to_vault", {"account_id": "lp", "amount": str(amount)}


def price(new, denom="ETH"):
    return "change_price", {"denom": denom, "new_price": new}


class Odd(Reference):
    """Contracts that do one thing otherwise."""

    def __init__(self, plan, *, refuses=None, cheats=(), loses=0):
        super().__init__(plan)
        self.refuses, self.cheats, self.loses = refuses or {}, cheats, loses
        self.count = 0

    def perform(self, action):
        self.count += 1
        if self.count in self.refuses:
            raise self.refuses[self.count]
        done = super().perform(action)
        return {name: value + (name in self.cheats) for name, value in done.items()}

    def state(self, block_time):
        state = super().state(block_time)
        lost = {name: value - self.loses for name, value in state.total.balance.items()}
        return replace(state, total=replace(state.total, balance=lost))


@pytest.fixture
def create_plan():
    """Actions an hour apart."""

    def create(*actions):
        entries = [
            {"block_time": 3_600 * n, "action": {kind: body}}
            for n, (kind, body) in enumerate(actions)
        ]
        parsed = [Action.model_validate(entry) for entry in entries]
        return Plan.of(Config.model_validate(CONFIG), parsed)

    return create


@pytest.fixture
def play(create_plan):
    """Actions through the model and through contracts that are like it but for `odd`."""

    def run(*actions, keep_going=False, **odd):
        plan = create_plan(*actions)
        return replay(plan, Reference(plan), Odd(plan, **odd), keep_going=keep_going)

    return run


FINE = (deposit(10**6 * PREP), order(3 * WAD), price("110"), SNAPSHOT)


def test_replay__both_sides_alike__succeeds(play):
    outcome = play(*FINE)

    assert (outcome.exit_code, outcome.differences, outcome.rejections) == (SUCCESS, [], [])
    assert outcome.performed == 4
    assert outcome.model == outcome.contracts
    (state,) = outcome.model
    assert state.block_time == 3 * 3_600
    assert set(state.markets) == {"ETH", "BTC"}
    # 3 ETH at 100: 3 for the longs' premium is below a unit; a tenth of the fee is the protocol's.
    assert state.total.cash_flow["opening_fee"] == 270_000_405_000_000_000
    assert state.total.balance["price_pnl"] == state.markets["ETH"].balance["price_pnl"] < 0


def test_replay__samples__follow_every_action(play):
    outcome = play(*FINE)

    samples = [s.markets["ETH"] for s in outcome.samples]
    assert [s.price for s in samples] == [100 * WAD, 100 * WAD, 110 * WAD, 110 * WAD]
    assert [s.skew for s in samples] == [0, 3 * WAD, 3 * WAD, 3 * WAD]
    assert samples[1].funding_rate == 0 < samples[2].funding_rate < samples[3].funding_rate
    assert samples[0].pnl == 0 > samples[1].pnl, "a closing fee is due"
    assert outcome.samples[0].ratio is None
    assert outcome.samples[2].ratio > WAD
    assert [s.index for s in outcome.samples] == [0, 1, 2, 3]


def test_replay__an_action_does_something_else__is_named(play):
    outcome = play(*FINE, cheats={"settlement"})

    (found,) = outcome.differences
    assert found.where == "action 1 (execute_perp_order a ETH)"
    assert found.field == "settlement"
    assert int(found.values[1]) == int(found.values[0]) + 1
    assert outcome.exit_code == DIFFERENT


def test_replay__snapshots_differ__says_where_and_goes_on(play):
    outcome = play(*FINE, SNAPSHOT, loses=7)

    assert {d.where for d in outcome.differences} == {"snapshot 0", "snapshot 1"}
    first = outcome.differences[0]
    assert first.field == "accounting.balance.price_pnl"
    assert int(first.values[0]) - 7 == int(first.values[1])
    assert outcome.performed == 5
    assert outcome.exit_code == DIFFERENT


def test_replay__both_refuse_alike__stops_without_a_difference(play):
    outcome = play(FINE[0], order(1), *FINE[1:])

    (rejection,) = outcome.rejections
    assert (rejection.index, rejection.agreed) == (1, True)
    assert str(rejection) == (
        "action 1 (execute_perp_order a ETH): rejected with "
        "PositionTooSmall(100, 10000000000000000000), by the model as well"
    )
    assert (outcome.stopped_at, outcome.performed) == (1, 2)
    assert (outcome.differences, outcome.exit_code) == ([], REJECTED)


def test_replay__both_refuse_alike_and_keep_going__goes_on_and_succeeds(play):
    outcome = play(FINE[0], order(1), *FINE[1:], keep_going=True)

    assert len(outcome.rejections) == 1
    assert (outcome.stopped_at, outcome.performed, len(outcome.model)) == (None, 5, 1)
    assert outcome.exit_code == SUCCESS


@pytest.mark.parametrize("keep_going, performed", [(False, 2), (True, 5)])
def test_replay__only_the_contracts_refuse__is_a_difference(play, keep_going, performed):
    outcome = play(FINE[0], deposit(5), *FINE[1:], refuses={2: PANIC}, keep_going=keep_going)

    (rejection,) = outcome.rejections
    assert str(rejection) == (
        "action 1 (deposit_to_vault lp): rejected with Panic(17) by the contracts, "
        "accepted by the model"
    )
    assert [str(d) for d in outcome.differences if d.field == "outcome"] == [
        "action 1 (deposit_to_vault lp): outcome: model accepted, contracts Panic(17)"
    ]
    assert outcome.performed == performed
    assert outcome.exit_code == DIFFERENT


def test_replay__only_the_model_refuses__is_a_difference(create_plan):
    plan = create_plan(FINE[0], order(1))
    lenient = Reference(plan)
    lenient.system.markets[1].config = replace(
        lenient.system.markets[1].config, min_position_value=0
    )

    outcome = replay(plan, Reference(plan), lenient)

    (difference,) = outcome.differences
    assert difference.values == ("PositionTooSmall(100, 10000000000000000000)", "accepted")
    assert str(outcome.rejections[0]) == (
        "action 1 (execute_perp_order a ETH): accepted by the contracts, rejected with "
        "PositionTooSmall(100, 10000000000000000000) by the model"
    )
    assert outcome.exit_code == DIFFERENT


@pytest.mark.parametrize("other", [PANIC, Rejected("PositionTooSmall", 100, 11)])
def test_replay__both_refuse_for_different_reasons__is_a_difference(play, other):
    outcome = play(FINE[0], order(1), refuses={2: other})

    assert outcome.rejections[0].agreed is False
    reason = "PositionTooSmall(100, 10000000000000000000)"
    assert outcome.differences[0].values == (reason, str(other))
    assert outcome.exit_code == DIFFERENT


def test_replay__nothing_accrues_before_the_first_action(create_plan):
    """Only differences of block times count."""
    plans = [create_plan(*FINE), create_plan(*FINE)]
    late = [a.model_copy(update={"block_time": a.block_time + 10**9}) for a in plans[1].actions]
    plans[1] = replace(plans[1], actions=late)

    one, other = (replay(plan, Reference(plan), Reference(plan)).model[0] for plan in plans)

    assert other.block_time - one.block_time == 10**9
    assert (one.total, one.markets) == (other.total, other.markets)


def test_compare_expected__equal_or_not__both_sides_are_compared(play):
    outcome = play(*FINE)
    right = [state.fields() for state in outcome.model]

    outcome.compare_expected("expected", right)
    assert outcome.exit_code == SUCCESS

    wrong = [right[0] | {"vault.total_withdrawal_balance": 5}]
    outcome.compare_expected("expected", wrong)
    actual = right[0]["vault.total_withdrawal_balance"]
    assert [str(d) for d in outcome.differences] == [
        f"snapshot 0: vault.total_withdrawal_balance: expected 5, {side} {actual}"
        for side in ("model", "contracts")
    ]
    assert outcome.exit_code == DIFFERENT


def test_compare_expected__run_that_stopped__compares_as_far_as_it_went(play):
    outcome = play(*FINE, order(1, "b"), SNAPSHOT)
    first = outcome.model[0].fields()

    outcome.compare_expected("expected", [first, first])

    assert (outcome.differences, outcome.exit_code) == ([], REJECTED)


def test_compare_expected__snapshot_missing_there__is_a_difference(play):
    outcome = play(*FINE)
    outcome.compare_expected("expected", [])
    assert outcome.exit_code == DIFFERENT
