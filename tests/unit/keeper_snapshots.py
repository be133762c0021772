"""What the keeper would read of a whole model system."""

from dataclasses import fields

from prep.keeper import Aggregates, MarginKey, MarginPosition, MarketShot, OpenPosition, Snapshot
from prep.model import Rejected


def snapshot_of(system, keeper=None, **changes):
    """At the system's time and prices, with all positions."""
    values = {
        "block": 1,
        "timestamp": system.now,
        "keeper": keeper,
        "gas_price": 0,
        "markets": tuple(_shot(system, i) for i in range(len(system.markets))),
        "liquidity": system.vault.liquidity,
        "target_ratio": system.vault.target_collateralization_ratio,
        "protocol_fee_rate": system.protocol_fee_rate,
        "highest_id": system.highest_id,
        "positions": tuple(_isolated(system, *item) for item in sorted(system.owners.items())),
        "margin_positions": tuple(
            MarginPosition(MarginKey(client, account, market_id), position)
            for market_id, positions in enumerate(system.margin_positions)
            for (client, account), position in positions.items()
        ),
    }
    return Snapshot(**values | changes)


def _shot(system, market_id):
    market = system.market(market_id)
    try:
        price, no_price = system.price(market_id), ""
    except Rejected as error:
        price, no_price = None, str(error)
    return MarketShot(
        price=price,
        no_price=no_price,
        config=market.config,
        aggregates=Aggregates(*(getattr(market, field.name) for field in fields(Aggregates))),
        settled=market.settled_price is not None,
    )


def _isolated(system, position_id, owner):
    trader = system.traders[owner]
    try:
        leverage, liquidatable = system.leverage_and_liquidability(position_id)
    except Rejected:
        leverage, liquidatable = 0, False
    return OpenPosition(
        id=position_id,
        trader=owner,
        collateral=trader.collateral,
        size=trader.position.size,
        entry_price=trader.position.entry_price,
        funding_index=trader.position.funding_index,
        borrow_index=trader.position.borrow_index,
        leverage=leverage,
        liquidatable=liquidatable,
    )
