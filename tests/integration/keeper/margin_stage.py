"""A clerk over a real exchange: positions, prices moved by real swaps, and orders by hand."""

from dataclasses import dataclass, field
from threading import Event

from eth_account import Account

from prep.keeper import Rules, Settings, ToWatch
from prep.keeper.chain import Chain
from prep.keeper.margin.clerk import Clerk
from prep.keeper.margin.ids import PoolId
from prep.keeper.margin.orders import OwnSigner
from prep.keeper.margin.snapshot import SignedOrder
from prep.keeper.report import Round
from prep.keeper.sender import Sender
from prep.margin.data import Order, Payout
from prep.margin.typed import Domain, digest, sign
from prep.reverts import web3_of
from tests.exchange import FOREVER
from tests.margin_suite import PREP
from tests.quotes import load, settings_of

NO_ROOM = Rules(room=0, record_interval=0)
"""Acts at the exact boundary, and records nothing."""


@dataclass
class Orders:
    """Orders that traders have signed."""

    kept: list[SignedOrder] = field(default_factory=list)

    def orders(self):
        return self.kept


class Stage:
    """A clerk, and what it is told."""

    def __init__(self, project, margin, folder):
        self.project, self.margin, self.folder = project, margin, folder
        self.orders = Orders()
        chain_id = margin.admin.provider.chain_id
        self.domains = {side.is_long: side.domain for side in margin.sides.values()}
        router = margin.exchange.pools.contracts.router
        self.signed = OwnSigner(self.orders, margin.signer, self.domains, router)
        self.chain_id = chain_id

    def clerk(self, account, rules=NO_ROOM, execute=True, **changes):
        """As after a start, with the same database."""
        types = [
            self.project.get_contract(name).contract_type
            for name in ("LongPool", "DebtController", "LendingVault")
        ]
        stop = Event()
        chain = Chain(web3_of(self.margin.admin.provider), types)
        values = {
            "settings": load(settings_of(self.margin)),
            "prep": self.margin.tokens[PREP].address,
            "database": f"sqlite:///{self.folder}/positions.sqlite",
            "rules": rules,
            "orders": self.signed,
        }
        watch = ToWatch(**values | changes)
        sender = Sender(chain, self.chain_id, account, stop)
        return Clerk(chain, sender, watch, self.project, self.chain_id, execute, stop, 1_000, 100)

    def round(self, clerk, **settings):
        """What a round did."""
        done = Round(True)
        clerk.work(Settings(**settings), done)
        assert done.margin.interrupted == ""
        return done

    def order(self, side, trader, position, quote, base, take_profit, key=None, **changes):
        """Signed by its trader, kept like by the service: ids and prices as in the contract."""
        values = {
            "id": position.id,
            "trader": position.trader,
            "signer": position.trader,
            "take_profit": take_profit,
            "quote_amount": quote,
            "base_amount": base,
            "min_payout": 0,
            "payout": Payout.TOKEN,
            "expiry": FOREVER,
        }
        order = Order(**values | changes)
        domain = Domain(side.address, side.is_long, self.chain_id)
        signed = SignedOrder(
            id=PoolId(side.is_long, position.id),
            order=order,
            signature=sign(trader, domain, order),
            digest="0x" + digest(domain, order).hex(),
        )
        self.orders.kept.append(signed)
        return signed


def results(done):
    """Kinds and ids."""
    return [(type(result).__name__, str(result.action.id)) for result in done.margin.results]


def identity(side, position):
    return str(PoolId(side.is_long, position.id))


def rest(margin, seconds):
    """Time passes, with a block at its end."""
    margin.node.at(margin.time() + seconds)
    margin.node.mine()


def move(margin, who, pair, percent):
    """A price, by a real swap, and a minute ago: interest is due."""
    margin.move_market(who, pair, percent)
    rest(margin, 60)


def local(account):
    """The key of a test account."""
    return Account.from_key(account.private_key)
