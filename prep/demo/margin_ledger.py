"""Asset-backed positions from logs alone: what pools say of them, against what tokens moved and
what lenders say. Amounts are base units of their token."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from typing import Any, Final

from prep.demo.ledger import Event
from prep.margin.data import CLOSED, Closing, Position, position_hash, struct_of
from prep.model.fixed import WAD, mul_div_ceil

POOLS: Final = {"LongPool": True, "ShortPool": False}
"""Whether it is long, by the contract that logs."""
LENDING: Final = "/lending"
"""How names of contracts that lend a token end."""
TREASURY: Final = "treasury"
AUTHORITY: Final = "authority"
"""Settings of a pool."""
EXCHANGE: Final = "the exchange"
"""Everybody whom no event names."""
Key = tuple[bool, int]
"""Whether it is long, and the id."""
Of = tuple[bool, str]
"""Whether it is the long pool, and a token's name or that of a setting."""


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

    `held`: what a pool has by a token's transfers; `kept`: payouts that wait to be claimed;
    `gifts`: what somebody just sent; `paid` and `got`: by trader and token, by transfers to and
    from pools. `interest`: charged, as pools say, `recorded`: as lenders say; `unmatched`: what
    moved without an event that says so, or the reverse, of all tokens together; `settings`: whom
    pools pay, where they borrow and swap; `marks`: from when and until when they are good."""

    pools: Mapping[bool, str]
    tokens: Mapping[str, str]
    positions: dict[Key, Position] = field(default_factory=dict)
    entry: dict[Key, Entry] = field(default_factory=dict)
    ended: list[Ended] = field(default_factory=list)
    held: defaultdict[Of, int] = field(default_factory=lambda: defaultdict(int))
    kept: defaultdict[Of, int] = field(default_factory=lambda: defaultdict(int))
    gifts: defaultdict[Of, int] = field(default_factory=lambda: defaultdict(int))
    paid: defaultdict[tuple[str, str], int] = field(default_factory=lambda: defaultdict(int))
    got: defaultdict[tuple[str, str], int] = field(default_factory=lambda: defaultdict(int))
    interest: defaultdict[str, int] = field(default_factory=lambda: defaultdict(int))
    recorded: defaultdict[str, int] = field(default_factory=lambda: defaultdict(int))
    bad_debt: defaultdict[str, int] = field(default_factory=lambda: defaultdict(int))
    fees: defaultdict[str, int] = field(default_factory=lambda: defaultdict(int))
    rewards: defaultdict[str, int] = field(default_factory=lambda: defaultdict(int))
    settings: dict[Of, str | bool] = field(default_factory=dict)
    marks: dict[Key, tuple[int, int]] = field(default_factory=dict)
    unmatched: int = 0

    def take(self, events: Iterable[Event]) -> None:
        """Takes in events in the order in which they were logged, whole transactions only."""
        for _, group in groupby(events, key=lambda event: event.transaction):
            _Transaction(self).take(list(group))

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

    def equity(self, key: Key, price: int) -> int:
        """PREP that a position is worth at a price of the base token, PREP for a base unit, WAD,
        without interest that is not recorded: what is held rounded down, what is owed up."""
        p = self.positions[key]
        if key[0]:
            return p.collateral * price // WAD - p.principal
        return p.collateral - mul_div_ceil(p.principal, price, WAD)

    def of(self, trader: str) -> tuple[Key, Position] | None:
        """The open position of somebody, who has one at most."""
        found = [(k, p) for k, p in self.positions.items() if p.trader == trader and p.collateral]
        return found[0] if found else None


class _Transaction:
    """One transaction: what tokens moved into and out of pools and what lenders count, against what
    pools say of it."""

    def __init__(self, ledger: MarginLedger) -> None:
        self._ledger = ledger
        self._moved: defaultdict[tuple[Of, str], int] = defaultdict(int)
        self._claimed: defaultdict[tuple[Of, str], int] = defaultdict(int)
        self._holds: defaultdict[Of, int] = defaultdict(int)
        self._debt: defaultdict[Of, int] = defaultdict(int)
        self._told = False

    def take(self, events: Sequence[Event]) -> None:
        ledger = self._ledger
        ordered = any(event.name == "OrderExecuted" for event in events)
        for event in events:
            if event.contract in POOLS:
                self._told = True
                self._of_pool(POOLS[event.contract], event.name, event.args, ordered)
            elif event.contract.endswith(LENDING):
                self._of_lending(event.contract.removesuffix(LENDING), event.name, event.args)
            elif event.name == "Transfer" and event.contract in ledger.tokens.values():
                self._transfer(event.contract, event.args)
        self._settle()

    def _transfer(self, name: str, args: Mapping[str, Any]) -> None:
        ledger, (giver, taker, amount) = self._ledger, args.values()
        for is_long, pool in ledger.pools.items():
            of = is_long, name
            if taker == pool:
                ledger.held[of] += amount
                ledger.paid[giver, name] += amount
                self._moved[of, giver] += amount
            if giver == pool:
                ledger.held[of] -= amount
                ledger.got[taker, name] += amount
                self._moved[of, taker] -= amount

    def _of_lending(self, token: str, name: str, args: Mapping[str, Any]) -> None:
        """What lenders count of a pool's debt."""
        signs = {"Borrowed": 1, "Repaid": -1, "WrittenOff": -1, "InterestRecorded": 1}
        for is_long, pool in self._ledger.pools.items():
            if name in signs and args["borrower"] == pool:
                self._told = True
                amount = args["interest" if name == "InterestRecorded" else "assets"]
                self._debt[is_long, token] += signs[name] * amount
                if name == "InterestRecorded":
                    self._ledger.recorded[token] += amount

    def _of_pool(self, is_long: bool, name: str, args: Mapping[str, Any], ordered: bool) -> None:
        ledger = self._ledger
        match name:
            case "PositionOpened" | "PositionIncreased":
                position = self._change(is_long, args)
                self._grow(is_long, position, args)
                if name == "PositionOpened":
                    swapped = args["spent"], args["received"]
                    entry = Entry(*(swapped if is_long else swapped[::-1]))
                    ledger.entry[is_long, position.id] = entry
            case "PositionClosed" | "PositionLiquidated":
                how = "order" if ordered else "closed"
                position = self._change(is_long, args)
                self._end(is_long, position, args, "liquidated" if "liquidator" in args else how)
            case "CollateralChanged":
                position = self._change(is_long, args)
                held = position.base if is_long else position.quote
                self._claim(is_long, held, position.trader, args["amount"])
            case "InterestRecorded":
                self._change(is_long, args)
            case "PositionMarked":
                ledger.marks[is_long, args["id"]] = args["from"], args["until"]
            case "PositionUnmarked":
                ledger.marks[is_long, args["id"]] = 0, 0
            case "PayoutKept":
                self._keep(is_long, args["token"], args["trader"], args["amount"])
            case "PayoutClaimed":
                self._keep(is_long, args["token"], args["receiver"], -args["amount"])
            case "TreasurySet":
                ledger.settings[is_long, TREASURY] = args["treasury"]
            case "LendingVaultAdded":
                ledger.settings[is_long, lending_of(args["token"])] = args["vault"]
            case "RouterSet":
                function = function_of(args["router"], args["selector"])
                ledger.settings[is_long, function] = args["allowed"]
            case "AuthorityUpdated":
                ledger.settings[is_long, AUTHORITY] = args["authority"]

    def _change(self, is_long: bool, args: Mapping[str, Any]) -> Position:
        """The position as an event leaves it. Debt changes by what lenders say."""
        ledger = self._ledger
        position = struct_of(Position, args["position"].values())
        before = ledger.positions.get((is_long, position.id))
        owed = ledger.tokens[position.quote if is_long else position.base]
        held = ledger.tokens[position.base if is_long else position.quote]
        self._debt[is_long, owed] -= position.principal - (before.principal if before else 0)
        self._holds[is_long, held] += position.collateral - (before.collateral if before else 0)
        ledger.interest[owed] += args.get("interest", 0)
        ledger.positions[is_long, position.id] = position
        return position

    def _grow(self, is_long: bool, p: Position, args: Mapping[str, Any]) -> None:
        """What the swap has left goes to the lenders, and to the trader only once they have all."""
        owed, held = (p.quote, p.base) if is_long else (p.base, p.quote)
        left = 0 if args["borrowed"] or not is_long else args["downPayment"] - args["spent"]
        self._claim(is_long, p.quote, p.trader, args["downPayment"] + args["fee"])
        self._claim(is_long, p.quote, self._treasury(is_long), -args["fee"])
        self._claim(is_long, owed, self._vault(is_long, owed), args["borrowed"])
        self._claim(is_long, owed, EXCHANGE, -args["spent"])
        self._claim(is_long, held, EXCHANGE, args["received"])
        self._claim(is_long, owed, p.trader, -left)
        self._ledger.fees[self._ledger.tokens[p.quote]] += args["fee"]

    def _end(self, is_long: bool, p: Position, args: Mapping[str, Any], how: str) -> None:
        """What was bought beyond the debt of a short goes to the trader; a long sells all."""
        ledger, closing = self._ledger, struct_of(Closing, args["closing"].values())
        owed, held = (p.quote, p.base) if is_long else (p.base, p.quote)
        due = closing.principal_paid + closing.interest_paid
        earner = args["liquidator"] if how == "liquidated" else self._treasury(is_long)
        self._claim(is_long, held, EXCHANGE, -closing.spent)
        self._claim(is_long, owed, EXCHANGE, closing.received)
        self._claim(is_long, owed, self._vault(is_long, owed), -due)
        self._claim(is_long, p.quote, earner, -closing.fee)
        self._claim(is_long, p.quote, p.trader, -closing.payout)
        if not is_long:
            self._claim(is_long, p.base, p.trader, due - closing.received)
        ledger.ended.append(Ended((is_long, p.id), how, closing, p))
        ledger.interest[ledger.tokens[owed]] += closing.interest_paid
        ledger.bad_debt[ledger.tokens[owed]] += closing.bad_debt
        earned = ledger.rewards if how == "liquidated" else ledger.fees
        earned[ledger.tokens[p.quote]] += closing.fee

    def _keep(self, is_long: bool, token: str, party: str, amount: int) -> None:
        """A payout that was not sent after all; one that now is, if negative."""
        of = is_long, self._ledger.tokens[token]
        self._claim(is_long, token, party, amount)
        self._holds[of] += amount
        self._ledger.kept[of] += amount

    def _claim(self, is_long: bool, token: str, party: str, amount: int) -> None:
        """The pool got this of somebody, or gave it if negative."""
        if amount:
            self._claimed[(is_long, self._ledger.tokens[token]), party] += amount

    def _treasury(self, is_long: bool) -> str:
        return str(self._ledger.settings.get((is_long, TREASURY), ""))

    def _vault(self, is_long: bool, token: str) -> str:
        return str(self._ledger.settings.get((is_long, lending_of(token)), ""))

    def _settle(self) -> None:
        """What moved where nobody says anything is a gift, if it came in."""
        ledger = self._ledger
        net: defaultdict[Of, int] = defaultdict(int)
        for (of, party), amount in self._moved.items():
            net[of] += amount
            self._claimed[of, party if (of, party) in self._claimed else EXCHANGE] -= amount
        if not self._told:
            for of, amount in net.items():
                ledger.gifts[of] += max(0, amount)
                ledger.unmatched += max(0, -amount)
            return
        ledger.unmatched += sum(map(abs, (*self._claimed.values(), *self._debt.values())))
        for of in {*net, *self._holds}:
            ledger.unmatched += abs(net[of] - self._holds[of])


def lending_of(token: str) -> str:
    """The setting where a token is borrowed."""
    return f"lending vault of {token}"


def function_of(router: str, selector: bytes) -> str:
    """The setting whether a function of a router may swap."""
    return f"{selector.hex()} of {router}"
