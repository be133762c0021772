"""A deployment, a quote service and a keeper, each a process of its own: a trader opens by HTTP,
real swaps move the price, the keeper liquidates one position and closes another by its order, and
of every token it is known to the unit where it went."""

import signal
from math import isqrt
from pathlib import Path

import pytest
from eth_account import Account

from prep.deploy.deployer import deploy
from prep.deploy.params import Parameters
from prep.deploy.pools import FACTORY, POSITIONS, QUOTER, ROUTER
from prep.exchange.contracts import Contracts, types
from prep.exchange.pools import Pools
from prep.margin.data import CLOSED, Closing, Order, Payout, Position, struct_of
from prep.margin.typed import Domain, digest, sign
from prep.node import Node
from prep.quotes.client import QuoteClient
from prep.quotes.wire import Side
from tests.processes import listens, running, unused_port, wait_for
from tests.suite import UNLIMITED, WAD

ROOT = Path(__file__).parents[2]
SETTINGS = ROOT / "deployments" / "quotes" / "local.yml"
TOKEN = "open sesame"
CHAIN = 31_337
FEE = 3_000
DOWN = 10_000 * WAD
PREP, WETH = "PREP", "WETH"
KEEPER = "TEST::8"
"""The liquidator of the fixtures."""


class World:
    """The deployment, and short words for what happens in it."""

    def __init__(self, project, admin, folder):
        params = Parameters.load(ROOT / "deployments" / "params" / "local.yml")
        record = deploy(project, admin, params, folder / f"{CHAIN}.json")
        self.admin, self.folder = admin, folder
        self.contracts = {name: record.instance(project, name) for name in record.contracts}
        self.uri = admin.provider.uri
        contract_types = [c.contract_type for c in self.contracts.values()]
        self.node = Node(self.uri, *contract_types, *types(project))
        self.tokens = {PREP: self.address("PrepToken"), WETH: self.address("WETH/token")}
        self.exchange = Pools(
            self.node, Contracts(*map(self.address, (FACTORY, POSITIONS, ROUTER, QUOTER)))
        )
        self.pool = self.exchange.pool(self.tokens[WETH], self.tokens[PREP], FEE)
        self.sides = {True: self.address("LongPool"), False: self.address("ShortPool")}

    def address(self, name):
        return self.contracts[name].address

    def send(self, sender, contract, signature, *arguments):
        return self.node.execute(sender.address, contract, signature, *arguments)

    def give(self, who, symbol, amount):
        token = self.tokens[symbol]
        self.send(self.admin, token, "mint(address,uint256)", who.address, amount)

    def approve(self, who, symbol, spender):
        self.send(who, self.tokens[symbol], "approve(address,uint256)", spender, UNLIMITED)

    def balance(self, address, symbol):
        return self.node.read((self.tokens[symbol], "balanceOf(address)", address))[0]

    def lend(self, lender, symbol, amount):
        vault = self.address(f"{symbol}/lending")
        self.give(lender, symbol, amount)
        self.approve(lender, symbol, vault)
        self.send(lender, vault, "deposit(uint256,address)", amount, lender.address)

    def debt(self, symbol):
        return self.node.read((self.address(f"{symbol}/lending"), "totalDebt()"))[0]

    def set_price(self, dollars):
        """By the feed that swaps are checked against, and by one real swap."""
        feed = self.address("WETH/feed")
        self.send(self.admin, feed, "setAnswer(int256)", dollars * 10**8)
        # Token 1 for a unit of token 0: of PREP for ether, or the other way round.
        ether_first = self.pool.tokens[0] == self.tokens[WETH]
        square = dollars * 2**192 if ether_first else 2**192 // dollars
        self.exchange.move(self.mover.address, self.pool, isqrt(square))

    def stored(self, is_long, id_):
        return self.node.read((self.sides[is_long], "positionHash(uint256)", id_))[0]

    def event(self, name, is_long):
        """The only one that a pool has logged, arguments by where they are."""
        pool = self.contracts["LongPool" if is_long else "ShortPool"]
        (log,) = getattr(pool, name).range(0, self.admin.provider.get_block("latest").number + 1)
        return log


@pytest.fixture(scope="module")
def world(project, admin, liquidator, tmp_path_factory):
    """Roles of the keeper are its own."""
    world = World(project, admin, tmp_path_factory.mktemp("deployments"))
    for role in (5, 6):
        grant = "grantRole(uint64,address,uint32)"
        world.send(admin, world.address("Authority"), grant, role, liquidator.address, 0)
    return world


@pytest.fixture
def service(world, tmp_path):
    """Its address; the deployer signs."""
    port = unused_port()
    options = ("--network", world.uri, "--folder", world.folder, "--config", SETTINGS)
    environment = {
        "PREP_QUOTES_TOKEN": TOKEN,
        "PREP_QUOTES_DATABASE": f"sqlite:///{tmp_path / 'orders.sqlite'}",
    }
    log = tmp_path / "quotes.log"
    with running(
        log, "quotes", *options, "--account", "TEST::0", "--port", port, **environment
    ) as started:
        wait_for(lambda: listens(port) or started.process.poll() is not None, "the service")
        assert started.process.poll() is None, started.text()
        yield f"http://127.0.0.1:{port}"
        # Its server ends itself by the signal, once all is answered.
        assert started.end(signal.SIGTERM) in (0, -signal.SIGTERM)
    assert "Traceback" not in started.text()


@pytest.fixture
def keep(world, service, tmp_path):
    """Starts a keeper: `with keep(): ...`; its positions stay for the next one."""

    def start(*options):
        where = ("--network", world.uri, "--folder", world.folder, "--interval", "0.2")
        margin = ("--margin", SETTINGS, "--quotes", service, "--no-credit")
        environment = {
            "PREP_QUOTES_TOKEN": TOKEN,
            "PREP_KEEPER_DATABASE": f"sqlite:///{tmp_path / 'positions.sqlite'}",
        }
        log = tmp_path / "keeper.log"
        return running(log, "keeper", *where, *margin, *options, **environment)

    return start


EXECUTE = ("--execute", "--account", KEEPER, "--verbosity", "DEBUG")


def test_margin__trade_by_http_and_a_price_of_real_swaps__all_money_is_accounted_for(
    world, service, keep, lp, trader, other_trader, liquidator, crowd
):
    world.mover = crowd[0]
    for symbol, amount in ((PREP, 1_000_000 * WAD), (WETH, 2_500 * WAD)):
        world.lend(lp, symbol, amount)
        world.give(world.mover, symbol, 10_000_000 * WAD)
    for who in (trader, other_trader):
        world.give(who, PREP, 2 * DOWN)
        for pool in world.sides.values():
            world.approve(who, PREP, pool)
    holders = {
        "lender": lp.address,
        "mover": world.mover.address,
        "long trader": trader.address,
        "short trader": other_trader.address,
        "keeper": liquidator.address,
        "treasury": world.admin.address,
        "long pool": world.sides[True],
        "short pool": world.sides[False],
        "exchange": world.pool.address,
        "PREP lenders": world.address("PREP/lending"),
        "WETH lenders": world.address("WETH/lending"),
    }

    def balances():
        return {
            (who, symbol): world.balance(address, symbol)
            for who, address in holders.items()
            for symbol in (PREP, WETH)
        }

    before = balances()

    # ------------------------------------------------------------------------ both trade by HTTP
    with QuoteClient(service, TOKEN) as client:
        assert client.health().ok

        def open_position(side, who, leverage):
            tokens = (world.tokens[WETH], world.tokens[PREP])
            quote = client.open(side, who.address, *tokens, DOWN, leverage=leverage)
            sent = quote.transaction
            world.node.execute_data(who.address, sent.to, f"0x{sent.data.hex()}", sent.value)
            opened = world.event("PositionOpened", side is Side.LONG)
            return struct_of(Position, opened.position), quote.request.fee

        long, long_fee = open_position(Side.LONG, trader, 40_000)
        short, short_fee = open_position(Side.SHORT, other_trader, 20_000)
        after_opening = balances()
        order = Order(
            id=short.id,
            trader=short.trader,
            signer=short.trader,
            take_profit=True,
            quote_amount=330 * WAD,
            base_amount=WAD,
            min_payout=DOWN,
            payout=Payout.TOKEN,
            expiry=world.node.time() + 86_400,
        )
        domain = Domain(world.sides[False], False, CHAIN)
        key = Account.from_key(other_trader.private_key)
        kept = client.submit(Side.SHORT, order, sign(key, domain, order), short)
        assert kept.digest == digest(domain, order)

        # ------------------------------------------------------------- nothing is to be done yet
        with keep(*EXECUTE) as keeper:
            keeper.wait_for("margin-round", times=2)
            assert "open=2" in keeper.lines("margin-round")[-1]
            assert "orders=1" in keeper.lines("margin-round")[-1]
            assert keeper.end(signal.SIGTERM) == 0
        assert keeper.lines("liquidated-backed") == keeper.lines("executed") == []
        assert balances() == after_opening

        # ---------------------------------------------------- the price falls, by one real swap
        world.set_price(312)
        moved = balances()
        with keep(*EXECUTE) as keeper:
            keeper.wait_for("liquidated-backed")
            keeper.wait_for("executed")
            assert keeper.end(signal.SIGTERM) == 0
        assert "Traceback" not in keeper.text()
        assert list(client.orders()) == []

    # ------------------------------------------------------------------- where everything went
    assert (world.stored(True, long.id), world.stored(False, short.id)) == (CLOSED, CLOSED)
    liquidation = world.event("PositionLiquidated", True)
    assert liquidation.liquidator == liquidator.address
    seized = struct_of(Closing, liquidation.closing)
    closed = struct_of(Closing, world.event("PositionClosed", False).closing)
    assert world.event("OrderExecuted", False).digest == kept.digest
    assert (seized.bad_debt, closed.bad_debt) == (0, 0)
    assert seized.principal_paid == long.principal
    assert closed.principal_paid == short.principal
    assert closed.spent * WAD <= 330 * WAD * closed.received, "the order's price"
    after = balances()

    def change(who, symbol, since=before):
        return after[who, symbol] - since[who, symbol]

    # Who had what to do with it, to the unit.
    assert change("long trader", PREP) == seized.payout - DOWN - long_fee
    assert change("short trader", PREP) == closed.payout - DOWN - short_fee
    assert change("short trader", WETH) == closed.received - short.principal - closed.interest_paid
    assert closed.payout > DOWN, "he has won"
    assert 0 < seized.payout < DOWN, "he has lost, and gets what is left"
    assert change("keeper", PREP) == seized.fee > 0
    assert change("treasury", PREP) == long_fee + short_fee + closed.fee > 0
    assert change("PREP lenders", PREP) == seized.interest_paid > 0
    assert change("WETH lenders", WETH) == closed.interest_paid > 0
    assert change("exchange", PREP, moved) == closed.spent - seized.received
    assert change("exchange", WETH, moved) == seized.spent - closed.received
    for who in ("long pool", "short pool"):
        assert (after[who, PREP], after[who, WETH]) == (0, 0), who
    for symbol in (PREP, WETH):
        assert world.debt(symbol) == (0, 0)
        assert sum(change(who, symbol) for who in holders) == 0, symbol
    for who in ("long trader", "keeper", "treasury", "PREP lenders"):
        assert change(who, WETH) == 0, who
    assert change("WETH lenders", PREP) == 0
