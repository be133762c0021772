"""Serves signed quotes for asset-backed positions over HTTP, until it is told to stop.

Who signs is an account of Ape (--account) or the key in PREP_QUOTES_KEY. See docs/quotes.md.
"""

from ipaddress import ip_network
from pathlib import Path

import click
from ape.api import ProviderAPI

from prep.connect import chain_id, connect, friendly_errors, is_local, network_option
from prep.deploy.record import FOLDER, Deployment, record_path
from prep.errors import UserError
from prep.quotes.config import Settings

QUOTES = FOLDER / "quotes"


def _deployment(provider: ProviderAPI, chain: int, folder: Path) -> Deployment | None:
    """If one is recorded: settings can do without."""
    if not record_path(chain, folder).exists():
        return None
    deployment = Deployment.load(chain, folder)
    deployment.check_chain(provider)
    return deployment


def _addresses(_: click.Context, __: click.Parameter, given: tuple[str, ...]) -> tuple[str, ...]:
    """A name would be compared with clients' addresses, and be none of them."""
    for text in given:
        try:
            ip_network(text, strict=False)
        except ValueError:
            raise click.BadParameter(
                f"{text} is no address such as 10.0.0.7 or 10.0.0.0/8"
            ) from None
    return given


@click.command(help=__doc__)
@network_option
@click.option(
    "--config",
    type=click.Path(path_type=Path, dir_okay=False),
    help="The settings.  [default: deployments/quotes/<chain id>.yml, local.yml on local chains]",
)
@click.option(
    "--account",
    "alias",
    metavar="ALIAS",
    help="Who signs: an account of `ape accounts`, unlocked by APE_ACCOUNTS_<ALIAS>_PASSPHRASE, or "
    "on local chains TEST::<n>. Without: the key in PREP_QUOTES_KEY.",
)
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen at.")
@click.option(
    "--port",
    type=click.IntRange(0, 65_535),
    default=8_010,
    show_default=True,
    help="0: any that is free.",
)
@click.option(
    "--trusted-proxy",
    "proxies",
    multiple=True,
    metavar="ADDRESS",
    callback=_addresses,
    help="Whose X-Forwarded-For names the client: an IP address or a network.",
)
@click.option(
    "--folder",
    type=click.Path(path_type=Path),
    default=FOLDER,
    show_default=True,
    help="Where <chain id>.json is, for what the settings do not say.",
)
@friendly_errors()
def cli(
    network: str | None,
    config: Path | None,
    alias: str | None,
    host: str,
    port: int,
    proxies: tuple[str, ...],
    folder: Path,
) -> None:
    from prep.quotes.serve import build, serve

    with connect(network) as provider:
        chain = chain_id(provider)
        path = config or QUOTES / f"{'local' if is_local(chain) else chain}.yml"
        settings = Settings.load(path, _deployment(provider, chain, folder))
        uri = provider.http_uri
        if uri is None:
            raise UserError("the network's node has no HTTP address")
        service = build(settings, uri, alias)
        serve(service, host, port, proxies)
