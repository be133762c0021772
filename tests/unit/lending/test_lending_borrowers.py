"""LendingVault.borrow and repay, by both kinds of borrowers."""

import pytest

from tests.unit.lending.reference import RAY, up

DAY = 86_400
both_kinds = pytest.mark.parametrize("who", ["manager", "pool"], ids=["indexed", "quoted"])


def aged(bench):
    """A share of debt is worth an odd number: 120,000 of 150,000 are lent for a year."""
    bench.do("other_manager", "borrow", 120_000 * bench.one, "other_manager")
    bench.wait(365 * DAY)
    bench.do("stranger", "accrue")
    assert bench.reference.index % RAY
    return bench


@both_kinds
def test_borrow__for_a_receiver__debt_and_tokens(bench, who):
    aged(bench)
    amount = 1_234 * bench.one + 1
    index = bench.reference.index
    shares = bench.do(who, "borrow", amount, "stranger")
    assert shares == (-(-amount * RAY // index) if who == "manager" else 0)
    debt = -(-shares * index // RAY) if who == "manager" else amount
    assert bench.reference.debt(who) == debt >= amount, "whoever borrows owes it at least"
    assert bench.reference.tokens["stranger"] == amount
    bench.audit()
    bench.audit_maxima()


@both_kinds
def test_borrow__nothing__refused(bench, who):
    bench.refused(who, "borrow", 0, who, error="ZeroAmount")


@pytest.mark.parametrize("action", ["borrow", "repay", "record_interest", "write_off"])
def test_action__not_registered__refused(bench, action):
    rest = ("stranger",) if action == "borrow" else ()
    args = (bench.one, *rest)
    bench.refused("stranger", action, *args, error="NotBorrower", values=("stranger",))


@both_kinds
def test_borrow__all_that_lies_idle__and_no_more(bench, who):
    most = bench.reference.idle
    values = (most, most + 1)
    bench.refused(who, "borrow", most + 1, who, error="InsufficientLiquidity", values=values)
    bench.do(who, "borrow", most, who)
    assert bench.reference.utilisation == 10**18
    values = (0, 1)
    bench.refused(who, "borrow", 1, who, error="InsufficientLiquidity", values=values)
    bench.audit()


@both_kinds
def test_borrow__cap__debt_rounded_up_within_it(bench, who):
    aged(bench)
    cap = 5_000 * bench.one + 3
    bench.do("risk_manager", "set_borrow_cap", who, cap)
    most = bench.reference.max_borrow(who)
    index = bench.reference.index
    if who == "manager":
        debt = up(up((most + 1) * RAY, index) * index, RAY)
        assert cap - most <= 2, "what rounding takes"
    else:
        debt, most = cap + 1, cap
    values = (debt, cap)
    bench.refused(who, "borrow", most + 1, who, error="BorrowCapExceeded", values=values)
    bench.do(who, "borrow", most, who)
    assert bench.reference.debt(who) <= cap
    bench.audit()
    bench.audit_maxima()


def test_borrow__interest_beyond_the_cap__no_more_but_repaying(bench):
    cap = 120_000 * bench.one
    bench.do("risk_manager", "set_borrow_cap", "manager", cap)
    bench.do("manager", "borrow", bench.reference.max_borrow("manager"), "manager")
    bench.wait(DAY)
    debt = bench.reference.debt("manager")
    assert debt > cap
    assert bench.read(("maxBorrow(address)", bench.addresses["manager"])) == [0]
    after = bench.reference.debt("manager") + 1
    values = (after, cap)
    bench.refused("manager", "borrow", 1, "manager", error="BorrowCapExceeded", values=values)
    bench.do("manager", "repay", debt)
    bench.audit()


@both_kinds
def test_repay__part__debt_rounded_up_shares_rounded_down(bench, who):
    aged(bench)
    bench.do(who, "borrow", 10_000 * bench.one, who)
    bench.wait(DAY)
    owed = bench.reference.debt(who)
    amount = 3_333 * bench.one + 1
    shares = bench.do(who, "repay", amount)
    assert shares == (amount * RAY // bench.reference.index if who == "manager" else 0)
    rest = bench.reference.debt(who)
    assert rest >= owed - amount, "what is owed never falls by more than was paid"
    assert rest - (owed - amount) <= 2
    bench.audit()


@both_kinds
def test_repay__exact_debt__all_of_it(bench, who):
    aged(bench)
    bench.do(who, "borrow", 10_000 * bench.one + 7, who)
    bench.wait(DAY)
    debt = bench.reference.debt(who)
    values = (debt + 1, debt)
    bench.refused(who, "repay", debt + 1, error="DebtExceeded", values=values)
    bench.do(who, "repay", debt)
    assert bench.reference.debt(who) == 0
    bench.refused(who, "repay", 1, error="DebtExceeded", values=(1, 0))
    bench.audit()


@pytest.mark.parametrize("shares", [1, 2, 999, 10**6 + 1])
def test_repay__exact_debt_of_some_shares__these_shares(bench, shares):
    """`toDebt` of any number of shares repays that number."""
    aged(bench)
    bench.do("manager", "borrow", 10_000 * bench.one, "manager")
    (amount,) = bench.read(("toDebt(uint256)", shares))
    assert bench.do("manager", "repay", amount) == shares


@both_kinds
def test_repay__nothing__refused(bench, who):
    bench.do(who, "borrow", bench.one, who)
    bench.refused(who, "repay", 0, error="ZeroAmount")


@pytest.mark.parametrize("action", ["repay", "write_off"])
def test_reduce__less_than_a_share__none_removed(bench, action):
    """At an index above 1 a unit pays for no share: the lenders keep it, and nobody who has to pay
    a last unit is stopped."""
    aged(bench)
    bench.do("manager", "borrow", bench.one, "manager")
    debt, value = bench.reference.debt("manager"), bench.reference.value
    assert bench.do("manager", action, 1) == 0
    assert bench.reference.debt("manager") == debt
    assert bench.reference.value == value + (action == "repay")
    bench.audit()


@both_kinds
def test_repay__more_tokens_than_one_has__refused(bench, who):
    bench.do(who, "borrow", 100_000 * bench.one, "stranger")
    held = bench.reference.tokens[who]
    call = bench.addresses[who], bench.token, "transfer(address,uint256)"
    assert bench.node.send(*call, bench.addresses["stranger"], held)[0]
    bench.reference._move(who, "stranger", held)
    values = (who, 0, 1_000)
    bench.refused(who, "repay", 1_000, error="ERC20InsufficientBalance", values=values)


def test_borrow__two_managers__each_owes_its_own(bench):
    bench.do("manager", "borrow", 30_000 * bench.one, "manager")
    bench.wait(40 * DAY)
    bench.do("other_manager", "borrow", 30_000 * bench.one, "other_manager")
    bench.wait(40 * DAY)
    bench.audit()
    of_both = bench.reference.debt("manager"), bench.reference.debt("other_manager")
    assert of_both[0] > of_both[1] > 30_000 * bench.one
    assert sum(of_both) - bench.reference.indexed in (0, 1, 2), "lenders count no more than is owed"
    bench.do("manager", "repay", of_both[0])
    assert bench.reference.debt("other_manager") == of_both[1]
    bench.audit()


def test_repay__then_borrow_again__everything_can_go_round(bench):
    bench.do("manager", "borrow", 150_000 * bench.one, "manager")
    for _ in range(3):
        bench.do("manager", "repay", bench.reference.debt("manager"))
        bench.do("manager", "borrow", bench.reference.idle, "manager")
        bench.wait(DAY)
    bench.audit()
