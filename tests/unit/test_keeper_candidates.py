"""Which margin positions there may be, from the events of a chain that changes its mind."""

import json
from threading import Event
from types import SimpleNamespace

import pytest

from prep.keeper import MarginKey
from prep.keeper.candidates import REORG_DEPTH, SAVE_EVERY, Candidates
from prep.keeper.chain import Log, NodeError

CLIENT = "0x" + 40 * "1"
PROTOCOL = SimpleNamespace(address="0x" + 40 * "2")
FIRST = 1_000
CHAIN_ID = 5


class Blocks:
    """Blocks with orders: `{block: [(account, size after)]}`. Fails from a block on, if told to."""

    def __init__(self):
        self.orders = {}
        self.asked = []
        self.fails_at = None
        self.fork = ""

    def logs(self, contract, event, first, last):
        assert (contract, event) == (PROTOCOL, "OrderExecuted")
        self.asked.append((first, last))
        if self.fails_at is not None and last >= self.fails_at:
            raise NodeError("too many results")
        return [
            Log(block, (CLIENT, account, 0), (("size", "and so on", (size, 0, 0, 0)),))
            for block in sorted(self.orders)
            if first <= block <= last
            for account, size in self.orders[block]
        ]

    def block_hash(self, number):
        return f"0x{number:x}{self.fork}"


@pytest.fixture
def blocks():
    return Blocks()


@pytest.fixture
def file(tmp_path):
    return tmp_path / "cache" / "events.json"


def candidates(blocks, file=None, **changes):
    return Candidates(blocks, PROTOCOL, FIRST, CHAIN_ID, file, **changes)


def accounts(found):
    return [key.account for key in found.keys]


def test_update__first_time__reads_all_since_the_deployment_in_ranges(blocks):
    blocks.orders = {FIRST: [(3, 5)], 1_060: [(1, -5), (2, 5)], 1_061: [(9, 1)]}
    found = candidates(blocks)
    assert found.update(1_060, 25)
    assert blocks.asked == [(1_000, 1_024), (1_025, 1_049), (1_050, 1_060)]
    assert found.keys == [MarginKey(CLIENT, account, 0) for account in (1, 2, 3)]


def test_update__head_before_the_deployment__reads_nothing(blocks):
    found = candidates(blocks)
    assert found.update(FIRST - 1, 25)
    assert blocks.asked == []


def test_update__again__reads_what_is_new_and_what_may_have_changed(blocks):
    found = candidates(blocks)
    found.update(5_000, 10_000)
    found.update(5_003, 10_000)
    assert blocks.asked[1:] == [(5_004 - REORG_DEPTH, 5_003)]
    found.update(6_000, 10_000)
    assert blocks.asked[2:] == [(5_004, 6_000)], "all of the last blocks are new"


def test_update__closed_long_ago__is_forgotten(blocks):
    blocks.orders = {2_000: [(1, 5), (2, 5)], 2_001: [(1, 0)], 4_950: [(2, 0)]}
    found = candidates(blocks)
    found.update(5_000, 500)
    assert accounts(found) == [2], "not sure yet"
    found.update(4_950 + REORG_DEPTH - 1, 500)
    assert accounts(found) == [2]
    found.update(4_950 + REORG_DEPTH, 500)
    assert accounts(found) == []


def test_update__opened_again__is_kept(blocks):
    blocks.orders = {2_000: [(1, 5)], 2_001: [(1, 0), (1, 3)]}
    found = candidates(blocks)
    found.update(9_000, 10_000)
    assert accounts(found) == [1]


def test_update__closing_was_taken_back_by_the_chain__is_still_known(blocks):
    blocks.orders = {2_000: [(1, 5)], 4_999: [(1, 0)]}
    found = candidates(blocks)
    found.update(5_000, 10_000)
    del blocks.orders[4_999]
    found.update(5_001, 10_000)
    assert accounts(found) == [1]
    found.update(9_000, 10_000)
    assert accounts(found) == [1], "for good"


def test_update__opening_moved_to_a_later_block__is_found(blocks):
    found = candidates(blocks)
    found.update(5_000, 10_000)
    blocks.orders = {5_000 - REORG_DEPTH + 2: [(7, 1)]}
    found.update(5_001, 10_000)
    assert accounts(found) == [7]


def test_update__node_is_behind__goes_back_with_it(blocks):
    found = candidates(blocks)
    found.update(5_000, 10_000)
    found.update(4_000, 10_000)
    blocks.orders = {4_001: [(7, 1)]}
    found.update(4_001, 10_000)
    assert blocks.asked[1:] == [(3_901, 4_000), (3_902, 4_001)]
    assert accounts(found) == [7]


def test_update__node_fails_on_the_way__goes_on_there(blocks):
    blocks.orders = {FIRST: [(1, 1)], 4_500: [(2, 1)]}
    blocks.fails_at = 4_000
    found = candidates(blocks)
    with pytest.raises(NodeError, match="too many results"):
        found.update(5_000, 1_000)
    blocks.fails_at = None
    blocks.asked.clear()
    assert found.update(5_000, 1_000)
    assert blocks.asked == [(4_000, 4_999), (5_000, 5_000)]
    assert accounts(found) == [1, 2]


def test_update__told_to_stop__says_that_it_is_not_done(blocks):
    stop = Event()
    stop.set()
    assert not candidates(blocks, stop=stop).update(5_000, 1_000)
    assert blocks.asked == []


# ------------------------------------------------------------------------------------------ on disk


def test_file__another_start__reads_only_what_the_chain_may_still_replace(blocks, file):
    blocks.orders = {FIRST: [(2**255, 1), (1, 1)], 2_000: [(1, 0)], 4_950: [(3, 1)]}
    candidates(blocks, file).update(5_000, 1_000)
    blocks.asked.clear()
    blocks.orders[5_001] = [(4, 1)]
    found = candidates(blocks, file)
    found.update(5_010, 1_000)
    saved = json.loads(file.read_text())["block"]
    assert blocks.asked == [(saved + 1, 5_010)]
    assert saved > 5_000 - REORG_DEPTH - SAVE_EVERY
    assert accounts(found) == [3, 4, 2**255]


def test_file__is_written_after_so_many_blocks_and_no_other_is_left(blocks, file):
    found = candidates(blocks, file)
    found.update(FIRST + SAVE_EVERY + REORG_DEPTH - 1, 10_000)
    assert not file.exists()
    found.update(FIRST + SAVE_EVERY + REORG_DEPTH, 10_000)
    assert json.loads(file.read_text())["block"] == FIRST + SAVE_EVERY
    assert [path.name for path in file.parent.iterdir()] == [file.name]
    written = file.read_text()
    found.update(FIRST + 2 * SAVE_EVERY + REORG_DEPTH - 1, 10_000)
    assert file.read_text() == written
    found.update(FIRST + 2 * SAVE_EVERY + REORG_DEPTH, 10_000)
    assert file.read_text() != written


def test_file__chain_was_replaced_below_it__starts_over(blocks, file):
    candidates(blocks, file).update(5_000, 10_000)
    blocks.asked.clear()
    blocks.fork = "f"
    candidates(blocks, file).update(5_000, 10_000)
    assert blocks.asked == [(FIRST, 5_000)]


def test_file__node_fails_while_it_is_checked__asks_again(blocks, file, monkeypatch):
    blocks.orders = {FIRST: [(1, 1)]}
    candidates(blocks, file).update(5_000, 10_000)
    blocks.asked.clear()
    found = candidates(blocks, file)

    def fail(number):
        raise NodeError("gone")

    with monkeypatch.context() as patch:
        patch.setattr(blocks, "block_hash", fail)
        with pytest.raises(NodeError):
            found.update(5_000, 10_000)
    found.update(5_000, 10_000)
    assert accounts(found) == [1]
    assert blocks.asked[0][0] > FIRST
