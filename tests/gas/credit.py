"""Credit accounts, their orders and their liquidation, and lenders, with the gas of every action.

All prices come through Chainlink adapters. Every action comes an hour after the one before, so that
interest, funding and fees accrue each time, and with every slot written before.
"""

from itertools import pairwise

from ape.api import AccountAPI

from prep.credit import actions as do
from tests.credit import DECIMALS, DOLLARS, LTVS, PREP, USD, WBTC, WETH, CreditSuite, deploy_credit
from tests.gas.orders import PLAIN, SKEWED
from tests.gas.scenario import HOUR, ODD, Meter
from tests.suite import UNLIMITED, WAD, ZERO_ADDRESS, market_config

KINDS = {"skew and funding": SKEWED, "no skew": PLAIN}
HEARTBEAT = 7 * 86_400
QUOTED = 2
"""A kind of borrowers, as vaults number them."""
TRIGGER = 20_000 * WAD
"""Above every price: what waits for a price below it fills."""


class Floor:
    """Credit accounts over a market of one kind, with others' positions on both sides."""

    def __init__(self, meter: Meter, project, lp: AccountAPI, crowd: list, kind: dict) -> None:
        self.meter, self.project, self.kind = meter, project, kind
        self.trader, self.other, self.keeper = crowd[:3]
        self.credit: CreditSuite = deploy_credit(project, meter.suite, lp)
        for asset in DOLLARS:
            self._use_adapter(asset)
        self.market = self.add_market(meter.suite.oracle)
        self.busy = self.credit.funded(self.other, prep=100_000 * WAD, weth=10 * WAD)
        self.act(None, self.busy, do.trade(self.market, 3 * WAD + ODD), who=self.other)
        second = self.credit.funded(self.other, prep=100_000 * WAD)
        self.act(None, second, do.trade(self.market, -2 * WAD - ODD), who=self.other)
        for who in (self.trader, self.keeper):
            for asset in (PREP, WETH):
                self.credit.give(who, asset, 1_000_000 * WAD)

    def _adapter(self, dollars: int, decimals: int):
        """Over a feed of its own."""
        admin = self.meter.suite.admin
        feed = admin.deploy(self.project.MockAggregator, 8, "ASSET / USD", dollars * 10**8)
        config = (feed, HEARTBEAT, decimals, 0, 0, ZERO_ADDRESS, 0)
        return admin.deploy(self.project.ChainlinkOracle, config)

    def _use_adapter(self, asset: int) -> None:
        oracle = self._adapter(DOLLARS[asset], DECIMALS[asset])
        token, lending = self.credit.tokens[asset], self.credit.lending[asset]
        config = (token, oracle, lending, *LTVS[asset], UNLIMITED)
        risk_manager = self.meter.suite.risk_manager
        self.credit.manager.setAsset(asset, config, sender=risk_manager)

    def add_market(self, oracle=None) -> int:
        """By default over a feed of its own. Its id."""
        suite = self.meter.suite
        market = suite.protocol.marketCount()
        config = market_config(oracle or self._adapter(10_000, 18), self.kind)
        suite.protocol.addMarket(config, sender=suite.risk_manager)
        self.credit.manager.setMarketLtv(market, 9_000, 9_500, sender=suite.risk_manager)
        return market

    def act(self, name: str | None, account: int, *actions: do.Action, who=None) -> None:
        args = account, do.encode(actions)
        self.meter.send(name, self.credit.manager.execute, *args, sender=who or self.trader)

    def order(self, size: int, reduce_only: bool) -> do.Action:
        expiry = self.meter.chain.blocks.head.timestamp + 100 * HOUR
        terms = do.OrderTerms(do.Condition.AT_OR_BELOW, TRIGGER, reduce_only, expiry, WAD + ODD)
        return do.Action(do.ActionKind.PLACE_ORDER, self.market, size, 0, terms)

    def lenders(self) -> None:
        """Of PREP, some of which is lent out."""
        lender, vault = self.keeper, self.credit.lending[PREP]
        self.credit.approve(lender, PREP, vault.address)
        send = self.meter.send
        self.act(None, self.busy, do.borrow(PREP, 100 * WAD + ODD), who=self.other)
        send(None, vault.deposit, 1_000 * WAD + ODD, lender, sender=lender)
        send("lender deposit", vault.deposit, 1_000 * WAD + ODD, lender, sender=lender)
        send("lender redeem", vault.redeem, 10**26 + ODD, lender, lender, sender=lender)

    def quoted(self) -> None:
        """A borrower of the quoted kind, and lenders of a vault that he owes too."""
        borrower, lender, vault = self.other, self.keeper, self.credit.lending[PREP]
        self.credit.give(borrower, PREP, 1_000 * WAD)
        self.credit.approve(borrower, PREP, vault.address)
        vault.registerBorrower(borrower, QUOTED, 10**30, sender=self.meter.suite.admin)
        send = self.meter.send
        send(None, vault.borrow, 100 * WAD + ODD, borrower, sender=borrower)
        send(None, vault.recordInterest, WAD + ODD, sender=borrower)
        send("borrow, quoted", vault.borrow, 100 * WAD + ODD, borrower, sender=borrower)
        send("record interest, quoted", vault.recordInterest, WAD + ODD, sender=borrower)
        send("repay, quoted", vault.repay, 10 * WAD + ODD, sender=borrower)
        send("lender deposit, both kinds", vault.deposit, 1_000 * WAD + ODD, lender, sender=lender)
        send("lender redeem, both kinds", vault.redeem, 10**26 + ODD, lender, lender, sender=lender)

    def quoted_only(self) -> None:
        """Lenders of a vault that lends to borrowers of the quoted kind alone."""
        borrower, lender, vault = self.other, self.keeper, self.credit.lending[WETH]
        self.credit.approve(lender, WETH, vault.address)
        vault.registerBorrower(borrower, QUOTED, 10**30, sender=self.meter.suite.admin)
        send, args = self.meter.send, (10 * WAD + ODD, lender)
        send(None, vault.deposit, *args, sender=lender)
        send(None, vault.borrow, WAD + ODD, borrower, sender=borrower)
        send(None, vault.recordInterest, WAD // 100 + ODD, sender=borrower)
        assert vault.totalDebt()[0] == 0
        send("lender deposit, quoted only", vault.deposit, *args, sender=lender)
        send("lender redeem, quoted only", vault.redeem, 10**24 + ODD, *2 * [lender], sender=lender)

    def trade(self) -> None:
        """What a trader does, with orders."""
        account = self.credit.open(self.trader)
        deposit, open_ = do.deposit(PREP, 2_000 * WAD + ODD), do.trade(self.market, WAD + ODD)
        close = do.reduce(self.market, do.ALL)
        withdraw = do.withdraw(PREP, 1_000 * WAD + ODD)
        self.act(None, account, deposit, open_)
        self.act(None, account, close)
        self.act("deposit, open", account, deposit, open_)
        self.act("close, withdraw", account, close, withdraw)
        self.act(None, account, deposit, do.trade(self.market, WAD + ODD))
        self.act("borrow", self.busy, do.borrow(PREP, 100 * WAD + ODD), who=self.other)
        self.act("repay", self.busy, do.repay(PREP, 10 * WAD + ODD), who=self.other)

        self.act("place order, first", account, self.order(WAD // 3, False))
        self.act("place order", account, self.order(-WAD // 3, True))
        self.act(None, account, self.order(-WAD // 3, True))
        opening, closing, third = self.credit.book.ordersOf(account)
        execute = self.credit.book.execute
        self.meter.send("trigger order, grows", execute, opening, sender=self.keeper)
        self.meter.send("trigger order, reduces", execute, closing, sender=self.keeper)
        self.act("cancel order", account, do.cancel_order(third))

    def liquidate(self) -> None:
        """An account with one position and one collateral; its loss is borrowed."""
        account = self.credit.funded(self.trader, weth=5 * WAD)
        self.act(None, account, do.trade(self.market, WAD + ODD))
        self.meter.price(2_000)
        liquidate = self.credit.manager.liquidate
        self.meter.send(
            "liquidate", liquidate, account, PREP, WETH, 100_000 * WAD, sender=self.keeper
        )

    def health_checks(self) -> None:
        """A withdrawal from an account with more and more positions and collaterals."""
        account = self.credit.funded(self.trader, prep=50_000 * WAD)
        markets = [self.market, self.add_market(), self.add_market()]
        for market in markets[1:]:
            self.act(None, self.busy, do.trade(market, 2 * WAD + ODD), who=self.other)
            self.act(None, self.busy, do.trade(market, -WAD), who=self.other)
        steps = [do.trade(market, WAD + ODD) for market in markets]
        for asset, amount in ((WETH, WAD), (WBTC, 10**8), (USD, 10**6)):
            self.credit.give(self.trader, asset, amount)
            steps.append(do.deposit(asset, amount))
        for number, step in enumerate(steps, 1):
            self.act(None, account, step)
            kind = "position" if number <= len(markets) else "collateral"
            self.act(f"withdraw with {kind} {number}", account, do.withdraw(PREP, WAD + ODD))

    def added(self) -> dict[str, int]:
        """What each further position, and each further collateral, has added to a health check."""
        by_number = [gas for name, gas in self.meter.gas.items() if name.startswith("withdraw w")]
        more = [after - before for before, after in pairwise(by_number)]
        return {"position": max(more[:2]), "collateral": max(more[2:])}
