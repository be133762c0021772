"""Why a list of actions failed: which one, and in the words of the contract that refused it."""

from collections.abc import Iterable, Sequence
from typing import Final

from ape.managers.project import ProjectManager
from eth_abi.abi import decode
from eth_abi.exceptions import DecodingError
from eth_utils.crypto import keccak
from ethpm_types import ContractType

from prep.credit.actions import Action, words
from prep.reverts import decode_error

CONTRACTS: Final = (
    "CreditManager",
    "OrderBook",
    "Protocol",
    "Vault",
    "LendingVault",
    "ChainlinkOracle",
    "ShareOracle",
    "PrepToken",
)
"""Whose errors can turn up when an account acts. PREP's stand for those of all ERC-20 tokens."""
_ACTION_FAILED: Final = keccak(text="ActionFailed(uint256,bytes)")[:4]
_TEXT: Final = keccak(text="Error(string)")[:4]
_PANIC: Final = keccak(text="Panic(uint256)")[:4]


def types_of(project: ProjectManager) -> list[ContractType]:
    """Of the contracts whose errors can turn up; for the functions below."""
    return [project.get_contract(name).contract_type for name in CONTRACTS]


def explain_failure(data: bytes, actions: Sequence[Action], types: Iterable[ContractType]) -> str:
    """What `CreditManager.execute` reverted with for these actions, such as "action 2 (trade):
    PriceNotAcceptable(price=…, acceptable=…)". Actions count from 0, as in the error."""
    if data[:4] == _ACTION_FAILED:
        try:
            index, reason = decode(["uint256", "bytes"], data[4:])
        except DecodingError:
            return explain_reason(data, types)
        kind = f" ({words(actions[index].kind)})" if index < len(actions) else ""
        return f"action {index}{kind}: {explain_reason(reason, types)}"
    return explain_reason(data, types)


def explain_reason(data: bytes, types: Iterable[ContractType]) -> str:
    """One error, such as the `reason` of an event."""
    if not data:
        return "no reason given"
    try:
        if data[:4] == _TEXT:
            return str(decode(["string"], data[4:])[0])
        if data[:4] == _PANIC:
            return f"panic {decode(['uint256'], data[4:])[0]:#04x}"
    except DecodingError:
        pass
    return decode_error(data, types) or f"unknown error 0x{data.hex()}"
