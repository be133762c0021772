"""What the keeper would deleverage agrees with the whole model, on any system."""

from copy import deepcopy

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from prep.keeper import Settings, deleverages, standing_of
from prep.model import WAD, Rejected
from tests.unit.deleveraging import (
    CLIENT,
    FULL,
    OTHER_CLIENT,
    PLAIN,
    capped,
    carried_out,
    deleverage,
    new_system,
    trader,
)
from tests.unit.keeper_snapshots import snapshot_of


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
