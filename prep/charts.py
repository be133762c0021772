"""What the charts of all reports have in common: colours, the frame, and lines with steps."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

import plotly.graph_objects as go

BLUE: Final = "#2563eb"
RED: Final = "#dc2626"
GREEN: Final = "#059669"
GREY: Final = "#64748b"
ORANGE: Final = "#d97706"
_FRAME: Final = "#cbd5e1"


def empty(
    xaxis: Mapping[str, Any],
    yaxis: Mapping[str, Any],
    *,
    hovermode: str = "closest",
    above: int = 8,
) -> Any:
    """A chart with nothing in it; axes as plotly's layout has them. `above`: pixels that are kept
    free there."""
    axis = {"showline": True, "linecolor": _FRAME, "zerolinecolor": _FRAME}
    return go.Figure(
        layout={
            "template": "plotly_white",
            "height": 340,
            "margin": {"l": 96, "r": 16, "t": above, "b": 46},
            "font": {"family": "system-ui, sans-serif", "size": 13, "color": "#334155"},
            "hovermode": hovermode,
            "legend": {"orientation": "h", "y": 1.02, "yanchor": "bottom", "x": 0},
            "xaxis": {**axis, **xaxis},
            "yaxis": {"tickformat": ",", "automargin": False, **axis, **yaxis},
        }
    )


def add_steps(
    figure: Any, name: str, color: str, x: Sequence[Any], y: Sequence[Any], **more: Any
) -> None:
    """A line that keeps each value until the next one. `more`: of plotly's `Scatter`; "line" adds
    to the line."""
    line = {"color": color, "width": 2, "shape": "hv", **more.pop("line", {})}
    figure.add_scatter(x=x, y=y, name=name, line=line, **more)
