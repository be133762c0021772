"""Calls of contracts by what `prep.margin.read` knows of them: many in a request, at one block."""

from collections.abc import Sequence
from typing import Any

from eth_abi.exceptions import DecodingError

from prep.keeper.chain import Chain, NodeError, Reverted
from prep.margin.chain import Query


class Asks:
    """Of a keeper's node."""

    def __init__(self, chain: Chain, size: int, block: int) -> None:
        self._chain = chain
        self._size = size
        self._block = hex(block)

    def answers(self, queries: Sequence[Query]) -> list[Any]:
        """What functions return, or a `Reverted`, in their order."""
        wanted = [
            ("eth_call", [{"to": to, "data": "0x" + f.encode(*arguments).hex()}, self._block])
            for to, f, *arguments in queries
        ]
        found: list[Any] = []
        for first in range(0, len(wanted), self._size):
            found += self._chain.many(wanted[first : first + self._size])
        return [_decoded(query, answer) for query, answer in zip(queries, found, strict=True)]

    def values(self, queries: Sequence[Query]) -> list[Any]:
        """Of calls that no contract refuses: if one seems to, that is the node's doing."""
        values = self.answers(queries)
        for query, value in zip(queries, values, strict=True):
            if isinstance(value, Reverted):
                raise NodeError(f"a call of {query[0]} failed: {value}") from value
        return values


def _decoded(query: Query, answer: Any) -> Any:
    if isinstance(answer, Reverted):
        return answer
    try:
        raw = bytes.fromhex(answer.removeprefix("0x"))
        if not raw:
            # Where Ape is loaded, nothing at all would be decoded to zeros.
            raise NodeError(f"no contract at {query[0]}")
        return query[1].decode(raw)
    except (ValueError, AttributeError, DecodingError) as error:
        raise NodeError(f"no contract at {query[0]}") from error
