"""Orders.marginEquity: what a position is worth to the account that holds it."""

import pytest

from prep.model import Rejected
from tests.expected import execution_price, fee, wmul
from tests.margin import ACCOUNT, ISOLATED, KINDS, MAX_PRICE, PLAIN, SIX, every_market
from tests.suite import WAD
from tests.unit.books import both_sides, sign

DAY = 86_400
SIGNATURE = "marginEquity(address,uint256,uint256)"
with_skew = pytest.mark.parametrize("market", [m for m in range(4) if KINDS[m].config["skewScale"]])


def look(desk, market: int, account: int = ACCOUNT, client: str | None = None) -> tuple:
    """Size, value, at the fill price, at the oracle price; the model agrees."""
    who = client or desk.client
    (seen,) = desk.node.read((desk.protocol, SIGNATURE, who, account, market))
    assert seen == tuple(desk.model.margin_equity(who, account, market))
    return seen


@pytest.fixture
def crowded(desk):
    """Positions on both sides, a day of funding and borrowing, and a price that has moved."""

    def act(market: int, is_long: bool, per_mille: int) -> None:
        s = sign(is_long)
        desk.order(market, -s * desk.units(market, 12_000), account=1)
        desk.order(market, s * desk.units(market, 40_000))
        desk.wait(DAY)
        desk.move_price(market, s * per_mille)

    return act


@every_market
@both_sides
@pytest.mark.parametrize("per_mille", [60, 0, -60])
def test_margin_equity__open__what_closing_all_then_settles(
    desk, crowded, market, is_long, per_mille
):
    crowded(market, is_long, per_mille)
    held = desk.position(market)
    size, value, at_fill, at_oracle = look(desk, market)
    assert (size, value) == (held.size, abs(held.size) * desk.price(market) // WAD)
    done = desk.order(market, -held.size)
    assert at_fill == done.settlement
    assert done.closing_fee < 0 or not KINDS[market].config["closingFeeRate"]
    bare = wmul(held.size, desk.price(market) - held.entry_price)
    assert at_oracle == done.settlement - done.price_pnl + bare


@with_skew
@both_sides
def test_margin_equity__with_the_skew_and_against_it__either_price_can_be_the_lower(
    desk, crowded, market, is_long
):
    """Who makes the skew leaves at the premium that he has paid, who is against it at one that he
    has to pay. The closing fee is on the fill in both numbers."""
    crowded(market, is_long, 0)
    price, scale = desk.price(market), KINDS[market].config["skewScale"]
    for account, lower_is_fill in ((ACCOUNT, False), (1, True)):
        size, _, at_fill, at_oracle = look(desk, market, account)
        skew = desk.model.markets[market].skew
        fill = execution_price(price, scale, skew, skew - size)
        held = desk.position(market, account)
        gap = wmul(size, fill - held.entry_price) - wmul(size, price - held.entry_price)
        assert at_fill - at_oracle == gap
        assert (gap < 0) == lower_is_fill
        due = fee(KINDS[market].config["closingFeeRate"], size, fill)
        quote = desk.model.quote(market)
        funding = wmul(size, quote.funding_index - held.funding_index)
        owed = -(-held.notional * (quote.borrow_index - held.borrow_index) // WAD)
        assert at_oracle == wmul(size, price - held.entry_price) + funding - owed - due


@both_sides
def test_margin_equity__no_skew__both_prices_are_one(desk, crowded, is_long):
    crowded(PLAIN, is_long, 7)
    _, _, at_fill, at_oracle = look(desk, PLAIN)
    assert at_fill == at_oracle != 0


@every_market
@both_sides
def test_margin_equity__settled_market__at_the_last_price(desk, crowded, market, is_long):
    crowded(market, is_long, 0)
    desk.wait(3 * DAY)
    desk.settle(market, KINDS[market].price * 9 // 10)
    desk.wait(DAY)
    size, value, at_fill, at_oracle = look(desk, market)
    assert at_fill == at_oracle
    assert value == abs(size) * (KINDS[market].price * 9 // 10) // WAD
    assert desk.order(market, -size, reduce_only=True).settlement == at_fill


def test_margin_equity__flat__zero_without_a_price_or_a_market(desk, other_client):
    """Another account, another client, closed again, a market that there is not."""
    desk.order(SIX, desk.units(SIX, 40_000))
    desk.order(PLAIN, desk.units(PLAIN, 40_000))
    desk.order(PLAIN, -desk.units(PLAIN, 40_000))
    desk.set_price(SIX, 0)
    desk.set_price(PLAIN, 0)
    desk.set_price(ISOLATED, 0)
    nothing = 0, 0, 0, 0
    assert look(desk, SIX, account=ACCOUNT + 1) == nothing
    assert look(desk, SIX, client=other_client.address) == nothing
    assert [look(desk, market) for market in (ISOLATED, PLAIN, 4, 2**255)] == 4 * [nothing]


def test_margin_equity__no_usable_price__reverts_as_the_oracle_does(desk, reverts):
    protocol = desk.suite.protocol
    for market in (ISOLATED, SIX):
        desk.order(market, desk.units(market, 40_000))
    for market in (ISOLATED, SIX):
        desk.set_price(market, 0)
        with pytest.raises(Rejected):
            desk.model.margin_equity(desk.client, ACCOUNT, market)
    with reverts(protocol.PriceOutOfBounds, price=0, max=MAX_PRICE):
        protocol.marginEquity(desk.client, ACCOUNT, SIX)
    with reverts(desk.suite.oracle.AnswerNotPositive, answer=0):
        protocol.marginEquity(desk.client, ACCOUNT, ISOLATED)


@every_market
def test_margin_equity__smallest_position__rounded_against_the_account(desk, market):
    """One base unit of each side, at a price that nothing divides evenly."""
    desk.configure(market, minPositionValue=0)
    desk.set_price(market, desk.price(market) + 10**10)
    for account, size in ((1, 1), (2, -1)):
        desk.order(market, size, account=account)
    desk.wait(DAY)
    for account, size in ((1, 1), (2, -1)):
        seen = look(desk, market, account)
        assert seen[:2] == (size, desk.price(market) // WAD)
        assert desk.model.preview_order(desk.client, account, market, -size).settlement == seen[2]
