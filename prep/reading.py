"""Reading a deployment at one block, so that all that is read fits together."""

from collections.abc import Iterable
from typing import Any

from ape.api import ProviderAPI
from ape.contracts import ContractInstance
from ape.managers.project import ProjectManager
from web3.exceptions import ContractLogicError
from web3.types import TxParams

from prep.deploy.record import Deployment, instance_at
from prep.reverts import explain, web3_of


class Reader:
    """All reads are of the block that was the latest when this was made."""

    def __init__(
        self, project: ProjectManager, deployment: Deployment, provider: ProviderAPI
    ) -> None:
        """Raises `UserError` if the deployment is on another chain."""
        deployment.check_chain(provider)
        block = provider.get_block("latest")
        self._project = project
        self._deployment = deployment
        self.provider = provider
        self.block = int(block.number or 0)
        self.timestamp: int = block.timestamp
        self.protocol = self.contract("Protocol")
        self.lens = self.contract("ProtocolLens")

    def contract(self, name: str) -> ContractInstance:
        """By its name in the deployment."""
        return self._deployment.instance(self._project, name)

    def at(self, contract: str, address: str) -> ContractInstance:
        """One that may not be of the deployment."""
        return instance_at(self._project, contract, address)

    def oracle(self, address: str) -> ContractInstance:
        """A price adapter."""
        return self.at("ChainlinkOracle", address)

    def __call__(self, method: Any, *arguments: Any) -> Any:
        """What a function returns that does not refuse."""
        return method(*arguments, block_id=self.block)

    def refusal(
        self, contracts: Iterable[ContractInstance], method: Any, *arguments: Any
    ) -> str | None:
        """Why a function refuses, in the words of one of these contracts; None if it does not.

        Asked past Ape, which prints a trace of whatever reverts.
        """
        call: TxParams = {
            "to": method.contract.address,
            "data": method.encode_input(*arguments),
        }
        try:
            web3_of(self.provider).eth.call(call, self.block)
        except ContractLogicError as error:
            return explain(error, [contract.contract_type for contract in contracts])
        return None
