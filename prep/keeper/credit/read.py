"""How credit accounts, orders and requests are read: many calls in a request, all at one block."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from ape.managers.project import ProjectManager
from eth_utils.address import to_checksum_address

from prep.keeper.chain import Chain, NodeError, Reverted
from prep.keeper.credit.calls import NOBODY, Answer, Ask, Calls
from prep.keeper.credit.live import Live
from prep.keeper.credit.snapshot import (
    Account,
    Asset,
    Chore,
    CreditId,
    CreditSnapshot,
    Holding,
    Kind,
    State,
)
from prep.keeper.decide import Settings
from prep.model import WAD

_ZERO: Final = "0x" + 40 * "0"
_PAGES_OF_OLD: Final = 10
"""Requests to the node with which ids from before the first look are gone through in one round."""
_ALWAYS: Final = 0
"""`Condition`: only of such an order the fee may go to whoever removes it."""


@dataclass(frozen=True, slots=True)
class CreditContracts:
    """Ape contract instances. Without a manager there are no credit accounts, only requests."""

    prep: Any
    requests: Any
    manager: Any = None
    book: Any = None


class Reader:
    """Reads for `sender`; None: for nobody, who has nothing."""

    def __init__(
        self, chain: Chain, contracts: CreditContracts, project: ProjectManager, sender: str | None
    ) -> None:
        self._chain = chain
        self._sender = sender
        self._live = Live()
        self._token_type = contracts.prep.contract_type
        self._oracle_type = project.get_contract("ChainlinkOracle").contract_type
        self.prep = chain.contract(contracts.prep)
        self.requests = chain.contract(contracts.requests)
        self.manager = contracts.manager and chain.contract(contracts.manager)
        self.book = contracts.book and chain.contract(contracts.book)

    def calls(self, settings: Settings, block: int) -> Calls:
        """To be asked at a block."""
        return Calls(self._chain, settings.batch_size, self._sender, block)

    def read(self, settings: Settings, left: Collection[CreditId] = ()) -> CreditSnapshot:
        """The latest block. Chores among `left` are not looked into. Raises `NodeError`."""
        head = self._chain.latest_block()
        block: int = head["number"]
        calls = self.calls(settings, block)
        counts = [Ask(self.requests, "requestCount")]
        if self.manager:
            counts.append(Ask(self.manager, "accountCount"))
        (request_count,), *of_accounts = calls.values(counts)
        account_count: int = of_accounts[0][0] if of_accounts else 0
        accounts, order_ids = self._accounts(calls, range(1, account_count + 1))
        orders = self._states(calls, Kind.ORDER, order_ids)
        asked = self._live.to_ask(request_count, _PAGES_OF_OLD * settings.batch_size)
        requests = self._states(calls, Kind.REQUEST, asked)
        self._live.found({i.number: s is State.GONE for i, s in requests.items()}, block)
        snapshot = CreditSnapshot(
            block=block,
            timestamp=head["timestamp"],
            gas_price=self._chain.gas_price(),
            keeper=self._sender,
            manager=self.manager.address if self.manager else "",
            accounts=accounts,
            account_count=account_count,
            chores=self._chores(calls, {**orders, **requests}, settings, left),
            orders=len(orders),
            requests=sum(state is not State.GONE for state in requests.values()),
        )
        if any(account.liquidatable for account in accounts):
            return replace(snapshot, assets=self._assets(calls))
        return snapshot

    def again(self, snapshot: CreditSnapshot, number: int, settings: Settings) -> CreditSnapshot:
        """One account alone in the latest block, and what the keeper has then."""
        head = self._chain.latest_block()
        calls = self.calls(settings, head["number"])
        accounts, _ = self._accounts(calls, range(number, number + 1))
        return replace(
            snapshot,
            block=head["number"],
            timestamp=head["timestamp"],
            gas_price=self._chain.gas_price(),
            accounts=accounts,
            assets=self._assets(calls),
            chores=(),
        )

    def fill(self, numbers: Sequence[int], kind: Kind) -> Ask:
        """The call that fills one order or request, or several."""
        contract = self.book if kind is Kind.ORDER else self.requests
        if len(numbers) == 1:
            return Ask(contract, "execute", (numbers[0],))
        return Ask(contract, "executeMany", (list(numbers),))

    def remove(self, identity: CreditId) -> Ask:
        """The call that removes a dead one."""
        contract = self.book if identity.kind is Kind.ORDER else self.requests
        return Ask(contract, "remove", (identity.number,))

    def token(self, asset: Asset) -> Any:
        """Its web3 contract."""
        return self._chain.at(asset.token, self._token_type)

    # ------------------------------------------------------------------------------------ accounts

    def _accounts(self, calls: Calls, numbers: range) -> tuple[tuple[Account, ...], list[int]]:
        """Those that owe something or have positions; and the orders of all of them."""
        both = [Ask(self.manager, "contents", (i,)) for i in numbers]
        both += [Ask(self.book, "ordersOf", (i,)) for i in numbers]
        answers = calls.values(both)
        contents, orders = answers[: len(numbers)], answers[len(numbers) :]
        found = [
            (number, [Holding(asset, balance, debt) for asset, balance, _, debt in held], markets)
            for number, (held, markets) in zip(numbers, contents, strict=True)
        ]
        at_stake = [row for row in found if row[2] or any(held.debt for held in row[1])]
        healths = calls.answers([Ask(self.manager, "health", (row[0], True)) for row in at_stake])
        accounts = [
            Account(number, tuple(held), tuple(markets), *_shortfall(health))
            for (number, held, markets), health in zip(at_stake, healths, strict=True)
        ]
        return tuple(accounts), sorted(number for (of_one,) in orders for number in of_one)

    def _assets(self, calls: Calls) -> tuple[Asset, ...]:
        """All of them, with the keeper's balances and allowances."""
        ((count,),) = calls.values([Ask(self.manager, "assetCount")])
        configs = calls.values([Ask(self.manager, "asset", (i,)) for i in range(count)])
        owner = self._sender or NOBODY
        asks: list[Ask] = []
        for ((token, oracle, *_),) in configs:
            contract = self._chain.at(token, self._token_type)
            asks.append(Ask(self._chain.at(oracle, self._oracle_type), "price"))
            asks.append(Ask(contract, "balanceOf", (owner,)))
            asks.append(Ask(contract, "allowance", (owner, self.manager.address)))
        # Asset 0 is the unit, and has no oracle to ask.
        answers: list[Answer] = [(WAD,), *calls.answers(asks[1:])]
        return tuple(
            Asset(
                number=number,
                token=to_checksum_address(token),
                price=_word(answers[3 * number]),
                lent=lending_vault != _ZERO,
                balance=_word(answers[3 * number + 1]) or 0,
                allowance=_word(answers[3 * number + 2]) or 0,
            )
            for number, ((token, _, lending_vault, *_),) in enumerate(configs)
        )

    # -------------------------------------------------------------------------------------- chores

    def _states(
        self, calls: Calls, kind: Kind, numbers: Sequence[int]
    ) -> dict[CreditId, State | None]:
        """None: that depends on a price that there is not."""
        contract = self.book if kind is Kind.ORDER else self.requests
        answers = calls.answers([Ask(contract, "stateOf", (number,)) for number in numbers])
        return {
            CreditId(kind, number): None if isinstance(answer, Reverted) else State(answer[0])
            for number, answer in zip(numbers, answers, strict=True)
        }

    def _chores(
        self,
        calls: Calls,
        states: dict[CreditId, State | None],
        settings: Settings,
        left: Collection[CreditId],
    ) -> tuple[Chore, ...]:
        """What is ready, and what is dead, with what it pays and takes."""
        ready = [i for i, s in states.items() if s is State.READY and i not in left]
        dead = [i for i, s in states.items() if s is State.DEAD and i not in left]
        terms = dict(zip([*ready, *dead], calls.values(self._terms([*ready, *dead])), strict=True))
        estimates = calls.gas([self.fill([i.number], i.kind) for i in ready])
        chores = [
            _with_gas(Chore(i, True, _fee(i, terms[i])), gas)
            for i, gas in zip(ready, estimates, strict=True)
        ]
        paying = [i for i in dead if settings.unpaid or _may_pay(i, terms[i])]
        gains = self._gains(calls, paying)
        estimates = calls.gas([self.remove(i) for i in paying])
        for i, gain, gas in zip(paying, gains, estimates, strict=True):
            if isinstance(gain, str):
                chores.append(Chore(i, False, 0, refused=gain))
            else:
                chores.append(_with_gas(Chore(i, False, gain), gas))
        return tuple(chores)

    def _terms(self, wanted: Sequence[CreditId]) -> list[Ask]:
        return [
            Ask(self.book, "order", (i.number,))
            if i.kind is Kind.ORDER
            else Ask(self.requests, "tradeRequest", (i.number,))
            for i in wanted
        ]

    def _gains(self, calls: Calls, dead: Sequence[CreditId]) -> list[int | str]:
        """What removing each pays, PREP base units; or why that is not known."""
        balance = Ask(self.prep, "balanceOf", (self._sender or NOBODY,))
        try:
            rows = calls.rows([[balance, self.remove(i), balance] for i in dead])
        except NodeError as error:
            return [f"cannot be tried out: {error}"] * len(dead)
        gains: list[int | str] = []
        for (before, removed, after), _ in rows:
            if isinstance(removed, Reverted):
                gains.append(str(removed))
            else:
                gains.append((_word(after) or 0) - (_word(before) or 0))
        return gains


def _shortfall(health: Answer) -> tuple[int | None, str]:
    if isinstance(health, Reverted):
        return None, str(health)
    ((*_, required, equity),) = health
    return required - equity, ""


def _word(answer: Answer) -> int | None:
    """A number, if there is one."""
    return None if isinstance(answer, Reverted) else answer[0]


def _fee(identity: CreditId, terms: tuple[Any, ...]) -> int:
    """Of an `Order` or a `TradeRequest` on chain."""
    (fields,) = terms
    fee: int = fields[4][4] if identity.kind is Kind.ORDER else fields[6]
    return fee


def _may_pay(identity: CreditId, terms: tuple[Any, ...]) -> bool:
    (fields,) = terms
    return bool(identity.kind is Kind.REQUEST or fields[4][0] == _ALWAYS)


def _with_gas(chore: Chore, gas: int | Reverted) -> Chore:
    if isinstance(gas, Reverted):
        return replace(chore, refused=str(gas))
    return replace(chore, gas=gas)
