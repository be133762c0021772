"""Asks a quote service, and returns what contracts take.

    with QuoteClient("http://127.0.0.1:8010") as client:
        quote = client.open(Side.LONG, trader, base, quote, down_payment, leverage=30_000)
        # quote.request, quote.signature; quote.transaction is what the trader sends.

Everything raises `QuoteError` with the reason.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Generic, Self, TypeVar

import httpx
from pydantic import ValidationError

from prep.margin.data import (
    CloseRequest,
    CollateralRequest,
    OpenRequest,
    Order,
    Payout,
    Position,
)
from prep.quotes import answers, wire, wishes
from prep.quotes.answers import Expected, Health, Pairs, Transaction
from prep.quotes.wire import PayoutForm, Side

TIMEOUT = 30.0
"""Seconds that an answer may take."""
R = TypeVar("R", OpenRequest, CloseRequest, CollateralRequest)
W = TypeVar("W", bound=wire.Wire)


class QuoteError(Exception):
    """There is no answer, and why."""

    def __init__(
        self,
        code: str,
        detail: str,
        status: int | None = None,
        values: Mapping[str, str] | None = None,
        retry_after: int | None = None,
    ) -> None:
        """`code`: the contract's error, or the service's; "NotReached" where there was no answer,
        "NotUnderstood" where it was of another kind. `status`: of HTTP."""
        super().__init__(f"{code}: {detail}")
        self.code, self.detail, self.status = code, detail, status
        self.values = dict(values or {})
        self.retry_after = retry_after


@dataclass(frozen=True, slots=True)
class Quote(Generic[R]):
    """A signed request, and what will come of it."""

    is_long: bool
    pool: str
    chain_id: int
    block: int
    request: R
    signature: bytes
    transaction: Transaction
    expected: Expected
    expiry: int


@dataclass(frozen=True, slots=True)
class OpenOrder:
    """An order of a trader that can still be executed."""

    digest: bytes
    is_long: bool
    order: Order
    signature: bytes


class QuoteClient:
    """Of one service. Keeps its connection; usable from one thread at a time."""

    def __init__(
        self,
        url: str,
        token: str | None = None,
        timeout: float = TIMEOUT,
        transport: httpx.BaseTransport | None = None,
    ) -> None:
        """`token`: to list orders with."""
        headers = {} if token is None else {"Authorization": f"Bearer {token}"}
        self._http = httpx.Client(
            base_url=url, headers=headers, timeout=timeout, transport=transport
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close_connection()

    def close_connection(self) -> None:
        """Afterwards nothing can be asked any more."""
        self._http.close()

    # -------------------------------------------------------------------------------------- quotes

    def open(
        self,
        side: Side,
        trader: str,
        base: str,
        quote: str,
        down_payment: int,
        *,
        principal: int | None = None,
        leverage: int | None = None,
        slippage: int | None = None,
        pay_ether: bool = False,
    ) -> Quote[OpenRequest]:
        """A new position; either a principal or a leverage (basis points)."""
        wish = wishes.OpenWish(
            side=side,
            trader=trader,
            base=base,
            quote=quote,
            down_payment=down_payment,
            principal=principal,
            leverage=leverage,
            slippage=slippage,
            pay_ether=pay_ether,
        )
        answer = self._ask("/v1/quotes/open", wish, answers.OpenQuote)
        return _quote(answer, answer.request.struct())

    def increase(
        self,
        side: Side,
        position: Position,
        down_payment: int = 0,
        *,
        principal: int | None = None,
        leverage: int | None = None,
        slippage: int | None = None,
        pay_ether: bool = False,
    ) -> Quote[OpenRequest]:
        """More of a position."""
        wish = wishes.IncreaseWish(
            side=side,
            position=wire.Position.of(position),
            down_payment=down_payment,
            principal=principal,
            leverage=leverage,
            slippage=slippage,
            pay_ether=pay_ether,
        )
        answer = self._ask("/v1/quotes/increase", wish, answers.OpenQuote)
        return _quote(answer, answer.request.struct())

    def close(
        self,
        side: Side,
        position: Position,
        amount: int | None = None,
        *,
        slippage: int | None = None,
        payout: Payout = Payout.TOKEN,
    ) -> Quote[CloseRequest]:
        """All of a position, or `amount` of its collateral."""
        wish = wishes.CloseWish(
            side=side,
            position=wire.Position.of(position),
            amount=amount,
            slippage=slippage,
            payout=PayoutForm[payout.name],
        )
        answer = self._ask("/v1/quotes/close", wish, answers.CloseQuote)
        return _quote(answer, answer.request.struct())

    def collateral(
        self, side: Side, position: Position, amount: int, *, pay_ether: bool = False
    ) -> Quote[CollateralRequest]:
        """Adds to the collateral, or takes out of it (below 0)."""
        wish = wishes.CollateralWish(
            side=side,
            position=wire.Position.of(position),
            amount=amount,
            pay_ether=pay_ether,
        )
        answer = self._ask("/v1/quotes/collateral", wish, answers.CollateralQuote)
        return _quote(answer, answer.request.struct())

    # -------------------------------------------------------------------------------------- orders

    def submit(self, side: Side, order: Order, signature: bytes, position: Position) -> OpenOrder:
        """Leaves an order with the service. Again is as good as once."""
        body = wishes.OrderBody(
            side=side,
            order=wire.Order.of(order),
            signature=signature,
            position=wire.Position.of(position),
        )
        return _order(self._ask("/v1/orders", body, answers.StoredOrder))

    def orders(self, trader: str | None = None) -> Iterator[OpenOrder]:
        """All open orders, or those of one trader, page by page."""
        after: str | None = "0"
        while after is not None:
            query = {"after": after} | ({} if trader is None else {"trader": trader})
            page = _parse(answers.Orders, self._send("GET", "/v1/orders", params=query))
            yield from map(_order, page.orders)
            after = page.next

    def remove(self, digest: bytes, signature: bytes | None = None) -> None:
        """Has the service forget an order. `signature`: of `prep.quotes.orders.removal_text`."""
        headers = {} if signature is None else {"Prep-Signature": f"0x{signature.hex()}"}
        self._send("DELETE", f"/v1/orders/0x{digest.hex()}", headers=headers)

    # -------------------------------------------------------------------------------------- status

    def pairs(self) -> Pairs:
        """What is quoted."""
        return _parse(Pairs, self._send("GET", "/v1/pairs"))

    def health(self) -> Health:
        """Whether quotes can be given; does not raise if they cannot."""
        return _parse(Health, self._send("GET", "/health", also=503))

    def _ask(self, path: str, body: wire.Wire, kind: type[W]) -> W:
        return _parse(kind, self._send("POST", path, json=body.wire()))

    def _send(
        self, method: str, path: str, also: int | None = None, **request: Any
    ) -> httpx.Response:
        try:
            response = self._http.request(method, path, **request)
        except httpx.HTTPError as error:
            kind = type(error).__name__
            raise QuoteError("NotReached", f"the service does not answer: {kind}") from error
        if response.is_success or response.status_code == also:
            return response
        try:
            problem = answers.ProblemBody.model_validate_json(response.content)
        except ValidationError as error:
            detail = f"the service answered with status {response.status_code}"
            raise QuoteError("NotUnderstood", detail, response.status_code) from error
        # Of what stands between, it may be a date.
        wait = response.headers.get("Retry-After", "")
        raise QuoteError(
            problem.code,
            problem.detail,
            problem.status,
            problem.values,
            int(wait) if wait.isdecimal() else None,
        )


def _parse(kind: type[W], response: httpx.Response) -> W:
    try:
        return kind.model_validate_json(response.content)
    except ValidationError as error:
        detail = f"that is no {kind.__name__}: {error.errors()[0]['msg']}"
        raise QuoteError("NotUnderstood", detail, response.status_code) from error


def _quote(
    answer: answers.OpenQuote | answers.CloseQuote | answers.CollateralQuote, request: R
) -> Quote[R]:
    return Quote(
        answer.side is Side.LONG,
        answer.pool,
        answer.chain_id,
        answer.block,
        request,
        answer.signature,
        answer.transaction,
        answer.expected,
        answer.expiry,
    )


def _order(answer: answers.StoredOrder) -> OpenOrder:
    is_long = answer.side is Side.LONG
    return OpenOrder(answer.digest, is_long, answer.order.struct(), answer.signature)
