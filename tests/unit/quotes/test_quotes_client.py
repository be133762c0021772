"""What the client makes of answers that the service itself would not give."""

import httpx
import pytest

from prep.quotes.client import QuoteClient, QuoteError

PROBLEM = {
    "type": "about:blank",
    "title": "Too Many Requests",
    "status": 429,
    "code": "RateLimited",
    "detail": "too many requests",
    "values": {},
    "fields": [],
    "requestId": "1",
}


@pytest.mark.parametrize(
    "header, expected",
    [
        ({"Retry-After": "7"}, 7),
        ({"Retry-After": "Sat, 21 Nov 2026 12:00:00 GMT"}, None),
        ({}, None),
    ],
)
def test_client__refused_with_a_time_to_wait__is_in_seconds_or_not_known(header, expected):
    transport = httpx.MockTransport(lambda _: httpx.Response(429, json=PROBLEM, headers=header))
    client = QuoteClient("http://localhost", transport=transport)
    with client, pytest.raises(QuoteError, match="RateLimited") as raised:
        client.pairs()
    assert raised.value.retry_after == expected
