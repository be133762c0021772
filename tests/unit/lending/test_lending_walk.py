"""Random walks: contract and reference do the same, to the last unit, whatever anybody does."""

import random

import pytest

from tests.unit.lending.reference import RAY, WAD

DAY = 86_400
STEPS = 60
ACTIONS = {
    "deposit": 4,
    "mint": 2,
    "withdraw": 2,
    "redeem": 2,
    "borrow": 6,
    "repay": 4,
    "record_interest": 3,
    "write_off": 1,
    "accrue": 1,
    "collect_reserves": 1,
    "set_borrow_cap": 1,
    "set_rate_curve": 1,
    "set_reserve_share": 1,
    "set_profit_unlock_time": 1,
    "disable_borrower": 1,
}
WAITS = (0, 0, 1, 12, 3_600, DAY, 30 * DAY)


def some(dice, bench, most):
    """Mostly a part of the most, often all of it or a unit more, sometimes next to nothing."""
    part = dice.randint(0, max(0, most))
    return dice.choice((part, part, part, most, most + 1, 1, bench.one))


def arguments(dice, bench, action):
    """Who does it, and how much: near every limit, on both sides of it."""
    r = bench.reference
    lender, receiver = (dice.choice(("lender", "other_lender")) for _ in range(2))
    who = dice.choice(("manager", "manager", "other_manager", "pool", "pool", "other_pool"))
    wealth = r.tokens[lender] // 4
    most = {
        "deposit": wealth,
        "mint": r.to_shares(wealth),
        "withdraw": r.max_withdraw(lender),
        "redeem": r.max_redeem(lender),
        "borrow": r.max_borrow(who),
        "repay": min(r.debt(who), r.tokens[who]),
        "record_interest": r.debt(who) // 10,
        "write_off": r.debt(who) // 4,
    }
    if action in ("deposit", "mint"):
        return lender, some(dice, bench, most[action]), receiver
    if action in ("withdraw", "redeem"):
        return lender, some(dice, bench, most[action]), receiver, lender
    if action == "borrow":
        return who, some(dice, bench, most[action]), who
    if action in ("repay", "record_interest", "write_off"):
        return who, some(dice, bench, most[action])
    rates = sorted(dice.randint(0, 10 ** dice.randint(15, 19)) for _ in range(3))
    return {
        "accrue": ("stranger",),
        "collect_reserves": ("stranger",),
        "set_borrow_cap": ("risk_manager", who, dice.randint(0, 200_000) * bench.one),
        "set_rate_curve": ("risk_manager", (*rates, dice.randint(1, WAD - 1))),
        "set_reserve_share": ("risk_manager", dice.randint(0, WAD // 2)),
        "set_profit_unlock_time": ("risk_manager", dice.choice((0, 1, DAY, 7 * DAY))),
        "disable_borrower": ("guardian", who),
    }[action]


@pytest.mark.parametrize("seed", range(3))
def test_walk__random_actions__contract_and_reference_agree(bench, seed):
    dice = random.Random(seed * 100 + bench.decimals)
    bench.do("admin", "set_treasury", "treasury")
    done = dict.fromkeys(ACTIONS, 0)
    for step in range(STEPS):
        if not bench.logged:
            bench.wait(dice.choice(WAITS))
        action = dice.choices(list(ACTIONS), list(ACTIONS.values()))[0]
        who, *args = arguments(dice, bench, action)
        done[action] += bench.attempt(who, action, *args)
        bench.audit()
        if step % 10 == 0:
            bench.audit_maxima()
    assert sum(done.values()) > STEPS // 3, done
    assert sum(count > 0 for count in done.values()) > len(done) // 2, done
    indexed = sum(bench.reference.debt(name) for name in ("manager", "other_manager"))
    assert indexed * RAY >= bench.reference.debt_shares * bench.reference.index
