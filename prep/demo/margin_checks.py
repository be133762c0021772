"""Whether the money of asset-backed positions adds up. Invariants A1 to A4.

Every difference must be zero, to the unit. Amounts are base units of their token.
"""

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from prep.demo.checks import Check, apart
from prep.demo.margin_ledger import POOLS, Key, MarginLedger, Of


@dataclass(frozen=True)
class MarginBalances:
    """What the chain says. By pool and name of the token: `held`, `owed`, and `left`, that
    exchange and lenders may still take. By position: stored hashes and marks. `endings`: how often
    traders and keeper have ended what, as they know; `decimals` by token."""

    held: Mapping[Of, int]
    owed: Mapping[Of, int]
    left: Mapping[Of, int]
    hashes: Mapping[Key, int]
    marks: Mapping[Key, tuple[int, int]]
    settings: Mapping[Of, str | bool]
    endings: Mapping[str, int]
    decimals: Mapping[str, int]


def check_margin(ledger: MarginLedger, chain: MarginBalances) -> tuple[Check, ...]:
    """The ledger against the chain."""
    addresses = {name: address for address, name in ledger.tokens.items()}
    endings = Counter(ended.how for ended in ledger.ended)
    return (
        Check("A1", "Tokens of asset-backed positions unexplained", 0, ledger.unmatched, 0),
        *(
            check
            for of in chain.held
            for check in _of_token(ledger, chain, of, addresses[of[1]], chain.decimals[of[1]])
        ),
        *(
            Check(
                "A2",
                f"{name}: interest of positions, by pools = by lenders",
                ledger.interest[name],
                ledger.recorded[name],
                decimals,
            )
            for name, decimals in chain.decimals.items()
        ),
        *(check for side, long in POOLS.items() for check in _of_pool(ledger, chain, side, long)),
        Check(
            "A3",
            "Positions closed, executed, liquidated, by logs and by who did it",
            0,
            apart(endings, chain.endings),
            0,
        ),
    )


def _of_token(
    ledger: MarginLedger, chain: MarginBalances, of: Of, token: str, decimals: int
) -> Iterator[Check]:
    is_long, name = of
    side = next(side for side, long in POOLS.items() if long == is_long)
    held = chain.held[of]
    expected = ledger.collateral(is_long, token) + ledger.kept[of] + ledger.gifts[of]
    title = f"{name} of {side} = collateral of all positions + payouts kept + gifts"
    yield Check("A1", title, expected, held, decimals)
    yield Check("A1", f"{name} of {side}, by transfers", ledger.held[of], held, decimals)
    title = f"{name} that {side} owes = principal of all positions"
    yield Check("A2", title, ledger.principal(is_long, token), chain.owed[of], decimals)
    yield Check("A4", f"{name} of {side} that others may take", 0, chain.left[of], decimals)


def _of_pool(
    ledger: MarginLedger, chain: MarginBalances, side: str, is_long: bool
) -> Iterator[Check]:
    ours = {key: ledger.hash_of(key) for key in ledger.positions if key[0] == is_long}
    differing = sum(chain.hashes[key] != hash_ for key, hash_ in ours.items())
    yield Check("A3", f"Hashes of the positions of {side}, those that differ", 0, differing, 0)
    marks = [mark for key, mark in chain.marks.items() if key[0] == is_long]
    known = [ledger.marks.get(key, (0, 0)) for key in chain.marks if key[0] == is_long]
    differing = sum(a != b for a, b in zip(marks, known, strict=True))
    yield Check("A3", f"Marks of the positions of {side}, those that differ", 0, differing, 0)
    differing = sum(
        ledger.settings.get(of, False) != value
        for of, value in chain.settings.items()
        if of[0] == is_long
    )
    yield Check("A4", f"Settings of {side} that differ", 0, differing, 0)
