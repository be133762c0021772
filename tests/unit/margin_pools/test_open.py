"""A new position: what is taken, borrowed, swapped and kept, and every way to be refused."""

import pytest
from eth_account import Account

from prep.margin.data import OpenRequest, Position
from tests.exchange import FOREVER
from tests.margin_expected import (
    highest_cost,
    highest_fee,
    highest_principal,
    highest_sale,
    least_proceeds,
)
from tests.margin_suite import DEVIATION, LEVERAGE
from tests.suite import WAD, ZERO_ADDRESS
from tests.unit.margin_pools.stand import COARSE, UNKNOWN, add, altered


def expected_position(stand, request, borrowed, received, at):
    collateral = received if stand.is_long else received + request.down_payment
    return Position(
        request.id, request.trader, request.base, request.quote, borrowed, collateral, at, 1
    )


def test_open__fee_and_unused_principal__stored_announced_and_paid(any_stand):
    stand = any_stand
    fee, left = 1_234_567, 1_001
    request = stand.open_request(fee=fee)
    given = stand.given(request.down_payment, request.principal)
    received = stand.fair_output(given)
    request = stand.open_request(fee=fee, id=request.id, spent=given - left, received=received)
    before = stand.balances()
    logs = stand.opened(request)

    borrowed = request.principal - left
    position = expected_position(stand, request, borrowed, received, stand.time())
    assert stand.is_stored(position)
    values = (request.down_payment, borrowed, fee, given - left, received)
    assert stand.logged(logs) == [
        ("PositionOpened", (request.id, stand.trader.address, position, *values))
    ]
    quote = stand.pair[1]
    kept = {("pool", quote): request.down_payment} if not stand.is_long else {}
    assert stand.moved(before) == add(
        {("trader", quote): -request.down_payment - fee, ("treasury", quote): fee},
        {("lenders", stand.owed): -borrowed, ("debt", stand.owed): borrowed},
        {("router", stand.owed): given - left, ("pool", stand.held): received},
        kept,
    )


def test_open__more_left_than_borrowed__rest_to_the_trader(stand):
    """Of a long, whose down payment is swapped too; a short is left with no debt at all."""
    request = stand.open_request()
    given = stand.given(request.down_payment, request.principal)
    spent = given - request.principal - 7 if stand.is_long else 0
    received = stand.fair_output(spent) if spent else 0
    request = stand.open_request(id=request.id, spent=spent, received=received)
    before = stand.balances()
    logs = stand.opened(request)

    position = expected_position(stand, request, 0, received, stand.time())
    assert stand.is_stored(position)
    values = (request.down_payment, 0, 0, spent, received)
    assert stand.logged(logs) == [
        ("PositionOpened", (request.id, stand.trader.address, position, *values))
    ]
    quote = stand.pair[1]
    back = 7 if stand.is_long else 0
    assert stand.moved(before) == add(
        {("trader", quote): -request.down_payment + back},
        {("router", stand.owed): spent, ("pool", stand.held): received},
        {} if stand.is_long else {("pool", quote): request.down_payment},
    )


def test_open__all_of_the_principal_left__none_borrowed_and_nothing_to_the_trader(stand):
    request = stand.open_request()
    given = stand.given(request.down_payment, request.principal)
    spent = given - request.principal
    received = stand.fair_output(spent) if spent else 0
    request = stand.open_request(id=request.id, spent=spent, received=received)
    before = stand.balances()
    stand.opened(request)
    moved = stand.moved(before)
    assert moved["trader", stand.pair[1]] == -request.down_payment
    assert ("debt", stand.owed) not in moved
    assert stand.is_stored(expected_position(stand, request, 0, received, stand.time()))


def test_open__everything_wrong__refused_in_the_order_of_the_page(stand):
    """One thing after the other is put right. The request is for an id that was used, by another
    caller, with a bad signature, in a pair that is disabled..."""
    used = stand.open()
    stand.set_terms(disabled=True)
    now = stand.wait(1)
    bad = Account.from_key("0x" + 31 * "b8" + "02")
    wrong = {
        "id": used.id,
        "expiry": now - 1,
        "nonce": 3,
        "principal": 0,
        "interest": 5,
        "min_output": 2**200,
    }
    wrong |= {"router": UNKNOWN, "fee": 10**25, "down_payment": 10**29, "received": 3}

    def refusal(who=None, signer=None, **changes):
        request = stand.open_request(**wrong | right | changes)
        return stand.refusal("open", request, stand.signed(request, signer), who=who)

    trader, stranger, right = stand.trader.address, stand.stranger, {}
    assert refusal(stranger, bad) == ("Expired", now - 1, now)
    right["expiry"] = now
    assert refusal(stranger, bad) == ("NotTrader", stranger.address, trader)
    assert refusal(None, bad) == ("NotOrderSigner", bad.address)
    assert refusal() == ("IdUsed", used.id)
    right["id"] = unused = next(stand.margin.ids)
    assert refusal() == ("WrongPosition", unused, 0, unused, 3)
    right["nonce"] = 0
    reversed_pair = {"base": stand.quote, "quote": stand.base}
    assert refusal(**reversed_pair) == ("PairNotListed", stand.quote, stand.base)
    assert refusal() == ("PairIsDisabled", stand.base, stand.quote)
    stand.set_terms()
    right["expiry"] = FOREVER
    assert refusal() == ("ZeroAmount",)
    right["principal"] = 10**33
    assert refusal() == ("InvalidInterest", 5, 0)
    right["interest"] = 0
    assert refusal()[0] == "InsufficientLiquidity"
    right["principal"] = stand.principal
    selector = stand.swap(True, 0, 0)[:4]
    assert refusal() == ("SwapNotAllowed", UNKNOWN, selector)
    right["router"] = stand.router
    assert refusal() == ("OutputTooLow", 3, 2**200)
    right["min_output"] = 0
    right["down_payment"] = stand.down_payment
    right["principal"] = most = highest_principal(
        stand.is_long, stand.down_payment, LEVERAGE, stand.price
    )
    right["principal"] += 1
    assert refusal()[0] == "PriceDeviates"
    right["received"] = None
    assert refusal() == ("PrincipalTooHigh", most + 1, most)
    right["principal"] = most
    given = stand.given(stand.down_payment, most)
    highest = highest_fee(given if stand.is_long else stand.fair_output(given))
    assert refusal() == ("FeeTooHigh", 10**25, highest)
    right["fee"] = highest
    assert refusal() is None


def test_open__expiry__last_second_is_good(stand):
    expiry = stand.time() + 10
    request = stand.open_request(expiry=expiry)
    stand.wait(10)
    assert stand.refused_opening(request) is None
    stand.wait(1)
    assert stand.refused_opening(request) == ("Expired", expiry, expiry + 1)


@pytest.mark.parametrize("field", OpenRequest._fields)
def test_open__signature_of_another_request__refused(stand, field):
    """Every field is signed: what the signature recovers to is then nobody who may sign."""
    request = stand.open_request()
    other, sender = altered(stand, request, field)
    error, signer = stand.refusal("open", other, stand.signed(request), who=sender)
    assert error == "NotOrderSigner"
    assert signer not in (stand.margin.signer.address, ZERO_ADDRESS)
    assert stand.refused_opening(request) is None


def test_open__signature_for_the_other_pool__refused(stand, margin):
    request = stand.open_request()
    other = margin.sides["short" if stand.is_long else "long"]
    error, _ = stand.refusal("open", request, margin.signed(other, request))
    assert error == "NotOrderSigner"


@pytest.mark.parametrize("kind", ["empty", "short", "twin"])
def test_open__no_signature_or_its_twin__refused(stand, kind):
    request = stand.open_request()
    good = stand.signed(request)
    order = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141
    twin = order - int.from_bytes(good[32:64])
    bad = {
        "empty": b"",
        "short": good[:64],
        "twin": good[:32] + twin.to_bytes(32) + bytes([55 - good[64]]),
    }[kind]
    assert stand.refusal("open", request, bad) == ("NotOrderSigner", ZERO_ADDRESS)


def test_open__signer_without_the_role__refused_at_once(stand, margin):
    request = stand.open_request()
    role = margin.authority.ORDER_SIGNER()
    margin.authority.revokeRole(role, margin.signer.address, sender=margin.admin)
    assert stand.refused_opening(request) == ("NotOrderSigner", margin.signer.address)


def test_open__minimum_output__exactly_is_enough(any_stand):
    stand = any_stand
    given = stand.given(stand.down_payment, stand.principal)
    received = stand.fair_output(given)
    assert stand.refused_opening(stand.open_request(min_output=received)) is None
    over = stand.open_request(min_output=received + 1)
    assert stand.refused_opening(over) == ("OutputTooLow", received, received + 1)


def test_open__swap_at_the_largest_deviation__allowed_and_a_unit_more_not(stand):
    """A purchase costs at most 103 % of the value down, a sale brings 97 % of the value up."""
    given = stand.given(stand.down_payment, stand.principal)
    if stand.is_long:
        # The fewest base tokens for what is given: the highest cost just reaches it.
        received = given * WAD * 10_000 // (10_000 + DEVIATION) // stand.price
        while highest_cost(received, stand.price, DEVIATION) < given:
            received += 1
        worse = received - 1
        refusal = ("PriceDeviates", given, highest_cost(worse, stand.price, DEVIATION))
    else:
        received = least_proceeds(given, stand.price, DEVIATION)
        worse = received - 1
        refusal = ("PriceDeviates", worse, received)
    assert stand.refused_opening(stand.open_request(received=received)) is None
    assert stand.refused_opening(stand.open_request(received=worse)) == refusal


def test_open__cost_equal_to_the_limit__allowed_and_a_unit_more_not(create_stand, margin):
    """Of a long: what is spent moves a unit at a time, so the limit itself is met. What a sale
    brings meets its limit in the test before."""
    stand = create_stand(margin.sides["long"], COARSE)
    received = stand.fair_output(3 * stand.down_payment)
    limit = highest_cost(received, stand.price, DEVIATION)
    principal = limit - stand.down_payment
    exact = stand.open_request(principal=principal, received=received)
    assert stand.refused_opening(exact) is None
    over = stand.open_request(principal=principal + 1, received=received)
    assert stand.refused_opening(over) == ("PriceDeviates", limit + 1, limit)


def test_open__highest_principal__allowed_and_a_unit_more_not(stand):
    most = highest_principal(stand.is_long, stand.down_payment, LEVERAGE, stand.price)
    assert stand.refused_opening(stand.open_request(principal=most)) is None
    over = stand.open_request(principal=most + 1)
    assert stand.refused_opening(over) == ("PrincipalTooHigh", most + 1, most)


def test_open__highest_principal_with_a_fraction__rounded_down(stand):
    """By a leverage that leaves one."""
    stand.set_terms(max_leverage=33_333)
    most = highest_principal(stand.is_long, stand.down_payment, 33_333, stand.price)
    assert not stand.is_long or stand.down_payment * 23_333 % 10_000
    assert stand.refused_opening(stand.open_request(principal=most)) is None
    over = stand.open_request(principal=most + 1)
    assert stand.refused_opening(over) == ("PrincipalTooHigh", most + 1, most)


def test_open__highest_sale_with_a_fraction__rounded_down(limited):
    """And the highest principal of a long, without a check price."""
    limited.set_terms(max_leverage=33_333)
    down = limited.down_payment
    if limited.is_long:
        most = highest_principal(True, down, 33_333, 0)
        good, worse = (limited.open_request(principal=most + more) for more in (0, 1))
        refusal = ("PrincipalTooHigh", most + 1, most)
    else:
        most = highest_sale(down, 33_333)
        good, worse = (limited.open_request(received=most + more) for more in (0, 1))
        refusal = ("SaleTooLarge", most + 1, most)
    assert down * 33_333 % 10_000
    assert limited.refused_opening(good) is None
    assert limited.refused_opening(worse) == refusal


def test_open__highest_principal__is_of_what_was_borrowed_in_the_end(stand):
    """A unit too much is good when the swap leaves it."""
    most = highest_principal(stand.is_long, stand.down_payment, LEVERAGE, stand.price)
    given = stand.given(stand.down_payment, most + 1)
    assert stand.refused_opening(stand.open_request(principal=most + 1, spent=given - 1)) is None


def test_open__fee__at_most_a_hundredth_of_the_swap(any_stand):
    stand = any_stand
    given = stand.given(stand.down_payment, stand.principal)
    moved = given if stand.is_long else stand.fair_output(given)
    most = highest_fee(moved)
    assert stand.refused_opening(stand.open_request(fee=most)) is None
    over = stand.open_request(fee=most + 1)
    assert stand.refused_opening(over) == ("FeeTooHigh", most + 1, most)


def test_open__fee_is_of_what_the_swap_moved__not_of_what_was_given(stand):
    given = stand.given(stand.down_payment, stand.principal)
    spent = given - 1_000
    received = stand.fair_output(spent)
    most = highest_fee(spent if stand.is_long else received)
    request = stand.open_request(spent=spent, received=received, fee=most + 1)
    assert stand.refused_opening(request) == ("FeeTooHigh", most + 1, most)


def test_open__dust_whose_margin_rounds_up_to_all_of_it__refused(create_stand, side):
    """Where one unit is not more than the least margin."""
    stand = create_stand(side, ("WETH", "PREP"))
    stand.set_price(WAD)
    stand.set_terms(max_leverage=50_001)
    spent = 5 if stand.is_long else 4
    received = 5 if stand.is_long else 4
    request = stand.open_request(down_payment=1, principal=4, spent=spent, received=received)
    assert stand.refused_opening(request) == ("MarginTooLow", 1, 1)
    two = {"down_payment": 2, "principal": 8, "spent": 2 * spent, "received": 2 * received}
    assert stand.refused_opening(stand.open_request(**two)) is None


def test_open__no_check_price__limited_by_the_down_payment_alone(limited):
    """A long's principal by the down payment, a short's by what its sale brings."""
    stand = limited
    if stand.is_long:
        most = 4 * stand.down_payment
        good = stand.open_request(principal=most)
        worse = stand.open_request(principal=most + 1)
        refusal = ("PrincipalTooHigh", most + 1, most)
    else:
        most = highest_sale(stand.down_payment, LEVERAGE)
        good, worse = (stand.open_request(received=most + more) for more in (0, 1))
        refusal = ("SaleTooLarge", most + 1, most)
    assert stand.refused_opening(good) is None
    assert stand.refused_opening(worse) == refusal


def test_open__no_check_price__swap_at_any_price(limited):
    received = 1
    assert limited.refused_opening(limited.open_request(received=received)) is None


def test_open__down_payment_of_nothing__nothing_can_be_borrowed(stand):
    request = stand.open_request(down_payment=0, principal=10**9)
    assert stand.refused_opening(request) == ("PrincipalTooHigh", 10**9, 0)


def test_open__nothing_held_in_the_end__refused(limited):
    """A short sells for nothing on no down payment; a long buys nothing with a unit of each."""
    down = 1 if limited.is_long else 0
    request = limited.open_request(down_payment=down, principal=1, received=0)
    assert limited.refused_opening(request) == ("ZeroAmount",)


def test_open__id_of_a_closed_position__still_used(stand):
    position = stand.open()
    stand.wait(60)
    stand.closed(stand.close_request(position), position)
    assert stand.refused_opening(stand.open_request(id=position.id)) == ("IdUsed", position.id)


def test_open__swap_refuses__with_its_own_error(stand):
    """It is not given more than the request says."""
    given = stand.given(stand.down_payment, stand.principal)
    request = stand.open_request(spent=given + 1)
    refusal = stand.refused_opening(request)
    assert refusal == ("ERC20InsufficientAllowance", stand.router, given, given + 1)


def test_open__selector_of_the_router_not_allowed__refused(stand, margin):
    data = stand.margin.swap_in(stand.side, stand.owed, stand.held, 5)
    request = stand.open_request(data=data)
    assert stand.refused_opening(request) == ("SwapNotAllowed", stand.router, data[:4])
    short = stand.open_request(data=data[:3])
    expected = ("SwapNotAllowed", stand.router, data[:3] + b"\0")
    assert stand.refused_opening(short) == expected


def test_open__router_that_calls_a_pool__cannot_enter_it(stand):
    claim = stand.node._data("claim(address,address)", (stand.quote, stand.router))
    given = stand.given(stand.down_payment, stand.principal)
    data = stand.calling_swap(
        True, given, stand.fair_output(given), stand.side.address, bytes.fromhex(claim[2:])
    )
    request = stand.open_request(data=data)
    assert stand.refused_opening(request) == ("ReentrancyGuardReentrantCall",)


def test_open__swap_that_gives_back_what_it_took__counts_as_nothing_spent(stand):
    """Balances count: more of the token that goes in than before is nothing spent."""
    owed = stand.address(stand.owed)
    mint = stand.node._data("mint(address,uint256)", (stand.side.address, 10**20))
    data = stand.calling_swap(True, 5, 4 * 10**9, owed, bytes.fromhex(mint[2:]))
    request = stand.open_request(data=data)
    logs = stand.opened(request)
    ((_, values),) = stand.logged(logs)
    assert values[3:] == (stand.down_payment, 0, 0, 0, 4 * 10**9)


def test_open__trader_without_tokens_or_allowance__refused_by_the_token(stand, margin):
    request = stand.open_request(trader=stand.stranger.address)
    signature = stand.signed(request)
    assert stand.refusal("open", request, signature, who=stand.stranger) == ("TransferFromFailed",)


def test_open__wrapped_ether__by_ether_exactly(ether):
    stand = ether
    fee = 10**15
    request = stand.open_request(fee=fee)
    due = request.down_payment + fee
    signature = stand.signed(request)
    for sent in (due - 1, due + 1):
        refusal = stand.refusal("open", request, signature, value=sent)
        assert refusal == ("WrongEther", sent, due)
    before = stand.balances()
    stand.do("open", request, signature, value=due)
    moved = stand.moved(before)
    assert ("trader", "WETH") not in moved
    assert moved["treasury", "WETH"] == fee
    held = stand.fair_output(stand.given(request.down_payment, request.principal))
    held = held if stand.is_long else held + request.down_payment
    assert moved["pool", stand.held] == held


def test_open__ether_for_another_token__refused(stand):
    request = stand.open_request()
    refusal = stand.refusal("open", request, stand.signed(request), value=1)
    assert refusal == ("WrongEther", 1, 0)


def test_open__ether_where_nothing_is_due__refused(ether):
    """Even in a pair of wrapped ether."""
    request = ether.open_request(down_payment=0, principal=10)
    refusal = ether.refusal("open", request, ether.signed(request), value=1)
    assert refusal == ("WrongEther", 1, 0)


def test_open__no_signature_while_nobody_holds_the_role__refused(stand, margin):
    """A role of the zero address lets nobody in."""
    role = margin.authority.ORDER_SIGNER()
    margin.authority.grantRole(role, ZERO_ADDRESS, 0, sender=margin.admin)
    request = stand.open_request()
    assert stand.refusal("open", request, b"") == ("NotOrderSigner", ZERO_ADDRESS)
