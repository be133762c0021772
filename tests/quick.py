"""Ape's calls, transactions and deployments, in a tenth of their time.

For a transaction Ape makes a dozen requests and builds its configuration anew a few times, which
takes as long as all else of a test. Here it is one request, and one for a call. What is asked for
and what comes back are the same, and whatever is out of the ordinary goes Ape's own way: a sender
that is no test account, other keyword arguments, arguments that only Ape understands.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from functools import wraps
from typing import Any

from ape.api import TestAccountAPI
from ape.api.accounts import AccountAPI
from ape.contracts import ContractInstance
from ape.contracts.base import (
    ContractCall,
    ContractCallHandler,
    ContractTransaction,
    ContractTransactionHandler,
)
from ape.exceptions import ContractLogicError
from ape_ethereum.transactions import DynamicFeeTransaction, Receipt
from eth_abi import encode
from eth_abi.exceptions import EncodingError
from eth_utils import keccak, to_checksum_address
from ethpm_types.abi import ConstructorABI, MethodABI
from hexbytes import HexBytes
from web3._utils.error_formatters_utils import raise_contract_logic_error_on_revert
from web3.exceptions import ContractLogicError as Web3ContractLogicError

from prep.node import Node

GAS = hex(30_000_000)
"""Ape's too: all that a block has."""


class Unusual(Exception):  # noqa: N818 - an outcome, not a failure
    """Ape knows what to do."""


_nodes: dict[str, Node] = {}


def node_of(provider: Any) -> Node:
    """The provider's node, past Ape."""
    uri = provider.uri
    if uri not in _nodes:
        _nodes[uri] = Node(uri)
    return _nodes[uri]


def _request(provider: Any, method: str, *params: Any) -> dict[str, Any]:
    """With what went wrong, if it did."""
    body = {"jsonrpc": "2.0", "id": 1, "method": method, "params": params}
    return node_of(provider).post(body)


def _plain(value: Any, abi: Any) -> Any:
    """As the encoder wants it."""
    kind = abi.type
    if kind.endswith("]"):
        item = abi.model_copy(update={"type": kind[: kind.rindex("[")]})
        return [_plain(each, item) for each in value]
    if kind.startswith("tuple"):
        if isinstance(value, dict):
            value = [value[part.name] for part in abi.components]
        return tuple(_plain(v, part) for v, part in zip(value, abi.components, strict=True))
    if kind == "address":
        return getattr(value, "address", value)
    if kind.startswith("bytes") and isinstance(value, str):
        return bytes.fromhex(value.removeprefix("0x"))
    return value


def _encoded(abi: MethodABI | ConstructorABI, args: tuple[Any, ...]) -> bytes:
    if len(args) != len(abi.inputs):
        raise Unusual
    try:
        values = [_plain(value, of) for value, of in zip(args, abi.inputs, strict=True)]
        return encode([i.canonical_type for i in abi.inputs], values)
    except (EncodingError, AttributeError, TypeError, ValueError, KeyError) as error:
        raise Unusual from error


_selectors: dict[str, bytes] = {}


def _data(handler: Any, args: tuple[Any, ...]) -> tuple[MethodABI, str]:
    fitting = [abi for abi in handler.abis if len(abi.inputs) == len(args)]
    if len(fitting) != 1:
        raise Unusual
    (abi,) = fitting
    selector = abi.selector
    if selector not in _selectors:
        _selectors[selector] = keccak(text=selector)[:4]
    return abi, "0x" + (_selectors[selector] + _encoded(abi, args)).hex()


def _sender(kwargs: dict[str, Any], usual: set[str]) -> str | None:
    if not kwargs.keys() <= usual:
        raise Unusual
    sender = kwargs.get("sender")
    if sender is None:
        return None
    if not isinstance(sender, TestAccountAPI):
        raise Unusual
    return sender.address


_silent = ContextVar("reverts are expected", default=False)


@contextmanager
def expected() -> Iterator[None]:
    """Reverts are: Ape does not explain them, which takes longer than all else."""
    token = _silent.set(True)
    try:
        yield
    finally:
        _silent.reset(token)


def _reverted(provider: Any, answer: dict[str, Any], transaction: Callable[[], Any]) -> Exception:
    try:
        raise_contract_logic_error_on_revert(answer)
    except Web3ContractLogicError as cause:
        if _silent.get() and cause.data:
            return ContractLogicError(base_err=cause)
        return provider.get_virtual_machine_error(cause, txn=transaction())
    raise AssertionError(f"failed, but not any more: {answer}")


def _send(provider: Any, request: dict[str, Any], transaction: Callable[[], Any]) -> Receipt:
    """Mines it. `transaction` is Ape's idea of it."""
    answer = _request(provider, "eth_sendTransactionSync", request)
    if "error" in answer:
        # Sent all the same, and not mined: Ape would send it again.
        assert "timeout" not in answer["error"]["message"], answer
        raise Unusual
    result = answer["result"]
    if result["status"] != "0x1":
        again = _request(provider, "eth_call", request, "latest")
        raise _reverted(provider, again, transaction)
    address = result["contractAddress"]
    number = int(result["blockNumber"], 16)
    return Receipt.model_construct(
        block_number=number,
        contract_address=address and to_checksum_address(address),
        gas_limit=int(request["gas"], 16),
        gas_price=0,
        gas_used=int(result["gasUsed"], 16),
        logs=[_log(log) for log in result["logs"]],
        status=1,
        txn_hash=result["transactionHash"],
        transaction=DynamicFeeTransaction.model_construct(
            sender=to_checksum_address(result["from"]),
            receiver=result["to"] and to_checksum_address(result["to"]),
            data=HexBytes(request["data"]),
        ),
    )


def _log(log: dict[str, Any]) -> dict[str, Any]:
    return log | {
        "address": to_checksum_address(log["address"]),
        "topics": [HexBytes(topic) for topic in log["topics"]],
        "data": HexBytes(log["data"]),
        **{key: int(log[key], 16) for key in ("blockNumber", "logIndex", "transactionIndex")},
    }


def _call(original: Callable[..., Any]) -> Callable[..., Any]:
    @wraps(original)
    def call(handler: ContractCallHandler, *args: Any, **kwargs: Any) -> Any:
        try:
            abi, data = _data(handler, args)
            request = {"to": handler.contract.address, "data": data}
            if sender := _sender(kwargs, {"sender", "block_id"}):
                request["from"] = sender
        except Unusual:
            return original(handler, *args, **kwargs)
        block = kwargs.get("block_id", "latest")
        block = hex(block) if isinstance(block, int) else block
        answer = _request(handler.provider, "eth_call", request, block)
        call = ContractCall(abi, handler.contract.address)
        if "error" in answer:
            raise _reverted(handler.provider, answer, lambda: call.serialize_transaction(*args))
        return call._decode_returndata(HexBytes(answer["result"]))

    return call


def _transact(original: Callable[..., Any]) -> Callable[..., Any]:
    @wraps(original)
    def transact(handler: ContractTransactionHandler, *args: Any, **kwargs: Any) -> Any:
        try:
            abi, data = _data(handler, args)
            address = handler.contract.address
            request = {"to": address, "data": data, "gas": GAS, "gasPrice": "0x0"}
            request["from"] = _sender(kwargs, {"sender"})
            if request["from"] is None:
                raise Unusual
            apes = ContractTransaction(abi, address)
            return _send(
                handler.provider, request, lambda: apes.serialize_transaction(*args, **kwargs)
            )
        except Unusual:
            return original(handler, *args, **kwargs)

    return transact


def _deploy(original: Callable[..., Any]) -> Callable[..., Any]:
    @wraps(original)
    def deploy(account: AccountAPI, contract: Any, *args: Any, **kwargs: Any) -> Any:
        try:
            sender = _sender(kwargs | {"sender": account}, {"sender"})
            contract_type = contract.contract_type
            code = contract_type.deployment_bytecode.bytecode.removeprefix("0x")
            data = f"0x{code}{_encoded(contract_type.constructor, args).hex()}"
            request = {"from": sender, "data": data, "gas": GAS, "gasPrice": "0x0"}
            receipt = _send(account.provider, request, lambda: contract(*args))
        except Unusual:
            return original(account, contract, *args, **kwargs)
        instance = ContractInstance(receipt.contract_address, contract_type, receipt.txn_hash)
        account.chain_manager.contracts.cache_deployment(instance, detect_proxy=False)
        return instance

    return deploy


def _attribute(original: Callable[..., Any]) -> Callable[..., Any]:
    """Ape puts together the names of all that a contract has, and makes a class of each of its
    errors, before it looks for one of its functions."""

    @wraps(original)
    def attribute(contract: ContractInstance, name: str) -> Any:
        if name.startswith("_"):
            return original(contract, name)
        found = [
            m[name] for m in (contract._view_methods_, contract._mutable_methods_) if name in m
        ]
        return found[0] if len(found) == 1 else original(contract, name)

    return attribute


def patch() -> None:
    """For good. What it wraps is Ape's own."""
    ContractCallHandler.__call__ = _call(ContractCallHandler.__call__)
    ContractTransactionHandler.__call__ = _transact(ContractTransactionHandler.__call__)
    AccountAPI.deploy = _deploy(AccountAPI.deploy)
    ContractInstance.__getattr__ = _attribute(ContractInstance.__getattr__)
