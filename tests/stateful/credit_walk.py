"""Random walks of credit accounts, their lenders, keepers and prices."""

from prep.credit.actions import Action, OrderTerms
from prep.model import Rejected
from prep.model.window import Condition
from tests.credit import BITCOIN, ETHER, PREP, SHARES, SOL, USD, WETH
from tests.credit_agreement import agree
from tests.stateful.credit_around import Around
from tests.stateful.credit_choices import DAY, DELAY, LENT, MARKETS, PRICED, WORTH, K
from tests.suite import UNLIMITED, WAD


class CreditWalk(Around):
    """One walk. Four people own five accounts; all of them lend, provide liquidity, fill orders and
    liquidate; a fifth person owns none."""

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
