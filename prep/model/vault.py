"""The vault's books: liquidity, shares and their two prices. docs/whitepaper.md, "Vault".

Deposits and mints are priced at the upper value, withdrawals and redemptions at the lower one; each
rounding is in favour of those who stay.
"""

from collections.abc import Hashable
from dataclasses import dataclass
from enum import Enum

from prep.model.fixed import UNLIMITED, WAD, mul_div_ceil, mul_div_floor
from prep.model.limits import MAX_LIQUIDITY, VIRTUAL_ASSETS, VIRTUAL_SHARES, WIPED_OUT
from prep.model.redeem_queue import RedeemQueues
from prep.model.storage import check_int128


class ReserveBasis(Enum):
    """Which notional of a market the reserve for withdrawals covers."""

    DIFFERENCE = "difference"
    """The difference of the sides."""
    LARGER_SIDE = "larger side"
    """The larger side: nobody can shrink it by taking the other one."""


@dataclass(frozen=True, slots=True)
class Exposure:
    """What the open positions of all markets could take from the vault, PREP base units."""

    seq_pnl: int
    funding: int
    borrowing: int
    """Never positive."""
    reserves: int
    """Liquidity that has to stay."""

    @property
    def debt(self) -> int:
        """What the vault owes to traders; their debts to it offset only each other."""
        return max(0, self.seq_pnl + self.funding)


class VaultState:
    """Liquidity, net deposits (both PREP base units) and shares, which have 6 decimals more."""

    __slots__ = (
        "deposit_cap",
        "liquidity",
        "net_deposits",
        "queues",
        "reserve_basis",
        "shares",
        "supply",
        "target_collateralization_ratio",
        "withdrawals_stopped",
    )

    def __init__(self, reserve_basis: ReserveBasis = ReserveBasis.DIFFERENCE) -> None:
        self.reserve_basis = reserve_basis
        self.target_collateralization_ratio = 0
        self.deposit_cap = MAX_LIQUIDITY
        self.withdrawals_stopped = False
        self.liquidity = 0
        self.net_deposits = 0
        self.shares: dict[Hashable, int] = {}
        self.supply = 0
        self.queues = RedeemQueues()

    # -------------------------------------------------------------------------------------- values

    def upper_value(self, exposure: Exposure) -> int:
        """Liquidity less all that traders would take, borrowing fees counted; never negative."""
        return max(0, self.liquidity - exposure.seq_pnl - exposure.funding - exposure.borrowing)

    def lower_value(self, exposure: Exposure) -> int:
        """Liquidity less traders' profits, ignoring their losses; never negative."""
        return max(0, self.liquidity - max(0, exposure.seq_pnl) - max(0, exposure.funding))

    def collateralization_ratio(self, exposure: Exposure) -> int:
        """Liquidity over what is owed to traders, WAD; `UNLIMITED` when nothing is owed."""
        debt = exposure.debt
        return self.liquidity * WAD // debt if debt else UNLIMITED

    def available(self, exposure: Exposure) -> int:
        """What may leave: the reserve stays and the collateralization ratio stays at its target."""
        needed = mul_div_ceil(self.target_collateralization_ratio, exposure.debt, WAD)
        return max(0, self.liquidity - max(exposure.reserves, needed))

    # -------------------------------------------------------------------------------------- shares

    def shares_for(self, assets: int, value: int, *, round_up: bool = False) -> int:
        """Shares worth `assets` when the whole vault is worth `value`."""
        mul_div = mul_div_ceil if round_up else mul_div_floor
        return mul_div(assets, self.supply + VIRTUAL_SHARES, value + VIRTUAL_ASSETS)

    def assets_for(self, shares: int, value: int, *, round_up: bool = False) -> int:
        """Assets that `shares` are worth when the whole vault is worth `value`."""
        mul_div = mul_div_ceil if round_up else mul_div_floor
        return mul_div(shares, value + VIRTUAL_ASSETS, self.supply + VIRTUAL_SHARES)

    def balance_of(self, owner: Hashable) -> int:
        """Shares of `owner`."""
        return self.shares.get(owner, 0)

    def unlocked(self, owner: Hashable, ref: int, now: int) -> int:
        """Shares of `owner` in no request, for what acts on the queue `ref`."""
        return self.balance_of(owner) - self.queues.locked(owner, ref, now)

    def redeemable(self, owner: Hashable, ref: int, now: int) -> int:
        """What has matured in a queue and, without a cooldown, all unlocked shares."""
        at_once = 0 if self.queues.period else self.unlocked(owner, ref, now)
        return self.queues.matured(owner, ref, now) + at_once

    # -------------------------------------------------------------------------------------- limits

    def max_deposit(self, upper: int) -> int:
        """0 once the value per share has been all but wiped out, else what fits under the cap."""
        if self.supply > 0 and upper < self.supply // WIPED_OUT:
            return 0
        return max(0, self.deposit_cap - self.liquidity)

    def max_mint(self, upper: int) -> int:
        """The shares whose price still fits into `max_deposit`."""
        return self.shares_for(self.max_deposit(upper), upper)

    def max_withdraw(self, shares: int, exposure: Exposure) -> int:
        """What `shares` that may be redeemed are worth, as far as it may leave."""
        worth = self.assets_for(shares, self.lower_value(exposure))
        return min(self.available(exposure), worth)

    def max_redeem(self, shares: int, exposure: Exposure) -> int:
        """The most of these shares whose assets may leave; 0 when they are worth nothing."""
        lower = self.lower_value(exposure)
        above = self.shares_for(self.available(exposure) + 1, lower, round_up=True)
        most = min(shares, above - 1)
        return most if self.assets_for(most, lower) else 0

    # ------------------------------------------------------------------------------------- changes

    def add(self, owner: Hashable, assets: int, shares: int) -> None:
        """`owner` gets `shares` for `assets`."""
        check_int128(self.net_deposits + assets)
        self.liquidity += assets
        self.net_deposits += assets
        self.supply += shares
        self.shares[owner] = self.balance_of(owner) + shares

    def remove(self, owner: Hashable, assets: int, shares: int, ref: int, now: int) -> None:
        """`shares` of `owner` are burned for `assets`: matured ones of a queue, then unlocked."""
        check_int128(self.net_deposits - assets)
        self.queues.take(owner, ref, shares, now)
        self.liquidity -= assets
        self.net_deposits -= assets
        self.supply -= shares
        self.shares[owner] = self.balance_of(owner) - shares

    def move(self, source: Hashable, target: Hashable, shares: int) -> None:
        """`shares` change their owner."""
        self.shares[source] = self.balance_of(source) - shares
        self.shares[target] = self.balance_of(target) + shares
