"""The HTTP service."""

import hmac
from collections.abc import Mapping
from importlib.metadata import version
from typing import Annotated, Any, Final

from fastapi import APIRouter, FastAPI, Header, Path, Query, Request, Response
from fastapi.exceptions import RequestValidationError
from pydantic import SecretStr
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse

from prep.margin.chain import ChainUnreachable
from prep.quotes import answers, wishes
from prep.quotes.metrics import CONTENT_TYPE, Metrics
from prep.quotes.order_desk import OrderDesk
from prep.quotes.orders import MAX_PAGE, OrderStore
from prep.quotes.problems import Problem
from prep.quotes.quoting import Quotes
from prep.quotes.status import Status
from prep.quotes.web import PROBLEM_TYPE, Around, Limiter, problem_of, problem_response
from prep.quotes.wire import Address, Bytes

DESCRIPTION: Final = """
Signed requests for asset-backed positions. Say what you want; the answer has the request, its
signature and the transaction to send from your own address. It is good once, for you alone, until
`expiry`. What the chain would refuse is refused here, with the contract's error as `code`.

Amounts are base units as decimal text, prices quote base units for a base base unit times 10**18,
leverages and shares of a whole basis points.
"""
_REASONS: Final = {
    400: "The body is no JSON.",
    401: "A signature or token is missing.",
    403: "The signature or token is not the right one.",
    404: "There is no such thing.",
    413: "The body is too large.",
    422: "The input is wrong, or the chain would refuse: `code` says which.",
    429: "Too many requests. `Retry-After` says for how long.",
    500: "The service failed.",
    503: "The chain does not answer, is behind, or the signer has not its role.",
}


Responses = dict[int | str, dict[str, Any]]


def _problems(*statuses: int) -> Responses:
    schema = {"$ref": "#/components/schemas/ProblemBody"}
    return {
        status: {
            "model": answers.ProblemBody,
            "description": _REASONS[status],
            "content": {PROBLEM_TYPE: {"schema": schema}},
        }
        for status in statuses
    }


_ALWAYS: Final = (429, 500)
_ASKED: Final = _problems(400, 404, 413, 422, 503, *_ALWAYS)


class Service:
    """Everything that endpoints need."""

    def __init__(self, quotes: Quotes, store: OrderStore, token: SecretStr | None = None) -> None:
        """`token`: what whoever lists orders has to show; without one nobody can on public chains,
        and anybody on local ones."""
        self.quotes, self.token = quotes, token
        self.orders = OrderDesk(quotes, store)
        self.status = Status(quotes)
        self.metrics = Metrics()
        self.limiter = Limiter()

    def limit_trader(self, trader: str) -> None:
        """Counts one more for a trader."""
        self.limiter.check(self.quotes.settings.limits.per_trader, "trader", trader)

    def check_token(self, header: str | None) -> None:
        """Of whoever lists orders: they tell when somebody has to sell."""
        if self.token is None:
            if not self.quotes.local:
                raise Problem(403, "NotAllowed", "orders are not listed without a token")
            return
        if header is None:
            raise Problem(401, "TokenMissing", "orders are listed to who shows the token")
        wanted = f"Bearer {self.token.get_secret_value()}".encode()
        if not hmac.compare_digest(header.encode(), wanted):
            raise Problem(403, "NotAllowed", "that is not the token")


def create_app(service: Service) -> FastAPI:
    """The application. Endpoints that ask the chain run in threads."""
    app = FastAPI(
        title="Prep quotes",
        version=version("prep"),
        description=DESCRIPTION,
        redoc_url=None,
        docs_url=None,
    )
    app.include_router(_quotes(service))
    app.include_router(_orders(service))
    app.include_router(_status(service))
    app.add_exception_handler(Problem, _on_problem)
    app.add_exception_handler(ChainUnreachable, _on_problem)
    app.add_exception_handler(HTTPException, _on_http)
    app.add_exception_handler(RequestValidationError, _on_invalid)
    app.add_middleware(
        Around,
        limiter=service.limiter,
        per_client=service.quotes.settings.limits.per_client,
        metrics=service.metrics,
    )
    return app


# --------------------------------------------------------------------------------------- endpoints


def _quotes(service: Service) -> APIRouter:
    router = APIRouter(prefix="/v1/quotes", tags=["quotes"], responses=_ASKED)

    @router.post("/open", summary="Open a position")
    def quote_open(wish: wishes.OpenWish, request: Request) -> answers.OpenQuote:
        """Borrows, swaps, and holds what the swap brings."""
        _note(request, "open", wish.trader, service)
        return service.quotes.open(wish)

    @router.post("/increase", summary="Add to a position")
    def quote_increase(wish: wishes.IncreaseWish, request: Request) -> answers.OpenQuote:
        """Charges interest until now, then as when opening."""
        _note(request, "increase", wish.position.trader, service)
        return service.quotes.increase(wish)

    @router.post("/close", summary="Close a position, or a part of it")
    def quote_close(wish: wishes.CloseWish, request: Request) -> answers.CloseQuote:
        """Pays lenders, then the fee, then the trader."""
        _note(request, "close", wish.position.trader, service)
        return service.quotes.close(wish)

    @router.post("/collateral", summary="Add or take out collateral")
    def quote_collateral(wish: wishes.CollateralWish, request: Request) -> answers.CollateralQuote:
        """Leaves what is owed as it is, and charges nothing."""
        _note(request, "collateral", wish.position.trader, service)
        return service.quotes.collateral(wish)

    return router


_Digest = Annotated[
    str, Path(pattern="^0x[0-9a-fA-F]{64}$", description="The order's EIP-712 digest.")
]


def _orders(service: Service) -> APIRouter:
    router = APIRouter(prefix="/v1/orders", tags=["orders"])

    @router.post(
        "",
        summary="Leave a take-profit or stop-loss",
        status_code=201,
        responses=_ASKED | {200: {"model": answers.StoredOrder, "description": "Kept already."}},
    )
    def submit(body: wishes.OrderBody, request: Request, response: Response) -> answers.StoredOrder:
        """Kept for the keeper, who closes the position once the price meets the condition."""
        _note(request, "order", body.order.trader, service)
        stored, new = service.orders.submit(body)
        response.status_code = 201 if new else 200
        return stored

    @router.get(
        "",
        summary="Open orders",
        responses=_problems(401, 403, 422, 503, *_ALWAYS),
    )
    def list_orders(
        trader: Annotated[Address | None, Query()] = None,
        after: Annotated[int, Query(ge=0, le=2**53)] = 0,
        limit: Annotated[int, Query(ge=1, le=MAX_PAGE)] = MAX_PAGE,
        authorization: Annotated[
            str | None, Header(description="`Bearer`, a space and the token of the service.")
        ] = None,
    ) -> answers.Orders:
        """For the keeper. Orders that can never be executed any more are left out."""
        service.check_token(authorization)
        return service.orders.open(after, limit, trader)

    @router.delete(
        "/{digest}",
        summary="Forget an order",
        status_code=204,
        responses=_problems(401, 403, 404, 422, 503, *_ALWAYS),
    )
    def remove(
        digest: _Digest,
        prep_signature: Annotated[
            Bytes | None,
            Header(description="Of the text `Prep: remove order <digest> on chain <id>`, EIP-191."),
        ] = None,
    ) -> None:
        """At its trader's or signer's word; without it, once it can never be executed any more.
        That does not make it void: who has seen it could still execute it. `cancelOrder` of the
        pool does."""
        service.orders.remove(bytes.fromhex(digest[2:]), prep_signature)

    return router


def _status(service: Service) -> APIRouter:
    router = APIRouter(tags=["status"])

    @router.get("/v1/pairs", summary="Pairs, rates, liquidity", responses=_problems(503, *_ALWAYS))
    def pairs() -> answers.Pairs:
        """All that is quoted."""
        return service.status.pairs()

    @router.get(
        "/health",
        summary="Whether quotes can be given",
        responses=_problems(*_ALWAYS)
        | {503: {"model": answers.Health, "description": "They cannot: `reasons` says why."}},
    )
    def health(response: Response) -> answers.Health:
        """The chain answers and is not behind, the signer has its role, lenders have a vault."""
        found = service.status.health()
        response.status_code = 200 if found.ok else 503
        return found

    @router.get(
        "/metrics",
        summary="For Prometheus",
        response_class=Response,
        responses=_problems(*_ALWAYS) | {200: {"content": {"text/plain": {}}}},
    )
    def metrics() -> Response:
        """Counts of quotes and refusals, latency, the age of the latest block, orders kept."""
        age = service.status.head_age()
        service.metrics.head_age.set(-1 if age is None else age)
        service.metrics.orders.set(service.orders.count())
        return Response(service.metrics.text(), media_type=CONTENT_TYPE)

    return router


def _note(request: Request, kind: str, trader: str, service: Service) -> None:
    """For the log and the metrics, and against too many."""
    request.state.notes.update(kind=kind, trader=trader)
    service.limit_trader(trader)


# --------------------------------------------------------------------------------------- problems


async def _on_problem(request: Request, error: Exception) -> JSONResponse:
    return _say(request, problem_of(error))


async def _on_http(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, HTTPException)
    if isinstance(error.__cause__, Problem):
        # Reading the body failed, and FastAPI has wrapped why.
        return _say(request, error.__cause__)
    codes: Mapping[int, str] = {
        400: "NotUnderstood",
        404: "NotFound",
        405: "NotPossible",
        413: "TooLarge",
    }
    problem = Problem(error.status_code, codes.get(error.status_code, "Failed"), str(error.detail))
    response = _say(request, problem)
    response.headers.update(error.headers or {})
    return response


async def _on_invalid(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, RequestValidationError)
    fields = {}
    for fault in error.errors():
        path = [str(part) for part in fault["loc"][1:]] or ["body"]
        fields[".".join(path)] = fault["msg"].removeprefix("Value error, ")
    first, reason = next(iter(fields.items()))
    return _say(request, Problem(422, "InvalidInput", f"{first}: {reason}", fields=fields))


def _say(request: Request, problem: Problem) -> JSONResponse:
    request.state.notes["code"] = problem.code
    return problem_response(problem, request.state.request_id)
