"""The charts of the report. Numbers become floats here and only here, to be drawn."""

from collections import defaultdict
from collections.abc import Sequence
from itertools import cycle
from typing import Any, Final

import plotly.graph_objects as go

from prep.charts import BLUE, GREEN, GREY, ORANGE, RED, add_steps, empty
from prep.demo.credit_outcome import CreditOutcome
from prep.demo.ledger import Liquidation
from prep.demo.outcome import Outcome
from prep.demo.prices import FEED_DECIMALS
from prep.demo.text import amount, decimal, dollars, instants, moment, share_price
from prep.model.fixed import WAD, wmul

COLORS: Final = (RED, ORANGE, GREEN)

BANDS: Final = ((5, "#c7d2fe"), (10, "#818cf8"), (15, "#4f46e5"), (20, "#f59e0b"), (30, "#dc2626"))
"""Upper ends of the bands of leverage, and their colours."""


def price(outcome: Outcome) -> go.Figure:
    """The price, and each step's liquidations as one mark for each side."""
    times = instants(outcome)
    path = outcome.path.prices
    figure = _figure(outcome, "BTC price, $", tickprefix="$")
    figure.add_scatter(
        x=times,
        y=[float(decimal(p, FEED_DECIMALS)) for p in path],
        name="BTC price",
        line={"color": GREY, "width": 1.5},
        hovertemplate="$%{y:,.2f}<extra></extra>",
    )
    groups: defaultdict[tuple[bool, int], list[Liquidation]] = defaultdict(list)
    for step, item in outcome.liquidations:
        groups[item.is_long, step].append(item)
    for is_long, name, color in ((True, "Longs liquidated", RED), (False, "Shorts", BLUE)):
        steps = [step for side, step in groups if side is is_long]
        items = [groups[is_long, step] for step in steps]
        figure.add_scatter(
            x=[times[step] for step in steps],
            y=[float(decimal(path[step], FEED_DECIMALS)) for step in steps],
            name=name if is_long else "Shorts liquidated",
            mode="markers",
            marker={
                "color": color,
                "opacity": 0.75,
                "size": [8 + 4 * len(item) ** 0.5 for item in items],
                "line": {"color": "white", "width": 1},
            },
            text=[_described(outcome, step, groups[is_long, step]) for step in steps],
            hovertemplate="%{text}<extra></extra>",
        )
    return figure


def _described(outcome: Outcome, step: int, items: list[Liquidation]) -> str:
    most = 8
    lines = [
        f"{outcome.names[item.trader]}: {amount(item.notional)} PREP"
        f"{', a part of it' if item.left else ''}"
        for item in items[:most]
    ]
    if len(items) > most:
        lines.append(f"and {len(items) - most} more")
    when = f"{moment(outcome, step)}, {dollars(outcome.path.prices[step])}"
    return "<br>".join([f"<b>{when}</b>", *lines])


def open_interest(outcome: Outcome) -> go.Figure:
    """Both sides at the price of the moment, and their difference."""
    figure = _figure(outcome, "Open interest, PREP")
    readings = [sample.reading for sample in outcome.samples]
    sides: list[tuple[str, str, list[int], dict[str, Any], str | None]] = [
        ("Long", RED, [r.long_oi for r in readings], {}, "tozeroy"),
        ("Short", BLUE, [r.short_oi for r in readings], {}, "tozeroy"),
        (
            "Skew: long - short",
            "#0f172a",
            [r.long_oi - r.short_oi for r in readings],
            {"dash": "dot", "width": 1.5},
            None,
        ),
    ]
    for name, color, sizes, line, fill in sides:
        values = [wmul(size, r.price) for size, r in zip(sizes, readings, strict=True)]
        add_steps(
            figure,
            name,
            color,
            instants(outcome),
            _floats(values),
            line=line,
            fill=fill,
            fillcolor=_faint(color),
            hovertemplate="%{y:,.0f} PREP",
        )
    return figure


def leverage(outcome: Outcome) -> go.Figure:
    """How many positions have how much leverage."""
    figure = _figure(outcome, "Open positions", hovermode="x unified")
    low = 0
    for high, color in BANDS:
        counts = [
            sum(low * WAD < value <= high * WAD for value in sample.leverages)
            for sample in outcome.samples
        ]
        figure.add_scatter(
            x=instants(outcome),
            y=counts,
            name=f"{low}x to {high}x",
            mode="lines",
            line={"width": 0, "shape": "hv"},
            fillcolor=color,
            stackgroup="positions",
            hovertemplate="%{y}",
        )
        low = high
    figure.update_layout(legend_traceorder="normal")
    return figure


def lp_share(outcome: Outcome) -> go.Figure:
    """What a share costs and what it pays."""
    figure = _figure(outcome, "PREP per share", hovermode="x unified")
    for name, color, upper in (
        ("Entry price (upper value)", ORANGE, True),
        ("Exit price (lower value)", GREEN, False),
    ):
        prices = [
            float(share_price(s, s.reading.upper_value if upper else s.reading.lower_value))
            for s in outcome.samples
        ]
        add_steps(figure, name, color, instants(outcome), prices, hovertemplate="%{y:.5f}")
    return figure


def vault(outcome: Outcome) -> go.Figure:
    """What the vault has, what it must hold back, and what it has lost to bad debt."""
    figure = _figure(outcome, "PREP", hovermode="x unified")
    for name, color, values in (
        ("Liquidity", GREEN, [s.reading.liquidity for s in outcome.samples]),
        ("Reserves to hold", ORANGE, [s.reading.reserves for s in outcome.samples]),
        ("Bad debt so far", RED, [s.bad_debt for s in outcome.samples]),
    ):
        _add_amounts(figure, outcome, name, color, _floats(values))
    return figure


def most_at_risk(credit: CreditOutcome) -> int:
    """The account that was liquidated first, or else the one whose equity came nearest to what it
    needed, or fell below that most."""
    if credit.liquidations:
        return credit.liquidations[0][1].account
    margins = zip(*([e - r for e, r in s.standings] for s in credit.samples), strict=True)
    lowest = [min(account) for account in margins]
    return lowest.index(min(lowest)) + 1


def standing(outcome: Outcome) -> go.Figure:
    """How an account came to be liquidated: what it has, what it needs, and when it was."""
    credit = outcome.credit
    account = most_at_risk(credit)
    figure = _figure(outcome, "PREP", hovermode="x unified")
    standings = [sample.standings[account - 1] for sample in credit.samples]
    for name, color, values in (
        ("Equity", GREEN, [equity for equity, _ in standings]),
        ("Needed for its positions", ORANGE, [required for _, required in standings]),
    ):
        _add_amounts(figure, outcome, name, color, _floats(values))
    steps = [step for step, item in credit.liquidations if item.account == account]
    if steps:
        figure.add_scatter(
            x=[instants(outcome)[step] for step in steps],
            y=_floats([standings[step][0] for step in steps]),
            name="Liquidated",
            mode="markers",
            marker={"color": RED, "size": 11, "line": {"color": "white", "width": 1}},
            hovertemplate="liquidated",
        )
    return figure


def lending(outcome: Outcome) -> go.Figure:
    """How much of the lenders' PREP is lent, and what that costs."""
    figure = _figure(outcome, "Per cent", hovermode="x unified")
    samples = outcome.credit.samples
    for name, color, values in (
        ("Utilisation", BLUE, [sample.utilisation for sample in samples]),
        ("Rate for a year", ORANGE, [sample.rate for sample in samples]),
    ):
        shares = _floats([100 * value for value in values])
        add_steps(figure, name, color, instants(outcome), shares, hovertemplate="%{y:.1f} %")
    return figure


def backed(outcome: Outcome) -> go.Figure:
    """What each asset-backed position is worth while it is open."""
    figure = _figure(outcome, "PREP", hovermode="x unified")
    margin = outcome.margin
    for number, (who, color) in enumerate(zip(margin.participants, cycle(COLORS))):
        values = [sample[number] for sample in margin.samples]
        worth = [None if value is None else _floats([value])[0] for value in values]
        dash = {"dash": None if who.is_long else "dot"}
        _add_amounts(figure, outcome, who.name, color, worth, line=dash)
    return figure


def _add_amounts(
    figure: Any,
    outcome: Outcome,
    name: str,
    color: str,
    values: Sequence[Any],
    **more: Any,
) -> None:
    """PREP at every instant."""
    add_steps(figure, name, color, instants(outcome), values, hovertemplate="%{y:,.0f}", **more)


def _figure(outcome: Outcome, title: str, tickprefix: str = "", hovermode: str = "closest") -> Any:
    """An empty chart; all have the same horizontal axis."""
    synthetic = outcome.path.start is None
    times = instants(outcome)
    return empty(
        {
            "title": "Hours since the start" if synthetic else "Time, UTC",
            "range": [times[0], times[-1]],
            **({"dtick": _hours_between_ticks(outcome.path.hours)} if synthetic else {}),
        },
        {"title": title, "tickprefix": tickprefix},
        hovermode=hovermode,
    )


def _hours_between_ticks(hours: int) -> int:
    return next(step for step in (1, 2, 4, 6, 12, 24, 48) if hours <= 12 * step)


def _floats(values: list[int]) -> list[float]:
    return [round(float(decimal(value)), 2) for value in values]


def _faint(color: str) -> str:
    red, green, blue = (int(color[i : i + 2], 16) for i in (1, 3, 5))
    return f"rgba({red},{green},{blue},0.12)"
