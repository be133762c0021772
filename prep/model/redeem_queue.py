"""Requests of owners of vault shares who want to leave, and the shares that they lock.
docs/whitepaper.md, "Vault". Times and periods are seconds."""

from collections.abc import Hashable
from dataclasses import dataclass, replace
from typing import Final

from prep.model.errors import Rejected
from prep.model.limits import DAY

MAX_COOLDOWN_PERIOD: Final = 30 * DAY
MIN_REDEEM_WINDOW: Final = DAY
MAX_REDEEM_WINDOW: Final = 365 * DAY
"""Unless it is 0: never."""
DEFAULT_REDEEM_WINDOW: Final = 7 * DAY
MAX_REQUESTS: Final = 8
"""In a queue."""
SHARE_BITS: Final = 176
"""What a request's shares are stored in."""


@dataclass(frozen=True, slots=True)
class RedeemRequested:
    """Shares were locked."""

    owner: Hashable
    ref: int
    shares: int
    matures_at: int
    lapses_at: int
    """If withdrawals are not stopped meanwhile; 0: never."""
    locked: int
    """All of the owner, after."""


@dataclass(frozen=True, slots=True)
class RequestsCancelled:
    """Shares were unlocked by their owner."""

    owner: Hashable
    ref: int
    shares: int
    locked: int
    """All of the owner, after."""


@dataclass(frozen=True, slots=True)
class Request:
    """Shares that can be taken from `matures_at` on, until the clock of lapsing says `lapses_at`;
    None: for good."""

    shares: int
    matures_at: int
    lapses_at: int | None


class RedeemQueues:
    """For each owner and ref the requests that are left, oldest first.

    A lapsed request is gone for whatever acts on its queue. For other queues of its owner its
    shares are locked until something has acted on its own.
    """

    __slots__ = ("_stopped_for", "_stopped_since", "by_owner", "period", "window")

    def __init__(self) -> None:
        self.period = 0
        """Between a request and when it matures; 0: unlocked shares need none."""
        self.window = DEFAULT_REDEEM_WINDOW
        """Between when it matures and when it lapses; 0: it never does."""
        self.by_owner: dict[tuple[Hashable, int], list[Request]] = {}
        self._stopped_since: int | None = None
        self._stopped_for = 0

    # --------------------------------------------------------------------------------------- clock

    def switch(self, now: int, *, stopped: bool) -> None:
        """Withdrawals are stopped or go on: the clock of lapsing with them."""
        if stopped and self._stopped_since is None:
            self._stopped_since = now
        elif not stopped and self._stopped_since is not None:
            self._stopped_for += now - self._stopped_since
            self._stopped_since = None

    def _delay(self, now: int) -> int:
        """How far the clock of lapsing is behind."""
        present = 0 if self._stopped_since is None else now - self._stopped_since
        return self._stopped_for + present

    # --------------------------------------------------------------------------------------- views

    def requests(self, owner: Hashable, ref: int, now: int) -> list[tuple[int, int, int]]:
        """Shares, when they mature and when they lapse if nothing is stopped from now on (0: never)
        of each request that has not lapsed."""
        delay = self._delay(now)
        return [
            (r.shares, r.matures_at, 0 if r.lapses_at is None else r.lapses_at + delay)
            for r in self._live(owner, ref, now)
        ]

    def held(self, owner: Hashable) -> int:
        """What is in all queues of `owner`, lapsed or not."""
        return sum(r.shares for (who, _), q in self.by_owner.items() if who == owner for r in q)

    def locked(self, owner: Hashable, ref: int, now: int) -> int:
        """All shares of `owner` that are locked for what acts on `ref`."""
        return self.held(owner) - self._lapsed(owner, ref, now)

    def matured(self, owner: Hashable, ref: int, now: int) -> int:
        """Shares of a queue that can be taken."""
        return sum(r.shares for r in self._live(owner, ref, now) if r.matures_at <= now)

    # ------------------------------------------------------------------------------------- changes

    def request(self, owner: Hashable, ref: int, shares: int, now: int) -> RedeemRequested:
        """Locks unlocked shares."""
        queue = self._live(owner, ref, now)
        if len(queue) == MAX_REQUESTS:
            raise Rejected("TooManyRequests", MAX_REQUESTS)
        if shares >= 2**SHARE_BITS:
            raise Rejected("SafeCastOverflowedUintDowncast", SHARE_BITS, shares)
        matures_at = now + self.period
        lapses_at = matures_at + self.window if self.window else 0
        on_clock = lapses_at - self._delay(now) if self.window else None
        self.by_owner[owner, ref] = [*queue, Request(shares, matures_at, on_clock)]
        locked = self.locked(owner, ref, now)
        return RedeemRequested(owner, ref, shares, matures_at, lapses_at, locked)

    def cancel(self, owner: Hashable, ref: int, shares: int, now: int) -> RequestsCancelled:
        """Unlocks shares of a queue, newest requests first."""
        queue = self._live(owner, ref, now)
        requested = sum(r.shares for r in queue)
        if shares > requested:
            raise Rejected("RequestsExceeded", shares, requested)
        kept: list[Request] = []
        room = requested - shares
        for request in queue:
            part = min(room, request.shares)
            room -= part
            kept += [replace(request, shares=part)] if part else []
        self.by_owner[owner, ref] = kept
        return RequestsCancelled(owner, ref, shares, self.locked(owner, ref, now))

    def take(self, owner: Hashable, ref: int, shares: int, now: int) -> None:
        """Unlocks up to `shares` that have matured, oldest requests first."""
        left = []
        for request in self._live(owner, ref, now):
            part = min(shares, request.shares) if request.matures_at <= now else 0
            shares -= part
            left.append(replace(request, shares=request.shares - part))
        self.by_owner[owner, ref] = [r for r in left if r.shares]

    def clear(self, owner: Hashable, ref: int, now: int) -> int:
        """Removes what has lapsed. How many shares that unlocks."""
        lapsed = self._lapsed(owner, ref, now)
        self.by_owner[owner, ref] = self._live(owner, ref, now)
        return lapsed

    def _lapsed(self, owner: Hashable, ref: int, now: int) -> int:
        held = sum(r.shares for r in self.by_owner.get((owner, ref), []))
        return held - sum(r.shares for r in self._live(owner, ref, now))

    def _live(self, owner: Hashable, ref: int, now: int) -> list[Request]:
        clock = now - self._delay(now)
        queue = self.by_owner.get((owner, ref), [])
        return [r for r in queue if r.lapses_at is None or clock < r.lapses_at]
