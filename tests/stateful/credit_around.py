"""What happens around credit accounts: lenders, LPs, prices, time and parameters."""

from prep.credit.actions import Action
from tests.credit import LTVS
from tests.credit_agreement import agree
from tests.credit_books import CAP, STEP
from tests.stateful.credit_choices import (
    DAY,
    DELAY,
    LENT,
    MARKETS,
    PRICED,
    TOO_HIGH,
    WORTH,
    Choices,
    K,
)
from tests.suite import UNLIMITED, WAD


class Around(Choices):
    """Everything but accounts and orders."""

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
