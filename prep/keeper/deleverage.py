"""Whom to deleverage, how much, and when to stop. A pure function of a snapshot.

The reference model closes one position after the other on the snapshot until the vault is at its
target and no side of a market above its cap. Nothing here is estimated: what the model does not
refuse, the contracts do in the same block.
"""

from collections.abc import Collection, Iterable
from dataclasses import dataclass, replace

from prep.keeper.amounts import Tried, for_cap, for_ratio
from prep.keeper.decide import Settings, Skipped
from prep.keeper.snapshot import Holding, Id, OpenPosition, Snapshot
from prep.keeper.world import aggregates_of, world_of
from prep.model import UNLIMITED, Rejected, System
from prep.model.limits import CLOCK
from prep.model.position import settle
from prep.model.pricing import excess, value


@dataclass(frozen=True, slots=True)
class Side:
    """A side of a market whose open interest is worth more than its cap, PREP base units."""

    market_id: int
    is_long: bool
    value: int
    cap: int
    excess: int
    """The fewest base units whose closing brings it to the cap or below."""

    def __str__(self) -> str:
        return f"{self.market_id}-{'long' if self.is_long else 'short'}"


@dataclass(frozen=True, slots=True)
class Standing:
    """Whether there is anything to deleverage, and why. Ratios WAD."""

    ratio: int
    """Collateralization ratio; `UNLIMITED` when nothing is owed."""
    target: int
    over: tuple[Side, ...]
    """By market, the long side first."""

    @property
    def below(self) -> bool:
        """Whether the ratio is below its target."""
        return self.ratio < self.target

    @property
    def due(self) -> bool:
        """Whether anything may be closed."""
        return self.below or bool(self.over)


@dataclass(frozen=True, slots=True)
class Close:
    """A deleverage to be done."""

    id: Id
    market_id: int
    owner: str
    """The trader, or the client of a margin position."""
    max_size: int
    """Base units, as the call has it."""
    size: int
    """What that closes now, signed like the position."""
    settlement: int
    """What it pays its owner, or costs him when negative; PREP base units."""
    ratio_before: int
    ratio_after: int
    timestamp: int
    """Seconds: when that is, at the earliest. A market with price impact must not have been traded
    in the same block."""
    side: Side | None
    """The side that is above its cap; None: it is for the ratio."""

    @property
    def reason(self) -> str:
        """In one word."""
        return "ratio" if self.side is None else "open-interest"


@dataclass(frozen=True, slots=True)
class Deleveraging:
    """The outcome of a decision, in the order in which to do it."""

    standing: Standing | None
    """Before that; None when a market with positions has no price, without which nothing can be."""
    actions: tuple[Close, ...] = ()
    skipped: tuple[Skipped, ...] = ()
    """What came before others, but cannot be closed."""
    left: str = ""
    """Why it ends although something is still due."""


def standing_of(snapshot: Snapshot) -> Standing | None:
    """How vault and markets stand; None without a price that this depends on."""
    return _standing(world_of(snapshot))


def deleverages(
    snapshot: Snapshot, settings: Settings, most: int, excluded: Collection[Id] = ()
) -> Deleveraging:
    """What to close: at most so many positions, and none of the excluded ones."""
    actions: list[Close] = []
    skipped: dict[Id, Skipped] = {}
    left = ""
    before = standing = standing_of(snapshot)
    while standing is not None and standing.due:
        if snapshot.gas_price > settings.max_gas_price:
            left = f"gas price {snapshot.gas_price} above {settings.max_gas_price}"
            break
        if len(actions) == most:
            left = "no more in one round"
            break
        snapshot = _in_a_quiet_block(snapshot)
        found = _next(snapshot, standing, excluded, skipped)
        if found is None:
            left = "none that can be closed"
            break
        action, snapshot = found
        skipped.pop(action.id, None)
        actions.append(action)
        standing = standing_of(snapshot)
    return Deleveraging(before, tuple(actions), tuple(skipped.values()), left)


def _in_a_quiet_block(snapshot: Snapshot) -> Snapshot:
    """A second later if a market with price impact has been traded in this one."""
    now = snapshot.timestamp % CLOCK
    busy = any(m.config.skew_scale and m.aggregates.updated_at == now for m in snapshot.markets)
    return replace(snapshot, timestamp=snapshot.timestamp + busy)


def _standing(world: System) -> Standing | None:
    try:
        ratio = world.collateralization_ratio()
    except Rejected:
        return None
    over = [
        side
        for market_id in range(len(world.markets))
        for is_long in (True, False)
        if (side := _side(world, market_id, is_long)) is not None
    ]
    return Standing(ratio, world.vault.target_collateralization_ratio, tuple(over))


def _side(world: System, market_id: int, is_long: bool) -> Side | None:
    """A side that is above its cap."""
    market = world.market(market_id)
    config = market.config
    open_interest = market.long_oi if is_long else market.short_oi
    cap = config.max_long_oi_value if is_long else config.max_short_oi_value
    if open_interest == 0 or cap == UNLIMITED:
        return None  # such a market is not asked for its price
    price = world.price(market_id)
    too_much = excess(open_interest, cap, price)
    if too_much == 0:
        return None
    return Side(market_id, is_long, value(open_interest, price), cap, too_much)


def _next(
    snapshot: Snapshot,
    standing: Standing,
    excluded: Collection[Id],
    skipped: dict[Id, Skipped],
) -> tuple[Close, Snapshot] | None:
    """The most profitable position that may be closed, first for the ratio, then side by side; and
    the state that it leaves."""
    world = world_of(snapshot)
    holdings: list[Holding] = [*snapshot.positions, *snapshot.margin_positions]
    ranked = _by_profit(world, [holding for holding in holdings if holding.id not in excluded])
    reasons: list[Side | None] = [*([None] if standing.below else []), *standing.over]
    for side in reasons:
        for profit, holding in ranked:
            if side is None:
                if profit <= 0:
                    break
                tried = for_ratio(snapshot, world, holding)
            elif _is_of(holding, side):
                tried = for_cap(snapshot, world, holding, side.excess)
            else:
                continue
            if isinstance(tried, Tried):
                return _close(holding, tried, side), _after(snapshot, holding, tried.world)
            skipped[holding.id] = Skipped(holding.id, str(tried))
    return None


def _by_profit(world: System, holdings: Iterable[Holding]) -> list[tuple[int, Holding]]:
    """With what closing each alone would realise, the largest first; of equal ones isolated ones by
    id, then the others by key, so that a decision can be repeated."""
    quotes = {}
    rows = []
    for holding in holdings:
        if holding.market_id not in quotes:
            quotes[holding.market_id] = world.quote(holding.market_id)
        quote, position = quotes[holding.market_id], holding.position
        profit = settle(position, position.size, 0, quote, quote.market.skew, 0).realised
        rows.append((profit, holding))
    return sorted(rows, key=lambda row: (-row[0], _order(row[1])))


def _order(holding: Holding) -> tuple[int, str, int, int]:
    if isinstance(holding, OpenPosition):
        return 0, "", holding.id, 0
    return 1, holding.id.client, holding.id.account, holding.id.market_id


def _is_of(holding: Holding, side: Side) -> bool:
    return holding.market_id == side.market_id and (holding.position.size > 0) == side.is_long


def _close(holding: Holding, tried: Tried, side: Side | None) -> Close:
    result = tried.result
    return Close(
        id=holding.id,
        market_id=holding.market_id,
        owner=holding.owner,
        max_size=tried.max_size,
        size=result.size,
        settlement=result.settlement,
        ratio_before=result.ratio_before,
        ratio_after=result.ratio_after,
        timestamp=tried.world.now,
        side=side,
    )


def _after(snapshot: Snapshot, holding: Holding, world: System) -> Snapshot:
    """The snapshot once the world is what it has become."""
    markets = list(snapshot.markets)
    market_id = holding.market_id
    markets[market_id] = replace(markets[market_id], aggregates=aggregates_of(world, market_id))
    after = replace(snapshot, markets=tuple(markets), liquidity=world.vault.liquidity)
    if isinstance(holding, OpenPosition):
        trader = world.traders[holding.trader]
        rest = replace(holding, collateral=trader.collateral, size=trader.position.size)
        kept = (rest if p.id == rest.id else p for p in snapshot.positions)
        return replace(after, positions=tuple(p for p in kept if p.size))
    position = world.margin_position(holding.id.client, holding.id.account, market_id)
    left = replace(holding, position=position)
    others = (left if p.id == left.id else p for p in snapshot.margin_positions)
    return replace(after, margin_positions=tuple(p for p in others if p.position.size))
