"""The liquidation keeper: finds positions above the liquidation leverage and liquidates them.

`Keeper.step()` is one round and returns a `Report`; `run` repeats it. `decide` is the decision
alone, a pure function of a `Snapshot` and of `Settings`. docs/keeper.md.
"""

from prep.keeper.decide import Action, Plan, Settings, Skipped, decide, plan
from prep.keeper.keeper import Keeper
from prep.keeper.report import Failure, Liquidation, Report
from prep.keeper.run import run, stopped_by_signals
from prep.keeper.snapshot import Aggregates, OpenPosition, Snapshot

__all__ = [
    "Action",
    "Aggregates",
    "Failure",
    "Keeper",
    "Liquidation",
    "OpenPosition",
    "Plan",
    "Report",
    "Settings",
    "Skipped",
    "Snapshot",
    "decide",
    "plan",
    "run",
    "stopped_by_signals",
]
