"""Traders, ids and the two ways a position changes: it grows or it shrinks.

Everything here computes and checks first and changes state last, so a refused action changes
nothing. The first check that fails names the error; their order is that of the contracts.
docs/whitepaper.md, "Positions", "Reserves", "Open interest".
"""

from collections.abc import Hashable
from typing import Final

from prep.model import limits
from prep.model.config import MarketConfig
from prep.model.engine import Engine
from prep.model.errors import Rejected
from prep.model.fixed import WAD
from prep.model.market import Indices, Market, Quote
from prep.model.position import (
    FLAT,
    Position,
    Settlement,
    equity,
    increased,
    leverage,
    reduced,
    settle,
)
from prep.model.pricing import execution_price, fee, protocol_share, value
from prep.model.results import PositionDecreased, PositionIncreased
from prep.model.storage import check_int128, check_uint128
from prep.model.vault import VaultState

MARKET: Final = 0
"""The market that isolated positions are on."""


class Trader:
    """A trader's collateral (PREP base units), position and its id (0: none)."""

    __slots__ = ("collateral", "id", "position")

    def __init__(self) -> None:
        self.collateral = 0
        self.id = 0
        self.position = FLAT


class Book(Engine):
    """The engine plus traders, their positions and the ids of these."""

    def __init__(self, vault: VaultState, *, now: int = 0, protocol_fee_rate: int = 0) -> None:
        super().__init__(vault, now=now, protocol_fee_rate=protocol_fee_rate)
        self.traders: dict[Hashable, Trader] = {}
        self.owners: dict[int, Hashable] = {}
        self.free_ids: list[int] = []  # a stack: the last freed is the first reused
        self.highest_id = 0

    # ------------------------------------------------------------------------------------- lookups

    def _trader(self, trader: Hashable) -> Trader:
        """The trader's account; a blank one, not stored, for somebody unknown."""
        return self.traders.get(trader) or Trader()

    def _trader_with_position(self, trader: Hashable) -> Trader:
        account = self._trader(trader)
        if not account.id:
            raise Rejected("NoPosition")
        return account

    # -------------------------------------------------------------------------------------- checks

    def _check_deadline(self, deadline: int | None) -> None:
        if deadline is not None and deadline < self.now:
            raise Rejected("DeadlinePassed", deadline)

    @staticmethod
    def _check_acceptable(price: int, acceptable: int | None, *, buying: bool) -> None:
        if acceptable is None:
            return
        if price > acceptable if buying else price < acceptable:
            raise Rejected("PriceNotAcceptable", price, acceptable)

    @staticmethod
    def _check_leverage(position: Position, collateral: int, quote: Quote, skew: int) -> None:
        """At most 15x at the worse of closing and oracle price."""
        own = equity(position, collateral, quote, skew, strict=True)
        result = leverage(position.notional, own)
        if result > limits.MAX_LEVERAGE:
            raise Rejected("LeverageTooHigh", result, limits.MAX_LEVERAGE)

    def _check_reserves(self, added: int, market: Market, indices: Indices) -> None:
        """The reserve for the notional `added` on a market, accrued to these indices, fits beside
        that of all positions before."""
        factor = market.config.reserve_factor
        if factor == 0:
            return
        required = added * factor // WAD + self.liquidity_reserves_to_hold(market, indices)
        if required > self.vault.liquidity:
            raise Rejected("ReservesExceeded", required, self.vault.liquidity)

    def _check_vault_can_pay(self, change: int) -> None:
        if self.vault.liquidity + change < 0:
            raise Rejected("VaultCannotPay", -change, self.vault.liquidity)

    @staticmethod
    def _check_caps(
        size: int, price: int, config: MarketConfig, side: int, skew_before: int, skew: int
    ) -> None:
        """The largest position, the side's cap, and the skew's if it grew: at the oracle price."""
        worth = abs(size) * price // WAD
        if worth > config.max_position_value:
            raise Rejected("PositionTooLarge", worth, config.max_position_value)
        worth = side * price // WAD
        cap = config.max_long_oi_value if size > 0 else config.max_short_oi_value
        if worth > cap:
            raise Rejected("OpenInterestCapExceeded", worth, cap)
        if abs(skew) > abs(skew_before):
            worth = abs(skew) * price // WAD
            if worth > config.max_net_oi_value:
                raise Rejected("NetOpenInterestCapExceeded", worth, config.max_net_oi_value)

    @staticmethod
    def _must_go(position: Position, collateral: int, quote: Quote, skew: int) -> bool:
        """Whether what a liquidation leaves is too small or still above 30x."""
        if value(position.size, quote.price) < quote.config.min_position_value:
            return True
        own = equity(position, collateral, quote, skew, strict=False)
        return leverage(position.notional, own) > limits.LIQUIDATION_LEVERAGE

    # ------------------------------------------------------------------------------------- changes

    def _grow(
        self, trader: Hashable, size: int, quote: Quote, acceptable: int | None
    ) -> PositionIncreased:
        """Opens a position of `size` or adds it to one with the same sign."""
        if size == 0:
            raise Rejected("ZeroAmount")
        account, market, config = self._trader(trader), quote.market, quote.config
        old, skew_before = account.position, market.skew

        if abs(size) > limits.MAX_SIZE:
            raise Rejected("AmountOutOfBounds", abs(size), limits.MAX_SIZE)
        if not config.enabled:
            raise Rejected("MarketClosed", MARKET)
        side = abs(size) + (market.long_oi if size > 0 else market.short_oi)
        if side > limits.MAX_SIZE:
            raise Rejected("AmountOutOfBounds", side, limits.MAX_SIZE)
        deepest = quote.skew_scale // limits.MIN_DEPTH
        if quote.skew_scale and side > deepest:
            raise Rejected("SkewScaleExceeded", side, deepest)

        skew = skew_before + size
        px = execution_price(skew_before, skew, quote.skew_scale, quote.price)
        self._check_reserves(value(size, px), market, quote.indices)
        self._check_acceptable(px, acceptable, buying=size > 0)
        paid = -fee(config.opening_fee_rate, size, px)
        if paid > account.collateral:
            raise Rejected("InsufficientCollateral", account.collateral, paid)
        collateral = account.collateral - paid

        new = increased(old, size, px, quote)
        if new.notional > limits.MAX_COST:
            raise Rejected("AmountOutOfBounds", new.notional, limits.MAX_COST)
        worth = value(new.size, quote.price)
        if not account.id and worth < config.min_position_value:
            raise Rejected("PositionTooSmall", worth, config.min_position_value)
        self._check_caps(new.size, quote.price, config, side, skew_before, skew)
        self._check_leverage(new, collateral, quote, skew)

        share = protocol_share(paid, self.protocol_fee_rate)
        unpaid, liquidity = self.unpaid_protocol_fees + share, self.vault.liquidity + paid - share
        check_uint128(unpaid, liquidity)
        market.book_growth(old, new, paid - share)
        market.accrue(quote.indices, self.now)
        self.unpaid_protocol_fees, self.vault.liquidity = unpaid, liquidity
        account.collateral, account.position = collateral, new
        if not account.id:
            account.id = self._take_id(trader)
        return PositionIncreased(
            trader=trader,
            id=account.id,
            market_id=MARKET,
            size_added=size,
            price=px,
            size=new.size,
            entry_price=new.entry_price,
            collateral=collateral,
            opening_fee=paid,
            protocol_fee=share,
            liquidity_change=paid - share,
        )

    def _shrink(
        self, trader: Hashable, part: int, quote: Quote, acceptable: int | None
    ) -> PositionDecreased:
        """Closes `part` of the trader's position. Only what leaves it flat may book bad debt."""
        settlement, rest = self._plan_shrink(trader, part, quote, acceptable)
        return self._store(trader, rest, settlement.collateral, quote, [settlement])[0]

    def _plan_shrink(
        self, trader: Hashable, part: int, quote: Quote, acceptable: int | None
    ) -> tuple[Settlement, Position]:
        """What closing `part` realises and leaves, checked."""
        account = self.traders[trader]
        settlement = settle(
            account.position,
            part,
            account.collateral,
            quote,
            quote.market.skew,
            self.protocol_fee_rate,
        )
        self._check_acceptable(settlement.price, acceptable, buying=part < 0)
        self._check_booking(account, [settlement])
        rest = reduced(account.position, part)
        if rest.size:
            worth = value(rest.size, quote.price)
            if worth < quote.config.min_position_value:
                raise Rejected("PositionTooSmall", worth, quote.config.min_position_value)
        check_uint128(settlement.collateral)
        self._check_vault_can_pay(settlement.liquidity_change)
        check_uint128(self.vault.liquidity + settlement.liquidity_change)
        return settlement, rest

    def _check_booking(self, account: Trader, settlements: list[Settlement]) -> None:
        """What closing one part after the other books can be stored, and collateral pays for each
        unless it is the last."""
        market, size = self.markets[MARKET], account.position.size
        price_pnl, borrowing_fee = market.price_pnl, market.borrowing_fee
        closing_fee, funding = market.closing_fee, market.accrued_funding
        bad_debt, unpaid = market.bad_debt, self.unpaid_protocol_fees
        for it in settlements:
            price_pnl -= it.price_pnl
            borrowing_fee -= it.borrowing_fee
            closing_fee -= it.closing_fee + it.protocol_share
            funding -= it.funding
            check_int128(price_pnl, borrowing_fee, closing_fee, funding)
            size -= it.size
            if size and it.shortfall:
                raise Rejected("InsufficientCollateral", account.collateral, -it.realised)
            bad_debt -= it.bad_debt
            check_int128(bad_debt)
            unpaid += it.protocol_fee
            check_uint128(unpaid)

    def _store(
        self,
        trader: Hashable,
        rest: Position,
        collateral: int,
        quote: Quote,
        settlements: list[Settlement],
    ) -> list[PositionDecreased]:
        """Puts checked settlements into effect; they leave the trader `rest` and `collateral`."""
        account, market = self.traders[trader], quote.market
        market.accrue(quote.indices, self.now)
        market.replace(account.position, rest)
        size, decreases = account.position.size, []
        for settlement in settlements:
            market.book(settlement)
            self.unpaid_protocol_fees += settlement.protocol_fee
            self.vault.liquidity += settlement.liquidity_change
            size -= settlement.size
            decreases.append(
                PositionDecreased(
                    trader=trader,
                    id=account.id,
                    market_id=MARKET,
                    size_removed=settlement.size,
                    price=settlement.price,
                    size=size,
                    collateral=settlement.collateral,
                    price_pnl=settlement.price_pnl,
                    funding=settlement.funding,
                    borrowing_fee=settlement.borrowing_fee,
                    closing_fee=settlement.closing_fee,
                    bad_debt=settlement.bad_debt,
                    protocol_fee=settlement.protocol_fee,
                    liquidity_change=settlement.liquidity_change,
                )
            )
        account.collateral, account.position = collateral, rest
        if rest.size == 0:
            self._release_id(account)
        return decreases

    def _set_collateral(self, trader: Hashable, collateral: int) -> None:
        self.traders.setdefault(trader, Trader()).collateral = collateral

    def _take_id(self, trader: Hashable) -> int:
        if self.free_ids:
            position_id = self.free_ids.pop()
        else:
            self.highest_id += 1
            position_id = self.highest_id
        self.owners[position_id] = trader
        return position_id

    def _release_id(self, account: Trader) -> None:
        del self.owners[account.id]
        self.free_ids.append(account.id)
        account.id = 0
