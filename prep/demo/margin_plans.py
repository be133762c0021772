"""The asset-backed positions of the demonstration: who opens which, and what becomes of it when.

A plan is data. Amounts come from a stake in PREP and the prices of the moment, so any path will do;
on the one that is made up by default, one position of each direction wins, loses and is liquidated.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Final

from prep.model.fixed import WAD

QUOTE: Final = "PREP"
BASES: Final = ("WETH", "WBTC")
"""Base tokens of the pairs that are traded, all against PREP."""
ALL: Final = 100


class Do(Enum):
    """What a trader does with the position; the number that goes with it is per cent."""

    ADD = "adds collateral"
    """Of what is held."""
    CLOSE = "closes"
    """Of it."""
    TAKE_PROFIT = "signs a take-profit"
    """Above the price at which it was opened (long), or below (short)."""


@dataclass(frozen=True)
class Plan:
    """One position, opened with `stake` PREP in the part `opens` of the path; `leverage` in basis
    points. `moves`: what is done later, by part."""

    name: str
    plan: str
    is_long: bool
    base: str
    stake: int
    leverage: int
    opens: int
    moves: Mapping[int, tuple[Do, int]]


PLANS: Final = (
    Plan(
        name="Long that is liquidated",
        plan="four times long WETH before the crash, and never looks again",
        is_long=True,
        base="WETH",
        stake=10_000 * WAD,
        leverage=40_000,
        opens=2,
        moves={},
    ),
    Plan(
        name="Long that loses",
        plan="twice long WBTC, adds collateral after the fall, leaves in two steps",
        is_long=True,
        base="WBTC",
        stake=20_000 * WAD,
        leverage=20_000,
        opens=3,
        moves={13: (Do.ADD, 20), 20: (Do.CLOSE, 50), 40: (Do.CLOSE, ALL)},
    ),
    Plan(
        name="Long that wins",
        plan="three times long WBTC after the fall, with a take-profit 5 % above",
        is_long=True,
        base="WBTC",
        stake=10_000 * WAD,
        leverage=30_000,
        opens=15,
        moves={16: (Do.TAKE_PROFIT, 5)},
    ),
    Plan(
        name="Short that wins",
        plan="sells three times its stake of WETH before the crash, buys back at the bottom",
        is_long=False,
        base="WETH",
        stake=10_000 * WAD,
        leverage=30_000,
        opens=4,
        moves={28: (Do.CLOSE, ALL)},
    ),
    Plan(
        name="Short that loses",
        plan="sells twice its stake of WBTC after the fall, buys back dearer",
        is_long=False,
        base="WBTC",
        stake=10_000 * WAD,
        leverage=20_000,
        opens=12,
        moves={24: (Do.CLOSE, ALL)},
    ),
    Plan(
        name="Short that is liquidated",
        plan="sells four times its stake of WETH at the bottom, and never looks again",
        is_long=False,
        base="WETH",
        stake=10_000 * WAD,
        leverage=40_000,
        opens=28,
        moves={},
    ),
)
