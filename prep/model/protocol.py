"""The whole system: the vault's shares beside isolated trading, one method per contract function.
docs/whitepaper.md, "Vault"."""

from collections.abc import Callable, Hashable
from typing import TypeVar

from prep.model import config as bounds
from prep.model import limits
from prep.model.deleverage import Deleverage
from prep.model.errors import Rejected
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
        maximum = self.vault.max_withdraw(who, exposure)
        if assets > maximum:
            raise Rejected("ERC4626ExceededMaxWithdraw", who, assets, maximum)
        lower = self.vault.lower_value(exposure)
        shares = self.vault.shares_for(assets, lower, round_up=True)
        self.vault.remove(who, assets, shares)
        return Withdrawn(caller, to, who, assets, shares)

    def redeem(
        self,
        caller: Hashable,
        shares: int,
        receiver: Hashable | None = None,
        owner: Hashable | None = None,
        min_assets: int = 0,
    ) -> Withdrawn:
        """As `withdraw`, for a number of shares; the assets are rounded down."""
        if shares == 0:
            raise Rejected("ZeroAmount")
        self._check_withdrawals()
        to, who = self._parties(caller, receiver, owner)
        exposure = self._exposure_for_withdrawals()
        maximum = self.vault.max_redeem(who, exposure)
        if shares > maximum:
            raise Rejected("ERC4626ExceededMaxRedeem", who, shares, maximum)
        assets = self.vault.assets_for(shares, self.vault.lower_value(exposure))
        if assets == 0:
            raise Rejected("ZeroAmount")
        if assets < min_assets:
            raise Rejected("TooLittleReceived", assets, min_assets)
        self.vault.remove(who, assets, shares)
        return Withdrawn(caller, to, who, assets, shares)

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

    def switch_withdrawals(self, *, stopped: bool) -> None:
        """Withdrawals and redemptions stop, or go on."""
        self.vault.withdrawals_stopped = stopped

    # --------------------------------------------------------------------------------------- views

    def max_deposit(self) -> int:
        """The most that `deposit` takes; 0 when a needed price is missing, as all of these."""
        upper = self._or_none(self.upper_value)
        return 0 if upper is None else self.vault.max_deposit(upper)

    def max_mint(self) -> int:
        """The most that `mint` gives."""
        upper = self._or_none(self.upper_value)
        return 0 if upper is None else self.vault.max_mint(upper)

    def max_withdraw(self, owner: Hashable) -> int:
        """The most assets that `owner`'s shares can be withdrawn for."""
        exposure = self._or_none(self._exposure_for_withdrawals)
        if exposure is None or self.vault.withdrawals_stopped:
            return 0
        return self.vault.max_withdraw(owner, exposure)

    def max_redeem(self, owner: Hashable) -> int:
        """The most of `owner`'s shares that can be redeemed."""
        exposure = self._or_none(self._exposure_for_withdrawals)
        if exposure is None or self.vault.withdrawals_stopped:
            return 0
        return self.vault.max_redeem(owner, exposure)

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
