"""Exact integers for human eyes. Nothing is rounded: what is cut off is cut off visibly."""

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Final

from rich.console import Console
from rich.table import Table

from prep.model.fixed import UNLIMITED

WAD_DECIMALS: Final = 18
WIDTH: Final = 140
"""Of tables where there is no terminal: addresses and amounts stay whole."""


def units(value: int, decimals: int = WAD_DECIMALS, places: int | None = None) -> str:
    """`value / 10**decimals` with thousands separators.

    All digits, or with `places` at most so many, toward zero; an ellipsis says that more follow.
    """
    whole, rest = divmod(abs(value), 10**decimals)
    digits = f"{rest:0{decimals}d}".rstrip("0") if decimals else ""
    shown = digits if places is None else digits[:places]
    sign = "-" if value < 0 else ""
    return f"{sign}{whole:,}{'.' if shown else ''}{shown}{'…' if shown != digits else ''}"


def percent(value: int, places: int | None = None) -> str:
    """A WAD rate in per cent."""
    return f"{units(value, WAD_DECIMALS - 2, places)} %"


def ratio(value: int, places: int | None = None) -> str:
    """A WAD ratio such as leverage."""
    return "∞" if value == UNLIMITED else f"{units(value, places=places)}x"


def console() -> Console:
    """For results, on stdout."""
    terminal = Console()
    return terminal if terminal.is_terminal else Console(width=WIDTH)


def sheet(title: str, rows: Iterable[tuple[str, str]]) -> Table:
    """Names and values."""
    table = Table(title=title, title_justify="left", show_header=False)
    table.add_column(style="dim", no_wrap=True)
    table.add_column(justify="right")
    for row in rows:
        table.add_row(*row)
    return table


def time(timestamp: int) -> str:
    """Of a block."""
    return f"{datetime.fromtimestamp(timestamp, UTC):%Y-%m-%d %H:%M:%S} UTC"
