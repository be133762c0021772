"""What the keeper would deleverage, without a chain: whom, how much, and when it stops."""

from copy import deepcopy
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from prep.keeper import MarginKey, Settings, deleverages, standing_of
from prep.model import UNLIMITED, WAD, MarketConfig, Rejected, System
from tests.unit.keeper_snapshots import snapshot_of

NOW = 1_800_000_000
CLIENT, OTHER_CLIENT = "0x" + 40 * "a", "0x" + 40 * "b"
BTC, GOLD = 0, 1
PLAIN = MarketConfig(min_position_value=10 * WAD)
FULL = replace(
    PLAIN,
    skew_scale=100_000 * WAD,
    max_funding_velocity=3 * WAD,
    opening_fee_rate=WAD // 1_000,
    closing_fee_rate=WAD // 500,
    borrow_rate=15 * WAD // 100,
    reserve_factor=15 * WAD // 100,
)


def trader(number):
    return f"0x{number:040x}"


def new_system(*configs, liquidity=10_000, target=0, fee_rate=0):
    """Markets at 10,000 and a vault with this liquidity and target ratio, in whole units."""
    system = System(now=NOW, protocol_fee_rate=fee_rate)
    for market_id, config in enumerate(configs or (PLAIN,)):
        system.add_market(config)
        system.set_price(market_id, 10_000 * WAD)
    system.deposit("lp", liquidity * WAD)
    system.set_target_collateralization_ratio(int(target * WAD))
    for client in (CLIENT, OTHER_CLIENT):
        system.set_margin_client(client, True)
    return system


def isolated(system, *sizes):
    """A position of each size, whole bitcoins, ids from 1 on."""
    for number, size in enumerate(sizes, len(system.traders) + 1):
        system.deposit_collateral(trader(number), 20_000 * WAD)
        system.open_position_with_token(trader(number), int(abs(size) * WAD), size > 0)


def margin(system, account, size, market_id=BTC, client=CLIENT):
    system.execute_order(client, account, market_id, int(size * WAD))
    return MarginKey(client, account, market_id)


def winners(*sizes, price=11_000, **wanted):
    """Longs that have won 1,000 a bitcoin."""
    system = new_system(**wanted)
    isolated(system, *sizes)
    system.set_price(BTC, price * WAD)
    return system


def todo(system, most=20, excluded=(), wanted=None, **changes):
    return deleverages(snapshot_of(system, **changes), wanted or Settings(), most, excluded)


def closes(decided):
    return [(action.id, action.max_size) for action in decided.actions]


def reasons(decided):
    return {skipped.id: skipped.reason for skipped in decided.skipped}


def carried_out(system, actions):
    """The same on the whole model, each compared with what was expected of it."""
    world = deepcopy(system)
    for action in actions:
        world.now = action.timestamp
        result = deleverage(world, action, action.max_size)
        assert (action.size, action.settlement) == (result.size, result.settlement)
        assert (action.ratio_before, action.ratio_after) == (
            result.ratio_before,
            result.ratio_after,
        )
    return world


# ------------------------------------------------------------------------------------ nothing due


@pytest.mark.parametrize("target", [0, 1, 10_000 / 6_000])
def test_deleverages__at_the_target_or_above__does_nothing(target):
    system = winners(1, 2, 3)  # 10,000 for 6,000
    system.set_target_collateralization_ratio(min(int(target * WAD), 10_000 * WAD // 6_000))
    decided = todo(system)
    assert (decided.actions, decided.skipped, decided.left) == ((), (), "")
    assert decided.standing.ratio == 10_000 * WAD // 6_000
    assert not decided.standing.due


def test_deleverages__ratio_one_unit_below__is_due():
    system = winners(1, 2, 3)
    system.set_target_collateralization_ratio(10_000 * WAD // 6_000 + 1)
    assert len(todo(system).actions) == 1


def test_deleverages__nothing_is_owed__does_nothing():
    system = winners(1, 2, price=9_000, target=10)
    assert todo(system).standing.ratio == UNLIMITED
    assert todo(system).actions == ()


@pytest.mark.parametrize("beyond, due", [(0, False), (1, True)])
def test_deleverages__side_at_its_cap__is_left_alone_until_beyond(beyond, due):
    system = winners(1, 2, 3)
    cap = 66_000 * WAD - beyond
    system.set_market(BTC, replace(PLAIN, max_long_oi_value=cap))
    assert bool(todo(system).actions) is due
    assert bool(todo(system).standing.over) is due


# ------------------------------------------------------------------------------------------ ratio


def test_deleverages__below_target__closes_of_the_largest_winner_what_is_needed():
    # (10,000 - x) / (6,000 - x) = 2 for x = 2,000, and the largest has won 1,000 a bitcoin.
    decided = todo(winners(1, 3, 2, target=2))
    (action,) = decided.actions
    assert (action.id, action.owner, action.market_id) == (2, trader(2), BTC)
    assert (action.max_size, action.size, action.settlement) == (2 * WAD, 2 * WAD, 2_000 * WAD)
    assert (action.ratio_before, action.ratio_after) == (10_000 * WAD // 6_000, 2 * WAD)
    assert action.reason == "ratio"
    assert (decided.left, decided.skipped) == ("", ())


def test_deleverages__one_is_not_enough__goes_on_in_the_order_of_profit():
    # 5 is reached once 5,000 have been paid: 3,000 and 2,000.
    system = winners(2, 1, 3, target=5)
    decided = todo(system)
    assert closes(decided) == [(3, 3 * WAD), (1, 2 * WAD)]
    assert decided.actions[-1].ratio_after == 5 * WAD
    assert not standing_of(snapshot_of(carried_out(system, decided.actions))).due


def test_deleverages__shorts_have_won__are_closed_likewise():
    decided = todo(winners(-1, -3, 2, price=9_000, liquidity=3_000, target=2))
    # 3,000 for 4,000 - 2,000: 1,000 has to be paid.
    assert closes(decided) == [(2, WAD)]
    assert decided.actions[0].size == -WAD


def test_deleverages__losers__are_never_closed_for_the_ratio():
    system = winners(3, -1, -1, target=2, liquidity=1_500)
    # 1,500 for 3,000 - 2,000: 500 has to be paid.
    assert closes(todo(system)) == [(1, WAD // 2)]


def test_deleverages__nothing_won_and_nothing_lost__is_no_candidate():
    system = winners(3, liquidity=3_000, target=10)
    isolated(system, 1)
    system.vault.liquidity = 0
    assert set(reasons(todo(system))) == {1}


def test_deleverages__profit_and_not_size_or_price_gain__decides():
    system = new_system(target=10)
    isolated(system, 3)
    system.set_price(BTC, 10_900 * WAD)
    isolated(system, 2)  # will have won 200
    system.set_price(BTC, 11_100 * WAD)
    assert [action.id for action in todo(system).actions] == [1]
    assert todo(system).actions[0].settlement < 3_300 * WAD


def test_deleverages__equal_profits__lowest_id_then_lowest_key():
    system = new_system(liquidity=5_000, target=10)
    keys = [
        margin(system, 7, 1, client=OTHER_CLIENT),
        margin(system, 9, 1),
        margin(system, 8, 1),
    ]
    isolated(system, 1, 1)
    system.set_price(BTC, 10_900 * WAD)
    decided = todo(system)
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
    decided = todo(system)
    assert closes(decided) == [(1, int(1.0009 * WAD))]
    assert decided.actions[0].ratio_after == UNLIMITED


def test_deleverages__margin_position__is_settled_in_full_so_a_unit_is_enough():
    system = new_system(target=2)
    key = margin(system, 5, 3)
    isolated(system, 2, 1)
    system.set_price(BTC, 11_000 * WAD)
    decided = todo(system)
    assert closes(decided) == [(key, 1)]
    assert decided.actions[0].settlement == 3_000 * WAD
    assert decided.actions[0].owner == CLIENT


def test_deleverages__margin_position_is_not_enough__is_closed_whole():
    system = new_system(target=5)
    key = margin(system, 5, 3)
    isolated(system, 2, 1)
    system.set_price(BTC, 11_000 * WAD)
    assert closes(todo(system)) == [(key, 3 * WAD), (1, 2 * WAD)]


def test_deleverages__winners_on_another_market__count_and_are_closed():
    system = new_system(PLAIN, PLAIN, target=2)
    isolated(system, 2)
    key = margin(system, 1, -4, market_id=GOLD)
    system.set_price(BTC, 11_000 * WAD)
    system.set_price(GOLD, 9_000 * WAD)
    decided = todo(system)
    # 10,000 for 6,000; the short has 4,000 coming.
    assert closes(decided) == [(key, 1)]
    assert decided.actions[0].size == -1


def test_deleverages__settled_market__closes_at_its_last_price_without_impact():
    system = new_system(PLAIN, FULL, liquidity=100_000, target=10)
    key = margin(system, 1, 10, market_id=GOLD)
    isolated(system, 1)
    system.now += 3 * 86_400
    system.settle_market(GOLD, 15_000 * WAD)
    decided = todo(system)
    assert decided.actions[0].id == key
    carried_out(system, decided.actions)


@pytest.mark.parametrize("traded, later", [(0, 1), (1, 0)])
def test_deleverages__market_with_impact__in_a_block_without_trades_only(traded, later):
    system = new_system(PLAIN, FULL, liquidity=10**6, target=10)
    keys = [margin(system, account, 10, market_id=GOLD) for account in (1, 2)]
    system.now += traded
    system.set_price(GOLD, 20_000 * WAD)
    decided = todo(system)
    assert decided.actions[0].timestamp == NOW + traded + later
    assert decided.actions[0].id in keys
    capped(system, GOLD, max_long_oi_value=0)
    decided = todo(system)
    delays = [action.timestamp - system.now for action in decided.actions]
    assert delays == [1, 2, 3], "a block for each"
    carried_out(system, decided.actions)


# -------------------------------------------------------------------------------- who can be paid


def test_deleverages__vault_cannot_pay_all__pays_what_it_can():
    decided = todo(winners(1, 2, 3, liquidity=2_500, target=2))
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
    decided = todo(system)
    # However little of the margin position is closed, 3,000 would have to be paid.
    assert closes(decided) == [(1, 2 * WAD)]
    assert reasons(decided) == {key: f"VaultCannotPay({3_000 * WAD}, {500 * WAD})"}


def test_deleverages__vault_has_next_to_nothing__closes_no_dust():
    # 0.0009 bitcoins could be paid for, worth less than the smallest position.
    system = winners(3)
    system.vault.liquidity = 9 * WAD // 10
    system.set_target_collateralization_ratio(WAD)
    decided = todo(system)
    assert decided.actions == ()
    assert reasons(decided) == {1: f"VaultCannotPay({3_000 * WAD}, {9 * WAD // 10})"}
    system.vault.liquidity = WAD  # for 0.001, worth 11
    assert closes(todo(system)) == [(1, WAD // 1_000)]


def test_deleverages__only_a_part_can_be_paid_but_reaches_the_target__is_enough():
    # 2,500 for 3,000 - 1,000, the loser's: 1.5 once 1,000 have been paid.
    system = winners(3, -1, liquidity=2_500, target=1.5)
    assert closes(todo(system)) == [(1, WAD)]


# ----------------------------------------------------------------------------------- open interest


def capped(system, market_id=BTC, **caps):
    system.set_market(market_id, replace(system.market(market_id).config, **caps))
    return system


def test_deleverages__side_above_its_cap__closes_the_excess_of_the_largest_winner():
    system = capped(winners(1, 2, 3), max_long_oi_value=40_000 * WAD)
    stays = (40_000 * WAD + 1) * WAD // (11_000 * WAD)
    (side,) = todo(system).standing.over
    assert (side.market_id, side.is_long, side.value) == (BTC, True, 66_000 * WAD)
    decided = todo(system)
    (action,) = decided.actions
    assert (action.id, action.max_size, action.reason) == (3, 6 * WAD - stays, "open-interest")
    after = carried_out(system, decided.actions)
    assert after.market(BTC).long_oi * 11_000 <= 40_000 * WAD
    assert (after.market(BTC).long_oi + 1) * 11_000 > 40_000 * WAD, "and no unit more"


def test_deleverages__excess_is_more_than_the_first__goes_on_with_the_next():
    # 3 and 2 of 6 have to go, in the order of profit.
    system = capped(winners(1, 2, 3), max_long_oi_value=11_000 * WAD)
    assert closes(todo(system)) == [(3, 3 * WAD), (2, 2 * WAD)]


def test_deleverages__cap_of_zero__closes_all_losers_last():
    system = new_system()
    isolated(system, 1)
    system.set_price(BTC, 12_000 * WAD)
    isolated(system, 2)
    key = margin(system, 4, 1)
    system.set_price(BTC, 11_000 * WAD)
    decided = todo(capped(system, max_long_oi_value=0))
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
    assert closes(todo(system)) == [(1, WAD)]


def test_deleverages__short_side_above_its_cap__closes_shorts_only():
    system = new_system()
    isolated(system, 3, -1, -2)
    system.set_price(BTC, 9_000 * WAD)
    capped(system, max_short_oi_value=18_000 * WAD)
    assert closes(todo(system)) == [(3, WAD)]
    assert todo(system).actions[0].size == -WAD


def test_deleverages__larger_winner_on_another_market__is_not_asked_for():
    system = new_system(PLAIN, PLAIN, liquidity=100_000)
    isolated(system, 2)
    key = margin(system, 1, 1, market_id=GOLD)
    system.set_price(BTC, 11_000 * WAD)
    assert closes(todo(capped(system, GOLD, max_long_oi_value=0))) == [(key, WAD)]


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
    decided = todo(system)
    assert [action.size for action in decided.actions] == [20 - stays]
    assert not standing_of(snapshot_of(carried_out(system, decided.actions))).due


def test_deleverages__caps_of_several_markets__each_for_itself():
    system = new_system(PLAIN, PLAIN, liquidity=100_000)
    isolated(system, 2)
    keys = [margin(system, account, 1, market_id=GOLD) for account in (1, 2)]
    margin(system, 3, 1)
    capped(system, BTC, max_long_oi_value=20_000 * WAD)
    capped(system, GOLD, max_long_oi_value=15_000 * WAD)
    decided = todo(system)
    assert closes(decided) == [(1, WAD), (keys[0], WAD // 2)]
    assert [str(action.side) for action in decided.actions] == ["0-long", "1-long"]


def test_deleverages__collateral_cannot_pay_the_part__takes_the_next():
    system = new_system(liquidity=100_000)
    for number, collateral in ((1, 1_000), (2, 5_000)):
        system.deposit_collateral(trader(number), collateral * WAD)
        system.open_position_with_token(trader(number), WAD, True)
    system.set_price(BTC, 8_500 * WAD)
    capped(system, max_long_oi_value=10_000 * WAD)
    decided = todo(system)
    # 0.82... of either; the first cannot pay for that, and nothing is left of its collateral.
    assert [action.id for action in decided.actions] == [2]
    assert reasons(decided)[1].startswith("InsufficientCollateral(")


def test_deleverages__excess_cannot_be_paid__closes_what_can():
    system = capped(winners(3, liquidity=500), max_long_oi_value=11_000 * WAD)
    decided = todo(system)
    assert closes(decided) == [(1, WAD // 2)]
    assert decided.left == "none that can be closed"


def test_deleverages__next_to_nothing_of_the_excess_can_be_paid__closes_no_dust():
    system = capped(winners(3), max_long_oi_value=11_000 * WAD)
    system.vault.liquidity = 9 * WAD // 10
    assert todo(system).actions == ()
    system.vault.liquidity = WAD
    assert closes(todo(system)) == [(1, WAD // 1_000)]


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
    decided = todo(system)
    # Paying 3,000 leaves nothing that is owed. Of the longs the one that has lost least goes first.
    assert [(a.id, a.max_size, a.reason) for a in decided.actions] == [
        (short, 1, "ratio"),
        (2, WAD, "open-interest"),
    ]
    assert not standing_of(snapshot_of(carried_out(system, decided.actions))).due


def test_deleverages__both_and_the_winner_cannot_be_paid__losers_have_to_stay():
    system, short = both(liquidity=2_000, target=2)
    decided = todo(system)
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
    decided = todo(capped(system, max_long_oi_value=0))
    assert [action.id for action in decided.actions] == [1, keys[0]]
    assert reasons(decided) == {keys[1]: f"VaultCannotPay({2_900 * WAD}, {400 * WAD})"}


def test_deleverages__closing_for_the_ratio_solves_the_side_too__stops():
    system = capped(winners(1, 2, 3, target=2), max_long_oi_value=44_000 * WAD)
    assert closes(todo(system)) == [(3, 2 * WAD)]


# ----------------------------------------------------------------------------------- not possible


def test_deleverages__market_with_positions_has_no_price__nothing_can_be_known():
    system = new_system(PLAIN, PLAIN, target=10)
    isolated(system, 3)
    margin(system, 1, 1, market_id=GOLD)
    system.set_price(BTC, 11_000 * WAD)
    system.set_price(GOLD, None)
    decided = todo(system)
    assert (decided.standing, decided.actions) == (None, ())


def test_deleverages__market_without_positions_has_no_price__does_not_matter():
    system = new_system(PLAIN, PLAIN, target=10)
    isolated(system, 3)
    system.set_price(BTC, 11_000 * WAD)
    system.set_price(GOLD, None)
    assert len(todo(system).actions) == 1


@pytest.mark.parametrize("gas_price, acts", [(7, True), (8, False)])
def test_deleverages__gas_price__is_bounded(gas_price, acts):
    decided = todo(winners(3, target=10), wanted=Settings(max_gas_price=7), gas_price=gas_price)
    assert bool(decided.actions) is acts
    assert decided.left == ("" if acts else "gas price 8 above 7")


@pytest.mark.parametrize("most", [0, 1, 2])
def test_deleverages__more_than_allowed__takes_the_first(most):
    system = capped(winners(1, 2, 3), max_long_oi_value=0)
    decided = todo(system, most)
    assert closes(decided) == [(3, 3 * WAD), (2, 2 * WAD), (1, WAD)][:most]
    assert decided.left == "no more in one round"


def test_deleverages__as_many_as_allowed__is_no_limit():
    system = capped(winners(1, 2, 3), max_long_oi_value=0)
    assert todo(system, 3).left == ""


def test_deleverages__excluded__are_passed_over():
    system = winners(1, 2, 3, target=2)
    assert closes(todo(system, excluded={3})) == [(2, 2 * WAD)]


def test_settings__no_gas_for_a_deleverage__is_refused():
    with pytest.raises(ValueError, match="max_deleverage_gas must be at least 1, is 0"):
        Settings(max_deleverage_gas=0)


# ------------------------------------------------------------------------- agreement with the model


@st.composite
def systems(draw):
    """Both kinds of positions on up to three markets, some of them won, at a random target and
    caps that some sides exceed."""
    configs = [draw(st.sampled_from([PLAIN, FULL])) for _ in range(draw(st.integers(1, 3)))]
    system = new_system(
        *configs,
        liquidity=draw(st.integers(10**4, 10**6)),
        fee_rate=draw(st.sampled_from([0, WAD // 10])),
    )
    for number in range(draw(st.integers(1, 7))):
        size = draw(st.integers(WAD // 100, 20 * WAD))
        is_long = draw(st.booleans())
        try:
            if draw(st.booleans()):
                system.deposit_collateral(trader(number), draw(st.integers(10**3, 10**5)) * WAD)
                system.open_position_with_token(trader(number), size, is_long)
            else:
                market_id = draw(st.integers(0, len(configs) - 1))
                client = draw(st.sampled_from([CLIENT, OTHER_CLIENT]))
                system.execute_order(client, number, market_id, size if is_long else -size)
        except Rejected:
            continue
        system.now += draw(st.integers(0, 10_000))
    if draw(st.booleans()):
        system.withdraw("lp", max(1, system.max_withdraw("lp") * draw(st.integers(1, 4)) // 4))
    system.now += draw(st.integers(0, 86_400))
    for market_id in range(len(configs)):
        system.set_price(market_id, draw(st.integers(7_000, 14_000)) * WAD)
        for side in ("long", "short"):
            if draw(st.integers(0, 3)) == 0:
                cap = draw(st.integers(0, 200_000)) * WAD
                capped(system, market_id, **{f"max_{side}_oi_value": cap})
    system.set_target_collateralization_ratio(draw(st.integers(0, 10 * WAD)))
    return system


@given(system=systems())
@settings(max_examples=300, deadline=None)
def test_deleverages__any_system__all_go_through_and_end_when_nothing_is_due_or_possible(system):
    shot = snapshot_of(system)
    untouched = deepcopy(shot)
    decided = deleverages(shot, Settings(), 12)
    assert shot == untouched
    after = carried_out(system, decided.actions)
    standing = standing_of(snapshot_of(after))
    assert (decided.left == "") is (not standing.due)
    after.now += 1  # a block in which nobody has traded
    if decided.left != "none that can be closed":
        return
    for position in (*snapshot_of(after).positions, *snapshot_of(after).margin_positions):
        with pytest.raises(Rejected):
            deleverage(deepcopy(after), position, abs(position.position.size))


def deleverage(world, holding, size):
    if isinstance(holding.id, int):
        return world.deleverage_trader(holding.owner, size)
    key = holding.id
    return world.deleverage_account(key.client, key.account, key.market_id, size)


@given(system=systems())
@settings(max_examples=200, deadline=None)
def test_deleverages__any_system__takes_the_most_profitable_and_no_more_than_needed(system):
    decided = deleverages(snapshot_of(system), Settings(), 12)
    world = deepcopy(system)
    for action in decided.actions:
        profits = profits_of(world, action.side)
        skipped = {skip.id for skip in decided.skipped} | {a.id for a in decided.actions}
        better = [name for name, won in profits.items() if won > profits[action.id]]
        assert set(better) <= skipped
        before = world
        world = carried_out(world, [action])
        if action.side is None:
            assert before.collateralization_ratio() < before.vault.target_collateralization_ratio
            assert profits[action.id] > 0
            fewer = ratio_after_one_unit_less(before, action)
            if fewer is not None:
                target = before.vault.target_collateralization_ratio
                assert action.ratio_after < target or fewer < target
        else:
            assert action.side in standing_of(snapshot_of(before)).over


def profits_of(world, side):
    """Of the positions among which the choice was, what closing them whole would realise."""
    found = {}
    for position in (*snapshot_of(world).positions, *snapshot_of(world).margin_positions):
        size = position.position.size
        if side and (position.market_id, size > 0) != (side.market_id, side.is_long):
            continue
        probe = deepcopy(world)
        probe.vault.liquidity = 10**36
        if isinstance(position.id, int):
            closed = probe.close_position(position.owner)
            found[position.id] = (
                closed.price_pnl + closed.funding + closed.borrowing_fee + closed.closing_fee
            )
        else:
            key = position.id
            found[key] = probe.execute_order(
                key.client, key.account, key.market_id, -size
            ).settlement
    return found


def ratio_after_one_unit_less(world, action):
    """The ratio after one unit less; None where that would be refused."""
    if action.max_size == 1:
        return None
    probe = deepcopy(world)
    probe.now = action.timestamp
    try:
        return deleverage(probe, action, action.max_size - 1).ratio_after
    except Rejected:
        return None
