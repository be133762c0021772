"""The whole system: the vault's shares beside isolated trading, one method per contract function.
docs/whitepaper.md, "Vault"."""

from collections.abc import Callable, Hashable
from typing import TypeVar

from prep.model import config as bounds
from prep.model import limits
from prep.model.deleverage import Deleverage
from prep.model.errors import Rejected
from prep.model.redeem_queue import (
    MAX_COOLDOWN_PERIOD,
    MAX_REDEEM_WINDOW,
    MIN_REDEEM_WINDOW,
    RedeemRequested,
    RequestsCancelled,
)
from prep.model.results import Deposited, Withdrawn
from prep.model.vault import Exposure, ReserveBasis, VaultState

T = TypeVar("T")


class System(Deleverage):
    """The whole. Its user sets `now` (seconds) and the prices. Authority is not modelled: a caller
    has the role or the allowance that a method needs."""

    def __init__(
        self,
        *,
        now: int = 0,
        protocol_fee_rate: int = 0,
        reserve_basis: ReserveBasis = ReserveBasis.DIFFERENCE,
    ) -> None:
        vault = VaultState(reserve_basis)
        super().__init__(vault, now=now, protocol_fee_rate=protocol_fee_rate)

    # ------------------------------------------------------------------------------------- actions

    def deposit(
        self,
        caller: Hashable,
        assets: int,
        receiver: Hashable | None = None,
        min_shares: int = 0,
    ) -> Deposited:
        """`receiver` (the caller by default) gets shares for `assets` at the upper value."""
        if assets == 0:
            raise Rejected("ZeroAmount")
        to = caller if receiver is None else receiver
        upper = self.upper_value()
        maximum = self.vault.max_deposit(upper)
        if assets > maximum:
            raise Rejected("ERC4626ExceededMaxDeposit", to, assets, maximum)
        shares = self.vault.shares_for(assets, upper)
        if shares == 0:
            raise Rejected("ZeroAmount")
        if shares < min_shares:
            raise Rejected("TooLittleReceived", shares, min_shares)
        self.vault.add(to, assets, shares)
        return Deposited(caller, to, assets, shares)

    def mint(self, caller: Hashable, shares: int, receiver: Hashable | None = None) -> Deposited:
        """As `deposit`, for a number of shares; what they cost is rounded up."""
        if shares == 0:
            raise Rejected("ZeroAmount")
        to = caller if receiver is None else receiver
        upper = self.upper_value()
        maximum = self.vault.max_mint(upper)
        if shares > maximum:
            raise Rejected("ERC4626ExceededMaxMint", to, shares, maximum)
        assets = self.vault.assets_for(shares, upper, round_up=True)
        self.vault.add(to, assets, shares)
        return Deposited(caller, to, assets, shares)

    def withdraw(
        self,
        caller: Hashable,
        assets: int,
        receiver: Hashable | None = None,
        owner: Hashable | None = None,
    ) -> Withdrawn:
        """`receiver` gets `assets` for `owner`'s shares (both the caller by default) at the lower
        value; the shares are rounded up."""
        if assets == 0:
            raise Rejected("ZeroAmount")
        self._check_withdrawals()
        to, who = self._parties(caller, receiver, owner)
        exposure = self._exposure_for_withdrawals()
        maximum = self.vault.max_withdraw(self.redeemable_shares(who), exposure)
        if assets > maximum:
            raise Rejected("ERC4626ExceededMaxWithdraw", who, assets, maximum)
        lower = self.vault.lower_value(exposure)
        shares = self.vault.shares_for(assets, lower, round_up=True)
        self.vault.remove(who, assets, shares, 0, self.now)
        return Withdrawn(caller, to, who, assets, shares)

    def redeem(
        self,
        caller: Hashable,
        shares: int,
        receiver: Hashable | None = None,
        owner: Hashable | None = None,
        min_assets: int = 0,
        ref: int = 0,
    ) -> Withdrawn:
        """As `withdraw`, for a number of shares, of any queue; the assets are rounded down."""
        if shares == 0:
            raise Rejected("ZeroAmount")
        self._check_withdrawals()
        to, who = self._parties(caller, receiver, owner)
        exposure = self._exposure_for_withdrawals()
        maximum = self.vault.max_redeem(self.redeemable_shares(who, ref), exposure)
        if shares > maximum:
            raise Rejected("ERC4626ExceededMaxRedeem", who, shares, maximum)
        assets = self.vault.assets_for(shares, self.vault.lower_value(exposure))
        if assets == 0:
            raise Rejected("ZeroAmount")
        if assets < min_assets:
            raise Rejected("TooLittleReceived", assets, min_assets)
        self.vault.remove(who, assets, shares, ref, self.now)
        return Withdrawn(caller, to, who, assets, shares)

    def request_redeem(self, owner: Hashable, shares: int, ref: int = 0) -> RedeemRequested:
        """Locks `shares` until they are redeemed, cancelled or lapsed."""
        if shares == 0:
            raise Rejected("ZeroAmount")
        if self.vault.queues.period == 0:
            raise Rejected("NoCooldown")
        unlocked = self.vault.unlocked(owner, ref, self.now)
        if shares > unlocked:
            raise Rejected("InsufficientUnlocked", owner, unlocked, shares)
        return self.vault.queues.request(owner, ref, shares, self.now)

    def cancel_request(self, owner: Hashable, shares: int, ref: int = 0) -> RequestsCancelled:
        """Unlocks `shares`, newest requests first."""
        if shares == 0:
            raise Rejected("ZeroAmount")
        return self.vault.queues.cancel(owner, ref, shares, self.now)

    def clear_lapsed(self, owner: Hashable, ref: int = 0) -> int:
        """Removes what has lapsed from a queue. How many shares that unlocks."""
        return self.vault.queues.clear(owner, ref, self.now)

    def transfer(self, source: Hashable, target: Hashable, shares: int) -> None:
        """Unlocked shares change their owner. What has lapsed is removed from the queue 0 if they
        would not suffice otherwise."""
        balance = self.vault.balance_of(source)
        if shares > balance:
            raise Rejected("ERC20InsufficientBalance", source, balance, shares)
        unlocked = self.vault.unlocked(source, 0, self.now)
        if shares > unlocked:
            raise Rejected("InsufficientUnlocked", source, unlocked, shares)
        if shares > balance - self.vault.queues.held(source):
            self.clear_lapsed(source)
        self.vault.move(source, target, shares)

    # --------------------------------------------------------------------------------------- roles

    def set_target_collateralization_ratio(self, ratio: int) -> None:
        """What withdrawals leave for each unit that is owed to traders, WAD."""
        bounds.require(
            "targetCollateralizationRatio", ratio, 0, limits.MAX_TARGET_COLLATERALIZATION_RATIO
        )
        self.vault.target_collateralization_ratio = ratio

    def set_deposit_cap(self, cap: int) -> None:
        """What deposits can bring liquidity to."""
        bounds.require("depositCap", cap, 0, limits.MAX_LIQUIDITY)
        self.vault.deposit_cap = cap

    def set_cooldown_period(self, period: int) -> None:
        """Seconds after which requests from now on mature; 0: none are needed."""
        bounds.require("cooldownPeriod", period, 0, MAX_COOLDOWN_PERIOD)
        self.vault.queues.period = period

    def set_redeem_window(self, window: int) -> None:
        """Seconds after which requests from now on lapse when they have matured; 0: never."""
        if window:
            bounds.require("redeemWindow", window, MIN_REDEEM_WINDOW, MAX_REDEEM_WINDOW)
        self.vault.queues.window = window

    def switch_withdrawals(self, *, stopped: bool) -> None:
        """Withdrawals and redemptions stop, or go on, and what has matured lapses no more until
        then."""
        self.vault.withdrawals_stopped = stopped
        self.vault.queues.switch(self.now, stopped=stopped)

    # --------------------------------------------------------------------------------------- views

    def max_deposit(self) -> int:
        """The most that `deposit` takes; 0 when a needed price is missing, as all of these."""
        upper = self._or_none(self.upper_value)
        return 0 if upper is None else self.vault.max_deposit(upper)

    def max_mint(self) -> int:
        """The most that `mint` gives."""
        upper = self._or_none(self.upper_value)
        return 0 if upper is None else self.vault.max_mint(upper)

    def max_withdraw(self, owner: Hashable, ref: int = 0) -> int:
        """The most assets that can be withdrawn for the shares of `owner` that a queue lets go."""
        exposure = self._or_none(self._exposure_for_withdrawals)
        if exposure is None or self.vault.withdrawals_stopped:
            return 0
        return self.vault.max_withdraw(self.redeemable_shares(owner, ref), exposure)

    def max_redeem(self, owner: Hashable, ref: int = 0) -> int:
        """The most shares of `owner` that can be redeemed, of those that a queue lets go."""
        exposure = self._or_none(self._exposure_for_withdrawals)
        if exposure is None or self.vault.withdrawals_stopped:
            return 0
        return self.vault.max_redeem(self.redeemable_shares(owner, ref), exposure)

    def redeemable_shares(self, owner: Hashable, ref: int = 0) -> int:
        """What has matured in a queue and, without a cooldown, all unlocked shares."""
        return self.vault.redeemable(owner, ref, self.now)

    def locked_shares(self, owner: Hashable) -> int:
        """What `owner` can neither transfer nor request."""
        return self.vault.queues.locked(owner, 0, self.now)

    def requests(self, owner: Hashable, ref: int = 0) -> list[tuple[int, int, int]]:
        """Shares, when they mature and when they lapse (0: never) of each request of a queue."""
        return self.vault.queues.requests(owner, ref, self.now)

    def total_assets(self) -> int:
        """The lower value."""
        return self.lower_value()

    def convert_to_shares(self, assets: int) -> int:
        """At the lower value, rounded down."""
        return self.vault.shares_for(assets, self.lower_value())

    def convert_to_assets(self, shares: int) -> int:
        """At the lower value, rounded down."""
        return self.vault.assets_for(shares, self.lower_value())

    def preview_deposit(self, assets: int) -> int:
        """Shares for `assets` at the upper value, limits aside."""
        return self.vault.shares_for(assets, self.upper_value())

    def preview_mint(self, shares: int) -> int:
        """Assets for `shares` at the upper value, limits aside."""
        return self.vault.assets_for(shares, self.upper_value(), round_up=True)

    def preview_withdraw(self, assets: int) -> int:
        """Shares for `assets` at the lower value, limits aside."""
        return self.vault.shares_for(assets, self.lower_value(), round_up=True)

    def preview_redeem(self, shares: int) -> int:
        """Assets for `shares` at the lower value, limits aside."""
        return self.vault.assets_for(shares, self.lower_value())

    # ------------------------------------------------------------------------------------ internal

    def _check_withdrawals(self) -> None:
        if self.vault.withdrawals_stopped:
            raise Rejected("WithdrawalsStopped")

    def _exposure_for_withdrawals(self) -> Exposure:
        return self.exposure(self.vault.reserve_basis is ReserveBasis.LARGER_SIDE)

    @staticmethod
    def _parties(
        caller: Hashable, receiver: Hashable | None, owner: Hashable | None
    ) -> tuple[Hashable, Hashable]:
        return caller if receiver is None else receiver, caller if owner is None else owner

    @staticmethod
    def _or_none(compute: Callable[[], T]) -> T | None:
        try:
            return compute()
        except Rejected:
            return None
