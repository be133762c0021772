"""Makes up a scenario for `ape run replay`: a configuration and a list of actions.

The same seed gives the same files everywhere. Nothing in them is rejected, unless --with-rejections
asks for actions that are.
"""

from pathlib import Path

import click

from prep.replay.generate import generate, write

MOST = 100_000


@click.command(help=__doc__)
@click.option("--seed", type=click.IntRange(0), required=True)
@click.option("--actions", "count", type=click.IntRange(2, MOST), default=200, show_default=True)
@click.option("--out", type=click.Path(path_type=Path), required=True, help="Folder of the files.")
@click.option("--with-rejections", is_flag=True, help="Keep actions that the protocol rejects.")
def cli(seed: int, count: int, out: Path, with_rejections: bool) -> None:
    config, actions = write(out, *generate(seed, count, with_rejections=with_rejections))
    click.echo(f"Configuration: {config}\nActions:       {actions}")
