"""Asset-backed positions on the stage: real swaps, quotes, and what became of it."""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from ape.contracts import ContractInstance
from eth_account import Account
from eth_account.signers.local import LocalAccount
from eth_utils.crypto import keccak

from prep.demo.accounts import DECIMALS, PREP, WBTC, WETH, step_of, tokens_worth
from prep.demo.arbitrage import bring
from prep.demo.checks import Check
from prep.demo.ledger import Event
from prep.demo.margin_chain import read_balances
from prep.demo.margin_checks import MarginBalances, check_margin
from prep.demo.margin_ledger import MarginLedger
from prep.demo.margin_outcome import MarginOutcome, MarginParticipant, Swapped
from prep.demo.margin_plans import ALL, PLANS, QUOTE, Do, Plan
from prep.demo.stage import Stage
from prep.errors import UserError
from prep.exchange.pools import Pool, Pools
from prep.exchange.prices import Amount, sqrt_price
from prep.keeper.margin.actions import Execute
from prep.keeper.margin.ids import PoolId
from prep.keeper.margin.orders import OwnSigner
from prep.keeper.margin.report import Executed, MarginReport, Seized
from prep.keeper.margin.snapshot import SignedOrder
from prep.margin.data import CloseRequest, Order, Payout, Position
from prep.margin.typed import Domain, Signer, digest, sign
from prep.model.fixed import UNLIMITED, WAD
from prep.model.margin.arithmetic import BPS
from prep.quotes import answers, wishes
from prep.quotes.problems import Problem
from prep.quotes.quoting import Quotes
from prep.quotes.wire import Position as PositionOf
from prep.quotes.wire import Side

ASSETS: Final = {"PREP": PREP, "WETH": WETH, "WBTC": WBTC}
SLIPPAGE: Final = 200
"""Basis points that a trader puts up with."""
PURSE: Final = 10**9 * WAD
"""What the arbitrageur has of every token, in PREP: enough to bring any pool to any price."""
FOREVER: Final = 2**256 - 1
ARBITRAGEUR: Final = "Arbitrageur"


def key_of(name: str) -> LocalAccount:
    """Of a member of the cast: orders have to be signed."""
    account: LocalAccount = Account.from_key(keccak(text=f"prep demo key of {name}"))
    return account


@dataclass
class Margin:
    """`pools` by direction, `tokens` by name; `markets`: pools of the exchange by base
    and quote token: of all pairs, as swaps may go by way of another token.
    `quotes` signs requests, `arbitrageur` keeps the exchange at the feeds' prices."""

    stage: Stage
    quotes: Quotes
    exchange: Pools
    pools: Mapping[bool, ContractInstance]
    router: ContractInstance
    tokens: Mapping[str, ContractInstance]
    markets: Mapping[tuple[str, str], Pool]
    domains: Mapping[bool, Domain]
    arbitrageur: str
    ledger: MarginLedger
    plans: Sequence[Plan] = PLANS
    waiting: list[SignedOrder] = field(default_factory=list)
    endings: Counter[str] = field(default_factory=Counter)
    """Positions closed, executed and liquidated, as traders and the keeper know."""
    samples: list[tuple[int | None, ...]] = field(default_factory=list)
    _step_of_end: dict[int, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.keys = {plan.name: key_of(plan.name) for plan in self.plans}
        self.cast = {name: key.address for name, key in self.keys.items()}

    # --------------------------------------------------------------------------------------- acting

    def fund(self, director: str, prices: tuple[int, int]) -> None:
        """Gives everybody what they bring, before anything happens. `prices`: of BTC and ETH."""
        for plan in self.plans:
            who = self.cast[plan.name]
            # Fees of the quotes come on top.
            self._give(director, who, QUOTE, plan.stake * 102 // 100, self._pool(plan))
            if plan.is_long and any(do is Do.ADD for do, _ in plan.moves.values()):
                amount = tokens_worth(ASSETS[plan.base], plan.stake, *prices)
                self._give(director, who, plan.base, amount, self._pool(plan))
        for name, asset in ASSETS.items():
            amount = tokens_worth(asset, PURSE, *prices)
            self._give(director, self.arbitrageur, name, amount, self.router)

    def _give(
        self, director: str, who: str, token: str, amount: int, spender: ContractInstance
    ) -> None:
        self._must(director, self.tokens[token], "mint", who, amount)
        self._must(who, self.tokens[token], "approve", spender.address, UNLIMITED)

    def _must(self, sender: str, contract: ContractInstance, do: str, *args: object) -> None:
        if error := self.stage.send(sender, contract, do, *args):
            raise UserError(f"{do} was rejected with {error}")

    def arbitrage(self, prices: Mapping[str, int]) -> None:
        """Brings every pool to its feeds' price: PREP for a whole token, WAD."""
        worth = {QUOTE: WAD, **prices}
        targets = {}
        for (base, quote), pool in self.markets.items():
            targets[pool] = sqrt_price(
                Amount(self.tokens[base].address, 10 ** DECIMALS[ASSETS[base]] * worth[quote]),
                Amount(self.tokens[quote].address, 10 ** DECIMALS[ASSETS[quote]] * worth[base]),
            )
        bring(self.exchange, self.arbitrageur, targets)

    def act(self, step: int, steps: int) -> Iterator[tuple[str, str]]:
        """What traders do in a step: function and error, or ''."""
        for plan in self.plans:
            if step == step_of(plan.opens, steps):
                yield "open (asset-backed)", self._open(plan)
            for part, (do, per_cent) in plan.moves.items():
                if step != step_of(part, steps):
                    continue
                found = self.ledger.of(self.cast[plan.name])
                if found is None:
                    continue
                _, position = found
                if do is Do.TAKE_PROFIT:
                    self._sign_order(plan, position, per_cent)
                elif do is Do.ADD:
                    yield "addCollateral", self._add(plan, position, per_cent)
                else:
                    yield "close (asset-backed)", self._close(plan, position, per_cent)

    def _open(self, plan: Plan) -> str:
        wish = wishes.OpenWish(
            side=Side.of(plan.is_long),
            trader=self.cast[plan.name],
            base=self.tokens[plan.base].address,
            quote=self.tokens[QUOTE].address,
            down_payment=plan.stake,
            leverage=plan.leverage,
            slippage=SLIPPAGE,
        )
        return self._send(plan, lambda: self.quotes.open(wish))

    def _add(self, plan: Plan, position: Position, per_cent: int) -> str:
        amount = position.collateral * per_cent // ALL
        wish = wishes.CollateralWish(
            side=Side.of(plan.is_long), position=PositionOf.of(position), amount=amount
        )
        return self._send(plan, lambda: self.quotes.collateral(wish))

    def _close(self, plan: Plan, position: Position, per_cent: int) -> str:
        wish = wishes.CloseWish(
            side=Side.of(plan.is_long),
            position=PositionOf.of(position),
            amount=position.collateral * per_cent // ALL,
            slippage=SLIPPAGE,
        )
        error = self._send(plan, lambda: self.quotes.close(wish))
        self.endings["closed"] += not error
        return error

    def _send(
        self,
        plan: Plan,
        ask: Callable[[], answers.OpenQuote | answers.CloseQuote | answers.CollateralQuote],
    ) -> str:
        """As the trader's wallet would. The error of the quote desk or of the pool, else ''."""
        try:
            sent = ask().transaction
        except Problem as problem:
            return problem.code
        return self.stage.send_data(self.cast[plan.name], sent.to, sent.data, sent.value)

    def _sign_order(self, plan: Plan, position: Position, per_cent: int) -> None:
        """A take-profit so far from what the position was opened at."""
        opened = self.ledger.entry[plan.is_long, position.id]
        better = ALL + per_cent if plan.is_long else ALL - per_cent
        who = self.cast[plan.name]
        order = Order(
            id=position.id,
            trader=who,
            signer=who,
            take_profit=True,
            quote_amount=opened.quote * better // ALL,
            base_amount=opened.base,
            min_payout=0,
            payout=Payout.TOKEN,
            expiry=FOREVER,
        )
        domain = self.domains[plan.is_long]
        self.waiting.append(
            SignedOrder(
                id=PoolId(plan.is_long, position.id),
                order=order,
                signature=sign(self.keys[plan.name], domain, order),
                digest="0x" + digest(domain, order).hex(),
            )
        )

    # ------------------------------------------------------------------------------- for the keeper

    def orders(self) -> list[SignedOrder]:
        """Those of positions that are still open."""
        return [o for o in self.waiting if self.ledger.of(o.order.trader) is not None]

    def request(self, execute: Execute, now: int) -> tuple[CloseRequest, bytes]:
        """Signed by the same signer as the quotes."""
        signer: Signer = self.quotes.signer
        own = OwnSigner(self, signer, self.domains, self.router.address)
        return own.request(execute, now)

    # -------------------------------------------------------------------------------------- reading

    def take(self, events: Sequence[Event], step: int) -> dict[str, int]:
        """Books the events of a step. How many were liquidated, and closed by an order."""
        known = len(self.ledger.ended)
        self.ledger.take(events)
        new = self.ledger.ended[known:]
        for number in range(known, len(self.ledger.ended)):
            self._step_of_end[number] = step
        return {
            "liquidate (asset-backed)": sum(e.how == "liquidated" for e in new),
            "executeOrder": sum(e.how == "order" for e in new),
        }

    def kept(self, report: MarginReport) -> None:
        """What the keeper has done in a step, as it says itself."""
        for result in report.results:
            self.endings["order"] += isinstance(result, Executed)
            self.endings["liquidated"] += isinstance(result, Seized)

    def observe(self, prices: Mapping[str, int]) -> None:
        """Keeps what positions are worth now, at what tokens are worth."""
        self.samples.append(
            tuple(
                self.ledger.equity(found[0], price_of(plan.base, prices)) if found else None
                for plan in self.plans
                for found in (self.ledger.of(self.cast[plan.name]),)
            )
        )

    def check(self) -> tuple[Check, ...]:
        """The logs against the chain."""
        return check_margin(self.ledger, self.balances())

    def balances(self) -> MarginBalances:
        """What the contracts say."""
        contracts = self.pools, self.tokens, self.router.address
        return read_balances(self.stage, *contracts, self.ledger, self.endings)

    # --------------------------------------------------------------------------------------- values

    def outcome(self, prices: Mapping[str, int]) -> MarginOutcome:
        """What everybody put in and got out. `prices`: PREP for a whole token, WAD."""
        ledger = self.ledger
        swapped = tuple(
            Swapped(
                step=self._step_of_end[number],
                trader=self._name(ended.left.trader),
                how=ended.how,
                whole=ended.left.collateral == 0,
                payout=ended.closing.payout,
                interest=ended.closing.interest_paid,
                principal=ended.closing.principal_paid,
                fee=ended.closing.fee,
                bad_debt=ended.closing.bad_debt,
            )
            for number, ended in enumerate(ledger.ended)
        )
        return MarginOutcome(
            participants=tuple(self._participant(plan, prices) for plan in self.plans),
            closings=swapped,
            interest=dict(ledger.interest),
            bad_debt=dict(ledger.bad_debt),
            fees=ledger.fees[QUOTE],
            rewards=ledger.rewards[QUOTE],
            prices={name: price_of(name, prices) for name in self.tokens},
            samples=tuple(self.samples),
        )

    def _name(self, address: str) -> str:
        return next(name for name, who in self.cast.items() if who == address)

    def _participant(self, plan: Plan, prices: Mapping[str, int]) -> MarginParticipant:
        who, ledger = self.cast[plan.name], self.ledger
        found = ledger.of(who)
        return MarginParticipant(
            name=plan.name,
            address=who,
            plan=plan.plan,
            is_long=plan.is_long,
            base=plan.base,
            leverage=plan.leverage * WAD // BPS,
            paid={name: ledger.paid[who, name] for name in (QUOTE, plan.base)},
            got={name: ledger.got[who, name] for name in (QUOTE, plan.base)},
            open=ledger.equity(found[0], price_of(plan.base, prices)) if found else None,
        )

    def _pool(self, plan: Plan) -> ContractInstance:
        return self.pools[plan.is_long]


def price_of(name: str, prices: Mapping[str, int]) -> int:
    """PREP base units for a base unit of a token, WAD, by the prices of whole tokens."""
    return WAD if name == QUOTE else prices[name] * WAD // 10 ** DECIMALS[ASSETS[name]]
