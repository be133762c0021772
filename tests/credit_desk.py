"""Credit accounts on contracts and model side by side.

A `CreditDesk` acts on a deployment and a model of it. Every action goes to both: they accept with
the same events of manager and order book in the same order and the same books, or refuse with the
same error and values, inner ones included. Amounts are base units, prices WAD, times seconds.
"""

from collections import Counter
from collections.abc import Callable
from typing import Any

from ape.api import AccountAPI

from prep.credit.actions import Action, encode
from prep.model import Rejected
from prep.model.credit_config import MarketLtv
from prep.node import Log, Reverted
from tests.credit import (
    CONFIG,
    EXECUTE,
    CreditSuite,
)
from tests.credit_books import HEARTBEAT, STEP, Books
from tests.credit_words import events, of_model, plain, refusal
from tests.suite import CONFIG_TUPLE, UNLIMITED, market_config, model_config


class Sending(Books):
    """How an action goes to both."""

    def __init__(self, credit: CreditSuite, fee_rate: int = 0) -> None:
        super().__init__(credit, fee_rate)
        self.after = 1
        """Seconds until the next action."""
        self.seen: Counter[str] = Counter()
        self.logs: list[Log] = []
        self._started: set[str] = set()

    def both(
        self, who: Any, target: Any, signature: str, *args: Any, model: Callable[[], Any]
    ) -> Any:
        """Sends the call, and the same to the model. What the model returns; a `Rejected` if both
        have refused."""
        sender, address = getattr(who, "address", who), target.address
        self.advance()
        self.model.begin()
        try:
            result = model()
        except Rejected as refused:
            self.node.mine()
            self._refused(refused, (sender, address, signature, *args))
            return refused
        done, self.logs = self.node.send(sender, address, signature, *args)
        if not done:
            try:
                self.node.simulate(sender, address, signature, *args)
            except Reverted as reverted:
                raise AssertionError(
                    f"contracts refused {signature}{args}: {refusal(self.node, reverted)}"
                ) from None
            raise AssertionError(f"contracts refused {signature}{args}, and not any more")
        emitters = self.client, self.credit.book.address
        seen, expected = events(self.node, self.logs, emitters), of_model(self.model.events)
        assert seen == expected, f"events of {signature}{args}: {seen}, by the model {expected}"
        self.seen.update(name for name, _ in seen)
        return result

    def _refused(self, refused: Rejected, call: tuple) -> None:
        expected = plain(refused)
        try:
            self.node.simulate(*call)
        except Reverted as reverted:
            seen = refusal(self.node, reverted)
        else:
            raise AssertionError(f"{call[2:]} goes through, by the model {expected}")
        assert seen == expected, f"{call[2:]}: {seen}, by the model {expected}"
        inner = refused.args[1].name if refused.name == "ActionFailed" else refused.name
        self.seen[f"refused: {inner}"] += 1

    def advance(self) -> None:
        """The next block is that of the next action."""
        self.now += self.after
        self.node.at(self.now)
        self.after = 1
        self.system.now = self.now
        if self.answered and self.now - self.answered_at > HEARTBEAT:
            self.system.set_price(0, Rejected("AnswerStale", self.answered_at, HEARTBEAT))

    def tell(self, target: Any, signature: str, *args: Any, who: Any = None) -> None:
        """What only contracts are told so, and must go through."""
        self.advance()
        self.credit.must(who or self.suite.admin, target, signature, *args)


class CreditDesk(Sending):
    """What anybody can do."""

    # ------------------------------------------------------------------------------------ accounts

    def open(self, owner: AccountAPI) -> int:
        """An account. Its id."""
        name = owner.address
        manager = self.credit.manager
        return self.both(owner, manager, "open(address)", name, model=lambda: self.model.open(name))

    def act(self, who: AccountAPI, account: int, *actions: Action) -> Any:
        """A list of actions."""
        return self.both(
            who,
            self.credit.manager,
            EXECUTE,
            account,
            encode(actions),
            model=lambda: self.model.execute(who.address, account, actions),
        )

    def delegate(self, who: Any, account: int, to: Any, actions: int, expiry: int) -> Any:
        args = account, to.address, actions, expiry

        def model() -> None:
            self.model.undo.events.append(self.model.set_delegate(who.address, *args))

        signature = "setDelegate(uint256,address,uint256,uint256)"
        return self.both(who, self.credit.manager, signature, *args, model=model)

    def transfer(self, who: Any, account: int, to: Any) -> Any:
        """By the present owner, or somebody who tries."""
        owner = self.model.accounts[account].owner
        return self.both(
            who,
            self.credit.manager,
            "transferFrom(address,address,uint256)",
            owner,
            to.address,
            account,
            model=lambda: self.model.transfer(who.address, account, to.address),
        )

    def liquidate(self, who: Any, account: int, debt: int, collateral: int, most: int) -> Any:
        args = account, debt, collateral, most
        return self.both(
            who,
            self.credit.manager,
            "liquidate(uint256,uint256,uint256,uint256)",
            *args,
            model=lambda: self.model.liquidate(who.address, *args),
        )

    def deleverage(self, who: Any, account: int, market: int, most: int) -> Any:
        args = account, market, most
        signature = "deleverage(address,uint256,uint256,uint256)"
        model = self.model.deleverage
        target = self.suite.deleverager
        return self.both(who, target, signature, self.client, *args, model=lambda: model(*args))

    # -------------------------------------------------------------------------------------- orders

    def fill(self, who: Any, order: int) -> Any:
        fill, book = self.model.order_book.execute, self.credit.book
        call = "execute(uint256)"
        return self.both(who, book, call, order, model=lambda: fill(who.address, order))

    def fill_many(self, who: Any, orders: list[int]) -> Any:
        fill, book = self.model.order_book.execute_many, self.credit.book
        call = "executeMany(uint256[])"
        return self.both(who, book, call, orders, model=lambda: fill(who.address, orders))

    def remove(self, who: Any, order: int) -> Any:
        remove, book = self.model.order_book.remove, self.credit.book
        call = "remove(uint256)"
        return self.both(who, book, call, order, model=lambda: remove(who.address, order))

    # ------------------------------------------------------------------------------- other people

    def lend(self, who: Any, asset: int, amount: int) -> Any:
        """Of a lender."""
        vault, name = self.credit.lending[asset], who.address
        signature, pool = "deposit(uint256,address)", self.pools[asset]
        model = lambda: pool.deposit(name, amount)  # noqa: E731
        return self.both(who, vault, signature, amount, name, model=model)

    def take_back(self, who: Any, asset: int, amount: int) -> Any:
        """What a lender has lent."""
        vault, name = self.credit.lending[asset], who.address
        signature, pool = "withdraw(uint256,address,address)", self.pools[asset]
        model = lambda: pool.withdraw(name, amount)  # noqa: E731
        return self.both(who, vault, signature, amount, name, name, model=model)

    def provide(self, who: Any, amount: int) -> Any:
        """Liquidity of an LP."""
        signature, name = "deposit(uint256,address)", who.address
        model = lambda: self.system.deposit(name, amount)  # noqa: E731
        return self.both(who, self.suite.vault, signature, amount, name, model=model)

    def leave(self, who: Any, shares: int) -> Any:
        """Of an LP."""
        signature, name = "redeem(uint256,address,address)", who.address
        model = lambda: self.system.redeem(name, shares)  # noqa: E731
        return self.both(who, self.suite.vault, signature, shares, name, name, model=model)

    # ------------------------------------------------------------------------------------- prices

    def set_market_price(self, market: int, price: int) -> None:
        """WAD, of market 0 in the feed's steps; 0 and, on others, above 10^36 is not usable."""
        if market:
            self.tell(self.oracles[market], "setPrice(uint256)", price)
        else:
            price -= price % STEP
            self.tell(self.suite.feed, "setAnswer(int256)", price // STEP)
        self.published(market, price, self.now)

    def set_asset_price(self, asset: int, price: int) -> None:
        self.tell(self.credit.oracles[asset], "setPrice(uint256)", price)
        self.model.set_asset_price(asset, price)

    # -------------------------------------------------------------------------------------- roles

    def set_asset(self, asset: int, max_ltv: int, threshold: int, cap: int = UNLIMITED) -> Any:
        """Weights and cap of an asset."""
        config = (*self.configs_of[asset][:3], max_ltv, threshold, cap)
        of_model, new = self.model.set_asset, self.as_config(asset, config)
        signature, who = f"setAsset(uint256,{CONFIG})", self.suite.risk_manager
        manager = self.credit.manager
        args = asset, config
        return self.both(who, manager, signature, *args, model=lambda: of_model(asset, new))

    def set_market_ltv(self, market: int, max_ltv: int, threshold: int) -> Any:
        signature, who = "setMarketLtv(uint256,uint256,uint256)", self.suite.risk_manager
        model, ltv = self.model.set_market_ltv, MarketLtv(max_ltv, threshold)
        args = market, max_ltv, threshold
        manager = self.credit.manager
        return self.both(who, manager, signature, *args, model=lambda: model(market, ltv))

    def configure(self, market: int, **changes: Any) -> Any:
        """Parameters of a market by the contracts' names."""
        config = self.configs[market] | changes
        args = market, market_config(self.oracles[market], config)
        signature, who = f"setMarket(uint256,{CONFIG_TUPLE})", self.suite.risk_manager

        def model() -> None:
            oracle = int(self.oracles[market].address, 16)
            self.system.set_market(market, model_config(config, oracle))
            self.configs[market] = config

        return self.both(who, self.suite.protocol, signature, *args, model=model)

    def set_borrow_cap(self, asset: int, cap: int) -> Any:
        vault, who, pool = self.credit.lending[asset], self.suite.risk_manager, self.pools[asset]
        model = lambda: pool.set_borrow_cap(self.client, cap)  # noqa: E731
        signature = "setBorrowCap(address,uint256)"
        return self.both(who, vault, signature, self.client, cap, model=model)

    def set_reserve_share(self, asset: int, share: int) -> Any:
        vault, who, pool = self.credit.lending[asset], self.suite.risk_manager, self.pools[asset]
        signature = "setReserveShare(uint256)"
        return self.both(who, vault, signature, share, model=lambda: pool.set_reserve_share(share))

    def set_cooldown(self, period: int) -> Any:
        who, vault = self.suite.risk_manager, self.suite.vault
        model = lambda: self.system.set_cooldown_period(period)  # noqa: E731
        return self.both(who, vault, "setCooldownPeriod(uint256)", period, model=model)
