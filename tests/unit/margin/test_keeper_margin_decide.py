"""What a keeper does about asset-backed positions, by hand and to the unit."""

from dataclasses import replace

import pytest

from prep.keeper import Rules, Settings, Skipped
from prep.keeper.margin.actions import Execute, Record, Seize, SetMark, worthwhile
from prep.keeper.margin.decide import decide
from prep.keeper.margin.health import may_be_seized
from prep.keeper.margin.ids import PoolId
from prep.margin.data import ZERO_ADDRESS
from prep.margin.index_events import Mark
from prep.model import WAD
from tests.unit.margin.watched import (
    COSTLY,
    DAY,
    FREE,
    NOW,
    UNCHECKED,
    YEAR,
    exact_input,
    exact_output,
    long,
    order,
    pair,
    position,
    short,
    snapshot,
)

NO_ROOM = Rules(room=0, slippage=0)
TOLD_TO = Settings(unpaid=True)


def plan(*positions, rules=NO_ROOM, settings=None, **changes):
    return decide(snapshot(*positions, **changes), settings or Settings(), rules)


def actions(*positions, **changes):
    return plan(*positions, **changes).actions


def reasons(*positions, **changes):
    return [skipped.reason for skipped in plan(*positions, **changes).skipped]


# --------------------------------------------------------------------------- liquidated by the role
#
# A long owes 9,000. Of proceeds `v` the equity is `v - 9,000`, the least margin `v / 20`, rounded
# up: 9,473 leave 473 of 474, and so do 9,474 (474 of 474); 9,475 leave 475 of 474.
# A short has 11,000. Of a cost `c` the equity is `11,000 - c`: 10,476 leave 524 of 524, and 10,475
# leave 525 of 524.

FAR = pair(95 * WAD)
"""Prices that allow for the swaps here."""
HIGH = pair(104 * WAD)


@pytest.mark.parametrize(
    "watched, equity, fee",
    [
        (long(9_473, pair=FAR), 473, 189),
        (long(9_474, pair=FAR), 474, 189),
        (short(10_477, pair=HIGH), 523, 209),
        (short(10_476, pair=HIGH), 524, 209),
    ],
)
def test_decide__at_its_threshold_and_beyond__is_liquidated(watched, equity, fee):
    (action,) = actions(watched)
    assert isinstance(action, Seize)
    assert (action.id, action.position) == (watched.id, watched.position)
    assert (action.equity, action.fee, action.value, action.interest) == (equity, fee, fee, 0)
    assert action.swap in (watched.sale, watched.purchase)


@pytest.mark.parametrize("watched", [long(9_475, pair=FAR), short(10_475, pair=HIGH)])
def test_decide__a_unit_above_its_threshold__is_left_alone(watched):
    assert plan(watched).actions == plan(watched).skipped == ()


@pytest.mark.parametrize(
    "watched, acts",
    [
        # A hundredth of 9,380 is 94: 375 leaves 469 - 94.
        (long(9_375, pair=FAR), True),
        (long(9_376, pair=FAR), False),
        # Of 10,576: 529 - 106 = 423 of 424; of 10,577: 529 - 106 = 423 of 423.
        (short(10_577, pair=HIGH), True),
        (short(10_576, pair=HIGH), False),
    ],
)
def test_decide__room__is_kept_to_the_unit(watched, acts):
    found = plan(watched, rules=Rules(room=100))
    assert bool(found.actions) is acts
    if not acts:
        assert "not by 100 basis points" in found.skipped[0].reason


@pytest.mark.parametrize(
    "watched, acts",
    [
        (long(9_000, pair=pair(92 * WAD)), True),
        (long(9_001, pair=pair(92 * WAD)), False),
        (short(11_000, pair=pair(108 * WAD)), True),
        (short(10_999, pair=pair(108 * WAD)), False),
    ],
)
def test_decide__nothing_left__needs_no_room(watched, acts):
    """Even where the room is more than the whole margin."""
    assert bool(actions(watched, rules=Rules(room=600))) is acts


def test_decide__short_that_cannot_pay__spends_all_it_has():
    watched = short(11_001, brings=99, pair=pair(110 * WAD))
    (action,) = actions(watched)
    assert action.swap == watched.sale
    assert (action.equity, action.fee, action.bound) == (0, 0, 99)


def test_decide__short_that_can_just_pay__buys_what_it_owes():
    watched = short(11_000, brings=100, pair=pair(110 * WAD))
    (action,) = actions(watched)
    assert action.swap == watched.purchase
    assert (action.equity, action.fee, action.bound) == (0, 0, 11_000)


def test_decide__interest__is_owed_too():
    """A tenth of 9,000 in a year: 900; the day before it was nothing that mattered."""
    of = position(last_funding_timestamp=NOW - YEAR)
    (action,) = actions(long(10_421, of, pair=pair(104 * WAD), loan=COSTLY))
    assert (action.interest, action.equity) == (900, 521)
    assert actions(long(10_421, of, pair=pair(104 * WAD), loan=FREE)) == ()


def test_decide__highest_interest_is_below_the_rate__is_charged():
    dear = replace(COSTLY, max_apy=WAD // 20)
    of = position(last_funding_timestamp=NOW - YEAR)
    (action,) = actions(long(9_900, of, pair=pair(99 * WAD), loan=dear))
    assert action.interest == 450


def test_decide__highest_interest_is_a_unit__is_charged_though_the_rate_says_nothing():
    free = replace(COSTLY, curve=FREE.curve)
    of = position(last_funding_timestamp=NOW - YEAR)
    (action,) = actions(long(9_400, of, pair=FAR, loan=free))
    assert action.interest == 1


@pytest.mark.parametrize(
    "watched, limit",
    [
        # Of 100 at 95: 9,500 less 3 % is 9,215.
        (long(9_215, pair=FAR), None),
        (long(9_214, pair=FAR), "brings 9214, below the 9215"),
        # 100 at 104: 10,400 and 3 % are 10,712.
        (short(10_712, pair=HIGH), None),
        (short(10_713, pair=HIGH), "costs 10713, above the 10712"),
    ],
)
def test_decide__swap_deviates_from_the_check_price__is_left_alone(watched, limit):
    found = plan(watched)
    assert bool(found.actions) is (limit is None)
    if limit is not None:
        assert limit in found.skipped[0].reason


def test_decide__without_a_check_price__any_swap_will_do():
    unchecked = pair(None, UNCHECKED)
    assert len(actions(long(1, pair=unchecked), short(11_000, pair=unchecked))) == 2


def test_decide__check_price_is_missing__says_so():
    gone = pair(None, no_price="AnswerStale(updatedAt=1)")
    assert reasons(long(1, pair=gone)) == ["no check price: AnswerStale(updatedAt=1)"]


def test_decide__no_pool_can__says_so():
    assert reasons(long(pair=FAR)) == ["no pool can swap its collateral now"]


@pytest.mark.parametrize(
    "watched, may",
    [
        # The worst sale of 100 at `p` is 97 p. 9,474 is the threshold.
        (long(pair=pair(9_767 * WAD // 100)), True),
        (long(pair=pair(9_768 * WAD // 100)), False),
        (short(pair=pair(10_171 * WAD // 100)), True),
        (short(pair=pair(10_170 * WAD // 100)), False),
        (long(pair=pair(None)), False),
        (long(pair=pair(None, UNCHECKED)), True),
    ],
)
def test_may_be_seized__only_what_no_allowed_swap_could__needs_no_quote(watched, may):
    assert may_be_seized(watched, NOW) is may


def test_decide__far_from_its_threshold__a_bad_swap_is_not_even_looked_at():
    assert plan(long(1)).skipped == plan(long(1)).actions == ()


def test_decide__slippage__bounds_what_the_router_may_do():
    rules = Rules(room=0, slippage=100)
    sale, purchase = (
        actions(w, rules=rules)[0] for w in (long(9_401, pair=FAR), short(10_501, pair=HIGH))
    )
    assert sale.bound == 9_307, "9,306.99 rounded up"
    assert purchase.bound == 10_606, "10,606.01 rounded down"


def test_decide__slippage__never_spends_more_than_there_is():
    (action,) = actions(short(10_990, pair=pair(108 * WAD)), rules=Rules(room=0, slippage=100))
    assert action.bound == 11_000


def test_decide__several__the_best_paid_first_and_then_by_id():
    first = long(9_400, position(number=7), pair=replace(FAR, value=None))
    second = long(9_400, position(number=8), pair=FAR)
    third = long(9_400, position(number=9), pair=replace(FAR, value=2 * WAD))
    fourth = long(9_400, position(number=3), pair=FAR)
    found = actions(first, second, third, fourth)
    assert [action.id.number for action in found] == [9, 3, 8, 7]
    assert [action.value for action in found] == [376, 188, 188, None]


def test_decide__not_as_the_chain_has_it__is_left_alone():
    watched = long(9_000, pair=FAR, differs="not as the chain has it", loan=COSTLY)
    found = plan(watched, orders=(order(watched, 1, 1, True),))
    assert found.actions == ()
    assert found.skipped == (Skipped(PoolId(True, 1), "not as the chain has it"),)


# ------------------------------------------------------------------------------------------- marks


@pytest.mark.parametrize(
    "watched, within",
    [
        # 100 at 94.74: 9,474, and of a little more 9,475.
        (long(pair=pair(9_474 * WAD // 100)), True),
        (long(pair=pair(9_475 * WAD // 100 - 1)), True),
        (long(pair=pair(9_475 * WAD // 100)), False),
        (short(pair=pair(10_475 * WAD // 100 + 1)), True),
        (short(pair=pair(10_475 * WAD // 100)), False),
    ],
)
def test_decide__without_the_role__marks_at_the_threshold(watched, within):
    found = actions(watched, is_liquidator=False, is_executor=False)
    assert found == (
        (SetMark(watched.id, watched.position, False, found[0].value),) if within else ()
    )


def test_decide__mark__is_worth_the_fee_that_comes_of_it():
    (action,) = actions(long(pair=pair(94 * WAD)), is_liquidator=False)
    assert action.value == 188
    (action,) = actions(long(pair=pair(9_001 * WAD // 100)), is_liquidator=False)
    assert action.value == 1, "no more than is left"


def test_decide__with_the_role__marks_only_when_told_to():
    watched = long(9_475, pair=pair(94 * WAD))
    assert actions(watched) == ()
    (action,) = actions(watched, settings=TOLD_TO)
    assert isinstance(action, SetMark)


@pytest.mark.parametrize(
    "mark, kind",
    [
        (Mark(NOW + 1, NOW + DAY), None),
        (Mark(NOW, NOW + DAY), Seize),
        (Mark(NOW - DAY, NOW), Seize),
        (Mark(NOW - DAY - 1, NOW - 1), SetMark),
    ],
)
def test_decide__mark__is_good_from_its_first_second_to_its_last(mark, kind):
    watched = long(9_400, pair=pair(94 * WAD), mark=mark)
    found = actions(watched, is_liquidator=False)
    assert [type(action) for action in found] == ([] if kind is None else [kind])
    if kind is Seize:
        assert found[0].interest is None


def test_decide__marked_but_recovered__is_not_liquidated():
    watched = long(9_400, pair=pair(96 * WAD), mark=Mark(NOW, NOW + DAY))
    assert actions(watched, is_liquidator=False) == ()


def test_decide__marked_and_the_swap_says_healthy__is_liquidated_at_the_check_price():
    """By the role it could not be."""
    watched = long(9_600, pair=pair(94 * WAD), mark=Mark(NOW, NOW + DAY))
    (action,) = actions(watched)
    assert isinstance(action, Seize)
    assert action.interest is None


def test_decide__marked_short__buys_what_it_may_owe_a_little_later():
    later = exact_output(10_600, 101)
    watched = short(10_500, pair=pair(105 * WAD), mark=Mark(NOW, NOW + DAY), late_purchase=later)
    (action,) = actions(watched, is_liquidator=False)
    assert action.swap == later
    assert action.equity == 11_000 - 10_600 * 100 // 101


@pytest.mark.parametrize("mark", [Mark(NOW + 1, NOW + DAY), Mark(1, 2)])
def test_decide__recovered__is_unmarked_only_when_told_to(mark):
    watched = long(pair=pair(100 * WAD), mark=mark)
    assert actions(watched) == ()
    assert actions(watched, settings=TOLD_TO) == (SetMark(watched.id, watched.position, True),)


# ------------------------------------------------------------------------------------------ orders
#
# 100 base tokens for 12,000: a price of 120.


@pytest.mark.parametrize(
    "take_profit, wanted, acts",
    [
        (True, 120, True),
        (True, 121, False),
        (False, 120, True),
        (False, 119, False),
    ],
)
def test_decide__order_of_a_long__is_executed_at_its_price(take_profit, wanted, acts):
    watched = long(12_000, pair=pair(120 * WAD))
    found = actions(watched, orders=(order(watched, wanted, 1, take_profit),))
    assert [type(action) for action in found] == ([Execute] if acts else [])


@pytest.mark.parametrize(
    "take_profit, wanted, acts",
    [
        (True, 90, True),
        (True, 89, False),
        (False, 90, True),
        (False, 91, False),
    ],
)
def test_decide__order_of_a_short__is_executed_at_its_price(take_profit, wanted, acts):
    watched = short(9_000, pair=pair(90 * WAD))
    found = actions(watched, orders=(order(watched, wanted, 1, take_profit),))
    assert [type(action) for action in found] == ([Execute] if acts else [])


@pytest.mark.parametrize("take_profit", (True, False))
@pytest.mark.parametrize("is_long", (True, False))
def test_decide__room__is_kept_of_an_order_to_the_unit(is_long, take_profit):
    """A hundredth of 10,000."""
    above = is_long == take_profit
    watched = long(10_000, position(principal=5_000)) if is_long else short(10_000, pair=pair())
    at, beyond = (9_900, 9_901) if above else (10_100, 10_099)
    for wanted, acts in ((at, True), (beyond, False)):
        given = order(watched, wanted, 100, take_profit)
        found = actions(watched, orders=(given,), rules=Rules(room=100))
        assert bool(found) is acts


def test_decide__order__says_all_that_a_request_needs():
    of = position(last_funding_timestamp=NOW - YEAR // 2)
    watched = long(12_000, of, pair=pair(120 * WAD), loan=COSTLY)
    signed = order(watched, 1, 1, True)
    (action,) = actions(watched, orders=(signed,), rules=Rules(room=0, slippage=100))
    assert action == Execute(watched.id, of, signed, watched.sale, 11_880, 450)


@pytest.mark.parametrize(
    "changes, acts",
    [
        ({"expiry": NOW}, True),
        ({"expiry": NOW - 1}, False),
        ({"min_payout": 3_000}, True),
        ({"min_payout": 3_001}, False),
        ({"trader": ZERO_ADDRESS}, False),
    ],
)
def test_decide__order__only_while_it_is_good_and_pays_enough(changes, acts):
    watched = long(12_000, pair=pair(120 * WAD))
    assert bool(actions(watched, orders=(order(watched, 1, 1, True, **changes),))) is acts


def test_decide__order_whose_debt_is_not_covered__says_so():
    watched = long(8_999, pair=pair(None, UNCHECKED))
    found = plan(watched, orders=(order(watched, 100, 1, False),), is_liquidator=False)
    assert found.actions == ()
    assert "it would pay -1" in found.skipped[0].reason


def test_decide__liquidatable__is_liquidated_rather_than_closed_by_its_order():
    watched = long(9_400, pair=FAR)
    (action,) = actions(watched, orders=(order(watched, 100, 1, False),))
    assert isinstance(action, Seize)


def test_decide__several_orders__one_is_enough():
    watched = long(12_000, pair=pair(120 * WAD))
    several = tuple(order(watched, wanted, 1, True) for wanted in (200, 110, 100))
    (action,) = actions(watched, orders=several)
    assert action.order == several[1]


def test_decide__without_the_executor_s_role__no_order_is_executed():
    watched = long(12_000, pair=pair(120 * WAD))
    assert actions(watched, orders=(order(watched, 1, 1, True),), is_executor=False) == ()


def test_decide__order_of_a_position_that_is_gone__is_left_out():
    watched = long(12_000, pair=pair(120 * WAD))
    other = replace(order(watched, 1, 1, True), id=PoolId(False, 1))
    assert actions(watched, orders=(other,)) == ()


# ---------------------------------------------------------------------------------------- interest


def owing(number, since=NOW - DAY, is_long=True, **changes):
    build = long if is_long else short
    of = position(
        is_long,
        number=number,
        principal=10**9,
        collateral=10**12,
        last_funding_timestamp=since,
        **changes,
    )
    return build(None, of, loan=COSTLY)


RECORDING = Rules(record_interval=DAY, record_batch=2)


@pytest.mark.parametrize("since, due", [(NOW - DAY, True), (NOW - DAY + 1, False)])
def test_decide__interest__is_recorded_after_the_interval(since, due):
    found = actions(owing(1, since), rules=RECORDING)
    assert bool(found) is due


def test_decide__interest__together_by_pool_and_token_the_longest_unpaid_first():
    other = f"0x{9:040x}"
    several = (
        owing(1),
        owing(2, NOW - 2 * DAY),
        owing(3, NOW - 3 * DAY),
        owing(4, is_long=False),
        owing(5, quote=other),
    )
    found = actions(*several, rules=RECORDING)
    assert [[i.number for i in action.ids] for action in found] == [[4], [3, 2], [1], [5]]
    daily = -(-(10**9) * (WAD // 10) * DAY // (WAD * YEAR))
    assert found[2].interests == (daily,)
    for action in found:
        assert isinstance(action, Record)
        assert len(action.ids) == len(action.positions) == len(action.interests)


@pytest.mark.parametrize(
    "changes",
    [
        {"is_executor": False},
        {"rules": Rules(record_interval=0)},
    ],
)
def test_decide__interest_that_is_not_wanted__is_not_recorded(changes):
    assert actions(owing(1), **{"rules": RECORDING, **changes}) == ()


def test_decide__interest_that_is_nothing__is_not_recorded():
    assert actions(replace(owing(1), loan=FREE), rules=RECORDING) == ()
    assert actions(replace(owing(1), loan=None), rules=RECORDING) == ()


def test_halves__of_a_batch__are_all_of_it():
    (batch,) = actions(owing(1), owing(2), owing(3), rules=Rules(record_interval=DAY))
    first, second = batch.halves()
    assert first.ids + second.ids == batch.ids
    assert first.interests + second.interests == batch.interests
    assert (len(first.ids), len(second.ids)) == (1, 2)


# -------------------------------------------------------------------------------- worth its gas

GWEI = 10**9
DEAR = Settings(native_price=WAD, max_gas_price=100)
"""A native token is worth a PREP."""


def seized(fee=150, value=WAD):
    (action,) = actions(long(9_400, pair=replace(FAR, value=value)))
    return replace(action, fee=fee, value=None if value is None else fee * value // WAD)


@pytest.mark.parametrize("gas_price, worth", [(1, True), (2, False)])
def test_worthwhile__liquidation__pays_for_all_of_its_gas_limit(gas_price, worth):
    """100 gas, at a limit of 150."""
    found = worthwhile(seized(150), 100, gas_price, DEAR)
    assert isinstance(found, Skipped) is not worth
    if worth:
        assert (found.cost, found.limit, found.max_price, found.unpaid) == (150, 150, 1, False)


def test_worthwhile__least_profit__is_left():
    assert not isinstance(worthwhile(seized(151), 100, 1, replace(DEAR, min_profit=1)), Skipped)
    assert isinstance(worthwhile(seized(150), 100, 1, replace(DEAR, min_profit=1)), Skipped)


def test_worthwhile__reward_without_a_price__only_where_gas_costs_nothing_or_when_told_to():
    unknown = seized(value=None)
    assert isinstance(worthwhile(unknown, 100, 1, DEAR), Skipped)
    assert not isinstance(worthwhile(unknown, 100, 1, replace(DEAR, unpaid=True)), Skipped)
    assert not isinstance(worthwhile(unknown, 100, 1, Settings()), Skipped)


def test_worthwhile__pays_nothing__only_when_told_to():
    assert isinstance(worthwhile(seized(0), 100, 0, Settings()), Skipped)
    assert worthwhile(seized(0), 100, 0, TOLD_TO).unpaid


def test_worthwhile__mark__has_to_earn_the_gas_of_the_liquidation_too():
    settings = replace(DEAR, gas_per_liquidation=100)
    (mark,) = actions(long(pair=pair(94 * WAD)), is_liquidator=False)
    assert not isinstance(worthwhile(replace(mark, value=300), 100, 1, settings), Skipped)
    assert isinstance(worthwhile(replace(mark, value=299), 100, 1, settings), Skipped)


@pytest.mark.parametrize("kind", ("order", "interest"))
def test_worthwhile__duties__are_bound_by_the_limits_on_gas_alone(kind):
    if kind == "order":
        watched = long(12_000, pair=pair(120 * WAD))
        (action,) = actions(watched, orders=(order(watched, 1, 1, True),))
    else:
        (action,) = actions(owing(1), rules=RECORDING)
    assert worthwhile(action, 100, 100, DEAR).unpaid
    assert isinstance(worthwhile(action, 100, 101, DEAR), Skipped)
    assert isinstance(worthwhile(action, 100, 1, replace(DEAR, max_credit_gas=149)), Skipped)


@pytest.mark.parametrize(
    "name, value",
    [
        ("room", -1),
        ("room", 10_001),
        ("slippage", -1),
        ("record_interval", -1),
        ("record_batch", 0),
    ],
)
def test_rules__impossible__are_refused(name, value):
    with pytest.raises(ValueError, match=name):
        Rules(**{name: value})


def test_decide__sale_of_a_short_that_brings_more_than_it_owes__counts_at_its_price():
    """No pool can do exactly what it owes, but more."""
    watched = short(None, brings=110, pair=pair(104 * WAD))
    watched = replace(watched, sale=exact_input(11_000, 110, False))
    assert actions(watched) == ()
    watched = replace(watched, sale=exact_input(11_000, 103, False))
    (action,) = actions(watched)
    assert action.equity == 11_000 - 11_000 * 100 // 103


@pytest.mark.parametrize("until, acts", [(NOW, False), (NOW - 1, True)])
def test_decide__marked_and_no_pool_can__is_marked_anew_only_once_the_mark_has_lapsed(until, acts):
    watched = long(pair=pair(94 * WAD), mark=Mark(NOW - DAY, until))
    found = actions(watched, is_liquidator=False)
    assert [type(action) for action in found] == ([SetMark] if acts else [])
