"""Orders on a market with two-step execution that only their own account stands against."""

import pytest
from eth_abi import decode
from eth_utils import keccak

from prep.credit import actions as do
from prep.node import Reverted
from tests.credit import ETHER, ETHER_MARKET, PREP, WAD
from tests.suite import market_config

DELAY = 10
FEE = 3 * WAD
EXECUTE = "execute(uint256)"


@pytest.fixture
def two_step(credit):
    """The market of ether fills in two steps."""
    config = market_config(
        credit.market_oracles[ETHER], ETHER_MARKET | {"minExecutionDelay": DELAY}
    )
    credit.suite.protocol.setMarket(ETHER, config, sender=credit.suite.risk_manager)


@pytest.fixture
def ready(credit, trader, chain, two_step):
    """`ready(prep, size, reduce_only)`: an order whose price has come, of an account with so much
    PREP. The ids of both."""

    def place(prep, size, reduce_only=False):
        account = credit.funded(trader, prep=prep)
        expiry = chain.blocks.head.timestamp + 1_000
        terms = do.OrderTerms(do.Condition.ALWAYS, 0, reduce_only, expiry, FEE)
        credit.act(trader, account, do.Action(do.ActionKind.PLACE_ORDER, ETHER, size, 0, terms))
        (order,) = credit.book.ordersOf(account)
        chain.pending_timestamp = chain.blocks.head.timestamp + DELAY
        credit.set_market_price(ETHER, 2_000)
        return account, order

    return place


def test_execute__account_would_be_unhealthy__gone_and_fee_is_the_keepers(
    credit, ready, liquidator
):
    account, order = ready(200 * WAD, 10 * WAD)
    tx = credit.book.execute(order, sender=liquidator)
    (refused,) = tx.decode_logs(credit.book.OrderRefused)
    assert (refused.orderId, refused.accountId) == (order, account)
    assert refused.keeper == liquidator.address
    assert refused.reason[:4] == keccak(text="AccountUnhealthy(int256,uint256)")[:4]
    equity, required = decode(["int256", "uint256"], refused.reason[4:])
    assert equity < required == 10 * 2_000 * WAD * 15 // 100
    assert credit.suite.prep.balanceOf(liquidator) == FEE
    assert credit.balance(account, PREP) == 200 * WAD - FEE
    assert credit.size(account, ETHER) == 0
    assert credit.manager.reservedFees() == 0
    assert credit.book.ordersOf(account) == []


def test_execute__healthy__fills(credit, ready, liquidator):
    account, order = ready(20_000 * WAD, 10 * WAD)
    credit.book.execute(order, sender=liquidator)
    assert credit.size(account, ETHER) == 10 * WAD
    assert credit.suite.prep.balanceOf(liquidator) == FEE


def test_execute__one_step_market__reverts_and_the_order_stays(credit, trader, chain, liquidator):
    account = credit.funded(trader, prep=200 * WAD)
    expiry = chain.blocks.head.timestamp + 1_000
    terms = do.OrderTerms(do.Condition.AT_OR_ABOVE, 1, False, expiry, FEE)
    credit.act(trader, account, do.Action(do.ActionKind.PLACE_ORDER, ETHER, 10 * WAD, 0, terms))
    (order,) = credit.book.ordersOf(account)
    with pytest.raises(Reverted, match="AccountUnhealthy"):
        credit.must(liquidator, credit.book, EXECUTE, order)
    assert credit.book.ordersOf(account) == [order]


def test_execute__market_refuses__reverts_and_the_order_stays(credit, ready, liquidator):
    """What is not the account's fault must not cost it the order."""
    account, order = ready(20_000 * WAD, 10 * WAD)
    credit.suite.protocol.disableMarket(ETHER, sender=credit.suite.guardian)
    with pytest.raises(Reverted, match="MarketClosed"):
        credit.must(liquidator, credit.book, EXECUTE, order)
    assert credit.book.ordersOf(account) == [order]


def test_execute__too_little_gas__reverts_and_the_order_stays(credit, ready, liquidator):
    """Whoever fills cannot make an order fail for its account by starving it."""
    account, order = ready(20_000 * WAD, 10 * WAD)
    call = credit.book.execute.encode_input(order).to_0x_hex()
    for gas in range(100_000, 1_000_000, 50_000):
        tx = {"from": liquidator.address, "to": credit.book.address, "data": call, "gas": hex(gas)}
        credit.node.rpc("eth_sendTransactionSync", tx)
        if credit.book.stateOf(order) == 3:
            break
        assert credit.book.ordersOf(account) == [order]
    assert credit.size(account, ETHER) == 10 * WAD, "gone without having been filled"


def test_execute__lenders_cannot_lend_what_is_lost__reverts_and_the_order_stays(
    credit, ready, trader, liquidator, chain
):
    """Or whoever lends could take a stop-loss away, and its fee."""
    account, order = ready(1_000 * WAD, 2 * WAD)
    credit.book.execute(order, sender=liquidator)
    credit.lending[PREP].disableBorrower(credit.manager, sender=credit.suite.guardian)
    expiry = chain.blocks.head.timestamp + 1_000
    terms = do.OrderTerms(do.Condition.ALWAYS, 0, True, expiry, FEE)
    place = do.Action(do.ActionKind.PLACE_ORDER, ETHER, -2 * WAD, 0, terms)
    credit.give(trader, PREP, FEE)
    credit.act(trader, account, do.deposit(PREP, FEE), place)
    (order,) = credit.book.ordersOf(account)
    chain.pending_timestamp = chain.blocks.head.timestamp + DELAY
    credit.set_market_price(ETHER, 1_400)
    with pytest.raises(Reverted, match="CannotBorrow"):
        credit.must(liquidator, credit.book, EXECUTE, order)
    assert credit.book.ordersOf(account) == [order]
    assert credit.size(account, ETHER) == 2 * WAD
