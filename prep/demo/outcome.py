"""What a run of the demonstration leaves behind. Amounts are PREP base units, rates WAD."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from prep.demo.checks import Check, unexplained
from prep.demo.credit_outcome import CreditOutcome
from prep.demo.ledger import Liquidation
from prep.demo.margin_outcome import MarginOutcome
from prep.demo.prices import PricePath

KEEPER: Final = "Keeper"
LPS: Final = ("LP 1", "LP 2")
VIRTUAL_SHARES: Final = 10**6
TRADES: Final = (
    "openPositionWithSize",
    "increasePosition",
    "decreasePosition",
    "closePosition",
)


@dataclass(frozen=True)
class Position:
    """An open position. Size base units of the asset, notional PREP base units, prices and leverage
    WAD."""

    id: int
    trader: str
    size: int
    entry_price: int
    notional: int
    leverage: int


@dataclass(frozen=True)
class Reading:
    """Market and vault at one moment. Price WAD, open interest base units of the asset, the rest
    PREP base units, shares with 24 decimals."""

    timestamp: int
    price: int
    long_oi: int
    short_oi: int
    liquidity: int
    reserves: int
    lower_value: int
    upper_value: int
    shares: int
    positions: tuple[Position, ...]

    def share_price(self, value: int) -> tuple[int, int]:
        """Assets per share at `value`, the lower or the upper, as an exact fraction."""
        return value + 1, self.shares + VIRTUAL_SHARES

    def worth(self, shares: int) -> int:
        """What redeeming shares would pay, rounded down."""
        assets, supply = self.share_price(self.lower_value)
        return shares * assets // supply


@dataclass(frozen=True)
class Sample:
    """A step: after the keeper has worked and before the crowd acts. `bad_debt`: so far."""

    step: int
    reading: Reading
    bad_debt: int

    @property
    def leverages(self) -> list[int]:
        """Of all open positions, ascending."""
        return sorted(p.leverage for p in self.reading.positions)


@dataclass(frozen=True)
class Participant:
    """Somebody's money at the end. `value`: what an LP's shares would pay now, and what tokens of
    the keeper are worth."""

    name: str
    address: str
    brought: int
    wallet: int
    collateral: int
    value: int
    rewards: int

    @property
    def profit(self) -> int:
        """Without what an open position has not realised."""
        return self.wallet + self.collateral + self.value - self.brought


@dataclass(frozen=True)
class Outcome:
    """Everything that happened.

    `liquidations` come with the step in which each happened; `done` counts transactions by
    function, `rejected` by function and error; `results` is what each group has realised.
    """

    path: PricePath
    seed: int
    samples: tuple[Sample, ...]
    liquidations: tuple[tuple[int, Liquidation], ...]
    done: Mapping[str, int]
    rejected: Mapping[str, int]
    participants: tuple[Participant, ...]
    cash_flow: Mapping[str, int]
    protocol_fees: int
    results: Mapping[str, int]
    checks: tuple[Check, ...]
    credit: CreditOutcome
    margin: MarginOutcome

    @property
    def last(self) -> Sample:
        return self.samples[-1]

    @property
    def names(self) -> dict[str, str]:
        """Of participants by address."""
        return {p.address: p.name for p in self.participants}

    @property
    def trades(self) -> int:
        return sum(self.done.get(function, 0) for function in TRADES)

    @property
    def traders(self) -> int:
        return sum(p.name not in (KEEPER, *LPS) for p in self.participants)

    @property
    def rewards(self) -> int:
        return sum(item.reward for _, item in self.liquidations)

    @property
    def lp_profit(self) -> int:
        return sum(p.profit for p in self.participants if p.name in LPS)

    @property
    def fees(self) -> int:
        """All that traders paid in fees: the vault's share and the protocol's."""
        kept = ("openingFee", "closingFee", "borrowingFee")
        return sum(self.cash_flow[name] for name in kept) + self.protocol_fees

    @property
    def unexplained(self) -> int:
        """Money that is not where it should be."""
        return unexplained(self.checks)
