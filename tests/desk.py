"""Margin orders on contracts and model side by side.

A `Desk` trades for one test, with a model of its own. Every action goes to both: they accept with
the same outcome, the same events in the same order and the same books, or refuse with the same
error and values.
"""

from prep.model import Rejected
from prep.model.results import Deleveraged, OrderExecuted
from tests.agreement import Agreement
from tests.margin import ACCOUNT, ISOLATED, KINDS
from tests.stateful.events import as_outcome
from tests.suite import CONFIG_TUPLE, WAD, market_config, model_config

HEARTBEAT = 7 * 86_400


class Desk(Agreement):
    """One test's trading. Accounts are the client's numbers, prices WAD, sizes base units."""

    def __post_init__(self) -> None:
        super().__post_init__()
        self._tell_time()

    def price(self, market: int) -> int:
        return self.model.price(market)

    def units(self, market: int, dollars: int) -> int:
        """Base units worth that much, rounded down, and then some that make rounding felt."""
        return dollars * WAD * WAD // self.price(market) + 3

    def position(self, market: int, account: int = ACCOUNT, client: str | None = None):
        return self.model.margin_position(client or self.client, account, market)

    # ----------------------------------------------------------------------------------- orders

    def order(
        self,
        market: int,
        size: int,
        *,
        account: int = ACCOUNT,
        reduce_only: bool = False,
        client: str | None = None,
    ) -> OrderExecuted:
        """An order of the client, or of another that calls the protocol itself. Raises the model's
        `Rejected` once the contracts have refused alike, `previewOrder` and `executeOrder` both."""
        who = client or self.client
        args = (account, market, size, reduce_only)
        self.keys.add((who, account, market))
        call = self._as_client(who, "executeOrder(uint256,uint256,int256,bool)", args)
        view = (self.protocol, "previewOrder(address,uint256,uint256,int256,bool)", who, *args)
        try:
            expected = self.model.preview_order(who, *args)
        except Rejected as refused:
            self.refused_alike(refused, lambda: self.node.read(view))
            self.refused_alike(refused, lambda: self.node.simulate(*call))
            raise
        assert self.node.read(view) == [as_outcome(expected)], "previewOrder"
        assert self.node.simulate(*call) == expected.settlement
        accrued = self.accrued_logs(market)
        assert self.model.execute_order(who, *args) == expected
        logs = self.send(call)
        assert logs == [
            *accrued,
            *self.order_logs(expected),
            *self.payment_logs(who, expected.settlement),
        ]
        self.agree()
        return expected

    def close_all(self, *, account: int = ACCOUNT, client: str | None = None) -> int:
        """Closes everything of an account. What was settled."""
        who = client or self.client
        call = self._as_client(who, "closeAll(uint256)", (account,))
        accrued = [self.accrued_logs(market) for market in range(len(self.model.markets))]
        unpaid = self.model.unpaid_protocol_fees
        try:
            outcomes = self.model.close_all(who, account)
        except Rejected as refused:
            self.refused_alike(refused, lambda: self.node.simulate(*call))
            raise
        settlement = sum(outcome.settlement for outcome in outcomes)
        assert self.node.simulate(*call) == settlement
        expected = []
        for outcome in outcomes:
            unpaid += outcome.protocol_fee
            expected += accrued[outcome.market_id] + self.order_logs(outcome, unpaid)
        assert self.send(call) == expected + self.payment_logs(who, settlement)
        self.agree()
        return settlement

    # ------------------------------------------------------------------------------- deleverage

    def deleverage(
        self, market: int, max_size: int, *, account: int = ACCOUNT, client: str | None = None
    ) -> Deleveraged:
        """By somebody, of an account of the client."""
        who = client or self.client
        signature = "deleverage(address,uint256,uint256,uint256)"
        call = self._by_anyone(signature, who, account, market, max_size)
        accrued = self.accrued_logs(market)
        try:
            result = self.model.deleverage_account(who, account, market, max_size)
        except Rejected as refused:
            self.refused_alike(refused, lambda: self.node.simulate(*call))
            raise
        assert self.node.simulate(*call) == result.settlement
        # The client is told after it was paid and before it has to pay.
        paying = self.payment_logs(who, result.settlement)
        told = [("Deleveraged", (account, market, result.settlement))]
        around = paying + told if result.settlement > 0 else told + paying
        assert self.send(call) == [
            *accrued,
            *self.order_logs(result.closed),
            *around,
            (
                "AccountDeleveraged",
                (
                    who.lower(),
                    account,
                    market,
                    result.size,
                    result.settlement,
                    result.ratio_before,
                    result.ratio_after,
                ),
            ),
        ]
        self.agree()
        return result

    def deleverage_trader(self, trader, max_size: int) -> Deleveraged:
        """By somebody, of an isolated position."""
        call = self._by_anyone("deleverage(address,uint256)", trader.address, max_size)
        accrued = self.accrued_logs(ISOLATED)
        try:
            result = self.model.deleverage_trader(trader.address, max_size)
        except Rejected as refused:
            self.refused_alike(refused, lambda: self.node.simulate(*call))
            raise
        assert self.node.simulate(*call) == result.settlement
        closed = result.closed
        assert self.send(call) == [
            *self.fee_logs(ISOLATED, closed.protocol_fee),
            ("PositionDecreased", self.as_decrease(closed)),
            *accrued,
            (
                "TraderDeleveraged",
                (
                    trader.address.lower(),
                    result.size,
                    result.settlement,
                    result.ratio_before,
                    result.ratio_after,
                ),
            ),
        ]
        self.agree()
        return result

    # ------------------------------------------------------------------------------------- world

    def wait(self, seconds: int) -> None:
        """Mines a block that much later."""
        self.node.at(self.now + seconds)
        self.node.mine()
        self._tell_time()

    def set_price(self, market: int, price: int) -> None:
        """WAD; of the first market in the feed's steps of 1e10."""
        if market == ISOLATED:
            answer, rest = divmod(price, 10**10)
            assert rest == 0
            self.suite.set_answer(answer)
            self.answered_at = self.now
            bad = answer <= 0
            self.model.set_price(market, Rejected("AnswerNotPositive", answer) if bad else price)
        else:
            self.suite_send(self.oracles[market].address, "setPrice(uint256)", price)
            self.model.set_price(market, price)

    def move_price(self, market: int, per_mille: int) -> None:
        """Against what the kind of market begins with."""
        self.set_price(market, KINDS[market].price * (1_000 + per_mille) // 1_000)

    def configure(self, market: int, **changes) -> list[tuple]:
        """The risk manager changes parameters. The events."""
        config = self.configs[market] | changes
        signature = f"setMarket(uint256,{CONFIG_TUPLE})"
        call = (self.suite.risk_manager.address, self.protocol, signature, market)
        args = market_config(self.oracles[market], config)
        try:
            self.model.set_market(market, model_config(config))
        except Rejected as refused:
            self.refused_alike(refused, lambda: self.node.simulate(*call, args))
            raise
        self.configs[market] = config
        return self.send((*call, args))

    def logged_config(self, market: int) -> tuple:
        """The parameters as events carry them."""
        address, *rest = market_config(self.oracles[market], self.configs[market])
        return (address.lower(), *rest)

    def configure_vault(self, target: int) -> None:
        """The risk manager sets the target collateralization ratio, WAD."""
        signature = "setTargetCollateralizationRatio(uint256)"
        self.send((self.suite.risk_manager.address, self.suite.vault.address, signature, target))
        self.model.set_target_collateralization_ratio(target)

    def register(self, client: str, registered: bool = True) -> None:
        """The admin does."""
        signature = "setMarginClient(address,bool)"
        logs = self.send((self.suite.admin.address, self.protocol, signature, client, registered))
        assert logs == [("MarginClientSet", (client.lower(), registered))]
        self.model.set_margin_client(client, registered)
        balance = (self.suite.prep.address, "balanceOf(address)", client)
        self.money.setdefault(client, self.node.read(balance)[0])

    def open_isolated(self, trader, collateral: int, notional: int, is_long: bool) -> None:
        """A position with fresh collateral, for a notional."""
        self.suite.open(trader, collateral, notional, is_long)
        self.model.deposit_collateral(trader.address, collateral)
        self.model.open_position_with_size(trader.address, notional, is_long)
        self.agree()

    def settle(self, market: int, price: int) -> list[tuple]:
        """The admin does. The events."""
        call = (self.suite.admin.address, self.protocol, "settleMarket(uint256,uint256)")
        try:
            self.model.settle_market(market, price)
        except Rejected as refused:
            self.refused_alike(refused, lambda: self.node.simulate(*call, market, price))
            raise
        logs = self.send((*call, market, price))
        self.agree()
        return logs

    # ---------------------------------------------------------------------------------- internal

    def _as_client(self, who: str, signature: str, args: tuple) -> tuple:
        if who == self.client:
            return (self.suite.admin.address, who, signature, *args)
        return (who, self.protocol, signature, *args)

    def _by_anyone(self, signature: str, *args) -> tuple:
        return (self.stage.lp, self.suite.deleverager.address, signature, *args)

    def _tell_time(self) -> None:
        model = self.model
        model.now = self.node.time()
        stale = model.now - self.answered_at > HEARTBEAT
        if stale and self.oracles[ISOLATED] is self.suite.oracle:
            model.set_price(ISOLATED, Rejected("AnswerStale", self.answered_at, HEARTBEAT))
