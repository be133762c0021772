"""Structs of asset-backed margin as tuples and as JSON."""

import re
from pathlib import Path

import pytest
from eth_utils import keccak

from prep.margin.data import (
    CLOSED,
    NEVER_OPENED,
    SOLIDITY,
    ZERO_ADDRESS,
    Closing,
    Order,
    PairTerms,
    Payout,
    Position,
    decode_struct,
    encode_struct,
    parse_address,
    position_hash,
    struct_of,
    to_json,
)
from tests.unit.margin.messages import (
    BASE,
    COLLATERAL,
    ORDER,
    POSITION,
    QUOTE,
    REQUESTS,
    TRADER,
)

INTERFACES = Path(__file__).parents[3] / "interfaces"
TERMS = PairTerms(BASE, 50_000, 500, 100, 200, 0, 0, False)
TAMPERED = "0x" + TRADER[2:].swapcase()
EXAMPLES = [*REQUESTS, POSITION, TERMS, Closing(1, 2, 3, 4, 5, 6, 7, 8)]


@pytest.fixture(scope="module")
def declared():
    """Structs as the interfaces declare them, as this package writes them."""
    found = {}
    for name in ("IMarginPool", "IDebtController"):
        source = (INTERFACES / f"{name}.sol").read_text(encoding="utf-8")
        source = re.sub(r"///.*", "", source)
        for struct, body in re.findall(r"struct (\w+) \{(.*?)\}", source, re.S):
            fields = [line.split() for line in body.split(";") if line.strip()]
            solid = {"Payout": "uint8", "IPriceOracle": "address"}
            inner = ",".join(f"{solid.get(kind, kind)} {name}" for kind, name in fields)
            found[struct] = f"{struct}({inner})"
    return found


def test_structs__compared_with_interfaces__have_the_same_fields(declared):
    assert {struct.__name__: text for struct, text in SOLIDITY.items()} == declared


@pytest.mark.parametrize("struct", SOLIDITY, ids=lambda s: s.__name__)
def test_fields__of_tuples__are_those_of_solidity(struct):
    names = re.findall(r" (\w+)", SOLIDITY[struct])
    assert [re.sub("[A-Z]", lambda m: "_" + m[0].lower(), name) for name in names] == list(
        struct._fields
    )


def test_position_hash__of_a_position__is_of_its_words():
    addresses = [bytes(12) + bytes.fromhex(a[2:]) for a in (TRADER, BASE, QUOTE)]
    numbers = [n.to_bytes(32) for n in (1_000, 2_000, 1_700_000_000, 3)]
    assert position_hash(POSITION) == keccak(b"".join([(7).to_bytes(32), *addresses, *numbers]))
    assert NEVER_OPENED != CLOSED != position_hash(POSITION)


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda e: type(e).__name__)
def test_encoding__decoded__is_the_same(example):
    assert decode_struct(type(example), encode_struct(example)) == example


def test_struct_of__addresses_in_lower_case__checksums_them():
    position = struct_of(Position, [v.lower() if isinstance(v, str) else v for v in POSITION])
    assert position == POSITION


def test_struct_of__an_order__names_its_payout():
    order = struct_of(Order, [*ORDER[:7], 2, ORDER[8]])
    assert order.payout is Payout.LEND


def test_to_json__largest_numbers__stay_exact():
    request = COLLATERAL._replace(id=2**256 - 1, amount=-(2**255))
    content = to_json(request)
    assert content["id"] == str(2**256 - 1)
    assert content["amount"] == str(-(2**255))


def test_to_json__an_order__has_flags_and_payout_as_wallets_want_them():
    assert to_json(ORDER) == {
        "id": "7",
        "trader": TRADER,
        "signer": TRADER,
        "takeProfit": True,
        "quoteAmount": "3000",
        "baseAmount": "2",
        "minPayout": "40",
        "payout": 1,
        "expiry": "1700000600",
    }


@pytest.mark.parametrize(
    "value, reason",
    [
        (TRADER[:-1], f"{TRADER[:-1]!r} is not an address"),
        (TRADER[2:], f"{TRADER[2:]!r} is not an address"),
        (None, "None is not an address"),
        (TAMPERED, f"{TAMPERED} has a wrong checksum: a character was changed"),
    ],
)
def test_parse_address__something_else__says_why(value, reason):
    with pytest.raises(ValueError, match=f"^{re.escape(reason)}$"):
        parse_address(value)


@pytest.mark.parametrize("value", [TRADER, TRADER.lower(), "0x" + TRADER[2:].upper()])
def test_parse_address__in_any_case__is_checksummed(value):
    assert parse_address(value) == TRADER


def test_has_check_price__by_oracle__is_told():
    assert TERMS.has_check_price
    assert not TERMS._replace(oracle=ZERO_ADDRESS).has_check_price
