"""A venue whose credit accounts do all they can, and what must hold after each of their actions.

Messages of failed assertions begin with the invariant's id (docs/invariants.md).
"""

from collections import Counter
from dataclasses import replace
from enum import Enum
from typing import Any

from prep.model import UNLIMITED, WAD, MarketConfig, Rejected
from prep.model.credit import Credit
from prep.model.credit_config import MarketLtv
from prep.model.credit_results import (
    ALL,
    Action,
    ActionKind,
    OrderFilled,
    OrderRemoved,
    OrderTerms,
)
from prep.model.interest import RateCurve
from prep.model.undo import Undo
from prep.model.window import Condition
from tests.property.bench import BTC, ETH, HELD, PREP, SHARES, UNIT, USDC, WETH, bench
from tests.property.world import outcome

A = ActionKind
GEM = 2
"""A market with two-step execution."""
OWNERS = ("maker", "taker", "hedger", "swinger")
FUNGIBLE = (PREP, WETH, USDC, HELD)
UNITS = {PREP: UNIT, SHARES: 10**6 * UNIT, WETH: UNIT // 3_000, USDC: 10**6, HELD: UNIT}
"""About one PREP of each."""


class CreditWorld:
    """Four accounts. `who` names one; `x`, out of 10,000, scales amounts, and its digits choose."""

    def __init__(self, market: MarketConfig, curve: RateCurve, lent: int = 30_000) -> None:
        self.credit = credit = bench(market, curve, lent)
        self.system = credit.system
        self.system.set_protocol_fee_rate(WAD // 3)
        delay = MarketConfig(min_execution_delay=60, closing_fee_rate=WAD // 1_000)
        self.system.add_market(delay)
        credit.set_market_ltv(GEM, MarketLtv(8_000, 9_000))
        self.prices = {BTC: 60_000 * 10**28, ETH: 3_000 * WAD, GEM: 7 * WAD}
        self.worth = {i: credit.price(i) for i in (WETH, USDC, HELD)}
        self.tokens: Counter[int] = Counter({PREP: 1_000_000 * UNIT})
        for asset_id in (PREP, WETH, USDC):
            self.tokens[asset_id] += credit.asset(asset_id).config.pool.idle
        self.seen: Counter[str] = Counter()
        if market.skew_scale:
            deep = replace(market, skew_scale=50 * UNIT)
            self.system.set_market(ETH, deep)
        self.publish(0, 0)
        for who, owner in enumerate(OWNERS):
            credit.open(owner)
            for asset in range(4):
                self.deposit(who, 8_000 + 4 * who + asset)

    # ------------------------------------------------------------------------------- around them

    def wait(self, _: int, x: int) -> None:
        self.system.now += x * x // 100

    def publish(self, _: int, __: int) -> None:
        self.system.now += 45
        for market_id, price in self.prices.items():
            self.system.set_price(market_id, price)
            self.credit.order_book.publish(market_id, price, self.system.now)

    def price(self, who: int, x: int) -> None:
        self.prices[who % 3] = self.prices[who % 3] * (80_000 + 4 * x) // 100_000
        self.publish(who, x)

    def reprice(self, who: int, x: int) -> None:
        asset_id = (WETH, USDC, HELD)[who % 3]
        self.worth[asset_id] = self.worth[asset_id] * (90_000 + 2 * x) // 100_000
        self.credit.set_asset_price(asset_id, self.worth[asset_id])

    def go_blind(self, who: int, x: int) -> None:
        if x % 4 == 0:
            self.system.set_price(who % 3, Rejected("StalePrice"))
        elif x % 4 == 1:
            self.credit.set_asset_price((WETH, USDC, HELD)[who % 3], Rejected("StalePrice"))
        else:
            self.publish(who, x)
            for asset_id, price in self.worth.items():
                self.credit.set_asset_price(asset_id, price)

    def lender_in(self, who: int, x: int) -> Any:
        asset_id = (PREP, WETH, USDC)[who % 3]
        pool = self.credit.asset(asset_id).config.pool
        pool.now = self.system.now
        result = pool.deposit("lender", UNITS[asset_id] * x)
        self.tokens[asset_id] += result.assets
        return result

    def lender_out(self, who: int, x: int) -> Any:
        asset_id = (PREP, WETH, USDC)[who % 3]
        pool = self.credit.asset(asset_id).config.pool
        pool.now = self.system.now
        result = pool.withdraw("lender", pool.max_withdraw("lender") * x // 10_000)
        self.tokens[asset_id] -= result.assets
        return result

    def cooldown(self, _: int, x: int) -> None:
        self.system.set_cooldown_period((0, 3_600, 86_400)[x % 3])

    # ---------------------------------------------------------------------------------- accounts

    def deposit(self, who: int, x: int) -> Any:
        asset_id, amount = FUNGIBLE[x % 4], UNITS[FUNGIBLE[x % 4]] * x // 2
        self._act(who, Action(A.DEPOSIT, asset_id, amount))
        self.tokens[asset_id] += amount

    def withdraw(self, who: int, x: int) -> Any:
        asset_id = x % 5
        balance = self.credit.holding(who + 1, asset_id).balance
        amount = ALL if x % 7 == 0 else balance * x // 9_500
        self._act(who, Action(A.WITHDRAW, asset_id, amount))
        self.tokens[asset_id] -= balance if amount == ALL else amount

    def borrow(self, who: int, x: int) -> Any:
        return self._act(who, Action(A.BORROW, x % 5, UNITS[x % 5] * x))

    def borrow_out(self, who: int, x: int) -> Any:
        asset_id = FUNGIBLE[x % 3]
        amount = UNITS[asset_id] * x // 2
        borrow, withdraw = (Action(kind, asset_id, amount) for kind in (A.BORROW, A.WITHDRAW))
        self._act(who, borrow, withdraw)
        self.tokens[asset_id] -= amount

    def repay(self, who: int, x: int) -> Any:
        amount = (ALL, 1, UNITS[x % 5] * x)[x // 5 % 3]
        return self._act(who, Action(A.REPAY, x % 5, amount))

    def trade(self, who: int, x: int) -> Any:
        size = self._size(x % 3, x)
        return self._act(who, Action(A.TRADE, x % 3, size if x // 3 % 2 else -size))

    def lever(self, who: int, x: int) -> Any:
        """The most of a trade or a loan, in halves."""
        for part in range(8):
            size = self._size(x % 2, x) >> part
            amount = UNITS[USDC] * x >> part
            borrow, withdraw = (Action(kind, USDC, amount) for kind in (A.BORROW, A.WITHDRAW))
            if x % 3:
                result = outcome(self._act, who, Action(A.TRADE, x % 2, size if x % 5 else -size))
            else:
                result = outcome(self._act, who, borrow, withdraw)
                self.tokens[USDC] -= 0 if isinstance(result, Rejected) else amount
            if not isinstance(result, Rejected):
                return result
        raise result

    def reduce(self, who: int, x: int) -> Any:
        held = self.system.margin_position("manager", who + 1, x % 3).size
        return self._act(who, Action(A.REDUCE, x % 3, ALL if x % 2 else -held * x // 8_000))

    def add_liquidity(self, who: int, x: int) -> Any:
        return self._act(who, Action(A.ADD_LIQUIDITY, 0, ALL if x % 5 == 0 else UNIT * x))

    def remove_liquidity(self, who: int, x: int) -> Any:
        amount = ALL if x % 3 == 0 else UNITS[SHARES] * x
        return self._act(who, Action(A.REMOVE_LIQUIDITY, 0, amount))

    def request(self, who: int, x: int) -> Any:
        amount = ALL if x % 3 == 0 else UNITS[SHARES] * x
        return self._act(who, Action(A.REQUEST_REDEEM, 0, amount))

    def cancel_request(self, who: int, x: int) -> Any:
        amount = ALL if x % 3 == 0 else UNITS[SHARES] * x
        return self._act(who, Action(A.CANCEL_REQUEST, 0, amount))

    def place(self, who: int, x: int) -> Any:
        market_id = x % 3
        size, trigger = (
            self._size(market_id, x),
            self.prices[market_id] * (9_000 + x // 5) // 10_000,
        )
        condition = Condition(x // 3 % 3)
        mine = self.credit.order_book.ids.get(who + 1, ())
        terms = OrderTerms(
            condition,
            trigger,
            reduce_only=x // 9 % 2 == 0,
            expiry=self.system.now + 1 + x,
            keeper_fee=x // 18 % 3 * UNIT,
            linked_to=mine[0] if mine and x % 5 == 0 else 0,
        )
        signed = size if x // 54 % 2 else -size
        return self._act(who, Action(A.PLACE_ORDER, market_id, signed, 0, terms))

    def cancel_order(self, who: int, x: int) -> Any:
        mine = self.credit.order_book.ids.get(who + 1, ()) or (0,)
        return self._act(who, Action(A.CANCEL_ORDER, mine[x % len(mine)]))

    def fail_last(self, who: int, x: int) -> Any:
        """A list whose end is refused."""
        size = self._size(x % 2, x) // 4
        return self._act(
            who,
            Action(A.DEPOSIT, HELD, UNIT),
            Action(A.TRADE, x % 2, size),
            Action(A.REDUCE, x % 2, ALL),
            Action(A.PLACE_ORDER, BTC, 1, 0, OrderTerms(Condition.AT_OR_ABOVE, 1, True, 2**32)),
            Action(A.ADD_LIQUIDITY, 0, UNIT),
            Action(A.CANCEL_REQUEST, 0, 1),
            Action(A.BORROW, USDC, 10**6),
            Action(A.REPAY, HELD, 1),
        )

    # ----------------------------------------------------------------------------------- keepers

    def fill(self, _: int, __: int) -> Any:
        book = self.credit.order_book
        filled, events = book.execute_many("keeper", list(book.orders))
        self.tokens[PREP] -= sum(e.keeper_fee for e in events if isinstance(e, OrderFilled))
        self.seen["filled"] += sum(filled)
        self.seen["not filled"] += len(filled) - sum(filled)

    def remove(self, _: int, x: int) -> Any:
        book = self.credit.order_book
        order_id = (*book.orders, 0)[x % (len(book.orders) + 1)]
        fee = book.orders[order_id].terms.keeper_fee if order_id else 0
        events = book.remove("keeper", order_id)
        if any(e.fee_to_remover for e in events if isinstance(e, OrderRemoved)):
            self.tokens[PREP] -= fee
            self.seen["removed for its fee"] += 1

    def liquidate(self, who: int, x: int) -> Any:
        account = self.credit.accounts[who + 1]
        debts, balances = sorted(account.debts), sorted(account.balances)
        debt = debts[x % len(debts)] if debts and x % 5 else x % 4
        collateral = balances[x % len(balances)] if balances and x % 7 else x % 5
        most = UNLIMITED if x % 3 else UNITS[debt] * x // 4
        result = self.credit.liquidate("keeper", who + 1, debt, collateral, most)
        assert result.repaid <= most, "more was taken than was allowed"
        self.tokens[debt] += result.repaid
        self.tokens[PREP] -= result.reward
        self.tokens[collateral] -= result.seized
        for name in ("closed", "reward", "repaid", "seized", "bad_debt"):
            self.seen[f"liquidated: {name}"] += getattr(result, name) > 0
        return result

    def deleverage(self, who: int, x: int) -> Any:
        return self.credit.deleverage(who + 1, x % 3, UNLIMITED if x % 2 else x)

    # ----------------------------------------------------------------------------------- helpers

    def _act(self, who: int, *actions: Action) -> Any:
        return self.credit.execute(OWNERS[who], who + 1, actions)

    def _size(self, market_id: int, x: int) -> int:
        """Up to 20,000 PREP."""
        return 2 * UNIT * x * WAD // self.prices[market_id]


def photograph(item: Any) -> Any:
    """All state below `item` as a value that can be compared. Neither what has happened is state,
    nor what time it is."""
    if isinstance(item, dict):
        return {key: photograph(value) for key, value in item.items() if value != []}
    if isinstance(item, list):
        return [photograph(value) for value in item]
    if isinstance(item, (tuple, frozenset, set, int, str, Enum, Rejected, type(None))):
        return item
    names = [name for cls in type(item).__mro__ for name in getattr(cls, "__slots__", ())]
    names += [name for name in getattr(item, "__dict__", ()) if name != "_credit"]
    names = [name for name in names if name != "now"]
    return {
        name: photograph(getattr(item, name))
        for name in names
        if not isinstance(getattr(item, name), Undo)
    }


def margin(credit: Credit, account: int, *, for_liquidation: bool) -> int | Rejected:
    """By how much an account stands well, or the error of a price."""
    result = outcome(lambda: credit.health(account, for_liquidation=for_liquidation))
    return result if isinstance(result, Rejected) else result.equity - result.required
