"""The reference model: what the contracts compute, in exact integers and without a chain.

`System` has one method per contract function. It is written from the arithmetic in
docs/whitepaper.md, not from the contracts, and agrees with them to the last unit. A refused action
raises `Rejected` with the contract's error and changes nothing; every other returns what the
contract's event carries.
"""

from prep.model.config import MarketConfig
from prep.model.errors import Rejected
from prep.model.fixed import UNLIMITED, WAD
from prep.model.protocol import System
from prep.model.vault import Exposure, ReserveBasis

__all__ = [
    "UNLIMITED",
    "WAD",
    "Exposure",
    "MarketConfig",
    "Rejected",
    "ReserveBasis",
    "System",
]
