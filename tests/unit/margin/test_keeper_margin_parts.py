"""Which part of a position to liquidate, by hand and to the unit.

The long owes 9,000 on 100 base tokens: of a part of `a` that brings `v` the whole is worth
`100 v / a`, rounded up, `90 a` are due, and a fiftieth of `v` is the fee at most. The short owes
100 base tokens on 11,000: of a part of `a` for a cost `c` the whole costs `11,000 c / a`.
"""

from dataclasses import replace

import pytest

from prep.keeper import Rules, Settings, Skipped
from prep.keeper.margin.decide import decide
from prep.keeper.margin.seize import BETWEEN, first_parts, more_parts
from prep.keeper.margin.snapshot import Part
from prep.model import WAD
from tests.unit.margin.watched import (
    COSTLY,
    NOW,
    UNCHECKED,
    YEAR,
    exact_input,
    exact_output,
    long,
    pair,
    position,
    short,
    snapshot,
)

NO_ROOM = Rules(room=0, slippage=0)
FREE_GAS = Settings()
FAR = pair(95 * WAD)
"""A sale of `a` has to bring 92.15 a, rounded up."""
HIGH = pair(104 * WAD)
"""100 may cost 10,712."""
ANY = pair(None, UNCHECKED)


def sale(amount, brings):
    return Part(amount, exact_input(amount, brings))


def purchase(amount, due, cost, brings=None):
    """Of a short; `brings`: base tokens, for the whole amount."""
    all_of_it = None if brings is None else exact_input(amount, brings, False)
    return Part(amount, all_of_it, exact_output(cost, due))


def plan(watched, rules=NO_ROOM, **changes):
    return decide(snapshot(watched, **changes), FREE_GAS, rules)


def only(watched, **changes):
    (action,) = plan(watched, **changes).actions
    return action


# ---------------------------------------------------------------------------------- which of them


def test_decide__whole_deviates__the_part_that_pays_most():
    """25 for 2,360: 110 are left, the fee is 47. 50 for 4,640: 140 and 92. 75 deviates."""
    watched = long(8_900, pair=FAR, parts=(sale(25, 2_360), sale(75, 6_800), sale(50, 4_640)))
    action = only(watched)
    assert (action.amount, action.left, action.fee, action.value) == (50, 50, 92, 92)
    assert action.equity == 9_280 - 9_000, "of the whole"
    assert action.swap == exact_input(50, 4_640)
    assert action.bound == 4_640


def test_decide__parts_that_pay_the_same__the_largest_of_them():
    watched = long(8_900, pair=ANY, parts=(sale(25, 2_000), sale(50, 4_000), sale(10, 850)))
    assert only(watched).amount == 100
    watched = long(None, pair=ANY, parts=(sale(25, 2_000), sale(50, 4_000), sale(10, 850)))
    assert (only(watched).amount, only(watched).fee) == (50, 0)


def test_decide__whole_pays_nothing_and_a_part_does__the_part():
    watched = long(9_000, pair=ANY, parts=(sale(50, 4_600),))
    assert (only(watched).amount, only(watched).fee) == (50, 92)


@pytest.mark.parametrize("brings, acts", [(2_368, True), (2_369, False)])
def test_decide__part__is_judged_by_what_it_makes_of_the_whole(brings, acts):
    """9,472 leave 472 of 474; 9,476 leave 476 of 474."""
    watched = long(8_900, pair=FAR, parts=(sale(25, brings),))
    found = plan(watched)
    assert [action.amount for action in found.actions] == ([25] if acts else [])
    if not acts:
        assert "below the 9215 that the check price allows; nor can a part" in (
            found.skipped[0].reason
        )


def test_decide__part_of_an_odd_size__makes_the_whole_worth_more_not_less():
    """3 for 284: 9,466.7, rounded up to 9,467."""
    watched = long(8_900, pair=FAR, parts=(sale(3, 284),))
    assert only(watched).equity == 467


def test_decide__part__keeps_the_same_room():
    watched = long(8_900, pair=FAR, parts=(sale(25, 2_343),))
    assert only(watched, rules=Rules(room=100, slippage=0)).amount == 25, "372 of 469 - 94"
    watched = replace(watched, parts=(sale(25, 2_344),))
    assert plan(watched, rules=Rules(room=100)).actions == ()


def test_decide__part_of_a_long__owes_all_of_the_interest():
    """900 in a year. 50 for 5,200: of 4,500 and 900 nothing is left."""
    of = position(last_funding_timestamp=NOW - YEAR)
    watched = long(9_000, of, pair=pair(104 * WAD), loan=COSTLY, parts=(sale(50, 5_200),))
    action = only(watched)
    assert (action.amount, action.interest, action.fee) == (50, 900, 0)
    assert action.equity == 10_400 - 9_900
    watched = replace(watched, parts=(sale(80, 8_180),))
    assert only(watched).fee == 8_180 - 7_200 - 900


def test_decide__part_of_a_short__buys_its_principal():
    """A quarter: 25 for 2,650, of 2,750: the whole would be 10,600, 400 are left of it."""
    watched = short(10_900, pair=HIGH, parts=(purchase(2_750, 25, 2_650),))
    action = only(watched)
    assert (action.amount, action.left, action.fee, action.equity) == (2_750, 8_250, 53, 400)
    assert action.swap == exact_output(2_650, 25)


@pytest.mark.parametrize("cost, acts", [(2_619, True), (2_618, False)])
def test_decide__part_of_a_short__is_judged_by_what_it_makes_of_the_whole(cost, acts):
    """10,476 leave 524 of 524, 10,472 leave 528 of 524."""
    watched = short(10_900, pair=HIGH, parts=(purchase(2_750, 25, cost),))
    assert bool(plan(watched).actions) is acts


def test_decide__part_of_a_short_that_costs_more_than_it_is__spends_it_all():
    part = purchase(2_750, 25, 2_751, brings=24)
    action = only(short(pair=ANY, parts=(part,)))
    assert (action.swap, action.bound, action.fee) == (part.sale, 24, 0)
    assert action.equity == 0


def test_decide__slippage_of_a_part__never_spends_more_than_the_part():
    watched = short(10_900, pair=HIGH, parts=(purchase(2_750, 25, 2_670),))
    assert only(watched, rules=Rules(room=0, slippage=1_000)).bound == 2_750


def test_decide__without_the_role__parts_are_nothing():
    watched = long(8_900, pair=FAR, parts=(sale(25, 2_360),))
    assert plan(watched, is_liquidator=False, is_executor=False).actions == ()


def test_decide__no_part_can_be_done__is_skipped_with_the_reason_of_the_whole():
    watched = long(pair=ANY, parts=(Part(50),))
    reason = "no pool can swap its collateral now; nor can a part be liquidated"
    assert plan(watched).skipped == (Skipped(watched.id, reason),)


# -------------------------------------------------------------------------------- which to ask for


def first(watched, settings=FREE_GAS, **changes):
    return first_parts(snapshot(watched, **changes), watched, settings, NO_ROOM)


@pytest.mark.parametrize(
    "collateral, amounts",
    [
        (100, [1, 3, 6, 12, 25, 50]),
        (10_001, [101, 156, 312, 625, 1_250, 2_500, 5_000]),
        (2, [1]),
        (1, []),
    ],
)
def test_first_parts__whole_deviates__halves_down_to_a_hundredth(collateral, amounts):
    of = position(collateral=collateral, principal=90 * collateral)
    watched = long(None, of, pair=ANY)
    assert first(watched) == amounts


def test_first_parts__whole_pays__none():
    assert first(long(9_400, pair=FAR)) == []
    assert first(long(9_400, pair=replace(ANY, value=None))) == []


def test_first_parts__whole_pays_nothing_or_deviates__some():
    assert first(long(9_000, pair=ANY))
    assert first(long(9_000, pair=replace(ANY, value=None)))
    assert first(long(9_214, pair=FAR))


@pytest.mark.parametrize("native_price, some", [(188, False), (189, True)])
def test_first_parts__whole_does_not_earn_its_gas__some(native_price, some):
    settings = Settings(native_price=native_price * WAD, gas_per_liquidation=1)
    assert bool(first(long(9_400, pair=FAR), settings, gas_price=1)) is some
    settings = replace(settings, min_profit=1)
    assert bool(first(long(9_400, pair=FAR), settings, gas_price=1)) is (native_price >= 188)


def test_first_parts__healthy_or_not_to_be_touched__none():
    assert first(long(9_475, pair=FAR)) == []
    assert first(long(9_000)) == [], "at no price that is allowed"
    assert first(long(9_000, pair=ANY), is_liquidator=False) == []
    assert first(long(9_000, pair=ANY, differs="not as the chain has it")) == []
    assert first(long(9_000, pair=pair(None, no_price="stale"))) == []


def test_first_parts__within_but_not_by_the_room__none():
    """A part looks better still."""
    watched = long(9_376, pair=FAR)
    assert first_parts(snapshot(watched), watched, FREE_GAS, Rules(room=100)) == []


def more(watched):
    return more_parts(snapshot(watched), watched, FREE_GAS, NO_ROOM)


def test_more_parts__around_the_best():
    """The best one is 50, and those next to it are 25 and 75."""
    parts = (sale(25, 2_360), sale(50, 4_640), sale(75, 6_800))
    assert more(long(8_900, pair=FAR, parts=parts)) == [31, 37, 43, 56, 62, 68]
    assert BETWEEN == 7


def test_more_parts__the_smallest_is_best__up_to_the_next():
    parts = (sale(25, 2_360), sale(50, 4_500))
    assert more(long(8_900, pair=FAR, parts=parts)) == [28, 31, 34, 37, 40, 43, 46]


def test_more_parts__none_can_be_done__between_too_small_and_too_large():
    """25 looks healthy, 50 deviates."""
    parts = (sale(25, 2_400), sale(50, 4_500))
    assert more(long(8_900, pair=FAR, parts=parts)) == [28, 31, 34, 37, 40, 43, 46]


def test_more_parts__whole_is_best_or_all_deviate_or_there_are_none__none():
    assert more(long(8_900, pair=ANY, parts=(sale(50, 4_000),))) == []
    assert more(long(8_900, pair=FAR, parts=(sale(25, 2_000), sale(50, 4_000)))) == []
    assert more(long(8_900, pair=FAR)) == []
