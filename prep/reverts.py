"""Why a contract refuses, in its own words."""

from collections.abc import Iterable
from typing import cast

from ape.api import ProviderAPI
from ape_ethereum.provider import Web3Provider
from eth_abi.abi import decode
from eth_abi.exceptions import DecodingError
from eth_utils.crypto import keccak
from ethpm_types import ContractType
from web3 import Web3
from web3.exceptions import ContractLogicError


def web3_of(provider: ProviderAPI) -> Web3:
    """The connection below Ape, whose own calls print a trace of whatever reverts."""
    return cast(Web3Provider, provider).web3


def explain(error: ContractLogicError, types: Iterable[ContractType]) -> str:
    """The custom error of one of these contracts with its arguments, or else the node's words."""
    data = bytes.fromhex(error.data[2:]) if isinstance(error.data, str) else b""
    return decode_error(data, types) or str(error.message or error)


def decode_error(data: bytes, types: Iterable[ContractType]) -> str | None:
    """What a call reverted with, as `Name(argument=value)`; None if none of these contracts has
    such an error."""
    for abi in (abi for contract_type in types for abi in contract_type.errors):
        if data[:4] == keccak(text=abi.selector)[:4]:
            try:
                values = decode([i.canonical_type for i in abi.inputs], data[4:])
            except DecodingError:
                break
            pairs = zip(abi.inputs, values, strict=True)
            return f"{abi.name}({', '.join(f'{i.name}={value}' for i, value in pairs)})"
    return None
