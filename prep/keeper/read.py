"""How a snapshot is read.

All calls of a snapshot name the same block, so it never mixes two states. Their number is a
constant plus one for every page of ids; to deleverage, two more for every further market.
"""

from collections.abc import Iterable, Iterator
from typing import Any

from eth_utils.address import to_checksum_address

from prep.keeper.chain import Chain, NodeError, Reverted
from prep.keeper.snapshot import (
    MARKET,
    Aggregates,
    MarginKey,
    MarginPosition,
    MarketShot,
    OpenPosition,
    Snapshot,
)
from prep.model import MarketConfig
from prep.model.position import Position


def read(
    chain: Chain,
    protocol: Any,
    lens: Any,
    keeper: str | None,
    page_size: int,
    vault: Any = None,
) -> Snapshot:
    """Reads the latest block, but for margin positions. The contracts are web3's; without the vault
    only what concerns liquidations is read.

    Raises `NodeError` when the node cannot be asked or answers nonsense.
    """
    head = chain.latest_block()
    block: int = head["number"]

    def ask(contract: Any, function: str, *arguments: Any) -> Any:
        return _ask(chain, block, contract, function, *arguments)

    (config,) = ask(lens, "marketConfig", MARKET)
    (aggregates,) = ask(lens, "marketState", MARKET)
    (liquidity,) = ask(protocol, "liquidity")
    protocol_fee_rate, _, _ = ask(protocol, "protocolFees")
    (highest_id,) = ask(protocol, "getNumOfOpenPositionsIds")
    view, no_price = _market(chain, lens, MARKET, block)
    btc = MarketShot(
        price=view and view[0],
        no_price=no_price,
        config=config_of(config),
        aggregates=Aggregates(*aggregates),
        settled=view is not None and view[-1],
    )
    others: list[MarketShot] = []
    target = 0
    if vault is not None:
        (count,) = ask(protocol, "marketCount")
        (target,) = ask(vault, "targetCollateralizationRatio")
        others = [_other_market(chain, lens, i, block) for i in range(MARKET + 1, count)]
    pages = range(1, highest_id + 1, page_size) if btc.price is not None else range(0)
    return Snapshot(
        block=block,
        timestamp=head["timestamp"],
        keeper=keeper,
        gas_price=chain.gas_price(),
        markets=(btc, *others),
        liquidity=liquidity,
        target_ratio=target,
        protocol_fee_rate=protocol_fee_rate,
        highest_id=highest_id,
        positions=tuple(
            _position(view)
            for first in pages
            for view in ask(lens, "positions", first, page_size)[0]
        ),
    )


def read_margin_positions(
    chain: Chain, lens: Any, keys: Iterable[MarginKey], block: int, page_size: int
) -> tuple[MarginPosition, ...]:
    """Those of the keys that have an open position, by key. One call for each page of them."""
    return tuple(_margin_positions(chain, lens, sorted(keys), block, page_size))


def _margin_positions(
    chain: Chain, lens: Any, keys: list[MarginKey], block: int, page_size: int
) -> Iterator[MarginPosition]:
    for first in range(0, len(keys), page_size):
        page = keys[first : first + page_size]
        wanted = [(key.client, key.account, key.market_id) for key in page]
        (views,) = _ask(chain, block, lens, "marginPositions", wanted)
        for key, (_, position, _, _) in zip(page, views, strict=True):
            if position[0] != 0:
                yield MarginPosition(key, Position(*position))


def _ask(chain: Chain, block: int, contract: Any, function: str, *arguments: Any) -> Any:
    try:
        return chain.call(contract, function, *arguments, block=block)
    except Reverted as error:
        # None of these refuses; a node that limits the gas of calls may make it seem so.
        raise NodeError(f"{function} failed, perhaps for lack of gas: {error}") from error


def _market(chain: Chain, lens: Any, market_id: int, block: int) -> tuple[Any, str]:
    """A `MarketView` on chain, or why there is no price that the protocol would take."""
    try:
        (view,) = chain.call(lens, "market", market_id, block=block)
    except Reverted as error:
        return None, str(error)
    return view, ""


def _other_market(chain: Chain, lens: Any, market_id: int, block: int) -> MarketShot:
    """As stored: when it was last traded matters."""
    view, no_price = _market(chain, lens, market_id, block)
    (aggregates,) = _ask(chain, block, lens, "marketState", market_id)
    config = view[2] if view else _ask(chain, block, lens, "marketConfig", market_id)[0]
    return MarketShot(
        price=view and view[0],
        no_price=no_price,
        config=config_of(config),
        aggregates=Aggregates(*aggregates),
        settled=view is not None and view[-1],
    )


def config_of(fields: tuple[Any, ...]) -> MarketConfig:
    """From the fields of `MarketConfig` on chain, which come in the same order."""
    oracle, enabled, *numbers = fields
    names = list(MarketConfig.__dataclass_fields__)[2:]
    return MarketConfig(
        oracle=int(oracle, 16), enabled=enabled, **dict(zip(names, numbers, strict=True))
    )


def _position(view: tuple[Any, ...]) -> OpenPosition:
    """From a `PositionView` on chain."""
    position_id, trader, collateral, _, position, _, _, leverage, liquidatable = view
    size, entry_price, funding_index, borrow_index = position
    return OpenPosition(
        id=position_id,
        trader=to_checksum_address(trader),
        collateral=collateral,
        size=size,
        entry_price=entry_price,
        funding_index=funding_index,
        borrow_index=borrow_index,
        leverage=leverage,
        liquidatable=liquidatable,
    )
