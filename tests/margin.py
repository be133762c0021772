"""Margin orders on contracts and model side by side.

A `Stage` is one deployment with a margin client and markets of every kind; a `Desk` trades on it
for one test, with a model of its own. Every action goes to both: they accept with the same outcome,
the same events in the same order and the same books, or refuse with the same error and values.
"""

from copy import deepcopy
from dataclasses import dataclass, field
from typing import NamedTuple

import pytest
from ape.contracts import ContractInstance

from prep.model import MarketConfig, Rejected, System
from prep.model.results import Deleveraged, OrderExecuted, PositionDecreased
from tests.node import Node, Reverted
from tests.suite import BTC, CONFIG_TUPLE, WAD, Suite, market_config

HEARTBEAT = 7 * 86_400
LIQUIDITY = 1_000_000 * WAD
FUNDS = 10**9 * WAD
PROTOCOL_FEE_RATE = WAD // 10
ACCOUNT = 7
MAX_SIZE = 10**30
MAX_PRICE = 10**36
MAX_COST = 10**37

SNAKE = {
    "skewScale": "skew_scale",
    "maxFundingVelocity": "max_funding_velocity",
    "openingFeeRate": "opening_fee_rate",
    "closingFeeRate": "closing_fee_rate",
    "borrowRate": "borrow_rate",
    "reserveFactor": "reserve_factor",
    "minPositionValue": "min_position_value",
    "maxPositionValue": "max_position_value",
    "maxLongOIValue": "max_long_oi_value",
    "maxShortOIValue": "max_short_oi_value",
    "maxNetOIValue": "max_net_oi_value",
    "enabled": "enabled",
}

_FULL = BTC | {
    "maxFundingVelocity": 9 * WAD,
    "openingFeeRate": WAD // 1_000,
    "closingFeeRate": WAD // 500,
    "maxPositionValue": 5_000_000 * WAD,
    "maxLongOIValue": 8_000_000 * WAD,
    "maxShortOIValue": 8_000_000 * WAD,
    "maxNetOIValue": 6_000_000 * WAD,
}


class Kind(NamedTuple):
    """A market: its parameters, the decimals of its asset and dollars per whole unit."""

    config: dict
    decimals: int
    dollars: int

    @property
    def price(self) -> int:
        """WAD, per base unit."""
        return self.dollars * 10 ** (36 - self.decimals)


# By market id. The first, over a feed, is that of isolated positions too.
KINDS = (
    Kind(_FULL | {"skewScale": 12_000 * WAD}, 18, 10_000),
    Kind(BTC, 8, 10_000),
    Kind(_FULL | {"skewScale": 10_000 * 10**6}, 6, 2_000),
    Kind(_FULL | {"skewScale": 70_000 * WAD, "closingFeeRate": WAD // 300}, 18, 100),
)
ISOLATED, PLAIN, SIX, EIGHTEEN = range(4)
every_market = pytest.mark.parametrize(
    "market", range(4), ids=["isolated-18", "plain-8", "full-6", "full-18"]
)


@dataclass(frozen=True)
class Stage:
    """One deployment. `oracles` are those of the markets after the first."""

    suite: Suite
    client: ContractInstance
    oracles: tuple[ContractInstance, ...]
    node: Node
    model: System
    lp: str


def create_stage(create_suite, project, lp) -> Stage:
    """Markets of every kind, a vault with a million, and a registered client with money."""
    first = KINDS[ISOLATED]
    suite = create_suite(
        market=first.config, price=first.dollars, protocol_fee_rate=PROTOCOL_FEE_RATE
    )
    admin, protocol = suite.admin, suite.protocol
    client = admin.deploy(project.MarginClient, protocol, suite.prep)
    suite.authority.grantRole(suite.authority.MINTER(), client, 0, sender=admin)
    protocol.setMarginClient(client, True, sender=admin)
    client.fund(FUNDS, sender=admin)
    oracles = tuple(admin.deploy(project.MockOracle, kind.price) for kind in KINDS[1:])
    for oracle, kind in zip(oracles, KINDS[1:], strict=True):
        protocol.addMarket(market_config(oracle, kind.config), sender=suite.risk_manager)
    suite.provide(lp, LIQUIDITY)

    contracts = (protocol, suite.vault, suite.prep, suite.feed, suite.oracle, suite.lens)
    contracts += (suite.deleverager, client, oracles[0])
    node = Node(admin.provider.uri, *(contract.contract_type for contract in contracts))
    model = System(protocol_fee_rate=PROTOCOL_FEE_RATE)
    for market, kind in enumerate(KINDS):
        (state,) = node.read((suite.lens.address, "marketState(uint256)", market))
        model.now = state[6]
        model.add_market(_model_config(kind.config))
        model.set_price(market, kind.price)
    model.set_margin_client(client.address, True)
    model.deposit(lp.address, LIQUIDITY)
    return Stage(suite, client, oracles, node, model, lp.address)


def _model_config(fields: dict) -> MarketConfig:
    return MarketConfig(**{SNAKE[name]: value for name, value in fields.items()})


@dataclass
class Desk:
    """One test's trading. Accounts are the client's numbers, prices WAD, sizes base units."""

    stage: Stage
    answered_at: int
    """When the feed of the first market last answered."""
    model: System = field(init=False)
    configs: list[dict] = field(init=False)
    money: dict[str, int] = field(init=False)
    """PREP that each client should have."""
    oracles: list[ContractInstance] = field(init=False)
    keys: set[tuple] = field(default_factory=set)
    """Positions that were touched: (client, account, market)."""

    def __post_init__(self) -> None:
        self.model = deepcopy(self.stage.model)
        self.configs = [dict(kind.config) for kind in KINDS]
        self.money = {self.client: FUNDS}
        self.oracles = [self.suite.oracle, *self.stage.oracles]
        self._tell_time()

    # ------------------------------------------------------------------------------------- short

    @property
    def suite(self) -> Suite:
        return self.stage.suite

    @property
    def node(self) -> Node:
        return self.stage.node

    @property
    def client(self) -> str:
        return self.stage.client.address

    @property
    def protocol(self) -> str:
        return self.suite.protocol.address

    @property
    def now(self) -> int:
        return self.model.now

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
        accrued = self._accrued_logs(market)
        assert self.model.execute_order(who, *args) == expected
        logs = self.send(call)
        assert logs == [
            *accrued,
            *self._order_logs(expected),
            *self._payment_logs(who, expected.settlement),
        ]
        self.agree()
        return expected

    def close_all(self, *, account: int = ACCOUNT, client: str | None = None) -> int:
        """Closes everything of an account. What was settled."""
        who = client or self.client
        call = self._as_client(who, "closeAll(uint256)", (account,))
        accrued = [self._accrued_logs(market) for market in range(len(self.model.markets))]
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
            expected += accrued[outcome.market_id] + self._order_logs(outcome, unpaid)
        assert self.send(call) == expected + self._payment_logs(who, settlement)
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
        accrued = self._accrued_logs(market)
        try:
            result = self.model.deleverage_account(who, account, market, max_size)
        except Rejected as refused:
            self.refused_alike(refused, lambda: self.node.simulate(*call))
            raise
        assert self.node.simulate(*call) == result.settlement
        # The client is told after it was paid and before it has to pay.
        paying = self._payment_logs(who, result.settlement)
        told = [("Deleveraged", (account, market, result.settlement))]
        around = paying + told if result.settlement > 0 else told + paying
        assert self.send(call) == [
            *accrued,
            *self._order_logs(result.closed),
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
        accrued = self._accrued_logs(ISOLATED)
        try:
            result = self.model.deleverage_trader(trader.address, max_size)
        except Rejected as refused:
            self.refused_alike(refused, lambda: self.node.simulate(*call))
            raise
        assert self.node.simulate(*call) == result.settlement
        closed = result.closed
        assert self.send(call) == [
            *self._fee_logs(ISOLATED, closed.protocol_fee),
            ("PositionDecreased", self._as_decrease(closed)),
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
            self.model.set_market(market, _model_config(config))
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

    # ----------------------------------------------------------------------------------- compare

    def agree(self) -> None:
        """Compares all markets, the vault's money, the clients' and the positions touched."""
        model, lens, protocol = self.model, self.suite.lens.address, self.protocol
        prep, vault = self.suite.prep.address, self.suite.vault.address
        ids, clients, keys = range(len(model.markets)), list(self.money), sorted(self.keys)
        traders = list(model.traders)
        answers = iter(
            self.node.read(
                *((lens, "marketState(uint256)", i) for i in ids),
                *((lens, "cashFlow(uint256)", i) for i in ids),
                (protocol, "liquidity()"),
                (protocol, "netDeposits()"),
                (protocol, "protocolFees()"),
                (prep, "balanceOf(address)", protocol),
                (prep, "balanceOf(address)", vault),
                *((prep, "balanceOf(address)", c) for c in clients),
                *((protocol, "marginPosition(address,uint256,uint256)", *key) for key in keys),
                *((protocol, "getPositionDetails(address)", t) for t in traders),
            )
        )
        for i in ids:
            assert next(answers) == as_state(model.markets[i]), f"P1: market {i}"
        for i in ids:
            assert next(answers) == as_components(model.cash_flow(i)), f"cash flow of market {i}"
        assert next(answers) == model.vault.liquidity
        assert next(answers) == model.vault.net_deposits
        assert next(answers)[1] == model.unpaid_protocol_fees
        assert model.vault.liquidity == model.vault.net_deposits + model.cash_flow().total, "M2"
        assert next(answers) == 0, "M1"
        collateral = sum(model.position(t).collateral for t in traders)
        owed = model.vault.liquidity + model.unpaid_protocol_fees + collateral
        assert next(answers) == owed, "M1"
        for client in clients:
            assert next(answers) == self.money[client], f"money of {client}"
        for client, account, market in keys:
            expected = model.margin_position(client, account, market)
            assert next(answers) == tuple(expected), (client, account, market)
        for trader in traders:
            own = model.position(trader)
            assert next(answers) == (
                own.id,
                own.size,
                own.entry_price,
                own.collateral,
                own.entry_notional,
                own.borrow_index,
                own.funding_index,
            )

    def refused_alike(self, refused: Rejected, call) -> None:
        """The contracts refuse with the model's error."""
        with pytest.raises(Reverted) as reverted:
            call()
        seen = reverted.value
        plain = (refused.name, [_plain(a) for a in refused.args])
        assert plain == (seen.name, [_plain(a) for a in seen.args_]), f"{refused} but {seen}"

    def refusal(self, sender: str, address: str, signature: str, *args) -> tuple:
        """The name and the values of the error that a call ends with."""
        with pytest.raises(Reverted) as reverted:
            self.node.simulate(sender, address, signature, *args)
        return reverted.value.name, *(_plain(a) for a in reverted.value.args_)

    def send(self, call: tuple) -> list[tuple]:
        """The events of a transaction that must go through, as (name, values)."""
        done, logs = self.node.send(*call)
        if not done:
            self.node.simulate(*call)
            raise AssertionError(f"{call} failed, but would not now")
        return [(log.name, log.args) for log in logs]

    def suite_send(self, address: str, signature: str, *args) -> list[tuple]:
        """As the admin."""
        return self.send((self.suite.admin.address, address, signature, *args))

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

    def _accrued_logs(self, market: int) -> list[tuple]:
        """What a change of a market will log first."""
        m = self.model.markets[market]
        if not m.config.skew_scale or m.updated_at == self.now:
            return []
        try:
            quote = self.model.quote(market)
        except Rejected:
            return []
        return [("FundingAccrued", (market, quote.funding_rate, quote.funding_index))]

    def _order_logs(self, result: OrderExecuted, unpaid: int | None = None) -> list[tuple]:
        head = (result.client.lower(), result.account, result.market_id)
        logs = [("OrderExecuted", (*head, as_outcome(result)))]
        return logs + self._fee_logs(result.market_id, result.protocol_fee, unpaid)

    def _fee_logs(self, market: int, fee: int, unpaid: int | None = None) -> list[tuple]:
        unpaid = self.model.unpaid_protocol_fees if unpaid is None else unpaid
        return [("ProtocolFeeCharged", (market, fee, unpaid))] if fee else []

    def _payment_logs(self, client: str, settlement: int) -> list[tuple]:
        self.money[client] += settlement
        vault, who = self.suite.vault.address.lower(), client.lower()
        if settlement == 0:
            return []
        way = (vault, who) if settlement > 0 else (who, vault)
        return [("Transfer", (*way, abs(settlement)))]

    def _as_decrease(self, r: PositionDecreased) -> tuple:
        realised = (r.price_pnl, r.funding, r.borrowing_fee, r.closing_fee)
        head = (r.trader.lower(), r.id, r.market_id, r.size_removed, r.price, r.size)
        index = self.model.markets[ISOLATED].borrow_index
        return (*head, r.collateral, realised, r.bad_debt, index)


def as_outcome(result: OrderExecuted) -> tuple:
    """As the contract's struct."""
    realised = (result.price_pnl, result.funding, result.borrowing_fee, result.closing_fee)
    fees = (result.opening_fee, result.protocol_fee)
    position = tuple(result.position)
    return (result.size, result.close_price, realised, *fees, result.settlement, position)


def as_state(m) -> tuple:
    """A model's market as the contract's `MarketState`."""
    return (
        m.long_oi,
        m.short_oi,
        m.cost_long,
        m.cost_short,
        m.borrow_cost,
        m.borrow_index,
        m.updated_at,
        m.funding_rate,
        m.funding_index,
        m.funding_cost,
        m.sum_squares,
        m.sum_signed_squares,
    )


def as_components(b) -> tuple:
    """A model's cash flow or balance in the order of the contract's structs."""
    return (
        b.price_pnl,
        b.opening_fee,
        b.closing_fee,
        b.accrued_funding,
        b.borrowing_fee,
        b.bad_debt,
    )


def _plain(value):
    """Names as text, addresses in lower case."""
    if isinstance(value, bytes):
        value = value.rstrip(b"\0").decode()
    is_address = isinstance(value, str) and value.startswith("0x")
    return value.lower() if is_address else value


def rejected(name: str, *args):
    """`with rejected(name, *values):` an action that contracts and model refuse so."""
    return _Rejected(name, args)


class _Rejected:
    def __init__(self, name: str, args: tuple) -> None:
        self.expected = (name, [_plain(a) for a in args])

    def __enter__(self) -> None:
        pass

    def __exit__(self, kind, error, trace) -> bool:
        assert error is not None, f"{self.expected} expected, nothing was refused"
        if not isinstance(error, Rejected):
            return False
        assert (error.name, [_plain(a) for a in error.args]) == self.expected, str(error)
        return True
