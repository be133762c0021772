"""Rounds without end: one with every block or after every interval, until told to stop.

A node that goes away costs a line for each attempt and longer and longer waits between them, and
nothing else.
"""

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from logging import INFO, WARNING
from threading import Event
from typing import Any, Final

from prep.keeper.chain import NodeError
from prep.keeper.journal import Journal
from prep.keeper.keeper import Keeper
from prep.keeper.log import log
from prep.keeper.report import Report

FIRST_RETRY: Final = 1.0
"""Seconds after which a node that failed is asked again; doubled with each failure in a row."""
LAST_RETRY: Final = 60.0
"""Seconds between attempts at most."""
BLOCK_POLL: Final = 1.0
"""Seconds between looks for a new block."""


def retry_delay(failures: int) -> float:
    """Seconds to wait after this many failures in a row, at least one."""
    return min(LAST_RETRY, FIRST_RETRY * 2.0 ** min(failures - 1, 32))


def run(keeper: Keeper, stop: Event, *, once: bool = False, interval: float | None = None) -> bool:
    """Rounds until `stop` is set; after each, waits `interval` seconds or, without one, for the
    next block. With `once` a single round. Whether that went without errors; being stopped is none,
    whatever the last round was about."""
    failures = 0
    journal = Journal()
    report = None
    while not stop.is_set():
        report = keeper.step()
        if not report.unreachable:
            if failures:
                log(INFO, "node-is-back", attempts=failures)
            failures = 0
        journal.write(report)
        if once:
            break
        if report.unreachable:
            failures += 1
            delay = retry_delay(failures)
            log(WARNING, "node-failed", reason=report.unreachable, retry_in=f"{delay:g}s")
            stop.wait(delay)
        elif interval is not None:
            stop.wait(interval)
        else:
            _await_block(keeper, report, stop)
    if stop.is_set():
        log(INFO, "stopped")
    if report is None or not once:
        return True
    interrupted = report.interrupted or report.credit.interrupted or report.margin.interrupted
    margin = report.margin.snapshot
    failed = report.errors or interrupted or (margin is not None and margin.differing)
    return not (failed or report.unreachable)


def _await_block(keeper: Keeper, report: Report, stop: Event) -> None:
    """Until the node has another block than the one of the report, or fails: then the next round
    deals with it."""
    assert report.snapshot is not None
    while not stop.wait(BLOCK_POLL):
        try:
            if keeper.chain.block_number() != report.snapshot.block:
                return
        except NodeError:
            return


@contextmanager
def stopped_by_signals(stop: Event) -> Iterator[None]:
    """SIGINT and SIGTERM set `stop`: what is being done is finished, and nothing new begun."""

    def handle(_signal: int, _frame: Any) -> None:
        stop.set()

    before = {number: signal.signal(number, handle) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
