"""What to do about asset-backed positions. Pure functions of a snapshot and of what the operator
wants; all arithmetic is that of docs/margin.md.

Liquidations come first, then orders, marks, and interest. Whether something earns its gas is said
later, when the node has estimated it: `worthwhile`.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from prep.keeper.decide import Settings, Skipped
from prep.keeper.margin.actions import Execute, MarginAction, Record, Seize, SetMark, TakeEther
from prep.keeper.margin.health import health, is_mark_good, is_within
from prep.keeper.margin.ids import PoolId
from prep.keeper.margin.rules import BPS, Rules
from prep.keeper.margin.seize import bound_of, liquidate, liquidate_marked, worth
from prep.keeper.margin.snapshot import MarginSnapshot, SignedOrder, Watched
from prep.model.limits import HOUR
from prep.model.margin import arithmetic
from prep.quotes.arithmetic import less


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
    return MarginPlan(tuple(_ether_first(snapshot, actions, rules)), tuple(skipped))


def _ether_first(
    snapshot: MarginSnapshot, actions: Sequence[MarginAction], rules: Rules
) -> Iterator[MarginAction]:
    """Before the first swap that the router would pay with the ether that lies in it."""
    in_the_way = snapshot.ether > 0
    for action in actions:
        if in_the_way and isinstance(action, Seize | Execute):
            swap = action.swap
            # What is bought may cost less by then.
            least = less(swap.amount_in, rules.slippage) if swap.exact_output else swap.amount_in
            if swap.route.tokens[0] == snapshot.paid_with_ether and snapshot.ether >= least:
                yield TakeEther(action.id, snapshot.ether)
                in_the_way = False
        yield action


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
        found = liquidate(snapshot, watched, rules)
    if not isinstance(found, Seize) and is_mark_good(watched, snapshot.next):
        found = liquidate_marked(snapshot, watched, rules) or found
    if isinstance(found, Seize):
        return found
    if snapshot.is_executor:
        for order in orders:
            executed = _execute(snapshot, watched, order, rules)
            if isinstance(executed, Execute):
                return executed
            found = found or executed
    return _mark(snapshot, watched, settings) or (Skipped(watched.id, found) if found else None)


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
    return Execute(watched.id, p, signed, swap, bound_of(swap, p.collateral, rules), interest)


def _mark(snapshot: MarginSnapshot, watched: Watched, settings: Settings) -> SetMark | None:
    """Who may liquidate by himself needs no mark. Clearing one serves the trader alone."""
    if (found := health(watched)) is None:
        return None
    value, equity = found
    if not is_within(equity, value, watched, 0):
        wanted = watched.mark is not None and settings.unpaid
        return SetMark(watched.id, watched.position, True) if wanted else None
    if snapshot.is_liquidator and not settings.unpaid:
        return None
    if watched.mark is not None and snapshot.next <= watched.mark.until:
        return None
    fee = arithmetic.liquidation_fee(value, watched.pair.terms.liquidation_fee)
    return SetMark(watched.id, watched.position, False, worth(watched, min(max(0, equity), fee)))


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
