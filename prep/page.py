"""What reports have in common: pages that need nothing else, beside a file with all numbers."""

import html
import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from string import Template
from typing import Any, Final

import plotly.graph_objects as go
from plotly.offline import get_plotlyjs

from prep.errors import UserError

STYLE: Final = Path(__file__).with_name("page.css")


def prepare(folder: Path) -> None:
    """Makes the folder, so that nobody waits for a report that has no place."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UserError(f"{folder} cannot be written: {error.strerror}") from None


def save(folder: Path, page: str, numbers: Mapping[str, Any]) -> tuple[Path, Path]:
    """Writes the page and the numbers into a folder, and says where."""
    shown, counted = folder / "report.html", folder / "report.json"
    content = json.dumps(numbers, indent=1) + "\n"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        shown.write_text(page, encoding="utf-8")
        counted.write_text(content, encoding="utf-8")
    except OSError as error:
        raise UserError(f"{folder}: the report cannot be written: {error.strerror}") from None
    return shown, counted


def fill(template: Path, charts: Mapping[str, go.Figure], **parts: object) -> str:
    """A page: the template with the charts by their names, and the rest by name, besides the style
    and the script of the charts. It asks no server for anything."""
    return Template(template.read_text(encoding="utf-8")).substitute(
        {name: _chart(name, figure) for name, figure in charts.items()},
        plotly=get_plotlyjs(),
        style=STYLE.read_text(encoding="utf-8"),
        **parts,
    )


def _chart(name: str, figure: go.Figure) -> str:
    config = {"displaylogo": False, "responsive": True, "displayModeBar": False}
    text: str = figure.to_html(
        full_html=False, include_plotlyjs=False, config=config, div_id=f"chart-{name}"
    )
    return text


def tiles(content: Iterable[tuple[str, str, str]]) -> str:
    """What matters most: label, value and remark of each."""
    return "\n".join(
        f'<div class="tile"><span>{html.escape(label)}</span><b>{html.escape(value)}</b>'
        f"<small>{html.escape(remark)}</small></div>"
        for label, value, remark in content
    )


def table(head: Sequence[str], rows: Iterable[Sequence[str]], numbers_from: int | None) -> str:
    """Cells from column `numbers_from` on are numbers, and stand to the right."""

    def cells(tag: str, values: Sequence[str]) -> str:
        return "".join(
            f"<{tag}{' class=n' if numbers_from is not None and i >= numbers_from else ''}>"
            f"{html.escape(value)}</{tag}>"
            for i, value in enumerate(values)
        )

    body = "\n".join(f"<tr>{cells('td', row)}</tr>" for row in rows)
    return f"<table><thead><tr>{cells('th', head)}</tr></thead><tbody>\n{body}\n</tbody></table>"
