"""Deploys everything, or goes on with a deployment that was interrupted.

A node for more than one command: start `anvil` and name it with --network http://127.0.0.1:8545.
"""

from pathlib import Path

import click
from ape import project
from ape.api import ProviderAPI
from rich.table import Table

from prep.connect import (
    account_option,
    chain_id,
    connect,
    friendly_errors,
    is_local,
    is_temporary,
    load_account,
    network_option,
    without_steps,
)
from prep.deploy.deployer import deploy
from prep.deploy.params import Parameters
from prep.deploy.record import FOLDER, Deployment, record_path, remove_record
from prep.display import console
from prep.errors import UserError

PARAMS = FOLDER / "params"


@click.command(help=__doc__)
@network_option
@account_option
@click.option(
    "--params",
    "params_path",
    type=click.Path(path_type=Path),
    help=f"Parameters file.  [default: {PARAMS}/<network>.yml]",
)
@click.option(
    "--folder",
    type=click.Path(path_type=Path),
    default=FOLDER,
    show_default=True,
    help="Where <chain id>.json is written.",
)
@click.option("--fresh", is_flag=True, help="Start over, on a local chain: forget the record.")
@friendly_errors()
def cli(
    network: str | None, alias: str | None, params_path: Path | None, folder: Path, fresh: bool
) -> None:
    params = Parameters.load(params_path) if params_path else None
    with without_steps(), connect(network) as provider:
        params = params or Parameters.load(_default_params(provider))
        account = load_account(alias)
        path = record_path(chain_id(provider), folder)
        _clear(path, provider, fresh)
        deployment = deploy(project, account, params, path, lambda text: click.echo(text, err=True))
        _show(deployment, path)
        if is_temporary(provider):
            click.echo(
                "This node ends with this command, and the deployment with it. To keep one: start "
                "`anvil` and deploy with --network http://127.0.0.1:8545"
            )


def _default_params(provider: ProviderAPI) -> Path:
    name = "local" if is_local(chain_id(provider)) else provider.network.name
    path = PARAMS / f"{name}.yml"
    if not path.exists():
        raise UserError(f"there is no {path} for chain {chain_id(provider)}: name one by --params")
    return path


def _clear(path: Path, provider: ProviderAPI, fresh: bool) -> None:
    """Removes a record that is of no use, and no other."""
    if fresh:
        if not is_local(chain_id(provider)):
            raise UserError("--fresh is for local chains: elsewhere remove the record by hand")
        remove_record(path)
    elif is_temporary(provider) and path.exists():
        # This node is new, so nothing recorded can be on it.
        if not Deployment.read(path).temporary:
            raise UserError(
                f"{path} is about a node of yours: name it with --network, or start over with "
                "--fresh"
            )
        remove_record(path)


def _show(deployment: Deployment, path: Path) -> None:
    table = Table(title=f"Deployed on chain {deployment.chain_id}", title_justify="left")
    table.add_column("Contract", no_wrap=True)
    table.add_column("Address", no_wrap=True)
    table.add_column("Block", justify="right")
    for name, contract in deployment.contracts.items():
        table.add_row(name, contract.address, str(contract.block))
    output = console()
    output.print(table)
    output.print(f"Recorded in {path}", highlight=False, soft_wrap=True)
