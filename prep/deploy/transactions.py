"""Sends the transactions of a deployment so that none is ever made twice.

A transaction is signed and recorded before it leaves. Whatever interrupts the command, the next
run finds it there and looks for it on the chain, or sends the very same bytes again: a nonce can be
used only once. A new one takes its place only when the node has refused it, under the same nonce,
or when the owner of the account has used that nonce for something else.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from ape.api import AccountAPI, TransactionAPI
from ape.exceptions import APINotImplementedError, ProviderError
from eth_utils.crypto import keccak
from ethpm_types import ContractType
from hexbytes import HexBytes
from web3 import Web3
from web3.exceptions import ContractLogicError, TimeExhausted
from web3.middleware import AttributeDictMiddleware
from web3.types import TxParams

from prep.connect import describe, friendly_errors
from prep.deploy.record import Deployment, Mined, Pending
from prep.errors import UserError
from prep.reverts import explain, web3_of

ONE_MORE_WRITE: Final = 25_000
"""Gas: time passes between an estimate and the block, and what accrues by then is stored."""
Build = Callable[[dict[str, Any]], TransactionAPI]
"""Makes a transaction from the options that it is given."""


@dataclass(frozen=True, slots=True)
class Receipt:
    """Of a transaction that went through."""

    mined: Mined
    created: str | None
    """The contract's address, if it creates one."""


class Transactions:
    """Sends for one account, and keeps the record at `path` up to date."""

    def __init__(
        self,
        account: AccountAPI,
        record: Deployment,
        path: Path,
        types: Sequence[ContractType],
    ) -> None:
        """`types`: the contracts whose errors can turn up."""
        self._provider = account.provider
        # The same connection without the default middleware, which asks for the chain's id again
        # and again.
        connection = web3_of(self._provider).provider
        self._web3 = Web3(connection, middleware=[AttributeDictMiddleware])
        self._account = account
        self._next_nonce = 0
        self._types = types
        self._record = record
        self._path = path

    def mine(self, step: str, creates: bool, build: Build) -> Receipt:
        """The receipt of a step's transaction: of the recorded one, or else of a new one.

        It stays `pending` in the record until the caller writes down what it has brought about.
        """
        pending = self._record.pending
        if pending is not None and pending.step != step:
            raise UserError(f"{self._path} is wrong: {pending.step} is pending before {step}")
        with friendly_errors(f"{step}: "):
            if pending is None or self._is_lost(pending):
                pending = self._sign(step, creates, build(self._options()))
                self._record.pending = pending
                self._record.save(self._path)
            self._send(pending)
            receipt = self._wait(pending)
        self._next_nonce = pending.nonce + 1
        return receipt

    def _options(self) -> dict[str, Any]:
        """Room for the base fee to double before the transaction is mined. Gas: see `_estimate`."""
        # As an account it would be asked about its balance and nonce.
        options = {"sender": self._account.address, "gas_limit": 1}
        try:
            priority = self._provider.priority_fee
            max_fee = 2 * self._provider.base_fee + priority
        except APINotImplementedError:  # a chain without a base fee
            return options
        return options | {"max_priority_fee": priority, "max_fee": max_fee}

    def _sign(self, step: str, creates: bool, transaction: TransactionAPI) -> Pending:
        transaction.gas_limit = self._estimate(step, transaction)
        # Of several nodes behind one address one may not have heard of the last transaction yet.
        found = self._provider.get_nonce(self._account.address)
        transaction.nonce = max(found, self._next_nonce)
        signed = self._account.sign_transaction(self._provider.prepare_transaction(transaction))
        if signed is None or signed.nonce is None:
            raise UserError(f"{step}: {self._account.address} did not sign the transaction")
        raw = bytes(signed.serialize_transaction())
        return Pending(
            step=step,
            transaction="0x" + keccak(raw).hex(),
            nonce=signed.nonce,
            raw="0x" + raw.hex(),
            creates=self._account.get_deployment_address(signed.nonce) if creates else None,
        )

    def _estimate(self, step: str, transaction: TransactionAPI) -> int:
        """On local chains too: an estimate says why something reverts before it is sent."""
        request: TxParams = {"from": self._account.address, "data": transaction.data}
        if transaction.receiver:
            request["to"] = transaction.receiver
        try:
            gas = self._web3.eth.estimate_gas(request)
        except ContractLogicError as error:
            raise UserError(f"{step}: {explain(error, self._types)}") from error
        return gas + gas // 10 + ONE_MORE_WRITE

    def _is_lost(self, pending: Pending) -> bool:
        """Whether it can never be mined, because another transaction had its nonce."""
        if self._provider.get_nonce(self._account.address) <= pending.nonce:
            return False
        if self._asked("eth_getTransactionReceipt", pending):
            return False
        if pending.creates is not None and self._provider.get_code(pending.creates):
            raise UserError(
                f"{pending.step}: another transaction with nonce {pending.nonce} was mined instead "
                f"of {pending.transaction} and made a contract at {pending.creates}; {self.mend()}"
            )
        return True

    def mend(self) -> str:
        """What to do where only the owner of the account knows what he has sent."""
        return (
            "if it was sent to replace the recorded one, put its hash into pending.transaction of "
            f"{self._path}, otherwise set pending to null there"
        )

    def _send(self, pending: Pending) -> None:
        try:
            self._provider.make_request("eth_sendRawTransaction", [pending.raw])
        except ProviderError as error:
            if self._asked("eth_getTransactionByHash", pending):
                return  # sent before, perhaps mined
            self._forget()
            raise UserError(f"{pending.step}: the node refuses it: {describe(error)}") from error

    def _wait(self, pending: Pending) -> Receipt:
        """Confirmations are not waited for: another run finds out what a reorganisation undid."""
        patience = self._provider.network.transaction_acceptance_timeout
        try:
            receipt = self._web3.eth.wait_for_transaction_receipt(
                HexBytes(pending.transaction), timeout=patience
            )
        except TimeExhausted as error:
            raise UserError(
                f"{pending.step}: transaction {pending.transaction} with nonce {pending.nonce} is "
                "not mined yet; run this again to go on waiting, it will not be made twice"
            ) from error
        if not receipt["status"]:
            self._forget()
            raise UserError(f"{pending.step}: transaction {pending.transaction} reverted")
        block = receipt["blockNumber"]
        mined = Mined(
            transaction=pending.transaction,
            block=block,
            timestamp=self._web3.eth.get_block(block)["timestamp"],
        )
        return Receipt(mined, receipt["contractAddress"])

    def _forget(self) -> None:
        self._record.pending = None
        self._record.save(self._path)

    def _asked(self, request: str, pending: Pending) -> bool:
        """Whether the node knows an answer about the transaction."""
        return self._provider.make_request(request, [pending.transaction]) is not None
