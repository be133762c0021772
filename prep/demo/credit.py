"""Credit accounts and lenders on the stage: what they bring and do, and what became of it."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from ape.contracts import ContractInstance

from prep.credit.actions import encode
from prep.demo.accounts import (
    ASSETS,
    LENDERS,
    PREP,
    SHARES,
    WBTC,
    WETH,
    Seen,
    Strategy,
    acts,
    decide,
    eth_price,
    first_eth_price,
    step_of,
    tokens_worth,
)
from prep.demo.checks import Check
from prep.demo.credit_checks import CreditBalances, PoolBalances, check_credit
from prep.demo.credit_ledger import LENDING, AccountLiquidation, CreditLedger, OrderEnd
from prep.demo.credit_outcome import CreditOutcome, CreditParticipant, CreditReading, Lent
from prep.demo.ledger import ZERO_ADDRESS, Event
from prep.demo.prices import FEED_DECIMALS
from prep.demo.stage import Ask, Stage
from prep.errors import UserError
from prep.model.fixed import UNLIMITED, WAD

MANAGER, BOOK = "CreditManager", "OrderBook"
FEEDS: Final = ("ETH/feed", "WETH/feed", "WBTC/feed")
ORACLES: Final = {SHARES: "SHARES/oracle", WETH: "WETH/oracle", WBTC: "WBTC/oracle"}
KEEPER_MONEY: Final = 100_000 * WAD
"""PREP with which the keeper pays debts of accounts that it liquidates."""
_WAD_OF_ANSWER: Final = 10 ** (18 - FEED_DECIMALS)


@dataclass
class Credit:
    """`cast` has the addresses of all with a strategy and of all lenders, by name; `tokens` are by
    asset, without shares; `contracts` by name, with feeds and oracles."""

    stage: Stage
    tokens: Mapping[int, ContractInstance]
    contracts: Mapping[str, ContractInstance]
    strategies: Sequence[Strategy]
    cast: Mapping[str, str]
    ledger: CreditLedger
    btc: int = 0
    """The feeds' last answer, as the next one."""
    eth: int = 0
    samples: list[CreditReading] = field(default_factory=list)
    orders: list[tuple[int, OrderEnd]] = field(default_factory=list)
    liquidations: list[tuple[int, AccountLiquidation]] = field(default_factory=list)
    _accrued: dict[int, int] = field(default_factory=dict)

    # --------------------------------------------------------------------------------------- acting

    def set_prices(self, setter: str, btc: int) -> None:
        """Of ETH, WETH and WBTC, by that of BTC, in its units."""
        self.eth = eth_price(self.eth, self.btc, btc) if self.btc else first_eth_price(btc)
        self.btc = btc
        for name, answer in zip(FEEDS, (self.eth, self.eth, btc), strict=True):
            self.stage.set_feed(setter, self.contracts[name], answer)

    @property
    def token_prices(self) -> dict[str, int]:
        """PREP for a whole one, WAD."""
        return {"WETH": self.eth * _WAD_OF_ANSWER, "WBTC": self.btc * _WAD_OF_ANSWER}

    def fund(self, director: str, keeper: str, btc: int) -> None:
        """Gives everybody what they bring, by the first price; opens the accounts; lenders lend."""
        prices = first_prices(btc)
        manager = self.contracts[MANAGER].address
        for strategy in self.strategies:
            who = self.cast[strategy.name]
            for asset, per_cent in strategy.brings.items():
                amount = tokens_worth(asset, strategy.part(per_cent), *prices)
                self._give(director, who, asset, amount, manager)
            self._must(who, self.contracts[MANAGER], "open", who)
        for lender in LENDERS:
            who, vault = self.cast[lender.name], self._lending(lender.asset)
            amount = tokens_worth(lender.asset, lender.value, *prices)
            self._give(director, who, lender.asset, amount, vault.address)
            self._must(who, vault, "deposit", amount, who)
        self._give(director, keeper, PREP, KEEPER_MONEY, manager)

    def _give(self, director: str, who: str, asset: int, amount: int, spender: str) -> None:
        self._must(director, self.tokens[asset], "mint", who, amount)
        self._must(who, self.tokens[asset], "approve", spender, UNLIMITED)

    def _must(self, sender: str, contract: ContractInstance, do: str, *args: object) -> None:
        if error := self.stage.send(sender, contract, do, *args):
            raise UserError(f"{do} was rejected with {error}")

    def act(self, step: int, steps: int) -> Iterator[tuple[str, str]]:
        """What owners and lenders do in a step: function and error, or ''."""
        for account, strategy in enumerate(self.strategies, 1):
            if acts(strategy, step, steps):
                actions = decide(strategy, step, steps, self._seen(account, strategy))
                manager, who = self.contracts[MANAGER], self.cast[strategy.name]
                if actions:
                    arguments = account, encode(actions)
                    yield "execute (account)", self.stage.send(who, manager, "execute", *arguments)
        for lender in LENDERS:
            if lender.leaves is not None and step == step_of(lender.leaves, steps):
                who, vault = self.cast[lender.name], self._lending(lender.asset)
                shares = self.ledger.pools[lender.asset].wallets[who]
                yield "redeem (lender)", self.stage.send(who, vault, "redeem", shares, who, who)

    def _seen(self, account: int, strategy: Strategy) -> Seen:
        who, ledger = self.cast[strategy.name], self.ledger
        return Seen(
            now=self.stage.now(),
            account=account,
            btc=self.btc * _WAD_OF_ANSWER,
            eth=self.eth * _WAD_OF_ANSWER,
            wallet={asset: ledger.wallets[asset, who] for asset in self.tokens},
            held={asset: ledger.balances[account, asset] for asset in range(len(ASSETS))},
        )

    def _lending(self, asset: int) -> ContractInstance:
        return self.contracts[f"{ASSETS[asset]}/lending"]

    # -------------------------------------------------------------------------------------- reading

    def take(self, events: Sequence[Event], step: int) -> dict[str, int]:
        """Books the events of a step. How many orders were filled and accounts liquidated."""
        orders, liquidations = len(self.ledger.orders), len(self.ledger.liquidations)
        self.ledger.take(events)
        new = self.ledger.orders[orders:]
        liquidated = self.ledger.liquidations[liquidations:]
        self.orders += [(step, order) for order in new]
        self.liquidations += [(step, item) for item in liquidated]
        return {
            "execute (order)": sum(order.how == "filled" for order in new),
            "liquidate (account)": len(liquidated),
        }

    def observe(self) -> None:
        """Keeps how accounts and lenders of PREP stand now: before the keeper looks."""
        manager, lending = self.contracts[MANAGER], self._lending(PREP)
        numbers = range(1, len(self.strategies) + 1)
        *healths, utilisation, rate = self.stage.views(
            [(manager, "health", number, True) for number in numbers]
            + [(lending, "utilisation"), (lending, "borrowRate")]
        )
        standings = tuple((health["equity"], health["required"]) for health in healths)
        self.samples.append(CreditReading(standings, utilisation, rate))

    def accrue(self, sender: str) -> None:
        """Books interest until now: logs then say all of it."""
        for name, asset in LENDING.items():
            self._must(sender, self.contracts[name], "accrue")
            self._accrued[asset] = self.stage.block()

    def check(self) -> tuple[Check, ...]:
        """The logs against the chain, where nothing has happened since `accrue`."""
        return check_credit(self.ledger, self.balances())

    def balances(self) -> CreditBalances:
        """What the contracts say, lending vaults at the block of `accrue`."""
        ledger, manager = self.ledger, self.contracts[MANAGER]
        holders = {key for key in ledger.wallets if key[0] != PREP and key[1] != ZERO_ADDRESS}
        holders |= {(asset, manager.address) for asset in range(len(ASSETS))}
        keys = sorted(holders)
        token = {SHARES: self.stage.vault, **self.tokens}
        held = self.stage.views([(token[asset], "balanceOf", who) for asset, who in keys])
        count = self.stage.view(manager, "accountCount")
        pairs = [(n, asset) for n in range(1, count + 1) for asset in range(len(ASSETS))]
        holdings = self.stage.views([(manager, "holding", *pair) for pair in pairs])
        return CreditBalances(
            wallets=dict(zip(keys, held, strict=True)),
            balances={p: h["balance"] for p, h in zip(pairs, holdings, strict=True)},
            debt_shares={p: h["debtShares"] for p, h in zip(pairs, holdings, strict=True)},
            reserved=self.stage.view(manager, "reservedFees"),
            pools={asset: self._pool(asset) for asset in LENDING.values()},
        )

    def _pool(self, asset: int) -> PoolBalances:
        vault, manager = self._lending(asset), self.contracts[MANAGER].address
        who = sorted(set(self.ledger.pools[asset].wallets) - {ZERO_ADDRESS})
        borrowers = sorted(self.ledger.pools[asset].quoted)
        asks: list[Ask] = [
            (self.tokens[asset], "balanceOf", vault.address),
            (vault, "idle"),
            (vault, "totalDebt"),
            (vault, "reserves"),
            (vault, "lockedInterest"),
            (vault, "totalAssets"),
            (vault, "debtIndex"),
            (vault, "debtShares", manager),
            (vault, "totalSupply"),
        ]
        asks += [(vault, "debtOf", borrower) for borrower in borrowers]
        asks += [(vault, "balanceOf", lender) for lender in who]
        values = self.stage.views(asks, hex(self._accrued[asset]))
        held, idle, debt, reserves, locked, total_assets, index, owed, supply, *rest = values
        return PoolBalances(
            held=held,
            idle=idle,
            debt=sum(debt),
            reserves=reserves,
            locked=locked,
            total_assets=total_assets,
            index=index,
            shares=owed,
            supply=supply,
            quoted=dict(zip(borrowers, rest, strict=False)),
            wallets=dict(zip(who, rest[len(borrowers) :], strict=True)),
        )

    # --------------------------------------------------------------------------------------- values

    def outcome(self) -> CreditOutcome:
        """Everything, at the prices of now."""
        values = self._values()
        people: list[tuple[str, str, int | None]] = [
            *((s.name, s.plan, number) for number, s in enumerate(self.strategies, 1)),
            *((lender.name, lender.plan, None) for lender in LENDERS),
        ]
        return CreditOutcome(
            samples=tuple(self.samples),
            participants=tuple(self._participant(*person, values) for person in people),
            orders=tuple(self.orders),
            liquidations=tuple(self.liquidations),
            waiting=tuple((i >> 32, kind) for i, (kind, _) in sorted(self.ledger.waiting.items())),
            lent={
                asset: Lent(self.ledger.pools[asset].interest, self.ledger.pools[asset].losses)
                for asset in LENDING.values()
            },
        )

    def tokens_of(self, who: str) -> int:
        """Value of what somebody has of tokens beside PREP and the vault's shares."""
        values = self._values()
        return sum(self._in_wallet(who, asset, values) for asset in (WETH, WBTC))

    def _values(self) -> dict[int, int]:
        """PREP for a base unit of each asset, WAD."""
        prices = self.stage.views([(self.contracts[name], "price") for name in ORACLES.values()])
        return {PREP: WAD} | dict(zip(ORACLES, prices, strict=True))

    def _in_wallet(self, who: str, asset: int, values: Mapping[int, int]) -> int:
        return self.ledger.wallets[asset, who] * values[asset] // WAD

    def _participant(
        self, name: str, plan: str, account: int | None, values: Mapping[int, int]
    ) -> CreditParticipant:
        who, ledger = self.cast[name], self.ledger
        worth = sum(self._in_wallet(who, asset, values) for asset in values)
        if account is not None:
            health = self.stage.view(self.contracts[MANAGER], "health", account, False)
            fees = sum(fee for i, (_, fee) in ledger.waiting.items() if i >> 32 == account)
            worth += health["assets"] - health["owed"] + health["pnl"] + fees
        for asset in LENDING.values():
            if shares := ledger.pools[asset].wallets[who]:
                assets = self.stage.view(self._lending(asset), "convertToAssets", shares)
                worth += assets * values[asset] // WAD
        brought = sum(
            amount * values[asset] // WAD
            for (asset, receiver), amount in ledger.received.items()
            if receiver == who
        )
        return CreditParticipant(name, who, plan, account, brought, worth)


def first_prices(btc: int) -> tuple[int, int]:
    """Of BTC and ETH, WAD, by the feed's first answer."""
    return btc * _WAD_OF_ANSWER, first_eth_price(btc) * _WAD_OF_ANSWER
