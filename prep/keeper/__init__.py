"""The keeper: liquidates positions above the liquidation leverage and credit accounts, fills orders
and requests, serves asset-backed positions, and if told to closes what the vault can no longer
carry.

`Keeper.step()` is one round and returns a `Report`; `run` repeats it. `decide`, `deleverages`, in
`credit` `trials`, `judge` and `chores`, and in `margin` `decide` are the decisions alone, pure
functions of a snapshot and of `Settings`. docs/keeper.md.
"""

from prep.keeper.closer import ToDeleverage
from prep.keeper.credit.read import CreditContracts
from prep.keeper.decide import Action, Plan, Settings, Skipped, decide, plan
from prep.keeper.deleverage import Close, Deleveraging, Side, Standing, deleverages, standing_of
from prep.keeper.keeper import Keeper
from prep.keeper.margin.clerk import ToWatch
from prep.keeper.margin.orders import OwnSigner, QuoteService
from prep.keeper.margin.rules import Rules
from prep.keeper.report import Deleverage, Failure, Liquidation, Report
from prep.keeper.run import run, stopped_by_signals
from prep.keeper.snapshot import (
    Aggregates,
    MarginKey,
    MarginPosition,
    MarketShot,
    OpenPosition,
    Snapshot,
)

__all__ = [
    "Action",
    "Aggregates",
    "Close",
    "CreditContracts",
    "Deleverage",
    "Deleveraging",
    "Failure",
    "Keeper",
    "Liquidation",
    "MarginKey",
    "MarginPosition",
    "MarketShot",
    "OpenPosition",
    "OwnSigner",
    "Plan",
    "QuoteService",
    "Report",
    "Rules",
    "Settings",
    "Side",
    "Skipped",
    "Snapshot",
    "Standing",
    "ToDeleverage",
    "ToWatch",
    "decide",
    "deleverages",
    "plan",
    "run",
    "standing_of",
    "stopped_by_signals",
]
