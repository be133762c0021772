"""What a vault share is worth and how much may move, from a market's stored sums alone."""

from typing import NamedTuple

import pytest

from tests.expected import Totals, assets, ceil, shares
from tests.suite import WAD, Suite
from tests.unit.books import accrued, open_position, sign

DAY = 86_400
MAX_LIQUIDITY = 10**37
WIPED_OUT = 10**12  # shares per asset
COLLATERAL = 20_000 * WAD
NOTIONAL = 43_210 * WAD + 98_765

winning_or_losing = pytest.mark.parametrize("change", [321, -321], ids=["winning", "losing"])
# Where the sides are mirror images of each other.
one_of_each_side = pytest.mark.parametrize(
    "is_long, change", [(True, 321), (False, -321)], ids=["long-winning", "short-losing"]
)


class Exposure(NamedTuple):
    """In the order of the contract's struct."""

    liquidity: int
    seq_pnl: int = 0
    funding: int = 0
    borrowing: int = 0
    reserves: int = 0


class Value(NamedTuple):
    """What shares stand for; assets in PREP base units."""

    liquidity: int
    upper: int
    lower: int
    reserves: int
    supply: int
    debt: int = 0
    target: int = 0
    cap: int = MAX_LIQUIDITY

    @property
    def free(self) -> int:
        needed = ceil(self.target * self.debt, WAD)
        return max(0, self.liquidity - max(self.reserves, needed))

    @property
    def max_deposit(self) -> int:
        if self.supply and self.upper < self.supply // WIPED_OUT:
            return 0
        return max(0, self.cap - self.liquidity)

    @property
    def max_mint(self) -> int:
        return shares(self.max_deposit, self.upper, self.supply)

    def max_withdraw(self, held: int) -> int:
        return min(self.free, assets(held, self.lower, self.supply))

    def max_redeem(self, held: int) -> int:
        fitting = shares(self.free + 1, self.lower, self.supply, up=True) - 1
        most = min(held, fitting)
        return most if assets(most, self.lower, self.supply) else 0


def totals(suite: Suite) -> Totals:
    """Of market 0, as stored."""
    state = suite.lens.marketState(0)
    return Totals(
        state.longOI,
        state.shortOI,
        state.costLong,
        state.costShort,
        state.borrowCost,
        state.fundingCost,
        state.sumSquares,
        state.sumSignedSquares,
    )


def exposure(suite: Suite, now: int, *, by_larger_side: bool = False) -> Exposure:
    sums, liquidity = totals(suite), suite.protocol.liquidity()
    if not sums.open_interest:
        return Exposure(liquidity)
    at = accrued(suite, now)
    seq_pnl = sums.seq_pnl(suite.price(), suite.market["skewScale"])
    funding = sums.funding(at.funding.index)
    return Exposure(
        liquidity,
        seq_pnl,
        funding,
        sums.borrowing(at.borrow_index),
        sums.reserves(
            suite.market["reserveFactor"], seq_pnl, funding, by_larger_side=by_larger_side
        ),
    )


def value(suite: Suite, now: int, *, by_larger_side: bool = False) -> Value:
    e = exposure(suite, now, by_larger_side=by_larger_side)
    return Value(
        e.liquidity,
        max(0, e.liquidity - e.seq_pnl - e.funding - e.borrowing),
        max(0, e.liquidity - max(0, e.seq_pnl) - max(0, e.funding)),
        e.reserves,
        suite.vault.totalSupply(),
        max(0, e.seq_pnl + e.funding),
        suite.vault.targetCollateralizationRatio(),
        suite.vault.depositCap(),
    )


def trade(suite: Suite, account, clock, is_long: bool, change: int) -> Value:
    """A position, a day, and a price that moved by `change` dollars in the trader's favour: no
    amount is round any more. The vault's value."""
    open_position(suite, account, COLLATERAL, NOTIONAL, is_long)
    now = clock.advance(DAY)
    suite.set_price(10_000 + sign(is_long) * change)
    return value(suite, now)


def smallest_redeemable(v: Value) -> int:
    """The fewest shares that are worth one base unit."""
    return ceil(v.supply + 10**6, v.lower + 1)
