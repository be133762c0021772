"""The contracts of Uniswap v3, from the artifacts of its npm packages."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from ape.api import AccountAPI
from ape.contracts import ContractContainer, ContractInstance
from ape.managers.project import ProjectManager
from ethpm_types import ContractType

from prep.artifacts import contract_type
from prep.deploy.prices import ZERO_ADDRESS

_CORE: Final = "node_modules/@uniswap/v3-core/artifacts/contracts"
_PERIPHERY: Final = "node_modules/@uniswap/v3-periphery/artifacts/contracts"
FACTORY: Final = f"{_CORE}/UniswapV3Factory.sol/UniswapV3Factory.json"
POOL: Final = f"{_CORE}/UniswapV3Pool.sol/UniswapV3Pool.json"
POSITIONS: Final = f"{_PERIPHERY}/NonfungiblePositionManager.sol/NonfungiblePositionManager.json"
ROUTER: Final = f"{_PERIPHERY}/SwapRouter.sol/SwapRouter.json"
QUOTER: Final = f"{_PERIPHERY}/lens/QuoterV2.sol/QuoterV2.json"
CREATED: Final = (FACTORY, POSITIONS, ROUTER, QUOTER)
"""What `deploy` creates. The factory makes the pools."""

Create = Callable[..., ContractInstance]
"""Puts a contract on the chain: its name in a record, what it is (`prep.artifacts.contract_type`),
and its constructor's arguments. `Steps.create` is one."""


@dataclass(frozen=True, slots=True)
class Contracts:
    """Addresses."""

    factory: str
    positions: str
    """NonfungiblePositionManager."""
    router: str
    """SwapRouter: the one whose calls carry their deadline."""
    quoter: str
    """QuoterV2."""


def deploy(create: Create, weth: str) -> Contracts:
    """The contracts over a wrapped ether that is there. Positions are not described: that needs
    another contract with its libraries, and only wallets look at it."""
    factory = create("Uniswap/factory", FACTORY).address
    arguments = (factory, weth)
    return Contracts(
        factory=factory,
        positions=create("Uniswap/positions", POSITIONS, *arguments, ZERO_ADDRESS).address,
        router=create("Uniswap/router", ROUTER, *arguments).address,
        quoter=create("Uniswap/quoter", QUOTER, *arguments).address,
    )


def unrecorded(project: ProjectManager, account: AccountAPI) -> Create:
    """Deploys without a record, for chains that do not last."""

    def create(_: str, contract: str, *arguments: Any) -> ContractInstance:
        container = ContractContainer(contract_type(project, contract))
        instance: ContractInstance = account.deploy(container, *arguments)
        return instance

    return create


def types(project: ProjectManager) -> list[ContractType]:
    """Of all contracts, pools included."""
    return [contract_type(project, contract) for contract in (*CREATED, POOL)]
