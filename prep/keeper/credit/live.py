"""Which trade requests may still be there.

Their ids count up and are never used again, so one that is gone need not be asked for again, except
that the chain may replace the last blocks. Ids from before the first look are gone through once,
from the newest down, some in each round: most of them are gone.
"""

from collections.abc import Mapping

from prep.keeper.candidates import REORG_DEPTH


class Live:
    """Ids of requests to be asked for."""

    def __init__(self) -> None:
        self._high: int | None = None
        """The highest id that was ever given out, at the last look."""
        self._low = 0
        """This one and those below were never asked for."""
        self._next_low = 0
        self._gone_since: dict[int, int | None] = {}
        """Block; None: there it is."""

    def to_ask(self, count: int, most: int) -> list[int]:
        """Of `count` ids: all that are new or were there lately; and old ones, so many that it is
        `most` in all, and at least one."""
        if self._high is None:
            self._low = count
        else:
            self._gone_since |= dict.fromkeys(range(self._high + 1, count + 1))
        self._high = count
        self._low = min(self._low, count)
        known = {number for number in self._gone_since if number <= count}
        self._next_low = max(0, self._low - max(1, most - len(known)))
        return sorted(known.union(range(self._next_low + 1, self._low + 1)))

    def found(self, gone: Mapping[int, bool], block: int) -> None:
        """Whether those asked for are gone, as of a block."""
        for number, is_gone in gone.items():
            if not is_gone:
                self._gone_since[number] = None
            elif number in self._gone_since:
                self._gone_since[number] = self._gone_since[number] or block
        self._low = self._next_low
        self._gone_since = {
            number: since
            for number, since in self._gone_since.items()
            if since is None or since > block - REORG_DEPTH
        }
