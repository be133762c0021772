"""Margin orders at random: contracts and model take the same ones with the same outcome, refuse the
same ones for the same reason, and keep the same books."""

from collections import Counter

from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from prep.model import Rejected, checks
from tests.desk import Desk
from tests.margin import EIGHTEEN, ISOLATED, KINDS, PLAIN, SIX
from tests.suite import UNLIMITED, WAD

LENGTH = 26
MARKETS = st.sampled_from((ISOLATED, PLAIN, SIX, EIGHTEEN))
ACCOUNTS = st.integers(0, 1)
ANY = st.integers(0, 2**16)
FEW = st.integers(-9, 9)
BOOLEAN = st.booleans()
# Dollars: too few, ordinary, and what the vault, the caps or the depth do not allow.
DOLLARS = st.builds(
    lambda side, scale, per_mille: side * scale * per_mille // 1_000,
    st.sampled_from((-1, 1)),
    st.sampled_from((60_000, 600_000, 9_000, 60_000, 600_000, 2_500_000, 9_000_000, 15)),
    st.integers(500, 1_500),
)
MOVES = st.sampled_from((-500, -200, -100, -50, -10, 0, 10, 50, 100, 200, 500))
CAPS = st.sampled_from((0, 50_000, 400_000, 10**7, 10**7))
RATIOS = st.sampled_from((0, WAD, 10 * WAD, 10 * WAD))
USUALLY = st.sampled_from((True, True, True, True, True, False))
STEPS = [
    *5 * [st.tuples(st.just("order"), MARKETS, ACCOUNTS, DOLLARS, FEW, BOOLEAN)],
    *2 * [st.tuples(st.just("reduce"), ANY, st.integers(1, 2_200), FEW)],
    *2 * [st.tuples(st.just("deleverage"), ANY, st.sampled_from((0, 1, 300, 1_000, UNLIMITED)))],
    *2 * [st.tuples(st.just("move_price"), MARKETS, MOVES, st.sampled_from((0, 1, 80_000)))],
    st.tuples(st.just("close_all"), ACCOUNTS),
    st.tuples(st.just("set_target"), RATIOS),
    st.tuples(st.just("configure"), MARKETS, CAPS, BOOLEAN, USUALLY),
    st.tuples(st.just("register"), USUALLY),
]


class Walk:
    """One desk. Each step is an action, or a refusal of it."""

    def __init__(self, desk: Desk, outcomes: Counter) -> None:
        self.desk, self.outcomes = desk, outcomes

    def step(self, name: str, *args) -> None:
        try:
            getattr(self, name)(*args)
            self.outcomes[name] += 1
        except Rejected as refused:
            self.outcomes[refused.name] += 1
        self.desk.agree()
        problems = checks.all_checks(self.desk.model)
        assert not problems, problems

    def order(self, market: int, account: int, dollars: int, more: int, only: bool) -> None:
        whole = abs(dollars) * WAD * WAD // KINDS[market].price
        size = (whole if dollars > 0 else -whole) + more
        self.desk.order(market, size, account=account, reduce_only=only and more > 0)

    def reduce(self, which: int, per_mille: int, more: int) -> None:
        """A part of what is held, all of it, or a flip."""
        if open_ := self._open():
            market, account = open_[which % len(open_)]
            held = self.desk.position(market, account).size
            self.desk.order(market, -held * per_mille // 1_000 + more, account=account)

    def deleverage(self, which: int, per_mille: int) -> None:
        if open_ := self._open():
            market, account = open_[which % len(open_)]
            size = abs(self.desk.position(market, account).size) * per_mille // 1_000
            self.desk.deleverage(market, min(size, UNLIMITED), account=account)

    def close_all(self, account: int) -> None:
        self.desk.close_all(account=account)

    def move_price(self, market: int, per_mille: int, wait: int) -> None:
        self.desk.wait(wait)
        self.desk.move_price(market, per_mille)

    def set_target(self, ratio: int) -> None:
        self.desk.configure_vault(ratio)

    def configure(self, market: int, cap: int, is_long: bool, enabled: bool) -> None:
        name = "maxLongOIValue" if is_long else "maxShortOIValue"
        self.desk.configure(market, **{name: cap * WAD, "enabled": enabled})

    def register(self, registered: bool) -> None:
        self.desk.register(self.desk.client, registered)

    def _open(self) -> list[tuple]:
        """Markets and accounts with a position."""
        books = enumerate(self.desk.model.margin_positions)
        return [(market, account) for market, book in books for _, account in book]


def test_orders__any_sequence__contracts_and_model_agree(stage, desk, isolated):
    """Some 300 steps, of which all kinds were done and refused for many reasons."""
    outcomes: Counter = Counter()

    @settings(
        max_examples=16,
        deadline=None,
        derandomize=True,
        database=None,
        suppress_health_check=list(HealthCheck),
        # A failing sequence is short enough to read; making it shorter takes minutes.
        phases=(Phase.explicit, Phase.generate),
    )
    @given(st.lists(st.one_of(STEPS), min_size=LENGTH, max_size=LENGTH))
    def walk(steps) -> None:
        with isolated():
            one = Walk(Desk(stage, answered_at=desk.answered_at), outcomes)
            for step in steps:
                one.step(*step)

    walk()
    done = ("order", "reduce", "deleverage", "close_all", "configure")
    assert outcomes.total() >= 300
    assert min(outcomes[what] for what in done) >= 5, outcomes
    assert len(outcomes) >= len(done) + 8, f"refused for few reasons: {outcomes}"
