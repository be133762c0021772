"""The steps of a deployment. Each is skipped if the record has it."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from ape.api import AccountAPI
from ape.contracts import ContractContainer, ContractInstance
from ape.managers.project import ProjectManager

from prep.artifacts import contract_type
from prep.deploy.begin import CREATED
from prep.deploy.prices import Mock, Priced
from prep.deploy.record import Contract, Deployment, Mined, instance_at, plain
from prep.deploy.transactions import Transactions
from prep.errors import UserError

Progress = Callable[[str], object]


class Steps:
    """Makes contracts and calls for one account, and keeps the record at `path` up to date."""

    def __init__(
        self,
        project: ProjectManager,
        account: AccountAPI,
        record: Deployment,
        path: Path,
        progress: Progress,
    ) -> None:
        self.me: str = account.address
        self._project = project
        self._record = record
        self._path = path
        self._progress = progress
        self._instances: dict[str, ContractInstance] = {}
        self._transactions = Transactions(
            account, record, path, [contract_type(project, name) for name in CREATED]
        )

    def create(self, name: str, contract: str, *arguments: Any) -> ContractInstance:
        """A contract: its name in the record, what it is (`prep.artifacts.contract_type`), and its
        constructor's arguments."""
        container = self._container(contract)
        if name not in self._record.contracts:
            self._progress(f"deploy {name}")
            receipt = self._transactions.mine(
                name, True, lambda options: container(*arguments, **options)
            )
            if receipt.created is None:
                made = receipt.mined.transaction
                raise UserError(f"{name}: transaction {made} made no contract")
            self._record.contracts[name] = _contract(
                container, receipt.mined, receipt.created, arguments
            )
            self._settle()
        return self.instance(name)

    def made(self, contract: str, creator: str, address: str, *arguments: Any) -> None:
        """A contract that the constructor of another one has made, in the same transaction, with
        these arguments."""
        if contract in self._record.contracts:
            return
        container, mined = self._container(contract), self._record.contract(creator)
        self._record.contracts[contract] = _contract(container, mined, address, arguments)
        self._record.save(self._path)

    def oracle(self, priced: Priced) -> ContractInstance:
        """A price adapter, over a feed that is made for it if need be."""
        feed = priced.feed
        if isinstance(feed, Mock):
            arguments = (feed.decimals, feed.description, feed.answer)
            feed = self.create(f"{priced.name}/feed", "MockAggregator", *arguments).address
        return self.create(f"{priced.name}/oracle", "ChainlinkOracle", priced.oracle_struct(feed))

    def call(
        self, step: str, method: Any, *arguments: Any, check: Callable[[], None] | None = None
    ) -> None:
        """A transaction. `check` may still refuse it, just before it is signed."""
        if step in self._record.steps:
            return
        self._progress(step)

        def build(options: dict[str, Any]) -> Any:
            if check:
                check()
            return method.as_transaction(*arguments, **options)

        receipt = self._transactions.mine(step, False, build)
        self._record.steps[step] = receipt.mined
        self._settle()

    def add(self, step: str, count: Any, index: int, method: Any, *arguments: Any) -> None:
        """A call that adds something to a list and would not be the same if done again: `count` is
        asked how many there are, before it `index`."""

        def check() -> None:
            if (found := count()) != index:
                mend = self._transactions.mend()
                raise UserError(f"{step}: there are {found} before it, not {index}; {mend}")

        self.call(step, method, *arguments, check=check)

    def instance(self, name: str) -> ContractInstance:
        """A contract of the record. Always the same: Ape takes long to look one over."""
        if name not in self._instances:
            self._instances[name] = self._record.instance(self._project, name)
        return self._instances[name]

    def at(self, contract: str, address: str) -> ContractInstance:
        """A contract that is not of this deployment (`prep.artifacts.contract_type`)."""
        return instance_at(self._project, contract, address)

    def instances_of(self, contract: str) -> Iterator[tuple[str, ContractInstance]]:
        """All that were made of one source, by name."""
        names = [name for name, c in self._record.contracts.items() if c.name == contract]
        return ((name, self.instance(name)) for name in names)

    def finish(self) -> None:
        """Says in the record that nothing is left to do."""
        self._record.finished_at = max(step.timestamp for step in self._record.steps.values())
        self._record.save(self._path)

    def _container(self, name: str) -> ContractContainer:
        return ContractContainer(contract_type(self._project, name))

    def _settle(self) -> None:
        self._record.pending = None
        self._record.save(self._path)


def _contract(
    container: ContractContainer,
    mined: Mined,
    address: str,
    arguments: tuple[Any, ...],
) -> Contract:
    names = [str(i.name) for i in container.constructor.abi.inputs]
    return Contract(
        **mined.model_dump(include=set(Mined.model_fields)),
        name=str(container.contract_type.name),
        source=str(container.contract_type.source_id),
        address=address,
        arguments=plain(dict(zip(names, arguments, strict=True))),
    )
