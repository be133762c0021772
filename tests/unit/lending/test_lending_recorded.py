"""LendingVault.recordInterest: interest of quoted borrowers, and how it enters the share price."""

import pytest

from tests.unit.lending.reference import WAD

DAY = 86_400


@pytest.fixture
def owing(bench):
    """A pool owes 60,000; a tenth of interest is the treasury's."""
    bench.do("risk_manager", "set_reserve_share", WAD // 10)
    bench.do("pool", "borrow", 60_000 * bench.one, "pool")
    return bench


def test_record_interest__first__locked_but_for_the_treasury(owing):
    value, amount = owing.reference.value, 1_000 * owing.one + 5
    owing.do("pool", "record_interest", amount)
    assert owing.reference.value == value, "nothing of it yet"
    assert owing.reference.reserves == amount // 10
    assert owing.reference.left == amount - amount // 10
    assert owing.reference.debt("pool") == 60_000 * owing.one + amount
    owing.audit()
    owing.audit_maxima()


@pytest.mark.parametrize("seconds", [1, DAY // 2, DAY - 1, DAY, DAY + 1])
def test_locked_interest__time_passes__enters_linearly(owing, seconds):
    owing.do("pool", "record_interest", 1_000 * owing.one)
    locked, value = 900 * owing.one, owing.reference.value
    owing.wait(seconds)
    left = -(-locked * max(0, DAY - seconds) // DAY)
    assert owing.read(("lockedInterest()",)) == [left]
    assert owing.read(("totalAssets()",)) == [value + locked - left]
    owing.audit()


def test_record_interest__second__average_time_by_amounts(owing):
    """900 for 6 hours more and 300 for a day: 1,200 for 10.5 hours."""
    owing.do("risk_manager", "set_reserve_share", 0)
    owing.do("pool", "record_interest", 3_600 * owing.one)
    owing.wait(DAY * 3 // 4)
    owing.do("pool", "record_interest", 300 * owing.one)
    assert owing.reference.left == 1_200 * owing.one
    owing.audit()
    owing.wait(DAY * 21 // 48 - 1)
    (left,) = owing.read(("lockedInterest()",))
    assert left == -(-1_200 * owing.one // (DAY * 21 // 48))
    owing.do("stranger", "accrue")
    owing.wait(1)
    assert owing.read(("lockedInterest()",)) == [0]


@pytest.mark.parametrize("more, seconds", [(-1, 0), (0, 1), (1, 1)], ids=["less", "exact", "more"])
def test_record_interest__weighs_a_second__rounded_down(bench18, more, seconds):
    """What is left has half a day. `n` for a whole one add a second from
    `left * 43,200 + n * 86,400 >= (left + n) * 43,201` on: where `n * 43,199 >= left`."""
    bench = bench18
    bench.do("pool", "borrow", 10**6, "pool")
    bench.do("pool", "record_interest", 10**12)
    bench.wait(DAY // 2)
    least = -(-bench.reference.left // (DAY // 2 - 1))
    bench.do("pool", "record_interest", least + more)
    assert bench.reference.until - bench.reference.now == DAY // 2 + seconds
    bench.audit()


def test_record_interest__shortest_unlock_time__a_second_and_nothing_is_lost(owing):
    """Records upon each other: what is locked has a second at least, and enters after it."""
    owing.do("risk_manager", "set_profit_unlock_time", 1)
    value = owing.reference.value
    for amount in (1_000 * owing.one, 1, 1, 7):
        owing.do("pool", "record_interest", amount)
        assert owing.reference.until == owing.reference.now + 1
    assert owing.reference.value == value
    locked = owing.reference.left
    assert locked == 900 * owing.one + 9
    owing.audit()
    owing.wait(1)
    assert owing.read(("totalAssets()",)) == [value + locked]
    owing.audit()


def test_record_interest__last_second_of_what_is_locked__nothing_is_lost(owing):
    """A second is left of a week, and the time is a second now: rounded down it is one still."""
    owing.do("risk_manager", "set_profit_unlock_time", 7 * DAY)
    owing.do("pool", "record_interest", 1_000 * owing.one)
    owing.wait(7 * DAY - 1)
    owing.do("risk_manager", "set_profit_unlock_time", 1)
    value, left = owing.reference.value, owing.reference.left
    owing.do("pool", "record_interest", 10)
    assert owing.reference.until == owing.reference.now + 1
    assert (owing.reference.value, owing.reference.left) == (value, left + 9)
    owing.audit()
    owing.wait(1)
    assert owing.read(("totalAssets()",), ("lockedInterest()",)) == [value + left + 9, 0]
    owing.audit()


def test_record_interest__after_all_has_entered__a_whole_period(owing):
    """At the very second at which the last of it enters, and one before."""
    owing.do("pool", "record_interest", 1_000 * owing.one)
    owing.wait(DAY)
    owing.do("pool", "record_interest", 10)
    assert (owing.reference.left, owing.reference.until) == (9, owing.reference.now + DAY)
    owing.audit()


def test_record_interest__without_unlock_time__at_once(owing):
    owing.do("pool", "record_interest", 1_000 * owing.one)
    owing.wait(DAY // 4)
    owing.do("risk_manager", "set_profit_unlock_time", 0)
    value, left = owing.reference.value, owing.reference.left
    owing.do("pool", "record_interest", 100 * owing.one)
    assert owing.reference.value == value + 90 * owing.one
    assert owing.reference.left == left, "what was locked before stays so"
    owing.audit()
    owing.wait(DAY // 4)
    owing.audit()


def test_record_interest__longest_unlock_time__a_week(owing):
    owing.do("risk_manager", "set_profit_unlock_time", 7 * DAY)
    owing.do("pool", "record_interest", 1_000 * owing.one)
    owing.wait(7 * DAY - 1)
    owing.audit()
    assert owing.reference.left == -(-900 * owing.one // (7 * DAY))


def test_record_interest__nothing__refused(owing):
    owing.refused("pool", "record_interest", 0, error="ZeroAmount")


def test_record_interest__indexed_borrower__refused(owing):
    values = ("manager",)
    owing.refused("manager", "record_interest", 1, error="NotBorrower", values=values)


def test_record_interest__beyond_the_cap__allowed(owing):
    """It is owed, whatever the cap: it only ends borrowing."""
    owing.do("guardian", "disable_borrower", "pool")
    owing.do("pool", "record_interest", 1)
    values = (60_000 * owing.one + 2, 0)
    owing.refused("pool", "borrow", 1, "pool", error="BorrowCapExceeded", values=values)
    owing.audit()


def test_record_interest__largest__one_more_refused(owing):
    most = 2**128 - 1 - 60_000 * owing.one
    for amount in (most + 1, 2**256 - 1):
        values = ("interest", amount, 1, most)
        error = "ParameterOutOfBounds"
        owing.refused("pool", "record_interest", amount, error=error, values=values)
    owing.do("pool", "record_interest", most)
    owing.audit()
    owing.wait(DAY)
    owing.audit()
    owing.audit_maxima()


def test_record_interest__one_unit__the_lenders(owing):
    owing.do("pool", "record_interest", 1)
    assert (owing.reference.reserves, owing.reference.left) == (0, 1)
    owing.audit()
