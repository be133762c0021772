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


class Liquidation(NamedTuple):
    """In the order of the contract's struct."""

    closed: int
    reward: int
    repaid: int
    seized: int
    bonus: int
    bad_debt: int


def liquidation(
    held: dict[int, Held],
    exposed: Iterable[Exposed],
    settled: Iterable[int],
    debt_asset: int,
    collateral_asset: int,
    max_repay: int = 2**256 - 1,
    lendable: int = 2**256 - 1,
) -> tuple[Liquidation, dict[int, tuple[int, int]]]:
    """What the liquidator closes, pays and gets, and what the account has afterwards, by asset.

    `held` has every asset that plays a part, with thresholds; PREP, asset 0, among them.
    `settled`: what closing each position realises. `lendable`: PREP of the lenders. Debt must not
    grow meanwhile.
    """
    held, exposed = dict(held), list(exposed)
    before = health(held.values(), exposed)
    assert before.shortfall > 0, "AccountHealthy"
    skipped, supplied = [], 0
    for position, settlement in zip(exposed, settled, strict=True):
        prep = held[0]
        paid = min(prep.balance, max(0, -settlement))
        borrowed = max(0, -settlement) - paid
        short = max(0, borrowed - lendable)
        if short and (debt_asset != 0 or supplied + short > max_repay):
            skipped.append(position)
            continue
        supplied += short
        lendable -= borrowed - short
        balance = prep.balance - paid + max(0, settlement)
        held[0] = prep._replace(balance=balance, debt=prep.debt + borrowed - short)
    for asset, a in held.items():
        net = min(a.balance, a.debt)
        held[asset] = a._replace(balance=a.balance - net, debt=a.debt - net)

    h = health(held.values(), skipped)
    closed = before.notional - h.notional
    due = h.close_reward(closed)
    reward = min(due, held[0].balance)
    held[0] = held[0]._replace(balance=held[0].balance - reward)
    c, d = held[collateral_asset], held[debt_asset]
    rest = min(due - reward, c.value)
    repaid = 0
    if d.debt:
        counted = h.collateral - reward - rest * c.weight // BPS
        missing = ceil(h.debt * TARGET, WAD) + h.required - counted - h.pnl
        gain = TARGET * BPS // d.weight - (WAD + before.bonus) * c.weight // BPS
        x = ceil(missing * WAD, gain) if missing > 0 else 0
        repaid = min(d.debt, ceil(x * WAD, d.price), max_repay - supplied)
    worth = repaid * d.price // WAD + supplied
    seized = (worth * (WAD + before.bonus) // WAD + rest) * WAD // c.price
    if seized > c.balance:
        assert supplied == 0, "CollateralInsufficient"
        seized = c.balance
        left = c.balance * c.price // WAD - rest
        repaid = min(repaid, ceil(ceil(left * WAD, WAD + before.bonus) * WAD, d.price))
    held[collateral_asset] = c._replace(balance=c.balance - seized)
    d = held[debt_asset]
    held[debt_asset] = d._replace(debt=d.debt - repaid)

    bad_debt = 0
    if not skipped and not any(a.balance for a in held.values()):
        bad_debt = sum(a.owed for a in held.values())
        held = {asset: a._replace(debt=0) for asset, a in held.items()}
    left_over = {asset: (a.balance, a.debt) for asset, a in held.items() if a.balance or a.debt}
    done = Liquidation(closed, reward, repaid + supplied, seized, before.bonus, bad_debt)
    return done, left_over


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
