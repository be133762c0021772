"""Isolated trading on market 0: one collateral balance and one position per trader.

Sizes given to open, increase and decrease are notionals in PREP base units unless said otherwise;
`acceptable` is the worst execution price (WAD) and `deadline` the last second that the caller
accepts. While the market has a delay, traders cannot do these themselves, nor close: what they have
requested is done for them. docs/whitepaper.md, "Positions".
"""

from collections.abc import Hashable
from enum import IntEnum

from prep.model import limits
from prep.model.book import MARKET, Book
from prep.model.errors import Rejected
from prep.model.fixed import WAD, trunc_div
from prep.model.market import Quote
from prep.model.position import FLAT, equity, leverage, part_of_notional, reduced, settle
from prep.model.results import (
    CollateralChanged,
    PositionDecreased,
    PositionIncreased,
    PositionLiquidated,
)
from prep.model.storage import check_int128, check_uint128
from prep.model.views import PositionDetails


class TradeKind(IntEnum):
    """The trades that can be requested."""

    OPEN_WITH_SIZE = 0
    OPEN_WITH_TOKEN = 1
    INCREASE = 2
    DECREASE = 3
    CLOSE = 4


class Isolated(Book):
    """The functions that a trader or a liquidator calls."""

    # ---------------------------------------------------------------------------------- collateral

    def deposit_collateral(self, trader: Hashable, amount: int) -> CollateralChanged:
        """Adds to the trader's balance. Needs no price."""
        if amount == 0:
            raise Rejected("ZeroAmount")
        collateral = self._trader(trader).collateral + amount
        if collateral > limits.MAX_COLLATERAL:
            raise Rejected("AmountOutOfBounds", collateral, limits.MAX_COLLATERAL)
        self._set_collateral(trader, collateral)
        return CollateralChanged(trader, amount, collateral)

    def withdraw_collateral(self, trader: Hashable, amount: int) -> CollateralChanged:
        """Takes from the trader's balance; with a position, leverage is at most 15x afterwards."""
        if amount == 0:
            raise Rejected("ZeroAmount")
        account = self._trader(trader)
        if amount > account.collateral:
            raise Rejected("InsufficientCollateral", account.collateral, amount)
        collateral = account.collateral - amount
        if account.id:
            quote = self.quote(MARKET)
            self._check_leverage(account.position, collateral, quote, quote.market.skew)
        self._set_collateral(trader, collateral)
        return CollateralChanged(trader, -amount, collateral)

    # ----------------------------------------------------------------------------------- positions

    def open_position_with_size(
        self,
        trader: Hashable,
        size: int,
        is_long: bool,
        acceptable: int | None = None,
        deadline: int | None = None,
    ) -> PositionIncreased:
        """Opens a position with a notional of `size` PREP base units at the oracle price."""
        self._check_one_step()
        return self._open(trader, size, True, is_long, acceptable, deadline)

    def open_position_with_token(
        self,
        trader: Hashable,
        size: int,
        is_long: bool,
        acceptable: int | None = None,
        deadline: int | None = None,
    ) -> PositionIncreased:
        """Opens a position of `size` base units of the asset."""
        self._check_one_step()
        return self._open(trader, size, False, is_long, acceptable, deadline)

    def increase_position(
        self,
        trader: Hashable,
        size: int,
        acceptable: int | None = None,
        deadline: int | None = None,
    ) -> PositionIncreased:
        """Adds a notional of `size` at the oracle price. Only the opening fee is realised."""
        self._check_one_step()
        return self._increase(trader, size, acceptable, deadline)

    def decrease_position(
        self,
        trader: Hashable,
        size: int,
        acceptable: int | None = None,
        deadline: int | None = None,
    ) -> PositionDecreased:
        """Closes the part whose entry notional is `size`; the whole entry notional closes all."""
        self._check_one_step()
        return self._decrease(trader, size, acceptable, deadline)

    def close_position(
        self, trader: Hashable, acceptable: int | None = None, deadline: int | None = None
    ) -> PositionDecreased:
        """Closes the whole position. What collateral cannot pay is bad debt of the vault."""
        self._check_one_step()
        return self._close(trader, acceptable, deadline)

    def trade_for(
        self, trader: Hashable, kind: TradeKind, is_long: bool, amount: int, acceptable: int
    ) -> PositionIncreased | PositionDecreased:
        """What a trader has requested. `amount` as the method of that kind takes it, ignored to
        close; `is_long` counts where a position is opened."""
        if kind in (TradeKind.OPEN_WITH_SIZE, TradeKind.OPEN_WITH_TOKEN):
            in_prep = kind == TradeKind.OPEN_WITH_SIZE
            return self._open(trader, amount, in_prep, is_long, acceptable)
        if kind == TradeKind.INCREASE:
            return self._increase(trader, amount, acceptable)
        if kind == TradeKind.DECREASE:
            return self._decrease(trader, amount, acceptable)
        return self._close(trader, acceptable)

    def liquidate_position(self, caller: Hashable, position_id: int) -> PositionLiquidated:
        """Closes a third of a position above 30x, or all of it where a third does not help. Anyone
        but the trader; the reward is credited to the caller's balance."""
        if position_id not in self.owners:
            raise Rejected("UnknownPosition", position_id)
        owner = self.owners[position_id]
        if caller == owner:
            raise Rejected("SelfLiquidation")
        account = self.traders[owner]
        position, market = account.position, self.markets[MARKET]
        quote = self.quote(MARKET)
        skew, notional = market.skew, position.notional
        own = equity(position, account.collateral, quote, skew, strict=False)
        before = leverage(notional, own)
        if before <= limits.LIQUIDATION_LEVERAGE:
            raise Rejected("PositionHealthy", before, limits.LIQUIDATION_LEVERAGE)

        rate = self.protocol_fee_rate
        part = trunc_div(position.size, 3)
        first = settle(position, part, account.collateral, quote, skew, rate)
        if own <= 0 or part == 0 or first.shortfall:
            first = settle(position, position.size, account.collateral, quote, skew, rate)
        rest = reduced(position, first.size)
        settlements = [first]

        reward = notional * limits.LIQUIDATION_REWARD_RATE // WAD
        left = first.collateral
        if rest.size:
            # Not out of what the rest owes: closing it would leave bad debt then.
            closing = settle(rest, rest.size, left, quote, skew - first.size, rate)
            left = min(left, closing.collateral)
        from_trader = min(left, reward)
        collateral = first.collateral - from_trader
        if rest.size and self._must_go(rest, collateral, quote, skew - first.size):
            skew -= first.size
            second = settle(rest, rest.size, collateral, quote, skew, rate)
            # What the rest has won pays before the vault does.
            more = min(second.collateral, reward - from_trader)
            from_trader += more
            collateral, rest = second.collateral - more, FLAT
            settlements.append(second)

        # The vault's part comes last, so that it can never make the liquidation fail.
        self._check_booking(account, settlements)
        change = sum(settlement.liquidity_change for settlement in settlements)
        spare = max(0, min(limits.MAX_REWARD_FROM_VAULT, self.vault.liquidity + change))
        from_vault = min(reward - from_trader, spare)
        reward = from_trader + from_vault
        credited = self._trader(caller).collateral + reward
        bad_debt = sum(settlement.bad_debt for settlement in settlements) + from_vault
        check_int128(market.bad_debt - bad_debt)
        check_uint128(collateral, credited)
        self._check_vault_can_pay(change - from_vault)
        check_uint128(self.vault.liquidity + change - from_vault)

        decreases = self._store(owner, rest, collateral, quote, settlements)
        market.bad_debt -= from_vault
        self.vault.liquidity -= from_vault
        self._set_collateral(caller, credited)
        return PositionLiquidated(
            trader=owner,
            id=position_id,
            liquidator=caller,
            leverage=before,
            collateral=collateral,
            reward=reward,
            from_vault=from_vault,
            liquidator_collateral=credited,
            decreases=tuple(decreases),
            liquidity_change=change - from_vault,
        )

    def _check_one_step(self) -> None:
        """Raises while trades wait for a later price."""
        if self.markets and self.markets[MARKET].config.min_execution_delay:
            raise Rejected("TwoStepMarket", MARKET)

    def _open(
        self,
        trader: Hashable,
        size: int,
        in_prep: bool,
        is_long: bool,
        acceptable: int | None = None,
        deadline: int | None = None,
    ) -> PositionIncreased:
        account = self._trader(trader)
        if account.id:
            raise Rejected("PositionExists", account.id)
        if size == 0:
            raise Rejected("ZeroAmount")
        self._check_deadline(deadline)
        quote = self.quote(MARKET)
        base = self._size_of(size, quote) if in_prep else size
        return self._grow(trader, base if is_long else -base, quote, acceptable)

    def _increase(
        self,
        trader: Hashable,
        size: int,
        acceptable: int | None = None,
        deadline: int | None = None,
    ) -> PositionIncreased:
        account = self._trader_with_position(trader)
        if size == 0:
            raise Rejected("ZeroAmount")
        self._check_deadline(deadline)
        quote = self.quote(MARKET)
        base = self._size_of(size, quote)
        return self._grow(trader, base if account.position.size > 0 else -base, quote, acceptable)

    def _decrease(
        self,
        trader: Hashable,
        size: int,
        acceptable: int | None = None,
        deadline: int | None = None,
    ) -> PositionDecreased:
        position = self._trader_with_position(trader).position
        if size == 0:
            raise Rejected("ZeroAmount")
        self._check_deadline(deadline)
        notional = position.notional
        if size > notional:
            raise Rejected("DecreaseTooLarge", size, notional)
        quote = self.quote(MARKET)
        part = position.size if size == notional else part_of_notional(position, size)
        if part == 0:
            raise Rejected("ZeroAmount")
        return self._shrink(trader, part, quote, acceptable)

    def _close(
        self, trader: Hashable, acceptable: int | None = None, deadline: int | None = None
    ) -> PositionDecreased:
        position = self._trader_with_position(trader).position
        self._check_deadline(deadline)
        return self._shrink(trader, position.size, self.quote(MARKET), acceptable)

    @staticmethod
    def _size_of(notional: int, quote: Quote) -> int:
        """What a notional buys at the oracle price, base units, rounded down."""
        if notional > limits.MAX_COST:
            raise Rejected("AmountOutOfBounds", notional, limits.MAX_COST)
        return notional * WAD // quote.price

    # --------------------------------------------------------------------------------------- views

    def position(self, trader: Hashable) -> PositionDetails:
        """A trader's collateral and position as stored. Needs no price."""
        account = self._trader(trader)
        position = account.position
        return PositionDetails(
            id=account.id,
            size=position.size,
            entry_price=position.entry_price,
            collateral=account.collateral,
            entry_notional=position.notional,
            borrow_index=position.borrow_index,
            funding_index=position.funding_index,
        )

    def position_owner(self, position_id: int) -> Hashable | None:
        """The owner of an open position; None for an id that is free or was never given out."""
        return self.owners.get(position_id)

    def ids_not_in_use(self) -> list[int]:
        """The ids free for reuse, the next one to be used first."""
        return self.free_ids[::-1]

    def leverage_and_liquidability(self, position_id: int) -> tuple[int, bool]:
        """Leverage, WAD, at the better of closing and oracle price, and whether it is above 30x."""
        if position_id not in self.owners:
            raise Rejected("UnknownPosition", position_id)
        account = self.traders[self.owners[position_id]]
        quote = self.quote(MARKET)
        skew = quote.market.skew
        own = equity(account.position, account.collateral, quote, skew, strict=False)
        result = leverage(account.position.notional, own)
        return result, result > limits.LIQUIDATION_LEVERAGE
