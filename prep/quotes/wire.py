"""What goes over the wire: types, and the structs of the contracts.

Amounts are base units as decimal text, prices quote base units for a base base unit times 10**18,
shares of a whole basis points."""

import re
from collections.abc import Mapping
from enum import Enum
from typing import Annotated, Any, ClassVar, Final, Generic, Self, TypeVar

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PlainSerializer,
    WithJsonSchema,
)
from pydantic.alias_generators import to_camel

from prep.margin import data
from prep.margin.data import Struct, parse_address

_HEX: Final = r"^0x([0-9a-fA-F]{2})*$"
MAX_BYTES: Final = 4_096
"""Of calldata and signatures that are handed in."""


def _number(low: int, high: int, pattern: str) -> Any:
    def parse(value: Any) -> int:
        if isinstance(value, int) and not isinstance(value, bool):
            number = value
        elif isinstance(value, str) and re.fullmatch(pattern, value, re.ASCII):
            number = int(value)
        else:
            raise ValueError("is not a whole number as text")
        if not low <= number <= high:
            raise ValueError(f"is outside {low} to {high}")
        return number

    return parse


def _bytes(value: Any) -> bytes:
    if isinstance(value, bytes):
        return value
    if not isinstance(value, str) or not re.fullmatch(_HEX, value):
        raise ValueError("is not bytes in hex")
    if len(value) > 2 + 2 * MAX_BYTES:
        raise ValueError(f"is more than {MAX_BYTES} bytes")
    return bytes.fromhex(value[2:])


def _hex(value: bytes) -> str:
    return f"0x{value.hex()}"


_UINT: Final = "^[0-9]{1,78}$"
_INT: Final = "^-?[0-9]{1,78}$"
Uint = Annotated[
    int,
    BeforeValidator(_number(0, 2**256 - 1, _UINT[1:-1])),
    PlainSerializer(str),
    WithJsonSchema({"type": "string", "pattern": _UINT}),
]
Int = Annotated[
    int,
    BeforeValidator(_number(-(2**255), 2**255 - 1, _INT[1:-1])),
    PlainSerializer(str),
    WithJsonSchema({"type": "string", "pattern": _INT}),
]
Address = Annotated[
    str,
    AfterValidator(parse_address),
    WithJsonSchema({"type": "string", "pattern": "^0x[0-9a-fA-F]{40}$"}),
]
Bytes = Annotated[
    bytes,
    BeforeValidator(_bytes),
    PlainSerializer(_hex),
    WithJsonSchema({"type": "string", "pattern": _HEX}),
]
BasisPoints = Annotated[int, Field(strict=True, ge=0, le=10_000)]


class Side(Enum):
    """The direction of a position."""

    LONG = "long"
    SHORT = "short"

    @classmethod
    def of(cls, is_long: bool) -> "Side":
        """As pools say it."""
        return cls.LONG if is_long else cls.SHORT


class PayoutForm(Enum):
    """In which form a trader is paid: the token, ether (where the token is wrapped ether), or
    shares of the token's lending vault."""

    TOKEN = "token"
    ETHER = "ether"
    LEND = "lend"

    @property
    def payout(self) -> data.Payout:
        """As contracts have it."""
        return data.Payout[self.name]


class Wire(BaseModel):
    """JSON with names as Solidity has them."""

    model_config = ConfigDict(
        alias_generator=to_camel, populate_by_name=True, extra="forbid", frozen=True
    )

    def wire(self) -> dict[str, Any]:
        """As JSON."""
        return self.model_dump(mode="json", by_alias=True)


S = TypeVar("S", bound=Struct)


class StructModel(Wire, Generic[S]):
    """A struct of the contracts."""

    STRUCT: ClassVar[type]

    @classmethod
    def of(cls, value: S) -> Self:
        """From the tuple."""
        return cls(**value._asdict())

    def struct(self) -> S:
        """The tuple."""
        values: Mapping[str, Any] = {name: getattr(self, name) for name in self.STRUCT._fields}  # type: ignore[attr-defined]
        found: S = self.STRUCT(**values)
        return found


TRADER: Final = "0x70997970C51812dc3A010C7d01b50e0d17dc79C8"
BASE: Final = "0x5FbDB2315678afecb367f032d93F642f64180aa3"
QUOTE: Final = "0xe7f1725E7734CE288F8367e1Bb143E90bb3F0512"


class Position(StructModel[data.Position]):
    """A position as the last event of the pool had it. The pool stores only its hash."""

    STRUCT = data.Position

    id: Uint = Field(examples=["271828182845904523536028747135266249775"])
    trader: Address = Field(examples=[TRADER])
    base: Address = Field(examples=[BASE])
    quote: Address = Field(examples=[QUOTE])
    principal: Uint = Field(
        description="Owed: of the quote token (long) or the base token (short).",
        examples=["2000000000000000000"],
    )
    collateral: Uint = Field(
        description="Held: of the base token (long) or the quote token (short).",
        examples=["10000000"],
    )
    last_funding_timestamp: Uint = Field(
        description="Until when interest has been charged.", examples=["1795277680"]
    )
    nonce: Uint = Field(description="1 when opened, one more with every change.", examples=["1"])


class OpenRequest(StructModel[data.OpenRequest]):
    """What `open` and `increase` of the pool take."""

    STRUCT = data.OpenRequest

    id: Uint
    nonce: Uint
    trader: Address
    base: Address
    quote: Address
    down_payment: Uint
    principal: Uint
    min_output: Uint
    interest: Uint
    fee: Uint
    expiry: Uint
    router: Address
    data: Bytes


class CloseRequest(StructModel[data.CloseRequest]):
    """What `close` of the pool takes."""

    STRUCT = data.CloseRequest

    id: Uint
    nonce: Uint
    trader: Address
    amount: Uint
    min_payout: Uint
    interest: Uint
    fee: Uint
    expiry: Uint
    router: Address
    data: Bytes


class CollateralRequest(StructModel[data.CollateralRequest]):
    """What `addCollateral` and `removeCollateral` of the pool take."""

    STRUCT = data.CollateralRequest

    id: Uint
    nonce: Uint
    trader: Address
    amount: Int
    expiry: Uint


class Order(StructModel[data.Order]):
    """A take-profit or stop-loss: closes the whole position once the price that the swap realises
    is `quoteAmount / baseAmount` or beyond."""

    STRUCT = data.Order

    id: Uint = Field(examples=["271828182845904523536028747135266249775"])
    trader: Address = Field(examples=[TRADER])
    signer: Address = Field(description="The trader or whom he has authorised.", examples=[TRADER])
    take_profit: Annotated[bool, Field(strict=True)] = Field(
        description="True: take-profit, false: stop-loss.", examples=[True]
    )
    quote_amount: Uint = Field(examples=["40000000000000000000"])
    base_amount: Uint = Field(examples=["100000000"])
    min_payout: Uint = Field(description="Least payout in the end.", examples=["0"])
    payout: Annotated[data.Payout, Field(description="0: token, 1: ether, 2: shares of the vault.")]
    expiry: Uint = Field(description="Last second at which it is good.", examples=["1795364080"])
