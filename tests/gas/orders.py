"""Orders of a margin client, and deleverage, with the gas of every one.

Whole transactions of a client that does nothing but pass the order on. Every action comes an hour
after the one before.
"""

from ape.api import AccountAPI

from tests.gas.scenario import ODD, Meter
from tests.suite import BTC, WAD, Suite, market_config

PLAIN = BTC | {"borrowRate": 0, "reserveFactor": 0}
SKEWED = PLAIN | {"skewScale": 120_000 * WAD, "maxFundingVelocity": 3 * WAD}
# Orders that grow risk ask the other markets only where a reserve is wanted.
WITH_RESERVE = {"reserveFactor": WAD // 100}
LIQUIDITY = 25_000 * WAD
ACCOUNT = 7


class Desk:
    """A margin client, who sends its orders, and a market."""

    def __init__(self, meter: Meter, project, sender: AccountAPI, market: dict) -> None:
        suite = meter.suite
        self.meter, self.sender = meter, sender
        self.client = suite.admin.deploy(project.MarginClient, suite.protocol, suite.prep)
        authority = suite.authority
        authority.grantRole(authority.MINTER(), self.client, 0, sender=suite.admin)
        suite.protocol.setMarginClient(self.client, True, sender=suite.admin)
        self.client.fund(1_000_000 * WAD, sender=suite.admin)
        self.market = self.add_market(market)

    def add_market(self, fields: dict) -> int:
        """Over the suite's own feed, with positions on both sides. Its id."""
        suite: Suite = self.meter.suite
        market_id = suite.protocol.marketCount()
        config = market_config(suite.oracle, fields)
        suite.protocol.addMarket(config, sender=suite.risk_manager)
        for account, size in ((1, 5 * WAD), (2, -4 * WAD), (3, 2 * WAD)):
            self.order(None, size + ODD, account=account, market=market_id)
        return market_id

    def order(
        self, name: str | None, size: int, account: int = ACCOUNT, market: int | None = None
    ) -> None:
        target = self.market if market is None else market
        args = account, target, size, False
        self.meter.send(name, self.client.executeOrder, *args, sender=self.sender)

    def trade(self) -> None:
        """Every kind of order once, with every slot written before."""
        meter = self.meter
        self.order(None, WAD + ODD)
        meter.price(10_050)
        self.order(None, -WAD - ODD)
        self.order("open", WAD + ODD)
        meter.price(10_100)
        self.order("increase", WAD + ODD)
        self.order("decrease", -WAD - ODD)
        self.order("flip", -2 * WAD - ODD)
        equity = meter.suite.protocol.marginEquity.transact
        args = self.client, ACCOUNT, self.market
        meter.send("margin equity, looked at", equity, *args, sender=self.sender)
        self.order("close", WAD)
        meter.send("close all, one market", self.client.closeAll, 3, sender=self.sender)

    def deleverage(self) -> None:
        """A part of a winning position, while the collateralization ratio is below target."""
        suite = self.meter.suite
        self.order(None, 4 * WAD + ODD)
        self.meter.price(11_500)
        suite.vault.setTargetCollateralizationRatio(10 * WAD, sender=suite.risk_manager)
        args = self.client, ACCOUNT, self.market, WAD + ODD
        self.meter.send("deleverage", suite.deleverager.deleverage, *args, sender=self.sender)


def by_further_markets(desk: Desk, lp: AccountAPI) -> dict[str, int]:
    """What asks every market that has positions."""
    meter, vault = desk.meter, desk.meter.suite.vault
    desk.order(None, WAD + ODD)
    desk.order(None, -WAD - ODD)
    desk.order("open", WAD + ODD)
    desk.order(None, -WAD - ODD)
    desk.meter.suite.give(lp, 1_000 * WAD)
    meter.send(None, vault.deposit, 20 * WAD + ODD, sender=lp)
    meter.send("LP deposit", vault.deposit, 20 * WAD + ODD, sender=lp)
    meter.send("LP redeem", vault.redeem, 10**24 + ODD, sender=lp)
    desk.deleverage()
    return meter.gas
