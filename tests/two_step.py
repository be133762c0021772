"""Trade requests on contracts and model side by side.

Every action goes to both: they accept with the same events and the same payments, or refuse with
the same error; `check` compares all that is stored, and the state of every request.
"""

from dataclasses import astuple

from eth_abi.abi import decode

from prep.model import Rejected
from prep.model.requests import (
    TradeFilled,
    TradeRefused,
    TradeRemoved,
    TradeRequested,
    TradeRequests,
    TradeSkipped,
)
from prep.node import Log, Node
from tests.stateful.mirror import Mirror
from tests.suite import UNLIMITED, WAD, Suite

REQUEST = "request(uint8,bool,uint256,uint256,uint256,uint256)"
FEE = 2 * WAD
LIFETIME = 86_400
SCALE = 10**10
"""From an answer of the feed to a price."""


class TwoStep(Mirror):
    """A suite whose market has an execution delay. The last of the actors provides liquidity."""

    def __init__(self, suite: Suite, actors: list[str]) -> None:
        contracts = (suite.protocol, suite.vault, suite.prep, suite.feed, suite.lens)
        contracts += (suite.oracle, suite.requests)
        types = [contract.contract_type for contract in contracts]
        super().__init__(Node(suite.prep.provider.uri, *types), suite, actors, rate=0)
        self.book = suite.requests.address
        self.requests = TradeRequests(self.model)
        self.logs: list[Log] = []
        self.refusals: list[Rejected] = []
        """What the model has refused, and the contracts alike."""
        self._publish()

    @property
    def delay(self) -> int:
        return self.model.markets[0].config.min_execution_delay

    # ------------------------------------------------------------------------------------- actions

    def act(self, sender: str, wait: int, signature: str, args: tuple, of_model, target=None):
        def noted():
            try:
                return of_model()
            except Rejected as refusal:
                self.refusals.append(refusal)
                raise

        return super().act(sender, wait, signature, args, noted, target)

    def set_answer(self, wait: int, answer: int) -> None:
        super().set_answer(wait, answer)
        self._publish()

    def set_answer_after_a_gap(self, wait: int, answer: int) -> None:
        """A new round; the feed does not know the one before."""
        self._advance(wait)
        (round_,) = self.node.read((self.suite.feed.address, "latestRoundData()"))
        signature = "setRound(uint256,int256,uint256,uint256,uint256)"
        args = (round_[0] + 2, answer, self.now, self.now, round_[0] + 2)
        admin, feed = self.suite.admin.address, self.suite.feed.address
        assert self.node.send(admin, feed, signature, *args)[0]
        self.answer, self.answered_at, self.good_answer = answer, self.now, answer
        self._sync_price()
        self.requests.publish(0, 0, 0)
        self._publish()

    def deposit(self, actor: int, amount: int, wait: int = 0):
        who = self.actors[actor]
        call = self.model.deposit_collateral
        signature = "depositCollateral(uint256)"
        return self.act(who, wait, signature, (amount,), lambda: call(who, amount))

    def withdraw(self, actor: int, amount: int, wait: int = 0):
        who = self.actors[actor]
        call = self.model.withdraw_collateral
        signature = "withdrawCollateral(uint256)"
        return self.act(who, wait, signature, (amount,), lambda: call(who, amount))

    def provide(self, amount: int) -> None:
        who = self.actors[-1]
        args, deposit = (amount, who), self.model.deposit
        self.act(who, 0, "deposit(uint256,address)", args, lambda: deposit(who, amount), self.vault)

    def request(
        self,
        actor: int,
        kind,
        amount: int = 0,
        *,
        is_long: bool = True,
        acceptable: int | None = None,
        lasts: int = LIFETIME,
        fee: int = FEE,
        wait: int = 0,
    ) -> int | None:
        """The new request's id; None if it was refused. By default at any price."""
        if acceptable is None:
            acceptable = UNLIMITED if self._buys(actor, kind, is_long) else 0
        who = self.actors[actor]
        args = (kind, is_long, amount, acceptable, self.now + wait + lasts, fee)
        made = self._act(who, wait, REQUEST, args, lambda: self.requests.request(who, *args))
        return made and made.request_id

    def execute(self, actor: int, request_id: int, wait: int = 0):
        """The model's result, or None."""
        who = self.actors[actor]
        of_model = self.requests.execute
        args = (request_id,)
        return self._act(who, wait, "execute(uint256)", args, lambda: of_model(who, request_id))

    def execute_many(self, actor: int, request_ids: list[int], wait: int = 0):
        """The model's results."""
        who = self.actors[actor]
        of_model = self.requests.execute_many
        args = (request_ids,)
        call = lambda: of_model(who, request_ids)  # noqa: E731
        return self._act(who, wait, "executeMany(uint256[])", args, call)

    def remove(self, actor: int, request_id: int, wait: int = 0):
        """The model's result, or None."""
        who = self.actors[actor]
        of_model = self.requests.remove
        args = (request_id,)
        return self._act(who, wait, "remove(uint256)", args, lambda: of_model(who, request_id))

    # ------------------------------------------------------------------------------------- compare

    def check(self) -> None:
        """Also every request, its state at the latest block, and the fees that are held."""
        super().check()
        requests, book = self.requests, self.book
        ids = range(requests.count + 2)
        answers = iter(
            self.node.read(
                (book, "requestCount()"),
                (self.prep, "balanceOf(address)", book),
                *((book, "tradeRequest(uint256)", i) for i in ids),
                *((book, "stateOf(uint256)", i) for i in ids),
            )
        )
        assert next(answers) == requests.count
        assert next(answers) == requests.held, "K1: not the fees of the requests that are left"
        for i in ids:
            left = requests.requests.get(i)
            fields = self._fields(left) if left else ("0x" + 40 * "0", 0, False, 0, 0, 0, 0, 0)
            assert next(answers) == fields, f"request {i}"
        for i in ids:
            assert next(answers) == requests.state_of(i), f"state of request {i}"

    # ------------------------------------------------------------------------------------ internal

    def _act(self, who: str, wait: int, signature: str, args: tuple, of_model):
        """As `act`, at the requests; compares their events and what was paid."""
        result = self.act(who, wait, signature, args, of_model, self.book)
        if result is None:
            return None
        results = result if isinstance(result, list) else [result]
        seen = [(g.name, self._readable(g)) for g in self.logs if g.address == self.book]
        assert seen == [self._event(r) for r in results]
        paid = [g.args for g in self.logs if g.name == "Transfer"]
        assert paid == self._payments(who, results)
        return result

    def _event(self, result) -> tuple[str, tuple]:
        name = type(result).__name__
        match result:
            case TradeRequested(i, request):
                return name, (i, request.trader.lower(), self._fields(request))
            case TradeFilled(i, trader, keeper, fee):
                return name, (i, trader.lower(), keeper.lower(), fee)
            case TradeRefused(i, trader, keeper, _, reason):
                return name, (i, trader.lower(), keeper.lower(), (reason.name, reason.args))
            case TradeSkipped(i, reason):
                return name, (i, (reason.name, reason.args))
            case TradeRemoved(i, trader, remover, _, to_remover):
                return name, (i, trader.lower(), remover.lower(), to_remover)

    def _payments(self, who: str, results: list) -> list[tuple]:
        """Transfers of PREP, those of a batch as one."""
        who, book = who.lower(), self.book.lower()
        earned = 0
        for result in results:
            match result:
                case TradeRequested(_, request):
                    return [(who, book, request.keeper_fee)]
                case TradeRemoved(_, trader, _, fee, to_remover):
                    return [(book, who if to_remover else trader.lower(), fee)]
                case TradeFilled() | TradeRefused():
                    earned += result.keeper_fee
        return [(book, who, earned)] if earned else []

    def _readable(self, log: Log) -> tuple:
        """Its values; what a call reverted with by name and values."""
        *values, last = log.args
        if not isinstance(last, bytes):
            return log.args
        name, types = self.node.interface.errors[last[:4]]
        return *values, (name, decode(types, last[4:]))

    @staticmethod
    def _fields(request) -> tuple:
        """In the order of the contract's struct."""
        trader, *rest = astuple(request)
        return (trader.lower(), *rest)

    def _buys(self, actor: int, kind: int, is_long: bool) -> bool:
        size = self.model.position(self.actors[actor]).size
        return {0: is_long, 1: is_long, 2: size > 0}.get(kind, size < 0)

    def _book_payment(self, logs: list[Log]) -> None:
        super()._book_payment(logs)
        self.logs = logs

    def _publish(self) -> None:
        self.requests.publish(0, max(self.answer, 0) * SCALE, self.answered_at)
