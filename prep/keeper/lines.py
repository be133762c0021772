"""What log lines of all kinds have in common."""

from collections.abc import Iterable
from logging import DEBUG, INFO, WARNING
from typing import Final

from prep.deploy.values import PREP_DECIMALS, unscaled
from prep.keeper.decide import Skipped
from prep.keeper.log import log
from prep.keeper.section import Transaction

_NATIVE_DECIMALS: Final = 18


def prep(amount: int) -> str:
    """PREP in whole units, exactly."""
    return unscaled(amount, PREP_DECIMALS)


def native(wei: int) -> str:
    """Native tokens in whole units, exactly."""
    return unscaled(wei, _NATIVE_DECIMALS)


def gas(mined: Transaction) -> dict[str, object]:
    """What it took, and which one it was."""
    return {"gas": mined.gas_used, "gas_cost": native(mined.gas_cost), "tx": mined.transaction}


class LeftAlone:
    """Says who is left alone and why: once while it lasts."""

    def __init__(self) -> None:
        self._known: set[object] = set()

    def say(self, several: Iterable[Skipped]) -> None:
        """Again what was said before only to those who want to know all."""
        for skipped in several:
            level = DEBUG if skipped.id in self._known else INFO
            log(level, "skipped", id=skipped.id, reason=skipped.reason)

    def remember(self, several: Iterable[Skipped]) -> None:
        """Those of a round that was not cut short."""
        self._known = {skipped.id for skipped in several}


class Interruption:
    """Says that something failed: once while the reason stays the same."""

    def __init__(self, event: str) -> None:
        self._event = event
        self._reason = ""

    def say(self, reason: str) -> None:
        """Empty: it did not fail."""
        if reason and reason != self._reason:
            log(WARNING, self._event, reason=reason)
        self._reason = reason
