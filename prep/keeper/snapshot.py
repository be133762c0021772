"""The world as one block shows it: everything that a decision depends on, and how it is read.

All calls of a snapshot name the same block, so it never mixes two states. Their number is a
constant plus one for every page of ids.
"""

from dataclasses import dataclass
from typing import Any, Final

from eth_utils.address import to_checksum_address

from prep.keeper.chain import Chain, NodeError, Reverted
from prep.model import MarketConfig

MARKET: Final = 0
"""The market that isolated positions are on."""


@dataclass(frozen=True, slots=True)
class OpenPosition:
    """A position as the lens shows it. Sizes are signed base units, amounts PREP base units."""

    id: int
    trader: str
    """Address with its checksum."""
    collateral: int
    size: int
    entry_price: int
    """WAD, as the two indices."""
    funding_index: int
    borrow_index: int
    leverage: int
    """WAD, rounded up; the largest uint256 when nothing backs the position."""
    liquidatable: bool
    """At this block's time and price."""


@dataclass(frozen=True, slots=True)
class Aggregates:
    """A market's sums and indices as stored, not accrued. Fields as in `MarketState` on chain."""

    long_oi: int
    short_oi: int
    cost_long: int
    cost_short: int
    borrow_cost: int
    borrow_index: int
    updated_at: int
    """Seconds modulo 2**32."""
    funding_rate: int
    funding_index: int
    funding_cost: int
    sum_squares: int
    sum_signed_squares: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    """One block. Without a usable price nothing can be liquidated, and positions are not read."""

    block: int
    timestamp: int
    """Seconds."""
    keeper: str | None
    """Who would liquidate and be rewarded, an address with its checksum; None: nobody yet."""
    gas_price: int
    """Wei per gas, base fee included, that the node expects to be mined soon."""
    price: int | None
    """WAD; None when the oracle has no usable one."""
    no_price: str = ""
    """Why there is none."""
    config: MarketConfig
    aggregates: Aggregates
    liquidity: int
    """Of the vault, PREP base units."""
    protocol_fee_rate: int
    """The protocol's share of fees, WAD."""
    highest_id: int
    positions: tuple[OpenPosition, ...] = ()
    """All open ones, by id."""


def read(chain: Chain, protocol: Any, lens: Any, keeper: str | None, page_size: int) -> Snapshot:
    """Reads the latest block. `protocol` and `lens` are web3 contracts.

    Raises `NodeError` when the node cannot be asked or answers nonsense.
    """
    head = chain.latest_block()
    block: int = head["number"]

    def ask(contract: Any, function: str, *arguments: Any) -> Any:
        try:
            return chain.call(contract, function, *arguments, block=block)
        except Reverted as error:
            # None of these refuses; a node that limits the gas of calls may make it seem so.
            raise NodeError(f"{function} failed, perhaps for lack of gas: {error}") from error

    (config,) = ask(lens, "marketConfig", MARKET)
    (aggregates,) = ask(lens, "marketState", MARKET)
    (liquidity,) = ask(protocol, "liquidity")
    protocol_fee_rate, _, _ = ask(protocol, "protocolFees")
    (highest_id,) = ask(protocol, "getNumOfOpenPositionsIds")
    price, no_price = _price(chain, lens, block)
    pages = range(1, highest_id + 1, page_size) if price is not None else range(0)
    return Snapshot(
        block=block,
        timestamp=head["timestamp"],
        keeper=keeper,
        gas_price=chain.gas_price(),
        price=price,
        no_price=no_price,
        config=_config(config),
        aggregates=Aggregates(*aggregates),
        liquidity=liquidity,
        protocol_fee_rate=protocol_fee_rate,
        highest_id=highest_id,
        positions=tuple(
            _position(view)
            for first in pages
            for view in ask(lens, "positions", first, page_size)[0]
        ),
    )


def _price(chain: Chain, lens: Any, block: int) -> tuple[int | None, str]:
    """The oracle's price, or why there is none that the protocol would take."""
    try:
        (market,) = chain.call(lens, "market", MARKET, block=block)
    except Reverted as error:
        return None, str(error)
    return market[0], ""


def _config(fields: tuple[Any, ...]) -> MarketConfig:
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
