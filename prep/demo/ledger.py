"""Where every PREP went, from the logs alone.

The ledger adds up what events say and never asks the contracts for a total. Amounts are PREP base
units, rates WAD. Nothing here is rounded except the protocol's share of a fee, which the contracts
round up.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from typing import Any

from prep.model.fixed import WAD, mul_div_ceil, wmul

ZERO_ADDRESS = "0x" + 40 * "0"


@dataclass(frozen=True)
class Event:
    """A log of one of the contracts: `contract` is PREP, Vault or Protocol here, and one of those
    that `prep.demo.credit_ledger` names."""

    transaction: str
    contract: str
    name: str
    args: Mapping[str, Any]


@dataclass(frozen=True)
class Liquidation:
    """`notional` is the entry notional before, `left` what of it stays open; `reward` what the
    liquidator got, `from_vault` of it; `collateral` and `bad_debt` what the trader is left with."""

    position: int
    trader: str
    is_long: bool
    notional: int
    left: int
    reward: int
    from_vault: int
    collateral: int
    bad_debt: int


@dataclass
class Account:
    """A trader or liquidator. `collateral` is what the logs report, `result` what trading and
    liquidating added to it."""

    collateral: int = 0
    result: int = 0
    rewards: int = 0
    size: int = 0
    entry_price: int = 0

    @property
    def notional(self) -> int:
        return abs(wmul(self.size, self.entry_price))


@dataclass
class CashFlow:
    """What the vault has gained, fields as on chain."""

    pricePnl: int = 0  # noqa: N815
    openingFee: int = 0  # noqa: N815
    closingFee: int = 0  # noqa: N815
    accruedFunding: int = 0  # noqa: N815
    borrowingFee: int = 0  # noqa: N815
    badDebt: int = 0  # noqa: N815

    @property
    def total(self) -> int:
        return sum(vars(self).values())


@dataclass
class Flows:
    """What went into custody (positive) and out of it (negative) in one transaction, per party and
    direction: what the token moved, less what events claim was moved."""

    open: defaultdict[tuple[str, bool], int] = field(default_factory=lambda: defaultdict(int))

    def move(self, party: str, amount: int) -> None:
        self.open[party, amount > 0] += amount

    def claim(self, party: str, amount: int) -> None:
        self.open[party, amount > 0] -= amount

    def settle(self) -> tuple[int, int]:
        """Gifts, that is what came in and nobody claims; and all else that does not match."""
        rest = [(inward, amount) for (_, inward), amount in self.open.items()]
        gifts = sum(amount for inward, amount in rest if inward and amount > 0)
        return gifts, sum(abs(amount) for _, amount in rest) - gifts


@dataclass
class Ledger:
    """All money, as of the last event taken in. `vault` is the custodian's address.

    `unmatched` is what moved in or out of custody without an event that says so, or the reverse;
    `donations` is what somebody just sent; `settled` is what orders of margin clients paid them.
    """

    vault: str
    accounts: defaultdict[str, Account] = field(default_factory=lambda: defaultdict(Account))
    wallets: defaultdict[str, int] = field(default_factory=lambda: defaultdict(int))
    minted: defaultdict[str, int] = field(default_factory=lambda: defaultdict(int))
    shares: defaultdict[str, int] = field(default_factory=lambda: defaultdict(int))
    lp_payments: defaultdict[str, int] = field(default_factory=lambda: defaultdict(int))
    settled: defaultdict[str, int] = field(default_factory=lambda: defaultdict(int))
    cash_flow: CashFlow = field(default_factory=CashFlow)
    liquidations: list[Liquidation] = field(default_factory=list)
    fee_rate: int = 0
    fees_charged: int = 0
    fees_unpaid: int = 0
    rewards: int = 0
    bad_debt: int = 0
    donations: int = 0
    unmatched: int = 0

    @property
    def net_deposits(self) -> int:
        return sum(self.lp_payments.values())

    @property
    def liquidity(self) -> int:
        return self.net_deposits + self.cash_flow.total

    @property
    def collateral(self) -> int:
        return sum(account.collateral for account in self.accounts.values())

    @property
    def results(self) -> dict[str, int]:
        """Who won and who lost, deposits and withdrawals aside: what one wins another loses."""
        return {
            "Traders": sum(account.result for account in self.accounts.values()),
            "Credit accounts": sum(self.settled.values()),
            "LPs": self.cash_flow.total,
            "Protocol fees": self.fees_charged,
            "Liquidators' rewards": self.rewards,
        }

    def take(self, events: Iterable[Event]) -> None:
        """Takes in events in the order in which they were logged, whole transactions only."""
        for _, group in groupby(events, key=lambda event: event.transaction):
            self._take_transaction(list(group))

    def _take_transaction(self, events: Sequence[Event]) -> None:
        flows = Flows()
        for i, event in enumerate(events):
            args = event.args
            match event.contract, event.name:
                case "PREP", "Transfer":
                    self._transfer(args["from"], args["to"], args["value"], flows)
                case "Vault", "Transfer":
                    self.shares[args["from"]] -= args["value"]
                    self.shares[args["to"]] += args["value"]
                case "Vault", "Deposit":
                    self.lp_payments[args["owner"]] += args["assets"]
                    flows.claim(args["sender"], args["assets"])
                case "Vault", "Withdraw":
                    self.lp_payments[args["owner"]] -= args["assets"]
                    flows.claim(args["receiver"], -args["assets"])
                case "Protocol", "CollateralChanged":
                    self.accounts[args["trader"]].collateral = args["collateral"]
                    flows.claim(args["trader"], args["amount"])
                case "Protocol", "ProtocolFeeRateSet":
                    self.fee_rate = args["rate"]
                case "Protocol", "ProtocolFeesCollected":
                    self.fees_unpaid -= args["amount"]
                    flows.claim(args["treasury"], -args["amount"])
                case "Protocol", "ProtocolFeeCharged":
                    self.fees_charged += args["amount"]
                    self.fees_unpaid += args["amount"]
                case "Protocol", "PositionIncreased":
                    self._increase(args)
                case "Protocol", "PositionDecreased":
                    self._decrease(args)
                case "Protocol", "PositionLiquidated":
                    self._liquidate(args, events[:i])
                case "Protocol", "OrderExecuted":
                    self._execute(args["client"], args["outcome"])
                    flows.claim(args["client"], -args["outcome"]["settlement"])
        donations, unmatched = flows.settle()
        self.donations += donations
        self.unmatched += unmatched

    def _transfer(self, giver: str, taker: str, amount: int, flows: Flows) -> None:
        if giver == ZERO_ADDRESS:
            self.minted[taker] += amount
        self.wallets[giver] -= amount
        self.wallets[taker] += amount
        if taker == self.vault:
            flows.move(giver, amount)
        if giver == self.vault:
            flows.move(taker, -amount)

    def _increase(self, args: Mapping[str, Any]) -> None:
        self._report(args["trader"], args["collateral"])
        account = self.accounts[args["trader"]]
        account.size, account.entry_price = args["size"], args["entryPrice"]
        self.cash_flow.openingFee += args["openingFee"] - self._share(args["openingFee"])

    def _decrease(self, args: Mapping[str, Any]) -> None:
        self._report(args["trader"], args["collateral"])
        self.accounts[args["trader"]].size = args["size"]
        self._realise(args["realised"])
        self.cash_flow.badDebt -= args["badDebt"]
        self.bad_debt += args["badDebt"]

    def _realise(self, realised: Mapping[str, int]) -> None:
        flow = self.cash_flow
        flow.pricePnl -= realised["pricePnl"]
        flow.accruedFunding -= realised["funding"]
        flow.borrowingFee -= realised["borrowingFee"]
        flow.closingFee -= realised["closingFee"] + self._share(-realised["closingFee"])

    def _execute(self, client: str, outcome: Mapping[str, Any]) -> None:
        """An order of a margin client, which settles in full."""
        self._realise(outcome["realised"])
        fee = outcome["openingFee"]
        self.cash_flow.openingFee += fee - self._share(fee)
        self.settled[client] += outcome["settlement"]

    def _liquidate(self, args: Mapping[str, Any], before: Sequence[Event]) -> None:
        trader, reward = args["trader"], args["reward"]
        closed = [e.args for e in before if e.name == "PositionDecreased"]
        account = self.accounts[trader]
        removed = sum(e["sizeRemoved"] for e in closed)
        self._report(trader, args["collateral"])
        self._report(args["liquidator"], args["liquidatorCollateral"], reward)
        self.cash_flow.badDebt -= args["fromVault"]
        self.rewards += reward
        self.liquidations.append(
            Liquidation(
                position=args["id"],
                trader=trader,
                is_long=removed > 0,
                notional=abs(wmul(account.size + removed, account.entry_price)),
                left=account.notional,
                reward=reward,
                from_vault=args["fromVault"],
                collateral=args["collateral"],
                bad_debt=sum(e["badDebt"] for e in closed),
            )
        )

    def _report(self, who: str, collateral: int, reward: int = 0) -> None:
        """A balance after trading or liquidating; what of the change is not reward is result."""
        account = self.accounts[who]
        account.result += collateral - account.collateral - reward
        account.rewards += reward
        account.collateral = collateral

    def _share(self, fee: int) -> int:
        """What of a fee is the protocol's, whether or not the trader could pay it."""
        return mul_div_ceil(fee, self.fee_rate, WAD)
