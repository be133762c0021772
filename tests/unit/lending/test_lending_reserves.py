"""LendingVault.collectReserves: what the treasury gets, and when."""

import pytest

from tests.unit.lending.reference import MAX_ADDRESS, WAD

DAY = 86_400


@pytest.fixture
def earning(bench):
    """A tenth of interest is the treasury's; all but 1,000 is lent for a month."""
    bench.do("admin", "set_treasury", "treasury")
    bench.do("risk_manager", "set_reserve_share", WAD // 10)
    bench.do("manager", "borrow", 149_000 * bench.one, "manager")
    bench.wait(30 * DAY)
    return bench


def test_collect_reserves__enough_idle__all_of_them(earning):
    earning.do("manager", "repay", 100_000 * earning.one)
    reserves, value = earning.reference.reserves, earning.reference.value
    assert reserves > earning.one
    assert earning.do("stranger", "collect_reserves") == reserves
    assert earning.reference.tokens["treasury"] == reserves
    assert earning.reference.value == value, "it was not the lenders'"
    earning.audit()
    earning.refused("stranger", "collect_reserves", error="ZeroAmount")


def test_collect_reserves__less_idle__what_lies_idle(earning):
    idle = earning.reference.idle
    assert idle < earning.reference.reserves
    assert earning.do("stranger", "collect_reserves") == idle
    earning.audit()
    earning.audit_maxima()
    earning.refused("stranger", "collect_reserves", error="ZeroAmount")


def test_collect_reserves__none__refused(bench):
    bench.do("admin", "set_treasury", "treasury")
    bench.refused("stranger", "collect_reserves", error="ZeroAmount")


def test_collect_reserves__no_treasury__refused(bench):
    bench.do("risk_manager", "set_reserve_share", WAD // 10)
    bench.do("manager", "borrow", bench.one * 100_000, "manager")
    bench.wait(30 * DAY)
    values = ("treasury", 0, 1, MAX_ADDRESS)
    bench.refused("stranger", "collect_reserves", error="ParameterOutOfBounds", values=values)


def test_collect_reserves__twice_as_much_interest__split_alike_by_both_kinds(bench):
    bench.do("risk_manager", "set_reserve_share", WAD // 2)
    bench.do("pool", "borrow", bench.one * 10_000, "pool")
    bench.do("pool", "record_interest", 2 * bench.one + 1)
    assert bench.reference.reserves == bench.one, "rounded down: the odd unit is the lenders'"
    bench.audit()
