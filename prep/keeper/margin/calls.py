"""What actions come down to: calls of the pools and of the router; and what these have done."""

from collections.abc import Mapping
from typing import Any, Final

from ape.managers.project import ProjectManager
from ethpm_types import ContractType

from prep.keeper.chain import Chain
from prep.keeper.margin.actions import (
    Execute,
    MarginAction,
    Record,
    Seize,
    SetMark,
    TakeEther,
    swap_data,
)
from prep.keeper.margin.orders import NoOrders, OrderSource
from prep.keeper.margin.report import (
    EtherTaken,
    Executed,
    MarginResult,
    MarkSet,
    Recorded,
    Seized,
)
from prep.keeper.sender import Call, Mined
from prep.margin.data import Closing, struct_of
from prep.quotes import config

_REFUND: Final = "refundETH"
_ROUTER: Final = ContractType.model_validate(
    {
        "abi": [
            {
                "type": "function",
                "name": _REFUND,
                "inputs": [],
                "outputs": [],
                "stateMutability": "payable",
            }
        ]
    }
)
"""What the keeper calls of it by itself."""


class Contracts:
    """Both pools and the router."""

    def __init__(
        self,
        chain: Chain,
        settings: config.Settings,
        orders: OrderSource | None,
        project: ProjectManager,
    ) -> None:
        """`orders`: who signs requests to close."""
        self._chain = chain
        self._orders = orders
        self.pool_type = project.get_contract("LongPool").contract_type
        """Of either pool: their functions and events are the same."""
        self.router = chain.at(settings.exchange.router, _ROUTER)
        self._pools = {
            True: chain.at(settings.pools.long, self.pool_type),
            False: chain.at(settings.pools.short, self.pool_type),
        }

    def call(self, action: MarginAction, now: int, max_gas_price: int) -> Call:
        """Raises `NoOrders`."""
        if isinstance(action, TakeEther):
            return Call(action, self.router, _REFUND, (), max_gas_price)
        function, arguments = self._function(action, now)
        return Call(action, self._pools[action.id.is_long], function, arguments, max_gas_price)

    def _function(
        self, action: Seize | Execute | SetMark | Record, now: int
    ) -> tuple[str, tuple[Any, ...]]:
        if isinstance(action, Record):
            return "recordInterest", ([tuple(p) for p in action.positions], list(action.interests))
        position, router = tuple(action.position), self.router.address
        if isinstance(action, SetMark):
            return "unmark" if action.clear else "mark", (position,)
        if isinstance(action, Seize):
            data = swap_data(action, self._pools[action.id.is_long].address)
            if action.interest is None:
                return "liquidateMarked", (position, router, data)
            if action.left:
                return "liquidatePart", (position, action.amount, action.interest, router, data)
            return "liquidate", (position, action.interest, router, data)
        if self._orders is None:
            raise NoOrders("nobody signs")
        request, signature = self._orders.request(action, now)
        order = action.order
        signed = tuple(order.order), order.signature, tuple(request), signature
        return "executeOrder", (*signed, position)

    def result(self, mined: Mined) -> MarginResult:
        """Of a transaction that went through."""
        action: Any = mined.call.action
        common = {"action": action, **mined.facts}
        if isinstance(action, Seize):
            return Seized(closing=self._closing(mined, "PositionLiquidated"), **common)
        if isinstance(action, Execute):
            return Executed(closing=self._closing(mined, "PositionClosed"), **common)
        if isinstance(action, SetMark):
            return MarkSet(**common)
        if isinstance(action, TakeEther):
            return EtherTaken(**common)
        return Recorded(**common)

    def _closing(self, mined: Mined, event: str) -> Closing:
        arguments = self._chain.event(mined.receipt, mined.call.contract, event)
        fields = arguments["closing"]
        return struct_of(Closing, fields.values() if isinstance(fields, Mapping) else fields)
