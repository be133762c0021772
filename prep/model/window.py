"""When a request or an order fills, by what its market's oracle has published. docs/credit.md,
"Orders".

Shared by isolated requests (`prep.model.requests`) and the orders of credit accounts.
"""

from dataclasses import dataclass
from enum import IntEnum


class Condition(IntEnum):
    """At which prices an order may fill."""

    ALWAYS = 0
    AT_OR_ABOVE = 1
    AT_OR_BELOW = 2


class OrderState(IntEnum):
    """Waiting for its price; ready to be filled now; never to be filled again; filled, cancelled,
    removed or never placed."""

    WAITING = 0
    READY = 1
    DEAD = 2
    GONE = 3


@dataclass(frozen=True, slots=True)
class Published:
    """A price (WAD) and when its source published it (seconds)."""

    price: int
    timestamp: int


NOTHING = Published(0, 0)
"""What a source without an answer is said to have published."""


@dataclass(frozen=True, slots=True)
class Publication:
    """The latest round of a source and the one before. A price of 0: a round without an answer."""

    newest: Published = NOTHING
    older: Published = NOTHING

    def followed_by(self, newest: Published) -> "Publication":
        """With one more round."""
        return Publication(newest, self.newest)

    @property
    def latest(self) -> Published:
        """The answer that the source gives."""
        return self.newest if self.newest.price else NOTHING

    @property
    def previous(self) -> Published:
        """The answer before; like the latest where there was none."""
        return self.older if self.older.price and self.older.timestamp else self.latest


def holds(condition: Condition, trigger: int, price: int) -> bool:
    """Whether an order with this condition may fill at `price`; both WAD."""
    if condition is Condition.AT_OR_ABOVE:
        return price >= trigger
    if condition is Condition.AT_OR_BELOW:
        return price <= trigger
    return True


def state_of(
    latest: Published,
    previous: Published,
    delay: int,
    placed_at: int,
    condition: Condition,
    trigger: int,
) -> OrderState:
    """The state of an order placed at `placed_at`, expiry aside.

    Without a `delay` (seconds) it is ready while its condition holds. With one, only the first
    price published at least that long after `placed_at` of a run of prices at which it holds makes
    it ready, and only while that price is the latest. What always holds has a single run: it is
    dead once that has gone on. What is not known of the one before is given as the latest.
    """
    met = holds(condition, trigger, latest.price)
    if delay == 0:
        return OrderState.READY if met else OrderState.WAITING
    earliest = placed_at + delay
    if latest.timestamp < earliest or not met:
        return OrderState.WAITING
    if previous.timestamp < earliest or not holds(condition, trigger, previous.price):
        return OrderState.READY
    return OrderState.DEAD if condition is Condition.ALWAYS else OrderState.WAITING
