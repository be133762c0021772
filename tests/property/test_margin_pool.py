"""Random walks through long and short pools. What must hold is computed anew, in fractions.

Messages of failed assertions begin with the invariant's id (docs/invariants.md).
"""

import random
from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from prep.model import WAD, Rejected
from prep.model.margin import Position
from prep.model.margin.book import CLOSED, TREASURY, Lenders
from prep.model.margin.positions import (
    PayoutKept,
    PositionLiquidated,
)
from tests.margin_checks import Witness
from tests.property.margin_pool_world import (
    AROUND,
    DAY,
    KINDS,
    MarginWorld,
    photograph,
)
from tests.property.world import actions, outcome, quick

PREPARED = ("order", "claim", "liquidate_marked")
"""Kinds that do something else before, which stays."""


class Watch:
    """A world, and what its actions must have done."""

    def __init__(self, world: MarginWorld) -> None:
        self.world = world
        self.witnesses = [Witness(pool) for pool in world.pools]

    def run(self, kind: str, who: int, x: int) -> None:
        """One action and everything that must hold after it."""
        world = self.world
        pool, witness = world.pools[x // 7 % 2], self.witnesses[x // 7 % 2]
        frozen = photograph(world)
        witness.look()
        result = outcome(getattr(world, kind), pool, who, x)
        seen = world.seen
        if isinstance(result, Rejected):
            seen[result.name] += 1
            if kind not in PREPARED:
                assert photograph(world) == frozen, f"atomicity: {kind} was refused: {result}"
            witness.check_refusal(result)
            return
        seen[kind] += 1
        if kind not in AROUND:
            for move in pool.moves:
                world.paid[move.source, move.token] -= move.amount
                world.paid[move.target, move.token] += move.amount
            for event in pool.events:
                seen["PayoutKept"] += isinstance(event, PayoutKept)
                if isinstance(event, PositionLiquidated):
                    seen["bad debt"] += event.closing.bad_debt > 0
            witness.check()
        self._check_books()

    # --------------------------------------------------------------------------------------- books

    def _check_books(self) -> None:
        world, paid = self.world, self.world.paid
        for token, vault in world.vaults.items():
            owed_to_all = 0
            for pool in world.pools:
                positions = pool.open_positions()
                held = sum(it.collateral for it in positions if pool.held_token(it) == token)
                kept = sum(v for (_, of), v in pool.claimable.items() if of == token)
                balance = pool.balances.get(token, 0)
                assert balance == held + kept, f"A1 {pool.name} pool's {token}"
                assert balance == paid[pool.name, token], f"A1 moves of {token}"
                owed = sum(it.principal for it in positions if pool.owed_token(it) == token)
                assert vault.debt_of(pool.name) == owed, f"A2 {pool.name} pool's debt of {token}"
                owed_to_all += owed
            assert vault.total_debt() == (0, owed_to_all), "A2"
            assert vault.idle == world.lent[token] + paid[Lenders(token), token], "A2 idle tokens"
            assert sum(v for (_, of), v in paid.items() if of == token) == 0, "A1 money"
        for pool in world.pools:
            for position_id, state in pool.stored.items():
                if state != CLOSED:
                    assert isinstance(state, Position), "A3"
                    assert state.id == position_id, "A3"
                    assert state.nonce >= 1, "A3"
                    assert min(state.principal, state.collateral) >= 0, "A3"
        assert all(value >= 0 for (who, _), value in paid.items() if who == TREASURY)


@quick
@given(st.sampled_from((0, 3_600, DAY)), st.sampled_from((0, WAD // 7)), actions(KINDS, 60))
def test_random_walk__both_pools__books_and_bounds_are_exact(
    unlock: int, share: int, steps: list[tuple[str, int, int]]
) -> None:
    watch = Watch(MarginWorld(unlock, share))
    for kind, who, x in steps:
        watch.run(kind, who, x)


def test_long_walks__fixed_seeds__reach_every_outcome() -> None:
    seen: Counter[str] = Counter()
    for seed in range(10):
        dice = random.Random(seed)
        watch = Watch(MarginWorld())
        for _ in range(1_500):
            kind = dice.choices(KINDS, [WEIGHTS.get(kind, 2) for kind in KINDS])[0]
            watch.run(kind, dice.randrange(4), dice.randrange(10_001))
        seen += watch.world.seen
    assert not EXPECTED - set(seen), EXPECTED - set(seen)


WEIGHTS = {
    "open": 16,
    "increase": 4,
    "close": 3,
    "move": 4,
    "press": 3,
    "mark": 4,
    "wait": 3,
    "liquidate": 4,
}
EXPECTED = {
    *KINDS,
    "AlreadyMarked",
    "AmountTooLarge",
    "AmountTooSmall",
    "BorrowCapExceeded",
    "ConditionNotMet",
    "DailyLimitExceeded",
    "DebtNotCovered",
    "Expired",
    "FeeTooHigh",
    "IdUsed",
    "InsufficientLiquidity",
    "InvalidInterest",
    "ListsDiffer",
    "MarginTooLow",
    "NoCheckPrice",
    "NotLiquidatable",
    "NotMarked",
    "NotOrderOfTrader",
    "NotWrappedEther",
    "OrderIsCancelled",
    "OrderMismatch",
    "PairIsDisabled",
    "PayoutKept",
    "PayoutTooLow",
    "PriceDeviates",
    "PrincipalTooHigh",
    "SaleTooLarge",
    "StillLiquidatable",
    "UnknownPosition",
    "WrongAmountSpent",
    "ZeroAmount",
    "bad debt",
}
