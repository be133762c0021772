"""Attack: the key of the order executor is stolen.

He records interest: never more than the highest; he can forgive it, or make a trader's next call
void by doing it first, once an hour (R3).
"""

import pytest
from eth_utils import keccak

from prep.margin.data import encode_struct
from tests.attacks.backed import (
    DAY,
    HOUR,
    YEAR,
    check_books,
    lent,
    of_pool,
    refused,
)
from tests.attacks.backed_acts import PAIR
from tests.margin_suite import (
    MAX_APY,
    PREP,
    USD,
    WBTC,
    WETH,
)
from tests.suite import WAD


def test_executor__records_interest__never_above_the_highest(margin, pool, victim):
    """As often as he likes: each time the highest on what is owed then. It compounds."""
    position = margin.typical(pool, victim, PAIR, 2)
    owed = pool.owed(PAIR)
    before, principal = lent(margin, owed), position.principal
    for _ in range(5):
        now = position.last_funding_timestamp + 10 * DAY
        most = position.principal * MAX_APY * (10 * DAY) // (WAD * YEAR)
        margin.node.at(now)
        with refused("InvalidInterest", most + 1, most):
            margin.do(margin.executor, pool, "record", [position], [most + 1])
        margin.node.at(now + 1)
        most = position.principal * MAX_APY * (10 * DAY + 1) // (WAD * YEAR)
        logs = margin.do(margin.executor, pool, "record", [position], [most])
        position = of_pool(margin, pool, logs, "InterestRecorded")
        # Not twice for the same time.
        with refused("RecordedLately", position.id, position.last_funding_timestamp + HOUR):
            margin.do(margin.executor, pool, "record", [position, position], [most, most])
    assert lent(margin, owed) == before + position.principal - principal, "R3"
    check_books(margin)


def test_executor__a_position_twice_in_one_batch__refused(margin, pool, victim, acts):
    position = margin.typical(pool, victim, PAIR, 2)
    other = margin.typical(pool, victim, (WBTC, PREP) if pool.is_long else (WETH, USD), 2)
    acts.wait(HOUR)
    now = margin.time() + 60
    margin.node.at(now)
    after = position._replace(
        principal=position.principal + 1, last_funding_timestamp=now, nonce=position.nonce + 1
    )
    hashes = (keccak(encode_struct(p)) for p in (after, position))
    with refused("UnknownPosition", position.id, *hashes):
        margin.do(margin.executor, pool, "record", [position, position], [1, 1])
    foreign = margin.typical(pool, victim, (WBTC, WETH), 2)
    acts.wait(HOUR)
    with refused("ListsDiffer"):
        margin.do(margin.executor, pool, "record", [other, foreign], [1, 1])
    for positions, interests in (([], []), ([position], []), ([position], [1, 1])):
        with refused("ListsDiffer"):
            margin.do(margin.executor, pool, "record", positions, interests)
    check_books(margin)


def test_executor__spares_all_traders_their_interest__a_unit_since_the_last_time(
    margin, pool, victim
):
    """With his key alone, for all positions at once: what was recorded before stays."""
    position = margin.typical(pool, victim, PAIR, 2)
    owed = pool.owed(PAIR)
    before = lent(margin, owed)
    margin.node.at(position.last_funding_timestamp + YEAR)
    logs = margin.do(margin.executor, pool, "record", [position], [1])
    after = of_pool(margin, pool, logs, "InterestRecorded")
    assert lent(margin, owed) == before + 1
    assert after.last_funding_timestamp == position.last_funding_timestamp + YEAR
    check_books(margin)


def test_executor__records_interest_before_a_traders_call__it_is_refused_once_an_hour(
    margin, pool, victim, acts
):
    """Every recording makes a new state of the position, and so a request void, and even an exit.
    Whoever holds the key and sees it coming cannot do so again before an hour is over."""
    position = margin.typical(pool, victim, PAIR, 2)
    for _ in range(3):
        acts.wait(HOUR)
        logs = margin.do(margin.executor, pool, "record", [position], [1])
        known, position = position, of_pool(margin, pool, logs, "InterestRecorded")
        data = margin.closing_swap(pool, known, known.collateral, 0)
        with pytest.raises(Exception, match="UnknownPosition"):
            margin.do(victim, pool, "exit", known, margin.router, data, 0, 0)
    free = position.last_funding_timestamp + HOUR
    margin.node.at(free - 1)
    with refused("RecordedLately", position.id, free):
        margin.do(margin.executor, pool, "record", [position], [1])
    data = (
        margin.swap_in(pool, pool.held(PAIR), pool.owed(PAIR), position.collateral)
        if pool.is_long
        else margin.swap_out(
            pool, pool.held(PAIR), pool.owed(PAIR), position.principal * 101 // 100
        )
    )
    margin.do(victim, pool, "exit", position, margin.router, data, 0, 0)
    check_books(margin)


def test_executor__after_an_increase__has_to_wait_for_an_hour_too(margin, pool, victim, acts):
    position = margin.typical(pool, victim, PAIR, 2)
    acts.wait(HOUR)
    position = acts.act("increase", victim, acts.request("increase", victim, position), position)
    acts.wait()
    free = position.last_funding_timestamp + HOUR
    with refused("RecordedLately", position.id, free):
        margin.do(margin.executor, pool, "record", [position], [1])
    margin.node.at(free)
    margin.do(margin.executor, pool, "record", [position], [1])
    check_books(margin)
