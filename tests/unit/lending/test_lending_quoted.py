"""Quoted borrowers as margin pools use a vault: interest and repayment in one block, several of
them, beside an indexed one."""

import pytest

from tests.unit.lending.reference import WAD

DAY = 86_400


@pytest.fixture
def both(bench):
    """The manager and two pools owe 30,000 each; a tenth of interest is the treasury's."""
    bench.do("admin", "register_borrower", "other_pool", 2, 1_000_000 * bench.one)
    bench.do("risk_manager", "set_reserve_share", WAD // 10)
    for who in ("manager", "pool", "other_pool"):
        bench.do(who, "borrow", 30_000 * bench.one, who)
    return bench


@pytest.mark.parametrize("more", [-1, 0, 1], ids=["less", "exact", "more"])
def test_repay__interest_recorded_in_the_same_block__all_of_it_and_no_more(both, more):
    """As a position is closed: nobody's share is worth more or less in that block."""
    both.wait(DAY)
    both.do("stranger", "accrue")
    value, interest = both.reference.value, 1_000 * both.one + 7
    debt = 30_000 * both.one + interest
    both.do("pool", "record_interest", interest)
    if more > 0:
        values = (debt + 1, debt)
        both.refused("pool", "repay", debt + 1, error="DebtExceeded", values=values)
    both.do("pool", "repay", debt + min(more, 0))
    assert both.reference.debt("pool") == max(0, -more)
    assert both.reference.value == value
    assert both.reference.left == interest - interest // 10, "paid, and locked all the same"
    both.audit()
    both.audit_maxima()
    both.wait(DAY // 2)
    both.audit()


def test_repay__while_interest_is_locked__its_time_stays(both):
    both.do("pool", "record_interest", 1_000 * both.one)
    until = both.reference.until
    both.wait(DAY // 3)
    both.do("pool", "repay", 5_000 * both.one + 1)
    both.do("other_pool", "borrow", 7_000 * both.one + 1, "other_pool")
    assert (both.reference.until, both.reference.since) == (until, until - DAY)
    assert both.reference.left == -(-900 * both.one * 2 // 3)
    both.audit()


@pytest.mark.parametrize("room", [0, 1, 1_000_000])
def test_borrow__interest_counts_toward_the_cap__to_the_unit(both, room):
    interest = 123 * both.one + 1
    both.do("pool", "record_interest", interest)
    cap = 30_000 * both.one + interest + room
    both.do("risk_manager", "set_borrow_cap", "pool", cap)
    assert both.read(("maxBorrow(address)", both.addresses["pool"])) == [room]
    values = (cap + 1, cap)
    both.refused("pool", "borrow", room + 1, "pool", error="BorrowCapExceeded", values=values)
    if room:
        both.do("pool", "borrow", room, "pool")
    both.audit()


def test_borrow__repaid_in_part__room_comes_back(both):
    both.do("risk_manager", "set_borrow_cap", "pool", 30_000 * both.one)
    both.do("pool", "repay", 10)
    values = (30_000 * both.one + 1, 30_000 * both.one)
    both.refused("pool", "borrow", 11, "pool", error="BorrowCapExceeded", values=values)
    both.do("pool", "borrow", 10, "pool")
    both.audit()


def test_debts__of_two_pools__each_its_own(both):
    both.do("pool", "record_interest", 100 * both.one)
    both.do("other_pool", "record_interest", 7)
    both.do("pool", "repay", 30_000 * both.one)
    assert both.reference.debt("pool") == 100 * both.one
    assert both.reference.debt("other_pool") == 30_000 * both.one + 7
    values = (100 * both.one + 1, 100 * both.one)
    for action in ("repay", "write_off"):
        both.refused("pool", action, 100 * both.one + 1, error="DebtExceeded", values=values)
    both.audit()


@pytest.mark.parametrize("more", [-1, 0, 1], ids=["less", "as much", "more"])
def test_write_off__interest_of_another_pool_locked__consumed_as_well(both, more):
    both.do("pool", "record_interest", 600 * both.one)
    both.do("other_pool", "record_interest", 400 * both.one)
    both.wait(DAY // 4)
    both.do("stranger", "accrue")
    left, value, until = both.reference.left, both.reference.value, both.reference.until
    assert left == 675 * both.one
    both.do("other_pool", "write_off", left + more)
    assert both.reference.left == max(0, -more)
    assert value - both.reference.value == max(0, more)
    assert both.reference.until == until
    assert both.reference.debt("pool") == 30_600 * both.one
    both.audit()
    both.audit_maxima()


def test_record_interest__after_all_locked_was_consumed__a_whole_period(both):
    both.do("pool", "record_interest", 100 * both.one)
    both.wait(DAY // 2)
    both.do("pool", "write_off", 45 * both.one)
    assert both.reference.left == 0
    both.do("pool", "record_interest", 10 * both.one)
    assert (both.reference.left, both.reference.until) == (9 * both.one, both.reference.now + DAY)
    both.audit()


@pytest.mark.parametrize("seconds", [1, DAY // 3, DAY - 1])
def test_limits__interest_locked_and_all_lent__exact(both, seconds):
    """Nothing idle but a handful: what can be taken out, by lenders and by each borrower."""
    both.do("pool", "record_interest", 1_000 * both.one + 3)
    both.wait(seconds)
    both.do("pool", "borrow", both.reference.idle - 5, "pool")
    both.audit()
    both.audit_maxima()


def test_utilisation__each_kind__counts_the_same(both):
    """Of 150,000 a fifth each; recorded interest is owed too, but does not lie there."""
    assert both.read(("utilisation()",)) == [6 * WAD // 10]
    both.do("pool", "repay", 30_000 * both.one)
    assert both.read(("utilisation()",)) == [4 * WAD // 10]
    both.do("manager", "repay", both.reference.debt("manager"))
    assert both.reference.idle in range(120_000 * both.one, 120_000 * both.one + 3)
    both.do("other_pool", "record_interest", 10_000 * both.one)
    (used,) = both.read(("utilisation()",))
    assert used == WAD * 40_000 * both.one // (40_000 * both.one + both.reference.idle)
    both.audit()
