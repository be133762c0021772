"""ChainlinkOracle: what it accepts at deployment."""

import pytest

from tests.suite import UNLIMITED, ZERO_ADDRESS
from tests.unit.chainlink.rounds import DAY, GRACE, HOUR


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
    assert oracle.maxPrice() == UNLIMITED
    assert oracle.sequencerFeed() == ZERO_ADDRESS
    assert oracle.sequencerGrace() == 0


@pytest.mark.parametrize("heartbeat", [1, 7 * DAY])
def test_constructor__heartbeat_at_limit__accepted(create_oracle, heartbeat):
    assert create_oracle(heartbeat=heartbeat).heartbeat() == heartbeat


@pytest.mark.parametrize("heartbeat", [0, 7 * DAY + 1, UNLIMITED])
def test_constructor__heartbeat_beyond_limit__reverts(create_oracle, project, reverts, heartbeat):
    error = project.ChainlinkOracle.HeartbeatOutOfRange
    with reverts(error, heartbeat=heartbeat, max=7 * DAY):
        create_oracle(heartbeat=heartbeat)


@pytest.mark.parametrize("low, high", [(5, 5), (0, 1), (UNLIMITED, 0), (1, UNLIMITED)])
def test_constructor__bounds_not_crossed__accepted(create_oracle, low, high):
    oracle = create_oracle(min_price=low, max_price=high)
    assert oracle.minPrice() == (low or 1)
    assert oracle.maxPrice() == (high or UNLIMITED)


@pytest.mark.parametrize("low, high", [(6, 5), (UNLIMITED, UNLIMITED - 1)])
def test_constructor__bounds_crossed__reverts(create_oracle, project, reverts, low, high):
    with reverts(project.ChainlinkOracle.BoundsCrossed, min=low, max=high):
        create_oracle(min_price=low, max_price=high)


@pytest.mark.parametrize("grace", [1, DAY])
def test_constructor__grace_at_limit__accepted(create_oracle, uptime_feed, grace):
    oracle = create_oracle(sequencer_feed=uptime_feed, sequencer_grace=grace)
    assert oracle.sequencerGrace() == grace


@pytest.mark.parametrize("grace", [0, DAY + 1, UNLIMITED])
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
    "feed_decimals, asset_decimals", [(37, 0), (0, 37), (255, 0), (0, UNLIMITED)]
)
def test_constructor__decimals_beyond_limit__reverts(
    create_feed, create_oracle, project, reverts, feed_decimals, asset_decimals
):
    feed = create_feed(decimals=feed_decimals)
    values = {"feedDecimals": feed_decimals, "assetDecimals": asset_decimals, "max": 36}
    with reverts(project.ChainlinkOracle.DecimalsOutOfRange, **values):
        create_oracle(feed=feed, asset_decimals=asset_decimals)
