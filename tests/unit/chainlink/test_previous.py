"""ChainlinkOracle.previous: the answer before the latest, or the latest where that is not known."""

import ape
import pytest

from tests.suite import UNLIMITED, YEAR
from tests.unit.chainlink.rounds import returning

LATEST_ROUND_DATA = "feaf968c"
PHASE = 7 << 64
SCALE = 10**20
"""From an answer of 8 decimals to the price of an asset of 8 decimals."""


@pytest.fixture
def answer_rounds(chain):
    """Makes a feed answer any five words as its latest round, and others for the id `asked`; it
    reverts for any other id."""

    def replace(feed, latest, asked=0, earlier=(0, 0, 0, 0, 0)):
        # PUSH0, CALLDATALOAD, PUSH1 e0, SHR, PUSH4 selector, EQ, PUSH2 label, JUMPI
        head = "5f3560e01c63" + LATEST_ROUND_DATA + "1461{:04x}57"
        # PUSH1 4, CALLDATALOAD, PUSH32 id, EQ, PUSH2 label, JUMPI, PUSH0, PUSH0, REVERT
        head += "6004357f" + asked.to_bytes(32).hex() + "1461{:04x}575f5ffd"
        length = len(bytes.fromhex(head.format(0, 0)))
        # Each at a JUMPDEST.
        blocks = b"\x5b" + returning(latest), b"\x5b" + returning(earlier)
        code = bytes.fromhex(head.format(length, length + len(blocks[0])))
        chain.provider.set_code(feed.address, code + b"".join(blocks))

    return replace


def test_previous__second_round__first_one(create_feed, create_oracle, admin):
    feed = create_feed(answer=6)
    first = feed.latestRoundData()[3]
    oracle = create_oracle(feed=feed)
    feed.setAnswer(7, sender=admin)
    assert tuple(oracle.previous()) == (6 * SCALE, first)
    assert oracle.price() == 7 * SCALE


def test_previous__many_rounds__only_the_last_but_one(create_feed, create_oracle, admin):
    feed = create_feed(answer=6)
    oracle = create_oracle(feed=feed)
    second = feed.setAnswer(7, sender=admin).timestamp
    feed.setAnswer(8, sender=admin)
    assert tuple(oracle.previous()) == (7 * SCALE, second)


@pytest.mark.parametrize(
    "feed_decimals, asset_decimals, answer",
    [(18, 18, 1), (18, 19, 19), (18, 24, 1_999_999), (18, 24, 999_999), (6, 8, 7), (0, 0, 1)],
)
def test_previous__any_decimals__scaled_and_rounded_down(
    create_feed, create_oracle, admin, feed_decimals, asset_decimals, answer
):
    feed = create_feed(decimals=feed_decimals, answer=answer)
    oracle = create_oracle(feed=feed, asset_decimals=asset_decimals)
    feed.setAnswer(2 * 10**30, sender=admin)
    price = answer * 10**36 // 10 ** (feed_decimals + asset_decimals)
    assert oracle.previous()[0] == price


def test_previous__stale_and_out_of_bounds__told_all_the_same(
    create_feed, create_oracle, admin, chain, reverts
):
    feed = create_feed(answer=1)
    first = feed.latestRoundData()[3]
    oracle = create_oracle(feed=feed, min_price=5 * SCALE, max_price=6 * SCALE)
    feed.setAnswer(9, sender=admin)
    chain.mine(timestamp=first + YEAR)
    with reverts(
        oracle.AnswerStale, updatedAt=feed.latestRoundData()[3], heartbeat=oracle.heartbeat()
    ):
        oracle.price()
    assert tuple(oracle.previous()) == (SCALE, first)


def test_previous__rounds_of_a_proxy__the_one_before(
    create_feed, create_oracle, answer_rounds, start
):
    feed = create_feed()
    oracle = create_oracle(feed=feed)
    latest, earlier = PHASE + 2, PHASE + 1
    answer_rounds(feed, (latest, 7, 1, start, 1), earlier, (earlier, 6, 1, start - 9, 1))
    assert tuple(oracle.previous()) == (6 * SCALE, start - 9)


# Not known


def test_previous__first_round__as_the_latest(create_feed, create_oracle):
    feed = create_feed(answer=6)
    assert tuple(create_oracle(feed=feed).previous()) == (6 * SCALE, feed.latestRoundData()[3])


@pytest.mark.parametrize("round_id", [PHASE + 1, PHASE, 1, 0, (1 << 80) + 2, UNLIMITED])
def test_previous__no_round_before_in_the_phase__as_the_latest(
    create_feed, create_oracle, answer_rounds, start, round_id
):
    """Another phase's round, or whatever the id is cut to, would be answered."""
    feed = create_feed()
    oracle = create_oracle(feed=feed)
    asked = (round_id - 1) % 2**80
    answer_rounds(feed, (round_id, 7, 1, start, 1), asked, (asked, 6, 1, start - 9, 1))
    assert tuple(oracle.previous()) == (7 * SCALE, start)


def test_previous__round_before_missing__as_the_latest(create_feed, create_oracle, admin, start):
    feed = create_feed(answer=6)
    oracle = create_oracle(feed=feed)
    feed.setRound(3, 7, start, start, 3, sender=admin)
    assert tuple(oracle.previous()) == (7 * SCALE, start)


@pytest.mark.parametrize("answer", [0, -1, -(2**127)])
def test_previous__answer_before_not_positive__as_the_latest(
    create_feed, create_oracle, admin, answer
):
    feed = create_feed(answer=answer)
    oracle = create_oracle(feed=feed)
    second = feed.setAnswer(7, sender=admin).timestamp
    assert tuple(oracle.previous()) == (7 * SCALE, second)


@pytest.mark.parametrize("updated_at, known", [(0, False), (1, True)])
def test_previous__round_before_not_updated__as_the_latest(
    create_feed, create_oracle, admin, start, updated_at, known
):
    feed = create_feed()
    oracle = create_oracle(feed=feed)
    feed.setRound(8, 6, start, updated_at, 8, sender=admin)
    feed.setRound(9, 7, start, start, 9, sender=admin)
    expected = (6 * SCALE, updated_at) if known else (7 * SCALE, start)
    assert tuple(oracle.previous()) == expected


LARGEST = UNLIMITED // SCALE


@pytest.mark.parametrize("answer, known", [(LARGEST, True), (LARGEST + 1, False)])
def test_previous__answer_before_too_large__as_the_latest(
    create_feed, create_oracle, answer_rounds, start, answer, known
):
    feed = create_feed()
    oracle = create_oracle(feed=feed)
    answer_rounds(feed, (9, 7, 1, start, 9), 8, (8, answer, 1, start - 9, 8))
    expected = (LARGEST * SCALE, start - 9) if known else (7 * SCALE, start)
    assert tuple(oracle.previous()) == expected


@pytest.mark.parametrize("answer, price", [(LARGEST, LARGEST * SCALE), (LARGEST + 1, UNLIMITED)])
def test_previous__neither_known_nor_latest_fits__largest_price(
    create_feed, create_oracle, answer_rounds, start, answer, price
):
    feed = create_feed()
    oracle = create_oracle(feed=feed)
    answer_rounds(feed, (1, answer, 1, start, 1))
    assert tuple(oracle.previous()) == (price, start)


@pytest.mark.parametrize("answer", [0, -1])
def test_previous__latest_not_positive__reverts(create_feed, create_oracle, admin, reverts, answer):
    feed = create_feed()
    oracle = create_oracle(feed=feed)
    feed.setAnswer(answer, sender=admin)
    assert oracle.lastUpdate() == 0, "who asks that first does not ask this"
    with reverts(oracle.AnswerNotPositive, answer=answer):
        oracle.previous()


def test_previous__feed_reverts__reverts(create_feed, create_oracle, chain):
    feed = create_feed()
    oracle = create_oracle(feed=feed)
    # PUSH0, PUSH0, REVERT
    chain.provider.set_code(feed.address, bytes.fromhex("5f5ffd"))
    with ape.reverts():
        oracle.previous()
