"""Asset-backed positions from the pools' logs alone, against what tokens moved. Amounts are base
units of their token."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from itertools import groupby
from typing import Any, Final

from prep.demo.ledger import Event
from prep.margin.data import CLOSED, Closing, Position, position_hash, struct_of

POOLS: Final = {"LongPool": True, "ShortPool": False}
"""Whether it is long, by the contract that logs."""
_CHANGES: Final = (
    "PositionOpened",
    "PositionIncreased",
    "PositionClosed",
    "PositionLiquidated",
    "CollateralChanged",
    "InterestRecorded",
)
Key = tuple[bool, int]
"""Whether it is long, and the id."""


@dataclass(frozen=True)
class Entry:
    """The swap that opened a position."""

    quote: int
    base: int


@dataclass(frozen=True)
class Ended:
    """A closing, of the whole or of a part. `how`: closed, order or liquidated."""

    key: Key
    how: str
    closing: Closing
    left: Position


@dataclass
class MarginLedger:
    """All positions, as of the last event. `pools`: addresses by whether they are long; `tokens`:
    names of tokens by address.

    `held`: what a pool has by a token's transfers; `kept`: payouts that wait to be claimed; `paid`
    and `got`: by trader and token, by transfers to and from pools."""

    pools: Mapping[bool, str]
    tokens: Mapping[str, str]
    positions: dict[Key, Position] = field(default_factory=dict)
    entry: dict[Key, Entry] = field(default_factory=dict)
    ended: list[Ended] = field(default_factory=list)
    held: defaultdict[tuple[bool, str], int] = field(default_factory=lambda: defaultdict(int))
    kept: defaultdict[tuple[bool, str], int] = field(default_factory=lambda: defaultdict(int))
    paid: defaultdict[tuple[str, str], int] = field(default_factory=lambda: defaultdict(int))
    got: defaultdict[tuple[str, str], int] = field(default_factory=lambda: defaultdict(int))
    interest: defaultdict[str, int] = field(default_factory=lambda: defaultdict(int))
    bad_debt: defaultdict[str, int] = field(default_factory=lambda: defaultdict(int))
    fees: defaultdict[str, int] = field(default_factory=lambda: defaultdict(int))
    rewards: defaultdict[str, int] = field(default_factory=lambda: defaultdict(int))

    def take(self, events: Iterable[Event]) -> None:
        """Takes in events in the order in which they were logged, whole transactions only."""
        for _, group in groupby(events, key=lambda event: event.transaction):
            logged = list(group)
            ordered = any(event.name == "OrderExecuted" for event in logged)
            for event in logged:
                if event.contract in POOLS:
                    self._of_pool(POOLS[event.contract], event.name, event.args, ordered)
                elif event.name == "Transfer" and event.contract in self.tokens.values():
                    self._transfer(event.contract, event.args)

    def collateral(self, is_long: bool, token: str) -> int:
        """Of all open positions of a pool that hold a token, by address."""
        return sum(
            p.collateral
            for (long, _), p in self.positions.items()
            if long == is_long and (p.base if long else p.quote) == token
        )

    def principal(self, is_long: bool, token: str) -> int:
        """What all open positions of a pool owe of a token."""
        return sum(
            p.principal
            for (long, _), p in self.positions.items()
            if long == is_long and (p.quote if long else p.base) == token
        )

    def hash_of(self, key: Key) -> int:
        """What the pool stores of a position."""
        position = self.positions[key]
        stored = position_hash(position) if position.collateral else CLOSED
        return int.from_bytes(stored)

    def of(self, trader: str) -> tuple[Key, Position] | None:
        """The open position of somebody, who has one at most."""
        found = [(k, p) for k, p in self.positions.items() if p.trader == trader and p.collateral]
        return found[0] if found else None

    def _transfer(self, name: str, args: Mapping[str, Any]) -> None:
        giver, taker, amount = args.values()
        for is_long, pool in self.pools.items():
            if taker == pool:
                self.held[is_long, name] += amount
                self.paid[giver, name] += amount
            if giver == pool:
                self.held[is_long, name] -= amount
                self.got[taker, name] += amount

    def _of_pool(self, is_long: bool, name: str, args: Mapping[str, Any], ordered: bool) -> None:
        if name in _CHANGES:
            position = struct_of(Position, args["position"].values())
            self.positions[is_long, position.id] = position
            owed = self.tokens[position.quote if is_long else position.base]
            quote = self.tokens[position.quote]
            self.interest[owed] += args.get("interest", 0)
        if name in ("PositionOpened", "PositionIncreased"):
            self.fees[quote] += args["fee"]
        if name == "PositionOpened":
            swapped = args["spent"], args["received"]
            self.entry[is_long, position.id] = Entry(*(swapped if is_long else swapped[::-1]))
        if name in ("PositionClosed", "PositionLiquidated"):
            closing = struct_of(Closing, args["closing"].values())
            how = "order" if ordered else "closed"
            how = "liquidated" if name == "PositionLiquidated" else how
            self.ended.append(Ended((is_long, position.id), how, closing, position))
            self.interest[owed] += closing.interest_paid
            self.bad_debt[owed] += closing.bad_debt
            to = self.rewards if how == "liquidated" else self.fees
            to[quote] += closing.fee
        if name == "PayoutKept":
            self.kept[is_long, self.tokens[args["token"]]] += args["amount"]
        if name == "PayoutClaimed":
            self.kept[is_long, self.tokens[args["token"]]] -= args["amount"]
