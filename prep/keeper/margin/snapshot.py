"""Asset-backed positions as one block shows them: everything that a decision depends on."""

from dataclasses import dataclass

from prep.keeper.margin.ids import PoolId
from prep.margin.data import Order, PairTerms, Position
from prep.margin.index_events import Mark
from prep.model.interest import RateCurve
from prep.model.margin import arithmetic
from prep.quotes.arithmetic import InterestTooHighError, interest_due
from prep.quotes.swaps import Swap


@dataclass(frozen=True, slots=True)
class Loan:
    """A token that is owed."""

    max_apy: int
    """WAD, as the next one."""
    utilisation: int
    """Of its lending vault."""
    curve: RateCurve

    def most(self, principal: int, elapsed: int) -> int:
        """The highest interest on a principal, of which the chain says no more either."""
        return arithmetic.highest_interest(principal, self.max_apy, elapsed)

    def interest(self, principal: int, elapsed: int) -> int:
        """What a quote would charge now, but for the highest where the curve is above it."""
        most = self.most(principal, elapsed)
        try:
            return interest_due(principal, elapsed, self.curve, self.utilisation, most)
        except InterestTooHighError:
            return most


@dataclass(frozen=True, slots=True)
class Pair:
    """Two tokens that positions are in."""

    terms: PairTerms
    price: int | None
    """The check price, quote base units for a base base unit, WAD; None without one now."""
    no_price: str = ""
    """Why there is none, though there should be."""
    value: int | None = None
    """PREP base units for a quote base unit, WAD; None where nothing says it."""


@dataclass(frozen=True, slots=True)
class Part:
    """Of a position, and the swaps with which it could be liquidated; None where no pool can."""

    amount: int
    """Of the collateral."""
    sale: Swap | None = None
    """Of all of that."""
    purchase: Swap | None = None
    """Of the part's principal of a short, and all interest."""


@dataclass(frozen=True, slots=True)
class Watched:
    """An open position."""

    id: PoolId
    position: Position
    pair: Pair
    loan: Loan | None
    """None: its token has no lending vault."""
    mark: Mark | None = None
    sale: Swap | None = None
    """Of all the collateral; None where it was not asked for, or no pool can."""
    purchase: Swap | None = None
    """Of what a short owes with interest, the same."""
    late_purchase: Swap | None = None
    """Of what it owes at the highest interest a little later; only while its mark is good."""
    parts: tuple[Part, ...] = ()
    """Smaller ones, where the whole is too large or pays too little."""
    differs: str = ""
    """Why the index cannot be right about it."""

    @property
    def whole(self) -> Part:
        """As the largest part."""
        return Part(self.position.collateral, self.sale, self.purchase)

    def due_of(self, amount: int) -> int:
        """The principal that is paid with so much of the collateral, rounded up."""
        p = self.position
        return arithmetic.principal_part(p.principal, amount, p.collateral)

    def elapsed(self, now: int) -> int:
        """Seconds for which it owes interest."""
        return max(0, now - self.position.last_funding_timestamp)

    def interest(self, now: int) -> int:
        """What is charged for them."""
        if self.loan is None:
            return 0
        return self.loan.interest(self.position.principal, self.elapsed(now))

    def most_interest(self, now: int) -> int:
        """What may be charged for them."""
        if self.loan is None:
            return 0
        return self.loan.most(self.position.principal, self.elapsed(now))


@dataclass(frozen=True, slots=True)
class SignedOrder:
    """A take-profit or stop-loss that waits to be executed."""

    id: PoolId
    order: Order
    signature: bytes
    digest: str

    @property
    def kind(self) -> str:
        """In words."""
        return "take-profit" if self.order.take_profit else "stop-loss"


@dataclass(frozen=True, slots=True, kw_only=True)
class MarginSnapshot:
    """One block."""

    block: int
    timestamp: int
    """Seconds."""
    next: int
    """The earliest time of what is sent now."""
    gas_price: int
    """Wei per gas, base fee included."""
    is_liquidator: bool
    """Whether the keeper has this role."""
    is_executor: bool
    """Whether it may execute orders and record interest."""
    grace_period: int
    """Seconds."""
    positions: tuple[Watched, ...] = ()
    """By pool and id."""
    orders: tuple[SignedOrder, ...] = ()
    no_orders: str = ""
    """Why the orders could not be asked for."""
    ether: int = 0
    """Wei that lie in the router: anyone's."""
    paid_with_ether: str = ""
    """The token instead of which the router spends ether where it has as much; empty: none."""

    @property
    def differing(self) -> tuple[PoolId, ...]:
        """Positions that the chain has otherwise than the index."""
        return tuple(watched.id for watched in self.positions if watched.differs)
