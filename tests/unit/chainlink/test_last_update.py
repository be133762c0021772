"""ChainlinkOracle.lastUpdate: when the feed last answered."""

import pytest

from tests.suite import UNLIMITED
from tests.unit.chainlink.rounds import DAY, DOWN, GRACE


@pytest.mark.parametrize("value", [1, 2**127 - 1])
def test_last_update__positive_answer__its_time(create_feed, create_oracle, answer, start, value):
    """Also of a round from the future, or one begun long before."""
    feed = create_feed()
    oracle = create_oracle(feed=feed)
    for updated_at in (1, start, start + DAY):
        answer(feed, value, updated_at, started_at=0)
        assert oracle.lastUpdate() == updated_at


@pytest.mark.parametrize("value", [0, -1, -(2**127)])
def test_last_update__answer_not_positive__never(create_feed, create_oracle, answer, start, value):
    feed = create_feed()
    oracle = create_oracle(feed=feed)
    answer(feed, 7, start)
    assert oracle.lastUpdate() == start
    answer(feed, value, start + 1)
    assert oracle.lastUpdate() == 0


def test_last_update__feed_reverts__never(create_feed, create_oracle, chain):
    feed = create_feed()
    oracle = create_oracle(feed=feed)
    assert oracle.lastUpdate() > 0
    # PUSH0, PUSH0, REVERT
    chain.provider.set_code(feed.address, bytes.fromhex("5f5ffd"))
    assert oracle.lastUpdate() == 0


def test_last_update__price_refused_for_another_reason__still_answered(
    create_feed, create_oracle, uptime_feed, answer, start, at
):
    """Stale, out of bounds, without a sequencer or carried over: not a word about the feed."""
    feed = create_feed()
    oracle = create_oracle(
        feed=feed, max_price=1, sequencer_feed=uptime_feed, sequencer_grace=GRACE
    )
    answer(feed, 7, start, round_id=9, answered_in_round=8)
    answer(uptime_feed, DOWN, start)
    at(start + 30 * DAY)
    assert oracle.lastUpdate() == start


def test_last_update__largest_words__as_answered(create_feed, create_oracle, answer_anything):
    feed = create_feed()
    oracle = create_oracle(feed=feed)
    answer_anything(feed, 1, 2**255 - 1, 0, UNLIMITED, 1)
    assert oracle.lastUpdate() == UNLIMITED
    answer_anything(feed, 1, -(2**255), 0, UNLIMITED, 1)
    assert oracle.lastUpdate() == 0
