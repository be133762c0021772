"""Expected integers: docs/credit.md in Python, and nothing else.

Written from the document, independent of the contracts and of `prep.model`. Amounts are base units
of an asset, values PREP base units, prices and rates WAD, weights basis points.
"""

from collections.abc import Iterable
from typing import NamedTuple

from tests.expected import ceil, wmul_up

WAD = 10**18
RAY = 10**27
BPS = 10_000
YEAR = 31_536_000
TARGET = 11 * WAD // 10


class Held(NamedTuple):
    """What an account holds and owes in one asset."""

    balance: int
    debt: int
    price: int
    weight: int

    @property
    def value(self) -> int:
        return self.balance * self.price // WAD

    @property
    def owed(self) -> int:
        return wmul_up(self.debt, self.price)


class Exposed(NamedTuple):
    """A position. `pnl`: what closing it would realise in this reading."""

    size: int
    price: int
    pnl: int
    weight: int

    @property
    def notional(self) -> int:
        return abs(self.size) * self.price // WAD


class Health(NamedTuple):
    """In the order of the contract's struct."""

    assets: int
    collateral: int
    owed: int
    debt: int
    pnl: int
    notional: int
    required: int
    equity: int

    @property
    def shortfall(self) -> int:
        return self.required - self.equity

    @property
    def bonus(self) -> int:
        """WAD, from 2 % to 10 %."""
        base = self.debt + self.required
        relative = self.shortfall * WAD // base if base else WAD
        most = WAD // 10
        return 2 * WAD // 100 + 8 * WAD // 100 * min(relative, most) // most

    def close_reward(self, closed: int) -> int:
        """What the liquidator is owed for having closed `closed`, with the reading after it."""
        return min(closed * 25 // BPS, max(0, self.assets + self.pnl - self.owed))


def health(held: Iterable[Held], exposed: Iterable[Exposed] = ()) -> Health:
    held, exposed = list(held), list(exposed)
    collateral = sum(a.value * a.weight // BPS for a in held)
    debt = sum(ceil(a.owed * BPS, a.weight) for a in held if a.debt)
    pnl = sum(p.pnl for p in exposed)
    return Health(
        assets=sum(a.value for a in held),
        collateral=collateral,
        owed=sum(a.owed for a in held),
        debt=debt,
        pnl=pnl,
        notional=sum(p.notional for p in exposed),
        required=sum(ceil(p.notional * (BPS - p.weight), BPS) for p in exposed),
        equity=collateral + pnl - debt,
    )


class Seizure(NamedTuple):
    """What a liquidator pays and gets, of debt and collateral."""

    reward: int
    repaid: int
    seized: int


def seizure(
    h: Health,
    bonus: int,
    due: int,
    prep: int,
    debt: Held,
    collateral: Held,
    max_repay: int,
    supplied: int = 0,
) -> Seizure:
    """Steps 3 and 4, with `h` the reading after positions were closed and debts netted, `due` the
    whole reward and `prep` the PREP balance."""
    reward = min(due, prep)
    rest = min(due - reward, collateral.value)
    balance = collateral.balance - (reward if collateral.weight == BPS else 0)
    weighted = h.collateral - reward - rest * collateral.weight // BPS
    missing = ceil(h.debt * TARGET, WAD) + h.required - weighted - h.pnl
    gain = (
        TARGET * BPS // debt.weight - (WAD + bonus) * collateral.weight // BPS if debt.debt else 1
    )
    x = ceil(missing * WAD, gain) if missing > 0 else 0
    repaid = 0
    if debt.debt:
        repaid = min(debt.debt, ceil(x * WAD, debt.price), max_repay - supplied)
    worth = repaid * debt.price // WAD + supplied
    seized = (worth * (WAD + bonus) // WAD + rest) * WAD // collateral.price
    if seized > balance:
        assert supplied == 0, "CollateralInsufficient"
        seized = balance
        left = balance * collateral.price // WAD - rest
        repaid = min(repaid, ceil(ceil(left * WAD, WAD + bonus) * WAD, debt.price))
    return Seizure(reward, repaid + supplied, seized)


# ------------------------------------------------------------------------------------------ lending


def rate(curve: tuple[int, int, int, int], debt: int, idle: int) -> int:
    """A year, WAD."""
    at_zero, at_kink, at_full, kink = curve
    used = debt * WAD // (debt + idle) if debt else 0
    if used <= kink:
        return at_zero + (at_kink - at_zero) * used // kink
    return at_kink + (at_full - at_kink) * (used - kink) // (WAD - kink)


def index_after(index: int, yearly: int, elapsed: int) -> int:
    x = yearly * 10**9 * elapsed // YEAR
    second = x * x // (2 * RAY)
    third = second * x // (3 * RAY)
    return min(index + index * (x + second + third) // RAY, 2**128 - 1)


def debt_shares(amount: int, index: int) -> int:
    """Taken on by borrowing."""
    return ceil(amount * RAY, index)


def debt_of(shares: int, index: int) -> int:
    return ceil(shares * index, RAY)
