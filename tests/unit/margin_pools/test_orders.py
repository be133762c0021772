"""Take-profits and stop-losses: authorised signers, cancelling, executing."""

import pytest
from eth_account import Account

from prep.margin.data import CLOSED, Payout
from prep.margin.typed import digest, sign
from tests.exchange import FOREVER
from tests.suite import ZERO_ADDRESS
from tests.unit.margin_pools.stand import FINE, HOUR, UNKNOWN
from tests.unit.margin_pools.test_close import expected_close, money_of

AUTHORISE = "authoriseSigner(address,bool)"
IS_AUTHORISED = "isAuthorised(address,address)"
FRIEND = Account.from_key("0x" + 31 * "c9" + "03")


def execution(stand, position, order, request=None, order_signer=None, signer=None):
    """What `executeOrder` is called with; by default the trader has signed the order."""
    request = request or stand.close_request(position)
    order_signature = sign(order_signer or stand.trader, stand.side.domain, order)
    return order, order_signature, request, stand.signed(request, signer), position


def refusal_of(stand, *args, **kwargs):
    who = kwargs.pop("who", stand.margin.executor)
    return stand.refusal("execute", *execution(stand, *args, **kwargs), who=who)


# --------------------------------------------------------------------------------------- authorise


def test_authorise_signer__on_and_off__stored_and_announced(stand):
    for value in (True, False):
        logs = stand.margin.send(stand.trader, stand.side, AUTHORISE, FRIEND.address, value)
        expected = ("SignerAuthorised", (stand.trader.address, FRIEND.address, value))
        assert stand.logged(logs) == [expected]
        assert stand.read(IS_AUTHORISED, stand.trader.address, FRIEND.address) is value
        assert stand.read(IS_AUTHORISED, FRIEND.address, stand.trader.address) is False


# ------------------------------------------------------------------------------------------ cancel


@pytest.mark.parametrize("who", ["trader", "signer"])
def test_cancel_order__by_trader_or_signer__stored_and_announced(stand, position, who):
    order = stand.order(position, signer=stand.stranger.address)
    sender = stand.trader if who == "trader" else stand.stranger
    hashed = digest(stand.side.domain, order)
    assert stand.read("isCancelled(bytes32)", hashed) is False
    logs = stand.do("cancel", order, who=sender)
    assert stand.logged(logs) == [("OrderCancelled", (stand.trader.address, hashed))]
    assert stand.read("isCancelled(bytes32)", hashed) is True
    other = order._replace(min_payout=1)
    assert stand.read("isCancelled(bytes32)", digest(stand.side.domain, other)) is False


def test_cancel_order__by_somebody_else__refused(stand, position, margin):
    refusal = stand.refusal("cancel", stand.order(position), who=stand.stranger)
    assert refusal == ("NotTrader", stand.stranger.address, stand.trader.address)
    refusal = stand.refusal("cancel", stand.order(position), who=margin.executor)
    assert refusal == ("NotTrader", margin.executor.address, stand.trader.address)


# ----------------------------------------------------------------------------------------- execute


@pytest.mark.parametrize("take_profit", [True, False], ids=["take profit", "stop loss"])
def test_execute_order__at_its_price__closed_announced_and_paid(any_stand, take_profit, margin):
    """The condition is met to the unit: the price of the order is the one of the swap."""
    stand = any_stand
    position = stand.open()
    stand.wait(HOUR)
    request = stand.close_request(position, fee=1_234)
    spent, received = stand.fair_closing(position.collateral, position.principal + request.interest)
    quote_amount, base_amount = (received, spent) if stand.is_long else (spent, received)
    after, closing = expected_close(stand, position, request, spent, received)
    order = stand.order(
        position,
        take_profit=take_profit,
        quote_amount=quote_amount,
        base_amount=base_amount,
        min_payout=closing.payout,
    )
    before = stand.balances()
    logs = stand.do("execute", *execution(stand, position, order, request), who=margin.executor)
    after = after._replace(last_funding_timestamp=stand.time())
    assert stand.stored(position) == CLOSED
    who = position.id, stand.trader.address
    assert stand.logged(logs) == [
        ("PositionClosed", (*who, after, closing)),
        ("OrderExecuted", (*who, digest(stand.side.domain, order))),
    ]
    assert stand.moved(before) == money_of(stand, closing)


@pytest.mark.parametrize("take_profit", [True, False], ids=["take profit", "stop loss"])
def test_execute_order__price_a_hair_short_of_it__refused(stand, position, take_profit):
    """Products, not quotients: a unit of quote tokens on either side decides."""
    request = stand.close_request(position)
    spent, received = stand.fair_closing(position.collateral, position.principal + request.interest)
    quote_amount, base_amount = (received, spent) if stand.is_long else (spent, received)
    wants_high = stand.is_long == take_profit

    def refusal(quote_more, base_more):
        prices = {"quote_amount": quote_amount + quote_more, "base_amount": base_amount + base_more}
        order = stand.order(position, take_profit=take_profit, **prices)
        return refusal_of(stand, position, order, request)

    refused = ("ConditionNotMet", quote_amount, base_amount)
    assert refusal(0, 0) is None
    assert refusal(1, 0) == (refused if wants_high else None)
    assert refusal(-1, 0) == (None if wants_high else refused)
    assert refusal(0, 1) == (None if wants_high else refused)
    assert refusal(0, -1) == (refused if wants_high else None)


def test_execute_order__everything_wrong__refused_in_the_order_of_the_page(stand, position, margin):
    other = stand.open()
    now = stand.time()
    most = stand.max_interest(position)
    wrong = {"id": other.id, "nonce": 7, "expiry": now - 1, "interest": most + 1}
    wrong |= {"min_payout": 2**200, "amount": position.collateral - 1}
    wrong_order = {"id": other.id, "expiry": now - 1, "signer": FRIEND.address}
    wrong_order |= {"trader": stand.stranger.address, "min_payout": 2**200}
    unknown = position._replace(principal=position.principal - 1)
    order_signer, signer = stand.trader, FRIEND

    def refusal(handed, who=margin.executor):
        request, order = (
            stand.close_request(position, **wrong),
            stand.order(position, **wrong_order),
        )
        args = order, request, order_signer, signer
        return stand.refusal("execute", *execution(stand, handed, *args), who=who)

    stranger, trader = stand.stranger.address, stand.trader.address
    assert refusal(unknown, stand.trader) == ("AccessManagedUnauthorized", trader)
    assert refusal(unknown) == ("Expired", now - 1, now)
    wrong["expiry"] = now
    assert refusal(unknown) == ("NotOrderSigner", FRIEND.address)
    signer = None
    assert refusal(unknown)[:3] == ("UnknownPosition", position.id, stand.stored(position))
    wrong["trader"] = stranger
    assert refusal(position) == ("NotTrader", stranger, trader)
    wrong["trader"] = trader
    assert refusal(position) == ("WrongPosition", position.id, 1, other.id, 7)
    wrong["id"] = position.id
    assert refusal(position) == ("WrongPosition", position.id, 1, position.id, 7)
    wrong["nonce"] = 1
    assert refusal(position) == ("OrderMismatch",)
    wrong_order["id"] = position.id
    assert refusal(position) == ("OrderMismatch",)
    wrong_order["trader"] = trader
    assert refusal(position) == ("OrderMismatch",)
    wrong["amount"] = position.collateral
    assert refusal(position) == ("Expired", now - 1, now)
    wrong_order["expiry"] = now
    assert refusal(position) == ("NotOrderOfTrader", FRIEND.address, trader)
    margin.send(stand.trader, stand.side, AUTHORISE, FRIEND.address, True)
    now = wrong_order["expiry"] = wrong["expiry"] = stand.time()
    assert refusal(position) == ("NotOrderOfTrader", FRIEND.address, trader)
    order_signer = FRIEND
    stand.do("cancel", stand.order(position, **wrong_order))
    now = wrong["expiry"] = stand.time()
    cancelled = wrong_order["expiry"] = now
    stand.do("cancel", stand.order(position, **wrong_order), at=now + 5)
    wrong["expiry"] = FOREVER
    assert refusal(position) == ("Expired", cancelled, now + 5)
    wrong_order["expiry"] = FOREVER
    stand.do("cancel", stand.order(position, **wrong_order))
    hashed = digest(stand.side.domain, stand.order(position, **wrong_order))
    assert refusal(position) == ("OrderIsCancelled", hashed)
    wrong_order["min_payout"] -= 1
    most = stand.max_interest(position)
    wrong["interest"] = most + 1
    assert refusal(position) == ("InvalidInterest", most + 1, most)
    wrong["interest"] = most
    _, payout = expected_close(
        stand,
        position,
        stand.close_request(position),
        *stand.fair_closing(position.collateral, position.principal + most),
    )
    assert refusal(position) == ("PayoutTooLow", payout.payout, 2**200)
    wrong["min_payout"] = payout.payout
    assert refusal(position) == ("PayoutTooLow", payout.payout, 2**200 - 1)
    wrong_order["min_payout"] = payout.payout + 1
    assert refusal(position) == ("PayoutTooLow", payout.payout, payout.payout + 1)
    wrong_order["min_payout"] = payout.payout
    assert refusal(position) is None


def test_execute_order__expiry__last_second_is_good(stand, position):
    expiry = stand.time() + 10
    order = stand.order(position, expiry=expiry)
    request = stand.close_request(position)
    stand.wait(10)
    assert refusal_of(stand, position, order, request) is None
    stand.wait(1)
    assert refusal_of(stand, position, order, request) == ("Expired", expiry, expiry + 1)


@pytest.mark.parametrize("field", ["id", "trader", "signer", "take_profit", "quote_amount"])
def test_execute_order__signature_of_another_order__refused(stand, position, field):
    changed = {"id": 10**6, "trader": UNKNOWN, "signer": UNKNOWN, "quote_amount": 1}
    order = stand.order(position)
    other = order._replace(**{field: changed.get(field, not order.take_profit)})
    request = stand.close_request(position)
    args = order, sign(stand.trader, stand.side.domain, other), request
    refusal = stand.refusal(
        "execute", *args, stand.signed(request), position, who=stand.margin.executor
    )
    assert refusal == ("NotOrderOfTrader", stand.trader.address, stand.trader.address)


@pytest.mark.parametrize("field", ["base_amount", "min_payout", "payout", "expiry"])
def test_execute_order__signature_of_other_terms__refused(stand, position, field):
    order = stand.order(position)
    value = getattr(order, field)
    other = order._replace(**{field: Payout.LEND if field == "payout" else value - 1 or 7})
    if field == "min_payout":
        other = order._replace(min_payout=1)
    request = stand.close_request(position)
    args = order, sign(stand.trader, stand.side.domain, other), request
    refusal = stand.refusal(
        "execute", *args, stand.signed(request), position, who=stand.margin.executor
    )
    assert refusal == ("NotOrderOfTrader", stand.trader.address, stand.trader.address)


def test_execute_order__authorised_signer__good_until_he_is_no_longer(stand, position, margin):
    order = stand.order(position, signer=FRIEND.address)
    refused = ("NotOrderOfTrader", FRIEND.address, stand.trader.address)
    request = stand.close_request(position)

    def refusal():
        return refusal_of(stand, position, order, request, order_signer=FRIEND)

    assert refusal() == refused
    margin.send(stand.stranger, stand.side, AUTHORISE, FRIEND.address, True)
    assert refusal() == refused
    margin.send(stand.trader, stand.side, AUTHORISE, FRIEND.address, True)
    assert refusal() is None
    margin.send(stand.trader, stand.side, AUTHORISE, FRIEND.address, False)
    assert refusal() == refused


def test_execute_order__contract_that_signs__asked_about_the_digest(
    stand, position, margin, project
):
    """ERC-1271, of whom the trader has authorised."""
    signer = margin.admin.deploy(project.ContractSigner)
    order = stand.order(position, signer=signer.address)
    request = stand.close_request(position)
    args = order, b"any bytes", request, stand.signed(request), position
    refused = ("NotOrderOfTrader", signer.address, stand.trader.address)
    margin.send(stand.trader, stand.side, AUTHORISE, signer.address, True)
    assert stand.refusal("execute", *args, who=margin.executor) == refused
    signer.sign(digest(stand.side.domain, order), b"other bytes", sender=margin.admin)
    assert stand.refusal("execute", *args, who=margin.executor) == refused
    signer.sign(digest(stand.side.domain, order), b"any bytes", sender=margin.admin)
    assert stand.refusal("execute", *args, who=margin.executor) is None
    margin.send(stand.trader, stand.side, AUTHORISE, signer.address, False)
    assert stand.refusal("execute", *args, who=margin.executor) == refused


def test_execute_order__signature_of_nobody_for_nobody__refused(stand, position, margin):
    """What recovers to the zero address is no signature of it."""
    margin.send(stand.trader, stand.side, AUTHORISE, ZERO_ADDRESS, True)
    order = stand.order(position, signer=ZERO_ADDRESS)
    request = stand.close_request(position)
    args = order, bytes(65), request, stand.signed(request), position
    refusal = stand.refusal("execute", *args, who=margin.executor)
    assert refusal == ("NotOrderOfTrader", ZERO_ADDRESS, stand.trader.address)


def test_execute_order__payout__as_the_order_says(create_stand, side, margin):
    """As shares of the lending vault."""
    stand = create_stand(side, FINE)
    position = stand.open()
    stand.wait(60)
    order = stand.order(position, payout=Payout.LEND)
    vault = margin.lending["PREP"]
    before = stand.balances()
    request = stand.close_request(position, interest=None)
    logs = stand.do("execute", *execution(stand, position, order, request), who=margin.executor)
    payout = stand.margin.closing(logs).payout
    moved = stand.moved(before)
    assert ("trader", "PREP") not in moved
    lent = margin.node.read((vault.address, "balanceOf(address)", stand.trader.address))[0]
    assert margin.node.read((vault.address, "convertToAssets(uint256)", lent))[0] in (
        payout,
        payout - 1,
    )


def test_execute_order__twice__position_is_closed(stand, position, margin):
    args = execution(stand, position, stand.order(position))
    stand.do("execute", *args, who=margin.executor)
    refusal = stand.refusal("execute", *args, who=margin.executor)
    assert refusal[:3] == ("UnknownPosition", position.id, CLOSED)


def test_execute_order__router_that_calls_a_pool__cannot_enter_it(stand, position):
    claim = stand.node._data("claim(address,address)", (stand.quote, stand.router))
    swap = position.collateral, 1, stand.side.address, bytes.fromhex(claim[2:])
    request = stand.close_request(position, data=stand.calling_swap(False, *swap))
    refusal = refusal_of(stand, position, stand.order(position), request)
    assert refusal == ("ReentrancyGuardReentrantCall",)


@pytest.mark.parametrize("field", ["id", "trader", "amount"])
def test_execute_order__not_for_this_position_as_a_whole__refused(stand, position, field):
    """Each by itself; the order is good in all else."""
    amount = position.collateral - (field == "amount")
    request = stand.close_request(position, amount)
    changes = {"id": {"id": position.id + 1}, "trader": {"trader": UNKNOWN}}.get(field, {})
    order = stand.order(position, **changes)
    assert refusal_of(stand, position, order, request) == ("OrderMismatch",)
