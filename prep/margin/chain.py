"""Calls of contracts, past Ape: many in one request, each with its outcome, if need be at a later
time than the head's.

    chain = RpcChain(uri)
    head = chain.head()
    idle, debt = ask(chain, head, (vault, IDLE), (vault, DEBT_OF, borrower))
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final, Protocol

from eth_abi.abi import decode, encode
from eth_abi.exceptions import DecodingError
from eth_utils.address import to_checksum_address
from eth_utils.crypto import keccak
from requests.exceptions import RequestException
from web3 import HTTPProvider
from web3.exceptions import Web3Exception
from web3.types import RPCEndpoint

from prep.connect import is_local
from prep.margin.data import ZERO_ADDRESS
from prep.margin.errors import Refusal, decode_refusal

GAS: Final = 10_000_000
"""Of a call: more than any needs."""
TIMEOUT: Final = 10
"""Seconds that an answer may take."""


class ChainUnreachable(Exception):  # noqa: N818 - a state of the world, not a failure of this code
    """The node does not answer, or not with what was asked for."""


class Refused(Exception):  # noqa: N818 - an outcome, not a failure
    """A contract refused a call that was to return something."""

    def __init__(self, refusal: Refusal) -> None:
        super().__init__(str(refusal))
        self.refusal = refusal


@dataclass(frozen=True, slots=True)
class Head:
    """The latest block, and when the next can be."""

    number: int
    timestamp: int
    next: int
    """The earliest timestamp that the next block can have."""


@dataclass(frozen=True, slots=True)
class Function:
    """A function of a contract; `outputs` as eth_abi has them."""

    selector: bytes
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]

    def encode(self, *arguments: Any) -> bytes:
        """Calldata. Integers, addresses, bytes and tuples as eth_abi takes them."""
        return self.selector + encode(self.inputs, arguments)

    def decode(self, data: bytes) -> Any:
        """What it returned: one value, or a tuple; addresses at the top checksummed."""
        values = decode(self.outputs, data)
        checked = [
            to_checksum_address(v) if kind == "address" else v
            for kind, v in zip(self.outputs, values, strict=True)
        ]
        return checked[0] if len(checked) == 1 else tuple(checked)


def function(name: str, inputs: Sequence[str] = (), *outputs: str) -> Function:
    """Such as `function("balanceOf", ["address"], "uint256")`."""
    selector = keccak(text=f"{name}({','.join(inputs)})")[:4]
    return Function(selector, tuple(inputs), outputs)


@dataclass(frozen=True, slots=True)
class Call:
    """One `eth_call`."""

    to: str
    data: bytes
    sender: str = ZERO_ADDRESS
    value: int = 0
    gas: int = GAS


class Chain(Protocol):
    """All that is needed of a node. Everything raises `ChainUnreachable`."""

    def chain_id(self) -> int:
        """As the node says."""

    def head(self) -> Head:
        """Now."""

    def balance(self, address: str, head: Head) -> int:
        """Ether, in wei."""

    def has_code(self, address: str, head: Head) -> bool:
        """Whether contracts that check signatures ask it: a contract, or a key's account that has
        one act for it (EIP-7702)."""

    def call(
        self, calls: Sequence[Call], head: Head, at: int | None = None
    ) -> list[bytes | Refusal]:
        """What each returns or reverts with, on the state of `head`; `at`: with this timestamp."""


Query = tuple[Any, ...]
"""Address, `Function`, arguments."""


def ask(chain: Chain, head: Head, *queries: Query, at: int | None = None) -> list[Any]:
    """What functions return. Raises `Refused` for the first that refuses."""
    return [
        value if not isinstance(value, Refusal) else _raise(value)
        for value in try_ask(chain, head, *queries, at=at)
    ]


def try_ask(chain: Chain, head: Head, *queries: Query, at: int | None = None) -> list[Any]:
    """As `ask`; what refuses is a `Refusal` in the list, "NoContract" what is something else."""
    calls = [Call(to, function_.encode(*arguments)) for to, function_, *arguments in queries]
    return [
        answer if isinstance(answer, Refusal) else _decoded(query, answer)
        for query, answer in zip(queries, chain.call(calls, head, at), strict=True)
    ]


def _decoded(query: Query, answer: bytes) -> Any:
    address, function_, *_ = query
    refusal = Refusal("NoContract", {"address": address})
    # Ape makes eth_abi read missing digits of integers as zeros.
    if len(answer) < 32 * len(function_.outputs):
        return refusal
    try:
        return function_.decode(answer)
    except (DecodingError, UnicodeDecodeError):
        return refusal


def _raise(refusal: Refusal) -> Any:
    raise Refused(refusal)


class RpcChain:
    """A node by its address. On a local chain `head().next` is when the node would mine now: there
    may be no block for long. Elsewhere it is a second later than the head."""

    def __init__(self, uri: str, timeout: float = TIMEOUT) -> None:
        # Whoever asks decides whether to ask again.
        self._provider = HTTPProvider(
            uri, request_kwargs={"timeout": timeout}, exception_retry_configuration=None
        )
        self._chain_id: int | None = None

    def chain_id(self) -> int:
        if self._chain_id is None:
            (answer,) = self._batch([("eth_chainId", [])])
            self._chain_id = int(_result(answer), 16)
        return self._chain_id

    def head(self) -> Head:
        local = is_local(self.chain_id())
        wanted = ["latest", "pending"] if local else ["latest"]
        answers = self._batch([("eth_getBlockByNumber", [tag, False]) for tag in wanted])
        latest, *pending = [_result(answer) for answer in answers]
        timestamp = int(latest["timestamp"], 16)
        # A local node can be told to mine blocks of the same second.
        next_ = int(pending[0]["timestamp"], 16) if pending else timestamp + 1
        return Head(int(latest["number"], 16), timestamp, max(timestamp, next_))

    def balance(self, address: str, head: Head) -> int:
        (answer,) = self._batch([("eth_getBalance", [address, hex(head.number)])])
        return int(_result(answer), 16)

    def has_code(self, address: str, head: Head) -> bool:
        (answer,) = self._batch([("eth_getCode", [address, hex(head.number)])])
        return len(_result(answer)) > len("0x")

    def call(
        self, calls: Sequence[Call], head: Head, at: int | None = None
    ) -> list[bytes | Refusal]:
        override: list[Any] = [] if at is None else [{}, {"time": hex(at)}]
        answers = self._batch(
            [("eth_call", [_transaction(call), hex(head.number), *override]) for call in calls]
        )
        return [_outcome(answer) for answer in answers]

    def _batch(self, requests: Sequence[tuple[str, list[Any]]]) -> list[dict[str, Any]]:
        if not requests:
            return []
        endpoints = [(RPCEndpoint(method), params) for method, params in requests]
        try:
            answers: Any = self._provider.make_batch_request(endpoints)
        except (RequestException, Web3Exception, ValueError, OSError) as error:
            raise ChainUnreachable(f"the node does not answer: {type(error).__name__}") from error
        if not isinstance(answers, list) or len(answers) != len(requests):
            raise ChainUnreachable("the node does not answer requests of several calls")
        return answers


def _transaction(call: Call) -> dict[str, str]:
    fields = {
        "from": call.sender,
        "to": call.to,
        "data": f"0x{call.data.hex()}",
        "gas": hex(call.gas),
    }
    return fields | ({"value": hex(call.value)} if call.value else {})


def _result(answer: dict[str, Any]) -> Any:
    if answer.get("result") is None:
        message = answer.get("error", {}).get("message", "nothing")
        raise ChainUnreachable(f"the node answered: {message}")
    return answer["result"]


def _outcome(answer: dict[str, Any]) -> bytes | Refusal:
    error = answer.get("error")
    if error is None:
        return bytes.fromhex(_result(answer)[2:])
    data = error.get("data")
    if isinstance(data, str) and data.startswith("0x"):
        return decode_refusal(bytes.fromhex(data[2:]))
    if "revert" in str(error.get("message")):
        return decode_refusal(b"")
    raise ChainUnreachable(f"the node answered: {error.get('message')}")
