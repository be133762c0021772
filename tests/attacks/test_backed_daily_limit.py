"""Attack: the key of an order signer is stolen, in a pair without a check price.

The thief takes what the limit for a day lets through, and no more: at once and then as it comes
back, by borrowing or by taking collateral out (A6).
"""

from prep.exchange import calldata
from tests.attacks.backed import (
    BPS,
    DAY,
    ceil,
    check_books,
    lent,
    refused,
)
from tests.exchange import FOREVER
from tests.margin_suite import (
    LEVERAGE,
    USD,
    WETH,
)

LIMITED = (WETH, USD)


def prepare_theft(margin, pool, hostile, trader, amount):
    """A request that borrows, and gives it to his own exchange for a unit. Signed."""
    down = ceil(amount * BPS, LEVERAGE - BPS) if pool.is_long else 1
    margin.give(trader, USD, down)
    given = amount + down if pool.is_long else amount
    brought = 1 if pool.is_long else 0
    hostile.fund(WETH, brought)
    sold, bought = pool.owed(LIMITED), pool.held(LIMITED)
    gift = [hostile.give(pool, bought, brought)] if brought else []
    hostile.arm(hostile.take(pool, sold, given), *gift)
    request = margin.open_request(pool, trader, LIMITED, down, amount, **hostile.route)
    return request, margin.signed(pool, request)


def steal(margin, pool, hostile, trader, amount, at=None):
    """The position that stays behind."""
    args = prepare_theft(margin, pool, hostile, trader, amount)
    if at is not None:
        margin.node.at(at)
    return margin.after(margin.do(trader, pool, "open", *args), "PositionOpened")


def limit_of(margin, pool) -> int:
    tokens = [margin.tokens[s].address for s in LIMITED]
    terms = margin.node.read((margin.controller.address, "terms(address,address)", *tokens))[0]
    return terms[5] if pool.is_long else terms[6]


def test_signer__pair_with_limits__takes_the_limit_at_once_and_a_limit_a_day(
    margin, pool, hostile, rogue, isolated
):
    """The sum over 3 days, to the unit: it is 4 limits, less what rounding keeps. A unit more is
    refused at each moment; and what the lenders have to write off in the end is just that sum."""
    limit, owed = limit_of(margin, pool), pool.owed(LIMITED)
    before, mine = lent(margin, owed), margin.balance(hostile.address, owed)
    start = margin.time() + 100
    left = [steal(margin, pool, hostile, rogue, limit, start)]
    since, paid = start, left[0].principal
    for seconds in (60, 3_601, 40_000, DAY, 2 * DAY, 3 * DAY):
        now = start + seconds
        back = limit * (now - since) // DAY
        with isolated(), refused("DailyLimitExceeded", limit + 1, limit):
            steal(margin, pool, hostile, rogue, back + 1, now)
        left.append(steal(margin, pool, hostile, rogue, back, now))
        since, paid = now, paid + back
    total = sum(position.principal for position in left)
    assert total == paid
    assert 4 * limit - len(left) < total <= 4 * limit, "A6"
    downs = (ceil(p.principal * BPS, LEVERAGE - BPS) for p in left) if pool.is_long else ()
    assert margin.balance(hostile.address, owed) - mine == total + sum(downs)
    check_books(margin)
    assert lent(margin, owed) == before, "nothing is written off before somebody liquidates"
    # What they hold is a unit each: worth nothing.
    for position in left:
        data = margin.swap_in(pool, pool.held(LIMITED), owed, 1)
        args = position, margin.max_interest(pool, position), margin.router, data
        logs = margin.do(margin.liquidator, pool, "liquidate", *args)
        closing = margin.closing(logs, "PositionLiquidated")
        assert closing.bad_debt == position.principal - closing.principal_paid
        total -= closing.principal_paid
    assert before - lent(margin, owed) == total, "A7"
    check_books(margin)


def test_signer__pair_with_limits__needs_no_hostile_router(margin, rogue):
    """A pool of his own on the real exchange does as well: with a tenth of a percent of an ether in
    it, at a price of $1,000,000,000. The limit of a day is in it after one opening."""
    pool = margin.sides["long"]
    limit, exchange = limit_of(margin, pool), margin.exchange
    pools, fee = exchange.pools, 10_000
    weth, usd = margin.units(WETH, 0.001), margin.units(USD, 1_000_000)
    for symbol, amount in ((WETH, weth), (USD, usd)):
        margin.give(rogue, symbol, amount)
    offered = exchange.units(WETH, weth), exchange.units(USD, usd)
    own = pools.create(rogue.address, *offered, fee)
    share = pools.add_liquidity(rogue.address, own, offered)
    down = ceil(limit * BPS, LEVERAGE - BPS)
    a, b = (margin.tokens[s].address for s in (USD, WETH))
    data = calldata.exact_input_single(a, b, fee, pool.address, FOREVER, limit + down, 0)
    position = margin.open(pool, rogue, LIMITED, down, limit, data=data)
    # All but a thousandth of an ether at most is what the position holds.
    assert position.principal == limit
    assert position.collateral < weth
    fields = "(uint256,uint128,uint256,uint256,uint256)"
    manager, me = pools.contracts.positions, rogue.address
    terms = share.token_id, share.liquidity, 0, 0, FOREVER
    margin.node.execute(me, manager, f"decreaseLiquidity({fields})", terms)
    most = 2**128 - 1
    terms = share.token_id, me, most, most
    margin.node.execute(me, manager, "collect((uint256,address,uint128,uint128))", terms)
    # His million, his down payment and the lenders' limit, but for the exchange's last units.
    assert usd + down + limit - 3 <= margin.balance(rogue, USD) <= usd + down + limit, "A6"
    check_books(margin)


def test_signer__pair_with_limits__taking_collateral_out_is_limited_too(
    margin, pool, hostile, rogue, isolated
):
    """A position that was opened at a fair price with the whole limit: a day later, all but a unit
    of what it holds can be taken out, for the same limit, and nothing else is then left."""
    limit = limit_of(margin, pool)
    down = margin.units(USD, 100_000_000)
    position = margin.open(pool, rogue, LIMITED, down, limit // 2)
    opened = margin.time()
    held = position.collateral
    # What is left of the limit today is what taking out can use.
    now = opened + 50
    left = limit - max(limit // 2 - limit * (now - opened) // DAY, 0)
    most = left * held // position.principal
    if most >= held:
        most = held - 1
    part = ceil(position.principal * most, held)
    if part <= left and ceil(position.principal * (most + 1), held) > left and most + 1 < held:
        with isolated(), refused("DailyLimitExceeded"):
            margin.node.at(now)
            margin.change_collateral(pool, rogue, position, -(most + 1))
    margin.node.at(now)
    after = margin.change_collateral(pool, rogue, position, -most)
    tokens = [margin.tokens[s].address for s in LIMITED]
    used = margin.node.read((pool.address, "borrowedToday(address,address)", *tokens))[0]
    assert used == limit - left + part, "A6"
    assert after.collateral == held - most
    # From what is gone without collateral nobody has lost more than was used of limits.
    free = limit - used
    with isolated(), refused("DailyLimitExceeded", limit + 1, limit):
        steal(margin, pool, hostile, rogue, free + 1 + limit * 60 // DAY, now + 60)
    check_books(margin)
