"""A thin JSON-RPC client for tests that need thousands of calls.

Ape costs some ten milliseconds a call; this costs one, and many reads go in one request. It knows
contracts by their ABIs only. Results are plain tuples in ABI order.
"""

from dataclasses import dataclass, field

import requests
from eth_abi import decode, encode
from eth_utils import keccak, to_checksum_address

GAS = hex(5_000_000)


class Reverted(Exception):  # noqa: N818 - an outcome, not a failure
    """A call reverted with this error."""

    def __init__(self, name: str, args: tuple) -> None:
        super().__init__(f"{name}{args}")
        self.name, self.args_ = name, args


@dataclass(frozen=True)
class Log:
    """A decoded event: name and arguments in the order of the ABI, indexed ones included."""

    address: str
    name: str
    args: tuple


@dataclass
class Interface:
    """Functions, errors and events of some contracts."""

    functions: dict = field(default_factory=dict)
    errors: dict = field(default_factory=dict)
    events: dict = field(default_factory=dict)

    def learn(self, contract_type) -> None:
        for abi in contract_type.abi:
            kind, selector = abi.type, getattr(abi, "selector", "")
            if kind == "function":
                inputs = [i.canonical_type for i in abi.inputs]
                outputs = [o.canonical_type for o in abi.outputs]
                self.functions[selector] = (keccak(text=selector)[:4], inputs, outputs)
            elif kind == "error":
                types = [i.canonical_type for i in abi.inputs]
                self.errors[keccak(text=selector)[:4]] = (abi.name, types)
            elif kind == "event":
                signature = f"{abi.name}({','.join(i.canonical_type for i in abi.inputs)})"
                self.events[keccak(text=signature)] = abi


class Node:
    """A node that holds the keys of its test accounts."""

    def __init__(self, uri: str, *contract_types) -> None:
        self.uri = uri
        self.session = requests.Session()
        self.interface = Interface()
        for contract_type in contract_types:
            self.interface.learn(contract_type)

    def rpc(self, method: str, *params):
        return self.batch([(method, params)])[0]

    def batch(self, requests_: list) -> list:
        body = [
            {"jsonrpc": "2.0", "id": i, "method": method, "params": list(params)}
            for i, (method, params) in enumerate(requests_)
        ]
        answers = self.session.post(self.uri, json=body, timeout=60).json()
        answers.sort(key=lambda answer: answer["id"])
        for answer in answers:
            if "error" in answer:
                raise self._failure(answer["error"])
        return [answer["result"] for answer in answers]

    def read(self, *calls: tuple) -> list:
        """Each call is (address, signature, *arguments); all are answered at the latest block."""
        requests_ = [
            ("eth_call", ({"to": address, "data": self._data(signature, args)}, "latest"))
            for address, signature, *args in calls
        ]
        answers = self.batch(requests_)
        return [self._result(call[1], answer) for call, answer in zip(calls, answers, strict=True)]

    def simulate(self, sender: str, address: str, signature: str, *args):
        """The call's result; raises `Reverted`."""
        call = {"from": sender, "to": address, "data": self._data(signature, args), "gas": GAS}
        return self._result(signature, self.rpc("eth_call", call, "latest"))

    def send(self, sender: str, address: str, signature: str, *args) -> tuple[bool, list[Log]]:
        """Mines the transaction. Whether it went through, and its logs."""
        method, params = self.sending(sender, address, signature, *args)
        hash_ = self.rpc(method, *params)
        # Mined at once, but beside the answer to the request above.
        while (receipt := self.rpc("eth_getTransactionReceipt", hash_)) is None:
            pass
        return int(receipt["status"], 16) == 1, [self._log(log) for log in receipt["logs"]]

    def sending(
        self, sender: str, address: str, signature: str, *args, nonce: int | None = None
    ) -> tuple[str, tuple]:
        """The request that sends the transaction. Gas costs nothing. In a batch, where requests are
        handled in any order, several of one sender need their nonces."""
        data = self._data(signature, args)
        tx = {"from": sender, "to": address, "data": data, "gas": GAS, "gasPrice": "0x0"}
        return "eth_sendTransaction", (tx if nonce is None else tx | {"nonce": hex(nonce)},)

    def at(self, timestamp: int) -> None:
        """The next block has this time."""
        self.rpc("evm_setNextBlockTimestamp", timestamp)

    def mine(self) -> None:
        self.rpc("evm_mine")

    def time(self) -> int:
        return int(self.rpc("eth_getBlockByNumber", "latest", False)["timestamp"], 16)

    def _data(self, signature: str, args) -> str:
        selector, inputs, _ = self.interface.functions[signature]
        return "0x" + (selector + encode(inputs, list(args))).hex()

    def _result(self, signature: str, answer: str):
        values = decode(self.interface.functions[signature][2], bytes.fromhex(answer[2:]))
        return values[0] if len(values) == 1 else values

    def _failure(self, error: dict) -> Exception:
        data = error.get("data")
        if not isinstance(data, str) or not data.startswith("0x"):
            return RuntimeError(str(error))
        raw = bytes.fromhex(data[2:])
        name, types = self.interface.errors.get(raw[:4], (f"unknown error {data}", []))
        return Reverted(name, tuple(decode(types, raw[4:])))

    def _log(self, log: dict) -> Log:
        topics = [bytes.fromhex(topic[2:]) for topic in log["topics"]]
        abi = self.interface.events[topics[0]]
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
