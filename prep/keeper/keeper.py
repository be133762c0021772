"""Liquidates what has to be liquidated: reads, decides, simulates, sends, waits.

At most one transaction is in flight, and each takes the account's first free nonce. So two
transactions for one position can never both be mined, even if a node forgets one and it turns up
again; the account should serve this keeper alone.
"""

import time
from dataclasses import dataclass
from threading import Event
from typing import Any, Final

from ape.api import AccountAPI

from prep.keeper.chain import Chain, NodeError, Reverted, SendError, sign
from prep.keeper.decide import Action, Plan, Settings, Skipped, plan
from prep.keeper.report import Failure, Liquidation, Report, Round
from prep.keeper.snapshot import Snapshot, read
from prep.reverts import web3_of

DAY: Final = 86_400
_TOO_LATE: Final = {"PositionHealthy", "UnknownPosition"}
"""What the protocol answers when somebody else was first, or the price came back."""


@dataclass(frozen=True, slots=True)
class _Sent:
    """A transaction of which it is not known yet whether it was mined."""

    action: Action
    transaction: str
    nonce: int
    max_cost: int
    """Wei."""


class Keeper:
    """Watches one protocol. Sends nothing unless told to `execute`; prints nothing.

    `protocol` and `lens` are Ape contract instances; `account` signs, unasked, and may be None in a
    dry run. Waiting ends early when `stop` is set.
    """

    def __init__(
        self,
        protocol: Any,
        lens: Any,
        account: AccountAPI | None,
        settings: Settings,
        execute: bool = False,
        stop: Event | None = None,
    ) -> None:
        if execute and account is None:
            raise ValueError("executing needs an account")
        self.settings = settings
        self.execute = execute
        oracle = protocol.local_project.get_contract("ChainlinkOracle")
        types = (protocol.contract_type, oracle.contract_type)
        self.chain = Chain(web3_of(protocol.provider), types)
        self._chain_id: int = protocol.provider.chain_id
        self._protocol = self.chain.contract(protocol)
        self._lens = self.chain.contract(lens)
        self._account = account
        self._address = str(account.address) if account else None
        self._stop = stop or Event()
        self._sent: _Sent | None = None
        self._spent: list[tuple[int, int]] = []  # (time, wei), the last day's

    def step(self) -> Report:
        """One round. Never raises for what a node or a contract does: the report says it."""
        done = Round(self.execute)
        before = self.chain.requests
        try:
            self._follow_up(done)
            self.act(*self.look(), done)
        except NodeError as error:
            done.unreachable = str(error)
        return done.report(self.chain.requests - before)

    def look(self) -> tuple[Snapshot, Plan]:
        """What the newest block shows and what to do about it."""
        snapshot = read(
            self.chain, self._protocol, self._lens, self._address, self.settings.page_size
        )
        return snapshot, plan(snapshot, self.settings)

    def act(self, snapshot: Snapshot, todo: Plan, done: Round) -> None:
        """Carries a plan out, as far as it still holds. One that fails does not stop the others."""
        done.snapshot = snapshot
        done.skipped += todo.skipped
        for action in todo.actions:
            if self._stop.is_set():
                done.skipped.append(Skipped(action.id, "stopping"))
            elif self._sent is not None:
                # What is sent now could not be mined before it.
                done.skipped.append(Skipped(action.id, f"waiting for {self._sent.transaction}"))
            else:
                self._liquidate(action, snapshot.timestamp, done)

    def _liquidate(self, action: Action, now: int, done: Round) -> None:
        if not self._would_succeed(action, "latest", done):
            return
        done.actions.append(action)
        if not self.execute:
            return
        base_fee = self.chain.latest_block().get("baseFeePerGas")
        gas_price = self.chain.gas_price()
        if gas_price > action.max_gas_price:
            reason = f"gas price {gas_price} above {action.max_gas_price}"
            done.skipped.append(Skipped(action.id, reason))
            return
        # Room for the base fee to double, but never for a loss.
        max_fee = min(2 * gas_price, action.max_gas_price)
        max_cost = self.settings.gas_limit * max_fee
        limit = self.settings.max_daily_gas
        if limit is not None and self._spent_since(now - DAY) + max_cost > limit:
            done.skipped.append(Skipped(action.id, f"more than {limit} wei of gas in a day"))
            return
        try:
            fees = {"type": 0, "gasPrice": gas_price}
            if base_fee is not None:
                tip = max(0, gas_price - base_fee)
                fees = {"type": 2, "maxFeePerGas": max_fee, "maxPriorityFeePerGas": tip}
            self._send(action, fees, max_cost)
        except SendError as error:
            self._sent = None
            done.errors.append(Failure(action.id, str(error)))
            return
        self._wait(now, done)

    def _would_succeed(self, action: Action, block: int | str, done: Round) -> bool:
        try:
            self.chain.call(
                self._protocol,
                "liquidatePosition",
                action.id,
                block=block,
                sender=self._address,
                gas=self.settings.gas_limit,
            )
        except Reverted as refusal:
            if refusal.name in _TOO_LATE:
                done.skipped.append(Skipped(action.id, f"already done or healthy: {refusal}"))
            else:
                done.errors.append(Failure(action.id, str(refusal)))
            return False
        return True

    def _send(self, action: Action, fees: dict[str, int], max_cost: int) -> None:
        assert self._account is not None
        assert self._address is not None
        nonce = self.chain.nonce(self._address)
        raw, transaction = sign(
            self._account,
            {
                "chainId": self._chain_id,
                "from": self._address,
                "to": self._protocol.address,
                "data": self._protocol.encode_abi("liquidatePosition", [action.id]),
                "gas": self.settings.gas_limit,
                "nonce": nonce,
                **fees,
            },
        )
        # Noted before it is sent: if the node goes away meanwhile, it may have been taken.
        self._sent = _Sent(action, transaction, nonce, max_cost)
        self.chain.send(raw)

    def _wait(self, now: int, done: Round) -> None:
        """Until what was sent is mined, or time is up: the next round then asks again."""
        assert self._sent is not None
        end = time.monotonic() + self.settings.receipt_timeout
        delay = 0.05
        while (receipt := self.chain.receipt(self._sent.transaction)) is None:
            if time.monotonic() >= end or self._stop.wait(delay):
                reason = f"not mined yet: {self._sent.transaction}"
                done.errors.append(Failure(self._sent.action.id, reason))
                return
            delay = min(1.0, 2 * delay)
        self._book(receipt, now, done)

    def _follow_up(self, done: Round) -> None:
        """Asks what became of a transaction that an earlier round did not see mined."""
        sent = self._sent
        if sent is None:
            return
        assert self._address is not None
        now = self.chain.latest_block()["timestamp"]
        used = self.chain.nonce(self._address) > sent.nonce
        receipt = self.chain.receipt(sent.transaction)
        if receipt is not None:
            self._book(receipt, now, done)
        elif used:
            self._drop("was replaced by another one", done)
            # Who knows what the other one cost.
            self._spent.append((now, sent.max_cost))
        elif not self.chain.knows(sent.transaction):
            self._drop("was forgotten by the node", done)

    def _drop(self, what: str, done: Round) -> None:
        assert self._sent is not None
        reason = f"{self._sent.transaction} {what}"
        done.errors.append(Failure(self._sent.action.id, reason))
        self._sent = None

    def _book(self, receipt: Any, now: int, done: Round) -> None:
        """Counts what a mined transaction cost and brought."""
        assert self._sent is not None
        action, gas_cost = self._sent.action, self._sent.max_cost
        if "effectiveGasPrice" in receipt:
            gas_cost = receipt["gasUsed"] * receipt["effectiveGasPrice"]
        self._spent.append((now, gas_cost))
        done.gas_spent += gas_cost
        self._sent = None
        if receipt["status"] != 1:
            if self._would_succeed(action, receipt["blockNumber"], done):
                done.errors.append(Failure(action.id, "reverted when mined"))
            return
        (event,) = self.chain.events(receipt, self._protocol, "PositionLiquidated")
        done.liquidated.append(
            Liquidation(
                id=action.id,
                trader=action.trader,
                reward=event["reward"],
                expected_reward=action.reward,
                gas_cost=gas_cost,
                gas_used=receipt["gasUsed"],
                transaction=receipt["transactionHash"].to_0x_hex(),
                block=receipt["blockNumber"],
            )
        )

    def _spent_since(self, start: int) -> int:
        """Wei spent on gas since then."""
        self._spent = [(when, cost) for when, cost in self._spent if when > start]
        return sum(cost for _, cost in self._spent)
