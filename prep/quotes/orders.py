"""Take-profits and stop-losses that traders have signed, kept for the keeper."""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from eth_account.messages import defunct_hash_message, encode_defunct
from sqlalchemy import (
    Boolean,
    Column,
    ColumnElement,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    create_engine,
    delete,
    func,
    insert,
    select,
)
from sqlalchemy.engine import Engine, make_url
from sqlalchemy.exc import ArgumentError, IntegrityError, SQLAlchemyError
from sqlalchemy.pool import StaticPool

from prep.errors import UserError
from prep.margin.data import Order, decode_struct, encode_struct
from prep.margin.typed import recover_from

MAX_PAGE: Final = 100
Condition = ColumnElement[bool]

_METADATA: Final = MetaData()
_ORDERS: Final = Table(
    "quotes_orders",
    _METADATA,
    Column("number", Integer, primary_key=True, autoincrement=True),
    Column("chain_id", String(78), nullable=False, index=True),
    Column("pool", String(42), nullable=False, index=True),
    Column("digest", LargeBinary(32), nullable=False, unique=True),
    Column("trader", String(42), nullable=False, index=True),
    Column("is_long", Boolean, nullable=False),
    Column("encoded", LargeBinary(1_024), nullable=False),
    Column("signature", LargeBinary(4_096), nullable=False),
    Column("stored_at", Integer, nullable=False),
    # Otherwise the number of the newest is given again once that is removed.
    sqlite_autoincrement=True,
)


@dataclass(frozen=True, slots=True)
class Kept:
    """An order as it lies in the database."""

    digest: bytes
    is_long: bool
    order: Order
    signature: bytes
    number: int = 0
    """Higher than those of all before."""


class TooManyOrdersError(Exception):
    """The trader has as many as are kept."""


class OrderStore:
    """Orders of one chain and its two pools, in any database that SQLAlchemy knows."""

    def __init__(self, url: str, chain_id: int, pools: Sequence[str]) -> None:
        """Creates the table where it is missing. Raises `UserError` without showing the URL, which
        may hold a password."""
        self._chain_id, self._pools = str(chain_id), list(pools)
        try:
            self._engine = _engine(url)
            _METADATA.create_all(self._engine)
        except (ArgumentError, ImportError):
            raise UserError(
                "the URL of the database of orders is none, or of no driver here"
            ) from None
        except (SQLAlchemyError, OSError) as error:
            kind = type(error).__name__
            raise UserError(f"the database of orders cannot be opened ({kind})") from None

    def add(self, pool: str, new: Kept, most: int) -> bool:
        """Whether it is new. Raises `TooManyOrdersError` for one more than `most` of a trader."""
        order, digest = new.order, new.digest
        row = {
            "chain_id": self._chain_id,
            "pool": pool,
            "digest": digest,
            "trader": order.trader,
            "is_long": new.is_long,
            "encoded": encode_struct(order),
            "signature": new.signature,
            "stored_at": int(time.time()),
        }
        own = self._own(_ORDERS.c.trader == order.trader)
        try:
            with self._engine.begin() as connection:
                known = select(_ORDERS.c.number).where(_ORDERS.c.digest == digest)
                if connection.execute(known).first():
                    return False
                count = connection.execute(select(func.count()).select_from(_ORDERS).where(*own))
                if count.scalar_one() >= most:
                    raise TooManyOrdersError
                connection.execute(insert(_ORDERS).values(**row))
        except IntegrityError:
            # Somebody has stored it at the same moment.
            return False
        return True

    def get(self, digest: bytes) -> Kept | None:
        """By its digest."""
        found = self._select(_ORDERS.c.digest == digest, limit=1)
        return found[0] if found else None

    def page(self, after: int, limit: int, trader: str | None = None) -> list[Kept]:
        """Oldest first, from the one after `after` on."""
        conditions = [_ORDERS.c.number > after]
        if trader is not None:
            conditions.append(_ORDERS.c.trader == trader)
        return self._select(*conditions, limit=limit)

    def remove(self, digests: Sequence[bytes]) -> None:
        """Those that are not there are gone already."""
        if digests:
            with self._engine.begin() as connection:
                connection.execute(delete(_ORDERS).where(*self._own(_ORDERS.c.digest.in_(digests))))

    def count(self) -> int:
        """All that are kept."""
        with self._engine.connect() as connection:
            counted = select(func.count()).select_from(_ORDERS).where(*self._own())
            return int(connection.execute(counted).scalar_one())

    def _own(self, *conditions: Condition) -> list[Condition]:
        return [_ORDERS.c.chain_id == self._chain_id, _ORDERS.c.pool.in_(self._pools), *conditions]

    def _select(self, *conditions: Condition, limit: int) -> list[Kept]:
        columns = [
            _ORDERS.c[name] for name in ("number", "digest", "is_long", "encoded", "signature")
        ]
        query = select(*columns).where(*self._own(*conditions)).order_by(_ORDERS.c.number)
        with self._engine.connect() as connection:
            rows = connection.execute(query.limit(limit)).all()
        return [
            Kept(r.digest, r.is_long, decode_struct(Order, r.encoded), r.signature, r.number)
            for r in rows
        ]


def _engine(url: str) -> Engine:
    parsed = make_url(url)
    if parsed.get_backend_name() != "sqlite":
        return create_engine(parsed, pool_pre_ping=True)
    if parsed.database in (None, "", ":memory:"):
        # One connection, or every thread would have a database of its own.
        return create_engine(
            parsed, poolclass=StaticPool, connect_args={"check_same_thread": False}
        )
    return create_engine(parsed)


def removal_text(digest: bytes, chain_id: int) -> str:
    """What a trader signs (as a text, EIP-191) to have an order removed here."""
    return f"Prep: remove order 0x{digest.hex()} on chain {chain_id}"


def removal_hash(digest: bytes, chain_id: int) -> bytes:
    """What contracts that sign (ERC-1271) are asked about."""
    return bytes(defunct_hash_message(text=removal_text(digest, chain_id)))


def removal_signer(digest: bytes, chain_id: int, signature: bytes) -> str | None:
    """Whose key signed; None if that is no signature."""
    return recover_from(encode_defunct(text=removal_text(digest, chain_id)), signature)
