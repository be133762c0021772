"""An exchange that tests can trade on: tokens of several decimals, and pools of them."""

from dataclasses import dataclass

from ape.api import AccountAPI
from ape.contracts import ContractInstance

from prep.exchange.contracts import deploy, types, unrecorded
from prep.exchange.pools import Pool, Pools, Position
from prep.exchange.prices import Amount
from prep.exchange.quotes import Quoter
from prep.exchange.route import Route
from prep.node import Node

WETH = "WETH"
FEE = 3_000
FOREVER = 2**256 - 1


@dataclass(frozen=True)
class Exchange:
    """Tokens are known by their symbols. Anyone may mint them."""

    admin: AccountAPI
    tokens: dict[str, ContractInstance]
    pools: Pools
    node: Node

    @property
    def quoter(self) -> Quoter:
        return self.pools.quoter

    def units(self, symbol: str, units: int) -> Amount:
        return Amount(self.tokens[symbol].address, units)

    def route(self, *hops: str | int) -> Route:
        """Symbols, with the fee of their pool between each two."""
        symbols, fees = hops[::2], hops[1::2]
        return Route(tuple(self.tokens[symbol].address for symbol in symbols), fees)

    def give(self, account: AccountAPI, symbol: str, units: int) -> None:
        """Mints, with an allowance for the router."""
        token = self.tokens[symbol].address
        self.node.execute(
            self.admin.address, token, "mint(address,uint256)", account.address, units
        )
        self.pools.allow(account.address, self.pools.contracts.router, token)

    def balance(self, account: AccountAPI | str, symbol: str) -> int:
        address = getattr(account, "address", account)
        call = self.tokens[symbol].address, "balanceOf(address)", address
        return self.node.read(call)[0]

    def create_pool(self, a: tuple[str, int], b: tuple[str, int], fee: int = FEE) -> Pool:
        """Without liquidity. `a` and `b`: symbols and base units that are worth the same."""
        return self.pools.create(self.admin.address, self.units(*a), self.units(*b), fee)

    def add_liquidity(
        self, pool: Pool, a: tuple[str, int], b: tuple[str, int], width: int | None = None
    ) -> Position:
        """Of the admin, who gets for it what it takes."""
        for symbol, units in (a, b):
            self.give(self.admin, symbol, units)
        offered = self.units(*a), self.units(*b)
        return self.pools.add_liquidity(self.admin.address, pool, offered, width)

    def move(self, trader: AccountAPI, pool: Pool, target: int) -> None:
        """As `Pools.move`, by a trader who gets what it may take and returns nothing."""
        for symbol, token in self.tokens.items():
            if token.address in pool.tokens:
                self.give(trader, symbol, 2**120)
        self.pools.move(trader.address, pool, target)


def create_exchange(
    project,
    admin: AccountAPI,
    decimals: dict[str, int],
    pools: tuple[tuple[tuple[str, int], tuple[str, int], int], ...] = (),
) -> Exchange:
    """Wrapped ether, tokens with these decimals, and pools of `(a, b, fee)` with liquidity of just
    these amounts over all prices: what `a` and `b` say is also what they are worth."""
    tokens = {WETH: admin.deploy(project.MockWETH)}
    tokens |= {
        symbol: admin.deploy(project.MockERC20, symbol, symbol, digits)
        for symbol, digits in decimals.items()
    }
    contracts = deploy(unrecorded(project, admin), tokens[WETH].address)
    token_types = [token.contract_type for token in tokens.values()]
    node = Node(admin.provider.uri, *types(project), *token_types)
    exchange = Exchange(admin, tokens, Pools(node, contracts), node)
    for a, b, fee in pools:
        exchange.add_liquidity(exchange.create_pool(a, b, fee), a, b)
    return exchange
