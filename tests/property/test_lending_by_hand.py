"""Cases of a lending vault that were worked out by hand.

Messages of failed assertions begin with the invariant's id (docs/invariants.md).
"""

from collections.abc import Callable
from fractions import Fraction
from typing import Any

import pytest

from prep.model import WAD, Rejected
from prep.model.interest import MAX_INDEX, RAY, BorrowerKind, RateCurve
from prep.model.lending import LendingPool
from tests.property.world import outcome

YEAR = 31_536_000
FLAT_TEN = RateCurve(WAD // 10, WAD // 10, WAD // 10, WAD // 2)
KINKED = RateCurve(WAD // 100, WAD // 20, WAD, 8 * WAD // 10)
# x = 0.1; x**2 / 2 = 0.005; x**3 / 6 = 0.000166...: all of exp(0.1) - 1 but 4 millionths.
TEN_PERCENT = RAY + RAY // 10 + 5 * RAY // 1_000 + RAY // 6_000


def pool(curve: RateCurve = FLAT_TEN, **options: Any) -> LendingPool:
    """100,000 tokens lent by one lender; an indexed and a quoted borrower."""
    made = LendingPool(1_000, curve, **options)
    made.deposit("lender", 100_000)
    made.register_borrower("manager", BorrowerKind.INDEXED, 10**9)
    made.register_borrower("controller", BorrowerKind.QUOTED, 10**9)
    return made


def aged() -> LendingPool:
    """The same after a year in which somebody owed a unit."""
    made = pool()
    made.register_borrower("other", BorrowerKind.INDEXED, 10**9)
    made.borrow("other", 1)
    made.now += YEAR
    return made


def test_deposit__first__a_million_shares_per_unit() -> None:
    made = LendingPool(0, FLAT_TEN)
    assert made.deposit("lender", 7).shares == 7 * 10**6
    assert made.mint("lender", 10**6 + 1).assets == 2
    assert (made.total_assets(), made.supply) == (9, 8 * 10**6 + 1)


def test_rate__below_at_and_above_the_kink__two_straight_lines() -> None:
    made = pool(KINKED)
    assert made.borrow_rate() == WAD // 100
    made.borrow("manager", 40_000)  # U = 0.4: half of the way from 1 % to 5 %
    assert (made.utilisation(), made.borrow_rate()) == (4 * WAD // 10, 3 * WAD // 100)
    made.borrow("manager", 40_000)
    assert made.borrow_rate() == WAD // 20
    made.borrow("manager", 15_000)  # U = 0.95: three quarters of the way from 5 % to 100 %
    assert made.borrow_rate() == 5 * 10**16 + 95 * 10**16 * 3 // 4
    made.borrow("manager", 5_000)
    assert made.borrow_rate() == WAD


def test_accrue__one_year__three_terms_of_the_exponential() -> None:
    made = pool(reserve_share=WAD // 5)
    made.borrow("manager", 50_000)
    made.now += YEAR
    assert made.debt_index() == TEN_PERCENT
    assert made.utilisation() == 55_258 * WAD // 105_258, "with interest until now"
    result = made.accrue()
    # 50,000 * 0.1051666... = 5,258.33; a fifth is 1,051.66
    assert (result.index, result.interest, result.reserves) == (TEN_PERCENT, 5_258, 1_051)
    assert made.debt_of("manager") == 55_259, "the borrower owes what is rounded up"
    assert made.total_debt() == (55_258, 0)
    assert made.total_assets() == 100_000 + 5_258 - 1_051, "M4"


def test_accrue__in_two_parts__rate_of_the_state_as_it_was_left() -> None:
    made = pool(KINKED)
    made.borrow("manager", 40_000)
    made.now += YEAR // 2
    made.borrow("manager", 40_000)  # 3 % for half a year, then that of what is owed now
    first = RAY + 15 * RAY // 1_000 + 1_125 * RAY // 10**7 + 5_625 * RAY // 10**10
    assert made.index == first
    made.now += YEAR // 2
    owed = (40_000 + 39_405) * first // RAY  # 40,000 / 1.0151... = 39,404.48
    assert made.debt_shares == 79_405
    rate = KINKED.rate(owed * WAD // (owed + 20_000))
    x = Fraction(rate, 2 * WAD)
    grown = first * (1 + x + x**2 / 2 + x**3 / 6)
    assert 0 <= grown - made.debt_index() < 6, "three divisions, rounded down"


def test_accrue__largest_index__stops() -> None:
    made = pool(RateCurve(10 * WAD, 10 * WAD, 10 * WAD, WAD // 2))
    made.borrow("manager", 1)
    for _ in range(5):
        made.now += 10 * YEAR
        made.accrue()
    assert made.index == MAX_INDEX
    before = made.debt_of("manager")
    made.now += YEAR
    assert made.accrue().interest == 0
    assert made.debt_of("manager") == before == -(-MAX_INDEX // RAY)


def test_accrue__no_time_or_no_debt__no_interest() -> None:
    made = pool()
    made.borrow("controller", 50_000)
    made.now += YEAR
    assert made.accrue().interest == 0
    assert (made.borrow_rate(), made.index) == (WAD // 10, RAY), "nobody owes by it"
    made.borrow("manager", 1_000)
    assert made.accrue().interest == 0
    made.now += YEAR
    assert made.accrue().interest == 105
    made.repay("manager", 1_106)
    made.now += YEAR
    assert made.accrue().index == TEN_PERCENT


def test_borrow__index_above_one__shares_and_debt_are_rounded_up() -> None:
    made = aged()
    result = made.borrow("manager", 1_000)  # 1,000 / 1.1051666... = 904.84
    assert (result.shares, result.debt) == (905, 1_001)
    assert made.idle == 98_999


def test_repay__exact_debt__removes_exactly_its_shares() -> None:
    made = aged()
    made.borrow("manager", 1_000)
    made.borrow("manager", 333)
    assert made.repay("manager", made.to_debt(302)).shares == 302
    assert made.repay("manager", made.debt_of("manager")).debt == 0
    assert (made.debt_shares, made.total_debt()) == (1, (1, 0)), "what the other one owes"


def test_repay__less_than_a_share__takes_it_and_removes_none() -> None:
    made = aged()
    made.borrow("manager", 1_000)
    before = made.total_assets()
    result = made.repay("manager", 1)
    assert (result.shares, result.debt) == (0, 1_001)
    assert made.total_assets() == before + 1, "the lenders'"


def test_record_interest__one_week__enters_little_by_little() -> None:
    week = 7 * 86_400
    made = pool(reserve_share=WAD // 4, profit_unlock_time=week)
    made.borrow("controller", 10_000)
    result = made.record_interest("controller", 1_000)
    assert (result.debt, result.locked, made.reserves()) == (11_000, 750, 250)
    assert made.total_assets() == 100_000, "M4"
    made.now += week // 3
    assert (made.locked_interest(), made.total_assets()) == (500, 100_250)
    made.now += 1
    assert (made.locked_interest(), made.total_assets()) == (500, 100_250), "rounded up"
    made.now += week
    assert (made.locked_interest(), made.total_assets()) == (0, 100_750)


def test_record_interest__while_some_is_locked__time_is_weighed_by_amount() -> None:
    made = pool(profit_unlock_time=1_000)
    made.borrow("controller", 10_000)
    made.record_interest("controller", 900)
    made.now += 500
    result = made.record_interest("controller", 50)  # 450 for 500 s more, 50 for 1,000 s
    assert result.locked == 500
    assert made.locked_until == 1_500 + 550
    made.now += 55
    assert made.locked_interest() == 450


def test_record_interest__no_unlock_time__counts_at_once() -> None:
    made = pool(reserve_share=WAD // 2)
    made.borrow("controller", 10_000)
    assert made.record_interest("controller", 101).locked == 0
    assert (made.reserves(), made.total_assets()) == (50, 100_051)


def test_write_off__locked_interest__is_consumed_first() -> None:
    made = pool(profit_unlock_time=1_000)
    made.borrow("controller", 10_000)
    made.record_interest("controller", 900)
    made.now += 500
    first = made.write_off("controller", 400)
    assert (first.loss, first.debt, made.locked_interest()) == (0, 10_500, 50)
    assert made.total_assets() == 100_450
    second = made.write_off("controller", 1_050)
    assert (second.loss, made.locked_interest()) == (1_000, 0)
    assert made.total_assets() == 99_450


def test_write_off__everything__reserves_shrink_to_what_is_left() -> None:
    made = pool(reserve_share=WAD // 2)
    made.borrow("manager", 90_000)
    made.withdraw("lender", 10_000)
    made.now += 10 * YEAR  # x = 1: 90,000 * 1.6666... more, half of it the treasury's
    assert made.reserves() == 75_000 - 1
    made.repay("manager", 1_000)
    result = made.write_off("manager", made.debt_of("manager"))
    assert result.loss == 239_000
    assert (made.reserves(), made.total_assets(), made.idle) == (1_000, 0, 1_000)
    assert made.collect_reserves().amount == 1_000
    assert outcome(made.collect_reserves) == Rejected("ZeroAmount")


def test_collect_reserves__little_lies_idle__pays_that() -> None:
    made = pool(reserve_share=WAD // 2)
    made.borrow("manager", 100_000)
    made.now += YEAR
    assert outcome(made.collect_reserves) == Rejected("ZeroAmount")
    made.repay("manager", 1_000)
    assert made.collect_reserves().reserves == 5_258 - 1_000
    assert made.idle == 0


def test_withdraw__lent_out__only_what_lies_idle() -> None:
    made = pool()
    made.borrow("manager", 99_000)
    assert made.max_withdraw("lender") == 1_000
    assert made.max_redeem("lender") == 1_001 * 10**6 - 1, "still worth 1,000"
    with pytest.raises(Rejected, match=r"^ERC4626ExceededMaxWithdraw\(lender, 1001, 1000\)$"):
        made.withdraw("lender", 1_001)
    assert made.redeem("lender", 1_001 * 10**6 - 1).assets == 1_000


def test_max_deposit__near_the_largest_total__is_what_fits() -> None:
    made = pool()
    assert made.max_deposit() == 10**37 - 100_000
    made.deposit("whale", 10**37 - 100_000)
    assert outcome(made.deposit, "whale", 1) == Rejected("ERC4626ExceededMaxDeposit", "whale", 1, 0)


def test_max_deposit__all_but_wiped_out__is_closed() -> None:
    made = LendingPool(0, FLAT_TEN)
    made.register_borrower("manager", BorrowerKind.INDEXED, WAD)
    made.deposit("lender", WAD)
    made.borrow("manager", WAD)
    made.write_off("manager", WAD - 10**12)
    assert made.total_assets() == made.supply // 10**12, "a millionth"
    assert made.max_deposit() == 10**37 - 10**12
    made.write_off("manager", 1)
    assert (made.max_deposit(), made.max_mint()) == (0, 0)


def test_max_borrow__cap_or_idle__is_exact() -> None:
    made = aged()
    made.set_borrow_cap("manager", 1_000)
    most = made.max_borrow("manager")
    assert most == 999, "904 shares are worth 999.07; 905 would be 1,000.18"
    error = Rejected("BorrowCapExceeded", 1_001, 1_000)
    assert outcome(made.borrow, "manager", most + 1) == error
    assert made.borrow("manager", most).debt == 1_000
    made.set_borrow_cap("manager", 10**9)
    assert made.max_borrow("manager") == made.idle
    assert made.max_borrow("stranger") == 0


REFUSALS: list[tuple[Callable[[LendingPool], Any], Rejected]] = [
    (lambda it: it.deposit("lender", 0), Rejected("ZeroAmount")),
    (lambda it: it.mint("lender", 0), Rejected("ZeroAmount")),
    (lambda it: it.withdraw("lender", 0), Rejected("ZeroAmount")),
    (lambda it: it.redeem("lender", 0), Rejected("ZeroAmount")),
    (lambda it: it.redeem("lender", 999_999), Rejected("ZeroAmount")),
    (lambda it: it.borrow("stranger", 0), Rejected("ZeroAmount")),
    (lambda it: it.borrow("stranger", 1), Rejected("NotBorrower", "stranger")),
    (lambda it: it.borrow("manager", 60_001), Rejected("InsufficientLiquidity", 60_000, 60_001)),
    (lambda it: it.repay("stranger", 1), Rejected("NotBorrower", "stranger")),
    (lambda it: it.repay("manager", 20_001), Rejected("DebtExceeded", 20_001, 20_000)),
    (lambda it: it.repay("controller", 20_001), Rejected("DebtExceeded", 20_001, 20_000)),
    (lambda it: it.write_off("manager", 20_001), Rejected("DebtExceeded", 20_001, 20_000)),
    (lambda it: it.write_off("manager", 0), Rejected("ZeroAmount")),
    (lambda it: it.record_interest("manager", 1), Rejected("NotBorrower", "manager")),
    (lambda it: it.record_interest("controller", 0), Rejected("ZeroAmount")),
    (
        lambda it: it.register_borrower("manager", BorrowerKind.QUOTED, 1),
        Rejected("BorrowerKindFixed", "manager", BorrowerKind.INDEXED),
    ),
    (
        lambda it: it.register_borrower("new", BorrowerKind.NONE, 1),
        Rejected("ParameterOutOfBounds", "kind", 0, 1, 2),
    ),
    (lambda it: it.set_borrow_cap("stranger", 1), Rejected("NotBorrower", "stranger")),
    (lambda it: it.disable_borrower("stranger"), Rejected("NotBorrower", "stranger")),
    (
        lambda it: it.set_rate_curve(RateCurve(2, 1, 3, 1)),
        Rejected("ParameterOutOfBounds", "atZero", 2, 0, 1),
    ),
    (
        lambda it: it.set_rate_curve(RateCurve(1, 4, 3, 1)),
        Rejected("ParameterOutOfBounds", "atKink", 4, 1, 3),
    ),
    (
        lambda it: it.set_rate_curve(RateCurve(1, 2, 10 * WAD + 1, 1)),
        Rejected("ParameterOutOfBounds", "atFull", 10 * WAD + 1, 2, 10 * WAD),
    ),
    (
        lambda it: it.set_rate_curve(RateCurve(1, 2, 3, WAD)),
        Rejected("ParameterOutOfBounds", "kink", WAD, 1, WAD - 1),
    ),
    (
        lambda it: it.set_reserve_share(WAD // 2 + 1),
        Rejected("ParameterOutOfBounds", "reserveShare", WAD // 2 + 1, 0, WAD // 2),
    ),
    (
        lambda it: it.set_profit_unlock_time(604_801),
        Rejected("ParameterOutOfBounds", "profitUnlockTime", 604_801, 0, 604_800),
    ),
]


@pytest.mark.parametrize("action, error", REFUSALS)
def test_refusals__name_the_error_and_change_nothing(
    action: Callable[[LendingPool], Any], error: Rejected
) -> None:
    made = pool()
    made.borrow("manager", 20_000)
    made.borrow("controller", 20_000)
    before = {name: getattr(made, name) for name in made.__class__.__mro__[1].__slots__}
    assert outcome(action, made) == error
    assert {name: getattr(made, name) for name in before} == before
