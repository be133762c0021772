"""Calls as bytes, by what web3 knows of a contract."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from eth_abi.abi import decode, encode
from eth_abi.exceptions import InsufficientDataBytes
from eth_utils.abi import (
    function_abi_to_4byte_selector,
    get_abi_input_types,
    get_abi_output_types,
)


@dataclass(frozen=True, slots=True)
class Codec:
    """A function of a contract. web3 looks each up again, a hundred times as slowly."""

    address: str
    selector: bytes
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]

    def encode(self, arguments: Sequence[Any]) -> str:
        """A call, in hex."""
        return "0x" + (self.selector + encode(self.inputs, arguments)).hex()

    def decode(self, answer: bytes) -> tuple[Any, ...]:
        """What was returned. Raises `DecodingError`, also where that is too short: where Ape is
        loaded, what is missing would be decoded to zeros."""
        if len(answer) < 32 * len(self.outputs):
            raise InsufficientDataBytes(f"no contract at {self.address}")
        return decode(self.outputs, answer)


@lru_cache(maxsize=4_096)
def codec_of(contract: Any, name: str) -> Codec:
    """Of a web3 contract's function, by its name or, where several have that, its signature."""
    find = contract.get_function_by_signature if "(" in name else contract.get_function_by_name
    abi = find(name).abi
    inputs, outputs = get_abi_input_types(abi), get_abi_output_types(abi)
    selector = function_abi_to_4byte_selector(abi)
    return Codec(contract.address, selector, tuple(inputs), tuple(outputs))
