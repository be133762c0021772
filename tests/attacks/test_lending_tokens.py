"""Attack: tokens that keep a part of what is sent, or block people."""

import pytest

from prep.node import Reverted
from tests.attacks.lenders import with_borrowers
from tests.unit.lending.bench import create_bench

LENT = 100_000 * 10**18


def lent(bench):
    with_borrowers(bench)
    bench.do("lender", "deposit", LENT, "lender")
    bench.do("other_lender", "deposit", LENT, "other_lender")
    bench.do("manager", "borrow", LENT, "manager")
    return bench


@pytest.fixture
def taxed(project, admin, accounts, one_block):
    """The token takes no fee yet."""
    return lent(create_bench(project, admin, accounts, token=admin.deploy(project.FeeToken)))


@pytest.fixture
def blocking(project, admin, accounts, one_block):
    """Nobody is blocked yet."""
    return lent(create_bench(project, admin, accounts, token=admin.deploy(project.BlocklistToken)))


def tell(bench, signature, *args):
    assert bench.node.send(bench.addresses["admin"], bench.token, signature, *args)[0]


@pytest.mark.parametrize("action", ["deposit", "mint", "repay"])
def test_transfer_in__fee_is_taken__refused(taxed, action):
    tell(taxed, "setFee(uint256)", 1)
    amount = 10_000 * (10**6 if action == "mint" else 1)
    who, rest = ("manager", ()) if action == "repay" else ("lender", ("lender",))
    assert taxed.failure(who, action, amount, *rest) == ("TransferFellShort", 9_999, 10_000)
    taxed.audit()


def test_transfer_in__fee_rounds_to_nothing__accepted(taxed):
    tell(taxed, "setFee(uint256)", 1)
    taxed.do("lender", "deposit", 9_999, "lender")
    taxed.audit()


def test_transfer_in__fee_hidden_by_a_donation__refused_all_the_same(taxed):
    """What others have sent does not make up for it."""
    taxed.donate("lender", LENT)
    tell(taxed, "setFee(uint256)", 1)
    answer = taxed.failure("lender", "deposit", 10_000, "lender")
    assert answer == ("TransferFellShort", 9_999, 10_000)


@pytest.mark.parametrize("action", ["withdraw", "redeem", "borrow"])
def test_transfer_out__fee_is_taken__receiver_bears_it(taxed, action):
    """Lenders can leave a token that has turned bad, and the vault counts what it has sent."""
    tell(taxed, "setFee(uint256)", 100)
    who, amount = "lender", 10**18 * (10**6 if action == "redeem" else 1)
    args = (amount, "stranger", "lender")
    if action == "borrow":
        who, args = "manager", (amount, "stranger")
    call = taxed.addresses[who], taxed.vault
    signature = {
        "withdraw": "withdraw(uint256,address,address)",
        "redeem": "redeem(uint256,address,address)",
        "borrow": "borrow(uint256,address)",
    }[action]
    idle = taxed.reference.idle
    assert taxed.node.send(*call, signature, *taxed._addressed(args))[0]
    assert taxed.read(("idle()",)) == [idle - 10**18]
    balance = "balanceOf(address)", taxed.addresses["stranger"]
    assert taxed.node.read((taxed.token, *balance)) == [10**18 * 99 // 100]


def test_lender__blocked_by_the_token__harms_nobody_else(blocking):
    """He can neither come nor go, but give his shares to somebody who can."""
    bench = blocking
    tell(bench, "setBlocked(address,bool)", bench.addresses["lender"], True)
    for action, args in (("redeem", (10**24, "lender", "lender")), ("deposit", (1, "lender"))):
        assert bench.failure("lender", action, *args) == ("Blocked", "lender")
    bench.do(
        "other_lender",
        "redeem",
        bench.reference.max_redeem("other_lender") // 2,
        "other_lender",
        "other_lender",
    )
    bench.do("other_lender", "deposit", 10**18, "other_lender")
    bench.do("manager", "repay", LENT // 2)
    bench.do("manager", "borrow", LENT // 4, "manager")
    bench.audit()
    bench.do("lender", "redeem", 10**24, "stranger", "lender")
    bench.audit()


def test_treasury__blocked_by_the_token__only_it_waits(blocking):
    bench = blocking
    bench.wait(86_400)
    tell(bench, "setBlocked(address,bool)", bench.addresses["treasury"], True)
    assert bench.failure("stranger", "collect_reserves") == ("Blocked", "treasury")
    bench.do("lender", "redeem", 10**24, "lender", "lender")
    bench.do("admin", "set_treasury", "other_pool")
    bench.do("stranger", "collect_reserves")
    bench.audit()


def test_receiver_of_a_loan__blocked__borrower_is_told(blocking):
    bench = blocking
    tell(bench, "setBlocked(address,bool)", bench.addresses["stranger"], True)
    with pytest.raises(Reverted, match="Blocked"):
        bench.node.simulate(
            bench.addresses["manager"],
            bench.vault,
            "borrow(uint256,address)",
            1,
            bench.addresses["stranger"],
        )
    bench.audit()
