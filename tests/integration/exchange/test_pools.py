"""Pools: their first price, liquidity, memory, and a price that is moved by a swap."""

import pytest

from prep.errors import UserError
from prep.exchange.prices import MAX_SQRT_PRICE, MIN_SQRT_PRICE, sqrt_price
from prep.exchange.quotes import UnfillableError
from tests.integration.exchange.conftest import BTC, DAI, ETHER, USD
from tests.ticks import sqrt_price_at, tick_at


@pytest.fixture
def pools(exchange):
    return exchange.pools


def _slot(exchange, pool):
    return exchange.node.read((pool.address, "slot0()"))[0]


@pytest.mark.parametrize(
    "a, b",
    [
        (("WETH", ETHER), ("BTC", 3 * BTC // 100)),
        (("DAI", 7 * DAI), ("WETH", 3 * ETHER // 1_000)),
        (("USD", 59_999 * USD), ("BTC", BTC)),
    ],
)
def test_create__ratio_of_base_units__exact_price(exchange, pools, a, b):
    pool = exchange.create_pool(a, b, 500 if "USD" not in (a[0], b[0]) else 10_000)
    price = sqrt_price(exchange.units(*a), exchange.units(*b))
    assert (pools.sqrt_price(pool), pools.tick(pool)) == (price, tick_at(price))
    assert int(pool.tokens[0], 16) < int(pool.tokens[1], 16)
    assert pools.pool(*pool.tokens[::-1], pool.fee) == pool


def test_create__there_already__same_price_only(exchange, eth_usd):
    assert exchange.create_pool(("WETH", ETHER), ("USD", 2_000 * USD)) == eth_usd
    with pytest.raises(UserError, match=r"^there is a pool of .* with another price$"):
        exchange.create_pool(("WETH", ETHER), ("USD", 2_001 * USD))


@pytest.mark.parametrize("fee", [100, 3_001])
def test_create__fee_that_the_factory_does_not_allow__refused(exchange, fee):
    with pytest.raises(UserError, match=rf"^the factory allows no pools with a fee of {fee} "):
        exchange.create_pool(("WETH", ETHER), ("BTC", BTC), fee)


def test_create__one_token_twice__refused(exchange):
    with pytest.raises(UserError, match=r"^a pool needs two tokens"):
        exchange.create_pool(("WETH", ETHER), ("WETH", ETHER))


def test_pool__none__refused(exchange, pools):
    tokens = [exchange.tokens[symbol].address for symbol in ("WETH", "DAI")]
    with pytest.raises(UnfillableError, match=r"^there is no pool of"):
        pools.pool(*tokens, 3_000)


# ---------------------------------------------------------------------------------------- liquidity


@pytest.mark.parametrize("width", [None, 1, 600, 2 * 10**6])
def test_add_liquidity__offered__at_most_that_is_taken(exchange, eth_usd, admin, width):
    pool, node, positions = eth_usd, exchange.node, exchange.pools.contracts.positions
    liquidity = node.read((pool.address, "liquidity()"))[0]
    supplied = [exchange.balance(pool.address, symbol) for symbol in ("WETH", "USD")]
    offered = {"WETH": 100 * ETHER, "USD": 150_000 * USD}
    position = exchange.add_liquidity(pool, *offered.items(), width=width)
    lower, upper = position.ticks
    full = (-887_220, 887_220)
    assert lower % 60 == upper % 60 == 0
    if width in (None, 2 * 10**6):
        assert position.ticks == full
    else:
        tick = exchange.pools.tick(pool)
        assert tick - width - 60 < lower <= tick - width < tick + width <= upper < tick + width + 60
    added = [
        exchange.balance(pool.address, symbol) - before
        for symbol, before in zip(("WETH", "USD"), supplied, strict=True)
    ]
    in_order = added if pool.tokens[0] == exchange.tokens["WETH"].address else added[::-1]
    assert list(position.amounts) == in_order
    assert all(0 < taken <= offer for taken, offer in zip(added, offered.values(), strict=True))
    assert node.read((pool.address, "liquidity()"))[0] == liquidity + position.liquidity
    held = node.read((positions, "positions(uint256)", position.token_id))[0]
    assert held[5:8] == (lower, upper, position.liquidity)
    assert node.read((positions, "ownerOf(uint256)", position.token_id))[0] == admin.address.lower()


# ------------------------------------------------------------------------------------ observations


@pytest.mark.parametrize("observations", [2, 200, 201, 450])
def test_remember__observations__room_for_so_many(exchange, eth_usd, stranger, observations):
    assert _slot(exchange, eth_usd)[3:5] == (1, 1)
    exchange.pools.remember(stranger.address, eth_usd, observations)
    assert _slot(exchange, eth_usd)[3:5] == (1, observations)
    exchange.pools.remember(stranger.address, eth_usd, 1)
    assert _slot(exchange, eth_usd)[4] == observations


def test_remember__swaps_in_many_blocks__old_ones_are_known(exchange, eth_usd, trader, stranger):
    pools, node = exchange.pools, exchange.node
    pools.remember(stranger.address, eth_usd, 10)
    price = pools.sqrt_price(eth_usd)
    for step in range(1, 8):
        node.at(node.time() + 60)
        exchange.move(trader, eth_usd, price + price * step // 1_000)
    slot = _slot(exchange, eth_usd)
    assert slot[3] == 10  # as many as there is room for
    oldest = node.read((eth_usd.address, "observations(uint256)", 0))[0][0]
    node.read((eth_usd.address, "observe(uint32[])", [node.time() - oldest]))


# ----------------------------------------------------------------------------------- moving a price


@pytest.mark.parametrize(
    "numerator, denominator", [(11, 10), (9, 10), (2, 1), (1, 2), (1_001, 1_000), (10, 1), (1, 10)]
)
def test_move__either_way__exactly_there(exchange, eth_usd, trader, numerator, denominator):
    target = exchange.pools.sqrt_price(eth_usd) * numerator // denominator
    exchange.move(trader, eth_usd, target)
    assert exchange.pools.sqrt_price(eth_usd) == target


@pytest.mark.parametrize("change", [1, -1])
def test_move__to_the_next_price__exactly_there(exchange, eth_usd, trader, change):
    target = exchange.pools.sqrt_price(eth_usd) + change
    exchange.move(trader, eth_usd, target)
    assert exchange.pools.sqrt_price(eth_usd) == target


def test_move__to_a_tick__exactly_on_it(exchange, eth_usd, trader):
    tick = exchange.pools.tick(eth_usd) + 500
    exchange.move(trader, eth_usd, sqrt_price_at(tick))
    assert exchange.pools.tick(eth_usd) == tick


def test_move__where_it_is__sends_nothing(exchange, eth_usd, trader, chain):
    height = chain.blocks.height
    exchange.pools.move(trader.address, eth_usd, exchange.pools.sqrt_price(eth_usd))
    assert chain.blocks.height == height


def test_move__too_little_money__refused(exchange, eth_usd, other_trader):
    price = exchange.pools.sqrt_price(eth_usd)
    exchange.give(other_trader, "WETH", ETHER)
    exchange.give(other_trader, "USD", USD)
    for target in (price // 2, price * 2):
        with pytest.raises(UserError, match=rf" move the price to \d+, not to {target}$"):
            exchange.pools.move(other_trader.address, eth_usd, target)


@pytest.mark.parametrize("target", [MIN_SQRT_PRICE, MAX_SQRT_PRICE])
def test_move__where_no_pool_can_be__refused(exchange, eth_usd, trader, target):
    with pytest.raises(UserError, match=rf"^no pool can reach the price {target}"):
        exchange.move(trader, eth_usd, target)
