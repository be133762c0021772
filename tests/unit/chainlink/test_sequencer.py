"""ChainlinkOracle.price on a rollup: nothing while its sequencer is down, or back for too short."""

import pytest

from tests.unit.chainlink.rounds import DAY, DOWN, GRACE, UP


@pytest.fixture
def watched(create_feed, create_oracle, uptime_feed, answer, start):
    """An adapter that watches a sequencer, over a feed that answered at the end of a grace period
    that begins at `start`."""
    feed = create_feed()
    answer(feed, 7, start + GRACE)
    return create_oracle(
        feed=feed,
        heartbeat=DAY,
        sequencer_feed=uptime_feed,
        sequencer_grace=GRACE,
    )


@pytest.mark.parametrize("age", [GRACE + 1, GRACE + DAY])
def test_price__sequencer_back_for_longer_than_grace__given(
    watched, uptime_feed, answer, start, at, age
):
    answer(uptime_feed, UP, start)
    at(start + age)
    assert watched.price() == 7 * 10**20


@pytest.mark.parametrize("age", [0, 1, GRACE - 1, GRACE])
def test_price__sequencer_within_grace__reverts(
    watched, uptime_feed, answer, reverts, start, at, age
):
    answer(uptime_feed, UP, start)
    at(start + age)
    with reverts(watched.SequencerInGrace, until=start + GRACE):
        watched.price()


@pytest.mark.parametrize("status", [DOWN, -1])
def test_price__sequencer_down__reverts(watched, uptime_feed, answer, reverts, start, at, status):
    answer(uptime_feed, status, start)
    at(start + GRACE + 1)
    with reverts(watched.SequencerDown, since=start):
        watched.price()


def test_price__sequencer_round_not_initialised__reverts(
    watched, uptime_feed, answer, reverts, start, at
):
    answer(uptime_feed, UP, start, started_at=0)
    at(start + GRACE + 1)
    with reverts(watched.SequencerRoundInvalid, startedAt=0):
        watched.price()


def test_price__sequencer_round_from_next_second__reverts(
    watched, uptime_feed, answer, reverts, start, at
):
    answer(uptime_feed, UP, start + 1)
    at(start)
    with reverts(watched.SequencerRoundInvalid, startedAt=start + 1):
        watched.price()


def test_price__sequencer_up_but_answer_stale__reverts(
    watched, uptime_feed, answer, reverts, start, at
):
    answer(uptime_feed, UP, start)
    at(start + GRACE + DAY + 1)
    with reverts(watched.AnswerStale, updatedAt=start + GRACE, heartbeat=DAY):
        watched.price()
