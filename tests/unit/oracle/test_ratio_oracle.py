"""RatioOracle: a price over another one, rounded down, as old as the older of both."""

import pytest

from tests.suite import WAD

MAX = 2**256 - 1


@pytest.fixture
def create_ratio(admin, project):
    """Of two oracles whose prices anyone sets."""

    def create(base_price, quote_price):
        base = admin.deploy(project.MockOracle, base_price)
        quote = admin.deploy(project.MockOracle, quote_price)
        return admin.deploy(project.RatioOracle, base, quote), base, quote

    return create


@pytest.fixture
def update(admin, chain):
    """New prices of some oracles, all in one block. Its time."""

    def update(*prices):
        at = chain.blocks.head.timestamp + 100
        for oracle, price in prices:
            chain.provider.make_request("evm_setNextBlockTimestamp", [at])
            oracle.setPrice(price, sender=admin)
            assert chain.blocks.head.timestamp == at
        return at

    return update


@pytest.mark.parametrize(
    "base_price, quote_price, expected",
    [
        # An ether of 18 decimals and a dollar of 6, per base unit.
        (2_000 * WAD, 10**30, 2_000 * 10**6),
        (10**30, 2_000 * WAD, WAD * 10**30 // (2_000 * WAD)),
        # Bitcoin of 8 decimals in ether.
        (60_000 * 10**28, 2_000 * WAD, 30 * 10**28),
        (2, 3, 666_666_666_666_666_666),
        (1, WAD, 1),
        (2 * WAD - 1, WAD * WAD, 1),
        (MAX, MAX, WAD),
        (MAX, WAD + 1, MAX * WAD // (WAD + 1)),
    ],
)
def test_price__two_prices__rounded_down(create_ratio, base_price, quote_price, expected):
    oracle, base, quote = create_ratio(base_price, quote_price)
    assert oracle.price() == expected == base_price * WAD // quote_price
    assert (oracle.base(), oracle.quote()) == (base.address, quote.address)


@pytest.mark.parametrize(
    "base_price, quote_price",
    [(1, WAD + 1), (WAD, WAD * WAD + 1), (0, 1), (0, 0), (1, 0), (MAX, 1), (MAX, WAD)],
)
def test_price__zero_or_too_large__refused(create_ratio, reverts, base_price, quote_price):
    oracle, _, _ = create_ratio(base_price, quote_price)
    with reverts(oracle.RatioOutOfRange, basePrice=base_price, quotePrice=quote_price):
        oracle.price()


@pytest.mark.parametrize("stale", ["base", "quote"])
def test_price__one_oracle_refuses__in_its_words(
    create_ratio, create_feed, create_oracle, admin, project, chain, reverts, stale
):
    feed = create_feed()
    chainlink = create_oracle(feed=feed)
    other = admin.deploy(project.MockOracle, WAD)
    pair = (chainlink, other) if stale == "base" else (other, chainlink)
    oracle = admin.deploy(project.RatioOracle, *pair)
    updated = feed.latestRoundData()[3]
    chain.pending_timestamp = updated + 3_601
    chain.mine()
    with reverts(chainlink.AnswerStale, updatedAt=updated, heartbeat=3_600):
        oracle.price()
    assert oracle.lastUpdate() == updated


def test_last_update__either_one__the_older(create_ratio, update):
    oracle, base, quote = create_ratio(6, 2)
    first = base.lastUpdate()
    at = update((quote, 3))
    assert oracle.lastUpdate() == first < at
    later = update((base, 6))
    assert oracle.lastUpdate() == at < later
    both = update((base, 9), (quote, 9))
    assert oracle.lastUpdate() == both


def test_last_update__one_without_an_answer__zero(
    admin, project, create_feed, create_oracle, create_ratio
):
    _, mock, _ = create_ratio(1, 1)
    dead = create_oracle(feed=create_feed(answer=0))
    for pair in ((mock, dead), (dead, mock)):
        assert admin.deploy(project.RatioOracle, *pair).lastUpdate() == 0


# ---------------------------------------------------------------------------------------- previous


def test_previous__base_newer__its_previous_over_the_quotes_latest(create_ratio, update):
    oracle, base, quote = create_ratio(60, 2)
    quote_at = update((quote, 3))
    earlier = update((base, 66))
    update((base, 69))
    assert tuple(oracle.previous()) == (66 * WAD // 3, quote_at)
    assert quote_at < earlier
    assert oracle.price() == 69 * WAD // 3


def test_previous__quote_newer__the_bases_latest_over_its_previous(create_ratio, update):
    oracle, base, quote = create_ratio(60, 2)
    earlier = update((quote, 3))
    base_at = update((base, 66))
    update((quote, 6))
    assert tuple(oracle.previous()) == (66 * WAD // 3, earlier)
    assert earlier < base_at
    assert oracle.price() == 66 * WAD // 6


def test_previous__both_of_one_time__both_previous(create_ratio, update):
    oracle, base, quote = create_ratio(60, 2)
    base_at = update((base, 66))
    quote_at = update((quote, 3))
    update((base, 69), (quote, 6))
    assert tuple(oracle.previous()) == (66 * WAD // 3, base_at)
    assert base_at < quote_at


@pytest.mark.parametrize(
    "base_price, quote_price, expected",
    [(5, 0, MAX), (0, 5, 0), (1, WAD + 1, 0), (MAX, WAD, MAX), (0, 0, MAX)],
)
def test_previous__out_of_range__told_all_the_same(
    create_ratio, update, base_price, quote_price, expected
):
    oracle, base, quote = create_ratio(base_price, quote_price)
    update((base, 1), (quote, 1))
    assert oracle.previous()[0] == expected
    assert oracle.price() == WAD
