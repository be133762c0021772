"""Isolated trades in two steps: a request fills at the first price published after a delay.

docs/whitepaper.md, "Two-step execution". Times are seconds, amounts PREP base units, prices WAD.
"""

from collections.abc import Hashable
from dataclasses import dataclass
from typing import Final

from prep.model.book import MARKET
from prep.model.errors import Rejected
from prep.model.isolated import TradeKind
from prep.model.limits import DAY
from prep.model.protocol import System
from prep.model.results import PositionDecreased, PositionIncreased
from prep.model.storage import UINT128
from prep.model.window import Condition, OrderState, Publication, Published, state_of

MIN_KEEPER_FEE: Final = 10**18
MAX_KEEPER_FEE: Final = 100 * 10**18
MAX_LIFETIME: Final = DAY
USES_UP: Final = frozenset({"InsufficientCollateral", "LeverageTooHigh"})
"""Refusals by the protocol that end a request: its trader could turn them on and off at will."""


@dataclass(frozen=True, slots=True)
class TradeRequest:
    """A trade that waits for its price."""

    trader: Hashable
    kind: TradeKind
    is_long: bool
    amount: int
    """As the system's method of that kind takes it; 0 to close."""
    acceptable: int
    """The worst execution price."""
    expiry: int
    """From then on it cannot be filled."""
    keeper_fee: int
    placed_at: int


@dataclass(frozen=True, slots=True)
class TradeRequested:
    """A trade was requested."""

    request_id: int
    request: TradeRequest


@dataclass(frozen=True, slots=True)
class TradeFilled:
    """A request was filled; the keeper has its fee."""

    request_id: int
    trader: Hashable
    keeper: Hashable
    keeper_fee: int
    trade: PositionIncreased | PositionDecreased


@dataclass(frozen=True, slots=True)
class TradeRefused:
    """A request ended without a trade for lack of collateral; the keeper has its fee."""

    request_id: int
    trader: Hashable
    keeper: Hashable
    keeper_fee: int
    reason: Rejected


@dataclass(frozen=True, slots=True)
class TradeSkipped:
    """A request of a batch was left as it is."""

    request_id: int
    reason: Rejected


@dataclass(frozen=True, slots=True)
class TradeRemoved:
    """A dead request was removed; its fee went to the remover or back to the trader."""

    request_id: int
    trader: Hashable
    remover: Hashable
    keeper_fee: int
    fee_to_remover: bool


class TradeRequests:
    """Requests of a system's isolated market. Its user tells it of every round of the market's
    feed, beside giving the system its prices."""

    def __init__(self, system: System) -> None:
        self.system = system
        self.requests: dict[int, TradeRequest] = {}
        self.count = 0
        """The highest id ever given out."""
        self._published: dict[int, Publication] = {}

    @property
    def held(self) -> int:
        """The keeper fees of all requests that are left (K1)."""
        return sum(request.keeper_fee for request in self.requests.values())

    def publish(self, market_id: int, price: int, timestamp: int) -> None:
        """A market's feed has a new round. A price of 0 stands for one without an answer."""
        before = self._published.get(market_id, Publication())
        self._published[market_id] = before.followed_by(Published(price, timestamp))

    # ------------------------------------------------------------------------------------- actions

    def request(
        self,
        trader: Hashable,
        kind: TradeKind,
        is_long: bool,
        amount: int,
        acceptable: int,
        expiry: int,
        keeper_fee: int,
    ) -> TradeRequested:
        """Requests a trade; its keeper fee is reserved."""
        delay = self.system.market(MARKET).config.min_execution_delay
        if delay == 0:
            raise Rejected("OneStepMarket", MARKET)
        if kind is TradeKind.CLOSE:
            amount = 0
        elif amount == 0:
            raise Rejected("ZeroAmount")
        if amount >= UINT128:
            raise Rejected("AmountOutOfBounds", amount, UINT128 - 1)
        now = self.system.now
        if not now + delay <= expiry <= now + MAX_LIFETIME:
            raise Rejected("ExpiryOutOfBounds", expiry, now + delay, now + MAX_LIFETIME)
        if not MIN_KEEPER_FEE <= keeper_fee <= MAX_KEEPER_FEE:
            raise Rejected("KeeperFeeOutOfBounds", keeper_fee, MIN_KEEPER_FEE, MAX_KEEPER_FEE)
        self.count += 1
        request = TradeRequest(trader, kind, is_long, amount, acceptable, expiry, keeper_fee, now)
        self.requests[self.count] = request
        return TradeRequested(self.count, request)

    def execute(self, keeper: Hashable, request_id: int) -> TradeFilled | TradeRefused:
        """Fills a request, or ends it where its trader lacks collateral. The keeper earns its fee
        either way. Any other refusal of the trade leaves it as it is."""
        request = self._request(request_id)
        state, _ = self._judge(request)
        if state is not OrderState.READY:
            raise Rejected("RequestNotReady", request_id, state)
        trader, fee = request.trader, request.keeper_fee
        try:
            trade = self.system.trade_for(
                trader, request.kind, request.is_long, request.amount, request.acceptable
            )
        except Rejected as refusal:
            if refusal.name not in USES_UP:
                raise
            del self.requests[request_id]
            return TradeRefused(request_id, trader, keeper, fee, refusal)
        del self.requests[request_id]
        return TradeFilled(request_id, trader, keeper, fee, trade)

    def execute_many(
        self, keeper: Hashable, request_ids: list[int]
    ) -> list[TradeFilled | TradeRefused | TradeSkipped]:
        """As `execute`, for many; what is refused is skipped."""
        results: list[TradeFilled | TradeRefused | TradeSkipped] = []
        for request_id in request_ids:
            try:
                results.append(self.execute(keeper, request_id))
            except Rejected as refusal:
                results.append(TradeSkipped(request_id, refusal))
        return results

    def remove(self, remover: Hashable, request_id: int) -> TradeRemoved:
        """Removes a dead request. The remover earns its fee if its price has passed; the trader has
        it back if not."""
        request = self._request(request_id)
        state, fee_to_remover = self._judge(request)
        if state is not OrderState.DEAD:
            raise Rejected("RequestAlive", request_id, state)
        del self.requests[request_id]
        return TradeRemoved(request_id, request.trader, remover, request.keeper_fee, fee_to_remover)

    # --------------------------------------------------------------------------------------- views

    def state_of(self, request_id: int) -> OrderState:
        """Whether a request can be filled, as far as prices and time decide it."""
        if request_id not in self.requests:
            return OrderState.GONE
        return self._judge(self.requests[request_id])[0]

    # ------------------------------------------------------------------------------------ internal

    def _request(self, request_id: int) -> TradeRequest:
        if request_id not in self.requests:
            raise Rejected("UnknownRequest", request_id)
        return self.requests[request_id]

    def _judge(self, request: TradeRequest) -> tuple[OrderState, bool]:
        """The state of a request, and whether its fee goes to its remover should it be dead."""
        market = self.system.market(MARKET)
        expired = self.system.now >= request.expiry
        if market.settled_price is not None:
            closes = request.kind in (TradeKind.DECREASE, TradeKind.CLOSE)
            return (OrderState.READY if closes and not expired else OrderState.DEAD), False

        rounds = self._published.get(MARKET, Publication())
        delay = market.config.min_execution_delay
        latest, placed_at = rounds.latest, request.placed_at
        state = state_of(latest, rounds.previous, delay, placed_at, Condition.ALWAYS, 0)
        if state is OrderState.DEAD:
            return state, True
        if not expired:
            return state, False
        had_its_price = state is OrderState.READY and latest.timestamp < request.expiry
        return OrderState.DEAD, delay > 0 and had_its_price
