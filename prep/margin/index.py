"""All open asset-backed positions, rebuilt from the pools' events.

The chain stores a hash of each position, and the events carry it in full. What was read is kept in
a database with the block up to which it goes; a start goes on from there. The last blocks may still
be replaced: of these the hashes are kept, and positions in versions, so that the index goes back to
the last block that the chain still has, and reads on from it. Where it has none of those that are
kept, it begins anew. So after every `update` it says what replaying the node's chain from the first
block on would say.
"""

from collections.abc import Sequence
from itertools import pairwise
from threading import Event as Stop
from typing import Final, Protocol

from prep.margin.index_events import Block, Event, Indexed
from prep.margin.index_store import Store

DEPTH: Final = 64
"""Blocks that the chain may still replace without everything being read anew."""
ATTEMPTS: Final = 5
"""How often an update starts again because blocks were replaced while it was reading."""


class RangeRefused(Exception):  # noqa: N818 - an answer, not a failure
    """The node does not say the events of so many blocks at once."""


class ChainMoved(Exception):  # noqa: N818 - an outcome, not a failure
    """Blocks were replaced while they were read."""


class Source(Protocol):
    """Where events come from. What it raises besides, an update raises: what was read stays."""

    def head(self) -> Block:
        """The newest block."""

    def blocks(self, numbers: Sequence[int]) -> list[Block | None]:
        """As the chain has them now; None where it has none."""

    def events(self, first: int, last: int) -> list[Event]:
        """Of these blocks, in the order of the chain. Raises `RangeRefused`."""

    def events_of(self, blocks: Sequence[Block]) -> list[Event]:
        """Of exactly the blocks with these hashes, in their order; an error where the node has one
        of them no longer."""


class Index:
    """Positions as of the last update."""

    def __init__(
        self,
        store: Store,
        source: Source,
        first_block: int,
        *,
        depth: int = DEPTH,
        largest_range: int = 10_000,
    ) -> None:
        """Nothing has happened before `first_block`."""
        if first_block < 0 or depth < 1 or largest_range < 1:
            raise ValueError("a block, a depth and a range above zero")
        self._store = store
        self._source = source
        self._first = first_block
        self._depth = depth
        self._largest = self._range = largest_range

    def update(self, stop: Stop | None = None) -> Block | None:
        """Reads what is new. The block that `positions` are as of, the newest; None: told to stop
        before. Raises what the source does, `StoreError`, and `ChainMoved` if there is no end to
        that."""
        for attempt in range(ATTEMPTS):
            try:
                self._go_back()
                return self._go_on(stop or Stop())
            except ChainMoved:
                if attempt == ATTEMPTS - 1:
                    raise
        raise AssertionError

    def positions(self) -> list[Indexed]:
        """The open ones, by pool and id."""
        return self._store.positions()

    def _go_back(self) -> None:
        """To the last block that the chain still has."""
        kept = self._store.blocks()
        if not kept or self._source.blocks([kept[0].number]) == kept[:1]:
            return
        there = {b.number: b.hash for b in self._source.blocks([k.number for k in kept]) if b}
        common = (block for block in kept if there.get(block.number) == block.hash)
        self._store.roll_back(next(common, None))

    def _go_on(self, stop: Stop) -> Block | None:
        while not stop.is_set():
            head = self._source.head()
            kept = self._store.blocks()
            known = kept[0] if kept else None
            start = known.number + 1 if known else self._first
            if known is None and head.number < start:
                return head
            if known is not None and head.number <= known.number:
                if head != known:
                    raise ChainMoved
                return head
            if start <= head.number - self._depth:
                self._read_old(known, start, head.number - self._depth)
            else:
                self._read_recent(known, start, head)
        return None

    def _read_old(self, known: Block | None, start: int, final: int) -> None:
        """Blocks that stay: many at once. That they did is looked at all the same."""
        last = min(final, start + self._range - 1)
        ends = [last] if known is None else [last, known.number]
        before = self._source.blocks(ends)
        if before[0] is None or (known is not None and before[1] != known):
            raise ChainMoved
        try:
            events = self._source.events(start, last)
        except RangeRefused:
            if last == start:
                raise
            self._range = max(1, (last - start + 1) // 2)
            return
        if self._source.blocks(ends) != before:
            raise ChainMoved
        # Slowly: what was refused is mostly refused again.
        self._range = min(self._largest, self._range + self._range // 8 + 1)
        self._store.extend([before[0]], events, last)

    def _read_recent(self, known: Block | None, start: int, head: Block) -> None:
        """Each block by its hash, and each the child of the one before: no other chain gets in."""
        found = self._source.blocks(range(start, head.number + 1))
        blocks = [block for block in found if block is not None]
        line = blocks if known is None else [known, *blocks]
        linked = all(b.parent == a.hash for a, b in pairwise(line))
        if len(blocks) != len(found) or not linked:
            raise ChainMoved
        events = self._source.events_of(blocks)
        self._store.extend(blocks, events, head.number - self._depth)
