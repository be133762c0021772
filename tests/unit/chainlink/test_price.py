"""ChainlinkOracle.price: how it scales, and which answers it refuses."""

import ape
import pytest

from tests.suite import UNLIMITED
from tests.unit.chainlink.rounds import DAY, HOUR


def scaled(answer, feed_decimals, asset_decimals):
    """PREP base units per base unit of the asset, WAD, rounded down."""
    return answer * 10**36 // 10 ** (feed_decimals + asset_decimals)


# Scale


@pytest.mark.parametrize("feed_decimals", [6, 8, 18])
@pytest.mark.parametrize("asset_decimals", [6, 8, 18])
def test_price__usual_decimals__exact(create_feed, create_oracle, feed_decimals, asset_decimals):
    # $97,531.123456 for a whole unit.
    answer = 97_531_123_456 * 10 ** (feed_decimals - 6)
    feed = create_feed(decimals=feed_decimals, answer=answer)
    oracle = create_oracle(feed=feed, asset_decimals=asset_decimals)
    assert oracle.price() == 97_531_123_456 * 10 ** (30 - asset_decimals)
    assert oracle.price() == scaled(answer, feed_decimals, asset_decimals)


def test_price__bitcoin_of_8_decimals_at_100_000_dollars__is_1e33(create_oracle):
    assert create_oracle().price() == 10**33


@pytest.mark.parametrize(
    "feed_decimals, asset_decimals, answer",
    [
        (0, 0, 1),
        (0, 0, 2**127 - 1),
        (18, 18, 1),
        (18, 18, 123_456_789),
        (18, 19, 19),
        (18, 19, 10),
        (18, 24, 1_999_999),
        (18, 24, 1_000_000),
        (18, 24, 2**127 - 1),
        (36, 36, 2 * 10**36 - 1),
    ],
)
def test_price__unusual_decimals__rounded_down(
    create_feed, create_oracle, feed_decimals, asset_decimals, answer
):
    feed = create_feed(decimals=feed_decimals, answer=answer)
    oracle = create_oracle(feed=feed, asset_decimals=asset_decimals)
    assert oracle.price() == scaled(answer, feed_decimals, asset_decimals)


def test_price__rounds_to_zero__reverts(create_feed, create_oracle, reverts):
    oracle = create_oracle(feed=create_feed(decimals=18, answer=999_999), asset_decimals=24)
    with reverts(oracle.PriceBelowMin, price=0, min=1):
        oracle.price()


def test_price__new_answer__follows(create_feed, create_oracle, admin):
    feed = create_feed()
    oracle = create_oracle(feed=feed)
    feed.setAnswer(1, sender=admin)
    assert oracle.price() == 10**20


def test_price__largest_answer_that_fits__scaled(
    create_feed, create_oracle, answer_anything, start, at
):
    feed = create_feed()
    oracle = create_oracle(feed=feed)
    largest = UNLIMITED // 10**20
    at(start)
    answer_anything(feed, 1, largest, start, start, 1)
    assert oracle.price() == largest * 10**20


@pytest.mark.parametrize("answer", [UNLIMITED // 10**20 + 1, 2**255 - 1])
def test_price__answer_does_not_fit__reverts(
    create_feed, create_oracle, answer_anything, reverts, start, at, answer
):
    feed = create_feed()
    oracle = create_oracle(feed=feed)
    at(start)
    answer_anything(feed, 1, answer, start, start, 1)
    with reverts(oracle.AnswerTooLarge, answer=answer, max=UNLIMITED // 10**20):
        oracle.price()


@pytest.mark.parametrize("feed_decimals, asset_decimals", [(18, 18), (18, 24)])
def test_price__largest_int256_not_scaled_up__accepted(
    create_feed, create_oracle, answer_anything, start, at, feed_decimals, asset_decimals
):
    feed = create_feed(decimals=feed_decimals)
    oracle = create_oracle(feed=feed, asset_decimals=asset_decimals)
    at(start)
    answer_anything(feed, 1, 2**255 - 1, start, start, 1)
    assert oracle.price() == scaled(2**255 - 1, feed_decimals, asset_decimals)


# Answers that are refused


@pytest.mark.parametrize("value", [0, -1, -(2**127)])
def test_price__answer_not_positive__reverts(create_feed, create_oracle, admin, reverts, value):
    feed = create_feed()
    oracle = create_oracle(feed=feed)
    feed.setAnswer(value, sender=admin)
    with reverts(oracle.AnswerNotPositive, answer=value):
        oracle.price()


def test_price__smallest_int256__reverts(
    create_feed, create_oracle, answer_anything, reverts, start, at
):
    feed = create_feed()
    oracle = create_oracle(feed=feed)
    at(start)
    answer_anything(feed, 1, -(2**255), start, start, 1)
    with reverts(oracle.AnswerNotPositive, answer=-(2**255)):
        oracle.price()


@pytest.mark.parametrize("age", [0, 1, HOUR - 1, HOUR])
def test_price__within_heartbeat__given(create_feed, create_oracle, answer, start, at, age):
    feed = create_feed()
    oracle = create_oracle(feed=feed, heartbeat=HOUR)
    answer(feed, 7, start)
    at(start + age)
    assert oracle.price() == 7 * 10**20


@pytest.mark.parametrize("age", [HOUR + 1, 30 * DAY])
def test_price__older_than_heartbeat__reverts(
    create_feed, create_oracle, answer, reverts, start, at, age
):
    feed = create_feed()
    oracle = create_oracle(feed=feed, heartbeat=HOUR)
    answer(feed, 7, start)
    at(start + age)
    with reverts(oracle.AnswerStale, updatedAt=start, heartbeat=HOUR):
        oracle.price()


def test_price__round_began_long_ago__given(create_feed, create_oracle, answer, start, at):
    feed = create_feed()
    oracle = create_oracle(feed=feed)
    answer(feed, 7, start, started_at=start - 7 * DAY)
    at(start)
    assert oracle.price() == 7 * 10**20


def test_price__update_from_next_second__reverts(
    create_feed, create_oracle, answer, reverts, start, at
):
    feed = create_feed()
    oracle = create_oracle(feed=feed)
    answer(feed, 7, start + 1)
    at(start)
    with reverts(oracle.AnswerFromFuture, updatedAt=start + 1):
        oracle.price()


def test_price__update_from_end_of_time__reverts(
    create_feed, create_oracle, answer_anything, reverts
):
    feed = create_feed()
    oracle = create_oracle(feed=feed)
    answer_anything(feed, 1, 7, 1, UNLIMITED, 1)
    with reverts(oracle.AnswerFromFuture, updatedAt=UNLIMITED):
        oracle.price()


def test_price__round_not_updated__reverts(create_feed, create_oracle, answer, reverts):
    feed = create_feed()
    oracle = create_oracle(feed=feed)
    answer(feed, 7, 0, started_at=1)
    with reverts(oracle.RoundIncomplete, roundId=9, answeredInRound=9, updatedAt=0):
        oracle.price()


def test_price__answer_carried_over__reverts(
    create_feed, create_oracle, answer, reverts, start, at
):
    feed = create_feed()
    oracle = create_oracle(feed=feed)
    answer(feed, 7, start, round_id=9, answered_in_round=8)
    at(start)
    with reverts(oracle.RoundIncomplete, roundId=9, answeredInRound=8, updatedAt=start):
        oracle.price()


def test_price__answered_in_later_round__given(create_feed, create_oracle, answer, start, at):
    feed = create_feed()
    oracle = create_oracle(feed=feed)
    answer(feed, 7, start, round_id=9, answered_in_round=10)
    at(start)
    assert oracle.price() == 7 * 10**20


def test_price__round_of_a_proxy__given(create_feed, create_oracle, answer_anything, start, at):
    # A proxy's rounds carry the number of the aggregator above their lower 64 bits.
    feed = create_feed()
    oracle = create_oracle(feed=feed)
    round_id = (7 << 64) + 12_345
    at(start)
    answer_anything(feed, round_id, 7, start, start, round_id)
    assert oracle.price() == 7 * 10**20


def test_price__feed_reverts__reverts(create_feed, create_oracle, chain):
    feed = create_feed()
    oracle = create_oracle(feed=feed)
    # PUSH0, PUSH0, REVERT
    chain.provider.set_code(feed.address, bytes.fromhex("5f5ffd"))
    with ape.reverts():
        oracle.price()


# Bounds


@pytest.mark.parametrize("value", [100, 101, 199, 200])
def test_price__within_bounds__given(create_feed, create_oracle, admin, value):
    feed = create_feed()
    oracle = create_oracle(feed=feed, min_price=100 * 10**20, max_price=200 * 10**20)
    feed.setAnswer(value, sender=admin)
    assert oracle.price() == value * 10**20


@pytest.mark.parametrize("low", [10**22 + 1, UNLIMITED])
def test_price__one_unit_below_min__reverts(create_feed, create_oracle, reverts, low):
    oracle = create_oracle(feed=create_feed(answer=100), min_price=low)
    with reverts(oracle.PriceBelowMin, price=10**22, min=low):
        oracle.price()


@pytest.mark.parametrize("high", [10**22 - 1, 1])
def test_price__one_unit_above_max__reverts(create_feed, create_oracle, reverts, high):
    oracle = create_oracle(feed=create_feed(answer=100), max_price=high)
    with reverts(oracle.PriceAboveMax, price=10**22, max=high):
        oracle.price()
