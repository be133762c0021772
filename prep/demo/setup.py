"""From an empty local chain to a demonstration that is ready to run."""

from pathlib import Path
from typing import Final

from ape.api import AccountAPI, ProviderAPI
from ape.managers.project import ProjectManager
from eth_utils.address import to_checksum_address
from eth_utils.crypto import keccak
from requests import Session
from web3 import HTTPProvider

from prep.connect import chain_id, is_local
from prep.demo.accounts import ASSETS, DECIMALS, LENDERS, PREP, SHARES, recruit_accounts
from prep.demo.credit import BOOK, FEEDS, MANAGER, ORACLES, Credit
from prep.demo.credit_ledger import LENDING, CreditLedger
from prep.demo.crowd import recruit
from prep.demo.margin import ARBITRAGEUR, Margin
from prep.demo.margin_ledger import POOLS, MarginLedger
from prep.demo.margin_plans import BASES
from prep.demo.outcome import KEEPER, LPS
from prep.demo.prices import FEED_DECIMALS, PricePath
from prep.demo.run import Demo
from prep.demo.stage import Stage, steady_time
from prep.deploy.deployer import deploy
from prep.deploy.params import Parameters
from prep.deploy.record import FOLDER, Deployment
from prep.deploy.steps import Progress
from prep.errors import UserError
from prep.exchange.contracts import Contracts
from prep.exchange.contracts import types as exchange_types
from prep.exchange.pools import Pools
from prep.keeper.credit.read import CreditContracts
from prep.keeper.decide import Settings
from prep.keeper.keeper import Keeper
from prep.keeper.margin.clerk import ToWatch
from prep.margin.chain import RpcChain
from prep.margin.typed import Domain
from prep.node import Node
from prep.quotes.config import Settings as QuoteSettings
from prep.quotes.quoting import Quotes
from prep.reverts import web3_of

PARAMS: Final = FOLDER / "params" / "local.yml"
QUOTES: Final = FOLDER / "quotes" / "local.yml"
TOKENS: Final = tuple(f"{name}/token" for name in BASES)
DEFAULT_SEED: Final = 2
DEFAULT_TRADERS: Final = 36
MAX_TRADERS: Final = 200
ANSWER_SECONDS: Final = 60


def prepare(
    project: ProjectManager,
    provider: ProviderAPI,
    director: AccountAPI,
    keeper: AccountAPI,
    path: PricePath,
    seed: int,
    traders: int,
    record_path: Path,
    progress: Progress | None = None,
) -> Demo:
    """Deploys the suite with the local parameters and casts the parts.

    The `director` deploys and, by those parameters, mints PREP; the `keeper` liquidates. Everybody
    else has an address made from the name, without a key: the local node acts for it.
    """
    if not is_local(chain_id(provider)):
        raise UserError("the demonstration mints and spends freely: it is for local chains only")
    _ask_directly(provider)
    with steady_time(provider):
        record = deploy(project, director, Parameters.load(PARAMS), record_path, progress)
    stage = Stage(
        provider=provider,
        prep=record.instance(project, "PrepToken"),
        protocol=record.instance(project, "Protocol"),
        vault=record.instance(project, "Vault"),
        lens=record.instance(project, "ProtocolLens"),
        feed=record.instance(project, "BTC/feed"),
        others={
            name.removesuffix("/token"): record.instance(project, name)
            for name in (MANAGER, BOOK, "TradeRequests", *LENDING, *TOKENS, *POOLS)
        },
    )
    crowd = recruit(seed, traders, len(path.prices))
    names = [*LPS, *(trader.name for trader in crowd)]
    cast = {KEEPER: keeper.address} | {name: address_of(name) for name in names}
    credit = _credit(project, record, stage, seed)
    margin = _margin(project, record, provider, director, stage)
    # No reward is too small here, nothing is left undone, and no round has too many liquidations.
    settings = Settings(max_actions=traders + len(credit.strategies), unpaid=True)
    others = stage.others
    contracts = CreditContracts(stage.prep, others["TradeRequests"], others[MANAGER], others[BOOK])
    watch = ToWatch(
        settings=margin.quotes.settings,
        prep=stage.prep.address,
        database="sqlite://",
        first_block=record.block("LongPool"),
        orders=margin,
        # Nobody replaces blocks here: no block has to be read one by one.
        depth=1,
    )
    with steady_time(provider):
        authority = record.instance(project, "Authority")
        for role in (authority.ORDER_EXECUTOR(), authority.LIQUIDATOR()):
            authority.grantRole(role, keeper, 0, sender=director)
    bot = Keeper(
        stage.protocol,
        stage.lens,
        keeper,
        settings,
        execute=True,
        credit=contracts,
        margin=watch,
    )
    return Demo(stage, credit, margin, bot, cast, crowd, director.address, path, seed)


def _ask_directly(provider: ProviderAPI) -> None:
    """Of thousands of requests to a node on this machine none looks for a proxy: that takes longer
    than the answer."""
    session = Session()
    session.trust_env = False
    kwargs = {"timeout": ANSWER_SECONDS}
    web3_of(provider).provider = HTTPProvider(provider.http_uri, kwargs, session)


def _credit(project: ProjectManager, record: Deployment, stage: Stage, seed: int) -> Credit:
    """Credit accounts, their owners and lenders."""
    strategies = recruit_accounts(seed)
    contracts = {n: record.instance(project, n) for n in (*FEEDS, *ORACLES.values())}
    for feed in (stage.feed, *(contracts[name] for name in FEEDS)):
        if (decimals := stage.view(feed, "decimals")) != FEED_DECIMALS:
            raise UserError(f"{PARAMS}: a feed has {decimals} decimals, prices {FEED_DECIMALS}")
    manager = stage.others[MANAGER]
    tokens = {
        asset: stage.prep if asset == PREP else stage.others[name]
        for asset, name in enumerate(ASSETS)
        if asset != SHARES
    }
    for asset, token in tokens.items():
        listed = stage.view(manager, "asset", asset)["token"]
        if to_checksum_address(listed) != token.address:
            raise UserError(f"{PARAMS}: asset {asset} is not {ASSETS[asset]}")
        if stage.view(token, "decimals") != DECIMALS[asset]:
            raise UserError(f"{PARAMS}: {ASSETS[asset]} has not {DECIMALS[asset]} decimals")
    names = [*(strategy.name for strategy in strategies), *(lender.name for lender in LENDERS)]
    lending = {asset: stage.others[name].address for name, asset in LENDING.items()}
    return Credit(
        stage=stage,
        tokens=tokens,
        contracts={**stage.others, **contracts},
        strategies=strategies,
        cast={name: address_of(name) for name in names},
        ledger=CreditLedger(manager.address, stage.vault.address, lending),
    )


def _margin(
    project: ProjectManager,
    record: Deployment,
    provider: ProviderAPI,
    director: AccountAPI,
    stage: Stage,
) -> Margin:
    """Asset-backed positions, the exchange, and a quote desk whose requests the director signs."""
    uri = str(provider.http_uri)
    settings = QuoteSettings.load(QUOTES, record)
    addresses = {name: getattr(settings.exchange, name) for name in ("factory", "router", "quoter")}
    exchange = Contracts(**addresses, positions=record.address("Uniswap/positions"))
    tokens = {"PREP": stage.prep} | {name: stage.others[name] for name in BASES}
    node = Node(uri, *exchange_types(project), *(t.contract_type for t in tokens.values()))
    pools = Pools(node, exchange)
    # Names of assets are those of the parameters.
    markets = {
        (pair["base"], pair["quote"]): pools.pool(
            tokens[pair["base"]].address, tokens[pair["quote"]].address, int(pair["pool_fee"])
        )
        for pair in record.parameters["margin"]["pairs"]
    }
    sides = {is_long: stage.others[name] for name, is_long in POOLS.items()}
    chain = chain_id(provider)
    return Margin(
        stage=stage,
        quotes=Quotes(RpcChain(uri), settings, director),
        exchange=pools,
        pools=sides,
        router=record.instance(project, "Uniswap/router"),
        tokens=tokens,
        markets=markets,
        domains={side: Domain(pool.address, side, chain) for side, pool in sides.items()},
        arbitrageur=address_of(ARBITRAGEUR),
        ledger=MarginLedger(
            pools={side: pool.address for side, pool in sides.items()},
            tokens={token.address: name for name, token in tokens.items()},
        ),
    )


def address_of(name: str) -> str:
    """Of a member of the cast: the same in every run."""
    return to_checksum_address(keccak(text=f"prep demo {name}")[-20:])
