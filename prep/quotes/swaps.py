"""The best of several routes for a swap, as Uniswap's quoter has it at one block."""

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Final

from prep.exchange.calldata import MAX_AMOUNT, exact_input, exact_output
from prep.exchange.prices import MAX_SQRT_PRICE, MIN_SQRT_PRICE, spot
from prep.exchange.route import Route
from prep.margin.chain import Chain, Head, Query, function, try_ask
from prep.margin.data import ZERO_ADDRESS
from prep.margin.errors import Refusal
from prep.quotes import arithmetic
from prep.quotes.config import Exchange

_RESULTS: Final = ("uint256", "uint160[]", "uint32[]", "uint256")
EXACT_INPUT: Final = function("quoteExactInput", ["bytes", "uint256"], *_RESULTS)
EXACT_OUTPUT: Final = function("quoteExactOutput", ["bytes", "uint256"], *_RESULTS)
GET_POOL: Final = function("getPool", ["address", "address", "uint24"], "address")
SLOT0: Final = function(
    "slot0", (), "uint160", "int24", "uint16", "uint16", "uint16", "uint8", "bool"
)
_EXHAUSTED: Final = (MIN_SQRT_PRICE + 1, MAX_SQRT_PRICE - 1)
"""Where a pool's price is when it has nothing left to give."""


class NoRouteError(Exception):
    """No route of a pair can do a swap now."""

    def __init__(self, token_in: str, token_out: str, amount: int) -> None:
        super().__init__(f"no pool can swap {amount} ({token_in} for {token_out}) now")
        self.token_in, self.token_out, self.amount = token_in, token_out, amount


@dataclass(frozen=True, slots=True)
class Swap:
    """What a swap brings now."""

    route: Route
    exact_output: bool
    amount_in: int
    amount_out: int
    impact: int
    """Basis points, fees of the pools included."""

    def data(self, recipient: str, deadline: int, most_in: int = 0) -> bytes:
        """A call of the router. It is not told a minimum: the pool of positions has its own, and
        says with values what it refuses. `most_in`: of an exact output."""
        if self.exact_output:
            return exact_output(self.route, recipient, deadline, self.amount_out, most_in)
        return exact_input(self.route, recipient, deadline, self.amount_in, 0)


def best_sale(
    chain: Chain, head: Head, exchange: Exchange, routes: Sequence[Route], amount_in: int
) -> Swap:
    """That brings most for `amount_in`. Raises `NoRouteError`."""
    quotes = [(exchange.quoter, EXACT_INPUT, route.packed(), amount_in) for route in routes]
    found = _fillable(chain, head, routes, amount_in, quotes)
    if not found:
        raise NoRouteError(routes[0].tokens[0], routes[0].tokens[-1], amount_in)
    route, amount_out = max(found, key=lambda pair: pair[1])
    impact = _impact(chain, head, exchange, route, amount_in, amount_out)
    return Swap(route, False, amount_in, amount_out, impact)


def best_purchase(
    chain: Chain, head: Head, exchange: Exchange, routes: Sequence[Route], amount_out: int
) -> Swap:
    """That costs least for `amount_out`. Raises `NoRouteError`."""
    quotes = [
        (exchange.quoter, EXACT_OUTPUT, route.reverse().packed(), amount_out) for route in routes
    ]
    found = _fillable(chain, head, routes, amount_out, quotes)
    if not found:
        raise NoRouteError(routes[0].tokens[0], routes[0].tokens[-1], amount_out)
    route, amount_in = min(found, key=lambda pair: pair[1])
    impact = _impact(chain, head, exchange, route, amount_in, amount_out)
    return Swap(route, True, amount_in, amount_out, impact)


def _fillable(
    chain: Chain, head: Head, routes: Sequence[Route], amount: int, quotes: Sequence[Query]
) -> list[tuple[Route, int]]:
    """Routes that can, with the other amount. Of an exact input pools take what they can and say
    nothing: their price tells."""
    if not 0 < amount <= MAX_AMOUNT:
        return []
    answers = try_ask(chain, head, *quotes)
    return [
        (route, answer[0])
        for route, answer in zip(routes, answers, strict=True)
        if not isinstance(answer, Refusal)
        and answer[0] > 0
        and not any(price in _EXHAUSTED for price in answer[1])
    ]


def _impact(
    chain: Chain, head: Head, exchange: Exchange, route: Route, amount_in: int, amount_out: int
) -> int:
    pools = try_ask(chain, head, *((exchange.factory, GET_POOL, *hop) for hop in route.hops))
    if any(isinstance(pool, Refusal) or pool == ZERO_ADDRESS for pool in pools):
        raise NoRouteError(route.tokens[0], route.tokens[-1], amount_in)
    slots = try_ask(chain, head, *((pool, SLOT0) for pool in pools))
    price = Fraction(1)
    for (token_in, token_out, _), slot in zip(route.hops, slots, strict=True):
        if isinstance(slot, Refusal) or slot[0] == 0:
            raise NoRouteError(route.tokens[0], route.tokens[-1], amount_in)
        price *= spot(slot[0], token_in, token_out)
    return arithmetic.impact(amount_in, amount_out, price)
