"""Orders of credit accounts that wait for their price. docs/credit.md, "Orders".

The checks of placing come in this order: the market, the size, the condition, the expiry, the fee,
how many there are, the linked order. When an order fills, those linked to it are cancelled first,
so that their fees count for the account's health; but for those that their account could not
cancel. One that is not filled, but used up, cancels nothing.
"""

from collections.abc import Hashable, Sequence
from typing import TYPE_CHECKING, Final

from prep.model.credit_config import (
    MAX_KEEPER_FEE,
    MAX_LIFETIME,
    MAX_ORDERS,
    MIN_TWO_STEP_FEE,
)
from prep.model.credit_results import (
    Order,
    OrderCancelled,
    OrderPlaced,
    OrderRefused,
    OrderRemoved,
    OrderSkipped,
    OrderTerms,
    OrderTriggered,
)
from prep.model.errors import Rejected
from prep.model.limits import MAX_SIZE
from prep.model.window import Condition, OrderState, Publication, Published, state_of

if TYPE_CHECKING:
    from prep.model.credit import Credit

MAX_BOUND: Final = 2**128 - 1
"""A trigger or limit above is remembered as this: it is above all prices."""
USES_UP: Final = {"AccountUnhealthy", "TooMany"}
"""What, on a market with a delay, ends an order that fails with it: its own account stands against
it."""


class OrderBook:
    """All orders. Of each market its user tells what has been published; prices of now are the
    system's."""

    def __init__(self, credit: "Credit") -> None:
        self._credit = credit
        self.orders: dict[int, Order] = {}
        self.ids: dict[int, tuple[int, ...]] = {}
        """Of the orders of each account, in no order."""
        self.numbers: dict[int, int] = {}
        """The highest number that an account has given out; ids are `account << 32 | number`."""
        self._published: dict[int, Publication] = {}

    def publish(self, market_id: int, price: int, timestamp: int) -> None:
        """The source of a market's price has a new answer; with a `price` of 0 a round without a
        usable one."""
        known = self._published_on(market_id)
        self._published[market_id] = known.followed_by(Published(price, timestamp))

    # ------------------------------------------------------------------------------ for the manager

    def place(
        self, account_id: int, market_id: int, size: int, limit: int, terms: OrderTerms
    ) -> int:
        """Places an order. Its id."""
        system, undo = self._credit.system, self._credit.undo
        delay = system.market(market_id).config.min_execution_delay
        if not 0 < abs(size) <= MAX_SIZE:
            raise Rejected("SizeOutOfBounds", size)
        if terms.condition is Condition.ALWAYS and delay == 0:
            raise Rejected("ConditionRefused", terms.condition)
        first, last = system.now + 1, system.now + MAX_LIFETIME
        if not first <= terms.expiry <= last:
            raise Rejected("ExpiryOutOfBounds", terms.expiry, first, last)
        least = MIN_TWO_STEP_FEE if delay else 0
        if not least <= terms.keeper_fee <= MAX_KEEPER_FEE:
            raise Rejected("KeeperFeeOutOfBounds", terms.keeper_fee, least, MAX_KEEPER_FEE)
        ids = self.ids.get(account_id, ())
        if len(ids) == MAX_ORDERS:
            raise Rejected("TooManyOrders", MAX_ORDERS)

        linked = self._of_account(account_id, terms.linked_to) if terms.linked_to else None
        undo.save_entry(self.numbers, account_id)
        number = self.numbers[account_id] = self.numbers.get(account_id, 0) + 1
        order_id = after = account_id << 32 | number
        if linked:
            after = linked.next
            self._store(terms.linked_to, linked._replace(next=order_id))
        terms = terms._replace(trigger=min(terms.trigger, MAX_BOUND))
        limit = min(limit, MAX_BOUND)
        order = Order(account_id, market_id, size, limit, terms, system.now, after)
        self._store(order_id, order)
        undo.save_entry(self.ids, account_id)
        self.ids[account_id] = (*ids, order_id)
        undo.events.append(OrderPlaced(order_id, account_id, order))
        return order_id

    def cancel(self, account_id: int, order_id: int) -> int:
        """Cancels an order, unless it waits for a price that nobody may choose. What was reserved
        for its keeper."""
        order = self._of_account(account_id, order_id)
        if self._is_bound(order_id, order):
            raise Rejected("OrderBound", order_id)
        self._take_out(order_id)
        self._credit.undo.events.append(OrderCancelled(order_id, account_id))
        return order.terms.keeper_fee

    # ----------------------------------------------------------------------------------- for anyone

    def execute(self, caller: Hashable, order_id: int) -> tuple[object, ...]:
        """Fills an order whose condition holds; orders linked to it are cancelled. What has
        happened."""
        self._credit.begin()
        self._fill(caller, order_id)
        return self._credit.events

    def execute_many(
        self, caller: Hashable, order_ids: Sequence[int]
    ) -> tuple[list[bool], tuple[object, ...]]:
        """As `execute`; what fails is skipped. Which ones were filled, and what has happened."""
        self._credit.begin()
        filled = []
        for order_id in order_ids:
            try:
                self._fill(caller, order_id)
                filled.append(True)
            except Rejected as reason:
                self._credit.undo.events.append(OrderSkipped(order_id, reason))
                filled.append(False)
        return filled, self._credit.events

    def remove(self, caller: Hashable, order_id: int) -> tuple[object, ...]:
        """Removes a dead order. Its fee goes to the caller where its price has passed, else back to
        the account."""
        self._credit.begin()
        order = self._known(order_id)
        state, passed = self._judge(order)
        if state is not OrderState.DEAD:
            raise Rejected("OrderAlive", order_id, state)
        self._take_out(order_id)
        events = self._credit.undo.events
        events.append(OrderRemoved(order_id, order.account, caller, passed))
        self._credit.release(order.account, order.terms.keeper_fee, caller if passed else None)
        return self._credit.events

    def state_of(self, order_id: int) -> OrderState:
        """Whether an order can be filled; raises the oracle's error where a price is needed."""
        order = self.orders.get(order_id)
        return self._judge(order)[0] if order else OrderState.GONE

    # ------------------------------------------------------------------------------------ internal

    def _fill(self, caller: Hashable, order_id: int) -> None:
        order = self._known(order_id)
        state = self.state_of(order_id)
        if state is not OrderState.READY:
            raise Rejected("OrderNotReady", order_id, state)
        credit = self._credit
        price = self._price(order.market_id)
        try:
            with credit.undo.atomic():
                self._cancel_linked(order_id, order)
                self._take_out(order_id)
                credit.undo.events.append(OrderTriggered(order_id, order.account, caller, price))
                credit.fill(
                    order.account,
                    order.market_id,
                    order.size,
                    order.terms.reduce_only,
                    order.limit,
                    order.terms.keeper_fee,
                    caller,
                )
        except Rejected as reason:
            delay = credit.system.market(order.market_id).config.min_execution_delay
            if not delay or reason.name not in USES_UP:
                raise
            self._take_out(order_id)
            credit.undo.events.append(OrderRefused(order_id, order.account, caller, reason))
            credit.release(order.account, order.terms.keeper_fee, caller)

    def _cancel_linked(self, order_id: int, order: Order) -> None:
        """The others of its ring that their account could cancel; their fees go back to it."""
        credit = self._credit
        fees = 0
        for other_id in self._linked(order_id):
            other = self.orders[other_id]
            if self._is_bound(other_id, other):
                continue
            fees += other.terms.keeper_fee
            self._take_out(other_id)
            credit.undo.events.append(OrderCancelled(other_id, order.account))
        if fees:
            credit.release(order.account, fees, None)

    def _is_bound(self, order_id: int, order: Order) -> bool:
        """Whether an order has to be left to whoever fills it: on a market with two-step execution
        nobody chooses afterwards. Without a usable price it cannot be filled."""
        if not self._credit.system.market(order.market_id).config.min_execution_delay:
            return False
        always = order.terms.condition is Condition.ALWAYS
        try:
            state = self.state_of(order_id)
        except Rejected:
            return always
        return state is not OrderState.DEAD if always else state is OrderState.READY

    def _judge(self, order: Order) -> tuple[OrderState, bool]:
        """The state of an order, and whether its price has passed: then its fee is its remover's.
        What could have been filled in time has had its price."""
        system, terms = self._credit.system, order.terms
        market = system.market(order.market_id)
        if market.settled_price is not None:
            return OrderState.DEAD, False
        expired = system.now >= terms.expiry
        if market.config.min_execution_delay and terms.condition is Condition.ALWAYS:
            state = self._by_price(order)
            latest = self._published_on(order.market_id).latest
            if state is OrderState.DEAD:
                return state, True
            if expired:
                in_time = latest.timestamp < terms.expiry
                return OrderState.DEAD, state is OrderState.READY and in_time
        if expired or self._nothing_to_reduce(order):
            return OrderState.DEAD, False
        return self._by_price(order), False

    def _by_price(self, order: Order) -> OrderState:
        """By what was published and the price of now, which is asked for only where it matters."""
        system, terms = self._credit.system, order.terms
        delay = system.market(order.market_id).config.min_execution_delay
        published = self._published_on(order.market_id)
        at = published.latest.timestamp
        if delay and at < order.placed_at + delay:
            return OrderState.WAITING
        price = 0 if terms.condition is Condition.ALWAYS else self._price(order.market_id)
        latest, previous = Published(price, at), published.previous
        return state_of(latest, previous, delay, order.placed_at, terms.condition, terms.trigger)

    def _published_on(self, market_id: int) -> Publication:
        return self._published.get(market_id, Publication())

    def _price(self, market_id: int) -> int:
        """The oracle's answer, also one that the protocol will then refuse to trade at."""
        try:
            return self._credit.system.price(market_id)
        except Rejected as refused:
            if refused.name != "PriceOutOfBounds":
                raise
            answer = refused.args[0]
            assert isinstance(answer, int)
            return answer

    def _nothing_to_reduce(self, order: Order) -> bool:
        credit = self._credit
        held = credit.system.margin_position(credit.client, order.account, order.market_id).size
        return order.terms.reduce_only and held * order.size >= 0

    def _known(self, order_id: int) -> Order:
        if order_id not in self.orders:
            raise Rejected("UnknownOrder", order_id)
        return self.orders[order_id]

    def _of_account(self, account_id: int, order_id: int) -> Order:
        if self._known(order_id).account != account_id:
            raise Rejected("UnknownOrder", order_id)
        return self.orders[order_id]

    def _linked(self, order_id: int) -> list[int]:
        """The other orders of its ring, in the order of the ring."""
        ring, at = [], self.orders[order_id].next
        while at != order_id:
            ring.append(at)
            at = self.orders[at].next
        return ring

    def _take_out(self, order_id: int) -> None:
        """Of the book and of its ring."""
        order, others = self.orders[order_id], self._linked(order_id)
        if others:
            self._store(others[-1], self.orders[others[-1]]._replace(next=order.next))
        undo = self._credit.undo
        undo.save_entry(self.orders, order_id)
        del self.orders[order_id]
        undo.save_entry(self.ids, order.account)
        self.ids[order.account] = tuple(i for i in self.ids[order.account] if i != order_id)

    def _store(self, order_id: int, order: Order) -> None:
        self._credit.undo.save_entry(self.orders, order_id)
        self.orders[order_id] = order
