"""What happens around every request: an id, a limit, a bound on its size, a log line, metrics, and
an answer whatever goes wrong."""

import math
import time
import uuid
from collections.abc import Awaitable, Callable
from ipaddress import IPv6Network, ip_address
from typing import Any, Final

from limits import RateLimitItem
from limits.storage import MemoryStorage
from limits.strategies import MovingWindowRateLimiter
from starlette.datastructures import Headers
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from prep.margin.chain import ChainUnreachable
from prep.quotes.logs import logger, where
from prep.quotes.metrics import Metrics
from prep.quotes.problems import Problem, unavailable

MAX_BODY: Final = 32_768
"""Bytes: several times what any request needs. FastAPI's own limit answers before there is an id
and a log line."""
PROBLEM_TYPE: Final = "application/problem+json"
_WATCHED: Final = frozenset({"/health", "/metrics"})
"""Counted by themselves: who asks for quotes does not keep out who watches the service, and nobody
has the node asked without end."""
_CUSTOMER: Final = 64
"""Bits of an address of IPv6 that are of one customer; the rest he chooses as he likes."""


class Limiter:
    """Counts in moving windows, in this process."""

    def __init__(self) -> None:
        self._limiter = MovingWindowRateLimiter(MemoryStorage())

    def check(self, limit: RateLimitItem, kind: str, who: str) -> None:
        """Counts one more; raises `Problem` if that is too many."""
        if self._limiter.hit(limit, kind, who):
            return
        reset, _ = self._limiter.get_window_stats(limit, kind, who)
        wait = max(1, math.ceil(reset - time.time()))
        detail = f"more than {limit} for one {kind}: ask again in {wait} s"
        raise Problem(429, "RateLimited", detail, {"limit": str(limit)}, retry_after=wait)


def one_client(address: str) -> str:
    """Whom an address is of, as far as requests are counted."""
    try:
        found = ip_address(address)
    except ValueError:
        return address
    if found.version == 4:
        return address
    if found.ipv4_mapped is not None:
        return str(found.ipv4_mapped)
    return str(IPv6Network((int(found), _CUSTOMER), strict=False))


def problem_response(problem: Problem, request_id: str) -> JSONResponse:
    """As it is sent."""
    headers = {} if problem.retry_after is None else {"Retry-After": str(problem.retry_after)}
    return JSONResponse(
        problem.content(request_id), problem.status, headers, media_type=PROBLEM_TYPE
    )


class Around:
    """The outermost layer of the application."""

    def __init__(
        self, app: ASGIApp, limiter: Limiter, per_client: RateLimitItem, metrics: Metrics
    ) -> None:
        self._app, self._limiter = app, limiter
        self._per_client, self._metrics = per_client, metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        await _Exchange(self, scope, receive, send).run()

    def admit(self, scope: Scope) -> None:
        """Raises `Problem` for one request too many of an address."""
        client = scope.get("client")
        kind = "watcher" if scope["path"] in _WATCHED else "client"
        self._limiter.check(self._per_client, kind, one_client(client[0]) if client else "unknown")

    @property
    def inner(self) -> Callable[[Scope, Receive, Send], Awaitable[None]]:
        return self._app

    @property
    def metrics(self) -> Metrics:
        return self._metrics


class _Exchange:
    """One request and its answer."""

    def __init__(self, around: Around, scope: Scope, receive: Receive, send: Send) -> None:
        self._around, self._scope, self._receive, self._send = around, scope, receive, send
        self._id = uuid.uuid4().hex
        self._status: int | None = None
        self._size = 0
        self._notes: dict[str, Any] = {}
        scope.setdefault("state", {}).update(request_id=self._id, notes=self._notes)

    async def run(self) -> None:
        started = time.perf_counter()
        try:
            self._around.admit(self._scope)
            if int(Headers(scope=self._scope).get("content-length") or 0) > MAX_BODY:
                raise too_large()
            await self._around.inner(self._scope, self._bounded, self._answer)
        except Exception as error:
            await self._fail(error)
        seconds = time.perf_counter() - started
        kind = self._notes.get("kind")
        if kind:
            self._around.metrics.seconds.labels(kind).observe(seconds)
            self._around.metrics.quotes.labels(kind, _outcome(self._status)).inc()
        if code := self._notes.get("code"):
            self._around.metrics.refusals.labels(code).inc()
        client = self._scope.get("client")
        logger().info(
            "request",
            request_id=self._id,
            client=client[0] if client else None,
            method=self._scope["method"],
            path=self._scope["path"],
            status=self._status,
            milliseconds=round(seconds * 1_000, 1),
            **self._notes,
        )

    async def _fail(self, error: Exception) -> None:
        problem = problem_of(error)
        self._notes["code"] = problem.code
        if problem.status == 500:
            self._notes["exception"] = where(error)
        if self._status is None:
            response = problem_response(problem, self._id)
            await response(self._scope, self._receive, self._answer)

    async def _bounded(self) -> Message:
        message = await self._receive()
        self._size += len(message.get("body", b""))
        if self._size > MAX_BODY:
            raise too_large()
        return message

    async def _answer(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self._status = message["status"]
            message.setdefault("headers", []).append((b"x-request-id", self._id.encode()))
        await self._send(message)


def problem_of(error: Exception) -> Problem:
    """What is said of an exception: only of those that are meant to be answers, what they say."""
    if isinstance(error, Problem):
        return error
    if isinstance(error, ChainUnreachable):
        return unavailable("ChainUnreachable", "the node of the chain does not answer")
    return Problem(500, "Failed", "the service failed: its log has the request's id")


def too_large() -> Problem:
    """A body that nobody needs."""
    return Problem(413, "TooLarge", f"a request has at most {MAX_BODY} bytes")


def _outcome(status: int | None) -> str:
    if status is None or status >= 500:
        return "failed"
    return "given" if status < 400 else "refused"
