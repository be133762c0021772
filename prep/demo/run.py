"""The demonstration itself: sets up a cast, walks the price path, and keeps what happened."""

import random
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

from prep.demo.checks import check
from prep.demo.credit import Credit, first_prices
from prep.demo.crowd import Action, Do, Holding, Trader, decide, lp_actions, lp_wealth
from prep.demo.ledger import Ledger, Liquidation
from prep.demo.margin import Margin
from prep.demo.outcome import KEEPER, LPS, Outcome, Participant, Sample
from prep.demo.prices import STEP_SECONDS, PricePath
from prep.demo.stage import Stage
from prep.errors import UserError
from prep.keeper.credit.snapshot import CreditId, Kind
from prep.keeper.keeper import Keeper
from prep.keeper.margin.ids import PoolId
from prep.keeper.snapshot import Id
from prep.model.fixed import UNLIMITED


class Demo:
    """A run. `cast` has the addresses of all traders, both LPs and the keeper, by name; `credit`
    those with credit accounts, and lenders, `margin` those with asset-backed positions; `director`
    may mint PREP and sets prices."""

    def __init__(
        self,
        stage: Stage,
        credit: Credit,
        margin: Margin,
        keeper: Keeper,
        cast: Mapping[str, str],
        crowd: Sequence[Trader],
        director: str,
        path: PricePath,
        seed: int,
    ) -> None:
        self.stage, self.credit, self.margin, self.keeper = stage, credit, margin, keeper
        self.cast, self.director = cast, director
        self.crowd, self.path, self.seed = crowd, path, seed
        self.ledger = Ledger(stage.vault.address)
        self.done: Counter[str] = Counter()
        self.rejected: Counter[str] = Counter()
        self.samples: list[Sample] = []
        self.liquidations: list[tuple[int, Liquidation]] = []

    def run(self, on_step: Callable[[Sample], None]) -> Outcome:
        """The whole path."""
        rng = random.Random(f"actions {self.seed}")
        everybody = {*self.cast.values(), *self.credit.cast.values(), *self.margin.cast.values()}
        everybody |= {self.director, self.margin.arbitrageur}
        with self.stage.set(everybody):
            self._fund()
            start = self.stage.now() + STEP_SECONDS
            for step, price in enumerate(self.path.prices):
                self.stage.set_price(self.director, price, start + step * STEP_SECONDS)
                self.credit.set_prices(self.director, price)
                self.margin.arbitrage(self.credit.token_prices)
                self.credit.observe()
                self._keep()
                self._observe(step)
                if step + 1 < len(self.path.prices):
                    self._act(step, rng)
                on_step(self.samples[-1])
            self.credit.accrue(self.director)
            self._take(len(self.samples) - 1)
            return self._outcome()

    def _fund(self) -> None:
        """Gives everybody what they bring; the first LP deposits it at once."""
        wealth = {trader.name: trader.wealth for trader in self.crowd} | lp_wealth()
        for name, amount in wealth.items():
            spender = self.stage.vault if name in LPS else self.stage.protocol
            self._must(self.director, "mint", self.cast[name], amount)
            self._must(self.cast[name], "approve", spender.address, UNLIMITED)
        self._do(Action(LPS[0], Do.PROVIDE, wealth[LPS[0]]))
        self.credit.fund(self.director, self.cast[KEEPER], self.path.prices[0])
        self.margin.fund(self.director, first_prices(self.path.prices[0]))

    def _must(self, sender: str, do: str, *args: object) -> None:
        if error := self.stage.send(sender, self.stage.prep, do, *args):
            raise UserError(f"{do} was rejected with {error}")

    def _keep(self) -> None:
        """One round of the keeper. What it did is in the events; what it could not do is here."""
        report = self.keeper.step()
        interrupted = report.credit.interrupted or report.margin.interrupted
        if failed := report.unreachable or interrupted:
            raise UserError(f"the local node failed: {failed}")
        self.margin.kept(report.margin)
        for failure in report.errors:
            error, _, _ = failure.reason.partition("(")
            self.rejected[f"{_called_for(failure.id)}: {error}"] += 1

    def _observe(self, step: int) -> None:
        self._take(step)
        self.margin.observe(self.credit.token_prices)
        self.samples.append(Sample(step, self.stage.read(), self.ledger.bad_debt))

    def _take(self, step: int) -> None:
        known, events = len(self.ledger.liquidations), self.stage.new_events()
        self.ledger.take(events)
        new = self.ledger.liquidations[known:]
        self.liquidations += [(step, item) for item in new]
        self.done["liquidatePosition"] += len(new)
        self.done.update(self.credit.take(events, step))
        self.done.update(self.margin.take(events, step))

    def _act(self, step: int, rng: random.Random) -> None:
        shares = {name: self.ledger.shares[self.cast[name]] for name in LPS}
        actions = lp_actions(step, len(self.path.prices), shares)
        actions += decide(self.crowd, self._holdings(), step, rng)
        for action in actions:
            self._do(action)
        for function, error in self.credit.act(step, len(self.path.prices)):
            self._count(function, error)
        for function, error in self.margin.act(step, len(self.path.prices)):
            self._count(function, error)

    def _holdings(self) -> dict[str, Holding]:
        reading = self.samples[-1].reading
        positions = {p.trader: p for p in reading.positions}
        holdings = {}
        for trader in self.crowd:
            address = self.cast[trader.name]
            holding = Holding(
                self.ledger.wallets[address], self.ledger.accounts[address].collateral
            )
            if position := positions.get(address):
                rise = reading.price - position.entry_price
                holding = replace(
                    holding,
                    notional=position.notional,
                    leverage=position.leverage,
                    winning=rise * position.size > 0,
                )
            holdings[trader.name] = holding
        return holdings

    def _do(self, action: Action) -> None:
        contract = self.stage.vault if action.actor in LPS else self.stage.protocol
        sender = self.cast[action.actor]
        error = self.stage.send(sender, contract, action.do.value, *action.arguments)
        self._count(action.do.value, error)

    def _count(self, function: str, error: str) -> None:
        if error:
            self.rejected[f"{function}: {error}"] += 1
        else:
            self.done[function] += 1

    def _outcome(self) -> Outcome:
        ledger, last = self.ledger, self.samples[-1].reading
        balances = self.stage.balances(ledger, self.cast.values())
        participants = tuple(
            Participant(
                name=name,
                address=address,
                brought=ledger.minted[address],
                wallet=balances.wallets[address],
                collateral=balances.collateral[address],
                value=last.worth(ledger.shares[address]) + self.credit.tokens_of(address),
                rewards=ledger.accounts[address].rewards,
            )
            for name, address in self.cast.items()
        )
        return Outcome(
            path=self.path,
            seed=self.seed,
            samples=tuple(self.samples),
            liquidations=tuple(self.liquidations),
            done={name: count for name, count in self.done.items() if count},
            rejected=dict(self.rejected),
            participants=participants,
            cash_flow=dict(vars(ledger.cash_flow)),
            protocol_fees=ledger.fees_charged,
            results=ledger.results,
            checks=(*check(ledger, balances), *self.credit.check(), *self.margin.check()),
            credit=self.credit.outcome(),
            margin=self.margin.outcome(self.credit.token_prices),
        )


def _called_for(what: Id) -> str:
    """The function that the keeper calls for a position, an account or an order."""
    if isinstance(what, PoolId):
        return "keeper (asset-backed)"
    if not isinstance(what, CreditId):
        return "liquidatePosition"
    return "liquidate (account)" if what.kind is Kind.ACCOUNT else "execute (order)"
