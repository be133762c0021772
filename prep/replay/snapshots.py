"""Snapshots of the books: what is compared, and how it stands in the files."""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import zip_longest
from pathlib import Path
from typing import Any, Final

from pydantic import TypeAdapter

from prep.replay.fields import Signed, Time
from prep.replay.formats import Strict
from prep.replay.strict import parse

COMPONENTS: Final = ("price_pnl", "opening_fee", "closing_fee", "accrued_funding")
SELDOM: Final = ("borrowing_fee", "bad_debt")
"""In the files only where one of them is not zero."""


Balance = Mapping[str, int]
"""By the names above and `total`, each as its side states it. PREP base units, the vault's view."""
NAMES: Final = (*COMPONENTS, *SELDOM, "total")


@dataclass(frozen=True, slots=True)
class Accounting:
    """Realised cash flow, and the balance with all that is unrealised or only what traders have
    coming."""

    cash_flow: Balance
    balance: Balance
    withdrawal_balance: Balance

    def fields(self) -> Iterator[tuple[str, int]]:
        """Every number by its place in the file."""
        for name in ("cash_flow", "balance", "withdrawal_balance"):
            part: Balance = getattr(self, name)
            for component in NAMES:
                yield f"{name}.{component}", part[component]


@dataclass(frozen=True, slots=True)
class State:
    """The books at one moment."""

    block_time: int
    total: Accounting
    total_withdrawal_balance: int
    markets: Mapping[str, Accounting] = field(default_factory=dict)
    """By denom. Not in the files, but compared: here errors that cancel out show."""

    def fields(self) -> dict[str, int]:
        """What the files have."""
        values = {"block_time": self.block_time}
        values |= {f"accounting.{name}": value for name, value in self.total.fields()}
        return values | {"vault.total_withdrawal_balance": self.total_withdrawal_balance}

    def by_market(self) -> dict[str, int]:
        """What the files do not have."""
        return {
            f"{denom}: {name}": value
            for denom, accounting in self.markets.items()
            for name, value in accounting.fields()
        }


@dataclass(frozen=True, slots=True)
class Difference:
    """Two answers to one question."""

    where: str
    field: str
    sides: tuple[str, str]
    values: tuple[str, str]

    def __str__(self) -> str:
        (left, right), (one, other) = self.sides, self.values
        return f"{self.where}: {self.field}: {left} {one}, {right} {other}"


# -------------------------------------------------------------------------------------------- files


def render(states: Iterable[State]) -> str:
    """The file's text. Key order and number formats are part of the format."""
    return json.dumps([_snapshot(state) for state in states], indent=2) + "\n"


def _snapshot(state: State) -> dict[str, Any]:
    total = state.total
    return {
        "block_time": state.block_time,
        "accounting": {
            "cash_flow": _balance(total.cash_flow),
            "balance": _balance(total.balance),
            "withdrawal_balance": _balance(total.withdrawal_balance),
        },
        "vault": {"total_withdrawal_balance": str(state.total_withdrawal_balance)},
    }


def _balance(balance: Balance) -> dict[str, str]:
    seldom = any(balance[name] for name in SELDOM)
    return {name: str(balance[name]) for name in NAMES if seldom or name not in SELDOM}


class _Balance(Strict):
    price_pnl: Signed
    opening_fee: Signed
    closing_fee: Signed
    accrued_funding: Signed
    borrowing_fee: Signed = 0
    bad_debt: Signed = 0
    total: Signed


class _Accounting(Strict):
    cash_flow: _Balance
    balance: _Balance
    withdrawal_balance: _Balance


class _Vault(Strict):
    total_withdrawal_balance: Signed


class _Snapshot(Strict):
    block_time: Time
    accounting: _Accounting
    vault: _Vault


_FILE: Final = TypeAdapter(list[_Snapshot])


def read_fields(file: Path) -> list[dict[str, int]]:
    """The numbers of a snapshot file made elsewhere, by their places. What stands there as `total`
    is taken as it is."""
    return [dict(_flat(item.model_dump())) for item in parse(file, _FILE)]


def _flat(value: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, int]]:
    for name, item in value.items():
        if isinstance(item, Mapping):
            yield from _flat(item, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}", item


# --------------------------------------------------------------------------------------- comparison


def compare(
    where: str, sides: tuple[str, str], left: Mapping[str, int], right: Mapping[str, int]
) -> list[Difference]:
    """Field by field, in the order of the file."""
    return [
        Difference(where, name, sides, (str(value), str(right[name])))
        for name, value in left.items()
        if value != right[name]
    ]


def compare_lists(
    sides: tuple[str, str], left: Sequence[Mapping[str, int]], right: Sequence[Mapping[str, int]]
) -> list[Difference]:
    """Snapshot by snapshot; one that only one side has differs as a whole."""
    differences = []
    for index, (one, other) in enumerate(zip_longest(left, right)):
        where = f"snapshot {index}"
        if one is None or other is None:
            values = ("has none", "has one") if one is None else ("has one", "has none")
            differences.append(Difference(where, "snapshot", sides, values))
        else:
            differences += compare(where, sides, one, other)
    return differences
