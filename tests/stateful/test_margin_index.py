"""The index against a chain that changes its mind, nodes that fail and processes that die: after
every update it says what replaying the chain from its first block says."""

import tempfile

import hypothesis.strategies as st
from hypothesis import settings
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule
from sqlalchemy.event import listen

from tests.unit.margin.chain import (
    LONG,
    SHORT,
    Blocks,
    Gone,
    changed,
    closed,
    index_of,
    marked,
    unmarked,
)

DEPTH = 4
POOLS = st.sampled_from((LONG, SHORT))
IDS = st.integers(1, 3)
EVENTS = st.one_of(
    st.builds(lambda i, pool, n: changed(i, pool, nonce=n), IDS, POOLS, st.integers(1, 99)),
    st.builds(closed, IDS, POOLS),
    st.builds(lambda i, pool, n: marked(i, n, n + 5, pool), IDS, POOLS, st.integers(1, 99)),
    st.builds(unmarked, IDS, POOLS),
)
NEW_BLOCKS = st.lists(st.lists(EVENTS, max_size=3), min_size=1, max_size=6)


def without_waiting_for_the_disk(connection, _record):
    connection.execute("PRAGMA synchronous=OFF")


class Forks(RuleBasedStateMachine):
    """One database, one chain; indices come and go."""

    def __init__(self):
        super().__init__()
        self.folder = tempfile.TemporaryDirectory()
        self.blocks = Blocks()
        self.blocks.mine()
        self.start()

    def start(self, largest_range=3):
        self.index = index_of(
            self.folder.name, self.blocks, depth=DEPTH, largest_range=largest_range
        )
        engine = self.index._store._engine
        listen(engine, "connect", without_waiting_for_the_disk)
        engine.dispose()
        self.read_to = None

    def teardown(self):
        self.index._store.close()
        self.folder.cleanup()

    def extend(self, blocks):
        for events in blocks:
            self.blocks.mine(*events)

    @rule(blocks=NEW_BLOCKS)
    def mine(self, blocks):
        self.extend(blocks)

    @rule(depth=st.integers(1, 9), blocks=NEW_BLOCKS)
    def fork(self, depth, blocks):
        self.blocks.drop(depth)
        self.extend(blocks)

    @precondition(lambda self: len(self.blocks.line) > 1)
    @rule()
    def shorten(self):
        self.blocks.drop(1)

    @rule(largest_range=st.integers(1, 6))
    def restart(self, largest_range):
        self.index._store.close()
        self.start(largest_range)

    @rule(most=st.none() | st.integers(1, 3))
    def limit(self, most):
        self.blocks.most = most

    @rule()
    def update(self):
        self.read_to = self.index.update()
        assert self.read_to == self.blocks.tip

    @rule(calls=st.integers(0, 12))
    def update_and_fail(self, calls):
        """The node goes away on the way. What is known then is what was at some block, if not of
        this chain."""
        self.blocks.fails_after = calls
        try:
            self.read_to = self.index.update()
        except Gone:
            self.read_to = self.kept()
        finally:
            self.blocks.fails_after = None

    @rule(calls=st.integers(0, 12), depth=st.integers(1, 7), blocks=NEW_BLOCKS)
    def update_and_fork(self, calls, depth, blocks):
        """The chain changes in the middle of an update."""
        left = iter(range(calls, -1, -1))

        def fork():
            if next(left, None) == 0:
                self.blocks.drop(depth)
                self.extend(blocks)

        self.blocks.on_call = fork
        try:
            self.read_to = self.index.update()
        except Gone:
            self.read_to = self.kept()
        finally:
            self.blocks.on_call = lambda: None

    def kept(self):
        return next(iter(self.index._store.blocks()), None)

    @invariant()
    def says_what_a_replay_says(self):
        if self.read_to is not None:
            block, _ = self.blocks.known[self.read_to.hash]
            assert self.index.positions() == self.blocks.replayed(block)


TestForks = Forks.TestCase
TestForks.settings = settings(max_examples=30, stateful_step_count=25, deadline=None)
