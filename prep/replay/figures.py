"""The charts of a replay, by action. Numbers become floats here and only here, to be drawn."""

from collections.abc import Callable
from typing import Any, Final

import plotly.graph_objects as go
from plotly.colors import qualitative

from prep.charts import GREEN, ORANGE, RED, add_steps, empty
from prep.model.fixed import WAD, wmul
from prep.replay.reference import MarketSample
from prep.replay.run import Outcome

COLORS: Final = qualitative.D3
MOST_MARKS: Final = 60
MOST_POINTS: Final = 4_000
"""Of a line: of longer runs every so many actions are drawn."""
HIGHEST_RATIO: Final = 20
"""Drawn for all above it: a debt of dust would hide what matters."""


def charts(outcome: Outcome) -> dict[str, go.Figure]:
    """By name."""
    return {
        "price": price(outcome),
        "skew": _by_market(outcome, "Skew, PREP", lambda m: wmul(m.skew, m.price) / WAD),
        "funding": _by_market(
            outcome, "Funding rate, % a day", lambda m: m.funding_rate * 100 / WAD, ".4f", ""
        ),
        "pnl": _by_market(outcome, "PnL of traders, PREP", lambda m: m.pnl / WAD),
        "ratio": ratio(outcome),
    }


def price(outcome: Outcome) -> go.Figure:
    """One market's price as it is, those of several against where they began; with snapshots and
    rejections."""
    if len(outcome.plan.markets) == 1:
        figure = _by_market(outcome, "Price", lambda m: m.price / WAD, ",.6~g")
    else:
        figure = _figure("Price, % of the first", "")
        for color, perp in zip(_colors(outcome), outcome.plan.config.perps, strict=True):
            values = [
                s.markets[perp.denom].price * 100 / perp.initial_price for s in outcome.samples
            ]
            _line(figure, perp.denom, color, values, ".3f")
    rejected = {rejection.index for rejection in outcome.rejections}
    performed = outcome.plan.actions[: outcome.performed]
    snapshots = {i for i, action in enumerate(performed) if action.kind == "snapshot_state"}
    for indices, color in ((snapshots - rejected, "#cbd5e1"), (rejected, RED)):
        for index in sorted(indices)[:MOST_MARKS]:
            figure.add_vline(x=index, line={"color": color, "width": 1, "dash": "dot"})
    return figure


def ratio(outcome: Outcome) -> go.Figure:
    """Liquidity over debt, and where the target is. There is no ratio while nothing is owed."""
    figure = _figure("CR", "")
    values = [
        None if s.ratio is None else min(s.ratio / WAD, HIGHEST_RATIO) for s in outcome.samples
    ]
    _line(figure, "CR", GREEN, values, ",.4~g")
    target = outcome.plan.config.target_collaterization_ratio / WAD
    if target:
        line = {"color": ORANGE, "width": 1.5, "dash": "dash"}
        figure.add_hline(y=target, line=line, annotation_text=f"target {target:g}")
    return figure


def _by_market(
    outcome: Outcome,
    title: str,
    value: Callable[[MarketSample], float],
    form: str = ",.2f",
    ticks: str = "~s",
) -> go.Figure:
    figure = _figure(title, ticks)
    for color, denom in zip(_colors(outcome), outcome.plan.markets, strict=True):
        _line(figure, denom, color, [value(s.markets[denom]) for s in outcome.samples], form)
    return figure


def _colors(outcome: Outcome) -> list[str]:
    return [COLORS[i % len(COLORS)] for i in range(len(outcome.plan.markets))]


def _line(figure: Any, name: str, color: str, values: list[Any], form: str) -> None:
    every = -(-len(values) // MOST_POINTS)
    actions, shown = list(range(0, len(values), every)), values[::every]
    hover = f"%{{y:{form}}}"
    add_steps(figure, name, color, actions, shown, hovertemplate=hover, showlegend=True)


def _figure(title: str, ticks: str = "~s") -> Any:
    yaxis = {"title": title, "tickformat": ticks}
    return empty({"title": "Action"}, yaxis, hovermode="x unified")
