"""The actions in the contracts: deployed for this, on a local node that lets anybody sign."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from ape.managers.project import ProjectManager
from eth_utils.abi import function_signature_to_4byte_selector as selector_of
from eth_utils.address import to_checksum_address

from prep.model import WAD, MarketConfig, Rejected
from prep.node import Log, Node, Reverted
from prep.replay.formats import Action, Deleverage, Deposit, Order, PriceChange
from prep.replay.plan import CLIENT, ISOLATED, Plan
from prep.replay.snapshots import NAMES, Accounting, State

FUNDS: Final = 2**200
"""Of the margin client, PREP base units: more than all that can ever be lost."""
_CONFIG: Final = f"(address,bool{12 * ',uint256'})"
_MINT: Final = "mint(address,uint256)"


@dataclass(frozen=True)
class Stage:
    """The suite without markets, and who may do everything with it."""

    node: Node
    admin: str
    protocol: str
    vault: str
    lens: str
    deleverager: str
    client: str
    oracle: Any
    """Type of the contract that has a market's price."""

    @classmethod
    def build(cls, project: ProjectManager, node: Node, admin: str) -> "Stage":
        """Deploys it. `admin` is an account that the node signs for."""
        authority = node.deploy(admin, project.Authority.contract_type, admin)
        prep = node.deploy(admin, project.PrepToken.contract_type, authority, 0, 0)
        requests = node.deploy(admin, project.TradeRequests.contract_type, prep)
        protocol = node.deploy(
            admin, project.Protocol.contract_type, prep, authority, False, requests
        )
        # These two the protocol has deployed.
        for created in (project.Vault, project.Deleverager):
            node.interface.learn(created.contract_type)
        vault, deleverager = node.read((protocol, "vault()"), (protocol, "deleverager()"))
        client = node.deploy(admin, project.MarginClient.contract_type, protocol, prep)
        stage = cls(
            node=node,
            admin=admin,
            protocol=protocol,
            vault=to_checksum_address(vault),
            lens=node.deploy(admin, project.ProtocolLens.contract_type, protocol),
            deleverager=to_checksum_address(deleverager),
            client=client,
            oracle=project.MockOracle.contract_type,
        )
        (minter,) = node.read((authority, "MINTER()"))
        allow = "setTargetFunctionRole(address,bytes4[],uint64)"
        stage.must(authority, allow, prep, [selector_of(_MINT)], minter)
        stage.must(authority, "grantRole(uint64,address,uint32)", minter, client, 0)
        stage.must(client, "fund(uint256)", FUNDS)
        stage.must(protocol, "setMarginClient(address,bool)", client, True)
        return stage

    def must(self, address: str, signature: str, *args: Any) -> list[Log]:
        """What the setting up takes for granted. Its logs; raises `Reverted`."""
        done, logs = self.node.send(self.admin, address, signature, *args)
        if not done:
            self.node.simulate(self.admin, address, signature, *args)
            raise RuntimeError(f"{signature} failed, but would not now")
        return logs


class Contracts:
    """The contracts, set up as the configuration says, on a stage that nobody has used before."""

    def __init__(self, plan: Plan, stage: Stage) -> None:
        self.plan, self.stage, self.node = plan, stage, stage.node
        config = plan.config
        target, rate = config.target_collaterization_ratio, config.protocol_fee_rate
        stage.must(stage.vault, "setTargetCollateralizationRatio(uint256)", target)
        stage.must(stage.protocol, "setProtocolFeeRate(uint256)", rate)
        markets = [(ISOLATED, WAD), *((p.market(), p.initial_price) for p in config.perps)]
        self._oracles = [self.node.deploy(stage.admin, stage.oracle, price) for _, price in markets]
        # All begin in one second, that of the first action: nothing accrues before it.
        begin = self.node.time() + 1
        self._ahead = begin - plan.start
        for number, (market, _) in enumerate(markets):
            self.node.at(begin)
            values = self._values(self._oracles[number], market)
            (log,) = stage.must(stage.protocol, f"addMarket({_CONFIG})", values)
            if log.args[0] != number:
                raise RuntimeError(f"market {number} has the id {log.args[0]}")

    @staticmethod
    def _values(oracle: str, market: MarketConfig) -> tuple[Any, ...]:
        """In the order of the contracts' struct."""
        return (
            oracle,
            market.enabled,
            market.skew_scale,
            market.max_funding_velocity,
            market.opening_fee_rate,
            market.closing_fee_rate,
            market.borrow_rate,
            market.reserve_factor,
            market.min_position_value,
            market.max_position_value,
            market.max_long_oi_value,
            market.max_short_oi_value,
            market.max_net_oi_value,
            market.min_execution_delay,
        )

    def perform(self, action: Action) -> Mapping[str, int]:
        """What the action did; raises `Rejected`."""
        stage, markets, accounts = self.stage, self.plan.markets, self.plan.accounts
        now = action.block_time
        match action.body:
            case Deposit(amount=amount):
                log = self._send(
                    now, stage.client, "deposit(uint256,address)", "Deposit", amount, stage.client
                )
                return {"shares": log[3]}
            case Order() as order:
                log = self._send(
                    now,
                    stage.client,
                    "executeOrder(uint256,uint256,int256,bool)",
                    "OrderExecuted",
                    accounts[order.account_id],
                    markets[order.denom],
                    order.order_size,
                    order.reduce_only,
                )
                return _order(log[3])
            case PriceChange(denom=denom, new_price=price):
                self._send(now, self._oracles[markets[denom]], "setPrice(uint256)", None, price)
            case Deleverage() as it:
                log = self._send(
                    now,
                    stage.deleverager,
                    "deleverage(address,uint256,uint256,uint256)",
                    "AccountDeleveraged",
                    stage.client,
                    accounts[it.account_id],
                    markets[it.denom],
                    it.max_size,
                )
                names = ("size", "settlement", "ratioBefore", "ratioAfter")
                return dict(zip(names, log[3:], strict=True))
        return {}

    def state(self, block_time: int) -> State:
        """The books."""
        lens, markets = self.stage.lens, self.plan.markets
        self.node.at(block_time + self._ahead)
        self.node.mine()
        try:
            (total, vault), *books = self.node.read(
                (lens, "accounting()"),
                *((lens, "marketBooks(uint256)", i) for i in markets.values()),
            )
        except Reverted as error:
            raise self._rejected(error) from None
        return State(
            block_time=block_time,
            total=_accounting(total),
            total_withdrawal_balance=vault,
            markets={d: _accounting(b) for d, b in zip(markets, books, strict=True)},
        )

    def _send(
        self, block_time: int, address: str, signature: str, event: str | None, *args: Any
    ) -> tuple[Any, ...]:
        """The arguments of the event that tells the outcome."""
        self.node.at(block_time + self._ahead)
        done, logs = self.node.send(self.stage.admin, address, signature, *args)
        if not done:
            # The block has the time of the attempt, and the state that it has left as it was.
            try:
                self.node.simulate(self.stage.admin, address, signature, *args)
            except Reverted as error:
                raise self._rejected(error) from None
            raise RuntimeError(f"{signature} failed, but would not now")
        return next((log.args for log in logs if log.name == event), ())

    def _rejected(self, error: Reverted) -> Rejected:
        return Rejected(error.name, *(self._plain(value) for value in error.args_))

    def _plain(self, value: Any) -> Any:
        """Texts and the client by name, as the model has them."""
        if isinstance(value, bytes):
            return value.rstrip(b"\0").decode(errors="backslashreplace")
        if isinstance(value, str) and value.lower() == self.stage.client.lower():
            return CLIENT
        return value


def _order(outcome: tuple[Any, ...]) -> dict[str, int]:
    size, close_price, realised, opening_fee, protocol_fee, settlement, position = outcome
    names = ("pricePnl", "funding", "borrowingFee", "closingFee")
    after = ("size", "entryPrice", "fundingIndex", "borrowIndex")
    return {
        "size": size,
        "closePrice": close_price,
        **{f"realised.{name}": value for name, value in zip(names, realised, strict=True)},
        "openingFee": opening_fee,
        "protocolFee": protocol_fee,
        "settlement": settlement,
        **{f"position.{name}": value for name, value in zip(after, position, strict=True)},
    }


def _accounting(books: tuple[Any, ...]) -> Accounting:
    return Accounting(*(dict(zip(NAMES, part, strict=True)) for part in books))
