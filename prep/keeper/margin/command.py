"""The options of `ape run keeper` about asset-backed positions."""

import re
from collections.abc import Callable
from dataclasses import dataclass, fields
from functools import wraps
from pathlib import Path
from typing import Any, Final

import click

from prep.connect import load_account
from prep.deploy.record import Deployment
from prep.errors import UserError
from prep.keeper.margin.clerk import ToWatch
from prep.keeper.margin.orders import OrderSource, OwnSigner, QuoteService
from prep.keeper.margin.rules import DAY, Rules
from prep.margin.typed import Domain
from prep.quotes.client import QuoteClient
from prep.quotes.config import TOKEN, Settings, secret

DATABASE: Final = "PREP_KEEPER_DATABASE"
"""Environment variable with the URL of the database of positions."""
_HTTP: Final = re.compile(r"https?://[^/\s]")
_OPTIONS: Final = (
    click.option(
        "--margin",
        "margin_file",
        type=click.Path(path_type=Path, dir_okay=False, exists=True),
        metavar="FILE",
        help="Serve asset-backed positions: the settings file of the quote service, for pools, "
        "exchange and routes. Positions are kept in the database of PREP_KEEPER_DATABASE, a URL.  "
        "[default of that: SQLite in .cache/keeper]",
    ),
    click.option(
        "--quotes",
        "quotes_url",
        metavar="URL",
        help="With --margin: execute the take-profits and stop-losses of this quote service, which "
        "signs the closing too. Its token is taken from PREP_QUOTES_TOKEN.",
    ),
    click.option(
        "--order-signer",
        metavar="ALIAS",
        help="With --quotes: sign the closing with this account instead.",
    ),
    click.option(
        "--room",
        type=click.IntRange(0, 10_000),
        default=Rules().room,
        show_default=True,
        help="Basis points by which an asset-backed position must be beyond its threshold, and a "
        "price beyond an order's.",
    ),
    click.option(
        "--slippage",
        type=click.IntRange(0, 10_000),
        default=Rules().slippage,
        show_default=True,
        help="Basis points by which a swap may be worse than it was quoted.",
    ),
    click.option(
        "--record-interval",
        type=click.IntRange(0, 365 * DAY),
        default=Rules().record_interval,
        show_default=True,
        help="Seconds after which the interest of a position is recorded; 0: never.",
    ),
    click.option(
        "--record-batch",
        type=click.IntRange(1, 200),
        default=Rules().record_batch,
        show_default=True,
        help="Positions whose interest is recorded with one transaction.",
    ),
)


@dataclass(frozen=True, slots=True)
class MarginOptions:
    """What was given."""

    margin_file: Path | None
    quotes_url: str | None
    order_signer: str | None
    room: int
    slippage: int
    record_interval: int
    record_batch: int


def margin_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Adds the options; the command gets them together, as `margin`."""

    @wraps(command)
    def with_margin(**options: Any) -> Any:
        names = [field.name for field in fields(MarginOptions)]
        margin = MarginOptions(**{name: options.pop(name) for name in names})
        return command(margin=margin, **options)

    for option in reversed(_OPTIONS):
        with_margin = option(with_margin)
    return with_margin


def to_watch(options: MarginOptions, deployment: Deployment, cache: Path) -> ToWatch | None:
    """None: nothing was asked for. Positions are kept in a file in `cache`, unless the environment
    names a database. Raises `UserError`."""
    if options.quotes_url is None and options.order_signer is not None:
        raise UserError("--order-signer signs what --quotes asks for: give that too")
    if options.margin_file is None:
        if options.quotes_url is not None:
            raise UserError("--quotes is about asset-backed positions: give --margin")
        return None
    settings = Settings.load(options.margin_file, deployment)
    if settings.chain_id != deployment.chain_id:
        raise UserError(f"{options.margin_file}: is about chain {settings.chain_id}")
    database = secret(DATABASE)
    if database is None:
        cache.mkdir(parents=True, exist_ok=True)
        file = cache / f"{deployment.chain_id}-{settings.pools.long}.sqlite"
    return ToWatch(
        settings=settings,
        prep=deployment.address("PrepToken"),
        database=database.get_secret_value() if database else f"sqlite:///{file}",
        first_block=_first_block(deployment, settings),
        rules=Rules(
            room=options.room,
            slippage=options.slippage,
            record_interval=options.record_interval,
            record_batch=options.record_batch,
        ),
        orders=_orders(options, settings),
    )


def _first_block(deployment: Deployment, settings: Settings) -> int:
    """Where the record has the pools; otherwise they may be as old as the chain."""
    blocks = [0, 0]
    pools = (("LongPool", settings.pools.long), ("ShortPool", settings.pools.short))
    for number, (name, address) in enumerate(pools):
        if name in deployment.contracts and deployment.address(name) == address:
            blocks[number] = deployment.block(name)
    return min(blocks)


def _orders(options: MarginOptions, settings: Settings) -> OrderSource | None:
    if options.quotes_url is None:
        return None
    if not _HTTP.match(options.quotes_url):
        raise UserError("--quotes is no address such as http://127.0.0.1:8010")
    token = secret(TOKEN)
    client = QuoteClient(options.quotes_url, token.get_secret_value() if token else None)
    service = QuoteService(client)
    if options.order_signer is None:
        return service
    pools = {True: settings.pools.long, False: settings.pools.short}
    domains = {side: Domain(pool, side, settings.chain_id) for side, pool in pools.items()}
    signer = load_account(options.order_signer)
    return OwnSigner(service, signer, domains, settings.exchange.router)
