"""The node: calls at a block, transactions, and what can go wrong with either.

Deliberately below Ape's contract calls: those take an empty answer for zeros, ask more of a node
than the call itself, and do not tell a revert from a node that has gone away. Here there are two
kinds of failure: `Reverted` is the contract's answer, `NodeError` is the lack of one.
"""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from json import JSONDecodeError
from typing import Any, Final

from ape.api import AccountAPI
from eth_abi.abi import decode
from eth_abi.exceptions import DecodingError
from eth_utils.abi import (
    event_abi_to_log_topic,
    filter_abi_by_name,
    get_abi_input_types,
)
from eth_utils.address import to_checksum_address
from eth_utils.crypto import keccak
from ethpm_types import ContractType
from hexbytes import HexBytes
from requests.exceptions import ConnectionError, ConnectTimeout, ReadTimeout, RequestException
from web3 import Web3
from web3.exceptions import (
    ContractLogicError,
    TransactionNotFound,
    Web3Exception,
    Web3RPCError,
)
from web3.logs import DISCARD
from web3.middleware import AttributeDictMiddleware

from prep.keeper.codec import codec_of
from prep.reverts import explain

_PLAIN: Final = {
    ConnectionError: "connection refused or lost",
    ConnectTimeout: "cannot be reached",
    ReadTimeout: "did not answer in time",
}


_EXECUTION_ERRORS: Final = (3, -32000, -32003, -32015)
"""Codes with which nodes say that a call failed, and not that they did."""


_RECEIPT: Final = ("status", "gasUsed", "transactionHash", "logs")
"""What is needed of one."""


_BURNT: Final = ("out of gas", "gas required exceeds", "invalid opcode")
"""What nodes say of a call that has used up its gas, without the word for a refusal: it must not
pass for a failure of the node, which would end the round."""


class NodeError(Exception):
    """The node cannot be reached, or does not answer as a node should. Trying again may help."""


class SendError(Exception):
    """The node did not take a transaction. It is not going to be mined."""


class Reverted(Exception):  # noqa: N818 - an answer, not a failure
    """A contract refused, with this error."""

    @property
    def name(self) -> str:
        """Of the error, without its arguments."""
        return str(self).partition("(")[0]


@dataclass(frozen=True, slots=True)
class Log:
    """An event, its arguments by where they are: structs as tuples, addresses in lower case."""

    block: int
    indexed: tuple[Any, ...]
    data: tuple[Any, ...]


class Chain:
    """A node as the keeper needs it. Counts its `requests`; knows the errors of `types`."""

    def __init__(self, web3: Web3, types: Iterable[ContractType] = ()) -> None:
        # The same connection without the default middleware, which asks for the chain's id with
        # every request.
        self._web3 = Web3(web3.provider, middleware=[AttributeDictMiddleware])
        self._types = tuple(types)
        self._contracts: dict[tuple[str, int], tuple[Any, ContractType]] = {}
        self.requests = 0

    def contract(self, instance: Any) -> Any:
        """The web3 contract of an Ape contract instance."""
        return self.at(instance.address, instance.contract_type)

    def at(self, address: str, contract_type: ContractType) -> Any:
        """The same by its type, which may be that of another one with the same functions. Always
        the same object, as long as this is."""
        key = address.lower(), id(contract_type)
        if key not in self._contracts:
            abi = json.loads(contract_type.model_dump_json())["abi"]
            contract = self._web3.eth.contract(address=to_checksum_address(address), abi=abi)
            # With its type: no other object has the same id as long as this one lives.
            self._contracts[key] = contract, contract_type
        return self._contracts[key][0]

    # ---------------------------------------------------------------------------------------- reads

    def latest_block(self) -> Mapping[str, Any]:
        """The header of the newest block."""
        with self._asking():
            block = self._web3.eth.get_block("latest")
            _check(block, "number", "timestamp")
            return block

    def block_number(self) -> int:
        """Of the newest block."""
        with self._asking():
            return self._web3.eth.block_number

    def gas_price(self) -> int:
        """Wei per gas, base fee included, that the node suggests."""
        with self._asking():
            return self._web3.eth.gas_price

    def balance(self, address: str) -> int:
        """Wei that it has now."""
        with self._asking():
            return self._web3.eth.get_balance(to_checksum_address(address))

    def nonce(self, address: str) -> int:
        """How many transactions of `address` have been mined."""
        with self._asking():
            return self._web3.eth.get_transaction_count(to_checksum_address(address), "latest")

    def call(
        self,
        contract: Any,
        function: str,
        *arguments: Any,
        block: int | str = "latest",
        sender: str | None = None,
        gas: int | None = None,
    ) -> tuple[Any, ...]:
        """What `function` (a name, or the signature of one of several) returns: structs as tuples,
        addresses in lower case. Raises `Reverted` when it refuses."""
        codec = codec_of(contract, function)
        call: dict[str, Any] = {"to": contract.address, "data": codec.encode(arguments)}
        if sender is not None:
            call["from"] = sender
        if gas is not None:
            call["gas"] = gas
        with self._asking():
            answer = self._web3.eth.call(call, block)  # type: ignore[arg-type]
            return codec.decode(answer)

    def many(self, requests: Sequence[tuple[str, Sequence[Any]]]) -> "list[Any | Reverted]":
        """What the node answers to several requests, a method and its parameters each, all sent in
        one. A refusal stands in its place and does not concern the others."""
        with self._asking():
            answers: Any = self._web3.provider.make_batch_request(list(requests))  # type: ignore[attr-defined]
            if not isinstance(answers, list) or len(answers) != len(requests):
                raise Web3RPCError("no answer to several requests at once", rpc_response=answers)
            return [self._answer(answer) for answer in answers]

    def _answer(self, answer: Mapping[str, Any]) -> Any:
        """A result or a refusal. Any other error concerns the node."""
        error = answer.get("error")
        if error is None:
            return answer["result"]
        text, data = str(error.get("message", "")), error.get("data")
        if error.get("code") not in _EXECUTION_ERRORS and "revert" not in text.lower():
            raise Web3RPCError(text, rpc_response=answer)  # type: ignore[arg-type]
        return self.refused(text, data)

    def refused(self, text: str, data: Any) -> Reverted:
        """A contract's answer, from a node's error."""
        return Reverted(explain(ContractLogicError(text, data=data), self._types))

    def estimate_gas(
        self,
        contract: Any,
        function: str,
        *arguments: Any,
        sender: str | None,
        without_ether: str | None = None,
    ) -> int:
        """The least gas limit with which `function` goes through; `without_ether`: if this address
        had none. Raises `Reverted`."""
        data = codec_of(contract, function).encode(arguments)
        call: dict[str, Any] = {"to": contract.address, "data": data}
        if sender is not None:
            call["from"] = sender
        with self._asking():
            if without_ether is None:
                return self._web3.eth.estimate_gas(call, "pending")  # type: ignore[arg-type]
            state: Any = {to_checksum_address(without_ether): {"balance": "0x0"}}
            return self._web3.eth.estimate_gas(call, "pending", state)  # type: ignore[arg-type]

    def block_hash(self, number: int) -> str:
        """Of a block, which may have been replaced since it was read."""
        with self._asking():
            return Web3.to_hex(self._web3.eth.get_block(number)["hash"])

    def logs(self, contract: Any, event: str, first: int, last: int) -> list[Log]:
        """The events of one name in blocks `first` to `last`, in the order of the chain."""
        abi: Any
        (abi,) = filter_abi_by_name(event, contract.abi)
        inputs = abi["inputs"]
        topics = [[i["type"]] for i in inputs if i["indexed"]]
        data = get_abi_input_types(abi | {"inputs": [i for i in inputs if not i["indexed"]]})
        with self._asking():
            logs = self._web3.eth.get_logs(
                {
                    "address": contract.address,
                    "topics": [HexBytes(event_abi_to_log_topic(abi))],
                    "fromBlock": first,
                    "toBlock": last,
                }
            )
            return [
                Log(
                    block=log["blockNumber"],
                    indexed=tuple(
                        decode(types, topic)[0]
                        for types, topic in zip(topics, log["topics"][1:], strict=False)
                    ),
                    data=decode(data, log["data"]),
                )
                for log in sorted(logs, key=lambda log: (log["blockNumber"], log["logIndex"]))
            ]

    # --------------------------------------------------------------------------------- transactions

    def send(self, raw: bytes) -> None:
        """Hands a signed transaction to the node. Raises `SendError` if it is refused; after a
        `NodeError` nobody knows whether it was taken."""
        with self._asking():
            try:
                self._web3.eth.send_raw_transaction(raw)
            except Web3RPCError as error:
                message = _message(error)
                if "already known" not in message and "already imported" not in message:
                    raise SendError(message) from error

    def receipt(self, transaction: str) -> Mapping[str, Any] | None:
        """Of a mined transaction."""
        with self._asking():
            try:
                receipt: Any = self._web3.eth.get_transaction_receipt(transaction)  # type: ignore[arg-type]
            except TransactionNotFound:
                return None
            # Some nodes have one, without a block, of what still waits.
            if receipt["blockNumber"] is None:
                return None
            _check(receipt, *_RECEIPT)
            found: Mapping[str, Any] = receipt
            return found

    def knows(self, transaction: str) -> bool:
        """Whether the node has a transaction, mined or waiting."""
        with self._asking():
            try:
                self._web3.eth.get_transaction(transaction)  # type: ignore[arg-type]
            except TransactionNotFound:
                return False
            return True

    @staticmethod
    def events(receipt: Mapping[str, Any], contract: Any, name: str) -> list[Mapping[str, Any]]:
        """The arguments of the events of one name that `contract` logged."""
        logs = getattr(contract.events, name)().process_receipt(receipt, errors=DISCARD)
        return [log["args"] for log in logs if log["address"] == contract.address]

    @classmethod
    def event(cls, receipt: Mapping[str, Any], contract: Any, name: str) -> Mapping[str, Any]:
        """Of the only one. Raises `NodeError`: what went through has logged it."""
        found = cls.events(receipt, contract, name)
        if len(found) != 1:
            transaction = receipt["transactionHash"].to_0x_hex()
            raise NodeError(f"the receipt of {transaction} has {len(found)} events {name}")
        return found[0]

    @contextmanager
    def _asking(self) -> Iterator[None]:
        self.requests += 1
        try:
            yield
        except ContractLogicError as error:
            raise Reverted(explain(error, self._types)) from error
        except (Web3Exception, RequestException, OSError, DecodingError, JSONDecodeError) as error:
            text = _message(error)
            if isinstance(error, Web3RPCError) and any(word in text for word in _BURNT):
                raise Reverted(text) from error
            raise NodeError(_message(error)) from error
        except (LookupError, TypeError, ValueError, AttributeError) as error:
            raise NodeError("not the answer of a node") from error


def _check(answer: Mapping[str, Any], *names: str) -> None:
    """Whether it has all of this. Raises `KeyError`."""
    for name in names:
        if answer[name] is None:
            raise KeyError(name)


def sign(account: AccountAPI, fields: Mapping[str, Any]) -> tuple[bytes, str]:
    """A signed transaction, ready to be sent, and its hash. Asks no node."""
    transaction = account.provider.network.ecosystem.create_transaction(**fields)
    signed = account.sign_transaction(transaction)
    if signed is None:
        raise SendError("the account did not sign")
    raw = bytes(signed.serialize_transaction())
    return raw, "0x" + keccak(raw).hex()


def _message(error: Exception) -> str:
    """One line that names neither the node's address, which may hold a key, nor a traceback."""
    if isinstance(error, Web3RPCError):
        answer = (error.rpc_response or {}).get("error", {})
        text = answer.get("message", "") if isinstance(answer, dict) else str(answer)
    elif isinstance(error, RequestException):
        status = getattr(error.response, "status_code", None)
        text = f"HTTP {status}" if status else _PLAIN.get(type(error), type(error).__name__)
    else:
        text = str(error)
    return " ".join((text or type(error).__name__).split())[:200]
