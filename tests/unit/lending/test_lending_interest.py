"""Interest of indexed borrowers: the curve, the index, who accrues when."""

import pytest

from tests.unit.lending.bench import CURVE
from tests.unit.lending.reference import RAY, WAD, YEAR

HOUR, DAY = 3_600, 86_400


@pytest.mark.parametrize(
    "lent, rate",
    [
        (0, WAD // 100),
        (75_000, WAD // 100 + (9 * WAD // 100) * 5 // 8),
        (120_000, WAD // 10),
        (135_000, WAD // 10 + 19 * WAD // 10 // 2),
        (150_000, 2 * WAD),
    ],
    ids=["nothing lent", "half", "at the kink", "halfway above it", "all"],
)
def test_borrow_rate__utilisation__on_the_curve(bench, lent, rate):
    if lent:
        bench.do("manager", "borrow", lent * bench.one, "manager")
    assert bench.read(("utilisation()",), ("borrowRate()",)) == [lent * WAD // 150_000, rate]
    bench.audit()


def test_borrow_rate__quoted_debt__counts_as_well(bench):
    bench.do("pool", "borrow", 60_000 * bench.one, "pool")
    bench.do("manager", "borrow", 60_000 * bench.one, "manager")
    assert bench.read(("utilisation()",), ("borrowRate()",)) == [8 * WAD // 10, WAD // 10]
    bench.wait(YEAR)
    assert bench.reference.debt("pool") == 60_000 * bench.one, "only the index grows by itself"
    bench.audit()


def test_accrue__a_year_at_the_kink__three_terms_of_the_exponential(bench):
    bench.do("stranger", "accrue")
    bench.do("manager", "borrow", 120_000 * bench.one, "manager")
    before = bench.reference.index
    bench.wait(YEAR)
    x = RAY // 10
    growth = x + x * x // (2 * RAY) + x * x // (2 * RAY) * x // (3 * RAY)
    assert growth == 105_166_666 * 10**18 + 666_666_666_666_666_666
    assert bench.reference.index == before + before * growth // RAY
    bench.do("stranger", "accrue")
    bench.audit()


def test_accrue__same_time_again__nothing(bench):
    bench.do("manager", "borrow", bench.one, "manager")
    bench.wait(DAY)
    bench.do("stranger", "accrue")
    bench.do("stranger", "accrue")
    bench.audit()


def test_accrue__nobody_owes_shares__index_stands_still(bench):
    """Quoted debt makes a rate, by which nobody owes. From the first share on it counts, and after
    the last one not any more."""
    bench.do("pool", "borrow", 100_000 * bench.one, "pool")
    bench.wait(YEAR)
    bench.do("lender", "deposit", bench.one, "lender")
    bench.audit()
    bench.wait(YEAR)
    bench.do("stranger", "accrue")
    bench.do("manager", "borrow", 10_000 * bench.one, "manager")
    assert bench.reference.index == RAY
    assert bench.reference.debt("manager") == 10_000 * bench.one
    bench.wait(YEAR)
    bench.do("lender", "withdraw", bench.one, "lender", "lender")
    index = bench.reference.index
    assert index > RAY
    bench.audit()
    bench.do("manager", "write_off", bench.reference.debt("manager"))
    bench.wait(YEAR)
    bench.do("lender", "redeem", bench.one * 10**6, "lender", "lender")
    assert bench.read(("debtIndex()",)) == [index]
    bench.audit()


def test_accrue__reserve_share__split_from_then_on(bench):
    bench.do("manager", "borrow", 120_000 * bench.one, "manager")
    bench.wait(DAY)
    bench.do("risk_manager", "set_reserve_share", WAD // 10)
    assert bench.reference.reserves == 0, "what was earned before is the lenders'"
    before, value = bench.reference.indexed, bench.reference.value
    bench.wait(DAY)
    interest = bench.reference.indexed - before
    assert bench.reference.reserves == interest // 10
    assert bench.reference.value == value + interest - interest // 10
    bench.audit()


def test_set_rate_curve__interest_until_then__at_the_old_rates(bench):
    bench.do("manager", "borrow", 120_000 * bench.one, "manager")
    bench.wait(YEAR)
    bench.do("risk_manager", "set_rate_curve", (0, 0, 0, WAD // 2))
    index = bench.reference.index
    bench.wait(YEAR)
    assert bench.reference.index == index > RAY * 11 // 10
    bench.do("stranger", "accrue")
    bench.audit()


@pytest.mark.parametrize("rate", [WAD // 10, WAD, 10 * WAD], ids=["10 %", "100 %", "1000 %"])
def test_accrue__by_nobody_for_a_year__little_less_than_every_hour(bench18, rate):
    """The difference is the fourth term of exp(x) and all after it: less than 4 in a million of the
    debt at 10 %, 1.9 % of it at 100 %. At the largest rate these terms are nearly all, 99 %."""
    bench = bench18
    bench.do("risk_manager", "set_rate_curve", (rate, rate, rate, WAD // 2))
    bench.do("manager", "borrow", 120_000 * bench.one, "manager")
    start = bench.reference.index

    def after(steps):
        index = start
        for _ in range(steps):
            x = rate * 10**9 * (YEAR // steps) // YEAR
            second = x * x // (2 * RAY)
            index += index * (x + second + second * x // (3 * RAY)) // RAY
        return index

    bench.wait(YEAR)
    assert bench.read(("debtIndex()",)) == [after(1)]
    lost = (after(365 * 24) - after(1)) * 10**6 // after(365 * 24)
    assert lost == {WAD // 10: 3, WAD: 18_988, 10 * WAD: 989_663}[rate]


def test_accrue__every_hour_of_two_days__as_the_reference(bench18):
    bench = bench18
    bench.do("manager", "borrow", 120_000 * bench.one, "manager")
    for _ in range(48):
        bench.wait(HOUR)
        bench.do("stranger", "accrue")
    bench.audit()


@pytest.mark.parametrize("action", ["deposit", "redeem", "borrow", "repay", "record_interest"])
def test_action__first_of_its_block__accrues_at_the_rate_before_it(bench, action):
    """All is lent but 1: with the rate after the action interest would be another."""
    bench.do("manager", "borrow", 100_000 * bench.one, "manager")
    bench.do("pool", "borrow", 40_000 * bench.one, "pool")
    bench.wait(DAY)
    arguments = {
        "deposit": ("lender", 100_000 * bench.one, "lender"),
        "redeem": ("lender", bench.one * 10**6, "lender", "lender"),
        "borrow": ("manager", 5_000 * bench.one, "manager"),
        "repay": ("pool", 40_000 * bench.one),
        "record_interest": ("pool", 1_000 * bench.one),
    }[action]
    who, *rest = arguments
    bench.do(who, action, *rest)
    bench.audit()
    bench.wait(DAY)
    bench.audit()


def test_rate_curve__deployed__as_given(bench18):
    assert bench18.read(("rateCurve()",)) == [CURVE]
