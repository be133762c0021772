"""Quotes that are sent to the chain as they are: they go through, and do what they said."""

import pytest

from prep.margin.data import Order, Payout, struct_of
from prep.margin.typed import digest, recover, sign
from prep.quotes.wire import Side
from tests.integration.quotes.trading import (
    ETHER,
    PAIR,
    open_position,
    pass_time,
    send,
    tokens,
    worth,
)
from tests.margin_suite import LISTED, UNLIMITED
from tests.quotes import CLOSE_FEE, OPEN_FEE

WEEK = 7 * 86_400
BPS = 10_000


def check_left(margin, side, expected, position):
    """Position and prospects are as expected."""
    assert (expected.principal, expected.collateral) == (position.principal, position.collateral)
    held, owed = position.collateral, position.principal
    base, quote = (held, owed) if side.is_long else (owed, held)
    # Within the threshold at the liquidation price, and no more a millionth from it.
    price = expected.liquidation_price
    for moved, within in (
        (price, True),
        (price + price // 10**6 * (1 if side.is_long else -1), False),
    ):
        value = base * moved // 10**18 if side.is_long else -(-base * moved // 10**18)
        equity = value - quote if side.is_long else quote - value
        assert (equity <= -(-value * 500 // BPS)) == within


@pytest.mark.parametrize("pair", LISTED, ids="/".join)
def test_open__sent__opens_what_was_expected(margin, side, way, trader, client, pair):
    down = worth(margin, pair[1])
    margin.give(trader, pair[1], 2 * down)
    treasury = margin.balance(margin.treasury, pair[1])
    quote = client.open(way, trader.address, *tokens(margin, pair), down, leverage=30_000)
    logs = send(margin, trader, quote)
    position = margin.after(logs, "PositionOpened")
    _, _, _, down_payment, borrowed, fee, spent, received = margin.event(
        logs, "PositionOpened"
    ).args
    expected, swap = quote.expected, quote.expected.swap
    assert (down_payment, borrowed, fee) == (down, expected.borrowed, expected.fee)
    assert (spent, received) == (swap.amount_in, swap.amount_out)
    check_left(margin, side, expected, position)
    assert quote.request.id == position.id
    assert 2 * down - margin.balance(trader, pair[1]) == expected.payment == down + fee
    assert margin.balance(margin.treasury, pair[1]) - treasury == fee
    moved = spent if side.is_long else quote.request.min_output
    assert fee == moved * OPEN_FEE // BPS > 0
    assert quote.request.min_output == -(-received * (BPS - 50) // BPS)
    # The pool takes 30 basis points, and the price moves a little.
    assert 30 <= swap.price_impact <= 45
    assert 29_500 <= expected.leverage <= 31_000
    assert recover(side.domain, quote.request, quote.signature) == margin.signer.address


def test_open__by_principal_and_a_wide_slippage__is_as_asked(margin, side, way, trader, client):
    down, principal = worth(margin, PAIR[1]), worth(margin, PAIR[1 if side.is_long else 0], 7_000)
    margin.give(trader, PAIR[1], 2 * down)
    where = (way, trader.address, *tokens(margin, PAIR))
    quote = client.open(*where, down, principal=principal, slippage=400)
    position = margin.after(send(margin, trader, quote), "PositionOpened")
    assert position.principal == principal
    assert quote.request.min_output == -(-quote.expected.swap.amount_out * 9_600 // BPS)


def test_open__in_ether__sends_it(margin, side, way, trader, client):
    down = worth(margin, ETHER[1])
    where = (way, trader.address, *tokens(margin, ETHER))
    quote = client.open(*where, down, leverage=20_000, pay_ether=True)
    before = margin.node.rpc("eth_getBalance", trader.address, "latest")
    position = margin.after(send(margin, trader, quote), "PositionOpened")
    after = margin.node.rpc("eth_getBalance", trader.address, "latest")
    assert position.collateral == quote.expected.collateral
    assert int(before, 16) - int(after, 16) == quote.transaction.value == quote.expected.payment


def test_open__again__has_another_id_and_is_short_lived(margin, side, way, trader, client):
    down = worth(margin, PAIR[1])
    margin.give(trader, PAIR[1], 2 * down)
    where = (way, trader.address, *tokens(margin, PAIR), down)
    first, second = (client.open(*where, leverage=20_000) for _ in range(2))
    assert first.request.id != second.request.id
    assert first.request.id < 2**128
    now = int(margin.node.rpc("eth_getBlockByNumber", "pending", False)["timestamp"], 16)
    assert 58 <= first.expiry - now <= 60
    assert first.expiry == first.request.expiry


def test_increase__after_a_week__charges_the_interest_of_the_curve(
    margin, side, way, trader, client
):
    position = open_position(margin, client, side, trader)
    pass_time(margin, WEEK)
    down = worth(margin, PAIR[1], 1_000)
    lending = margin.lending[side.owed(PAIR)].address
    rate = margin.node.read((lending, "borrowRate()"))[0]
    quote = client.increase(way, position, down, leverage=20_000)
    logs = send(margin, trader, quote)
    after = margin.after(logs, "PositionIncreased")
    check_left(margin, side, quote.expected, after)
    interest = quote.expected.interest
    assert margin.event(logs, "PositionIncreased").args[5] == interest
    year = position.principal * rate // 10**18
    assert year * WEEK // 31_536_000 <= interest <= year * (WEEK + 20) // 31_536_000 + 1
    assert after.last_funding_timestamp == margin.time()


def test_increase__without_a_loan__only_adds_margin(margin, side, way, trader, client):
    position = open_position(margin, client, side, trader)
    down = worth(margin, PAIR[1], 1_000)
    quote = client.increase(way, position, down)
    after = margin.after(send(margin, trader, quote), "PositionIncreased")
    check_left(margin, side, quote.expected, after)
    assert quote.expected.borrowed == 0
    assert (quote.expected.swap is None) == (not side.is_long)
    assert after.principal == position.principal + quote.expected.interest


@pytest.mark.parametrize("part", [BPS, 4_000])
def test_close__sent__pays_what_was_expected(margin, side, way, trader, client, part):
    position = open_position(margin, client, side, trader)
    pass_time(margin, WEEK)
    amount = position.collateral * part // BPS
    before = margin.balance(trader, PAIR[1])
    quote = client.close(way, position, None if part == BPS else amount)
    logs = send(margin, trader, quote)
    closing, expected = margin.closing(logs), quote.expected
    assert margin.balance(trader, PAIR[1]) - before == expected.payout == closing.payout
    assert (closing.amount, closing.fee) == (amount, expected.fee)
    assert (closing.interest_paid, closing.principal_paid) == (
        expected.interest,
        expected.principal_paid,
    )
    assert (closing.spent, closing.received) == (expected.swap.amount_in, expected.swap.amount_out)
    assert expected.interest > 0
    assert expected.fee > 0
    assert 0 < expected.least_payout == quote.request.min_payout < expected.payout
    quote_moved = closing.received if side.is_long else closing.spent
    assert closing.fee <= quote_moved * CLOSE_FEE // BPS
    after = margin.after(logs, "PositionClosed")
    if part == BPS:
        assert (after.principal, after.collateral) == (0, 0)
        assert (expected.principal, expected.collateral) == (0, 0)
        assert expected.liquidation_price is None
    else:
        check_left(margin, side, expected, after)


def test_close__prices_worse_than_the_slippage__pays_nothing(margin, side, way, trader, client):
    position = open_position(margin, client, side, trader)
    quote = client.close(way, position, slippage=10)
    margin.move_market(margin.admin, PAIR, 98 if side.is_long else 102)
    stored = margin.stored(side, position.id)
    with pytest.raises(Exception, match="PayoutTooLow"):
        send(margin, trader, quote)
    assert margin.stored(side, position.id) == stored


@pytest.mark.parametrize("payout", [Payout.ETHER, Payout.LEND])
def test_close__paid_otherwise__pays_that(margin, side, way, trader, client, payout):
    position = open_position(margin, client, side, trader, ETHER)
    quote = client.close(way, position, payout=payout)
    lending = margin.lending[ETHER[1]]
    before = int(margin.node.rpc("eth_getBalance", trader.address, "latest"), 16)
    send(margin, trader, quote)
    paid = int(margin.node.rpc("eth_getBalance", trader.address, "latest"), 16) - before
    shares = margin.node.read((lending.address, "balanceOf(address)", trader.address))[0]
    if payout is Payout.ETHER:
        assert (paid, shares) == (quote.expected.payout, 0)
    else:
        assert paid == 0
        assert shares > 0


@pytest.mark.parametrize("share", [20, -5], ids=["add", "remove"])
def test_collateral__sent__changes_only_that(margin, side, way, trader, client, share):
    position = open_position(margin, client, side, trader)
    pass_time(margin, WEEK)
    amount = position.collateral * share // 100
    symbol = side.held(PAIR)
    margin.give(trader, symbol, max(0, amount))
    before = margin.balance(trader, symbol)
    quote = client.collateral(way, position, amount)
    after = margin.after(send(margin, trader, quote), "CollateralChanged")
    assert before - margin.balance(trader, symbol) == amount
    assert quote.expected.payment - quote.expected.payout == amount
    check_left(margin, side, quote.expected, after)
    assert after.last_funding_timestamp == position.last_funding_timestamp


def test_collateral__in_ether__sends_it(margin, trader, client):
    side = margin.sides["short"]
    position = open_position(margin, client, side, trader, ETHER)
    quote = client.collateral(Side.SHORT, position, 10**17, pay_ether=True)
    after = margin.after(send(margin, trader, quote), "CollateralChanged")
    assert quote.transaction.value == 10**17
    assert after.collateral == position.collateral + 10**17


def test_close__by_a_keeper__serves_an_order(margin, side, way, trader, client):
    """A quote to close is what `executeOrder` needs besides the order."""
    position = open_position(margin, client, side, trader)
    order = Order(
        id=position.id,
        trader=trader.address,
        signer=trader.address,
        take_profit=True,
        # Any price will do.
        quote_amount=1 if side.is_long else 2**127,
        base_amount=2**127 if side.is_long else 1,
        min_payout=0,
        payout=Payout.TOKEN,
        expiry=UNLIMITED,
    )
    kept = client.submit(way, order, sign(trader, side.domain, order), position)
    assert kept.digest == digest(side.domain, order)
    (listed,) = client.orders()
    quote = client.close(way, position)
    args = (listed.order, listed.signature, quote.request, quote.signature, position)
    logs = margin.do(margin.executor, side, "execute", *args)
    assert margin.closing(logs).payout == quote.expected.payout
    assert list(client.orders()) == []


def test_round__of_all_quotes__leaves_no_position(margin, side, way, trader, client):
    """One after another on the position that each leaves."""
    position = open_position(margin, client, side, trader, leverage=20_000)
    down = worth(margin, PAIR[1], 1_000)
    margin.give(trader, side.held(PAIR), position.collateral)
    margin.give(trader, PAIR[1], 10 * down)
    for quote, event in (
        (lambda p: client.increase(way, p, down, leverage=20_000), "PositionIncreased"),
        (lambda p: client.collateral(way, p, p.collateral // 10), "CollateralChanged"),
        (lambda p: client.collateral(way, p, -(p.collateral // 20)), "CollateralChanged"),
        (lambda p: client.close(way, p, p.collateral // 3), "PositionClosed"),
        (lambda p: client.close(way, p), "PositionClosed"),
    ):
        found = quote(position)
        position = margin.after(send(margin, trader, found), event)
        assert position.collateral == found.expected.collateral
    assert margin.stored(side, position.id) == (1).to_bytes(32)


def test_quotes__of_the_same_second__have_no_interest_too_early(
    margin, side, way, trader, client, one_block
):
    """A position of this very second owes no interest yet: the quote for it says none, and ends
    before some would be due."""
    position = open_position(margin, client, side, trader)
    assert margin.time() == position.last_funding_timestamp
    quote = client.close(way, position, position.collateral // 2)
    assert quote.expected.interest == 0
    assert quote.expiry == margin.time()
    logs = send(margin, trader, quote)
    assert struct_of(type(position), margin.after(logs, "PositionClosed")).nonce == 2
