"""Long and short positions computed by hand: who gets what. docs/margin.md."""

import pytest

from prep.model import WAD, Rejected
from prep.model.margin import (
    Position,
    Swap,
)
from prep.model.margin.book import CLOSED, EXCHANGE, TREASURY, Lenders
from prep.model.margin.positions import Closing, Move
from tests.property.margin_by_hand import (
    BTC,
    GOOD,
    LIMITED,
    NOW,
    USD,
    YEAR,
    change,
    closing,
    create,
    opened_long,
    opened_short,
    opening,
    refusal,
    wait,
)


def test_long__opened_and_closed_a_year_later__everybody_has_his_part() -> None:
    pool, position = opened_long()
    assert position == Position(7, "trader", "btc", "usd", 40_000 * USD, BTC, NOW, 1)
    assert pool.moves == [
        Move("usd", "trader", "pool", 10_100 * USD),
        Move("usd", Lenders("usd"), "pool", 40_000 * USD),
        Move("usd", "pool", EXCHANGE, 50_000 * USD),
        Move("btc", EXCHANGE, "pool", BTC),
        Move("usd", "pool", TREASURY, 100 * USD),
    ]
    wait(pool, YEAR)
    assert pool.max_interest(position) == 4_000 * USD
    request = closing(position, interest=4_000 * USD, fee=600 * USD, min_payout=15_400 * USD)
    done = pool.close(request, position, Swap(BTC, 60_000 * USD))
    assert done == Closing(
        BTC, BTC, 60_000 * USD, 40_000 * USD, 4_000 * USD, 600 * USD, 15_400 * USD, 0
    )
    assert pool.stored == {7: CLOSED}
    assert pool.vaults["usd"].total_debt() == (0, 0)
    assert pool.vaults["usd"].idle == 1_004_000 * USD
    assert set(pool.balances.values()) == {0}


def test_long__a_third_is_closed__principal_rounds_up() -> None:
    pool, position = opened_long()
    wait(pool, YEAR // 4)
    part = BTC // 3
    request = closing(position, amount=part, interest=1_000 * USD)
    pool.close(request, position, Swap(part, 20_000 * USD))
    (left,) = pool.open_positions()
    # 40,000 * 33,333,333 / 100,000,000 dollars are 13,333.3332
    assert left.principal == 40_000 * USD - 13_333_333_200
    assert (left.collateral, left.nonce) == (BTC - part, 2)
    assert left.last_funding == NOW + YEAR // 4
    assert pool.moves[-1] == Move("usd", "pool", "trader", 20_000 * USD - 14_333_333_200)


def test_long__exit__pays_the_highest_interest_and_no_fee() -> None:
    pool, position = opened_long()
    wait(pool, YEAR // 2)
    done = pool.exit("trader", position, Swap(BTC, 50_000 * USD))
    assert (done.interest_paid, done.fee, done.payout) == (2_000 * USD, 0, 8_000 * USD)
    assert refusal(pool.exit, "trader", position, Swap(BTC, 1)) == Rejected(
        "UnknownPosition", 7, CLOSED, position
    )


def test_long__less_sold_than_is_closed__rest_is_the_traders() -> None:
    pool, position = opened_long()
    pool.controller.set_max_apy("usd", 0)
    done = pool.close(closing(position), position, Swap(BTC - 5, 50_000 * USD))
    assert (done.amount, done.spent, done.payout) == (BTC, BTC - 5, 10_000 * USD)
    assert pool.moves[-2:] == [
        Move("btc", "pool", "trader", 5),
        Move("usd", "pool", "trader", 10_000 * USD),
    ]


def test_long__swap_leaves_some__goes_to_lenders_before_the_trader() -> None:
    pool = create(True)
    position = pool.open(opening(), Swap(30_000 * USD, 6 * BTC // 10))
    assert position.principal == 20_000 * USD
    assert pool.vaults["usd"].debt_of("pool") == 20_000 * USD
    pool = create(True)
    position = pool.open(opening(fee=0), Swap(9_000 * USD, 18 * BTC // 100))
    assert position.principal == 0
    assert pool.moves[-2:] == [
        Move("usd", "pool", Lenders("usd"), 40_000 * USD),
        Move("usd", "pool", "trader", 1_000 * USD),
    ]


def test_long__liquidated_with_something_left__trader_has_it() -> None:
    pool, position = opened_long()
    wait(pool, YEAR // 4)
    pool.controller.prices["oracle"] = 425 * WAD
    # Value 42,500, owed 41,000, margin 2,125, equity 1,500, fee 850.
    done = pool.liquidate("liquidator", position, 1_000 * USD, Swap(BTC, 42_500 * USD))
    assert done == Closing(
        BTC, BTC, 42_500 * USD, 40_000 * USD, 1_000 * USD, 850 * USD, 650 * USD, 0
    )


def test_long__liquidated_too_late__principal_before_interest_and_the_rest_is_lost() -> None:
    pool, position = opened_long()
    wait(pool, YEAR // 4)
    pool.controller.prices["oracle"] = 400 * WAD
    done = pool.liquidate("liquidator", position, 1_000 * USD, Swap(BTC, 40_300 * USD))
    assert (done.principal_paid, done.interest_paid) == (40_000 * USD, 300 * USD)
    assert (done.fee, done.payout, done.bad_debt) == (0, 0, 0)
    pool, position = opened_long()
    wait(pool, YEAR // 4)
    pool.controller.prices["oracle"] = 390 * WAD
    done = pool.liquidate("liquidator", position, 1_000 * USD, Swap(BTC, 39_000 * USD))
    assert (done.principal_paid, done.interest_paid, done.bad_debt) == (39_000 * USD, 0, 10**9)
    assert pool.vaults["usd"].total_assets() == 999_000 * USD


@pytest.mark.parametrize(("proceeds", "well"), [(42_105_263_158, False), (42_105_263_159, True)])
def test_long__at_the_threshold__liquidatable_to_the_unit(proceeds: int, well: bool) -> None:
    # Equity v - 40,000 is at most v / 20, rounded up, up to v = 42,105.263158 dollars.
    pool, position = opened_long()
    pool.controller.set_max_apy("usd", 0)
    pool.controller.prices["oracle"] = 420 * WAD
    args = "liquidator", position, 0, Swap(BTC, proceeds)
    if not well:
        assert pool.liquidate(*args).bad_debt == 0
        return
    assert refusal(pool.liquidate, *args) == Rejected(
        "NotLiquidatable", proceeds - 40_000 * USD, 2_105_263_158
    )


def test_short__opened_and_closed__pays_in_both_tokens() -> None:
    pool, position = opened_short()
    assert position == Position(7, "trader", "btc", "usd", 8 * BTC // 10, 50_000 * USD, NOW, 1)
    wait(pool, YEAR // 2)
    interest = 4 * BTC // 100
    swap = Swap(30_000 * USD, 84 * BTC // 100 + 5)
    done = pool.close(closing(position, interest=interest, fee=300 * USD), position, swap)
    assert done == Closing(50_000 * USD, *swap, 8 * BTC // 10, interest, 300 * USD, 19_700 * USD, 0)
    assert pool.moves[2:] == [
        Move("btc", "pool", Lenders("btc"), 84 * BTC // 100),
        Move("usd", "pool", TREASURY, 300 * USD),
        Move("btc", "pool", "trader", 5),
        Move("usd", "pool", "trader", 19_700 * USD),
    ]


def test_short__liquidated__value_is_what_the_swap_paid_for_what_is_owed() -> None:
    pool, position = opened_short()
    pool.controller.set_max_apy("btc", 0)
    pool.controller.prices["oracle"] = 600 * WAD
    # 0.8 bitcoin for 48,000 dollars: equity 2,000, margin 2,400, fee 960.
    done = pool.liquidate("liquidator", position, 0, Swap(48_000 * USD, 8 * BTC // 10))
    assert (done.fee, done.payout, done.bad_debt) == (960 * USD, 1_040 * USD, 0)
    pool, position = opened_short()
    pool.controller.set_max_apy("btc", 0)
    pool.controller.prices["oracle"] = 700 * WAD
    done = pool.liquidate("liquidator", position, 0, Swap(50_000 * USD, 72 * BTC // 100))
    assert (done.fee, done.payout, done.bad_debt) == (0, 0, 8 * BTC // 100)
    pool, position = opened_short()
    pool.controller.set_max_apy("btc", 0)
    less = Swap(49_999 * USD, 72 * BTC // 100)
    assert refusal(pool.liquidate, "liquidator", position, 0, less) == Rejected(
        "WrongAmountSpent", 49_999 * USD, 50_000 * USD
    )


def test_short__nothing_owed__closes_without_a_swap() -> None:
    pool, position = opened_short()
    position = position._replace(principal=0)
    pool.stored[7] = position
    done = pool.close(closing(position), position, Rejected("SwapNotAllowed"))
    assert (done.spent, done.received, done.payout) == (0, 0, 50_000 * USD)


def test_remove__long__as_far_as_the_leverage_allows() -> None:
    pool, position = opened_long()
    pool.controller.prices["oracle"] = 600 * WAD
    wait(pool, YEAR // 4)
    # Debt 41,000; an equity of 10,250 allows it: 51,250 dollars, 85,416,667 units.
    most = BTC - 85_416_667
    refused = refusal(pool.remove_collateral, change(position, -most - 1), position)
    assert refused == Rejected("PrincipalTooHigh", 41_000 * USD, 40_999_998_400)
    after = pool.remove_collateral(change(position, -most), position)
    assert after == position._replace(collateral=85_416_667, nonce=2)
    assert pool.moves == [Move("btc", "pool", "trader", most)]


def test_remove__short__as_far_as_the_leverage_allows() -> None:
    pool, position = opened_short()
    wait(pool, YEAR // 2)
    # Debt 0.84 bitcoin, 42,000 dollars; an equity of 8,400 allows it.
    refused = refusal(pool.remove_collateral, change(position, 50_399 * USD), position)
    assert refused == Rejected("ZeroAmount")
    pool.controller.prices["oracle"] = 450 * WAD
    # 37,800 dollars and 7,560.
    most = 50_000 * USD - 45_360 * USD
    refused = refusal(pool.remove_collateral, change(position, -most - 1), position)
    assert refused == Rejected("PrincipalTooHigh", 84 * BTC // 100, 83_999_999)
    assert pool.remove_collateral(change(position, -most), position).collateral == 45_360 * USD


def test_remove__without_a_check_price__uses_the_limit() -> None:
    pool, position = opened_long(LIMITED)
    assert pool.borrowed_today("btc", "usd") == 40_000 * USD
    refused = refusal(pool.remove_collateral, change(position, -BTC // 4 - 1), position)
    assert refused == Rejected("DailyLimitExceeded", 50_000 * USD + 400, 50_000 * USD)
    pool.remove_collateral(change(position, -BTC // 4), position)
    assert pool.borrowed_today("btc", "usd") == 50_000 * USD
    wait(pool, 43_200)
    assert pool.borrowed_today("btc", "usd") == 25_000 * USD


def test_add__any_amount__changes_nothing_else() -> None:
    pool, position = opened_short()
    wait(pool, YEAR)
    assert pool.add_collateral(change(position, 5), position) == position._replace(
        collateral=50_000 * USD + 5, nonce=2
    )
    assert refusal(pool.add_collateral, change(position, 5), position).name == "UnknownPosition"


def test_record__of_two__is_added_to_both_and_to_the_debt() -> None:
    pool, first = opened_long()
    second = pool.open(opening(id=8), GOOD)
    wait(pool, YEAR // 2)
    both, interests = [first, second], [2_000 * USD, 5]
    assert refusal(pool.record_interest, "thief", both, interests).name == (
        "AccessManagedUnauthorized"
    )
    assert refusal(pool.record_interest, "executor", both, interests[1:]) == Rejected("ListsDiffer")
    assert refusal(pool.record_interest, "executor", [], []) == Rejected("ListsDiffer")
    assert refusal(pool.record_interest, "executor", both, [1, 0]) == Rejected("ZeroAmount")
    twice = refusal(pool.record_interest, "executor", [first, first], interests)
    assert twice.name == "UnknownPosition"
    pool.record_interest("executor", both, interests)
    assert [it.principal for it in pool.open_positions()] == [42_000 * USD, 40_000 * USD + 5]
    assert [it.last_funding for it in pool.open_positions()] == [NOW + YEAR // 2] * 2
    assert pool.vaults["usd"].debt_of("pool") == 82_000 * USD + 5
