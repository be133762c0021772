"""Attack: making a share of a lending vault so dear that the next lender's money rounds away into
the attacker's.

Sent tokens are in no count. What makes shares dearer is interest; of a vault with next to no shares
the attacker has them all.
"""

import pytest

from tests.attacks.lenders import for_one_test, wealth, with_borrowers
from tests.unit.lending.bench import create_bench
from tests.unit.lending.reference import DAY, VIRTUAL

ATTACKER, VICTIM = "lender", "other_lender"


@pytest.fixture(scope="session")
def _bench(project, admin, accounts):
    return create_bench(project, admin, accounts)


@pytest.fixture
def empty(_bench, one_block):
    return with_borrowers(for_one_test(_bench))


@pytest.mark.parametrize("first", [1, 10**6, 10**18])
@pytest.mark.parametrize("donated", [10**18, 10**24])
def test_deposit__tokens_donated_before_it__a_gift_to_nobody(empty, first, donated):
    empty.do(ATTACKER, "deposit", first, ATTACKER)
    empty.donate(ATTACKER, donated)
    before = wealth(empty, VICTIM)
    assert empty.do(VICTIM, "deposit", 10**21 + 7, VICTIM) == (10**21 + 7) * 10**6
    assert wealth(empty, VICTIM) == before, "V2"
    empty.do(ATTACKER, "redeem", empty.reference.shares[ATTACKER], ATTACKER, ATTACKER)
    assert empty.reference.tokens[ATTACKER] <= 10**25 - donated, "V2: the attacker gains"
    empty.audit()


@pytest.mark.parametrize("interest", [10**18, 10**24], ids=["a token", "a million"])
@pytest.mark.parametrize("deposit", [10**18, 10**21 + 7])
def test_deposit__interest_on_a_single_unit__victim_loses_a_shares_rounding(
    empty, interest, deposit
):
    """The attacker lends one unit, and has a borrower who pays any interest for it. Half a million
    times as much of it is the virtual shares' as of a share."""
    empty.do(ATTACKER, "deposit", 1, ATTACKER)
    empty.do("pool", "borrow", 1, "pool")
    empty.do("pool", "record_interest", interest)
    empty.wait(2 * DAY)
    empty.do("pool", "repay", interest + 1)
    shares = empty.reference.supply + VIRTUAL
    price = -(-(empty.reference.value + 1) // shares)
    if deposit < price:
        return empty.refused(VICTIM, "deposit", deposit, VICTIM, error="ZeroAmount")
    attackers, victims = wealth(empty, ATTACKER), wealth(empty, VICTIM)
    empty.do(VICTIM, "deposit", deposit, VICTIM)
    assert victims - price <= wealth(empty, VICTIM) <= victims, "V2: more than a share is lost"
    gained = wealth(empty, ATTACKER) - attackers
    assert gained <= price // 2 + 1, "V2: at most half of it, the rest is the virtual shares'"
    assert gained < interest // 10**6 + 2, "V2: a millionth of what he has lost by then"
    empty.audit()
    return None
