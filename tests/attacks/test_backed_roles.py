"""Attack: the keys of the guardian and of the risk manager are stolen.

The guardian can stop new risk and nothing else. The risk manager decides what a price is, and so
who is liquidated: within the coded bounds he can take everything, which is why he acts behind a
delay.
"""

import pytest

from prep.node import Reverted
from tests.attacks.backed import BPS, DAY, ceil, check_books, lent, refused, set_terms, terms_of
from tests.attacks.backed_acts import PAIR
from tests.margin_suite import PREP, TERMS
from tests.suite import WAD

GRACE = 600


def test_guardian__stops_new_risk_only(margin, pool, victim, acts):
    """Nothing is opened, increased or taken out: who holds a position adds, closes and exits,
    keepers go on, and only the risk manager ends it."""
    position = margin.typical(pool, victim, PAIR, 3)
    second = margin.typical(pool, victim, PAIR, 3)
    tokens = [margin.tokens[s].address for s in PAIR]
    requests = {k: acts.request(k, victim, position) for k in ("open", "increase", "remove")}
    margin.send(margin.guardian, margin.controller, "disablePair(address,address)", *tokens)
    for kind, request in requests.items():
        with refused("PairIsDisabled", *tokens):
            acts.act(kind, victim, request, position)
    terms = terms_of(margin, PAIR, disabled=False)
    with refused("AccessManagedUnauthorized", margin.guardian.address):
        call = margin.controller, f"setPair(address,address,{TERMS})"
        margin.send(margin.guardian, *call, *tokens, terms)
    position = acts.act("add", victim, acts.request("add", victim, position), position)
    position = acts.act("close", victim, acts.request("close", victim, position), position)
    acts.execute(acts.order(position), victim, position)
    margin.move_market(margin.lender, PAIR, 70 if pool.is_long else 135)
    margin.do(margin.lender, pool, "mark", second)
    acts.wait()
    margin.liquidate(pool, second, 1)
    check_books(margin)


@pytest.mark.parametrize("who", ["guardian", "risk_manager", "executor", "liquidator"])
def test_roles__no_key_moves_tokens_routers_or_vaults(margin, pool, who, rogue, hostile):
    """What would give tokens away at once is the admin's: routers, treasury, borrowers, roles."""
    account = getattr(margin, who)
    vault = margin.lending[PREP]
    calls = (
        (pool, "setRouter(address,bytes4,bool)", hostile.address, b"\1\2\3\4", True),
        (pool, "setTreasury(address)", rogue.address),
        (pool, "addLendingVault(address)", vault.address),
        (vault, "registerBorrower(address,uint8,uint256)", rogue.address, 2, 1),
        (vault, "setTreasury(address)", rogue.address),
    )
    for contract, signature, *args in calls:
        with refused("AccessManagedUnauthorized", account.address):
            margin.send(account, contract, signature, *args)


def test_risk_manager__an_oracle_of_his_own__takes_what_all_positions_hold(
    margin, pool, hostile, victim, project
):
    """With no other key: at a false price everybody is within the threshold, and after the shortest
    grace period his own exchange buys their collateral. The time until then, and the delay before
    his changes, is what others have to stop him."""
    position = margin.typical(pool, victim, PAIR, 2)
    owed = pool.owed(PAIR)
    before = lent(margin, owed)
    false = 10**9 if pool.is_long else 2**100 * WAD
    manager = margin.risk_manager
    oracle = manager.deploy(project.MockOracle, false)
    set_terms(margin, PAIR, oracle=oracle.address)
    margin.send(manager, margin.controller, "setGracePeriod(uint256)", GRACE)
    margin.do(manager, pool, "mark", position)
    start = margin.time() + GRACE
    # A unit of what a short owes is worth more than all that it holds.
    least = ceil(ceil(position.collateral * false, WAD) * (BPS - 300), BPS)
    brought = least if pool.is_long else 1
    hostile.trade(pool, pool.held(PAIR), position.collateral, owed, brought)
    args = position, *hostile.route.values()
    margin.node.at(start - 1)
    with refused("NotMarked", start, start + DAY):
        margin.do(manager, pool, "liquidate_marked", *args)
    margin.node.at(start)
    logs = margin.do(manager, pool, "liquidate_marked", *args)
    closing = margin.closing(logs, "PositionLiquidated")
    assert closing.bad_debt == position.principal - brought
    assert lent(margin, owed) == before - closing.bad_debt
    assert margin.balance(hostile.address, pool.held(PAIR)) >= position.collateral
    check_books(margin)


def test_risk_manager__terms_outside_of_the_bounds__refused(margin):
    """One beyond each: a leverage, a margin, a deviation, and the sum of them."""
    for changes in (
        {"leverage": 10_000},
        {"leverage": 100_001},
        {"maintenance": 99},
        {"maintenance": 5_001},
        {"fee": 501},
        {"deviation": 9},
        {"deviation": 2_001},
        {"leverage": 50_000, "maintenance": 1_700, "deviation": 300},
        {"long": 1},
        {"oracle": "0x" + 40 * "0"},
    ):
        with pytest.raises(Reverted, match=r"OutOfBounds|LeverageTooHigh|CheckOrLimits"):
            set_terms(margin, PAIR, **changes)
    # The last that is allowed: 5 * (16.99 % + 3 %) is less than 1.
    set_terms(margin, PAIR, leverage=50_000, maintenance=1_699, deviation=300)
    with refused("ParameterOutOfBounds"):
        call = margin.controller, "setMaxApy(address,uint256)", margin.tokens[PREP].address
        margin.send(margin.risk_manager, *call, 10 * WAD + 1)
