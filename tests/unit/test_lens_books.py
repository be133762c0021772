"""ProtocolLens.accounting and marketBooks: cash flow and balances of each market and of all."""

import pytest

from tests.agreement import as_components
from tests.margin import ISOLATED, LIQUIDITY, MAX_PRICE, PLAIN, SIX, every_market
from tests.suite import WAD
from tests.unit.books import both_sides, sign

DAY = 86_400
KINDS_OF_BOOKS = ("cash_flow", "balance", "withdrawal_balance")


def plain(balance) -> tuple:
    """A model's `Balance` as the contract's."""
    return (*as_components(balance), balance.total)


def check_books(desk) -> None:
    """Everything that the lens says, against the model."""
    lens, model = desk.suite.lens.address, desk.model
    ids = range(len(model.markets))
    *markets, (total, withdrawable) = desk.node.read(
        *((lens, "marketBooks(uint256)", i) for i in ids), (lens, "accounting()")
    )
    for market, books in zip([*ids, None], [*markets, total], strict=True):
        expected = tuple(plain(getattr(model, kind)(market)) for kind in KINDS_OF_BOOKS)
        assert books == expected, market
    assert withdrawable == model.total_withdrawal_balance()


def test_accounting__nothing_happened__the_deposits(desk):
    check_books(desk)
    total, withdrawable = desk.suite.lens.accounting()
    assert withdrawable == LIQUIDITY
    assert set(sum((tuple(b) for b in total), ())) == {0}


@both_sides
def test_accounting__sequence_over_all_markets__as_the_model(desk, trader, is_long):
    s = sign(is_long)
    for market in range(4):
        desk.order(market, s * desk.units(market, 50_000 + 10_000 * market))
        desk.order(market, -s * desk.units(market, 21_000), account=1)
        check_books(desk)
    desk.open_isolated(trader, 10_000 * WAD, 60_000 * WAD, is_long)
    for market, per_mille in [(ISOLATED, 31), (PLAIN, -70), (SIX, 55), (3, -12)]:
        desk.wait(DAY // 2)
        desk.move_price(market, s * per_mille)
        check_books(desk)
        desk.order(market, -s * desk.units(market, 90_000))
        check_books(desk)
    desk.move_price(ISOLATED, -s * 250)
    desk.suite.protocol.closePosition(sender=trader)
    desk.model.close_position(trader.address)
    assert desk.model.cash_flow().bad_debt < 0
    check_books(desk)
    desk.close_all(account=1)
    desk.wait(3 * DAY)
    check_books(desk)
    desk.close_all()
    check_books(desk)
    (cash_flow, balance, withheld), withdrawable = desk.suite.lens.accounting()
    assert cash_flow == balance == withheld
    assert withdrawable == desk.suite.protocol.liquidity()


@every_market
@both_sides
@pytest.mark.parametrize("gain", [True, False], ids=["traders-gain", "traders-lose"])
def test_market_books__open_position__only_what_traders_have_coming_is_withheld(
    desk, market, is_long, gain
):
    s = sign(is_long)
    desk.order(market, s * desk.units(market, 50_000))
    desk.wait(DAY)
    desk.move_price(market, s * (200 if gain else -200))
    check_books(desk)
    books = desk.suite.lens.marketBooks(market)
    view = desk.suite.lens.market(market)
    assert (view.pricePnl > 0) == gain
    flow, withheld = books.cashFlow, books.withdrawalBalance
    assert books.balance.pricePnl == flow.pricePnl - view.pricePnl
    assert books.balance.accruedFunding == flow.accruedFunding - view.funding
    assert books.balance.borrowingFee == flow.borrowingFee - view.borrowingFee
    assert books.balance.closingFee == flow.closingFee - view.closingFee
    assert withheld.pricePnl == flow.pricePnl - (view.pricePnl if gain else 0)
    assert view.funding <= 0
    assert withheld.accruedFunding == flow.accruedFunding
    assert (withheld.borrowingFee, withheld.closingFee) == (flow.borrowingFee, flow.closingFee)


@both_sides
def test_accounting__gain_in_one_market_and_loss_in_another__offset_before_the_maximum(
    desk, is_long
):
    """Each market's own books keep the gain back, those of all only the difference."""
    s = sign(is_long)
    desk.configure(SIX, skewScale=0, openingFeeRate=0, closingFeeRate=0, borrowRate=0)
    desk.configure(PLAIN, borrowRate=0)
    desk.order(PLAIN, s * 10**9)  # 100,000 dollars
    desk.order(SIX, s * 40 * 10**6)  # 80,000 dollars
    desk.move_price(PLAIN, s * 100)
    desk.move_price(SIX, -s * 100)
    check_books(desk)
    lens = desk.suite.lens
    assert lens.marketBooks(PLAIN).withdrawalBalance.total == -10_000 * WAD
    assert lens.marketBooks(SIX).withdrawalBalance.total == 0
    (*_, withheld), withdrawable = lens.accounting()
    assert withheld[-1] == -2_000 * WAD
    assert withdrawable == LIQUIDITY - 2_000 * WAD
    desk.move_price(SIX, -s * 200)
    check_books(desk)
    assert lens.accounting()[1] == LIQUIDITY


@both_sides
def test_accounting__more_owed_than_there_is__nothing_withdrawable(desk, is_long):
    s = sign(is_long)
    desk.configure(PLAIN, borrowRate=0)
    desk.order(PLAIN, s * 500 * 10**8)
    for per_mille, left in [(199, 5_000 * WAD), (200, 0), (201, 0)]:
        desk.move_price(PLAIN, s * per_mille)
        check_books(desk)
        assert desk.suite.lens.accounting()[1] == left


def test_accounting__market_without_price__asked_only_if_it_has_positions(desk, reverts):
    desk.set_price(SIX, 0)
    check_books(desk)
    desk.move_price(SIX, 0)
    size = desk.units(SIX, 1_000)
    desk.order(SIX, size)
    desk.set_price(SIX, 0)
    lens, error = desk.suite.lens, desk.suite.protocol.PriceOutOfBounds
    for view in (lens.accounting, lambda: lens.marketBooks(SIX)):
        with reverts(error, price=0, max=MAX_PRICE):
            view()
    lens.marketBooks(PLAIN)
