"""The contracts do what the model says, to the last digit, in every scenario there is."""

from pathlib import Path

import pytest

from prep.model import WAD, orders
from prep.node import Node
from prep.replay.contracts import Contracts, Stage
from prep.replay.formats import Action, Config, read_actions, read_config
from prep.replay.generate import ACTIONS, CONFIG, generate
from prep.replay.plan import Plan
from prep.replay.reference import Reference
from prep.replay.run import DIFFERENT, SUCCESS, replay
from prep.replay.snapshots import read_fields, render

SCENARIOS = sorted((Path(__file__).parents[2] / "scenarios").iterdir())
EXPECTED = "expected_snapshot_state.json"
COUNT = 200
CAPS = {"PositionTooLarge", "OpenInterestCapExceeded", "NetOpenInterestCapExceeded"}
PREP = 10**18


@pytest.fixture(scope="module")
def stage(project, chain, admin):
    """The contracts without markets. What a test adds to them is undone."""
    return Stage.build(project, Node(chain.provider.uri), admin.address)


@pytest.fixture
def play(stage):
    """A plan on both sides."""

    def run(plan, keep_going=False):
        return replay(plan, Reference(plan), Contracts(plan, stage), keep_going=keep_going)

    return run


def read(folder):
    config = read_config(folder / CONFIG)
    return Plan.of(config, read_actions(folder / ACTIONS, config))


def made_up(seed, count=COUNT, **options):
    config, actions = generate(seed, count, **options)
    return Plan.of(Config.model_validate(config), [Action.model_validate(a) for a in actions])


def found(outcome):
    return [str(difference) for difference in outcome.differences]


@pytest.mark.parametrize("folder", SCENARIOS, ids=lambda folder: folder.name)
def test_replay__shipped_scenario__both_sides_are_as_expected(play, folder):
    plan = read(folder)
    assert 60 <= len(plan.actions) <= 200
    assert plan.snapshots >= 5

    outcome = play(plan)
    outcome.compare_expected("expected", read_fields(folder / EXPECTED))

    assert (found(outcome), outcome.rejections, outcome.exit_code) == ([], [], SUCCESS)
    assert render(outcome.contracts) == (folder / EXPECTED).read_text()


def test_scenarios__crash__is_about_deleverage():
    plan = read(next(folder for folder in SCENARIOS if folder.name == "crash"))
    model = Reference(plan)
    target = plan.config.target_collaterization_ratio
    deleveraged = 0
    for action in plan.actions:
        if action.kind == "deleverage":
            deleveraged += 1
            assert model.system.collateralization_ratio() < target
        if action.kind != "snapshot_state":
            model.perform(action)
    assert deleveraged >= 5
    assert model.system.collateralization_ratio() > target


@pytest.mark.parametrize("seed", range(20))
def test_replay__made_up_scenario__no_digit_differs(play, seed):
    outcome = play(made_up(seed))
    assert (found(outcome), outcome.exit_code, outcome.performed) == ([], SUCCESS, COUNT)


@pytest.mark.parametrize("seed", range(100, 106))
def test_replay__actions_that_are_rejected__both_sides_say_why_alike(play, seed):
    outcome = play(made_up(seed, with_rejections=True), keep_going=True)
    assert (found(outcome), outcome.exit_code, outcome.performed) == ([], SUCCESS, COUNT)
    assert len(outcome.rejections) > 5


def test_replay__most_markets__all_have_their_ids(play):
    config, _ = generate(0, 2)
    perp = config["perps"][0] | {"max_position_value": None, "min_position_value": "0"}
    perps = [perp | {"denom": f"M{n}", "initial_price": str(n + 1)} for n in range(63)]
    entries = [("deposit_to_vault", {"account_id": 1, "amount": str(10**30)})]
    entries += [
        ("execute_perp_order", {"account_id": 1, "denom": denom, "order_size": str(10**9)})
        for denom in ("M0", "M62")
    ]
    entries.append(("snapshot_state", {}))
    actions = [{"block_time": 0, "action": {kind: body}} for kind, body in entries]
    plan = Plan.of(
        Config.model_validate(config | {"perps": perps}),
        [Action.model_validate(a) for a in actions],
    )

    outcome = play(plan)

    assert (found(outcome), outcome.exit_code) == ([], SUCCESS)
    skews = {
        denom: market.skew for denom, market in outcome.samples[-1].markets.items() if market.skew
    }
    assert skews == {"M0": 10**9, "M62": 10**9}


def test_replay__numbers_beyond_what_is_stored__both_sides_refuse_them_alike(play):
    """Prices at both ends of their range, and all open interest that a side may have."""
    config = read(next(folder for folder in SCENARIOS if folder.name == "large-numbers")).config
    denoms = [perp.denom for perp in config.perps]
    steps = [("deposit_to_vault", {"account_id": 1, "amount": str(n)}) for n in (10**37, 1)]
    steps += [
        trade(who, denom, size) for denom in denoms for who, size in ((1, -(10**30)), (2, 10**30))
    ]
    for price in (str(10**18), "0.000000000000000001"):
        steps += [("change_price", {"denom": d, "new_price": price}) for d in denoms]
        steps.append(("snapshot_state", {}))
        for denom in denoms:
            steps += [trade(who, denom, size) for who in (1, 2) for size in (-(10**29), 10**30)]
        steps.append(("snapshot_state", {}))
    actions = [
        {"block_time": 10**7 * index, "action": {kind: body}}
        for index, (kind, body) in enumerate(steps)
    ]
    plan = Plan.of(config, [Action.model_validate(a) for a in actions])

    outcome = play(plan, keep_going=True)

    assert (found(outcome), outcome.exit_code) == ([], SUCCESS)
    names = {rejection.contracts.name for rejection in outcome.rejections}
    assert "SafeCastOverflowedIntDowncast" in names
    assert len(outcome.model) == 4


def trade(account, denom, size):
    body = {"account_id": account, "denom": denom, "order_size": str(size)}
    return "execute_perp_order", body


def test_replay__whole_range_of_times__wraps_alike(play):
    """The contracts keep times modulo 2**32; the local chain has today's."""
    plan = made_up(11, 40)
    stretched = [
        action.model_copy(update={"block_time": index * (2**32 - 1) // 39})
        for index, action in enumerate(plan.actions)
    ]
    outcome = play(Plan.of(plan.config, stretched), keep_going=True)
    assert found(outcome) == []


def test_replay__model_rounds_a_fee_otherwise__is_found(play, monkeypatch):
    def rounded_down(rate, size, price):
        return -(abs(size) * (price * rate // WAD) // WAD)

    monkeypatch.setattr(orders, "fee", rounded_down)

    outcome = play(read(next(folder for folder in SCENARIOS if folder.name == "calm")))

    assert outcome.exit_code == DIFFERENT
    first = outcome.differences[0]
    assert first.where.startswith("action 5 (execute_perp_order")
    assert first.field == "openingFee"
    assert int(first.values[1]) - int(first.values[0]) == 1
    fields = {d.field for d in outcome.differences if d.where.startswith("snapshot")}
    assert "accounting.cash_flow.opening_fee" in fields
    assert "vault.total_withdrawal_balance" in fields


def test_replay__model_refuses_too_little__is_found(play, monkeypatch):
    plan = made_up(101, with_rejections=True)
    monkeypatch.setattr(orders.Orders, "_check_caps", lambda *_: None)

    outcome = play(plan, keep_going=True)

    (first, *_) = (rejection for rejection in outcome.rejections if not rejection.agreed)
    assert first.model is None
    assert first.contracts.name in CAPS
    assert f"{first.action}: outcome: model accepted, contracts {first.contracts}" in found(outcome)
    assert outcome.exit_code == DIFFERENT


def test_replay__speed__is_at_least_forty_actions_a_second(play):
    outcome = play(read(next(folder for folder in SCENARIOS if folder.name == "many-markets")))
    assert outcome.rate >= 40


def test_stage__balances_of_the_client__are_exact(stage, play):
    """What the client has lost or won is what the vault has won or lost: nothing is made up."""
    plan = read(next(folder for folder in SCENARIOS if folder.name == "trend"))
    play(plan)
    node = stage.node
    (prep,) = node.read((stage.client, "prep()"))
    client, vault = node.read(
        *((prep, "balanceOf(address)", who) for who in (stage.client, stage.vault))
    )
    deposits = sum(a.body.amount for a in plan.actions if a.kind == "deposit_to_vault")
    assert client + vault == 2**200 + deposits
