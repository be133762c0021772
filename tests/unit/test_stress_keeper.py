"""The keeper of a stress test."""

import pytest

from prep.model import UNLIMITED, WAD, MarketConfig, System
from prep.stress.keeper import liquidatable, work


def create_system(liquidity, target=0, **config):
    """A vault and a market at $10,000."""
    system = System()
    system.add_market(MarketConfig(**config))
    system.set_price(0, 10_000 * WAD)
    system.set_target_collateralization_ratio(target)
    system.deposit("lp", liquidity * WAD)
    return system


def open_position(system, trader, collateral, notional, is_long=True):
    system.deposit_collateral(trader, collateral * WAD)
    system.open_position_with_size(trader, notional * WAD, is_long)


@pytest.fixture
def two_winners():
    """Owed 3,000 and 2,000 once the price has risen by a tenth."""
    system = create_system(10_000)
    open_position(system, "large", 10_000, 30_000)
    open_position(system, "small", 10_000, 20_000)
    system.set_price(0, 11_000 * WAD)
    return system


def test_work__positions_above_30x__are_liquidated_and_others_left_alone():
    system = create_system(10_000)
    open_position(system, "bold", 1_000, 10_000)
    open_position(system, "careful", 5_000, 10_000)
    open_position(system, "bear", 1_000, 10_000, is_long=False)
    system.set_price(0, 9_200 * WAD)
    assert liquidatable(system) == [1]

    done = work(system, "keeper")

    assert [(item.trader, item.reward) for item in done.liquidations] == [("bold", 50 * WAD)]
    assert liquidatable(system) == []
    assert system.position("keeper").collateral == 50 * WAD
    assert (done.deleverages, done.refused) == ([], {})


@pytest.fixture
def poor_vault():
    """An empty vault that owes 300 to a position above 30x without collateral."""
    system = create_system(10_000)
    open_position(system, "winner", 1_000, 10_000)
    system.set_price(0, 11_000 * WAD)
    system.withdraw_collateral("winner", 1_000 * WAD)
    open_position(system, "bold", 900, 10_000)
    system.vault.liquidity = 0
    system.set_price(0, 10_300 * WAD)
    return system


def test_work__liquidation_that_the_vault_cannot_pay__waits_for_one_that_pays(poor_vault):
    assert liquidatable(poor_vault) == [1, 2]

    done = work(poor_vault, "keeper")

    assert [item.trader for item in done.liquidations] == ["bold", "winner"]
    assert done.refused == {"liquidatePosition: VaultCannotPay": 1}
    assert liquidatable(poor_vault) == []


def test_work__vault_can_never_pay__gives_up(poor_vault):
    poor_vault.close_position("bold")
    poor_vault.vault.liquidity = 0

    done = work(poor_vault, "keeper")

    assert done.liquidations == []
    assert done.refused == {"liquidatePosition: VaultCannotPay": 1}
    assert liquidatable(poor_vault) == [1]


def test_work__ratio_below_target__closes_the_most_profitable_first_and_stops(two_winners):
    two_winners.set_target_collateralization_ratio(22 * WAD // 10)
    assert two_winners.collateralization_ratio() == 2 * WAD

    done = work(two_winners, "keeper")

    assert [(item.closed.trader, item.settlement) for item in done.deleverages] == [
        ("large", 3_000 * WAD)
    ]
    assert (done.deleverages[0].ratio_before, done.deleverages[0].ratio_after) == (
        2 * WAD,
        35 * WAD // 10,
    )
    assert two_winners.position("small").size > 0


def test_work__target_out_of_reach_of_one__closes_the_next(two_winners):
    two_winners.set_target_collateralization_ratio(4 * WAD)

    done = work(two_winners, "keeper")

    assert [item.closed.trader for item in done.deleverages] == ["large", "small"]
    assert two_winners.collateralization_ratio() == UNLIMITED
    assert two_winners.now == 2, "each in a block of its own"


def test_work__ratio_at_target__closes_nothing(two_winners):
    two_winners.set_target_collateralization_ratio(2 * WAD)

    assert work(two_winners, "keeper").deleverages == []
    assert two_winners.now == 0


def test_work__losers_below_the_target__are_not_closed(two_winners):
    open_position(two_winners, "loser", 50_000, 40_000, is_long=False)
    two_winners.set_price(0, 11_001 * WAD)
    two_winners.set_target_collateralization_ratio(10 * WAD)

    done = work(two_winners, "keeper")

    assert [item.closed.trader for item in done.deleverages] == ["large", "small"]
    assert two_winners.position("loser").size < 0


def test_work__vault_cannot_pay_the_first__pays_the_next_and_counts_it():
    system = create_system(5_000, target=2 * WAD)
    open_position(system, "small", 10_000, 20_000)
    open_position(system, "large", 10_000, 30_000)
    system.set_price(0, 12_000 * WAD)

    done = work(system, "keeper")

    assert [item.closed.trader for item in done.deleverages] == ["small"]
    assert done.refused == {"deleverage: VaultCannotPay": 1}


def test_work__deleverage_that_moves_another_above_30x__liquidates_it_too():
    system = create_system(10_000, target=10 * WAD, skew_scale=1_000 * WAD)
    open_position(system, "winner", 10_000, 40_000)
    system.set_price(0, 10_500 * WAD)
    open_position(system, "bold", 4_000, 42_000)
    # As if fees had eaten the rest: 29 times leverage as long as the winner holds the price up.
    system.traders["bold"].collateral = 1_450 * WAD
    assert liquidatable(system) == []

    done = work(system, "keeper")

    assert [item.closed.trader for item in done.deleverages] == ["winner"]
    assert [item.trader for item in done.liquidations] == ["bold"]
    assert liquidatable(system) == []
