"""A market whose feed has died and that was settled. Worked out by hand.

Messages of failed assertions begin with the invariant's id (docs/invariants.md).
"""

from dataclasses import replace

import pytest

from prep.model import UNLIMITED, WAD, MarketConfig, Rejected, System
from prep.model.checks import all_checks
from tests.property.test_orders_by_hand import DAY, DEEP, YEAR, centi, holding

CHARGED = replace(
    DEEP,
    max_funding_velocity=WAD,
    borrow_rate=WAD,
    reserve_factor=WAD // 10,
    closing_fee_rate=WAD // 100,
)


def settled() -> System:
    """A long of 20,000 that entered at 1.01 and a short of 5,000 (1.0175), a day old, on a market
    that has been settled at 1.5."""
    system = holding(20_000, CHARGED)
    system.set_price(1, Rejected("AnswerStale", 1, 2))
    system.set_price(1, WAD)
    system.execute_order("desk", 8, 1, -5_000)
    system.now += DAY
    system.set_price(1, Rejected("AnswerStale", 1, 2))
    system.settle_market(1, centi(15_000))
    return system


def test_settle__funding_and_fee_until_then__are_owed_at_that_price() -> None:
    system = settled()
    # A skew of 1.5 % turns the rate to 1.5 % in a day: 0.75 % on the average, of a price of 1.5.
    market = system.markets[1]
    assert (market.funding_rate, market.funding_index) == (0, -centi(75) * 3 // 2)
    assert market.borrow_index == WAD // 10 * DAY // YEAR
    held = market.open_interest, market.sum_squares, market.sum_signed_squares
    assert held == (25_000, 425_000_000, 375_000_000), "P1"
    # seqPnl: 15,000 * 1.5 - 20,200 + 5,087, no impact; funding: 15,000 * -0.01125.
    it = system.unrealised(1)
    assert (it.price_pnl, it.seq_pnl) == (7_387, 7_387)
    assert (it.funding, it.closing_fee) == (-168, -375)
    assert all_checks(system) == []


def test_settle__afterwards__everybody_closes_at_the_price_whatever_the_oracle_says() -> None:
    system = settled()
    before = system.unrealised(1)
    system.now += 99 * DAY
    system.set_price(1, 7 * WAD)
    assert system.unrealised(1) == before, "nothing accrues any more"
    half = system.execute_order("desk", 7, 1, -10_000)
    assert (half.close_price, half.price_pnl, half.funding) == (centi(15_000), 9_800, -225)
    assert (half.borrowing_fee, half.closing_fee) == (-6, -150)  # 5.53, up; 1 % of 15,000
    assert half.position.entry_price == centi(15_000)
    rest = system.execute_order("desk", 7, 1, -10_000)
    assert (rest.price_pnl, rest.funding, rest.borrowing_fee, rest.closing_fee) == (0, 0, 0, -150)
    system.now += 5 * YEAR
    (short,) = system.close_all("desk", 8)
    assert (short.price_pnl, short.funding) == (-2_412, 56)  # 5,000 * (1.0175 - 1.5) and 0.01125
    assert short.borrowing_fee == -2
    assert system.total_debt() == 0
    assert all_checks(system) == []


def test_settle__afterwards__nothing_opens_or_changes_for_ever() -> None:
    system = settled()
    with pytest.raises(Rejected, match=r"^MarketClosed\(1\)$"):
        system.execute_order("desk", 7, 1, 1)
    with pytest.raises(Rejected, match=r"^MarketClosed\(1\)$"):
        system.execute_order("desk", 7, 1, -20_001)
    for again in (
        lambda: system.settle_market(1, WAD),
        lambda: system.set_market(1, MarketConfig()),
    ):
        with pytest.raises(Rejected, match=r"^MarketSettledAlready\(1\)$"):
            again()
    system.disable_market(1)
    assert system.price(1) == centi(15_000)


@pytest.mark.parametrize("price", [0, 10**36 + 1])
def test_settle__price_out_of_bounds__is_refused(price: int) -> None:
    system = holding(1)
    with pytest.raises(Rejected, match=f"^PriceOutOfBounds\\({price}, {10**36}\\)$"):
        system.settle_market(1, price)
    with pytest.raises(Rejected, match=r"^UnknownMarket\(3\)$"):
        system.settle_market(3, WAD)
    assert system.markets[1].settled_price is None


def test_settle__market_of_isolated_positions__they_close_and_are_liquidated_at_the_price() -> None:
    system = System()
    system.add_market(replace(DEEP, skew_scale=10**8))
    system.set_price(0, WAD)
    system.deposit("lp", 1_000_000)
    for trader, collateral in (("a", 2_000), ("b", 8_000)):
        system.deposit_collateral(trader, collateral)
        system.open_position_with_token(trader, 20_000, True)
    system.settle_market(
        0, centi(9_000)
    )  # both have lost 2,002 or 2,006: entered at 1.0001, 1.0003
    system.set_price(0, None)
    assert system.leverage_and_liquidability(1) == (UNLIMITED, True)
    assert system.liquidate_position("keeper", 1).decreases[0].price_pnl == -2_002
    assert system.close_position("b").collateral == 8_000 - 2_006
    with pytest.raises(Rejected, match=r"^MarketClosed\(0\)$"):
        system.open_position_with_token("b", 20_000, True)
    assert all_checks(system) == []
