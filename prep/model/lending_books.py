"""The books of a lending vault: its state, what has accrued, and everything that can be asked about
it. docs/credit.md, "Lending vault". Amounts are base units of the token."""

from collections.abc import Hashable
from typing import Final

from prep.model.fixed import WAD, ceil_div, mul_div_ceil, mul_div_floor
from prep.model.interest import MAX_INDEX, RAY, Borrower, RateCurve, growth
from prep.model.lending_results import InterestAccrued
from prep.model.limits import VIRTUAL_ASSETS, VIRTUAL_SHARES, WIPED_OUT

MAX_TOTAL_ASSETS: Final = 10**37
MAX_RESERVES: Final = 2**128 - 1
"""What deposits can bring `total_assets` to."""


class LendingBooks:
    """The state of one vault. Its user sets `now` (seconds)."""

    __slots__ = (
        "borrowers",
        "curve",
        "debt_shares",
        "idle",
        "index",
        "locked",
        "locked_since",
        "locked_until",
        "now",
        "profit_unlock_time",
        "quoted",
        "reserve_share",
        "reserves_stored",
        "shares",
        "supply",
        "updated_at",
    )

    def __init__(self, now: int, curve: RateCurve) -> None:
        curve.validate()
        self.now = self.updated_at = now
        self.curve = curve
        self.reserve_share = self.profit_unlock_time = 0
        self.idle = 0
        self.debt_shares = 0  # of all indexed borrowers
        self.index = RAY
        self.quoted = 0
        self.locked = self.locked_since = self.locked_until = 0
        self.reserves_stored = 0
        self.shares: dict[Hashable, int] = {}
        self.supply = 0
        self.borrowers: dict[Hashable, Borrower] = {}

    def accrual(self) -> InterestAccrued:
        """Index, interest since the last time and reserves of now; nothing stored. While nobody
        owes debt shares, the index stands still."""
        elapsed = self.now - self.updated_at
        if elapsed == 0 or self.debt_shares == 0:
            return InterestAccrued(self.index, 0, self.reserves_stored)
        rate = self.curve.rate(self._utilisation(self.index))
        index = min(self.index + growth(self.index, rate, elapsed), MAX_INDEX)
        interest = self.debt_shares * index // RAY - self.debt_shares * self.index // RAY
        return InterestAccrued(
            index, interest, self._with_reserves(interest * self.reserve_share // WAD)
        )

    def _with_reserves(self, part: int) -> int:
        """The reserves with what is added; beyond 2**128 - 1 it stays the lenders'."""
        return min(self.reserves_stored + part, MAX_RESERVES)

    # --------------------------------------------------------------------------------------- views

    def balance_of(self, owner: Hashable) -> int:
        """Shares of `owner`."""
        return self.shares.get(owner, 0)

    def total_debt(self) -> tuple[int, int]:
        """All debt of indexed borrowers (rounded down) and of quoted ones, with interest."""
        return self.debt_shares * self.accrual().index // RAY, self.quoted

    def locked_interest(self) -> int:
        """What of recorded interest is not in `total_assets` yet, rounded up."""
        if self.now >= self.locked_until:
            return 0
        return ceil_div(
            self.locked * (self.locked_until - self.now), self.locked_until - self.locked_since
        )

    def reserves(self) -> int:
        """The treasury's part that was not paid yet."""
        return self.accrual().reserves

    def utilisation(self) -> int:
        """Debt over debt and idle tokens, WAD, rounded down."""
        return self._utilisation(self.accrual().index)

    def borrow_rate(self) -> int:
        """The yearly rate of now, WAD."""
        return self.curve.rate(self.utilisation())

    def debt_index(self) -> int:
        """What a debt share is worth, RAY."""
        return self.accrual().index

    def to_debt(self, shares: int) -> int:
        """What `shares` of debt are worth, rounded up."""
        return mul_div_ceil(shares, self.accrual().index, RAY)

    def debt_of(self, borrower: Hashable) -> int:
        """What a borrower owes, rounded up."""
        known = self.borrowers.get(borrower)
        return self._owed(known, self.accrual().index) if known else 0

    def shares_owed(self, borrower: Hashable) -> int:
        """A borrower's debt shares; 0 for a quoted one."""
        known = self.borrowers.get(borrower)
        return known.shares if known else 0

    def max_borrow(self, borrower: Hashable) -> int:
        """The most that a borrower could take now, exactly."""
        known = self.borrowers.get(borrower)
        if known is None:
            return 0
        if known.indexed:
            index = self.accrual().index
            most = max(0, known.cap * RAY // index - known.shares) * index // RAY
        else:
            most = max(0, known.cap - known.quoted)
        return min(self.idle, most)

    def total_assets(self) -> int:
        """What belongs to lenders; never negative."""
        return max(0, self.idle + sum(self.total_debt()) - self.locked_interest() - self.reserves())

    def convert_to_shares(self, assets: int) -> int:
        """Rounded down."""
        return mul_div_floor(
            assets, self.supply + VIRTUAL_SHARES, self.total_assets() + VIRTUAL_ASSETS
        )

    def convert_to_assets(self, shares: int) -> int:
        """Rounded down."""
        return mul_div_floor(
            shares, self.total_assets() + VIRTUAL_ASSETS, self.supply + VIRTUAL_SHARES
        )

    def preview_deposit(self, assets: int) -> int:
        """Shares for `assets`, limits aside."""
        return self.convert_to_shares(assets)

    def preview_mint(self, shares: int) -> int:
        """Assets for `shares`, rounded up, limits aside."""
        return mul_div_ceil(
            shares, self.total_assets() + VIRTUAL_ASSETS, self.supply + VIRTUAL_SHARES
        )

    def preview_withdraw(self, assets: int) -> int:
        """Shares for `assets`, rounded up, limits aside."""
        return mul_div_ceil(
            assets, self.supply + VIRTUAL_SHARES, self.total_assets() + VIRTUAL_ASSETS
        )

    def preview_redeem(self, shares: int) -> int:
        """Assets for `shares`, limits aside."""
        return self.convert_to_assets(shares)

    def max_deposit(self) -> int:
        """0 once the value per share has been all but wiped out, else what fits."""
        total = self.total_assets()
        if self.supply > 0 and total < self.supply // WIPED_OUT:
            return 0
        return max(0, MAX_TOTAL_ASSETS - total)

    def max_mint(self) -> int:
        """The shares whose price still fits into `max_deposit`."""
        return self.convert_to_shares(self.max_deposit())

    def max_withdraw(self, owner: Hashable) -> int:
        """What the shares of `owner` are worth, as far as it lies idle."""
        return min(self.idle, self.convert_to_assets(self.balance_of(owner)))

    def max_redeem(self, owner: Hashable) -> int:
        """The most shares of `owner` whose assets lie idle; 0 when they are worth nothing."""
        most = min(self.balance_of(owner), self.preview_withdraw(self.idle + 1) - 1)
        return most if self.convert_to_assets(most) else 0

    # ------------------------------------------------------------------------------------ internal

    def _utilisation(self, index: int) -> int:
        debt = self.debt_shares * index // RAY + self.quoted
        return debt * WAD // (debt + self.idle) if debt else 0

    @staticmethod
    def _owed(borrower: Borrower, index: int) -> int:
        """Rounded up."""
        return mul_div_ceil(borrower.shares, index, RAY) + borrower.quoted
