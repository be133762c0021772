"""Attack: a token that calls back while a lending vault moves it.

Whatever it calls is refused, or does what it would have done right after the action; and every view
answers as it will when that has ended.
"""

import pytest
from eth_utils import keccak

from prep.node import Node
from tests.suite import UNLIMITED, WAD

REENTRANT = keccak(text="ReentrancyGuardReentrantCall()")[:4]
UNIT = 10**18
CAP = 10**36
QUOTED = 2

# What moves tokens, called by the token itself: it is lender and borrower in one.
MOVES = {
    "deposit": "deposit(uint256,address)",
    "mint": "mint(uint256,address)",
    "withdraw": "withdraw(uint256,address,address)",
    "redeem": "redeem(uint256,address,address)",
    "borrow": "borrow(uint256,address)",
    "repay": "repay(uint256)",
    "collect": "collectReserves()",
}
# What else changes something, and moves none.
STILL = {
    "record": "recordInterest(uint256)",
    "write off": "writeOff(uint256)",
    "accrue": "accrue()",
    "share": "transfer(address,uint256)",
}

pytestmark = pytest.mark.usefixtures("one_block")


@pytest.fixture(scope="session")
def hostile(project, admin, authority_of_lending, treasury, lp):
    """A vault over the hostile token, which has lent and borrowed, and owes a day of interest to
    somebody else's borrower."""
    token = admin.deploy(project.HostileToken)
    curve = (WAD // 100, WAD // 10, 2 * WAD, 8 * WAD // 10)
    vault = admin.deploy(project.LendingVault, token, authority_of_lending, curve)
    vault.registerBorrower(token, QUOTED, CAP, sender=admin)
    vault.registerBorrower(lp, 1, CAP, sender=admin)
    vault.setReserveShare(WAD // 10, sender=admin)
    vault.setTreasury(treasury, sender=admin)
    for account in (token, lp):
        token.mint(account, 1_000_000 * UNIT, sender=admin)
    token.approve(vault, UNLIMITED, sender=lp)
    vault.deposit(100_000 * UNIT, lp, sender=lp)
    vault.borrow(20_000 * UNIT, lp, sender=lp)
    run(token, admin, token.approve, vault, UNLIMITED)
    run(token, admin, vault.deposit, 100_000 * UNIT, token)
    run(token, admin, vault.borrow, 50_000 * UNIT, token)
    run(token, admin, vault.recordInterest, 1_000 * UNIT)
    return token, vault


@pytest.fixture(scope="session")
def authority_of_lending(project, admin):
    """The admin may do everything."""
    return admin.deploy(project.Authority, admin)


def run(token, admin, method, *args):
    token.run(method.contract, method.encode_input(*args), sender=admin)


def arm(token, admin, calls, afterwards):
    plan = [(method.contract, method.encode_input(*args)) for method, *args in calls]
    token.arm(plan, afterwards, sender=admin)


def call_of(token, vault, name):
    """A method and arguments that succeed."""
    amount, shares = 1_000 * UNIT, 1_000 * UNIT * 10**6
    return {
        "deposit": (vault.deposit, amount, token),
        "mint": (vault.mint, shares, token),
        "withdraw": (vault.withdraw, amount, token, token),
        "redeem": (vault.redeem, shares, token, token),
        "borrow": (vault.borrow, amount, token),
        "repay": (vault.repay, amount),
        "collect": (vault.collectReserves,),
        "record": (vault.recordInterest, amount),
        "write off": (vault.writeOff, amount),
        "accrue": (vault.accrue,),
        "share": (vault.transfer, vault.address, shares),
    }[name]


def views_of(token, vault, lp):
    """Everything about values and limits that others may build upon."""
    return [
        *[(view,) for view in (vault.idle, vault.totalDebt, vault.lockedInterest, vault.reserves)],
        *[(view,) for view in (vault.utilisation, vault.borrowRate, vault.debtIndex)],
        *[(view,) for view in (vault.totalAssets, vault.totalSupply)],
        *[(view, UNIT) for view in (vault.convertToShares, vault.previewDeposit)],
        *[(view, UNIT) for view in (vault.previewWithdraw, vault.toDebt)],
        *[(view, 10**24) for view in (vault.convertToAssets, vault.previewMint)],
        *[
            (view, who)
            for view in (vault.maxDeposit, vault.maxMint, vault.maxWithdraw, vault.maxRedeem)
            for who in (token, lp)
        ],
        *[
            (v, who)
            for v in (vault.debtOf, vault.maxBorrow, vault.balanceOf)
            for who in (token, lp)
        ],
    ]


during = pytest.mark.parametrize("afterwards", [False, True], ids=["before", "after"])


@during
@pytest.mark.parametrize("outer", MOVES)
def test_transfer__views_during_it__as_when_it_has_ended(hostile, admin, lp, outer, afterwards):
    token, vault = hostile
    views = views_of(token, vault, lp)
    arm(token, admin, views, afterwards)
    run(token, admin, *call_of(token, vault, outer))
    seen = token.answers()
    assert len(seen) == len(views)
    arm(token, admin, views, False)
    token.mint(admin, 1, sender=admin)
    for (view, *args), during_it, ended in zip(views, seen, token.answers(), strict=True):
        assert during_it.success
        assert during_it.data == ended.data, f"V1: {view} {args} shows what is not"


@during
@pytest.mark.parametrize("outer", MOVES)
def test_transfer__re_entering_what_moves_tokens__refused(hostile, admin, outer, afterwards):
    token, vault = hostile
    arm(token, admin, [call_of(token, vault, name) for name in MOVES], afterwards)
    run(token, admin, *call_of(token, vault, outer))
    answers = token.answers()
    assert len(answers) == len(MOVES)
    for name, answer in zip(MOVES, answers, strict=True):
        assert not answer.success, f"M6: {name} inside of {outer}"
        assert answer.data == REENTRANT, f"M6: {name} inside of {outer}: {answer.data.hex()}"


@during
@pytest.mark.parametrize("inner", STILL)
@pytest.mark.parametrize("outer", MOVES)
def test_transfer__what_moves_none_inside_of_it__as_right_after_it(
    hostile, admin, lp, chain, isolated, outer, inner, afterwards
):
    token, vault = hostile
    node = Node(chain.provider.uri, vault.contract_type, token.contract_type)

    def state():
        views = [(view.abis[0].selector, *args) for view, *args in views_of(token, vault, lp)]
        plain = [[getattr(arg, "address", arg) for arg in view] for view in views]
        return node.read(
            *((vault.address, *view) for view in plain),
            (token.address, "balanceOf(address)", vault.address),
            (token.address, "balanceOf(address)", token.address),
        )

    with isolated():
        run(token, admin, *call_of(token, vault, outer))
        run(token, admin, *call_of(token, vault, inner))
        one_after_the_other = state()
    arm(token, admin, [call_of(token, vault, inner)], afterwards)
    run(token, admin, *call_of(token, vault, outer))
    (answer,) = token.answers()
    assert answer.success, f"{inner} inside of {outer}: {answer.data.hex()}"
    assert state() == one_after_the_other, f"M6: {inner} inside of {outer}"


def test_functions__of_the_vault__all_are_tried(hostile):
    _, vault = hostile
    roles = ("set", "register", "disable")
    tried = {abi.selector for abi in vault.contract_type.mutable_methods} - {
        "approve(address,uint256)",
        "transferFrom(address,address,uint256)",
    }
    tried = {selector for selector in tried if not selector.startswith(roles)}
    assert tried == {*MOVES.values(), *STILL.values()}
