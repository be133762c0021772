"""What is asked of the service."""

from typing import Annotated

from pydantic import Field

from prep.quotes.wire import (
    BASE,
    QUOTE,
    TRADER,
    Address,
    BasisPoints,
    Bytes,
    Int,
    Order,
    PayoutForm,
    Position,
    Side,
    Uint,
    Wire,
)


class Growth(Wire):
    principal: Uint | None = Field(
        default=None, description="To be borrowed. Instead of a leverage.", examples=[None]
    )
    leverage: Uint | None = Field(
        default=None,
        description="Of what is opened or added, basis points: a long's position, or a short's "
        "sale, over the down payment. Instead of a principal.",
        examples=["30000"],
    )
    slippage: BasisPoints | None = Field(
        default=None, description="By how much the swap may be worse than quoted.", examples=[50]
    )
    pay_ether: Annotated[bool, Field(strict=True)] = Field(
        default=False, description="Pays in ether, where the token paid is wrapped ether."
    )


class OpenWish(Growth):
    """What a trader wants to open."""

    side: Side
    trader: Address = Field(examples=[TRADER])
    base: Address = Field(examples=[BASE])
    quote: Address = Field(examples=[QUOTE])
    down_payment: Uint = Field(
        description="Of the quote token, without the fee.", examples=["1000000000000000000"]
    )


class IncreaseWish(Growth):
    """What a trader wants to add to a position. Neither principal nor leverage: nothing is
    borrowed."""

    side: Side
    position: Position
    down_payment: Uint = Field(examples=["1000000000000000000"])


class CloseWish(Wire):
    """How much of a position a trader wants to close."""

    side: Side
    position: Position
    amount: Uint | None = Field(
        default=None,
        description="Of the collateral; all of it when left out.",
        examples=["5000000"],
    )
    slippage: BasisPoints | None = Field(default=None, examples=[50])
    payout: PayoutForm = PayoutForm.TOKEN


class CollateralWish(Wire):
    """How much a trader wants to add to the collateral, or to take out (below 0)."""

    side: Side
    position: Position
    amount: Int = Field(description="In the token that the position holds.", examples=["-1000000"])
    pay_ether: Annotated[bool, Field(strict=True)] = False


class OrderBody(Wire):
    """A signed order, and the position that it is for, as it is now."""

    side: Side
    order: Order
    signature: Bytes = Field(
        description="Of its EIP-712 digest: 65 bytes, or what an ERC-1271 contract takes.",
        examples=["0x" + 65 * "1b"],
    )
    position: Position
