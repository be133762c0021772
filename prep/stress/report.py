"""The report of a stress test: a page that needs nothing else, and a file with all paths."""

import html
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

from prep.demo.text import amount
from prep.deploy.record import plain
from prep.model.fixed import UNLIMITED
from prep.page import fill, save, table, tiles
from prep.stress import figures
from prep.stress.paths import Source
from prep.stress.results import Outcome, summary
from prep.stress.run import Setting
from prep.stress.text import COLUMNS, headline, percent, ratio, rows

TEMPLATE: Final = Path(__file__).with_name("report.html")
WORST: Final = 20
"""Paths that are listed."""


@dataclass(frozen=True)
class Result:
    """A whole stress test, paths in the order of their numbers; `options` as the user gave them."""

    source: Source
    setting: Setting
    options: Mapping[str, str]
    outcomes: Sequence[Outcome]


def write(result: Result, folder: Path) -> tuple[Path, Path]:
    """Writes the page and the numbers, and says where."""
    return save(folder, render(result), to_json(result))


def to_json(result: Result) -> dict[str, Any]:
    """Everything, integers as decimal strings in base units. A ratio without debt is null."""
    content: dict[str, Any] = plain(
        {
            "prices": result.source.name,
            "options": dict(result.options),
            "setting": asdict(result.setting)
            | {"reserve_basis": result.setting.reserve_basis.value},
            "summary": {
                name: {f"{q} %": _finite(value) for q, value in found.items()}
                for name, found in summary(result.outcomes).items()
            },
            "paths": [
                {name: _finite(value) for name, value in asdict(outcome).items()}
                for outcome in result.outcomes
            ],
        }
    )
    return content


def _finite(value: object) -> object:
    return None if value == UNLIMITED else value


def render(result: Result) -> str:
    """The page."""
    outcomes, target = result.outcomes, result.setting.target
    charts = {
        "prices": figures.prices(result.source, outcomes),
        "lp_profit": figures.lp_profit(outcomes),
        "profit_by_price": figures.profit_by_price(outcomes, target),
        "worst_ratio": figures.worst_ratio(outcomes, target),
        "losses": figures.losses(outcomes),
        "counts": figures.counts(outcomes),
    }
    return fill(
        TEMPLATE,
        charts,
        source=html.escape(result.source.name),
        paths=len(outcomes),
        traders=result.setting.traders,
        liquidity=amount(result.setting.liquidity),
        target=ratio(target),
        tiles=tiles(headline(outcomes)),
        quantiles=table(COLUMNS, rows(outcomes), 1),
        worst=_worst(outcomes),
        refused=_refused(outcomes),
    )


def _worst(outcomes: Sequence[Outcome]) -> str:
    found = sorted(outcomes, key=lambda o: (o.lp_profit, o.number))[:WORST]
    head = ("Path", "Price", "LP profit", "Worst CR", "Bad debt", "Liquidations", "Deleverages")
    return table(
        head,
        [
            (
                str(o.number),
                percent(o.price_change),
                amount(o.lp_profit),
                ratio(o.worst_ratio_kept),
                amount(o.bad_debt),
                str(o.liquidations),
                str(o.deleverages),
            )
            for o in found
        ],
        0,
    )


def _refused(outcomes: Sequence[Outcome]) -> str:
    total: Counter[str] = Counter()
    for outcome in outcomes:
        total.update(outcome.rejected)
    found = [(*name.split(": "), str(count)) for name, count in sorted(total.items())]
    return table(("Function", "Refused with", "Times"), found, 2) if found else "<p>Nothing.</p>"
