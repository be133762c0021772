"""What random walks of credit accounts choose from: who, which account, how much, what order."""

from random import Random
from typing import Any

from prep.credit.actions import ALL, Action, ActionKind, OrderTerms
from prep.model import Rejected
from prep.model.window import Condition
from tests.credit import BITCOIN, DECIMALS, DOLLARS, ETHER, PREP, SHARES, SOL, USD, WBTC, WETH
from tests.credit_agreement import agree
from tests.credit_desk import CreditDesk
from tests.suite import WAD

K = ActionKind
DAY = 86_400
MARKETS = (BITCOIN, ETHER, SOL)
PRICED = (WETH, WBTC, USD)
LENT = (PREP, WETH, WBTC, USD)
DELAY = 60
TOO_HIGH = 10**36 + 1
"""For an oracle without bounds of its own. None answers with a price of 0."""
WORTH = {asset: 10 ** DECIMALS[asset] // DOLLARS.get(asset, 1) for asset in DECIMALS}
"""Base units for a dollar, at first."""
BASE = {BITCOIN: 10_000 * WAD, ETHER: 2_000 * WAD, SOL: 100 * 10**30}
"""What markets begin with."""


class Choices:
    """People with accounts on a `CreditDesk`."""

    def __init__(self, desk: CreditDesk, people: list, seed: object) -> None:
        self.desk, self.people = desk, people
        self.dice = Random(str(seed))
        self.model, self.book = desk.model, desk.model.order_book
        self.prices = {market: desk.system.price(market) for market in MARKETS}
        self.worth = {asset: self.model.price(asset) for asset in PRICED}
        self.done = 0
        desk.configure(SOL, minExecutionDelay=DELAY)
        for i, owner in enumerate((*people[:4], people[0])):
            account = desk.open(owner)
            dollars = self.dice.randrange(2_000, 50_000)
            asset = (*LENT, PREP)[i]
            desk.act(owner, account, Action(K.DEPOSIT, asset, dollars * WORTH[asset] + i))
            desk.act(owner, account, Action(K.DEPOSIT, PREP, 1_000 * WAD + i))
        for who in people[:2]:
            desk.provide(who, 10_000 * WAD)
            desk.lend(who, USD, 10_000 * WORTH[USD])
        agree(desk)

    # ----------------------------------------------------------------------------------- actions

    def act(self, account: int, *actions: Action) -> Any:
        """By the owner, mostly."""
        owner = self.owner(account)
        who = owner if self.dice.random() < 0.93 else self.anyone()
        return self.desk.act(who, account, *actions)

    def action(self, account: int, kind: ActionKind) -> Action:
        dice = self.dice
        if kind is K.PLACE_ORDER:
            return self.order(account)
        if kind is K.CANCEL_ORDER:
            return Action(kind, self.any_order(account))
        if kind in (K.TRADE, K.REDUCE):
            market = dice.choice((*MARKETS, 3)) if dice.random() < 0.2 else dice.choice((0, 1))
            size = self.size(min(market, SOL), dice.randrange(1, 30_000)) * dice.choice((1, -1))
            held = self.held(account, market)
            if kind is K.REDUCE:
                size = dice.choice((ALL, size, -held, -held // 2, -2 * held))
            elif dice.random() < 0.3 and held:
                size = dice.choice((-held, -2 * held, 0))
            limit = self.limit(min(market, SOL)) if dice.random() < 0.4 else 0
            return Action(kind, market, size, limit)
        asset = dice.choice((PREP, *range(6)) if dice.random() < 0.2 else (*LENT, SHARES))
        if kind is K.REPAY:
            asset = dice.choice([*self.model.account(account).debts, asset])
        if kind in (K.ADD_LIQUIDITY, K.REMOVE_LIQUIDITY, K.REQUEST_REDEEM, K.CANCEL_REQUEST):
            asset = PREP if kind is K.ADD_LIQUIDITY else SHARES
        limit = dice.choice((0, 0, 0, 10**24, 10**40))
        amount = self.amount(account, asset)
        if kind is K.DEPOSIT and amount == ALL:
            amount = WORTH.get(asset, 1)
        return Action(kind, asset, amount, limit)

    def order(self, account: int) -> Action:
        """Of any kind, mostly one that can be."""
        dice, market = self.dice, self.dice.choice((*MARKETS, SOL))
        two_steps = self.desk.configs[market]["minExecutionDelay"] > 0
        condition = dice.choice(
            (Condition.ALWAYS, *Condition) if two_steps else list(Condition)[1:]
        )
        mine = self.book.ids.get(account, ())
        held = self.held(account, market)
        reduce_only = dice.random() < (0.6 if held else 0.2)
        size = self.size(market, dice.randrange(1, 20_000)) * dice.choice((1, -1))
        if reduce_only and held and dice.random() < 0.9:
            size = -held // dice.choice((1, 2))
        terms = OrderTerms(
            condition if dice.random() < 0.95 else Condition.ALWAYS,
            dice.choice((self.limit(market), self.limit(market), 2**200)),
            reduce_only,
            self.desk.now + dice.choice((0, 1, 90, 300, 300, DAY, DAY, 30 * DAY, 366 * DAY)),
            dice.choice((0, WAD, WAD, 3 * WAD + 1, 3 * WAD, 100 * WAD, 101 * WAD)),
            dice.choice((*mine, 7)) if mine and dice.random() < 0.4 else 0,
        )
        limit = dice.choice((0, 0, self.limit(market), 2**130))
        return Action(K.PLACE_ORDER, market, dice.choice((size,) * 9 + (0,)), limit, terms)

    # -------------------------------------------------------------------------------------- short

    def reprice(self, market: int, per_mille: int) -> None:
        low, high = BASE[market] // 4, BASE[market] * 4
        price = min(high, max(low, self.prices[market] * (1_000 + per_mille) // 1_000))
        self.prices[market] = price
        self.desk.set_market_price(market, price)

    def reprice_asset(self, asset: int, per_mille: int) -> None:
        first = DOLLARS[asset] * 10 ** (36 - DECIMALS[asset])
        price = self.worth[asset] * (1_000 + per_mille) // 1_000
        self.worth[asset] = min(4 * first, max(first // 4, price))
        self.desk.set_asset_price(asset, self.worth[asset])

    def size(self, market: int, dollars: int) -> int:
        return dollars * WAD * WAD // self.prices[market] + 1

    def limit(self, market: int) -> int:
        return self.prices[market] * self.dice.randrange(900, 1_100) // 1_000

    def amount(self, account: int, asset: int) -> int:
        """Of anything, mostly of what the account has."""
        held = self.model.account(account).balances.get(asset, 0)
        some = self.dice.randrange(1, 20_000) * WORTH.get(asset, 1) + self.dice.randrange(3)
        part = held * self.dice.randrange(1, 1_001) // 1_000
        return self.dice.choice((some, some, part, part, held, held + 1, ALL, 1, 0, -1))

    def held(self, account: int, market: int) -> int:
        if market not in self.model.account(account).markets:
            return 0
        return self.desk.system.margin_position(self.desk.client, account, market).size

    def owner(self, account: int) -> Any:
        name = self.model.account(account).owner
        return next((who for who in self.people if who.address == name), self.people[0])

    def anyone(self) -> Any:
        return self.dice.choice(self.people)

    def any_account(self) -> int:
        return 99 if self.dice.random() < 0.02 else self.dice.choice(list(self.model.accounts))

    def any_order(self, account: int | None = None) -> int:
        ids = self.book.orders if account is None else self.book.ids.get(account, ())
        if ids and self.dice.random() < 0.9:
            return self.dice.choice(list(ids))
        return self.dice.choice((*self.book.orders, 3, 1 << 32 | 77))

    def well(self, account: int) -> bool:
        try:
            return self.model.health(account, for_liquidation=True).well
        except Rejected:
            return True

    def state(self, order: int) -> int:
        try:
            return self.book.state_of(order)
        except Rejected:
            return 0
