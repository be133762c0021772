"""What the index keeps, in any database that SQLAlchemy speaks to."""

from typing import Any, Final

from sqlalchemy import BigInteger, ForeignKey, Integer, String, UniqueConstraint
from sqlalchemy.engine import Dialect
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column
from sqlalchemy.types import TypeDecorator

_DIGITS: Final = 78
"""Of the largest uint256."""
_ADDRESS: Final = 42
_HASH: Final = 66


class Uint256(TypeDecorator[int]):
    """A number that no database keeps exactly: as its decimal digits. Not to be ordered by."""

    impl = String(_DIGITS)
    cache_ok = True

    def process_bind_param(self, value: int | None, dialect: Dialect) -> str | None:
        """As it is stored."""
        return None if value is None else str(value)

    def process_result_value(self, value: Any, dialect: Dialect) -> int | None:
        """As it was."""
        return None if value is None else int(value)


class Base(DeclarativeBase):
    """All tables here."""


class Deployment(Base):
    """The two pools of one chain, and how far their events were read. A database may hold several
    of these."""

    __tablename__ = "margin_deployments"
    __table_args__ = (UniqueConstraint("chain_id", "long_pool", "short_pool"),)

    key: Mapped[int] = mapped_column(Integer, primary_key=True)
    chain_id: Mapped[int] = mapped_column(BigInteger)
    long_pool: Mapped[str] = mapped_column(String(_ADDRESS))
    short_pool: Mapped[str] = mapped_column(String(_ADDRESS))
    version: Mapped[int] = mapped_column(BigInteger, default=0)
    """One more with every change: two that write at once are found out by it."""


class BlockRow(Base):
    """A block whose events, and those of all before it, are in. The last ones are all here, and of
    those that the chain does not replace any more, one."""

    __tablename__ = "margin_blocks"

    deployment: Mapped[int] = mapped_column(
        ForeignKey(Deployment.key, ondelete="CASCADE"), primary_key=True
    )
    number: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    hash: Mapped[str] = mapped_column(String(_HASH))


class VersionRow(Base):
    """A position as a block left it."""

    __tablename__ = "margin_versions"

    deployment: Mapped[int] = mapped_column(
        ForeignKey(Deployment.key, ondelete="CASCADE"), primary_key=True
    )
    pool: Mapped[str] = mapped_column(String(_ADDRESS), primary_key=True)
    id: Mapped[int] = mapped_column(Uint256, primary_key=True)
    block: Mapped[int] = mapped_column(
        BigInteger, primary_key=True, autoincrement=False, index=True
    )
    is_open: Mapped[bool]
    trader: Mapped[str] = mapped_column(String(_ADDRESS))
    base: Mapped[str] = mapped_column(String(_ADDRESS))
    quote: Mapped[str] = mapped_column(String(_ADDRESS))
    principal: Mapped[int] = mapped_column(Uint256)
    collateral: Mapped[int] = mapped_column(Uint256)
    last_funding_timestamp: Mapped[int] = mapped_column(Uint256)
    nonce: Mapped[int] = mapped_column(Uint256)
    mark_from: Mapped[int] = mapped_column(Uint256)
    """When anyone may liquidate it; 0 and 0 without a mark."""
    mark_until: Mapped[int] = mapped_column(Uint256)
