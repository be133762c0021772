"""A quote service in this process, and what it is told of a margin suite."""

import asyncio

import httpx

from prep.quotes.config import Settings
from tests.exchange import FEE
from tests.margin_suite import LISTED, MarginSuite

OPEN_FEE, CLOSE_FEE = 20, 30
"""Basis points."""


class InProcess(httpx.BaseTransport):
    """Requests go to an application without a network between, from one address."""

    def __init__(self, app, client: str = "10.0.0.1"):
        self._transport = httpx.ASGITransport(app, client=(client, 1))

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        async def handle():
            response = await self._transport.handle_async_request(request)
            return response, await response.aread()

        response, body = asyncio.run(handle())
        return httpx.Response(response.status_code, headers=response.headers, content=body)


def settings_of(margin: MarginSuite, **changes) -> dict:
    """All listed pairs of a suite, as a file of settings has them. Values are text."""
    contracts = margin.exchange.pools.contracts
    content = {
        "chain_id": "31337",
        "pools": {name: side.address for name, side in margin.sides.items()},
        "exchange": {
            "factory": contracts.factory,
            "router": contracts.router,
            "quoter": contracts.quoter,
        },
        "pairs": [
            {
                "base": margin.tokens[base].address,
                "quote": margin.tokens[quote].address,
                "routes": [{"fees": [str(FEE)]}],
                "open_fee": f"0.00{OPEN_FEE}",
                "close_fee": f"0.00{CLOSE_FEE}",
            }
            for base, quote in LISTED
        ],
        "limits": {"per_trader": "1000/minute", "per_client": "10000/minute"},
    }
    return content | changes


def load(content: dict) -> Settings:
    return Settings.model_validate(content)
