"""Interest added to principals, many at once."""

import pytest

from tests.unit.margin_pools.stand import FINE, HOUR

RECORDED = "InterestRecorded"


@pytest.fixture
def two(stand, position):
    """Positions of one pair, of which the second is younger."""
    second = stand.open(principal=stand.principal // 3)
    stand.wait(HOUR)
    return [position, second]


def recorded(stand, positions, interests, **call):
    return stand.do("record", positions, interests, who=stand.margin.executor, **call)


def refusal_of(stand, positions, interests, who=None):
    return stand.refusal("record", positions, interests, who=who or stand.margin.executor)


def until(stand, time):
    stand.wait(time - stand.time())
    assert stand.time() == time


def test_record_interest__two_positions__each_its_own(stand, two):
    at = stand.time() + 100
    interests = [stand.max_interest(two[0], at), 1]
    before = stand.balances()
    logs = recorded(stand, two, interests, at=at)
    expected = []
    for position, interest in zip(two, interests, strict=True):
        after = position._replace(
            principal=position.principal + interest, last_funding_timestamp=at, nonce=2
        )
        assert stand.is_stored(after)
        expected.append((RECORDED, (position.id, stand.trader.address, after, interest)))
    assert stand.logged(logs) == expected
    assert stand.moved(before) == {("debt", stand.owed): sum(interests)}
    # One record for all: the lenders' vault tells it once.
    of_vault = [log for log in logs if log.address != stand.side.address]
    assert [log.name for log in of_vault].count(RECORDED) == 1


def test_record_interest__of_all_kinds_of_pairs__recorded(any_stand):
    position = any_stand.open()
    at = any_stand.wait(HOUR) + 1
    interest = any_stand.max_interest(position, at)
    recorded(any_stand, [position], [interest], at=at)
    after = position._replace(
        principal=position.principal + interest, last_funding_timestamp=at, nonce=2
    )
    assert any_stand.is_stored(after)


def test_record_interest__again__on_the_principal_with_interest(stand, position):
    interest = stand.max_interest(position)
    logs = recorded(stand, [position], [interest])
    after = stand.margin.after([log for log in logs if log.address == stand.side.address], RECORDED)
    stand.wait(HOUR)
    most = stand.max_interest(after)
    assert refusal_of(stand, [after], [most]) is None
    assert refusal_of(stand, [after], [most + 1]) == ("InvalidInterest", most + 1, most)


def test_record_interest__bounds__above_zero_and_at_most_the_highest(stand, two):
    most = stand.max_interest(two[1])
    assert refusal_of(stand, two, [1, 0]) == ("ZeroAmount",)
    assert refusal_of(stand, two, [1, most]) is None
    assert refusal_of(stand, two, [1, most + 1]) == ("InvalidInterest", most + 1, most)


def test_record_interest__of_nothing__refused(stand):
    position = stand.open()
    assert refusal_of(stand, [position], [0]) == ("ZeroAmount",)


def test_record_interest__a_second_before_an_hour_is_over__refused(stand):
    """Of each position for itself, and again from each recording on."""
    first = stand.open()
    stand.wait(HOUR // 2)
    second = stand.open()
    both = [first, second]
    earliest = first.last_funding_timestamp + HOUR
    until(stand, earliest - 1)
    assert refusal_of(stand, [first], [1]) == ("RecordedLately", first.id, earliest), "A8"
    until(stand, earliest)
    assert refusal_of(stand, [first], [1]) is None
    later = second.last_funding_timestamp + HOUR
    assert refusal_of(stand, both, [1, 1]) == ("RecordedLately", second.id, later)
    recorded(stand, [first], [1], at=later)
    assert refusal_of(stand, [second], [1]) is None
    after = first._replace(
        principal=first.principal + 1, last_funding_timestamp=later, nonce=first.nonce + 1
    )
    until(stand, later + HOUR - 1)
    assert refusal_of(stand, [after], [1]) == ("RecordedLately", first.id, later + HOUR)
    until(stand, later + HOUR)
    assert refusal_of(stand, [after], [1]) is None


def test_record_interest__lists__of_one_length_and_not_empty(stand, two):
    assert refusal_of(stand, [], []) == ("ListsDiffer",)
    assert refusal_of(stand, two, [1]) == ("ListsDiffer",)
    assert refusal_of(stand, two[:1], [1, 1]) == ("ListsDiffer",)


def test_record_interest__tokens__one_for_all(create_stand, side, stand, position):
    """The token that is owed: base or quote tokens may differ."""
    others = {True: ("WETH", "USD"), False: ("WBTC", "PREP")}
    same = create_stand(side, others[side.is_long])
    alike = same.open()
    other = create_stand(side, FINE).open()
    stand.wait(HOUR)
    assert refusal_of(stand, [position, alike], [1, 1]) is None
    assert refusal_of(stand, [position, other], [1, 1]) == ("ListsDiffer",)
    unknown = other._replace(principal=1)
    assert refusal_of(stand, [position, unknown], [1, 1])[0] == "UnknownPosition"


def test_record_interest__position_twice__second_is_not_as_stored(stand, position):
    refusal = refusal_of(stand, [position, position], [1, 1])
    assert refusal[:2] == ("UnknownPosition", position.id)


def test_record_interest__unknown_position__refused_with_both_hashes(stand, position):
    other = position._replace(principal=position.principal + 1)
    refusal = refusal_of(stand, [other], [1])
    assert refusal[:3] == ("UnknownPosition", position.id, stand.stored(position))


@pytest.mark.parametrize("who", ["trader", "liquidator", "admin"])
def test_record_interest__without_the_role__refused(stand, position, margin, who):
    account = stand.trader if who == "trader" else getattr(margin, who)
    refusal = refusal_of(stand, [position], [1], account)
    assert refusal == ("AccessManagedUnauthorized", account.address)
