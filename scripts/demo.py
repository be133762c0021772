"""Shows the suite at work: a crowd trades through a crash, and at the end the money is counted.

Starts a chain of its own, deploys everything, lets traders, LPs and the liquidation keeper act on
every price, and writes a report. Without --prices the crash is made up. The same prices, seed and
number of traders give the same numbers on every machine.
"""

from datetime import date, datetime
from pathlib import Path

import click
from ape import accounts, project
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from prep.connect import connect, friendly_errors, without_steps
from prep.demo.credit_text import headlines
from prep.demo.outcome import Outcome, Sample
from prep.demo.prices import DEFAULT_HOURS, MAX_HOURS, PricePath, read_path, synthetic_path
from prep.demo.report import write
from prep.demo.setup import DEFAULT_SEED, DEFAULT_TRADERS, MAX_TRADERS, prepare
from prep.demo.text import dollars, period
from prep.errors import UserError

RECORD = "deployment.json"
LOCAL = "ethereum:local:foundry"
DAY = click.DateTime(["%Y-%m-%d"])


@click.command(help=__doc__)
@click.option(
    "--prices",
    "file",
    type=click.Path(path_type=Path),
    help="CSV with columns timestamp,open,high,low,close: hourly, in Unix seconds.",
)
@click.option(
    "--from",
    "first",
    type=DAY,
    metavar="YYYY-MM-DD",
    help="First day of the prices used, UTC.",
)
@click.option(
    "--to",
    "last",
    type=DAY,
    metavar="YYYY-MM-DD",
    help="Last day of the prices used, UTC, included.",
)
@click.option(
    "--hours",
    type=click.IntRange(1, MAX_HOURS),
    help=f"Length, instead of --to.  [default: {DEFAULT_HOURS}]",
)
@click.option("--seed", type=click.IntRange(0), default=DEFAULT_SEED, show_default=True)
@click.option(
    "--traders", type=click.IntRange(1, MAX_TRADERS), default=DEFAULT_TRADERS, show_default=True
)
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    default=Path("out/demo"),
    show_default=True,
    help="Folder of the report.",
)
@friendly_errors()
def cli(
    file: Path | None,
    first: datetime | None,
    last: datetime | None,
    hours: int | None,
    seed: int,
    traders: int,
    out: Path,
) -> None:
    path = _path(file, first and first.date(), last and last.date(), hours, seed)
    console = Console(stderr=True, highlight=False)
    for note in path.notes:
        console.print(note)
    _clear(out)
    outcome = _perform(path, seed, traders, out, console)
    page, numbers = write(outcome, out)
    _show(outcome)
    click.echo(f"Report:  {page}\nNumbers: {numbers}")
    if outcome.unexplained:
        failed = [c.title for c in outcome.checks if c.difference]
        raise UserError(f"the money does not add up: {'; '.join(failed)}")


def _path(
    file: Path | None, first: date | None, last: date | None, hours: int | None, seed: int
) -> PricePath:
    if file is not None:
        return read_path(file, first, last, hours)
    if first is not None or last is not None:
        raise UserError("--from and --to choose from a file: name it with --prices")
    return synthetic_path(seed, DEFAULT_HOURS if hours is None else hours)


def _clear(folder: Path) -> None:
    """The record of an earlier run is about a chain that is gone."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        (folder / RECORD).unlink(missing_ok=True)
    except OSError as error:
        raise UserError(f"{folder} cannot be written: {error.strerror}") from None


def _perform(path: PricePath, seed: int, traders: int, out: Path, console: Console) -> Outcome:
    bar = Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.fields[state]}"),
        TimeElapsedColumn(),
        console=console,
        transient=True,
        disable=not console.is_terminal,
    )
    with bar, without_steps(), connect(LOCAL) as provider:
        task = bar.add_task("compiling", total=len(path.prices), state="")
        director, keeper = accounts.test_accounts[0], accounts.test_accounts[1]
        demo = prepare(
            project,
            provider,
            director,
            keeper,
            path,
            seed,
            traders,
            out / RECORD,
            lambda step: bar.update(task, description=step),
        )

        def show(sample: Sample) -> None:
            state = (
                f"{dollars(path.prices[sample.step])}, {len(sample.reading.positions)} positions, "
                f"{len(demo.liquidations)} liquidations"
            )
            bar.update(task, completed=sample.step + 1, description="trading", state=state)

        return demo.run(show)


def _show(outcome: Outcome) -> None:
    table = Table(title=period(outcome), show_header=False, title_justify="left")
    for label, value, remark in headlines(outcome):
        table.add_row(label, f"[bold]{value}", remark)
    Console(highlight=False).print(table)
