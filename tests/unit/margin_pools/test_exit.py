"""A position closed by its trader alone, at the highest interest and without a fee."""

from prep.margin.data import CLOSED, Closing, Payout
from tests.unit.margin_pools.stand import HOUR, UNKNOWN, add


def call_of(stand, position, interest, min_payout=0, **swap):
    """What `exit` is called with, and the swap, at the check price if nothing else is said."""
    spent, received = stand.fair_closing(position.collateral, position.principal + interest)
    spent, received = swap.get("spent", spent), swap.get("received", received)
    data = stand.swap(False, spent, received)
    return (position, stand.router, data, min_payout, Payout.TOKEN), spent, received


def payout_of(stand, position, interest, spent, received):
    if stand.is_long:
        return received - position.principal - interest
    return position.collateral - spent


def test_exit__at_the_highest_interest__closed_announced_and_paid(any_stand):
    stand = any_stand
    position = stand.open()
    at = stand.time() + HOUR
    interest = stand.max_interest(position, at)
    args, spent, received = call_of(stand, position, interest)
    before = stand.balances()
    logs = stand.do("exit", *args, at=at)
    payout = payout_of(stand, position, interest, spent, received)
    closing = Closing(
        position.collateral, spent, received, position.principal, interest, 0, payout, 0
    )
    after = position._replace(principal=0, collateral=0, last_funding_timestamp=at, nonce=2)
    assert stand.stored(position) == CLOSED
    assert stand.logged(logs) == [
        ("PositionClosed", (position.id, stand.trader.address, after, closing))
    ]
    _base, quote = stand.pair
    assert stand.moved(before) == add(
        {("pool", stand.held): -position.collateral, ("router", stand.held): spent},
        {("lenders", stand.owed): position.principal + interest},
        {("debt", stand.owed): -position.principal, ("trader", quote): payout},
    )


def test_exit__at_once__no_interest_and_funding_stays(stand):
    position = stand.open()
    args, _, _ = call_of(stand, position, 0)
    logs = stand.do("exit", *args, at=position.last_funding_timestamp)
    closed = stand.margin.after(logs, "PositionClosed")
    assert closed.last_funding_timestamp == position.last_funding_timestamp
    assert stand.margin.closing(logs).interest_paid == 0


def test_exit__another_caller__refused(stand, position):
    args, _, _ = call_of(stand, position, stand.max_interest(position))
    refusal = stand.refusal("exit", *args, who=stand.stranger)
    assert refusal == ("NotTrader", stand.stranger.address, stand.trader.address)


def test_exit__another_position__unknown_before_anything_else(stand, position):
    args, _, _ = call_of(stand, position, stand.max_interest(position))
    other = position._replace(trader=stand.stranger.address)
    refusal = stand.refusal("exit", other, *args[1:], who=stand.stranger)
    assert refusal[:3] == ("UnknownPosition", position.id, stand.stored(position))


def test_exit__minimum_payout__exactly_is_enough(stand, position):
    interest = stand.max_interest(position)
    _args, spent, received = call_of(stand, position, interest)
    payout = payout_of(stand, position, interest, spent, received)
    good, _, _ = call_of(stand, position, interest, payout)
    worse, _, _ = call_of(stand, position, interest, payout + 1)
    assert stand.refusal("exit", *good) is None
    assert stand.refusal("exit", *worse) == ("PayoutTooLow", payout, payout + 1)


def test_exit__proceeds__cover_the_debt_exactly(stand, position):
    interest = stand.max_interest(position)
    due, whole = position.principal + interest, position.collateral
    good, _, _ = call_of(stand, position, interest, spent=whole, received=due)
    worse, _, _ = call_of(stand, position, interest, spent=whole, received=due - 1)
    assert stand.refusal("exit", *good) is None
    assert stand.refusal("exit", *worse) == ("DebtNotCovered", due - 1, due)


def test_exit__router_not_allowed__refused(stand, position):
    args, _, _ = call_of(stand, position, stand.max_interest(position))
    refusal = stand.refusal("exit", args[0], UNKNOWN, *args[2:])
    assert refusal == ("SwapNotAllowed", UNKNOWN, args[2][:4])


def test_exit__pair_disabled_and_signer_without_role__still_closed(stand, position, margin):
    stand.set_terms(disabled=True)
    role = margin.authority.ORDER_SIGNER()
    margin.authority.revokeRole(role, margin.signer.address, sender=margin.admin)
    args, _, _ = call_of(stand, position, stand.max_interest(position))
    assert stand.refusal("exit", *args) is None


def test_exit__router_that_calls_a_pool__cannot_enter_it(stand, position):
    claim = stand.node._data("claim(address,address)", (stand.quote, stand.router))
    swap = position.collateral, 1, stand.side.address, bytes.fromhex(claim[2:])
    data = stand.calling_swap(False, *swap)
    refusal = stand.refusal("exit", position, stand.router, data, 0, Payout.TOKEN)
    assert refusal == ("ReentrancyGuardReentrantCall",)


def test_exit__of_a_part_closed_before__the_rest(stand, position):
    request = stand.close_request(position, position.collateral // 3)
    left = stand.margin.after(stand.closed(request, position), "PositionClosed")
    at = stand.time() + HOUR
    args, _, _ = call_of(stand, left, stand.max_interest(left, at))
    stand.do("exit", *args, at=at)
    assert stand.stored(position) == CLOSED
