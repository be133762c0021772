"""Liquidation of an account. docs/credit.md, "Liquidation".

Checks in this order: `AccountHealthy`; the debt asset and the collateral asset exist.
A position that cannot be closed for whatever reason is skipped. Nothing is paid where there is
nothing to seize, which is so where PREP is both assets: what was held of it has repaid debt before.
A balance whose last unit repays no debt share stops nothing.
"""

from collections.abc import Hashable
from dataclasses import dataclass

from prep.model.credit_actions import Actions
from prep.model.credit_config import (
    BPS,
    CLOSING_REWARD,
    FULL_BONUS_AT,
    LP_SHARES,
    MAX_BONUS,
    MIN_BONUS,
    PREP,
    TARGET,
)
from prep.model.credit_results import (
    AccountLiquidated,
    CloseSkipped,
    DebtWrittenOff,
    Liquidation,
)
from prep.model.errors import Rejected
from prep.model.fixed import WAD, mul_div_ceil
from prep.model.health import Health, owed, value


@dataclass(frozen=True, slots=True)
class Ask:
    """What a liquidator asks for, what he has lent to closing, and what of his reward is still due
    to him, PREP."""

    caller: Hashable
    account_id: int
    debt_asset: int
    collateral_asset: int
    max_repay: int
    supplied: int
    reward: int


@dataclass(frozen=True, slots=True)
class Exchange:
    """What a liquidator pays of the debt asset, and what he gets for it."""

    repaid: int
    seized: int


def bonus(before: Health) -> int:
    """From 2 % to 10 %, by how much is missing, WAD."""
    base = before.debt + before.required
    shortfall = (before.required - before.equity) * WAD // base if base else WAD
    return MIN_BONUS + (MAX_BONUS - MIN_BONUS) * min(shortfall, FULL_BONUS_AT) // FULL_BONUS_AT


def to_repay(now: Health, bonus: int, debt_weight: int, collateral_weight: int) -> int:
    """The value of the debt whose repayment brings the account to the target, rounded up. The
    weights are basis points."""
    target = mul_div_ceil(now.debt, TARGET, WAD)
    missing = target + now.required - now.collateral - now.pnl
    if missing <= 0:
        return 0
    gained = TARGET * BPS // debt_weight - (WAD + bonus) * collateral_weight // BPS
    return mul_div_ceil(missing, WAD, gained)


class Liquidations(Actions):
    """What anybody may do with an account that does not stand well."""

    def liquidate(
        self,
        caller: Hashable,
        account_id: int,
        debt_asset: int,
        collateral_asset: int,
        max_repay: int,
    ) -> Liquidation:
        """Closes positions, pays debts out of balances of the same asset, and lets the caller pay
        up to `max_repay` of one debt for collateral."""
        self.begin()
        with self.undo.atomic():
            return self._liquidate(caller, account_id, debt_asset, collateral_asset, max_repay)

    def _liquidate(
        self,
        caller: Hashable,
        account_id: int,
        debt_asset: int,
        collateral_asset: int,
        max_repay: int,
    ) -> Liquidation:
        before = self.health(account_id, for_liquidation=True)
        if before.well:
            raise Rejected("AccountHealthy", before.equity, before.required)
        self.asset(debt_asset)
        self.asset(collateral_asset)
        extra = bonus(before)
        closed, supplied = self._close_positions(account_id, max_repay if debt_asset == PREP else 0)
        self._net(account_id)
        now = self.health(account_id, for_liquidation=True)
        due = min(closed * CLOSING_REWARD // BPS, max(0, now.assets + now.pnl - now.owed))
        reward = min(due, self.accounts[account_id].balances.get(PREP, 0))
        self._debit(account_id, PREP, reward)
        now = now._replace(collateral=now.collateral - reward)
        ask = Ask(
            caller, account_id, debt_asset, collateral_asset, max_repay, supplied, due - reward
        )
        exchange = self._exchange(ask, extra, now)
        if exchange.repaid:
            self._repay(account_id, debt_asset, exchange.repaid)
        result = Liquidation(
            closed=closed,
            reward=reward,
            repaid=exchange.repaid + supplied,
            seized=exchange.seized,
            bonus=extra,
            bad_debt=self._write_off(account_id),
        )
        self.undo.events.append(
            AccountLiquidated(account_id, caller, debt_asset, collateral_asset, result)
        )
        return result

    def _close_positions(self, account_id: int, spare: int) -> tuple[int, int]:
        """Closes every position that can be. The value of these at oracle prices, and what of
        `spare` was used."""
        closed = supplied = 0
        for market_id in sorted(self.accounts[account_id].markets):
            size = self.system.margin_position(self.client, account_id, market_id).size
            try:
                notional = abs(size) * self.system.price(market_id) // WAD
                with self.undo.atomic():
                    supplied += self._execute(
                        account_id, market_id, -size, True, spare=spare - supplied
                    )
                closed += notional
            except Rejected as reason:
                self.undo.events.append(CloseSkipped(account_id, market_id, reason))
        return closed, supplied

    def _net(self, account_id: int) -> None:
        """Every balance repays the debt in the same asset."""
        for asset_id in self.accounts[account_id].assets:
            _, balance, _, debt = self.holding(account_id, asset_id)
            amount = min(balance, debt)
            if amount:
                self._debit(account_id, asset_id, amount)
                self._repay(account_id, asset_id, amount)

    def _exchange(self, ask: Ask, bonus: int, now: Health) -> Exchange:
        """What is paid and seized so that the account is at the target, at most."""
        price, debt_price = self.price(ask.collateral_asset), self.price(ask.debt_asset)
        weight = self.assets[ask.collateral_asset].config.liquidation_threshold
        balance = self.holding(ask.account_id, ask.collateral_asset).balance
        rest = min(ask.reward, value(balance, price))
        repaid = self.holding(ask.account_id, ask.debt_asset).debt if balance else 0
        if repaid:
            now = now._replace(collateral=now.collateral - rest * weight // BPS)
            debt_weight = self.assets[ask.debt_asset].config.liquidation_threshold
            missing = to_repay(now, bonus, debt_weight, weight)
            repaid = min(
                repaid, mul_div_ceil(missing, WAD, debt_price), ask.max_repay - ask.supplied
            )
        worth = value(value(repaid, debt_price), WAD + bonus)
        seized = (worth + ask.supplied + rest) * WAD // price
        if seized > balance:
            if ask.supplied:
                raise Rejected("CollateralInsufficient", seized, balance)
            seized = balance
            whole = mul_div_ceil(value(balance, price) - rest, WAD, WAD + bonus)
            repaid = min(repaid, mul_div_ceil(whole, WAD, debt_price))
        self._seize(ask.caller, ask.account_id, ask.collateral_asset, seized)
        return Exchange(repaid, seized)

    def _seize(self, caller: Hashable, account_id: int, asset_id: int, amount: int) -> None:
        """Sends collateral to the liquidator. Requests give way, the newest first."""
        if amount == 0:
            return
        self._debit(account_id, asset_id, amount)
        if asset_id == LP_SHARES:
            self._clear_lapsed(account_id)
            left = self.accounts[account_id].balances.get(LP_SHARES, 0)
            uncovered = self._requested(account_id) - left
            if uncovered > 0:
                self._cancel_requests(account_id, uncovered)
            self._move_shares(self.client, caller, amount)

    def _write_off(self, account_id: int) -> int:
        """Gives up the debts of an account that has nothing left. Their value."""
        account, bad_debt = self.accounts[account_id], 0
        if account.balances or account.markets:
            return 0
        for asset_id, shares in sorted(account.debts.items()):
            pool = self._pool(asset_id)
            amount = pool.to_debt(shares)
            bad_debt += owed(amount, self.price(asset_id))
            self._save_pool(pool)
            written_off = pool.write_off(self.client, amount)
            self.undo.events.append(written_off)
            self._change_debt(account_id, asset_id, -amount, -written_off.shares)
            self.undo.events.append(DebtWrittenOff(account_id, asset_id, amount))
        return bad_debt
