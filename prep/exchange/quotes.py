"""What a swap would bring now, to the base unit: pools are asked, nothing is sent."""

from dataclasses import dataclass
from fractions import Fraction
from typing import Final

from eth_utils.address import to_checksum_address

from prep.deploy.prices import ZERO_ADDRESS
from prep.errors import UserError
from prep.exchange.calldata import MAX_AMOUNT
from prep.exchange.contracts import Contracts
from prep.exchange.prices import MAX_SQRT_PRICE, MIN_SQRT_PRICE, spot
from prep.exchange.route import Route
from prep.node import Node, Reverted

_EXHAUSTED: Final = (MIN_SQRT_PRICE + 1, MAX_SQRT_PRICE - 1)
"""Where a pool's price is when it has nothing left to give."""


class UnfillableError(UserError):
    """The pools of a route cannot do such a swap."""


@dataclass(frozen=True, slots=True)
class Quote:
    """A swap that was tried out."""

    amount_in: int
    amount_out: int
    sqrt_prices: tuple[int, ...]
    """Of the route's pools afterwards, in its order."""
    gas: int
    """Of the pools alone, as the quoter measures it."""


class Quoter:
    """Asks at the latest block of a node that knows the exchange's contracts."""

    def __init__(self, node: Node, contracts: Contracts) -> None:
        self._node, self._contracts = node, contracts

    def quote_exact_input(self, route: Route, amount_in: int) -> Quote:
        """Raises `UnfillableError` too when the pools would take only a part of it."""
        out, prices, gas = self._ask("quoteExactInput", route, route.packed(), amount_in)
        # The pools take what they can and say nothing.
        if any(price in _EXHAUSTED for price in prices):
            raise UnfillableError(f"{route}: not enough liquidity to take {amount_in}")
        return Quote(amount_in, out, prices, gas)

    def quote_exact_output(self, route: Route, amount_out: int) -> Quote:
        path = route.reverse().packed()
        amount_in, prices, gas = self._ask("quoteExactOutput", route, path, amount_out)
        return Quote(amount_in, amount_out, prices[::-1], gas)

    def spot_price(self, route: Route) -> Fraction:
        """Base units of the last token per base unit of the first, exactly: without fees, and as if
        for an amount that moves no price."""
        pools = self.pools(route)
        slots = self._node.read(*((pool, "slot0()") for pool in pools))
        price = Fraction(1)
        for (token_in, token_out, _), (sqrt_price, *_) in zip(route.hops, slots, strict=True):
            if sqrt_price == 0:
                raise UnfillableError(f"{route}: a pool has no price yet")
            price *= spot(sqrt_price, token_in, token_out)
        return price

    def pools(self, route: Route) -> list[str]:
        """Their addresses."""
        call = self._contracts.factory, "getPool(address,address,uint24)"
        found: list[str] = self._node.read(*((*call, *hop) for hop in route.hops))
        for pool, (token_in, token_out, fee) in zip(found, route.hops, strict=True):
            if pool == ZERO_ADDRESS:
                raise UnfillableError(
                    f"there is no pool of {token_in} and {token_out} with a fee of {fee} millionths"
                )
        return [to_checksum_address(pool) for pool in found]

    def _ask(
        self, function: str, route: Route, path: bytes, amount: int
    ) -> tuple[int, tuple[int, ...], int]:
        if not 0 < amount <= MAX_AMOUNT:
            raise UserError(f"{amount} cannot be swapped: an amount is from 1 to 2**255 - 1")
        call = self._contracts.quoter, f"{function}(bytes,uint256)", path, amount
        try:
            ((other, prices, _, gas),) = self._node.read(call)
        except Reverted as error:
            self.pools(route)
            raise UnfillableError(f"{route}: the pools cannot swap {amount}") from error
        return other, tuple(prices), gas
