"""A position that grows: interest first, then as an opening."""

import pytest
from eth_account import Account

from prep.margin.data import CLOSED, NEVER_OPENED, position_hash
from tests.exchange import FOREVER
from tests.margin_expected import WAD, highest_fee, highest_principal, least_margin, value_up
from tests.margin_suite import LEVERAGE, MAINTENANCE
from tests.unit.margin_pools.stand import HOUR, UNKNOWN, add


def grown(stand, position, request, borrowed, received, at):
    added = received if stand.is_long else received + request.down_payment
    return position._replace(
        principal=position.principal + request.interest + borrowed,
        collateral=position.collateral + added,
        last_funding_timestamp=at,
        nonce=position.nonce + 1,
    )


def test_increase__interest_fee_and_unused_principal__stored_announced_and_paid(any_stand):
    stand = any_stand
    position = stand.open()
    stand.wait(HOUR)
    fee, left = 765_432, 77
    given = stand.given(stand.down_payment, stand.principal)
    received = stand.fair_output(given)
    request = stand.open_request(position, fee=fee, spent=given - left, received=received)
    assert request.interest > 0
    before = stand.balances()
    logs = stand.increased(request, position)

    borrowed = request.principal - left
    after = grown(stand, position, request, borrowed, received, stand.time())
    assert stand.is_stored(after)
    values = (request.down_payment, borrowed, request.interest, fee, given - left, received)
    assert stand.logged(logs) == [
        ("PositionIncreased", (position.id, stand.trader.address, after, *values))
    ]
    quote = stand.pair[1]
    assert stand.moved(before) == add(
        {("trader", quote): -request.down_payment - fee, ("treasury", quote): fee},
        {("lenders", stand.owed): -borrowed, ("debt", stand.owed): borrowed + request.interest},
        {("router", stand.owed): given - left, ("pool", stand.held): received},
        {} if stand.is_long else {("pool", quote): request.down_payment},
    )


def test_increase__by_collateral_only__no_loan(stand, position):
    """A long buys with the down payment alone; a short has nothing to sell and no swap."""
    request = stand.open_request(position, principal=0)
    received = 0
    if stand.is_long:
        received = stand.fair_output(request.down_payment)
    else:
        request = request._replace(data=b"", router=UNKNOWN)
    before = stand.balances()
    logs = stand.increased(request, position)
    after = grown(stand, position, request, 0, received, stand.time())
    assert stand.is_stored(after)
    spent = request.down_payment if stand.is_long else 0
    values = (request.down_payment, 0, request.interest, 0, spent, received)
    assert stand.logged(logs) == [
        ("PositionIncreased", (position.id, stand.trader.address, after, *values))
    ]
    quote = stand.pair[1]
    assert stand.moved(before) == add(
        {("trader", quote): -request.down_payment, ("debt", stand.owed): request.interest},
        {("router", quote): spent, ("pool", stand.held): received}
        if stand.is_long
        else {("pool", quote): request.down_payment},
    )


def test_increase__by_principal_only__more_than_nothing_allows(stand, position):
    request = stand.open_request(position, down_payment=0, principal=10**9)
    assert stand.refused_increase(request, position) == ("PrincipalTooHigh", 10**9, 0)


def test_increase__by_nothing__refused(stand, position):
    request = stand.open_request(position, down_payment=0, principal=0, data=b"")
    assert stand.refused_increase(request, position) == ("ZeroAmount",)


def test_increase__interest__above_zero_and_at_most_the_highest(stand, position):
    most = stand.max_interest(position)
    assert most > 1

    def refusal(interest):
        return stand.refused_increase(stand.open_request(position, interest=interest), position)

    assert refusal(0) == ("InvalidInterest", 0, most)
    assert refusal(1) is None
    assert refusal(most) is None
    assert refusal(most + 1) == ("InvalidInterest", most + 1, most)


def test_increase__interest_rounds_to_zero__none_due_but_funding_is_now(limited):
    """What is borrowed now owes nothing for the time before."""
    stand = limited
    position = stand.open(down_payment=1_000_000, principal=10, received=12)
    stand.wait(60)
    assert stand.max_interest(position) == 0
    request = stand.open_request(position, down_payment=5_000, principal=3, received=5)
    assert request.interest == 0
    over = stand.open_request(position, down_payment=5_000, principal=3, received=5, interest=1)
    assert stand.refused_increase(over, position) == ("InvalidInterest", 1, 0)
    logs = stand.increased(request, position)
    after = grown(stand, position, request, 3, 5, stand.time())
    assert after.last_funding_timestamp == stand.time() > position.last_funding_timestamp
    assert stand.is_stored(after)
    assert [name for name, _ in stand.logged(logs)] == ["PositionIncreased"]


def test_increase__interest_is_borrowed_by_nobody__leaves_the_highest_principal_alone(
    stand, position
):
    """The bound is on what the swap uses, not on what is charged."""
    most = highest_principal(stand.is_long, stand.down_payment, LEVERAGE, stand.price)
    assert stand.refused_increase(stand.open_request(position, principal=most), position) is None
    over = stand.open_request(position, principal=most + 1)
    assert stand.refused_increase(over, position) == ("PrincipalTooHigh", most + 1, most)


def test_increase__everything_wrong__refused_in_the_order_of_the_page(stand, position):
    other = stand.open()
    stand.set_terms(disabled=True)
    now = stand.wait(1)
    bad = Account.from_key("0x" + 31 * "b8" + "02")
    most = stand.max_interest(position)
    wrong = {
        "id": other.id,
        "expiry": now - 1,
        "nonce": 7,
        "interest": most + 1,
        "min_output": 2**200,
    }
    wrong |= {"router": UNKNOWN, "fee": 10**25, "principal": 0, "down_payment": 0, "data": b""}
    wrong |= {"base": UNKNOWN, "quote": UNKNOWN, "trader": stand.trader.address}
    unknown = position._replace(collateral=position.collateral + 1)
    stored = stand.stored(position)

    def refusal(handed, who=None, signer=None):
        request = stand.open_request(position, **wrong)
        return stand.refusal("increase", request, stand.signed(request, signer), handed, who=who)

    stranger = stand.stranger
    assert refusal(unknown, stranger, bad) == ("Expired", now - 1, now)
    wrong["expiry"] = FOREVER
    refused = refusal(unknown, stranger, bad)
    assert refused == ("NotTrader", stranger.address, stand.trader.address)
    assert refusal(unknown, None, bad) == ("NotOrderSigner", bad.address)
    name, id_, known, given = refusal(unknown)
    assert (name, id_, known) == ("UnknownPosition", position.id, stored)
    assert given != stored
    wrong["trader"] = stranger.address
    refused = refusal(position, stranger)
    assert refused == ("NotTrader", stranger.address, stand.trader.address)
    wrong["trader"] = stand.trader.address
    assert refusal(position) == ("WrongPosition", position.id, 1, other.id, 7)
    wrong["id"] = position.id
    assert refusal(position) == ("WrongPosition", position.id, 1, position.id, 7)
    wrong["nonce"] = 1
    assert refusal(position) == ("WrongTokens", UNKNOWN, UNKNOWN)
    wrong["base"] = stand.base
    assert refusal(position) == ("WrongTokens", stand.base, UNKNOWN)
    wrong["quote"] = stand.quote
    assert refusal(position) == ("PairIsDisabled", stand.base, stand.quote)
    stand.set_terms()
    most = stand.max_interest(position)
    wrong["interest"] = most + 1
    assert refusal(position) == ("ZeroAmount",)
    wrong["principal"] = stand.principal
    assert refusal(position) == ("InvalidInterest", most + 1, most)
    wrong["interest"] = most
    assert refusal(position) == ("SwapNotAllowed", UNKNOWN, bytes(4))
    wrong["router"] = stand.router
    wrong["down_payment"] = stand.down_payment
    del wrong["data"]
    received = stand.fair_output(stand.given(stand.down_payment, stand.principal))
    assert refusal(position) == ("OutputTooLow", received, 2**200)
    wrong["min_output"] = 0
    highest = highest_fee(
        stand.given(stand.down_payment, stand.principal) if stand.is_long else received
    )
    assert refusal(position) == ("FeeTooHigh", 10**25, highest)
    wrong["fee"] = 0
    assert refusal(position) is None


@pytest.mark.parametrize("token", ["base", "quote"])
def test_increase__other_tokens__refused(stand, position, token):
    request = stand.open_request(position, **{token: UNKNOWN})
    tokens = {"base": stand.base, "quote": stand.quote} | {token: UNKNOWN}
    assert stand.refused_increase(request, position) == ("WrongTokens", *tokens.values())


def growth_to_the_threshold(stand, position, interest):
    """Of a position that the price has turned against: down payment, principal and what the swap
    brings, so that the equity is just the least margin; a unit more of the last one (short), or
    less of the principal (long), is above it. And that margin."""
    price, down = stand.price, stand.down_payment
    if stand.is_long:
        down = down * 69 // 1_000
        received = 2 * down * WAD // price
        value = (position.collateral + received) * price // WAD
        least = least_margin(value, MAINTENANCE)
        return down, value - least - position.principal - interest, received, least
    down = down * 9 // 100
    principal = down * WAD // price
    value = value_up(position.principal + interest + principal, price)
    least = least_margin(value, MAINTENANCE)
    return down, principal, least + value - position.collateral - down, least


def test_increase__position_at_its_least_margin__refused_and_a_unit_above_not(stand, position):
    stand.set_price(stand.price * (68 if stand.is_long else 147) // 100)
    interest = stand.max_interest(position)
    down, principal, received, least = growth_to_the_threshold(stand, position, interest)

    def refusal(principal, received, **changes):
        swap = dict(principal=principal, received=received, **changes)
        request = stand.open_request(position, down_payment=down, interest=interest, **swap)
        return stand.refused_increase(request, position)

    assert refusal(principal, received) == ("MarginTooLow", least, least)
    better = (principal - 1, received) if stand.is_long else (principal, received + 1)
    assert refusal(*better) is None


def test_increase__wrapped_ether__by_ether_exactly(ether):
    stand = ether
    position = stand.open()
    stand.wait(HOUR)
    request = stand.open_request(position, fee=10**15)
    due, signature = request.down_payment + 10**15, stand.signed(request)
    for sent in (due - 1, due + 1):
        refusal = stand.refusal("increase", request, signature, position, value=sent)
        assert refusal == ("WrongEther", sent, due)
    before = stand.balances()
    stand.do("increase", request, signature, position, value=due)
    assert ("trader", "WETH") not in stand.moved(before)


def test_increase__request_used_twice__second_is_for_another_state(stand, position):
    request = stand.open_request(position)
    after = stand.margin.after(stand.increased(request, position), "PositionIncreased")
    assert stand.refused_increase(request, position)[0] == "UnknownPosition"
    refusal = stand.refused_increase(request, after)
    assert refusal == ("WrongPosition", position.id, 2, position.id, 1)


def test_increase__closed_position__unknown(stand, position):
    request = stand.open_request(position)
    stand.closed(stand.close_request(position), position)
    name, id_, stored, _ = stand.refused_increase(request, position)
    assert (name, id_, stored) == ("UnknownPosition", position.id, CLOSED)


def test_increase__position_never_opened__unknown(stand, position):
    never = position._replace(id=10**9)
    request = stand.open_request(never)
    name, id_, stored, given = stand.refused_increase(request, never)
    assert (name, id_, stored) == ("UnknownPosition", 10**9, NEVER_OPENED)
    assert given == position_hash(never)


def test_increase__no_check_price__the_addition_alone_is_limited(limited):
    stand = limited
    position = stand.open()
    stand.wait(HOUR)
    down = 1_000_000
    if stand.is_long:
        changes = {"principal": 4 * down, "received": 1}
        over = {"principal": 4 * down + 1, "received": 1}
        refusal = ("PrincipalTooHigh", 4 * down + 1, 4 * down)
    else:
        changes = {"principal": 1, "received": 5 * down}
        over = {"principal": 1, "received": 5 * down + 1}
        refusal = ("SaleTooLarge", 5 * down + 1, 5 * down)
    good = stand.open_request(position, down_payment=down, **changes)
    worse = stand.open_request(position, down_payment=down, **over)
    assert stand.refused_increase(good, position) is None
    assert stand.refused_increase(worse, position) == refusal


def test_increase__request_for_another_position_in_the_same_state__refused(stand, position):
    """Both are the trader's, and were never changed."""
    other = stand.open()
    request = stand.open_request(other)
    refusal = stand.refused_increase(request, position)
    assert refusal == ("WrongPosition", position.id, 1, other.id, 1)
