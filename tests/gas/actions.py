"""What is measured: each action from the same state, an hour after the last one, so that time has to
be accounted for. Gas is that of the whole transaction."""

from collections.abc import Callable
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from ape.api import AccountAPI, ReceiptAPI

from tests.suite import WAD, Suite

HOUR = 3_600
ENTRY = 10_000
COLLATERAL = 1_000 * WAD
LIQUIDITY = 100_000 * WAD


@dataclass(frozen=True)
class Bench:
    """A deployment and who acts on it. All have PREP and have approved it.

    `others` have positions on both sides. `trader`, `victim` and `liquidator` have collateral,
    `newcomer` has nothing in any contract. `lp` has shares.
    """

    suite: Suite
    chain: Any
    others: list[AccountAPI]
    trader: AccountAPI
    victim: AccountAPI
    liquidator: AccountAPI
    newcomer: AccountAPI
    lp: AccountAPI

    def prepare(self) -> None:
        """Brings the deployment into the state from which all is measured: no slot that a trade
        writes is zero, no id is free, and the price is that of the beginning."""
        suite, protocol = self.suite, self.suite.protocol
        holders = [*self.others, self.trader, self.victim, self.liquidator, self.newcomer, self.lp]
        for account in holders:
            suite.give(account, 10 * LIQUIDITY)
        self.act(suite.vault.deposit, LIQUIDITY, by=self.lp)
        for account in holders[:-2]:
            self.act(protocol.depositCollateral, COLLATERAL, by=account)
        *traders, last = self.others
        for number, account in enumerate(traders):
            self.open(account, is_long=number % 2 == 0)
        # Somebody wins and loses, and his id is taken by the last one.
        self.open(self.trader)
        for price in (ENTRY + 100, ENTRY - 50):
            suite.set_price(price)
            self.act(protocol.decreasePosition, 1_000 * WAD, by=self.trader)
        self.act(protocol.closePosition, by=self.trader)
        self.open(last)
        suite.set_price(ENTRY)
        assert protocol.getIdsNotInUse() == []

    def act(self, call, *args, by: AccountAPI) -> ReceiptAPI:
        """An hour after the last block."""
        self.chain.pending_timestamp = self.chain.blocks.head.timestamp + HOUR
        return call(*args, sender=by)

    def open(
        self, account: AccountAPI, *, is_long: bool = True, notional: int = 5_000
    ) -> ReceiptAPI:
        call = self.suite.protocol.openPositionWithSize
        return self.act(call, notional * WAD + 1, is_long, by=account)

    def trade(self, name: str, price: int, *args: int) -> ReceiptAPI:
        """The trader opens, the price moves, and he does what is measured."""
        self.open(self.trader)
        self.suite.set_price(price)
        return self.act(getattr(self.suite.protocol, name), *args, by=self.trader)

    def liquidate(self, by: AccountAPI, equity: int, decreases: int) -> ReceiptAPI:
        """Of a position whose equity is that many hundredths of a per cent of its entry notional,
        or a little less; it is decreased that often."""
        self.open(self.victim, notional=14_500)
        held = self.suite.lens.position(self.victim)
        loss = (held.equity - held.entryNotional * equity // 10_000) * 10**8 // held.position.size
        self.suite.set_answer(ENTRY * 10**8 - loss)
        tx = self.act(self.suite.protocol.liquidatePosition, held.id, by=by)
        logs = tx.decode_logs(self.suite.protocol.PositionDecreased)
        assert len(logs) == decreases, "another path than the one that is meant"
        return tx

    def reopen(self) -> ReceiptAPI:
        self.act(self.suite.protocol.closePosition, by=self.others[-1])
        return self.open(self.trader)

    def withdraw_with_position(self) -> ReceiptAPI:
        self.open(self.trader)
        return self.act(self.suite.protocol.withdrawCollateral, 100 * WAD, by=self.trader)

    def limited(self) -> ReceiptAPI:
        call, never = self.suite.protocol.openPositionWithSize, 2**256 - 1
        return self.act(call, 5_000 * WAD + 1, True, ENTRY * 2 * WAD, never, by=self.trader)


def _protocol(name: str, who: str, *args) -> Callable[[Bench], ReceiptAPI]:
    return lambda b: b.act(getattr(b.suite.protocol, name), *args, by=getattr(b, who))


def _vault(
    name: str, who: str, amount: int, *, to_self: bool = False
) -> Callable[[Bench], ReceiptAPI]:
    def act(b: Bench) -> ReceiptAPI:
        account = getattr(b, who)
        receiver = (account,) if to_self else ()
        return b.act(getattr(b.suite.vault, name), amount, *receiver, by=account)

    return act


SHARES = 10**27

ACTIONS: dict[str, Callable[[Bench], ReceiptAPI]] = {
    "open, fresh id": lambda b: b.open(b.trader),
    "open, reused id": lambda b: b.reopen(),
    "open, fresh id, with limits": lambda b: b.limited(),
    "increase": lambda b: b.trade("increasePosition", ENTRY + 100, 1_000 * WAD),
    "decrease in profit": lambda b: b.trade("decreasePosition", ENTRY + 100, 1_000 * WAD),
    "decrease at a loss": lambda b: b.trade("decreasePosition", ENTRY - 100, 1_000 * WAD),
    "close in profit": lambda b: b.trade("closePosition", ENTRY + 100),
    "close at a loss": lambda b: b.trade("closePosition", ENTRY - 100),
    "liquidate a third": lambda b: b.liquidate(b.liquidator, 330, 1),
    "liquidate a third, new liquidator": lambda b: b.liquidate(b.newcomer, 330, 1),
    "liquidate a third, then the rest": lambda b: b.liquidate(b.liquidator, 150, 2),
    "liquidate the whole, bankrupt": lambda b: b.liquidate(b.liquidator, -100, 1),
    "deposit collateral": _protocol("depositCollateral", "trader", COLLATERAL),
    "deposit collateral, new trader": _protocol("depositCollateral", "newcomer", COLLATERAL),
    "withdraw collateral with a position": lambda b: b.withdraw_with_position(),
    "withdraw collateral without one": _protocol("withdrawCollateral", "trader", 100 * WAD),
    "LP deposit": _vault("deposit", "lp", COLLATERAL),
    "LP deposit, new LP": _vault("deposit", "newcomer", COLLATERAL),
    "LP mint": _vault("mint", "lp", SHARES, to_self=True),
    "LP withdraw": _vault("withdraw", "lp", COLLATERAL),
    "LP redeem": _vault("redeem", "lp", SHARES),
}


@contextmanager
def prepared(bench: Bench):
    """The bench, ready; undone afterwards."""
    with bench.chain.isolate():
        bench.prepare()
        yield bench


def measure(bench: Bench, names=ACTIONS) -> dict[str, int]:
    """Gas of each action, each from the state that the bench is in."""
    gas = {}
    for name in names:
        with bench.chain.isolate():
            gas[name] = ACTIONS[name](bench).gas_used
    return gas
