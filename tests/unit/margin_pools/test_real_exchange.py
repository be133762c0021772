"""Swaps of the exchange that leave some of what they were given."""

import pytest

from prep.exchange import calldata
from prep.margin.data import Position, position_hash
from tests.exchange import FEE, FOREVER, WETH
from tests.margin_suite import PREP
from tests.unit.margin_pools.stand import add

PAIR = (WETH, PREP)


@pytest.fixture
def real(create_stand, side, margin):
    """A stand whose requests go to the exchange."""
    stand = create_stand(side, PAIR)
    stand.router = margin.router
    return stand


def opened(stand, request, spent, received):
    """Checks what an opening with this swap leaves and who has got what."""
    before = stand.balances()
    logs = stand.opened(request)
    given = stand.given(request.down_payment, request.principal)
    borrowed = request.principal - (given - spent)
    collateral = received if stand.is_long else received + request.down_payment
    tokens = stand.trader.address, stand.base, stand.quote
    expected = Position(request.id, *tokens, borrowed, collateral, stand.time(), 1)
    assert stand.margin.after(logs, "PositionOpened") == expected
    assert stand.stored(expected) == position_hash(expected)
    moved = stand.moved(before)
    quote = stand.pair[1]
    assert moved == add(
        {("trader", quote): -request.down_payment},
        {("lenders", stand.owed): -borrowed, ("debt", stand.owed): borrowed},
        {("pool", stand.held): collateral},
    )


def test_open__exact_output__what_it_does_not_cost_goes_back(real):
    """The quoter tells the cost to the unit."""
    stand = real
    given = stand.given(stand.down_payment, stand.principal)
    wanted = stand.fair_output(given) * 98 // 100
    route = stand.margin.exchange.route(stand.owed, FEE, stand.held)
    cost = stand.margin.exchange.quoter.quote_exact_output(route, wanted).amount_in
    assert given - stand.principal < cost < given
    data = stand.margin.swap_out(stand.side, stand.owed, stand.held, wanted)
    opened(stand, stand.open_request(data=data), cost, wanted)


def test_open__price_limit__what_is_not_swapped_goes_back(real):
    """The swap ends where the price is reached; the exchange's own pool tells what it took."""
    stand = real
    market = stand.margin.markets[PAIR]
    pools = stand.margin.exchange.pools
    now = pools.sqrt_price(market)
    falls = stand.address(stand.owed) == market.tokens[0]
    # Some two thirds of what is given move the price as far.
    step = now // 1_000 if stand.is_long else now // 1_500
    limit = now - step if falls else now + step
    given = stand.given(stand.down_payment, stand.principal)
    hop = stand.address(stand.owed), stand.address(stand.held), FEE, stand.side.address, FOREVER
    data = calldata.exact_input_single(*hop, given, 0, limit)
    request = stand.open_request(data=data)
    balance = [(stand.address(s), "balanceOf(address)", market.address) for s in PAIR]
    before = dict(zip(PAIR, stand.node.read(*balance), strict=True))
    signature = stand.signed(request)
    snapshot = stand.node.rpc("evm_snapshot")
    stand.do("open", request, signature)
    after = dict(zip(PAIR, stand.node.read(*balance), strict=True))
    assert pools.sqrt_price(market) == limit
    assert stand.node.rpc("evm_revert", snapshot)
    spent = after[stand.owed] - before[stand.owed]
    received = before[stand.held] - after[stand.held]
    assert given - stand.principal < spent < given
    opened(stand, request, spent, received)
