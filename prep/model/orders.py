"""Orders of margin clients, on every market: one position per client, account and market.

An order settles the whole old position at once and holds what results at a new entry price, so
that a client knows what an account owes after every order. Its money is the client's affair: what
is settled is paid or pulled. docs/whitepaper.md, "Orders".
"""

from collections.abc import Hashable
from typing import NamedTuple

from prep.model import limits
from prep.model.book import MARKET
from prep.model.config import MarketConfig
from prep.model.errors import Rejected
from prep.model.fixed import wmul
from prep.model.isolated import Isolated
from prep.model.market import Quote
from prep.model.position import FLAT, Position
from prep.model.pricing import (
    borrowing_fee,
    execution_price,
    fee,
    price_pnl,
    protocol_share,
    value,
)
from prep.model.results import MarginClientSet, MarketConfigured, OrderExecuted
from prep.model.storage import check_int128, check_uint128
from prep.model.vault import VaultState


class Plan(NamedTuple):
    """An order that was checked, and what carrying it out needs beside its outcome."""

    outcome: OrderExecuted
    quote: Quote
    old: Position
    closing_share: int
    """The protocol's part of the closing fee."""


class Orders(Isolated):
    """The functions that a margin client calls."""

    def __init__(self, vault: VaultState, *, now: int = 0, protocol_fee_rate: int = 0) -> None:
        super().__init__(vault, now=now, protocol_fee_rate=protocol_fee_rate)
        self.margin_clients: set[Hashable] = set()
        self.margin_positions: list[dict[tuple[Hashable, Hashable], Position]] = []
        """Of each market the open ones, by client and account."""

    def add_market(self, config: MarketConfig) -> MarketConfigured:
        """Adds a market; its price is unusable until it is set."""
        result = super().add_market(config)
        self.margin_positions.append({})
        return result

    def set_margin_client(self, client: Hashable, registered: bool) -> MarginClientSet:
        """Lets a client open and grow positions, or only reduce and close them."""
        if registered:
            self.margin_clients.add(client)
        else:
            self.margin_clients.discard(client)
        return MarginClientSet(client, registered)

    def is_margin_client(self, client: Hashable) -> bool:
        """Whether the client may open and grow positions."""
        return client in self.margin_clients

    def margin_position(self, client: Hashable, account: Hashable, market_id: int) -> Position:
        """A margin position as stored; `FLAT` if there is none. Needs no price."""
        self.market(market_id)
        return self.margin_positions[market_id].get((client, account), FLAT)

    # ---------------------------------------------------------------------------------- orders

    def execute_order(
        self,
        client: Hashable,
        account: Hashable,
        market_id: int,
        size: int,
        reduce_only: bool = False,
    ) -> OrderExecuted:
        """Changes a position by `size`, signed base units; `reduce_only` cuts what would flip it to
        a close. The whole old position is settled."""
        plan = self._plan_order(client, account, market_id, size, reduce_only)
        self._check_all([plan])
        self._carry_out(plan)
        return plan.outcome

    def preview_order(
        self,
        client: Hashable,
        account: Hashable,
        market_id: int,
        size: int,
        reduce_only: bool = False,
    ) -> OrderExecuted:
        """What `execute_order` would return or raise now. Changes nothing."""
        outcome = self._plan_order(client, account, market_id, size, reduce_only).outcome
        self._check_vault_can_pay(outcome.liquidity_change)
        return outcome

    def close_all(self, client: Hashable, account: Hashable) -> list[OrderExecuted]:
        """Closes the account's positions on all markets. The vault pays or gets the sum, so losses
        on one market help to pay for gains on another."""
        plans = [
            self._plan_order(client, account, market_id, -positions[client, account].size, True)
            for market_id, positions in enumerate(self.margin_positions)
            if (client, account) in positions
        ]
        self._check_all(plans)
        for plan in plans:
            self._carry_out(plan)
        return [plan.outcome for plan in plans]

    # -------------------------------------------------------------------------------- internal

    def _plan_order(
        self,
        client: Hashable,
        account: Hashable,
        market_id: int,
        size: int,
        reduce_only: bool,
    ) -> Plan:
        """Computes an order and makes every check but whether the vault can pay."""
        if size == 0:
            raise Rejected("ZeroAmount")
        if abs(size) > limits.MAX_SIZE:
            raise Rejected("AmountOutOfBounds", abs(size), limits.MAX_SIZE)
        quote = self.quote(market_id)
        config, price, scale = quote.config, quote.price, quote.skew_scale
        old = self.margin_positions[market_id].get((client, account), FLAT)
        held = old.size
        if reduce_only:
            if held * size >= 0:
                raise Rejected("NotReducible", held, size)
            if abs(size) > abs(held):
                size = -held
        target = held + size
        if held * target < 0:
            removed, added = held, target
        elif held * size < 0:
            removed, added = -size, 0
        else:
            removed, added = 0, size

        skew = quote.market.skew
        close_price = execution_price(skew, skew - held, scale, price) if held else 0
        entry_price = execution_price(skew - held, skew + size, scale, price) if target else 0
        # A flip is a close and an opening, with nothing of the old position left between them.
        left = skew - removed
        removing_price = execution_price(skew, left, scale, price)
        adding_price = execution_price(left, left + added, scale, price)

        from_price = price_pnl(held, old.entry_price, close_price)
        funding = wmul(held, quote.funding_index - old.funding_index)
        borrowing = borrowing_fee(old.notional, quote.borrow_index - old.borrow_index)
        closing = fee(config.closing_fee_rate, removed, removing_price)
        opening = -fee(config.opening_fee_rate, added, adding_price)
        closing_share = protocol_share(-closing, self.protocol_fee_rate)
        protocol_fee = closing_share + protocol_share(opening, self.protocol_fee_rate)
        new = FLAT
        if target:
            new = Position(target, entry_price, quote.funding_index, quote.borrow_index)

        if added:
            if client not in self.margin_clients:
                raise Rejected("NotMarginClient", client)
            self._check_room(market_id, added, adding_price, quote)
        if new.notional > limits.MAX_COST:
            raise Rejected("AmountOutOfBounds", new.notional, limits.MAX_COST)
        if target and (added == 0 or added == target):
            worth = value(target, price)
            if worth < config.min_position_value:
                raise Rejected("PositionTooSmall", worth, config.min_position_value)
        if added:
            side = abs(added) + (quote.market.long_oi if added > 0 else quote.market.short_oi)
            self._check_caps(target, price, config, side, skew, skew + size)

        settlement = from_price + funding + borrowing + closing - opening
        outcome = OrderExecuted(
            client=client,
            account=account,
            market_id=market_id,
            size=size,
            close_price=close_price,
            price_pnl=from_price,
            funding=funding,
            borrowing_fee=borrowing,
            closing_fee=closing,
            opening_fee=opening,
            protocol_fee=protocol_fee,
            settlement=settlement,
            position=new,
            liquidity_change=-settlement - protocol_fee,
        )
        return Plan(outcome, quote, old, closing_share)

    def _check_room(self, market_id: int, added: int, px: int, quote: Quote) -> None:
        """The market takes new risk, the side of `added` has room for it, and so has the vault."""
        if not quote.config.enabled:
            raise Rejected("MarketClosed", market_id)
        market = quote.market
        side = abs(added) + (market.long_oi if added > 0 else market.short_oi)
        if side > limits.MAX_SIZE:
            raise Rejected("AmountOutOfBounds", side, limits.MAX_SIZE)
        if quote.skew_scale:
            deepest = quote.skew_scale // (limits.MIN_DEPTH if market_id == MARKET else 1)
            if side > deepest:
                raise Rejected("SkewScaleExceeded", side, deepest)
        self._check_reserves(value(added, px), quote)

    def _check_all(self, plans: list[Plan]) -> None:
        """The vault can pay for all of the orders together, and what results can be stored."""
        self._check_vault_can_pay(sum(plan.outcome.liquidity_change for plan in plans))
        unpaid, liquidity = self.unpaid_protocol_fees, self.vault.liquidity
        for plan in plans:
            unpaid += plan.outcome.protocol_fee
            liquidity += plan.outcome.liquidity_change
            self._check_storable(plan, unpaid)
        check_uint128(liquidity)

    def _check_storable(self, plan: Plan, unpaid: int) -> None:
        """What the market and the protocol have after the order fits into their types."""
        outcome, market = plan.outcome, plan.quote.market
        opening_share = outcome.protocol_fee - plan.closing_share
        check_int128(
            market.price_pnl - outcome.price_pnl,
            market.borrowing_fee - outcome.borrowing_fee,
            market.closing_fee - outcome.closing_fee - plan.closing_share,
            market.accrued_funding - outcome.funding,
            market.opening_fee + outcome.opening_fee - opening_share,
        )
        check_uint128(unpaid)
        check_uint128(*market.replaced(plan.old, outcome.position))

    def _carry_out(self, plan: Plan) -> None:
        """Puts an order that was checked into effect."""
        outcome, quote, old, closing_share = plan
        market = quote.market
        opening_share = outcome.protocol_fee - closing_share
        market.price_pnl -= outcome.price_pnl
        market.borrowing_fee -= outcome.borrowing_fee
        market.closing_fee -= outcome.closing_fee + closing_share
        market.accrued_funding -= outcome.funding
        market.opening_fee += outcome.opening_fee - opening_share
        self.unpaid_protocol_fees += outcome.protocol_fee
        self.vault.liquidity += outcome.liquidity_change
        market.accrue(quote, self.now)
        market.replace(old, outcome.position)
        positions = self.margin_positions[outcome.market_id]
        if outcome.position.size:
            positions[outcome.client, outcome.account] = outcome.position
        else:
            del positions[outcome.client, outcome.account]
