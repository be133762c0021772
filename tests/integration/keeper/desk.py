"""Isolated positions and those of a margin client, on two markets, for a keeper to deleverage."""

from dataclasses import dataclass
from pathlib import Path

from ape.api import AccountAPI
from ape.contracts import ContractInstance

from prep.keeper import Keeper, MarginKey, Settings, ToDeleverage
from tests.suite import Suite, market_config

WAD = 10**18
BTC, GOLD = 0, 1


@dataclass
class Desk:
    """A suite with a second market and a margin client."""

    suite: Suite
    gold: ContractInstance
    client: ContractInstance
    account: AccountAPI
    first_block: int
    config: dict
    events_file: Path | None = None

    def keeper(self, execute=True, account=None, first_block=None, stop=None, **wanted):
        """One that deleverages."""
        suite = self.suite
        first_block = self.first_block if first_block is None else first_block
        return Keeper(
            suite.protocol,
            suite.lens,
            account or self.account,
            Settings(**wanted),
            execute,
            stop,
            ToDeleverage(suite.vault, suite.deleverager, first_block, self.events_file),
        )

    def trade(self, account, market_id, size):
        """An order of the margin client, whole units. The position's key. The client is given what
        it may owe."""
        self.suite.send(self.account, self.client, "fund(uint256)", 1_000 * WAD)
        signature = "executeOrder(uint256,uint256,int256,bool)"
        order = account, market_id, round(size * WAD), False
        self.suite.send(self.account, self.client, signature, *order)
        return MarginKey(self.client.address, account, market_id)

    def open(self, trader, size, collateral=20_000):
        """An isolated position, whole units. Its id."""
        self.suite.give_collateral(trader, collateral * WAD)
        order = round(abs(size) * WAD), size > 0
        self.suite.send(trader, self.suite.protocol, "openPositionWithToken(uint256,bool)", *order)
        return self.suite.position(trader).id

    def target(self, ratio):
        """The vault's target, in hundredths."""
        target = ratio * WAD // 100
        self.suite.vault.setTargetCollateralizationRatio(target, sender=self.suite.risk_manager)

    def cap(self, market_id, **caps):
        """Lowers caps, whole PREP: `maxLongOIValue`, `maxShortOIValue`."""
        oracle = self.gold if market_id == GOLD else self.suite.oracle
        changes = {name: value * WAD for name, value in caps.items()}
        config = market_config(oracle, self.config | changes)
        self.suite.protocol.setMarket(market_id, config, sender=self.suite.risk_manager)

    def prices(self, btc, gold):
        """Whole dollars."""
        self.suite.set_price(btc)
        self.suite.send(self.account, self.gold, "setPrice(uint256)", gold * WAD)

    def ratio(self):
        return self.suite.lens.vault().collateralizationRatio

    def held(self, key):
        return self.suite.protocol.marginPosition(key.client, key.account, key.market_id).size

    def value(self, market_id, is_long):
        """Of a side's open interest, PREP base units."""
        view = self.suite.lens.market(market_id)
        return (view.state.longOI if is_long else view.state.shortOI) * view.price // WAD


def open_desk(project, suite, account, config) -> Desk:
    """Adds a market at 10,000 and a client that may trade."""
    first_block = project.provider.get_block("latest").number
    gold = suite.admin.deploy(project.MockOracle, 10_000 * WAD)
    suite.protocol.addMarket(market_config(gold, config), sender=suite.risk_manager)
    client = suite.admin.deploy(project.MarginClient, suite.protocol, suite.prep)
    minter = suite.authority.MINTER()
    suite.authority.grantRole(minter, client, 0, sender=suite.admin)
    suite.protocol.setMarginClient(client, True, sender=suite.admin)
    for contract in (gold, client):
        suite.node.interface.learn(contract.contract_type)
    return Desk(suite, gold, client, account, first_block, config)
