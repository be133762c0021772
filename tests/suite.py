"""The deployed contracts as tests use them, and a factory for any configuration of them."""

from dataclasses import dataclass

from ape.api import AccountAPI
from ape.contracts import ContractInstance
from eth_utils import function_signature_to_4byte_selector as selector_of
from pydantic.alias_generators import to_snake

from prep.model import MarketConfig
from prep.node import Node

WAD = 10**18
UNLIMITED = 2**256 - 1
FEED_DECIMALS = 8
ZERO_ADDRESS = "0x" + 40 * "0"
YEAR = 365 * 86_400

# The isolated BTC market: no price impact, no funding, no fees; 15 % a year on a reserve of 15 %.
BTC = {
    "enabled": True,
    "skewScale": 0,
    "maxFundingVelocity": 0,
    "openingFeeRate": 0,
    "closingFeeRate": 0,
    "borrowRate": 15 * WAD // 100,
    "reserveFactor": 15 * WAD // 100,
    "minPositionValue": 10 * WAD,
    "maxPositionValue": UNLIMITED,
    "maxLongOIValue": UNLIMITED,
    "maxShortOIValue": UNLIMITED,
    "maxNetOIValue": UNLIMITED,
    "minExecutionDelay": 0,
}

# The same with everything on that the engine knows.
FULL = BTC | {
    "skewScale": 120_000 * WAD,
    "maxFundingVelocity": 3 * WAD,
    "openingFeeRate": WAD // 1_000,
    "closingFeeRate": WAD // 500,
    "maxPositionValue": 5_000_000 * WAD,
    "maxLongOIValue": 8_000_000 * WAD,
    "maxShortOIValue": 8_000_000 * WAD,
    "maxNetOIValue": 6_000_000 * WAD,
}

MARKET_FIELDS = ("oracle", *BTC)

# By role: functions of the protocol, functions of the vault.
ROLES = {
    "RISK_MANAGER": (
        (
            "addMarket({config})",
            "setMarket(uint256,{config})",
            "setProtocolFeeRate(uint256)",
        ),
        (
            "setTargetCollateralizationRatio(uint256)",
            "setDepositCap(uint256)",
            "setCooldownPeriod(uint256)",
            "setRedeemWindow(uint256)",
        ),
    ),
    "GUARDIAN": (("disableMarket(uint256)",), ("stopWithdrawals()",)),
}
CONFIG_TUPLE = "(address,bool" + 12 * ",uint256" + ")"


@dataclass(frozen=True)
class Suite:
    """One deployment. Prices are whole dollars unless said otherwise, amounts PREP base units."""

    admin: AccountAPI
    risk_manager: AccountAPI
    guardian: AccountAPI
    authority: ContractInstance
    prep: ContractInstance
    feed: ContractInstance
    oracle: ContractInstance
    protocol: ContractInstance
    vault: ContractInstance
    lens: ContractInstance
    deleverager: ContractInstance
    requests: ContractInstance
    market: dict
    node: Node

    def send(self, sender: AccountAPI, contract: ContractInstance, signature: str, *args) -> None:
        """What prepares a test goes past Ape: that is ten times faster. Raises `Reverted`."""
        call = sender.address, contract.address, signature, *args
        if not self.node.send(*call)[0]:
            self.node.simulate(*call)
            raise AssertionError(f"{signature}{args} failed, but would not now")

    def set_price(self, dollars: int) -> None:
        self.set_answer(dollars * 10**FEED_DECIMALS)

    def set_answer(self, answer: int) -> None:
        """A new round with this answer, in the feed's 8 decimals."""
        self.send(self.admin, self.feed, "setAnswer(int256)", answer)

    def price(self) -> int:
        """WAD."""
        return self.oracle.price()

    def give(self, account: AccountAPI, amount: int) -> None:
        """Mints PREP, with allowances for protocol and vault."""
        self.send(self.admin, self.prep, "mint(address,uint256)", account.address, amount)
        for spender in (self.protocol, self.vault):
            self.send(account, self.prep, "approve(address,uint256)", spender.address, UNLIMITED)

    def give_collateral(self, account: AccountAPI, amount: int) -> None:
        self.give(account, amount)
        self.send(account, self.protocol, "depositCollateral(uint256)", amount)

    def provide(self, account: AccountAPI, amount: int) -> None:
        """Liquidity of an LP."""
        self.give(account, amount)
        self.send(account, self.vault, "deposit(uint256)", amount)

    def open(self, account: AccountAPI, collateral: int, notional: int, is_long: bool) -> int:
        """A position with fresh collateral. Its id."""
        self.give_collateral(account, collateral)
        self.send(account, self.protocol, "openPositionWithSize(uint256,bool)", notional, is_long)
        return self.position(account).id

    def position(self, account: AccountAPI):
        return self.protocol.getPositionDetails(account)

    def configure(self, **changes) -> None:
        """Changes parameters of market 0, the others stay as they were at deployment."""
        config = market_config(self.oracle, self.market | changes)
        self.protocol.setMarket(0, config, sender=self.risk_manager)


def market_config(oracle, fields: dict) -> tuple:
    return (getattr(oracle, "address", oracle), *(fields[name] for name in MARKET_FIELDS[1:]))


def model_config(fields: dict, oracle: int = 1) -> MarketConfig:
    """The model's parameters, from the contracts' by name."""
    return MarketConfig(oracle=oracle, **{to_snake(n): value for n, value in fields.items()})


def deploy_suite(
    project,
    admin: AccountAPI,
    risk_manager: AccountAPI,
    guardian: AccountAPI,
    *,
    market: dict = BTC,
    price: int = 10_000,
    heartbeat: int = 7 * 86_400,
    protocol_fee_rate: int = 0,
    by_larger_side: bool = False,
) -> Suite:
    """Everything, with market 0 over a feed of its own. The admin mints PREP."""
    authority = admin.deploy(project.Authority, admin)
    prep = admin.deploy(project.PrepToken, authority, 0, 0)
    feed = admin.deploy(
        project.MockAggregator, FEED_DECIMALS, "BTC / USD", price * 10**FEED_DECIMALS
    )
    oracle = admin.deploy(project.ChainlinkOracle, (feed, heartbeat, 18, 0, 0, ZERO_ADDRESS, 0))
    requests = admin.deploy(project.TradeRequests, prep)
    protocol = admin.deploy(project.Protocol, prep, authority, by_larger_side, requests)
    vault = project.Vault.at(protocol.vault())
    lens = admin.deploy(project.ProtocolLens, protocol)
    deleverager = project.Deleverager.at(protocol.deleverager())

    grants = [(prep, "MINTER", ("mint(address,uint256)",), admin)]
    holders = {"RISK_MANAGER": risk_manager, "GUARDIAN": guardian}
    for role_name, (of_protocol, of_vault) in ROLES.items():
        grants.append((protocol, role_name, of_protocol, holders[role_name]))
        grants.append((vault, role_name, of_vault, holders[role_name]))
    for target, role_name, signatures, holder in grants:
        role = getattr(authority, role_name)()
        selectors = [selector_of(s.format(config=CONFIG_TUPLE)) for s in signatures]
        authority.setTargetFunctionRole(target, selectors, role, sender=admin)
        authority.grantRole(role, holder, 0, sender=admin)

    protocol.addMarket(market_config(oracle, market), sender=risk_manager)
    if protocol_fee_rate:
        protocol.setProtocolFeeRate(protocol_fee_rate, sender=risk_manager)
    contracts = (protocol, vault, prep, feed, lens, deleverager)
    return Suite(
        node=Node(admin.provider.uri, *(contract.contract_type for contract in contracts)),
        admin=admin,
        risk_manager=risk_manager,
        guardian=guardian,
        authority=authority,
        prep=prep,
        feed=feed,
        oracle=oracle,
        protocol=protocol,
        vault=vault,
        lens=lens,
        deleverager=deleverager,
        requests=requests,
        market=market,
    )
