"""ChainlinkOracle: what it accepts at deployment, how it scales, and all that it refuses."""

import ape
import pytest
from eth_abi import encode

HOUR = 3_600
DAY = 24 * HOUR
GRACE = HOUR
MAX_UINT256 = 2**256 - 1
ZERO_ADDRESS = "0x" + 40 * "0"

UP, DOWN = 0, 1


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
    """Makes a feed answer any five words, also such as the mock cannot store."""

    def replace(feed, round_id, answer, started_at, updated_at, answered_in_round):
        words = encode(
            ["uint256", "int256", "uint256", "uint256", "uint256"],
            [round_id, answer, started_at, updated_at, answered_in_round],
        )
        code = b""
        for offset in range(0, len(words), 32):
            # PUSH32 word, PUSH1 offset, MSTORE
            code += b"\x7f" + words[offset : offset + 32] + bytes([0x60, offset, 0x52])
        # PUSH1 length, PUSH0, RETURN
        code += bytes([0x60, len(words), 0x5F, 0xF3])
        chain.provider.set_code(feed.address, code)

    return replace


@pytest.fixture
def uptime_feed(create_feed):
    return create_feed(decimals=0, answer=UP, description="L2 Sequencer Uptime Status Feed")


def scaled(answer, feed_decimals, asset_decimals):
    """PREP base units per base unit of the asset, WAD, rounded down."""
    return answer * 10**36 // 10 ** (feed_decimals + asset_decimals)


# Deployment


def test_constructor__all_set__getters_tell(create_feed, create_oracle, uptime_feed):
    feed = create_feed()
    oracle = create_oracle(
        feed=feed,
        heartbeat=HOUR + 1,
        asset_decimals=18,
        min_price=2,
        max_price=3,
        sequencer_feed=uptime_feed,
        sequencer_grace=GRACE + 1,
    )
    assert oracle.feed() == feed
    assert oracle.heartbeat() == HOUR + 1
    assert oracle.assetDecimals() == 18
    assert oracle.exponent() == 36 - 8 - 18
    assert oracle.minPrice() == 2
    assert oracle.maxPrice() == 3
    assert oracle.sequencerFeed() == uptime_feed
    assert oracle.sequencerGrace() == GRACE + 1


def test_constructor__nothing_optional_set__no_bounds_and_no_sequencer(create_oracle):
    oracle = create_oracle()
    assert oracle.minPrice() == 1
    assert oracle.maxPrice() == MAX_UINT256
    assert oracle.sequencerFeed() == ZERO_ADDRESS
    assert oracle.sequencerGrace() == 0


@pytest.mark.parametrize("heartbeat", [1, 7 * DAY])
def test_constructor__heartbeat_at_limit__accepted(create_oracle, heartbeat):
    assert create_oracle(heartbeat=heartbeat).heartbeat() == heartbeat


@pytest.mark.parametrize("heartbeat", [0, 7 * DAY + 1, MAX_UINT256])
def test_constructor__heartbeat_beyond_limit__reverts(create_oracle, project, reverts, heartbeat):
    error = project.ChainlinkOracle.HeartbeatOutOfRange
    with reverts(error, heartbeat=heartbeat, max=7 * DAY):
        create_oracle(heartbeat=heartbeat)


@pytest.mark.parametrize("low, high", [(5, 5), (0, 1), (MAX_UINT256, 0), (1, MAX_UINT256)])
def test_constructor__bounds_not_crossed__accepted(create_oracle, low, high):
    oracle = create_oracle(min_price=low, max_price=high)
    assert oracle.minPrice() == (low or 1)
    assert oracle.maxPrice() == (high or MAX_UINT256)


@pytest.mark.parametrize("low, high", [(6, 5), (MAX_UINT256, MAX_UINT256 - 1)])
def test_constructor__bounds_crossed__reverts(create_oracle, project, reverts, low, high):
    with reverts(project.ChainlinkOracle.BoundsCrossed, min=low, max=high):
        create_oracle(min_price=low, max_price=high)


@pytest.mark.parametrize("grace", [1, DAY])
def test_constructor__grace_at_limit__accepted(create_oracle, uptime_feed, grace):
    oracle = create_oracle(sequencer_feed=uptime_feed, sequencer_grace=grace)
    assert oracle.sequencerGrace() == grace


@pytest.mark.parametrize("grace", [0, DAY + 1, MAX_UINT256])
def test_constructor__grace_beyond_limit__reverts(
    create_oracle, project, reverts, uptime_feed, grace
):
    with reverts(project.ChainlinkOracle.GraceOutOfRange, grace=grace, max=DAY):
        create_oracle(sequencer_feed=uptime_feed, sequencer_grace=grace)


def test_constructor__grace_without_sequencer_feed__reverts(create_oracle, project, reverts):
    with reverts(project.ChainlinkOracle.GraceWithoutSequencer, grace=1):
        create_oracle(sequencer_grace=1)


def test_constructor__feed_is_zero_address__reverts(create_oracle, project, reverts):
    with reverts(project.ChainlinkOracle.FeedNotContract, feed=ZERO_ADDRESS):
        create_oracle(feed=ZERO_ADDRESS)


def test_constructor__feed_has_no_code__reverts(create_oracle, project, reverts, stranger):
    with reverts(project.ChainlinkOracle.FeedNotContract, feed=stranger):
        create_oracle(feed=stranger)


def test_constructor__sequencer_feed_has_no_code__reverts(
    create_oracle, project, reverts, stranger
):
    with reverts(project.ChainlinkOracle.FeedNotContract, feed=stranger):
        create_oracle(sequencer_feed=stranger, sequencer_grace=GRACE)


@pytest.mark.parametrize("feed_decimals, asset_decimals", [(0, 0), (36, 0), (0, 36), (36, 36)])
def test_constructor__decimals_at_limit__accepted(
    create_feed, create_oracle, feed_decimals, asset_decimals
):
    feed = create_feed(decimals=feed_decimals)
    oracle = create_oracle(feed=feed, asset_decimals=asset_decimals)
    assert oracle.exponent() == 36 - feed_decimals - asset_decimals


@pytest.mark.parametrize(
    "feed_decimals, asset_decimals", [(37, 0), (0, 37), (255, 0), (0, MAX_UINT256)]
)
def test_constructor__decimals_beyond_limit__reverts(
    create_feed, create_oracle, project, reverts, feed_decimals, asset_decimals
):
    feed = create_feed(decimals=feed_decimals)
    values = {"feedDecimals": feed_decimals, "assetDecimals": asset_decimals, "max": 36}
    with reverts(project.ChainlinkOracle.DecimalsOutOfRange, **values):
        create_oracle(feed=feed, asset_decimals=asset_decimals)


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
    largest = MAX_UINT256 // 10**20
    at(start)
    answer_anything(feed, 1, largest, start, start, 1)
    assert oracle.price() == largest * 10**20


@pytest.mark.parametrize("answer", [MAX_UINT256 // 10**20 + 1, 2**255 - 1])
def test_price__answer_does_not_fit__reverts(
    create_feed, create_oracle, answer_anything, reverts, start, at, answer
):
    feed = create_feed()
    oracle = create_oracle(feed=feed)
    at(start)
    answer_anything(feed, 1, answer, start, start, 1)
    with reverts(oracle.AnswerTooLarge, answer=answer, max=MAX_UINT256 // 10**20):
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
    answer_anything(feed, 1, 7, 1, MAX_UINT256, 1)
    with reverts(oracle.AnswerFromFuture, updatedAt=MAX_UINT256):
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


@pytest.mark.parametrize("low", [10**22 + 1, MAX_UINT256])
def test_price__one_unit_below_min__reverts(create_feed, create_oracle, reverts, low):
    oracle = create_oracle(feed=create_feed(answer=100), min_price=low)
    with reverts(oracle.PriceBelowMin, price=10**22, min=low):
        oracle.price()


@pytest.mark.parametrize("high", [10**22 - 1, 1])
def test_price__one_unit_above_max__reverts(create_feed, create_oracle, reverts, high):
    oracle = create_oracle(feed=create_feed(answer=100), max_price=high)
    with reverts(oracle.PriceAboveMax, price=10**22, max=high):
        oracle.price()


# Sequencer


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


# When the feed last answered


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
    answer_anything(feed, 1, 2**255 - 1, 0, MAX_UINT256, 1)
    assert oracle.lastUpdate() == MAX_UINT256
    answer_anything(feed, 1, -(2**255), 0, MAX_UINT256, 1)
    assert oracle.lastUpdate() == 0
