"""Takes orders that the chain would take, lists those that are still open, removes them."""

from typing import Final

from prep.margin import read
from prep.margin.chain import Call, Head, Query, ask, function
from prep.margin.data import CLOSED, NEVER_OPENED, Payout
from prep.margin.errors import Refusal
from prep.margin.typed import Domain, digest, recover
from prep.quotes import answers, wire, wishes
from prep.quotes.desk import Desk
from prep.quotes.orders import (
    Kept,
    OrderStore,
    TooManyOrdersError,
    removal_hash,
    removal_signer,
)
from prep.quotes.problems import Problem, invalid, refused
from prep.quotes.wire import Side

_VALID: Final = function("isValidSignature", ["bytes32", "bytes"], "bytes4")
_MAX_AMOUNT: Final = 2**128 - 1
"""Of an order's price: beyond it the contract's comparison could overflow."""


class OrderDesk:
    """One method for each endpoint. Each raises `Problem`."""

    def __init__(self, desk: Desk, store: OrderStore) -> None:
        self._desk, self._store = desk, store

    def submit(self, body: wishes.OrderBody) -> tuple[answers.StoredOrder, bool]:
        """Keeps an order; whether it is new."""
        desk, order, position = self._desk, body.order.struct(), body.position.struct()
        pool, now = desk.pools[body.side], desk.now()
        for name in ("quote_amount", "base_amount"):
            if not 0 < getattr(order, name) <= _MAX_AMOUNT:
                field = "order." + name.replace("_a", "A")
                raise invalid(field, "a price is of two amounts from 1 to 2**128 - 1")
        if (order.id, order.trader) != (position.id, position.trader):
            raise refused(Refusal("OrderMismatch", {}))
        if now.time > order.expiry:
            raise refused(Refusal("Expired", {"expiry": order.expiry, "timestamp": now.time}))
        desk.pair(position.base, position.quote)
        desk.check_stored(now.head, pool, position)
        if order.payout is Payout.ETHER and position.quote != pool.weth:
            raise refused(Refusal("NotWrappedEther", {"token": position.quote}))
        domain = Domain(pool.address, pool.is_long, desk.settings.chain_id)
        hashed = digest(domain, order)
        authorised, cancelled = ask(
            desk.chain,
            now.head,
            (pool.address, read.IS_AUTHORISED, order.trader, order.signer),
            (pool.address, read.IS_CANCELLED, hashed),
        )
        signed = self._signed(
            now.head, order.signer, hashed, body.signature, recover(domain, order, body.signature)
        )
        if not signed or not (authorised or order.signer == order.trader):
            values = {"signer": order.signer, "trader": order.trader}
            raise refused(Refusal("NotOrderOfTrader", values))
        if cancelled:
            raise refused(Refusal("OrderIsCancelled", {"digest": f"0x{hashed.hex()}"}))
        kept = Kept(hashed, pool.is_long, order, body.signature)
        try:
            new = self._store.add(pool.address, kept, desk.settings.max_orders)
        except TooManyOrdersError:
            most = desk.settings.max_orders
            detail = f"{order.trader} has {most} orders here, which is the most"
            values = {"trader": order.trader, "max": str(most)}
            raise Problem(422, "TooManyOrders", detail, values) from None
        return _answer(kept), new

    def open(self, after: int, limit: int, trader: str | None) -> answers.Orders:
        """A page of them. Those that can never be executed any more are forgotten."""
        now = self._desk.now()
        page = self._store.page(after, limit, trader)
        alive = self._alive(now.head, now.time, page)
        self._store.remove([kept.digest for kept in page if kept.digest not in alive])
        found = tuple(_answer(kept) for kept in page if alive.get(kept.digest))
        more = str(page[-1].number) if len(page) == limit else None
        return answers.Orders(orders=found, next=more)

    def remove(self, hashed: bytes, signature: bytes | None) -> None:
        """By its trader or signer; by anyone, if it can never be executed any more."""
        kept = self._store.get(hashed)
        if kept is None:
            values = {"digest": f"0x{hashed.hex()}"}
            raise Problem(404, "UnknownOrder", "no such order is kept here", values)
        now = self._desk.now()
        if hashed in self._alive(now.head, now.time, [kept]):
            self._check_removal(now.head, kept, signature)
        self._store.remove([hashed])

    def count(self) -> int:
        """All that are kept."""
        return self._store.count()

    def _check_removal(self, head: Head, kept: Kept, signature: bytes | None) -> None:
        chain_id = self._desk.settings.chain_id
        if signature is None:
            reason = "its trader has to sign that, in the header Prep-Signature"
            raise Problem(401, "SignatureMissing", reason)
        hashed = removal_hash(kept.digest, chain_id)
        recovered = removal_signer(kept.digest, chain_id, signature)
        for who in (kept.order.trader, kept.order.signer):
            if self._signed(head, who, hashed, signature, recovered):
                return
        values = {"signer": kept.order.signer, "trader": kept.order.trader}
        raise Problem(403, "NotOrderOfTrader", "its trader has not signed that", values)

    def _signed(
        self, head: Head, who: str, hashed: bytes, signature: bytes, recovered: str | None
    ) -> bool:
        """As contracts see it: a contract says itself whether it has signed."""
        data = _VALID.encode(hashed, signature)
        (outcome,) = self._desk.chain.call([Call(who, data)], head)
        if outcome == b"":
            return recovered == who
        magic = _VALID.selector + bytes(28)
        return not isinstance(outcome, Refusal) and outcome[:32] == magic

    def _alive(self, head: Head, now: int, page: list[Kept]) -> dict[bytes, bool]:
        """Which may be executed some time; whether they can be now. A position that the node does
        not know yet may come."""
        desk, good = self._desk, [kept for kept in page if now <= kept.order.expiry]
        queries: list[Query] = []
        for kept in good:
            pool = desk.pools[Side.of(kept.is_long)].address
            queries.append((pool, read.POSITION_HASH, kept.order.id))
            queries.append((pool, read.IS_CANCELLED, kept.digest))
        found = ask(desk.chain, head, *queries)
        return {
            kept.digest: stored != NEVER_OPENED
            for kept, stored, cancelled in zip(good, found[::2], found[1::2], strict=True)
            if stored != CLOSED and not cancelled
        }


def _answer(kept: Kept) -> answers.StoredOrder:
    return answers.StoredOrder(
        digest=kept.digest,
        side=Side.of(kept.is_long),
        order=wire.Order.of(kept.order),
        signature=kept.signature,
    )
