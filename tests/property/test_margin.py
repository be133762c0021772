"""Margin accounts on three markets beside isolated traders, in random walks. No chain.

Messages of failed assertions begin with the invariant's id (docs/invariants.md).
"""

import random
from collections import Counter
from fractions import Fraction
from math import trunc
from typing import Any

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from prep.model import WAD, MarketConfig
from prep.model.checks import all_checks, eps, positions_of
from tests.property.margin import CLIENT, MARGIN_KINDS, ORDERS, MarginWorld, margin_worlds
from tests.property.world import (
    KINDS,
    PRICES,
    TRADERS,
    TRADES,
    UNIT,
    actions,
    quick,
    run,
    tight,
)


@settings(quick, max_examples=120)
@given(margin_worlds(), actions((*KINDS, *MARGIN_KINDS, *ORDERS), 50), st.integers(0, 10))
def test_any_sequence__after_each_action__invariants_hold(
    world: MarginWorld, sequence: list[tuple[str, int, int]], target: int
) -> None:
    world.system.set_target_collateralization_ratio(target * WAD)
    for who in range(4):
        run(world, "pay_in", who, 4_000)
    for kind, who, x in sequence:
        run(world, kind, who, x)


@settings(quick, max_examples=30)
@given(
    margin_worlds(),
    actions((*KINDS, *ORDERS), 30),
    actions((*KINDS, *MARGIN_KINDS, *ORDERS), 20),
    st.integers(0, 2),
)
def test_any_sequence__a_market_is_settled__invariants_hold_and_all_can_leave(
    world: MarginWorld, before: list[Any], after: list[Any], dead: int
) -> None:
    system = world.system
    for who in range(4):
        run(world, "pay_in", who, 4_000)
    for kind, who, x in before:
        run(world, kind, who, x)
    system.settle_market(dead, system.price(dead) * 11 // 10)
    assert all_checks(system) == []
    for kind, who, x in after:
        run(world, kind, who, x)
    world.tokens += system.deposit("rescue", 10**7 * UNIT).assets
    for who in range(4):
        if system.position(TRADERS[who]).id:
            run(world, "close", who, 0)
        run(world, "leave_all", who, 0)
    assert [market.open_interest for market in system.markets] == [0, 0, 0]
    sums = [(m.cost_long, m.cost_short, m.borrow_cost, m.funding_cost) for m in system.markets]
    assert sums == [(0, 0, 0, 0)] * 3, "P1"


def test_long_walks__fixed_seeds__reach_every_outcome() -> None:
    seen: Counter[str] = Counter()
    for seed in range(3):
        configs = tuple(
            tight(price, depth, 60_000) for depth, price in zip((12, 1, 0), PRICES, strict=False)
        )
        world, dice = (
            MarginWorld(PRICES[:3], configs, protocol_fee_rate=WAD // 3),
            random.Random(seed),
        )
        world.system.set_target_collateralization_ratio(10 * WAD)
        often = (*KINDS, *ORDERS[:-1], "order", "order", "order", "grow", "open_size", "pay_in")
        for step in range(1_500):
            x, who = dice.randrange(10_001), dice.randrange(4)
            if step % 6 == 0:
                run(world, "price", 0, x // 2 + 5_000 * (step // 200 % 2))
            elif step % 6 == 1:
                for account in range(4):
                    run(world, "push_out", account, x)
                    run(world, "push_trader_out", account, x)
            elif step % 40 == 3 and world.system.vault.liquidity > 50_000 * UNIT:
                run(world, "lp_withdraw", who, 8_500)
            elif step % 100 == 5:
                run(world, "leave_all", who, x)
            else:
                run(world, dice.choice(often), who, x)
        seen += world.seen
    expected = {
        *MARGIN_KINDS,
        "NetOpenInterestCapExceeded",
        "NotReducible",
        "NothingToClose",
        "NothingToDeleverage",
        "OpenInterestCapExceeded",
        "PositionTooLarge",
        "PositionTooSmall",
        "ReservesExceeded",
        "SettlementNotPositive",
        "SkewScaleExceeded",
        "ZeroAmount",
        "pushed: large side",
        "pushed: loser",
        "pushed: low ratio",
    }
    assert expected <= set(seen), expected - set(seen)


# --------------------------------------------------------------------------- money and manipulation

ATTACK = (*TRADES, *ORDERS, "lp_deposit", "lp_withdraw")


@settings(quick, max_examples=120)
@given(margin_worlds(), actions((*TRADES, *ORDERS), 6), actions(ATTACK, 30))
def test_attack__one_block_one_price__gains_nothing(
    world: MarginWorld, before: list[Any], sequence: list[Any]
) -> None:
    """By three traders, three accounts and an LP, all flat and unused before and flat after.
    Without deleverage: who may force others to close can move the skew against them first."""
    system = world.system
    for who in (0, 0, 1, 2, 3):
        world.act("pay_in", who, 9_000)
    for kind, _, x in before:  # of others: positions, funding and fees from another time and price
        world.act(kind, 0, x)
        world.act("price", 0, x)
        world.act("wait", 0, x)
    start = world.tokens
    for fills in world._fills.values():
        fills.clear()
    for kind, who, x in sequence:
        world.act(kind, 1 if kind.startswith("lp_") else max(1, who), x)
    world.act("lp_deposit", 0, 9_000)  # somebody else's: the vault can pay for the way out
    start += 900_000 * UNIT
    for who in (1, 2, 3):
        if system.position(TRADERS[who]).id:
            world.fills.append(system.close_position(TRADERS[who]).size_removed)
        world.act("leave_all", who, 0)
    assert not any(account for _, account in system.margin_positions[1])
    for trader in TRADERS[1:]:
        if collateral := system.position(trader).collateral:
            world.tokens += system.withdraw_collateral(trader, collateral).amount
    if shares := system.max_redeem("junior"):
        world.tokens -= system.redeem("junior", shares).assets
    paid_in = 3 * 4_500 * UNIT
    assert all_checks(system) == []
    gain = start - paid_in - world.tokens
    assert gain <= world.tolerance(), f"M6 gained {gain}, eps {world.tolerance()}"


@quick
@given(margin_worlds(), actions(("open_size", "open_token", "order"), 12), st.integers(1, 10**6))
def test_funding__nobody_trades__what_one_side_pays_the_other_and_the_vault_get(
    world: MarginWorld, opens: list[tuple[str, int, int]], elapsed: int
) -> None:
    system = world.system
    for who in range(4):
        world.act("pay_in", who, 10_000)
    for kind, who, x in opens:
        world.act(kind, who, x)
    held = [[p.size for p in positions_of(system, market_id)] for market_id in range(3)]
    assume(sum(map(len, held)) > 1)
    before = [system.quote(market_id) for market_id in range(3)]
    system.now += elapsed
    after = [system.quote(market_id) for market_id in range(3)]
    received: list[list[int]] = [[], [], []]
    for trader in [system.owners[number] for number in sorted(system.owners)]:
        received[0].append(system.close_position(trader).funding)
    for who in range(4):
        for closed in system.close_all(CLIENT, who):
            received[closed.market_id].append(closed.funding)
    for market_id in range(3):
        sizes, paid = held[market_id], received[market_id]
        step = after[market_id].funding_index - before[market_id].funding_index
        assert sorted(paid) == sorted(trunc(Fraction(size * step, WAD)) for size in sizes), "P7"
        vault = -trunc(Fraction(sum(sizes) * step, WAD))
        lost, quote = sum(paid) + vault, after[market_id]
        tolerance = eps(sizes, quote.price, quote.skew_scale)
        assert abs(lost) <= tolerance, f"P7 {lost} came from nowhere, eps {tolerance}"
        assert system.cash_flow(market_id).accrued_funding == -sum(paid), "P7 not booked"


# ------------------------------------------------------------------------------ path independence


def paired(price: int, skew: int, **parameters: int) -> tuple[MarginWorld, MarginWorld]:
    """Two equal worlds in which somebody else holds a skew of so many PREP; the skew scale is worth
    a hundred million."""
    config = MarketConfig(skew_scale=10**8 * UNIT * WAD // price + 1, **parameters)
    pair = []
    for _ in range(2):
        world = MarginWorld((price,) * 3, (config,) * 3, protocol_fee_rate=WAD // 7)
        world.system.deposit("rich", 10**36)
        if base := skew * UNIT * WAD // price:
            world.system.execute_order(CLIENT, "other", 1, base)
        pair.append(world)
    return pair[0], pair[1]


skews = st.integers(-(10**7), 10**7)


@quick
@given(
    st.sampled_from(PRICES),
    skews,
    st.lists(st.integers(-(10**24), 10**24), min_size=1, max_size=8),
)
def test_order__in_pieces__costs_what_one_order_costs(
    price: int, skew: int, worths: list[int]
) -> None:
    one, many = paired(price, skew)
    parts = [size for worth in worths if (size := worth * WAD // price)]
    total = sum(parts)
    at, fills, got = 0, [total, total], [0, 0]
    if total:
        got[0] += one.system.execute_order(CLIENT, 1, 1, total).settlement
    for part in parts:
        got[1] += many.system.execute_order(CLIENT, 1, 1, part).settlement
        fills += [at, at + part]
        at += part
    positions = [w.system.margin_position(CLIENT, 1, 1) for w in (one, many)]
    assert positions[0] == positions[1], "M6 the way in shows in the position"
    tolerance = eps(fills, price, one.system.markets[1].skew_scale)
    assert abs(got[0] - got[1]) <= tolerance, "M6 path dependence"


@quick
@given(
    st.sampled_from(PRICES),
    skews,
    st.tuples(st.integers(1, 10**7), st.integers(1, 10**7), st.sampled_from((1, -1))),
    st.tuples(st.integers(900, 1_100), st.integers(0, 10**7)),
)
def test_order__flip__is_a_close_and_an_opening(
    price: int, skew: int, worths: tuple[int, int, int], later: tuple[int, int]
) -> None:
    flipping, other = paired(
        price,
        skew,
        max_funding_velocity=9 * WAD,
        opening_fee_rate=WAD // 999,
        closing_fee_rate=WAD // 777,
        borrow_rate=WAD,
        reserve_factor=WAD // 7,
    )
    held, target = (worths[2] * worth * UNIT * WAD // price for worth in worths[:2])
    for world in (flipping, other):
        world.system.execute_order(CLIENT, 1, 1, held)
        world.system.now += later[1]
        world.system.set_price(1, price * later[0] // 1_000)
    flip = flipping.system.execute_order(CLIENT, 1, 1, -held - target)
    close = other.system.execute_order(CLIENT, 1, 1, -held)
    opened = other.system.execute_order(CLIENT, 1, 1, -target)
    # Every part is rounded alone, so they agree to the unit.
    assert flip.settlement == close.settlement + opened.settlement
    assert flip.protocol_fee == close.protocol_fee + opened.protocol_fee
    assert (flip.close_price, flip.position) == (close.close_price, opened.position)
    assert flipping.system.cash_flow() == other.system.cash_flow()


@pytest.mark.parametrize("fee_rate", [0, WAD // 10_000])
def test_order__ten_thousand_times_in_and_out__drifts_by_less_than_eps_each(fee_rate: int) -> None:
    dice = random.Random(5)
    rates = {"opening_fee_rate": fee_rate, "closing_fee_rate": fee_rate}
    system = paired(PRICES[1], 4 * 10**6, **rates)[0].system
    scale = system.markets[1].skew_scale
    for _ in range(5_000):
        price = PRICES[1] * dice.randrange(9_000, 11_001) // 10_000
        system.set_price(1, price)
        worths = [dice.choice((1, -1)) * 10 ** dice.randrange(6, 24) for _ in range(2)]
        sizes = [worth * dice.randrange(1, 9) * WAD // price for worth in worths]
        # Alone in between, a way out is the way in to the unit; here each is in the other's way.
        gain = sum(
            system.execute_order(CLIENT, account, 1, sign * sizes[account]).settlement
            for sign in (1, -1)
            for account in (0, 1)
        )
        assert abs(gain) <= eps(2 * sizes, price, scale) or fee_rate, "M6 rounding"
        assert gain < 0 or not fee_rate, "M6 fees are more than rounding"


@quick
@given(st.sampled_from(PRICES), skews, st.lists(st.integers(-(10**24), 10**24), max_size=8))
def test_order__nobody_else_trades__the_way_out_is_the_way_in_to_the_unit(
    price: int, skew: int, worths: list[int]
) -> None:
    system = paired(price, skew)[0].system
    for worth in worths:
        if size := worth * WAD // price:
            assert system.execute_order(CLIENT, 1, 1, size).settlement == 0, "M6"
    assert sum(closed.settlement for closed in system.close_all(CLIENT, 1)) == 0, "M6"
