"""A collateral that calls back, takes fees and blocks accounts, with a lending vault of its own."""

from dataclasses import dataclass
from typing import NamedTuple

from ape.contracts import ContractInstance

from prep.credit.actions import Action, encode
from tests.credit import CURVE, INDEXED, CreditSuite
from tests.suite import UNLIMITED, WAD

HOSTILE = 5
LENT = 1_000_000 * WAD


class Call(NamedTuple):
    """Something to call from inside of a transfer, and the errors that it may end with."""

    name: str
    target: str
    data: bytes
    errors: tuple[str, ...]


@dataclass(frozen=True)
class HostileAsset:
    """Worth a dollar. The token owns `account` itself, so what it calls comes from the owner."""

    credit: CreditSuite
    token: ContractInstance
    oracle: ContractInstance
    vault: ContractInstance
    account: int

    def run(self, contract: ContractInstance, data: bytes) -> None:
        self.token.run(contract, data, sender=self.credit.suite.admin)

    def act(self, *actions: Action) -> None:
        """A list of the token's own account."""
        data = self.credit.manager.execute.encode_input(self.account, encode(actions))
        self.run(self.credit.manager, data)

    def arm(self, calls: list[Call], afterwards: bool) -> None:
        """The next transfer makes these calls."""
        plan = [(call.target, call.data) for call in calls]
        self.token.arm(plan, afterwards, sender=self.credit.suite.admin)

    def give(self, who, amount: int) -> None:
        """With an allowance for the manager."""
        address = getattr(who, "address", who)
        self.token.mint(address, amount, sender=self.credit.suite.admin)
        if address != self.token.address:
            self.token.approve(self.credit.manager, UNLIMITED, sender=who)


def add_hostile(project, credit: CreditSuite, lender) -> HostileAsset:
    """Puts it into the suite's books too, so that they are checked."""
    admin, suite, manager = credit.suite.admin, credit.suite, credit.manager
    token = admin.deploy(project.HostileCollateral)
    oracle = admin.deploy(project.MockOracle, WAD)
    vault = admin.deploy(project.LendingVault, token, suite.authority, CURVE)
    config = (token, oracle, vault, 8_000, 9_000, UNLIMITED)
    manager.addAsset(config, sender=suite.risk_manager)
    vault.registerBorrower(manager, INDEXED, 10**33, sender=admin)
    token.mint(lender, LENT, sender=admin)
    token.approve(vault, UNLIMITED, sender=lender)
    vault.deposit(LENT, lender, sender=lender)
    manager.open(token, sender=admin)
    account = manager.accountCount()
    credit.node.interface.learn(token.contract_type)
    for contract, asset in ((credit.tokens, token), (credit.oracles, oracle)):
        contract[HOSTILE] = asset
    credit.lending[HOSTILE] = vault
    hostile = HostileAsset(credit, token, oracle, vault, account)
    for spender in (manager, vault):
        hostile.run(token, token.approve.encode_input(spender, UNLIMITED))
    return hostile
