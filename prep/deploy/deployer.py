"""Deploys the whole suite, step by step, from wherever it was left."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

from ape.api import AccountAPI, ReceiptAPI
from ape.contracts import ContractContainer, ContractInstance
from ape.managers.project import ProjectManager
from eth_utils.crypto import keccak

from prep.deploy.begin import CREATED, begin
from prep.deploy.params import Market, Mock, Parameters
from prep.deploy.record import Contract, Deployment, Mined, plain
from prep.deploy.transactions import Transactions
from prep.errors import UserError
from prep.model import limits
from prep.model.redeem_queue import DEFAULT_REDEEM_WINDOW

ADMIN_ROLE: Final = 0
"""AccessManager's own: whatever is not given to another role is the admin's."""
WIRING: Final[dict[str, dict[str, tuple[str, ...]]]] = {
    "MINTER": {"PrepToken": ("mint(address,uint256)",)},
    "RISK_MANAGER": {
        "Protocol": ("addMarket", "setMarket", "setProtocolFeeRate"),
        "Vault": (
            "setTargetCollateralizationRatio",
            "setDepositCap",
            "setCooldownPeriod",
            "setRedeemWindow",
        ),
    },
    "GUARDIAN": {"Protocol": ("disableMarket",), "Vault": ("stopWithdrawals",)},
}
"""Which role may call which functions of what; the parameters' `roles` are named alike."""

Progress = Callable[[str], object]


def deploy(
    project: ProjectManager,
    account: AccountAPI,
    params: Parameters,
    record_path: Path,
    progress: Progress | None = None,
) -> Deployment:
    """Deploys what is not deployed yet, and returns the finished record.

    Interrupted anywhere and run again, it makes the same transactions as in one go. `progress` is
    told each step before it is taken. Raises `UserError`.
    """
    record = begin(project, account, params, record_path)
    if record.finished_at is None:
        if account.balance == 0:
            raise UserError(f"{account.address} has no funds on chain {record.chain_id}")
        _Run(project, account, record, record_path, progress or (lambda _: None)).all(params)
    return record


class _Run:
    """The steps. Each is skipped if the record has it."""

    def __init__(
        self,
        project: ProjectManager,
        account: AccountAPI,
        record: Deployment,
        path: Path,
        progress: Progress,
    ) -> None:
        self._project = project
        self._account = account
        self._record = record
        self._path = path
        self._progress = progress
        self._transactions = Transactions(
            account, record, path, [project.get_contract(name).contract_type for name in CREATED]
        )

    def all(self, params: Parameters) -> None:
        """Roles come last: until then the deployer, being the admin, may do everything."""
        me = self._account.address
        faucet = params.faucet
        authority = self._create("Authority", "Authority", me)
        prep = self._create(
            "PrepToken", "PrepToken", authority.address, faucet.amount, faucet.interval
        )
        oracles = [self._oracle(market) for market in params.markets]
        requests = self._create("TradeRequests", "TradeRequests", prep.address)
        protocol = self._protocol(prep, authority, params.reserves_by_larger_side, requests)
        self._create("ProtocolLens", "ProtocolLens", protocol.address)

        treasury = params.roles.holder("treasury", me)
        self._call("setTreasury", protocol.setTreasury, treasury)
        if params.protocol_fee_rate:
            self._call("setProtocolFeeRate", protocol.setProtocolFeeRate, params.protocol_fee_rate)
        vault = self._record.instance(self._project, "Vault")
        self._set_limits(vault, params)
        for index, (market, oracle) in enumerate(zip(params.markets, oracles, strict=True)):
            self._add_market(protocol, index, market, oracle.address)

        contracts = {"PrepToken": prep, "Protocol": protocol, "Vault": vault}
        for role, targets in WIRING.items():
            for target, functions in targets.items():
                step = f"setTargetFunctionRole {role} {target}"
                self._wire(step, authority, role, contracts[target], functions)
            holder = params.roles.holder(role.lower(), me)
            self._call(
                f"grantRole {role}", authority.grantRole, getattr(authority, role)(), holder, 0
            )
        self._hand_over(authority, params.roles.holder("admin", me), params.roles.admin_delay)

        self._record.finished_at = max(step.timestamp for step in self._record.steps.values())
        self._record.save(self._path)

    def _oracle(self, market: Market) -> ContractInstance:
        feed = market.feed
        if isinstance(feed, Mock):
            arguments = (feed.decimals, feed.description, feed.answer)
            feed = self._create(f"{market.name}/feed", "MockAggregator", *arguments).address
        return self._create(f"{market.name}/oracle", "ChainlinkOracle", market.oracle_struct(feed))

    def _protocol(
        self,
        prep: ContractInstance,
        authority: ContractInstance,
        by_larger_side: bool,
        requests: ContractInstance,
    ) -> ContractInstance:
        arguments = (prep.address, authority.address, by_larger_side, requests.address)
        protocol = self._create("Protocol", "Protocol", *arguments)
        if "Deleverager" not in self._record.contracts:
            # Made by the protocol's constructor: in the same transaction, with these arguments.
            transaction = self._record.contract("Protocol").model_dump(
                include=set(Mined.model_fields)
            )
            vault = protocol.vault()
            made: dict[str, tuple[str, tuple[Any, ...]]] = {
                "Vault": (
                    vault,
                    (prep.address, protocol.address, authority.address, by_larger_side),
                ),
                "Deleverager": (protocol.deleverager(), (protocol.address, vault)),
            }
            for name, (address, arguments) in made.items():
                container = self._container(name)
                self._record.contracts[name] = _contract(container, transaction, address, arguments)
            self._record.save(self._path)
        return protocol

    def _set_limits(self, vault: ContractInstance, params: Parameters) -> None:
        """Unless the vault has them from its constructor."""
        for setter, value, default in (
            ("setTargetCollateralizationRatio", params.target_collateralization_ratio, 0),
            ("setDepositCap", params.deposit_cap, limits.MAX_LIQUIDITY),
            ("setRedeemWindow", params.redeem_window, DEFAULT_REDEEM_WINDOW),
            ("setCooldownPeriod", params.cooldown_period, 0),
        ):
            if value != default:
                self._call(setter, getattr(vault, setter), value)

    def _add_market(
        self, protocol: ContractInstance, index: int, market: Market, oracle: str
    ) -> None:
        step = f"addMarket {market.name}"

        def check() -> None:
            count = protocol.marketCount()
            if count != index:  # the one step that would not be the same if done again
                mend = self._transactions.mend()
                raise UserError(f"{step}: there are {count} markets, not {index}; {mend}")

        self._call(step, protocol.addMarket, market.config_struct(oracle), check=check)

    def _wire(
        self,
        step: str,
        authority: ContractInstance,
        role: str,
        target: ContractInstance,
        functions: tuple[str, ...],
    ) -> None:
        selectors = [_selector(target, function) for function in functions]
        arguments = (target.address, selectors, getattr(authority, role)())
        self._call(step, authority.setTargetFunctionRole, *arguments)

    def _hand_over(self, authority: ContractInstance, admin: str, delay: int) -> None:
        me = self._account.address
        if admin != me or delay:
            self._call("grantRole ADMIN", authority.grantRole, ADMIN_ROLE, admin, delay)
        if admin != me:
            self._call("renounceRole ADMIN", authority.renounceRole, ADMIN_ROLE, me)

    def _create(self, name: str, contract: str, *arguments: Any) -> ContractInstance:
        container = self._container(contract)
        if name not in self._record.contracts:
            self._progress(f"deploy {name}")
            receipt = self._transactions.mine(
                name, True, lambda options: container(*arguments, **options)
            )
            if receipt.contract_address is None:
                raise UserError(f"{name}: transaction {receipt.txn_hash} made no contract")
            self._record.contracts[name] = _contract(
                container, _mined(receipt), receipt.contract_address, arguments
            )
            self._settle()
        return self._record.instance(self._project, name)

    def _call(
        self, step: str, method: Any, *arguments: Any, check: Callable[[], None] | None = None
    ) -> None:
        if step in self._record.steps:
            return
        self._progress(step)

        def build(options: dict[str, Any]) -> Any:
            if check:
                check()
            return method.as_transaction(*arguments, **options)

        receipt = self._transactions.mine(step, False, build)
        self._record.steps[step] = Mined(**_mined(receipt))
        self._settle()

    def _container(self, name: str) -> ContractContainer:
        container: ContractContainer = self._project.get_contract(name)
        return container

    def _settle(self) -> None:
        self._record.pending = None
        self._record.save(self._path)


def _mined(receipt: ReceiptAPI) -> dict[str, Any]:
    return {
        "transaction": str(receipt.txn_hash),
        "block": receipt.block_number,
        "timestamp": receipt.timestamp,
    }


def _contract(
    container: ContractContainer,
    transaction: dict[str, Any],
    address: str,
    arguments: tuple[Any, ...],
) -> Contract:
    names = [str(i.name) for i in container.constructor.abi.inputs]
    return Contract(
        **transaction,
        name=str(container.contract_type.name),
        source=str(container.contract_type.source_id),
        address=address,
        arguments=plain(dict(zip(names, arguments, strict=True))),
    )


def _selector(contract: ContractInstance, function: str) -> bytes:
    """Of the one function with this name, or this signature where several share the name."""
    methods = contract.contract_type.methods
    found = [m.selector for m in methods if function in (m.name, m.selector)]
    if len(found) != 1:
        raise ValueError(f"{function} names {len(found)} functions")
    return keccak(text=found[0])[:4]
