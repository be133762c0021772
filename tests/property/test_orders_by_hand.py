"""Orders of margin clients that were worked out by hand.

Messages of failed assertions begin with the invariant's id (docs/invariants.md).
"""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from prep.model import WAD, MarketConfig, Rejected, System
from prep.model.checks import all_checks
from prep.model.position import FLAT, Position
from tests.property.world import outcome

DAY, YEAR = 86_400, 365 * 86_400
DEEP = MarketConfig(skew_scale=1_000_000)
"""10,000 base units of skew are a premium of 1 %."""


def centi(hundredths: int) -> int:
    """A WAD number given in ten-thousandths."""
    return hundredths * WAD // 10_000


def clearing(config: MarketConfig = DEEP, **options: Any) -> System:
    """Three markets at a price of one, of which 1 and 2 have these parameters, a vault of a million
    and a registered client."""
    system = System(**options)
    for parameters in (MarketConfig(), config, config):
        system.add_market(parameters)
        system.set_price(len(system.markets) - 1, WAD)
    system.deposit("lp", 1_000_000)
    system.set_margin_client("desk", True)
    return system


def holding(size: int, config: MarketConfig = DEEP, **options: Any) -> System:
    """As `clearing`, with a position of that size on market 1 of account 7."""
    system = clearing(config, **options)
    system.execute_order("desk", 7, 1, size)
    return system


COSTLY = replace(DEEP, opening_fee_rate=WAD // 100, closing_fee_rate=WAD // 50)


def test_order__opens__pays_the_fee_at_the_mean_premium() -> None:
    system = clearing(COSTLY, protocol_fee_rate=WAD // 10)
    result = system.execute_order("desk", 7, 1, 10_000)
    # Premiums of 0 and 1 %, so 1.005; 1 % of 10,050 is 100.5, a tenth of 101 is 10.1: both up.
    assert (result.close_price, result.realised) == (0, 0)
    assert (result.opening_fee, result.protocol_fee, result.settlement) == (101, 11, -101)
    assert result.position == Position(10_000, centi(10_050), 0, 0)
    assert system.margin_position("desk", 7, 1) == result.position
    assert result.liquidity_change == 90
    assert (system.vault.liquidity, system.unpaid_protocol_fees) == (1_000_090, 11), "M2"
    assert system.cash_flow(1).opening_fee == 90
    assert all_checks(system) == []


def test_order__increases__settles_the_old_and_enters_anew() -> None:
    system = holding(10_000, COSTLY, protocol_fee_rate=WAD // 10)
    result = system.execute_order("desk", 7, 1, 10_000)
    # The old closes from 1 % to 0 at 1.005 as it came; both enter from 0 to 2 % at 1.01; the fee is
    # for what was added, from 1 % to 2 % at 1.015: 101.5, up.
    assert (result.close_price, result.price_pnl, result.closing_fee) == (centi(10_050), 0, 0)
    assert (result.opening_fee, result.protocol_fee, result.settlement) == (102, 11, -102)
    assert result.position == Position(20_000, centi(10_100), 0, 0)
    assert all_checks(system) == []


def test_order__decreases_after_a_gain__pays_all_of_it_and_a_fee_on_the_part() -> None:
    system = holding(20_000, COSTLY, protocol_fee_rate=WAD // 10)  # entered at 1.01
    system.set_price(1, 2 * WAD)
    result = system.execute_order("desk", 7, 1, -5_000)
    # All of the old: 20,000 * (2 * 1.01 - 1.01). The fee: 2 % of 5,000 from 2 % to 1.5 %, at 2.035,
    # is 203.5, up; a tenth of it 20.4, up. The rest enters from 0 to 1.5 % at 2 * 1.0075.
    assert (result.close_price, result.price_pnl) == (centi(20_200), 20_200)
    assert (result.closing_fee, result.opening_fee, result.protocol_fee) == (-204, 0, 21)
    assert (result.settlement, result.liquidity_change) == (19_996, -19_996 - 21)
    assert result.position == Position(15_000, centi(20_150), 0, 0)
    flow = system.cash_flow(1)
    assert (flow.price_pnl, flow.closing_fee) == (-20_200, 183), "M2"
    assert all_checks(system) == []


def test_order__flips__pays_both_fees_each_with_its_share() -> None:
    system = holding(15_000, COSTLY, protocol_fee_rate=WAD // 10)
    system.set_price(1, 2 * WAD)
    system.execute_order("desk", 7, 1, -1)  # enters at the new price, a unit less
    system.execute_order("desk", 7, 1, 1)
    result = system.execute_order("desk", 7, 1, -30_000)
    # Closes from 1.5 % to 0 at 2.015: 2 % of 15,000 is 604.5, up, share 60.5, up. Opens from 0 to
    # -1.5 % at 1.985: 1 % of 15,000 is 297.75, up, share 29.8, up.
    assert (result.close_price, result.price_pnl) == (centi(20_150), 0)
    assert (result.closing_fee, result.opening_fee, result.protocol_fee) == (-605, 298, 61 + 30)
    assert (result.size, result.settlement) == (-30_000, -903)
    assert result.position == Position(-15_000, centi(19_850), 0, 0)
    assert all_checks(system) == []


def test_order__closes__leaves_nothing() -> None:
    system = holding(-10_000)  # entered at 0.995
    system.set_price(1, centi(9_000))
    result = system.execute_order("desk", 7, 1, 10_000)
    # From -1 % to 0 at 0.9 * 0.995 = 0.8955: 10,000 * (0.995 - 0.8955).
    assert (result.close_price, result.settlement) == (centi(8_955), 995)
    assert result.position == FLAT == system.margin_position("desk", 7, 1)
    assert system.margin_positions == [{}, {}, {}]
    assert system.markets[1].open_interest == 0, "P1"
    assert system.cash_flow(1).total == -995, "M2"


def test_order__reduce_only_and_larger__is_cut_to_a_close() -> None:
    system = holding(15_000)
    result = system.execute_order("desk", 7, 1, -99_999, True)
    assert (result.size, result.position) == (-15_000, FLAT)
    system.execute_order("desk", 7, 1, 15_000)
    assert system.execute_order("desk", 7, 1, -4_000, True).position.size == 11_000


def test_order__a_day_and_a_year__settles_funding_and_borrowing_fee() -> None:
    config = replace(DEEP, max_funding_velocity=WAD, borrow_rate=WAD, reserve_factor=WAD // 10)
    system = holding(20_000, config)
    system.now += DAY
    # A skew of 2 % turns the rate from 0 to 2 % in a day: 1 % on the average, of a price of 1.
    # The borrowing fee is 10 % a year of 20,200: 5.53 a day, up.
    result = system.execute_order("desk", 7, 1, -20_000 + 1)
    assert (result.price_pnl, result.funding, result.borrowing_fee) == (0, -200, -6)
    assert result.settlement == -206
    day = WAD // 10 * DAY // YEAR
    assert result.position == Position(1, WAD + 5 * 10**11, -WAD // 100, day)
    flow = system.cash_flow(1)
    assert (flow.accrued_funding, flow.borrowing_fee) == (200, 6), "M2"
    assert all_checks(system) == []
    system.now += YEAR - DAY
    result = system.execute_order("desk", 7, 1, -1)
    assert result.borrowing_fee == -1


def test_preview__any_order__is_what_executing_returns_and_changes_nothing() -> None:
    system = holding(10_000, COSTLY, protocol_fee_rate=WAD // 3)
    system.now += 17
    for size, reduce_only in ((3, False), (-4_000, True), (-40_000, False), (50_000, True)):
        before = system.margin_position("desk", 7, 1), system.vault.liquidity, system.balance()
        expected = system.preview_order("desk", 7, 1, size, reduce_only)
        after = system.margin_position("desk", 7, 1), system.vault.liquidity, system.balance()
        assert after == before, "preview changed something"
        assert system.execute_order("desk", 7, 1, size, reduce_only) == expected


# --------------------------------------------------------------------------------- closing it all


def torn() -> System:
    """A gain of 3,000 on market 1, a loss of 2,500 on market 2, and a vault of 1,000."""
    system = clearing(MarketConfig(closing_fee_rate=WAD // 1_000))
    system.execute_order("desk", 7, 1, 10_000)
    system.execute_order("desk", 7, 2, -10_000)
    system.execute_order("desk", 8, 2, 1)
    system.withdraw("lp", 999_000)
    system.set_price(1, centi(13_000))
    system.set_price(2, centi(12_500))
    return system


def test_close_all__two_markets__the_vault_pays_the_difference() -> None:
    system = torn()
    with pytest.raises(Rejected, match=r"^VaultCannotPay\(2987, 1000\)$"):
        system.execute_order("desk", 7, 1, -10_000)  # a fee of 13
    first, second = system.close_all("desk", 7)
    assert (first.market_id, first.settlement) == (1, 3_000 - 13)
    assert (second.market_id, second.settlement) == (2, -2_500 - 13)  # 12.5, up
    assert system.vault.liquidity == 1_000 - 474, "M2"
    assert system.margin_positions[1:] == [{}, {("desk", 8): Position(1, WAD, 0, 0)}]
    assert system.close_all("desk", 7) == []
    assert all_checks(system) == []


def test_close_all__the_difference_is_too_much__is_refused_as_a_whole() -> None:
    system = torn()
    system.set_price(1, centi(14_000))
    before = system.cash_flow()
    with pytest.raises(Rejected, match=r"^VaultCannotPay\(1473, 1000\)$"):
        system.close_all("desk", 7)
    assert system.cash_flow() == before
    assert system.margin_position("desk", 7, 2).size == -10_000


def test_close_all__one_price_is_missing__is_refused_as_a_whole() -> None:
    system = torn()
    system.set_price(2, Rejected("AnswerStale", 5, 6))
    with pytest.raises(Rejected, match=r"^AnswerStale\(5, 6\)$"):
        system.close_all("desk", 7)
    assert system.margin_position("desk", 7, 1).size == 10_000


# ---------------------------------------------------------------------------------------- refusals


def order(
    size: int, reduce_only: bool = False, client: str = "desk", market_id: int = 1
) -> Callable[[System], Any]:
    return lambda s: s.execute_order(client, 7, market_id, size, reduce_only)


def at(price: int, then: Callable[[System], Any]) -> Callable[[System], Any]:
    return lambda s: (s.set_price(1, price), then(s))


def closed(then: Callable[[System], Any]) -> Callable[[System], Any]:
    return lambda s: (s.disable_market(1), then(s))


def unregistered(then: Callable[[System], Any]) -> Callable[[System], Any]:
    return lambda s: (s.set_margin_client("desk", False), then(s))


FLAT_BOOK: dict[str, int] = {"skew_scale": 100_000}
REFUSALS: list[tuple[dict[str, int], Callable[[System], Any], tuple[Any, ...] | None]] = [
    # Account 7 holds 10,000 at one, account 8 holds -30,000.
    ({}, order(0, market_id=9), ("ZeroAmount",)),
    ({}, order(-(10**30) - 1, market_id=9), ("AmountOutOfBounds", 10**30 + 1, 10**30)),
    ({}, order(1, market_id=3), ("UnknownMarket", 3)),
    ({}, order(1, market_id=-1), ("UnknownMarket", -1)),
    ({}, at(0, order(1, True)), ("PriceOutOfBounds", 0, 10**36)),
    ({}, order(1, True), ("NotReducible", 10_000, 1)),
    ({}, order(-1, True, market_id=2), ("NotReducible", 0, -1)),
    ({}, order(1, client="stranger"), ("NotMarginClient", "stranger")),
    ({}, unregistered(closed(order(1))), ("NotMarginClient", "desk")),
    ({}, unregistered(order(-10_001)), ("NotMarginClient", "desk")),
    ({}, unregistered(closed(order(-10_001, True))), None),
    ({}, unregistered(closed(order(-9_999))), None),
    ({}, closed(order(-10_000 - 10**30 + 10_000)), ("MarketClosed", 1)),
    ({}, order(10**30 - 10_000), None),
    ({}, order(10**30 - 9_999), ("AmountOutOfBounds", 10**30 + 1, 10**30)),
    ({"skew_scale": 10**30}, order(10**30 - 9_999), ("AmountOutOfBounds", 10**30 + 1, 10**30)),
    (FLAT_BOOK, order(90_000), None),
    (FLAT_BOOK, order(90_001), ("SkewScaleExceeded", 100_001, 100_000)),
    (FLAT_BOOK, order(-80_000), None),
    (FLAT_BOOK, order(-80_001), ("SkewScaleExceeded", 100_001, 100_000)),
    # Held: 1,000,000. Required: half of what is added, and half of 20,000 before.
    ({"reserve_factor": WAD // 2}, order(1_980_000), None),
    ({"reserve_factor": WAD // 2}, order(1_980_002), ("ReservesExceeded", 1_000_001, 1_000_000)),
    # A flip adds only what is on the other side of nothing.
    ({"reserve_factor": WAD // 2}, order(-1_990_000), None),
    ({"reserve_factor": WAD // 2}, order(-1_990_002), ("ReservesExceeded", 1_000_001, 1_000_000)),
    ({}, at(10**36, order(10**20)), ("AmountOutOfBounds", 10**38 + 10**22, 10**37)),
    (
        {},  # what is left enters at the new price
        lambda s: (order(10**30 - 10_000)(s), at(10**25, order(-1))(s)),
        ("VaultCannotPay", 10**37 - 10**30, 1_000_000),
    ),
    (
        {},
        lambda s: (order(10**30 - 10_000)(s), at(10**25 + 10**7, order(-1))(s)),
        ("AmountOutOfBounds", 10**37 + 10**19 - 10**7 - 1, 10**37),
    ),
    ({"min_position_value": 2_000}, order(-8_001), ("PositionTooSmall", 1_999, 2_000)),
    ({"min_position_value": 2_000}, order(-8_000), None),
    ({"min_position_value": 2_000}, order(-11_999), ("PositionTooSmall", 1_999, 2_000)),
    ({"min_position_value": 2_000}, order(-12_000), None),
    ({"min_position_value": 2_000}, order(-10_000), None),
    (
        {"min_position_value": 2_000},
        lambda s: s.execute_order("desk", 9, 1, 1_999),
        ("PositionTooSmall", 1_999, 2_000),
    ),
    ({"min_position_value": 2_000}, at(WAD // 100, order(1)), None),
    ({"max_position_value": 40_000}, order(30_001), ("PositionTooLarge", 40_001, 40_000)),
    ({"max_position_value": 40_000}, order(-50_000), None),
    ({"max_position_value": 40_000}, order(-50_001), ("PositionTooLarge", 40_001, 40_000)),
    ({"max_position_value": 40_000}, at(5 * WAD, order(-1)), None),
    ({"max_long_oi_value": 40_000}, order(30_000), None),
    ({"max_long_oi_value": 40_000}, order(30_001), ("OpenInterestCapExceeded", 40_001, 40_000)),
    ({"max_long_oi_value": 40_000}, at(5 * WAD, order(-60_000)), None),
    ({"max_short_oi_value": 40_000}, order(-20_000), None),
    ({"max_short_oi_value": 40_000}, order(-20_001), ("OpenInterestCapExceeded", 40_001, 40_000)),
    ({"max_net_oi_value": 30_000}, order(50_000), None),
    ({"max_net_oi_value": 30_000}, order(50_001), ("NetOpenInterestCapExceeded", 30_001, 30_000)),
    ({"max_net_oi_value": 30_000}, at(9 * WAD, order(40_000)), None),
    (
        {"max_net_oi_value": 30_000},
        at(2 * WAD, order(40_001)),
        ("NetOpenInterestCapExceeded", 40_002, 30_000),
    ),
    ({}, at(101 * WAD, order(-10_000)), None),
    ({}, at(101 * WAD + 10**14, order(-10_000)), ("VaultCannotPay", 1_000_001, 1_000_000)),
    ({}, at(102 * WAD, order(1)), ("VaultCannotPay", 1_010_000, 1_000_000)),
]


@pytest.mark.parametrize(("config", "action", "error"), REFUSALS)
def test_order__at_and_beyond_its_bound__is_refused_beyond(
    config: dict[str, Any], action: Callable[[System], Any], error: tuple[Any, ...] | None
) -> None:
    # The positions are there before the bounds are.
    system = holding(10_000, MarketConfig(skew_scale=10**36 if "skew_scale" in config else 0))
    system.execute_order("desk", 8, 1, -30_000)
    system.set_market(1, MarketConfig(**config))
    result = outcome(action, system)
    if error:
        assert result == Rejected(*error)
    else:
        assert not isinstance(result, Rejected), result
    assert all_checks(system) == []


def test_set_margin_client__twice__is_as_said_last() -> None:
    system = clearing()
    for registered in (False, False, True, True):
        assert system.set_margin_client("desk", registered).registered == registered
        assert system.is_margin_client("desk") == registered
    assert not system.is_margin_client("stranger")


def test_order__reserve_for_another_market__counts_the_funding_of_that_one() -> None:
    config = replace(DEEP, max_funding_velocity=WAD, reserve_factor=WAD // 2)
    system = clearing(config)
    system.execute_order("desk", 8, 2, 20_000)
    system.now += DAY
    # Half of 20,200, no gain with the impact of closing, and 1 % of funding on 20,000 comes in.
    assert system.liquidity_reserves_to_hold() == 10_100 - 200
    system.withdraw("lp", 990_000)
    with pytest.raises(Rejected, match=r"^ReservesExceeded\(10001, 10000\)$"):
        system.execute_order("desk", 7, 1, 202)
    system.execute_order("desk", 7, 1, 200)


def test_order__market_of_isolated_positions__needs_its_depth() -> None:
    system = System()
    system.add_market(MarketConfig(skew_scale=1_200))
    system.set_price(0, WAD)
    system.deposit("lp", 1_000)
    system.set_margin_client("desk", True)
    with pytest.raises(Rejected, match=r"^SkewScaleExceeded\(11, 10\)$"):
        system.execute_order("desk", 7, 0, 11)
    system.execute_order("desk", 7, 0, 10)
    system.deposit_collateral("a", 10)
    with pytest.raises(Rejected, match=r"^SkewScaleExceeded\(11, 10\)$"):
        system.open_position_with_token("a", 1, True)


def test_add_market__one_too_many__is_refused() -> None:
    system = System()
    for _ in range(64):
        system.add_market(MarketConfig())
    with pytest.raises(Rejected, match=r"^TooManyMarkets\(64\)$"):
        system.add_market(MarketConfig())
    assert len(system.margin_positions) == len(system.markets) == 64
