"""What a deployment starts from: a new record, or one that fits the parameters and the code."""

from pathlib import Path
from typing import Any, Final

from ape.api import AccountAPI, ProviderAPI
from ape.managers.project import ProjectManager
from eth_utils.address import to_checksum_address
from eth_utils.crypto import keccak
from hexbytes import HexBytes
from web3.exceptions import ContractLogicError
from web3.types import TxParams

from prep.artifacts import contract_type
from prep.connect import chain_id, is_local, is_temporary
from prep.deploy.credit import TokenAsset
from prep.deploy.params import Parameters
from prep.deploy.prices import Priced
from prep.deploy.record import Compiler, Deployment, plain
from prep.deploy.values import MOCK
from prep.errors import UserError
from prep.exchange import contracts
from prep.reverts import web3_of

CREATED: Final = (
    "Authority",
    "PrepToken",
    "MockAggregator",
    "ChainlinkOracle",
    "TradeRequests",
    "Protocol",
    "ProtocolLens",
    "MockERC20",
    "LendingVault",
    "ShareOracle",
    "CreditManager",
    "MockWETH",
    "RatioOracle",
    "TwapOracle",
    "RatioOracle",
    "DebtController",
    "LongPool",
    "ShortPool",
    *contracts.CREATED,
)
"""The contracts that transactions create. The Vault and the Deleverager are made by the Protocol,
the OrderBook by the CreditManager."""
_DECIMALS: Final = keccak(text="decimals()")[:4]
_WORD: Final = 32


def begin(
    project: ProjectManager, account: AccountAPI, params: Parameters, path: Path
) -> Deployment:
    """The record to go on with, or a new one that is not written yet. Raises `UserError`."""
    provider = account.provider
    connected = chain_id(provider)
    if connected != params.chain_id:
        raise UserError(
            f"the parameters are for chain {params.chain_id}, but this is chain {connected}"
        )
    new = Deployment(
        chain_id=params.chain_id,
        deployer=account.address,
        temporary=is_temporary(provider),
        code_hash=_code_hash(project),
        compiler=_compiler(project),
        parameters=plain(params.model_dump()),
        started_at=provider.get_block("latest").timestamp,
    )
    if not path.exists():
        _check_addresses(provider, params)
        return new
    try:
        old = Deployment.read(path)
        _check_same(old, new, path)
        old.check_chain(provider)
    except UserError as error:
        if not is_local(new.chain_id):
            raise
        raise UserError(f"{error.message}; --fresh starts over") from error
    return old


def _check_addresses(provider: ProviderAPI, params: Parameters) -> None:
    """What the contracts would refuse, but before anything is paid for."""
    tokens = params.credit.tokens if params.credit else ()
    named: list[tuple[str, Priced]] = [
        (f"market {market.name}", market) for market in params.markets
    ]
    named += [(f"asset {asset.name}", asset) for asset in tokens]
    for name, priced in named:
        for feed in (priced.feed, priced.sequencer and priced.sequencer.feed):
            if isinstance(feed, str) and not provider.get_code(feed):
                raise UserError(f"{name}: there is no contract at its feed {feed}")
    for asset in tokens:
        if asset.token != MOCK:
            _check_token(provider, asset)


def _check_token(provider: ProviderAPI, asset: TokenAsset) -> None:
    call: TxParams = {"to": to_checksum_address(asset.token), "data": HexBytes(_DECIMALS)}
    try:
        answer = web3_of(provider).eth.call(call)
    except ContractLogicError:
        answer = HexBytes(b"")
    if len(answer) != _WORD:
        raise UserError(f"asset {asset.name}: there is no token at {asset.token}")
    decimals = int.from_bytes(answer)
    if decimals != asset.decimals:
        raise UserError(
            f"asset {asset.name}: its token has {decimals} decimals, not {asset.decimals}"
        )


def _check_same(old: Deployment, new: Deployment, path: Path) -> None:
    if old.chain_id != new.chain_id:
        raise UserError(f"{path} is about chain {old.chain_id}, not {new.chain_id}")
    if old.parameters != new.parameters:
        field = _difference(old.parameters, new.parameters)
        raise UserError(f"{path} was begun with other parameters: {field} has changed")
    if old.finished_at is None and old.deployer != new.deployer:
        raise UserError(f"{path} was begun by {old.deployer}, not by {new.deployer}")
    if old.finished_at is None and old.code_hash != new.code_hash:
        raise UserError(f"{path} was begun with other contracts: their code has changed")


def _difference(old: Any, new: Any, where: str = "") -> str:
    """The first field that differs."""
    pairs: list[tuple[str, Any, Any]] = []
    if isinstance(old, dict) and isinstance(new, dict):
        pairs = [(f"{where}.{key}", old.get(key), new.get(key)) for key in {**new, **old}]
    elif isinstance(old, list) and isinstance(new, list) and len(old) == len(new):
        pairs = [(f"{where}[{i}]", *pair) for i, pair in enumerate(zip(old, new, strict=True))]
    for name, before, after in pairs:
        if before != after:
            return _difference(before, after, name)
    return where.removeprefix(".")


def _compiler(project: ProjectManager) -> Compiler:
    """What the Protocol was compiled with."""
    for compiler in project.manifest.compilers or []:
        if "Protocol" in (compiler.contractTypes or []):
            settings = compiler.settings or {}
            optimizer = settings.get("optimizer", {})
            return Compiler(
                version=str(compiler.version),
                evm_version=settings.get("evmVersion"),
                optimizer=bool(optimizer.get("enabled")),
                optimizer_runs=optimizer.get("runs"),
            )
    raise UserError("the contracts are not compiled: run `ape compile --force`")


def _code_hash(project: ProjectManager) -> str:
    codes = [contract_type(project, name).deployment_bytecode for name in CREATED]
    texts = [str(code and code.bytecode).removeprefix("0x") for code in codes]
    return "0x" + keccak(bytes.fromhex("".join(texts))).hex()
