"""The pools' events, from a node."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Final, TypeVar

from eth_abi.abi import decode
from eth_abi.exceptions import DecodingError
from eth_utils.address import to_checksum_address
from eth_utils.crypto import keccak
from ethpm_types import ContractType
from ethpm_types.abi import EventABI
from requests.exceptions import HTTPError, ReadTimeout
from web3.exceptions import Web3RPCError

from prep.keeper.chain import Chain, NodeError, Reverted
from prep.margin.data import Position, struct_of
from prep.margin.index import RangeRefused
from prep.margin.index_events import Block, Changed, Event, Mark, Marked

_CHANGES: Final = (
    "PositionOpened",
    "PositionIncreased",
    "PositionClosed",
    "PositionLiquidated",
    "CollateralChanged",
    "InterestRecorded",
)
_TOO_MANY_REQUESTS: Final = 429

T = TypeVar("T")


class NodeSource:
    """Asks for the events of two pools. All that it raises is a `NodeError`, or `RangeRefused`."""

    def __init__(
        self, chain: Chain, pools: Iterable[str], contract_type: ContractType, batch_size: int = 100
    ) -> None:
        """`contract_type`: of either pool, as their events are the same. So many calls at most go
        to the node in one request."""
        self._chain = chain
        self._batch_size = batch_size
        self._pools = [to_checksum_address(pool) for pool in pools]
        abis = {abi.name: abi for abi in contract_type.events}
        self._abis = {
            "0x" + keccak(text=abis[name].selector).hex(): abis[name]
            for name in (*_CHANGES, "PositionMarked", "PositionUnmarked")
        }

    def head(self) -> Block:
        """The newest block."""
        (block,) = self._blocks(["latest"])
        if block is None:
            raise NodeError("the node has no newest block")
        return block

    def blocks(self, numbers: Sequence[int]) -> list[Block | None]:
        """As the chain has them now; None where it has none."""
        return self._blocks([hex(number) for number in numbers])

    def events(self, first: int, last: int) -> list[Event]:
        """Of these blocks, in the order of the chain."""
        where = {"fromBlock": hex(first), "toBlock": hex(last)}
        try:
            (logs,) = self._chain.many([self._asking(where)])
        except NodeError as error:
            if _is_about_size(error):
                raise RangeRefused(str(error)) from error
            raise
        if isinstance(logs, Reverted):
            # Many nodes say so with the code of failed calls.
            raise RangeRefused(str(logs))
        return self._decoded(logs)

    def events_of(self, blocks: Sequence[Block]) -> list[Event]:
        """Of exactly the blocks with these hashes."""
        found: list[Event] = []
        for some in self._batches(blocks):
            asks = [self._asking({"blockHash": block.hash}) for block in some]
            for block, logs in zip(some, self._chain.many(asks), strict=True):
                if isinstance(logs, Reverted):
                    raise NodeError(f"events of block {block.number}: {logs}")
                found += self._decoded(logs)
        return found

    def _batches(self, items: Sequence[T]) -> Iterator[Sequence[T]]:
        for first in range(0, len(items), self._batch_size):
            yield items[first : first + self._batch_size]

    def _asking(self, where: dict[str, str]) -> tuple[str, list[Any]]:
        return "eth_getLogs", [{"address": self._pools, "topics": [list(self._abis)], **where}]

    def _blocks(self, names: Sequence[str]) -> list[Block | None]:
        found: list[Block | None] = []
        for some in self._batches(names):
            answers = self._chain.many([("eth_getBlockByNumber", [name, False]) for name in some])
            found += [_block(answer) for answer in answers]
        return found

    def _decoded(self, logs: Any) -> list[Event]:
        try:
            ordered = sorted(
                logs, key=lambda log: (_number(log["blockNumber"]), _number(log["logIndex"]))
            )
            return [self._event(log) for log in ordered]
        except (KeyError, TypeError, ValueError, DecodingError) as error:
            raise NodeError("events: not the answer of a node") from error

    def _event(self, log: Any) -> Event:
        pool, block = to_checksum_address(log["address"]), _number(log["blockNumber"])
        abi = self._abis[log["topics"][0]]
        data = _data(abi, log["data"])
        if abi.name in _CHANGES:
            return Changed(pool, block, struct_of(Position, data["position"]))
        # The id is their only indexed argument.
        mark = Mark(data["from"], data["until"]) if data else None
        return Marked(pool, block, _number(log["topics"][1]), mark)


def _data(abi: EventABI, data: str) -> dict[str, Any]:
    inputs = [i for i in abi.inputs if not i.indexed]
    values = decode([i.canonical_type for i in inputs], bytes.fromhex(data.removeprefix("0x")))
    return {str(i.name): value for i, value in zip(inputs, values, strict=True)}


def _block(answer: Any) -> Block | None:
    if answer is None:
        return None
    if isinstance(answer, Reverted):
        # Not for want of it: that would have everything read anew.
        raise NodeError(f"a block: {answer}")
    try:
        return Block(
            _number(answer["number"]), answer["hash"].lower(), answer["parentHash"].lower()
        )
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        raise NodeError("a block: not the answer of a node") from error


def _number(text: str) -> int:
    return int(text, 16)


def _is_about_size(error: NodeError) -> bool:
    """Whether the node answered at all, or would have with more time: then less may go."""
    cause = error.__cause__
    if isinstance(cause, HTTPError):
        return getattr(cause.response, "status_code", None) != _TOO_MANY_REQUESTS
    return isinstance(cause, Web3RPCError | ReadTimeout)
