"""What the keeper decides, without a chain: exact numbers, limits, and agreement with the model."""

from copy import deepcopy
from dataclasses import fields, replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from prep.keeper import Aggregates, MarketShot, OpenPosition, Settings, Snapshot, decide, plan
from prep.model import WAD, MarketConfig, Rejected, System
from tests.unit.keeper_snapshots import snapshot_of

KEEPER, TRADER, OTHER = ("0x" + digit * 40 for digit in "123")
GWEI = 10**9
PRICE = 10_000 * WAD
NOW = 1_800_000_000

# A position of 15,000 PREP that lost 525 of its 1,000: above 30x, a third of it can be paid.
SIZE = 15 * WAD // 10
FALLEN = 9_650 * WAD
COLLATERAL = 1_000 * WAD
REWARD = 75 * WAD  # 0.5 % of 15,000


def position(position_id=1, trader=TRADER, collateral=COLLATERAL, size=SIZE, **changes):
    values = {
        "id": position_id,
        "trader": trader,
        "collateral": collateral,
        "size": size,
        "entry_price": PRICE,
        "funding_index": 0,
        "borrow_index": 0,
        "leverage": 31 * WAD,
        "liquidatable": True,
    }
    return OpenPosition(**values | changes)


def snapshot(*positions, price=FALLEN, no_price="", **changes):
    """A market without impact, funding and fees, at the price that the positions have fallen to."""
    longs = [p for p in positions if p.size > 0]
    shorts = [p for p in positions if p.size < 0]
    aggregates = dict.fromkeys((field.name for field in fields(Aggregates)), 0) | {
        "long_oi": sum(p.size for p in longs),
        "short_oi": -sum(p.size for p in shorts),
        "cost_long": sum(p.size * p.entry_price // WAD for p in longs),
        "cost_short": sum(-p.size * p.entry_price // WAD for p in shorts),
        "updated_at": NOW % 2**32,
    }
    values = {
        "block": 100,
        "timestamp": NOW,
        "keeper": KEEPER,
        "gas_price": 0,
        "markets": (
            MarketShot(
                price=price,
                no_price=no_price,
                config=MarketConfig(),
                aggregates=Aggregates(**aggregates),
            ),
        ),
        "liquidity": 1_000_000 * WAD,
        "protocol_fee_rate": 0,
        "highest_id": len(positions),
        "positions": positions,
    }
    return Snapshot(**values | changes)


def reasons(shot, wanted):
    return {skipped.id: skipped.reason for skipped in plan(shot, wanted).skipped}


# ----------------------------------------------------------------------------------------- which


def test_decide__one_above_the_threshold__is_liquidated_for_half_a_percent():
    (action,) = decide(snapshot(position()), Settings())
    assert (action.id, action.trader, action.reward) == (1, TRADER, REWARD)
    assert (action.cost, action.profit) == (0, REWARD)


def test_decide__not_liquidatable__is_left_alone_without_a_word():
    healthy = position(liquidatable=False, collateral=2_000 * WAD)
    assert plan(snapshot(healthy), Settings()) == plan(snapshot(), Settings())


def test_decide__lens_calls_a_healthy_one_liquidatable__is_not_believed():
    wrong = position(collateral=2_000 * WAD)
    assert decide(snapshot(wrong), Settings()) == ()
    assert reasons(snapshot(wrong), Settings())[1].startswith("PositionHealthy(")


def test_decide__own_position__is_skipped():
    shot = snapshot(position(1, KEEPER), position(2, OTHER))
    assert [action.id for action in decide(shot, Settings())] == [2]
    assert reasons(shot, Settings()) == {1: "own position"}


def test_decide__keeper_without_an_address__looks_at_all():
    shot = snapshot(position(1, KEEPER), position(2, OTHER), keeper=None)
    assert [action.id for action in decide(shot, Settings())] == [1, 2]


def test_decide__no_price__does_nothing():
    shot = snapshot(position(), price=None, no_price="AnswerStale(1, 2)")
    assert plan(shot, Settings()) == plan(snapshot(), Settings())


def test_decide__vault_cannot_pay_the_profit__is_skipped():
    # Nothing backs it but its profit, which is less than a thirtieth of the notional.
    shot = snapshot(position(collateral=0), price=PRICE + 100 * WAD, liquidity=0)
    assert decide(shot, Settings()) == ()
    assert reasons(shot, Settings())[1].startswith("VaultCannotPay(")


# ---------------------------------------------------------------------------------- for how much


@pytest.mark.parametrize(
    "collateral, price, liquidity, reward",
    [
        # 9,300: all of it is lost, the vault pays up to its bound, from what the trader left it.
        (COLLATERAL, 9_300 * WAD, 0, 50 * WAD),
        (40 * WAD, 9_300 * WAD, 0, 40 * WAD),
        (40 * WAD, 9_300 * WAD, 5 * WAD, 45 * WAD),
        (0, 9_300 * WAD, 50 * WAD - 1, 50 * WAD - 1),
        (0, 9_300 * WAD, 50 * WAD, 50 * WAD),
        (0, 9_300 * WAD, 0, 0),
        # All loses 525: the one that remains pays first, then the vault.
        (526 * WAD, FALLEN, 0, 51 * WAD),
        (526 * WAD, FALLEN, 10**6 * WAD, 51 * WAD),
        (525 * WAD + REWARD, FALLEN, 10**6 * WAD, REWARD),
    ],
)
def test_decide__reward__is_what_trader_and_vault_can_pay(collateral, price, liquidity, reward):
    shot = snapshot(position(collateral=collateral), price=price, liquidity=liquidity)
    (action,) = decide(shot, Settings())
    assert action.reward == reward


def test_decide__two_share_what_the_vault_has__the_second_gets_the_rest():
    shot = snapshot(
        position(1, TRADER, collateral=0),
        position(2, OTHER, collateral=0),
        price=9_300 * WAD,
        liquidity=60 * WAD,
    )
    assert [action.reward for action in decide(shot, Settings())] == [50 * WAD, 10 * WAD]
    (first,) = decide(shot, Settings(min_profit=10 * WAD + 1))
    assert first.id == 1, "the second would be worth it only if it came first"
    assert reasons(shot, Settings(min_profit=10 * WAD + 1))[2].startswith(f"reward {10 * WAD} less")


def test_decide__one_that_is_not_worth_it__does_not_change_what_later_ones_pay():
    # Of the three, the second takes the vault's last 10; if left out, the third does not get them.
    shot = snapshot(
        *(position(n, f"0x{n:040x}", collateral=0) for n in (1, 2, 3)),
        price=9_300 * WAD,
        liquidity=60 * WAD,
    )
    assert [action.reward for action in decide(shot, Settings())] == [50 * WAD, 10 * WAD, 0]
    assert [action.id for action in decide(shot, Settings(min_profit=1))] == [1, 2]


def test_decide__the_first_moves_the_price_of_the_second__is_counted():
    """With a skew scale: when one long is gone, closing the other no longer covers its loss."""
    system = skewed_system()
    shot = snapshot_of(system, KEEPER)
    alone = [decide(replace(shot, positions=(p,)), Settings())[0].reward for p in shot.positions]
    # 16 entered at 10,020 and at 10,060, closing at 9,094.24 while both are there. The first has
    # 487.84 left then, and the vault adds 50.
    assert [round(reward / WAD, 9) for reward in alone] == [537.84, 804.8]
    actions = decide(shot, Settings())
    assert [(a.id, a.reward) for a in actions] == [(2, 8_048 * WAD // 10), (1, 50 * WAD)]
    assert [action.reward for action in actions] == paid(system, actions)


# ------------------------------------------------------------------------------------- the order


def test_decide__several__largest_reward_first_then_lowest_id():
    shot = snapshot(
        position(1, f"0x{1:040x}", collateral=500 * WAD, size=SIZE // 2),
        position(2, f"0x{2:040x}"),
        position(3, f"0x{3:040x}", collateral=2_000 * WAD, size=2 * SIZE),
        position(4, f"0x{4:040x}"),
    )
    assert [action.id for action in decide(shot, Settings())] == [3, 2, 4, 1]
    shuffled = replace(shot, positions=shot.positions[::-1])
    assert decide(shuffled, Settings()) == decide(shot, Settings())


@pytest.mark.parametrize("most", [0, 1, 3])
def test_decide__more_than_allowed_in_a_round__takes_the_best(most):
    shot = snapshot(*(position(n, f"0x{n:040x}") for n in (1, 2, 3, 4)))
    wanted = Settings(max_actions=most)
    assert [action.id for action in decide(shot, wanted)] == [1, 2, 3, 4][:most]
    assert set(reasons(shot, wanted)) == {1, 2, 3, 4} - set(range(1, most + 1))
    assert set(reasons(shot, wanted).values()) == {f"more than {most} in one round"}


# -------------------------------------------------------------------------------------- the money


def test_decide__gas__is_reckoned_in_prep_and_rounded_up():
    # 250,001 gas at 3 wei and a third of a PREP base unit per wei.
    wanted = Settings(gas_per_liquidation=250_001, native_price=WAD // 3, max_gas_price=3)
    (action,) = decide(snapshot(position(), gas_price=3), wanted)
    assert action.cost == 250_001  # 250,000.99...
    assert action.profit == REWARD - 250_001


@pytest.mark.parametrize("beyond, acts", [(0, True), (1, False)])
def test_decide__min_profit__is_reached_exactly_or_not(beyond, acts):
    # 250,000 gas at 20 gwei and 3,000 PREP per native token are 15 PREP.
    shot = snapshot(position(), gas_price=20 * GWEI)
    wanted = Settings(native_price=3_000 * WAD, min_profit=60 * WAD + beyond)
    assert bool(decide(shot, wanted)) is acts
    if not acts:
        reason = f"reward {REWARD} less gas {15 * WAD} below {60 * WAD + 1}"
        assert reasons(shot, wanted) == {1: reason}


@pytest.mark.parametrize("beyond, acts", [(0, True), (1, False)])
def test_decide__max_gas_price__is_kept(beyond, acts):
    shot = snapshot(position(), gas_price=7 * GWEI + beyond)
    wanted = Settings(max_gas_price=7 * GWEI)
    assert bool(decide(shot, wanted)) is acts
    if not acts:
        assert reasons(shot, wanted) == {1: f"gas price {7 * GWEI + 1} above {7 * GWEI}"}


@given(
    gas=st.integers(21_000, 10**7),
    native_price=st.integers(1, 10**25),
    gas_price=st.integers(0, 10**13),
    min_profit=st.integers(0, REWARD),
)
def test_decide__gas_price_of_an_action__is_the_highest_that_leaves_the_profit(
    gas, native_price, gas_price, min_profit
):
    wanted = Settings(
        gas_per_liquidation=gas,
        native_price=native_price,
        min_profit=min_profit,
        max_gas_price=10**45,
    )
    actions = decide(snapshot(position(), gas_price=gas_price), wanted)
    assert bool(actions) is (REWARD - wanted.gas_cost(gas_price) >= min_profit)
    for action in actions:
        limit = action.max_gas_price
        assert gas_price <= limit
        assert REWARD - wanted.gas_cost(limit) >= min_profit
        assert REWARD - wanted.gas_cost(limit + 1) < min_profit
        (capped,) = decide(
            snapshot(position(), gas_price=gas_price), replace(wanted, max_gas_price=gas_price)
        )
        assert capped.max_gas_price == gas_price


@pytest.mark.parametrize("name", ["min_profit", "native_price", "max_gas_price", "max_actions"])
def test_settings__negative__are_refused(name):
    with pytest.raises(ValueError, match=f"{name} must be at least 0, is -1"):
        Settings(**{name: -1})


@pytest.mark.parametrize("name", ["page_size", "gas_per_liquidation"])
def test_settings__zero_where_something_is_needed__are_refused(name):
    with pytest.raises(ValueError, match=f"{name} must be at least 1, is 0"):
        Settings(**{name: 0})


def test_settings__negative_daily_limit__is_refused():
    with pytest.raises(ValueError, match="max_daily_gas must be at least 0, is -1"):
        Settings(max_daily_gas=-1)


# ------------------------------------------------------------------------- agreement with the model


def paid(system, actions, by=KEEPER):
    """What the whole system pays for these liquidations, one after the other."""
    world = deepcopy(system)
    return [world.liquidate_position(by, action.id).reward for action in actions]


FULL = MarketConfig(
    skew_scale=4_000 * WAD,
    max_funding_velocity=3 * WAD,
    opening_fee_rate=WAD // 1_000,
    closing_fee_rate=WAD // 500,
    borrow_rate=15 * WAD // 100,
    reserve_factor=15 * WAD // 100,
    min_position_value=10 * WAD,
)


def new_system(config, liquidity=10**7 * WAD, fee_rate=WAD // 10):
    system = System(now=NOW, protocol_fee_rate=fee_rate)
    system.add_market(config)
    system.set_price(0, PRICE)
    system.deposit("lp", liquidity)
    return system


def skewed_system():
    """Two longs that are solvent only while the other one holds the price up."""
    system = new_system(replace(FULL, closing_fee_rate=0, opening_fee_rate=0))
    for trader, collateral in ((TRADER, 15_300), (OTHER, 16_400)):
        system.deposit_collateral(trader, collateral * WAD)
        system.open_position_with_size(trader, 160_000 * WAD, True)
    system.set_price(0, 9_040 * WAD)
    return system


@st.composite
def systems(draw):
    """Traders on both sides, some gone again, at a price and a time in which some are broke."""
    system = new_system(
        draw(st.sampled_from([FULL, MarketConfig(), replace(FULL, skew_scale=0)])),
        liquidity=draw(st.integers(10**5, 10**7)) * WAD,
        fee_rate=draw(st.sampled_from([0, WAD // 10, WAD // 2])),
    )
    for number in range(draw(st.integers(2, 6))):
        trader = f"0x{number:040x}"
        system.deposit_collateral(trader, draw(st.integers(100 * WAD, 10_000 * WAD)))
        leverage = draw(st.integers(6, 13))
        notional = system.traders[trader].collateral * leverage
        try:
            system.open_position_with_size(trader, notional, draw(st.booleans()))
        except Rejected:
            continue
        system.now += draw(st.integers(0, 10_000))
    owners = sorted(system.owners.values())
    if owners and draw(st.booleans()):
        system.close_position(draw(st.sampled_from(owners)))
    # What an LP may take away leaves the vault with little to pay rewards from.
    if draw(st.booleans()):
        system.withdraw("lp", system.max_withdraw("lp"))
    system.now += draw(st.integers(0, 86_400))
    percent = draw(st.sampled_from([87, 90, 93, 95, 100, 105, 107, 110, 113]))
    system.set_price(0, PRICE * percent // 100)
    return system


@given(system=systems(), most=st.integers(0, 4), min_profit=st.integers(0, 60 * WAD))
@settings(max_examples=200, deadline=None)
def test_decide__any_market__pays_what_the_whole_system_pays(system, most, min_profit):
    owners = sorted(system.owners.values())
    keeper = owners[0] if owners else KEEPER
    shot = snapshot_of(system, keeper)
    untouched = deepcopy(shot)
    wanted = Settings(max_actions=most, min_profit=min_profit)

    planned = plan(shot, wanted)

    assert shot == untouched
    assert [a.reward for a in planned.actions] == paid(system, planned.actions, keeper)
    assert len(planned.actions) <= most
    assert all(a.profit >= min_profit for a in planned.actions)
    liquidatable = {p.id for p in shot.positions if p.liquidatable}
    seen = [a.id for a in planned.actions] + [s.id for s in planned.skipped]
    assert sorted(seen) == sorted(liquidatable), "each of them once, acted on or with a reason"
    own = {p.id for p in shot.positions if p.trader == keeper}
    assert not own & {a.id for a in planned.actions}
