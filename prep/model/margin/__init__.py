"""Asset-backed long and short positions: the reference model of `DebtController`, `LongPool` and
`ShortPool`. docs/margin.md.

What the exchange does is outside of it: an action is told what the swap spent and received, or with
which error it ends. Nor are wallets, allowances, signatures and routers modelled.
"""

from prep.model.margin.controller import Controller
from prep.model.margin.pool import MarginPool
from prep.model.margin.positions import (
    CloseRequest,
    CollateralRequest,
    OpenRequest,
    Order,
    Payment,
    Payout,
    Position,
    Swap,
)
from prep.model.margin.terms import PairTerms

__all__ = [
    "CloseRequest",
    "CollateralRequest",
    "Controller",
    "MarginPool",
    "OpenRequest",
    "Order",
    "PairTerms",
    "Payment",
    "Payout",
    "Position",
    "Swap",
]
