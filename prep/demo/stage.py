"""The chain as the demonstration uses it: time, prices, transactions, logs and readings.

It talks to the node directly: Ape's calls and transactions ask it for many things that are known
here, and two days of prices would take minutes.
"""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Final, cast

from ape.api import ProviderAPI
from ape.contracts import ContractInstance
from eth_abi.abi import decode
from eth_utils.address import to_checksum_address
from eth_utils.crypto import keccak
from ethpm_types.abi import ABIType
from hexbytes import HexBytes
from web3.exceptions import ContractLogicError
from web3.types import TxParams

from prep.demo.checks import Balances
from prep.demo.ledger import ZERO_ADDRESS, Event, Ledger
from prep.demo.outcome import Position, Reading
from prep.errors import UserError
from prep.model.fixed import UNLIMITED

GAS: Final = 1_000_000
"""Enough for any action."""
ETHER: Final = 10**18


@dataclass
class Stage:
    """The deployed contracts on a local node."""

    provider: ProviderAPI
    prep: ContractInstance
    protocol: ContractInstance
    vault: ContractInstance
    lens: ContractInstance
    feed: ContractInstance
    _next_block: int = 0
    _errors: dict[bytes, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for contract in (self.prep, self.protocol, self.vault):
            for error in contract.contract_type.errors:
                self._errors[keccak(text=error.selector)[:4]] = error.name

    # ----------------------------------------------------------------------------------------- node

    @contextmanager
    def set(self, actors: Iterable[str]) -> Iterator[None]:
        """Lets the node sign for whoever acts, and gives each block a second more than the one
        before, however long it takes to make it: two runs accrue the same fees, to the unit."""
        for actor in actors:
            self._ask("anvil_setBalance", actor, hex(1_000 * ETHER))
        self._ask("anvil_autoImpersonateAccount", True)
        self._ask("anvil_setBlockTimestampInterval", 1)
        try:
            yield
        finally:
            # Ape ends its node at once when the user interrupts.
            if self.provider.is_connected:
                self._ask("anvil_removeBlockTimestampInterval")
                self._ask("anvil_autoImpersonateAccount", False)

    def now(self) -> int:
        """Time of the newest block, seconds."""
        return int(self._ask("eth_getBlockByNumber", "latest", False)["timestamp"], 16)

    def _ask(self, method: str, *arguments: Any) -> Any:
        return self.provider.make_request(method, list(arguments))

    # --------------------------------------------------------------------------------- transactions

    def send(self, sender: str, contract: ContractInstance, do: str, *args: Any) -> str:
        """Sends a transaction. The name of the error that it was rejected with, else ''."""
        transaction = {
            "from": sender,
            "to": contract.address,
            "data": getattr(contract, do).encode_input(*args).to_0x_hex(),
            "gas": hex(GAS),
        }
        # Answers with the receipt, as soon as there is one.
        if int(self._ask("eth_sendTransactionSync", transaction)["status"], 16):
            return ""
        try:
            self.provider.web3.eth.call(cast(TxParams, transaction))
        except ContractLogicError as error:
            data = HexBytes(error.data if isinstance(error.data, str) else b"")
            selector = bytes(data[:4])
            return self._errors.get(selector, f"unknown error {data[:4].to_0x_hex()}")
        return "an error that did not happen again"

    def set_price(self, setter: str, answer: int, timestamp: int) -> None:
        """A new answer of the feed, in its units, in a block of exactly this time."""
        self._ask("evm_setNextBlockTimestamp", timestamp)
        if error := self.send(setter, self.feed, "setAnswer", answer):
            raise UserError(f"the feed rejects the price {answer} with {error}")

    # ------------------------------------------------------------------------------------- readings

    def new_events(self) -> list[Event]:
        """All that PREP, vault and protocol have logged since the last call, in order."""
        contracts = {c.address: c for c in (self.prep, self.vault, self.protocol)}
        names = dict(zip(contracts, ("PREP", "Vault", "Protocol"), strict=True))
        wanted = {"fromBlock": hex(self._next_block), "address": list(contracts)}
        abis = {a.name: a for c in contracts.values() for a in c.contract_type.events}
        logs = self._ask("eth_getLogs", wanted | {"toBlock": "latest"})
        if logs:
            self._next_block = int(logs[-1]["blockNumber"], 16) + 1
        decoded = self.provider.network.ecosystem.decode_logs(logs, *abis.values())
        return [
            Event(
                transaction=str(log.transaction_hash),
                contract=names[log.contract_address],
                name=log.event_name,
                args={
                    field.name: _named(field, log.event_arguments[field.name])
                    for field in abis[log.event_name].inputs
                },
            )
            for log in decoded
        ]

    def view(self, contract: ContractInstance, function: str, *args: Any) -> Any:
        """What a function without overloads returns; structs by name."""
        abi = contract.contract_type.view_methods[function]
        data = getattr(contract, function).encode_input(*args).to_0x_hex()
        answer = HexBytes(self._ask("eth_call", {"to": contract.address, "data": data}, "latest"))
        values = decode([output.canonical_type for output in abi.outputs], answer)
        named = [_named(o, value) for o, value in zip(abi.outputs, values, strict=True)]
        return named[0] if len(named) == 1 else named

    def read(self) -> Reading:
        """Everything that changes."""
        market, vault = self.view(self.lens, "market", 0), self.view(self.lens, "vault")
        return Reading(
            timestamp=self.now(),
            price=market["price"],
            long_oi=market["state"]["longOI"],
            short_oi=market["state"]["shortOI"],
            liquidity=vault["liquidity"],
            reserves=vault["reserves"],
            lower_value=vault["lowerValue"],
            upper_value=vault["upperValue"],
            shares=vault["totalSupply"],
            positions=tuple(
                Position(
                    id=p["id"],
                    trader=to_checksum_address(p["trader"]),
                    size=p["position"]["size"],
                    entry_price=p["position"]["entryPrice"],
                    notional=p["entryNotional"],
                    leverage=p["leverage"],
                )
                for p in self.view(self.lens, "positions", 1, UNLIMITED)
            ),
        )

    def balances(self, ledger: Ledger, participants: Iterable[str]) -> Balances:
        """What token and contracts say of everybody, those included that the ledger met."""
        people = {*participants, *ledger.wallets, *ledger.accounts}
        people -= {ZERO_ADDRESS, self.vault.address, self.protocol.address}

        def balance(holder: str) -> int:
            return int(self.view(self.prep, "balanceOf", holder))

        def collateral(trader: str) -> int:
            return int(self.view(self.protocol, "getPositionDetails", trader)["collateral"])

        return Balances(
            wallets={who: balance(who) for who in people},
            collateral={who: collateral(who) for who in people},
            vault=balance(self.vault.address),
            protocol=balance(self.protocol.address),
            liquidity=self.view(self.protocol, "liquidity"),
            net_deposits=self.view(self.protocol, "netDeposits"),
            fees_unpaid=self.view(self.protocol, "protocolFees")[1],
            cash_flow=self.view(self.lens, "cashFlow", 0),
        )


def _named(field: ABIType, value: Any) -> Any:
    """A decoded value with its structs as dictionaries and its numbers as bare integers."""
    if field.components and str(field.type).endswith("]"):
        return [_struct(field.components, item) for item in value]
    if field.components:
        return _struct(field.components, value)
    return int(value) if isinstance(value, int) else value


def _struct(components: Iterable[ABIType], values: Iterable[Any]) -> dict[str, Any]:
    return {str(c.name): _named(c, v) for c, v in zip(components, values, strict=True)}
