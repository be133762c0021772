"""Attack: a third account swaps before and after somebody's transaction, on the real exchange.

What he can take is bounded by what the request demands in the end, and by the check price.
"""

from math import isqrt

import pytest

from prep.exchange import calldata
from prep.node import Reverted
from tests.attacks.backed import (
    BPS,
    check_books,
    highest_cost,
    least_proceeds,
    lent,
    refused,
)
from tests.attacks.backed_acts import PAIR
from tests.margin_suite import DEVIATION, PREP, USD, WETH
from tests.suite import WAD

LIMITED = (WETH, USD)
HOW_FAR = (1, 50, 150, 250, 290, 400, 1_500)
"""Basis points by which the attacker moves the price against the victim."""


def push(margin, pair, who, bps, buying):
    """Base becomes dearer (`buying`) or cheaper by so much; nobody tells the check price."""
    market = margin.markets[pair]
    now = margin.exchange.pools.sqrt_price(market)
    base_first = margin.tokens[pair[0]].address == market.tokens[0]
    up = buying == base_first
    # The square root moves by half of it.
    target = now * (2 * BPS + bps) // (2 * BPS) if up else now * (2 * BPS - bps) // (2 * BPS)
    margin.exchange.move(who, market, target)
    return now


def back(margin, pair, who, price):
    margin.exchange.move(who, margin.markets[pair], price)


def value(margin, who, pair):
    """At the check price, in quote units times WAD: exact."""
    price = margin.price(pair)
    return margin.balance(who, pair[0]) * price + margin.balance(who, pair[1]) * WAD


def rich(margin, who, pair):
    for symbol in pair:
        margin.exchange.give(who, symbol, 2**120)


@pytest.mark.parametrize("bps", HOW_FAR)
def test_open__sandwiched__bounded_by_the_minimum_and_the_check_price(
    margin, pool, victim, rogue, accomplice, bps, monkeypatch
):
    """Without a minimum the check price bounds the loss: within it the open goes through, beyond it
    nothing happens. With the minimum that he saw, to the unit, nothing is lost at all."""
    rich(margin, rogue, PAIR)
    # `move` gives what it may take: here everybody has enough.
    monkeypatch.setattr(type(margin.exchange), "give", lambda *_: None)
    down = margin.units(PREP, 10_000)
    principal = down if pool.is_long else margin.units(WETH, 5)
    request = margin.open_request(pool, victim, PAIR, down, principal)
    margin.send(margin.admin, margin.tokens[PREP], "mint(address,uint256)", victim.address, down)
    approve(margin, pool, victim)
    price, given = margin.price(PAIR), down + principal if pool.is_long else principal
    snapshot = margin.node.rpc("evm_snapshot")
    logs = margin.do(victim, pool, "open", request, margin.signed(pool, request))
    fair = margin.event(logs, "PositionOpened").args[-1]
    margin.node.rpc("evm_revert", snapshot)

    mine, before = value(margin, rogue, PAIR), push(margin, PAIR, rogue, bps, pool.is_long)
    exact = request._replace(min_output=fair)
    with pytest.raises(Reverted, match="OutputTooLow"):
        margin.do(victim, pool, "open", exact, margin.signed(pool, exact))
    try:
        logs = margin.do(victim, pool, "open", request, margin.signed(pool, request))
    except Reverted as refusal:
        check_refusal(refusal, bps)
        back(margin, PAIR, rogue, before)
        assert value(margin, rogue, PAIR) < mine, "he has paid the exchange for nothing"
        check_books(margin)
        return
    received = margin.event(logs, "PositionOpened").args[-1]
    assert bps <= DEVIATION
    if pool.is_long:
        assert given <= highest_cost(received, price, DEVIATION)
        loss = (fair - received) * price
    else:
        assert received >= least_proceeds(given, price, DEVIATION)
        loss = (fair - received) * WAD
    back(margin, PAIR, rogue, before)
    # What he has won the victim has lost, and not the lenders.
    won = value(margin, rogue, PAIR) - mine
    assert won <= loss
    check_books(margin)


def check_refusal(refusal, bps):
    assert refusal.name == "PriceDeviates"
    assert bps > DEVIATION // 2, "what is far within the deviation goes through"


def approve(margin, pool, who):
    for symbol in PAIR:
        margin.send(
            who, margin.tokens[symbol], "approve(address,uint256)", pool.address, 2**256 - 1
        )


@pytest.mark.parametrize("pair", [PAIR, LIMITED], ids=["check price", "limits"])
@pytest.mark.parametrize("bps", [50, 400, 3_000])
def test_close__sandwiched__bounded_by_the_least_payout(
    margin, pool, victim, rogue, acts, pair, bps, monkeypatch
):
    """A close asks no check price, so that nothing can hold a trader: his least payout is his
    bound, to the unit; the lenders are paid in full or it does not happen."""
    position = margin.typical(pool, victim, pair, 2)
    rich(margin, rogue, pair)
    monkeypatch.setattr(type(margin.exchange), "give", lambda *_: None)
    request = acts.whole(position)
    snapshot = margin.node.rpc("evm_snapshot")
    fair = margin.closing(
        margin.do(victim, pool, "close", request, margin.signed(pool, request), position, 0)
    )
    margin.node.rpc("evm_revert", snapshot)
    owed = pool.owed(pair)
    lenders = lent(margin, owed)
    before = push(margin, pair, rogue, bps, not pool.is_long)
    snapshot = margin.node.rpc("evm_snapshot")
    args = request, margin.signed(pool, request), position, 0
    worse = margin.closing(margin.do(victim, pool, "close", *args)).payout
    assert lent(margin, owed) == lenders + 1
    margin.node.rpc("evm_revert", snapshot)
    assert 0 < worse < fair.payout
    for least, goes in ((fair.payout, False), (worse + 1, False), (worse, True)):
        bound = request._replace(min_payout=least)
        args = bound, margin.signed(pool, bound), position, 0
        if goes:
            margin.do(victim, pool, "close", *args)
        else:
            with refused("PayoutTooLow", worse, least):
                margin.do(victim, pool, "close", *args)
    back(margin, pair, rogue, before)
    assert lent(margin, owed) == lenders + 1
    check_books(margin)


@pytest.mark.parametrize("bps", [50, 200, 290, 400, 2_000])
def test_liquidation__sandwiched__bounded_by_the_check_price(
    margin, pool, victim, rogue, bps, monkeypatch
):
    """The lenders of a position at its threshold are paid in full, for the deviation is less than
    the maintenance margin: the trader's rest pays the sandwich."""
    position = margin.typical(pool, victim, PAIR, 4)
    percent = 79 if pool.is_long else 119
    margin.move_market(margin.lender, PAIR, percent)
    margin.node.at(margin.time() + 60)
    margin.node.mine()
    # To just within the threshold, whatever the exchange says.
    share = 490
    if pool.is_long:
        price = -(-position.principal * WAD * BPS // (position.collateral * (BPS - share)))
    else:
        price = position.collateral * WAD * BPS // (position.principal * (BPS + share))
    margin.set_price(PAIR, price)
    to_price(margin, price)
    rich(margin, rogue, PAIR)
    monkeypatch.setattr(type(margin.exchange), "give", lambda *_: None)
    owed = pool.owed(PAIR)
    lenders = lent(margin, owed)
    push(margin, PAIR, rogue, bps, not pool.is_long)
    try:
        logs = margin.liquidate(pool, position, 1)
    except Reverted as refusal:
        check_refusal(refusal, bps)
        assert lent(margin, owed) == lenders
        return
    assert bps <= DEVIATION
    closing = margin.closing(logs, "PositionLiquidated")
    assert closing.bad_debt == 0, "A7"
    assert lent(margin, owed) == lenders + 1
    check_books(margin)


def to_price(margin, price):
    """The exchange's price is the check price."""
    market = margin.markets[PAIR]
    base_first = margin.tokens[PAIR[0]].address == market.tokens[0]
    square = price * 2**192 // WAD if base_first else 2**192 * WAD // price
    margin.exchange.move(margin.lender, market, isqrt(square))


def test_liquidation__pair_with_limits__sandwich_bounded_by_the_swaps_own_minimum(
    margin, pool, victim, rogue, monkeypatch
):
    """Nothing else bounds it there: a liquidator without a minimum in his swap is robbed."""
    position = margin.typical(pool, victim, LIMITED, 4)
    margin.move_market(margin.lender, LIMITED, 79 if pool.is_long else 119)
    margin.node.at(margin.time() + 60)
    margin.node.mine()
    rich(margin, rogue, LIMITED)
    sold, bought = pool.held(LIMITED), pool.owed(LIMITED)
    route = margin.exchange.route(sold, 3_000, bought)
    quoter = margin.exchange.quoter
    fair = quoter.quote_exact_input(route, position.collateral).amount_out
    monkeypatch.setattr(type(margin.exchange), "give", lambda *_: None)
    push(margin, LIMITED, rogue, 3_000, not pool.is_long)
    a, b = margin.tokens[sold].address, margin.tokens[bought].address

    def data(least):
        return calldata.exact_input_single(
            a, b, 3_000, pool.address, 2**255, position.collateral, least
        )

    owed = pool.owed(LIMITED)
    lenders = lent(margin, owed)
    with pytest.raises(Reverted, match="Too little received"):
        margin.do(margin.liquidator, pool, "liquidate", position, 1, margin.router, data(fair))
    assert lent(margin, owed) == lenders
    logs = margin.do(margin.liquidator, pool, "liquidate", position, 1, margin.router, data(0))
    closing = margin.closing(logs, "PositionLiquidated")
    assert closing.bad_debt > 0
    assert lent(margin, owed) == lenders - closing.bad_debt + closing.interest_paid, "A7"
    check_books(margin)
