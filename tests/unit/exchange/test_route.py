"""Routes: what is one, and how the contracts take it."""

import pytest
from eth_utils import to_checksum_address

from prep.errors import UserError
from prep.exchange.route import Route

A = to_checksum_address("0x" + 20 * "ad")
B = "0x" + 20 * "12"
C = "0x" + 20 * "34"


def test_route__two_pools__hops_and_reverse():
    route = Route((A.lower(), B, C), (500, 10_000))
    assert route.tokens == (A, B, C)
    assert route.hops == [(A, B, 500), (B, C, 10_000)]
    assert route.reverse() == Route((C, B, A), (10_000, 500))
    assert str(route) == f"{A} > {B} > {C}"


@pytest.mark.parametrize("tokens, fees", [((A, B), ()), ((A,), ()), ((A, B), (1, 2)), ((), ())])
def test_route__not_a_fee_for_every_pair__refused(tokens, fees):
    message = rf"^a route of {len(tokens)} tokens does not have {len(fees)} fees"
    with pytest.raises(UserError, match=message):
        Route(tokens, fees)


def test_route__token_for_itself__refused():
    with pytest.raises(UserError, match=rf"^{B} cannot be swapped for itself"):
        Route((A, B, B), (500, 500))


def test_route__round_trip__is_one():
    assert len(Route((A, B, A), (500, 3_000)).hops) == 2


@pytest.mark.parametrize("fee", [-1, 0, 10**6])
def test_route__fee_that_is_none__refused(fee):
    with pytest.raises(UserError, match=rf"^no pool can have a fee of {fee} millionths"):
        Route((A, B), (fee,))
    assert Route((A, B), (10**6 - 1,)).packed()[20:23] == (10**6 - 1).to_bytes(3)


@pytest.mark.parametrize("token", ["", "0x", "WETH", A[2:], "0x" + 40 * "0", A + "00"])
def test_route__not_an_address__refused(token):
    with pytest.raises(UserError, match=r"is not the address of a token$"):
        Route((token, B), (500,))


def test_route__character_changed__refused():
    changed = A[:2] + A[2:].swapcase()
    with pytest.raises(UserError, match=rf"^{changed} has a wrong checksum"):
        Route((changed, B), (500,))
