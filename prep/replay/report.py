"""What a replay leaves behind: both lists of snapshots, the differences, and a page."""

import html
import json
from dataclasses import asdict
from pathlib import Path
from typing import Final

from prep.errors import UserError
from prep.page import fill, table, tiles
from prep.replay.figures import HIGHEST_RATIO, charts
from prep.replay.run import Outcome
from prep.replay.snapshots import render

MODEL: Final = "risk_snapshot_state.json"
CONTRACTS: Final = "sc_snapshot_state.json"
DIFFERENCES: Final = "differences.json"
PAGE: Final = "report.html"
TEMPLATE: Final = Path(__file__).with_name("report.html")
MOST_ROWS: Final = 500


def prepare(folder: Path) -> None:
    """Makes the folder and removes what an earlier run left: half a run must not look whole."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name in (MODEL, CONTRACTS, DIFFERENCES, PAGE):
            (folder / name).unlink(missing_ok=True)
    except OSError as error:
        raise UserError(f"{folder} cannot be written: {error.strerror}") from None


def write(outcome: Outcome, folder: Path) -> None:
    """All files."""
    differences = [asdict(d) for d in outcome.differences]
    files = {
        MODEL: render(outcome.model),
        CONTRACTS: render(outcome.contracts),
        DIFFERENCES: json.dumps(differences, indent=2) + "\n",
        PAGE: page(outcome),
    }
    try:
        for name, text in files.items():
            (folder / name).write_text(text, encoding="utf-8")
    except OSError as error:
        raise UserError(f"{folder} cannot be written: {error.strerror}") from None


def page(outcome: Outcome) -> str:
    """The page."""
    plan = outcome.plan
    setting = f"Markets: {len(plan.markets)}. Accounts: {len(plan.accounts)}"
    return fill(
        TEMPLATE,
        charts(outcome),
        setting=setting,
        highest=HIGHEST_RATIO,
        verdict=_verdict(outcome),
        tiles=tiles(summary(outcome)),
        differences=_differences(outcome),
        rejections=_rejections(outcome),
        snapshots=_snapshots(outcome),
    )


def summary(outcome: Outcome) -> list[tuple[str, str, str]]:
    """What matters most: label, value, and a remark."""
    total, snapshots = len(outcome.plan.actions), len(outcome.model)
    kept = "the run went on" if outcome.stopped_at is None else "and ended the run"
    agreed = sum(rejection.agreed for rejection in outcome.rejections)
    return [
        ("Differences", f"{len(outcome.differences)}", "between model, contracts and expectation"),
        ("Actions", f"{outcome.performed}", f"of {total}, {snapshots} snapshots among them"),
        (
            "Rejected",
            f"{len(outcome.rejections)}",
            f"{agreed} by both alike, {kept}" if outcome.rejections else "by either side",
        ),
    ]


def verdict(outcome: Outcome) -> str:
    """The answer, in one sentence."""
    if count := len(outcome.differences):
        return f"{count} difference{'' if count == 1 else 's'}."
    if outcome.stopped_at is not None:
        left = len(outcome.plan.actions) - outcome.performed
        return f"No difference, but a rejected action ended the run with {left} actions left."
    if not outcome.model:
        return "No difference; there was no snapshot to compare."
    return "Model and contracts agree to the last digit."


def _verdict(outcome: Outcome) -> str:
    kind = "good" if outcome.exit_code == 0 else "bad"
    return f'<p class="{kind}">{html.escape(verdict(outcome))}</p>'


def _differences(outcome: Outcome) -> str:
    if not outcome.differences:
        return "<p>None.</p>"
    rows = [
        (d.where, d.field, *(f"{s}: {v}" for s, v in zip(d.sides, d.values, strict=True)))
        for d in outcome.differences[:MOST_ROWS]
    ]
    more = len(outcome.differences) - len(rows)
    note = f"<p>and {more} more, in {DIFFERENCES}</p>" if more else ""
    return (
        f'<div class="scroll">{table(("Where", "Field", "One", "Other"), rows, None)}</div>{note}'
    )


def _rejections(outcome: Outcome) -> str:
    if not outcome.rejections:
        return "<p>None.</p>"
    rows = [
        (r.action, str(r.contracts or "accepted"), str(r.model or "accepted"))
        for r in outcome.rejections[:MOST_ROWS]
    ]
    return f'<div class="scroll">{table(("Action", "Contracts", "Model"), rows, None)}</div>'


def _snapshots(outcome: Outcome) -> str:
    head = ("Block time", "Cash flow", "Balance", "Withdrawal balance", "Vault withdrawal balance")
    rows = [
        (
            str(state.block_time),
            str(state.total.cash_flow["total"]),
            str(state.total.balance["total"]),
            str(state.total.withdrawal_balance["total"]),
            str(state.total_withdrawal_balance),
        )
        for state in outcome.model
    ]
    return table(head, rows, 0)
