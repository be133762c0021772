"""What to do about asset-backed positions. Pure functions of a snapshot and of what the operator
wants; all arithmetic is that of docs/margin.md.

Liquidations come first, then orders, marks, and interest. Whether something earns its gas is said
later, when the node has estimated it: `worthwhile`.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from prep.keeper.decide import Settings, Skipped
from prep.keeper.margin.actions import Execute, MarginAction, Record, Seize, SetMark
from prep.keeper.margin.ids import PoolId
from prep.keeper.margin.rules import BPS, Rules
from prep.keeper.margin.snapshot import MarginSnapshot, SignedOrder, Watched
from prep.model.fixed import WAD, ceil_div
from prep.model.limits import HOUR
from prep.model.margin import arithmetic
from prep.quotes.arithmetic import less, more
from prep.quotes.swaps import Swap


@dataclass(frozen=True, slots=True)
class MarginPlan:
    """The outcome of a decision, in the order in which to do it."""

    actions: tuple[MarginAction, ...] = ()
    skipped: tuple[Skipped, ...] = ()


def decide(snapshot: MarginSnapshot, settings: Settings, rules: Rules) -> MarginPlan:
    """At most one action for each position."""
    seizures: list[Seize] = []
    orders: list[Execute] = []
    marks: list[SetMark] = []
    due: list[Watched] = []
    skipped: list[Skipped] = []
    by_position: dict[PoolId, list[SignedOrder]] = {}
    for order in snapshot.orders:
        by_position.setdefault(order.id, []).append(order)
    for watched in snapshot.positions:
        found = _judge(snapshot, watched, by_position.get(watched.id, ()), settings, rules)
        if isinstance(found, Seize):
            seizures.append(found)
        elif isinstance(found, Execute):
            orders.append(found)
        elif isinstance(found, SetMark):
            marks.append(found)
        elif isinstance(found, Skipped):
            skipped.append(found)
        if (found is None or isinstance(found, Skipped)) and _is_due(snapshot, watched, rules):
            due.append(watched)
    seizures.sort(key=lambda action: (-(action.value or 0), action.id))
    actions: list[MarginAction] = [*seizures, *orders, *marks, *_records(snapshot, due, rules)]
    return MarginPlan(tuple(actions), tuple(skipped))


# ------------------------------------------------------------------------------------ what to quote


def may_be_seized(watched: Watched, now: int) -> bool:
    """Whether any swap that the check price allows could realise a price at which it is within its
    threshold; so all that have none may. The others need no quote."""
    terms, price = watched.pair.terms, watched.pair.price
    if not terms.has_check_price:
        return True
    if price is None:
        return False
    p, owed = watched.position, watched.position.principal + watched.interest(now)
    if watched.id.is_long:
        value = arithmetic.least_proceeds(p.collateral, price, terms.max_deviation)
    else:
        value = arithmetic.highest_cost(owed, price, terms.max_deviation)
    return _within(_equity(watched, owed, value), value, watched, 0)


def is_unhealthy(watched: Watched) -> bool:
    """Whether it is within its threshold at the check price, as pools see it: without interest that
    was not recorded."""
    if (health := _health(watched)) is None:
        return False
    value, equity = health
    return _within(equity, value, watched, 0)


def is_mark_good(watched: Watched, at: int) -> bool:
    """Whether anyone may liquidate it then."""
    return watched.mark is not None and watched.mark.start <= at <= watched.mark.until


def _health(watched: Watched) -> tuple[int, int] | None:
    """Value and equity at the check price."""
    price, p = watched.pair.price, watched.position
    if price is None:
        return None
    if watched.id.is_long:
        value = arithmetic.value_down(p.collateral, price)
    else:
        value = arithmetic.value_up(p.principal, price)
    return value, _equity(watched, p.principal, value)


def _equity(watched: Watched, owed: int, value: int) -> int:
    return value - owed if watched.id.is_long else watched.position.collateral - value


def _within(equity: int, value: int, watched: Watched, room: int) -> bool:
    """With `room` basis points of the value to spare; what has nothing left has no need of it."""
    least = arithmetic.least_margin(value, watched.pair.terms.maintenance_margin)
    return equity <= max(0, least - ceil_div(value * room, BPS))


# ------------------------------------------------------------------------------------- one position


def _judge(
    snapshot: MarginSnapshot,
    watched: Watched,
    orders: Sequence[SignedOrder],
    settings: Settings,
    rules: Rules,
) -> MarginAction | Skipped | None:
    if watched.differs:
        return Skipped(watched.id, watched.differs)
    found: Seize | str | None = None
    if snapshot.is_liquidator:
        found = _liquidate(snapshot, watched, rules)
    if not isinstance(found, Seize) and is_mark_good(watched, snapshot.next):
        found = _liquidate_marked(snapshot, watched, rules) or found
    if isinstance(found, Seize):
        return found
    if snapshot.is_executor:
        for order in orders:
            executed = _execute(snapshot, watched, order, rules)
            if isinstance(executed, Execute):
                return executed
            found = found or executed
    return _mark(snapshot, watched, settings) or (Skipped(watched.id, found) if found else None)


def _liquidate(snapshot: MarginSnapshot, watched: Watched, rules: Rules) -> Seize | str | None:
    """By the role; why not, where that is worth saying."""
    if watched.pair.terms.has_check_price and watched.pair.price is None:
        return f"no check price: {watched.pair.no_price}"
    if not may_be_seized(watched, snapshot.next):
        return None
    interest = watched.interest(snapshot.next)
    owed = watched.position.principal + interest
    swap = _seizing_swap(watched, watched.purchase)
    if swap is None:
        return "no pool can swap its collateral now"
    value, equity = _realised(watched, owed, swap)
    if not _within(equity, value, watched, 0):
        return None
    if not _within(equity, value, watched, rules.room):
        return f"equity {equity} is within the threshold, but not by {rules.room} basis points"
    return _deviation(watched, swap) or _seize(watched, swap, value, equity, interest, rules)


def _liquidate_marked(
    snapshot: MarginSnapshot, watched: Watched, rules: Rules
) -> Seize | str | None:
    """By anyone, at the highest interest."""
    if not is_unhealthy(watched):
        return None
    swap = _seizing_swap(watched, watched.late_purchase)
    if swap is None:
        return "no pool can swap its collateral now"
    owed = watched.position.principal + watched.most_interest(snapshot.next)
    value, equity = _realised(watched, owed, swap)
    return _deviation(watched, swap) or _seize(watched, swap, value, equity, None, rules)


def _seizing_swap(watched: Watched, purchase: Swap | None) -> Swap | None:
    """A short that can pay buys what it owes; one that cannot spends all it has."""
    if watched.id.is_long or purchase is None:
        return watched.sale
    return purchase if purchase.amount_in <= watched.position.collateral else watched.sale


def _realised(watched: Watched, owed: int, swap: Swap) -> tuple[int, int]:
    """Value and equity at the price of the swap."""
    if watched.id.is_long:
        value = swap.amount_out
    elif swap.amount_out < owed:
        value = watched.position.collateral
    else:
        value = swap.amount_in * owed // swap.amount_out
    return value, _equity(watched, owed, value)


def _deviation(watched: Watched, swap: Swap) -> str | None:
    """Why the check price does not allow the swap."""
    terms, price = watched.pair.terms, watched.pair.price
    if not terms.has_check_price or price is None:
        return None
    if watched.id.is_long:
        limit = arithmetic.least_proceeds(swap.amount_in, price, terms.max_deviation)
        bad, moved = swap.amount_out < limit, f"brings {swap.amount_out}, below"
    else:
        limit = arithmetic.highest_cost(swap.amount_out, price, terms.max_deviation)
        bad, moved = swap.amount_in > limit, f"costs {swap.amount_in}, above"
    return f"the swap {moved} the {limit} that the check price allows" if bad else None


def _seize(
    watched: Watched, swap: Swap, value: int, equity: int, interest: int | None, rules: Rules
) -> Seize:
    terms, collateral = watched.pair.terms, watched.position.collateral
    left = max(0, equity) if watched.id.is_long else collateral - swap.amount_in
    fee = min(left, arithmetic.liquidation_fee(value, terms.liquidation_fee))
    return Seize(
        id=watched.id,
        position=watched.position,
        swap=swap,
        bound=_bound(watched, swap, rules),
        interest=interest,
        equity=equity,
        fee=fee,
        value=_worth(watched, fee),
    )


def _bound(watched: Watched, swap: Swap, rules: Rules) -> int:
    """What the router is told: nobody is to gain from what the swap loses."""
    if swap.exact_output:
        return min(watched.position.collateral, more(swap.amount_in, rules.slippage))
    return less(swap.amount_out, rules.slippage)


def _worth(watched: Watched, fee: int) -> int | None:
    return None if watched.pair.value is None else fee * watched.pair.value // WAD


def _execute(
    snapshot: MarginSnapshot, watched: Watched, signed: SignedOrder, rules: Rules
) -> Execute | str | None:
    """If the quoted price meets the order's condition with room to spare. Closing must pay what is
    due; the fee comes on top of that, and is looked at when the request is there."""
    order, p = signed.order, watched.position
    if snapshot.next > order.expiry or order.trader != p.trader:
        return None
    swap = watched.sale if watched.id.is_long else watched.purchase
    if swap is None:
        return f"{signed.kind}: no pool can swap what it takes now"
    if watched.id.is_long:
        quote, base = swap.amount_out, swap.amount_in
    else:
        quote, base = swap.amount_in, swap.amount_out
    realised, wanted = quote * order.base_amount, order.quote_amount * base
    if watched.id.is_long == order.take_profit:
        met = realised * (BPS - rules.room) >= wanted * BPS
    else:
        met = realised * (BPS + rules.room) <= wanted * BPS
    if not met:
        return None
    interest = watched.interest(snapshot.next)
    payout = quote - p.principal - interest if watched.id.is_long else p.collateral - quote
    if payout < max(0, order.min_payout):
        return f"{signed.kind}: it would pay {payout}, and at least {order.min_payout} is wanted"
    return Execute(watched.id, p, signed, swap, _bound(watched, swap, rules), interest)


def _mark(snapshot: MarginSnapshot, watched: Watched, settings: Settings) -> SetMark | None:
    """Who may liquidate by himself needs no mark. Clearing one serves the trader alone."""
    if (health := _health(watched)) is None:
        return None
    value, equity = health
    if not _within(equity, value, watched, 0):
        wanted = watched.mark is not None and settings.unpaid
        return SetMark(watched.id, watched.position, True) if wanted else None
    if snapshot.is_liquidator and not settings.unpaid:
        return None
    if watched.mark is not None and snapshot.next <= watched.mark.until:
        return None
    fee = arithmetic.liquidation_fee(value, watched.pair.terms.liquidation_fee)
    worth = _worth(watched, min(max(0, equity), fee))
    return SetMark(watched.id, watched.position, False, worth)


# ----------------------------------------------------------------------------------------- interest


def _is_due(snapshot: MarginSnapshot, watched: Watched, rules: Rules) -> bool:
    return (
        snapshot.is_executor
        and not watched.differs
        and rules.record_interval > 0
        and watched.elapsed(snapshot.next) >= max(rules.record_interval, HOUR)
        and watched.interest(snapshot.next) > 0
    )


def _records(snapshot: MarginSnapshot, due: Sequence[Watched], rules: Rules) -> Iterator[Record]:
    """Together what owes the same token to the same pool, the longest unpaid first."""
    groups: dict[tuple[bool, str], list[Watched]] = {}
    for watched in due:
        owed = watched.position.quote if watched.id.is_long else watched.position.base
        groups.setdefault((watched.id.is_long, owed), []).append(watched)
    for _, group in sorted(groups.items()):
        group.sort(key=lambda w: (w.position.last_funding_timestamp, w.id))
        for first in range(0, len(group), rules.record_batch):
            batch = group[first : first + rules.record_batch]
            yield Record(
                tuple(w.id for w in batch),
                tuple(w.position for w in batch),
                tuple(w.interest(snapshot.next) for w in batch),
            )
