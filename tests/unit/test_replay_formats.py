"""The files of a replay: what they may say, and the line that refuses what they may not."""

import json
from copy import deepcopy
from functools import partial

import pytest

from prep.model import UNLIMITED, MarketConfig
from prep.replay.fields import decimal
from prep.replay.formats import Deleverage, Deposit, Order, PriceChange, read_actions, read_config
from prep.replay.plan import Plan
from prep.replay.strict import MAX_BYTES, BadInputError

WAD = 10**18
PERP = {
    "denom": "ETH",
    "enabled": True,
    "initial_price": "3000.000000000000000001",
    "max_funding_velocity": "3",
    "skew_scale": "1000000",
    "max_net_oi_value": "1",
    "max_long_oi_value": "2",
    "max_short_oi_value": "3",
    "closing_fee_rate": "0.001",
    "opening_fee_rate": "0.002",
    "min_position_value": "4",
    "max_position_value": "5",
    "max_loan_to_value": "0.9",
    "liquidation_threshold": "0.95",
}
CONFIG = {"target_collaterization_ratio": "1.5", "protocol_fee_rate": "0.2", "perps": [PERP]}
DEPOSIT = {"deposit_to_vault": {"account_id": "lp", "amount": "1"}}
ORDER = {"execute_perp_order": {"account_id": 7, "denom": "ETH", "order_size": "-5"}}
PRICE = {"change_price": {"denom": "ETH", "new_price": "0.5"}}
SNAPSHOT = {"snapshot_state": {}}
GONE = object()


def at(block_time, action):
    return {"block_time": block_time, "action": action}


def changed(value, place, new):
    """A copy in which one place has another value, or none."""
    copy = deepcopy(value)
    *path, last = place
    target = copy
    for step in path:
        target = target[step]
    if new is GONE:
        del target[last]
    else:
        target[last] = new
    return copy


@pytest.fixture
def create_file(tmp_path, monkeypatch):
    """A file of this text, or of this value as JSON, in the current folder."""
    monkeypatch.chdir(tmp_path)

    def create(name, content):
        file = type(tmp_path)(name)
        file.write_text(content if isinstance(content, str) else json.dumps(content))
        return file

    return create


@pytest.fixture
def refusal(create_file):
    """The line with which a configuration, or with one the actions are refused."""

    def refuse(config=CONFIG, actions=None):
        file, read = create_file("config.json", config), read_config
        if actions is not None:
            known = read_config(file)
            file = create_file("actions.json", actions)
            read = partial(read_actions, config=known)
        with pytest.raises(BadInputError) as raised:
            read(file)
        assert raised.value.exit_code == 2
        line = raised.value.format_message()
        assert "\n" not in line
        return line

    return refuse


# ----------------------------------------------------------------------------------------- accepted


def test_read_config__everything_given__is_in_units_of_the_contracts(create_file):
    perp = PERP | {"borrow_rate": "0.15", "reserve_factor": "0.5"}
    config = read_config(create_file("config.json", CONFIG | {"perps": [perp]}))

    assert config.target_collaterization_ratio == 15 * WAD // 10
    assert config.protocol_fee_rate == WAD // 5
    (read,) = config.perps
    assert read.initial_price == 3_000 * WAD + 1
    assert read.market() == MarketConfig(
        enabled=True,
        skew_scale=1_000_000,
        max_funding_velocity=3 * WAD,
        opening_fee_rate=WAD // 500,
        closing_fee_rate=WAD // 1_000,
        borrow_rate=15 * WAD // 100,
        reserve_factor=WAD // 2,
        min_position_value=4,
        max_position_value=5,
        max_long_oi_value=2,
        max_short_oi_value=3,
        max_net_oi_value=1,
    )


@pytest.mark.parametrize("largest", [None, GONE], ids=["null", "missing"])
def test_read_config__optional_fields_missing__are_off(create_file, largest):
    config = changed(CONFIG, ("perps", 0, "max_position_value"), largest)
    (perp,) = read_config(create_file("config.json", config)).perps

    assert perp.market().max_position_value == UNLIMITED
    assert (perp.borrow_rate, perp.reserve_factor) == (0, 0)


def test_read_config__integers_as_json_integers__are_the_same(create_file):
    values = {"skew_scale": 10**30, "max_net_oi_value": UNLIMITED, "max_position_value": 10**37}
    as_strings = {name: str(value) for name, value in values.items()}
    one, other = (
        read_config(create_file("config.json", CONFIG | {"perps": [PERP | given]}))
        for given in (values, as_strings)
    )
    assert one == other
    assert one.perps[0].skew_scale == 10**30


def test_read_config__brackets_inside_of_a_string__are_no_nesting(create_file):
    config = changed(CONFIG, ("perps", 0, "denom"), '[{"' * 9)
    assert read_config(create_file("config.json", config)).perps[0].denom == '[{"' * 9


def test_read_actions__all_kinds__say_what_they_said(create_file):
    deleverage = {"deleverage": {"account_id": "7", "denom": "ETH", "max_size": 10**30}}
    reduce = changed(ORDER, ("execute_perp_order", "reduce_only"), True)
    kinds = [DEPOSIT, ORDER, reduce, PRICE, SNAPSHOT, deleverage]
    entries = [at("5", kinds[0]), *(at(5 + i, kind) for i, kind in enumerate(kinds[1:]))]

    config = read_config(create_file("config.json", CONFIG))
    actions = read_actions(create_file("actions.json", entries), config)

    assert [a.block_time for a in actions] == [5, 5, 6, 7, 8, 9]
    assert [a.kind for a in actions] == [next(iter(kind)) for kind in kinds]
    assert [a.body for a in actions] == [
        Deposit(account_id="lp", amount=1),
        Order(account_id="7", denom="ETH", order_size=-5, reduce_only=False),
        Order(account_id="7", denom="ETH", order_size=-5, reduce_only=True),
        PriceChange(denom="ETH", new_price="0.5"),
        actions[4].body,
        Deleverage(account_id="7", denom="ETH", max_size=10**30),
    ]
    assert actions[3].body.new_price == WAD // 2


def test_plan__several_markets_and_accounts__numbered_from_one_in_order(create_file):
    config = CONFIG | {"perps": [PERP, PERP | {"denom": "BTC"}]}
    orders = [changed(ORDER, ("execute_perp_order", "account_id"), who) for who in (9, "9", "b")]
    known = read_config(create_file("config.json", config))
    actions = read_actions(create_file("a.json", [at(3, o) for o in [*orders, SNAPSHOT]]), known)

    plan = Plan.of(known, actions)

    assert plan.markets == {"ETH": 1, "BTC": 2}
    assert plan.accounts == {"9": 1, "b": 2}, "9 and '9' are the same account"
    assert (plan.start, plan.snapshots) == (3, 1)
    assert plan.describe(2) == "action 2 (execute_perp_order b ETH)"


@pytest.mark.parametrize(
    "wad, text",
    [(0, "0"), (1, "0.000000000000000001"), (WAD, "1"), (-WAD // 2, "-0.5"), (10**36, f"{10**18}")],
)
def test_decimal__any_wad__keeps_every_digit(wad, text):
    assert decimal(wad) == text


# ------------------------------------------------------------------------------------------ refused

NUMBERS = [
    (0.001, "0.001 is a float: write it as a string"),
    (float("nan"), "NaN is not a number"),
    (float("inf"), "Infinity is not a number"),
    (10**200, "a number of 201 digits"),
]


@pytest.mark.parametrize(
    "place, value, reason",
    [
        (("opening_fee_rate",), 1, 'must be a decimal number as a string, such as "0.001"'),
        (("opening_fee_rate",), None, 'must be a decimal number as a string, such as "0.001"'),
        (("opening_fee_rate",), "1e-3", "not a decimal number: '1e-3'"),
        (("opening_fee_rate",), ".5", "not a decimal number: '.5'"),
        (("opening_fee_rate",), "0x1", "not a decimal number: '0x1'"),
        (("opening_fee_rate",), "٣", "not a decimal number: '٣'"),
        (("opening_fee_rate",), "\n1", "not a decimal number: '\\n1'"),
        (("opening_fee_rate",), "-0.1", "must not be negative"),
        (
            ("opening_fee_rate",),
            "0.1000000000000000001",
            "more than 18 decimals: '0.1000000000000000001'",
        ),
        (("opening_fee_rate",), "0.11", "must be 0 to 0.1"),
        (("reserve_factor",), "1.01", "must be 0 to 1"),
        (("initial_price",), "0", "must be above 0"),
        (("initial_price",), str(10**18 + 1), "must be at most 1000000000000000000"),
        (("max_loan_to_value",), "1.1", "must be at most 1"),
        (("skew_scale",), "1.5", "not an integer: '1.5'"),
        (("skew_scale",), "", "not an integer: ''"),
        (("skew_scale",), "007", "not an integer: '007'"),
        (("skew_scale",), "+7", "not an integer: '+7'"),
        (("skew_scale",), "9" * 81, f"not an integer: '{'9' * 40}…'"),
        (("skew_scale",), "-1", "must not be negative"),
        (("skew_scale",), True, "must be an integer, or a string of one"),
        (("skew_scale",), [], "must be an integer, or a string of one"),
        (("skew_scale",), str(10**36 + 1), f"must be 0 to {10**36}"),
        (("max_net_oi_value",), str(10**37 + 1), f"must be 0 to {10**37}"),
        (("max_position_value",), "3", f"must be 4 to {10**37}"),
        (("enabled",), "true", "must be true or false"),
        (("enabled",), 1, "must be true or false"),
        (("denom",), 5, "must be a string"),
        (("denom",), "", "must have 1 to 64 printable characters"),
        (("denom",), "a\nb", "must have 1 to 64 printable characters"),
        (("denom",), GONE, "missing"),
        (("liquidation_threshold",), GONE, "missing"),
        (("lot_size",), "1", "unknown field"),
        *((("initial_price",), value, reason) for value, reason in NUMBERS),
        *((("skew_scale",), value, reason) for value, reason in NUMBERS),
    ],
)
def test_read_config__wrong_field_of_a_market__refused_with_its_place(
    refusal, place, value, reason
):
    config = changed(CONFIG, ("perps", 0, *place), value)
    assert refusal(config) == f"config.json: perps[0].{place[0]}: {reason}"


def test_read_config__product_of_rates_too_large__refused(refusal):
    perp = PERP | {"borrow_rate": "1", "reserve_factor": "0.6"}
    line = "config.json: perps[0].borrow_rate: times reserve_factor must be at most 0.5"
    assert refusal(CONFIG | {"perps": [perp]}) == line


@pytest.mark.parametrize(
    "config, line",
    [
        ([], "must be an object"),
        (changed(CONFIG, ("perps",), []), "perps: must not be empty"),
        (changed(CONFIG, ("perps",), {}), "perps: must be a list"),
        (changed(CONFIG, ("perps",), ["ETH"]), "perps[0]: must be an object"),
        (changed(CONFIG, ("perps",), [PERP, PERP]), "perps[1].denom: 'ETH' is already perps[0]"),
        (
            changed(CONFIG, ("perps",), [PERP | {"denom": f"M{n}"} for n in range(64)]),
            "perps: at most 63 markets, not 64",
        ),
        (changed(CONFIG, ("protocol_fee_rate",), "0.6"), "protocol_fee_rate: must be 0 to 0.5"),
        (changed(CONFIG, ("protocol_fee_rate",), GONE), "protocol_fee_rate: missing"),
        (
            changed(CONFIG, ("target_collaterization_ratio",), "10.01"),
            "target_collaterization_ratio: must be 0 to 10",
        ),
        (CONFIG | {"note": "x"}, "note: unknown field"),
        (CONFIG | {"a\x1b[31mb": "x"}, "a\\x1b[31mb: unknown field"),
        ('{"perps": 1, "perps": 2}', "the key 'perps' is given twice"),
        ('{"perps": [{"denom": "A", "denom": "B"}]}', "perps[0]: the key 'denom' is given twice"),
        ("[" * 20 + "]" * 20, "nested more than 8 deep"),
        ('["]]]]]", "\\"[["' * 4 + "[" * 6 + "]" * 10, "nested more than 8 deep"),
        ("[" * 500_000, "nested more than 8 deep"),
        ("", "not JSON: line 1, column 1: Expecting value"),
        ('{"perps": [}', "not JSON: line 1, column 12: Expecting value"),
        (
            "{'perps': 1}",
            "not JSON: line 1, column 2: Expecting property name enclosed in double quotes",
        ),
    ],
)
def test_read_config__wrong_as_a_whole__refused_with_one_line(refusal, config, line):
    assert refusal(config) == f"config.json: {line}"


@pytest.mark.parametrize(
    "actions, line",
    [
        ([], "must not be empty"),
        ({}, "must be a list"),
        ([7], "[0]: must be an object"),
        ([at(1, SNAPSHOT), at(1, {})], "[1].action: must have one action, has 0"),
        ([at(1, DEPOSIT | PRICE)], "[0].action: must have one action, has 2"),
        ([at(1, {"withdraw": {}})], "[0].action: unknown action 'withdraw'"),
        ([at(1, SNAPSHOT | {"note": 1})], "[0].action: unknown action 'note'"),
        ([at(1, {"snapshot_state": None})], "[0].action: snapshot_state must be an object"),
        ([at(1, {"snapshot_state": {"x": 1}})], "[0].action.snapshot_state.x: unknown field"),
        ([at(1, None)], "[0].action: must be an object"),
        ([{"action": SNAPSHOT}], "[0].block_time: missing"),
        ([at(1, SNAPSHOT) | {"x": 1}], "[0].x: unknown field"),
        ([at(-1, SNAPSHOT)], "[0].block_time: must not be negative"),
        ([at(1.5, SNAPSHOT)], "[0].block_time: 1.5 is a float: write it as a string"),
        (
            [at(5, SNAPSHOT), at(4, SNAPSHOT)],
            "[1].block_time: 4 is before 5, that of the action before",
        ),
        (
            [at(5, SNAPSHOT), at(5 + 2**32, SNAPSHOT)],
            "[1].block_time: more than 4294967295 seconds after the first",
        ),
        (
            [at(1, changed(ORDER, ("execute_perp_order", "denom"), "BTC"))],
            "[0].action.execute_perp_order.denom: no market 'BTC' in the configuration",
        ),
        (
            [at(1, changed(ORDER, ("execute_perp_order", "order_size"), "1.0"))],
            "[0].action.execute_perp_order.order_size: not an integer: '1.0'",
        ),
        (
            [at(1, changed(ORDER, ("execute_perp_order", "order_size"), str(2**255)))],
            f"[0].action.execute_perp_order.order_size: must be at most {2**255 - 1}",
        ),
        (
            [at(1, changed(ORDER, ("execute_perp_order", "order_size"), str(-(2**255))))],
            f"[0].action.execute_perp_order.order_size: must be at least {1 - 2**255}",
        ),
        (
            [at(1, changed(ORDER, ("execute_perp_order", "reduce_only"), "no"))],
            "[0].action.execute_perp_order.reduce_only: must be true or false",
        ),
        (
            [at(1, changed(ORDER, ("execute_perp_order", "account_id"), False))],
            "[0].action.execute_perp_order.account_id: must be a string or an integer",
        ),
        (
            [at(1, changed(DEPOSIT, ("deposit_to_vault", "amount"), "-1"))],
            "[0].action.deposit_to_vault.amount: must not be negative",
        ),
        (
            [at(1, changed(DEPOSIT, ("deposit_to_vault", "amount"), GONE))],
            "[0].action.deposit_to_vault.amount: missing",
        ),
        (
            [at(1, changed(PRICE, ("change_price", "new_price"), "0"))],
            "[0].action.change_price.new_price: must be above 0",
        ),
    ],
)
def test_read_actions__wrong__refused_with_index_field_and_reason(refusal, actions, line):
    assert refusal(actions=actions) == f"actions.json: {line}"


def test_read_config__file_that_cannot_be_read__refused(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    here = type(tmp_path)()
    (here / "folder").mkdir()
    (here / "latin").write_bytes(b'{"perps": "\xe9"}')
    with (here / "huge").open("wb") as huge:
        huge.truncate(MAX_BYTES + 1)

    for name, line in {
        "none": "none: cannot be read: No such file or directory",
        "folder": "folder: cannot be read: Is a directory",
        "latin": "latin: not UTF-8: byte 11",
        "huge": "huge: larger than 64 MiB",
    }.items():
        with pytest.raises(BadInputError) as raised:
            read_config(here / name)
        assert raised.value.format_message() == line
