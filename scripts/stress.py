"""Sends many price paths through the reference model and says what became of the LPs' money.

On each path a crowd trades, LPs come and go, and a keeper liquidates and deleverages. Without
--prices the paths are made up. The same options give the same numbers, however many workers there
are. No chain is needed. See docs/stress.md.
"""

import os
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

import click
from click.core import ParameterSource
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TimeRemainingColumn
from rich.table import Table

from prep.demo.prices import DEFAULT_HOURS
from prep.demo.setup import MAX_TRADERS, PARAMS
from prep.deploy.params import Parameters
from prep.deploy.values import unscaled
from prep.display import console
from prep.errors import UserError
from prep.model import ReserveBasis
from prep.model.limits import MAX_TARGET_COLLATERALIZATION_RATIO
from prep.options import WHOLE, Amount, Real
from prep.page import prepare
from prep.stress.paths import REGIMES, MadeUp, Source, crowd_seed, read_slices
from prep.stress.report import Result, write
from prep.stress.results import Outcome
from prep.stress.run import Job, Setting
from prep.stress.text import COLUMNS, headline, rows

MAX_PATHS = 100_000
MAX_HOURS = 24 * 365
MAX_RATE = 20
DAY = click.DateTime(["%Y-%m-%d"])
MADE_UP = ("hours", "regime", "volatility", "drift")
FROM_FILE = ("from", "to", "window")
WITHOUT_EFFECT = ("workers", "scheduler", "out", "help")
"""On the numbers."""
LENGTH = click.IntRange(1, MAX_HOURS)


@click.command(help=__doc__)
@click.option(
    "--paths",
    "count",
    type=click.IntRange(1, MAX_PATHS),
    default=100,
    show_default=True,
    help="How many.",
)
@click.option(
    "--hours",
    type=LENGTH,
    default=DEFAULT_HOURS,
    show_default=True,
    help="Length of a made-up path.",
)
@click.option(
    "--seed", type=click.IntRange(0), default=1, show_default=True, help="Of prices and people."
)
@click.option(
    "--regime",
    type=click.Choice(tuple(REGIMES)),
    default="normal",
    show_default=True,
    help="How made-up prices move.",
)
@click.option(
    "--volatility",
    type=Real(0, MAX_RATE),
    help="Yearly, as a fraction, instead of the regime's: 0.7 is 70 %.",
)
@click.option(
    "--drift",
    type=Real(-MAX_RATE, MAX_RATE),
    help="Yearly, of the price's logarithm, instead of the regime's.",
)
@click.option(
    "--prices",
    "file",
    type=click.Path(path_type=Path),
    help="Slices of this CSV instead: timestamp,open,high,low,close, hourly, in Unix seconds.",
)
@click.option("--from", "first", type=DAY, metavar="YYYY-MM-DD", help="First day used, UTC.")
@click.option("--to", "last", type=DAY, metavar="YYYY-MM-DD", help="Last day used, UTC, included.")
@click.option(
    "--window", type=LENGTH, default=DEFAULT_HOURS, show_default=True, help="Hours of a slice."
)
@click.option(
    "--traders", type=click.IntRange(1, MAX_TRADERS), default=40, show_default=True, help="A path."
)
@click.option(
    "--liquidity",
    type=Amount(WHOLE),
    default="500000",
    show_default=True,
    help="PREP that the LPs begin with.",
)
@click.option(
    "--target",
    type=Amount(WHOLE),
    default="1.25",
    show_default=True,
    help="Collateralization ratio below which the keeper deleverages.",
)
@click.option(
    "--params",
    type=click.Path(path_type=Path),
    default=PARAMS,
    show_default=True,
    help="The market's parameters, as for a deployment.",
)
@click.option(
    "--workers",
    type=click.IntRange(1, 1024),
    default=os.cpu_count() or 1,
    help="Processes of this machine.  [default: one for each core]",
)
@click.option("--scheduler", metavar="ADDRESS", help="A Dask cluster instead: tcp://host:port.")
@click.option("--only", type=click.IntRange(0), metavar="N", help="Nothing but path N.")
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    default=Path("out/stress"),
    show_default=True,
    help="Folder of the report.",
)
@click.pass_context
def cli(
    context: click.Context,
    count: int,
    hours: int,
    seed: int,
    regime: str,
    volatility: float | None,
    drift: float | None,
    file: Path | None,
    first: datetime | None,
    last: datetime | None,
    window: int,
    traders: int,
    liquidity: int,
    target: int,
    params: Path,
    workers: int,
    scheduler: str | None,
    only: int | None,
    out: Path,
) -> None:
    options = _options(context)
    if only is not None and only >= count:
        raise UserError(f"--only {only}: the last of {count} paths is {count - 1}")
    setting = _setting(params, traders, liquidity, target)
    source: Source
    if file is None:
        source = MadeUp(REGIMES[regime].changed(drift, volatility), hours, seed)
    else:
        days = (moment and moment.date() for moment in (first, last))
        source = read_slices(file, *days, window, count)
    prepare(out)
    numbers = list(range(count)) if only is None else [only]
    outcomes = _run(source, setting, seed, numbers, workers, scheduler)
    page, figures = write(Result(source, setting, options, outcomes), out)
    _show(source, outcomes)
    click.echo(f"Report:  {page}\nNumbers: {figures}")
    _complain(outcomes)


def _options(context: click.Context) -> dict[str, str]:
    """What decides the numbers, as the user could give it again. Options that the chosen kind of
    prices has no use for must not be given, and are left out."""
    useless = MADE_UP if context.params["file"] else FROM_FILE
    options = {}
    for parameter in context.command.params:
        name = parameter.opts[0].removeprefix("--")
        value = context.params.get(str(parameter.name))
        if name in useless:
            if context.get_parameter_source(str(parameter.name)) is ParameterSource.COMMANDLINE:
                why = "and --prices exclude each other" if name in MADE_UP else "needs --prices"
                raise UserError(f"--{name} {why}")
        elif value is not None and name not in WITHOUT_EFFECT:
            options[name] = _shown(parameter.type, value)
    return options


def _shown(kind: click.ParamType, value: object) -> str:
    if isinstance(kind, Amount) and isinstance(value, int):
        return unscaled(value, kind.decimals)
    return str(value.date() if isinstance(value, datetime) else value)


def _setting(params: Path, traders: int, liquidity: int, target: int) -> Setting:
    """The first market of a deployment's parameters is the isolated one."""
    parameters = Parameters.load(params)
    market = parameters.markets[0]
    if not 0 < liquidity <= parameters.deposit_cap:
        raise UserError(f"--liquidity is not within 0 and the deposit_cap of {params}")
    if target > MAX_TARGET_COLLATERALIZATION_RATIO:
        most = MAX_TARGET_COLLATERALIZATION_RATIO // 10**WHOLE
        raise UserError(f"--target is above {most}, the most that the vault takes")
    larger = parameters.reserves_by_larger_side
    return Setting(
        config=market.config(),
        asset_decimals=market.asset_decimals,
        protocol_fee_rate=parameters.protocol_fee_rate,
        reserve_basis=ReserveBasis.LARGER_SIDE if larger else ReserveBasis.DIFFERENCE,
        deposit_cap=parameters.deposit_cap,
        liquidity=liquidity,
        target=target,
        traders=traders,
    )


def _run(
    source: Source,
    setting: Setting,
    seed: int,
    numbers: list[int],
    workers: int,
    scheduler: str | None,
) -> list[Outcome]:
    console = Console(stderr=True, highlight=False)
    bar = Progress(
        "{task.description}",
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
        console=console,
        transient=True,
        disable=not console.is_terminal,
    )

    # Here: `ape run` imports all scripts for any of them, and this takes long.
    from prep.stress.cluster import runner

    def jobs() -> Iterator[Job]:
        for number in numbers:
            yield Job(number, setting, source.path(number), crowd_seed(seed, number))

    with bar, runner(min(workers, len(numbers)), scheduler) as run:
        task = bar.add_task("paths", total=len(numbers))
        outcomes = []
        for outcome in run(jobs()):
            outcomes.append(outcome)
            bar.advance(task)
    return sorted(outcomes, key=lambda outcome: outcome.number)


def _show(source: Source, outcomes: list[Outcome]) -> None:
    table = Table(title=f"{len(outcomes)} paths: {source.name}", title_justify="left")
    for i, name in enumerate(COLUMNS):
        table.add_column(name, justify="right" if i else "left")
    for row in rows(outcomes):
        table.add_row(*row)
    often = Table(show_header=False)
    for label, value, remark in headline(outcomes):
        often.add_row(label, f"[bold]{value}", remark)
    shown = console()
    shown.print(table)
    shown.print(often)


def _complain(outcomes: list[Outcome]) -> None:
    """An invariant that does not hold is a fault of the model or of its checks."""
    broken = [outcome for outcome in outcomes if outcome.violations]
    for outcome in broken:
        click.echo(f"path {outcome.number}: {'; '.join(outcome.violations)}", err=True)
    if broken:
        again = f"the same options with --only {broken[0].number} run the first of them alone"
        raise UserError(f"invariants do not hold on {len(broken)} paths; {again}")
