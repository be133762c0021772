"""A deployment with credit accounts and a model of it in the same state."""

from prep.model import Rejected, System
from prep.model.credit import Credit
from prep.model.credit_config import AssetConfig, MarketLtv
from prep.model.interest import BorrowerKind, RateCurve
from prep.model.lending import LendingPool
from tests.credit import (
    DECIMALS,
    DOLLARS,
    ETHER_MARKET,
    LIQUIDITY,
    LTVS,
    MARKET_LTVS,
    SHARES,
    CreditSuite,
)
from tests.suite import BTC, ZERO_ADDRESS, model_config

HEARTBEAT = 7 * 86_400
CAP = 10**33
"""What the manager may owe in each lending vault."""
STEP = 10**10
"""Between an answer of the feed of market 0 and its price."""


class Books:
    """A deployment as `deploy_credit` leaves it and a model in the same state. Nobody may have
    acted on it before."""

    def __init__(self, credit: CreditSuite, fee_rate: int) -> None:
        self.credit, self.suite, self.node = credit, credit.suite, credit.node
        self.node.interface.learn(self.suite.oracle.contract_type)
        self.client = credit.manager.address
        self.oracles = [self.suite.oracle, *credit.market_oracles.values()]
        self.configs = [dict(self.suite.market), dict(ETHER_MARKET), dict(BTC)]
        self.system = System(protocol_fee_rate=fee_rate)
        for market, config in enumerate(self.configs):
            (state,) = self.node.read((self.suite.lens.address, "marketState(uint256)", market))
            self.system.now = state[6]
            self.system.add_market(model_config(config))
        self.system.set_margin_client(self.client, True)
        self.system.deposit(credit.liquidity_provider.address, LIQUIDITY)
        self.model = Credit(self.system, self.client)
        self.configs_of = {asset: self._asset_config(asset) for asset in LTVS}
        self.pools = {asset: self._pool(asset) for asset in credit.lending}
        for asset, of_contract in self.configs_of.items():
            config = self.as_config(asset, of_contract)
            if asset <= SHARES:
                self.model.assets[asset].config = config
            else:
                self.model.add_asset(config)
                price = DOLLARS[asset] * 10 ** (36 - DECIMALS[asset])
                self.model.set_asset_price(asset, price)
        for market, ltvs in MARKET_LTVS.items():
            self.model.set_market_ltv(market, MarketLtv(*ltvs))
        self.answered_at = 0
        for market, oracle in enumerate(self.oracles):
            price, at = self.node.read(
                (oracle.address, "price()"), (oracle.address, "lastUpdate()")
            )
            self.published(market, price, at)
        self.now = self.system.now = self.node.time()

    def published(self, market: int, price: int, at: int) -> None:
        """The oracle of a market has a new answer, usable or not; of market 0 in the feed's
        steps."""
        if market == 0:
            self.answered_at, self.answered = at, price > 0
        bad = market == 0 and price <= 0
        answer = Rejected("AnswerNotPositive", price // STEP) if bad else price
        self.model.order_book.publish(market, max(0, price), at)
        self.system.set_price(market, answer)

    def as_config(self, asset: int, config: tuple) -> AssetConfig:
        """The model's parameters of an asset, from the contract's."""
        token, _, lending_vault, max_ltv, threshold, cap = config
        lends = lending_vault != ZERO_ADDRESS
        return AssetConfig(
            token=token.lower(),
            pool=self.pools[asset] if lends else None,
            max_ltv=max_ltv,
            liquidation_threshold=threshold,
            deposit_cap=cap,
        )

    def _asset_config(self, asset: int) -> tuple:
        return self.node.read((self.client, "asset(uint256)", asset))[0]

    def _pool(self, asset: int) -> LendingPool:
        """A model in the state of a vault that has lenders and no debt yet."""
        vault, lender = self.credit.lending[asset], self.credit.liquidity_provider
        self.credit.must(lender, vault, "accrue()")
        curve, index, idle, supply, shares = self.node.read(
            (vault.address, "rateCurve()"),
            (vault.address, "debtIndex()"),
            (vault.address, "idle()"),
            (vault.address, "totalSupply()"),
            (vault.address, "balanceOf(address)", lender.address),
        )
        pool = LendingPool(self.node.time(), RateCurve(*curve))
        pool.index, pool.idle, pool.supply = index, idle, supply
        pool.shares = {lender.address: shares}
        pool.register_borrower(self.client, BorrowerKind.INDEXED, CAP)
        return pool
