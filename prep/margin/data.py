"""The structs of `IMarginPool` and `IDebtController`, as tuples in the order of the ABI.

They can be given to web3, Ape and eth_abi as they are. Amounts are base units, times seconds,
addresses checksummed. `to_json` is their form in typed data: the names of Solidity, integers as
decimal strings (readers of JSON lose digits of large ones), bytes as hex.
"""

from collections.abc import Iterable, Mapping
from enum import IntEnum
from typing import Any, Final, NamedTuple, TypeVar

from eth_abi.abi import decode, encode
from eth_utils.address import is_address, is_checksum_address, to_checksum_address
from eth_utils.crypto import keccak

ZERO_ADDRESS: Final = "0x" + 40 * "0"
NEVER_OPENED: Final = bytes(32)
"""The stored hash of an id that was never used."""
CLOSED: Final = (1).to_bytes(32)
"""The stored hash of a position that was closed."""


class Payout(IntEnum):
    """In which form a trader is paid."""

    TOKEN = 0
    ETHER = 1
    """Only where the quote token is wrapped ether."""
    LEND = 2
    """As shares of the quote token's lending vault."""


class Position(NamedTuple):
    """What a pool stores the hash of."""

    id: int
    trader: str
    base: str
    quote: str
    principal: int
    """Owed: of the quote token (long) or the base token (short)."""
    collateral: int
    """Held: of the base token (long) or the quote token (short)."""
    last_funding_timestamp: int
    nonce: int


class OpenRequest(NamedTuple):
    """Opens a position (`nonce` 0) or increases one."""

    id: int
    nonce: int
    trader: str
    base: str
    quote: str
    down_payment: int
    principal: int
    min_output: int
    interest: int
    fee: int
    expiry: int
    router: str
    data: bytes


class CloseRequest(NamedTuple):
    """Closes a position or a part of it."""

    id: int
    nonce: int
    trader: str
    amount: int
    min_payout: int
    interest: int
    fee: int
    expiry: int
    router: str
    data: bytes


class CollateralRequest(NamedTuple):
    """Adds to the collateral, or takes out of it (`amount` below 0)."""

    id: int
    nonce: int
    trader: str
    amount: int
    expiry: int


class Order(NamedTuple):
    """A take-profit or stop-loss. Signed by `signer`: the trader or whom he has authorised."""

    id: int
    trader: str
    signer: str
    take_profit: bool
    quote_amount: int
    base_amount: int
    min_payout: int
    payout: Payout
    expiry: int


class Closing(NamedTuple):
    """What a closing did."""

    amount: int
    spent: int
    received: int
    principal_paid: int
    interest_paid: int
    fee: int
    payout: int
    bad_debt: int


class PairTerms(NamedTuple):
    """What a pair may be traded with. Shares of a whole are basis points."""

    oracle: str
    max_leverage: int
    maintenance_margin: int
    liquidation_fee: int
    max_deviation: int
    long_limit: int
    short_limit: int
    disabled: bool

    @property
    def has_check_price(self) -> bool:
        """Otherwise there are limits for a day."""
        return self.oracle != ZERO_ADDRESS


Struct = Position | OpenRequest | CloseRequest | CollateralRequest | Order | Closing | PairTerms
S = TypeVar("S", bound=Struct)

SOLIDITY: Final[Mapping[type, str]] = {
    Position: "Position(uint256 id,address trader,address base,address quote,uint256 principal,"
    "uint256 collateral,uint256 lastFundingTimestamp,uint256 nonce)",
    OpenRequest: "OpenRequest(uint256 id,uint256 nonce,address trader,address base,address quote,"
    "uint256 downPayment,uint256 principal,uint256 minOutput,uint256 interest,uint256 fee,"
    "uint256 expiry,address router,bytes data)",
    CloseRequest: "CloseRequest(uint256 id,uint256 nonce,address trader,uint256 amount,"
    "uint256 minPayout,uint256 interest,uint256 fee,uint256 expiry,address router,bytes data)",
    CollateralRequest: "CollateralRequest(uint256 id,uint256 nonce,address trader,int256 amount,"
    "uint256 expiry)",
    Order: "Order(uint256 id,address trader,address signer,bool takeProfit,uint256 quoteAmount,"
    "uint256 baseAmount,uint256 minPayout,uint8 payout,uint256 expiry)",
    Closing: "Closing(uint256 amount,uint256 spent,uint256 received,uint256 principalPaid,"
    "uint256 interestPaid,uint256 fee,uint256 payout,uint256 badDebt)",
    PairTerms: "PairTerms(address oracle,uint256 maxLeverage,uint256 maintenanceMargin,"
    "uint256 liquidationFee,uint256 maxDeviation,uint256 longLimit,uint256 shortLimit,"
    "bool disabled)",
}
"""Every struct with its types; of what is signed, this is the type that EIP-712 hashes."""


def fields_of(struct: type) -> list[tuple[str, str]]:
    """Names and types as in Solidity."""
    inner = SOLIDITY[struct].partition("(")[2].removesuffix(")")
    return [(name, kind) for kind, name in (field.split(" ") for field in inner.split(","))]


def abi_type(struct: type) -> str:
    """As eth_abi and signatures of functions have it, such as "(uint256,address)"."""
    return f"({','.join(kind for _, kind in fields_of(struct))})"


def encode_struct(value: Struct) -> bytes:
    """`abi.encode(value)`."""
    return encode([abi_type(type(value))], [tuple(value)])


def decode_struct(struct: type[S], data: bytes) -> S:
    """What `encode_struct` encoded. Raises `eth_abi.exceptions.DecodingError`."""
    return struct_of(struct, decode([abi_type(struct)], data)[0])


def struct_of(struct: type[S], values: Iterable[Any]) -> S:
    """From a tuple in the order of the ABI as web3, Ape or eth_abi return it."""
    kinds = [kind for _, kind in fields_of(struct)]
    return struct(*(_typed(struct, kind, v) for kind, v in zip(kinds, values, strict=True)))


def _typed(struct: type, kind: str, value: Any) -> Any:
    if kind == "address":
        return to_checksum_address(value)
    if kind == "bytes":
        return bytes(value)
    return Payout(value) if kind == "uint8" and struct is Order else value


def position_hash(position: Position) -> bytes:
    """What the pool stores for an open position."""
    return keccak(encode_struct(position))


# --------------------------------------------------------------------------------------------- JSON


def to_json(value: Struct) -> dict[str, Any]:
    """With the names of Solidity."""
    return {
        name: _plain(kind, item)
        for (name, kind), item in zip(fields_of(type(value)), value, strict=True)
    }


def _plain(kind: str, value: Any) -> Any:
    if kind == "bytes":
        return f"0x{value.hex()}"
    if kind in ("uint256", "int256"):
        return str(value)
    return int(value) if kind == "uint8" else value


def parse_address(value: Any) -> str:
    """Checksummed. Raises `ValueError` for what is none, or has a wrong checksum."""
    if not isinstance(value, str) or not value.startswith("0x") or not is_address(value.lower()):
        raise ValueError(f"{value!r} is not an address")
    if value[2:] not in (value[2:].lower(), value[2:].upper()) and not is_checksum_address(value):
        raise ValueError(f"{value} has a wrong checksum: a character was changed")
    return to_checksum_address(value)
