"""Deleverage worked out by hand.

Messages of failed assertions begin with the invariant's id (docs/invariants.md).
"""

from collections.abc import Callable
from typing import Any

import pytest

from prep.model import UNLIMITED, WAD, MarketConfig, Rejected, System
from prep.model.checks import all_checks
from tests.property.test_orders_by_hand import centi, clearing
from tests.property.world import outcome

BOUNDED = MarketConfig(max_long_oi_value=14_000, min_position_value=1_000)


def crowded(config: MarketConfig = BOUNDED, liquidity: int = 100_000) -> System:
    """Longs of 10,000 on market 1 of account 7, of 4,000 of account 8, all at one; on market 0 an
    isolated long of 10,000; and a vault with so much, target ratio 2."""
    system = clearing(config)
    system.set_market(0, config)
    system.withdraw("lp", 1_000_000 - liquidity)
    system.execute_order("desk", 7, 1, 10_000)
    system.execute_order("desk", 8, 1, 4_000)
    system.deposit_collateral("a", 20_000)
    system.open_position_with_token("a", 10_000, True)
    system.set_target_collateralization_ratio(2 * WAD)
    return system


def priced(system: System, *prices: int) -> System:
    """With market 0, then market 1 at these prices in ten-thousandths."""
    for market_id, price in enumerate(prices):
        system.set_price(market_id, centi(price))
    return system


# -------------------------------------------------------------------------------- the ratio is low


def test_deleverage__ratio_below_target__closes_as_much_as_is_asked() -> None:
    system = priced(crowded(liquidity=9_000), 10_000, 15_000)
    # 14,000 * 0.5 are owed: 9,000 / 7,000 = 1.285714...; all of account 7 goes.
    result = system.deleverage_account("desk", 7, 1, 10_001)
    assert (result.size, result.settlement) == (10_000, 5_000)
    assert (result.ratio_before, result.ratio_after) == (9_000 * WAD // 7_000, 2 * WAD), "R1"
    assert result.ratio_after == system.collateralization_ratio(), "R1"
    assert result.closed.size == -10_000
    assert system.margin_position("desk", 7, 1).size == 0
    assert system.vault.liquidity == 4_000, "M2"
    assert all_checks(system) == []


def test_deleverage__ratio_below_target_isolated__credits_collateral() -> None:
    system = priced(crowded(liquidity=9_000), 16_000, 10_000)
    result = system.deleverage_trader("a", 4_000)
    assert (result.size, result.settlement) == (4_000, 2_400)
    assert (result.ratio_before, result.ratio_after) == (15 * WAD // 10, 6_600 * WAD // 3_600)
    assert system.position("a").collateral == 22_400
    assert system.position("a").size == 6_000
    assert system.deleverage_trader("a", UNLIMITED).ratio_after == UNLIMITED
    assert system.position("a").id == 0
    assert all_checks(system) == []


def test_deleverage__part_of_a_margin_position__all_of_its_gain_is_settled() -> None:
    system = priced(crowded(liquidity=9_000), 10_000, 15_000)
    result = system.deleverage_account("desk", 7, 1, 1)
    assert (result.size, result.settlement) == (1, 5_000)
    assert system.margin_position("desk", 7, 1).size == 9_999
    assert system.margin_position("desk", 7, 1).entry_price == centi(15_000)


def test_deleverage__loser_while_the_ratio_is_low__is_left_alone() -> None:
    system = priced(crowded(liquidity=9_000), 9_000, 16_000)  # a owes 1,000, the rest has 8,400
    assert system.total_debt() == 7_400
    with pytest.raises(Rejected, match=r"^SettlementNotPositive\(-1000\)$"):
        system.deleverage_trader("a", 10_000)
    priced(system, 10_000)
    with pytest.raises(Rejected, match=r"^SettlementNotPositive\(0\)$"):
        system.deleverage_trader("a", 10_000)
    assert system.position("a").size == 10_000


def test_deleverage__ratio_below_one__is_right_as_long_as_the_debt_falls() -> None:
    system = priced(crowded(liquidity=6_000), 15_000, 15_000)  # owed: 5,000, 5,000 and 2,000
    result = system.deleverage_account("desk", 8, 1, 4_000)
    assert (result.ratio_before, result.ratio_after) == (WAD // 2, 4 * WAD // 10), "R1"


def test_deleverage__closing_fee__is_taken_once_and_shared() -> None:
    system = crowded(MarketConfig(closing_fee_rate=WAD // 10), liquidity=9_000)
    system.set_protocol_fee_rate(WAD // 2)
    system.execute_order("desk", 9, 1, 1_000)
    priced(system, 10_000, 15_700)  # owed: 5,700, 2,280 and 570
    result = system.deleverage_account("desk", 9, 1, 1_000)
    # 570 less a fee of 157, of which the protocol gets 78.5, up; the vault pays 413 + 79.
    assert (result.settlement, result.closed.protocol_fee) == (413, 79)
    assert result.ratio_before == 9_000 * WAD // 8_550
    assert result.ratio_after == 8_508 * WAD // 7_980 == system.collateralization_ratio(), "R1"


def test_deleverage__ratio_of_one_and_rounding__a_fallen_debt_does_not_excuse_a_worse_ratio() -> (
    None
):
    system = clearing(MarketConfig())
    for account, size, price in ((7, -2, 27_500), (8, 1, 22_500), (9, 2, 15_000)):
        system.set_price(1, centi(price))
        system.execute_order("desk", account, 1, size)
    system.set_price(1, centi(25_000))
    # Costs of -5, 2 and 3 (5.5 and 2.25 toward zero) make a debt of 1 * 2.5 - 0 = 2.
    system.withdraw("lp", 1_000_000 - 2)
    system.set_target_collateralization_ratio(2 * WAD)
    assert system.collateralization_ratio() == WAD
    # Account 9 gains 2 * (2.5 - 1.5) = 2; the rest has -2 - (-5 + 2) = 1 coming: 0 / 1.
    with pytest.raises(Rejected) as caught:
        system.deleverage_account("desk", 9, 1, 2)
    assert caught.value == Rejected("RatioWorsened", WAD, 0, 2 * WAD), "R1"


def test_deleverage__vault_cannot_pay_a_margin_position__is_refused_before_all_else() -> None:
    system = priced(crowded(liquidity=3_000), 6_000, 14_000)  # 5,600 are owed, a owes 4,000
    system.set_target_collateralization_ratio(3 * WAD)
    with pytest.raises(Rejected, match=r"^VaultCannotPay\(4000, 3000\)$"):
        system.deleverage_account("desk", 7, 1, UNLIMITED)


def test_deleverage__vault_cannot_pay_the_protocol__is_refused_before_all_else() -> None:
    system = clearing(MarketConfig(closing_fee_rate=WAD // 11), protocol_fee_rate=WAD // 2)
    system.execute_order("desk", 7, 1, 1_000)
    system.withdraw("lp", 1_000_000 - 49)
    system.set_price(1, centi(11_000))
    system.set_target_collateralization_ratio(WAD)
    # A gain of 100 and a fee of 99.99, up: nothing for the client, half of it for the protocol.
    with pytest.raises(Rejected, match=r"^VaultCannotPay\(50, 49\)$"):
        system.deleverage_account("desk", 7, 1, UNLIMITED)
    system.deposit("lp", 1)
    with pytest.raises(Rejected, match=r"^SettlementNotPositive\(0\)$"):
        system.deleverage_account("desk", 7, 1, UNLIMITED)


def test_deleverage__ratio_at_its_target__is_not_low() -> None:
    system = priced(crowded(liquidity=10_000), 10_000, 14_000)
    system.execute_order("desk", 8, 1, -4_000)
    system.set_target_collateralization_ratio(2 * WAD + 10**17)
    assert system.collateralization_ratio() == 2 * WAD + 10**17
    with pytest.raises(Rejected, match=r"^NothingToDeleverage\(2100000000000000000, 21"):
        system.deleverage_account("desk", 7, 1, 1)
    system.set_target_collateralization_ratio(2 * WAD + 10**17 + 1)
    assert system.deleverage_account("desk", 7, 1, 1).settlement == 4_000


def test_deleverage__vault_cannot_pay_the_whole__a_part_of_an_isolated_one_can_be() -> None:
    system = priced(crowded(liquidity=1_000), 16_000, 10_000)
    with pytest.raises(Rejected, match=r"^VaultCannotPay\(6000, 1000\)$"):
        system.deleverage_trader("a", UNLIMITED)
    result = system.deleverage_trader("a", 1_000)
    assert (result.settlement, system.vault.liquidity) == (600, 400)
    assert (result.ratio_before, result.ratio_after) == (WAD // 6, 400 * WAD // 5_400), "R1"


# ---------------------------------------------------------------------------- the side is too large


def test_deleverage__side_above_its_cap__closes_the_excess() -> None:
    system = priced(crowded(), 10_000, 11_000)  # 14,000 * 1.1 = 15,400 on the long side
    # 12,728 * 1.1 = 14,000.8, 12,727 * 1.1 = 13,999.7: floored, 12,728 is at the cap.
    result = system.deleverage_account("desk", 8, 1, UNLIMITED)
    assert (result.size, result.settlement) == (1_272, 400)
    assert system.markets[1].long_oi * 11 // 10 == 14_000, "R1"
    with pytest.raises(Rejected, match=r"^NothingToDeleverage"):
        system.deleverage_account("desk", 8, 1, UNLIMITED)
    assert all_checks(system) == []


def test_deleverage__loser_on_a_side_above_its_cap__is_closed_too() -> None:
    config = MarketConfig(max_long_oi_value=8_000)
    system = crowded(MarketConfig())
    system.set_market(0, config)
    priced(system, 9_000)
    result = system.deleverage_trader("a", UNLIMITED)
    # 8,889 * 0.9 = 8,000.1: 1,111 go, each of which has lost a tenth.
    assert (result.size, result.settlement) == (1_111, -111)
    assert (result.ratio_before, result.ratio_after) == (UNLIMITED, UNLIMITED)
    assert system.position("a").collateral == 19_889


@pytest.mark.parametrize("allowed", [4_000, UNLIMITED, 3_999])
def test_deleverage__rest_would_be_too_small__the_whole_goes_if_so_much_is_allowed(
    allowed: int,
) -> None:
    system = crowded(MarketConfig())
    system.set_market(1, MarketConfig(max_long_oi_value=10_700, min_position_value=1_000))
    result = outcome(system.deleverage_account, "desk", 8, 1, allowed)
    if allowed < 4_000:  # 3,300 are too many, 700 would be left
        assert result == Rejected("PositionTooSmall", 700, 1_000)
    else:
        assert (result.size, system.margin_position("desk", 8, 1).size) == (4_000, 0)


def test_deleverage__ratio_low_and_side_too_large__losers_go_up_to_the_excess() -> None:
    system = crowded(MarketConfig(), liquidity=1_000)
    priced(system, 15_000)
    system.set_market(1, MarketConfig(max_long_oi_value=10_000, min_position_value=1_000))
    priced(system, 15_000, 9_900)
    # 10,102 * 0.99 = 10,000.98, so 3,898 of the 14,000 are too many.
    excess = 3_898
    with pytest.raises(Rejected, match=r"^SettlementNotPositive\(-100\)$"):
        system.deleverage_account("desk", 7, 1, excess + 1)
    result = system.deleverage_account("desk", 7, 1, excess)
    assert (result.size, result.settlement) == (excess, -100)
    # 1,000 / 4,860 before; the gains of 5,000 remain, the losses of 100 are in.
    assert (result.ratio_before, result.ratio_after) == (1_000 * WAD // 4_860, 1_100 * WAD // 4_960)


def test_deleverage__loser_is_closed_at_the_cost_of_the_ratio__is_refused() -> None:
    system = crowded(MarketConfig(), liquidity=10_000)
    priced(system, 15_000)
    system.set_market(1, MarketConfig(max_long_oi_value=1_000))
    system.set_target_collateralization_ratio(3 * WAD)
    priced(system, 15_000, 9_000)
    # Owed: 5,000 - 1,400. Account 8 brings 400 in, and 400 more are owed then: 10,400 / 4,000.
    before = system.position("a"), system.margin_position("desk", 8, 1), system.balance()
    with pytest.raises(Rejected) as caught:
        system.deleverage_account("desk", 8, 1, UNLIMITED)
    ratios = 10_000 * WAD // 3_600, 10_400 * WAD // 4_000
    assert caught.value == Rejected("RatioWorsened", *ratios, 3 * WAD), "R1"
    after = system.position("a"), system.margin_position("desk", 8, 1), system.balance()
    assert after == before


# ---------------------------------------------------------------------------------------- refusals


@pytest.mark.parametrize(
    ("action", "error"),
    [
        (lambda s: s.deleverage_account("desk", 9, 1, 0), ("ZeroAmount",)),
        (lambda s: s.deleverage_trader("b", 0), ("ZeroAmount",)),
        (lambda s: s.deleverage_account("desk", 9, 1, 1), ("NothingToClose",)),
        (lambda s: s.deleverage_account("desk", 7, 2, 1), ("NothingToClose",)),
        (lambda s: s.deleverage_account("desk", 7, 3, 1), ("NothingToClose",)),
        (lambda s: s.deleverage_account("desk", 7, -2, 1), ("NothingToClose",)),
        (lambda s: s.deleverage_trader("b", 1), ("NothingToClose",)),
        (
            lambda s: s.deleverage_trader("a", 1),
            ("NothingToDeleverage", UNLIMITED, 2 * WAD),
        ),
        (
            lambda s: priced(s, 15_000).deleverage_account("desk", 7, 1, 1),
            ("NothingToDeleverage", 20 * WAD, 2 * WAD),
        ),
        (
            lambda s: (s.set_price(1, None), s.deleverage_trader("a", 1)),
            ("PriceUnavailable",),
        ),
    ],
)
def test_deleverage__nothing_to_do__is_refused(
    action: Callable[[System], Any], error: tuple[Any, ...]
) -> None:
    assert outcome(action, crowded()) == Rejected(*error)
