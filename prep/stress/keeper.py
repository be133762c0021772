"""The keeper of a stress test: liquidates what can be, deleverages what has to be.

Unlike the real one it pays no gas, is never late, and leaves nothing alone.
"""

from collections import Counter
from collections.abc import Hashable
from dataclasses import dataclass, field
from typing import Final

from prep.model import Rejected, System
from prep.model.book import MARKET
from prep.model.limits import LIQUIDATION_LEVERAGE
from prep.model.position import equity, leverage, settle
from prep.model.results import Deleveraged, PositionLiquidated

BLOCK_SECONDS: Final = 1


@dataclass
class Round:
    """What a round has done. `refused` counts what the model did not do, by function and error."""

    liquidations: list[PositionLiquidated] = field(default_factory=list)
    deleverages: list[Deleveraged] = field(default_factory=list)
    refused: Counter[str] = field(default_factory=Counter)


def work(system: System, keeper: Hashable) -> Round:
    """One round at the current price: first the liquidations, which fill the vault."""
    done = Round()
    _liquidate(system, keeper, done)
    _deleverage(system, done)
    # With price impact a deleverage can bring about a liquidation, and that a deleverage.
    while done.deleverages and _liquidate(system, keeper, done):
        _deleverage(system, done)
    return done


def liquidatable(system: System) -> list[int]:
    """The ids of all positions above 30x, ascending."""
    if not system.owners:
        return []
    quote = system.quote(MARKET)
    found = []
    for position_id, owner in sorted(system.owners.items()):
        trader = system.traders[owner]
        own = equity(trader.position, trader.collateral, quote, quote.market.skew, strict=False)
        if leverage(trader.position.notional, own) > LIQUIDATION_LEVERAGE:
            found.append(position_id)
    return found


def _liquidate(system: System, keeper: Hashable, done: Round) -> bool:
    """Until nothing is left above 30x. With price impact one liquidation can bring about or save
    another, and one that the vault cannot pay is tried again when others have filled it. Whether
    anything was liquidated."""
    hopeless: set[int] = set()
    before = len(done.liquidations)
    while found := [i for i in liquidatable(system) if i not in hopeless]:
        try:
            done.liquidations.append(system.liquidate_position(keeper, found[0]))
            hopeless.clear()
        except Rejected as refusal:
            hopeless.add(found[0])
            done.refused[f"liquidatePosition: {refusal.name}"] += 1
    return len(done.liquidations) > before


def _deleverage(system: System, done: Round) -> None:
    """Closes the most profitable position, and the next, until the ratio is back at its target."""
    target = system.vault.target_collateralization_ratio
    hopeless: set[Hashable] = set()
    while system.collateralization_ratio() < target:
        owner = _most_profitable(system, hopeless)
        if owner is None:
            return
        size = abs(system.traders[owner].position.size)
        # A block of its own: a market with price impact is not deleveraged in one with a trade.
        system.now += BLOCK_SECONDS
        try:
            done.deleverages.append(system.deleverage_trader(owner, size))
        except Rejected as refusal:
            hopeless.add(owner)
            done.refused[f"deleverage: {refusal.name}"] += 1


def _most_profitable(system: System, hopeless: set[Hashable]) -> Hashable | None:
    """Whose position pays most; of equal ones that with the lowest id. None where none pays."""
    quote = system.quote(MARKET)
    best, most = None, 0
    for _, owner in sorted(system.owners.items()):
        position = system.traders[owner].position
        if owner in hopeless:
            continue
        closing = settle(position, position.size, 0, quote, quote.market.skew, 0)
        if closing.realised > most:
            best, most = owner, closing.realised
    return best
