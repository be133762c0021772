"""MockAggregator: it must behave like a feed, or what is tested with it means little."""

import pytest


@pytest.fixture
def feed(create_feed):
    return create_feed(decimals=8, answer=5, description="BTC / USD")


def test_constructor__given_answer__first_round(feed, chain):
    now = chain.blocks.head.timestamp
    assert feed.decimals() == 8
    assert feed.description() == "BTC / USD"
    assert feed.version() == 4
    assert tuple(feed.latestRoundData()) == (1, 5, now, now, 1)


@pytest.mark.parametrize("answer", [6, 0, -6, 2**127 - 1, -(2**127)])
def test_set_answer__any_sign__next_round_now(feed, stranger, answer):
    tx = feed.setAnswer(answer, sender=stranger)
    assert tuple(feed.latestRoundData()) == (2, answer, tx.timestamp, tx.timestamp, 2)
    assert tx.events == [feed.AnswerUpdated(current=answer, roundId=2, updatedAt=tx.timestamp)]


def test_set_round__largest_values__one_slot(feed, stranger, chain):
    largest = (2**24 - 1, 2**127 - 1, 2**40 - 2, 2**40 - 1, 2**24 - 2)
    tx = feed.setRound(*largest, sender=stranger)
    assert tuple(feed.latestRoundData()) == largest
    assert tx.events == [
        feed.AnswerUpdated(current=largest[1], roundId=largest[0], updatedAt=largest[3])
    ]
    # The description is in slot 0, the round in slot 1 and nothing beyond.
    round_id, answer, started_at, updated_at, answered_in_round = largest
    slot = answer | started_at << 128 | updated_at << 168 | round_id << 208
    slot |= answered_in_round << 232
    assert int.from_bytes(chain.provider.get_storage(feed.address, 1)) == slot
    assert int.from_bytes(chain.provider.get_storage(feed.address, 2)) == 0


@pytest.mark.parametrize(
    "values, bits, value",
    [
        ((2**24, 1, 1, 1, 1), 24, 2**24),
        ((1, 1, 2**40, 1, 1), 40, 2**40),
        ((1, 1, 1, 2**40, 1), 40, 2**40),
        ((1, 1, 1, 1, 2**24), 24, 2**24),
    ],
)
def test_set_round__does_not_fit__reverts(feed, stranger, reverts, values, bits, value):
    with reverts(feed.SafeCastOverflowedUintDowncast, bits=bits, value=value):
        feed.setRound(*values, sender=stranger)


@pytest.mark.parametrize("answer", [2**127, -(2**127) - 1])
def test_set_answer__does_not_fit__reverts(feed, stranger, reverts, answer):
    with reverts(feed.SafeCastOverflowedIntDowncast, bits=128, value=answer):
        feed.setAnswer(answer, sender=stranger)


def test_get_round_data__latest_round__as_latest(feed):
    assert feed.getRoundData(1) == feed.latestRoundData()


def test_get_round_data__earlier_rounds__as_they_were(feed, stranger):
    first = tuple(feed.latestRoundData())
    feed.setAnswer(-6, sender=stranger)
    second = tuple(feed.latestRoundData())
    feed.setAnswer(7, sender=stranger)
    assert [tuple(feed.getRoundData(i)) for i in (1, 2)] == [first, second]
    assert tuple(feed.getRoundData(3)) == tuple(feed.latestRoundData())


def test_get_round_data__latest_replaced__not_kept(feed, stranger):
    feed.setRound(1, 6, 8, 9, 1, sender=stranger)
    feed.setRound(1, 7, 8, 10, 1, sender=stranger)
    feed.setAnswer(8, sender=stranger)
    assert tuple(feed.getRoundData(1)) == (1, 7, 8, 10, 1)


@pytest.mark.parametrize("round_id", [0, 2, 4, 2**80 - 1, 2**24 + 1])
def test_get_round_data__left_out_or_to_come__reverts(feed, stranger, reverts, round_id):
    feed.setRound(3, 6, 8, 9, 3, sender=stranger)
    with reverts(feed.NoDataPresent, roundId=round_id):
        feed.getRoundData(round_id)


def test_get_round_data__later_than_a_latest_that_went_back__reverts(feed, stranger, reverts):
    feed.setRound(3, 6, 8, 9, 3, sender=stranger)
    feed.setRound(2, 7, 8, 9, 2, sender=stranger)
    with reverts(feed.NoDataPresent, roundId=3):
        feed.getRoundData(3)


@pytest.mark.parametrize("round_id", [0, 2, 2**80 - 1])
def test_get_round_data__other_round__reverts(feed, reverts, round_id):
    with reverts(feed.NoDataPresent, roundId=round_id):
        feed.getRoundData(round_id)
