"""Random walks of credit accounts through a venue.

Messages of failed assertions begin with the invariant's id (docs/invariants.md).
"""

import random
from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from prep.model import WAD, MarketConfig, Rejected
from prep.model.checks import all_checks, eps
from prep.model.credit import Credit
from prep.model.credit_results import AccountLiquidated, Liquidation
from prep.model.fixed import ceil_div
from prep.model.interest import RAY, RateCurve
from tests.property.bench import CURVE, FREE, PREP, SHARES, UNIT, USDC, WETH
from tests.property.credit_world import FUNGIBLE, CreditWorld, margin, photograph
from tests.property.world import actions, kinds_of, outcome, quick

KINDS = tuple(kind for kind in kinds_of(CreditWorld))
AROUND = ("wait", "publish", "price", "reprice", "go_blind", "lender_in", "lender_out", "cooldown")
HARMLESS = {"deposit", "repay", "reduce", "remove_liquidity", "request", "cancel_request"}
DEAR = RateCurve(WAD, 2 * WAD, 10 * WAD, WAD // 2)
MARKETS = (
    MarketConfig(),
    MarketConfig(
        skew_scale=3_000_000 * UNIT * WAD // (60_000 * 10**28),
        max_funding_velocity=9 * WAD,
        opening_fee_rate=WAD // 2_000,
        closing_fee_rate=WAD // 1_500,
        borrow_rate=15 * WAD // 100,
        reserve_factor=15 * WAD // 100,
        max_long_oi_value=12_000 * UNIT,
    ),
)


def run(world: CreditWorld, kind: str, who: int, x: int) -> None:
    """One action and everything that must hold after it."""
    credit, account = world.credit, who + 1
    before = photograph(credit)
    strict, lenient = (margin(credit, account, for_liquidation=it) for it in (False, True))
    shares = SHARES in credit.accounts[account].balances
    tolerance = rounding(credit, account)
    result = outcome(getattr(world, kind), who, x)
    named = result
    if isinstance(result, Rejected):
        if result.name == "ActionFailed":
            named = result.args[1]
            assert isinstance(named, Rejected)
        world.seen[named.name] += 1
        assert photograph(credit) == before, f"atomicity: {kind} was refused: {result}"
    else:
        world.seen[kind] += 1
    check_books(world)
    check_readings(credit)
    if isinstance(result, Rejected):
        return
    now = margin(credit, account, for_liquidation=False)
    if isinstance(now, Rejected):  # a token without a usable price came in, or was there before
        assert kind in {*HARMLESS, *AROUND, "place", "cancel_order", "fill", "remove", "deleverage"}
        return
    if kind in HARMLESS and not (kind == "reduce" and shares) and isinstance(strict, int):
        assert now >= strict - tolerance, f"R12 {kind}: {strict - now} less, rounding {tolerance}"
    if kind in ("withdraw", "borrow", "trade", "add_liquidity", "borrow_out", "lever"):
        assert now >= 0, "R11 an account does not stand well after what it did"
    if isinstance(result, Liquidation):
        assert isinstance(lenient, int)
        assert lenient < 0, "R11 an account that stands well was liquidated"
        check_liquidation(world, result, account, lenient, before, tolerance)


def rounding(credit: Credit, account: int) -> int:
    """What rounding may take from an account in one action, PREP base units."""
    total = 20
    for asset_id in (PREP, WETH, USDC):
        pool = credit.asset(asset_id).config.pool
        assert pool is not None
        pool.now = credit.system.now
        price = outcome(credit.price, asset_id)
        if isinstance(price, int):
            total += 10 * (ceil_div((pool.debt_index() // RAY + 3) * price, WAD))
    for market_id in credit.accounts[account].markets:
        held = credit.system.margin_position("manager", account, market_id).size
        quote = outcome(credit.system.quote, market_id)
        if not isinstance(quote, Rejected):
            total += eps([held] * 4, quote.price, quote.skew_scale)
    return total


def check_books(world: CreditWorld) -> None:
    """M1, M4 and M5: what accounts hold and owe is what there is, to the unit."""
    credit, system = world.credit, world.system
    accounts = credit.accounts.values()
    for asset_id, asset in enumerate(credit.assets):
        held = sum(account.balances.get(asset_id, 0) for account in accounts)
        owed = sum(account.debts.get(asset_id, 0) for account in accounts)
        assert (asset.held, asset.debt_shares) == (held, owed), "M5"
        pool = asset.config.pool
        if pool:
            pool.now = system.now
            assert pool.shares_owed("manager") == owed, "M5 debt shares"
            debts = sum(credit.holding(account, asset_id).debt for account in credit.accounts)
            assert debts >= pool.debt_of("manager"), "M5 accounts owe less than the manager"
            total = pool.idle + sum(pool.total_debt()) - pool.reserves()
            assert pool.total_assets() == max(0, total), "M4"
        if asset_id in FUNGIBLE:
            there = held + (pool.idle if pool else 0)
            if asset_id == PREP:
                there += credit.reserved_fees + system.vault.liquidity
                there += system.unpaid_protocol_fees
            assert there == world.tokens[asset_id], f"M3 asset {asset_id}"
    assert credit.assets[SHARES].held == system.vault.balance_of("manager"), "M5 shares"
    orders = credit.order_book.orders.values()
    assert credit.reserved_fees == sum(order.terms.keeper_fee for order in orders), "M5 fees"
    for number, account in credit.accounts.items():
        assert min([*account.balances.values(), *account.debts.values(), 1]) > 0
        requested = sum(shares for shares, _, _ in system.requests("manager", number))
        assert requested <= account.balances.get(SHARES, 0), "V5 more requested than held"
        held = {m for m in range(3) if system.margin_position("manager", number, m).size}
        assert account.markets == held, "M5 positions"
    assert all_checks(system) == []


def check_readings(credit: Credit) -> None:
    """R11: who may act is not liquidatable, whatever the state."""
    for account in credit.accounts:
        strict, lenient = (margin(credit, account, for_liquidation=it) for it in (False, True))
        if isinstance(strict, Rejected) or isinstance(lenient, Rejected):
            assert strict == lenient
        else:
            assert strict <= lenient, "R11 the strict reading is the better one"
            assert lenient >= 0 or strict < 0, "R11"


def check_liquidation(
    world: CreditWorld,
    result: Liquidation,
    account: int,
    lenient: int,
    before: dict[str, object],
    tolerance: int,
) -> None:
    """R13 and R14."""
    credit = world.credit
    now = credit.health(account, for_liquidation=True)
    if not before["accounts"][account]["markets"]:  # type: ignore[index]
        assert now.equity - now.required >= lenient - tolerance, "R13 it stands worse"
    (event,) = [e for e in credit.events if isinstance(e, AccountLiquidated)]
    debt_asset = event.debt_asset
    if result.repaid and not result.bad_debt and debt_asset:
        world.seen["liquidated: towards the target"] += 1
        weight = credit.asset(debt_asset).config.liquidation_threshold
        unit = credit.price(debt_asset) * 12_000 // weight // WAD
        missing = now.debt * 11 // 10 + now.required - now.collateral - now.pnl
        assert missing >= -unit - tolerance, "R14 more was repaid than reaches the target"


@quick
@given(
    st.sampled_from(MARKETS),
    st.sampled_from((FREE, CURVE, DEAR)),
    st.sampled_from((0, 3_000, 30_000)),
    actions(KINDS, 60),
)
def test_random_walk__any_venue__nothing_is_lost_and_nobody_stands_worse(
    market: MarketConfig, curve: RateCurve, lent: int, steps: list[tuple[str, int, int]]
) -> None:
    world = CreditWorld(market, curve, lent)
    for kind, who, x in steps:
        run(world, kind, who, x)


def test_long_walks__fixed_seeds__reach_every_outcome() -> None:
    seen: Counter[str] = Counter()
    for seed in range(4):
        dice = random.Random(seed)
        world = CreditWorld(MARKETS[seed % 2], (CURVE, DEAR)[seed // 2], 20_000)
        busy = tuple(kind for kind in KINDS if kind not in AROUND)
        for step in range(700):
            x, who = dice.randrange(10_001), dice.randrange(4)
            if step % 70 in (0, 4):
                run(world, "go_blind", who, 2 if step % 70 else x)
            elif step % 4 == 0:
                run(
                    world,
                    dice.choice((*AROUND[:4], "price", "price", "reprice", *AROUND[5:])),
                    who,
                    x,
                )
                if x % 3 == 0:
                    run(world, "fill", who, x)
            elif step % 4 == 1:
                for account in range(4):
                    run(world, "liquidate", account, dice.randrange(10_001))
                    run(world, "deleverage", account, x)
            else:
                more = ("deposit", "lever", "lever", "place", "cancel_order", "cancel_request")
                run(world, dice.choice((*busy, *more)), who, x)
        seen += world.seen
    expected = {
        *KINDS,
        "AccountHealthy",
        "AccountUnhealthy",
        "CannotBorrow",
        "InsufficientBalance",
        "OrderAlive",
        "StalePrice",
        "TwoStepMarket",
        "filled",
        "liquidated: bad_debt",
        "liquidated: closed",
        "liquidated: repaid",
        "liquidated: reward",
        "liquidated: seized",
        "liquidated: towards the target",
        "removed for its fee",
    } - {"fail_last"}  # that is refused
    assert not expected - set(seen), expected - set(seen)
