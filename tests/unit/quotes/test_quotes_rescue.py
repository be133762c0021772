"""A position within its threshold gets no signature that only puts its liquidation off."""

import pytest

from prep.margin import read
from prep.margin.errors import Refusal
from prep.quotes import swaps
from prep.quotes.problems import Problem
from prep.quotes.wire import Position, Side
from prep.quotes.wishes import CloseWish, CollateralWish, IncreaseWish
from tests.unit.quotes import fake
from tests.unit.quotes.fake import BASE, LONG, POSITION, SHORT, TRADER, WAD

QUOTER_INPUT = (fake.QUOTER, swaps.EXACT_INPUT)

LOSING = POSITION._replace(principal=1_950 * WAD)
"""Worth 2,000 at the check price: within a threshold of 5 %, which begins at 1,900."""
DUE = LOSING.principal * 101 // 31_536_000
"""Of interest at the highest, 100 % a year, until the next block."""


def adding(amount, position=LOSING):
    return CollateralWish(side=Side.LONG, position=Position.of(position), amount=amount)


def growing(down_payment, position=LOSING):
    return IncreaseWish(side=Side.LONG, position=Position.of(position), down_payment=down_payment)


@pytest.fixture
def losing(table):
    """`losing(price)`: such a position, and the exchange's price."""

    def make(price=2_000, position=LOSING):
        stored = read.position_hash(position)
        table.answers[LONG, read.POSITION_HASH] = lambda _: stored

        def sale(path, amount):
            bought = amount * price if path[:20] == bytes.fromhex(BASE[2:]) else amount // price
            return bought, [2**96], [1], 1

        table.answers[QUOTER_INPUT] = sale

    return make


def refusal_of(call):
    with pytest.raises(Problem) as raised:
        call()
    return raised.value.code, raised.value.values


def test_change__within_the_threshold_and_still_there__is_not_signed(create, losing, table):
    """By a unit of collateral, again and again, he could dodge every liquidation."""
    losing()
    quotes = create()
    owed = LOSING.principal + DUE
    value = 2_000 * (WAD + 1)
    values = {"equity": value - owed, "minMargin": value // 20}
    assert refusal_of(lambda: quotes.collateral(adding(1))) == ("StillLiquidatable", values)
    assert refusal_of(lambda: quotes.collateral(adding(-1)))[0] == "StillLiquidatable"
    assert refusal_of(lambda: quotes.increase(growing(WAD)))[0] == "StillLiquidatable"
    part = closing(LOSING, amount=WAD // 10)
    assert refusal_of(lambda: quotes.close(part))[0] == "StillLiquidatable"
    assert not [call for call, _ in table.calls if call.to == LONG and call.sender == TRADER]


def test_change__lifts_it_out_of_the_threshold__is_signed(create, losing, table):
    """To the unit: `least` is the collateral above which it is not within."""
    losing()
    owed = LOSING.principal + DUE
    collateral = owed * 20 // (19 * 2_000)
    while 2_000 * collateral - owed <= -(-2_000 * collateral // 20):
        collateral += 1
    missing = collateral - LOSING.collateral
    quotes = create()
    assert refusal_of(lambda: quotes.collateral(adding(missing - 1)))[0] == "StillLiquidatable"
    assert quotes.collateral(adding(missing)).expected.collateral == collateral
    assert quotes.increase(growing(200 * WAD)).expected.borrowed == 0
    assert quotes.close(closing(LOSING)).expected.collateral == 0


def test_change__within_at_what_the_exchange_gives__is_not_signed(create, losing):
    """A liquidation is judged by that, as far as the check price allows it: here down to 1,940."""
    near = POSITION._replace(principal=1_850 * WAD)
    for price, code in ((1_945, "StillLiquidatable"), (1_948, None), (1_939, None)):
        losing(price, near)
        quotes = create()
        if code:
            assert refusal_of(lambda q=quotes: q.collateral(adding(1, near)))[0] == code
        else:
            assert quotes.collateral(adding(1, near)).expected.payment == 1


def test_change__no_price_and_no_pool__is_signed(create, losing, table):
    """Nobody could liquidate it now."""
    losing()
    table.answers[QUOTER_INPUT] = Refusal("NoReason", {})
    table.answers[fake.ORACLE, read.PRICE] = Refusal(
        "AnswerStale", {"updatedAt": 1, "heartbeat": 2}
    )
    assert create().collateral(adding(1)).expected.payment == 1


def test_change__of_a_short_within_the_threshold__is_not_signed(create, table):
    """Owes 1 at 2,000, and holds 2,099."""
    short = POSITION._replace(principal=WAD, collateral=2_099 * WAD)
    table.answers[SHORT, read.POSITION_HASH] = lambda _: read.position_hash(short)
    wish = {"side": Side.SHORT, "position": Position.of(short)}
    table.answers[fake.QUOTER, swaps.EXACT_OUTPUT] = Refusal("NoReason", {})
    quotes = create()
    refused = refusal_of(lambda: quotes.collateral(CollateralWish(amount=1, **wish)))
    assert refused[0] == "StillLiquidatable"
    assert quotes.collateral(CollateralWish(amount=2 * WAD, **wish)).expected.payment == 2 * WAD


def closing(position, **changes):
    return CloseWish(side=Side.LONG, position=Position.of(position), **changes)
