"""The index on disk. Every change is one transaction, which a crash leaves undone or done."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from sqlalchemy import create_engine, delete, func, insert, select, update
from sqlalchemy.exc import ArgumentError, IntegrityError, SQLAlchemyError
from sqlalchemy.orm import Session

from prep.margin.data import Position
from prep.margin.index_events import Block, Event, Indexed, Key, Mark, Marked
from prep.margin.index_tables import Base, BlockRow, Deployment, VersionRow


class StoreError(Exception):
    """The database cannot be used."""


class Conflict(StoreError):  # noqa: N818 - an outcome, not a failure
    """Something else has written meanwhile. What it wrote is as good: look again."""


class Store:
    """What is known of the two pools of one chain."""

    def __init__(self, url: str, chain_id: int, long_pool: str, short_pool: str) -> None:
        """Creates what is missing. Raises `StoreError`."""
        try:
            self._engine = create_engine(url)
        except (ArgumentError, ImportError) as error:
            # Neither says more than it should: a URL may hold a password.
            raise StoreError(f"no database by this URL: {type(error).__name__}") from error
        self._about = {"chain_id": chain_id, "long_pool": long_pool, "short_pool": short_pool}
        with _errors():
            Base.metadata.create_all(self._engine)
            self._key, self._version = self._load() or self._create()

    def close(self) -> None:
        """Lets go of the database."""
        self._engine.dispose()

    # ---------------------------------------------------------------------------------------- reads

    def blocks(self) -> list[Block]:
        """Those that are kept, the newest first. What is known is as of that one."""
        with self._reading() as session:
            rows = session.execute(
                select(BlockRow.number, BlockRow.hash)
                .where(BlockRow.deployment == self._key)
                .order_by(BlockRow.number.desc())
            )
            return [Block(number, hash_) for number, hash_ in rows]

    def positions(self) -> list[Indexed]:
        """The open ones, by pool and id."""
        with self._reading() as session:
            return sorted(self._latest(session).values(), key=lambda found: found.key)

    # -------------------------------------------------------------------------------------- changes

    def extend(self, blocks: Sequence[Block], events: Sequence[Event], keep_from: int) -> None:
        """The blocks that follow, or the last one of several, with all events since. What was
        before `keep_from` is no longer kept in versions."""
        with self._changing() as session:
            current = self._latest(session) if events else {}
            versions: dict[tuple[Key, int], dict[str, Any]] = {}
            for event in events:
                if (found := _after(current.get(event.key), event)) is not None:
                    versions[event.key, event.block] = self._row(found, event.block)
                    current[event.key] = found
                    if not found.is_open:
                        del current[event.key]
            if versions:
                session.execute(insert(VersionRow), list(versions.values()))
            rows = [{"deployment": self._key, "number": b.number, "hash": b.hash} for b in blocks]
            session.execute(insert(BlockRow), rows)
            self._prune(session, keep_from)

    def roll_back(self, to: Block | None) -> None:
        """To a block that is kept; None: to nothing at all."""
        number = -1 if to is None else to.number
        with self._changing() as session:
            session.execute(
                delete(VersionRow).where(
                    VersionRow.deployment == self._key, VersionRow.block > number
                )
            )
            session.execute(
                delete(BlockRow).where(BlockRow.deployment == self._key, BlockRow.number > number)
            )

    # ------------------------------------------------------------------------------------- versions

    def _latest(self, session: Session) -> dict[Key, Indexed]:
        """Of each position that is open the last version."""
        newest = (
            select(VersionRow.pool, VersionRow.id, func.max(VersionRow.block).label("block"))
            .where(VersionRow.deployment == self._key)
            .group_by(VersionRow.pool, VersionRow.id)
            .subquery()
        )
        rows = (
            select(VersionRow)
            .join(
                newest,
                (VersionRow.pool == newest.c.pool)
                & (VersionRow.id == newest.c.id)
                & (VersionRow.block == newest.c.block),
            )
            .where(VersionRow.deployment == self._key, VersionRow.is_open)
        )
        found = [_indexed(row) for row in session.scalars(rows)]
        return {indexed.key: indexed for indexed in found}

    def _row(self, indexed: Indexed, block: int) -> dict[str, Any]:
        position, mark = indexed.position, indexed.mark
        return {
            "deployment": self._key,
            "pool": indexed.pool,
            "id": position.id,
            "block": block,
            "is_open": indexed.is_open,
            "trader": position.trader,
            "base": position.base,
            "quote": position.quote,
            "principal": position.principal,
            "collateral": position.collateral,
            "last_funding_timestamp": position.last_funding_timestamp,
            "nonce": position.nonce,
            "mark_from": mark.start if mark else 0,
            "mark_until": mark.until if mark else 0,
        }

    def _prune(self, session: Session, keep_from: int) -> None:
        """Keeps one block at or before `keep_from`, to which all can be rolled back, and of each
        position what it was then."""
        of_blocks, of_versions = (
            BlockRow.deployment == self._key,
            VersionRow.deployment == self._key,
        )
        old = session.scalars(
            select(BlockRow.number)
            .where(of_blocks, BlockRow.number <= keep_from)
            .order_by(BlockRow.number)
        ).all()
        if not old:
            return
        last = old[-1]
        session.execute(delete(BlockRow).where(of_blocks, BlockRow.number < last))
        # At most one version of each is at or before the first of `old`: that of the time before.
        since = old[0] if len(old) > 1 else -1
        changed = session.execute(
            select(VersionRow.pool, VersionRow.id, VersionRow.block, VersionRow.is_open)
            .where(of_versions, VersionRow.block > since, VersionRow.block <= last)
            .order_by(VersionRow.block)
        )
        newest = {(pool, id_): (block, is_open) for pool, id_, block, is_open in changed}
        for (pool, id_), (block, is_open) in newest.items():
            superseded = VersionRow.block < block if is_open else VersionRow.block <= block
            session.execute(
                delete(VersionRow).where(
                    of_versions, VersionRow.pool == pool, VersionRow.id == id_, superseded
                )
            )

    # --------------------------------------------------------------------------------- transactions

    @contextmanager
    def _reading(self) -> Iterator[Session]:
        with _errors(), Session(self._engine) as session:
            yield session

    @contextmanager
    def _changing(self) -> Iterator[Session]:
        """A transaction that is refused when something else has written since the last one."""
        with _errors(), Session(self._engine) as session, session.begin():
            mine = (Deployment.key == self._key) & (Deployment.version == self._version)
            done: Any = session.execute(
                update(Deployment).where(mine).values(version=Deployment.version + 1)
            )
            if done.rowcount != 1:
                self._version = session.scalars(
                    select(Deployment.version).where(Deployment.key == self._key)
                ).one()
                raise Conflict("another process writes to the database of positions too")
            yield session
        self._version += 1

    def _load(self) -> tuple[int, int] | None:
        with Session(self._engine) as session:
            row = session.scalars(select(Deployment).filter_by(**self._about)).one_or_none()
            return None if row is None else (row.key, row.version)

    def _create(self) -> tuple[int, int]:
        try:
            with Session(self._engine) as session, session.begin():
                session.add(Deployment(**self._about))
        except IntegrityError:
            pass  # another process was first
        found = self._load()
        assert found is not None
        return found


def _after(before: Indexed | None, event: Event) -> Indexed | None:
    """A position after an event. None: of this one nothing is known, as the node left out what
    opened it."""
    if isinstance(event, Marked):
        return before and Indexed(before.pool, before.position, event.mark)
    return Indexed(event.pool, event.position, before.mark if before else None)


def _indexed(row: VersionRow) -> Indexed:
    position = Position(
        id=row.id,
        trader=row.trader,
        base=row.base,
        quote=row.quote,
        principal=row.principal,
        collateral=row.collateral,
        last_funding_timestamp=row.last_funding_timestamp,
        nonce=row.nonce,
    )
    mark = Mark(row.mark_from, row.mark_until) if row.mark_until else None
    return Indexed(row.pool, position, mark)


@contextmanager
def _errors() -> Iterator[None]:
    try:
        yield
    except SQLAlchemyError as error:
        # The first line: what follows are statements and a link.
        raise StoreError(str(error).splitlines()[0]) from error
