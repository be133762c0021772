"""Runs jobs in parallel: in processes of this machine, or on a Dask cluster that is already there.

A job's result depends on the job alone, so neither the number of workers nor the order matters.
"""

import logging
import sys
import tempfile
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import CancelledError
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import Final

from distributed import Client, LocalCluster, as_completed
from distributed.comm.addressing import parse_address, parse_host_port
from distributed.comm.registry import get_backend
from distributed.scheduler import KilledWorker

from prep.errors import UserError
from prep.stress.results import Outcome
from prep.stress.run import Job, perform

Runner = Callable[[Iterable[Job]], Iterator[Outcome]]
"""Yields the outcomes in the order in which they are ready."""

SCRATCH: Final = Path(".cache")
"""Where local workers may write while they live."""
CONNECT_SECONDS: Final = 5
AHEAD: Final = 4
"""Jobs handed out for each thread: enough to keep it busy, few enough to fit into memory."""


@contextmanager
def runner(workers: int, scheduler: str | None = None) -> Iterator[Runner]:
    """Without a scheduler's address: so many processes of this machine, or for one worker this
    process itself. Nothing of it is left behind."""
    if scheduler is None and workers == 1:
        yield lambda jobs: map(perform, jobs)
        return
    with _quiet(), _local(workers) if scheduler is None else _existing(scheduler) as client:
        yield lambda jobs: _spread(client, jobs)


@contextmanager
def _local(workers: int) -> Iterator[Client]:
    """Processes that only this machine can talk to."""
    try:
        SCRATCH.mkdir(exist_ok=True)
        folder = tempfile.TemporaryDirectory(prefix="dask-", dir=SCRATCH)
    except OSError as error:
        raise UserError(f"{SCRATCH} cannot be written: {error.strerror}") from None
    with folder as scratch, _importable():
        try:
            cluster = LocalCluster(
                n_workers=workers,
                threads_per_worker=1,
                processes=True,
                host="127.0.0.1",
                # There is always a server for health checks; any free port will do.
                dashboard_address="127.0.0.1:0",
                scheduler_kwargs={"dashboard": False},
                local_directory=scratch,
                memory_limit=0,
                silence_logs=logging.CRITICAL,
            )
        except (OSError, RuntimeError) as error:
            raise UserError(f"{workers} local workers do not start: {error}") from error
        with cluster, Client(cluster, set_as_default=False) as client:
            _check_workers(client, "local")
            yield client


@contextmanager
def _existing(scheduler: str) -> Iterator[Client]:
    """A connection; the cluster goes on when it ends."""
    try:
        # A client that is given a bad address takes another ten seconds to fall over.
        scheme, place = parse_address(scheduler)
        get_backend(scheme)
        parse_host_port(place)
    except ValueError as error:
        raise UserError(f"{scheduler} is no Dask address: {error}") from None
    try:
        client = Client(scheduler, timeout=CONNECT_SECONDS, set_as_default=False)
    except OSError as error:
        raise UserError(f"no Dask scheduler answers at {scheduler}: {error}") from error
    with client:
        if not client.nthreads():
            raise UserError(f"the Dask scheduler at {scheduler} has no workers")
        _check_workers(client, scheduler)
        yield client


def _check_workers(client: Client, where: str) -> None:
    """Workers that cannot import what they are sent would wait for ever. So this is not sent."""
    try:
        client.run(exec, f"import {perform.__module__}")
    except ImportError as error:
        raise UserError(f"the {where} workers cannot import this project: {error}") from error


@contextmanager
def _importable() -> Iterator[None]:
    """New processes look for this project where it was found: they get this one's `sys.path`, from
    which Ape has taken the project's folder once it has read the script."""
    root = str(Path(__file__).parents[2])
    sys.path.insert(0, root)
    try:
        yield
    finally:
        sys.path.remove(root)


def _spread(client: Client, jobs: Iterable[Job]) -> Iterator[Outcome]:
    """Hands out the next job when one is done."""
    waiting = iter(jobs)
    first = list(islice(waiting, AHEAD * sum(client.nthreads().values())))
    running = as_completed(client.map(perform, first, pure=False), loop=client.loop)
    try:
        for future in running:
            yield future.result()
            for job in islice(waiting, 1):
                running.add(client.submit(perform, job, pure=False))
    except (KilledWorker, CancelledError, OSError) as error:
        raise UserError(f"the Dask cluster gave up: {error}") from error


@contextmanager
def _quiet() -> Iterator[None]:
    """Dask logs every comma of its conversations, to stderr."""
    logger = logging.getLogger("distributed")
    before = logger.level
    logger.setLevel(logging.CRITICAL)
    try:
        yield
    finally:
        logger.setLevel(before)
