"""Positions from events: in ranges, after crashes, and when the chain changes its mind."""

from threading import Event

import pytest
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from prep.margin.index import ChainMoved, Index, RangeRefused
from prep.margin.index_events import Indexed, Mark
from prep.margin.index_store import Conflict, Store, StoreError
from prep.margin.index_tables import BlockRow, VersionRow
from tests.unit.margin.chain import (
    LONG,
    SHORT,
    Blocks,
    Gone,
    changed,
    closed,
    index_of,
    marked,
    position,
    store_in,
    unmarked,
)

DEPTH = 5


@pytest.fixture
def blocks():
    return Blocks()


@pytest.fixture
def index(tmp_path, blocks):
    return index_of(tmp_path, blocks, depth=DEPTH, largest_range=8)


def mine_empty(blocks, count):
    for _ in range(count):
        blocks.mine()


def rows(index, table):
    with Session(index._store._engine) as session:
        return session.scalar(select(func.count()).select_from(table))


# ------------------------------------------------------------------------------------------ events


def test_update__opened_changed_and_closed__says_what_is_left(index, blocks):
    blocks.mine(changed(1), changed(2), changed(1, SHORT))
    blocks.mine(changed(1, nonce=2, collateral=5), closed(2))
    assert index.update() == blocks.tip
    assert index.positions() == [
        Indexed(LONG, position(1, nonce=2, collateral=5)),
        Indexed(SHORT, position(1)),
    ]


def test_update__several_changes_in_a_block__keeps_the_last(index, blocks):
    blocks.mine(changed(1), changed(1, nonce=2), changed(1, nonce=3))
    index.update()
    assert [found.position.nonce for found in index.positions()] == [3]


def test_update__opened_and_closed_in_a_block__is_not_there(index, blocks):
    blocks.mine(changed(1), closed(1))
    index.update()
    assert index.positions() == []


def test_update__largest_numbers__come_back_exactly(index, blocks):
    most = 2**256 - 1
    blocks.mine(changed(most, principal=most, collateral=most, nonce=most))
    index.update()
    assert index.positions()[0].position == position(
        most, principal=most, collateral=most, nonce=most
    )


def test_update__marked__the_mark_stays_with_what_the_position_becomes(index, blocks):
    blocks.mine(changed(1), marked(1, 10, 20))
    blocks.mine(changed(1, nonce=2))
    index.update()
    assert index.positions() == [Indexed(LONG, position(1, nonce=2), Mark(10, 20))]


def test_update__unmarked__has_no_mark(index, blocks):
    blocks.mine(changed(1), marked(1))
    blocks.mine(unmarked(1))
    index.update()
    assert index.positions() == [Indexed(LONG, position(1))]


def test_update__mark_of_a_position_that_is_not_known__is_left_out(index, blocks):
    blocks.mine(marked(7))
    index.update()
    assert index.positions() == []


def test_update__before_the_first_block__has_nothing(tmp_path, blocks):
    blocks.mine()
    index = index_of(tmp_path, blocks, first_block=5)
    assert index.update() == blocks.tip
    assert index.positions() == []


def test_update__first_block__leaves_out_what_is_before(tmp_path, blocks):
    blocks.mine(changed(1))
    blocks.mine(changed(2))
    index = index_of(tmp_path, blocks, first_block=1)
    index.update()
    assert [found.position.id for found in index.positions()] == [2]


# ------------------------------------------------------------------------------------------ ranges


def test_update__long_history__is_read_in_ranges_and_then_block_by_block(index, blocks):
    mine_empty(blocks, 24)
    index.update()
    # Head 23: blocks up to 18 stay, the last five are read by their hashes.
    assert blocks.asked == [(0, 7), (8, 15), (16, 18)]


def test_update__again__reads_only_what_is_new(index, blocks):
    mine_empty(blocks, 24)
    index.update()
    blocks.asked.clear()
    blocks.mine(changed(1))
    index.update()
    assert blocks.asked == []
    assert [found.position.id for found in index.positions()] == [1]


def test_update__node_limits_ranges__asks_for_less_and_slowly_for_more(tmp_path, blocks):
    blocks.most = 3
    mine_empty(blocks, 30)
    index = index_of(tmp_path, blocks, depth=DEPTH, largest_range=16)
    index.update()
    assert blocks.asked[:4] == [(0, 15), (0, 7), (0, 3), (0, 1)]
    taken = [(a, b) for a, b in blocks.asked if b - a + 1 <= 3]
    assert [a for a, _ in taken[1:]] == [b + 1 for _, b in taken[:-1]], "no gaps, nothing twice"
    assert taken[-1][1] == 29 - DEPTH
    assert max(b - a + 1 for a, b in taken) == 3


def test_update__single_block_is_refused__says_so(tmp_path, blocks):
    blocks.most = 0
    mine_empty(blocks, 9)
    with pytest.raises(RangeRefused, match="max block range"):
        index_of(tmp_path, blocks, depth=DEPTH).update()


def test_update__told_to_stop__returns_nothing(index, blocks):
    mine_empty(blocks, 24)
    stop = Event()
    stop.set()
    assert index.update(stop) is None
    assert blocks.asked == []


def test_update__told_to_stop_on_the_way__goes_on_from_there(index, blocks):
    stop = Event()
    mine_empty(blocks, 24)
    blocks.on_call = lambda: stop.set() if blocks.asked else None
    assert index.update(stop) is None
    blocks.on_call = lambda: None
    assert index.update() == blocks.tip
    assert blocks.asked == [(0, 7), (8, 15), (16, 18)], "nothing twice"


# ------------------------------------------------------------------------------------------- reorgs


def test_update__blocks_replaced__goes_back_to_the_last_common_one(index, blocks):
    mine_empty(blocks, 10)
    blocks.mine(changed(1))
    blocks.mine(changed(1, nonce=2), changed(2), marked(1))
    index.update()
    blocks.drop(1)
    blocks.mine(changed(3))
    blocks.asked.clear()
    assert index.update() == blocks.tip
    assert index.positions() == [Indexed(LONG, position(1)), Indexed(LONG, position(3))]
    assert blocks.asked == [], "nothing but the new block was read"


def test_update__closing_taken_back__is_open_again(index, blocks):
    mine_empty(blocks, 10)
    blocks.mine(changed(1))
    blocks.mine(closed(1))
    index.update()
    assert index.positions() == []
    blocks.drop(1)
    blocks.mine()
    index.update()
    assert index.positions() == [Indexed(LONG, position(1))]


def test_update__chain_only_shorter__is_as_the_node_has_it(index, blocks):
    mine_empty(blocks, 10)
    blocks.mine(changed(1))
    blocks.mine(changed(2))
    index.update()
    blocks.drop(1)
    assert index.update() == blocks.tip
    assert index.positions() == [Indexed(LONG, position(1))]


@pytest.mark.parametrize("dropped, asked", [(DEPTH, []), (DEPTH + 1, [(0, 7), (8, 9)])])
def test_update__replaced_down_to_what_is_kept__below_that_reads_anew(
    index, blocks, dropped, asked
):
    mine_empty(blocks, 15)
    blocks.mine(changed(1))
    index.update()
    blocks.drop(dropped)
    mine_empty(blocks, dropped - 1)
    blocks.asked.clear()
    assert index.update() == blocks.tip
    assert index.positions() == []
    assert blocks.asked[: len(asked)] == asked


def test_update__replaced_while_reading__starts_again(index, blocks):
    mine_empty(blocks, 20)
    blocks.mine(changed(1))
    calls = iter(range(100))

    def replace():
        if next(calls) == 2:
            blocks.drop(1)
            blocks.mine(changed(2))

    blocks.on_call = replace
    assert index.update() == blocks.tip
    assert [found.position.id for found in index.positions()] == [2]


def test_update__replaced_all_the_time__gives_up(index, blocks):
    mine_empty(blocks, 30)

    def replace():
        blocks.drop(29)
        mine_empty(blocks, 29)

    blocks.on_call = replace
    with pytest.raises(ChainMoved):
        index.update()


# --------------------------------------------------------------------------------------- checkpoint


@pytest.mark.parametrize("calls", range(14))
def test_update__process_dies__the_next_one_goes_on(tmp_path, blocks, calls):
    for number in range(24):
        blocks.mine(changed(number), changed(number // 2, nonce=2))
    blocks.fails_after = calls
    with pytest.raises(Gone):
        index_of(tmp_path, blocks, depth=DEPTH, largest_range=8).update()
    done = [b for _, b in blocks.asked]
    blocks.fails_after = None
    blocks.asked.clear()
    index = index_of(tmp_path, blocks, depth=DEPTH, largest_range=8)
    index.update()
    assert index.positions() == blocks.replayed(blocks.tip)
    if len(done) > 1:
        assert (0, 7) not in blocks.asked, "what was read is not read again"


def test_positions__after_a_start__are_there_without_the_node(tmp_path, blocks):
    blocks.mine(changed(1), marked(1))
    index_of(tmp_path, blocks).update()
    again = index_of(tmp_path, None)
    assert again.positions() == [Indexed(LONG, position(1), Mark(10, 20))]


def test_update__many_blocks__keeps_no_more_than_it_needs(index, blocks):
    for number in range(40):
        blocks.mine(changed(1, nonce=number + 1), changed(number + 2), closed(number + 1))
        index.update()
    assert rows(index, BlockRow) == DEPTH + 1
    # Position 1 was closed in the first block; of the others each block closes one.
    assert rows(index, VersionRow) <= 3 * (DEPTH + 1)


def test_store__other_pools_or_chain__are_kept_apart(tmp_path, blocks):
    blocks.mine(changed(1))
    index_of(tmp_path, blocks).update()
    assert store_in(tmp_path, chain_id=1).positions() == []
    assert store_in(tmp_path, long_pool="0x" + 40 * "9").positions() == []
    other = Index(store_in(tmp_path, chain_id=1), blocks, 0)
    other.update()
    assert len(other.positions()) == 1
    assert len(store_in(tmp_path).positions()) == 1


def test_update__another_process_has_written__is_refused_and_then_goes_on(tmp_path, blocks):
    blocks.mine(changed(1))
    first, second = index_of(tmp_path, blocks), index_of(tmp_path, blocks)
    first.update()
    blocks.mine(changed(2))
    with pytest.raises(Conflict, match="another process"):
        second.update()
    assert second.update() == blocks.tip
    assert second.positions() == blocks.replayed(blocks.tip)


@pytest.mark.parametrize(
    "url", ["no url", "nosuch://host/db", "sqlite:////nosuch/folder/file.sqlite"]
)
def test_store__no_such_database__says_so(url):
    with pytest.raises(StoreError):
        Store(url, 1, LONG, SHORT)


def test_store__url_with_a_password__does_not_repeat_it():
    with pytest.raises(StoreError) as raised:
        Store("nosuch://user:hunter2@host/db", 1, LONG, SHORT)
    assert "hunter2" not in str(raised.value)


@pytest.mark.parametrize("settings", [{"first_block": -1}, {"depth": 0}, {"largest_range": 0}])
def test_index__impossible_settings__are_refused(tmp_path, blocks, settings):
    with pytest.raises(ValueError, match="above zero"):
        index_of(tmp_path, blocks, **settings)


def replace_before(blocks, call, count, *events):
    """Before that call of an update the last blocks become others."""
    calls = iter(range(1, 100))

    def replace():
        if next(calls) == call:
            blocks.drop(count)
            mine_empty(blocks, count - 1)
            blocks.mine(*events)

    blocks.on_call = replace


def test_update__newest_block_replaced_after_it_was_compared__is_read(index, blocks):
    mine_empty(blocks, 10)
    blocks.mine(changed(1))
    index.update()
    replace_before(blocks, 2, 1, changed(2))
    assert index.update() == blocks.tip
    assert [found.position.id for found in index.positions()] == [2]


@pytest.mark.parametrize("call", (3, 4, 5))
def test_update__what_is_known_replaced_while_old_blocks_are_read__is_read_anew(
    index, blocks, call
):
    mine_empty(blocks, 10)
    blocks.mine(changed(1))
    index.update()
    mine_empty(blocks, 30)
    replace_before(blocks, call, 35, changed(2))
    assert index.update() == blocks.tip
    assert [found.position.id for found in index.positions()] == [2]
