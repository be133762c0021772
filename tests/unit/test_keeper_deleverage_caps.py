"""What the keeper would deleverage of a side above its cap, and for cap and ratio together."""

from dataclasses import replace

import pytest

from prep.keeper import standing_of
from prep.model import WAD
from tests.unit.deleveraging import (
    BTC,
    CLIENT,
    GOLD,
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


def test_deleverages__side_above_its_cap__closes_the_excess_of_the_largest_winner():
    system = capped(winners(1, 2, 3), max_long_oi_value=40_000 * WAD)
    stays = (40_000 * WAD + 1) * WAD // (11_000 * WAD)
    (side,) = planned(system).standing.over
    assert (side.market_id, side.is_long, side.value) == (BTC, True, 66_000 * WAD)
    decided = planned(system)
    (action,) = decided.actions
    assert (action.id, action.max_size, action.reason) == (3, 6 * WAD - stays, "open-interest")
    after = carried_out(system, decided.actions)
    assert after.market(BTC).long_oi * 11_000 <= 40_000 * WAD
    assert (after.market(BTC).long_oi + 1) * 11_000 > 40_000 * WAD, "and no unit more"


def test_deleverages__excess_is_more_than_the_first__goes_on_with_the_next():
    # 3 and 2 of 6 have to go, in the order of profit.
    system = capped(winners(1, 2, 3), max_long_oi_value=11_000 * WAD)
    assert closes(planned(system)) == [(3, 3 * WAD), (2, 2 * WAD)]


def test_deleverages__cap_of_zero__closes_all_losers_last():
    system = new_system()
    isolated(system, 1)
    system.set_price(BTC, 12_000 * WAD)
    isolated(system, 2)
    key = margin(system, 4, 1)
    system.set_price(BTC, 11_000 * WAD)
    decided = planned(capped(system, max_long_oi_value=0))
    # They have won 1,000, lost 1,000 and lost 2,000.
    assert closes(decided) == [(1, WAD), (key, WAD), (2, 2 * WAD)]
    assert (decided.skipped, decided.left) == ((), "")
    assert [action.settlement for action in decided.actions] == [
        1_000 * WAD,
        -1_000 * WAD,
        -2_000 * WAD,
    ]


def test_deleverages__excess_would_leave_too_little__closes_all_of_the_position():
    # Of 1 bitcoin 0.9991 are too many; the rest would be worth 9.9.
    system = capped(winners(1), max_long_oi_value=99 * WAD // 10)
    assert closes(planned(system)) == [(1, WAD)]


def test_deleverages__short_side_above_its_cap__closes_shorts_only():
    system = new_system()
    isolated(system, 3, -1, -2)
    system.set_price(BTC, 9_000 * WAD)
    capped(system, max_short_oi_value=18_000 * WAD)
    assert closes(planned(system)) == [(3, WAD)]
    assert planned(system).actions[0].size == -WAD


def test_deleverages__larger_winner_on_another_market__is_not_asked_for():
    system = new_system(PLAIN, PLAIN, liquidity=100_000)
    isolated(system, 2)
    key = margin(system, 1, 1, market_id=GOLD)
    system.set_price(BTC, 11_000 * WAD)
    assert closes(planned(capped(system, GOLD, max_long_oi_value=0))) == [(key, WAD)]


@pytest.mark.parametrize(
    "tenths, cap, stays", [(3, 0, 3), (3, 1, 6), (3, 2, 9), (3, 3, 13), (6, 0, 1)]
)
def test_deleverages__price_below_one__leaves_all_whose_value_is_not_above_the_cap(
    tenths, cap, stays
):
    # 3 base units at 0.3 are worth 0.9, which is 0, and 10 are worth 3.
    system = new_system(replace(PLAIN, min_position_value=0), liquidity=100)
    system.set_price(BTC, tenths * WAD // 10)
    system.execute_order(CLIENT, 1, BTC, 20)
    capped(system, max_long_oi_value=cap)
    decided = planned(system)
    assert [action.size for action in decided.actions] == [20 - stays]
    assert not standing_of(snapshot_of(carried_out(system, decided.actions))).due


def test_deleverages__caps_of_several_markets__each_for_itself():
    system = new_system(PLAIN, PLAIN, liquidity=100_000)
    isolated(system, 2)
    keys = [margin(system, account, 1, market_id=GOLD) for account in (1, 2)]
    margin(system, 3, 1)
    capped(system, BTC, max_long_oi_value=20_000 * WAD)
    capped(system, GOLD, max_long_oi_value=15_000 * WAD)
    decided = planned(system)
    assert closes(decided) == [(1, WAD), (keys[0], WAD // 2)]
    assert [str(action.side) for action in decided.actions] == ["0-long", "1-long"]


def test_deleverages__collateral_cannot_pay_the_part__takes_the_next():
    system = new_system(liquidity=100_000)
    for number, collateral in ((1, 1_000), (2, 5_000)):
        system.deposit_collateral(trader(number), collateral * WAD)
        system.open_position_with_token(trader(number), WAD, True)
    system.set_price(BTC, 8_500 * WAD)
    capped(system, max_long_oi_value=10_000 * WAD)
    decided = planned(system)
    # 0.82... of either; the first cannot pay for that, and nothing is left of its collateral.
    assert [action.id for action in decided.actions] == [2]
    assert reasons(decided)[1].startswith("InsufficientCollateral(")


def test_deleverages__excess_cannot_be_paid__closes_what_can():
    system = capped(winners(3, liquidity=500), max_long_oi_value=11_000 * WAD)
    decided = planned(system)
    assert closes(decided) == [(1, WAD // 2)]
    assert decided.left == "none that can be closed"


def test_deleverages__next_to_nothing_of_the_excess_can_be_paid__closes_no_dust():
    system = capped(winners(3), max_long_oi_value=11_000 * WAD)
    system.vault.liquidity = 9 * WAD // 10
    assert planned(system).actions == ()
    system.vault.liquidity = WAD
    assert closes(planned(system)) == [(1, WAD // 1_000)]


# --------------------------------------------------------------------------------------- together


def both(liquidity, target):
    """A short on gold has won 3,000; three longs on bitcoin have lost 1,500, and are too many."""
    system = new_system(PLAIN, PLAIN, liquidity=liquidity, target=target)
    short = margin(system, 1, -3, market_id=GOLD)
    isolated(system, 2, 1)
    system.set_price(GOLD, 9_000 * WAD)
    system.set_price(BTC, 9_500 * WAD)
    return capped(system, max_long_oi_value=19_000 * WAD), short


def test_deleverages__both__first_the_ratio_then_the_side():
    system, short = both(liquidity=3_001, target=3)
    decided = planned(system)
    # Paying 3,000 leaves nothing that is owed. Of the longs the one that has lost least goes first.
    assert [(a.id, a.max_size, a.reason) for a in decided.actions] == [
        (short, 1, "ratio"),
        (2, WAD, "open-interest"),
    ]
    assert not standing_of(snapshot_of(carried_out(system, decided.actions))).due


def test_deleverages__both_and_the_winner_cannot_be_paid__losers_have_to_stay():
    system, short = both(liquidity=2_000, target=2)
    decided = planned(system)
    assert decided.actions == ()
    assert decided.left == "none that can be closed"
    # 2,000 for 1,500 would become 2,500 for 2,000 without the smaller loser.
    worsened = f"RatioWorsened({2_000 * WAD // 1_500}, {{}}, {2 * WAD})"
    assert reasons(decided) == {
        short: f"VaultCannotPay({3_000 * WAD}, {2_000 * WAD})",
        1: worsened.format(125 * WAD // 100),
        2: worsened.format(125 * WAD // 100),
    }


def test_deleverages__loser_has_paid_in_for_the_side__pays_for_winners():
    system = new_system(PLAIN, PLAIN, liquidity=10_000, target=1)
    keys = [margin(system, 1, 3, market_id=GOLD), margin(system, 2, 2.9, market_id=GOLD)]
    isolated(system, 1)
    system.set_price(GOLD, 11_000 * WAD)
    system.set_price(BTC, 9_100 * WAD)
    system.vault.liquidity = 2_500 * WAD  # for 5,000
    decided = planned(capped(system, max_long_oi_value=0))
    assert [action.id for action in decided.actions] == [1, keys[0]]
    assert reasons(decided) == {keys[1]: f"VaultCannotPay({2_900 * WAD}, {400 * WAD})"}


def test_deleverages__closing_for_the_ratio_solves_the_side_too__stops():
    system = capped(winners(1, 2, 3, target=2), max_long_oi_value=44_000 * WAD)
    assert closes(planned(system)) == [(3, 2 * WAD)]
