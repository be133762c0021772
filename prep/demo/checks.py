"""Whether the money adds up: the ledger of the logs against what the chain says.

Invariants M1, M2 and M3; M4 and M5 are in `prep.demo.credit_checks`. Every
difference must be zero, to the unit. Amounts are PREP base units.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from prep.demo.ledger import ZERO_ADDRESS, Ledger


@dataclass(frozen=True)
class Balances:
    """What the chain says. By address: `wallets` of people, `contracts` that may hold PREP beside
    vault and protocol, and `collateral`; `cash_flow` by field."""

    wallets: Mapping[str, int]
    contracts: Mapping[str, int]
    collateral: Mapping[str, int]
    vault: int
    protocol: int
    liquidity: int
    net_deposits: int
    fees_unpaid: int
    cash_flow: Mapping[str, int]


@dataclass(frozen=True)
class Check:
    """Two ways to one number. `invariant` is its id, `found` the second way's answer."""

    invariant: str
    title: str
    expected: int
    found: int
    decimals: int = 18

    @property
    def difference(self) -> int:
        return self.found - self.expected


def check(ledger: Ledger, chain: Balances) -> tuple[Check, ...]:
    """The ledger against the chain. All differences must be zero, to the unit."""
    custody = ledger.liquidity + ledger.collateral + ledger.fees_unpaid + ledger.donations
    zero_sum = sum(ledger.results.values())
    known = {who for who in ledger.wallets if who not in (ZERO_ADDRESS, ledger.vault)}
    holders = {**chain.wallets, **chain.contracts}
    held = sum(holders.values()) + chain.vault + chain.protocol
    rows = [
        Check(
            "M1",
            "PREP held by the vault = liquidity + collateral + unpaid fees + gifts",
            custody,
            chain.vault,
        ),
        Check("M1", "PREP held by the protocol contract", 0, chain.protocol),
        Check("M1", "Token movements that no event explains", 0, ledger.unmatched),
        Check(
            "M1",
            "Collateral of all accounts, differences added up",
            0,
            apart({who: a.collateral for who, a in ledger.accounts.items()}, chain.collateral),
        ),
        Check("M2", "Net LP deposits", ledger.net_deposits, chain.net_deposits),
        *(
            Check("M2", f"Cash flow: {name}", amount, chain.cash_flow[name])
            for name, amount in vars(ledger.cash_flow).items()
        ),
        Check("M2", "Liquidity = net LP deposits + cash flow", ledger.liquidity, chain.liquidity),
        Check("M3", "Realised by all of them, added up", 0, zero_sum),
        Check("M3", "Unpaid protocol fees", ledger.fees_unpaid, chain.fees_unpaid),
        Check(
            "M3",
            "PREP of all people and contracts, differences added up",
            0,
            apart({who: ledger.wallets[who] for who in known}, holders),
        ),
        Check(
            "M3",
            "All PREP ever minted = wallets + vault + manager + lending + orders and requests",
            sum(ledger.minted.values()),
            held,
        ),
    ]
    return tuple(rows)


def unexplained(checks: Iterable[Check]) -> int:
    """All money that is not where it should be, PREP base units."""
    return sum(abs(check.difference) for check in checks)


def apart(ours: Mapping[Any, int], theirs: Mapping[Any, int]) -> int:
    """How far two sets of accounts are apart; nothing cancels out."""
    return sum(abs(ours.get(who, 0) - theirs.get(who, 0)) for who in {*ours, *theirs})
