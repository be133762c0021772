"""A position closed as a whole or in part, by its trader and the signer."""

import pytest
from eth_account import Account

from prep.margin.data import CLOSED, CloseRequest, Closing, Payout
from tests.margin_expected import highest_fee, principal_paid
from tests.suite import ZERO_ADDRESS
from tests.unit.margin_pools.stand import COARSE, HOUR, UNKNOWN, add, altered


def expected_close(stand, position, request, spent, received):
    """The position as it is left, but for the time of funding, and what the closing did."""
    paid = principal_paid(position.principal, request.amount, position.collateral)
    due = paid + request.interest
    payout = received - due - request.fee if stand.is_long else request.amount - spent - request.fee
    closing = Closing(
        request.amount, spent, received, paid, request.interest, request.fee, payout, 0
    )
    after = position._replace(
        principal=position.principal - paid,
        collateral=position.collateral - request.amount,
        nonce=position.nonce + 1,
    )
    return after, closing


def money_of(stand, closing, excess=0):
    """Who gets what by a closing."""
    base, quote = stand.pair
    paid = closing.principal_paid + closing.interest_paid
    return add(
        {("pool", stand.held): -closing.amount, ("router", stand.held): closing.spent},
        {("lenders", stand.owed): paid, ("debt", stand.owed): -closing.principal_paid},
        {("treasury", quote): closing.fee, ("trader", quote): closing.payout},
        {("trader", base): excess},
    )


def test_close__whole_with_fee__closed_announced_and_paid(any_stand):
    stand = any_stand
    position = stand.open()
    stand.wait(HOUR)
    request = stand.close_request(position, fee=654_321)
    spent, received = stand.fair_closing(position.collateral, position.principal + request.interest)
    before = stand.balances()
    logs = stand.closed(request, position)
    after, closing = expected_close(stand, position, request, spent, received)
    assert after[4:6] == (0, 0)
    after = after._replace(last_funding_timestamp=stand.time())
    assert stand.stored(position) == CLOSED
    assert stand.logged(logs) == [
        ("PositionClosed", (position.id, stand.trader.address, after, closing))
    ]
    assert stand.moved(before) == money_of(stand, closing)


@pytest.mark.parametrize("parts", [(1, 7), (999_983, 1_000_003)], ids=["seventh", "most"])
def test_close__part__principal_rounds_up_and_the_rest_stays(any_stand, parts):
    stand = any_stand
    position = stand.open()
    stand.wait(HOUR)
    amount = position.collateral * parts[0] // parts[1]
    request = stand.close_request(position, amount, fee=1_001)
    paid = principal_paid(position.principal, amount, position.collateral)
    spent, received = stand.fair_closing(amount, paid + request.interest)
    before = stand.balances()
    logs = stand.closed(request, position)
    after, closing = expected_close(stand, position, request, spent, received)
    after = after._replace(last_funding_timestamp=stand.time())
    assert stand.is_stored(after)
    assert stand.logged(logs) == [
        ("PositionClosed", (position.id, stand.trader.address, after, closing))
    ]
    assert stand.moved(before) == money_of(stand, closing)


def test_close__unit_of_a_large_position__a_unit_of_principal_at_least(stand, position):
    due = stand.max_interest(position)
    due += principal_paid(position.principal, 1, position.collateral)
    request = stand.close_request(position, 1, spent=1, received=due)
    logs = stand.closed(request, position)
    after, closing = expected_close(stand, position, request, 1, due)
    assert closing.payout == 0
    assert closing.principal_paid >= 1
    assert stand.is_stored(after._replace(last_funding_timestamp=stand.time()))
    assert stand.margin.closing(logs) == closing


def test_close__everything_wrong__refused_in_the_order_of_the_page(stand, position, margin):
    other = stand.open()
    now = stand.time()
    bad = Account.from_key("0x" + 31 * "b8" + "02")
    most = stand.max_interest(position)
    wrong = {
        "id": other.id,
        "expiry": now - 1,
        "nonce": 7,
        "interest": most + 1,
        "min_payout": 2**200,
    }
    wrong |= {"router": UNKNOWN, "fee": 0, "amount": 0, "spent": 1, "received": 1}
    unknown = position._replace(principal=position.principal - 1)

    def refusal(handed, who=None, signer=None):
        request = stand.close_request(position, **wrong)
        call = "close", request, stand.signed(request, signer), handed, Payout.ETHER
        return stand.refusal(*call, who=who)

    stranger = stand.stranger
    assert refusal(unknown, stranger, bad) == ("Expired", now - 1, now)
    wrong["expiry"] = now
    refused = refusal(unknown, stranger, bad)
    assert refused == ("NotTrader", stranger.address, stand.trader.address)
    assert refusal(unknown, None, bad) == ("NotOrderSigner", bad.address)
    assert refusal(unknown)[:3] == ("UnknownPosition", position.id, stand.stored(position))
    wrong["trader"] = stranger.address
    refused = refusal(position, stranger)
    assert refused == ("NotTrader", stranger.address, stand.trader.address)
    wrong["trader"] = stand.trader.address
    assert refusal(position) == ("WrongPosition", position.id, 1, other.id, 7)
    wrong["id"] = position.id
    assert refusal(position) == ("WrongPosition", position.id, 1, position.id, 7)
    wrong["nonce"] = 1
    assert refusal(position) == ("ZeroAmount",)
    wrong["amount"] = amount = position.collateral + 1
    assert refusal(position) == ("AmountTooLarge", amount, position.collateral)
    wrong["amount"] = amount = position.collateral
    assert refusal(position) == ("InvalidInterest", most + 1, most)
    wrong["interest"] = most
    refused = refusal(position)
    assert refused == ("SwapNotAllowed", UNKNOWN, stand.swap(False, 0, 0)[:4])
    wrong["router"] = stand.router
    due = position.principal + most
    wrong["fee"] = fee = 10**9 if stand.is_long else amount
    covered = (1, due + fee) if stand.is_long else (1, due)
    assert refusal(position) == ("DebtNotCovered", *covered)
    wrong["received"] = due + fee - 1 if stand.is_long else due
    if stand.is_long:
        assert refusal(position) == ("DebtNotCovered", due + fee - 1, due + fee)
        wrong["received"] = due + fee
        highest = highest_fee(due + fee)
    else:
        assert refusal(position) == ("DebtNotCovered", amount, amount + 1)
        wrong["fee"] = fee = amount - 1
        highest = 0
    assert refusal(position) == ("FeeTooHigh", fee, highest)
    wrong["fee"] = highest
    payout = wrong["received"] - due - highest if stand.is_long else amount - 1
    assert refusal(position) == ("PayoutTooLow", payout, 2**200)
    wrong["min_payout"] = payout
    assert refusal(position) == ("NotWrappedEther", stand.quote)


def test_close__interest__above_zero_and_at_most_the_highest(stand, position):
    most = stand.max_interest(position)

    def refusal(interest):
        return stand.refused_closing(stand.close_request(position, interest=interest), position)

    assert refusal(0) == ("InvalidInterest", 0, most)
    assert refusal(1) is None
    assert refusal(most) is None
    assert refusal(most + 1) == ("InvalidInterest", most + 1, most)


def test_close__part__interest_is_on_the_whole_principal(stand, position):
    most = stand.max_interest(position)
    amount = position.collateral // 10
    swap = {} if stand.is_long else {"spent": amount}
    request = stand.close_request(position, amount, interest=most, **swap)
    assert stand.refused_closing(request, position) is None


def test_close__part_while_no_interest_is_due__funding_stays(stand):
    """So that no fraction is lost to lenders."""
    position = stand.open()
    request = stand.close_request(position, position.collateral // 2)
    assert request.interest == 0
    logs = stand.closed(request, position, at=position.last_funding_timestamp)
    after = stand.margin.after(logs, "PositionClosed")
    assert after.last_funding_timestamp == position.last_funding_timestamp
    assert stand.is_stored(after)


def test_close__interest_rounds_to_zero__funding_stays_though_time_has_passed(limited):
    position = limited.open(down_payment=1_000_000, principal=10, received=12)
    limited.wait(60)
    amount = position.collateral // 2
    swap = {"spent": amount, "received": 5} if limited.is_long else {"spent": 5, "received": 5}
    request = limited.close_request(position, amount, **swap)
    assert request.interest == 0
    logs = limited.closed(request, position)
    after = limited.margin.after(logs, "PositionClosed")
    assert after.last_funding_timestamp == position.last_funding_timestamp < limited.time()
    assert limited.is_stored(after)


def test_close__proceeds__cover_debt_and_fee_exactly(stand, position):
    """Long: what the sale brings. Short: the purchase, and what it leaves of the collateral."""
    fee = 1_000
    due = position.principal + stand.max_interest(position)

    def refusal(spent, received):
        request = stand.close_request(position, spent=spent, received=received, fee=fee)
        return stand.refused_closing(request, position)

    whole = position.collateral
    if stand.is_long:
        assert refusal(whole, due + fee) is None
        assert refusal(whole, due + fee - 1) == ("DebtNotCovered", due + fee - 1, due + fee)
        assert refusal(whole - 1, due + fee) is None
        assert refusal(0, due + fee) is None
    else:
        assert refusal(whole - fee, due) is None
        assert refusal(whole - fee, due - 1) == ("DebtNotCovered", due - 1, due)
        assert refusal(whole - fee + 1, due) == ("DebtNotCovered", whole, whole + 1)


def test_close__swap__is_given_no_more_than_the_amount(stand, position):
    amount = position.collateral // 2
    request = stand.close_request(position, amount, spent=amount + 1)
    refusal = stand.refused_closing(request, position)
    assert refusal == ("ERC20InsufficientAllowance", stand.router, amount, amount + 1)


def test_close__short_that_buys_more_than_is_due__the_traders(create_stand, margin):
    stand = create_stand(margin.sides["short"], COARSE)
    position = stand.open()
    stand.wait(HOUR)
    request = stand.close_request(position)
    due = position.principal + request.interest
    spent, _ = stand.fair_closing(position.collateral, due)
    request = stand.close_request(position, spent=spent, received=due + 9)
    before = stand.balances()
    logs = stand.closed(request, position)
    _, closing = expected_close(stand, position, request, spent, due + 9)
    assert stand.margin.closing(logs) == closing
    assert stand.moved(before) == money_of(stand, closing, excess=9)


def test_close__fee__at_most_a_hundredth_of_the_quote_tokens_moved(any_stand):
    stand = any_stand
    position = stand.open()
    stand.wait(60)
    due = position.principal + stand.max_interest(position)
    spent, received = stand.fair_closing(position.collateral, due)
    most = highest_fee(received if stand.is_long else spent)
    good, worse = (stand.close_request(position, fee=most + more) for more in (0, 1))
    assert stand.refused_closing(good, position) is None
    assert stand.refused_closing(worse, position) == ("FeeTooHigh", most + 1, most)


def test_close__minimum_payout__exactly_is_enough(any_stand):
    stand = any_stand
    position = stand.open()
    stand.wait(HOUR)
    request = stand.close_request(position)
    spent, received = stand.fair_closing(position.collateral, position.principal + request.interest)
    _, closing = expected_close(stand, position, request, spent, received)
    good, worse = (
        stand.close_request(position, min_payout=closing.payout + more) for more in (0, 1)
    )
    assert stand.refused_closing(good, position) is None
    refusal = ("PayoutTooLow", closing.payout, closing.payout + 1)
    assert stand.refused_closing(worse, position) == refusal


def test_close__at_any_price__check_price_has_no_say(stand, position):
    """A trader may sell badly; he loses his own."""
    swap = {"received": position.principal * 11 // 10}
    if not stand.is_long:
        swap = {"spent": position.collateral - 1}
    assert stand.refused_closing(stand.close_request(position, **swap), position) is None


def test_close__pair_disabled__still_closed(stand, position):
    stand.set_terms(disabled=True)
    assert stand.refused_closing(stand.close_request(position), position) is None


@pytest.mark.parametrize("field", CloseRequest._fields)
def test_close__signature_of_another_request__refused(stand, position, field):
    request = stand.close_request(position)
    other, sender = altered(stand, request, field)
    call = "close", other, stand.signed(request), position, Payout.TOKEN
    error, signer = stand.refusal(*call, who=sender)
    assert error == "NotOrderSigner"
    assert signer not in (stand.margin.signer.address, ZERO_ADDRESS)


def test_close__router_that_calls_a_pool__cannot_enter_it(stand, position):
    claim = stand.node._data("claim(address,address)", (stand.quote, stand.router))
    args = position.collateral, 1, stand.side.address, bytes.fromhex(claim[2:])
    request = stand.close_request(position, data=stand.calling_swap(False, *args))
    assert stand.refused_closing(request, position) == ("ReentrancyGuardReentrantCall",)


@pytest.fixture
def without_principal(stand):
    """A position whose principal was left by the opening swap."""
    request = stand.open_request()
    given = stand.given(request.down_payment, request.principal)
    spent = given - request.principal
    received = stand.fair_output(spent) if spent else 0
    request = stand.open_request(id=request.id, spent=spent, received=received)
    opened = stand.margin.after(stand.opened(request), "PositionOpened")
    assert opened.principal == 0
    stand.wait(HOUR)
    return opened


def test_close__without_principal__a_long_sells_and_a_short_just_gets_back(
    stand, without_principal
):
    position = without_principal
    amount = position.collateral // 3
    request = stand.close_request(position, amount)
    spent, received = stand.fair_closing(amount, 0)
    if not stand.is_long:
        request = request._replace(data=b"", router=UNKNOWN)
    before = stand.balances()
    logs = stand.closed(request, position)
    after, closing = expected_close(stand, position, request, spent, received)
    assert (closing.principal_paid, after.principal) == (0, 0)
    assert stand.is_stored(after)
    assert stand.margin.closing(logs) == closing
    assert stand.moved(before) == money_of(stand, closing)


def test_close__without_principal__no_fee_where_nothing_is_swapped(stand, without_principal):
    request = stand.close_request(without_principal, fee=1)
    refusal = stand.refused_closing(request, without_principal)
    assert refusal == (None if stand.is_long else ("FeeTooHigh", 1, 0))


def test_close__part_whose_principal_rounds_up_to_all_of_it__rest_owes_nothing(limited):
    """Dust: two units of principal, half of the collateral and a unit."""
    position = limited.open(down_payment=1_000_000, principal=2, received=7)
    amount = position.collateral // 2 + 1
    swap = {"spent": amount, "received": 2} if limited.is_long else {"spent": 3, "received": 2}
    logs = limited.closed(limited.close_request(position, amount, **swap), position)
    after = limited.margin.after(logs, "PositionClosed")
    assert (after.principal, after.collateral) == (0, position.collateral - amount)
    assert limited.is_stored(after)
