"""Random walks of credit accounts, their lenders, keepers and prices."""

from random import Random
from typing import Any

from prep.credit.actions import ALL, Action, ActionKind, OrderTerms
from prep.model import Rejected
from prep.model.window import Condition
from tests.credit import BITCOIN, DECIMALS, DOLLARS, ETHER, LTVS, PREP, SHARES, SOL, USD, WBTC, WETH
from tests.credit_agreement import agree
from tests.credit_desk import CAP, STEP, CreditDesk
from tests.suite import UNLIMITED, WAD

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


class CreditWalk:
    """One walk. Four people own five accounts; all of them lend, provide liquidity, fill orders and
    liquidate; a fifth person owns none."""

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

    def go(self, steps: int) -> None:
        """So many actions, each compared."""
        names, weights = list(WEIGHTS), list(WEIGHTS.values())
        for _ in range(steps):
            name = self.dice.choices(names, weights)[0]
            self.desk.after = self.dice.choice((0, 1, 1, 12, 70))
            getattr(self, name)()
            agree(self.desk)
            self.done += 1

    # -------------------------------------------------------------------------------- by accounts

    def one(self) -> None:
        self._list(1)

    def many(self) -> None:
        self._list(self.dice.randrange(2, 5))

    def _list(self, count: int) -> None:
        account = self.any_account()
        kinds = self.dice.choices(list(KINDS), list(KINDS.values()), k=count)
        self.act(account, *(self.action(account, kind) for kind in kinds))

    def lever(self) -> None:
        """A loan that leaves, or a trade, as large as can be, in halves."""
        account, dollars = self.any_account(), self.dice.randrange(2_000, 200_000)
        market, asset = self.dice.choice((BITCOIN, ETHER)), self.dice.choice(LENT)
        sign, loan = self.dice.choice((1, -1)), self.dice.random() < 0.5
        for part in range(6):
            amount = dollars * WORTH[asset] >> part
            if loan:
                actions = (Action(K.BORROW, asset, amount), Action(K.WITHDRAW, asset, amount))
            else:
                actions = (Action(K.TRADE, market, sign * self.size(market, dollars >> part)),)
            if not isinstance(self.act(account, *actions), Rejected):
                return

    def top_up(self) -> None:
        """Whoever does not stand well pays in."""
        for account in self.model.accounts:
            try:
                now = self.model.health(account, for_liquidation=False)
            except Rejected:
                continue
            if not now.well:
                short = now.required - now.equity + self.dice.choice((0, 1, 5_000 * WAD))
                owner = self.owner(account)
                self.desk.act(owner, account, Action(K.DEPOSIT, PREP, short))
                agree(self.desk)

    def wait_for_shares(self) -> None:
        """Liquidity that is asked back."""
        account = self.any_account()
        self.act(account, Action(K.ADD_LIQUIDITY, 0, self.amount(account, PREP)))
        self.act(account, Action(K.REQUEST_REDEEM, 0, self.amount(account, SHARES)))

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

    def bracket(self) -> None:
        """Two or three linked orders of one account."""
        account, market = self.any_account(), self.dice.choice(MARKETS)
        held = self.held(account, market) or self.size(market, self.dice.randrange(10, 2_000))
        reduce_only = self.dice.random() < 0.7
        for price, condition in ((9, Condition.AT_OR_BELOW), (11, Condition.AT_OR_ABOVE)):
            mine = self.book.ids.get(account, (0,))
            trigger = self.prices[market] * self.dice.choice((10, price)) // 10
            fee = self.dice.choice((WAD, 2 * WAD))
            expiry = self.desk.now + 2 * DAY
            terms = OrderTerms(
                condition, trigger, reduce_only, expiry, fee, mine[-1] if mine else 0
            )
            self.act(account, Action(K.PLACE_ORDER, market, -held, 0, terms))
        self.reprice(market, self.dice.randrange(-110, 110))
        agree(self.desk)
        self.fill()

    def delegate(self) -> None:
        account = self.any_account()
        who = self.owner(account) if self.dice.random() < 0.8 else self.anyone()
        bits, expiry = self.dice.choice((4_095, 1 << 12, self.dice.randrange(4_096))), UNLIMITED
        if self.dice.random() < 0.9:
            expiry = self.desk.now + self.dice.choice((0, 100, DAY))
        self.desk.delegate(who, account, self.anyone(), bits, expiry)

    def transfer(self) -> None:
        account = self.dice.choice(list(self.model.accounts))
        who = self.owner(account) if self.dice.random() < 0.8 else self.anyone()
        self.desk.transfer(who, account, self.anyone())

    # ------------------------------------------------------------------------------------ by others

    def liquidate(self) -> None:
        dice = self.dice
        unwell = [a for a in self.model.accounts if not self.well(a)]
        account = dice.choice(unwell) if unwell and dice.random() < 0.9 else self.any_account()
        state = self.model.account(account)
        debts = list(state.debts) or [PREP]
        held = list(state.balances) or [PREP]
        debt = dice.choice(debts) if dice.random() < 0.8 else dice.choice((PREP, PREP, USD, 9))
        collateral = (
            dice.choice(held) if dice.random() < 0.85 else dice.choice((PREP, SHARES, WETH, 9))
        )
        most = dice.choice((0, UNLIMITED, dice.randrange(10_000) * WORTH.get(debt, 1)))
        self.desk.liquidate(self.anyone(), account, debt, collateral, most)

    def crash(self) -> None:
        """Prices move until somebody can be liquidated, and is."""
        account = self.any_account()
        for _ in range(4):
            for market in self.model.account(account).markets:
                way = -1 if self.held(account, market) > 0 else 1
                self.reprice(market, way * self.dice.randrange(30, 180))
            for asset in PRICED:
                holding = (
                    self.model.holding(account, asset) if account in self.model.accounts else None
                )
                if holding and (holding.balance or holding.debt):
                    way = 1 if holding.debt > holding.balance else -1
                    self.reprice_asset(asset, way * self.dice.randrange(10, 200))
            if not self.well(account):
                break
        for _ in range(2):
            agree(self.desk)
            self.liquidate()

    def deleverage(self) -> None:
        account, market = self.any_account(), self.dice.choice(MARKETS)
        if self.dice.random() < 0.4:
            cap = self.dice.choice((0, 100 * WAD, 5_000 * WAD))
            name = self.dice.choice(("maxLongOIValue", "maxShortOIValue"))
            self.desk.configure(market, **{name: cap}, borrowRate=0)
        most = self.dice.choice((UNLIMITED, self.size(market, 500), 0))
        self.desk.deleverage(self.anyone(), account, market, most)
        agree(self.desk)
        self.desk.configure(market, maxLongOIValue=UNLIMITED, maxShortOIValue=UNLIMITED)

    def fill(self) -> None:
        ready = [i for i in self.book.orders if self.state(i) == 1]
        if ready and self.dice.random() < 0.8:
            self.desk.fill(self.anyone(), self.dice.choice(ready))
        else:
            self.desk.fill(self.anyone(), self.any_order())

    def fill_many(self) -> None:
        orders = [i for i in self.book.orders if self.state(i) == 1][:3]
        orders += self.dice.sample(sorted(self.book.orders), min(2, len(self.book.orders)))
        self.desk.fill_many(self.anyone(), [*orders, 5][: self.dice.randrange(6)])

    def in_two_steps(self) -> None:
        """Orders that are placed, wait for the next price, and are tried in time or too late."""
        account, dice = self.any_account(), self.dice
        self.desk.configure(SOL, minExecutionDelay=DELAY)
        for _ in range(dice.randrange(1, 4)):
            mine = self.book.ids.get(account, ())
            size = self.size(SOL, dice.randrange(10, 60_000)) * dice.choice((1, -1))
            held, reduce_only = self.held(account, SOL), dice.random() < 0.4
            if reduce_only and held:
                size = -held
            condition = dice.choice((Condition.ALWAYS, *Condition))
            trigger = self.prices[SOL] * dice.choice((95, 100, 105)) // 100
            linked_to = mine[-1] if mine and dice.random() < 0.5 else 0
            expiry = self.desk.now + dice.choice((100, DAY))
            terms = OrderTerms(condition, trigger, reduce_only, expiry, WAD, linked_to)
            self.act(account, Action(K.PLACE_ORDER, SOL, size, 0, terms))
        for _ in range(dice.randrange(1, 4)):
            self.desk.after = dice.choice((10, DELAY, DELAY + 1))
            self.reprice(SOL, dice.randrange(-60, 60))
            self.desk.after = dice.randrange(2)
            order = self.any_order(account)
            if dice.random() < 0.3:
                self.act(account, Action(K.CANCEL_ORDER, order))
                agree(self.desk)
            self.desk.fill(self.anyone(), order)
            agree(self.desk)
        self.desk.remove(self.anyone(), self.any_order(account))

    def remove(self) -> None:
        dead = [i for i in self.book.orders if self.state(i) == 2]
        order = self.dice.choice(dead) if dead and self.dice.random() < 0.8 else self.any_order()
        self.desk.remove(self.anyone(), order)

    def lend(self) -> None:
        asset, dollars = self.dice.choice(LENT), self.dice.randrange(1, 100_000)
        self.desk.lend(self.anyone(), asset, dollars * WORTH[asset])

    def take_back(self) -> None:
        """Sometimes all that lies idle."""
        asset, lender = self.dice.choice(LENT), self.desk.credit.liquidity_provider
        pool = self.desk.pools[asset]
        idle = pool.max_withdraw(lender.address)
        left = self.dice.choice((0, 1, idle // 2, 100 * WORTH[asset], -1))
        self.desk.take_back(lender, asset, max(0, idle - left))

    def refill(self) -> None:
        for asset in LENT:
            if self.desk.pools[asset].idle < 1_000 * WORTH[asset]:
                self.desk.lend(self.people[4], asset, 200_000 * WORTH[asset])

    def provide(self) -> None:
        who = self.anyone()
        shares = self.desk.system.vault.balance_of(who.address)
        if self.dice.random() < 0.5:
            self.desk.provide(who, self.dice.randrange(50_000) * WAD)
        else:
            self.desk.leave(who, shares // self.dice.choice((1, 2, 3)) + self.dice.randrange(2))

    # ------------------------------------------------------------------------------------- around

    def drift(self) -> None:
        if self.dice.random() < 0.6:
            self.reprice(self.dice.choice(MARKETS), self.dice.randrange(-120, 130))
        else:
            self.reprice_asset(self.dice.choice(PRICED), self.dice.randrange(-100, 110))

    def blind(self) -> None:
        """A price that cannot be used, and what everybody does meanwhile."""
        if self.dice.random() < 0.5:
            market = self.dice.choice(MARKETS)
            self.desk.set_market_price(market, TOO_HIGH if market else self.dice.choice((0, -STEP)))
        else:
            self.desk.set_asset_price(self.dice.choice(PRICED), self.dice.choice((0, TOO_HIGH)))
        agree(self.desk)
        for name in self.dice.choices(
            ("one", "one", "liquidate", "fill", "fill_many", "remove"), k=4
        ):
            getattr(self, name)()
            agree(self.desk)
        self.mend()

    def time(self) -> None:
        self.desk.after = self.dice.choice((3_600, DAY, DAY, 8 * DAY, 60 * DAY))
        self.one()
        agree(self.desk)
        if self.dice.random() < 0.7:
            self.mend()

    def borrow_most(self, asset: int) -> None:
        """To the unit, and one more."""
        account = self.any_account()
        self.desk.advance()
        self.model.begin()
        most = self.desk.pools[asset].max_borrow(self.desk.client)
        self.desk.after = 0
        self.act(account, Action(K.BORROW, asset, most + self.dice.randrange(2)))
        agree(self.desk)

    def mend(self) -> None:
        for market in MARKETS:
            self.reprice(market, 0)
        for asset in PRICED:
            self.reprice_asset(asset, 0)

    def settings(self) -> None:
        """What risk manager and guardian decide."""
        dice, desk = self.dice, self.desk
        asset, market = dice.choice(list(LTVS)), dice.choice(MARKETS)
        choice = dice.randrange(7)
        if choice == 0:
            max_ltv, threshold = LTVS[asset]
            less = dice.choice((0, 0, 500, 9_000))
            cap = dice.choice((UNLIMITED, UNLIMITED, 10_000 * WORTH[asset]))
            desk.set_asset(asset, max(0, max_ltv - less), threshold, cap)
        elif choice == 1:
            desk.set_market_ltv(*dice.choice(((market, 9_000, 9_500), (market, 0, 0), (7, 0, 0))))
        elif choice == 2:
            desk.configure(market, minExecutionDelay=dice.choice((0, DELAY)))
        elif choice == 3:
            desk.set_cooldown(dice.choice((0, 3_600, 5 * DAY)))
        elif choice == 4:
            lent = dice.choice(LENT)
            desk.set_borrow_cap(lent, dice.choice((0, 5_000 * WORTH[lent])))
            self.borrow_most(lent)
            desk.set_borrow_cap(lent, CAP)
        elif choice == 5:
            desk.set_reserve_share(dice.choice(LENT), dice.choice((0, WAD // 10, WAD // 2 + 1)))
        else:
            fees = {"closingFeeRate": dice.choice((0, WAD // 500))}
            desk.configure(market, **fees, enabled=dice.random() < 0.8)

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


BASE = {BITCOIN: 10_000 * WAD, ETHER: 2_000 * WAD, SOL: 100 * 10**30}
KINDS = {
    K.DEPOSIT: 5,
    K.WITHDRAW: 3,
    K.BORROW: 5,
    K.REPAY: 4,
    K.TRADE: 8,
    K.REDUCE: 4,
    K.ADD_LIQUIDITY: 2,
    K.REMOVE_LIQUIDITY: 2,
    K.REQUEST_REDEEM: 2,
    K.CANCEL_REQUEST: 2,
    K.PLACE_ORDER: 10,
    K.CANCEL_ORDER: 3,
}
WEIGHTS = {
    "one": 20,
    "many": 8,
    "lever": 6,
    "top_up": 3,
    "wait_for_shares": 1,
    "bracket": 3,
    "delegate": 2,
    "transfer": 1,
    "liquidate": 4,
    "crash": 1,
    "deleverage": 2,
    "fill": 7,
    "in_two_steps": 4,
    "fill_many": 3,
    "remove": 4,
    "lend": 1,
    "take_back": 2,
    "refill": 2,
    "provide": 2,
    "drift": 8,
    "blind": 2,
    "time": 3,
    "settings": 3,
}
