"""How an account stands. docs/credit.md, "Health". Amounts are PREP base units, prices WAD."""

from collections.abc import Iterable
from typing import NamedTuple

from prep.model.credit_config import BPS
from prep.model.fixed import WAD, ceil_div, mul_div_ceil


class Health(NamedTuple):
    """It stands well if `equity` is at least `required`."""

    assets: int
    """Value of all balances."""
    collateral: int
    """The same, each weighted."""
    owed: int
    """Value of all debts, rounded up."""
    debt: int
    """The same, each divided by the weight of its asset."""
    pnl: int
    """What its positions would realise."""
    notional: int
    """Their value at oracle prices."""
    required: int
    """What its positions need: that value, each weighted, rounded up."""

    @property
    def equity(self) -> int:
        """What stands against `required`."""
        return self.collateral + self.pnl - self.debt

    @property
    def well(self) -> bool:
        """Whether it stands well enough."""
        return self.equity >= self.required


class Stake(NamedTuple):
    """An asset that an account holds or owes. The weight is basis points."""

    balance: int
    debt: int
    price: int
    weight: int


class Held(NamedTuple):
    """A position, by its value at the oracle price and what closing it would realise."""

    notional: int
    pnl: int
    weight: int


def value(balance: int, price: int) -> int:
    """Rounded down."""
    return balance * price // WAD


def owed(debt: int, price: int) -> int:
    """Rounded up."""
    return mul_div_ceil(debt, price, WAD)


def health(stakes: Iterable[Stake], positions: Iterable[Held]) -> Health:
    """All of an account, weighted by one of the two readings."""
    assets = collateral = owes = debt = pnl = notional = required = 0
    for stake in stakes:
        if stake.balance:
            worth = value(stake.balance, stake.price)
            assets += worth
            collateral += worth * stake.weight // BPS
        if stake.debt:
            due = owed(stake.debt, stake.price)
            owes += due
            debt += mul_div_ceil(due, BPS, stake.weight)
    for position in positions:
        pnl += position.pnl
        notional += position.notional
        required += ceil_div(position.notional * (BPS - position.weight), BPS)
    return Health(assets, collateral, owes, debt, pnl, notional, required)
