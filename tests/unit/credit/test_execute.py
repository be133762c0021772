"""CreditManager.execute: a list is carried out whole or not at all, and health is checked once."""

import pytest

from prep.credit.actions import (
    Action,
    ActionKind,
    Condition,
    OrderTerms,
    add_liquidity,
    borrow,
    cancel_order,
    cancel_request,
    deposit,
    place_order,
    reduce,
    remove_liquidity,
    repay,
    request_redeem,
    trade,
    withdraw,
)
from tests.credit import PREP, SHARES, SOL, USD, WETH
from tests.suite import UNLIMITED, WAD
from tests.unit.credit import expected
from tests.unit.credit.acting import acted, health, holdings, low, refusal, refused, wallet
from tests.unit.credit.expected import Exposed, Held
from tests.unit.credit.trading import SOL_UNIT, configure
from tests.unit.vault.cooling import PERIOD, WINDOW, set_periods

NEVER = 2**128 - 1
"""A trigger that no price reaches."""


def order(clock, *, reduce_only, fee=0):
    terms = OrderTerms(Condition.AT_OR_ABOVE, NEVER, reduce_only, clock.now + 100, fee)
    return place_order(SOL, -SOL_UNIT, terms)


def bad_ones(account, trader, clock):
    """Of each kind one that fails, and how."""
    late = OrderTerms(Condition.AT_OR_ABOVE, 1, True, clock.now, 0)
    return [
        (deposit(99, 1), ("UnknownAsset", 99)),
        (withdraw(USD, 1), ("InsufficientBalance", USD, 0, 1)),
        (borrow(SHARES, 1), ("NotBorrowable", SHARES)),
        (repay(USD, 1), ("ZeroAmount",)),
        (trade(9, 1), ("UnknownMarket", 9)),
        (reduce(SOL, -1), ("NotReducible", 0, -1)),
        (add_liquidity(10**30), ("InsufficientBalance", PREP, 1_000 * WAD, 10**30)),
        (remove_liquidity(1), ("InsufficientBalance", SHARES, 0, 1)),
        (request_redeem(1), ("InsufficientBalance", SHARES, 0, 1)),
        (cancel_request(1), ("RequestsExceeded", 1, 0)),
        (
            place_order(SOL, 1, late),
            ("ExpiryOutOfBounds", clock.now, clock.now + 1, clock.now + 365 * 86_400),
        ),
        (cancel_order(account << 32 | 1), ("UnknownOrder", account << 32 | 1)),
    ]


@pytest.mark.parametrize("kind", ActionKind, ids=lambda k: k.name.lower())
@pytest.mark.parametrize("index", [0, 2])
def test_execute__one_fails__its_index_its_error_and_nothing_done(
    credit, clock, trader, kind, index
):
    account = credit.funded(trader, prep=1_000 * WAD)
    action, error = bad_ones(account, trader, clock)[kind]
    assert action.kind == kind
    credit.give(trader, WETH, 10)
    good = [deposit(WETH, 5), deposit(WETH, 5)][:index]
    assert refused(credit, trader, account, *good, action, *good) == (index, error)
    assert holdings(credit, account) == {PREP: (1_000 * WAD, 0)}


def test_execute__empty_list__nothing_for_anyone(credit, trader, stranger):
    account = credit.funded(trader, usd=1)
    assert acted(credit, trader, account) == []
    assert acted(credit, stranger, account) == []
    assert acted(credit, stranger, 10**9) == []


def test_execute__unhealthy_before_and_after_the_empty_list__goes_through(credit, sick, trader):
    assert acted(credit, trader, sick.account) == []


def test_execute__order_of_the_list__kept(credit, trader):
    account = credit.open(trader)
    credit.give(trader, USD, 100)
    before = wallet(credit, USD, trader)
    logs = acted(credit, trader, account, deposit(USD, 5), withdraw(USD, 3), deposit(USD, 1))
    assert [(amount, after) for *_, amount, after in logs] == [(5, 5), (-3, 2), (1, 3)]
    assert wallet(credit, USD, trader) == before - 3
    seen = refused(credit, trader, account, withdraw(USD, 4), deposit(USD, 5))
    assert seen == (0, ("InsufficientBalance", USD, 3, 4))


def test_execute__unhealthy_in_between__only_the_end_counts(credit, trader):
    account = credit.open(trader)
    credit.give(trader, PREP, 2_000 * WAD)
    borrowed = borrow(WETH, WAD // 2), withdraw(WETH, WAD // 2)
    credit.act(trader, account, *borrowed, deposit(PREP, 2_000 * WAD))
    assert holdings(credit, account) == {PREP: (2_000 * WAD, 0), WETH: (0, WAD // 2)}


def test_execute__calldata_that_is_no_action__reverts(credit, trader):
    account = credit.open(trader)
    kind = Action(12, 0, 1)  # type: ignore[arg-type]
    call = credit.manager.address, "execute(uint256,(uint8,uint256,int256,uint256,bytes)[])"
    ok, _ = credit.node.send(trader.address, *call, account, [(12, kind.id, kind.amount, 0, b"")])
    assert not ok


def test_execute__order_without_terms__fails_in_its_action(credit, trader):
    account = credit.open(trader)
    action = Action(ActionKind.PLACE_ORDER, SOL, SOL_UNIT)
    call = "execute(uint256,(uint8,uint256,int256,uint256,bytes)[])"
    seen = refusal(credit, trader, credit.manager, call, account, [action.encoded()])
    assert seen == ("ActionFailed", 0, b"")


@pytest.mark.parametrize("caller", ["owner", "stranger"])
def test_perform__not_the_manager_itself__refused(credit, trader, stranger, caller):
    who = {"owner": trader, "stranger": stranger}[caller]
    account = credit.funded(trader, usd=1)
    action = withdraw(USD, 1).encoded()
    signature = "perform(uint256,address,uint256,(uint8,uint256,int256,uint256,bytes))"
    args = account, trader.address, UNLIMITED, action
    seen = refusal(credit, who, credit.manager, signature, *args)
    assert seen == ("NotAuthorised", low(who))


@pytest.mark.parametrize(
    "signature, args",
    [
        ("onSettlement(uint256,uint256,int256,int256,bool)", (1, SOL, 1, 10**18, False)),
        ("fill(uint256,uint256,int256,bool,uint256,address)", None),
        ("release(uint256,uint256,address)", None),
    ],
)
def test_callbacks__from_a_stranger__refused(credit, trader, stranger, signature, args):
    account = credit.funded(trader, usd=1)
    if signature.startswith("fill"):
        args = account, SOL, SOL_UNIT, False, 0, stranger.address
    elif signature.startswith("release"):
        args = account, 0, stranger.address
    seen = refusal(credit, stranger, credit.manager, signature, *args)
    assert seen == ("NotAuthorised", low(stranger))


# R12: what is not checked, because it cannot make an account stand worse


class Sick:
    """An account that does not stand well: 2,000 PREP, shares, 10 SOL long, half a WETH owed."""

    def __init__(self, credit, account):
        self.credit, self.account = credit, account
        self.shares = credit.balance(account, SHARES)

    def health(self, prep=0, shares=0, sol=0, usd=0):
        """With `maxLtv` weights, after these were added to what it has."""
        share = self.credit.share_oracle.price()
        held = [
            Held(2_000 * WAD + prep, 0, WAD, 10_000),
            Held(self.shares + shares, 0, share, 5_000),
            Held(0, WAD // 2, 10_000 * WAD, 7_500),
            Held(usd, usd, 10**30, 8_500),
        ]
        position = Exposed(10 * SOL_UNIT + sol, 100 * 10**30, 0, 8_000)
        return expected.health(held, [position])


@pytest.fixture
def sick(credit, clock, trader):
    set_periods(credit.suite, PERIOD, WINDOW)
    configure(credit, SOL, borrowRate=0)
    account = credit.funded(trader, prep=2_000 * WAD, shares=100 * WAD)
    credit.act(trader, account, borrow(WETH, WAD // 2), withdraw(WETH, WAD // 2))
    credit.act(trader, account, trade(SOL, 10 * SOL_UNIT), order(clock, reduce_only=True))
    credit.act(trader, account, request_redeem(10**6 * WAD))
    clock.advance(PERIOD)
    credit.suite.set_price(10_000)
    credit.act(trader, account, request_redeem(10**6 * WAD))
    credit.set_asset_price(WETH, 10_000)
    return Sick(credit, account)


def test_health__sick_account__by_hand(credit, sick):
    want = sick.health()
    assert health(credit, sick.account) == want
    assert want.equity < want.required


@pytest.mark.parametrize(
    "kind",
    [
        "deposit",
        "repay",
        "reduce",
        "remove_liquidity",
        "request",
        "cancel",
        "cancel_order",
        "place",
    ],
)
def test_execute__what_cannot_harm__goes_through_unhealthy(credit, clock, trader, sick, kind):
    credit.give(trader, WETH, WAD)
    order_id = credit.book.ordersOf(sick.account)[0]
    actions = {
        "deposit": [deposit(WETH, 1)],
        "repay": [deposit(WETH, 10), repay(WETH, 10)],
        "reduce": [reduce(SOL, -SOL_UNIT)],
        "remove_liquidity": [remove_liquidity(10**6 * WAD)],
        "request": [request_redeem(10**6 * WAD)],
        "cancel": [cancel_request(10**6 * WAD)],
        "cancel_order": [cancel_order(order_id)],
        "place": [order(clock, reduce_only=True)],
    }[kind]
    before = health(credit, sick.account)
    # One that is checked makes the whole list fail.
    seen = refused(credit, trader, sick.account, *actions, withdraw(PREP, 1))
    assert seen[0] == "AccountUnhealthy"
    credit.act(trader, sick.account, *actions)
    after = health(credit, sick.account)
    assert after[7] - after[6] >= before[7] - before[6]
    assert after[7] < after[6]


@pytest.mark.parametrize("kind", ["withdraw", "borrow", "trade", "add_liquidity", "place"])
def test_execute__what_can_harm__refused_with_the_health_after(credit, clock, trader, sick, kind):
    actions, want = {
        "withdraw": ([withdraw(PREP, 1)], sick.health(prep=-1)),
        "borrow": ([borrow(USD, 10)], sick.health(usd=10)),
        "trade": ([trade(SOL, 10**6)], sick.health(sol=10**6)),
        "add_liquidity": ([add_liquidity(WAD)], sick.health(prep=-WAD, shares=10**6 * WAD)),
        "place": ([order(clock, reduce_only=False)], sick.health()),
    }[kind]
    seen = refused(credit, trader, sick.account, *actions)
    assert seen == ("AccountUnhealthy", want.equity, want.required)


def test_execute__harmless_trade_of_the_other_sign__checked_all_the_same(credit, trader, sick):
    """A trade is checked also where it reduces: Reduce is there for that."""
    assert refused(credit, trader, sick.account, trade(SOL, -SOL_UNIT))[0] == "AccountUnhealthy"
    credit.act(trader, sick.account, reduce(SOL, -SOL_UNIT))


@pytest.mark.parametrize("deposit_first", [True, False])
def test_execute__fee_of_a_reduce_only_order__covered_by_prep_brought_in_the_list(
    credit, clock, trader, sick, deposit_first
):
    credit.give(trader, PREP, 10 * WAD)
    credit.give(trader, USD, 10**8)

    def both(brought, fee):
        actions = [deposit(PREP, brought), order(clock, reduce_only=True, fee=fee)]
        return actions if deposit_first else actions[::-1]

    want = sick.health(prep=-1)
    seen = refused(credit, trader, sick.account, *both(WAD, WAD + 1))
    assert seen == ("AccountUnhealthy", want.equity, want.required)
    fee = order(clock, reduce_only=True, fee=WAD)
    assert refused(credit, trader, sick.account, fee)[0] == "AccountUnhealthy"
    with_usd = refused(credit, trader, sick.account, deposit(USD, 10**7), fee)
    assert with_usd[0] == "AccountUnhealthy"
    credit.act(trader, sick.account, *both(WAD, WAD))
    assert credit.balance(sick.account, PREP) == 2_000 * WAD
    assert credit.manager.reservedFees() == WAD


def test_execute__two_fees_and_one_deposit__their_sum_counts(credit, clock, trader, sick):
    credit.give(trader, PREP, 10 * WAD)
    fees = [order(clock, reduce_only=True, fee=fee) for fee in (WAD, 2 * WAD)]
    seen = refused(credit, trader, sick.account, *fees, deposit(PREP, 3 * WAD - 1))
    assert seen[0] == "AccountUnhealthy"
    credit.act(trader, sick.account, *fees, deposit(PREP, 3 * WAD))
