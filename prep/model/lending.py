"""A lending vault: lends one token to registered borrowers. docs/credit.md, "Lending vault".

Amounts are base units of the token. The first check that fails names the error; the checks of an
action come in the order in which the interface declares their errors: the amount, the caller, idle
tokens, the cap, the debt. What depends on interest accrues before; who is refused has stored
nothing. Tokens that somebody just sends are in no count.

- Repaying may remove no debt share at all: what is paid then is the lenders'. Whoever has to pay
  the last unit of a balance must not be stopped by rounding.
- With a `profit_unlock_time` of 0 recorded interest is not locked, and what is locked stays so.
- Caps, `profit_unlock_time` and shares that change hands do not depend on interest: no accrual.
"""

from collections.abc import Hashable
from typing import Final

from prep.model.config import require
from prep.model.errors import Rejected
from prep.model.fixed import WAD, mul_div_ceil
from prep.model.interest import RAY, Borrower, BorrowerKind, RateCurve
from prep.model.lending_books import LendingBooks
from prep.model.lending_results import (
    Borrowed,
    BorrowerSet,
    InterestAccrued,
    InterestRecorded,
    Repaid,
    ReservesCollected,
    WrittenOff,
)
from prep.model.limits import DAY
from prep.model.results import Deposited, Withdrawn

MAX_RESERVE_SHARE: Final = WAD // 2
MAX_PROFIT_UNLOCK_TIME: Final = 7 * DAY


class LendingPool(LendingBooks):
    """The vault of one token. Authority, allowances and wallets are not modelled, nor decimals:
    nothing depends on them."""

    __slots__ = ()

    def __init__(
        self, now: int, curve: RateCurve, *, reserve_share: int = 0, profit_unlock_time: int = 0
    ) -> None:
        super().__init__(now, curve)
        self.set_reserve_share(reserve_share)
        self.set_profit_unlock_time(profit_unlock_time)

    # ------------------------------------------------------------------------------------- lenders

    def deposit(self, caller: Hashable, assets: int, receiver: Hashable | None = None) -> Deposited:
        """`receiver` (the caller by default) gets shares for `assets`, rounded down."""
        if assets == 0:
            raise Rejected("ZeroAmount")
        to = caller if receiver is None else receiver
        maximum = self.max_deposit()
        if assets > maximum:
            raise Rejected("ERC4626ExceededMaxDeposit", to, assets, maximum)
        shares = self.convert_to_shares(assets)
        if shares == 0:
            raise Rejected("ZeroAmount")
        self._enter(to, assets, shares)
        return Deposited(caller, to, assets, shares)

    def mint(self, caller: Hashable, shares: int, receiver: Hashable | None = None) -> Deposited:
        """As `deposit`, for a number of shares; what they cost is rounded up."""
        if shares == 0:
            raise Rejected("ZeroAmount")
        to = caller if receiver is None else receiver
        maximum = self.max_mint()
        if shares > maximum:
            raise Rejected("ERC4626ExceededMaxMint", to, shares, maximum)
        assets = self.preview_mint(shares)
        self._enter(to, assets, shares)
        return Deposited(caller, to, assets, shares)

    def withdraw(
        self,
        caller: Hashable,
        assets: int,
        receiver: Hashable | None = None,
        owner: Hashable | None = None,
    ) -> Withdrawn:
        """`receiver` gets `assets` for `owner`'s shares (both the caller by default), which are
        rounded up. As far as they lie idle."""
        if assets == 0:
            raise Rejected("ZeroAmount")
        to, who = caller if receiver is None else receiver, caller if owner is None else owner
        maximum = self.max_withdraw(who)
        if assets > maximum:
            raise Rejected("ERC4626ExceededMaxWithdraw", who, assets, maximum)
        shares = self.preview_withdraw(assets)
        self._leave(who, assets, shares)
        return Withdrawn(caller, to, who, assets, shares)

    def redeem(
        self,
        caller: Hashable,
        shares: int,
        receiver: Hashable | None = None,
        owner: Hashable | None = None,
    ) -> Withdrawn:
        """As `withdraw`, for a number of shares; the assets are rounded down."""
        if shares == 0:
            raise Rejected("ZeroAmount")
        to, who = caller if receiver is None else receiver, caller if owner is None else owner
        maximum = self.max_redeem(who)
        if shares > maximum:
            raise Rejected("ERC4626ExceededMaxRedeem", who, shares, maximum)
        assets = self.convert_to_assets(shares)
        if assets == 0:
            raise Rejected("ZeroAmount")
        self._leave(who, assets, shares)
        return Withdrawn(caller, to, who, assets, shares)

    def transfer(self, source: Hashable, target: Hashable, shares: int) -> None:
        """Shares change their owner."""
        balance = self.balance_of(source)
        if shares > balance:
            raise Rejected("ERC20InsufficientBalance", source, balance, shares)
        self.shares[source] = balance - shares
        self.shares[target] = self.balance_of(target) + shares

    # ----------------------------------------------------------------------------------- borrowers

    def borrow(self, caller: Hashable, assets: int) -> Borrowed:
        """Lends to a registered borrower; debt shares are rounded up."""
        borrower = self._borrower(caller, assets)
        if assets > self.idle:
            raise Rejected("InsufficientLiquidity", self.idle, assets)
        index = self.accrual().index
        shares = mul_div_ceil(assets, RAY, index) if borrower.indexed else 0
        if borrower.indexed:
            debt = mul_div_ceil(borrower.shares + shares, index, RAY)
        else:
            debt = borrower.quoted + assets
        if debt > borrower.cap:
            raise Rejected("BorrowCapExceeded", debt, borrower.cap)
        self.accrue()
        self._change_debt(borrower, assets, shares)
        self.idle -= assets
        return Borrowed(caller, assets, shares, debt)

    def repay(self, caller: Hashable, assets: int) -> Repaid:
        """Takes tokens back; debt shares are rounded down, even to none."""
        borrower, shares, debt = self._plan_repay(caller, assets)
        self.accrue()
        self._change_debt(borrower, -assets, -shares)
        self.idle += assets
        return Repaid(caller, assets, shares, debt)

    def record_interest(self, caller: Hashable, interest: int) -> InterestRecorded:
        """Adds to the debt of a quoted borrower. It enters `total_assets` little by little."""
        borrower = self._borrower(caller, interest)
        if borrower.indexed:
            raise Rejected("NotBorrower", caller)
        self.accrue()
        self._change_debt(borrower, interest, 0)
        part = interest * self.reserve_share // WAD
        self.reserves_stored = self._with_reserves(part)
        self._lock(interest - part)
        return InterestRecorded(caller, interest, borrower.quoted, self.locked_interest())

    def write_off(self, caller: Hashable, assets: int) -> WrittenOff:
        """The debt shrinks as by repaying and nobody pays. Locked interest bears it first, then the
        lenders."""
        borrower, shares, debt = self._plan_repay(caller, assets)
        self.accrue()
        self._change_debt(borrower, -assets, -shares)
        left = self.locked_interest()
        consumed = min(left, assets)
        self.locked, self.locked_since = left - consumed, self.now
        rest = self.idle + sum(self.total_debt()) - self.locked
        self.reserves_stored = min(self.reserves_stored, max(0, rest))
        return WrittenOff(caller, assets, shares, debt, assets - consumed)

    # ------------------------------------------------------------------------------------ interest

    def accrue(self) -> InterestAccrued:
        """Stores what has accrued."""
        accrual = self.accrual()
        self.index, self.reserves_stored, self.updated_at = (
            accrual.index,
            accrual.reserves,
            self.now,
        )
        return accrual

    def collect_reserves(self) -> ReservesCollected:
        """Pays the treasury its part, as much as lies idle."""
        reserves = self.reserves()
        amount = min(reserves, self.idle)
        if amount == 0:
            raise Rejected("ZeroAmount")
        self.accrue()
        self.reserves_stored -= amount
        self.idle -= amount
        return ReservesCollected(amount, self.reserves_stored)

    # --------------------------------------------------------------------------------------- roles

    def register_borrower(self, borrower: Hashable, kind: BorrowerKind, cap: int) -> BorrowerSet:
        """Registers a borrower, or changes its cap."""
        require("kind", kind.value, BorrowerKind.INDEXED.value, BorrowerKind.QUOTED.value)
        known = self.borrowers.get(borrower)
        if known is not None and known.kind is not kind:
            raise Rejected("BorrowerKindFixed", borrower, known.kind)
        if known is None:
            self.borrowers[borrower] = Borrower(kind, cap)
        else:
            known.cap = cap
        return BorrowerSet(borrower, kind, cap)

    def set_borrow_cap(self, borrower: Hashable, cap: int) -> BorrowerSet:
        """Sets the cap of a registered borrower; below its debt it borrows no more."""
        known = self.borrowers.get(borrower)
        if known is None:
            raise Rejected("NotBorrower", borrower)
        known.cap = cap
        return BorrowerSet(borrower, known.kind, cap)

    def disable_borrower(self, borrower: Hashable) -> BorrowerSet:
        """Sets its cap to 0."""
        return self.set_borrow_cap(borrower, 0)

    def set_rate_curve(self, curve: RateCurve) -> None:
        """Sets the rates from now on."""
        curve.validate()
        self.accrue()
        self.curve = curve

    def set_reserve_share(self, share: int) -> None:
        """Sets the treasury's part of interest from now on, WAD."""
        require("reserveShare", share, 0, MAX_RESERVE_SHARE)
        self.accrue()
        self.reserve_share = share

    def set_profit_unlock_time(self, period: int) -> None:
        """Sets how long interest recorded from now on takes to enter `total_assets`, seconds."""
        require("profitUnlockTime", period, 0, MAX_PROFIT_UNLOCK_TIME)
        self.profit_unlock_time = period

    # ------------------------------------------------------------------------------------ internal

    def _enter(self, owner: Hashable, assets: int, shares: int) -> None:
        self.accrue()
        self.idle += assets
        self.supply += shares
        self.shares[owner] = self.balance_of(owner) + shares

    def _leave(self, owner: Hashable, assets: int, shares: int) -> None:
        self.accrue()
        self.idle -= assets
        self.supply -= shares
        self.shares[owner] = self.balance_of(owner) - shares

    def _borrower(self, caller: Hashable, amount: int) -> Borrower:
        """The checks that all actions of borrowers begin with."""
        if amount == 0:
            raise Rejected("ZeroAmount")
        borrower = self.borrowers.get(caller)
        if borrower is None:
            raise Rejected("NotBorrower", caller)
        return borrower

    def _plan_repay(self, caller: Hashable, assets: int) -> tuple[Borrower, int, int]:
        """The borrower, the debt shares that go and the debt that is left."""
        borrower = self._borrower(caller, assets)
        index = self.accrual().index
        debt = self._owed(borrower, index)
        if assets > debt:
            raise Rejected("DebtExceeded", assets, debt)
        if not borrower.indexed:
            return borrower, 0, debt - assets
        shares = min(borrower.shares, assets * RAY // index)
        return borrower, shares, mul_div_ceil(borrower.shares - shares, index, RAY)

    def _change_debt(self, borrower: Borrower, assets: int, shares: int) -> None:
        """Of the borrower and of all of its kind."""
        if borrower.indexed:
            borrower.shares += shares
            self.debt_shares += shares
        else:
            borrower.quoted += assets
            self.quoted += assets

    def _lock(self, amount: int) -> None:
        """Locks interest for the time that weighs it and what is locked alike, rounded down: small
        amounts do not hold up large ones."""
        if self.profit_unlock_time == 0:
            return
        left, remaining = self.locked_interest(), max(0, self.locked_until - self.now)
        weighted = left * remaining + amount * self.profit_unlock_time
        self.locked = left + amount
        self.locked_until = self.now + weighted // self.locked
        self.locked_since = self.now
