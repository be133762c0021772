"""Transactions, one at a time.

At most one is in flight, and each takes the account's first free nonce. So two transactions for one
position can never both be mined, even if a node forgets one and it turns up again; the account
should serve this keeper alone.
"""

import time
from dataclasses import dataclass
from threading import Event
from typing import Any, Final, Protocol

from ape.api import AccountAPI

from prep.keeper.chain import Chain, Reverted, SendError, sign
from prep.keeper.codec import codec_of
from prep.keeper.decide import Settings
from prep.keeper.report import Failure, Round
from prep.keeper.snapshot import Id

DAY: Final = 86_400


class NotSent(Exception):  # noqa: N818 - a limit, not a failure
    """A limit of the operator forbids it."""


class Named(Protocol):
    """An action of any kind."""

    @property
    def id(self) -> Id:
        """What it is about."""


@dataclass(frozen=True, slots=True)
class Call:
    """What an action comes down to."""

    action: Named
    contract: Any
    function: str
    """A name, or the signature of one of several."""
    arguments: tuple[Any, ...]
    max_gas_price: int
    """Wei per gas."""


@dataclass(frozen=True, slots=True)
class Mined:
    """A transaction that was mined, whether or not it reverted."""

    call: Call
    receipt: Any
    gas_cost: int
    """Wei."""

    @property
    def succeeded(self) -> bool:
        """Whether it did not revert."""
        return bool(self.receipt["status"] == 1)

    @property
    def facts(self) -> dict[str, Any]:
        """The fields of a `Transaction`."""
        return {
            "gas_cost": self.gas_cost,
            "gas_used": self.receipt["gasUsed"],
            "transaction": self.receipt["transactionHash"].to_0x_hex(),
            "block": self.receipt["blockNumber"],
        }


@dataclass(frozen=True, slots=True)
class _Sent:
    """A transaction of which it is not known yet whether it was mined."""

    call: Call
    transaction: str
    nonce: int
    max_cost: int
    """Wei."""


class Sender:
    """Signs with `account`, which may be None where nothing is sent."""

    def __init__(
        self, chain: Chain, chain_id: int, account: AccountAPI | None, stop: Event
    ) -> None:
        self._chain = chain
        self._chain_id = chain_id
        self._account = account
        self.address = str(account.address) if account else None
        self._stop = stop
        self._sent: _Sent | None = None
        self._spent: list[tuple[int, int]] = []  # (time, wei), the last day's

    @property
    def waiting(self) -> str:
        """The transaction that is in flight, if any."""
        return self._sent.transaction if self._sent else ""

    def refusal(
        self, call: Call, block: int | str = "latest", gas: int | None = None
    ) -> Reverted | None:
        """What the contract would answer, if it would refuse."""
        try:
            self._chain.call(
                call.contract,
                call.function,
                *call.arguments,
                block=block,
                sender=self.address,
                gas=gas,
            )
        except Reverted as error:
            return error
        return None

    def gas_of(self, call: Call, without_ether: str | None = None) -> int:
        """With how much gas it goes through now; `without_ether`: if this address had none. Raises
        `Reverted`."""
        return self._chain.estimate_gas(
            call.contract,
            call.function,
            *call.arguments,
            sender=self.address,
            without_ether=without_ether,
        )

    def send(
        self, call: Call, gas_limit: int, settings: Settings, now: int, done: Round
    ) -> Mined | None:
        """Sends and waits. None: it was not taken, or is not mined in time; the round says so.
        Raises `NotSent`."""
        base_fee = self._chain.latest_block().get("baseFeePerGas")
        gas_price = self._chain.gas_price()
        if gas_price > call.max_gas_price:
            raise NotSent(f"gas price {gas_price} above {call.max_gas_price}")
        # Room for the base fee to double, but never for a loss.
        max_fee = min(2 * gas_price, call.max_gas_price)
        max_cost = gas_limit * max_fee
        limit = settings.max_daily_gas
        if limit is not None and self._spent_since(now - DAY) + max_cost > limit:
            raise NotSent(f"more than {limit} wei of gas in a day")
        try:
            fees = {"type": 0, "gasPrice": gas_price}
            if base_fee is not None:
                tip = max(0, gas_price - base_fee)
                fees = {"type": 2, "maxFeePerGas": max_fee, "maxPriorityFeePerGas": tip}
            self._send(call, {"gas": gas_limit, **fees}, max_cost)
        except SendError as error:
            self._sent = None
            done.errors.append(Failure(call.action.id, str(error)))
            return None
        return self._wait(settings.receipt_timeout, now, done)

    def follow_up(self, done: Round) -> Mined | None:
        """Asks what became of a transaction that an earlier round did not see mined."""
        sent = self._sent
        if sent is None:
            return None
        assert self.address is not None
        now = self._chain.latest_block()["timestamp"]
        used = self._chain.nonce(self.address) > sent.nonce
        receipt = self._chain.receipt(sent.transaction)
        if receipt is not None:
            return self._book(receipt, now, done)
        if used:
            self._drop("was replaced by another one", done)
            # Who knows what the other one cost.
            self._spend(now, sent.max_cost)
        elif not self._chain.knows(sent.transaction):
            self._drop("was forgotten by the node", done)
        return None

    def _send(self, call: Call, fields: dict[str, int], max_cost: int) -> None:
        assert self._account is not None
        assert self.address is not None
        nonce = self._chain.nonce(self.address)
        raw, transaction = sign(
            self._account,
            {
                "chainId": self._chain_id,
                "from": self.address,
                "to": call.contract.address,
                "data": codec_of(call.contract, call.function).encode(call.arguments),
                "nonce": nonce,
                **fields,
            },
        )
        # Noted before it is sent: if the node goes away meanwhile, it may have been taken.
        self._sent = _Sent(call, transaction, nonce, max_cost)
        self._chain.send(raw)

    def _wait(self, timeout: int, now: int, done: Round) -> Mined | None:
        """Until what was sent is mined, or time is up: the next round then asks again."""
        assert self._sent is not None
        end = time.monotonic() + timeout
        delay = 0.05
        while (receipt := self._chain.receipt(self._sent.transaction)) is None:
            if time.monotonic() >= end or self._stop.wait(delay):
                reason = f"not mined yet: {self._sent.transaction}"
                done.errors.append(Failure(self._sent.call.action.id, reason))
                return None
            delay = min(1.0, 2 * delay)
        return self._book(receipt, now, done)

    def _book(self, receipt: Any, now: int, done: Round) -> Mined:
        """Counts what a mined transaction cost."""
        assert self._sent is not None
        call, gas_cost = self._sent.call, self._sent.max_cost
        if "effectiveGasPrice" in receipt:
            gas_cost = receipt["gasUsed"] * receipt["effectiveGasPrice"]
        self._spend(now, gas_cost)
        done.gas_spent += gas_cost
        self._sent = None
        return Mined(call, receipt, gas_cost)

    def _drop(self, what: str, done: Round) -> None:
        assert self._sent is not None
        reason = f"{self._sent.transaction} {what}"
        done.errors.append(Failure(self._sent.call.action.id, reason))
        self._sent = None

    def _spend(self, now: int, wei: int) -> None:
        self._spent_since(now - DAY)  # forgets the rest
        self._spent.append((now, wei))

    def _spent_since(self, start: int) -> int:
        """Wei spent on gas since then."""
        self._spent = [(when, cost) for when, cost in self._spent if when > start]
        return sum(cost for _, cost in self._spent)
