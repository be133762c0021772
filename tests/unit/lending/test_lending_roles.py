"""What roles set in a lending vault: values, events, bounds, access."""

import pytest

from tests.unit.lending.bench import CURVE, SIGNATURES
from tests.unit.lending.reference import (
    INDEXED,
    MAX_ADDRESS,
    MAX_CAP,
    NOBODY,
    NONE,
    QUOTED,
    WAD,
)

WEEK = 7 * 86_400
OUT = "ParameterOutOfBounds"
CALLS = {
    "register_borrower": ("admin", "other_pool", QUOTED, 5),
    "set_treasury": ("admin", "treasury"),
    "set_borrow_cap": ("risk_manager", "manager", 5),
    "set_rate_curve": ("risk_manager", CURVE),
    "set_reserve_share": ("risk_manager", 5),
    "set_profit_unlock_time": ("risk_manager", 5),
    "disable_borrower": ("guardian", "manager"),
}


@pytest.mark.parametrize("action", CALLS)
@pytest.mark.parametrize("who", ["admin", "risk_manager", "guardian", "stranger", "manager"])
def test_role_function__each_caller__one_role_only(bench18, action, who):
    holder, *args = CALLS[action]
    if who == holder:
        bench18.do(who, action, *args)
        return bench18.audit()
    assert bench18.failure(who, action, *args) == ("AccessManagedUnauthorized", who)
    return None


def test_roles__every_function_that_needs_one__is_tested(bench18, project):
    needed = {
        abi.selector
        for abi in project.LendingVault.contract_type.mutable_methods
        if abi.name.startswith(("set", "register", "disable")) and abi.name != "setAuthority"
    }
    assert needed == {SIGNATURES[action] for action in CALLS}


@pytest.mark.parametrize("kind", [INDEXED, QUOTED], ids=["indexed", "quoted"])
def test_register_borrower__again__cap_only(bench18, kind):
    bench = bench18
    bench.do("admin", "register_borrower", "other_pool", kind, MAX_CAP)
    bench.do("admin", "register_borrower", "other_pool", kind, 7)
    other = INDEXED + QUOTED - kind
    args = ("other_pool", other, 7)
    error, values = "BorrowerKindFixed", ("other_pool", kind)
    bench.refused("admin", "register_borrower", *args, error=error, values=values)
    bench.audit()


def test_register_borrower__without_a_kind__refused(bench18):
    values = ("kind", NONE, INDEXED, QUOTED)
    args = ("other_pool", NONE, 1)
    bench18.refused("admin", "register_borrower", *args, error=OUT, values=values)


def test_register_borrower__zero_address__refused(bench18):
    values = ("borrower", 0, 1, MAX_ADDRESS)
    args = (NOBODY, QUOTED, 1)
    bench18.refused("admin", "register_borrower", *args, error=OUT, values=values)


@pytest.mark.parametrize(
    "who, action, rest",
    [
        ("admin", "register_borrower", ("other_pool", QUOTED)),
        ("risk_manager", "set_borrow_cap", ("manager",)),
    ],
)
def test_cap__largest__one_more_refused(bench18, who, action, rest):
    values = ("cap", MAX_CAP + 1, 0, MAX_CAP)
    bench18.refused(who, action, *rest, MAX_CAP + 1, error=OUT, values=values)
    bench18.do(who, action, *rest, MAX_CAP)
    bench18.audit()


@pytest.mark.parametrize(
    "who, action", [("risk_manager", "set_borrow_cap"), ("guardian", "disable_borrower")]
)
def test_cap__of_nobody__refused(bench18, who, action):
    args = ("other_pool", 1)[: 2 if who == "risk_manager" else 1]
    bench18.refused(who, action, *args, error="NotBorrower", values=("other_pool",))


def test_disable_borrower__with_debt__repays_and_borrows_no_more(bench18):
    bench = bench18
    bench.do("manager", "borrow", 5_000, "manager")
    bench.do("guardian", "disable_borrower", "manager")
    debt = bench.reference.debt("manager")
    assert bench.read(("maxBorrow(address)", bench.addresses["manager"])) == [0]
    failure = bench.failure("manager", "borrow", 1, "manager")
    assert failure == ("BorrowCapExceeded", bench.reference.debt("manager") + 1, 0)
    bench.do("manager", "repay", debt)
    bench.audit()


def test_set_treasury__zero_address__refused(bench18):
    values = ("treasury", 0, 1, MAX_ADDRESS)
    bench18.refused("admin", "set_treasury", NOBODY, error=OUT, values=values)


@pytest.mark.parametrize(
    "action, name, most",
    [
        ("set_reserve_share", "reserveShare", WAD // 2),
        ("set_profit_unlock_time", "profitUnlockTime", WEEK),
    ],
)
def test_parameter__largest_and_none__one_more_refused(bench18, action, name, most):
    values = (name, most + 1, 0, most)
    bench18.refused("risk_manager", action, most + 1, error=OUT, values=values)
    for value in (most, 0):
        bench18.do("risk_manager", action, value)
        bench18.audit()


@pytest.mark.parametrize(
    "curve",
    [(0, 0, 0, 1), (10 * WAD, 10 * WAD, 10 * WAD, WAD - 1), (0, 0, 10 * WAD, WAD // 2)],
    ids=["nothing", "the most", "from nothing to the most"],
)
def test_set_rate_curve__at_the_bounds__stored(bench18, curve):
    bench18.do("risk_manager", "set_rate_curve", curve)
    bench18.do("manager", "borrow", 150_000 * WAD, "manager")
    bench18.audit()
    bench18.wait(86_400)
    bench18.audit()


@pytest.mark.parametrize(
    "curve, values",
    [
        ((0, 0, 10 * WAD + 1, 1), ("atFull", 10 * WAD + 1, 0, 10 * WAD)),
        ((0, 6, 5, 1), ("atKink", 6, 0, 5)),
        ((5, 4, 6, 1), ("atZero", 5, 0, 4)),
        ((0, 1, 2, 0), ("kink", 0, 1, WAD - 1)),
        ((0, 1, 2, WAD), ("kink", WAD, 1, WAD - 1)),
    ],
)
def test_set_rate_curve__out_of_bounds__refused(bench18, curve, values):
    bench18.refused("risk_manager", "set_rate_curve", curve, error=OUT, values=values)


def test_deploy__curve_out_of_bounds__refused(project, admin, authority, create_token, reverts):
    token = create_token()
    bounds = {"value": WAD, "min": 1, "max": WAD - 1}
    parameter = b"kink".ljust(32, b"\0")
    with reverts(project.LendingVault.ParameterOutOfBounds, parameter=parameter, **bounds):
        admin.deploy(project.LendingVault, token, authority, (0, 0, 0, WAD))
