"""What the statement of an account says, against the contracts to the last unit."""

from pathlib import Path

import pytest

from prep.credit import actions
from prep.credit.actions import ALL, encode
from prep.credit.read import read_statement
from prep.deploy.deployer import deploy
from prep.deploy.params import Parameters
from prep.errors import UserError
from prep.model.window import Condition, OrderState
from tests.suite import MARKET_FIELDS, UNLIMITED, WAD

LOCAL = Path(__file__).parents[3] / "deployments" / "params" / "local.yml"
PREP, SHARES, WETH, WBTC = range(4)
BTC, ETH = range(2)
HOUR = 3_600
HEARTBEAT = 7_200
MONEY = 1_000_000 * WAD


class World:
    """A deployment with liquidity and lenders, and accounts of one owner."""

    def __init__(self, project, admin, owner, path) -> None:
        self.project, self.admin, self.owner = project, admin, owner
        self.deployment = deploy(project, admin, Parameters.load(LOCAL), path)
        self.prep, self.manager = self.at("PrepToken"), self.at("CreditManager")
        self.protocol, self.lens = self.at("Protocol"), self.at("ProtocolLens")
        self.book = self.at("OrderBook")
        self.prep.mint(admin, 3 * MONEY, sender=admin)
        for spender in (self.at("Vault"), self.at("PREP/lending")):
            self.prep.approve(spender, UNLIMITED, sender=admin)
        self.at("Vault").deposit(MONEY, sender=admin)
        self.at("PREP/lending").deposit(MONEY, admin, sender=admin)
        weth, lending = self.at("WETH/token"), self.at("WETH/lending")
        weth.mint(admin, 1_000 * WAD, sender=admin)
        weth.approve(lending, UNLIMITED, sender=admin)
        lending.deposit(1_000 * WAD, admin, sender=admin)
        self.prep.mint(owner, MONEY, sender=admin)
        weth.mint(owner, 1_000 * WAD, sender=admin)
        self.at("WBTC/token").mint(owner, 100 * 10**8, sender=admin)
        for name in ("PrepToken", "WETH/token", "WBTC/token"):
            self.at(name).approve(self.manager, UNLIMITED, sender=owner)

    def at(self, name):
        return self.deployment.instance(self.project, name)

    def open(self, *listed) -> int:
        """A new account that has done this."""
        self.manager.open(self.owner, sender=self.owner)
        account = self.manager.accountCount()
        self.act(account, *listed)
        return account

    def act(self, account, *listed) -> None:
        self.manager.execute(account, encode(listed), sender=self.owner)

    def set_price(self, name, dollars) -> None:
        self.at(f"{name}/feed").setAnswer(dollars * 10**8, sender=self.admin)

    def put_price(self, market, price) -> None:
        """By an oracle that has more digits than the feed."""
        oracle = self.admin.deploy(self.project.MockOracle, price)
        config = dict(zip(MARKET_FIELDS, self.lens.marketConfig(market), strict=True))
        changed = config | {"oracle": oracle.address}
        self.protocol.setMarket(market, tuple(changed.values()), sender=self.admin)

    def statement(self, account):
        return read_statement(self.project, self.deployment, self.admin.provider, account)


@pytest.fixture(scope="module")
def world(project, admin, trader, tmp_path_factory):
    """Deployed with the local parameters."""
    return World(project, admin, trader, tmp_path_factory.mktemp("statement") / "31337.json")


NUMBERS = ("assets", "collateral", "owed", "debt", "pnl", "required", "equity")


def _numbers(health):
    return [getattr(health, name) for name in NUMBERS]


def _chain(world, statement, for_liquidation):
    """The same by the contracts."""
    block = statement.block
    return _numbers(world.manager.health(statement.account, for_liquidation, block_id=block))


@pytest.fixture
def account(world, chain):
    """Long on one market, short on the other, three assets and debt in two, and an hour old."""
    account = world.open(
        actions.deposit(WETH, 10 * WAD),
        actions.deposit(WBTC, 5 * 10**7),
        actions.borrow(PREP, 3_000 * WAD),
        actions.borrow(WETH, WAD),
        actions.trade(BTC, 2 * WAD),
        actions.trade(ETH, -30 * WAD),
    )
    # Somebody else moves the skew, so that both readings of a position differ and funding runs.
    world.open(actions.deposit(PREP, 100_000 * WAD), actions.trade(ETH, 700 * WAD))
    chain.pending_timestamp += HOUR
    for name, dollars in (("BTC", 10_050), ("ETH", 403), ("WETH", 402), ("WBTC", 10_049)):
        world.set_price(name, dollars)
    return account


@pytest.fixture
def with_shares(world, account):
    """The same with shares of the LP vault, whose price depends on those of markets."""
    world.act(account, actions.add_liquidity(500 * WAD))
    return account


# ------------------------------------------------------------------------------------------- health


@pytest.mark.parametrize("for_liquidation", [False, True])
def test_statement__health__is_that_of_the_contracts(world, with_shares, for_liquidation):
    statement = world.statement(with_shares)
    health = statement.health(for_liquidation=for_liquidation)
    assert _numbers(health) == _chain(world, statement, for_liquidation)
    assert (health.owed > 3_000 * WAD, health.pnl != 0, health.required > 0) == (True, True, True)
    assert statement.liquidatable is False
    assert (statement.missing, statement.owner) == ((), world.owner.address)


def test_statement__assets__balance_value_and_debt(world, with_shares):
    statement = world.statement(with_shares)
    by_name = {asset.name: asset for asset in statement.assets}
    assert list(by_name) == ["PREP", world.at("Vault").symbol(), "WETH", "WBTC"]
    for index, asset in enumerate(statement.assets):
        holding = world.manager.holding(with_shares, index, block_id=statement.block)
        assert (asset.balance, asset.debt) == (holding.balance, holding.debt)
    weth, wbtc = by_name["WETH"], by_name["WBTC"]
    assert (weth.balance, weth.value, weth.decimals) == (11 * WAD, 11 * 402 * WAD, 18)
    assert (wbtc.balance, wbtc.value, wbtc.decimals) == (5 * 10**7, 10_049 * WAD // 2, 8)
    assert weth.owed == -(-weth.debt * 402 * WAD // WAD) > 402 * WAD
    assert weth.borrow_rate == world.at("WETH/lending").borrowRate(block_id=statement.block) > 0
    assert statement.assets[SHARES].borrow_rate is None
    assert (weth.weights.max_ltv, weth.weights.liquidation_threshold) == (8_000, 8_500)


def test_statement__positions__pnl_at_both_prices(world, account):
    statement = world.statement(account)
    assert [line.name for line in statement.positions] == ["BTC", "ETH"]
    for market, line in enumerate(statement.positions):
        size, value, at_fill, at_oracle = world.protocol.marginEquity(
            world.manager, account, market, block_id=statement.block
        )
        assert (line.position.size, line.value) == (size, value)
        assert line.pnl(statement.timestamp) == tuple(sorted((at_fill, at_oracle)))
    btc, eth = statement.positions
    assert (btc.price, eth.price) == (10_050 * WAD, 403 * WAD)
    worse, better = eth.pnl(statement.timestamp)
    assert worse < better, "the market has a skew"


# -------------------------------------------------------------------------------- liquidation price


@pytest.mark.parametrize("market, nearer", [(BTC, 1), (ETH, -1)])
def test_statement__liquidation_price__is_exact(
    world, account, one_block, isolated, market, nearer
):
    statement = world.statement(account)
    line = statement.positions[market]
    price = statement.liquidation_price(line)
    assert (line.price - price) * nearer > 0
    for at, well in ((price, False), (price + nearer, True)):
        with isolated():
            world.put_price(market, at)
            health = world.manager.health(account, True)
            assert (health.equity >= health.required) is well, at


def test_statement__below_its_liquidation_price__says_so(world, account):
    price = world.statement(account).liquidation_price(world.statement(account).positions[BTC])
    world.set_price("BTC", price // WAD - 1)
    statement = world.statement(account)
    line = statement.positions[BTC]
    assert statement.liquidatable is True
    assert statement.liquidation_price(line) == line.price


def test_statement__nothing_that_prices_could_take__has_no_liquidation_price(world, one_block):
    account = world.open(actions.deposit(PREP, 50_000 * WAD), actions.trade(BTC, WAD))
    statement = world.statement(account)
    assert statement.liquidation_price(statement.positions[BTC]) is None
    world.act(account, actions.reduce(BTC, ALL), actions.trade(BTC, -WAD))
    statement = world.statement(account)
    price = statement.liquidation_price(statement.positions[BTC])
    # equity 60,000 - 10,000 less p, required 3 % of p, both rounded.
    assert price * 103 // 100 in (60_000 * WAD, 60_000 * WAD + 1)


def test_statement__settled_market__keeps_its_price(world, chain):
    account = world.open(actions.deposit(PREP, 10_000 * WAD), actions.trade(BTC, WAD))
    chain.pending_timestamp += 3 * 86_400 + HEARTBEAT + 1
    world.protocol.settleMarket(BTC, 9_000 * WAD, sender=world.admin)
    statement = world.statement(account)
    (line,) = statement.positions
    assert (line.price, statement.liquidation_price(line)) == (9_000 * WAD, None)
    health = statement.health(for_liquidation=True)
    assert _numbers(health) == _chain(world, statement, True)


# ----------------------------------------------------------------------------------------- the rest


def test_statement__orders__with_their_state(world, account, chain):
    expiry = chain.pending_timestamp + 86_400
    placed = [
        actions.limit_order(BTC, WAD, 9_000 * WAD, expiry, keeper_fee=2 * WAD),
        actions.stop_loss(ETH, 30 * WAD, 402 * WAD, expiry, limit=500 * WAD),
        actions.take_profit(ETH, -WAD, 500 * WAD, expiry),
    ]
    world.act(account, *placed)
    ids = sorted(world.book.ordersOf(account))
    lines = world.statement(account).orders
    assert [line.id for line in lines] == ids
    assert [(line.market, line.decimals, line.order.size) for line in lines] == [
        ("BTC", 18, WAD),
        ("ETH", 18, 30 * WAD),
        ("ETH", 18, -WAD),
    ]
    assert [line.order.terms for line in lines] == [action.terms for action in placed]
    assert lines[0].order.terms.condition is Condition.AT_OR_BELOW
    assert [line.order.limit for line in lines] == [9_000 * WAD, 500 * WAD, 0]
    # The last one would make the short larger.
    states = [OrderState.WAITING, OrderState.READY, OrderState.DEAD]
    assert [line.state for line in lines] == states
    assert [line.no_state for line in lines] == [None] * 3


def test_statement__stale_prices__shows_what_needs_none(world, with_shares, chain):
    expiry = chain.pending_timestamp + 86_400
    world.act(with_shares, actions.limit_order(BTC, WAD, 9_000 * WAD, expiry))
    chain.pending_timestamp += HEARTBEAT + 1
    world.set_price("ETH", 403)
    statement = world.statement(with_shares)
    missing = [reason.partition(": AnswerStale(")[0] for reason in statement.missing]
    assert missing[1:] == ["WETH", "WBTC", "BTC"]
    assert missing[0].startswith(world.at("Vault").symbol())
    assert statement.health(for_liquidation=False) is None
    assert statement.liquidatable is False
    btc, eth = statement.positions
    assert (btc.price, btc.value, btc.pnl(statement.timestamp)) == (None, None, None)
    assert (btc.position.size, eth.value) == (2 * WAD, 30 * 403 * WAD)
    assert [statement.liquidation_price(line) for line in (btc, eth)] == [None, None]
    weth = statement.assets[WETH]
    assert (weth.balance, weth.value, weth.owed) == (11 * WAD, None, None)
    (order,) = statement.orders
    assert order.state is None
    assert order.no_state.startswith("AnswerStale(updatedAt=")


def test_statement__empty_account__is_well(world):
    statement = world.statement(world.open())
    assert (statement.assets, statement.positions, statement.orders) == ((), (), ())
    health = statement.health(for_liquidation=True)
    assert set(_numbers(health)) == {0}
    assert health.well is True


@pytest.mark.parametrize(
    "existing, message",
    [
        (0, "there is no credit account 7: there is none yet"),
        (2, "there is no credit account 7: the last one is 2"),
    ],
)
def test_statement__unknown_account__says_which_there_are(world, existing, message):
    for _ in range(existing):
        world.open()
    with pytest.raises(UserError) as raised:
        world.statement(7)
    assert raised.value.format_message() == message
    for account in (0, -1):
        with pytest.raises(UserError, match=f"there is no credit account {account}: "):
            world.statement(account)


def test_statement__deployment_without_accounts__says_so(project, admin, chain, tmp_path):
    core = Parameters.load(LOCAL).model_copy(update={"credit": None})
    deployment = deploy(project, admin, core, tmp_path / "31337.json")
    with pytest.raises(UserError, match=r"^there are no credit accounts on chain 31337$"):
        read_statement(project, deployment, chain.provider, 1)
