"""The LPs of a stress test: half of the money stays, the rest comes and goes.

Amounts are PREP base units, shares have 6 decimals more.
"""

import random
from collections.abc import Mapping
from typing import Final

from prep.demo.crowd import Action, Do
from prep.demo.prices import STEPS_PER_HOUR
from prep.model import WAD, System

PATIENT: Final = "LP 1"
RESTLESS: Final = ("LP 2", "LP 3")
NERVOUS: Final = "LP 4"
NAMES: Final = (PATIENT, *RESTLESS, NERVOUS)
BEARABLE: Final = 95 * WAD // 100
"""Share price, compared with the first, below which the nervous one leaves."""
ACTS_EVERY: Final = 24 * STEPS_PER_HOUR
"""Steps between two ideas of a restless one, on average."""


def wealth(liquidity: int) -> dict[str, int]:
    """What each brings: the patient one half, the others a sixth, and the first what is left."""
    sixth = liquidity // 6
    return {PATIENT: liquidity - 3 * sixth} | dict.fromkeys((*RESTLESS, NERVOUS), sixth)


def decide(system: System, wallets: Mapping[str, int], rng: random.Random) -> list[Action]:
    """What the LPs do in a step. Everybody takes out only what the vault lets go."""
    actions = []
    for name in RESTLESS:
        if rng.randrange(ACTS_EVERY) == 0:
            part = rng.randint(1, 4)
            if system.vault.balance_of(name):
                actions += _redeem(system, name, system.vault.balance_of(name) * part // 4)
            elif assets := wallets[name] * part // 4:
                actions.append(Action(name, Do.PROVIDE, assets))
    shares = system.vault.balance_of(NERVOUS)
    # At first a share costs a unit of PREP for 10**6 of its own.
    if shares and system.convert_to_assets(shares) < shares * BEARABLE // WAD // 10**6:
        actions += _redeem(system, NERVOUS, shares)
    return actions


def _redeem(system: System, name: str, shares: int) -> list[Action]:
    allowed = min(shares, system.max_redeem(name))
    return [Action(name, Do.REDEEM, allowed)] if allowed else []
