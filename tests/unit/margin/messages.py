"""One of each that is signed, with values that differ from each other."""

from eth_utils import to_checksum_address

from prep.margin.data import (
    CloseRequest,
    CollateralRequest,
    OpenRequest,
    Order,
    Payout,
    Position,
)

TRADER, BASE, QUOTE, ROUTER, POOL = (
    to_checksum_address("0x" + 20 * digits) for digits in ("a1", "b2", "c3", "d4", "e5")
)
DATA = bytes(range(70))
POSITION = Position(7, TRADER, BASE, QUOTE, 1_000, 2_000, 1_700_000_000, 3)
OPEN = OpenRequest(2**127 + 5, 0, TRADER, BASE, QUOTE, 10, 40, 5, 0, 1, 1_700_000_060, ROUTER, DATA)
CLOSE = CloseRequest(7, 3, TRADER, 2_000, 30, 2, 1, 1_700_000_060, ROUTER, DATA)
COLLATERAL = CollateralRequest(7, 3, TRADER, -500, 1_700_000_060)
ORDER = Order(7, TRADER, TRADER, True, 3_000, 2, 40, Payout.ETHER, 1_700_000_600)
REQUESTS = (OPEN, CLOSE, COLLATERAL, ORDER)
