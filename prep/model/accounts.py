"""The books of the credit manager: assets, accounts, and how balances and debts change.
docs/credit.md, "Health" and "Settling". Amounts are base units of their asset."""

from collections.abc import Hashable
from dataclasses import replace
from typing import Final

from prep.model.config import require
from prep.model.credit_config import (
    BPS,
    LP_SHARES,
    MAX_ASSETS,
    MAX_HELD,
    NO_MARKET_LTV,
    PREP,
    AssetConfig,
    MarketLtv,
)
from prep.model.credit_results import BalanceChanged, DebtChanged, Holding
from prep.model.errors import Rejected
from prep.model.fixed import WAD
from prep.model.health import Health, Held, Stake, health
from prep.model.lending import LendingPool
from prep.model.limits import MAX_PRICE
from prep.model.position import equity
from prep.model.protocol import System
from prep.model.undo import Undo

SHARES_PRICED: Final = 10**36
"""How many shares of the LP vault the share oracle converts."""


class Asset:
    """An asset's parameters, its price (of those that are priced from outside), what all accounts
    hold of it, and their debt shares."""

    __slots__ = ("config", "debt_shares", "held", "price")

    def __init__(self, config: AssetConfig) -> None:
        self.config = config
        self.price: int | Rejected = Rejected("PriceUnavailable")
        self.held = 0
        self.debt_shares = 0


class Account:
    """What an account holds and owes by asset, without zeros, and where it has positions. The
    containers are replaced, never changed."""

    __slots__ = ("balances", "debts", "delegates", "markets", "owner")

    def __init__(self, owner: Hashable) -> None:
        self.owner = owner
        self.balances: dict[int, int] = {}
        self.debts: dict[int, int] = {}  # shares
        self.markets: frozenset[int] = frozenset()
        self.delegates: dict[Hashable, tuple[int, int]] = {}  # actions and expiry

    @property
    def assets(self) -> list[int]:
        """Ids of all that it holds or owes."""
        return sorted(self.balances.keys() | self.debts.keys())


class Accounts:
    """Accounts on a `system` in which the manager is the margin client `client`.

    Its user sets the time and the markets' prices in the system, and here the prices of assets
    from 2 on. Asset 0 is PREP, asset 1 shares of the LP vault.
    """

    def __init__(self, system: System, client: Hashable = "manager") -> None:
        self.system = system
        self.client = client
        self.undo = Undo()
        self.accounts: dict[int, Account] = {}
        self.market_ltvs: dict[int, MarketLtv] = {}
        self.reserved_fees = 0
        """Keeper fees of all orders, PREP base units: in no balance any more."""
        whole = AssetConfig(token="PREP", max_ltv=BPS, liquidation_threshold=BPS)
        self.assets = [Asset(whole), Asset(AssetConfig(token="shares of the LP vault"))]

    # --------------------------------------------------------------------------------------- roles

    def add_asset(self, config: AssetConfig) -> int:
        """Adds an asset; its price is unusable until it is set. Its id."""
        taken = any(asset.config.token == config.token for asset in self.assets)
        if taken or len(self.assets) == MAX_ASSETS:
            raise Rejected("AssetRefused", config.token)
        config.validate(len(self.assets))
        self.assets.append(Asset(config))
        return len(self.assets) - 1

    def set_asset(self, asset_id: int, config: AssetConfig) -> None:
        """Replaces parameters, but not the token, nor a pool that is owed to. Shares of the LP
        vault are not lent: a repayment would not know whether they wait in cooldown."""
        asset = self.asset(asset_id)
        other_pool = config.pool is not asset.config.pool
        if config.token != asset.config.token or (other_pool and asset.debt_shares):
            raise Rejected("AssetRefused", config.token)
        config.validate(asset_id)
        if asset_id == LP_SHARES and config.pool is not None:
            raise Rejected("AssetRefused", config.token)
        asset.config = config

    def disable_asset(self, asset_id: int) -> None:
        """Takes no more deposits of it."""
        config = self.asset(asset_id).config
        self.assets[asset_id].config = replace(config, deposit_cap=0)

    def set_market_ltv(self, market_id: int, ltv: MarketLtv) -> None:
        """Sets the weights of positions on a market."""
        require("marketId", market_id + 1, 1, len(self.system.markets))
        ltv.validate()
        self.market_ltvs[market_id] = ltv

    def set_asset_price(self, asset_id: int, price: int | Rejected) -> None:
        """What the oracle of an asset from 2 on answers: PREP base units for one base unit, WAD, or
        the error that it reverts with."""
        assert asset_id > LP_SHARES, "PREP is worth one, shares are priced by the system"
        self.asset(asset_id).price = price

    # --------------------------------------------------------------------------------------- views

    def asset(self, asset_id: int) -> Asset:
        """An asset that is one."""
        if not 0 <= asset_id < len(self.assets):
            raise Rejected("UnknownAsset", asset_id)
        return self.assets[asset_id]

    def account(self, account_id: int) -> Account:
        """An account; one that was not opened has nothing and is nobody's."""
        return self.accounts.get(account_id) or Account(None)

    def price(self, asset_id: int) -> int:
        """PREP base units for one base unit, WAD; raises the oracle's error. Of LP shares never
        zero: whoever holds those of a vault that has nothing left can be liquidated."""
        if asset_id == PREP:
            return WAD
        price = self.asset(asset_id).price
        if asset_id == LP_SHARES:
            price = max(1, self.system.convert_to_assets(SHARES_PRICED) * WAD // SHARES_PRICED)
        if isinstance(price, Rejected):
            raise Rejected(price.name, *price.args)
        if not 0 < price <= MAX_PRICE:
            raise Rejected("PriceOutOfBounds", price, MAX_PRICE)
        return price

    def holding(self, account_id: int, asset_id: int) -> Holding:
        """What an account holds and owes in one asset."""
        account, asset = self.account(account_id), self.asset(asset_id)
        self._tell_time()
        shares = account.debts.get(asset_id, 0)
        return Holding(
            asset_id, account.balances.get(asset_id, 0), shares, self._debt_of(asset, shares)
        )

    def contents(self, account_id: int) -> tuple[list[Holding], list[int]]:
        """Everything an account holds or owes, and the markets where it has positions."""
        account = self.account(account_id)
        return [self.holding(account_id, i) for i in account.assets], sorted(account.markets)

    def health(self, account_id: int, *, for_liquidation: bool) -> Health:
        """How an account stands, by one of the two readings. Asks for the prices of its assets,
        then of its markets, each in the order of ids."""
        account = self.account(account_id)
        self._tell_time()
        stakes = []
        for asset_id in account.assets:
            asset = self.assets[asset_id]
            stakes.append(
                Stake(
                    account.balances.get(asset_id, 0),
                    self._debt_of(asset, account.debts.get(asset_id, 0)),
                    self.price(asset_id),
                    asset.config.weight(for_liquidation=for_liquidation),
                )
            )
        positions = [
            self._held(account_id, market_id, for_liquidation=for_liquidation)
            for market_id in sorted(account.markets)
        ]
        return health(stakes, positions)

    def _held(self, account_id: int, market_id: int, *, for_liquidation: bool) -> Held:
        """A position, its PnL at the better or the worse of execution and oracle price."""
        quote = self.system.quote(market_id)
        position = self.system.margin_position(self.client, account_id, market_id)
        ltv = self.market_ltvs.get(market_id, NO_MARKET_LTV)
        return Held(
            abs(position.size) * quote.price // WAD,
            equity(position, 0, quote, quote.market.skew, strict=not for_liquidation),
            ltv.weight(for_liquidation=for_liquidation),
        )

    @staticmethod
    def _debt_of(asset: Asset, shares: int) -> int:
        pool = asset.config.pool
        return pool.to_debt(shares) if pool and shares else 0

    # -------------------------------------------------------------------------------------- ledger

    @property
    def events(self) -> tuple[object, ...]:
        """What has happened since the last `begin`."""
        return tuple(self.undo.events)

    def begin(self) -> None:
        """What anybody calls from outside begins with this."""
        self._tell_time()
        self.undo.events.clear()

    def _tell_time(self) -> None:
        """Lending vaults live in the system's time."""
        for asset in self.assets:
            if asset.config.pool:
                asset.config.pool.now = self.system.now

    def _change_balance(self, account_id: int, asset_id: int, amount: int) -> None:
        """Credits or debits what is there. PREP is never refused: a gain must not depend on how
        much else somebody holds."""
        if amount == 0:
            return
        account, asset = self.accounts[account_id], self.assets[asset_id]
        self._check_room(account, asset_id)
        balance = account.balances.get(asset_id, 0) + amount
        self.undo.save(account)
        self.undo.save(asset)
        account.balances = _with(account.balances, asset_id, balance)
        asset.held += amount
        self.undo.events.append(BalanceChanged(account_id, asset_id, amount, balance))

    def _debit(self, account_id: int, asset_id: int, amount: int) -> None:
        balance = self.accounts[account_id].balances.get(asset_id, 0)
        if amount > balance:
            raise Rejected("InsufficientBalance", asset_id, balance, amount)
        self._change_balance(account_id, asset_id, -amount)

    def _borrow(self, account_id: int, asset_id: int, amount: int) -> None:
        """Adds to the debt; the tokens are the caller's affair. A pool that counts no shares has
        registered the manager as a quoted borrower: no account would owe it."""
        pool = self._pool(asset_id)
        self._save_pool(pool)
        borrowed = pool.borrow(self.client, amount)
        self.undo.events.append(borrowed)
        if borrowed.shares == 0:
            raise Rejected("NotBorrowable", asset_id)
        self._change_debt(account_id, asset_id, amount, borrowed.shares)

    def _repay(self, account_id: int, asset_id: int, amount: int) -> None:
        """Takes from the debt, which is not smaller; the tokens are the caller's affair."""
        pool = self._pool(asset_id)
        self._save_pool(pool)
        repaid = pool.repay(self.client, amount)
        self.undo.events.append(repaid)
        self._change_debt(account_id, asset_id, -amount, -repaid.shares)

    def _change_debt(self, account_id: int, asset_id: int, amount: int, shares: int) -> None:
        account, asset = self.accounts[account_id], self.assets[asset_id]
        self._check_room(account, asset_id)
        left = account.debts.get(asset_id, 0) + shares
        self.undo.save(account)
        self.undo.save(asset)
        account.debts = _with(account.debts, asset_id, left)
        asset.debt_shares += shares
        self.undo.events.append(DebtChanged(account_id, asset_id, amount, left))

    def _pool(self, asset_id: int) -> LendingPool:
        pool = self.asset(asset_id).config.pool
        if pool is None:
            raise Rejected("NotBorrowable", asset_id)
        return pool

    def _save_pool(self, pool: LendingPool) -> None:
        self.undo.save(pool)
        if self.client in pool.borrowers:
            self.undo.save(pool.borrowers[self.client])

    def _available(self) -> int:
        """PREP that the manager can borrow."""
        pool = self.assets[PREP].config.pool
        return pool.max_borrow(self.client) if pool else 0

    def _pay(self, account_id: int, amount: int, spare: int = 0) -> int:
        """Debits PREP: from the balance first, then borrowed, and at last from `spare`, what
        somebody else supplies if the lenders cannot. What of it was used."""
        balance = self.accounts[account_id].balances.get(PREP, 0)
        from_balance = min(balance, amount)
        needed, available = amount - from_balance, self._available()
        borrowed = min(needed, available)
        supplied = needed - borrowed
        if supplied > spare:
            raise Rejected("CannotBorrow", PREP, needed, available)
        self._change_balance(account_id, PREP, -from_balance)
        if borrowed:
            self._borrow(account_id, PREP, borrowed)
        return supplied

    @staticmethod
    def _check_room(account: Account, asset_id: int) -> None:
        held = (account.balances.keys() | account.debts.keys()) - {PREP}
        if asset_id != PREP and asset_id not in held and len(held) >= MAX_HELD:
            raise Rejected("TooMany", MAX_HELD)


def _with(amounts: dict[int, int], key: int, amount: int) -> dict[int, int]:
    """With this amount, or without it if it is zero."""
    rest = {other: it for other, it in amounts.items() if other != key}
    return {**rest, key: amount} if amount else rest
