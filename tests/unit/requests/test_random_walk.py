"""Requests at random: contracts and model fill, refuse, use up and remove the same ones for the
same reasons, and keep the same books."""

from collections import Counter

from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from prep.model.isolated import TradeKind
from tests.suite import WAD
from tests.two_step import LIFETIME, SCALE, TwoStep
from tests.unit.requests.conftest import LIQUIDITY
from tests.unit.requests.roles import COLLATERAL, DELAY, KEEPER, OTHER, PRICE, TRADER

LENGTH = 24
TRADERS = st.sampled_from((TRADER, OTHER))
ANYONE = st.sampled_from((TRADER, OTHER, KEEPER))
WAITS = st.sampled_from((0, 1, 12, DELAY - 1, DELAY, DELAY, DELAY + 1, 600))
# Of collateral, as leverage in per mille: ordinary, too much, too little.
# Of collateral, as leverage in per mille: ordinary, too much, too little.
LEVERAGES = st.sampled_from((3_000, 900, 9_000, 14_000, 15_500, 5, 0, 10**18))
MOVES = st.sampled_from((0, 10, -10, 40, -40, 300, -300))
LIMITS = st.sampled_from((None, None, None, 1_000, 999, 1_001))
LASTS = st.sampled_from((LIFETIME, 600, DELAY + 12, DELAY, DELAY - 1, LIFETIME + 1))
FEES = st.sampled_from((WAD, WAD, 7 * WAD + 1, 100 * WAD, WAD - 1, 100 * WAD + 1))
SENSIBLE = {
    False: (TradeKind.OPEN_WITH_SIZE, TradeKind.OPEN_WITH_TOKEN),
    True: (TradeKind.INCREASE, TradeKind.DECREASE, TradeKind.CLOSE),
}
ANY = st.integers(0, 8)
KINDS = st.sampled_from(TradeKind)
BOOLEAN = st.booleans()
TERMS = (LEVERAGES, LIMITS, LASTS, FEES, WAITS)
CYCLE = (ANY, BOOLEAN, LIMITS, MOVES, st.booleans())
# Hypothesis takes each with the same weight.
STEPS = [
    *(st.tuples(st.just("cycle"), st.just(actor), *CYCLE) for actor in (TRADER, OTHER) * 2),
    st.tuples(st.just("ask"), TRADERS, ANY, BOOLEAN, LIMITS),
    st.tuples(st.just("request"), TRADERS, KINDS, BOOLEAN, *TERMS),
    st.tuples(st.just("publish"), MOVES, WAITS),
    st.tuples(st.just("execute"), ANYONE, ANY, WAITS),
    st.tuples(st.just("execute_many"), ANYONE, st.lists(ANY, max_size=4), WAITS),
    st.tuples(st.just("remove"), ANYONE, ANY, WAITS),
    st.tuples(st.just("move_collateral"), TRADERS, st.sampled_from((-900, -300, 500)), WAITS),
    st.tuples(st.just("disturb"), st.sampled_from(("gap", "zero", "minus", 0, 1, 3_600)), WAITS),
]


class Walk:
    """One market. Each step is an action, or a refusal of it."""

    def __init__(self, desk: TwoStep, outcomes: Counter) -> None:
        self.desk, self.outcomes = desk, outcomes

    def step(self, name: str, *args) -> None:
        self.desk.refusals.clear()
        self.note(getattr(self, name)(*args))
        self.desk.check()

    def note(self, result) -> None:
        for one in result if isinstance(result, list) else [result]:
            if one is not None:
                self.outcomes[type(one).__name__] += 1
                if reason := getattr(one, "reason", None):
                    self.outcomes[reason.name] += 1
                if hasattr(one, "fee_to_remover"):
                    self.outcomes["to remover" if one.fee_to_remover else "to trader"] += 1
        self.outcomes.update(refusal.name for refusal in self.desk.refusals)

    def ask(self, actor, which, is_long, limit) -> None:
        """For something that will probably be filled, at the next price in time."""
        held = self.desk.model.position(self.desk.actors[actor])
        kinds = SENSIBLE[held.id != 0]
        kind = kinds[which % len(kinds)]
        self.request(actor, kind, is_long, 500 + 300 * which, limit, LIFETIME, WAD, 0)

    def request(self, actor, kind, is_long, leverage, limit, lasts, fee, wait) -> None:
        desk = self.desk
        held = desk.model.position(desk.actors[actor])
        amount = held.collateral * leverage // 1_000
        if kind is TradeKind.OPEN_WITH_TOKEN:
            amount = amount * WAD // (PRICE * SCALE)
        elif kind is TradeKind.DECREASE:
            amount = (held.entry_notional or COLLATERAL) * leverage // 14_000
        acceptable = limit and desk.good_answer * SCALE * limit // 1_000
        made = desk.request(
            actor,
            kind,
            amount,
            is_long=is_long,
            acceptable=acceptable,
            lasts=lasts,
            fee=fee,
            wait=wait,
        )
        self.outcomes["requested"] += made is not None

    def publish(self, per_mille, wait) -> None:
        self.desk.set_answer(wait, self.desk.good_answer * (1_000 + per_mille) // 1_000)

    def cycle(self, actor, which, is_long, limit, per_mille, withdrawn):
        """Asked for, priced, and tried by a keeper who is awake, or after its trader has taken out
        what he can."""
        desk = self.desk
        if desk.delay != DELAY:
            desk.configure(0, minExecutionDelay=DELAY)
        self.ask(actor, which, is_long, limit)
        self.publish(per_mille, desk.delay)
        if withdrawn:
            desk.withdraw(actor, desk.model.position(desk.actors[actor]).collateral * 9 // 10)
        return desk.execute_many(KEEPER, [*desk.requests.requests])

    def execute(self, actor, which, wait):
        return self.desk.execute(actor, self._id(which), wait)

    def execute_many(self, actor, which, wait):
        return self.desk.execute_many(actor, [self._id(i) for i in which], wait)

    def remove(self, actor, which, wait):
        return self.desk.remove(actor, self._id(which), wait)

    def move_collateral(self, actor, per_mille, wait) -> None:
        amount = COLLATERAL * abs(per_mille) // 1_000
        (self.desk.deposit if per_mille > 0 else self.desk.withdraw)(actor, amount, wait)

    def disturb(self, how, wait) -> None:
        """A round that is missing, two without an answer, or another delay."""
        if how == "gap":
            self.desk.set_answer_after_a_gap(wait, self.desk.good_answer)
        elif how in ("zero", "minus"):
            self.desk.set_answer(wait, -(how == "minus"))
        else:
            self.desk.configure(0, minExecutionDelay=how)

    def _id(self, which: int) -> int:
        """Of a request that is left; now and then of another."""
        ids = [*self.desk.requests.requests]
        return ids[which % len(ids)] if ids and which < 8 else which


def test_requests__any_sequence__contracts_and_model_agree(two_step_suite, actors, clock, isolated):
    """Some 300 steps, of which all kinds were done and refused for many reasons."""
    outcomes: Counter = Counter()

    @settings(
        max_examples=14,
        deadline=None,
        derandomize=True,
        database=None,
        suppress_health_check=list(HealthCheck),
        # A failing sequence is short enough to read; making it shorter takes minutes.
        phases=(Phase.explicit, Phase.generate),
    )
    @given(st.lists(st.one_of(STEPS), min_size=LENGTH, max_size=LENGTH), st.booleans())
    def walk(steps, settled) -> None:
        with isolated():
            desk = TwoStep(two_step_suite, actors)
            desk.provide(LIQUIDITY)
            for trader in (TRADER, OTHER):
                desk.deposit(trader, COLLATERAL)
            one = Walk(desk, outcomes)
            for step in steps:
                one.step(*step)
            if settled:
                desk.settle(4 * LIFETIME, 0, PRICE * SCALE)
            for request in list(desk.requests.requests):
                one.note(desk.execute(KEEPER, request, 1))
                one.note(desk.remove(KEEPER, request, 2 * LIFETIME))
            desk.check()
            assert desk.requests.held == 0, "K1: what is left can always be ended"
            assert desk.suite.prep.balanceOf(desk.book) == 0, "K1"

    walk()
    done = ("requested", "TradeFilled", "TradeRefused", "TradeRemoved", "TradeSkipped")
    done += ("to remover", "to trader")
    assert min(outcomes[what] for what in done) >= 5, outcomes
    assert len(outcomes) >= len(done) + 10, f"refused for few reasons: {outcomes}"
