"""What is refused, and as what: one thing is wrong at a time. docs/margin.md."""

from collections.abc import Callable
from typing import Any

import pytest

from prep.model import WAD, Rejected
from prep.model.margin import (
    MarginPool,
    Payment,
    Payout,
    Position,
    Swap,
)
from prep.model.margin.book import Lenders
from prep.model.margin.positions import Move
from tests.property.margin_by_hand import (
    BTC,
    GOOD,
    LIMITED,
    NOW,
    USD,
    YEAR,
    closing,
    create,
    opened_long,
    opened_short,
    opening,
    refusal,
    wait,
)


def limited(is_long: bool) -> MarginPool:
    return create(is_long, LIMITED)


SHORT = 8 * BTC // 10


@pytest.mark.parametrize(
    ("pool", "changes", "swap", "expected"),
    [
        (create(True), {"expiry": NOW - 1}, GOOD, ("Expired", NOW - 1, NOW)),
        (create(True), {"nonce": 1}, GOOD, ("WrongPosition", 7, 0, 7, 1)),
        (create(True), {"base": "usd"}, GOOD, ("PairNotListed", "usd", "usd")),
        (create(True), {"principal": 0}, GOOD, ("ZeroAmount",)),
        (create(True), {"interest": 1}, GOOD, ("InvalidInterest", 1, 0)),
        (create(True), {}, Rejected("Error", "STF"), ("Error", "STF")),
        (create(True), {}, Swap(50_000 * USD + 1, BTC), ("WrongAmountSpent", 50_000 * USD + 1,
                                                       50_000 * USD)),
        (create(True), {"min_output": BTC + 1}, GOOD, ("OutputTooLow", BTC, BTC + 1)),
        (create(True), {}, Swap(50_000 * USD, 99 * BTC // 100), ("PriceDeviates", 50_000 * USD,
                                                                49_995 * USD)),
        (create(True), {"principal": 40_000 * USD + 1}, Swap(50_000 * USD + 1, BTC),
         ("PrincipalTooHigh", 40_000 * USD + 1, 40_000 * USD)),
        (create(True), {"fee": 500 * USD + 1}, GOOD, ("FeeTooHigh", 500 * USD + 1, 500 * USD)),
        (create(True), {"principal": 2 * 10**6 * USD}, GOOD,
         ("InsufficientLiquidity", 10**6 * USD, 2 * 10**6 * USD)),
        (create(False), {"principal": SHORT}, Swap(SHORT, 39_599 * USD),
         ("PriceDeviates", 39_599 * USD, 39_600 * USD)),
        (create(False), {"principal": BTC + 1}, Swap(BTC + 1, 50_001 * USD),
         ("PrincipalTooHigh", BTC + 1, BTC)),
        (limited(False), {"principal": 3 * BTC}, Swap(3 * BTC, 50_001 * USD),
         ("SaleTooLarge", 50_001 * USD, 50_000 * USD)),
        (limited(False), {"principal": 3 * BTC}, Swap(3 * BTC, 50_000 * USD),
         ("DailyLimitExceeded", 3 * BTC, 2 * BTC)),
        (limited(True), {"down_payment": 0, "principal": 1, "fee": 0}, Swap(1, 1),
         ("PrincipalTooHigh", 1, 0)),
        (limited(True), {"principal": USD, "down_payment": USD}, Swap(2 * USD, 0), ("ZeroAmount",)),
    ],
)  # fmt: skip
def test_open__one_thing_wrong__is_refused_for_it(
    pool: MarginPool, changes: dict[str, Any], swap: Any, expected: tuple[Any, ...]
) -> None:
    assert refusal(pool.open, opening(**changes), swap) == Rejected(*expected)
    assert pool.stored == pool.balances == {}
    assert pool.vaults["usd"].idle == 10**6 * USD


def test_open__who_may_not__is_refused() -> None:
    pool, position = opened_long()
    assert refusal(pool.open, opening(), GOOD) == Rejected("IdUsed", 7)
    other = opening(id=8)
    assert refusal(pool.open, other, GOOD, caller="thief") == Rejected(
        "NotTrader", "thief", "trader"
    )
    assert refusal(pool.open, other, GOOD, signer="thief") == Rejected("NotOrderSigner", "thief")
    poor = Payment(refusal=Rejected("TransferFromFailed"))
    assert refusal(pool.open, other, GOOD, payment=poor) == Rejected("TransferFromFailed")
    ether = Payment(ether=5)
    assert refusal(pool.open, other, GOOD, payment=ether) == Rejected("WrongEther", 5, 0)
    grown = opening(nonce=1, trader="thief")
    assert refusal(pool.increase, grown, position, GOOD) == Rejected("NotTrader", "thief", "trader")
    assert refusal(pool.increase, opening(nonce=2), position, GOOD) == Rejected(
        "WrongPosition", 7, 1, 7, 2
    )
    assert refusal(pool.increase, opening(nonce=1, base="eth"), position, GOOD) == Rejected(
        "WrongTokens", "eth", "usd"
    )
    changed = position._replace(principal=0)
    assert refusal(pool.increase, opening(nonce=1), changed, GOOD) == Rejected(
        "UnknownPosition", 7, position, changed
    )
    pool.controller.disable_pair("btc", "usd")
    assert refusal(pool.open, other, GOOD) == Rejected("PairIsDisabled", "btc", "usd")


def test_increase__a_year_later__charges_interest_and_starts_anew() -> None:
    pool, position = opened_long()
    wait(pool, YEAR)
    grown = pool.increase(opening(nonce=1, interest=4_000 * USD, expiry=NOW + YEAR), position, GOOD)
    assert grown == Position(7, "trader", "btc", "usd", 84_000 * USD, 2 * BTC, NOW + YEAR, 2)
    assert pool.vaults["usd"].debt_of("pool") == 84_000 * USD


def test_increase__into_the_threshold__is_refused() -> None:
    pool, position = opened_long()
    pool.controller.prices["oracle"] = 420 * WAD
    # 11.9 bitcoin cents for 5,000 dollars with 4,000 borrowed: equity 2,998, margin 2,350.
    swap = Swap(5_000 * USD, 119 * BTC // 1_000)
    request = opening(nonce=1, down_payment=1_000 * USD, principal=4_000 * USD, fee=0)
    assert pool.increase(request, position, swap).nonce == 2
    pool, position = opened_long()
    pool.controller.prices["oracle"] = 410 * WAD
    swap = Swap(5_000 * USD, 122 * BTC // 1_000)
    assert refusal(pool.increase, request, position, swap) == Rejected(
        "MarginTooLow", 46_002 * USD - 44_000 * USD, 2_300_100_000
    )


@pytest.mark.parametrize(
    ("opened", "changes", "swap", "expected"),
    [
        (opened_long, {"amount": 0}, GOOD, ("ZeroAmount",)),
        (opened_long, {"amount": BTC + 1}, GOOD, ("AmountTooLarge", BTC + 1, BTC)),
        (opened_long, {"interest": 0}, GOOD, ("InvalidInterest", 0, 4_000 * USD)),
        (opened_long, {"interest": 4_000 * USD + 1}, GOOD,
         ("InvalidInterest", 4_000 * USD + 1, 4_000 * USD)),
        (opened_long, {}, Swap(BTC - 1, 50_000 * USD), ("WrongAmountSpent", BTC - 1, BTC)),
        (opened_long, {}, Swap(BTC, 44_000 * USD - 1),
         ("DebtNotCovered", 44_000 * USD - 1, 44_000 * USD)),
        (opened_long, {"fee": 1}, Swap(BTC, 44_000 * USD),
         ("DebtNotCovered", 44_000 * USD, 44_000 * USD + 1)),
        (opened_long, {"fee": 500 * USD + 1}, Swap(BTC, 50_000 * USD),
         ("FeeTooHigh", 500 * USD + 1, 500 * USD)),
        (opened_long, {"min_payout": 6_000 * USD + 1}, Swap(BTC, 50_000 * USD),
         ("PayoutTooLow", 6_000 * USD, 6_000 * USD + 1)),
        (opened_short, {"interest": 8 * BTC // 100}, Swap(40_000 * USD, 88 * BTC // 100 - 1),
         ("DebtNotCovered", 88 * BTC // 100 - 1, 88 * BTC // 100)),
        (opened_short, {"interest": 8 * BTC // 100, "fee": 1}, Swap(50_000 * USD, 88 * BTC // 100),
         ("DebtNotCovered", 50_000 * USD, 50_000 * USD + 1)),
        (opened_short, {"interest": 8 * BTC // 100, "fee": 400 * USD + 1},
         Swap(40_000 * USD, 88 * BTC // 100), ("FeeTooHigh", 400 * USD + 1, 400 * USD)),
    ],
)  # fmt: skip
def test_close__one_thing_wrong__is_refused_for_it(
    opened: Callable[[], tuple[MarginPool, Position]],
    changes: dict[str, Any],
    swap: Swap,
    expected: tuple[Any, ...],
) -> None:
    pool, position = opened()
    wait(pool, YEAR)
    request = closing(position, **{"interest": 4_000 * USD, **changes})
    assert refusal(pool.close, request, position, swap) == Rejected(*expected)
    assert pool.open_positions() == [position]


def test_close__payout_in_a_form_that_is_not_there__is_refused() -> None:
    pool, position = opened_long()
    pool.controller.set_max_apy("usd", 0)
    swap = Swap(BTC, 50_000 * USD)
    ether = refusal(pool.close, closing(position), position, swap, Payout.NATIVE)
    assert ether == Rejected("NotWrappedEther", "usd")
    done = pool.close(closing(position), position, swap, Payout.LEND)
    assert pool.moves[-1] == Move("usd", "pool", Lenders("usd"), done.payout)
    assert pool.vaults["usd"].balance_of("trader") == done.payout * 10**6
