"""Where all tokens of credit accounts and lenders went, from the logs alone.

As `prep.demo.ledger` does for PREP and the vault: adds up what events say, and notes what moved
without an event or is said by one and did not move. Amounts are base units of their asset.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from typing import Any, Final

from prep.demo.accounts import ASSETS, PREP, SHARES
from prep.demo.ledger import ZERO_ADDRESS, Event, Flows
from prep.demo.pool import Pool

TOKENS: Final = {"PREP": PREP, "Vault": SHARES, "WETH": 2, "WBTC": 3}
"""Assets by the contract that logs their transfers."""
LENDING: Final = {f"{name}/lending": i for i, name in enumerate(ASSETS) if i != SHARES}
"""The same of lending vaults."""


@dataclass(frozen=True)
class OrderEnd:
    """An order that is no longer there. `price`: WAD, at which it was filled."""

    account: int
    order: str
    how: str
    price: int | None = None


@dataclass(frozen=True)
class AccountLiquidation:
    """Of a credit account: `repaid` and `seized` of their assets, the rest PREP; bonus WAD."""

    account: int
    debt_asset: int
    collateral_asset: int
    closed: int
    reward: int
    repaid: int
    seized: int
    bonus: int
    bad_debt: int


@dataclass
class CreditLedger:
    """All money of credit, as of the last event. `lending`: addresses of vaults by asset.

    `unmatched`: what moved without an event that says so, or the reverse, of all assets together;
    `gifts` are tokens that somebody just sent to the manager; `received` is what was minted for
    whom, `minted` all that was and has not been burned."""

    manager: str
    vault: str
    lending: Mapping[int, str]
    wallets: defaultdict[tuple[int, str], int] = field(default_factory=lambda: defaultdict(int))
    minted: defaultdict[int, int] = field(default_factory=lambda: defaultdict(int))
    received: defaultdict[tuple[int, str], int] = field(default_factory=lambda: defaultdict(int))
    balances: defaultdict[tuple[int, int], int] = field(default_factory=lambda: defaultdict(int))
    debt_shares: defaultdict[tuple[int, int], int] = field(default_factory=lambda: defaultdict(int))
    principal: defaultdict[int, int] = field(default_factory=lambda: defaultdict(int))
    written_off: defaultdict[int, int] = field(default_factory=lambda: defaultdict(int))
    owners: dict[int, str] = field(default_factory=dict)
    waiting: dict[int, tuple[str, int]] = field(default_factory=dict)
    pools: defaultdict[int, Pool] = field(default_factory=lambda: defaultdict(Pool))
    gifts: defaultdict[int, int] = field(default_factory=lambda: defaultdict(int))
    orders: list[OrderEnd] = field(default_factory=list)
    liquidations: list[AccountLiquidation] = field(default_factory=list)
    settled: int = 0
    reserved: int = 0
    unmatched: int = 0

    def held(self, asset: int) -> int:
        """By all accounts, and what of it is set aside for keepers."""
        balances = sum(amount for (_, a), amount in self.balances.items() if a == asset)
        return balances + (self.reserved if asset == PREP else 0)

    def owed(self, asset: int) -> int:
        """Debt shares of all accounts."""
        return sum(shares for (_, a), shares in self.debt_shares.items() if a == asset)

    def take(self, events: Iterable[Event]) -> None:
        """Takes in events in the order in which they were logged, whole transactions only."""
        for _, group in groupby(events, key=lambda event: event.transaction):
            _Transaction(self).take(list(group))


class _Transaction:
    """One transaction: what tokens moved into and out of manager and lending vaults, against what
    events say of it."""

    def __init__(self, ledger: CreditLedger) -> None:
        self._ledger = ledger
        self._manager: defaultdict[int, Flows] = defaultdict(Flows)
        self._lending: defaultdict[int, Flows] = defaultdict(Flows)
        self._custody: defaultdict[int, int] = defaultdict(int)
        self._issued: defaultdict[int, int] = defaultdict(int)
        self._owed: dict[int, int] = {}
        self._acting: set[int] = set()

    def take(self, events: Sequence[Event]) -> None:
        for event in events:
            args = event.args
            if event.contract in LENDING:
                self._of_lending(LENDING[event.contract], event.name, args)
            elif event.name == "Transfer" and event.contract in TOKENS:
                self._transfer(TOKENS[event.contract], args)
            else:
                self._of_others(event.contract, event.name, args)
        self._settle()

    def _transfer(self, asset: int, args: Mapping[str, Any]) -> None:
        # Tokens differ in how they name the amount.
        ledger, (giver, taker, amount) = self._ledger, args.values()
        ledger.minted[asset] += amount * ((giver == ZERO_ADDRESS) - (taker == ZERO_ADDRESS))
        if giver == ZERO_ADDRESS:
            ledger.received[asset, taker] += amount
        ledger.wallets[asset, giver] -= amount
        ledger.wallets[asset, taker] += amount
        places = (
            (ledger.manager, self._manager[asset]),
            (ledger.lending.get(asset, ""), self._lending[asset]),
        )
        for place, flows in places:
            if taker == place:
                flows.move(giver, amount)
            if giver == place:
                flows.move(taker, -amount)
        self._custody[asset] += amount * ((taker == ledger.manager) - (giver == ledger.manager))

    def _of_lending(self, asset: int, name: str, args: Mapping[str, Any]) -> None:
        ledger, flows, pool = self._ledger, self._lending[asset], self._ledger.pools[asset]
        match name:
            case "Transfer":
                pool.wallets[args["from"]] -= args["value"]
                pool.wallets[args["to"]] += args["value"]
                minted = (args["from"] == ZERO_ADDRESS) - (args["to"] == ZERO_ADDRESS)
                self._issued[asset] += args["value"] * minted
            case "Deposit":
                pool.idle += args["assets"]
                pool.supply += args["shares"]
                self._issued[asset] -= args["shares"]
                flows.claim(args["sender"], args["assets"])
            case "Withdraw":
                pool.idle -= args["assets"]
                pool.supply -= args["shares"]
                self._issued[asset] += args["shares"]
                flows.claim(args["receiver"], -args["assets"])
            case "InterestRecorded":
                ledger.unmatched += pool.record(args)
            case "Borrowed" if args["borrower"] != ledger.manager:
                pool.lend_quoted(args["borrower"], args["assets"])
                flows.claim(args["receiver"], -args["assets"])
            case "Repaid" if args["borrower"] != ledger.manager:
                pool.lend_quoted(args["borrower"], -args["assets"])
                flows.claim(args["borrower"], args["assets"])
            case "WrittenOff" if args["borrower"] != ledger.manager:
                pool.write_off_quoted(args)
            case "Borrowed":
                pool.lend(args["assets"], args["shares"])
                self._owe(asset, args["shares"])
                flows.claim(args["receiver"], -args["assets"])
                self._claim(asset, ledger.lending[asset], args["assets"])
            case "Repaid":
                pool.lend(-args["assets"], -args["shares"])
                self._owe(asset, -args["shares"])
                flows.claim(args["borrower"], args["assets"])
                self._claim(asset, ledger.lending[asset], -args["assets"])
            case "WrittenOff":
                pool.write_off(args)
                self._owe(asset, -args["shares"])
            case "InterestAccrued":
                ledger.unmatched += pool.accrue(args)
            case "ReserveShareSet":
                pool.reserve_share = args["share"]
            case "ReservesCollected":
                pool.idle -= args["amount"]
                pool.reserves -= args["amount"]
                flows.claim(args["treasury"], -args["amount"])

    def _of_others(self, contract: str, name: str, args: Mapping[str, Any]) -> None:
        ledger = self._ledger
        match contract, name:
            case "CreditManager", "Transfer":
                ledger.owners[args["tokenId"]] = args["to"]
            case "CreditManager", "BalanceChanged":
                key = args["accountId"], args["assetId"]
                ledger.balances[key] += args["amount"]
                ledger.unmatched += abs(ledger.balances[key] - args["balance"])
                self._custody[key[1]] -= args["amount"]
                self._acting.add(key[0])
            case "CreditManager", "DebtChanged":
                key = args["accountId"], args["assetId"]
                ledger.principal[key[1]] += args["amount"]
                expected = ledger.debt_shares[key] + self._owed.pop(key[1], 0)
                ledger.unmatched += abs(args["debtShares"] - expected)
                ledger.debt_shares[key] = args["debtShares"]
            case "CreditManager", "DebtWrittenOff":
                ledger.written_off[args["assetId"]] += args["assets"]
            case "CreditManager", "OrderFilled":
                self._reserve(-args["keeperFee"])
                self._claim(PREP, args["keeper"], -args["keeperFee"])
            case "CreditManager", "AccountLiquidated":
                self._liquidate(args)
            case "OrderBook", "OrderPlaced":
                order = args["order"]
                fee = order["terms"]["keeperFee"]
                ledger.waiting[args["orderId"]] = kind_of(order), fee
                self._reserve(fee)
            case "OrderBook", "OrderTriggered":
                self._end(args, "filled", args["price"])
            case "OrderBook", "OrderRefused":
                fee = self._end(args, "used up")
                self._reserve(-fee)
                self._claim(PREP, args["keeper"], -fee)
            case "OrderBook", "OrderCancelled":
                self._reserve(-self._end(args, "cancelled"))
            case "OrderBook", "OrderRemoved":
                fee = self._end(args, "removed")
                self._reserve(-fee)
                if args["feeToRemover"]:
                    self._claim(PREP, args["remover"], -fee)
            case "Protocol", "OrderExecuted" if args["client"] == ledger.manager:
                ledger.settled += args["outcome"]["settlement"]
                self._claim(PREP, ledger.vault, args["outcome"]["settlement"])
            case "Vault", "Deposit" if args["owner"] == ledger.manager:
                self._claim(PREP, ledger.vault, -args["assets"])
                self._claim(SHARES, ZERO_ADDRESS, args["shares"])
            case "Vault", "Withdraw" if args["owner"] == ledger.manager:
                self._claim(PREP, ledger.vault, args["assets"])
                self._claim(SHARES, ZERO_ADDRESS, -args["shares"])

    def _claim(self, asset: int, party: str, amount: int) -> None:
        """The manager got this of somebody, or gave it if negative."""
        if amount:
            self._manager[asset].claim(party, amount)

    def _owe(self, asset: int, shares: int) -> None:
        """By a lending vault. What account owes them is logged next."""
        self._owed[asset] = self._owed.get(asset, 0) + shares

    def _reserve(self, fee: int) -> None:
        self._ledger.reserved += fee
        self._custody[PREP] -= fee

    def _end(self, args: Mapping[str, Any], how: str, price: int | None = None) -> int:
        """The fee of an order that is gone. One that nobody has placed has none."""
        kind, fee = self._ledger.waiting.pop(args["orderId"], ("order", 0))
        self._ledger.orders.append(OrderEnd(args["accountId"], kind, how, price))
        return fee

    def _liquidate(self, args: Mapping[str, Any]) -> None:
        done, who = args["liquidation"], args["liquidator"]
        debt, collateral = args["debtAsset"], args["collateralAsset"]
        self._claim(debt, who, done["repaid"])
        self._claim(collateral, who, -done["seized"])
        self._claim(PREP, who, -done["reward"])
        self._ledger.liquidations.append(
            AccountLiquidation(
                account=args["accountId"],
                debt_asset=debt,
                collateral_asset=collateral,
                bad_debt=done["badDebt"],
                **{name: done[name] for name in ("closed", "reward", "repaid", "seized", "bonus")},
            )
        )

    def _settle(self) -> None:
        """What no event explains may only be what people paid in, and what an owner got out."""
        ledger = self._ledger
        owners = {ledger.owners.get(account) for account in self._acting}
        contracts = {ledger.vault, *ledger.lending.values()}
        for asset, flows in self._manager.items():
            for (party, inward), rest in flows.open.items():
                # Only the vault makes shares; who makes other tokens may give them to anybody.
                told = party in contracts or (asset, party) == (SHARES, ZERO_ADDRESS)
                paid_in = inward and rest > 0 and not told
                got_out = not inward and rest < 0 and party in owners
                ledger.unmatched += 0 if paid_in or got_out else abs(rest)
        for asset, rest in self._custody.items():
            ledger.gifts[asset] += max(0, rest)
            ledger.unmatched += max(0, -rest)
        for asset, flows in self._lending.items():
            gifts, unmatched = flows.settle()
            if asset in ledger.lending:
                ledger.pools[asset].donations += gifts
            ledger.unmatched += unmatched
        ledger.unmatched += sum(map(abs, (*self._issued.values(), *self._owed.values())))


def kind_of(order: Mapping[str, Any]) -> str:
    """In words, from an `Order` of the chain."""
    terms, buys = order["terms"], order["size"] > 0
    at_or_above, always = terms["condition"] == 1, terms["condition"] == 0
    if always:
        return "market order"
    if terms["reduceOnly"]:
        return "stop-loss" if at_or_above == buys else "take-profit"
    return "stop order" if at_or_above == buys else "limit order"
