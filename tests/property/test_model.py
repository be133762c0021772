"""The reference model against its own invariants, in random walks. No chain.

Messages of failed assertions begin with the invariant's id (docs/invariants.md).
"""

import copy
import random
from collections import Counter
from fractions import Fraction
from math import trunc
from typing import Any

from hypothesis import assume, given, settings
from hypothesis import strategies as st

from prep.model import UNLIMITED, WAD, MarketConfig
from prep.model.checks import all_checks, eps
from prep.model.fixed import wmul
from tests.property.world import (
    KINDS,
    LPS,
    PRICES,
    TRADERS,
    TRADES,
    UNIT,
    World,
    accepted,
    actions,
    quick,
    reach,
    run,
    tight,
    worlds,
)


@settings(quick, max_examples=120)
@given(worlds(), actions(KINDS, 40))
def test_any_sequence__after_each_action__invariants_hold(
    world: World, sequence: list[tuple[str, int, int]]
) -> None:
    for who in range(4):
        run(world, "pay_in", who, 4_000)
    for kind, who, x in sequence:
        run(world, kind, who, x)


def test_long_walks__fixed_seeds__reach_every_outcome() -> None:
    seen: Counter[str] = Counter()
    for seed, (price, depth) in enumerate(zip(PRICES, (0, 4, 12, 0), strict=True)):
        config = tight(price, depth, 70_000)
        world, dice = World(price, config, protocol_fee_rate=WAD // 3), random.Random(seed)
        for step in range(2_000):
            x = dice.randrange(10_001)
            if step % 4 == 0:  # now and then back toward where it started
                back = step // 500 % 2 and world.system.price(0) < price
                run(world, "price", 0, x // 2 + 5_000 * back)
            elif step % 4 == 1:
                for who in range(4):
                    run(world, "liquidate", who, 1)
            else:
                run(world, dice.choice(KINDS), dice.randrange(4), x)
        seen += world.seen
    expected = {
        *KINDS,
        "DecreaseTooLarge",
        "ERC4626ExceededMaxRedeem",
        "ERC4626ExceededMaxWithdraw",
        "InsufficientCollateral",
        "LeverageTooHigh",
        "NetOpenInterestCapExceeded",
        "NoPosition",
        "OpenInterestCapExceeded",
        "PositionExists",
        "PositionHealthy",
        "PositionTooLarge",
        "PositionTooSmall",
        "SelfLiquidation",
        "UnknownPosition",
        "liquidate: 1 steps, flat False",
        "liquidate: 1 steps, flat True",
        "liquidate: 2 steps, flat True",
        "liquidate: bad debt",
        "liquidate: share waived",
        "liquidate: vault rewards",
    }
    assert expected <= set(seen), expected - set(seen)


# ------------------------------------------------------------------------- money and manipulation

ATTACK = (*TRADES, "lp_deposit", "lp_mint", "lp_withdraw", "lp_redeem")


def attack(world: World, before: list[Any], sequence: list[Any]) -> tuple[int, int]:
    """What somebody with three trading addresses and one LP address, none of them used before,
    gains by a sequence of actions within one block at one price, once he is flat again; and the
    bad debt that the vault booked meanwhile."""
    system = world.system
    world.act("pay_in", 0, 9_000)
    world.act("pay_in", 0, 9_000)
    world.act("open_size", 0, before[0][2])
    for kind, _, x in before:  # a price, funding and fees that are not those of the start
        world.act("price" if kind in TRADES else "wait", 0, x)
    world.fills.clear()
    start, mine, owed = world.tokens, TRADERS[1:], system.cash_flow().bad_debt
    for who in (1, 2, 3):
        world.act("pay_in", who, 9_000)
    for kind, who, x in sequence:
        world.act(kind, 1 if kind.startswith("lp_") else max(1, who), x)
    for trader in mine:
        if system.position(trader).id:
            world.fills.append(system.close_position(trader).size_removed)
    for trader in mine:
        if collateral := system.position(trader).collateral:
            world.tokens += system.withdraw_collateral(trader, collateral).amount
    if shares := system.max_redeem("junior"):
        world.tokens -= system.redeem("junior", shares).assets
    assert all_checks(system) == []
    assert system.vault.shares.get("junior", 0) == 0 or system.lower_value() == 0
    return start - world.tokens, owed - system.cash_flow().bad_debt


@settings(quick, max_examples=120)
@given(worlds(), actions(ATTACK, 4), actions(ATTACK, 25))
def test_attack__one_block_one_price__gains_nothing(
    world: World, before: list[Any], sequence: list[Any]
) -> None:
    gain, bad_debt = attack(world, before, sequence)
    assert bad_debt == 0, "M6 somebody left a debt behind"
    quote = world.system.quote(0)
    tolerance = eps(world.fills, quote.price, quote.config.skew_scale)
    assert gain <= tolerance, f"M6 gained {gain}, eps {tolerance}"


@quick
@given(
    st.sampled_from(PRICES), st.booleans(), st.integers(0, 99), st.integers(1, 99), st.booleans()
)
def test_attack__skew_moved_against_the_thinnest_margin__leaves_no_debt(
    price: int, is_long: bool, before: int, share: int, costly: bool
) -> None:
    depth = 120_000_000 * UNIT * WAD // price
    rate = WAD // 1_000 if costly else 0
    config = MarketConfig(skew_scale=depth, opening_fee_rate=rate, closing_fee_rate=rate)
    system, rich, fills = World(price, config).system, 10**9 * UNIT, []
    system.deposit("senior", rich)
    for trader in ("leaver", "victim", "mover"):
        system.deposit_collateral(trader, rich)

    def largest(trader: str, side: bool, percent: int) -> None:
        """Opens that part of the largest position which is accepted."""
        allowed = reach(
            lambda size: accepted(
                copy.deepcopy(system).open_position_with_token, trader, size, side
            ),
            2 * depth,
        )
        if size := allowed * percent // 100:
            fills.append(system.open_position_with_token(trader, size, side).size_added)

    largest("leaver", is_long, before)  # moves the skew once by going with and once by leaving
    largest("victim", is_long, share)
    thin = reach(
        lambda out: accepted(copy.deepcopy(system).withdraw_collateral, "victim", out), rich
    )
    system.withdraw_collateral("victim", thin)
    if before:
        fills.append(system.close_position("leaver").size_removed)
    largest("mover", not is_long, 100)
    closed = system.close_position("victim")
    assert closed.bad_debt == 0, f"M6 a debt of {closed.bad_debt} is left to the vault"
    fills += [closed.size_removed, system.close_position("mover").size_removed]
    out = thin + sum(trader.collateral for trader in system.traders.values())
    assert out - 3 * rich <= eps(fills, price, depth), "M6 gained"


@quick
@given(worlds(impact=True), actions(("open_size", "open_token"), 4), st.integers(1, 10**6))
def test_funding__nobody_trades__what_one_side_pays_the_other_and_the_vault_get(
    world: World, opens: list[tuple[str, int, int]], elapsed: int
) -> None:
    system = world.system
    for who in range(4):
        world.act("pay_in", who, 10_000)
    for kind, who, x in opens:
        world.act(kind, who, x)
    assume(system.owners)
    before = system.quote(0)
    system.now += elapsed
    quote = system.quote(0)
    step, skew = quote.funding_index - before.funding_index, quote.market.skew
    assert (quote.funding_rate - before.funding_rate) * skew >= 0, "P7 larger side is not charged"
    held = {trader: system.position(trader).size for trader in system.owners.values()}
    unrealised = system.unrealised(0).funding
    received = {trader: system.close_position(trader).funding for trader in held}
    for trader, amount in received.items():
        assert amount == trunc(Fraction(held[trader] * step, WAD)), "P7 one position's funding"
    tolerance = eps(held.values(), quote.price, quote.config.skew_scale)
    vault = -trunc(Fraction(skew * step, WAD))
    lost = sum(received.values()) + vault
    assert abs(lost) <= tolerance, f"P7 {lost} came from nowhere, eps {tolerance}"
    assert abs(unrealised + vault) <= tolerance, f"P7 reported {unrealised}, vault {vault}"
    assert system.cash_flow().accrued_funding == -sum(received.values()), "P7 not booked"


# -------------------------------------------------------------------------------------- the vault


@quick
@given(worlds(), actions(KINDS, 20), st.integers(1, 10**30))
def test_limits__any_state__are_exact(world: World, sequence: list[Any], extra: int) -> None:
    for who in range(4):
        world.act("pay_in", who, 4_000)
    for kind, who, x in sequence:
        world.act(kind, who, x)
    system = world.system
    for name, args in (("deposit", ()), ("mint", ()), ("withdraw", LPS), ("redeem", LPS)):
        for owner in args or ("anybody",):
            most = getattr(system, f"max_{name}")(*((owner,) if args else ()))
            for more in (1, extra):
                beyond = getattr(copy.deepcopy(system), name)
                assert not accepted(beyond, owner, most + more), f"V3 {name} above {most}"
            if most:
                at = getattr(copy.deepcopy(system), name)
                assert accepted(at, owner, most), f"V3 {name} of {most}"


@quick
@given(worlds(), actions(KINDS, 20), st.integers(1, 10**24), st.integers(1, 10**30))
def test_deposit__then_out_at_once__never_returns_more(
    world: World, sequence: list[Any], assets: int, shares: int
) -> None:
    for who in range(4):
        world.act("pay_in", who, 4_000)
    for kind, who, x in sequence:
        world.act(kind, who, x)
    system = world.system
    with_assets, with_shares = copy.deepcopy(system), copy.deepcopy(system)
    if accepted(with_assets.deposit, "new", assets):
        out = with_assets.preview_redeem(with_assets.vault.balance_of("new"))
        assert out <= assets, f"V2 {assets} in, {out} out"
    if assets <= system.max_deposit() and shares <= system.max_mint():
        paid = with_shares.mint("new", shares).assets
        assert paid == system.preview_mint(shares)
        most = with_shares.max_withdraw("new")
        assert most <= paid, f"V2 {paid} in, {most} out"


@quick
@given(worlds(), actions(KINDS, 20))
def test_values__any_state__follow_the_formulas(world: World, sequence: list[Any]) -> None:
    for who in range(4):
        world.act("pay_in", who, 4_000)
    for kind, who, x in sequence:
        world.act(kind, who, x)
    system, it = world.system, world.system.unrealised()
    liquidity, market = system.vault.liquidity, system.markets[0]
    traders = it.seq_pnl + it.funding
    assert system.upper_value() == max(0, liquidity - traders - it.borrowing)
    assert system.lower_value() == max(0, liquidity - max(0, it.seq_pnl) - max(0, it.funding))
    assert system.lower_value() <= system.upper_value()
    assert system.total_debt() == max(0, traders)
    ratio = liquidity * WAD // traders if traders > 0 else UNLIMITED
    assert system.collateralization_ratio() == ratio
    sides, factor = (market.cost_long, market.cost_short), market.config.reserve_factor
    for by_larger, notional in ((False, abs(sides[0] - sides[1])), (True, max(sides))):
        expected = max(0, wmul(notional, factor) + traders) if system.owners else 0
        assert system.exposure(by_larger).reserves == expected
    flow, own, out = system.cash_flow(), system.balance(), system.withdrawal_balance()
    assert own.total == flow.total - (it.price_pnl + it.closing_fee + it.funding + it.borrowing)
    assert out.total == flow.total - max(0, it.price_pnl) - max(0, it.funding)
    assert system.total_withdrawal_balance() == max(0, system.vault.net_deposits + out.total)
