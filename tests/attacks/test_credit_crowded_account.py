"""Attack: an account with as much as it may have, so that its liquidation costs more gas than a
block has; or it is sent too little gas, so that a position stays open.

The most that there can be is nine assets, of which eight are owed or held beside PREP, eight
positions, and eight requests of vault shares. Its liquidation takes less than a tenth of a block of
30 million.
"""

import pytest

from prep.credit.actions import (
    ALL,
    borrow,
    deposit,
    market_order,
    reduce,
    request_redeem,
    trade,
    withdraw,
)
from tests.attacks.till import (
    HOUR,
    LIQUIDATE,
    OrderState,
    check_books,
    later,
    now,
    placed,
    refusal,
    refused,
    state_of,
    wallet,
)
from tests.credit import (
    BITCOIN,
    CURVE,
    ETHER,
    ETHER_MARKET,
    INDEXED,
    PREP,
    SHARES,
    SOL,
    USD,
    WBTC,
    WETH,
    deploy_credit,
)
from tests.suite import UNLIMITED, WAD, ZERO_ADDRESS, market_config

BLOCK = 30_000_000
MORE_ASSETS, MORE_MARKETS = range(5, 10), range(3, 9)
OWED, MOST_ASSETS, MOST_MARKETS = WETH, 8, 8
ARGS = (OWED, SHARES, 10**30)


def feed_oracle(project, credit, dollars):
    """Over a feed, as in earnest: (oracle, feed)."""
    admin = credit.suite.admin
    feed = admin.deploy(project.MockAggregator, 8, "X / USD", dollars * 10**8)
    args = (feed, 7 * 86_400, 18, 0, 0, ZERO_ADDRESS, 0)
    return admin.deploy(project.ChainlinkOracle, args), feed


@pytest.fixture(scope="module")
def own(create_suite, project, lp):
    """A deployment of its own with five assets and six markets more, those with skew, fees and
    funding; all new prices come from feeds."""
    credit = deploy_credit(project, create_suite(), lp)
    admin, suite, manager = credit.suite.admin, credit.suite, credit.suite.risk_manager
    for asset in MORE_ASSETS:
        token = admin.deploy(project.MockERC20, "T", "T", 18)
        oracle, _ = feed_oracle(project, credit, 1)
        lending = admin.deploy(project.LendingVault, token, suite.authority, CURVE)
        config = (token, oracle, lending, 7_000, 8_000, UNLIMITED)
        credit.manager.addAsset(config, sender=manager)
        lending.registerBorrower(credit.manager, INDEXED, 10**33, sender=admin)
        credit.tokens[asset], credit.oracles[asset] = token, oracle
        credit.lending[asset] = lending
        credit.give(lp, asset, 10**6 * WAD)
        credit.approve(lp, asset, lending.address)
        lending.deposit(10**6 * WAD, lp, sender=lp)
    for market in MORE_MARKETS:
        oracle, feed = feed_oracle(project, credit, 2_000)
        suite.protocol.addMarket(market_config(oracle, ETHER_MARKET), sender=manager)
        credit.manager.setMarketLtv(market, 8_500, 9_000, sender=manager)
        credit.market_oracles[market] = feed
    suite.vault.setCooldownPeriod(86_400, sender=manager)
    return credit


def size_of(market):
    return {BITCOIN: WAD, SOL: 100 * 10**6}.get(market, 5 * WAD)


@pytest.fixture
def account(own, attacker, victim, liquidator):
    """Everything that there can be, and it can be liquidated. All markets have positions of
    others."""
    other = own.funded(victim, prep=500_000 * WAD)
    for market in [BITCOIN, ETHER, SOL, *MORE_MARKETS][:MOST_MARKETS]:
        own.act(victim, other, trade(market, -size_of(market)))
    account = own.funded(attacker, shares=20_000 * WAD, weth=1, wbtc=10**8, usd=10_000 * 10**6)
    for asset in [*MORE_ASSETS][:4]:
        own.give(attacker, asset, 1_000 * WAD)
        own.act(attacker, account, deposit(asset, 1_000 * WAD))
    for asset in (WETH, WBTC, USD, *[*MORE_ASSETS][:4]):
        own.act(attacker, account, borrow(asset, 10 ** (2 if asset == WBTC else 3)))
    for _ in range(8):
        own.act(attacker, account, request_redeem(10**24))
    for market in [BITCOIN, ETHER, SOL, *MORE_MARKETS][:MOST_MARKETS]:
        own.act(attacker, account, trade(market, size_of(market)))
    own.give(liquidator, OWED, 10**6 * WAD)
    return account


def fall(own):
    own.set_market_price(BITCOIN, 4_000)
    own.set_market_price(ETHER, 1_000)
    own.set_market_price(SOL, 40)
    for market in [*MORE_MARKETS][: MOST_MARKETS - 3]:
        feed = own.market_oracles[market]
        own.must(own.suite.admin, feed, "setAnswer(int256)", 1_000 * 10**8)


def test_liquidate__largest_account__far_below_a_block(own, attacker, liquidator, account):
    holdings, markets = own.manager.contents(account)
    assert (len(holdings), len(markets)) == (MOST_ASSETS + 1, MOST_MARKETS)
    fall(own)
    receipt = own.manager.liquidate(account, *ARGS, sender=liquidator)
    print(f"liquidation of the largest account: {receipt.gas_used} gas")
    assert own.manager.contents(account)[1] == []
    assert receipt.gas_used < BLOCK // 10
    check_books(own)


def test_liquidate__any_amount_of_gas__all_positions_closed_or_nothing_done(
    own, attacker, liquidator, account, isolated
):
    """What runs out of gas while it closes is not taken for a position that cannot be closed."""
    fall(own)
    with isolated():
        needed = own.manager.liquidate(account, *ARGS, sender=liquidator).gas_used
    call = liquidator.address, own.manager.address, LIQUIDATE, account, *ARGS
    _, (transaction,) = own.node.sending(*call)
    outcomes = set()
    for percent in range(20, 131, 3):
        gas = hex(needed * percent // 100)
        with isolated():
            receipt = own.node.rpc("eth_sendTransactionSync", transaction | {"gas": gas})
            done = int(receipt["status"], 16) == 1
            markets = own.manager.contents(account)[1]
            assert len(markets) == (0 if done else MOST_MARKETS), f"{percent} % of the gas"
            outcomes.add(done)
    assert outcomes == {False, True}


def test_deposit__ninth_asset_beside_prep__refused_and_prep_has_room(
    own, attacker, one_block, account
):
    """What a position wins or loses never fails because of what else is held."""
    extra = MORE_ASSETS[4]
    own.give(attacker, extra, WAD)
    assert refused(own, attacker, account, deposit(extra, WAD)) == ("TooMany", (8,))
    assert refused(own, attacker, account, borrow(extra, 1)) == ("TooMany", (8,))
    # It was full when its positions cost their fees.
    assert own.debt(account, PREP) > 0
    own.set_market_price(BITCOIN, 12_000)
    own.act(attacker, account, reduce(BITCOIN, ALL))
    assert own.balance(account, PREP) == 2_000 * WAD
    check_books(own)


def test_trade__ninth_market__refused(own, attacker, account):
    ninth = MORE_MARKETS[MOST_MARKETS - 3]
    assert refused(own, attacker, account, trade(ninth, WAD)) == ("TooMany", (8,))


def test_execute__ninth_market_in_two_steps__order_is_used_up(own, attacker, stranger, project):
    """Who is full, and has asked for one position more, would look at what prices do after his,
    make room and fill it himself where that wins. The first who tries ends that."""
    ninth, delay = MORE_MARKETS[MOST_MARKETS - 3], 10
    oracle, feed = feed_oracle(project, own, 2_000)
    config = market_config(oracle, ETHER_MARKET | {"minExecutionDelay": delay})
    own.suite.protocol.setMarket(ninth, config, sender=own.suite.risk_manager)
    account = own.funded(attacker, prep=100_000 * WAD)
    order = placed(own, attacker, account, market_order(ninth, WAD, now(own) + HOUR, WAD))
    for market in [BITCOIN, ETHER, SOL, *MORE_MARKETS][:MOST_MARKETS]:
        own.act(attacker, account, trade(market, size_of(market)))
    later(own, delay)
    own.must(own.suite.admin, feed, "setAnswer(int256)", 2_000 * 10**8)
    assert state_of(own, order) == OrderState.READY
    own.must(stranger, own.book, "execute(uint256)", order)
    assert wallet(own, stranger, PREP) == WAD, "who tries is paid"
    own.act(attacker, account, reduce(SOL, ALL))
    error, _ = refusal(own, attacker, own.book, "execute(uint256)", order)
    assert error == "UnknownOrder"
    assert own.size(account, ninth) == 0
    check_books(own)


@pytest.mark.parametrize("action", [deposit(PREP, 1), deposit(WETH, 1)], ids=["prep", "weth"])
def test_deposit__by_a_stranger__refused(own, stranger, account, action):
    """Nobody fills somebody else's account."""
    own.give(stranger, action.id, 1)
    error = refused(own, stranger, account, action)
    assert error[0] == "NotAllowed"


def test_deposit__cap_filled_by_a_gift__costs_all_that_was_given(own, attacker, victim, stranger):
    """The bound: who gives the manager what is left of a cap stops deposits, until the risk manager
    raises it; nobody gets it back."""
    account = own.open(victim)
    own.give(victim, WETH, 3 * WAD)
    config = list(own.manager.asset(WETH))
    held = own.tokens[WETH].balanceOf(own.manager)
    config[5] = held + 2 * WAD
    own.manager.setAsset(WETH, config, sender=own.suite.risk_manager)
    own.give(attacker, WETH, WAD)
    own.tokens[WETH].transfer(own.manager, WAD, sender=attacker)
    error = refused(own, victim, account, deposit(WETH, WAD + 1))
    assert error == ("DepositCapExceeded", (WETH, held + 2 * WAD + 1, held + 2 * WAD))
    own.act(victim, account, deposit(WETH, WAD))
    own.act(victim, account, withdraw(WETH, WAD))
    assert own.tokens[WETH].balanceOf(own.manager) == held + WAD
