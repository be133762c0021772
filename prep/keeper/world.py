"""A snapshot as a system of the reference model, in which things can be tried out."""

from prep.keeper.snapshot import AGGREGATES, MARKET, Aggregates, Holding, OpenPosition, Snapshot
from prep.model import System
from prep.model.book import Trader


def world_of(snapshot: Snapshot, *positions: Holding) -> System:
    """The markets, the vault, and of the positions only these: the aggregates count the others."""
    world = System(now=snapshot.timestamp, protocol_fee_rate=snapshot.protocol_fee_rate)
    world.vault.liquidity = snapshot.liquidity
    world.vault.target_collateralization_ratio = snapshot.target_ratio
    for market_id, shot in enumerate(snapshot.markets):
        world.add_market(shot.config)
        world.set_price(market_id, shot.price)
        market = world.market(market_id)
        for name in AGGREGATES:
            setattr(market, name, getattr(shot.aggregates, name))
        if shot.settled and shot.price is not None:
            market.settle(shot.price)
    for position in positions:
        if isinstance(position, OpenPosition):
            trader = Trader()
            trader.id, trader.collateral = position.id, position.collateral
            trader.position = position.position
            world.traders[position.trader] = trader
            world.owners[position.id] = position.trader
        else:
            key = position.id
            world.margin_positions[key.market_id][key.client, key.account] = position.position
    return world


def aggregates_of(world: System, market_id: int = MARKET) -> Aggregates:
    """What is stored of a market."""
    market = world.market(market_id)
    return Aggregates(*(getattr(market, name) for name in AGGREGATES))
