"""Random walks through long and short pools. What must hold is computed anew, in fractions.

Messages of failed assertions begin with the invariant's id (docs/invariants.md).
"""

import random
from collections import Counter
from fractions import Fraction
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from prep.model import WAD, Rejected
from prep.model.limits import YEAR
from prep.model.margin import MarginPool, Position
from prep.model.margin.book import CLOSED, TREASURY, Lenders
from prep.model.margin.positions import (
    CollateralChanged,
    InterestRecorded,
    Mark,
    PayoutKept,
    PositionClosed,
    PositionIncreased,
    PositionLiquidated,
    PositionOpened,
)
from tests.property.margin_pool_world import (
    AROUND,
    DAY,
    KINDS,
    LONG_LIMIT,
    SHORT_LIMIT,
    MarginWorld,
    photograph,
)
from tests.property.world import actions, outcome, quick

OF_POOLS = tuple(kind for kind in KINDS if kind not in AROUND)


class Watch:
    """A world, and what its actions must have done."""

    def __init__(self, world: MarginWorld) -> None:
        self.world = world
        self.used: dict[str, list[tuple[int, int]]] = {"long": [], "short": []}
        """When how much of a daily limit was taken, by pool."""
        self.before: dict[int, Position] = {}
        self.marks: dict[int, Mark] = {}

    def run(self, kind: str, who: int, x: int) -> None:
        """One action and everything that must hold after it."""
        world = self.world
        pool = world.pools[x // 7 % 2]
        self.before = {it.id: it for it in pool.open_positions()}
        self.marks = dict(pool.marks)
        frozen, worth = photograph(world), self._worth()
        prepared = kind in ("order", "claim", "liquidate_marked")
        result = outcome(getattr(world, kind), pool, who, x)
        seen = world.seen
        if isinstance(result, Rejected):
            seen[result.name] += 1
            if not prepared:
                assert photograph(world) == frozen, f"atomicity: {kind} was refused: {result}"
            self._check_refusal(result)
            return
        seen[kind] += 1
        if kind in OF_POOLS:
            for move in pool.moves:
                world.paid[move.source, move.token] -= move.amount
                world.paid[move.target, move.token] += move.amount
            lost = Counter[Any]()
            for event in pool.events:
                self._check_event(pool, event)
                seen["PayoutKept"] += isinstance(event, PayoutKept)
                if isinstance(event, PositionLiquidated):
                    lost[pool.owed_token(event.position)] += event.closing.bad_debt
                    seen["bad debt"] += event.closing.bad_debt > 0
            for token, now in self._worth().items():
                assert now >= worth[token] - lost[token], f"A7 {kind}: lenders of {token} lose"
        self._check_books()

    def _worth(self) -> dict[Any, int]:
        return {token: vault.total_assets() for token, vault in self.world.vaults.items()}

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
                if state == CLOSED:
                    assert position_id not in pool.marks, "A3 a closed position has a mark"
                else:
                    assert isinstance(state, Position), "A3"
                    assert state.id == position_id, "A3"
                    assert state.nonce >= 1, "A3"
                    assert min(state.principal, state.collateral) >= 0, "A3"
        assert all(value >= 0 for (who, _), value in paid.items() if who == TREASURY)

    # -------------------------------------------------------------------------------------- events

    def _check_event(self, pool: MarginPool, event: Any) -> None:
        match event:
            case PositionOpened() | PositionIncreased():
                self._check_opening(pool, event)
            case PositionClosed():
                self._check_closing(pool, event)
            case PositionLiquidated():
                self._check_liquidation(pool, event)
            case InterestRecorded():
                self._check_interest(pool, event.id, event.interest, event.position)
            case CollateralChanged() if event.amount < 0:
                self._check_removal(pool, event)

    def _check_interest(
        self, pool: MarginPool, position_id: int, interest: int, after: Position
    ) -> None:
        old = self.before[position_id]
        apy = pool.controller.apys[pool.owed_token(old)]
        elapsed = pool.now - old.last_funding
        most = Fraction(old.principal * apy * elapsed, WAD * YEAR)
        assert interest <= most, "R3 interest is above the highest"
        assert interest > 0 or most < 1, "R3 no interest where there is some"
        charged = interest > 0 or after.collateral > old.collateral
        assert after.last_funding == (pool.now if charged else old.last_funding), "R3 time"

    def _check_opening(self, pool: MarginPool, event: Any) -> None:
        after, terms = event.position, pool.controller.pairs[event.position[2:4]]
        assert pool.stored[event.id] == after, "A3"
        old = self.before.get(event.id)
        interest = 0
        if isinstance(event, PositionIncreased):
            assert old is not None, "A3 nothing was there to increase"
            interest = event.interest
            self._check_interest(pool, event.id, interest, after)
        else:
            assert old is None, "A3 an id was used twice"
        owed, held = (old.principal, old.collateral) if old else (0, 0)
        down = 0 if pool.is_long else event.down_payment
        assert after.principal == owed + interest + event.borrowed
        assert after.collateral == held + event.received + down
        assert after.nonce == (old.nonce if old else 0) + 1
        assert after.collateral > 0, "A3"
        assert after.last_funding == pool.now, "R3 time"

        quote, base = (event.spent, event.received) if pool.is_long else event[:-3:-1]
        own = event.down_payment if pool.is_long else 0
        assert event.borrowed == max(0, event.spent - own), "A2 unused principal was not returned"
        assert 100 * event.fee <= quote, "R3 the fee"
        assert not terms.disabled, "A5 new risk in a disabled pair"
        most = Fraction(event.down_payment * (terms.max_leverage - 10_000 * pool.is_long), 10_000)
        if terms.oracle is None:
            assert (event.borrowed if pool.is_long else event.received) <= most, "R3 leverage"
            self._take(pool, event.borrowed)
            return
        price = Fraction(pool.controller.price(terms.oracle), WAD)
        assert event.borrowed * (1 if pool.is_long else price) <= most, "R3 leverage"
        deviation = Fraction(terms.max_deviation, 10_000)
        if pool.is_long:
            assert quote <= base * price * (1 + deviation), "A5 bought too dear"
        else:
            assert quote >= base * price * (1 - deviation), "A5 sold too cheap"
        equity, value = _at(pool, after, price)
        margin = value * terms.maintenance_margin / 10_000
        assert equity > margin, "A5 born within its threshold"

    def _check_closing(self, pool: MarginPool, event: PositionClosed) -> None:
        old, after, closing = self.before[event.id], event.position, event.closing
        self._check_interest(pool, event.id, closing.interest_paid, after)
        part = Fraction(old.principal * closing.amount, old.collateral)
        assert part <= closing.principal_paid < part + 1, "A2 too little was paid"
        whole = closing.amount == old.collateral
        assert pool.stored[event.id] == (CLOSED if whole else after), "A3"
        assert not whole or after.principal == after.collateral == 0, "A3 something is left"
        assert after.principal == old.principal - closing.principal_paid
        assert after.collateral == old.collateral - closing.amount
        assert after.nonce == old.nonce + 1
        assert closing.bad_debt == 0, "A7 a closing wrote off"
        due = closing.principal_paid + closing.interest_paid
        assert closing.received >= due, "A2 debt was not covered"
        if pool.is_long:
            assert closing.spent == closing.amount
            assert closing.received == due + closing.fee + closing.payout
        else:
            assert closing.amount == closing.spent + closing.fee + closing.payout
        quote = closing.received if pool.is_long else closing.spent
        assert 100 * closing.fee <= quote, "R3 the fee"
        self._check_paid(pool, after.quote, old.trader, closing.payout)

    def _check_liquidation(self, pool: MarginPool, event: PositionLiquidated) -> None:
        old, closing = self.before[event.id], event.closing
        terms = pool.controller.pairs[old.base, old.quote]
        assert pool.stored[event.id] == CLOSED, "A3"
        assert event.position.principal == event.position.collateral == 0, "A3"
        assert closing.principal_paid + closing.bad_debt == old.principal, "A2"
        assert closing.amount == old.collateral
        if closing.bad_debt:
            assert closing.spent == old.collateral, "A7 not all was spent"
            assert closing.received == closing.principal_paid, "A7 lenders did not get it all"
            assert closing.fee == closing.payout == closing.interest_paid == 0, "A7"
        left = closing.received - closing.principal_paid - closing.interest_paid
        quote = left if pool.is_long else old.collateral - closing.spent
        assert closing.fee + closing.payout == quote, "A1"
        value = closing.received if pool.is_long else closing.spent
        assert 10_000 * closing.fee <= value * terms.liquidation_fee, "R4 the fee"
        if terms.oracle is not None:
            price = Fraction(pool.controller.price(terms.oracle), WAD)
            deviation = Fraction(terms.max_deviation, 10_000)
            if pool.is_long:
                assert value >= old.collateral * price * (1 - deviation), "R4 sold too cheap"
            else:
                assert value <= closing.received * price * (1 + deviation), "R4 bought too dear"
        if event.liquidator == "liquidator":
            interest = closing.interest_paid
            owed = old.principal + interest
            margin = Fraction(terms.maintenance_margin, 10_000)
            if pool.is_long:
                equity, worth = Fraction(value - owed), Fraction(value)
            else:
                worth = Fraction(value * owed, max(closing.received, owed))
                equity = old.collateral - worth
            assert equity < margin * worth + 2, "R4 liquidated while well"
        else:
            price = Fraction(pool.controller.price(terms.oracle), WAD)
            equity, worth = _at(pool, old, price)
            assert equity < worth * terms.maintenance_margin / 10_000 + 3, "R4 marked, but well"
            start, until = self.marks[event.id]
            assert start <= pool.now <= until <= start + DAY, "R4 the mark"
        self._check_paid(pool, old.quote, old.trader, closing.payout)
        if not pool.is_long:
            self._check_paid(pool, old.base, old.trader, left)

    def _check_paid(self, pool: MarginPool, token: Any, trader: Any, amount: int) -> None:
        """The trader has it, or his share of the vault, or waits for it."""
        to = {trader, Lenders(token)}
        got = [move.amount for move in pool.moves if (move.token, move.source) == (token, pool.name)
               and move.target in to]  # fmt: skip
        got += [it.amount for it in pool.events if isinstance(it, PayoutKept) and it.token == token]
        assert amount == 0 or amount in got, f"A1 {amount} of {token} went elsewhere: {got}"

    def _check_removal(self, pool: MarginPool, event: CollateralChanged) -> None:
        after, old = event.position, self.before[event.id]
        terms = pool.controller.pairs[after.base, after.quote]
        assert (after.principal, after.last_funding) == (old.principal, old.last_funding)
        assert after.collateral == old.collateral + event.amount > 0
        assert not terms.disabled, "A5 new risk in a disabled pair"
        if terms.oracle is None:
            self._take(pool, -(old.principal * event.amount // old.collateral))
            return
        apy = pool.controller.apys[pool.owed_token(old)]
        interest = old.principal * apy * (pool.now - old.last_funding) // (WAD * YEAR)
        price = Fraction(pool.controller.price(terms.oracle), WAD)
        debt = after._replace(principal=after.principal + interest)
        equity, _ = _at(pool, debt, price)
        most = equity * (terms.max_leverage - 10_000 * pool.is_long) / 10_000
        assert debt.principal * (1 if pool.is_long else price) <= most, "A5 beyond its leverage"

    def _take(self, pool: MarginPool, amount: int) -> None:
        """No window lets more through than the limit and its share of the time."""
        limit = LONG_LIMIT if pool.is_long else SHORT_LIMIT
        taken = self.used[str(pool.name)]
        taken.append((pool.now, amount))
        total = 0
        for at, used in reversed(taken):
            total += used
            assert total <= limit + Fraction(limit * (pool.now - at), DAY), "A6 the daily limit"

    # ------------------------------------------------------------------------------------ refusals

    @staticmethod
    def _check_refusal(refused: Rejected) -> None:
        """What an error says is true."""
        arguments: Any = refused.args
        if refused.name in ("NotLiquidatable", "MarginTooLow", "StillLiquidatable"):
            equity, margin = arguments
            assert (equity > margin) == (refused.name == "NotLiquidatable"), "R4"
        elif refused.name == "DailyLimitExceeded":
            used, limit = arguments
            assert used > limit, "A6"
        elif refused.name == "InvalidInterest":
            interest, most = arguments
            assert interest > most or (interest == 0 < most), "R3"


def _at(pool: MarginPool, it: Position, price: Fraction) -> tuple[Fraction, Fraction]:
    """Equity and value at a price, exactly."""
    if pool.is_long:
        return it.collateral * price - it.principal, it.collateral * price
    return it.collateral - it.principal * price, it.principal * price


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
    for seed in range(5):
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
