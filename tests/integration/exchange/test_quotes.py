"""A quote is what the swap then does, to the base unit; what cannot be done has no quote."""

from fractions import Fraction

import pytest

from prep.errors import UserError
from prep.exchange import calldata
from prep.exchange.quotes import UnfillableError
from prep.node import Reverted
from tests.exchange import FOREVER
from tests.integration.exchange.conftest import BTC, DAI, ETHER, USD

SINGLE = [
    (("WETH", 3_000, "USD"), 3 * ETHER + 1),
    (("USD", 3_000, "WETH"), 12_345_678_901),
    (("BTC", 500, "USD"), BTC + 7),
    (("USD", 500, "BTC"), 1),
    (("DAI", 500, "USD"), 999_999 * DAI + 10**11),
    (("USD", 500, "DAI"), 2_000_000 * USD),
]
MULTI = [
    (("WETH", 3_000, "USD", 500, "BTC"), 40 * ETHER),
    (("BTC", 500, "USD", 3_000, "WETH"), 2 * BTC),
    (("DAI", 500, "USD", 3_000, "WETH", 10_000, "BTC"), 50_000 * DAI),
]
OUTPUTS = [
    (("WETH", 3_000, "USD", 500, "BTC"), BTC // 3),
    (("BTC", 500, "USD", 3_000, "WETH"), 17 * ETHER + 1),
    (("DAI", 500, "USD", 3_000, "WETH", 10_000, "BTC"), 1),
]


def _amounts(trader_before, exchange, trader, hops):
    """What went in and came out since."""
    first, last = hops[0], hops[-1]
    spent = trader_before[0] - exchange.balance(trader, first)
    return spent, exchange.balance(trader, last) - trader_before[1]


@pytest.fixture
def swap(exchange, trader):
    """Sends the call of a trader who has enough of the first token. What went in, and came out."""

    def swap(hops, data):
        exchange.give(trader, hops[0], 10**30)
        before = exchange.balance(trader, hops[0]), exchange.balance(trader, hops[-1])
        exchange.pools.swap(trader.address, data)
        return _amounts(before, exchange, trader, hops)

    return swap


def _prices(exchange, route):
    pools = exchange.pools
    return tuple(pools.sqrt_price(pools.pool(*hop)) for hop in route.hops)


@pytest.mark.parametrize("hops, amount", SINGLE)
def test_quote_exact_input__one_pool__what_the_swap_does(exchange, trader, swap, hops, amount):
    route = exchange.route(*hops)
    quote = exchange.quoter.quote_exact_input(route, amount)
    assert quote.amount_in == amount
    (hop,) = route.hops
    data = calldata.exact_input_single(*hop, trader.address, FOREVER, amount, quote.amount_out)
    assert swap(hops, data) == (amount, quote.amount_out)
    assert _prices(exchange, route) == quote.sqrt_prices


@pytest.mark.parametrize("hops, amount", SINGLE)
def test_quote_exact_output__one_pool__what_the_swap_does(exchange, trader, swap, hops, amount):
    route = exchange.route(*hops).reverse()
    amount //= 100 if amount > 100 else 1
    quote = exchange.quoter.quote_exact_output(route, amount)
    assert quote.amount_out == amount
    (hop,) = route.hops
    data = calldata.exact_output_single(*hop, trader.address, FOREVER, amount, quote.amount_in)
    assert swap(hops[::-1], data) == (quote.amount_in, amount)
    assert _prices(exchange, route) == quote.sqrt_prices


@pytest.mark.parametrize("hops, amount", MULTI)
def test_quote_exact_input__many_pools__what_the_swap_does(exchange, trader, swap, hops, amount):
    route = exchange.route(*hops)
    quote = exchange.quoter.quote_exact_input(route, amount)
    data = calldata.exact_input(route, trader.address, FOREVER, amount, quote.amount_out)
    assert swap(hops, data) == (amount, quote.amount_out)
    assert _prices(exchange, route) == quote.sqrt_prices


@pytest.mark.parametrize("hops, amount", OUTPUTS)
def test_quote_exact_output__many_pools__what_the_swap_does(exchange, trader, swap, hops, amount):
    route = exchange.route(*hops)
    quote = exchange.quoter.quote_exact_output(route, amount)
    data = calldata.exact_output(route, trader.address, FOREVER, amount, quote.amount_in)
    assert swap(hops, data) == (quote.amount_in, amount)
    assert _prices(exchange, route) == quote.sqrt_prices


@pytest.mark.parametrize("hops, amount", MULTI)
def test_swap__minimum_above_the_quote__router_refuses(exchange, trader, swap, hops, amount):
    route = exchange.route(*hops)
    minimum = exchange.quoter.quote_exact_input(route, amount).amount_out + 1
    data = calldata.exact_input(route, trader.address, FOREVER, amount, minimum)
    with pytest.raises(Reverted, match="Too little received"):
        swap(hops, data)


@pytest.mark.parametrize("hops, amount", OUTPUTS)
def test_swap__maximum_below_the_quote__router_refuses(exchange, trader, swap, hops, amount):
    route = exchange.route(*hops)
    maximum = exchange.quoter.quote_exact_output(route, amount).amount_in - 1
    data = calldata.exact_output(route, trader.address, FOREVER, amount, maximum)
    with pytest.raises(Reverted, match="Too much requested"):
        swap(hops, data)


def test_swap__deadline_passed__router_refuses(exchange, trader, swap):
    route = exchange.route("WETH", 3_000, "USD")
    data = calldata.exact_input(route, trader.address, exchange.node.time() - 1, ETHER, 0)
    with pytest.raises(Reverted, match="Transaction too old"):
        swap(("WETH", "USD"), data)


# ------------------------------------------------------------------------------ what cannot be done


def test_quote__no_such_pool__says_which(exchange):
    usd, btc = (exchange.tokens[symbol].address for symbol in ("USD", "BTC"))
    route = exchange.route("WETH", 3_000, "USD", 3_000, "BTC")
    message = rf"^there is no pool of {usd} and {btc} with a fee of 3000 millionths"
    quoter = exchange.quoter
    for ask in (quoter.quote_exact_input, quoter.quote_exact_output):
        with pytest.raises(UnfillableError, match=message):
            ask(route, ETHER)
    with pytest.raises(UnfillableError, match=message):
        quoter.spot_price(route)


def test_quote_exact_input__more_than_the_pools_take__refused(exchange):
    """The quoter itself would answer, for that part of it which the pools take."""
    route = exchange.route("BTC", 500, "USD", 3_000, "WETH")
    with pytest.raises(UnfillableError, match=r"not enough liquidity to take"):
        exchange.quoter.quote_exact_input(route, 2**200)


def test_quote_exact_output__more_than_the_pools_have__refused(exchange):
    route = exchange.route("BTC", 500, "USD", 3_000, "WETH")
    with pytest.raises(UnfillableError, match=r"the pools cannot swap 1001000000000000000000$"):
        exchange.quoter.quote_exact_output(route, 1_001 * ETHER)


@pytest.mark.parametrize("amount", [-1, 0, 2**255])
def test_quote__amount_that_no_pool_can_count__refused(exchange, amount):
    route = exchange.route("WETH", 3_000, "USD")
    for ask in (exchange.quoter.quote_exact_input, exchange.quoter.quote_exact_output):
        with pytest.raises(UserError, match=rf"^{amount} cannot be swapped"):
            ask(route, amount)


# -------------------------------------------------------------------------------------- spot prices


def test_spot_price__one_pool__exact_in_both_directions(exchange, eth_usd):
    square = Fraction(exchange.pools.sqrt_price(eth_usd) ** 2, 2**192)
    if eth_usd.tokens[0] == exchange.tokens["USD"].address:
        square = 1 / square
    route = exchange.route("WETH", 3_000, "USD")
    assert exchange.quoter.spot_price(route) == square
    assert exchange.quoter.spot_price(route.reverse()) == 1 / square
    # $2,000: the root was rounded down, by less than a part in 2**60.
    assert abs(square / Fraction(2_000 * USD, ETHER) - 1) < Fraction(1, 2**60)


def test_spot_price__many_pools__their_product(exchange):
    spot = exchange.quoter.spot_price
    whole = spot(exchange.route("DAI", 500, "USD", 3_000, "WETH"))
    parts = spot(exchange.route("DAI", 500, "USD")), spot(exchange.route("USD", 3_000, "WETH"))
    assert whole == parts[0] * parts[1]


def test_spot_price__pool_without_a_price__refused(exchange, admin):
    tokens = (exchange.tokens[symbol].address for symbol in ("WETH", "DAI"))
    factory = exchange.pools.contracts.factory
    exchange.node.execute(
        admin.address, factory, "createPool(address,address,uint24)", *tokens, 500
    )
    with pytest.raises(UnfillableError, match=r"a pool has no price yet"):
        exchange.quoter.spot_price(exchange.route("WETH", 500, "DAI"))
