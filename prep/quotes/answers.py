"""What the service answers."""

from typing import Annotated

from pydantic import Field

from prep.margin import data
from prep.quotes.wire import (
    Address,
    Bytes,
    CloseRequest,
    CollateralRequest,
    OpenRequest,
    Order,
    Side,
    StructModel,
    Uint,
    Wire,
)


class Transaction(Wire):
    """What the trader sends, from his own address."""

    to: Address
    data: Bytes
    value: Uint
    gas: Uint = Field(description="A limit that is enough; what is not used is not paid for.")


class SwapTerms(Wire):
    """What the exchange quotes at this block."""

    tokens: tuple[Address, ...] = Field(description="From the token given to the token got.")
    fees: tuple[int, ...] = Field(description="Of the pools between them, millionths.")
    amount_in: Uint
    amount_out: Uint
    price: Uint = Field(description="Quote base units for a base base unit, times 10**18.")
    price_impact: int = Field(
        description="Basis points by which it is worse than the pools' price, their fees included."
    )


class Expected(Wire):
    """What will come of it if no price moves."""

    swap: SwapTerms | None = Field(description="Null where nothing is swapped.")
    borrowed: Uint
    interest: Uint = Field(description="In the token that is owed.")
    fee: Uint = Field(description="Quote base units.")
    payment: Uint = Field(description="From the trader.")
    principal_paid: Uint = Field(description="To the lenders, without interest.")
    payout: Uint = Field(description="To the trader.")
    least_payout: Uint = Field(description="To the trader at the least.")
    principal: Uint = Field(description="Owed afterwards.")
    collateral: Uint = Field(description="Held afterwards.")
    leverage: Uint | None = Field(
        description="Afterwards, of the base tokens' value over the equity, basis points. Null "
        "without a price or equity."
    )
    liquidation_price: Uint | None = Field(
        description="At and beyond which it is within the threshold, before further interest. Null "
        "where nothing is owed."
    )


class _Quote(Wire):
    side: Side
    pool: Address
    chain_id: int
    block: int = Field(description="At which all was computed.")
    signature: Bytes
    transaction: Transaction
    expected: Expected
    expiry: Uint = Field(description="Last second at which it is good.")


class OpenQuote(_Quote):
    """A signed request to open or increase."""

    request: OpenRequest


class CloseQuote(_Quote):
    """A signed request to close."""

    request: CloseRequest


class CollateralQuote(_Quote):
    """A signed request to change the collateral."""

    request: CollateralRequest


class StoredOrder(Wire):
    """An order that is kept."""

    digest: Bytes
    side: Side
    order: Order
    signature: Bytes


class Orders(Wire):
    """Open orders, oldest first."""

    orders: tuple[StoredOrder, ...]
    next: str | None = Field(description="What to give as `after` for more of them.")


class Terms(StructModel[data.PairTerms]):
    """What the chain lets a pair be traded with."""

    STRUCT = data.PairTerms

    oracle: Annotated[str, Field(description="Of the check price; zero without one.")]
    max_leverage: Uint
    maintenance_margin: Uint
    liquidation_fee: Uint
    max_deviation: Uint
    long_limit: Uint
    short_limit: Uint
    disabled: bool


class Loan(Wire):
    """What can be borrowed for one direction of a pair, and for how much."""

    token: Address
    vault: Address
    utilisation: Uint = Field(description="Of 10**18.")
    rate: Uint = Field(description="The yearly interest of now, of 10**18.")
    max_rate: Uint = Field(description="The highest that the chain allows, of 10**18.")
    available: Uint = Field(description="What the pool could borrow now.")


class PairView(Wire):
    """A pair that is quoted."""

    base: Address
    quote: Address
    open_fee: int
    close_fee: int
    terms: Terms | None = Field(description="Null where the chain does not list the pair.")
    check_price: Uint | None = Field(description="Null without one now.")
    long: Loan | None = Field(description="Null where the token has no lending vault.")
    short: Loan | None


class Pairs(Wire):
    """All of them."""

    block: int
    pairs: tuple[PairView, ...]


class VaultHealth(Wire):
    """A lending vault that quotes need."""

    token: Address
    vault: Address | None
    idle: Uint


class Health(Wire):
    """Whether quotes can be given."""

    ok: bool
    reasons: tuple[str, ...] = Field(description="Why not.")
    chain_id: int
    block: int | None
    head_age: int | None = Field(
        description="Seconds since the latest block. On a local chain blocks "
        "come with transactions."
    )
    signer: Address
    has_role: bool | None
    vaults: tuple[VaultHealth, ...]


class FieldProblem(Wire):
    """What is wrong with one field."""

    field: str
    reason: str


class ProblemBody(Wire):
    """Why there is no answer (RFC 9457)."""

    type: str
    title: str
    status: int
    code: str = Field(
        description="For programs: the contract's error, or one of InvalidInput, UnknownPair, "
        "RateLimited, ChainUnreachable and so on."
    )
    detail: str = Field(description="For people, one sentence.")
    values: dict[str, str] = Field(description="Of the error, by name.")
    fields: tuple[FieldProblem, ...]
    request_id: str
