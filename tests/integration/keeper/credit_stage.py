"""Credit accounts for a keeper to serve: short words for what its tests do."""

from dataclasses import dataclass

from ape.api import AccountAPI

from prep.credit.actions import ALL, borrow, reduce, trade, withdraw
from prep.keeper import CreditContracts, Keeper, Settings
from prep.keeper.report import Round
from tests.credit import ETHER, SOL, USD, WETH, CreditSuite

WAD = 10**18
BITCOIN = 10**8
DOLLAR = 10**6
FEE = 3 * WAD


@dataclass
class Stage:
    """One deployment, and who acts in it."""

    credit: CreditSuite
    owner: AccountAPI
    keeper_account: AccountAPI

    def keeper(self, account=None, execute=True, stop=None, **wanted):
        """One that serves credit accounts; sends for its account unless told not to."""
        suite, credit = self.credit.suite, self.credit
        contracts = CreditContracts(suite.prep, suite.requests, credit.manager, credit.book)
        account = account or self.keeper_account
        settings = Settings(**wanted)
        return Keeper(suite.protocol, suite.lens, account, settings, execute, stop, None, contracts)

    def needy(self, weth=WAD, wbtc=BITCOIN // 100, owner=None, size=WAD // 2):
        """An account that owes $1,000 and is long of $1,000 in ether. Ether, which it holds, costs
        $2,000; it is in need when that is a third less."""
        owner = owner or self.owner
        self.credit.set_asset_price(WETH, 2_000)
        account = self.credit.funded(owner, weth=weth, wbtc=wbtc)
        dollars = 1_000 * DOLLAR
        self.credit.act(
            owner,
            account,
            borrow(USD, dollars),
            withdraw(USD, dollars),
            *([trade(ETHER, size)] if size else []),
        )
        return account

    def broke(self):
        """An account that owes 300 PREP and has nothing."""
        credit = self.credit
        account = credit.funded(self.owner, prep=200 * WAD)
        credit.act(self.owner, account, trade(SOL, 10 * 10**6))
        credit.set_market_price(SOL, 50)
        credit.act(self.owner, account, reduce(SOL, ALL))
        credit.set_market_price(SOL, 100)
        return account

    def fund(self, asset, amount, account=None):
        """Tokens of the keeper, with an allowance."""
        self.credit.give(account or self.keeper_account, asset, amount)

    def wallet(self, account=None):
        """Its balances by asset."""
        account = account or self.keeper_account
        tokens = self.credit.tokens
        return {asset: token.balanceOf(account) for asset, token in tokens.items()}

    def in_need(self, account):
        health = self.credit.health(account, True)
        return health.equity < health.required

    def tried(self, account, debt, collateral, most):
        """What a liquidation would do now."""
        call = account, debt, collateral, most
        return self.credit.manager.liquidate.call(*call, sender=self.keeper_account)


def act(keeper, snapshot):
    """Carries out what an earlier look at credit accounts has shown."""
    done = Round(keeper.execute)
    keeper.desk.act(snapshot, keeper.settings, done)
    return done.report(0)
