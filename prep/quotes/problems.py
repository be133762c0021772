"""What the service says instead of an answer: problem details of RFC 9457."""

from collections.abc import Mapping
from typing import Any

from prep.margin.errors import Refusal
from prep.quotes.swaps import NoRouteError

TITLES = {
    400: "Not understood",
    401: "Not allowed",
    403: "Not allowed",
    404: "Not found",
    405: "Not possible here",
    409: "Already there",
    413: "Too large",
    422: "Refused",
    429: "Too many requests",
    500: "Failed",
    503: "Not available",
}


class Problem(Exception):  # noqa: N818 - an answer, not a failure of this code
    """An answer that says why there is none."""

    def __init__(
        self,
        status: int,
        code: str,
        detail: str,
        values: Mapping[str, Any] | None = None,
        fields: Mapping[str, str] | None = None,
        retry_after: int | None = None,
    ) -> None:
        """`code`: for programs; `detail`: for people; `fields`: of the input, by name."""
        super().__init__(detail)
        self.status, self.code, self.detail = status, code, detail
        self.values = dict(values or {})
        self.fields = dict(fields or {})
        self.retry_after = retry_after

    def content(self, request_id: str) -> dict[str, Any]:
        """Its JSON. Values are text, numbers too."""
        return {
            "type": "about:blank",
            "title": TITLES.get(self.status, "Failed"),
            "status": self.status,
            "code": self.code,
            "detail": self.detail,
            "values": {name: str(value) for name, value in self.values.items()},
            "fields": [{"field": name, "reason": text} for name, text in self.fields.items()],
            "requestId": request_id,
        }


def refused(refusal: Refusal) -> Problem:
    """What a contract says no to."""
    return Problem(422, refusal.name, refusal.sentence, refusal.values)


def invalid(field: str, reason: str) -> Problem:
    """One field of the input is wrong."""
    return Problem(422, "InvalidInput", f"{field}: {reason}", fields={field: reason})


def unknown_pair(base: str, quote: str) -> Problem:
    """A pair that is not in the settings."""
    values = {"base": base, "quote": quote}
    return Problem(404, "UnknownPair", f"the pair of {base} in {quote} is not quoted here", values)


def unavailable(code: str, detail: str) -> Problem:
    """Nobody can be served now, whatever he asks."""
    return Problem(503, code, detail)


def no_route(error: NoRouteError) -> Problem:
    """The exchange cannot do it."""
    values = {"tokenIn": error.token_in, "tokenOut": error.token_out, "amount": error.amount}
    return Problem(422, "NoRoute", str(error), values)
