"""CreditManager.setDelegate and delegateActions: who may do what for whom, and until when."""

import pytest

from prep.credit.actions import (
    ActionKind,
    Condition,
    OrderTerms,
    add_liquidity,
    allowed,
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
from tests.credit import PREP, SOL, USD, WETH
from tests.suite import UNLIMITED, WAD
from tests.unit.credit.acting import events, low, refusal, refused, wallet

SET = "setDelegate(uint256,address,uint256,uint256)"
FOREVER = 2**64 - 1
EVERYTHING = 2**12 - 1
TERMS = OrderTerms(Condition.AT_OR_ABOVE, 1, False, 2**40 - 1, 0)
ONE_OF_EACH = [
    deposit(USD, 1),
    withdraw(USD, 1),
    borrow(USD, 1),
    repay(USD, 1),
    trade(SOL, 10**6),
    reduce(SOL, -(10**6)),
    add_liquidity(1),
    remove_liquidity(1),
    request_redeem(1),
    cancel_request(1),
    place_order(SOL, 10**6, TERMS),
    cancel_order(1),
]
of_each_kind = pytest.mark.parametrize("action", ONE_OF_EACH, ids=lambda a: a.kind.name.lower())


@pytest.fixture
def account(credit, trader):
    return credit.funded(trader, prep=10_000 * WAD, usd=100)


def allow(credit, owner, account, delegate, actions, expiry=FOREVER):
    credit.must(owner, credit.manager, SET, account, delegate.address, actions, expiry)


def granted(credit, account, delegate):
    return tuple(credit.manager.delegateActions(account, delegate))


def test_one_of_each__kinds__all_twelve():
    assert [action.kind for action in ONE_OF_EACH] == list(ActionKind)


def test_set_delegate__by_the_owner__granted_and_logged(credit, clock, trader, delegate, account):
    expiry = clock.now + 1
    args = account, delegate.address, 5, expiry
    logs = events(credit, trader, credit.manager, SET, *args)
    assert logs == [("DelegateSet", account, low(delegate), 5, expiry)]
    assert granted(credit, account, delegate) == (5, expiry)
    assert granted(credit, account + 1, delegate) == (0, 0)


@of_each_kind
def test_execute__delegate_of_all_but_this_kind__refused(credit, trader, delegate, account, action):
    allow(credit, trader, account, delegate, EVERYTHING - (1 << action.kind))
    assert refused(credit, delegate, account, action) == (
        0,
        ("NotAllowed", low(delegate), account, action.kind),
    )


@of_each_kind
def test_execute__stranger__refused(credit, stranger, account, action):
    assert refused(credit, stranger, account, action) == (
        0,
        ("NotAllowed", low(stranger), account, action.kind),
    )


def test_execute__delegate_of_one_kind__may_do_it(credit, trader, delegate, account):
    allow(credit, trader, account, delegate, allowed(ActionKind.TRADE))
    credit.act(delegate, account, trade(SOL, 10**6))
    assert credit.size(account, SOL) == 10**6
    seen = refused(credit, delegate, account, trade(SOL, 10**6), reduce(SOL, -(10**6)))
    assert seen == (1, ("NotAllowed", low(delegate), account, ActionKind.REDUCE))


def test_execute__last_second_of_a_grant__done_and_then_refused(
    credit, clock, trader, delegate, account
):
    expiry = clock.now + 100
    allow(credit, trader, account, delegate, EVERYTHING, expiry)
    clock.advance(99)
    assert granted(credit, account, delegate) == (EVERYTHING, expiry)
    credit.act(delegate, account, withdraw(USD, 1))
    clock.advance(1)
    assert granted(credit, account, delegate) == (0, 0)
    assert refused(credit, delegate, account, withdraw(USD, 1)) == (
        0,
        ("NotAllowed", low(delegate), account, ActionKind.WITHDRAW),
    )


def test_execute__delegate_withdraws__to_the_owner(credit, trader, delegate, account):
    allow(credit, trader, account, delegate, allowed(ActionKind.WITHDRAW))
    owned, delegated = wallet(credit, USD, trader), wallet(credit, USD, delegate)
    credit.act(delegate, account, withdraw(USD, 60))
    assert wallet(credit, USD, trader) == owned + 60
    assert wallet(credit, USD, delegate) == delegated
    assert credit.balance(account, USD) == 40


def test_execute__delegate_deposits__out_of_his_wallet(credit, trader, delegate, account):
    allow(credit, trader, account, delegate, allowed(ActionKind.DEPOSIT))
    credit.give(trader, USD, 50)
    credit.give(delegate, USD, 50)
    owned, delegated = wallet(credit, USD, trader), wallet(credit, USD, delegate)
    credit.act(delegate, account, deposit(USD, 30))
    assert wallet(credit, USD, trader) == owned
    assert wallet(credit, USD, delegate) == delegated - 30
    assert credit.balance(account, USD) == 130


def test_execute__delegate_borrows__health_is_checked(credit, trader, delegate, account):
    """10,000 PREP carry at most 3.75 WETH: 7,500 dollars at 75 %."""
    allow(credit, trader, account, delegate, allowed(ActionKind.BORROW))
    # The borrowed tokens stay and count with their weight: 0.75 of x, and x / 0.75 owed.
    amount = 9 * WAD
    collateral = 10_000 * WAD + 85 * 100 // 100 * 10**12 + 13_500 * WAD
    seen = refused(credit, delegate, account, borrow(WETH, amount))
    assert seen == ("AccountUnhealthy", collateral - 24_000 * WAD, 0)
    credit.act(delegate, account, borrow(WETH, 8 * WAD))


def test_transfer__with_a_delegate__ends_and_coming_back_does_not_revive(
    credit, trader, other_trader, delegate, account
):
    allow(credit, trader, account, delegate, EVERYTHING)
    transfer = "transferFrom(address,address,uint256)"
    there = trader.address, other_trader.address, account
    credit.must(trader, credit.manager, transfer, *there)
    assert granted(credit, account, delegate) == (0, 0)
    back = other_trader.address, trader.address, account
    credit.must(other_trader, credit.manager, transfer, *back)
    assert granted(credit, account, delegate) == (0, 0)
    assert refused(credit, delegate, account, withdraw(USD, 1)) == (
        0,
        ("NotAllowed", low(delegate), account, ActionKind.WITHDRAW),
    )
    allow(credit, trader, account, delegate, allowed(ActionKind.WITHDRAW))
    credit.act(delegate, account, withdraw(USD, 1))


def test_transfer__to_oneself__ends_delegations_too(credit, trader, delegate, account):
    allow(credit, trader, account, delegate, EVERYTHING)
    args = trader.address, trader.address, account
    credit.must(trader, credit.manager, "transferFrom(address,address,uint256)", *args)
    assert granted(credit, account, delegate) == (0, 0)


def test_set_delegate__again__replaces(credit, trader, delegate, account):
    allow(credit, trader, account, delegate, EVERYTHING)
    allow(credit, trader, account, delegate, 2)
    assert granted(credit, account, delegate) == (2, FOREVER)
    allow(credit, trader, account, delegate, 0)
    assert granted(credit, account, delegate) == (0, FOREVER)
    assert refused(credit, delegate, account, withdraw(USD, 1))[1][0] == "NotAllowed"


def test_set_delegate__two_delegates_and_two_accounts__do_not_mix(
    credit, trader, delegate, stranger, account
):
    other = credit.open(trader)
    allow(credit, trader, account, delegate, 1)
    allow(credit, trader, other, stranger, 2)
    assert granted(credit, account, delegate) == (1, FOREVER)
    assert granted(credit, other, stranger) == (2, FOREVER)
    assert granted(credit, account, stranger) == granted(credit, other, delegate) == (0, 0)


@pytest.mark.parametrize("caller", ["delegate", "stranger"])
def test_set_delegate__not_the_owner__refused(credit, trader, delegate, stranger, account, caller):
    who = {"delegate": delegate, "stranger": stranger}[caller]
    allow(credit, trader, account, delegate, EVERYTHING)
    seen = refusal(credit, who, credit.manager, SET, account, who.address, 1, FOREVER)
    assert seen == ("NotOwner", low(who), account)


def test_set_delegate__no_such_account__refused(credit, trader):
    seen = refusal(credit, trader, credit.manager, SET, 10**6, trader.address, 1, FOREVER)
    assert seen == ("NotOwner", low(trader), 10**6)


@pytest.mark.parametrize(
    "name, actions, expiry, max_",
    [
        ("actions", EVERYTHING + 1, 1, EVERYTHING),
        ("actions", UNLIMITED, 1, EVERYTHING),
        ("expiry", 1, FOREVER + 1, FOREVER),
    ],
)  # fmt: skip
def test_set_delegate__beyond_bounds__refused(
    credit, trader, delegate, account, name, actions, expiry, max_
):
    args = account, delegate.address, actions, expiry
    seen = refusal(credit, trader, credit.manager, SET, *args)
    value = actions if name == "actions" else expiry
    bound = name.encode().ljust(32, b"\0"), value, 0, max_
    assert seen == ("ParameterOutOfBounds", *bound)


def test_set_delegate__largest_values__stored(credit, trader, delegate, account):
    allow(credit, trader, account, delegate, EVERYTHING, FOREVER)
    assert granted(credit, account, delegate) == (EVERYTHING, FOREVER)


def test_set_delegate__prep_deposit_by_delegate__owner_keeps_what_he_had(
    credit, trader, delegate, account
):
    allow(credit, trader, account, delegate, allowed(ActionKind.DEPOSIT))
    credit.give(delegate, PREP, WAD)
    credit.act(delegate, account, deposit(PREP, WAD))
    assert credit.balance(account, PREP) == 10_001 * WAD
