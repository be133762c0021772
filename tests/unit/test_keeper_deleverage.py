"""What the keeper would deleverage for the ratio, without a chain: whom, how much, and when not."""

from dataclasses import replace

import pytest

from prep.keeper import Settings, deleverages, standing_of
from prep.model import UNLIMITED, WAD
from tests.unit.deleveraging import (
    BTC,
    CLIENT,
    FULL,
    GOLD,
    NOW,
    OTHER_CLIENT,
    PLAIN,
    capped,
    carried_out,
    closes,
    isolated,
    margin,
    new_system,
    planned,
    reasons,
    trader,
    winners,
)
from tests.unit.keeper_snapshots import snapshot_of

# ------------------------------------------------------------------------------------ nothing due


@pytest.mark.parametrize("target", [0, 1, 10_000 / 6_000])
def test_deleverages__at_the_target_or_above__does_nothing(target):
    system = winners(1, 2, 3)  # 10,000 for 6,000
    system.set_target_collateralization_ratio(min(int(target * WAD), 10_000 * WAD // 6_000))
    decided = planned(system)
    assert (decided.actions, decided.skipped, decided.left) == ((), (), "")
    assert decided.standing.ratio == 10_000 * WAD // 6_000
    assert not decided.standing.due


def test_deleverages__ratio_one_unit_below__is_due():
    system = winners(1, 2, 3)
    system.set_target_collateralization_ratio(10_000 * WAD // 6_000 + 1)
    assert len(planned(system).actions) == 1


def test_deleverages__nothing_is_owed__does_nothing():
    system = winners(1, 2, price=9_000, target=10)
    assert planned(system).standing.ratio == UNLIMITED
    assert planned(system).actions == ()


@pytest.mark.parametrize("beyond, due", [(0, False), (1, True)])
def test_deleverages__side_at_its_cap__is_left_alone_until_beyond(beyond, due):
    system = winners(1, 2, 3)
    cap = 66_000 * WAD - beyond
    system.set_market(BTC, replace(PLAIN, max_long_oi_value=cap))
    assert bool(planned(system).actions) is due
    assert bool(planned(system).standing.over) is due


# ------------------------------------------------------------------------------------------ ratio


def test_deleverages__below_target__closes_of_the_largest_winner_what_is_needed():
    # (10,000 - x) / (6,000 - x) = 2 for x = 2,000, and the largest has won 1,000 a bitcoin.
    decided = planned(winners(1, 3, 2, target=2))
    (action,) = decided.actions
    assert (action.id, action.owner, action.market_id) == (2, trader(2), BTC)
    assert (action.max_size, action.size, action.settlement) == (2 * WAD, 2 * WAD, 2_000 * WAD)
    assert (action.ratio_before, action.ratio_after) == (10_000 * WAD // 6_000, 2 * WAD)
    assert action.reason == "ratio"
    assert (decided.left, decided.skipped) == ("", ())


def test_deleverages__one_is_not_enough__goes_on_in_the_order_of_profit():
    # 5 is reached once 5,000 have been paid: 3,000 and 2,000.
    system = winners(2, 1, 3, target=5)
    decided = planned(system)
    assert closes(decided) == [(3, 3 * WAD), (1, 2 * WAD)]
    assert decided.actions[-1].ratio_after == 5 * WAD
    assert not standing_of(snapshot_of(carried_out(system, decided.actions))).due


def test_deleverages__shorts_have_won__are_closed_likewise():
    decided = planned(winners(-1, -3, 2, price=9_000, liquidity=3_000, target=2))
    # 3,000 for 4,000 - 2,000: 1,000 has to be paid.
    assert closes(decided) == [(2, WAD)]
    assert decided.actions[0].size == -WAD


def test_deleverages__losers__are_never_closed_for_the_ratio():
    system = winners(3, -1, -1, target=2, liquidity=1_500)
    # 1,500 for 3,000 - 2,000: 500 has to be paid.
    assert closes(planned(system)) == [(1, WAD // 2)]


def test_deleverages__nothing_won_and_nothing_lost__is_no_candidate():
    system = winners(3, liquidity=3_000, target=10)
    isolated(system, 1)
    system.vault.liquidity = 0
    assert set(reasons(planned(system))) == {1}


def test_deleverages__profit_and_not_size_or_price_gain__decides():
    system = new_system(target=10)
    isolated(system, 3)
    system.set_price(BTC, 10_900 * WAD)
    isolated(system, 2)  # will have won 200
    system.set_price(BTC, 11_100 * WAD)
    assert [action.id for action in planned(system).actions] == [1]
    assert planned(system).actions[0].settlement < 3_300 * WAD


def test_deleverages__equal_profits__lowest_id_then_lowest_key():
    system = new_system(liquidity=5_000, target=10)
    keys = [
        margin(system, 7, 1, client=OTHER_CLIENT),
        margin(system, 9, 1),
        margin(system, 8, 1),
    ]
    isolated(system, 1, 1)
    system.set_price(BTC, 10_900 * WAD)
    decided = planned(system)
    # 5,000 for 4,500, and 1,400 for 900 without four of the five.
    assert [action.id for action in decided.actions] == [1, 2, keys[2], keys[1], keys[0]]
    shot = snapshot_of(system)
    shuffled = replace(
        shot, positions=shot.positions[::-1], margin_positions=shot.margin_positions[::-1]
    )
    assert deleverages(shuffled, Settings(), 20) == decided


def test_deleverages__what_is_left_would_be_too_small__closes_all():
    # 1 bitcoin would do of 1.0009, but 0.0009 are worth less than 10.
    system = winners(1.0009, liquidity=1_002, target=10)
    decided = planned(system)
    assert closes(decided) == [(1, int(1.0009 * WAD))]
    assert decided.actions[0].ratio_after == UNLIMITED


def test_deleverages__margin_position__is_settled_in_full_so_a_unit_is_enough():
    system = new_system(target=2)
    key = margin(system, 5, 3)
    isolated(system, 2, 1)
    system.set_price(BTC, 11_000 * WAD)
    decided = planned(system)
    assert closes(decided) == [(key, 1)]
    assert decided.actions[0].settlement == 3_000 * WAD
    assert decided.actions[0].owner == CLIENT


def test_deleverages__margin_position_is_not_enough__is_closed_whole():
    system = new_system(target=5)
    key = margin(system, 5, 3)
    isolated(system, 2, 1)
    system.set_price(BTC, 11_000 * WAD)
    assert closes(planned(system)) == [(key, 3 * WAD), (1, 2 * WAD)]


def test_deleverages__winners_on_another_market__count_and_are_closed():
    system = new_system(PLAIN, PLAIN, target=2)
    isolated(system, 2)
    key = margin(system, 1, -4, market_id=GOLD)
    system.set_price(BTC, 11_000 * WAD)
    system.set_price(GOLD, 9_000 * WAD)
    decided = planned(system)
    # 10,000 for 6,000; the short has 4,000 coming.
    assert closes(decided) == [(key, 1)]
    assert decided.actions[0].size == -1


def test_deleverages__settled_market__closes_at_its_last_price_without_impact():
    system = new_system(PLAIN, FULL, liquidity=100_000, target=10)
    key = margin(system, 1, 10, market_id=GOLD)
    isolated(system, 1)
    system.now += 3 * 86_400
    system.settle_market(GOLD, 15_000 * WAD)
    decided = planned(system)
    assert decided.actions[0].id == key
    carried_out(system, decided.actions)


@pytest.mark.parametrize("traded, later", [(0, 1), (1, 0)])
def test_deleverages__market_with_impact__in_a_block_without_trades_only(traded, later):
    system = new_system(PLAIN, FULL, liquidity=10**6, target=10)
    keys = [margin(system, account, 10, market_id=GOLD) for account in (1, 2)]
    system.now += traded
    system.set_price(GOLD, 20_000 * WAD)
    decided = planned(system)
    assert decided.actions[0].timestamp == NOW + traded + later
    assert decided.actions[0].id in keys
    capped(system, GOLD, max_long_oi_value=0)
    decided = planned(system)
    delays = [action.timestamp - system.now for action in decided.actions]
    assert delays == [1, 2, 3], "a block for each"
    carried_out(system, decided.actions)


# -------------------------------------------------------------------------------- who can be paid


def test_deleverages__vault_cannot_pay_all__pays_what_it_can():
    decided = planned(winners(1, 2, 3, liquidity=2_500, target=2))
    assert closes(decided) == [(3, 5 * WAD // 2)]
    assert decided.actions[0].ratio_after == 0
    assert decided.left == "none that can be closed"
    assert reasons(decided) == {
        2: f"VaultCannotPay({2_000 * WAD}, 0)",
        3: f"VaultCannotPay({500 * WAD}, 0)",
        1: f"VaultCannotPay({1_000 * WAD}, 0)",
    }


def test_deleverages__margin_position_cannot_be_paid__the_next_ones_are():
    system = new_system(liquidity=2_500, target=2)
    key = margin(system, 1, 3)
    isolated(system, 2)
    system.set_price(BTC, 11_000 * WAD)
    decided = planned(system)
    # However little of the margin position is closed, 3,000 would have to be paid.
    assert closes(decided) == [(1, 2 * WAD)]
    assert reasons(decided) == {key: f"VaultCannotPay({3_000 * WAD}, {500 * WAD})"}


def test_deleverages__vault_has_next_to_nothing__closes_no_dust():
    # 0.0009 bitcoins could be paid for, worth less than the smallest position.
    system = winners(3)
    system.vault.liquidity = 9 * WAD // 10
    system.set_target_collateralization_ratio(WAD)
    decided = planned(system)
    assert decided.actions == ()
    assert reasons(decided) == {1: f"VaultCannotPay({3_000 * WAD}, {9 * WAD // 10})"}
    system.vault.liquidity = WAD  # for 0.001, worth 11
    assert closes(planned(system)) == [(1, WAD // 1_000)]


def test_deleverages__only_a_part_can_be_paid_but_reaches_the_target__is_enough():
    # 2,500 for 3,000 - 1,000, the loser's: 1.5 once 1,000 have been paid.
    system = winners(3, -1, liquidity=2_500, target=1.5)
    assert closes(planned(system)) == [(1, WAD)]


# ----------------------------------------------------------------------------------- not possible


def test_deleverages__market_with_positions_has_no_price__nothing_can_be_known():
    system = new_system(PLAIN, PLAIN, target=10)
    isolated(system, 3)
    margin(system, 1, 1, market_id=GOLD)
    system.set_price(BTC, 11_000 * WAD)
    system.set_price(GOLD, None)
    decided = planned(system)
    assert (decided.standing, decided.actions) == (None, ())


def test_deleverages__market_without_positions_has_no_price__does_not_matter():
    system = new_system(PLAIN, PLAIN, target=10)
    isolated(system, 3)
    system.set_price(BTC, 11_000 * WAD)
    system.set_price(GOLD, None)
    assert len(planned(system).actions) == 1


@pytest.mark.parametrize("gas_price, acts", [(7, True), (8, False)])
def test_deleverages__gas_price__is_bounded(gas_price, acts):
    decided = planned(winners(3, target=10), wanted=Settings(max_gas_price=7), gas_price=gas_price)
    assert bool(decided.actions) is acts
    assert decided.left == ("" if acts else "gas price 8 above 7")


@pytest.mark.parametrize("most", [0, 1, 2])
def test_deleverages__more_than_allowed__takes_the_first(most):
    system = capped(winners(1, 2, 3), max_long_oi_value=0)
    decided = planned(system, most)
    assert closes(decided) == [(3, 3 * WAD), (2, 2 * WAD), (1, WAD)][:most]
    assert decided.left == "no more in one round"


def test_deleverages__as_many_as_allowed__is_no_limit():
    system = capped(winners(1, 2, 3), max_long_oi_value=0)
    assert planned(system, 3).left == ""


def test_deleverages__excluded__are_passed_over():
    system = winners(1, 2, 3, target=2)
    assert closes(planned(system, excluded={3})) == [(2, 2 * WAD)]


def test_settings__no_gas_for_a_deleverage__is_refused():
    with pytest.raises(ValueError, match="max_deleverage_gas must be at least 1, is 0"):
        Settings(max_deleverage_gas=0)
