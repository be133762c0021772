"""Terms of pairs, as `setPair` takes them and as `terms` and `PairSet` give them."""

from dataclasses import astuple, dataclass, replace
from typing import Any, Self

from eth_abi.abi import encode

from tests.suite import WAD, ZERO_ADDRESS

BPS = 10_000
MAX_128 = 2**128 - 1
MAX_ADDRESS = 2**160 - 1
MIN_PRICE = 10**6
PRICE = 1_500 * WAD
TUPLE = "(address,uint256,uint256,uint256,uint256,uint256,uint256,bool)"
"""In signatures."""


@dataclass(frozen=True)
class Terms:
    """Basis points; limits in base units. As it stands: limits, no check price."""

    oracle: str = ZERO_ADDRESS
    max_leverage: int = 50_000
    maintenance_margin: int = 500
    liquidation_fee: int = 100
    max_deviation: int = 0
    long_limit: int = 10**24
    short_limit: int = 10**10
    disabled: bool = False

    def but(self, **changes: Any) -> Self:
        return replace(self, **changes)

    def checked(self, oracle: Any, deviation: int = 100) -> Self:
        """With a check price instead of limits."""
        return self.but(oracle=oracle.address, max_deviation=deviation, long_limit=0, short_limit=0)

    def args(self) -> tuple[Any, ...]:
        return astuple(self)


LIMITED = Terms()


def same(given: Any, terms: Terms) -> bool:
    """Whether the contract says these terms, to the last bit."""
    given, expected = tuple(given), terms.args()
    return encode([TUPLE], [given]) == encode([TUPLE], [expected])
