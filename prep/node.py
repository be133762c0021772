"""A thin JSON-RPC client of a local node, for what makes thousands of calls.

Ape costs some ten milliseconds a call; this costs one, and many reads go in one request. It knows
contracts by their ABIs only. Results are plain tuples in ABI order.
"""

import json
import time
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, Final

import urllib3
from eth_abi.abi import decode, encode
from eth_utils.address import to_checksum_address
from eth_utils.crypto import keccak
from ethpm_types import ContractType
from ethpm_types.abi import ErrorABI, EventABI, MethodABI

GAS: Final = hex(5_000_000)
"""Of a transaction: more than any needs."""
DEPLOYMENT_GAS: Final = hex(20_000_000)
TIMEOUT: Final = 60
LET_GO: Final = 0.5
"""Seconds."""

Request = tuple[str, tuple[Any, ...]]


class Reverted(Exception):  # noqa: N818 - an outcome, not a failure
    """A call reverted with this error."""

    def __init__(self, name: str, args: tuple[Any, ...]) -> None:
        super().__init__(f"{name}{args}")
        self.name, self.args_ = name, args


@dataclass(frozen=True)
class Log:
    """A decoded event: name and arguments in the order of the ABI, indexed ones included."""

    address: str
    name: str
    args: tuple[Any, ...]


@dataclass
class Interface:
    """Functions, errors and events of some contracts."""

    functions: dict[str, tuple[bytes, list[str], list[str]]] = field(default_factory=dict)
    errors: dict[bytes, tuple[str, list[str]]] = field(default_factory=dict)
    events: dict[tuple[bytes, int], EventABI] = field(default_factory=dict)
    """By signature and number of indexed arguments: tokens of both kinds have a `Transfer`."""

    def __post_init__(self) -> None:
        # What the compiler puts in by itself.
        for name, types in (("Error", ["string"]), ("Panic", ["uint256"])):
            self.errors[keccak(text=f"{name}({types[0]})")[:4]] = (name, types)

    def learn(self, contract_type: ContractType) -> None:
        for abi in contract_type.abi:
            if isinstance(abi, MethodABI):
                inputs = [i.canonical_type for i in abi.inputs]
                outputs = [o.canonical_type for o in abi.outputs]
                selector = keccak(text=abi.selector)[:4]
                self.functions[abi.selector] = (selector, inputs, outputs)
            elif isinstance(abi, ErrorABI):
                types = [i.canonical_type for i in abi.inputs]
                self.errors[keccak(text=abi.selector)[:4]] = (abi.name, types)
            elif isinstance(abi, EventABI):
                signature = f"{abi.name}({','.join(i.canonical_type for i in abi.inputs)})"
                self.events[keccak(text=signature), sum(i.indexed for i in abi.inputs)] = abi


class Node:
    """A node that holds the keys of its test accounts."""

    def __init__(self, uri: str, *contract_types: ContractType) -> None:
        self.uri = uri
        # Faster than `requests`, by more than the node itself takes for a call.
        self.connection = urllib3.connectionpool.connection_from_url(
            uri, timeout=TIMEOUT, retries=False, headers={"Content-Type": "application/json"}
        )
        self.interface = Interface()
        for contract_type in contract_types:
            self.interface.learn(contract_type)

    def rpc(self, method: str, *params: Any) -> Any:
        return self.batch([(method, params)])[0]

    def batch(self, requests_: Iterable[Request]) -> list[Any]:
        """All in one request. The node handles them in any order."""
        answers = self._answers(requests_)
        for answer in answers:
            if "error" in answer:
                raise self._failure(answer["error"])
        return [answer["result"] for answer in answers]

    def post(self, body: Any) -> Any:
        """The node's own answer to one request or a batch of them."""
        return self.connection.request("POST", "/", body=json.dumps(body)).json()

    def read(self, *calls: tuple[Any, ...]) -> list[Any]:
        """Each call is (address, signature, *arguments); all are answered at the latest block."""
        answers = self.batch(map(self._reading, calls))
        return [self._result(call[1], answer) for call, answer in zip(calls, answers, strict=True)]

    def try_read(self, *calls: tuple[Any, ...]) -> list[Any]:
        """As `read`, with the exception in place of the result of a call that failed."""
        answers = self._answers(map(self._reading, calls))
        return [
            self._failure(answer["error"])
            if "error" in answer
            else self._result(call[1], answer["result"])
            for call, answer in zip(calls, answers, strict=True)
        ]

    def simulate(self, sender: str, address: str, signature: str, *args: Any) -> Any:
        """The call's result at the latest block; raises `Reverted`."""
        call = {"from": sender, "to": address, "data": self._data(signature, args), "gas": GAS}
        return self._result(signature, self.rpc("eth_call", call, "latest"))

    def send(self, sender: str, address: str, signature: str, *args: Any) -> tuple[bool, list[Log]]:
        """Mines the transaction. Whether it went through, and its logs."""
        _, (transaction,) = self.sending(sender, address, signature, *args)
        receipt = self.rpc("eth_sendTransactionSync", transaction)
        return int(receipt["status"], 16) == 1, [self._log(log) for log in receipt["logs"]]

    def execute(
        self, sender: str, address: str, signature: str, *args: Any, value: int = 0
    ) -> list[Log]:
        """As `send`, but raises `Reverted` with what the call refuses with."""
        return self.execute_data(sender, address, self._data(signature, args), value)

    def execute_data(self, sender: str, address: str, data: str, value: int = 0) -> list[Log]:
        """The same with a call that is encoded already. `value`: wei."""
        tx = {"from": sender, "to": address, "data": data, "gas": GAS, "gasPrice": "0x0"}
        tx["value"] = hex(value)
        receipt = self.rpc("eth_sendTransactionSync", tx)
        if int(receipt["status"], 16) != 1:
            self.rpc("eth_call", tx, "latest")
            raise RuntimeError(f"a call of {address} failed, but would not now")
        return [self._log(log) for log in receipt["logs"]]

    def sending(
        self, sender: str, address: str, signature: str, *args: Any, nonce: int | None = None
    ) -> Request:
        """The request that sends the transaction. Gas costs nothing. In a batch, where requests are
        handled in any order, several of one sender need their nonces."""
        data = self._data(signature, args)
        tx = {"from": sender, "to": address, "data": data, "gas": GAS, "gasPrice": "0x0"}
        return "eth_sendTransaction", (tx if nonce is None else tx | {"nonce": hex(nonce)},)

    def deploy(self, sender: str, contract_type: ContractType, *args: Any) -> str:
        """Learns the contract, puts it on the chain and says where."""
        self.interface.learn(contract_type)
        bytecode = contract_type.deployment_bytecode
        code = bytecode and bytecode.bytecode
        assert code, f"{contract_type.name} cannot be deployed"
        types = [i.canonical_type for i in contract_type.constructor.inputs]
        data = f"0x{code.removeprefix('0x')}{encode(types, args).hex()}"
        tx = {"from": sender, "data": data, "gas": DEPLOYMENT_GAS, "gasPrice": "0x0"}
        receipt = self.rpc("eth_sendTransactionSync", tx)
        if int(receipt["status"], 16) != 1:
            self.rpc("eth_call", tx, "latest")
            raise RuntimeError(f"{contract_type.name} could not be deployed, but could be now")
        return str(to_checksum_address(receipt["contractAddress"]))

    def at(self, timestamp: int) -> None:
        """The next block has this time."""
        self.rpc("evm_setNextBlockTimestamp", timestamp)

    def mine(self) -> None:
        self.rpc("evm_mine")

    def undo(self, snapshot: str) -> None:
        """Back to the snapshot, once the node has let go of what it has mined. It does so a moment
        after each block: a transaction that comes in between with the same nonce would go too, and
        never be mined. What waits for a block is dropped."""
        end = time.monotonic() + LET_GO
        while any(int(count, 16) for count in self.rpc("txpool_status").values()):
            if time.monotonic() > end:
                break
            time.sleep(0.001)
        self.rpc("anvil_dropAllTransactions")
        if not self.rpc("evm_revert", snapshot):
            raise RuntimeError(f"the node does not know its snapshot {snapshot} any more")

    def time(self, block: str = "latest") -> int:
        """Of a block; of `pending`, the time that the next one would have."""
        return int(self.rpc("eth_getBlockByNumber", block, False)["timestamp"], 16)

    def _answers(self, requests_: Iterable[Request]) -> list[dict[str, Any]]:
        body = [
            {"jsonrpc": "2.0", "id": i, "method": method, "params": list(params)}
            for i, (method, params) in enumerate(requests_)
        ]
        answers: list[dict[str, Any]] = self.post(body)
        return sorted(answers, key=lambda answer: answer["id"])

    def _reading(self, call: tuple[Any, ...]) -> Request:
        address, signature, *args = call
        return "eth_call", ({"to": address, "data": self._data(signature, args)}, "latest")

    def _data(self, signature: str, args: Iterable[Any]) -> str:
        selector, inputs, _ = self.interface.functions[signature]
        return "0x" + (selector + encode(inputs, list(args))).hex()

    def _result(self, signature: str, answer: str) -> Any:
        values = decode(self.interface.functions[signature][2], bytes.fromhex(answer[2:]))
        return values[0] if len(values) == 1 else values

    def _failure(self, error: dict[str, Any]) -> Exception:
        data = error.get("data")
        if not isinstance(data, str) or not data.startswith("0x"):
            return RuntimeError(str(error))
        raw = bytes.fromhex(data[2:])
        name, types = self.interface.errors.get(raw[:4], (f"unknown error {data}", []))
        return Reverted(name, tuple(decode(types, raw[4:])))

    def _log(self, log: dict[str, Any]) -> Log:
        topics = [bytes.fromhex(topic[2:]) for topic in log["topics"]]
        abi = self.interface.events[topics[0], len(topics) - 1]
        indexed = iter(topics[1:])
        data = decode(
            [i.canonical_type for i in abi.inputs if not i.indexed], bytes.fromhex(log["data"][2:])
        )
        rest = iter(data)
        args = tuple(
            decode([i.canonical_type], next(indexed))[0] if i.indexed else next(rest)
            for i in abi.inputs
        )
        return Log(to_checksum_address(log["address"]), abi.name, args)
