"""Why lists of actions fail, in the words of the contracts."""

import json

import pytest
from eth_abi import encode
from eth_utils.crypto import keccak
from ethpm_types import ContractType

from prep.credit.actions import deposit, trade
from prep.credit.errors import explain_failure, explain_reason

WAD = 10**18
ACTIONS = [deposit(0, WAD), trade(1, 2 * WAD)]


def _error(name, *types_and_names):
    inputs = [dict(zip(("type", "name"), pair.split(), strict=True)) for pair in types_and_names]
    return {"type": "error", "name": name, "inputs": inputs}


def _contract(*errors):
    return ContractType.model_validate_json(json.dumps({"abi": errors, "contractName": "Some"}))


TYPES = [
    _contract(_error("ZeroAmount")),
    _contract(
        _error("PriceNotAcceptable", "uint256 price", "uint256 acceptable"),
        _error("AccountUnhealthy", "int256 equity", "uint256 required"),
    ),
]


def _data(signature, *values):
    kinds = signature.partition("(")[2].rstrip(")")
    return keccak(text=signature)[:4] + encode(kinds.split(",") if kinds else [], values)


def _failed(index, reason):
    return _data("ActionFailed(uint256,bytes)", index, reason)


@pytest.mark.parametrize(
    "reason, words",
    [
        (_data("ZeroAmount()"), "ZeroAmount()"),
        (
            _data("PriceNotAcceptable(uint256,uint256)", 11, 10),
            "PriceNotAcceptable(price=11, acceptable=10)",
        ),
        (_data("Error(string)", "TRANSFER_FAILED"), "TRANSFER_FAILED"),
        (_data("Panic(uint256)", 0x11), "panic 0x11"),
        (b"", "no reason given"),
        (b"\x12\x34\x56\x78\x9a", "unknown error 0x123456789a"),
        (_data("Error(string)", "")[:10], "unknown error 0x08c379a0000000000000"),
    ],
)
def test_explain_failure__action_failed__names_which_and_why(reason, words):
    assert explain_failure(_failed(1, reason), ACTIONS, TYPES) == f"action 1 (trade): {words}"
    assert explain_reason(reason, TYPES) == words


def test_explain_failure__the_list_as_a_whole__the_error_alone():
    data = _data("AccountUnhealthy(int256,uint256)", -5, 7)
    assert explain_failure(data, ACTIONS, TYPES) == "AccountUnhealthy(equity=-5, required=7)"


def test_explain_failure__an_action_that_is_not_known__its_number():
    words = explain_failure(_failed(2, _data("ZeroAmount()")), ACTIONS, TYPES)
    assert words == "action 2: ZeroAmount()"


def test_explain_failure__cut_off__as_it_is():
    data = _failed(1, b"")[:40]
    assert explain_failure(data, ACTIONS, TYPES) == f"unknown error 0x{data.hex()}"
