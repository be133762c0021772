"""Replays actions through the reference model and through the contracts, and compares every digit.

Starts a chain of its own, deploys the contracts as the configuration says and carries out the
actions at the given times. Exit code 0: nothing differs; 1: something does; 2: an action was
rejected without --keep-going, or the input cannot be used. docs/replay.md has the formats.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import click
from ape import accounts, project
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from prep.connect import connect, friendly_errors, without_steps
from prep.errors import UserError
from prep.node import Node
from prep.replay.contracts import Contracts, Stage
from prep.replay.formats import read_actions, read_config
from prep.replay.plan import Plan
from prep.replay.reference import Reference
from prep.replay.report import PAGE, prepare, verdict, write
from prep.replay.run import SUCCESS, Outcome, replay
from prep.replay.snapshots import read_fields

LOCAL = "ethereum:local:foundry"
MOST_LINES = 50
"""Of differences and of rejections that are printed. The report has all."""

FILE = click.Path(path_type=Path)


@contextmanager
def not_a_difference() -> Iterator[None]:
    """Exit code 1 says that something differs, and nothing else does."""
    try:
        yield
    except UserError as error:
        error.exit_code = 2
        raise


@click.command(help=__doc__)
@click.option("--config", "config_file", type=FILE, required=True, help="Markets and rates.")
@click.option("--actions", "actions_file", type=FILE, required=True, help="What happens, in order.")
@click.option("--out", type=FILE, required=True, help="Folder of snapshots and report.")
@click.option("--expected", type=FILE, help="Snapshots made elsewhere, to be compared as well.")
@click.option("--keep-going", is_flag=True, help="Go on after a rejected action.")
@not_a_difference()
@friendly_errors()
def cli(
    config_file: Path, actions_file: Path, out: Path, expected: Path | None, keep_going: bool
) -> None:
    config = read_config(config_file)
    plan = Plan.of(config, read_actions(actions_file, config))
    wanted = None if expected is None else read_fields(expected)
    prepare(out)
    outcome = _perform(plan, keep_going)
    if wanted is not None:
        outcome.compare_expected("expected", wanted)
    write(outcome, out)
    _show(outcome, out)
    if outcome.exit_code != SUCCESS:
        raise SystemExit(outcome.exit_code)


def _perform(plan: Plan, keep_going: bool) -> Outcome:
    console = Console(stderr=True, highlight=False)
    bar = Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[rate]}"),
        TimeElapsedColumn(),
        console=console,
        transient=True,
        disable=not console.is_terminal,
    )
    with bar, without_steps(), connect(LOCAL) as provider:
        task = bar.add_task("deploying", total=len(plan.actions), rate="")
        stage = Stage.build(project, Node(provider.uri), accounts.test_accounts[0].address)
        contracts = Contracts(plan, stage)
        bar.update(task, description="replaying")

        def show(outcome: Outcome) -> None:
            bar.update(task, completed=outcome.performed, rate=f"{outcome.rate:.0f} a second")

        return replay(plan, Reference(plan), contracts, keep_going=keep_going, on_step=show)


def _show(outcome: Outcome, out: Path) -> None:
    for lines in (outcome.rejections, outcome.differences):
        for line in lines[:MOST_LINES]:
            click.echo(str(line))
        if len(lines) > MOST_LINES:
            click.echo(f"… and {len(lines) - MOST_LINES} more: {out / PAGE}")
    total, snapshots = len(outcome.plan.actions), len(outcome.model)
    click.echo(
        f"{outcome.performed} of {total} actions, {snapshots} snapshots, "
        f"{outcome.rate:.0f} actions a second through the contracts"
    )
    click.echo(f"{verdict(outcome)} Report: {out / PAGE}")
