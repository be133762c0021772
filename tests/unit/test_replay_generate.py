"""Made-up scenarios: valid, the same for the same seed, and of all kinds."""

import json
from collections import Counter

import pytest

from prep.replay.formats import Order, read_actions, read_config
from prep.replay.generate import generate, write
from prep.replay.plan import CLIENT, Plan
from prep.replay.reference import Reference
from prep.replay.run import SUCCESS, replay

SEEDS = range(12)
COUNT = 150
EXPECTED = (
    *("with skew", "without skew", "borrow rate", "fees", "capped", "several markets"),
    *("protocol fee", "open", "increase", "decrease", "close", "flip", "reduce-only", "cut"),
    *("tiny", "1e29", "deposit_to_vault", "change_price", "snapshot_state", "deleverage"),
    "same time",
)


def played(folder, seed, **options):
    """A scenario as read back from its files, carried out on the model."""
    config_file, actions_file = write(folder, *generate(seed, COUNT, **options))
    config = read_config(config_file)
    plan = Plan.of(config, read_actions(actions_file, config))
    return replay(plan, Reference(plan), Reference(plan), keep_going=True)


def test_generate__same_seed__same_files(tmp_path):
    first, again, other = (generate(seed, COUNT) for seed in (3, 3, 4))
    assert first == again
    assert first != other
    texts = [[file.read_bytes() for file in write(tmp_path / name, *first)] for name in "ab"]
    assert texts[0] == texts[1]
    assert json.loads(texts[0][1]) == first[1]


@pytest.mark.parametrize("count", [2, 3, 150])
def test_generate__any_number_of_actions__so_many_and_a_snapshot_last(count):
    _, actions = generate(5, count)
    assert len(actions) == count
    assert list(actions[-1]["action"]) == ["snapshot_state"]


@pytest.mark.parametrize("seed", SEEDS)
def test_generate__without_rejections__model_refuses_nothing(tmp_path, seed):
    outcome = played(tmp_path, seed)
    assert [str(rejection) for rejection in outcome.rejections] == []
    assert outcome.exit_code == SUCCESS
    assert outcome.performed == COUNT


def test_generate__many_seeds__cover_what_there_is(tmp_path):
    seen = Counter()
    for seed in SEEDS:
        outcome = played(tmp_path, seed)
        config = outcome.plan.config
        for perp in config.perps:
            seen["with skew" if perp.skew_scale else "without skew"] += 1
            seen["borrow rate"] += perp.borrow_rate > 0 and perp.reserve_factor > 0
            seen["fees"] += perp.opening_fee_rate > 0
            seen["capped"] += perp.max_position_value is not None
        seen["several markets"] += len(config.perps) > 2
        seen["protocol fee"] += config.protocol_fee_rate > 0
        seen += orders(outcome.plan)
    assert [name for name in EXPECTED if not seen[name]] == []


def orders(plan):
    """How often each kind of action and order occurs."""
    seen, model, last = Counter(), Reference(plan), None
    for action in plan.actions:
        seen[action.kind] += 1
        seen["same time"] += action.block_time == last
        last = action.block_time
        body = action.body
        if isinstance(body, Order):
            where = CLIENT, plan.accounts[body.account_id], plan.markets[body.denom]
            old = model.system.margin_position(*where).size
            seen["reduce-only"] += body.reduce_only
            seen["cut"] += body.reduce_only and abs(body.order_size) > abs(old)
            seen["tiny"] += abs(body.order_size) <= 1_000
            seen["1e29"] += abs(body.order_size) >= 10**29
            model.perform(action)
            seen[change(old, model.system.margin_position(*where).size)] += 1
        elif action.kind != "snapshot_state":
            model.perform(action)
    return seen


def change(old, new):
    if old == 0:
        return "open"
    if new == 0:
        return "close"
    if old * new < 0:
        return "flip"
    return "increase" if abs(new) > abs(old) else "decrease"


def test_generate__with_rejections__has_many_of_several_kinds(tmp_path):
    names = Counter()
    for seed in SEEDS:
        outcome = played(tmp_path, seed, with_rejections=True)
        names.update(rejection.model.name for rejection in outcome.rejections)
    assert len(names) >= 8, names
    assert sum(names.values()) > 12 * 20
