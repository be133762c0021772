"""Attack: the key of an order signer is stolen. The thief trades too, and owns an exchange.

With a check price he takes nothing of the lenders' principal: whatever he does at one right price,
a position's equity is at least its value times `1 / leverage - deviation`, which is above the
maintenance margin (A5). Without one he takes what the limit for a day lets through (A6). Interest
he can spare traders, since it was last recorded. Other traders' positions he cannot touch.
"""

import random

import pytest

from prep.exchange import calldata
from prep.margin.data import CLOSED, Payout
from tests.attacks.backed import (
    BPS,
    DAY,
    YEAR,
    ceil,
    check_books,
    highest_cost,
    least_proceeds,
    lent,
    of_pool,
    refused,
    set_terms,
    wealth,
)
from tests.attacks.backed_acts import PAIR, Acts
from tests.exchange import FOREVER
from tests.margin_suite import (
    DEVIATION,
    LEVERAGE,
    MAINTENANCE,
    MAX_APY,
    PREP,
    USD,
    WETH,
)
from tests.suite import WAD

LIMITED = (WETH, USD)


@pytest.fixture
def acts(margin, pool):
    return Acts(margin, pool)


class Thief:
    """Trader, order signer and exchange in one: every swap is with himself, at a price he names."""

    def __init__(self, margin, pool, hostile, trader, pair):
        self.margin, self.pool, self.hostile = margin, pool, hostile
        self.trader, self.pair = trader, pair
        self.recorded = dict[int, int]()
        """Interest that became principal, by position: it is on top of the bound."""

    @property
    def price(self):
        return self.margin.price(self.pair)

    def wealth(self) -> int:
        """Of his accounts, at the check price, in quote units times WAD: nothing is rounded."""
        base, quote = self.pair
        owns = wealth(self.margin, self.trader, self.hostile.address)
        return owns[base] * self.price + owns[quote] * WAD

    def worst_opening(self, given: int) -> int:
        """The least that a swap of `given` may bring."""
        price, limit = self.price, DEVIATION
        if not self.pool.is_long:
            return least_proceeds(given, price, limit)
        low, high = 0, given * WAD // price + 1
        while low < high:
            middle = (low + high) // 2
            fits = highest_cost(middle, price, limit) >= given
            low, high = (low, middle) if fits else (middle + 1, high)
        return low

    def trade(self, opening: bool, given: int, brought: int) -> None:
        sold, bought = self.pool.owed(self.pair), self.pool.held(self.pair)
        if not opening:
            sold, bought = bought, sold
        missing = brought - self.margin.balance(self.hostile.address, bought)
        assert missing <= 0, "his exchange has what it gives"
        self.hostile.arm(
            self.hostile.take(self.pool, sold, given), self.hostile.give(self.pool, bought, brought)
        )

    def max_principal(self, down: int) -> int:
        if self.pool.is_long:
            return down * (LEVERAGE - BPS) // BPS
        return down * LEVERAGE * WAD // (BPS * self.price)

    def grow(self, down: int, position=None):
        """Opens or increases, with the highest leverage at the worst price, and the highest fee."""
        margin, pool = self.margin, self.pool
        principal = self.max_principal(down)
        given = principal + down if pool.is_long else principal
        brought = self.worst_opening(given)
        self.trade(True, given, brought)
        fee = (given if pool.is_long else brought) // 100
        changes = {"fee": fee} | self.hostile.route
        if position is None:
            request = margin.open_request(pool, self.trader, self.pair, down, principal, **changes)
            logs = margin.do(self.trader, pool, "open", request, margin.signed(pool, request))
            return margin.after(logs, "PositionOpened")
        request = margin.increase_request(pool, position, down, principal, **changes)
        request = request._replace(interest=self.least_interest(position))
        self.recorded[position.id] = self.recorded.get(position.id, 0) + request.interest
        args = request, margin.signed(pool, request), position
        return margin.after(margin.do(self.trader, pool, "increase", *args), "PositionIncreased")

    def least_interest(self, position) -> int:
        """1 unit, where any is due in a block of this time."""
        self.margin.node.at(self.margin.time() + 60)
        self.margin.node.mine()
        return 1

    def close(self, position, amount: int):
        """At the worst price for the position: it gets nothing beyond what is due."""
        interest = self.least_interest(position)
        due = ceil(position.principal * amount, position.collateral) + interest
        self.trade(False, amount, due)
        route = self.hostile.route
        return self.margin.close(
            self.pool, self.trader, position, amount, interest=interest, **route
        )[0]

    def remove_most(self, position):
        """As much collateral as he can, at interest of a block."""
        margin, price = self.margin, self.price
        self.margin.node.at(self.margin.time() + 60)
        margin.node.mine()
        debt = position.principal + margin.max_interest(self.pool, position, margin.time() + 60)
        if self.pool.is_long:
            margin_needed = ceil(debt * BPS, LEVERAGE - BPS)
            left = ceil((debt + margin_needed) * WAD, price)
        else:
            margin_needed = ceil(debt * BPS * price, LEVERAGE * WAD)
            left = ceil(debt * price, WAD) + margin_needed
        amount = position.collateral - left
        if amount <= 0:
            return position
        margin.node.at(margin.time() + 60)
        return margin.change_collateral(self.pool, self.trader, position, -amount)

    def check(self, position) -> None:
        """The bound, exactly; and no born victim of a liquidation."""
        if not position.collateral:
            return
        borrowed = position.principal - self.recorded.get(position.id, 0)
        value, equity = self.value_and_equity(position.collateral, borrowed)
        assert equity * LEVERAGE * BPS >= value * (BPS * BPS - LEVERAGE * DEVIATION), "A5"
        value, equity = self.value_and_equity(position.collateral, position.principal)
        assert equity > ceil(value * MAINTENANCE, BPS), "A5"

    def value_and_equity(self, collateral, principal):
        if self.pool.is_long:
            value = collateral * self.price // WAD
            return value, value - principal
        value = ceil(principal * self.price, WAD)
        return value, collateral - value


@pytest.fixture
def thief(margin, pool, hostile, rogue):
    thief = Thief(margin, pool, hostile, rogue, PAIR)
    margin.give(rogue, PREP, margin.units(PREP, 1_000_000))
    margin.give(rogue, WETH, margin.units(WETH, 500))
    hostile.fund(PREP, margin.units(PREP, 3_000_000))
    hostile.fund(WETH, margin.units(WETH, 1_500))
    return thief


def all_lent(margin):
    return {symbol: lent(margin, symbol) for symbol in margin.tokens}


def test_signer__opens_at_the_worst_price_and_highest_leverage__bound_holds(thief, margin):
    """What is left: 1 of 5 of the value, without the deviation, far above a twentieth."""
    down = margin.units(PREP, 10_000)
    position = thief.grow(down)
    thief.check(position)
    # It is the bound: a hundredth of a basis point more leverage or a unit less is refused.
    health, least = margin.health(thief.pool, position)
    assert health > least
    with refused("NotLiquidatable", health, least):
        margin.do(thief.trader, thief.pool, "mark", position)
    check_books(margin)


def test_signer__a_unit_beyond_each_bound__refused(thief, margin):
    down, pool = margin.units(PREP, 10_000), thief.pool
    principal = thief.max_principal(down)
    given = principal + down if pool.is_long else principal
    fair = thief.worst_opening(given) * 2
    thief.trade(True, given, fair)
    request = margin.open_request(
        pool, thief.trader, PAIR, down, principal + 1, **thief.hostile.route
    )
    thief.hostile.arm(
        thief.hostile.take(pool, pool.owed(PAIR), given + 1),
        thief.hostile.give(pool, pool.held(PAIR), fair),
    )
    with refused("PrincipalTooHigh", principal + 1, principal):
        margin.do(thief.trader, pool, "open", request, margin.signed(pool, request))
    worst = thief.worst_opening(given)
    thief.trade(True, given, worst - 1)
    request = request._replace(principal=principal)
    with refused("PriceDeviates"):
        margin.do(thief.trader, pool, "open", request, margin.signed(pool, request))
    thief.trade(True, given, worst)
    highest = (given if pool.is_long else worst) // 100
    for fee, error in ((highest + 1, ("FeeTooHigh", highest + 1, highest)), (highest, None)):
        request = request._replace(fee=fee)
        args = request, margin.signed(pool, request)
        if error:
            with refused(*error):
                margin.do(thief.trader, pool, "open", *args)
        else:
            position = margin.after(margin.do(thief.trader, pool, "open", *args), "PositionOpened")
    thief.check(position)


@pytest.mark.parametrize("seed", range(4))
def test_signer__any_sequence_at_one_right_price__lenders_lose_nothing(thief, margin, seed):
    """Many positions, opened, increased, stripped of collateral and closed in parts, all swaps with
    himself at the worst price that is allowed: the bound holds after each step, and he is not a
    unit richer, by what his positions are worth."""
    dice = random.Random(seed)
    before, mine = all_lent(margin), thief.wealth()
    open_ = [thief.grow(margin.units(PREP, 10_000))]
    for _ in range(12):
        act = dice.choice(["open", "increase", "increase", "close", "remove", "add"])
        i = dice.randrange(len(open_))
        position = open_[i]
        down = dice.randrange(1, 20_000 * WAD)
        if act == "open" or position.collateral == 0:
            open_.append(thief.grow(down))
            i = -1
        elif act == "increase":
            open_[i] = thief.grow(down, position)
        elif act == "close":
            amount = dice.choice([1, dice.randrange(1, position.collateral), position.collateral])
            open_[i] = thief.close(position, amount)
        elif act == "remove":
            open_[i] = thief.remove_most(position)
        else:
            amount = position.collateral // 7
            margin.give(thief.trader, thief.pool.held(PAIR), 0)
            open_[i] = margin.change_collateral(thief.pool, thief.trader, position, amount)
        thief.check(open_[i])
    check_books(margin)
    after = all_lent(margin)
    assert all(after[s] >= before[s] for s in before), "lenders' principal"
    base, quote = PAIR
    worth = {base: thief.price, quote: WAD}
    held = sum(p.collateral * worth[thief.pool.held(PAIR)] for p in open_)
    owed = sum(p.principal * worth[thief.pool.owed(PAIR)] for p in open_)
    assert thief.wealth() + held - owed <= mine, "M6"
    # And what he owes is covered, with room for the worst price at which it can be sold.
    assert held > owed


def test_signer__takes_collateral_out__equity_left_is_that_of_the_highest_leverage(thief, margin):
    """From a position at a fair price, to the unit: a unit more is refused."""
    down, pool = margin.units(PREP, 10_000), thief.pool
    principal = thief.max_principal(down) // 4
    position = margin.open(pool, thief.trader, PAIR, down, principal)
    amount = position.collateral - thief.remove_most(position).collateral
    assert amount > 0
    after = position._replace(collateral=position.collateral - amount, nonce=2)
    thief.check(after)
    # More of it is refused, now or later: interest only grows.
    request = margin.collateral_request(after, -max(after.collateral // 10**6, 1))
    with refused("PrincipalTooHigh"):
        margin.do(thief.trader, pool, "remove", request, margin.signed(pool, request), after)


# ------------------------------------------------------------------------------- limits for a day


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


# ---------------------------------------------------------------------------------------- interest


def test_signer__interest__all_but_a_unit_since_it_was_last_recorded(margin, pool, rogue, isolated):
    """A year at 200 %: he owes a unit. What the executor records meanwhile he owes."""
    position = margin.typical(pool, rogue, PAIR, 2)
    owed = pool.owed(PAIR)
    before = lent(margin, owed)
    half = position.last_funding_timestamp + YEAR // 2
    due = position.principal * MAX_APY * (YEAR // 2) // (WAD * YEAR)
    with isolated():
        margin.node.at(half + YEAR // 2)
        margin.node.mine()
        margin.close(pool, rogue, position, interest=1)
        assert lent(margin, owed) == before + 1
    margin.node.at(half)
    logs = margin.do(margin.executor, pool, "record", [position], [due])
    recorded = of_pool(margin, pool, logs, "InterestRecorded")
    margin.node.at(half + YEAR // 2)
    margin.node.mine()
    with refused("InvalidInterest"):
        margin.close(pool, rogue, recorded, interest=0)
    margin.give(rogue, owed, due * 2)
    if pool.is_long:
        with refused("DebtNotCovered"):
            margin.close(pool, rogue, recorded, interest=due * 2)
    assert lent(margin, owed) == before + due, "R3"
    check_books(margin)


# ------------------------------------------------------------------------------------------ others


def test_signer__other_traders__out_of_reach(margin, pool, acts, victim, rogue):
    """Whatever he signs, their own call is needed: for each function, in each name."""
    position = margin.typical(pool, victim, PAIR, 2)
    for kind in ("increase", "close", "add", "remove"):
        request = acts.request(kind, victim, position)
        with refused("NotTrader", rogue.address, victim.address):
            acts.act(kind, rogue, request, position)
    with refused("NotTrader", rogue.address, victim.address):
        margin.do(rogue, pool, "exit", position, margin.router, b"", 0, 0)
    unauthorised = ("AccessManagedUnauthorized", rogue.address)
    order = acts.order(position)
    with refused(*unauthorised):
        acts.execute(order, victim, position, who=rogue)
    with refused(*unauthorised):
        margin.do(rogue, pool, "record", [position], [1])
    with refused(*unauthorised):
        margin.do(rogue, pool, "liquidate", position, 1, margin.router, b"")
    check_books(margin)


@pytest.mark.parametrize("floor", [True, False], ids=["with a floor", "without"])
def test_signer_and_executor__a_traders_own_order__bound_by_its_price_and_floor(
    margin, pool, hostile, victim, acts, floor
):
    """Both keys stolen, and the trader has a take-profit: they realise its price, no better, charge
    the highest interest and fee, and he gets what is left. His least payout bounds that too."""
    position = margin.typical(pool, victim, PAIR, 3)
    margin.node.at(position.last_funding_timestamp + 30 * DAY)
    margin.node.mine()
    price = margin.price(PAIR) * (11 if pool.is_long else 9) // 10
    order = acts.order(position, quote_amount=price, base_amount=WAD)
    now = margin.time() + 1_000
    interest = margin.max_interest(pool, position, now)
    due = position.principal + interest
    held = position.collateral
    if pool.is_long:
        given, brought = held, ceil(held * price, WAD)
        fee = brought // 100
        payout = brought - due - fee
    else:
        given, brought = due * price // WAD, due
        fee = given // 100
        payout = held - given - fee
    assert payout > 0
    order = order._replace(min_payout=payout if floor else 0)
    sold, bought = pool.held(PAIR), pool.owed(PAIR)
    request = acts.whole(position)._replace(interest=interest, fee=fee, **hostile.route)
    hostile.trade(pool, sold, given, bought, brought)

    def execute(request):
        margin.node.at(now)
        return acts.execute(order, victim, position, request)

    before = margin.balance(victim, PREP)
    # Worse than the order's price is refused.
    worse = (given, brought - 200) if pool.is_long else (given + 200, brought)
    snapshot = margin.node.rpc("evm_snapshot")
    hostile.trade(pool, sold, worse[0], bought, worse[1])
    amounts = worse if not pool.is_long else worse[::-1]
    error = ("PayoutTooLow", payout - 198, payout) if floor else ("ConditionNotMet", *amounts)
    with refused(*error):
        execute(request._replace(fee=fee - 2))
    margin.node.rpc("evm_revert", snapshot)
    # A fee above the highest, or interest, as well.
    snapshot = margin.node.rpc("evm_snapshot")
    with refused("FeeTooHigh", fee + 1, fee):
        execute(request._replace(fee=fee + 1))
    margin.node.rpc("evm_revert", snapshot)
    closing = margin.closing(execute(request))
    assert (closing.payout, closing.interest_paid, closing.fee) == (payout, interest, fee)
    assert margin.balance(victim, PREP) - before == payout
    check_books(margin)


def test_signer_and_executor__a_stop_loss__bound_by_its_floor_only(
    margin, pool, hostile, victim, acts
):
    """A stop-loss is met by any price that is bad enough, and they can make one: what they leave is
    its least payout, to the unit. A stop-loss without one is worth nothing against both keys."""
    position = margin.typical(pool, victim, PAIR, 2)
    floor = margin.units(PREP, 7_000)
    price = margin.price(PAIR)
    order = acts.order(
        position,
        take_profit=False,
        quote_amount=price * (9 if pool.is_long else 11) // 10,
        base_amount=WAD,
        min_payout=floor,
    )
    due, held = position.principal + 1, position.collateral
    if pool.is_long:
        given, brought = held, due + floor
    else:
        given, brought = held - floor, due
    sold, bought = pool.held(PAIR), pool.owed(PAIR)
    request = acts.whole(position, **hostile.route)
    snapshot = margin.node.rpc("evm_snapshot")
    worse = (given, brought - 1) if pool.is_long else (given + 1, brought)
    hostile.trade(pool, sold, worse[0], bought, worse[1])
    with refused("PayoutTooLow", floor - 1, floor):
        acts.execute(order, victim, position, request)
    margin.node.rpc("evm_revert", snapshot)
    hostile.trade(pool, sold, given, bought, brought)
    logs = acts.execute(order, victim, position, request)
    assert margin.closing(logs).payout == floor
    check_books(margin)


# ------------------------------------------------------------------------------------- he is silent


def test_signer__signs_nothing__the_trader_leaves_at_the_highest_interest(
    margin, pool, victim, rogue
):
    """No signer, no usable check price, no new risk: exit works, to the unit."""
    position = margin.typical(pool, victim, PAIR, 2)
    authority = margin.authority
    authority.revokeRole(authority.ORDER_SIGNER(), margin.signer.address, sender=margin.admin)
    request = margin.close_request(pool, position, interest=0)
    with refused("NotOrderSigner", margin.signer.address):
        margin.do(victim, pool, "close", request, margin.signed(pool, request), position, 0)
    set_terms(margin, PAIR, disabled=True)
    margin.set_price(PAIR, 0)
    now = position.last_funding_timestamp + 10 * DAY
    interest = position.principal * MAX_APY * (10 * DAY) // (WAD * YEAR)
    due = position.principal + interest
    sold, bought = pool.held(PAIR), pool.owed(PAIR)
    data = (
        margin.swap_in(pool, sold, bought, position.collateral)
        if pool.is_long
        else margin.swap_out(pool, sold, bought, due)
    )
    margin.node.at(now)
    before = margin.balance(victim, PREP), lent(margin, bought)
    logs = margin.do(victim, pool, "exit", position, margin.router, data, 0, Payout.TOKEN)
    closing = margin.closing(logs)
    assert (closing.principal_paid, closing.interest_paid, closing.fee) == (
        position.principal,
        interest,
        0,
    )
    left = closing.received - due if pool.is_long else position.collateral - closing.spent
    assert closing.payout == left > 0
    assert margin.balance(victim, PREP) == before[0] + left
    assert lent(margin, bought) == before[1] + interest
    assert margin.stored(pool, position.id) == CLOSED
    check_books(margin)
