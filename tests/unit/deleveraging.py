"""For tests of whom the keeper would deleverage: systems, snapshots of them, and decisions."""

from copy import deepcopy
from dataclasses import replace

from prep.keeper import MarginKey, Settings, deleverages
from prep.model import WAD, MarketConfig, System
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


def planned(system, most=20, excluded=(), wanted=None, **changes):
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


def capped(system, market_id=BTC, **caps):
    system.set_market(market_id, replace(system.market(market_id).config, **caps))
    return system


def deleverage(world, holding, size):
    if isinstance(holding.id, int):
        return world.deleverage_trader(holding.owner, size)
    key = holding.id
    return world.deleverage_account(key.client, key.account, key.market_id, size)
