"""How a snapshot of asset-backed positions is read: all at the block that the index is as of."""

from collections.abc import Iterable, Sequence
from typing import Any, Final

from prep.connect import is_local
from prep.keeper.chain import Chain, NodeError, Reverted
from prep.keeper.decide import Settings
from prep.keeper.margin.asks import Asks
from prep.keeper.margin.ids import PoolId
from prep.keeper.margin.orders import NoOrders, OrderSource
from prep.keeper.margin.rules import Rules
from prep.keeper.margin.snapshot import Loan, MarginSnapshot, Pair, SignedOrder, Watched
from prep.keeper.margin.swaps import quoted
from prep.margin import read
from prep.margin.chain import Query, function
from prep.margin.data import ZERO_ADDRESS, PairTerms, Position, position_hash, struct_of
from prep.margin.index_events import Block, Indexed
from prep.margin.read import Pool
from prep.model.fixed import WAD
from prep.model.interest import RateCurve
from prep.quotes import config

LIQUIDATOR: Final = 6
EXECUTOR: Final = 5
"""Roles, coded in `Authority`."""
GRACE_PERIOD: Final = function("gracePeriod", (), "uint256")

_WETH9: Final = function("WETH9", (), "address")
"""Of Uniswap's router. Others may have no such function."""

PairKey = tuple[str, str]


class MarginReader:
    """Reads for `sender`; None: for nobody, who has no role."""

    def __init__(
        self, chain: Chain, settings: config.Settings, prep: str, sender: str | None
    ) -> None:
        """`prep`: the token that rewards are counted in. Raises `NodeError`."""
        self._chain = chain
        self._config = settings
        self._prep = prep
        self._sender = sender
        self.pools = {True: settings.pools.long, False: settings.pools.short}
        self._known: dict[bool, Pool] = {}

    def id_of(self, indexed: Indexed) -> PoolId:
        """As the keeper names it."""
        return PoolId(indexed.pool == self.pools[True], indexed.position.id)

    def read(
        self,
        at: Block,
        indexed: Sequence[Indexed],
        source: OrderSource | None,
        settings: Settings,
        rules: Rules,
    ) -> MarginSnapshot:
        """Raises `NodeError`."""
        asks = Asks(self._chain, settings.batch_size, at.number)
        timestamp, next_, ether, wrapped = self._start(at)
        self._know_pools(asks)
        liquidator, executor, grace = self._rights(asks)
        pairs = self._pairs(asks, {(i.position.base, i.position.quote) for i in indexed})
        loans = self._loans(asks, {self._owed(i) for i in indexed})
        hashes = asks.values([(i.pool, read.POSITION_HASH, i.position.id) for i in indexed])
        watched = [
            Watched(
                id=self.id_of(i),
                position=i.position,
                pair=pairs[i.position.base, i.position.quote],
                loan=loans[self._owed(i)],
                mark=i.mark,
                differs=_difference(i.position, stored),
            )
            for i, stored in zip(indexed, hashes, strict=True)
        ]
        if any(w.differs for w in watched) and self._chain.block_hash(at.number) != at.hash:
            # What was read is of another block: that says nothing about the index.
            raise NodeError(f"block {at.number} was replaced")
        orders, no_orders = _orders(source) if executor else ((), "")
        snapshot = MarginSnapshot(
            block=at.number,
            timestamp=timestamp,
            next=next_,
            gas_price=self._chain.gas_price(),
            is_liquidator=liquidator,
            is_executor=executor,
            grace_period=grace,
            positions=tuple(watched),
            orders=orders,
            no_orders=no_orders,
            ether=ether,
            paid_with_ether=wrapped,
        )
        return quoted(asks, self._config, snapshot, settings, rules)

    def _start(self, at: Block) -> tuple[int, int, int, str]:
        """The time of the block, and the earliest of the next one: a local node has a clock of its
        own, there may be no block for long, or several in a second. And the router's ether, and the
        token that it pays with that."""
        router, block = self._config.exchange.router, hex(at.number)
        wanted: list[tuple[str, list[Any]]] = [
            ("eth_getBalance", [router, block]),
            ("eth_call", [{"to": router, "data": "0x" + _WETH9.encode().hex()}, block]),
            ("eth_getBlockByHash", [at.hash, False]),
        ]
        if is_local(self._config.chain_id):
            wanted.append(("eth_getBlockByNumber", ["pending", False]))
        answers: list[Any] = self._chain.many(wanted)
        ether, wrapped, *blocks = answers
        if any(found is None or isinstance(found, Reverted) for found in (ether, *blocks)):
            raise NodeError(f"block {at.number} was replaced")
        try:
            times = [int(found["timestamp"], 16) for found in blocks]
            next_ = max(times) if len(times) > 1 else times[0] + 1
            return times[0], next_, int(ether, 16), _token(wrapped)
        except (KeyError, TypeError, ValueError) as error:
            raise NodeError(f"block {at.number}: not the answer of a node") from error

    # ------------------------------------------------------------------------------------ contracts

    def _know_pools(self, asks: Asks) -> None:
        """What never changes, and whether these are the pools that they should be."""
        if self._known:
            return
        views = (read.IS_LONG, read.CONTROLLER, read.WETH, read.AUTHORITY)
        found = {
            side: Pool(address, *asks.values([(address, view) for view in views]))
            for side, address in self.pools.items()
        }
        for side, pool in found.items():
            if pool.is_long != side:
                raise NodeError(f"{pool.address} is a pool of the other direction")
        self._known = found

    def _rights(self, asks: Asks) -> tuple[bool, bool, int]:
        """Liquidator and executor: in both pools and without a delay; and the grace period."""
        (grace,) = asks.values([(self._known[True].controller, GRACE_PERIOD)])
        if self._sender is None:
            return False, False, grace
        authorities = [pool.authority for pool in self._known.values()]
        queries = [
            (authority, read.HAS_ROLE, role, self._sender)
            for role in (LIQUIDATOR, EXECUTOR)
            for authority in authorities
        ]
        has = [is_member and delay == 0 for is_member, delay in asks.values(queries)]
        return all(has[:2]), all(has[2:]), grace

    def _pairs(self, asks: Asks, keys: Iterable[PairKey]) -> dict[PairKey, Pair]:
        """With their check prices, and what their quote tokens are worth in PREP."""
        wanted = sorted(keys)
        in_prep = sorted({(quote, self._prep) for _, quote in wanted if quote != self._prep})
        every = list(dict.fromkeys([*wanted, *in_prep]))
        controller = self._known[True].controller
        answers = asks.answers([(controller, read.TERMS, *key) for key in every])
        terms = {
            key: struct_of(PairTerms, answer)
            for key, answer in zip(every, answers, strict=True)
            if not isinstance(answer, Reverted)
        }
        checked = [key for key, found in terms.items() if found.has_check_price]
        prices = dict(
            zip(
                checked,
                asks.answers([(terms[key].oracle, read.PRICE) for key in checked]),
                strict=True,
            )
        )
        pairs = {}
        for key in wanted:
            if key not in terms:
                raise NodeError(f"the pair of {key[0]} in {key[1]} is not listed")
            price = prices.get(key)
            value = WAD if key[1] == self._prep else prices.get((key[1], self._prep))
            pairs[key] = Pair(
                terms=terms[key],
                price=None if isinstance(price, Reverted) else price,
                no_price=str(price) if isinstance(price, Reverted) else "",
                value=None if isinstance(value, Reverted) else value,
            )
        return pairs

    def _loans(
        self, asks: Asks, keys: Iterable[tuple[bool, str]]
    ) -> dict[tuple[bool, str], Loan | None]:
        wanted = sorted(keys)
        queries: list[Query] = []
        for side, token in wanted:
            queries.append((self.pools[side], read.LENDING_VAULT, token))
            queries.append((self._known[side].controller, read.MAX_APY, token))
        found = asks.values(queries)
        vaults = found[::2]
        lent = [vault for vault in vaults if vault != ZERO_ADDRESS]
        details = asks.values([(v, f) for v in lent for f in (read.UTILISATION, read.RATE_CURVE)])
        states = dict(zip(lent, zip(details[::2], details[1::2], strict=True), strict=True))
        loans: dict[tuple[bool, str], Loan | None] = {}
        for key, vault, apy in zip(wanted, vaults, found[1::2], strict=True):
            if vault not in states:
                loans[key] = None
                continue
            utilisation, curve = states[vault]
            own = self._config.curve(key[1])
            loans[key] = Loan(apy, utilisation, own or RateCurve(*curve))
        return loans

    def _owed(self, indexed: Indexed) -> tuple[bool, str]:
        """Side and token."""
        side = self.id_of(indexed).is_long
        return side, indexed.position.quote if side else indexed.position.base


def _token(answer: Any) -> str:
    """What a router says that it wraps ether with; empty where that is nothing."""
    if not isinstance(answer, str) or len(answer) != 2 + 64:
        return ""
    token: str = _WETH9.decode(bytes.fromhex(answer[2:]))
    return token


def _difference(position: Position, stored: bytes) -> str:
    if position_hash(position) == stored:
        return ""
    return f"not as the chain has it: its hash there is 0x{stored.hex()}; left alone"


def _orders(source: OrderSource | None) -> tuple[tuple[SignedOrder, ...], str]:
    if source is None:
        return (), ""
    try:
        return tuple(source.orders()), ""
    except NoOrders as error:
        return (), str(error)
