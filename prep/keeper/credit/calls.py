"""Many calls with few requests: `batch_size` of them go to the node in one."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

from eth_abi.exceptions import DecodingError

from prep.keeper.chain import Chain, NodeError, Reverted
from prep.keeper.codec import codec_of

NOBODY: Final = "0x000000000000000000000000000000000000dEaD"
"""Who asks where there is no account: the zero address cannot be paid."""

Answer = tuple[Any, ...] | Reverted
"""What a function returns, structs as tuples and addresses in lower case; or its refusal."""


@dataclass(frozen=True, slots=True)
class Ask:
    """A call of a web3 contract."""

    contract: Any
    function: str
    arguments: tuple[Any, ...] = ()

    def fields(self, sender: str | None = None) -> dict[str, str]:
        """As nodes take it."""
        data = codec_of(self.contract, self.function).encode(self.arguments)
        return {"from": sender or NOBODY, "to": self.contract.address, "data": data}

    def decoded(self, answer: Any) -> Answer:
        """From what the node says that was returned. Raises `NodeError` where that is nonsense."""
        if isinstance(answer, Reverted):
            return answer
        try:
            raw = bytes.fromhex(answer.removeprefix("0x"))
            return codec_of(self.contract, self.function).decode(raw)
        except (ValueError, AttributeError, DecodingError) as error:
            raise NodeError(f"no contract at {self.contract.address}") from error


class Calls:
    """Asks a node at one block, as one sender."""

    def __init__(self, chain: Chain, size: int, sender: str | None, block: int) -> None:
        self._chain = chain
        self._size = size
        self._sender = sender
        self._block = hex(block)

    def answers(self, asks: Sequence[Ask]) -> list[Answer]:
        """Of calls, in their order."""
        wanted = [("eth_call", [ask.fields(self._sender), self._block]) for ask in asks]
        return [ask.decoded(a) for ask, a in zip(asks, self._many(wanted), strict=True)]

    def values(self, asks: Sequence[Ask]) -> list[tuple[Any, ...]]:
        """Of calls that no contract refuses: if one seems to, that is the node's doing."""
        values = []
        for ask, answer in zip(asks, self.answers(asks), strict=True):
            if isinstance(answer, Reverted):
                reason = f"{ask.function} failed, perhaps for lack of gas: {answer}"
                raise NodeError(reason) from answer
            values.append(answer)
        return values

    def gas(self, asks: Sequence[Ask]) -> list[int | Reverted]:
        """With how much gas each goes through, alone, in the next block."""
        wanted = [("eth_estimateGas", [ask.fields(self._sender), "pending"]) for ask in asks]
        return [a if isinstance(a, Reverted) else int(a, 16) for a in self._many(wanted)]

    def rows(self, rows: Sequence[Sequence[Ask]]) -> list[tuple[list[Answer], int]]:
        """Of a row each call finds what those before have done. With the gas of the whole row."""
        wanted = [
            ("eth_simulateV1", [_in_one_block(row, self._sender), self._block]) for row in rows
        ]
        return [self._row(row, found) for row, found in zip(rows, self._many(wanted), strict=True)]

    def _row(self, row: Sequence[Ask], found: Any) -> tuple[list[Answer], int]:
        if isinstance(found, Reverted):
            raise NodeError(f"calls in a row: {found}")
        try:
            results = found[0]["calls"]
            used = sum(int(result["gasUsed"], 16) for result in results)
            answers = [
                ask.decoded(
                    result["returnData"] if int(result["status"], 16) else self._why(result)
                )
                for ask, result in zip(row, results, strict=True)
            ]
        except (KeyError, IndexError, TypeError, ValueError) as error:
            raise NodeError("calls in a row: not the answer of a node") from error
        return answers, used

    def _why(self, result: dict[str, Any]) -> Reverted:
        error = result.get("error") or {}
        data = error.get("data") or result.get("returnData")
        return self._chain.refused(str(error.get("message", "execution reverted")), data)

    def _many(self, wanted: list[tuple[str, list[Any]]]) -> Iterator[Any]:
        for first in range(0, len(wanted), self._size):
            yield from self._chain.many(wanted[first : first + self._size])


def _in_one_block(row: Sequence[Ask], sender: str | None) -> dict[str, Any]:
    calls = [ask.fields(sender) for ask in row]
    return {"blockStateCalls": [{"calls": calls}], "validation": False}
