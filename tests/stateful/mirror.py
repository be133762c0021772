"""The contracts and the reference model side by side: every action goes to both, every digit is
compared after each."""

import pytest

from prep.model import MarketConfig, Rejected, ReserveBasis, System, checks
from prep.model.results import (
    CollateralChanged,
    Deposited,
    PositionDecreased,
    PositionIncreased,
    PositionLiquidated,
    Withdrawn,
)
from tests.node import Log, Node, Reverted
from tests.suite import Suite, market_config

HEARTBEAT = 7 * 86_400
CONFIG_TUPLE = "(address,bool" + 11 * ",uint256" + ")"
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


class Mirror:
    """One deployment and its model. `actors` are addresses whose keys the node holds."""

    def __init__(self, node: Node, suite: Suite, actors: list[str], rate: int) -> None:
        self.node, self.suite, self.actors = node, suite, actors
        self.protocol = suite.protocol.address
        self.vault = suite.vault.address
        self.lens = suite.lens.address
        self.prep = suite.prep.address
        self.market = dict(suite.market)
        self.now = node.time()
        self.donated = 0
        self.paid_in = dict.fromkeys(actors, 0)
        self.collected = 0
        (state,) = node.read((self.lens, "marketState(uint256)", 0))
        self.model = System(now=state[6], protocol_fee_rate=rate, reserve_basis=self._basis())
        self.model.add_market(self._model_config())
        self.answer, self.answered_at = 10_000 * 10**8, self._feed_time()
        self.good_answer = self.answer

    # ------------------------------------------------------------------------------------- actions

    def act(self, sender: str, wait: int, signature: str, args: tuple, of_model, target=None):
        """Sends the call `wait` seconds after the last block, and the same to the model. Both
        accept with the same outcome, or both refuse with the same error. The model's result, or
        None."""
        target = target or self.protocol
        self._advance(wait)
        try:
            expected = of_model()
        except Rejected as refused:
            self.node.mine()
            _refused_alike(refused, self.node.simulate, sender, target, signature, *args)
            return None
        done, logs = self.node.send(sender, target, signature, *args)
        if not done:
            try:
                self.node.simulate(sender, target, signature, *args)
            except Reverted as reverted:
                raise AssertionError(f"contracts refused {signature}{args}: {reverted}") from None
            raise AssertionError(f"contracts refused {signature}{args}, and not any more")
        if expected is not None:
            names = {"PositionIncreased", "PositionDecreased", "PositionLiquidated"}
            names |= {"CollateralChanged", "Deposit", "Withdraw"}
            seen = [(log.name, log.args) for log in logs if log.name in names]
            assert seen == list(_as_logs(expected, self.model)), f"events of {signature}{args}"
        self._book_payment(sender, logs)
        return expected

    def set_answer(self, wait: int, answer: int) -> None:
        """A new round of the feed, good or not; good ones stay within $100 and $1,000,000."""
        if answer > 0:
            answer = min(max(answer, 100 * 10**8), 10**6 * 10**8)
            self.good_answer = answer
        self._advance(wait)
        done, _ = self.node.send(
            self.suite.admin.address, self.suite.feed.address, "setAnswer(int256)", answer
        )
        assert done
        self.answer, self.answered_at = answer, self.now
        self._sync_price()

    def configure(self, wait: int, **changes) -> None:
        """The risk manager changes parameters."""
        previous = self.market
        self.market = previous | changes
        config = market_config(self.suite.oracle, self.market)
        args = (0, config)
        signature = f"setMarket(uint256,{CONFIG_TUPLE})"

        def of_model():
            self.model.set_market(0, self._model_config())

        refused_before = self.model.markets[0].config
        self.act(self.suite.risk_manager.address, wait, signature, args, of_model)
        if self.model.markets[0].config == refused_before:
            self.market = previous

    def donate(self, sender: str, wait: int, amount: int) -> None:
        """Somebody just sends PREP to the vault."""
        self._advance(wait)
        done, _ = self.node.send(sender, self.prep, "transfer(address,uint256)", self.vault, amount)
        assert done
        self.donated += amount

    # ------------------------------------------------------------------------------------- compare

    def check(self) -> None:
        """Compares everything that can be read, and the invariants on top of it."""
        node, model = self.node, self.model
        calls = [
            (self.lens, "marketState(uint256)", 0),
            (self.lens, "cashFlow(uint256)", 0),
            (self.protocol, "protocolFees()"),
            (self.protocol, "liquidity()"),
            (self.protocol, "netDeposits()"),
            (self.protocol, "getNumOfOpenPositionsIds()"),
            (self.protocol, "getIdsNotInUse()"),
            (self.vault, "totalSupply()"),
            (self.prep, "balanceOf(address)", self.vault),
        ]
        calls += [(self.protocol, "getPositionDetails(address)", a) for a in self.actors]
        calls += [(self.vault, "balanceOf(address)", a) for a in self.actors]
        answers = node.read(*calls)
        state, cash, fees, liquidity, net, highest, free, supply, custody = answers[:9]
        details = answers[9 : 9 + len(self.actors)]
        shares = answers[9 + len(self.actors) :]

        m = model.markets[0]
        assert state == (
            m.long_oi,
            m.short_oi,
            m.cost_long,
            m.cost_short,
            m.borrow_cost,
            m.borrow_index,
            m.updated_at % 2**32,
            m.funding_rate,
            m.funding_index,
            m.funding_cost,
            m.sum_squares,
            m.sum_signed_squares,
        ), "aggregates differ from the model"
        flow = model.cash_flow(0)
        assert cash == (
            flow.price_pnl,
            flow.opening_fee,
            flow.closing_fee,
            flow.accrued_funding,
            flow.borrowing_fee,
            flow.bad_debt,
        ), "cash flow differs from the model"
        assert fees[1] == model.unpaid_protocol_fees
        assert (liquidity, net) == (model.vault.liquidity, model.vault.net_deposits)
        assert highest == model.highest_id
        assert list(free) == model.free_ids[::-1]
        assert supply == model.vault.supply
        for actor, position, held in zip(self.actors, details, shares, strict=True):
            own = model.position(actor)
            assert position == (
                own.id,
                own.size,
                own.entry_price,
                own.collateral,
                own.entry_notional,
                own.borrow_index,
                own.funding_index,
            ), f"position of {actor} differs from the model"
            assert held == model.vault.balance_of(actor)

        collateral = sum(position[3] for position in details)
        assert custody == liquidity + collateral + fees[1] + self.donated, "M1"
        assert net + sum(cash) == liquidity, "M2"
        assert sum(self.paid_in.values()) == custody - self.donated + self.collected, "M3"
        open_ids = {position[0] for position in details} - {0}
        assert open_ids.isdisjoint(free), "P3"
        assert sorted(open_ids | set(free)) == list(range(1, highest + 1)), "P3"
        problems = checks.all_checks(model)
        assert not problems, problems
        self._check_priced_views()

    def _check_priced_views(self) -> None:
        """Views that need a price: equal to the model's, or refused like them."""
        model = self.model
        views = [
            (self.vault, "upperValue()", (), model.upper_value),
            (self.vault, "lowerValue()", (), model.lower_value),
            (self.protocol, "liquidityReservesToHold()", (), model.liquidity_reserves_to_hold),
        ]
        for position_id in model.owners:
            signature = "checkPositionLeverageAndLiquidability(uint256)"
            views.append(
                (
                    self.protocol,
                    signature,
                    (position_id,),
                    lambda i=position_id: tuple(model.leverage_and_liquidability(i)),
                )
            )
        for address, signature, args, of_model in views:
            try:
                expected = of_model()
            except Rejected as refused:
                _refused_alike(refused, self.node.read, (address, signature, *args))
                continue
            assert self.node.read((address, signature, *args)) == [expected], signature
        limits = [
            ("maxDeposit(address)", model.max_deposit()),
            ("maxMint(address)", model.max_mint()),
        ]
        for signature, expected in limits:
            assert self.node.read((self.vault, signature, self.actors[0])) == [expected], "V3"
        for actor in self.actors:
            if model.vault.balance_of(actor):
                assert self.node.read(
                    (self.vault, "maxWithdraw(address)", actor),
                    (self.vault, "maxRedeem(address)", actor),
                ) == [model.max_withdraw(actor), model.max_redeem(actor)], "V3"

    # ------------------------------------------------------------------------------------ internal

    def foresee(self, wait: int) -> None:
        """The model as it will be in `wait` seconds."""
        self.model.now = self.now + wait
        self._sync_price()

    def _advance(self, wait: int) -> None:
        self.now += wait
        self.node.at(self.now)
        self.foresee(0)

    def _sync_price(self) -> None:
        price: int | Rejected = self.answer * 10**10
        if self.model.now - self.answered_at > HEARTBEAT:
            price = Rejected("AnswerStale", self.answered_at, HEARTBEAT)
        elif self.answer <= 0:
            price = Rejected("AnswerNotPositive", self.answer)
        self.model.set_price(0, price)

    def _feed_time(self) -> int:
        (round_,) = self.node.read((self.suite.feed.address, "latestRoundData()"))
        return round_[3]

    def _basis(self) -> ReserveBasis:
        (larger,) = self.node.read((self.vault, "reservesByLargerSide()"))
        return ReserveBasis.LARGER_SIDE if larger else ReserveBasis.DIFFERENCE

    def _model_config(self) -> MarketConfig:
        fields = {SNAKE[name]: value for name, value in self.market.items()}
        return MarketConfig(oracle=int(self.suite.oracle.address, 16), **fields)

    def _book_payment(self, sender: str, logs: list[Log]) -> None:
        """What each actor has paid into the vault, net, from the token's own log."""
        for log in logs:
            if log.name != "Transfer" or log.address != self.prep:
                continue
            source, target, amount = (*(_hex(a) for a in log.args[:2]), log.args[2])
            if target == self.vault.lower():
                self.paid_in[sender] += amount
            elif source == self.vault.lower() and target in {a.lower() for a in self.actors}:
                self.paid_in[sender] -= amount
            elif source == self.vault.lower():
                self.collected += amount


def _refused_alike(refused: Rejected, call, *args) -> None:
    """The contracts refuse with the error that the model has raised."""
    with pytest.raises(Reverted) as reverted:
        call(*args)
    seen = reverted.value
    assert _same_error(refused, seen), f"{args}: model {refused}, contracts {seen}"


def _same_error(refused: Rejected, reverted: Reverted) -> bool:
    """Names and values, where the model knows addresses as strings and names as text."""

    def plain(value):
        if isinstance(value, bytes):
            value = value.rstrip(b"\0").decode()
        return value.lower() if isinstance(value, str) else value

    return refused.name == reverted.name and [plain(a) for a in refused.args] == [
        plain(a) for a in reverted.args_
    ]


def _as_logs(result, model: System):
    """The events that the contracts emit for what the model returned, in their order."""
    index = model.markets[0].borrow_index
    match result:
        case CollateralChanged(trader, amount, collateral):
            yield "CollateralChanged", (trader.lower(), amount, collateral)
        case PositionIncreased() as r:
            head = (r.trader.lower(), r.id, r.market_id, r.size_added, r.price, r.size)
            tail = (r.entry_price, r.collateral, r.opening_fee, index)
            yield "PositionIncreased", head + tail
        case PositionDecreased() as r:
            yield "PositionDecreased", _decrease(r, index)
        case PositionLiquidated() as r:
            for decrease in r.decreases:
                yield "PositionDecreased", _decrease(decrease, index)
            head = (r.trader.lower(), r.id, r.liquidator.lower())
            tail = (r.collateral, r.reward, r.from_vault, r.liquidator_collateral)
            yield "PositionLiquidated", head + tail
        case Deposited() as r:
            yield "Deposit", (r.caller.lower(), r.receiver.lower(), r.assets, r.shares)
        case Withdrawn() as r:
            parties = (r.caller.lower(), r.receiver.lower(), r.owner.lower())
            yield "Withdraw", (*parties, r.assets, r.shares)


def _decrease(r: PositionDecreased, index: int) -> tuple:
    realised = (r.price_pnl, r.funding, r.borrowing_fee, r.closing_fee)
    head = (r.trader.lower(), r.id, r.market_id, r.size_removed, r.price, r.size)
    return (*head, r.collateral, realised, r.bad_debt, index)


def _hex(address: str) -> str:
    return address.lower()
