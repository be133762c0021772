"""The service as a process."""

import socket
from collections.abc import Sequence
from pathlib import Path
from threading import Event
from typing import Final

import uvicorn

from prep.errors import UserError
from prep.keeper import stopped_by_signals
from prep.margin.chain import ChainUnreachable, RpcChain
from prep.quotes.app import Service, create_app
from prep.quotes.config import DATABASE, TOKEN, Settings, secret
from prep.quotes.logs import configure, logger
from prep.quotes.orders import OrderStore
from prep.quotes.quoting import Quotes
from prep.quotes.signer import load_signer

CACHE: Final = Path(".cache") / "quotes"
GRACE: Final = 10
"""Seconds that requests have to be answered once the service is told to stop."""


def build(settings: Settings, uri: str, alias: str | None) -> Service:
    """Everything that settings and environment say. Raises `UserError`."""
    signer = load_signer(alias)
    try:
        quotes = Quotes(RpcChain(uri), settings, signer)
    except ChainUnreachable as error:
        raise UserError(str(error)) from error
    pools = [pool.address for pool in quotes.pools.values()]
    store = OrderStore(_database(settings), settings.chain_id, pools)
    return Service(quotes, store, secret(TOKEN))


def _database(settings: Settings) -> str:
    of_environment = secret(DATABASE)
    if of_environment is not None:
        return of_environment.get_secret_value()
    if settings.database is not None:
        return settings.database
    CACHE.mkdir(parents=True, exist_ok=True)
    return f"sqlite:///{CACHE / f'{settings.chain_id}-{settings.pools.long}.db'}"


def serve(service: Service, host: str, port: int, proxies: Sequence[str] = ()) -> None:
    """Until a signal. Raises `UserError` if the address is taken."""
    listener = _listen(host, port)
    configure()
    config = uvicorn.Config(
        create_app(service),
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=bool(proxies),
        forwarded_allow_ips=list(proxies),
        timeout_graceful_shutdown=GRACE,
    )
    address, bound, *_ = listener.getsockname()
    logger().info(
        "started",
        host=address,
        port=bound,
        chain_id=service.quotes.settings.chain_id,
        signer=service.quotes.signer.address,
        pools={side.value: pool.address for side, pool in service.quotes.pools.items()},
    )
    # Uvicorn ends by the signal that it was stopped with, unless somebody else takes it.
    with listener, stopped_by_signals(Event()):
        uvicorn.Server(config).run(sockets=[listener])
    logger().info("stopped")


def _listen(host: str, port: int) -> socket.socket:
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        listener = socket.socket(family, kind, protocol)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(address)
        listener.listen()
    except OSError as error:
        raise UserError(f"cannot listen at {host} port {port}: {error.strerror}") from error
    return listener
