"""The traders and LPs of the demonstration: who they are, and what each does next.

Everything is a function of the seed and of what is on chain. Amounts are PREP base units, leverage
WAD, times steps of the price path.
"""

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import Enum, StrEnum
from typing import Final

from prep.demo.outcome import LPS
from prep.model.fixed import WAD

FIRST_DEPOSIT: Final = 1_500_000 * WAD
SECOND_DEPOSIT: Final = 500_000 * WAD
ROUND: Final = 10 * WAD
"""Notionals are multiples of it."""
STAKES: Final = (1_000, 2_000, 3_000, 5_000, 8_000, 13_000, 21_000, 34_000)
"""Whole PREP."""
TIGHT: Final = 18 * WAD
"""Leverage at which owners begin to worry."""


class Do(StrEnum):
    """An action, named like the contract's function."""

    ADD_COLLATERAL = "depositCollateral"
    TAKE_COLLATERAL = "withdrawCollateral"
    OPEN = "openPositionWithSize"
    INCREASE = "increasePosition"
    DECREASE = "decreasePosition"
    CLOSE = "closePosition"
    PROVIDE = "deposit"
    REDEEM = "redeem"


@dataclass(frozen=True)
class Action:
    """What somebody wants to do. `amount` is a collateral, a notional, an LP's assets or shares."""

    actor: str
    do: Do
    amount: int = 0
    is_long: bool = False

    @property
    def arguments(self) -> tuple[int | bool, ...]:
        """As the contract's function takes them."""
        if self.do is Do.OPEN:
            return self.amount, self.is_long
        return () if self.do is Do.CLOSE else (self.amount,)


class Temper(Enum):
    """How a trader reacts."""

    PATIENT = "holds, and tops up when it gets tight"
    FOLLOWER = "adds to what wins, cuts what loses"
    BARGAINER = "adds to what loses"
    GAMBLER = "takes out what it can, comes back after a liquidation with all that is left"


@dataclass(frozen=True)
class Trader:
    """A member of the crowd. `stake` is the collateral of one attempt, `wealth` all it brings."""

    name: str
    temper: Temper
    is_long: bool
    stake: int
    wealth: int
    leverage: int
    arrives: int

    @property
    def most(self) -> int:
        """The largest notional, whatever has been won: or one would become the market."""
        return 2 * self.stake * self.leverage // WAD


@dataclass(frozen=True)
class Holding:
    """What a trader has: outside, as collateral, and as a position (zeros without one)."""

    wallet: int
    collateral: int
    notional: int = 0
    leverage: int = 0
    winning: bool = False


def recruit(seed: int, count: int, steps: int) -> tuple[Trader, ...]:
    """`count` traders who arrive in the first eighth of the path. The market leans long: three of
    ten are short, and the largest stakes are not among them."""
    rng = random.Random(f"crowd {seed}")
    tempers = list(Temper)
    crowd = []
    for i in range(count):
        is_long = i % 10 not in (2, 5, 8)
        stake = rng.choice(STAKES if is_long else STAKES[:-2]) * WAD
        crowd.append(
            Trader(
                name=f"Trader {i + 1:02}",
                temper=tempers[i % len(tempers)],
                is_long=is_long,
                stake=stake,
                wealth=4 * stake,
                leverage=rng.randint(20, 150) * WAD // 10,
                arrives=rng.randrange(max(1, steps // 8)),
            )
        )
    return tuple(crowd)


def lp_wealth() -> dict[str, int]:
    """PREP that each LP brings."""
    return dict(zip(LPS, (FIRST_DEPOSIT, SECOND_DEPOSIT), strict=True))


def lp_actions(step: int, steps: int, shares: Mapping[str, int]) -> list[Action]:
    """One LP from the start; in the middle another joins; later the first takes a quarter out."""
    first, second = LPS
    if step == steps // 2:
        return [Action(second, Do.PROVIDE, SECOND_DEPOSIT)]
    if step == steps * 3 // 4:
        return [Action(first, Do.REDEEM, shares[first] // 4)]
    return []


def decide(
    crowd: Sequence[Trader], holdings: Mapping[str, Holding], step: int, rng: random.Random
) -> list[Action]:
    """What the crowd does in a step, in order. `rng` is the only source of chance."""
    actions: list[Action] = []
    for trader in crowd:
        if step < trader.arrives:
            continue
        holding = holdings[trader.name]
        if holding.notional:
            actions += _manage(trader, holding, rng)
        elif step == trader.arrives or rng.randrange(24) == 0:
            actions += _enter(trader, holding, rng)
    return actions


def _enter(trader: Trader, holding: Holding, rng: random.Random) -> list[Action]:
    """Opens with a fresh stake, and with what an earlier attempt has left."""
    again = holding.wallet + holding.collateral != trader.wealth
    all_in = again and trader.temper is Temper.GAMBLER
    stake = holding.wallet if all_in else min(holding.wallet, trader.stake)
    backing = holding.collateral + stake
    notional = min(backing * trader.leverage // WAD, trader.most) // ROUND * ROUND
    if notional < ROUND:
        return []
    # Most stay with their view of the market, some have been convinced of the opposite.
    turned = again and rng.randrange(4) == 0
    actions = [Action(trader.name, Do.ADD_COLLATERAL, stake)] if stake else []
    return [*actions, Action(trader.name, Do.OPEN, notional, trader.is_long != turned)]


def _manage(trader: Trader, holding: Holding, rng: random.Random) -> list[Action]:
    """What an open position moves its owner to do, every few hours or when it gets tight."""
    tight = holding.leverage > TIGHT
    if rng.randrange(4 if tight else 32):
        return []

    def act(do: Do, amount: int = 0) -> list[Action]:
        return [Action(trader.name, do, amount)] if amount or do is Do.CLOSE else []

    def add(amount: int) -> list[Action]:
        room = max(0, trader.most - holding.notional)
        return act(Do.INCREASE, min(amount, room) // ROUND * ROUND)

    match trader.temper:
        case Temper.PATIENT if tight:
            return act(Do.ADD_COLLATERAL, min(holding.wallet, trader.stake // 2))
        case Temper.PATIENT if holding.winning:
            return act(Do.CLOSE) if rng.randrange(2) == 0 else []
        case Temper.FOLLOWER if holding.winning:
            return add(holding.notional // 4)
        case Temper.FOLLOWER if tight:
            return act(Do.CLOSE)
        case Temper.FOLLOWER:
            return act(Do.DECREASE, holding.notional // 3)
        case Temper.BARGAINER if holding.winning:
            return act(Do.DECREASE, holding.notional // 2)
        case Temper.BARGAINER:
            return add(holding.notional // 2)
        case Temper.GAMBLER if holding.winning:
            return act(Do.TAKE_COLLATERAL, holding.collateral // 3)
    return []
