"""Which positions margin clients may have: what the protocol's events say.

Candidates only: whether there is a position is asked again before anything is decided, so one too
many does no harm. To miss none, the events of the last blocks are read again in every round, since
the chain may have replaced these, and what is kept on disk counts only on the same chain.
"""

import os
from logging import WARNING
from pathlib import Path
from threading import Event
from typing import Any, Final

from eth_utils.address import to_checksum_address
from pydantic import BaseModel, ConfigDict, Field

from prep.keeper.chain import Chain
from prep.keeper.log import log
from prep.keeper.snapshot import MarginKey

REORG_DEPTH: Final = 100
"""Blocks that the chain may still replace."""
SAVE_EVERY: Final = 1_000
"""Blocks after which what is known is written down again."""


class _Saved(BaseModel):
    """The file. Numbers as decimal strings where they may be larger than readers keep exact."""

    model_config = ConfigDict(extra="forbid", strict=True)

    chain_id: int
    protocol: str
    block: int = Field(ge=0)
    """All positions that were open after it are in `open`."""
    hash: str
    """Of that block."""
    open: list[tuple[str, str, int]]


class Candidates:
    """Keys of margin positions that may be open, from `first_block` on. With a file they survive
    a restart."""

    def __init__(
        self,
        chain: Chain,
        protocol: Any,
        first_block: int,
        chain_id: int = 0,
        file: Path | None = None,
        stop: Event | None = None,
    ) -> None:
        self._chain = chain
        self._protocol = protocol
        self._first = first_block
        self._chain_id = chain_id
        self._file = file
        self._stop = stop or Event()
        self._flat_since: dict[MarginKey, int | None] = {}
        self._next = first_block
        self._saved = first_block
        self._loaded = file is None

    def update(self, head: int, block_range: int) -> bool:
        """Reads events up to the block `head`. Whether it got there: it is told to stop otherwise.

        What was read stays when the node fails on the way.
        """
        if not self._loaded:
            self._load(head)
            self._loaded = True
        first = max(self._first, min(self._next, head + 1 - REORG_DEPTH))
        for key, since in self._flat_since.items():
            if since is not None and since >= first:
                self._flat_since[key] = None  # read again, if it is still so
        while first <= head:
            if self._stop.is_set():
                return False
            last = min(head, first + block_range - 1)
            for event in self._chain.logs(self._protocol, "OrderExecuted", first, last):
                client, account, market_id = event.indexed
                ((*_, position),) = event.data
                key = MarginKey(to_checksum_address(client), account, market_id)
                self._flat_since[key] = None if position[0] else event.block
            self._next = first = last + 1
            self._forget(last - REORG_DEPTH)
            self._save(last - REORG_DEPTH)
        return True

    @property
    def keys(self) -> list[MarginKey]:
        """In order."""
        return sorted(self._flat_since)

    def _forget(self, block: int) -> None:
        """Those that have been flat since this block or before: nothing replaces that any more."""
        gone = [
            key for key, since in self._flat_since.items() if since is not None and since <= block
        ]
        for key in gone:
            del self._flat_since[key]

    # ------------------------------------------------------------------------------------- on disk

    def _load(self, head: int) -> None:
        """Goes on from the file, if it is about this chain. Raises `NodeError` only."""
        assert self._file is not None
        try:
            saved = _Saved.model_validate_json(self._file.read_text(encoding="utf-8"))
            keys = [MarginKey(to_checksum_address(c), int(a), m) for c, a, m in saved.open]
        except FileNotFoundError:
            return
        except (OSError, ValueError) as error:
            what = "is not what was written" if isinstance(error, ValueError) else str(error)
            self._complain(what)
            return
        about = saved.chain_id, saved.protocol
        same = about == (self._chain_id, self._protocol.address) and saved.block <= head
        if not same or self._chain.block_hash(saved.block) != saved.hash:
            self._complain("is about another chain")
        else:
            self._flat_since = dict.fromkeys(keys)
            self._next = saved.block + 1
            self._saved = saved.block

    def _save(self, block: int) -> None:
        """Writes down what is known, as of a block that stays. One file replaces the other, so that
        an interruption leaves a whole one."""
        if self._file is None or block < self._saved + SAVE_EVERY:
            return
        saved = _Saved(
            chain_id=self._chain_id,
            protocol=self._protocol.address,
            block=block,
            hash=self._chain.block_hash(block),
            open=[(key.client, str(key.account), key.market_id) for key in self.keys],
        )
        new = self._file.with_name(f"{self._file.name}.{os.getpid()}.new")
        try:
            self._file.parent.mkdir(parents=True, exist_ok=True)
            new.write_text(saved.model_dump_json(), encoding="utf-8")
            new.replace(self._file)
        except OSError as error:
            self._complain(f"cannot be written: {error}")
        self._saved = block

    def _complain(self, what: str) -> None:
        log(WARNING, "events-file", path=self._file, reason=what)
