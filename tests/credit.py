"""Credit accounts on deployed contracts: markets and tokens of several decimals, and short words
for what tests do."""

from dataclasses import dataclass

from ape.api import AccountAPI
from ape.contracts import ContractInstance
from eth_utils import function_signature_to_4byte_selector as selector_of

from prep.credit.actions import Action, deposit, encode
from prep.node import Node
from tests.margin import KINDS
from tests.suite import BTC, UNLIMITED, WAD, ZERO_ADDRESS, Suite, market_config

# Assets and markets by id.
PREP, SHARES, WETH, WBTC, USD = range(5)
NAMES = {"prep": PREP, "shares": SHARES, "weth": WETH, "wbtc": WBTC, "usd": USD}
BITCOIN, ETHER, SOL = range(3)
INDEXED = 1
DECIMALS = {PREP: 18, SHARES: 24, WETH: 18, WBTC: 8, USD: 6}
DOLLARS = {WETH: 2_000, WBTC: 10_000, USD: 1}
"""For a whole token."""
LTVS = {PREP: (10_000, 10_000), SHARES: (5_000, 7_000), WETH: (7_500, 8_000), WBTC: (8_000, 8_500)}
LTVS[USD] = (8_500, 9_000)
"""`maxLtv` and `liquidationThreshold`, basis points."""
MARKET_LTVS = {BITCOIN: (9_000, 9_500), ETHER: (8_500, 9_000), SOL: (8_000, 9_000)}
ETHER_MARKET = KINDS[3].config | {"skewScale": 7_000 * WAD}
"""With skew, funding, fees and caps."""
CURVE = (WAD // 50, WAD // 10, WAD, 8 * WAD // 10)
"""2 % a year at no utilisation, 10 % at 80 %, 100 % at all of it."""
LENT = 1_000_000
"""What lenders have put in, in dollars for each token."""
LIQUIDITY = 1_000_000 * WAD
CONFIG = "(address,address,address,uint256,uint256,uint256)"
EXECUTE = "execute(uint256,(uint8,uint256,int256,uint256,bytes)[])"
ROLES = {
    "RISK_MANAGER": (
        (
            f"addAsset({CONFIG})",
            f"setAsset(uint256,{CONFIG})",
            "setMarketLtv(uint256,uint256,uint256)",
        ),
        (
            "setBorrowCap(address,uint256)",
            "setRateCurve((uint256,uint256,uint256,uint256))",
            "setReserveShare(uint256)",
            "setProfitUnlockTime(uint256)",
        ),
    ),
    "GUARDIAN": (("disableAsset(uint256)",), ("disableBorrower(address)",)),
}


@dataclass(frozen=True)
class CreditSuite:
    """One deployment. Amounts are base units."""

    suite: Suite
    manager: ContractInstance
    book: ContractInstance
    share_oracle: ContractInstance
    tokens: dict[int, ContractInstance]
    """By asset, PREP and vault shares included."""
    oracles: dict[int, ContractInstance]
    """Of the assets that have a mock."""
    lending: dict[int, ContractInstance]
    market_oracles: dict[int, ContractInstance]
    node: Node
    liquidity_provider: AccountAPI

    # -------------------------------------------------------------------------------------- doing

    def open(self, owner: AccountAPI) -> int:
        """An account. Its id."""
        self.must(owner, self.manager, "open(address)", owner.address)
        return self.node.read((self.manager.address, "accountCount()"))[0]

    def act(self, who: AccountAPI, account: int, *actions: Action) -> None:
        """A list of actions that must go through."""
        self.must(who, self.manager, EXECUTE, account, encode(actions))

    def give(self, who: AccountAPI, asset: int, amount: int) -> None:
        """Mints tokens, with an allowance for the manager; of vault shares, deposits for them."""
        if asset == SHARES:
            self.suite.provide(who, amount)
        else:
            token = self.tokens[asset]
            self.must(self.suite.admin, token, "mint(address,uint256)", who.address, amount)
        self.approve(who, asset, self.manager.address)

    def approve(self, who: AccountAPI, asset: int, spender: str) -> None:
        self.must(who, self.tokens[asset], "approve(address,uint256)", spender, UNLIMITED)

    def funded(self, owner: AccountAPI, **amounts: int) -> int:
        """An account of `owner` that holds these base units, by lower-case names of assets."""
        account = self.open(owner)
        for name, amount in amounts.items():
            asset = NAMES[name]
            self.give(owner, asset, amount)
            held = self.tokens[SHARES].balanceOf(owner) if asset == SHARES else amount
            self.act(owner, account, deposit(asset, held))
        return account

    def set_asset_price(self, asset: int, dollars: float | int) -> None:
        """Of a whole token."""
        price = int(dollars * 10**6) * 10 ** (30 - DECIMALS[asset])
        self.must(self.suite.admin, self.oracles[asset], "setPrice(uint256)", price)

    def set_market_price(self, market: int, dollars: int) -> None:
        """Of a whole unit of a market with 18 decimals, or 6 on SOL."""
        if market == BITCOIN:
            self.suite.set_price(dollars)
            return
        decimals = 6 if market == SOL else 18
        price = dollars * 10 ** (36 - decimals)
        self.must(self.suite.admin, self.market_oracles[market], "setPrice(uint256)", price)

    def must(self, sender: AccountAPI, contract: ContractInstance, signature: str, *args) -> None:
        """Mines a transaction that must go through; raises `Reverted` with its error otherwise."""
        call = sender.address, contract.address, signature, *args
        if not self.node.send(*call)[0]:
            self.node.simulate(*call)
            raise AssertionError(f"{signature}{args} failed, but would not now")

    # ------------------------------------------------------------------------------------ looking

    def balance(self, account: int, asset: int) -> int:
        return self.holding(account, asset)[1]

    def debt(self, account: int, asset: int) -> int:
        """With interest until now, rounded up."""
        return self.holding(account, asset)[3]

    def holding(self, account: int, asset: int) -> tuple[int, int, int, int]:
        call = self.manager.address, "holding(uint256,uint256)", account, asset
        return self.node.read(call)[0]

    def health(self, account: int, for_liquidation: bool = False):
        return self.manager.health(account, for_liquidation)

    def size(self, account: int, market: int) -> int:
        client = self.manager.address
        call = "marginPosition(address,uint256,uint256)", client, account, market
        return self.node.read((self.suite.protocol.address, *call))[0][0]


def deploy_credit(
    project, suite: Suite, liquidity_provider: AccountAPI, curve: tuple[int, int, int, int] = CURVE
) -> CreditSuite:
    """Credit accounts over a suite whose market 0 is BTC: two markets more, three tokens, lenders
    and LPs with money. `curve`: of all lending vaults."""
    admin, protocol, prep, authority = suite.admin, suite.protocol, suite.prep, suite.authority
    share_oracle = admin.deploy(project.ShareOracle, suite.vault, ZERO_ADDRESS)
    manager = admin.deploy(project.CreditManager, protocol, share_oracle, authority)
    book = project.OrderBook.at(manager.orderBook())
    tokens = {PREP: prep, SHARES: suite.vault}
    tokens |= {
        asset: admin.deploy(project.MockERC20, name, name, DECIMALS[asset])
        for asset, name in ((WETH, "WETH"), (WBTC, "WBTC"), (USD, "USD"))
    }
    oracles = {
        asset: admin.deploy(project.MockOracle, dollars * 10 ** (36 - DECIMALS[asset]))
        for asset, dollars in DOLLARS.items()
    }
    lending = {
        asset: admin.deploy(project.LendingVault, tokens[asset], authority, curve)
        for asset in (PREP, WETH, WBTC, USD)
    }
    for role_name, (of_manager, of_lending) in ROLES.items():
        role = getattr(authority, role_name)()
        for target, signatures in [
            (manager, of_manager),
            *((v, of_lending) for v in lending.values()),
        ]:
            selectors = [selector_of(s) for s in signatures]
            authority.setTargetFunctionRole(target, selectors, role, sender=admin)

    protocol.setMarginClient(manager, True, sender=admin)
    market_oracles = {
        ETHER: admin.deploy(project.MockOracle, 2_000 * WAD),
        SOL: admin.deploy(project.MockOracle, 100 * 10**30),
    }
    for market, config in ((ETHER, ETHER_MARKET), (SOL, BTC)):
        protocol.addMarket(market_config(market_oracles[market], config), sender=suite.risk_manager)
    for market, ltvs in MARKET_LTVS.items():
        manager.setMarketLtv(market, *ltvs, sender=suite.risk_manager)
    for asset, ltvs in LTVS.items():
        oracle = share_oracle if asset == SHARES else oracles.get(asset, ZERO_ADDRESS)
        config = (tokens[asset], oracle, lending.get(asset, ZERO_ADDRESS), *ltvs, UNLIMITED)
        if asset in (PREP, SHARES):
            manager.setAsset(asset, config, sender=suite.risk_manager)
        else:
            manager.addAsset(config, sender=suite.risk_manager)
    contracts = (
        protocol,
        suite.vault,
        prep,
        suite.feed,
        suite.lens,
        suite.deleverager,
        manager,
        book,
    )
    contracts += (share_oracle, tokens[WETH], oracles[WETH], lending[PREP])
    credit = CreditSuite(
        suite=suite,
        manager=manager,
        book=book,
        share_oracle=share_oracle,
        tokens=tokens,
        oracles=oracles,
        lending=lending,
        market_oracles=market_oracles,
        node=Node(admin.provider.uri, *(contract.contract_type for contract in contracts)),
        liquidity_provider=liquidity_provider,
    )
    suite.provide(liquidity_provider, LIQUIDITY)
    for asset, vault in lending.items():
        vault.registerBorrower(manager, INDEXED, 10**33, sender=admin)
        amount = LENT * 10 ** DECIMALS[asset] // DOLLARS.get(asset, 1)
        credit.give(liquidity_provider, asset, amount)
        credit.approve(liquidity_provider, asset, vault.address)
        vault.deposit(amount, liquidity_provider, sender=liquidity_provider)
    return credit
