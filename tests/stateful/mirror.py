"""The contracts and the reference model side by side: every action goes to both, every digit is
compared after each."""

from collections.abc import Sequence
from dataclasses import astuple
from functools import partial
from itertools import islice

from prep.model import MarketConfig, Rejected, ReserveBasis, System, checks
from prep.node import Log, Node, Reverted
from tests.stateful.events import (
    NAMES,
    as_logs,
    as_outcome,
    as_state,
    assert_refused,
    refused_alike,
)
from tests.suite import CONFIG_TUPLE, Suite, market_config, model_config

HEARTBEAT = 7 * 86_400
DEAD = 3 * 86_400
ACCOUNTS = (1, 2, 3)


class Mirror:
    """One deployment and its model. `actors` are addresses whose keys the node holds; they trade
    for the accounts of `client`, if there is one. A feed prices market 0, oracles that never grow
    old the others."""

    def __init__(
        self,
        node: Node,
        suite: Suite,
        actors: list[str],
        rate: int,
        client: str | None = None,
        oracles: Sequence = (),
        configs: Sequence[dict] = (),
    ) -> None:
        self.node, self.suite, self.actors, self.client = node, suite, actors, client
        self.protocol = suite.protocol.address
        self.vault = suite.vault.address
        self.lens = suite.lens.address
        self.prep = suite.prep.address
        self.deleverager = suite.deleverager.address
        self.oracles = [suite.oracle, *oracles]
        self.configs = [dict(suite.market), *(dict(config) for config in configs)]
        self.now = node.time()
        self.donated = self.paid_in = self.collected = 0
        self.model = System(protocol_fee_rate=rate, reserve_basis=self._basis())
        self.prices = [0] * len(self.oracles)
        self.priced_at = [0] * len(self.oracles)
        for market in range(len(self.oracles)):
            (state,) = node.read((self.lens, "marketState(uint256)", market))
            self.model.now = state[6]
            self.model.add_market(self._model_config(market))
            if market:
                oracle = self.oracles[market].address
                price, since = node.read((oracle, "price()"), (oracle, "lastUpdate()"))
                self.prices[market], self.priced_at[market] = price, since
                self.model.set_price(market, price)
        if client:
            self.model.set_margin_client(client, True)
        self.answer, self.answered_at = 10_000 * 10**8, self._feed_time()
        self.good_answer = self.answer

    @property
    def market(self) -> dict:
        """Parameters of market 0."""
        return self.configs[0]

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
            refused_alike(refused, self.node.simulate, sender, target, signature, *args)
            return None
        done, logs = self.node.send(sender, target, signature, *args)
        if not done:
            try:
                self.node.simulate(sender, target, signature, *args)
            except Reverted as reverted:
                raise AssertionError(f"contracts refused {signature}{args}: {reverted}") from None
            raise AssertionError(f"contracts refused {signature}{args}, and not any more")
        if expected is not None:
            seen = [(log.name, log.args) for log in logs if log.name in NAMES]
            assert seen == list(as_logs(expected, self.model)), f"events of {signature}{args}"
        self._book_payment(logs)
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

    def set_price(self, wait: int, market: int, price: int) -> None:
        """Of a market after the first, WAD; within four digits of what it began with."""
        price = min(max(price, 10**20), 10**24)
        self._advance(wait)
        oracle = self.oracles[market].address
        done, _ = self.node.send(self.suite.admin.address, oracle, "setPrice(uint256)", price)
        assert done
        self.prices[market], self.priced_at[market] = price, self.now
        self.model.set_price(market, price)

    def configure(self, wait: int, market: int = 0, **changes) -> None:
        """The risk manager changes parameters."""
        previous = self.configs[market]
        self.configs[market] = previous | changes
        args = (market, market_config(self.oracles[market], self.configs[market]))
        signature = f"setMarket(uint256,{CONFIG_TUPLE})"
        done = False

        def of_model():
            nonlocal done
            self.model.set_market(market, self._model_config(market))
            done = True

        self.act(self.suite.risk_manager.address, wait, signature, args, of_model)
        if not done:
            self.configs[market] = previous

    def settle(self, wait: int, market: int, price: int) -> None:
        """The admin ends a market after the first, if its oracle has been silent for long."""

        def of_model():
            since = self.priced_at[market]
            if self.model.markets[market].settled_price is None and self.now < since + DEAD:
                raise Rejected("FeedAlive", since)
            return self.model.settle_market(market, price)

        args = (market, price)
        admin = self.suite.admin.address
        if self.act(admin, wait, "settleMarket(uint256,uint256)", args, of_model):
            self.configs[market]["enabled"] = False

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
        ids = range(len(self.oracles))
        accounts = ACCOUNTS if self.client else ()
        keys = [(self.client, account, market) for account in accounts for market in ids]
        calls = [
            (self.protocol, "protocolFees()"),
            (self.protocol, "liquidity()"),
            (self.protocol, "netDeposits()"),
            (self.protocol, "getNumOfOpenPositionsIds()"),
            (self.protocol, "getIdsNotInUse()"),
            (self.vault, "totalSupply()"),
            (self.prep, "balanceOf(address)", self.vault),
        ]
        calls += [(self.lens, "marketState(uint256)", market) for market in ids]
        calls += [(self.lens, "cashFlow(uint256)", market) for market in ids]
        position = "marginPosition(address,uint256,uint256)"
        calls += [(self.protocol, position, *key) for key in keys]
        calls += [(self.protocol, "getPositionDetails(address)", a) for a in self.actors]
        calls += [(self.vault, "balanceOf(address)", a) for a in self.actors]
        calls += [(self.vault, "lockedShares(address)", a) for a in self.actors]
        answers = iter(node.read(*calls))
        fees, liquidity, net, highest, free, supply, custody = islice(answers, 7)
        states, flows = list(islice(answers, len(ids))), list(islice(answers, len(ids)))
        margin = list(islice(answers, len(keys)))
        details = list(islice(answers, len(self.actors)))
        shares, locked = list(islice(answers, len(self.actors))), list(answers)
        assert locked == [model.locked_shares(actor) for actor in self.actors], "V5"

        for market in ids:
            of = f"market {market} differs from the model: "
            assert states[market] == as_state(model.markets[market]), of + "aggregates"
            assert flows[market] == astuple(model.cash_flow(market)), of + "cash flow"
        for key, held in zip(keys, margin, strict=True):
            assert held == tuple(model.margin_position(*key)), f"position {key}"
        assert fees[1] == model.unpaid_protocol_fees
        assert (liquidity, net) == (model.vault.liquidity, model.vault.net_deposits)
        assert highest == model.highest_id
        assert list(free) == model.free_ids[::-1]
        assert supply == model.vault.supply
        for actor, position, held in zip(self.actors, details, shares, strict=True):
            own = model.position(actor)
            assert position == astuple(own), f"position of {actor} differs from the model"
            assert held == model.vault.balance_of(actor)

        collateral = sum(position[3] for position in details)
        assert custody == liquidity + collateral + fees[1] + self.donated, "M1"
        assert net + sum(map(sum, flows)) == liquidity, "M2"
        assert self.paid_in == custody - self.donated + self.collected, "M3"
        open_ids = {position[0] for position in details} - {0}
        assert open_ids.isdisjoint(free), "P3"
        assert sorted(open_ids | set(free)) == list(range(1, highest + 1)), "P3"
        problems = checks.all_checks(model)
        assert not problems, problems
        self._check_priced_views()

    def _check_priced_views(self) -> None:
        """Views that need a price: equal to the model's, or refused like them. What the vault lets
        in and out too (V3)."""
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
        for larger in (False, True):
            signature = "exposure(bool)"
            views.append((self.protocol, signature, (larger,), lambda b=larger: self._exposure(b)))
        for market, positions in enumerate(model.margin_positions):
            for (client, account), held in positions.items():
                args = (client, account, market, -held.size, True)
                signature = "previewOrder(address,uint256,uint256,int256,bool)"
                preview = partial(model.preview_order, *args)
                views.append((self.protocol, signature, args, lambda p=preview: as_outcome(p())))
                args = (client, account, market)
                signature = "marginEquity(address,uint256,uint256)"
                worth = partial(model.margin_equity, *args)
                views.append((self.protocol, signature, args, lambda w=worth: tuple(w())))
        actor = self.actors[0]
        views += [
            (self.vault, "maxDeposit(address)", (actor,), model.max_deposit),
            (self.vault, "maxMint(address)", (actor,), model.max_mint),
        ]
        for actor in self.actors:
            if model.vault.balance_of(actor):
                most = partial(model.max_withdraw, actor), partial(model.max_redeem, actor)
                views.append((self.vault, "maxWithdraw(address)", (actor,), most[0]))
                views.append((self.vault, "maxRedeem(address)", (actor,), most[1]))
        answers = self.node.try_read(*((to, name, *args) for to, name, args, _ in views))
        for (_, signature, args, of_model), seen in zip(views, answers, strict=True):
            try:
                expected = of_model()
            except Rejected as refused:
                assert_refused(refused, seen, (signature, args))
                continue
            assert seen == expected, f"{signature}{args}: {seen}, by the model {expected}"

    # ------------------------------------------------------------------------------------ internal

    def _exposure(self, by_larger_side: bool) -> tuple:
        e = self.model.exposure(by_larger_side)
        return (self.model.vault.liquidity, e.seq_pnl, e.funding, e.borrowing, e.reserves)

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

    def _model_config(self, market: int) -> MarketConfig:
        return model_config(self.configs[market], int(self.oracles[market].address, 16))

    def _book_payment(self, logs: list[Log]) -> None:
        """What traders, clients and LPs have paid into the vault, net, from the token's own log."""
        parties = {who.lower() for who in (*self.actors, self.client or "")}
        for log in logs:
            if log.name != "Transfer" or log.address != self.prep:
                continue
            source, target, amount = (*(a.lower() for a in log.args[:2]), log.args[2])
            if target == self.vault.lower():
                self.paid_in += amount
            elif source == self.vault.lower() and target in parties:
                self.paid_in -= amount
            elif source == self.vault.lower():
                self.collected += amount
