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
from prep.model.fixed import WAD, wmul
from prep.model.isolated import Isolated
from prep.model.market import Indices, Market
from prep.model.position import FLAT, Position, settle
from prep.model.pricing import (
    borrowing_fee,
    fee,
    premium,
    price_between,
    price_pnl,
    protocol_share,
    value,
)
from prep.model.results import MarginClientSet, MarginEquity, MarketConfigured, OrderExecuted
from prep.model.storage import check_uint128
from prep.model.vault import VaultState


class Plan(NamedTuple):
    """An order that was checked, and what carrying it out needs beside its outcome."""

    outcome: OrderExecuted
    market: Market
    indices: Indices
    old: Position
    closing_share: int
    """The protocol's part of the closing fee."""

    def book(self) -> None:
        """Changes the market's amounts, indices aside."""
        outcome, market = self.outcome, self.market
        opening_share = outcome.protocol_fee - self.closing_share
        market.price_pnl -= outcome.price_pnl
        market.borrowing_fee -= outcome.borrowing_fee
        market.closing_fee -= outcome.closing_fee + self.closing_share
        market.accrued_funding -= outcome.funding
        market.opening_fee += outcome.opening_fee - opening_share
        market.replace(self.old, outcome.position)

    def reversed(self) -> "Plan":
        """What takes `book` back."""
        outcome = self.outcome
        opposite = outcome._replace(
            price_pnl=-outcome.price_pnl,
            borrowing_fee=-outcome.borrowing_fee,
            closing_fee=-outcome.closing_fee,
            funding=-outcome.funding,
            opening_fee=-outcome.opening_fee,
            protocol_fee=-outcome.protocol_fee,
            position=self.old,
        )
        return self._replace(
            outcome=opposite, old=outcome.position, closing_share=-self.closing_share
        )


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
        """A margin position as stored; `FLAT` if there is none. Needs neither price nor market."""
        if not 0 <= market_id < len(self.markets):
            return FLAT
        return self.margin_positions[market_id].get((client, account), FLAT)

    def margin_equity(self, client: Hashable, account: Hashable, market_id: int) -> MarginEquity:
        """What a position is worth to its account. All zero, without a price, where there is none.
        docs/whitepaper.md, "Orders"."""
        position = self.margin_position(client, account, market_id)
        size = position.size
        if size == 0:
            return MarginEquity(0, 0, 0, 0)
        quote = self.quote(market_id)
        closed = settle(position, size, 0, quote, quote.market.skew, 0)
        at_oracle = price_pnl(size, position.entry_price, quote.price)
        return MarginEquity(
            size,
            value(size, quote.price),
            closed.realised,
            closed.realised - closed.price_pnl + at_oracle,
        )

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
        self._carry_out([plan])
        return plan.outcome

    def preview_order(
        self,
        client: Hashable,
        account: Hashable,
        market_id: int,
        size: int,
        reduce_only: bool = False,
    ) -> OrderExecuted:
        """What `execute_order` would return or refuse now, but for amounts that do not fit into
        their types. Changes nothing."""
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
        self._carry_out(plans)
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
        price = self.price(market_id)
        market = self.markets[market_id]
        config = market.config
        old = self.margin_positions[market_id].get((client, account), FLAT)
        held, entry, old_funding_index, old_borrow_index = old
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

        # Three skews matter: before, without the old position, after.
        indices = market.accrued(self.now, price)
        borrow_index, _, funding_index = indices
        skew, scale = market.long_oi - market.short_oi, market.skew_scale
        start = premium(skew, scale)
        without = premium(skew - held, scale) if held else start
        end = premium(skew + size, scale) if target else without
        close_price = price_between(start, without, price) if held else 0
        entry_price = price_between(without, end, price) if target else 0
        # What is added or removed alone, unless all of the old position is.
        moving_price = entry_price if removed == held else price_between(start, end, price)

        from_price = funding = borrowing = closing = opening = closing_share = protocol_fee = 0
        if held:
            from_price = wmul(held, close_price - entry)
            funding = wmul(held, funding_index - old_funding_index)
            borrowing = borrowing_fee(abs(held) * entry // WAD, borrow_index - old_borrow_index)
            if removed:
                removing_price = close_price if removed == held else moving_price
                closing = fee(config.closing_fee_rate, removed, removing_price)
                closing_share = protocol_fee = protocol_share(-closing, self.protocol_fee_rate)
        if added:
            opening = -fee(config.opening_fee_rate, added, moving_price)
            protocol_fee += protocol_share(opening, self.protocol_fee_rate)
            side = self._side_after(client, market_id, market, added)
            self._check_reserves(abs(added) * moving_price // WAD, market, indices)
        new = FLAT
        if target:
            new = Position(target, entry_price, funding_index, borrow_index)
            if abs(target) * entry_price // WAD > limits.MAX_COST:
                raise Rejected("AmountOutOfBounds", new.notional, limits.MAX_COST)
            worth = abs(target) * price // WAD
            if worth < config.min_position_value and (added == 0 or added == target):
                raise Rejected("PositionTooSmall", worth, config.min_position_value)
            if added:
                self._check_caps(target, price, config, side, skew, skew + size)

        settlement = from_price + funding + borrowing + closing - opening
        outcome = OrderExecuted(
            client,
            account,
            market_id,
            size,
            close_price,
            from_price,
            funding,
            borrowing,
            closing,
            opening,
            protocol_fee,
            settlement,
            new,
            -settlement - protocol_fee,
        )
        return Plan(outcome, market, indices, old, closing_share)

    def _side_after(self, client: Hashable, market_id: int, market: Market, added: int) -> int:
        """The open interest of the side of `added` once it is added, if that is allowed."""
        if client not in self.margin_clients:
            raise Rejected("NotMarginClient", client)
        if not market.config.enabled:
            raise Rejected("MarketClosed", market_id)
        side = market.long_oi + added if added > 0 else market.short_oi - added
        if side > limits.MAX_SIZE:
            raise Rejected("AmountOutOfBounds", side, limits.MAX_SIZE)
        if market.skew_scale:
            deepest = market.skew_scale // (limits.MIN_DEPTH if market_id == MARKET else 1)
            if side > deepest:
                raise Rejected("SkewScaleExceeded", side, deepest)
        return side

    def _rehearse(self, plans: list[Plan]) -> None:
        """Raises what carrying the orders out would."""
        self._book(plans)
        for plan in plans:
            plan.reversed().book()

    def _carry_out(self, plans: list[Plan]) -> None:
        """Puts orders on different markets into effect, if the vault can pay for all of them
        together and what results can be stored."""
        self.unpaid_protocol_fees, self.vault.liquidity = self._book(plans)
        for outcome, market, indices, _, _ in plans:
            market.accrue(indices, self.now)
            positions = self.margin_positions[outcome.market_id]
            if outcome.position.size:
                positions[outcome.client, outcome.account] = outcome.position
            else:
                del positions[outcome.client, outcome.account]

    def _book(self, plans: list[Plan]) -> tuple[int, int]:
        """Books orders on different markets, or none. The unpaid protocol fees and the liquidity
        that result."""
        change = protocol_fee = 0
        for outcome, _, _, _, _ in plans:
            change += outcome.liquidity_change
            protocol_fee += outcome.protocol_fee
        unpaid, liquidity = self.unpaid_protocol_fees + protocol_fee, self.vault.liquidity + change
        booked = 0
        try:
            for plan in plans:
                plan.book()
                booked += 1
                plan.market.check_storable()
            check_uint128(unpaid)
            self._check_vault_can_pay(change)
            check_uint128(liquidity)
        except Rejected:
            for plan in plans[:booked]:
                plan.reversed().book()
            raise
        return unpaid, liquidity
