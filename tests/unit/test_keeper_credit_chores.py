"""Which orders and requests the keeper fills and removes, and which of them together."""

import pytest

from prep.keeper.credit.chores import chores, together
from prep.keeper.credit.live import Live
from prep.keeper.decide import Settings
from prep.model import WAD
from tests.unit.keeper_credit import order, request, snapshot


def plan(*planned, gas_price=0, **wanted):
    found = chores(
        snapshot(chores=planned, gas_price=gas_price), Settings(native_price=WAD, **wanted)
    )
    ids = [[str(task.id) for task in work.tasks] for work in found.work]
    return ids, {str(skipped.id): skipped.reason for skipped in found.skipped}


def test_chores__several_that_are_ready__are_filled_together_by_contract():
    ids, skipped = plan(order(1), request(1), order(2), request(2))
    assert ids == [["order/1", "order/2"], ["request/1", "request/2"]]
    assert skipped == {}


def test_chores__more_than_the_gas_of_a_transaction__go_into_the_next():
    # 300,000 gas each, with the margin.
    ids, _ = plan(*(order(i) for i in range(1, 6)), max_credit_gas=600_000)
    assert ids == [["order/1", "order/2"], ["order/3", "order/4"], ["order/5"]]


def test_chores__best_paid__comes_first_and_of_equal_ones_the_lower_id():
    ids, _ = plan(order(1), order(2, pays=2 * WAD), order(3), max_credit_gas=300_000)
    assert ids == [["order/2"], ["order/1"], ["order/3"]]


def test_chores__fee_below_the_gas__is_left_alone_also_with_unpaid():
    # 300,000 gas.
    for unpaid in (False, True):
        ids, skipped = plan(
            order(1, pays=299_999), order(2, pays=300_000), gas_price=1, unpaid=unpaid
        )
        assert ids == [["order/2"]]
        assert skipped == {"order/1": "pays 299999 less gas 300000, below 0"}


def test_chores__no_fee_and_gas_for_nothing__is_filled():
    assert plan(order(1, pays=0))[0] == [["order/1"]]
    assert plan(order(1, pays=0), min_profit=1)[1] == {"order/1": "pays 0"}


def test_chores__refused__is_left_alone_and_the_others_are_filled():
    ids, skipped = plan(order(1, refused="PriceNotAcceptable(1, 2)"), order(2))
    assert ids == [["order/2"]]
    assert skipped == {"order/1": "PriceNotAcceptable(1, 2)"}


def test_chores__dead_that_pays__is_removed_alone_and_after_what_is_filled():
    ids, _ = plan(request(1, fill=False, pays=9 * WAD), request(2, fill=False), order(3))
    assert ids == [["order/3"], ["request/1"], ["request/2"]]


def test_chores__dead_that_pays_nothing__is_removed_only_when_wanted_and_last():
    dead = request(1, fill=False, pays=0), request(2, fill=False)
    ids, skipped = plan(*dead)
    assert (ids, skipped) == ([["request/2"]], {"request/1": "pays 0"})
    assert plan(*dead, unpaid=True)[0] == [["request/2"], ["request/1"]]


def test_chores__more_than_may_be_done__the_rest_is_said():
    ids, skipped = plan(request(1, fill=False), order(1), request(2), max_actions=2)
    assert ids == [["order/1"], ["request/2"]]
    assert skipped == {"request/1": "more than 2 in one round"}


def test_together__different_fees__the_lowest_bounds_the_gas_price():
    """Should the better paid ones fail, what is filled still pays for its own gas."""
    wanted = Settings(native_price=WAD, max_gas_price=10**18)
    planned = chores(snapshot(chores=(order(1, pays=600_000), order(2, pays=900_000))), wanted)
    (work,) = planned.work
    assert (work.pays, work.gas_limit, work.max_gas_price) == (1_500_000, 600_000, 2)
    assert work.id.number == 2
    best = next(task for task in work.tasks if task.id.number == 2)
    assert together([best], wanted).max_gas_price == 3


def test_chores__gas_price_above_the_limit__nothing_is_done():
    assert plan(order(1), gas_price=2, max_gas_price=1) == (
        [],
        {"order/1": "gas price 2 above 1"},
    )


# ------------------------------------------------------------------------- requests that are live


def ask(live, count, gone=(), block=1_000, most=4):
    asked = live.to_ask(count, most)
    live.found({number: number in gone for number in asked}, block)
    return asked


def test_live__first_look__goes_down_from_the_newest_in_several_rounds():
    live = Live()
    gone = range(1, 11)
    assert ask(live, 10, gone) == [7, 8, 9, 10]
    assert ask(live, 10, gone) == [3, 4, 5, 6]
    assert ask(live, 10, gone) == [1, 2]
    assert ask(live, 10, gone) == []


def test_live__old_ones_that_are_there__are_asked_for_again():
    live = Live()
    assert ask(live, 6, gone=(3, 4, 6)) == [3, 4, 5, 6]
    assert ask(live, 6, gone=(1, 2)) == [1, 2, 5], "three below the limit"
    assert ask(live, 6) == [5]


def test_live__more_there_than_there_is_room_for__the_old_ones_still_get_their_turn():
    live = Live()
    assert ask(live, 6, most=4) == [3, 4, 5, 6]
    assert ask(live, 6, most=4) == [2, 3, 4, 5, 6]
    assert ask(live, 6, most=4) == [1, 2, 3, 4, 5, 6]


def test_live__new_ones__are_all_asked_for():
    live = Live()
    assert ask(live, 0) == []
    assert ask(live, 9) == list(range(1, 10))
    assert ask(live, 10) == list(range(1, 11))


def test_live__gone_lately__is_asked_for_until_nothing_can_replace_that():
    live = Live()
    ask(live, 0)
    assert ask(live, 1, block=1_000) == [1]
    assert ask(live, 1, gone=[1], block=1_001) == [1]
    assert ask(live, 1, gone=[1], block=1_100) == [1]
    assert ask(live, 1, gone=[1], block=1_101) == [1]
    assert ask(live, 1, gone=[1], block=1_102) == []


def test_live__gone_and_back_again__counts_anew():
    live = Live()
    ask(live, 0)
    ask(live, 1, gone=[1], block=1_000)
    ask(live, 1, block=1_050)
    assert ask(live, 1, gone=[1], block=1_200) == [1]
    assert ask(live, 1, gone=[1], block=1_201) == [1]


def test_live__chain_has_fewer_now__ids_given_out_again_are_new():
    live = Live()
    ask(live, 0)
    ask(live, 3, gone=[1, 2, 3], block=1_000)
    assert ask(live, 2, gone=[1, 2], block=1_000) == [1, 2]
    assert ask(live, 3, gone=[1, 2, 3], block=1_000) == [1, 2, 3]


def test_live__node_fails_between__nothing_is_taken_for_looked_at():
    live = Live()
    assert live.to_ask(6, 4) == [3, 4, 5, 6]
    assert live.to_ask(6, 4) == [3, 4, 5, 6]


@pytest.mark.parametrize("count", [1, 3, 4, 5, 100])
def test_live__any_number__every_id_is_looked_at_once(count):
    live, seen = Live(), []
    while asked := ask(live, count, gone=range(count + 1)):
        seen += asked
    assert sorted(seen) == list(range(1, count + 1))
