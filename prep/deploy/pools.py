"""Deploys asset-backed positions: the exchange of a local chain, the controller, both pools."""

from typing import Final

from ape.contracts import ContractInstance

from prep.deploy import values
from prep.deploy.credit import PREP, Credit, TokenAsset
from prep.deploy.margin import Exchange, Margin, Pair
from prep.deploy.prices import ZERO_ADDRESS
from prep.deploy.steps import Steps
from prep.deploy.values import MOCK
from prep.exchange import calldata, contracts
from prep.exchange.pools import ROOM_AT_ONCE
from prep.exchange.prices import Amount, full_range, in_order, sqrt_price
from prep.model.fixed import WAD

FACTORY: Final = "Uniswap/factory"
ROUTER: Final = "Uniswap/router"
QUOTER: Final = "Uniswap/quoter"
POSITIONS: Final = "Uniswap/positions"
SIDES: Final = ("LongPool", "ShortPool")
_QUOTED: Final = 2
"""`BorrowerKind`: the borrower says what interest it owes."""
_FOREVER: Final = 2**256 - 1


class MarginPools:
    """All contracts of asset-backed positions exist once this does; `configure` makes them work."""

    def __init__(
        self, steps: Steps, margin: Margin, credit: Credit, authority: ContractInstance
    ) -> None:
        self._steps, self._margin = steps, margin
        self._assets = {asset.name: asset for asset in credit.assets}
        self._authority = authority
        weth = self._token(margin.wrapped_ether)
        self._exchange = self._deploy_exchange(weth)
        self._controller = steps.create("DebtController", "DebtController", authority.address)
        arguments = (self._controller.address, weth, authority.address)
        self._pools = [steps.create(side, side, *arguments) for side in SIDES]

    def configure(self, treasury: str) -> None:
        """Sets everything up; only then can anybody open a position."""
        steps, margin = self._steps, self._margin
        for side, pool in zip(SIDES, self._pools, strict=True):
            steps.call(f"setTreasury {side}", pool.setTreasury, treasury)
            for selector in calldata.SELECTORS:
                step = f"setRouter {side} 0x{selector.hex()}"
                steps.call(step, pool.setRouter, self._exchange.router, selector, True)
            for lent in margin.lent:
                vault = steps.instance(f"{lent.name}/lending")
                cap = lent.cap(side == SIDES[0], self._assets[lent.name].decimals)
                step = f"{side} {lent.name}"
                steps.call(f"addLendingVault {step}", pool.addLendingVault, vault.address)
                borrower = (pool.address, _QUOTED, cap)
                steps.call(f"registerBorrower {step}", vault.registerBorrower, *borrower)
        for lent in margin.lent:
            arguments = (self._token(lent.name), lent.max_apy)
            steps.call(f"setMaxApy {lent.name}", self._controller.setMaxApy, *arguments)
        steps.call("setGracePeriod", self._controller.setGracePeriod, margin.grace_period)
        for pair in margin.pairs:
            if pair.local_liquidity:
                self._provide(pair)
            self._list(pair)

    # --------------------------------------------------------------------------------------- pairs

    def _list(self, pair: Pair) -> None:
        tokens = self._token(pair.base), self._token(pair.quote)
        terms = pair.terms_struct(self._check_price(pair), *self._decimals(pair))
        self._steps.call(f"setPair {pair.name}", self._controller.setPair, *tokens, terms)

    def _check_price(self, pair: Pair) -> str:
        """Of the base token in the quote token, base unit for base unit."""
        if pair.check == "none":
            return ZERO_ADDRESS
        name = f"{pair.name}/oracle"
        if pair.check == "twap":
            tokens = self._token(pair.base), self._token(pair.quote)
            pool = self._pool(pair)
            self._remember(pair, pool)
            struct = pair.twap_struct(pool, *tokens)
            return str(self._steps.create(name, "TwapOracle", struct).address)
        base = self._steps.instance(f"{pair.base}/oracle").address
        if pair.quote == PREP:
            return str(base)
        quote = self._steps.instance(f"{pair.quote}/oracle").address
        return str(self._steps.create(name, "RatioOracle", base, quote).address)

    def _remember(self, pair: Pair, address: str) -> None:
        """Pays for the pool's observations, as many in a transaction as a block takes."""
        pool = self._steps.at(contracts.POOL, address)
        for room in range(ROOM_AT_ONCE, pair.twap_observations + ROOM_AT_ONCE, ROOM_AT_ONCE):
            observations = min(room, pair.twap_observations)
            step = f"observations of {pair.name} {observations}"
            self._steps.call(step, pool.increaseObservationCardinalityNext, observations)

    def _pool(self, pair: Pair) -> str:
        factory = self._steps.at(contracts.FACTORY, self._exchange.factory)
        tokens = self._token(pair.base), self._token(pair.quote)
        return str(factory.getPool(*tokens, pair.pool_fee))

    # ------------------------------------------------------------------------------ local exchange

    def _deploy_exchange(self, weth: str) -> Exchange:
        exchange = self._margin.exchange
        if isinstance(exchange, Exchange):
            return exchange
        made = contracts.deploy(self._steps.create, weth)
        return Exchange(factory=made.factory, router=made.router, quoter=made.quoter)

    def _provide(self, pair: Pair) -> None:
        """A pool at the price of the feeds, with liquidity over all prices, out of nothing."""
        steps, me = self._steps, self._steps.me
        positions = steps.instance(POSITIONS)
        amounts = self._worth(pair)
        first, second = in_order(*amounts)
        price = sqrt_price(*amounts)
        arguments = (first.token, second.token, pair.pool_fee, price)
        create = positions.createAndInitializePoolIfNecessary
        steps.call(f"create pool {pair.name}", create, *arguments)
        for name, amount in zip((pair.base, pair.quote), amounts, strict=True):
            token = steps.instance("PrepToken" if name == PREP else f"{name}/token")
            steps.call(f"mint {name} for {pair.name}", token.mint, me, amount.units)
            allowance = (positions.address, amount.units)
            steps.call(f"approve {name} for {pair.name}", token.approve, *allowance)
        spacing = steps.instance(FACTORY).feeAmountTickSpacing(pair.pool_fee)
        terms = (
            *(first.token, second.token, pair.pool_fee),
            *full_range(spacing),
            *(first.units, second.units, 0, 0, me, _FOREVER),
        )
        steps.call(f"provide {pair.name}", positions.mint, terms)

    def _worth(self, pair: Pair) -> tuple[Amount, Amount]:
        """Of base and quote, each of as much as the parameters say, at the price of the oracles."""
        prices = [
            WAD if name == PREP else self._steps.instance(f"{name}/oracle").price()
            for name in (pair.base, pair.quote)
        ]
        quote = values.scaled(pair.local_liquidity, self._decimals(pair)[1])
        base = quote * prices[1] // prices[0]
        return Amount(self._token(pair.base), base), Amount(self._token(pair.quote), quote)

    # --------------------------------------------------------------------------------------- assets

    def _token(self, name: str) -> str:
        if name == PREP:
            return str(self._steps.instance("PrepToken").address)
        asset = self._assets[name]
        if isinstance(asset, TokenAsset) and asset.token != MOCK:
            return asset.token
        return str(self._steps.instance(f"{name}/token").address)

    def _decimals(self, pair: Pair) -> tuple[int, int]:
        return self._assets[pair.base].decimals, self._assets[pair.quote].decimals
