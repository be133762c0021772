"""Where numbers end: lifetimes without anyone acting, the last index, the largest vault."""

import pytest

from tests.unit.lending.reference import MAX_ASSETS, MAX_INDEX, RAY, WAD, YEAR

LARGEST = (10 * WAD, 10 * WAD, 10 * WAD, WAD // 2)


@pytest.mark.parametrize("years", [137, 2_000], ids=["after 32 bits of seconds", "much later"])
def test_accrue__lifetimes_at_the_largest_rate__everything_goes_on(bench, years):
    bench.do("risk_manager", "set_rate_curve", LARGEST)
    bench.do("risk_manager", "set_reserve_share", WAD // 2)
    bench.do("manager", "borrow", 100_000 * bench.one, "manager")
    bench.do("pool", "borrow", bench.one, "pool")
    bench.do("pool", "record_interest", bench.one)
    bench.wait(years * YEAR)
    bench.audit()
    bench.audit_maxima()
    bench.do("lender", "redeem", bench.reference.max_redeem("lender"), "lender", "lender")
    bench.do("pool", "repay", 2 * bench.one)
    bench.do("pool", "borrow", bench.one, "pool")
    bench.do("pool", "record_interest", bench.one)
    bench.do("manager", "write_off", bench.reference.debt("manager"))
    bench.audit()
    bench.wait(YEAR)
    bench.audit()


def at_the_last_index(bench, lent=100_000):
    bench.do("risk_manager", "set_rate_curve", LARGEST)
    bench.do("manager", "borrow", lent * bench.one, "manager")
    for _ in range(8):
        bench.wait(137 * YEAR)
        bench.do("stranger", "accrue")
    assert bench.reference.index == MAX_INDEX
    return bench


def test_index__at_its_end__interest_stops_and_nothing_else(bench):
    at_the_last_index(bench)
    debt, value = bench.reference.debt("manager"), bench.reference.value
    bench.audit()
    bench.wait(YEAR)
    assert bench.read(("debtOf(address)", bench.addresses["manager"])) == [debt]
    assert bench.read(("totalAssets()",)) == [value]
    bench.do("stranger", "accrue")
    bench.do("lender", "redeem", bench.reference.max_redeem("lender"), "lender", "lender")
    bench.do("manager", "write_off", debt)
    bench.audit()
    bench.audit_maxima()


def test_borrow__at_the_last_index__a_share_is_the_least(bench):
    """A unit costs a share, which is worth 340 billion: the cap says no, or whoever asked for it
    owes it. Lenders do not pay."""
    at_the_last_index(bench)
    bench.do("admin", "register_borrower", "other_manager", 1, 10**36)
    value, share = bench.reference.value, -(-MAX_INDEX // RAY)
    assert bench.do("other_manager", "borrow", 1, "other_manager") == 1
    assert bench.reference.debt("other_manager") == share == 340_282_366_921
    assert bench.reference.value >= value
    bench.audit()
    bench.audit_maxima()
    values = (share + 1, share)
    bench.refused("other_manager", "repay", share + 1, error="DebtExceeded", values=values)


def test_repay__at_the_last_index__all_of_it(bench18):
    """A debt beyond 10^37: repaying it makes a vault that takes no deposits and pays everyone."""
    bench = bench18
    bench.do("whale", "deposit", 10**27, "lender")
    bench.do("admin", "register_borrower", "manager", 1, 10**36)
    at_the_last_index(bench, lent=10**9)
    debt = bench.reference.debt("manager")
    assert debt > 10 * MAX_ASSETS
    bench.do("manager", "write_off", debt - 3 * 10**37)
    debt = bench.reference.debt("manager")
    assert debt > MAX_ASSETS
    mint = (bench.token, "mint(address,uint256)", bench.addresses["manager"], debt)
    assert bench.node.send(bench.addresses["admin"], *mint)[0]
    bench.reference.tokens["manager"] += debt
    bench.do("manager", "repay", debt)
    assert bench.reference.max_deposit() == 0
    bench.audit()
    bench.audit_maxima()
    for name in ("lender", "other_lender"):
        bench.do(name, "redeem", bench.reference.shares[name], name, name)
    bench.audit()
    bench.audit_maxima()


def test_reserves__at_their_end__the_rest_stays_the_lenders(bench18):
    """Half of all interest is the treasury's, and is beyond what is counted of it. What is recorded
    after that is the lenders' alone."""
    bench = bench18
    bench.do("whale", "deposit", 10**30, "lender")
    bench.do("admin", "register_borrower", "manager", 1, 10**36)
    bench.do("risk_manager", "set_reserve_share", WAD // 2)
    at_the_last_index(bench, lent=10**11)
    assert bench.reference.indexed > 10 * 2**128
    assert bench.reference.reserves == 2**128 - 1
    bench.audit()
    bench.do("pool", "borrow", bench.one, "pool")
    bench.do("pool", "record_interest", bench.one)
    assert bench.reference.reserves == 2**128 - 1
    bench.audit()
    bench.audit_maxima()
    bench.do("admin", "set_treasury", "treasury")
    bench.do("stranger", "collect_reserves")
    bench.audit()


def test_repay__more_than_can_be_counted__refused(bench18):
    """A debt of more than 2^128: what lies idle is counted in so many bits."""
    bench = bench18
    bench.do("whale", "deposit", 10**30, "lender")
    bench.do("admin", "register_borrower", "manager", 1, 10**36)
    at_the_last_index(bench, lent=10**11)
    most = 2**128 - 1 - bench.reference.idle
    mint = (bench.token, "mint(address,uint256)", bench.addresses["manager"], most + 1)
    assert bench.node.send(bench.addresses["admin"], *mint)[0]
    bench.reference.tokens["manager"] += most + 1
    refusal = bench.failure("manager", "repay", most + 1)
    assert refusal == ("SafeCastOverflowedUintDowncast", 128, 2**128)
    bench.do("manager", "repay", most)
    bench.audit()


def test_deposit__largest__one_more_refused(empty):
    values = ("lender", MAX_ASSETS + 1, MAX_ASSETS)
    error = "ERC4626ExceededMaxDeposit"
    empty.refused("whale", "deposit", MAX_ASSETS + 1, "lender", error=error, values=values)
    shares = MAX_ASSETS * 10**6
    error, values = "ERC4626ExceededMaxMint", ("lender", shares + 1, shares)
    empty.refused("whale", "mint", shares + 1, "lender", error=error, values=values)
    empty.do("whale", "deposit", MAX_ASSETS, "lender")
    empty.audit()
    empty.audit_maxima()


def test_deposit__largest_lent_and_lost_again_and_again__shares_have_room(bench18):
    """After each loss of almost all the largest deposit buys the most shares that there can be."""
    bench = bench18
    bench.do("admin", "register_borrower", "other_pool", 2, 10**36)
    for _ in range(3):
        bench.do("whale", "deposit", bench.reference.max_deposit(), "lender")
        # A cap of 10^36 for each: ten times.
        for _ in range(11):
            amount = min(bench.reference.idle, 10**36)
            least = -(-bench.reference.supply // 10**12)
            amount = min(amount, bench.reference.value - least)
            if amount > 0:
                bench.do("other_pool", "borrow", amount, "stranger")
                bench.do("other_pool", "write_off", amount)
        bench.audit()
        bench.audit_maxima()


def test_max_deposit__interest_beyond_the_largest__nothing(empty):
    """A single share, and interest that no deposit of a unit could buy a part of."""
    empty.do("lender", "mint", 1, "lender")
    empty.do("admin", "register_borrower", "pool", 2, 10**36)
    empty.do("pool", "borrow", 1, "pool")
    empty.do("pool", "record_interest", MAX_ASSETS - 10)
    empty.wait(86_400)
    assert empty.reference.value < MAX_ASSETS
    assert empty.reference.max_deposit() == 0
    empty.audit()
    empty.audit_maxima()
    values = ("lender", 1, 0)
    error = "ERC4626ExceededMaxDeposit"
    empty.refused("whale", "deposit", 1, "lender", error=error, values=values)


def test_donation__tokens_just_sent__in_no_count(bench):
    before = bench.reference.value, bench.reference.idle, bench.reference.max_deposit()
    bench.donate("lender", 5_000 * bench.one)
    assert (bench.reference.value, bench.reference.idle, bench.reference.max_deposit()) == before
    bench.audit()
    most = bench.reference.idle
    values = (most, most + 1)
    error = "InsufficientLiquidity"
    bench.refused("manager", "borrow", most + 1, "manager", error=error, values=values)
