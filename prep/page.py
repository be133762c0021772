"""What the reports share: pages that need nothing else, with charts and tables."""

import html
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, Final

import plotly.graph_objects as go

BLUE: Final = "#2563eb"
RED: Final = "#dc2626"
GREEN: Final = "#059669"
GREY: Final = "#64748b"
ORANGE: Final = "#d97706"

LAYOUT: Final[dict[str, Any]] = {
    "template": "plotly_white",
    "height": 340,
    "margin": {"l": 96, "r": 16, "t": 8, "b": 46},
    "font": {"family": "system-ui, sans-serif", "size": 13, "color": "#334155"},
    "legend": {"orientation": "h", "y": 1.02, "yanchor": "bottom", "x": 0},
}
X_AXIS: Final[dict[str, Any]] = {"showline": True, "linecolor": "#cbd5e1"}
Y_AXIS: Final[dict[str, Any]] = {
    "tickformat": ",",
    "automargin": False,
    "zerolinecolor": "#cbd5e1",
}


def style() -> str:
    """Of all reports."""
    return Path(__file__).with_name("page.css").read_text(encoding="utf-8")


def chart(name: str, figure: go.Figure) -> str:
    """A chart without plotly's script, which the page has once."""
    config = {"displaylogo": False, "responsive": True, "displayModeBar": False}
    text: str = figure.to_html(
        full_html=False, include_plotlyjs=False, config=config, div_id=f"chart-{name}"
    )
    return text


def tiles(items: Iterable[tuple[str, str, str]]) -> str:
    """What matters most: label, value, and a remark."""
    return "\n".join(
        f'<div class="tile"><span>{html.escape(label)}</span><b>{html.escape(value)}</b>'
        f"<small>{html.escape(remark)}</small></div>"
        for label, value, remark in items
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
