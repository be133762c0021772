"""Attack: coming just before interest and leaving just after it, holding interest up, leaving
before a loss, and moving the rate within one block."""

import pytest

from tests.attacks.lenders import for_one_test, wealth, with_borrowers
from tests.unit.lending.bench import create_bench
from tests.unit.lending.reference import DAY

ATTACKER, VICTIM = "lender", "other_lender"
LENT = 100_000 * 10**18


@pytest.fixture(scope="session")
def _bench(project, admin, accounts):
    return create_bench(project, admin, accounts)


@pytest.fixture
def lent(_bench, one_block):
    """A lender, from whom the pool borrows half and the manager a quarter."""
    bench = with_borrowers(for_one_test(_bench))
    bench.do(VICTIM, "deposit", LENT, VICTIM)
    bench.do("pool", "borrow", LENT // 2, "pool")
    bench.do("manager", "borrow", LENT // 4, "manager")
    return bench


@pytest.mark.parametrize("seconds", [0, 12, DAY // 2])
def test_deposit__just_before_recorded_interest__share_of_the_time_only(lent, seconds):
    """Nine tenths of the vault are his, for as long as he stays. Without the lock he would have
    nine tenths of a payment at once."""
    before = wealth(lent, ATTACKER)
    lent.do(ATTACKER, "deposit", 9 * LENT, ATTACKER)
    index = lent.reference.indexed
    lent.do("pool", "record_interest", 1_000 * 10**18)
    lent.wait(seconds)
    entered = 900 * 10**18 * seconds // DAY + (lent.reference.indexed - index)
    lent.do(ATTACKER, "redeem", lent.reference.shares[ATTACKER], ATTACKER, ATTACKER)
    gained = wealth(lent, ATTACKER) - before
    assert gained <= entered * 9 // 10, "M6: he takes of what others have earned"
    assert gained <= 0 or seconds, "M6: something for nothing"
    lent.audit()


def test_record_interest__dust_every_second__holds_nothing_up(lent):
    """A minute of records of one unit: of the 900 as much enters as without them, but for the unit
    that each leaves, and the one that each rounds up."""
    lent.do("pool", "record_interest", 1_000 * 10**18)
    until = lent.reference.until
    for _ in range(60):
        lent.wait(1)
        lent.do("pool", "record_interest", 1)
    assert lent.reference.until == until
    never_held_up = 900 * 10**18 * (DAY - 60) // DAY
    assert never_held_up < lent.reference.left <= never_held_up + 120
    lent.audit()


def test_record_interest__dust_many_times_in_a_block__time_stays(lent):
    lent.do("pool", "record_interest", 1_000 * 10**18)
    lent.wait(DAY // 2)
    left, until = lent.reference.left, lent.reference.until
    for _ in range(20):
        lent.do("pool", "record_interest", 1)
    assert (lent.reference.left, lent.reference.until) == (left + 20, until)
    lent.audit()


def test_record_interest__in_many_parts__enters_sooner_by_a_second_each_at_most(lent):
    """Twenty parts of 45 for the lenders, on 450 that have half a day: as one of 900 would, they
    have ten hours more to wait for all of it, less what each rounds down."""
    lent.do("pool", "record_interest", 1_000 * 10**18)
    lent.wait(DAY // 2)
    for _ in range(20):
        lent.do("pool", "record_interest", 50 * 10**18)
    at_once = DAY * 5 // 6
    assert lent.reference.left == 1_350 * 10**18
    assert at_once - 20 < lent.reference.until - lent.reference.now <= at_once
    lent.audit()


def test_write_off__covered_by_locked_interest__leaving_before_it_saves_nothing(lent):
    lent.do(ATTACKER, "deposit", LENT, ATTACKER)
    lent.do("pool", "record_interest", 1_000 * 10**18)
    before = wealth(lent, ATTACKER), wealth(lent, VICTIM)
    lent.do("pool", "write_off", 900 * 10**18)
    assert (wealth(lent, ATTACKER), wealth(lent, VICTIM)) == before, "M4: nobody loses"
    assert lent.reference.left == 0
    lent.audit()


def test_deposit__between_record_and_write_off__later_lender_bears_his_part_only(lent):
    """Whoever comes after the interest was recorded has not paid for it, and whoever was there
    before loses no more than his part of the loss."""
    lent.do("pool", "record_interest", 1_000 * 10**18)
    lent.do(ATTACKER, "deposit", lent.reference.value, ATTACKER)
    before = wealth(lent, ATTACKER), wealth(lent, VICTIM)
    lent.do("pool", "write_off", 1_000 * 10**18)
    lost = [
        a - b for a, b in zip(before, (wealth(lent, n) for n in (ATTACKER, VICTIM)), strict=True)
    ]
    assert all(50 * 10**18 <= loss <= 50 * 10**18 + 2 for loss in lost), "100 in two halves"
    lent.audit()


@pytest.mark.parametrize("who", ["manager", "pool"], ids=["indexed", "quoted"])
def test_borrow__all_and_back_within_a_block__nobody_gains(lent, who):
    """The rate of an instant is no rate: not a unit of interest comes of it."""
    lent.wait(DAY)
    lent.do("stranger", "accrue")
    others = (ATTACKER, VICTIM, "treasury")
    before, own = [wealth(lent, name) for name in others], wealth(lent, who)
    index, owed = lent.reference.index, lent.reference.debt(who)
    rate = lent.reference.rate
    lent.do(who, "borrow", lent.reference.max_borrow(who), who)
    assert lent.reference.utilisation == 10**18
    lent.do(who, "repay", lent.reference.debt(who) - owed)
    assert lent.reference.index == index, "M6"
    assert lent.reference.rate - rate in (0, -1)
    assert [wealth(lent, name) for name in others] in (
        before,
        [*before[:1], before[1] + 1, before[2]],
    )
    assert own - 2 <= wealth(lent, who) + owed - lent.reference.debt(who) <= own, "M6"
    lent.audit()
    lent.wait(DAY)
    lent.audit()


def test_deposit__and_leave_within_a_block__nobody_gains(lent):
    lent.wait(DAY)
    before, victims = wealth(lent, ATTACKER), wealth(lent, VICTIM)
    lent.do(ATTACKER, "deposit", 9 * LENT + 7, ATTACKER)
    lent.do(ATTACKER, "redeem", lent.reference.shares[ATTACKER], ATTACKER, ATTACKER)
    assert before - 2 <= wealth(lent, ATTACKER) <= before, "M6"
    assert wealth(lent, VICTIM) >= victims, "M6"
    lent.audit()


def test_deposit__before_accrual__interest_until_then_is_the_others(lent):
    """A year that nobody has accrued: who comes then gets nothing of it."""
    lent.wait(365 * DAY)
    earned = lent.reference.value - LENT
    assert earned > 10**21
    before = wealth(lent, ATTACKER)
    lent.do(ATTACKER, "deposit", 9 * LENT, ATTACKER)
    assert wealth(lent, ATTACKER) <= before, "M6"
    assert lent.reference.to_assets(lent.reference.shares[VICTIM]) >= LENT + earned - 1
    lent.audit()
