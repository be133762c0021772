"""The result of a deployment: `deployments/<chain id>.json`.

Every transaction is in it before it is sent, and again when it is mined, so that whoever reads it
after an interruption knows what has happened. Integers that contracts use are decimal strings: they
may be larger than what readers of JSON keep exact.
"""

import json
import os
from pathlib import Path
from typing import Annotated, Any, Final, Self

from ape.api import ProviderAPI
from ape.contracts import ContractInstance
from ape.managers.project import ProjectManager
from eth_utils.address import to_checksum_address
from pydantic import BaseModel, ConfigDict, Field, ValidationError
from pydantic.alias_generators import to_camel

from prep.artifacts import COMPILED, contract_type
from prep.connect import is_local, is_temporary
from prep.errors import UserError

FOLDER: Final = Path("deployments")
Address = Annotated[str, Field(pattern=r"^0x[0-9a-fA-F]{40}$")]
"""Anything else Ape would look up as a name."""


class _Model(BaseModel):
    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True, extra="forbid")


class Mined(_Model):
    """A transaction that went through. `timestamp`: its block's, seconds."""

    transaction: str
    block: int
    timestamp: int


class Contract(Mined):
    """A contract. `name` is the source's; `source` and `arguments` are what explorers verify. Of
    one that is not of the project, `source` is its artifact, which tells how to call it."""

    name: str
    source: str
    address: Address
    arguments: dict[str, Any]


class Pending(_Model):
    """A signed transaction that may have been sent. Whatever happens, `nonce` is used only once."""

    step: str
    transaction: str
    nonce: int
    raw: str
    creates: Address | None
    """The contract's address, if it creates one."""


class Compiler(_Model):
    """With what the bytecode was made."""

    version: str
    evm_version: str | None
    optimizer: bool
    optimizer_runs: int | None


class Deployment(_Model):
    """All that is known about a deployment, finished or not."""

    chain_id: int
    deployer: Address
    temporary: bool
    """The node was started by the command that deployed, and has ended with it."""
    compiler: Compiler
    code_hash: str
    """Keccak-256 of all creation code: one deployment is made of one version of it."""
    parameters: dict[str, Any]
    started_at: int
    finished_at: int | None = None
    contracts: dict[str, Contract] = Field(default_factory=dict)
    steps: dict[str, Mined] = Field(default_factory=dict)
    """Transactions that created nothing: roles, markets."""
    pending: Pending | None = None

    @classmethod
    def load(cls, chain_id: int, folder: Path = FOLDER) -> Self:
        """The finished deployment on this chain."""
        path = record_path(chain_id, folder)
        if not path.exists():
            raise UserError(f"nothing is deployed on chain {chain_id}: {path} is missing")
        deployment = cls.read(path)
        if deployment.chain_id != chain_id:
            raise UserError(f"{path} is about chain {deployment.chain_id}, not {chain_id}")
        if deployment.finished_at is None:
            raise UserError(f"{path} is about an unfinished deployment: run `ape run deploy` again")
        return deployment

    @classmethod
    def read(cls, path: Path) -> Self:
        """What the file says, finished or not."""
        try:
            return cls.model_validate_json(path.read_text(encoding="utf-8"))
        except (OSError, UnicodeDecodeError) as error:
            raise UserError(f"{path} cannot be read: {error}") from error
        except ValidationError as error:
            first = error.errors(include_url=False)[0]
            where = ".".join(map(str, first["loc"]))
            reason = f"{where}: {first['msg']}" if where else first["msg"]
            raise UserError(f"{path} is not a record of a deployment: {reason}") from error

    def save(self, path: Path) -> None:
        """Replaces the file in one piece: a reader sees the old record or the new one."""
        text = json.dumps(self.model_dump(mode="json", by_alias=True), indent=2) + "\n"
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            new = path.with_name(f".{path.name}.new")
            with new.open("w", encoding="utf-8") as file:
                file.write(text)
                file.flush()
                os.fsync(file.fileno())
            new.replace(path)
        except OSError as error:
            raise UserError(f"{path} cannot be written: {error.strerror or error}") from error

    def contract(self, name: str) -> Contract:
        """All about one contract, by its name in the deployment such as "BTC/oracle"."""
        if name not in self.contracts:
            known = ", ".join(self.contracts) or "none"
            raise UserError(f"the deployment on chain {self.chain_id} has no {name}, only {known}")
        return self.contracts[name]

    def address(self, name: str) -> str:
        """Checksummed."""
        return self.contract(name).address

    def instance(self, project: ProjectManager, name: str) -> ContractInstance:
        """A contract to be called."""
        recorded = self.contract(name)
        contract = recorded.source if recorded.source.endswith(COMPILED) else recorded.name
        return instance_at(project, contract, recorded.address)

    def market_name(self, market_id: int) -> str:
        """As the parameters have it; those that were added later have none."""
        names = [market["name"] for market in self.parameters["markets"]]
        return names[market_id] if market_id < len(names) else f"market {market_id}"

    def block(self, name: str) -> int:
        """In which a contract was created: the first that can hold its events."""
        return self.contract(name).block

    def check_chain(self, provider: ProviderAPI) -> None:
        """Raises unless the connected chain is the one that this is about.

        Every local chain has the same id, and a new one soon has other code at the same addresses:
        there the last transaction is looked up as well.
        """
        missing = [n for n, c in self.contracts.items() if not provider.get_code(c.address)]
        same = not missing
        if same and is_local(self.chain_id):
            mined = [*self.contracts.values(), *self.steps.values()]
            last = max(mined, key=lambda m: m.block, default=None)
            same = last is None or _block_of(provider, last.transaction) == last.block
        if same:
            return
        found = f"there is no {missing[0]}" if missing else "its transactions are unknown"
        hint = " (was the node restarted?)" if is_local(self.chain_id) else ""
        if self.temporary:
            hint = " (its node ended with the command that deployed)"
        elif is_temporary(provider):
            hint = " (this node is only for this command: name yours with --network)"
        raise UserError(
            f"the recorded deployment is on another chain with id {self.chain_id}{hint}: {found} "
            "on this one"
        )


def instance_at(project: ProjectManager, contract: str, address: str) -> ContractInstance:
    """A contract at an address, of the project by its name or compiled (`contract_type`).

    Unlike Ape's `at`, without its cache of what was once at this address: on local chains that is
    often something else by now.
    """
    return ContractInstance(to_checksum_address(address), contract_type(project, contract))


def record_path(chain_id: int, folder: Path = FOLDER) -> Path:
    """Where the deployment on this chain is recorded."""
    return folder / f"{chain_id}.json"


def remove_record(path: Path) -> None:
    """Forgets the deployment, if one is recorded."""
    try:
        path.unlink(missing_ok=True)
    except OSError as error:
        raise UserError(f"{path} cannot be removed: {error}") from error


def _block_of(provider: ProviderAPI, transaction: str) -> int | None:
    receipt = provider.make_request("eth_getTransactionReceipt", [transaction])
    return receipt and int(receipt["blockNumber"], 16)


def plain(value: Any) -> Any:
    """As JSON carries it without loss: integers that are not booleans become decimal strings."""
    if isinstance(value, dict):
        return {key: plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    if isinstance(value, bool) or value is None:
        return value
    return str(value)
