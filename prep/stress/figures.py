"""The charts. Numbers become floats here and only here, to be drawn."""

from collections.abc import Sequence
from typing import Any, Final

import plotly.graph_objects as go

from prep.charts import BLUE, GREEN, GREY, ORANGE, RED, add_steps, empty
from prep.demo.prices import STEPS_PER_HOUR
from prep.demo.text import decimal
from prep.model.fixed import UNLIMITED, WAD
from prep.stress.paths import Source
from prep.stress.results import Outcome, quantile

POINTS: Final = 200
"""Of a curve over time."""
BANDS: Final = ((0, 100, "#e2e8f0"), (5, 95, "#bfdbfe"), (25, 75, "#60a5fa"))
"""Quantiles and the colour between them."""
HIGHEST_RATIO: Final = 5
"""Where the chart of the ratio ends: above it nothing is at stake."""


def prices(source: Source, outcomes: Sequence[Outcome]) -> go.Figure:
    """How far the prices of all paths spread, in per cent of each one's first."""
    steps = len(source.path(outcomes[0].number).prices)
    shown = sorted({i * (steps - 1) // (POINTS - 1) for i in range(POINTS)})
    moves = []
    for outcome in outcomes:
        path = source.path(outcome.number).prices
        moves.append([(path[i] - path[0]) * WAD // path[0] for i in shown])
    figure = _figure("Hours", "Price change, %")
    times = [i / STEPS_PER_HOUR for i in shown]

    def curve(percent: int) -> list[float]:
        return [_per_cent(quantile(values, percent)) for values in zip(*moves, strict=True)]

    for low, high, color in BANDS:
        line = {"width": 0, "color": color}
        figure.add_scatter(x=times, y=curve(low), line=line, showlegend=False, hoverinfo="skip")
        figure.add_scatter(
            x=times,
            y=curve(high),
            line=line,
            fill="tonexty",
            fillcolor=color,
            name="all" if high == 100 else f"{high - low} % of the paths",
            hoverinfo="skip",
        )
    figure.add_scatter(x=times, y=curve(50), name="median", line={"color": BLUE, "width": 2})
    return figure


def lp_profit(outcomes: Sequence[Outcome]) -> go.Figure:
    """How often LPs won and lost how much."""
    figure = _figure("LP profit, PREP", "Paths")
    figure.add_histogram(
        x=[_amount(o.lp_profit) for o in outcomes], nbinsx=40, marker={"color": GREEN}
    )
    figure.add_vline(x=0, line={"color": GREY, "dash": "dot"})
    return figure


def profit_by_price(outcomes: Sequence[Outcome], target: int) -> go.Figure:
    """Where the money comes from: each path a dot."""
    figure = _figure("Price change, first to last, %", "LP profit, PREP")
    kept = [o for o in outcomes if o.worst_ratio_kept >= target]
    fell = [o for o in outcomes if o.worst_ratio_kept < target]
    for name, color, found in (("target kept", BLUE, kept), ("below the target", RED, fell)):
        _dots(figure, name, color, found, [_amount(o.lp_profit) for o in found])
    return figure


def losses(outcomes: Sequence[Outcome]) -> go.Figure:
    """Bad debt and what the vault could not pay, each path a dot."""
    figure = _figure("Price change, first to last, %", "PREP")
    _dots(figure, "bad debt", RED, outcomes, [_amount(o.bad_debt) for o in outcomes])
    unpaid = [o for o in outcomes if o.unpaid]
    _dots(figure, "unpaid to traders", ORANGE, unpaid, [_amount(o.unpaid) for o in unpaid])
    return figure


def worst_ratio(outcomes: Sequence[Outcome], target: int) -> go.Figure:
    """The share of paths whose ratio fell to so much or lower."""
    figure = _figure("Collateralization ratio", "Paths that fell so low, %")
    for name, color, found in (
        ("right after a price change", ORANGE, [o.worst_ratio for o in outcomes]),
        ("after the keeper's round", GREEN, [o.worst_ratio_kept for o in outcomes]),
    ):
        owing = sorted(value for value in found if value != UNLIMITED)
        shares = [100 * (i + 1) / len(found) for i in range(len(owing))]
        add_steps(figure, name, color, [_float(value) for value in owing], shares)
    figure.add_vline(
        x=_float(target),
        line={"color": GREY, "dash": "dot"},
        annotation={"text": "target", "font": {"color": GREY}},
    )
    figure.update_xaxes(range=[0, HIGHEST_RATIO])
    figure.update_yaxes(rangemode="tozero")
    return figure


def counts(outcomes: Sequence[Outcome]) -> go.Figure:
    """How often the keeper had to act."""
    figure = _figure("Times on a path", "Paths")
    for name, color, found in (
        ("liquidations", RED, [o.liquidations for o in outcomes]),
        ("deleverages", BLUE, [o.deleverages for o in outcomes]),
    ):
        figure.add_histogram(x=found, name=name, marker={"color": color}, opacity=0.6, nbinsx=40)
    figure.update_layout(barmode="overlay")
    return figure


def _dots(
    figure: go.Figure, name: str, color: str, outcomes: Sequence[Outcome], heights: list[float]
) -> None:
    figure.add_scatter(
        x=[_per_cent(o.price_change) for o in outcomes],
        y=heights,
        name=name,
        mode="markers",
        marker={"color": color, "opacity": 0.7, "size": 7},
        text=[f"path {o.number}" for o in outcomes],
        hovertemplate="%{text}<br>price %{x:+.1f} %<br>%{y:,.0f} PREP<extra></extra>",
    )


def _figure(across: str, up: str) -> Any:
    return empty({"title": across, "tickformat": ","}, {"title": up}, above=24)


def _amount(value: int) -> float:
    return round(_float(value), 2)


def _per_cent(value: int) -> float:
    return round(100 * _float(value), 3)


def _float(value: int) -> float:
    return float(decimal(value))
