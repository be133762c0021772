"""How much an account can hold and owe at a time, and what `contents` and `holding` say."""

import pytest

from prep.credit.actions import ALL, borrow, deposit, reduce, repay, trade, withdraw
from tests.credit import PREP, SHARES, SOL, USD, WBTC, WETH
from tests.suite import UNLIMITED, WAD, ZERO_ADDRESS
from tests.unit.credit.acting import config_of, holdings, market_ids, refused
from tests.unit.credit.trading import SOL_UNIT


@pytest.fixture
def more(credit, project, trader):
    """Tokens until there are nine assets besides PREP. Their ids."""
    ids = []
    for _ in range(5):
        token = credit.suite.admin.deploy(project.MockERC20, "MORE", "MORE", 6)
        changes = {"token": token, "lendingVault": ZERO_ADDRESS}
        config = config_of(credit, USD, **changes)
        credit.manager.addAsset(config, sender=credit.suite.risk_manager)
        ids.append(credit.manager.assetCount() - 1)
        credit.tokens[ids[-1]] = token
        credit.give(trader, ids[-1], 100)
    yield ids
    for asset in ids:
        del credit.tokens[asset]


def test_deposit__ninth_asset_besides_prep__refused_until_one_is_gone(credit, trader, more):
    account = credit.funded(trader, usd=5, weth=5, wbtc=5)
    five = [deposit(asset, 1) for asset in more]
    credit.give(trader, SHARES, WAD)
    ninth = deposit(SHARES, 1)
    credit.act(trader, account, *five)
    assert refused(credit, trader, account, ninth) == (0, ("TooMany", 8))
    # PREP has always room, and what is there already.
    credit.give(trader, PREP, 10 * WAD)
    credit.act(trader, account, deposit(PREP, 10 * WAD), deposit(more[0], 1))
    seen = refused(credit, trader, account, withdraw(USD, 4), ninth)
    assert seen == (1, ("TooMany", 8))
    credit.act(trader, account, withdraw(USD, 5), ninth)
    assert set(holdings(credit, account)) == {PREP, SHARES, WETH, WBTC, *more}


def test_borrow__ninth_asset_by_debt__refused(credit, trader, more):
    account = credit.funded(trader, prep=100 * WAD, weth=5, wbtc=5, shares=WAD)
    credit.act(trader, account, *(deposit(asset, 1) for asset in more))
    assert refused(credit, trader, account, borrow(USD, 10)) == (0, ("TooMany", 8))
    credit.act(trader, account, withdraw(more[0], ALL), borrow(USD, 10))
    # A debt alone keeps its place.
    credit.act(trader, account, withdraw(USD, 10))
    assert refused(credit, trader, account, deposit(more[0], 1)) == (0, ("TooMany", 8))
    credit.give(trader, USD, 10)
    credit.act(trader, account, deposit(USD, 10), repay(USD, ALL), deposit(more[0], 1))
    assert USD not in holdings(credit, account)


def test_trade__eight_assets_besides_prep__losses_are_still_borrowed(credit, trader, more):
    account = credit.funded(trader, weth=WAD, wbtc=10**8, usd=5)
    credit.act(trader, account, *(deposit(asset, 1) for asset in more))
    credit.act(trader, account, trade(SOL, SOL_UNIT))
    credit.set_market_price(SOL, 90)
    credit.act(trader, account, reduce(SOL, ALL))
    assert holdings(credit, account)[PREP] == (0, 10 * WAD)


def test_contents__balances_debts_positions__each_once_in_order(credit, trader):
    account = credit.funded(trader, wbtc=10**8, prep=5_000 * WAD, usd=7)
    credit.act(trader, account, borrow(WETH, WAD), withdraw(WETH, WAD), borrow(USD, 3))
    credit.act(trader, account, trade(SOL, SOL_UNIT))
    seen = credit.manager.contents(account)
    assert [tuple(h) for h in seen.holdings] == [
        (PREP, 5_000 * WAD, 0, 0),
        (WETH, 0, WAD, WAD),
        (WBTC, 10**8, 0, 0),
        (USD, 10, 3, 3),
    ]
    assert list(seen.marketIds) == [SOL]
    assert market_ids(credit, account) == (SOL,)


@pytest.mark.parametrize("asset", [WETH, 31, UNLIMITED])
def test_holding__nothing_or_no_such_asset__zeros(credit, trader, asset):
    account = credit.funded(trader, usd=1)
    assert tuple(credit.holding(account, asset)) == (asset, 0, 0, 0)
