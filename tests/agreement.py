"""Contracts and model agree: on refusals and their reasons, on events and on all books."""

from copy import deepcopy
from dataclasses import astuple, dataclass, field

import pytest
from ape.contracts import ContractInstance

from prep.model import Rejected, System
from prep.model.results import OrderExecuted, PositionDecreased
from prep.node import Node, Reverted
from tests.margin import FUNDS, ISOLATED, KINDS, Stage
from tests.stateful.events import as_outcome, as_state
from tests.suite import Suite


@dataclass
class Agreement:
    """A deployment and a model of it that were given the same. What each action has to be compared
    by; actions are `Desk`'s."""

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
            assert next(answers) == astuple(model.position(trader))

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

    # ------------------------------------------------------------------------------------- events

    def accrued_logs(self, market: int) -> list[tuple]:
        """What a change of a market will log first."""
        if market >= len(self.model.markets):
            return []
        m = self.model.markets[market]
        if not m.config.skew_scale or m.updated_at == self.now:
            return []
        try:
            quote = self.model.quote(market)
        except Rejected:
            return []
        return [("FundingAccrued", (market, quote.funding_rate, quote.funding_index))]

    def order_logs(self, result: OrderExecuted, unpaid: int | None = None) -> list[tuple]:
        head = (result.client.lower(), result.account, result.market_id)
        logs = [("OrderExecuted", (*head, as_outcome(result)))]
        return logs + self.fee_logs(result.market_id, result.protocol_fee, unpaid)

    def fee_logs(self, market: int, fee: int, unpaid: int | None = None) -> list[tuple]:
        unpaid = self.model.unpaid_protocol_fees if unpaid is None else unpaid
        return [("ProtocolFeeCharged", (market, fee, unpaid))] if fee else []

    def payment_logs(self, client: str, settlement: int) -> list[tuple]:
        self.money[client] += settlement
        vault, who = self.suite.vault.address.lower(), client.lower()
        if settlement == 0:
            return []
        way = (vault, who) if settlement > 0 else (who, vault)
        return [("Transfer", (*way, abs(settlement)))]

    def as_decrease(self, r: PositionDecreased) -> tuple:
        realised = (r.price_pnl, r.funding, r.borrowing_fee, r.closing_fee)
        head = (r.trader.lower(), r.id, r.market_id, r.size_removed, r.price, r.size)
        index = self.model.markets[ISOLATED].borrow_index
        return (*head, r.collateral, realised, r.bad_debt, index)


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
