"""Contract and model (`prep.model.lending`) go the same random ways: every outcome, every refusal
with its values, every view."""

import random

import pytest

from prep.model.errors import Rejected
from prep.model.interest import BorrowerKind, RateCurve
from prep.model.lending import LendingPool
from tests.unit.lending.bench import AMOUNTS, BORROWERS, LENDERS
from tests.unit.lending.reference import DAY
from tests.unit.lending.test_lending_walk import ACTIONS, WAITS, arguments

STEPS = 80
ROLES = ("admin", "risk_manager", "guardian", "stranger")


def as_model(bench) -> LendingPool:
    """A model in the state of a vault on which borrowers were registered and nothing else done."""
    r = bench.reference
    pool = LendingPool(bench.deployed_at, RateCurve(*r.curve), profit_unlock_time=DAY)
    for name, borrower in r.borrowers.items():
        pool.register_borrower(name, BorrowerKind(borrower.kind), borrower.cap)
    pool.now = r.now
    return pool


def act(pool, action, who, args):
    """With what the model refuses (else None), and the outcome."""
    if action == "set_rate_curve":
        args = (RateCurve(*args[0]),)
    elif action == "borrow":
        args = args[:1]
    if who not in ROLES:
        args = (who, *args)
    try:
        return None, getattr(pool, action)(*args)
    except Rejected as rejected:
        return (rejected.name, *rejected.args), None


def compare(bench, pool) -> None:
    """Every view, asked of both."""
    calls = {
        ("idle()",): pool.idle,
        ("totalDebt()",): pool.total_debt(),
        ("lockedInterest()",): pool.locked_interest(),
        ("reserves()",): pool.reserves(),
        ("utilisation()",): pool.utilisation(),
        ("borrowRate()",): pool.borrow_rate(),
        ("debtIndex()",): pool.debt_index(),
        ("totalAssets()",): pool.total_assets(),
        ("totalSupply()",): pool.supply,
        ("maxDeposit(address)", "lender"): pool.max_deposit(),
        ("maxMint(address)", "lender"): pool.max_mint(),
    }
    for name in LENDERS:
        calls["balanceOf(address)", name] = pool.balance_of(name)
        calls["maxWithdraw(address)", name] = pool.max_withdraw(name)
        calls["maxRedeem(address)", name] = pool.max_redeem(name)
    for name in BORROWERS:
        calls["debtOf(address)", name] = pool.debt_of(name)
        calls["debtShares(address)", name] = pool.shares_owed(name)
        calls["maxBorrow(address)", name] = pool.max_borrow(name)
    for amount in AMOUNTS:
        calls["previewDeposit(uint256)", amount] = pool.preview_deposit(amount)
        calls["previewMint(uint256)", amount] = pool.preview_mint(amount)
        calls["previewWithdraw(uint256)", amount] = pool.preview_withdraw(amount)
        calls["previewRedeem(uint256)", amount] = pool.preview_redeem(amount)
        calls["toDebt(uint256)", amount] = pool.to_debt(amount)
    answers = dict(zip(calls, bench.read(*calls), strict=True))
    assert answers == calls, {c: (answers[c], calls[c]) for c in calls if answers[c] != calls[c]}


OUTCOMES = {
    "Deposit": ("assets", "shares"),
    "Withdraw": ("assets", "shares"),
    "Borrowed": ("assets", "shares", "debt"),
    "Repaid": ("assets", "shares", "debt"),
    "InterestRecorded": ("interest", "debt", "locked"),
    "WrittenOff": ("assets", "shares", "debt", "loss"),
    "ReservesCollected": ("amount", "reserves"),
}
"""The last values of events."""


@pytest.mark.parametrize("seed", range(4))
def test_walk__random_actions__contract_and_model_agree(empty, seed):
    bench, dice = empty, random.Random(1_000 + seed * 100 + empty.decimals)
    pool = as_model(bench)
    compare(bench, pool)
    bench.do("admin", "set_treasury", "treasury")
    done = 0
    for _ in range(STEPS):
        if not bench.logged:
            bench.wait(dice.choice(WAITS))
            pool.now = bench.reference.now
        action = dice.choices(list(ACTIONS), list(ACTIONS.values()))[0]
        who, *args = arguments(dice, bench, action)
        expected = bench.reference.refusal(who, action, *args)
        if expected and expected[0] == "ERC20InsufficientBalance":
            continue  # Wallets are not the model's.
        refused, outcome = act(pool, action, who, args)
        assert refused == expected, f"{action}{args}"
        done += bench.attempt(who, action, *args)
        for name, *values in bench.last if refused is None else ():
            if name in OUTCOMES:
                of_model = [getattr(outcome, field) for field in OUTCOMES[name]]
                assert values[-len(of_model) :] == of_model, f"{action}{args}"
        compare(bench, pool)
    assert done > STEPS // 3
