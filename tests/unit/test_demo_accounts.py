"""The credit accounts of the demonstration: who they are, and what each does when."""

import pytest

from prep.credit.actions import ALL, Action, ActionKind, OrderTerms, encode
from prep.demo.accounts import (
    BTC,
    ETH,
    EXPIRY,
    LENDERS,
    ORDER_FEE,
    PREP,
    STAKES,
    WBTC,
    WETH,
    Seen,
    acts,
    decide,
    eth_price,
    first_eth_price,
    recruit_accounts,
    step_of,
    tokens_worth,
)
from prep.demo.prices import MAX_HOURS, STEP_SECONDS, STEPS_PER_HOUR
from prep.model.window import Condition

WAD = 10**18
STEPS = 192
NOW = 1_700_000_000
WHOLE = 1_000 * WAD
SEEN = Seen(
    now=NOW,
    account=3,
    btc=8_000 * WAD,
    eth=200 * WAD,
    wallet={PREP: 7 * WHOLE, WETH: 0, WBTC: 5},
    held={PREP: 11, WETH: 0, WBTC: 13},
)
KIND = ActionKind


def strategy(name, seed=2):
    return next(s for s in recruit_accounts(seed) if s.name == name)


def done(name, part, seen=SEEN, seed=2):
    return decide(strategy(name, seed), step_of(part, STEPS), STEPS, seen)


def test_recruit_accounts__seed__gives_the_same_accounts():
    def described(seed):
        return [(s.name, s.stake, s.gap) for s in recruit_accounts(seed)]

    assert described(5) == described(5)
    assert described(5) != described(6)


@pytest.mark.parametrize("seed", range(20))
def test_recruit_accounts__any_seed__keeps_to_the_rules(seed):
    strategies = recruit_accounts(seed)

    assert len({s.name for s in strategies}) == 6
    assert all(s.stake // WAD in STAKES for s in strategies)
    assert all(sum(s.brings.values()) == 100 for s in strategies)
    # Orders are on the right side of the price, and the far one at a positive price.
    gaps = {s.name: s.gap for s in strategies if s.gap}
    assert set(gaps) == {"Stop-loss trader", "Dip buyer"}
    assert all(0 < gap < 20 for gap in gaps.values())


def test_lenders__what_is_lent__is_more_than_accounts_ask_for():
    lent = {lender.asset: lender.value for lender in LENDERS}
    most = max(STAKES) * WAD

    assert lent[PREP] > most * (120 + 40) // 100
    assert lent[WETH] > most * 50 // 100


def test_expiry__longest_path__outlasts_it():
    assert MAX_HOURS * STEPS_PER_HOUR * STEP_SECONDS < EXPIRY <= 365 * 86_400


def test_decide__every_step__does_something_at_its_parts_only():
    acting = {
        s.name: [step for step in range(STEPS) if decide(s, step, STEPS, SEEN)]
        for s in recruit_accounts(2)
    }

    assert acting == {
        "Pair trader": [4, 144],
        "Leveraged buyer": [4],
        "Liquidity provider on credit": [8, 176],
        "Stop-loss trader": [8, 160],
        "Dip buyer": [12],
        "WETH borrower": [12, 168],
    }
    for s in recruit_accounts(2):
        assert [n for n in range(STEPS) if acts(s, n, STEPS)] == acting[s.name]


def test_decide__one_hour__does_everything_in_order():
    for s in recruit_accounts(2):
        kinds = [action.kind for step in range(4) for action in decide(s, step, 4, SEEN)]
        whole = [action.kind for step in range(STEPS) for action in decide(s, step, STEPS, SEEN)]
        assert kinds == whole


DEPOSITS = [Action(KIND.DEPOSIT, PREP, 7 * WHOLE), Action(KIND.DEPOSIT, WBTC, 5)]


def test_decide__pair_trader__buys_and_sells_for_the_same_amount():
    stake = strategy("Pair trader").stake

    assert done("Pair trader", 1) == [
        *DEPOSITS,
        Action(KIND.TRADE, BTC, 3 * stake // 8_000),
        Action(KIND.TRADE, ETH, -3 * stake // 200),
    ]
    # What ETH has won pays for what BTC has lost.
    assert done("Pair trader", 36) == [
        Action(KIND.REDUCE, ETH, ALL),
        Action(KIND.REDUCE, BTC, ALL),
    ]


def test_decide__leveraged_buyer__takes_out_what_it_borrows():
    stake = strategy("Leveraged buyer").stake

    assert done("Leveraged buyer", 1) == [
        *DEPOSITS,
        Action(KIND.BORROW, PREP, stake * 40 // 100),
        Action(KIND.WITHDRAW, PREP, ALL),
        Action(KIND.TRADE, BTC, stake // 2 // 8_000),
        Action(KIND.TRADE, ETH, stake * 30 // 100 // 200),
    ]


def test_decide__liquidity_provider__puts_in_what_it_borrows_and_pays_back():
    name = "Liquidity provider on credit"

    assert done(name, 2) == [
        *DEPOSITS,
        Action(KIND.BORROW, PREP, strategy(name).stake * 120 // 100),
        Action(KIND.ADD_LIQUIDITY, amount=ALL),
    ]
    assert done(name, 44) == [
        Action(KIND.REMOVE_LIQUIDITY, amount=ALL),
        Action(KIND.REPAY, PREP, ALL),
    ]


def test_decide__stop_loss_trader__links_its_two_orders():
    trader = strategy("Stop-loss trader")
    size = 4 * trader.stake // 8_000
    below, above = 80 * (100 - trader.gap) * WAD, 80 * (100 + 2 * trader.gap) * WAD
    first = OrderTerms(Condition.AT_OR_BELOW, below, True, NOW + EXPIRY, ORDER_FEE, 0)
    second = OrderTerms(Condition.AT_OR_ABOVE, above, True, NOW + EXPIRY, ORDER_FEE, 3 << 32 | 1)

    assert done("Stop-loss trader", 2) == [
        *DEPOSITS,
        Action(KIND.TRADE, BTC, size),
        Action(KIND.PLACE_ORDER, BTC, -size, 0, first),
        Action(KIND.PLACE_ORDER, BTC, -size, 0, second),
    ]
    assert done("Stop-loss trader", 40) == [
        Action(KIND.WITHDRAW, PREP, ALL),
        Action(KIND.WITHDRAW, WBTC, ALL),
    ]


def test_decide__dip_buyer__bids_below_the_price():
    buyer = strategy("Dip buyer")
    bids = [80 * (100 - gap) * WAD for gap in (buyer.gap, 5 * buyer.gap)]

    assert done("Dip buyer", 3) == [
        *DEPOSITS,
        *(
            Action(
                KIND.PLACE_ORDER,
                BTC,
                buyer.stake * WAD // bid,
                bid,
                OrderTerms(Condition.AT_OR_BELOW, bid, False, NOW + EXPIRY, ORDER_FEE, 0),
            )
            for bid in bids
        ),
    ]


def test_decide__weth_borrower__returns_what_it_has_borrowed():
    stake = strategy("WETH borrower").stake

    assert done("WETH borrower", 3) == [
        Action(KIND.DEPOSIT, PREP, 7 * WHOLE),
        Action(KIND.BORROW, WETH, stake // 2 // 200),
        Action(KIND.WITHDRAW, WETH, ALL),
    ]
    assert done("WETH borrower", 42) == [*DEPOSITS, Action(KIND.REPAY, WETH, ALL)]


@pytest.mark.parametrize("price", [10**10, 10**18, 10**36])
def test_decide__any_price__makes_lists_that_can_be_sent(price):
    seen = Seen(NOW, 1, price, price, {PREP: 0, WETH: 0, WBTC: 0}, {})
    for s in recruit_accounts(1):
        for step in range(STEPS):
            encode(decide(s, step, STEPS, seen))


@pytest.mark.parametrize(
    "asset, expected",
    [(PREP, 100 * WAD), (WETH, WAD // 2), (WBTC, 10**8 // 80)],
)
def test_tokens_worth__asset__is_in_its_own_units(asset, expected):
    assert tokens_worth(asset, 100 * WAD, 8_000 * WAD, 200 * WAD) == expected


@pytest.mark.parametrize(
    "before, btc_before, btc, expected",
    [
        (20_000, 800_000, 800_000, 20_000),
        (20_000, 800_000, 720_000, 17_500),
        (20_000, 800_000, 880_000, 22_500),
        (3, 800_000, 799_999, 2),
        (20_000, 800_000, 1, 1),
    ],
)
def test_eth_price__move_of_btc__is_five_fourths_of_it(before, btc_before, btc, expected):
    assert eth_price(before, btc_before, btc) == expected


def test_first_eth_price__price_of_btc__is_a_fortieth_but_never_none():
    assert first_eth_price(8_000) == 200
    assert first_eth_price(1) == 1
