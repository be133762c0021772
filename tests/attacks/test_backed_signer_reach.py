"""Attack: the key of an order signer is stolen, with that of the order executor or without it.

Interest he can spare traders since it was last recorded (R3). Other traders he does not reach but
through their own orders, within what these say; and by signing nothing he holds nobody.
"""

import pytest

from prep.margin.data import CLOSED, Payout
from tests.attacks.backed import (
    DAY,
    YEAR,
    ceil,
    check_books,
    lent,
    of_pool,
    refused,
    set_terms,
)
from tests.attacks.backed_acts import PAIR
from tests.margin_suite import (
    MAX_APY,
    PREP,
    USD,
    WETH,
)
from tests.suite import WAD

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
    its least payout, to the unit. A stop-loss without one is worth nothing against both keys,
    where no check price holds them."""
    pair = (WETH, USD)
    position = margin.typical(pool, victim, pair, 2)
    floor = margin.units(USD, 7_000)
    price = 2_000 * 10**6
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
    sold, bought = pool.held(pair), pool.owed(pair)
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


def test_signer_and_executor__a_stop_loss_in_a_pair_with_a_check_price__bound_by_that(
    margin, pool, hostile, victim, acts
):
    """Its condition is met, its least payout too: but the price was made for it."""
    position = margin.typical(pool, victim, PAIR, 2)
    price = margin.price(PAIR)
    order = acts.order(position, take_profit=False, quote_amount=price, base_amount=WAD)
    due, held = position.principal + 1, position.collateral
    if pool.is_long:
        least = ceil(ceil(held * price, WAD) * 9_700, 10_000)
        given, brought, error = held, least - 1, (least - 1, least)
    else:
        most = due * price // WAD * 10_300 // 10_000
        given, brought, error = most + 1, due, (most + 1, most)
    request = acts.whole(position, **hostile.route)
    hostile.trade(pool, pool.held(PAIR), given, pool.owed(PAIR), brought)
    with refused("PriceDeviates", *error):
        acts.execute(order, victim, position, request)


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
