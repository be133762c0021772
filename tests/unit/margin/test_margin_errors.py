"""Errors of the pools, and of what they call, as sentences."""

import re
from pathlib import Path

import pytest
from eth_abi import encode

from prep.margin.errors import SENTENCES, decode_refusal, selector_of

INTERFACES = Path(__file__).parents[3] / "interfaces"
SOLID = {"BorrowerKind": "uint8", "Payout": "uint8"}
ADDRESS = "0x" + 20 * "a1"
CHECKSUMMED = "0xA1A1a1a1A1A1A1A1A1a1a1a1a1a1A1A1a1A1a1a1"


def declared(name):
    """Errors of an interface, as this package writes them."""
    source = (INTERFACES / f"{name}.sol").read_text(encoding="utf-8")
    for error, inner in re.findall(r"^ *error (\w+)\((.*?)\);", source, re.M | re.S):
        fields = [field.split() for field in inner.split(",") if field]
        yield f"{error}({','.join(f'{SOLID.get(k, k)} {n}' for k, n in fields)})"


@pytest.mark.parametrize("name", ["IMarginPool", "IDebtController", "ILendingVault"])
def test_sentences__errors_of_interfaces__are_all_known(name):
    errors = set(declared(name))
    assert len(errors) > 5
    assert errors <= SENTENCES.keys()


@pytest.mark.parametrize(
    "signature",
    ["TransferFromFailed()", "TransferFailed()", "ApproveFailed()", "ETHTransferFailed()"],
)
def test_sentences__errors_of_the_transfer_library__are_known_and_on_the_page(signature):
    """They are in no ABI: whoever decodes has to have their selectors from somewhere."""
    assert signature in SENTENCES
    page = (INTERFACES.parent / "docs" / "margin.md").read_text(encoding="utf-8")
    assert f"`{signature}`" in page
    assert f"`0x{selector_of(signature).hex()}`" in page


def example(kind):
    return {
        "address": ADDRESS,
        "bytes32": b"\x01" * 32,
        "bytes4": b"\x02" * 4,
        "string": "why",
    }.get(kind, 12_345)


@pytest.mark.parametrize("signature", SENTENCES, ids=lambda s: s.partition("(")[0])
def test_decode__every_error__is_a_sentence_with_values(signature):
    fields = [f.split(" ") for f in signature[:-1].partition("(")[2].split(",") if f]
    kinds = [kind for kind, _ in fields]
    values = [7 if kind in ("uint8", "uint32", "int24") else example(kind) for kind in kinds]
    refusal = decode_refusal(selector_of(signature) + encode(kinds, values))
    assert refusal.name == signature.partition("(")[0]
    assert list(refusal.values) == [name for _, name in fields]
    assert "{" not in refusal.sentence
    assert "\n" not in refusal.sentence
    assert CHECKSUMMED in str(refusal) or "address" not in kinds


def test_decode__values__are_in_sentence_and_text():
    refusal = decode_refusal(
        selector_of("OutputTooLow(uint256 received,uint256 min)")
        + encode(["uint256", "uint256"], [99, 100])
    )
    assert refusal.values == {"received": 99, "min": 100}
    sentence = "the swap brings 99, below the least of 100"
    assert refusal.sentence == sentence
    assert str(refusal) == f"OutputTooLow(received=99, min=100): {sentence}"


@pytest.mark.parametrize(
    "reason, sentence",
    [
        ("Too little received", "a contract refused: the swap brings less than the least"),
        ("some\nother  words", "a contract refused: some other words"),
    ],
)
def test_decode__words_of_a_router__are_explained(reason, sentence):
    data = selector_of("Error(string reason)") + encode(["string"], [reason])
    assert decode_refusal(data).sentence == sentence


def test_decode__nothing__says_so():
    assert decode_refusal(b"").name == "NoReason"
    assert decode_refusal(b"").sentence == "a contract refused without a reason"


@pytest.mark.parametrize(
    "data",
    [
        b"\xde\xad\xbe\xef",
        b"\x01",
        selector_of("IdUsed(uint256 id)"),
        selector_of("Error(string reason)")
        + bytes(31)
        + b"\x20"
        + bytes(31)
        + b"\x01"
        + b"\xff"
        + bytes(31),
    ],
    ids=["other", "one byte", "too short", "no text"],
)
def test_decode__what_is_not_known__shows_the_data(data):
    refusal = decode_refusal(data)
    assert refusal.name == "UnknownError"
    assert refusal.values == {"data": f"0x{data.hex()}"}
    assert f"0x{data.hex()}" in refusal.sentence
