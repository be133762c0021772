"""Cases of the reference model that were worked out by hand.

Messages of failed assertions begin with the invariant's id (docs/invariants.md).
"""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from prep.model import UNLIMITED, WAD, MarketConfig, Rejected, System
from prep.model.checks import all_checks
from tests.property.world import outcome


def small(config: MarketConfig | None = None, **options: Any) -> System:
    """A market at a price of one, and a vault of a million."""
    system = System(**options)
    system.add_market(config or MarketConfig())
    system.set_price(0, WAD)
    system.deposit("lp", 1_000_000)
    return system


def in_distress(price: int, collateral: int, config: MarketConfig | None = None) -> System:
    """A long of 30,000 entered at one, when the price is `price` ten-thousandths."""
    system = small(config, protocol_fee_rate=WAD // 2)
    system.deposit_collateral("a", collateral)
    system.open_position_with_size("a", 30_000, True)
    system.set_price(0, price * WAD // 10_000)
    return system


def test_limits__target_ratio__keeps_liquidity_above_debt_times_target() -> None:
    system = small()
    system.set_target_collateralization_ratio(3 * WAD + 1)
    system.deposit_collateral("a", 10_000)
    system.open_position_with_size("a", 100_000, True)
    system.set_price(0, 2 * WAD)
    assert system.total_debt() == 100_000
    assert system.max_withdraw("lp") == 699_999
    system.withdraw("lp", 699_999)
    assert system.collateralization_ratio() == 3 * WAD + 10 * 10**12, "V4"
    assert system.max_redeem("lp") == 0


def test_liquidate__a_third_helps__the_rest_stays() -> None:
    system = in_distress(9_620, 2_100)  # equity 2,100 - 1,140 = 960, below 1,000
    result = system.liquidate_position("keeper", 1)
    assert result.leverage == 31_250 * WAD // 1_000
    assert [step.size_removed for step in result.decreases] == [10_000]
    assert (result.reward, result.from_vault) == (150, 0)
    assert system.position("a").size == 20_000
    assert system.position("a").collateral == result.collateral == 2_100 - 380 - 150
    assert system.leverage_and_liquidability(1) == (-(-20_000 * WAD // 810), False), "P5"
    assert system.position("keeper").collateral == 150


def test_liquidate__a_third_does_not_help__all_goes() -> None:
    system = in_distress(9_550, 2_100)  # equity 750; after a third and the reward 600 for 20,000
    result = system.liquidate_position("keeper", 1)
    assert [step.size_removed for step in result.decreases] == [10_000, 20_000]
    assert [step.collateral for step in result.decreases] == [1_650, 600]
    assert (result.collateral, result.reward, result.from_vault) == (600, 150, 0)
    assert system.position("a").id == 0, "P5"


def test_liquidate__the_rest_is_too_small__all_goes() -> None:
    config = MarketConfig(min_position_value=19_241)  # two thirds are worth 19,240
    result = in_distress(9_620, 2_100, config).liquidate_position("keeper", 1)
    assert [step.size for step in result.decreases] == [20_000, 0]


def test_liquidate__nothing_left__vault_bears_debt_and_reward() -> None:
    system = in_distress(9_200, 2_100)
    result = system.liquidate_position("keeper", 1)
    assert result.leverage == UNLIMITED
    assert [step.bad_debt for step in result.decreases] == [300]
    assert (result.collateral, result.reward, result.from_vault) == (0, 150, 150)
    flow = system.cash_flow()
    assert (flow.price_pnl, flow.bad_debt) == (2_400, -450)
    assert system.vault.liquidity == 1_000_000 + 2_100 - 150


def test_liquidate__profit_is_all_there_is__pays_the_reward() -> None:
    system = in_distress(10_700, 2_000)
    system.withdraw_collateral("a", 2_000)  # the profit alone backs the position
    system.set_price(0, 1_006 * WAD // 1_000)
    system.withdraw("lp", system.max_withdraw("lp"))
    assert system.vault.liquidity == 180
    result = system.liquidate_position("keeper", 1)
    assert [step.price_pnl for step in result.decreases] == [60, 120], "P5"
    assert (result.reward, result.from_vault, result.collateral) == (150, 0, 30)
    assert system.vault.liquidity == 0


def test_liquidate__vault_has_less_than_its_part__reward_shrinks_and_nothing_fails() -> None:
    system = in_distress(10_700, 2_000)
    system.withdraw_collateral("a", 2_000)
    system.set_price(0, WAD)
    system.withdraw("lp", system.max_withdraw("lp") - 60)
    result = system.liquidate_position("keeper", 1)
    assert (result.reward, result.from_vault, result.collateral) == (60, 60, 0)
    assert system.vault.liquidity == 0


@pytest.mark.parametrize(
    ("collateral", "protocol_fee", "bad_debt"),
    [(3_288, 144, 0), (3_287, 143, 0), (3_145, 1, 0), (3_144, 0, 0), (3_143, 0, 1)],
)
def test_close__collateral_falls_short__protocol_waives_first(
    collateral: int, protocol_fee: int, bad_debt: int
) -> None:
    config = MarketConfig(closing_fee_rate=WAD * 288 // 27_000)
    system = in_distress(9_000, collateral, config)  # 3,000 lost, a fee of 288, half the protocol's
    result = system.close_position("a")
    assert (result.price_pnl, result.closing_fee, result.collateral) == (-3_000, -288, 0)
    assert (result.protocol_fee, result.bad_debt) == (protocol_fee, bad_debt)
    assert system.unpaid_protocol_fees == protocol_fee
    assert system.cash_flow().total == collateral - protocol_fee, "M2"
    assert all_checks(system) == []


def test_liquidate__exactly_at_the_threshold__is_refused() -> None:
    system = in_distress(9_600, 2_200)  # equity 1,000
    with pytest.raises(Rejected) as caught:
        system.liquidate_position("keeper", 1)
    assert caught.value == Rejected("PositionHealthy", 30 * WAD, 30 * WAD), "P5"
    system.set_price(0, 96 * WAD // 100 - 10**14)  # 3 less
    assert system.liquidate_position("keeper", 1).leverage == -(-30_000 * WAD // 997)


# So deep that no order moves the price, for positions that meet a small skew scale later.
NO_IMPACT = MarketConfig(skew_scale=10**30)


def test_liquidate__price_impact_eats_a_third__all_goes() -> None:
    system = small(NO_IMPACT)
    for trader, collateral, size, is_long in (("a", 2_600, 30_000, 1), ("b", 90_000, 60_000, 0)):
        system.deposit_collateral(trader, collateral)
        system.open_position_with_token(trader, size, bool(is_long))
    system.set_market(0, MarketConfig(skew_scale=2_000_000))
    assert not system.leverage_and_liquidability(1)[1], "P5 the skew alone must not liquidate"
    system.set_price(0, 12 * WAD // 10)
    system.withdraw_collateral("a", 2_600)  # the profit alone backs the position
    system.set_price(0, 101 * WAD // 100)  # 300 of it is left, but closing a third loses 76
    result = system.liquidate_position("keeper", 1)
    assert result.leverage == 100 * WAD
    assert [step.size_removed for step in result.decreases] == [30_000]
    px = 101 * WAD // 100 * 9_775 // 10_000
    assert (result.decreases[0].price, result.decreases[0].bad_debt) == (px, 381)
    assert (result.reward, result.from_vault) == (150, 150)


def test_liquidate__rest_is_judged_by_the_skew_that_is_left__all_goes() -> None:
    system = small(NO_IMPACT)
    for trader, collateral, size in (("b", 200_000, 200_000), ("a", 8_655, 90_000)):
        system.deposit_collateral(trader, collateral)
        system.open_position_with_token(trader, size, False)
    system.set_market(0, MarketConfig(skew_scale=9_000_000))
    system.set_price(0, 11 * WAD // 10)
    result = system.liquidate_position("keeper", 2)
    # With the skew before, the closing price flatters the rest: 28 instead of 31 times.
    assert [step.size_removed for step in result.decreases] == [-30_000, -60_000], "P5"
    assert [step.price_pnl for step in result.decreases] == [-1_991, -4_313]


def at(system: System, price: int) -> System:
    """The system once the price has moved."""
    system.set_price(0, price)
    return system


REFUSALS: list[tuple[dict[str, int], Callable[[System], Any], tuple[Any, ...] | None]] = [
    # A long of `a` against a short of 30,000 that `b` holds, all at one.
    ({"skew_scale": 6_000_119}, lambda s: s.open_position_with_token("a", 50_000, True), None),
    (
        {"skew_scale": 6_000_119},
        lambda s: s.open_position_with_token("a", 50_001, True),
        ("SkewScaleExceeded", 50_001, 50_000),
    ),
    ({"max_net_oi_value": 30_000}, lambda s: s.open_position_with_size("a", 60_000, True), None),
    (
        {"max_net_oi_value": 30_000},
        lambda s: s.open_position_with_size("a", 60_001, True),
        ("NetOpenInterestCapExceeded", 30_001, 30_000),
    ),
    (
        {"max_net_oi_value": 30_000},  # above the cap by the price, but the skew shrinks
        lambda s: at(s, 2 * WAD).open_position_with_token("a", 9_000, True),
        None,
    ),
    (
        {"reserve_factor": WAD // 2},
        lambda s: s.open_position_with_size("a", 1_970_002, True),
        ("ReservesExceeded", 1_000_001, 1_000_000),
    ),
    (
        {},
        lambda s: s.open_position_with_size("a", 1_500_001, True),
        ("LeverageTooHigh", 15 * WAD + 10**13, 15 * WAD),
    ),
    ({}, lambda s: s.open_position_with_size("a", 1_500_000, True), None),
    (
        {},
        lambda s: s.open_position_with_size("a", 9, True, WAD - 1),
        ("PriceNotAcceptable", WAD, WAD - 1),
    ),
    (
        {},
        lambda s: s.open_position_with_size("a", 9, False, WAD + 1),
        ("PriceNotAcceptable", WAD, WAD + 1),
    ),
    ({}, lambda s: s.open_position_with_size("a", 9, False, WAD, 100), None),
    ({}, lambda s: s.close_position("b", WAD - 1), ("PriceNotAcceptable", WAD, WAD - 1)),
    ({}, lambda s: s.decrease_position("b", 9, WAD, 99), ("DeadlinePassed", 99)),
    ({}, lambda s: s.decrease_position("b", 9, WAD, 100), None),
    ({}, lambda s: s.decrease_position("b", 30_001), ("DecreaseTooLarge", 30_001, 30_000)),
    (
        {"min_position_value": 10_000},
        lambda s: s.decrease_position("b", 20_001),
        ("PositionTooSmall", 9_999, 10_000),
    ),
    ({"min_position_value": 10_000}, lambda s: s.decrease_position("b", 30_000), None),
    (
        {"min_position_value": 10_000},
        lambda s: at(s, WAD // 10).increase_position("b", 1),
        None,
    ),
    (
        {},
        lambda s: at(s, 5 * WAD).decrease_position("b", 27_000),
        ("InsufficientCollateral", 100_000, 108_000),
    ),
    (
        {},
        lambda s: (s.withdraw("lp", 990_000), at(s, WAD // 2).close_position("b")),
        ("VaultCannotPay", 15_000, 10_000),
    ),
    (
        {},
        lambda s: (
            s.open_position_with_size("a", 60_000, True),
            at(s, 40 * WAD).deposit("lp", 1),
        ),
        ("ERC4626ExceededMaxDeposit", "lp", 1, 0),
    ),
]


@pytest.mark.parametrize(("config", "action", "error"), REFUSALS)
def test_action__at_and_beyond_its_bound__is_refused_beyond(
    config: dict[str, Any], action: Callable[[System], Any], error: tuple[Any, ...] | None
) -> None:
    system = small(MarketConfig(**config), now=100)
    for trader in "ab":
        system.deposit_collateral(trader, 100_000)
    system.open_position_with_token("b", 30_000, False)
    result = outcome(action, system)
    if error:
        assert result == Rejected(*error)
    else:
        assert not isinstance(result, Rejected), result


def test_ids__positions_close__last_freed_is_first_reused() -> None:
    system = small()
    for trader in "abcd":
        system.deposit_collateral(trader, 100)
        system.open_position_with_size(trader, 1_000, True)
    for trader in "bda":
        system.close_position(trader)
    assert (system.ids_not_in_use(), system.highest_id) == ([1, 4, 2], 4), "P3"
    assert system.open_position_with_size("b", 1_000, False).id == 1, "P3"
    assert (system.position_owner(1), system.position_owner(4)) == ("b", None)


def test_price__unusable__stops_what_depends_on_it_and_nothing_else() -> None:
    system = small()
    for trader in "ab":
        system.deposit_collateral(trader, 100)
    system.open_position_with_size("a", 1_000, True)
    stale = Rejected("StalePrice", 17)
    system.set_price(0, stale)
    for stopped in (
        lambda: system.close_position("a"),
        lambda: system.withdraw_collateral("a", 1),
        lambda: system.open_position_with_size("b", 1_000, True),
        lambda: system.liquidate_position("b", 1),
        lambda: system.deposit("lp", 1),
        lambda: system.redeem("lp", 10**6),
        system.total_assets,
        system.liquidity_reserves_to_hold,
    ):
        with pytest.raises(Rejected) as caught:
            stopped()
        assert caught.value == stale, "R6"
    assert not any((system.max_deposit(), system.max_mint())), "V3"
    assert not any((system.max_withdraw("lp"), system.max_redeem("lp"))), "V3"
    system.deposit_collateral("a", 1)
    system.withdraw_collateral("b", 100)
    for price in (0, 10**36 + 1):
        system.set_price(0, price)
        with pytest.raises(Rejected, match=f"^PriceOutOfBounds\\({price}, {10**36}\\)$"):
            system.close_position("a")
    system.set_price(0, WAD)
    system.close_position("a")
    system.set_price(0, None)
    assert system.max_withdraw("lp") == 1_000_000, "a market without positions is not asked"


def test_set_market__time_has_passed__accrues_with_the_old_parameters() -> None:
    config = MarketConfig(borrow_rate=WAD // 5, reserve_factor=WAD // 2, skew_scale=6 * 10**7)
    system = small(replace(config, max_funding_velocity=4 * WAD // 10))
    system.deposit_collateral("a", 200_000)
    system.open_position_with_token("a", 500_000, True)
    system.now += 86_400 * 365
    system.set_market(0, config)
    market = system.markets[0]
    assert market.borrow_index == WAD // 10
    assert market.funding_rate == 96 * WAD // 100
    assert market.funding_index == -(96 * WAD // 200) * 365
    for scale, error in (
        (0, Rejected("SkewScaleLocked", 500_000)),
        (499_999, Rejected("ParameterOutOfBounds", "skewScale", 499_999, 500_000, 10**36)),
    ):
        with pytest.raises(Rejected) as caught:
            system.set_market(0, replace(config, skew_scale=scale))
        assert caught.value == error
    system.disable_market(0)
    with pytest.raises(Rejected, match=r"^MarketClosed\(0\)$"):
        system.increase_position("a", 1)
    assert system.close_position("a").size == 0, "P6"


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"oracle": 0}, ("oracle", 0, 1, 2**160 - 1)),
        ({"skew_scale": 10**36 + 1}, ("skewScale", 10**36 + 1, 0, 10**36)),
        ({"closing_fee_rate": WAD // 10 + 1}, ("closingFeeRate", WAD // 10 + 1, 0, WAD // 10)),
        ({"borrow_rate": 10 * WAD + 1}, ("borrowRate", 10 * WAD + 1, 0, 10 * WAD)),
        (
            {"borrow_rate": 10 * WAD, "reserve_factor": WAD // 10},
            ("borrowRate", WAD, 0, WAD // 2),
        ),
        (
            {"min_position_value": 7, "max_position_value": 6},
            ("maxPositionValue", 6, 7, 10**37),
        ),
        ({"max_net_oi_value": UNLIMITED - 1}, ("maxNetOIValue", UNLIMITED - 1, 0, 10**37)),
    ],
)
def test_add_market__parameter_out_of_bounds__is_refused(
    changes: dict[str, Any], error: tuple[Any, ...]
) -> None:
    with pytest.raises(Rejected) as caught:
        System().add_market(MarketConfig(**changes))
    assert caught.value == Rejected("ParameterOutOfBounds", *error)
