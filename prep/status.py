"""The state of a deployment at one block, as far as it can be known.

Without a usable price much cannot be: `no_price` then says why, and what depends on it is None.
Amounts are PREP base units, prices and rates WAD, sizes base units of the asset.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from ape.api import ProviderAPI
from ape.contracts import ContractInstance
from ape.managers.project import ProjectManager

from prep.deploy.record import Deployment
from prep.model.fixed import WAD
from prep.model.pricing import value
from prep.reading import Reader

PAGE: Final = 500
"""Positions asked for at a time: a node limits the gas of one call."""
SHARE: Final = 10**24
"""One whole share of the vault."""


@dataclass(frozen=True)
class Unrealised:
    """What the traders of a market would realise by closing everything, and what backs it."""

    price_pnl: int
    funding: int
    borrowing_fee: int
    closing_fee: int
    reserves: int

    @property
    def total(self) -> int:
        """Positive: traders would win."""
        return self.price_pnl + self.funding + self.borrowing_fee + self.closing_fee


@dataclass(frozen=True)
class MarketStatus:
    """A market, accrued to the block if there is a price and else as stored at `updated_at`."""

    name: str
    enabled: bool
    settled: bool
    """Whether it is closed for good, at its last price."""
    asset_decimals: int
    price: int | None
    no_price: str | None
    long_oi: int
    short_oi: int
    long_notional: int
    short_notional: int
    long_cap: int
    """On the value of the side at the oracle price; `UNLIMITED`: none."""
    short_cap: int
    funding_rate: int
    """For 24 hours; positive: longs pay."""
    updated_at: int
    realised: int
    """What the vault has won from traders so far."""
    unrealised: Unrealised | None

    @property
    def long_value(self) -> int | None:
        """Of the open interest at the oracle price, rounded down."""
        return None if self.price is None else value(self.long_oi, self.price)

    @property
    def short_value(self) -> int | None:
        """Likewise."""
        return None if self.price is None else value(self.short_oi, self.price)

    @property
    def over_cap(self) -> tuple[str, ...]:
        """The sides whose excess anybody may close."""
        sides = {
            "long": (self.long_value, self.long_cap),
            "short": (self.short_value, self.short_cap),
        }
        return tuple(name for name, (worth, cap) in sides.items() if (worth or 0) > cap)


@dataclass(frozen=True)
class Value:
    """What the vault is worth, which depends on prices."""

    upper: int
    lower: int
    share_upper: int
    """What minting a whole share costs, rounded up."""
    share_lower: int
    """What redeeming a whole share pays, rounded down."""
    reserves: int
    total_debt: int
    collateralization_ratio: int
    """WAD; `UNLIMITED` without debt."""
    utilisation: int
    """Reserves over liquidity, WAD, rounded down; 0 without liquidity."""


@dataclass(frozen=True)
class VaultStatus:
    """The vault. `custody` is all PREP that it holds, `protocol_fees` what of it is unpaid."""

    liquidity: int
    net_deposits: int
    supply: int
    """Shares, 24 decimals."""
    custody: int
    protocol_fees: int
    by_larger_side: bool
    target_ratio: int
    """Collateralization ratio that withdrawals leave at least, WAD; 0: none."""
    deposit_cap: int
    """What deposits can bring liquidity to."""
    withdrawals_stopped: bool
    cooldown_period: int
    """Seconds between requesting and redeeming; 0: none."""
    redeem_window: int
    """Seconds before a request that has matured lapses; 0: never."""
    value: Value | None

    @property
    def collateral_and_gifts(self) -> int:
        """The rest: what traders have deposited, and what was sent without being counted."""
        return self.custody - self.liquidity - self.protocol_fees

    @property
    def below_target(self) -> bool:
        """Whether anybody may close the positions that have won."""
        return self.value is not None and self.value.collateralization_ratio < self.target_ratio


@dataclass(frozen=True)
class PositionStatus:
    """An open position as liquidation sees it."""

    id: int
    trader: str
    size: int
    entry_notional: int
    collateral: int
    equity: int
    leverage: int
    """WAD, rounded up; `UNLIMITED` when nothing is left."""
    liquidatable: bool


@dataclass(frozen=True)
class Status:
    """Everything, at one block."""

    chain_id: int
    block: int
    timestamp: int
    markets: tuple[MarketStatus, ...]
    vault: VaultStatus
    open_positions: int
    liquidatable: int | None
    """How many can be liquidated now."""
    riskiest: tuple[PositionStatus, ...] | None
    """By leverage, highest first."""

    @property
    def to_deleverage(self) -> tuple[MarketStatus, ...]:
        """Markets with a side above its cap; none as long as a price is missing, without which
        nothing can be deleveraged."""
        return tuple(m for m in self.markets if m.over_cap) if self.vault.value else ()


def read_status(
    project: ProjectManager, deployment: Deployment, provider: ProviderAPI, top: int
) -> Status:
    """Reads everything, with the `top` positions of the highest leverage."""
    read = Reader(project, deployment, provider)
    markets = tuple(
        _market(read, deployment, id_) for id_ in range(read(read.protocol.marketCount))
    )
    highest = read(read.protocol.getNumOfOpenPositionsIds)
    positions = None
    if markets and markets[0].no_price is None:
        positions = sorted(_positions(read, highest), key=lambda p: (-p.leverage, p.id))
    return Status(
        chain_id=deployment.chain_id,
        block=read.block,
        timestamp=read.timestamp,
        markets=markets,
        vault=_vault(read, markets),
        open_positions=highest - len(read(read.protocol.getIdsNotInUse)),
        liquidatable=None if positions is None else sum(p.liquidatable for p in positions),
        riskiest=None if positions is None else tuple(positions[:top]),
    )


def _market(read: Reader, deployment: Deployment, market_id: int) -> MarketStatus:
    config = read(read.lens.marketConfig, market_id)
    oracle = read.oracle(config.oracle)
    no_price = _no_price(read, market_id, oracle)
    view = read(read.lens.market, market_id) if no_price is None else None
    state = view.state if view else read(read.lens.marketState, market_id)
    flow = read(read.lens.cashFlow, market_id)
    return MarketStatus(
        name=deployment.market_name(market_id),
        enabled=config.enabled,
        settled=view is not None and view.settled,
        asset_decimals=read(oracle.assetDecimals),
        price=view.price if view else None,
        no_price=no_price,
        long_oi=state.longOI,
        short_oi=state.shortOI,
        long_notional=state.costLong,
        short_notional=state.costShort,
        long_cap=config.maxLongOIValue,
        short_cap=config.maxShortOIValue,
        funding_rate=state.fundingRate,
        updated_at=state.updatedAt,
        realised=flow.pricePnl
        + flow.openingFee
        + flow.closingFee
        + flow.accruedFunding
        + flow.borrowingFee
        + flow.badDebt,
        unrealised=Unrealised(
            price_pnl=view.pricePnl,
            funding=view.funding,
            borrowing_fee=view.borrowingFee,
            closing_fee=view.closingFee,
            reserves=view.reserves,
        )
        if view
        else None,
    )


def _no_price(read: Reader, market_id: int, oracle: ContractInstance) -> str | None:
    """Why there is none that the protocol would take, or None if there is one.

    The lens is asked and not the oracle, which may have a price that the protocol refuses.
    """
    return read.refusal([read.protocol, oracle], read.lens.market, market_id)


def _positions(read: Reader, highest: int) -> Iterator[PositionStatus]:
    for first in range(1, highest + 1, PAGE):
        for view in read(read.lens.positions, first, PAGE):
            yield PositionStatus(
                id=view.id,
                trader=view.trader,
                size=view.position.size,
                entry_notional=view.entryNotional,
                collateral=view.collateral,
                equity=view.equity,
                leverage=view.leverage,
                liquidatable=view.liquidatable,
            )


def _vault(read: Reader, markets: tuple[MarketStatus, ...]) -> VaultStatus:
    vault = read.contract("Vault")
    # A market without positions is not asked for its price.
    known = all(m.price is not None or m.long_oi == m.short_oi == 0 for m in markets)
    return VaultStatus(
        liquidity=read(read.protocol.liquidity),
        net_deposits=read(read.protocol.netDeposits),
        supply=read(vault.totalSupply),
        custody=read(read.contract("PrepToken").balanceOf, vault.address),
        protocol_fees=read(read.protocol.protocolFees)[1],
        by_larger_side=read(vault.reservesByLargerSide),
        target_ratio=read(vault.targetCollateralizationRatio),
        deposit_cap=read(vault.depositCap),
        withdrawals_stopped=read(vault.withdrawalsStopped),
        cooldown_period=read(vault.cooldownPeriod),
        redeem_window=read(vault.redeemWindow),
        value=_value(read, vault) if known else None,
    )


def _value(read: Reader, vault: ContractInstance) -> Value:
    view = read(read.lens.vault)
    return Value(
        upper=view.upperValue,
        lower=view.lowerValue,
        share_upper=read(vault.previewMint, SHARE),
        share_lower=read(vault.convertToAssets, SHARE),
        reserves=view.reserves,
        total_debt=view.totalDebt,
        collateralization_ratio=view.collateralizationRatio,
        utilisation=view.reserves * WAD // view.liquidity if view.liquidity else 0,
    )
