"""A chain of blocks with the pools' events, which changes its mind; and what is read from it."""

import itertools

from prep.margin.data import Position
from prep.margin.index import Index, RangeRefused
from prep.margin.index_events import Block, Changed, Indexed, Mark, Marked
from prep.margin.index_store import Store

LONG, SHORT = "0x" + 40 * "1", "0x" + 40 * "2"
TRADER, BASE, QUOTE = "0x" + 40 * "3", "0x" + 40 * "4", "0x" + 40 * "5"
CHAIN_ID = 31_337
GENESIS = "0x" + 64 * "0"


def position(number, nonce=1, collateral=10**18, principal=2**255 + 1, **changes):
    """One whose numbers no database keeps as such."""
    values = (number, TRADER, BASE, QUOTE, principal, collateral, 1_700_000_000, nonce)
    return Position(*values)._replace(**changes)


class Gone(Exception):  # noqa: N818
    """The node does not answer, or the process died."""


class Blocks:
    """A source. Blocks are numbered from 0; after `fails_after` calls it answers no more, and
    `on_call` is called before each."""

    def __init__(self):
        self.known = {}
        self.line = []
        self.asked = []
        self.most = None
        self.fails_after = None
        self.on_call = lambda: None
        self._fork = itertools.count()

    # ------------------------------------------------------------------------------------ the chain

    def mine(self, *events):
        """A block: functions of its number that make events."""
        number = len(self.line)
        parent = self.line[-1] if self.line else GENESIS
        hash_ = f"0x{next(self._fork):064x}"
        self.known[hash_] = Block(number, hash_, parent), [event(number) for event in events]
        self.line.append(hash_)

    def drop(self, count):
        """The last blocks are no longer of the chain."""
        del self.line[max(0, len(self.line) - count) :]

    @property
    def tip(self):
        return self.known[self.line[-1]][0]

    def replayed(self, block, first=0):
        """What the events up to a block say, the plain way."""
        events = []
        while block.number >= first:
            events[:0] = [self.known[block.hash][1]]
            if block.number == 0:
                break
            block = self.known[block.parent][0]
        found = {}
        for event in itertools.chain.from_iterable(events):
            if isinstance(event, Marked):
                if event.key in found:
                    found[event.key] = Indexed(event.pool, found[event.key].position, event.mark)
            elif event.position.collateral == 0:
                found.pop(event.key, None)
            else:
                before = found.get(event.key)
                found[event.key] = Indexed(
                    event.pool, event.position, before.mark if before else None
                )
        return [found[key] for key in sorted(found)]

    # ---------------------------------------------------------------------------------- the source

    def head(self):
        self._called()
        return self.tip

    def blocks(self, numbers):
        self._called()
        return [self._at(number) for number in numbers]

    def events(self, first, last):
        self._called()
        self.asked.append((first, last))
        if self.most is not None and last - first + 1 > self.most:
            raise RangeRefused("query exceeds max block range")
        return [e for hash_ in self.line[first : last + 1] for e in self.known[hash_][1]]

    def events_of(self, blocks):
        self._called()
        for block in blocks:
            if block.hash not in self.line:
                raise Gone("unknown block")
        return [event for block in blocks for event in self.known[block.hash][1]]

    def _at(self, number):
        return self.known[self.line[number]][0] if number < len(self.line) else None

    def _called(self):
        self.on_call()
        if self.fails_after is not None:
            if self.fails_after == 0:
                raise Gone("connection lost")
            self.fails_after -= 1


def changed(number, pool=LONG, **values):
    return lambda block: Changed(pool, block, position(number, **values))


def closed(number, pool=LONG):
    return changed(number, pool, collateral=0, principal=0, nonce=9)


def marked(number, start=10, until=20, pool=LONG):
    return lambda block: Marked(pool, block, number, Mark(start, until))


def unmarked(number, pool=LONG):
    return lambda block: Marked(pool, block, number, None)


def store_in(folder, chain_id=CHAIN_ID, long_pool=LONG):
    return Store(f"sqlite:///{folder}/positions.sqlite", chain_id, long_pool, SHORT)


def index_of(folder, source, first_block=0, **settings):
    """A new one, as after a start."""
    return Index(store_in(folder), source, first_block, **settings)
