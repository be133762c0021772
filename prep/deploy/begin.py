"""What a deployment starts from: a new record, or one that fits the parameters and the code."""

from pathlib import Path
from typing import Any, Final

from ape.api import AccountAPI, ProviderAPI
from ape.managers.project import ProjectManager
from eth_utils.crypto import keccak

from prep.connect import chain_id, is_local, is_temporary
from prep.deploy.params import Parameters
from prep.deploy.record import Compiler, Deployment, plain
from prep.errors import UserError

CREATED: Final = (
    "Authority",
    "PrepToken",
    "MockAggregator",
    "ChainlinkOracle",
    "TradeRequests",
    "Protocol",
    "ProtocolLens",
)
"""The contracts that transactions create. The Vault and the Deleverager are made by
the Protocol."""


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
        _check_feeds(provider, params)
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


def _check_feeds(provider: ProviderAPI, params: Parameters) -> None:
    """What the price adapters would refuse, but before anything is paid for."""
    for market in params.markets:
        for feed in (market.feed, market.sequencer and market.sequencer.feed):
            if isinstance(feed, str) and not provider.get_code(feed):
                raise UserError(f"market {market.name}: there is no contract at its feed {feed}")


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
    codes = [project.get_contract(name).contract_type.deployment_bytecode for name in CREATED]
    return "0x" + keccak(b"".join(bytes.fromhex(code.bytecode[2:]) for code in codes)).hex()
