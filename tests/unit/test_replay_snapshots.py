"""Snapshots: the file to the byte, and what a comparison finds."""

import json

import pytest

from prep.replay.snapshots import (
    NAMES,
    Accounting,
    Difference,
    State,
    compare,
    compare_lists,
    read_fields,
    render,
)
from prep.replay.strict import BadInputError

SIDES = ("one", "other")


def balance(*values):
    """Price PnL, opening and closing fee, funding, borrowing fee, bad debt and their total."""
    return dict(zip(NAMES, (*values, sum(values)), strict=True))


def state(block_time=1_700_000_000, **markets):
    return State(
        block_time=block_time,
        total=Accounting(
            cash_flow=balance(-(10**30), 2, 3, 4, 0, 0),
            balance=balance(1, 2, 3, 4, 5, 0),
            withdrawal_balance=balance(1, 2, 3, 4, 0, -6),
        ),
        total_withdrawal_balance=10**36,
        markets=markets,
    )


TEXT = """[
  {
    "block_time": 1700000000,
    "accounting": {
      "cash_flow": {
        "price_pnl": "-1000000000000000000000000000000",
        "opening_fee": "2",
        "closing_fee": "3",
        "accrued_funding": "4",
        "total": "-999999999999999999999999999991"
      },
      "balance": {
        "price_pnl": "1",
        "opening_fee": "2",
        "closing_fee": "3",
        "accrued_funding": "4",
        "borrowing_fee": "5",
        "bad_debt": "0",
        "total": "15"
      },
      "withdrawal_balance": {
        "price_pnl": "1",
        "opening_fee": "2",
        "closing_fee": "3",
        "accrued_funding": "4",
        "borrowing_fee": "0",
        "bad_debt": "-6",
        "total": "4"
      }
    },
    "vault": {
      "total_withdrawal_balance": "1000000000000000000000000000000000000"
    }
  }
]
"""


@pytest.fixture
def create_file(tmp_path, monkeypatch):
    """A snapshot file with this text."""
    monkeypatch.chdir(tmp_path)

    def create(text):
        file = type(tmp_path)("expected.json")
        file.write_text(text)
        return file

    return create


def test_render__a_snapshot__is_the_format_to_the_byte():
    assert render([state()]) == TEXT


def test_render__no_snapshots__an_empty_list():
    assert render([]) == "[]\n"


def test_read_fields__own_file__compares_equal(create_file):
    assert read_fields(create_file(TEXT)) == [state().fields()]


def test_read_fields__numbers_as_integers_and_keys_in_any_order__the_same(create_file):
    content = json.loads(TEXT)
    cash_flow = content[0]["accounting"]["cash_flow"]
    content[0]["accounting"]["cash_flow"] = {n: int(cash_flow[n]) for n in reversed(cash_flow)}
    assert (
        compare_lists(SIDES, read_fields(create_file(json.dumps(content))), [state().fields()])
        == []
    )


@pytest.mark.parametrize(
    "old, new, line",
    [
        ('"opening_fee": "2"', '"opening_fee": "2.0"', ".opening_fee: not an integer: '2.0'"),
        (
            '"opening_fee": "2"',
            '"opening_fee": 2.0',
            ".opening_fee: 2.0 is a float: write it as a string",
        ),
        ('"opening_fee": "2"', '"fee": "2"', ".opening_fee: missing"),
        ('"opening_fee": "2"', '"opening_fee": "2", "x": "1"', ".x: unknown field"),
    ],
)
def test_read_fields__wrong_field__refused_with_its_place(create_file, old, new, line):
    file = create_file(TEXT.replace(old, new, 1))
    with pytest.raises(BadInputError) as raised:
        read_fields(file)
    place = "expected.json: [0].accounting.cash_flow"
    assert raised.value.format_message() == f"{place}{line}"


def test_compare_lists__one_digit_off__names_snapshot_field_and_both_values(create_file):
    wrong = read_fields(create_file(TEXT.replace('"total": "15"', '"total": "16"')))

    (found,) = compare_lists(SIDES, wrong, [state().fields()])

    assert found == Difference("snapshot 0", "accounting.balance.total", SIDES, ("16", "15"))
    assert str(found) == "snapshot 0: accounting.balance.total: one 16, other 15"


def test_compare_lists__other_block_time__is_a_difference():
    (found,) = compare_lists(SIDES, [state(5).fields()], [state(6).fields()])
    assert (found.field, found.values) == ("block_time", ("5", "6"))


def test_compare_lists__snapshots_on_one_side_only__differ_as_a_whole():
    fields = state().fields()
    more, fewer = [fields, fields, fields], [fields]
    assert [str(d) for d in compare_lists(SIDES, more, fewer)] == [
        "snapshot 1: snapshot: one has one, other has none",
        "snapshot 2: snapshot: one has one, other has none",
    ]
    assert str(compare_lists(SIDES, fewer, more)[0]) == (
        "snapshot 1: snapshot: one has none, other has one"
    )


def test_by_market__errors_that_cancel_out_in_the_total__show():
    books = state().total
    shifted = Accounting(balance(*range(6)), books.balance, books.withdrawal_balance)
    one, other = state(ETH=books, BTC=shifted), state(ETH=shifted, BTC=books)

    assert compare("snapshot 0", SIDES, one.fields(), other.fields()) == []
    found = compare("snapshot 0", SIDES, one.by_market(), other.by_market())
    assert str(found[0]) == f"snapshot 0: ETH: cash_flow.price_pnl: one {-(10**30)}, other 0"
    assert {d.field.partition(":")[0] for d in found} == {"ETH", "BTC"}
