"""Orders, marks and payouts that are kept, by hand. docs/margin.md."""

from dataclasses import replace
from typing import Any

from prep.model import WAD, Rejected
from prep.model.margin import (
    CloseRequest,
    Order,
    Payout,
    Swap,
)
from prep.model.margin.positions import Closing
from tests.property.margin_by_hand import (
    BTC,
    GOOD,
    LIMITED,
    NOW,
    USD,
    YEAR,
    closing,
    opened_long,
    opened_short,
    opening,
    refusal,
    wait,
)


def test_order__at_its_price_and_beside__decides_to_the_unit() -> None:
    for is_long, take_profit, quote in (
        (True, True, 55_000 * USD), (True, False, 55_000 * USD - 2),
        (False, True, 55_000 * USD - 2), (False, False, 55_000 * USD),
    ):  # fmt: skip
        pool, position = opened_long() if is_long else opened_short()
        for token in ("usd", "btc"):
            pool.controller.set_max_apy(token, 0)
        pool.controller.prices["oracle"] = 550 * WAD
        base = BTC if is_long else 8 * BTC // 10
        money = quote if is_long else quote * 8 // 10
        swap = Swap(base, money) if is_long else Swap(money, base)
        order = Order(
            7, "trader", "trader", take_profit, 55_000 * USD - 1, BTC, 0, Payout.TOKEN, NOW
        )
        wrong = order._replace(take_profit=not take_profit)
        args = closing(position), position, swap
        assert refusal(pool.execute_order, "executor", wrong, *args) == Rejected(
            "ConditionNotMet", money, base
        )
        assert pool.execute_order("executor", order, *args).bad_debt == 0


def test_order__that_is_not_the_traders__is_refused() -> None:
    pool, position = opened_long()
    pool.controller.set_max_apy("usd", 0)
    order = Order(7, "trader", "deputy", True, 1, BTC, 0, Payout.TOKEN, NOW)
    args = closing(position), position, Swap(BTC, 50_000 * USD)

    def refused(order: Order, request: CloseRequest = args[0], **options: Any) -> Rejected:
        return refusal(pool.execute_order, "executor", order, request, *args[1:], **options)

    not_his = Rejected("NotOrderOfTrader", "deputy", "trader")
    assert refused(order) == not_his
    pool.authorise_signer("trader", "deputy", True)
    assert refused(order, order_signed=False) == not_his
    assert refused(order._replace(id=8)) == Rejected("OrderMismatch")
    assert refused(order, closing(position, amount=BTC - 1)) == Rejected("OrderMismatch")
    assert refused(order._replace(expiry=NOW - 1)) == Rejected("Expired", NOW - 1, NOW)
    assert refused(order._replace(min_payout=10**11)) == Rejected(
        "PayoutTooLow", 10_000 * USD, 10**11
    )
    assert refusal(pool.cancel_order, "thief", order) == Rejected("NotTrader", "thief", "trader")
    pool.cancel_order("deputy", order)
    assert refused(order) == Rejected("OrderIsCancelled", order)
    pool.authorise_signer("trader", "deputy", False)
    assert refused(order._replace(expiry=NOW + 1)) == not_his


def test_order__swap_that_the_trader_has_not_seen__sells_all_at_the_check_price() -> None:
    pool, position = opened_long()
    pool.controller.set_max_apy("usd", 0)
    order = Order(7, "trader", "trader", True, 1, BTC, 0, Payout.TOKEN, NOW)
    request = closing(position)
    for swap, refused in (
        (Swap(BTC - 1, 50_000 * USD), Rejected("WrongAmountSpent", BTC - 1, BTC)),
        (Swap(BTC, 49_500 * USD - 1), Rejected("PriceDeviates", 49_500 * USD - 1, 49_500 * USD)),
    ):
        assert refusal(pool.execute_order, "executor", order, request, position, swap) == refused
    stale = pool.controller.prices["oracle"] = Rejected("AnswerStale", 1, 2)
    swap = Swap(BTC, 50_000 * USD)
    assert refusal(pool.execute_order, "executor", order, request, position, swap) == stale
    pool, position = opened_short()
    pool.controller.set_max_apy("btc", 0)
    order = order._replace(quote_amount=10**30)
    swap = Swap(40_400 * USD + 1, 8 * BTC // 10)
    args = order, closing(position), position, swap
    assert refusal(pool.execute_order, "executor", *args) == Rejected(
        "PriceDeviates", 40_400 * USD + 1, 40_400 * USD
    )


def test_liquidate__feed_is_dead__refused_until_the_pair_has_limits() -> None:
    pool, position = opened_long()
    pool.controller.set_max_apy("usd", 0)
    swap = Swap(BTC, 42_000 * USD)
    args = "liquidator", position, 0, swap
    assert refusal(pool.liquidate, *args) == Rejected("PriceDeviates", 42_000 * USD, 49_500 * USD)
    stale = pool.controller.prices["oracle"] = Rejected("AnswerStale", 1, 2)
    for action in (pool.mark, pool.health):
        assert refusal(action, position) == stale
    assert refusal(pool.open, opening(id=8), GOOD) == stale
    assert refusal(pool.liquidate, *args) == stale
    terms = pool.controller.terms("btc", "usd")
    limits = replace(terms, oracle=None, max_deviation=0, long_limit=1)
    pool.controller.set_pair("btc", "usd", limits)
    assert pool.liquidate(*args).payout == 1_160 * USD


def test_liquidate_part__of_a_long__judges_the_whole() -> None:
    pool, position = opened_long()
    pool.controller.prices["oracle"] = 425 * WAD
    wait(pool, YEAR // 4)
    # Worth 42,500 as a whole: owed 41,000, margin 2,125. Of the part 10,625 and 11,000.
    args = position, BTC // 4, 1_000 * USD
    done = pool.liquidate_part("liquidator", *args, Swap(BTC // 4, 10_625 * USD))
    assert done == Closing(BTC // 4, BTC // 4, 10_625 * USD, 10_000 * USD, 625 * USD, 0, 0, 0)
    left = position._replace(principal=30_000 * USD, collateral=3 * BTC // 4, nonce=2)
    assert pool.open_positions() == [left]
    much = refusal(pool.liquidate_part, "liquidator", left, BTC, 0, GOOD)
    assert much == Rejected("AmountTooLarge", BTC, 3 * BTC // 4)


def test_liquidate_part__that_pays_all_interest__starts_time_anew() -> None:
    pool, position = opened_long()
    pool.controller.prices["oracle"] = 425 * WAD
    wait(pool, 86_400)
    interest = 10_958_904
    little = refusal(pool.liquidate_part, "liquidator", position, BTC // 100 - 1, interest, GOOD)
    assert little == Rejected("AmountTooSmall", BTC // 100 - 1, BTC // 100)
    swap = Swap(BTC // 2, 21_040 * USD)
    done = pool.liquidate_part("liquidator", position, BTC // 2, interest, swap)
    fee = 420_800_000
    assert (done.interest_paid, done.fee) == (interest, fee)
    assert done.payout == 1_040 * USD - interest - fee
    assert pool.open_positions()[0].last_funding == NOW + 86_400


def test_liquidate_part__of_a_short__is_refused_until_it_is_poor() -> None:
    pool, position = opened_short()
    pool.controller.set_max_apy("btc", 0)
    # 0.2 bitcoin for 10,100 dollars: 40,400 for all, and an equity of 9,600.
    part = "liquidator", position, 12_500 * USD, 0
    assert refusal(pool.liquidate_part, *part, Swap(10_100 * USD, 2 * BTC // 10)) == Rejected(
        "NotLiquidatable", 9_600 * USD, 2_020 * USD
    )
    pool.controller.prices["oracle"] = 600 * WAD
    done = pool.liquidate_part(*part, Swap(12_000 * USD, 2 * BTC // 10))
    assert (done.fee, done.payout, done.bad_debt) == (240 * USD, 260 * USD, 0)
    assert pool.open_positions()[0].principal == 6 * BTC // 10


def test_mark__grace_period_and_a_day__then_anyone_liquidates() -> None:
    pool, position = opened_long()
    pool.controller.set_max_apy("usd", 0)
    swap = Swap(BTC, 42_000 * USD)
    assert refusal(pool.mark, position) == Rejected("NotLiquidatable", 10_000 * USD, 2_500 * USD)
    assert refusal(pool.unmark, position) == Rejected("NotMarked", 0, 0)
    pool.controller.prices["oracle"] = 420 * WAD
    start, until = NOW + 3_600, NOW + 3_600 + 86_400
    assert pool.mark(position) == (start, until)
    assert refusal(pool.mark, position) == Rejected("AlreadyMarked", start, until)
    still = Rejected("StillLiquidatable", 2_000 * USD, 2_100 * USD)
    assert refusal(pool.unmark, position) == still
    early = Rejected("NotMarked", start, until)
    for seconds, refused in ((3_599, early), (86_402, early)):
        wait(pool, seconds)
        assert refusal(pool.liquidate_marked, "anyone", position, swap) == refused
    assert pool.mark(position) == (until + 3_601, until + 3_601 + 86_400)
    wait(pool, 3_600 + 86_400)
    pool.controller.prices["oracle"] = 430 * WAD
    well = Rejected("NotLiquidatable", 3_000 * USD, 2_150 * USD)
    assert refusal(pool.liquidate_marked, "anyone", position, swap) == well
    pool.unmark(position)
    assert pool.mark_of(7) == (0, 0)
    pool.controller.prices["oracle"] = 420 * WAD
    pool.mark(position)
    wait(pool, 3_600)
    # Sold for more than the threshold: the check price decides.
    done = pool.liquidate_marked("anyone", position, Swap(BTC, 50_000 * USD))
    assert (done.fee, done.payout) == (1_000 * USD, 9_000 * USD)


def test_mark__without_a_check_price__is_refused() -> None:
    pool, position = opened_long(LIMITED)
    for action in (pool.mark, pool.health):
        assert refusal(action, position) == Rejected("NoCheckPrice", "btc", "usd")


def test_liquidate__token_refuses_the_trader__is_kept_and_claimed() -> None:
    pool, position = opened_short()
    pool.controller.set_max_apy("btc", 0)
    pool.controller.prices["oracle"] = 600 * WAD
    for token in ("usd", "btc"):
        pool.refusing["trader", token] = Rejected("TransferFailed")
    # Three units more than is owed: worth 47,999.9982 dollars, the fee 959.999964.
    pool.liquidate("liquidator", position, 0, Swap(48_000 * USD, 8 * BTC // 10 + 3))
    assert pool.claimable == {("trader", "usd"): 1_040_000_036, ("trader", "btc"): 3}
    assert (pool.balances["usd"], pool.balances["btc"]) == (1_040_000_036, 3)
    assert refusal(pool.claim, "trader", "btc", "trader") == Rejected("TransferFailed")
    assert pool.claim("trader", "btc", "friend") == 3
    assert refusal(pool.claim, "trader", "btc", "friend") == Rejected("ZeroAmount")
