"""Random walks through a lending vault.

Messages of failed assertions begin with the invariant's id (docs/invariants.md).
"""

import copy
import random
from collections import Counter
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from prep.model import WAD, Rejected
from prep.model.fixed import ceil_div
from prep.model.interest import RAY, BorrowerKind, RateCurve
from prep.model.lending import LendingPool
from prep.model.results import Withdrawn
from tests.property.world import actions, kinds_of, outcome, picture, quick

LENDERS = ("senior", "junior")
INDEXED = ("manager", "desk")
QUOTED = ("controller", "bridge")
CURVES = (
    RateCurve(0, 4 * WAD // 100, 3 * WAD, 8 * WAD // 10),
    RateCurve(10 * WAD, 10 * WAD, 10 * WAD, 1),
    RateCurve(0, 0, 0, WAD - 1),
)


class Lending:
    """A vault and what tokens went in and out of it. `x`, out of 10,000, scales amounts."""

    def __init__(self, unit: int, curve: RateCurve, share: int, period: int) -> None:
        self.pool = LendingPool(0, curve, reserve_share=share, profit_unlock_time=period)
        self.unit = unit
        self.tokens = 0
        self.seen: Counter[str] = Counter()
        for borrower in INDEXED:
            self.pool.register_borrower(borrower, BorrowerKind.INDEXED, 6_000 * unit)
        for borrower in QUOTED:
            self.pool.register_borrower(borrower, BorrowerKind.QUOTED, 3_000 * unit)
        self.deposit(0, 5_000)

    def wait(self, _: int, x: int) -> None:
        self.pool.now += x * x // 100

    def deposit(self, who: int, x: int) -> Any:
        return self._count(self.pool.deposit(LENDERS[who % 2], self.unit * x), 1)

    def mint(self, who: int, x: int) -> Any:
        return self._count(self.pool.mint(LENDERS[who % 2], 10**6 * self.unit * x + who), 1)

    def withdraw(self, who: int, x: int) -> Any:
        most = self.pool.max_withdraw(LENDERS[who % 2])
        return self._count(self.pool.withdraw(LENDERS[who % 2], most * x // 9_000), -1)

    def redeem(self, who: int, x: int) -> Any:
        most = self.pool.max_redeem(LENDERS[who % 2])
        return self._count(self.pool.redeem(LENDERS[who % 2], most * x // 9_000), -1)

    def borrow(self, who: int, x: int) -> Any:
        borrower = (*INDEXED, *QUOTED)[who]
        most = self.pool.max_borrow(borrower)
        return self._count(self.pool.borrow(borrower, most * x // 9_000), -1)

    def repay(self, who: int, x: int) -> Any:
        borrower = (*INDEXED, *QUOTED)[who]
        return self._count(self.pool.repay(borrower, self._part(borrower, x)), 1)

    def repay_dust(self, who: int, x: int) -> Any:
        return self._count(self.pool.repay((*INDEXED, *QUOTED)[who], x % 3), 1)

    def record(self, who: int, x: int) -> Any:
        return self.pool.record_interest(QUOTED[who % 2], self.unit * x // 100 + who)

    def write_off(self, who: int, x: int) -> Any:
        borrower = (*INDEXED, *QUOTED)[who]
        return self.pool.write_off(borrower, self._part(borrower, x))

    def collect(self, _: int, __: int) -> Any:
        result = self.pool.collect_reserves()
        self.tokens -= result.amount
        return result

    def change(self, who: int, x: int) -> None:
        self.pool.set_rate_curve(CURVES[who % 3])
        self.pool.set_reserve_share(WAD // 2 * x // 10_000)
        self.pool.set_profit_unlock_time(x * 60)

    def _part(self, borrower: str, x: int) -> int:
        debt = self.pool.debt_of(borrower)
        return debt if x % 3 == 0 else debt * x // 9_500

    def _count(self, result: Any, sign: int) -> Any:
        self.tokens += sign * result.assets
        return result


KINDS = kinds_of(Lending)


def run(world: Lending, kind: str, who: int, x: int) -> None:
    """One action and everything that must hold after it."""
    pool = world.pool
    check_limits(pool, who)
    before, frozen = copy.deepcopy(pool), photograph(pool)
    result = outcome(getattr(world, kind), who, x)
    world.seen[result.name if isinstance(result, Rejected) else kind] += 1
    if isinstance(result, Rejected):
        assert photograph(pool) == frozen, f"atomicity: {kind} was refused: {result}"
        return
    check_books(world)
    if kind == "wait":
        assert pool.total_assets() >= before.total_assets(), "V1 interest was negative"
        return
    old, new = before.total_assets() + 1, pool.total_assets() + 1
    if kind == "write_off":
        spared = before.reserves() - pool.reserves()
        assert new >= old - result.loss + spared, "M4 more than the loss was lost"
        return
    fell = new * (before.supply + 10**6) < old * (pool.supply + 10**6)
    assert not fell, f"V1 {kind}: the value per share fell"
    if kind == "record":
        assert new - old == (pool.profit_unlock_time == 0) * (
            result.interest - result.interest * pool.reserve_share // WAD
        ), "M4 recorded interest came in at once"
    if kind in ("deposit", "mint"):
        back = copy.deepcopy(pool)
        most = back.max_redeem(LENDERS[who % 2])
        leaving = outcome(back.redeem, LENDERS[who % 2], min(most, result.shares))
        if isinstance(leaving, Withdrawn):
            assert leaving.assets <= result.assets, "V2 more came back"


def photograph(pool: LendingPool) -> dict[str, Any]:
    """All state, to be compared."""
    names = [name for cls in type(pool).__mro__ for name in getattr(cls, "__slots__", ())]
    state = {name: picture(getattr(pool, name)) for name in names}
    state["borrowers"] = {
        name: (it.kind, it.cap, it.shares, it.quoted) for name, it in pool.borrowers.items()
    }
    return state


def check_books(world: Lending) -> None:
    """M4, from the state alone."""
    pool = world.pool
    owed = [pool.borrowers[name] for name in (*INDEXED, *QUOTED)]
    assert pool.idle == world.tokens, "M4 idle tokens are those that came less those that went"
    assert pool.debt_shares == sum(it.shares for it in owed), "M4 debt shares"
    assert pool.quoted == sum(it.quoted for it in owed), "M4 quoted debt"
    index = pool.debt_index()
    assert pool.total_debt()[0] == sum(it.shares for it in owed) * index // RAY, "M4 indexed debt"
    left = max(0, pool.locked_until - pool.now)
    locked = ceil_div(pool.locked * left, pool.locked_until - pool.locked_since) if left else 0
    total = pool.idle + sum(pool.total_debt()) - locked - pool.reserves()
    assert pool.total_assets() == max(0, total), "M4"
    assert sum(pool.debt_of(name) for name in (*INDEXED, *QUOTED)) >= sum(pool.total_debt()), (
        "M4 lenders count more than is owed"
    )
    assert sum(pool.shares.values()) == pool.supply, "M4 shares"
    assert pool.idle >= 0
    assert 0 <= pool.utilisation() <= WAD


def check_limits(pool: LendingPool, who: int) -> None:
    """V3: what is said to be the most goes, and one unit more does not."""
    lender, borrower = LENDERS[who % 2], (*INDEXED, *QUOTED)[who]
    for action, name, most in (
        ("withdraw", lender, pool.max_withdraw(lender)),
        ("redeem", lender, pool.max_redeem(lender)),
        ("borrow", borrower, pool.max_borrow(borrower)),
    ):
        one_more = outcome(getattr(copy.deepcopy(pool), action), name, most + 1)
        assert isinstance(one_more, Rejected), f"V3 {action} takes more than {most}"
        if most:
            result = outcome(getattr(copy.deepcopy(pool), action), name, most)
            assert not isinstance(result, Rejected), f"V3 {action} {most}: {result}"


@st.composite
def vaults(draw: st.DrawFn) -> Lending:
    return Lending(
        draw(st.sampled_from((1, 10**6, 10**18))),
        draw(st.sampled_from(CURVES)),
        draw(st.sampled_from((0, WAD // 7, WAD // 2))),
        draw(st.sampled_from((0, 3_600, 604_800))),
    )


@quick
@given(vaults(), actions(KINDS, 40))
def test_random_walk__any_vault__books_and_limits_are_exact(
    world: Lending, steps: list[tuple[str, int, int]]
) -> None:
    for kind, who, x in steps:
        run(world, kind, who, x)


@quick
@given(
    st.integers(1, 10**30),
    st.integers(RAY, 10**6 * RAY),
    st.integers(1, 10**12),
)
def test_repay__exact_debt_of_any_shares__removes_exactly_these(
    shares: int, index: int, others: int
) -> None:
    pool = LendingPool(0, CURVES[2])
    pool.register_borrower("manager", BorrowerKind.INDEXED, 10**60)
    pool.index, pool.idle = index, 10**59
    pool.borrow("manager", ceil_div((shares + others) * index, RAY))
    assert pool.repay("manager", pool.to_debt(shares)).shares == shares


def test_long_walks__fixed_seeds__reach_every_outcome() -> None:
    seen: Counter[str] = Counter()
    for seed in range(3):
        dice = random.Random(seed)
        world = Lending(10**6, CURVES[0], WAD // 7, 86_400)
        for _ in range(600):
            run(world, dice.choice(KINDS), dice.randrange(4), dice.randrange(10_001))
        seen += world.seen
    expected = {
        *KINDS,
        "ERC4626ExceededMaxWithdraw",
        "ERC4626ExceededMaxRedeem",
        "BorrowCapExceeded",
        "InsufficientLiquidity",
        "ZeroAmount",
    }
    assert not expected - set(seen), expected - set(seen)
