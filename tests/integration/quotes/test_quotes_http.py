"""The service as HTTP: what it accepts, how often, what it says, and what it never shows."""

import asyncio
import io
import json
import logging

import httpx
import pytest
import structlog
from pydantic import SecretStr

from prep.quotes import logs
from prep.quotes.app import create_app
from prep.quotes.client import QuoteError
from tests.integration.quotes.trading import PAIR, tokens
from tests.quotes import InProcess

SECRET = "0x" + 31 * "a7" + "01"
"""The suite's signer."""
TOKEN = "open sesame"


@pytest.fixture
def http(create_service):
    """A bare client: `http(...)` sends a request to a service of its own settings."""

    def create(service=None, address="10.0.0.1", **changes):
        app = create_app(service or create_service(**changes))
        return httpx.Client(base_url="http://quotes", transport=InProcess(app, address))

    return create


@pytest.fixture
def wish(margin, trader):
    """Of a trader who has no money for it: refused only at the end of everything."""
    base, quote = tokens(margin, PAIR)
    return {
        "side": "long",
        "trader": trader.address,
        "base": base,
        "quote": quote,
        "downPayment": str(10**18),
        "leverage": "20000",
    }


def code(response):
    assert response.headers["content-type"] == "application/problem+json"
    body = response.json()
    assert body["status"] == response.status_code
    assert body["requestId"] == response.headers["x-request-id"]
    return body["code"]


# -------------------------------------------------------------------------------------------- input


@pytest.mark.parametrize(
    "change, field",
    [
        ({"trader": "0x12"}, "trader"),
        ({"trader": None}, "trader"),
        ({"base": "0x" + 39 * "1" + "Z"}, "base"),
        ({"downPayment": "-1"}, "downPayment"),
        ({"downPayment": "1.5"}, "downPayment"),
        ({"downPayment": str(2**256)}, "downPayment"),
        ({"downPayment": 1.5}, "downPayment"),
        ({"downPayment": True}, "downPayment"),
        ({"downPayment": 78 * "9" + "9"}, "downPayment"),
        ({"side": "up"}, "side"),
        ({"slippage": 1.5}, "slippage"),
        ({"slippage": "50"}, "slippage"),
        ({"slippage": -1}, "slippage"),
        ({"payEther": "yes"}, "payEther"),
        ({"colour": "red"}, "colour"),
    ],
)
def test_open__input_of_another_kind__names_the_field(http, wish, change, field):
    response = http().post("/v1/quotes/open", json=wish | change)
    assert (response.status_code, code(response)) == (422, "InvalidInput")
    assert [fault["field"] for fault in response.json()["fields"]] == [field]


def test_open__no_json__is_not_understood(http):
    response = http().post(
        "/v1/quotes/open", content=b"{", headers={"content-type": "application/json"}
    )
    assert (response.status_code, code(response)) == (422, "InvalidInput")


def test_open__a_body_too_large__is_refused(http):
    response = http().post("/v1/quotes/open", content=b"x" * 40_000)
    assert (response.status_code, code(response)) == (413, "TooLarge")


def test_open__a_body_that_grows_too_large__is_refused(create_service):
    """Nothing has said how large it would be."""
    app = create_app(create_service())
    scope = {
        "type": "http",
        "method": "POST",
        "path": "/v1/quotes/open",
        "query_string": b"",
        "headers": [(b"content-type", b"application/json")],
        "client": ("10.0.0.1", 1),
    }
    given, sent = 0, []

    async def receive():
        nonlocal given
        given += 1
        return {"type": "http.request", "body": b"x" * 20_000, "more_body": True}

    async def send(message):
        sent.append(message)

    asyncio.run(app(scope, receive, send))
    assert sent[0]["status"] == 413
    assert json.loads(sent[1]["body"])["code"] == "TooLarge"
    assert given == 2


@pytest.mark.parametrize(
    "method, path, status, expected",
    [
        ("GET", "/", 404, "NotFound"),
        ("GET", "/v1/quotes/open", 405, "NotPossible"),
        ("POST", "/v1/quotes/exit", 404, "NotFound"),
        ("DELETE", "/v1/orders/0x12", 422, "InvalidInput"),
        ("GET", "/v1/orders?limit=101", 422, "InvalidInput"),
        ("GET", "/v1/orders?trader=0x12", 422, "InvalidInput"),
    ],
)
def test_request__that_is_not_served__is_a_problem(http, method, path, status, expected):
    response = http().request(method, path)
    assert (response.status_code, code(response)) == (status, expected)


@pytest.fixture
def logged():
    """Everything is logged, at every level; `logged()`: what was."""
    root, stream = logging.getLogger(), io.StringIO()
    handlers, level = root.handlers, root.level
    logs.configure(stream)
    root.setLevel(logging.DEBUG)
    yield stream.getvalue
    root.handlers = handlers
    root.setLevel(level)
    structlog.reset_defaults()


def test_failure__of_the_service_itself__shows_nothing(http, create_service, wish, logged):
    service = create_service()

    def fail(_):
        raise RuntimeError(f"with {SECRET}")

    service.quotes.open = fail
    response, written = http(service).post("/v1/quotes/open", json=wish), logged()
    assert (response.status_code, code(response)) == (500, "Failed")
    assert SECRET not in response.text + written
    assert "Traceback" not in response.text + written
    (line,) = [json.loads(text) for text in written.splitlines() if '"request"' in text]
    assert line["exception"].startswith("RuntimeError at tests.integration.quotes")


# ------------------------------------------------------------------------------------------- limits


def test_limit__per_trader__is_counted_for_each(http, wish, margin):
    client = http(limits={"per_trader": "3/minute", "per_client": "1000/minute"})
    answers = [client.post("/v1/quotes/open", json=wish) for _ in range(4)]
    assert [code(a) for a in answers] == 3 * ["InsufficientBalance"] + ["RateLimited"]
    assert answers[-1].status_code == 429
    assert 1 <= int(answers[-1].headers["retry-after"]) <= 60
    other = wish | {"trader": margin.liquidator.address}
    assert code(client.post("/v1/quotes/open", json=other)) == "InsufficientBalance"
    assert client.get("/v1/pairs").status_code == 200


def test_limit__per_client__is_counted_for_each_address(http, create_service):
    service = create_service(limits={"per_trader": "9/minute", "per_client": "2/minute"})
    client, other = http(service), http(service, "10.0.0.2")
    statuses = [client.get("/v1/pairs").status_code for _ in range(3)]
    assert statuses == [200, 200, 429]
    assert client.get("/no/such/thing").status_code == 429
    assert other.get("/v1/pairs").status_code == 200
    # Whoever watches the service is not kept out.
    assert {client.get(path).status_code for path in ("/health", "/metrics")} == {200}


def test_limit__in_the_client__says_when_to_ask_again(create_client, margin):
    client = create_client(limits={"per_trader": "9/minute", "per_client": "1/minute"})
    client.pairs()
    with pytest.raises(QuoteError, match="RateLimited: ") as raised:
        client.pairs()
    assert 1 <= raised.value.retry_after <= 60


# ------------------------------------------------------------------------------------------ secrets


def test_log__of_a_request__is_one_line_without_secrets(http, wish, margin, trader, logged):
    margin.give(trader, PAIR[1], 10**20)
    client = http(token=SecretStr(TOKEN))
    answers = [
        client.post("/v1/quotes/open", json=wish),
        client.post("/v1/quotes/open", json=wish | {"side": "up"}),
        client.get("/v1/orders", headers={"Authorization": f"Bearer {TOKEN}"}),
        client.get("/v1/orders", headers={"Authorization": f"Bearer {TOKEN}x"}),
        *(client.get(path) for path in ("/health", "/metrics", "/v1/pairs", "/openapi.json")),
    ]
    written = logged()
    assert [a.status_code for a in answers] == [200, 422, 200, 403, 200, 200, 200, 200]
    for text in (written, *(a.text for a in answers), *(str(a.headers) for a in answers)):
        for secret in (SECRET, SECRET[2:], TOKEN, str(int(SECRET, 16))):
            assert secret not in text
    lines = [json.loads(line) for line in written.splitlines()]
    mine = [line for line in lines if line["event"] == "request"]
    assert [(line["path"], line["status"]) for line in mine] == [
        (a.request.url.path, a.status_code) for a in answers
    ]
    assert mine[0]["trader"] == trader.address
    assert mine[0]["kind"] == "open"
    assert mine[1]["code"] == "InvalidInput"
    assert mine[0]["request_id"] == answers[0].headers["x-request-id"]
    assert answers[0].json()["signature"] not in written


def test_service__shown_as_text__has_no_secrets(create_service):
    service = create_service(token=SecretStr(TOKEN))
    shown = repr(service.__dict__) + repr(service.quotes.__dict__)
    assert TOKEN not in shown
    assert SECRET[2:] not in shown


# ------------------------------------------------------------------------------------------ metrics


def metric(text, name):
    return next(float(line.split()[-1]) for line in text.splitlines() if line.startswith(name))


def test_metrics__after_quotes__count_them(http, wish, margin, trader):
    client = http(limits={"per_trader": "3/minute", "per_client": "1000/minute"})
    client.post("/v1/quotes/open", json=wish)
    margin.give(trader, PAIR[1], 10**20)
    assert client.post("/v1/quotes/open", json=wish).status_code == 200
    client.post("/v1/quotes/open", json=wish | {"leverage": "90000"})
    client.post("/v1/quotes/open", json=wish)
    text = client.get("/metrics").text
    assert metric(text, 'prep_quotes_total{kind="open",outcome="given"}') == 1
    assert metric(text, 'prep_quotes_total{kind="open",outcome="refused"}') == 3
    for reason in ("InsufficientBalance", "PrincipalTooHigh", "RateLimited"):
        assert metric(text, f'prep_quotes_refusals_total{{reason="{reason}"}}') == 1
    assert metric(text, 'prep_quotes_seconds_count{kind="open"}') == 4
    assert metric(text, "prep_quotes_head_age_seconds") >= 0
    assert metric(text, "prep_quotes_orders") == 0


# ------------------------------------------------------------------------------------- who may list


@pytest.mark.parametrize(
    "header, status", [(None, 401), ("Bearer x", 403), (TOKEN, 403), (f"Bearer {TOKEN}", 200)]
)
def test_orders__listed_with_a_token__need_the_right_one(http, header, status):
    client = http(token=SecretStr(TOKEN))
    headers = {} if header is None else {"Authorization": header}
    assert client.get("/v1/orders", headers=headers).status_code == status


def test_orders__without_a_token_on_a_public_chain__are_not_listed(http, create_service):
    service = create_service()
    service.quotes.local = False
    response = http(service).get("/v1/orders")
    assert (response.status_code, code(response)) == (403, "NotAllowed")
