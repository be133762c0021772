"""How much of a position to close, found by trying it out on the reference model."""

from collections.abc import Callable
from dataclasses import dataclass

from prep.keeper.snapshot import Holding, OpenPosition, Snapshot
from prep.keeper.world import world_of
from prep.model import WAD, Rejected, System
from prep.model.fixed import mul_div_ceil
from prep.model.position import settle
from prep.model.results import Deleveraged


@dataclass(frozen=True, slots=True)
class Tried:
    """A deleverage that the model did not refuse, and the world after it."""

    max_size: int
    result: Deleveraged
    world: System


def for_ratio(snapshot: Snapshot, world: System, holding: Holding) -> Tried | Rejected:
    """The least that reaches the target, or else all, or else what the vault can pay: of that no
    dust, which would cost its gas again and again."""
    whole = abs(holding.position.size)
    most = _largest_part(world, holding)

    def reaches(size: int) -> bool:
        tried = _try(snapshot, holding, size)
        return isinstance(tried, Tried) and tried.result.ratio_after >= snapshot.target_ratio

    if most and reaches(most):
        return _try(snapshot, holding, _least(most, reaches))
    tried = _try(snapshot, holding, whole)
    if isinstance(tried, Rejected) and most >= _smallest_position(world, holding):
        part = _try(snapshot, holding, most)
        return part if isinstance(part, Tried) else tried
    return tried


def for_cap(snapshot: Snapshot, world: System, holding: Holding, excess: int) -> Tried | Rejected:
    """The excess, or all where too little would be left, or else what the vault can pay."""
    whole = abs(holding.position.size)
    size = min(whole, excess)
    if size > _largest_leaving_enough(world, holding):
        size = whole
    tried = _try(snapshot, holding, size)
    if isinstance(tried, Rejected) and tried.name == "VaultCannotPay":
        part = _largest_part(world, holding)  # less than the excess, which was too much
        if part >= _smallest_position(world, holding):
            return _try(snapshot, holding, part)
    return tried


def _smallest_position(world: System, holding: Holding) -> int:
    """Base units that are worth the smallest position that there may be; at least one."""
    config = world.market(holding.market_id).config
    return max(1, mul_div_ceil(config.min_position_value, WAD, world.price(holding.market_id)))


def _largest_leaving_enough(world: System, holding: Holding) -> int:
    """The largest part whose rest is not below the smallest position; 0 if there is none."""
    return max(0, abs(holding.position.size) - _smallest_position(world, holding))


def _largest_part(world: System, holding: Holding) -> int:
    """The largest part that leaves enough and that the vault can pay; 0 if there is none. Of a
    margin position all is paid that it has won, however little is closed: there the largest part
    is as good as any."""
    most = _largest_leaving_enough(world, holding)
    if isinstance(holding, OpenPosition) and not _can_pay(world, holding, most):
        most = _least(most, lambda size: not _can_pay(world, holding, size)) - 1
    return most


def _can_pay(world: System, holding: OpenPosition, size: int) -> bool:
    """Whether the vault's liquidity is enough for closing so much."""
    quote, position = world.quote(holding.market_id), holding.position
    part = size if position.size > 0 else -size
    skew, fee_rate = quote.market.skew, world.protocol_fee_rate
    closing = settle(position, part, holding.collateral, quote, skew, fee_rate)
    return world.vault.liquidity + closing.liquidity_change >= 0


def _least(high: int, holds: Callable[[int], bool]) -> int:
    """The smallest number from 1 on for which something holds that holds for `high`, and for all
    larger ones. Where it does not for all of these: one of those with whose predecessor it ends."""
    low = 0
    while high - low > 1:
        middle = (low + high) // 2
        if holds(middle):
            high = middle
        else:
            low = middle
    return high


def _try(snapshot: Snapshot, holding: Holding, max_size: int) -> Tried | Rejected:
    world = world_of(snapshot, holding)
    try:
        if isinstance(holding, OpenPosition):
            result = world.deleverage_trader(holding.trader, max_size)
        else:
            key = holding.id
            result = world.deleverage_account(key.client, key.account, key.market_id, max_size)
    except Rejected as refusal:
        return refusal
    return Tried(max_size, result, world)
