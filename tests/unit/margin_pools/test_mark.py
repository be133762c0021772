"""Positions marked at the check price, cleared, and liquidated by anyone."""

import pytest

from prep.margin.data import CLOSED
from tests.margin_expected import DAY, WAD, least_margin, value_down, value_up
from tests.margin_suite import MAINTENANCE
from tests.unit.margin_pools.stand import HOUR, UNKNOWN
from tests.unit.margin_pools.test_liquidate import expected_liquidation, money_of

GRACE = HOUR
MARK_OF = "markOf(uint256)"


def within(stand, position) -> bool:
    standing = stand.standing(position)
    return standing.equity <= least_margin(standing.value, MAINTENANCE)


def thresholds(stand, position) -> tuple[int, int]:
    """The last price at which it is within the threshold, and the next one, at which it is not."""
    owed, held = position.principal, position.collateral

    def is_within(price):
        if stand.is_long:
            value = held * price // 10**18
            return value - owed <= least_margin(value, MAINTENANCE)
        value = -(-owed * price // 10**18)
        return held - value <= least_margin(value, MAINTENANCE)

    good, bad = stand.price, stand.price // 3 if stand.is_long else 3 * stand.price
    assert is_within(bad)
    assert not is_within(good)
    while abs(good - bad) > 1:
        middle = (good + bad) // 2
        good, bad = (good, middle) if is_within(middle) else (middle, bad)
    return bad, good


@pytest.fixture
def fallen(stand, position):
    """Within its threshold, and just."""
    stand.set_price(thresholds(stand, position)[0])
    return position


@pytest.fixture
def marked(stand, fallen):
    stand.do("mark", fallen, who=stand.stranger)
    return fallen


def values_of(stand, position):
    standing = stand.standing(position)
    return standing.equity, least_margin(standing.value, MAINTENANCE)


def seizing(stand, position, at=None):
    """A swap at the check price, or of all where that does not suffice."""
    interest = stand.max_interest(position, at)
    spent, received = stand.fair_closing(position.collateral, position.principal + interest)
    spent = min(spent, position.collateral)
    return interest, spent, received


def call_of(stand, position, at=None, router=None):
    _, spent, received = seizing(stand, position, at)
    return position, router or stand.router, stand.swap(False, spent, received)


# -------------------------------------------------------------------------------------------- mark


def test_mark__within_the_threshold__stored_and_announced(stand, fallen):
    assert stand.read(MARK_OF, fallen.id) == (0, 0)
    logs = stand.do("mark", fallen, who=stand.stranger)
    from_ = stand.time() + GRACE
    assert stand.logged(logs) == [("PositionMarked", (fallen.id, from_, from_ + DAY))]
    assert stand.read(MARK_OF, fallen.id) == (from_, from_ + DAY)


def test_mark__threshold__at_the_last_price_and_not_at_the_next(stand, position):
    bad, good = thresholds(stand, position)
    stand.set_price(bad)
    equity, least = values_of(stand, position)
    assert equity <= least
    assert stand.refusal("mark", position) is None
    stand.set_price(good)
    equity, least = values_of(stand, position)
    assert equity > least
    assert stand.refusal("mark", position) == ("NotLiquidatable", equity, least)


def marginal(stand, more=0):
    """A position whose equity is the least margin, or so much more than it, now that the check
    price has moved."""
    down = stand.down_payment
    price = stand.price * (70 if stand.is_long else 143) // 100
    if stand.is_long:
        received = 3 * down * WAD // stand.price
        value = value_down(received, price)
        principal = value - least_margin(value, MAINTENANCE) - more
    else:
        principal = 2 * down * WAD // stand.price
        value = value_up(principal, price)
        received = value + least_margin(value, MAINTENANCE) - down + more
    position = stand.open(principal=principal, received=received)
    stand.set_price(price)
    standing = stand.standing(position)
    assert standing.equity == least_margin(standing.value, MAINTENANCE) + more
    return position


def test_mark__equity_exactly_the_least_margin__within(stand):
    assert stand.refusal("mark", marginal(stand)) is None


def test_mark__equity_a_unit_above_the_least_margin__not_within(stand):
    position = marginal(stand, 1)
    equity, least = values_of(stand, position)
    assert stand.refusal("mark", position) == ("NotLiquidatable", equity, least)


def test_unmark__equity_exactly_the_least_margin__stays(stand):
    position = marginal(stand)
    stand.do("mark", position)
    equity, least = values_of(stand, position)
    assert stand.refusal("unmark", position) == ("StillLiquidatable", equity, least)


def test_liquidate_marked__equity_exactly_the_least_margin__liquidated(stand):
    position = marginal(stand)
    stand.do("mark", position)
    stand.wait(GRACE)
    assert stand.refusal("liquidate_marked", *call_of(stand, position)) is None


def test_mark__marked_already__refused_until_the_mark_is_over(stand, marked):
    """It is over a second after its day."""
    from_, until = stand.read(MARK_OF, marked.id)
    refused = ("AlreadyMarked", from_, until)
    assert stand.refusal("mark", marked) == refused
    stand.wait(until - stand.time())
    assert stand.refusal("mark", marked) == refused
    stand.do("mark", marked, at=until + 1)
    again = until + 1 + GRACE
    assert stand.read(MARK_OF, marked.id) == (again, again + DAY)


def test_mark__grace_period__as_the_controller_says(stand, fallen, margin):
    margin.send(margin.risk_manager, margin.controller, "setGracePeriod(uint256)", 601)
    stand.do("mark", fallen)
    from_ = stand.time() + 601
    margin.send(margin.risk_manager, margin.controller, "setGracePeriod(uint256)", DAY)
    assert stand.read(MARK_OF, fallen.id) == (from_, from_ + DAY)


def test_mark__unknown_position_or_no_check_price__refused(stand, fallen, limited):
    other = fallen._replace(nonce=2)
    refusal = stand.refusal("mark", other)
    assert refusal[:3] == ("UnknownPosition", fallen.id, stand.stored(fallen))
    unchecked = limited.open()
    refused = ("NoCheckPrice", limited.base, limited.quote)
    assert limited.refusal("mark", unchecked) == refused


# ------------------------------------------------------------------------------------------ unmark


def test_unmark__no_longer_within_the_threshold__cleared_and_announced(stand, marked):
    _, good = thresholds_around(stand, marked)
    stand.set_price(good)
    logs = stand.do("unmark", marked, who=stand.stranger)
    assert stand.logged(logs) == [("PositionUnmarked", (marked.id,))]
    assert stand.read(MARK_OF, marked.id) == (0, 0)
    assert stand.refusal("unmark", marked) == ("NotMarked", 0, 0)


def thresholds_around(stand, position):
    """Of a position that has fallen to its threshold."""
    here = stand.price
    return here, here + 1 if stand.is_long else here - 1


def test_unmark__still_within__refused_to_the_last_price(stand, marked):
    equity, least = values_of(stand, marked)
    assert stand.refusal("unmark", marked) == ("StillLiquidatable", equity, least)
    stand.set_price(thresholds_around(stand, marked)[1])
    assert stand.refusal("unmark", marked) is None


def test_unmark__marked_anew_after__grace_begins_again(stand, marked):
    bad, good = thresholds_around(stand, marked)
    stand.set_price(good)
    stand.do("unmark", marked)
    stand.set_price(bad)
    stand.wait(GRACE)
    stand.do("mark", marked)
    assert stand.read(MARK_OF, marked.id)[0] == stand.time() + GRACE


def test_unmark__order_of_refusals(stand, fallen, limited):
    other = fallen._replace(nonce=2)
    assert stand.refusal("unmark", other)[0] == "UnknownPosition"
    assert stand.refusal("unmark", fallen) == ("NotMarked", 0, 0)
    unchecked = limited.open()
    assert limited.refusal("unmark", unchecked) == ("NotMarked", 0, 0)


def test_unmark__mark_that_is_over__cleared_too(stand, marked):
    stand.set_price(thresholds_around(stand, marked)[1])
    stand.wait(GRACE + DAY + 1)
    stand.do("unmark", marked)
    assert stand.read(MARK_OF, marked.id) == (0, 0)


# -------------------------------------------------------------------------------- liquidate marked


@pytest.mark.parametrize("after", [0, DAY], ids=["first second", "last second"])
def test_liquidate_marked__while_the_mark_is_good__as_a_liquidation(stand, marked, after):
    """At the highest interest; the fee is for whoever calls."""
    at = stand.read(MARK_OF, marked.id)[0] + after
    interest, spent, received = seizing(stand, marked, at)
    before = stand.balances()
    call = call_of(stand, marked, at)
    logs = stand.do("liquidate_marked", *call, who=stand.stranger, at=at)
    closing, excess = expected_liquidation(stand, marked, interest, spent, received)
    after_ = marked._replace(principal=0, collateral=0, last_funding_timestamp=at, nonce=2)
    who = marked.id, stand.trader.address, stand.stranger.address
    assert stand.logged(logs) == [("PositionLiquidated", (*who, after_, closing))]
    assert closing.fee > 0
    assert stand.moved(before) == money_of(stand, closing, excess, "stranger")
    assert stand.stored(marked) == CLOSED


def test_liquidate_marked__a_second_early_or_late__refused(stand, marked):
    from_, until = stand.read(MARK_OF, marked.id)
    refused = ("NotMarked", from_, until)
    for at, expected in ((from_ - 1, refused), (from_, None), (until, None), (until + 1, refused)):
        stand.wait(at - stand.time())
        assert stand.refusal("liquidate_marked", *call_of(stand, marked)) == expected


def test_liquidate_marked__no_longer_within_the_threshold__refused(stand, marked):
    stand.set_price(thresholds_around(stand, marked)[1])
    stand.wait(GRACE)
    equity, least = values_of(stand, marked)
    refusal = stand.refusal("liquidate_marked", *call_of(stand, marked))
    assert refusal == ("NotLiquidatable", equity, least)


def test_liquidate_marked__swap_far_better_than_the_threshold__still(stand, marked):
    """What the swap realises decides over money, not over whether."""
    at = stand.wait(GRACE) + 1
    interest, spent, received = seizing(stand, marked, at)
    swap = (spent, 2 * received) if stand.is_long else (spent // 2, received)
    before = stand.balances()
    call = marked, stand.router, stand.swap(False, *swap)
    stand.do("liquidate_marked", *call, who=stand.stranger, at=at)
    closing, _ = expected_liquidation(stand, marked, interest, *swap)
    assert stand.moved(before) == money_of(stand, closing, 0, "stranger")


def test_liquidate_marked__swap_worse_than_the_check_price_allows__refused(stand, marked):
    stand.wait(GRACE)
    _, _, received = seizing(stand, marked)
    received = received * 9 // 10
    call = marked, stand.router, stand.swap(False, marked.collateral, received)
    assert stand.refusal("liquidate_marked", *call)[0] == "PriceDeviates"


def test_liquidate_marked__order_of_refusals(stand, fallen, limited):
    call = call_of(stand, fallen, router=UNKNOWN)
    other = fallen._replace(nonce=2)
    assert stand.refusal("liquidate_marked", other, *call[1:])[0] == "UnknownPosition"
    assert stand.refusal("liquidate_marked", *call) == ("NotMarked", 0, 0)
    stand.do("mark", fallen)
    stand.wait(GRACE)
    call = call_of(stand, fallen, router=UNKNOWN)
    refused = ("SwapNotAllowed", UNKNOWN, call[2][:4])
    assert stand.refusal("liquidate_marked", *call) == refused
    unchecked = limited.open()
    call = call_of(limited, unchecked)
    refused = ("NoCheckPrice", limited.base, limited.quote)
    assert limited.refusal("liquidate_marked", *call) == refused


def test_liquidate_marked__mark_survives_a_change_of_the_position(stand, marked):
    """It is of the id: the position may have been made better, and is looked at again."""
    from_ = stand.read(MARK_OF, marked.id)[0]
    request = stand.margin.collateral_request(marked, 1)
    logs = stand.do("add", request, stand.signed(request), marked)
    after = stand.margin.after(logs, "CollateralChanged")
    assert stand.read(MARK_OF, marked.id)[0] == from_
    stand.wait(from_ - stand.time())
    expected = None if within(stand, after) else "NotLiquidatable"
    refusal = stand.refusal("liquidate_marked", *call_of(stand, after))
    assert (refusal and refusal[0]) == expected


def test_liquidate_marked__router_that_calls_a_pool__cannot_enter_it(stand, marked):
    stand.wait(GRACE)
    claim = stand.node._data("claim(address,address)", (stand.quote, stand.router))
    swap = marked.collateral, 1, stand.side.address, bytes.fromhex(claim[2:])
    call = marked, stand.router, stand.calling_swap(False, *swap)
    assert stand.refusal("liquidate_marked", *call) == ("ReentrancyGuardReentrantCall",)
