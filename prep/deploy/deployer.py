"""Deploys the whole suite, step by step, from wherever it was left."""

from pathlib import Path
from typing import Final

from ape.api import AccountAPI
from ape.contracts import ContractInstance
from ape.managers.project import ProjectManager
from eth_utils.crypto import keccak

from prep.deploy.accounts import Accounts
from prep.deploy.begin import begin
from prep.deploy.params import MARGIN_ROLES, Market, Parameters
from prep.deploy.pools import SIDES, MarginPools
from prep.deploy.record import Deployment
from prep.deploy.steps import Progress, Steps
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
        "LendingVault": (
            "setBorrowCap",
            "setRateCurve",
            "setReserveShare",
            "setProfitUnlockTime",
        ),
        "CreditManager": ("addAsset", "setAsset", "setMarketLtv"),
        "DebtController": ("setPair", "setMaxApy", "setGracePeriod"),
    },
    "GUARDIAN": {
        "Protocol": ("disableMarket",),
        "Vault": ("stopWithdrawals",),
        "LendingVault": ("disableBorrower",),
        "CreditManager": ("disableAsset",),
        "DebtController": ("disablePair",),
    },
    "ORDER_SIGNER": {},
    "ORDER_EXECUTOR": dict.fromkeys(SIDES, ("executeOrder", "recordInterest")),
    "LIQUIDATOR": dict.fromkeys(SIDES, ("liquidate", "liquidatePart")),
}
"""Which role may call which functions of every contract of what kind; the parameters' `roles` are
named alike."""


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
        steps = Steps(project, account, record, record_path, progress or (lambda _: None))
        _Run(steps, params).all()
    return record


class _Run:
    """What is deployed, in which order."""

    def __init__(self, steps: Steps, params: Parameters) -> None:
        self._steps = steps
        self._params = params

    def all(self) -> None:
        """Roles come last: until then the deployer, being the admin, may do everything."""
        params, steps, me = self._params, self._steps, self._steps.me
        faucet = params.faucet
        authority = steps.create("Authority", "Authority", me)
        prep = steps.create(
            "PrepToken", "PrepToken", authority.address, faucet.amount, faucet.interval
        )
        oracles = [steps.oracle(market) for market in params.markets]
        protocol = self._protocol(prep, authority)
        steps.create("ProtocolLens", "ProtocolLens", protocol.address)
        accounts = None
        if params.credit:
            around = (params.credit, params.markets, prep, protocol, authority)
            wrapped_ether = params.margin.wrapped_ether if params.margin else None
            accounts = Accounts(steps, *around, wrapped_ether)
        pools = None
        if params.margin and params.credit:
            pools = MarginPools(steps, params.margin, params.credit, authority)

        treasury = params.roles.holder("treasury", me)
        steps.call("setTreasury", protocol.setTreasury, treasury)
        if params.protocol_fee_rate:
            rate = params.protocol_fee_rate
            steps.call("setProtocolFeeRate", protocol.setProtocolFeeRate, rate)
        self._set_limits(steps.instance("Vault"))
        for index, (market, oracle) in enumerate(zip(params.markets, oracles, strict=True)):
            self._add_market(protocol, index, market, oracle.address)
        if accounts:
            accounts.configure(treasury)
        if pools:
            pools.configure(treasury)
        self._give_roles(authority)
        steps.finish()

    def _protocol(self, prep: ContractInstance, authority: ContractInstance) -> ContractInstance:
        steps, by_larger_side = self._steps, self._params.reserves_by_larger_side
        requests = steps.create("TradeRequests", "TradeRequests", prep.address)
        arguments = (prep.address, authority.address, by_larger_side, requests.address)
        protocol = steps.create("Protocol", "Protocol", *arguments)
        vault = protocol.vault()
        of_vault = (prep.address, protocol.address, authority.address, by_larger_side)
        steps.made("Vault", "Protocol", vault, *of_vault)
        of_deleverager = (protocol.address, vault)
        steps.made("Deleverager", "Protocol", protocol.deleverager(), *of_deleverager)
        return protocol

    def _set_limits(self, vault: ContractInstance) -> None:
        """Unless the vault has them from its constructor."""
        params = self._params
        for setter, value, default in (
            ("setTargetCollateralizationRatio", params.target_collateralization_ratio, 0),
            ("setDepositCap", params.deposit_cap, limits.MAX_LIQUIDITY),
            ("setRedeemWindow", params.redeem_window, DEFAULT_REDEEM_WINDOW),
            ("setCooldownPeriod", params.cooldown_period, 0),
        ):
            if value != default:
                self._steps.call(setter, getattr(vault, setter), value)

    def _add_market(
        self, protocol: ContractInstance, index: int, market: Market, oracle: str
    ) -> None:
        arguments = (protocol.addMarket, market.config_struct(oracle))
        self._steps.add(f"addMarket {market.name}", protocol.marketCount, index, *arguments)

    def _give_roles(self, authority: ContractInstance) -> None:
        steps, roles = self._steps, self._params.roles
        for role, targets in WIRING.items():
            if role.lower() in MARGIN_ROLES and not self._params.margin:
                continue
            number = getattr(authority, role)()
            for kind, functions in targets.items():
                for name, target in steps.instances_of(kind):
                    step = f"setTargetFunctionRole {role} {name}"
                    selectors = [_selector(target, function) for function in functions]
                    arguments = (target.address, selectors, number)
                    steps.call(step, authority.setTargetFunctionRole, *arguments)
            holder = roles.holder(role.lower(), steps.me)
            steps.call(f"grantRole {role}", authority.grantRole, number, holder, 0)
        admin, delay = roles.holder("admin", steps.me), roles.admin_delay
        if admin != steps.me or delay:
            steps.call("grantRole ADMIN", authority.grantRole, ADMIN_ROLE, admin, delay)
        if admin != steps.me:
            steps.call("renounceRole ADMIN", authority.renounceRole, ADMIN_ROLE, steps.me)


def _selector(contract: ContractInstance, function: str) -> bytes:
    """Of the one function with this name, or this signature where several share the name."""
    methods = contract.contract_type.methods
    found = [m.selector for m in methods if function in (m.name, m.selector)]
    if len(found) != 1:
        raise ValueError(f"{function} names {len(found)} functions")
    return keccak(text=found[0])[:4]
