"""LendingVault.writeOff: who bears what will not be paid."""

import pytest

from tests.unit.lending.reference import RAY, WAD

DAY = 86_400
both_kinds = pytest.mark.parametrize("who", ["manager", "pool"], ids=["indexed", "quoted"])


@both_kinds
def test_write_off__nothing_locked__the_lenders_lose_it(bench, who):
    bench.do(who, "borrow", 60_000 * bench.one, "stranger")
    bench.wait(DAY)
    bench.do("stranger", "accrue")
    value, index = bench.reference.value, bench.reference.index
    amount = 10_000 * bench.one + 1
    shares = bench.do(who, "write_off", amount)
    assert shares == (amount * RAY // index if who == "manager" else 0)
    assert value - bench.reference.value in ((amount,) if who == "pool" else (amount, amount - 1))
    bench.audit()
    bench.audit_maxima()


@both_kinds
def test_write_off__exact_debt__all_of_it(bench, who):
    bench.do(who, "borrow", 60_000 * bench.one + 7, "stranger")
    bench.wait(DAY)
    debt = bench.reference.debt(who)
    values = (debt + 1, debt)
    bench.refused(who, "write_off", debt + 1, error="DebtExceeded", values=values)
    bench.refused(who, "write_off", 0, error="ZeroAmount")
    bench.do(who, "write_off", debt)
    assert bench.reference.debt(who) == 0
    bench.refused(who, "write_off", 1, error="DebtExceeded", values=(1, 0))
    bench.audit()


@pytest.mark.parametrize("who", ["manager", "pool"])
@pytest.mark.parametrize("more", [-1, 0, 1], ids=["less", "as much", "more"])
def test_write_off__interest_locked__consumed_first(bench, who, more):
    bench.do("manager", "borrow", 40_000 * bench.one, "stranger")
    bench.do("pool", "borrow", 40_000 * bench.one, "stranger")
    bench.do("pool", "record_interest", 1_000 * bench.one)
    bench.wait(DAY // 4)
    bench.do("stranger", "accrue")
    left, value = bench.reference.left, bench.reference.value
    assert left == 750 * bench.one
    shares = bench.do(who, "write_off", left + more)
    assert bench.reference.left == max(0, -more)
    # A debt in shares loses less than a share's rounding more.
    assert value - bench.reference.value in ((more > 0,) if who == "pool" else (-1, 0, 1)), "M4"
    assert (shares == 0) == (who == "pool")
    bench.audit()
    bench.wait(DAY // 4)
    bench.audit()


def test_write_off__part_of_what_is_locked__rest_enters_as_before(bench18):
    """Its time is not touched: 750 for 18 hours less 250 are 500 for 18 hours."""
    bench = bench18
    bench.do("pool", "borrow", 40_000 * bench.one, "stranger")
    bench.do("pool", "record_interest", 1_000 * bench.one)
    bench.wait(DAY // 4)
    bench.do("pool", "write_off", 250 * bench.one)
    bench.wait(DAY // 4)
    assert bench.read(("lockedInterest()",)) == [-(-500 * bench.one * 12 // 18)]
    bench.audit()
    bench.do("stranger", "accrue")
    bench.wait(DAY // 2)
    bench.audit()
    assert bench.reference.left == 0


def test_write_off__reserves_beyond_what_is_left__shrink_to_it(bench):
    bench.do("risk_manager", "set_reserve_share", WAD // 2)
    bench.do("pool", "borrow", 150_000 * bench.one, "stranger")
    bench.do("pool", "record_interest", 100_000 * bench.one)
    bench.wait(DAY)
    assert bench.reference.reserves == 50_000 * bench.one
    bench.do("pool", "write_off", 200_000 * bench.one - 1)
    assert bench.reference.reserves == 50_000 * bench.one
    assert bench.reference.value == 1
    bench.do("pool", "write_off", 10_001 * bench.one)
    assert bench.reference.reserves == 39_999 * bench.one + 1, "the treasury loses after lenders"
    assert bench.reference.value == 0
    bench.audit()
    bench.do("pool", "repay", 39_999 * bench.one + 1)
    bench.do("admin", "set_treasury", "treasury")
    bench.do("stranger", "collect_reserves")
    assert bench.reference.idle == 0
    bench.audit()


def test_write_off__everything__deposits_close_and_nothing_is_stuck(bench):
    """Supply without assets: nobody can come in at shares worth nothing, and nothing reverts that
    should not."""
    bench.do("manager", "borrow", 150_000 * bench.one, "stranger")
    bench.wait(DAY)
    bench.do("manager", "write_off", bench.reference.debt("manager"))
    assert (bench.reference.value, bench.reference.idle) == (0, 0)
    values = ("lender", 1, 0)
    error = "ERC4626ExceededMaxDeposit"
    bench.refused("lender", "deposit", 1, "lender", error=error, values=values)
    error = "ERC4626ExceededMaxMint"
    bench.refused("lender", "mint", 1, "lender", error=error, values=values)
    error = "ERC4626ExceededMaxRedeem"
    bench.refused("lender", "redeem", 1, "lender", "lender", error=error, values=values)
    error = "InsufficientLiquidity"
    bench.refused("manager", "borrow", 1, "manager", error=error, values=(0, 1))
    bench.do("stranger", "accrue")
    bench.audit()
    bench.audit_maxima()
    bench.wait(DAY)
    bench.audit()


@pytest.mark.parametrize("left", [-1, 0], ids=["closed", "open"])
def test_max_deposit__almost_all_lost__closed_below_a_millionth(bench, left):
    bench.do("manager", "borrow", 150_000 * bench.one, "manager")
    supply = bench.reference.supply
    assert supply == 150_000 * bench.one * 10**6
    bound = supply // 10**12
    debt = bench.reference.debt("manager")
    bench.do("manager", "repay", debt)
    bench.do("pool", "borrow", bench.reference.value, "stranger")
    bench.do("pool", "write_off", bench.reference.value - bound - left)
    assert bench.reference.value == bound + left
    (most,) = bench.read(("maxDeposit(address)", bench.addresses["lender"]))
    assert most == (0 if left else 10**37 - bound)
    bench.audit()
    bench.audit_maxima()


def test_write_off__disabled_borrower__allowed(bench):
    bench.do("pool", "borrow", bench.one, "stranger")
    bench.do("guardian", "disable_borrower", "pool")
    bench.do("pool", "write_off", bench.one)
    bench.audit()
