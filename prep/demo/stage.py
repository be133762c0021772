"""The chain as the demonstration uses it: time, prices, transactions, logs and readings.

It talks to the node directly: Ape's calls and transactions ask it for many things that are known
here, and two days of prices would take minutes.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Final, cast

from ape.api import ProviderAPI
from ape.contracts import ContractInstance
from eth_abi.abi import decode
from eth_utils.address import to_checksum_address
from eth_utils.crypto import keccak
from ethpm_types.abi import ABIType
from hexbytes import HexBytes
from web3.exceptions import ContractLogicError
from web3.types import TxParams

from prep.demo.checks import Balances
from prep.demo.ledger import ZERO_ADDRESS, Event, Ledger
from prep.demo.outcome import Position, Reading
from prep.errors import UserError
from prep.model.fixed import UNLIMITED
from prep.node import Node, Reverted

GAS: Final = 5_000_000
"""Enough for any action."""
ETHER: Final = 10**18
_ACTION_FAILED: Final = keccak(text="ActionFailed(uint256,bytes)")[:4]


Ask = tuple[Any, ...]
"""A contract, a function and its arguments."""


@contextmanager
def steady_time(provider: ProviderAPI) -> Iterator[None]:
    """Gives each block a second more than the one before, however long it takes to make it: two
    runs accrue the same fees, to the unit."""
    provider.make_request("anvil_setBlockTimestampInterval", [1])
    try:
        yield
    finally:
        # Ape ends its node at once when the user interrupts.
        if provider.is_connected:
            provider.make_request("anvil_removeBlockTimestampInterval", [])


@dataclass
class Stage:
    """The deployed contracts on a local node. Of `others`, by name, logs are read as well."""

    provider: ProviderAPI
    prep: ContractInstance
    protocol: ContractInstance
    vault: ContractInstance
    lens: ContractInstance
    feed: ContractInstance
    others: Mapping[str, ContractInstance] = field(default_factory=dict)
    _node: Node = field(init=False)
    _next_block: int = 0
    _errors: dict[bytes, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        # Below Ape and web3, which take longer to ask than the node to answer.
        self._node = Node(str(self.provider.http_uri))
        for contract in self._watched.values():
            for error in contract.contract_type.errors:
                self._errors[keccak(text=error.selector)[:4]] = error.name

    @property
    def _watched(self) -> dict[str, ContractInstance]:
        return {"PREP": self.prep, "Vault": self.vault, "Protocol": self.protocol, **self.others}

    # ----------------------------------------------------------------------------------------- node

    @contextmanager
    def set(self, actors: Iterable[str]) -> Iterator[None]:
        """Lets the node sign for whoever acts, in steady time."""
        for actor in actors:
            self._ask("anvil_setBalance", actor, hex(1_000 * ETHER))
        self._ask("anvil_autoImpersonateAccount", True)
        try:
            with steady_time(self.provider):
                yield
        finally:
            if self.provider.is_connected:
                self._ask("anvil_autoImpersonateAccount", False)

    def now(self) -> int:
        """Time of the newest block, seconds."""
        return int(self._ask("eth_getBlockByNumber", "latest", False)["timestamp"], 16)

    def block(self) -> int:
        """Number of the newest block."""
        return int(self._ask("eth_blockNumber"), 16)

    def _ask(self, method: str, *arguments: Any) -> Any:
        return self._node.rpc(method, *arguments)

    # --------------------------------------------------------------------------------- transactions

    def send(self, sender: str, contract: ContractInstance, do: str, *args: Any) -> str:
        """Sends a transaction. The name of the error that it was rejected with, else ''."""
        data = getattr(contract, do).encode_input(*args)
        return self.send_data(sender, contract.address, data)

    def send_data(self, sender: str, to: str, data: bytes, value: int = 0) -> str:
        """The same with a call that is encoded already, and with ether."""
        transaction = {
            "from": sender,
            "to": to,
            "data": HexBytes(data).to_0x_hex(),
            "value": hex(value),
            "gas": hex(GAS),
        }
        # Answers with the receipt, as soon as there is one.
        if int(self._ask("eth_sendTransactionSync", transaction)["status"], 16):
            return ""
        try:
            self.provider.web3.eth.call(cast(TxParams, transaction))
        except ContractLogicError as error:
            return self._name_of(HexBytes(error.data if isinstance(error.data, str) else b""))
        return "an error that did not happen again"

    def _name_of(self, data: HexBytes) -> str:
        """Of an error; of the one inside where an action of a list has failed."""
        selector = bytes(data[:4])
        if selector == _ACTION_FAILED:
            _, reason = decode(["uint256", "bytes"], data[4:])
            return self._name_of(HexBytes(reason))
        return self._errors.get(selector, f"unknown error {data[:4].to_0x_hex()}")

    def set_feed(self, setter: str, feed: ContractInstance, answer: int) -> None:
        """A new answer of another feed, in a block of its own."""
        if error := self.send(setter, feed, "setAnswer", answer):
            raise UserError(f"the feed rejects the price {answer} with {error}")

    def set_price(self, setter: str, answer: int, timestamp: int) -> None:
        """A new answer of the feed, in its units, in a block of exactly this time."""
        self._ask("evm_setNextBlockTimestamp", timestamp)
        self.set_feed(setter, self.feed, answer)

    # ------------------------------------------------------------------------------------- readings

    def new_events(self) -> list[Event]:
        """All that the contracts have logged since the last call, in order."""
        watched = self._watched
        wanted = {
            "fromBlock": hex(self._next_block),
            "toBlock": "latest",
            "address": [contract.address for contract in watched.values()],
        }
        logs = self._ask("eth_getLogs", wanted)
        if logs:
            self._next_block = int(logs[-1]["blockNumber"], 16) + 1
        by_address = defaultdict(list)
        for log in logs:
            by_address[to_checksum_address(log["address"])].append(log)
        found: list[tuple[int, int, Event]] = []
        for name, contract in watched.items():
            # One by one: tokens and accounts have events of one name that are logged differently.
            found += self._decoded(name, contract, by_address[contract.address])
        return [event for _, _, event in sorted(found, key=lambda item: item[:2])]

    def _decoded(
        self, name: str, contract: ContractInstance, logs: list[dict[str, Any]]
    ) -> Iterator[tuple[int, int, Event]]:
        if not logs:
            return
        abis = {abi.name: abi for abi in contract.contract_type.events}
        for log in self.provider.network.ecosystem.decode_logs(logs, *abis.values()):
            args = {
                field.name: _named(field, log.event_arguments[field.name])
                for field in abis[log.event_name].inputs
            }
            event = Event(str(log.transaction_hash), name, log.event_name, args)
            yield log.block_number, log.log_index, event

    def views(self, asks: Sequence[Ask], block: str = "latest") -> list[Any]:
        """As `view`, of many functions in one request."""
        requests = []
        for contract, function, *args in asks:
            data = getattr(contract, function).encode_input(*args).to_0x_hex()
            requests.append(("eth_call", ({"to": contract.address, "data": data}, block)))
        try:
            answers = self._node.batch(requests)
        except Reverted as error:
            raise UserError(f"{', '.join(function for _, function, *_ in asks)}: {error}") from None
        return [
            _returned(contract, function, HexBytes(answer))
            for (contract, function, *_), answer in zip(asks, answers, strict=True)
        ]

    def view(self, contract: ContractInstance, function: str, *args: Any) -> Any:
        """What a function without overloads returns; structs by name."""
        (value,) = self.views([(contract, function, *args)])
        return value

    def read(self) -> Reading:
        """Everything that changes."""
        market, vault = self.view(self.lens, "market", 0), self.view(self.lens, "vault")
        return Reading(
            timestamp=self.now(),
            price=market["price"],
            long_oi=market["state"]["longOI"],
            short_oi=market["state"]["shortOI"],
            liquidity=vault["liquidity"],
            reserves=vault["reserves"],
            lower_value=vault["lowerValue"],
            upper_value=vault["upperValue"],
            shares=vault["totalSupply"],
            positions=tuple(
                Position(
                    id=p["id"],
                    trader=to_checksum_address(p["trader"]),
                    size=p["position"]["size"],
                    entry_price=p["position"]["entryPrice"],
                    notional=p["entryNotional"],
                    leverage=p["leverage"],
                )
                for p in self.view(self.lens, "positions", 1, UNLIMITED)
            ),
        )

    def balances(self, ledger: Ledger, participants: Iterable[str]) -> Balances:
        """What token and contracts say of everybody, those included that the ledger met."""
        contracts = [contract.address for contract in self.others.values()]
        people = {*participants, *ledger.wallets, *ledger.accounts}
        people -= {ZERO_ADDRESS, self.vault.address, self.protocol.address, *contracts}
        who = sorted(people)
        places = [*who, *contracts, self.vault.address, self.protocol.address]
        held = self.views([(self.prep, "balanceOf", place) for place in places])
        prep = dict(zip(places, held, strict=True))
        details = self.views([(self.protocol, "getPositionDetails", trader) for trader in who])
        markets = range(self.view(self.protocol, "marketCount"))
        flows = self.views([(self.lens, "cashFlow", market) for market in markets])
        return Balances(
            wallets={person: prep[person] for person in who},
            contracts={contract: prep[contract] for contract in contracts},
            collateral={w: d["collateral"] for w, d in zip(who, details, strict=True)},
            vault=prep[self.vault.address],
            protocol=prep[self.protocol.address],
            liquidity=self.view(self.protocol, "liquidity"),
            net_deposits=self.view(self.protocol, "netDeposits"),
            fees_unpaid=self.view(self.protocol, "protocolFees")[1],
            cash_flow={name: sum(flow[name] for flow in flows) for name in flows[0]},
        )


def _returned(contract: ContractInstance, function: str, answer: HexBytes) -> Any:
    """What a function without overloads returns; structs by name."""
    abi = contract.contract_type.view_methods[function]
    values = decode([output.canonical_type for output in abi.outputs], answer)
    named = [_named(o, value) for o, value in zip(abi.outputs, values, strict=True)]
    return named[0] if len(named) == 1 else named


def _named(field: ABIType, value: Any) -> Any:
    """A decoded value with its structs as dictionaries and its numbers as bare integers."""
    if field.components and str(field.type).endswith("]"):
        return [_struct(field.components, item) for item in value]
    if field.components:
        return _struct(field.components, value)
    return int(value) if isinstance(value, int) else value


def _struct(components: Iterable[ABIType], values: Iterable[Any]) -> dict[str, Any]:
    return {str(c.name): _named(c, v) for c, v in zip(components, values, strict=True)}
