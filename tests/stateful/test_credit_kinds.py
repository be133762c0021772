"""One of each kind of action on credit accounts, contracts and model side by side."""

import pytest

from prep.credit import actions as do
from prep.model import Rejected
from prep.model.credit_results import Liquidation
from tests.credit import BITCOIN, ETHER, PREP, SHARES, SOL, USD, WETH
from tests.credit_agreement import agree
from tests.suite import UNLIMITED, WAD

DAY = 86_400


@pytest.fixture
def account(desk, people):
    """With 10,000 PREP, 10 WETH and shares of the LP vault."""
    account = desk.open(people[0])
    for action in (
        do.deposit(PREP, 20_000 * WAD),
        do.deposit(WETH, 10 * WAD),
        do.add_liquidity(10_000 * WAD),
    ):
        assert not isinstance(desk.act(people[0], account, action), Rejected)
        agree(desk)
    return account


LISTS = {
    "withdraw": [do.withdraw(WETH, WAD), do.withdraw(SHARES, do.ALL)],
    "borrow": [do.borrow(USD, 1_000_000_007)],
    "repay": [do.borrow(USD, 1_000_000_007), do.repay(USD, 7), do.repay(USD, do.ALL)],
    "trade": [do.trade(ETHER, 7 * WAD + 1), do.trade(SOL, -(10**7)), do.trade(BITCOIN, WAD)],
    "reduce": [do.trade(ETHER, WAD), do.reduce(ETHER, -WAD // 3), do.reduce(ETHER, do.ALL)],
    "remove_liquidity": [do.remove_liquidity(10**27 + 1), do.remove_liquidity(do.ALL)],
}


@pytest.mark.parametrize("name", LISTS)
def test_execute__each_kind_goes_through__agree(desk, people, account, name):
    for action in LISTS[name]:
        desk.after = DAY
        assert not isinstance(desk.act(people[0], account, action), Rejected)
        agree(desk)


def test_requests__asked_and_cancelled__agree(desk, people, account):
    desk.set_cooldown(DAY)
    for action in (do.request_redeem(10**27), do.request_redeem(do.ALL), do.cancel_request(5)):
        assert not isinstance(desk.act(people[0], account, action), Rejected)
        agree(desk)
    desk.after = DAY
    assert not isinstance(desk.act(people[0], account, do.remove_liquidity(10**27)), Rejected)
    agree(desk)


def test_orders__placed_linked_filled_cancelled_removed__agree(desk, people, account):
    owner, keeper = people[0], people[1]
    base, expiry = account << 32, desk.now + DAY
    price = desk.system.price(ETHER)
    orders = [
        do.limit_order(ETHER, WAD, price * 2, expiry, WAD),
        do.stop_order(ETHER, -WAD, price // 2, expiry, WAD, linked_to=base + 1),
        do.limit_order(ETHER, 2 * WAD, price // 2, expiry, WAD),
        do.limit_order(ETHER, 2 * WAD, price // 3, expiry, WAD),
    ]
    assert not isinstance(desk.act(owner, account, *orders), Rejected)
    agree(desk)
    assert not isinstance(desk.act(owner, account, do.cancel_order(base + 3)), Rejected)
    agree(desk)
    assert not isinstance(desk.fill(keeper, base + 1), Rejected)
    assert desk.seen["OrderFilled"] == 1
    agree(desk)
    desk.after = DAY
    assert not isinstance(desk.remove(keeper, base + 4), Rejected)
    agree(desk)
    assert desk.model.order_book.orders == {}, "the linked one was cancelled"


def test_two_steps__own_account_cannot_bear_it__agree(desk, people, account):
    desk.configure(SOL, minExecutionDelay=60)
    size = 10 * desk.model.health(account, for_liquidation=False).assets // (100 * 10**12)
    order = do.market_order(SOL, size, desk.now + DAY, WAD)
    assert not isinstance(desk.act(people[0], account, order), Rejected)
    desk.after = 60
    desk.set_market_price(SOL, 101 * 10**30)
    agree(desk)
    assert not isinstance(desk.fill(people[1], account << 32 | 1), Rejected)
    assert desk.seen["OrderRefused"] == 1
    agree(desk)


def test_liquidate__positions_rewards_and_collateral__agree(desk, people, account):
    owner, liquidator = people[0], people[1]
    actions = do.trade(ETHER, 20 * WAD), do.borrow(USD, 10_000 * 10**6), do.withdraw(USD, do.ALL)
    assert not isinstance(desk.act(owner, account, *actions), Rejected)
    desk.set_market_price(ETHER, 1_500 * WAD)
    desk.set_asset_price(WETH, 600 * WAD)
    agree(desk)
    done = desk.liquidate(liquidator, account, USD, WETH, UNLIMITED)
    assert isinstance(done, Liquidation)
    assert min(done.closed, done.repaid, done.seized) > 0
    agree(desk)


def test_delegate_and_transfer__who_may_act__agree(desk, people, account):
    owner, delegate, heir = people[:3]
    desk.delegate(owner, account, delegate, do.allowed(do.ActionKind.TRADE), desk.now + DAY)
    assert not isinstance(desk.act(delegate, account, do.trade(ETHER, WAD)), Rejected)
    assert isinstance(desk.act(delegate, account, do.withdraw(PREP, 1)), Rejected)
    agree(desk)
    assert not isinstance(desk.transfer(owner, account, heir), Rejected)
    assert isinstance(desk.act(delegate, account, do.trade(ETHER, WAD)), Rejected)
    assert not isinstance(desk.act(heir, account, do.trade(ETHER, WAD)), Rejected)
    agree(desk)


def test_deleverage__side_above_its_cap__agree(desk, people, account):
    assert not isinstance(desk.act(people[0], account, do.trade(SOL, 10**8)), Rejected)
    desk.set_market_price(SOL, 110 * 10**30)
    desk.configure(SOL, maxLongOIValue=0, borrowRate=0)
    assert not isinstance(desk.deleverage(people[1], account, SOL, UNLIMITED), Rejected)
    agree(desk)
    assert desk.model.accounts[account].markets == frozenset()
