"""Collateral added to a position and taken out of it."""

import pytest
from eth_account import Account

from prep.margin.data import CollateralRequest
from tests.exchange import FOREVER
from tests.margin_expected import (
    WAD,
    at_check_price,
    highest_principal,
    part_up,
    value_down,
    value_up,
)
from tests.margin_suite import LEVERAGE
from tests.suite import ZERO_ADDRESS
from tests.unit.margin_pools.stand import HOUR, altered

CHANGES = {"add": 1, "remove": -1}


@pytest.fixture(params=CHANGES)
def change(request):
    """Adding and removing, where they are alike."""
    return request.param


def request_of(position, amount, **changes):
    request = CollateralRequest(position.id, position.nonce, position.trader, amount, FOREVER)
    return request._replace(**changes)


def refusal_of(stand, function, request, position, who=None, signer=None, **call):
    return stand.refusal(
        function, request, stand.signed(request, signer), position, who=who, **call
    )


def test_collateral__changed__stored_announced_and_moved(any_stand, change):
    stand = any_stand
    position = stand.open()
    stand.wait(HOUR)
    amount = CHANGES[change] * (position.collateral // 20 + 3)
    request = request_of(position, amount)
    before = stand.balances()
    logs = stand.do(change, request, stand.signed(request), position)
    after = position._replace(collateral=position.collateral + amount, nonce=position.nonce + 1)
    assert stand.is_stored(after)
    assert stand.logged(logs) == [
        ("CollateralChanged", (position.id, stand.trader.address, after, amount))
    ]
    assert stand.moved(before) == {
        ("trader", stand.held): -amount,
        ("pool", stand.held): amount,
    }


def test_collateral__everything_wrong__refused_in_the_order_of_the_page(stand, position, change):
    other = stand.open()
    stand.set_terms(disabled=True)
    now = stand.time()
    bad = Account.from_key("0x" + 31 * "b8" + "02")
    wrong = {"id": other.id, "nonce": 7, "expiry": now - 1}
    unknown = position._replace(principal=position.principal - 1)
    stranger, amount = stand.stranger, 0

    def refusal(handed, who=None, signer=None):
        return refusal_of(stand, change, request_of(position, amount, **wrong), handed, who, signer)

    assert refusal(unknown, stranger, bad) == ("Expired", now - 1, now)
    wrong["expiry"] = now
    refused = ("NotTrader", stranger.address, stand.trader.address)
    assert refusal(unknown, stranger, bad) == refused
    assert refusal(unknown, None, bad) == ("NotOrderSigner", bad.address)
    assert refusal(unknown)[:3] == ("UnknownPosition", position.id, stand.stored(position))
    wrong["trader"] = stranger.address
    assert refusal(position, stranger) == refused
    wrong["trader"] = stand.trader.address
    assert refusal(position) == ("WrongPosition", position.id, 1, other.id, 7)
    wrong["id"] = position.id
    assert refusal(position) == ("WrongPosition", position.id, 1, position.id, 7)
    wrong["nonce"] = 1
    assert refusal(position) == ("ZeroAmount",)
    amount = -CHANGES[change] * 5
    assert refusal(position) == ("ZeroAmount",)
    amount = CHANGES[change] * position.collateral
    if change == "add":
        assert refusal(position) is None
        return
    assert refusal(position) == ("AmountTooLarge", position.collateral, position.collateral)
    amount += 1
    assert refusal(position) == ("PairIsDisabled", stand.base, stand.quote)
    stand.set_terms()
    wrong["expiry"] = FOREVER
    assert refusal(position)[0] == "PrincipalTooHigh"
    amount = -1
    assert refusal(position) is None


@pytest.mark.parametrize("field", CollateralRequest._fields)
def test_collateral__signature_of_another_request__refused(stand, position, field):
    request = request_of(position, 1_000)
    other, sender = altered(stand, request, field)
    refusal = stand.refusal("add", other, stand.signed(request), position, who=sender)
    assert refusal[0] == "NotOrderSigner"
    assert refusal[1] not in (stand.margin.signer.address, ZERO_ADDRESS)


def test_add__wrapped_ether_held__by_ether_exactly(create_stand, margin):
    """By a long of wrapped ether, and by a short against it."""
    pairs = {"long": ("WETH", "PREP"), "short": ("WBTC", "WETH")}
    for name, pair in pairs.items():
        stand = create_stand(margin.sides[name], pair)
        position = stand.open()
        amount = 10**18 + 1
        request = request_of(position, amount)
        for sent in (amount - 1, amount + 1):
            refusal = refusal_of(stand, "add", request, position, value=sent)
            assert refusal == ("WrongEther", sent, amount)
        before = stand.balances()
        stand.do("add", request, stand.signed(request), position, value=amount)
        assert stand.moved(before) == {("pool", "WETH"): amount}


def test_add__ether_for_another_token__refused(stand, position):
    refusal = refusal_of(stand, "add", request_of(position, 5), position, value=5)
    assert refusal == ("WrongEther", 5, 0)


def test_remove__to_the_largest_leverage__allowed_and_a_unit_more_not(stand, position):
    """The debt is the principal and the interest that could be charged by now."""
    debt = position.principal + stand.max_interest(position)
    assert debt > position.principal

    def most(collateral):
        equity = at_check_price(stand.is_long, collateral, debt, stand.price).equity
        return highest_principal(stand.is_long, max(0, equity), LEVERAGE, stand.price)

    low, high = 1, position.collateral
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if most(middle) < debt else (low, middle)
    assert most(low) < debt <= most(high)
    good, worse = (request_of(position, left - position.collateral) for left in (high, low))
    assert refusal_of(stand, "remove", good, position) is None
    refusal = refusal_of(stand, "remove", worse, position)
    assert refusal == ("PrincipalTooHigh", debt, most(low))


def test_remove__no_equity_left__nothing_may_be_owed(stand, position):
    debt = position.principal + stand.max_interest(position)
    request = request_of(position, 1 - position.collateral)
    assert refusal_of(stand, "remove", request, position) == ("PrincipalTooHigh", debt, 0)


def test_remove__nothing_owed__all_but_a_unit(stand):
    request = stand.open_request()
    spent = stand.given(request.down_payment, request.principal) - request.principal
    received = stand.fair_output(spent) if spent else 0
    request = stand.open_request(spent=spent, received=received)
    position = stand.margin.after(stand.opened(request), "PositionOpened")
    stand.wait(HOUR)
    removal = request_of(position, 1 - position.collateral)
    logs = stand.do("remove", removal, stand.signed(removal), position)
    assert stand.margin.after(logs, "CollateralChanged").collateral == 1


@pytest.mark.parametrize("more", [0, 1])
def test_remove__debt_equal_to_the_highest_principal__allowed_and_a_unit_more_not(stand, more):
    """At a leverage of two, in the block of opening: no interest, and equity is half of all."""
    stand.set_terms(max_leverage=20_000)
    price = stand.price
    if stand.is_long:
        held = 2 * stand.down_payment * WAD // price
        value = value_down(held - 1, price)
        if value % 2:
            held += 1
            value = value_down(held - 1, price)
        assert value % 2 == 0
        principal = value // 2 + more
        highest = value - principal
        swap = {"down_payment": principal, "principal": principal, "received": held}
    else:
        principal = 10**7
        worth = value_up(principal, price)
        least = part_up(principal, price, 2 * WAD)
        # A unit of the collateral is taken out; without `more` this is just what is left.
        down = least + 1 - more
        highest = highest_principal(False, least - more, 20_000, price)
        swap = {"down_payment": down, "principal": principal, "received": worth}
    opened = stand.open(**swap)
    assert highest == principal - (2 * more if stand.is_long else more)
    refusal = refusal_of(stand, "remove", request_of(opened, -1), opened)
    assert refusal == (("PrincipalTooHigh", principal, highest) if more else None)
