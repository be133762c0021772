"""Calls of the router: what its own ABI reads in them, and what is refused before it is sent."""

from functools import partial

import pytest
from eth_abi import decode
from eth_utils import keccak, to_checksum_address

from prep.artifacts import contract_type
from prep.errors import UserError
from prep.exchange import calldata
from prep.exchange.contracts import ROUTER
from prep.exchange.prices import MAX_SQRT_PRICE, MIN_SQRT_PRICE
from prep.exchange.route import Route

A = to_checksum_address("0x" + 20 * "ad")
B = "0x" + 20 * "12"
C = "0x" + 20 * "34"
RECIPIENT = "0x" + 20 * "56"
ROUTE = Route((A, B, C), (500, 10_000))
MAX_UINT = 2**256 - 1

single_input = partial(calldata.exact_input_single, A, B, 3_000, RECIPIENT, 1_000)
single_output = partial(calldata.exact_output_single, A, B, 3_000, RECIPIENT, 1_000)
path_input = partial(calldata.exact_input, ROUTE, RECIPIENT, 1_000)
path_output = partial(calldata.exact_output, ROUTE, RECIPIENT, 1_000)
BUILDERS = {
    "exactInputSingle": single_input,
    "exactOutputSingle": single_output,
    "exactInput": path_input,
    "exactOutput": path_output,
}


@pytest.fixture(scope="module")
def read(project):
    """A call as the router's ABI reads it: the function's name, and its arguments by name."""
    methods = {
        keccak(text=method.selector)[:4]: method
        for method in contract_type(project, ROUTER).mutable_methods
    }

    def read(data):
        method = methods[data[:4]]
        (values,) = decode([i.canonical_type for i in method.inputs], data[4:], strict=True)
        names = [component.name for component in method.inputs[0].components]
        return method.name, dict(zip(names, values, strict=True))

    return read


def test_selectors__are_those_of_the_router_on_every_chain():
    assert calldata.EXACT_INPUT_SINGLE.hex() == "414bf389"
    assert calldata.EXACT_OUTPUT_SINGLE.hex() == "db3e2198"
    assert calldata.EXACT_INPUT.hex() == "c04b8d59"
    assert calldata.EXACT_OUTPUT.hex() == "f28c0498"
    assert len(set(calldata.SELECTORS)) == 4


def test_exact_input_single__every_field__read_by_the_routers_abi(read):
    limit = MIN_SQRT_PRICE + 1
    assert read(single_input(7, 5, limit)) == (
        "exactInputSingle",
        {
            "tokenIn": A.lower(),
            "tokenOut": B,
            "fee": 3_000,
            "recipient": RECIPIENT,
            "deadline": 1_000,
            "amountIn": 7,
            "amountOutMinimum": 5,
            "sqrtPriceLimitX96": limit,
        },
    )
    assert read(single_input(7, 5))[1]["sqrtPriceLimitX96"] == 0


def test_exact_output_single__every_field__read_by_the_routers_abi(read):
    assert read(single_output(7, 9)) == (
        "exactOutputSingle",
        {
            "tokenIn": A.lower(),
            "tokenOut": B,
            "fee": 3_000,
            "recipient": RECIPIENT,
            "deadline": 1_000,
            "amountOut": 7,
            "amountInMaximum": 9,
            "sqrtPriceLimitX96": 0,
        },
    )


def test_exact_input__two_pools__path_in_the_order_of_the_swap(read):
    path = bytes.fromhex(20 * "ad" + "0001f4" + 20 * "12" + "002710" + 20 * "34")
    assert read(path_input(7, 5)) == (
        "exactInput",
        {
            "path": path,
            "recipient": RECIPIENT,
            "deadline": 1_000,
            "amountIn": 7,
            "amountOutMinimum": 5,
        },
    )


def test_exact_output__two_pools__path_from_the_end(read):
    path = bytes.fromhex(20 * "34" + "002710" + 20 * "12" + "0001f4" + 20 * "ad")
    assert read(path_output(7, 9)) == (
        "exactOutput",
        {
            "path": path,
            "recipient": RECIPIENT,
            "deadline": 1_000,
            "amountOut": 7,
            "amountInMaximum": 9,
        },
    )


@pytest.mark.parametrize("name", BUILDERS)
def test_builders__largest_values__encoded(read, name):
    function, values = read(BUILDERS[name](2**255 - 1, MAX_UINT))
    assert function == name
    assert {2**255 - 1, MAX_UINT} <= set(values.values())


@pytest.mark.parametrize("name", BUILDERS)
@pytest.mark.parametrize("amount", [0, -1, 2**255])
def test_builders__amount_that_no_pool_can_count__refused(name, amount):
    with pytest.raises(UserError, match=rf"^{amount} cannot be swapped"):
        BUILDERS[name](amount, 1)


@pytest.mark.parametrize("name", BUILDERS)
@pytest.mark.parametrize("bound", [-1, 2**256])
def test_builders__bound_outside_256_bits__refused(name, bound):
    with pytest.raises(UserError, match=rf"^{bound} does not fit"):
        BUILDERS[name](1, bound)


@pytest.mark.parametrize("deadline", [-1, 2**256])
def test_builders__deadline_outside_256_bits__refused(deadline):
    for build in (
        partial(calldata.exact_input_single, A, B, 3_000),
        partial(calldata.exact_output_single, A, B, 3_000),
        partial(calldata.exact_input, ROUTE),
        partial(calldata.exact_output, ROUTE),
    ):
        with pytest.raises(UserError, match=rf"^{deadline} does not fit"):
            build(RECIPIENT, deadline, 1, 1)


@pytest.mark.parametrize("recipient", ["0x" + 40 * "0", "0x12", "somebody", RECIPIENT[2:]])
def test_builders__recipient_is_none__refused(recipient):
    """The router keeps for anybody what is to go to the zero address."""
    for build in (
        partial(calldata.exact_input_single, A, B, 3_000),
        partial(calldata.exact_output_single, A, B, 3_000),
        partial(calldata.exact_input, ROUTE),
        partial(calldata.exact_output, ROUTE),
    ):
        with pytest.raises(UserError, match=rf"^{recipient} is not the address of a recipient"):
            build(recipient, 1_000, 1, 1)


@pytest.mark.parametrize("limit", [-1, 1, MIN_SQRT_PRICE, MAX_SQRT_PRICE])
def test_exact_input_single__limit_that_no_pool_reaches__refused(limit):
    with pytest.raises(UserError, match=rf"^no pool can reach the price {limit}"):
        single_input(1, 1, limit)
