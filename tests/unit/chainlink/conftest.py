"""Feeds whose rounds a test makes up, and the times to ask at."""

import pytest

from tests.unit.chainlink.rounds import DAY, UP, returning


@pytest.fixture
def start(chain):
    """A moment after all that a test sets up, so that it can be reached exactly."""
    return chain.pending_timestamp + 30 * DAY


@pytest.fixture
def at(chain):
    """Moves to a block with exactly this timestamp."""
    return lambda timestamp: chain.mine(timestamp=timestamp)


@pytest.fixture
def answer(admin):
    """Completes a round of a feed, by default a good one."""

    def complete(feed, answer, updated_at, *, started_at=None, round_id=9, answered_in_round=9):
        started_at = updated_at if started_at is None else started_at
        feed.setRound(round_id, answer, started_at, updated_at, answered_in_round, sender=admin)

    return complete


@pytest.fixture
def answer_anything(chain):
    """Makes a feed answer any five words."""
    return lambda feed, *words: chain.provider.set_code(feed.address, returning(words))


@pytest.fixture
def uptime_feed(create_feed):
    return create_feed(decimals=0, answer=UP, description="L2 Sequencer Uptime Status Feed")
