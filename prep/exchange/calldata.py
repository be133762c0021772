"""Calls of Uniswap's SwapRouter as bytes: pure functions, checked before anything is sent.

What they refuse is a `UserError`. What depends on the pools is refused by the router.
"""

from typing import Any, Final

from eth_abi.abi import encode
from eth_utils.crypto import keccak

from prep.errors import UserError
from prep.exchange.prices import MAX_SQRT_PRICE, MIN_SQRT_PRICE
from prep.exchange.route import Route, address

_SINGLE: Final = "(address,address,uint24,address,uint256,uint256,uint256,uint160)"
_PATH: Final = "(bytes,address,uint256,uint256,uint256)"
MAX_AMOUNT: Final = 2**255 - 1
"""Pools count with signed integers."""
MAX_UINT: Final = 2**256 - 1
ANY_PRICE: Final = 0
"""As a limit."""


def _selector(name: str, parameters: str) -> bytes:
    return keccak(text=f"{name}({parameters})")[:4]


EXACT_INPUT_SINGLE: Final = _selector("exactInputSingle", _SINGLE)
EXACT_OUTPUT_SINGLE: Final = _selector("exactOutputSingle", _SINGLE)
EXACT_INPUT: Final = _selector("exactInput", _PATH)
EXACT_OUTPUT: Final = _selector("exactOutput", _PATH)
SELECTORS: Final = (EXACT_INPUT_SINGLE, EXACT_OUTPUT_SINGLE, EXACT_INPUT, EXACT_OUTPUT)
"""Of all functions of the router that swap."""


def exact_input_single(
    token_in: str,
    token_out: str,
    fee: int,
    recipient: str,
    deadline: int,
    amount_in: int,
    minimum_out: int,
    sqrt_price_limit: int = ANY_PRICE,
) -> bytes:
    """Swaps `amount_in` in one pool, or as much of it as moves the price to the limit."""
    if sqrt_price_limit != ANY_PRICE and not MIN_SQRT_PRICE < sqrt_price_limit < MAX_SQRT_PRICE:
        raise UserError(f"no pool can reach the price {sqrt_price_limit}")
    amounts = (_amount(amount_in), _bound(minimum_out))
    return _single(
        EXACT_INPUT_SINGLE, token_in, token_out, fee, recipient, deadline, amounts, sqrt_price_limit
    )


def exact_output_single(
    token_in: str,
    token_out: str,
    fee: int,
    recipient: str,
    deadline: int,
    amount_out: int,
    maximum_in: int,
) -> bytes:
    """Swaps for `amount_out` in one pool."""
    amounts = (_amount(amount_out), _bound(maximum_in))
    return _single(
        EXACT_OUTPUT_SINGLE, token_in, token_out, fee, recipient, deadline, amounts, ANY_PRICE
    )


def exact_input(
    route: Route, recipient: str, deadline: int, amount_in: int, minimum_out: int
) -> bytes:
    """Swaps `amount_in` along the route."""
    amounts = _amount(amount_in), _bound(minimum_out)
    return EXACT_INPUT + _encoded(
        _PATH, route.packed(), _recipient(recipient), _bound(deadline), *amounts
    )


def exact_output(
    route: Route, recipient: str, deadline: int, amount_out: int, maximum_in: int
) -> bytes:
    """Swaps along the route for `amount_out` of its last token."""
    amounts = _amount(amount_out), _bound(maximum_in)
    path = route.reverse().packed()
    return EXACT_OUTPUT + _encoded(_PATH, path, _recipient(recipient), _bound(deadline), *amounts)


def _single(
    selector: bytes,
    token_in: str,
    token_out: str,
    fee: int,
    recipient: str,
    deadline: int,
    amounts: tuple[int, int],
    limit: int,
) -> bytes:
    route = Route((token_in, token_out), (fee,))
    to, until = _recipient(recipient), _bound(deadline)
    return selector + _encoded(_SINGLE, *route.tokens, fee, to, until, *amounts, limit)


def _encoded(parameters: str, *values: Any) -> bytes:
    return encode([parameters], [values])


def _recipient(value: str) -> str:
    """Not the zero address, which the router takes for itself, whence anybody can fetch it."""
    return address(value, "a recipient")


def _amount(value: int) -> int:
    if not 0 < value <= MAX_AMOUNT:
        raise UserError(f"{value} cannot be swapped: an amount is from 1 to 2**255 - 1")
    return value


def _bound(value: int) -> int:
    if not 0 <= value <= MAX_UINT:
        raise UserError(f"{value} does not fit into 256 bits")
    return value
