"""Credit accounts, their orders, and trade requests as one block shows them."""

from dataclasses import dataclass
from enum import Enum, IntEnum
from typing import Final

PREP: Final = 0
"""The asset that everything is counted in."""


class Kind(Enum):
    """What an id is of."""

    ACCOUNT = "account"
    ORDER = "order"
    REQUEST = "request"


@dataclass(frozen=True, slots=True)
class CreditId:
    """Of an account, an order, or a request, as the contracts count each."""

    kind: Kind
    number: int

    def __str__(self) -> str:
        return f"{self.kind.value}/{self.number}"


class State(IntEnum):
    """Of an order or a request; the contracts' `OrderState`."""

    WAITING = 0
    READY = 1
    DEAD = 2
    GONE = 3


@dataclass(frozen=True, slots=True)
class Holding:
    """Base units of one asset."""

    asset: int
    balance: int
    debt: int
    """With interest until now, rounded up."""


@dataclass(frozen=True, slots=True)
class Account:
    """One that owes something or has positions."""

    number: int
    holdings: tuple[Holding, ...]
    markets: tuple[int, ...]
    """Where it has positions."""
    shortfall: int | None
    """What it lacks, PREP base units: above 0 it can be liquidated. None: that cannot be known."""
    unknown: str = ""
    """Why: some price is missing."""

    @property
    def id(self) -> CreditId:
        """For people."""
        return CreditId(Kind.ACCOUNT, self.number)

    @property
    def liquidatable(self) -> bool:
        """Whether anyone may liquidate it."""
        return self.shortfall is not None and self.shortfall > 0

    @property
    def nets(self) -> bool:
        """Whether it owes something that it also holds: a liquidation pays one with the other."""
        return any(held.balance and held.debt for held in self.holdings)


@dataclass(frozen=True, slots=True)
class Asset:
    """A token, and what the keeper has of it. Amounts are base units."""

    number: int
    token: str
    """Address with its checksum."""
    price: int | None
    """PREP base units for one base unit, WAD; None when the oracle has no usable one."""
    lent: bool
    """Whether accounts can owe it."""
    balance: int = 0
    allowance: int = 0
    """Of the manager, to take it from the keeper."""


@dataclass(frozen=True, slots=True)
class Chore:
    """An order or a request that can be filled, or removed."""

    id: CreditId
    fill: bool
    """Else: remove."""
    pays: int
    """The keeper, PREP base units."""
    gas: int = 0
    """With which it goes through."""
    refused: str = ""
    """Why it does not."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CreditSnapshot:
    """One block."""

    block: int
    timestamp: int
    """Seconds."""
    gas_price: int
    """Wei per gas, base fee included."""
    keeper: str | None
    """Address with its checksum; None: nobody yet, who has nothing."""
    manager: str
    """Its address, for who reads what to approve."""
    accounts: tuple[Account, ...] = ()
    """Those with something at stake, by number."""
    account_count: int = 0
    """That were ever opened."""
    assets: tuple[Asset, ...] = ()
    """By number; read only if an account can be liquidated."""
    chores: tuple[Chore, ...] = ()
    """Orders first, by number."""
    orders: int = 0
    """That there are."""
    requests: int = 0
    """The same."""
