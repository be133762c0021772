"""Closing positions against their owners' will, for the vault's sake, by anybody.

Allowed while the vault owes its traders too much for what it has (the collateralization ratio is
below its target), or while a side of a market is larger than its cap. docs/whitepaper.md,
"Deleverage".
"""

import copy
from collections.abc import Hashable
from dataclasses import dataclass

from prep.model.book import MARKET
from prep.model.errors import Rejected
from prep.model.fixed import UNLIMITED, WAD
from prep.model.limits import CLOCK
from prep.model.market import Quote
from prep.model.orders import Orders
from prep.model.position import Position
from prep.model.pricing import excess, value
from prep.model.results import Deleveraged


@dataclass(frozen=True, slots=True)
class Attempt:
    """What a call of deleverage has found out before it closes anything."""

    ratio: int
    target: int
    owed: int
    """To the traders; negative if they owe more."""
    size: int
    """To close, signed like the position."""
    by_open_interest: bool
    """Whether the side's open interest alone allows closing that much."""


class Deleverage(Orders):
    """The functions that anybody may call on somebody else's position."""

    def deleverage_trader(self, trader: Hashable, max_size: int) -> Deleveraged:
        """Closes at most `max_size` base units of an isolated position, as its owner would."""
        account = self._trader(trader)
        attempt = self._attempt(account.position, max_size, MARKET)
        quote = self.quote(MARKET)
        settlement, rest = self._plan_shrink(trader, attempt.size, quote, None)
        self._check_settlement(attempt, settlement.realised)
        after = self._ratio_after(
            attempt, quote, account.position, rest, settlement.liquidity_change
        )
        closed = self._store(trader, rest, settlement.collateral, quote, [settlement])[0]
        return Deleveraged(attempt.size, settlement.realised, attempt.ratio, after, closed)

    def deleverage_account(
        self, client: Hashable, account: Hashable, market_id: int, max_size: int
    ) -> Deleveraged:
        """Closes at most `max_size` base units of a margin position, as a reduce-only order of its
        client would."""
        position = self.margin_position(client, account, market_id)
        attempt = self._attempt(position, max_size, market_id)
        plan = self._plan_order(client, account, market_id, -attempt.size, True)
        closed = plan.outcome
        self._rehearse([plan])
        self._check_settlement(attempt, closed.settlement)
        after = self._ratio_after(
            attempt, self.quote(market_id), position, closed.position, closed.liquidity_change
        )
        self._carry_out([plan])
        return Deleveraged(attempt.size, closed.settlement, attempt.ratio, after, closed)

    # -------------------------------------------------------------------------------- internal

    def _attempt(self, position: Position, max_size: int, market_id: int) -> Attempt:
        """How much may be closed, and why."""
        if max_size == 0:
            raise Rejected("ZeroAmount")
        if position.size == 0:
            raise Rejected("NothingToClose")
        exposure, target = self.exposure(), self.vault.target_collateralization_ratio
        ratio = self.vault.collateralization_ratio(exposure)
        size, allowed = min(max_size, abs(position.size)), 0
        too_much = self._excess(position, self.quote(market_id))
        if too_much:
            allowed = min(size, too_much)
            left = abs(position.size) - allowed
            config = self.market(market_id).config
            too_small = value(left, self.price(market_id)) < config.min_position_value
            if too_small and max_size >= abs(position.size):
                allowed = abs(position.size)
        if ratio >= target:
            if not too_much:
                raise Rejected("NothingToDeleverage", ratio, target)
            size = allowed
        self._check_quiet(market_id)
        signed = size if position.size > 0 else -size
        return Attempt(ratio, target, exposure.seq_pnl + exposure.funding, signed, size <= allowed)

    def _check_quiet(self, market_id: int) -> None:
        """With price impact, whoever traded in this second could be about to move back, and would
        win what a forced close in between pays for his move."""
        market = self.market(market_id)
        if market.skew_scale and market.updated_at == self.now % CLOCK:
            raise Rejected("MarketBusy", market_id)

    @staticmethod
    def _excess(position: Position, quote: Quote) -> int:
        """What the position's side has too much of, base units."""
        market, config = quote.market, quote.config
        if position.size > 0:
            return excess(market.long_oi, config.max_long_oi_value, quote.price)
        return excess(market.short_oi, config.max_short_oi_value, quote.price)

    @staticmethod
    def _check_settlement(attempt: Attempt, settlement: int) -> None:
        """Losers are left alone unless their side is too large: what they owe backs the vault."""
        if settlement <= 0 and not attempt.by_open_interest:
            raise Rejected("SettlementNotPositive", settlement)

    def _ratio_after(
        self, attempt: Attempt, quote: Quote, old: Position, new: Position, change: int
    ) -> int:
        """The ratio once `old` has become `new`; raises if that is worse for the vault."""
        after = copy.copy(quote.market)
        after.replace(old, new)
        debt = attempt.owed
        for market, sign in ((quote.market, -1), (after, 1)):
            seq_pnl, funding, _ = market.at_stake(quote.price, quote.indices)
            debt += sign * (seq_pnl + funding)
        debt = max(0, debt)
        ratio = (self.vault.liquidity + change) * WAD // debt if debt else UNLIMITED
        if ratio >= attempt.target or ratio >= attempt.ratio:
            return ratio
        if attempt.ratio < WAD and debt < attempt.owed:
            return ratio
        raise Rejected("RatioWorsened", attempt.ratio, ratio, attempt.target)
