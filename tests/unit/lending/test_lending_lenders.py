"""LendingVault.deposit, mint, withdraw and redeem."""

import pytest

from tests.unit.lending.reference import VIRTUAL

DAY = 86_400


def grown(bench):
    """Shares are no longer worth what they cost: a quarter is lent, and a month has passed."""
    bench.do("manager", "borrow", 37_500 * bench.one + 1, "manager")
    bench.wait(30 * DAY)
    return bench


def test_deposit__empty_vault__a_million_shares_for_a_unit(empty):
    assert empty.do("lender", "deposit", 7 * empty.one + 3, "lender") == (7 * empty.one + 3) * 10**6
    empty.audit()
    empty.audit_maxima()
    assert empty.read(("decimals()",)) == [empty.decimals + 6]


def test_deposit__for_another__shares_rounded_down(bench):
    grown(bench)
    value, supply = bench.reference.value, bench.reference.supply
    assets = 777 * bench.one + 77
    expected = assets * (supply + VIRTUAL) // (value + 1)
    assert expected < assets * 10**6, "shares are dearer than at first"
    assert bench.do("lender", "deposit", assets, "other_lender") == expected
    bench.audit()


def test_mint__interest_accrued__price_rounded_up(bench):
    grown(bench)
    value, supply = bench.reference.value, bench.reference.supply
    shares = 777 * bench.one * 10**6 + 1
    expected = -(-shares * (value + 1) // (supply + VIRTUAL))
    assert shares * (value + 1) % (supply + VIRTUAL), "the rounding shows"
    assert bench.do("lender", "mint", shares, "other_lender") == expected
    bench.audit()


def test_withdraw__interest_accrued__shares_rounded_up(bench):
    grown(bench)
    value, supply = bench.reference.value, bench.reference.supply
    assets = 777 * bench.one + 77
    expected = -(-assets * (supply + VIRTUAL) // (value + 1))
    assert assets * (supply + VIRTUAL) % (value + 1), "the rounding shows"
    assert bench.do("lender", "withdraw", assets, "stranger", "lender") == expected
    bench.audit()


def test_redeem__interest_accrued__assets_rounded_down(bench):
    grown(bench)
    value, supply = bench.reference.value, bench.reference.supply
    shares = 777 * bench.one * 10**6 + 1
    expected = shares * (value + 1) // (supply + VIRTUAL)
    assert bench.do("lender", "redeem", shares, "stranger", "lender") == expected
    bench.audit()


@pytest.mark.parametrize("action", ["deposit", "mint", "withdraw", "redeem"])
def test_action__nothing__refused(bench, action):
    rest = ("lender",) if action in ("deposit", "mint") else ("lender", "lender")
    bench.refused("lender", action, 0, *rest, error="ZeroAmount")


def test_deposit__would_buy_no_share__refused(bench):
    """Shares so dear that a unit of the token buys none of them."""
    bench.do("lender", "redeem", 100_000 * bench.one * 10**6, "lender", "lender")
    bench.do("other_lender", "redeem", 50_000 * bench.one * 10**6 - 1, "lender", "other_lender")
    bench.do("pool", "borrow", 1, "pool")
    bench.do("pool", "record_interest", 10 * bench.one)
    bench.wait(2 * DAY)
    bench.do("stranger", "accrue")
    least = -(-(bench.reference.value + 1) // (bench.reference.supply + VIRTUAL))
    assert least > 1
    bench.refused("lender", "deposit", least - 1, "lender", error="ZeroAmount")
    assert bench.do("lender", "deposit", least, "lender") == 1
    bench.audit()
    bench.audit_maxima()


def test_redeem__worth_nothing__refused(bench):
    """A share is worth a millionth of a unit."""
    bench.refused("lender", "redeem", 10**6 - 1, "lender", "lender", error="ZeroAmount")
    assert bench.do("lender", "redeem", 10**6, "lender", "lender") == 1


@pytest.mark.parametrize("action", ["withdraw", "redeem"])
def test_leave__more_than_one_has__refused(bench, action):
    own = 100_000 * bench.one * (10**6 if action == "redeem" else 1)
    error = f"ERC4626ExceededMax{action.capitalize()}"
    args = ("lender", "lender")
    bench.refused("lender", action, own + 1, *args, error=error, values=("lender", own + 1, own))
    bench.do("lender", action, own, *args)
    bench.audit()


@pytest.mark.parametrize("action", ["withdraw", "redeem"])
def test_leave__more_than_lies_idle__refused(bench, action):
    bench.do("manager", "borrow", 149_999 * bench.one, "manager")
    assert bench.reference.idle == bench.one
    own = bench.one * (10**6 if action == "redeem" else 1)
    # Less than a share's worth of a unit is rounded away in favour of the others.
    most = own + 10**6 - 1 if action == "redeem" else own
    error = f"ERC4626ExceededMax{action.capitalize()}"
    args = ("lender", "lender")
    bench.refused("lender", action, most + 1, *args, error=error, values=("lender", most + 1, most))
    bench.do("lender", action, most, *args)
    assert bench.reference.idle == 0
    bench.audit()
    bench.audit_maxima()


@pytest.mark.parametrize("action", ["withdraw", "redeem"])
def test_leave__for_another_owner__spends_the_allowance(bench, action):
    shares = 1_000 * bench.one * 10**6
    amount = shares if action == "redeem" else 1_000 * bench.one
    args = (amount, "stranger", "lender")
    bench.approve_shares("lender", "stranger", shares - 1)
    values = ("stranger", shares - 1, shares)
    bench.refused("stranger", action, *args, error="ERC20InsufficientAllowance", values=values)
    bench.approve_shares("lender", "stranger", shares)
    bench.do("stranger", action, *args)
    addresses = bench.addresses["lender"], bench.addresses["stranger"]
    assert bench.read(("allowance(address,address)", *addresses)) == [0]
    assert bench.reference.tokens["stranger"] == 1_000 * bench.one
    bench.audit()


def test_deposit__more_tokens_than_one_has__refused(bench):
    held = bench.reference.tokens["lender"]
    values = ("lender", held, held + 1)
    args = (held + 1, "lender")
    bench.refused("lender", "deposit", *args, error="ERC20InsufficientBalance", values=values)


def test_leave__last_lender__nothing_left_but_rounding(bench):
    grown(bench)
    bench.do("manager", "repay", bench.reference.debt("manager"))
    for name in ("lender", "other_lender"):
        bench.do(name, "redeem", bench.reference.shares[name], name, name)
    assert bench.reference.supply == 0
    virtual = bench.reference.value * VIRTUAL // (150_000 * bench.one * 10**6)
    assert bench.reference.value <= virtual + 2, "V2: what the virtual shares earned stays"
    bench.audit()
    bench.audit_maxima()


def test_metadata__deployed__after_the_token(bench18):
    names = bench18.read(("name()",), ("symbol()",), ("asset()",))
    assert names == ["Prep Lending TKN", "plTKN", bench18.token.lower()]
