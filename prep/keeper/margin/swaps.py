"""Which swaps a decision may need, and what they would bring at the block that was read: Uniswap's
quoter is asked for all routes, many at once."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final, Literal

from prep.exchange.prices import MAX_SQRT_PRICE, MIN_SQRT_PRICE
from prep.exchange.route import Route
from prep.keeper.chain import Reverted
from prep.keeper.decide import Settings
from prep.keeper.margin.asks import Asks
from prep.keeper.margin.health import is_mark_good, may_be_seized
from prep.keeper.margin.rules import Rules
from prep.keeper.margin.seize import first_parts, more_parts
from prep.keeper.margin.snapshot import MarginSnapshot, Part, Watched
from prep.margin.chain import Query
from prep.quotes import config
from prep.quotes.swaps import EXACT_INPUT, EXACT_OUTPUT, Swap

LATE: Final = 600
"""Seconds until which interest of a marked short is bought for: it grows until the transaction is
mined, and what is too much goes to the trader."""
_EXHAUSTED: Final = (MIN_SQRT_PRICE + 1, MAX_SQRT_PRICE - 1)
"""Where a pool's price is when it has nothing left to give."""


@dataclass(frozen=True, slots=True)
class _Wanted:
    """A swap to be quoted."""

    watched: int
    """Which one."""
    part: int
    """Of its collateral."""
    kind: Literal["sale", "purchase", "late_purchase"]
    amount: int
    """Sold, or bought."""

    @property
    def exact_output(self) -> bool:
        """Whether so much is bought."""
        return self.kind != "sale"


Found = Mapping[tuple[int, int, str], Swap]
"""By position, part and kind."""


def quoted(
    asks: Asks, settings: config.Settings, snapshot: MarginSnapshot, limits: Settings, rules: Rules
) -> MarginSnapshot:
    """With the swaps of whole positions; and of parts, in two steps, where the whole cannot be
    liquidated or does not pay enough."""
    found = _ask(asks, settings, snapshot, list(_of_wholes(snapshot)))
    positions = tuple(
        replace(
            watched,
            sale=found.get((n, watched.position.collateral, "sale")),
            purchase=found.get((n, watched.position.collateral, "purchase")),
            late_purchase=found.get((n, watched.position.collateral, "late_purchase")),
        )
        for n, watched in enumerate(snapshot.positions)
    )
    snapshot = replace(snapshot, positions=positions)
    for amounts_of in (first_parts, more_parts):
        snapshot = _with_parts(asks, settings, snapshot, limits, rules, amounts_of)
    return snapshot


def _of_wholes(snapshot: MarginSnapshot) -> Iterator[_Wanted]:
    ordered = {order.id for order in snapshot.orders}
    for number, watched in enumerate(snapshot.positions):
        if watched.differs:
            continue
        p, now = watched.position, snapshot.next
        seized = snapshot.is_liquidator and may_be_seized(watched, now)
        marked = is_mark_good(watched, now)
        if not (seized or marked or watched.id in ordered):
            continue
        if watched.id.is_long or seized or marked:
            yield _Wanted(number, p.collateral, "sale", p.collateral)
        if not watched.id.is_long:
            owed = p.principal + watched.interest(now)
            yield _Wanted(number, p.collateral, "purchase", owed)
            if marked:
                late = p.principal + watched.most_interest(now + LATE)
                yield _Wanted(number, p.collateral, "late_purchase", late)


def _with_parts(
    asks: Asks,
    settings: config.Settings,
    snapshot: MarginSnapshot,
    limits: Settings,
    rules: Rules,
    amounts_of: Callable[[MarginSnapshot, Watched, Settings, Rules], list[int]],
) -> MarginSnapshot:
    """With more of them, of all positions together."""
    amounts = [amounts_of(snapshot, watched, limits, rules) for watched in snapshot.positions]
    wanted: list[_Wanted] = []
    for number, (watched, several) in enumerate(zip(snapshot.positions, amounts, strict=True)):
        for amount in several:
            wanted.append(_Wanted(number, amount, "sale", amount))
            if not watched.id.is_long:
                due = watched.due_of(amount) + watched.interest(snapshot.next)
                wanted.append(_Wanted(number, amount, "purchase", due))
    if not wanted:
        return snapshot
    found = _ask(asks, settings, snapshot, wanted)
    positions = tuple(
        replace(
            watched,
            parts=(
                *watched.parts,
                *(
                    Part(amount, found.get((n, amount, "sale")), found.get((n, amount, "purchase")))
                    for amount in several
                ),
            ),
        )
        for n, (watched, several) in enumerate(zip(snapshot.positions, amounts, strict=True))
    )
    return replace(snapshot, positions=positions)


def _ask(
    asks: Asks, settings: config.Settings, snapshot: MarginSnapshot, wanted: Sequence[_Wanted]
) -> Found:
    """The best of all routes; without what no pool can do."""
    routes = [_routes(settings, snapshot.positions[want.watched], want) for want in wanted]
    queries: list[Query] = []
    for want, ways in zip(wanted, routes, strict=True):
        for route in ways:
            path = route.reverse().packed() if want.exact_output else route.packed()
            call = EXACT_OUTPUT if want.exact_output else EXACT_INPUT
            queries.append((settings.exchange.quoter, call, path, want.amount))
    answers = iter(asks.answers(queries))
    found: dict[tuple[int, int, str], Swap] = {}
    for want, ways in zip(wanted, routes, strict=True):
        tried = [_swap(want, route, next(answers)) for route in ways]
        good = [swap for swap in tried if swap is not None]
        if good:
            best = min(good, key=lambda swap: (swap.amount_in, -swap.amount_out))
            found[want.watched, want.part, want.kind] = best
    return found


def _routes(settings: config.Settings, watched: Watched, want: _Wanted) -> list[Route]:
    pair = settings.pair(watched.position.base, watched.position.quote)
    if pair is None or not 0 < want.amount < 2**255:
        return []
    return pair.routes_of(selling_base=watched.id.is_long)


def _swap(want: _Wanted, route: Route, answer: Any) -> Swap | None:
    """None: the pools cannot. Of an exact input they take what they can and say nothing: their
    price tells."""
    if isinstance(answer, Reverted) or answer[0] == 0:
        return None
    if any(price in _EXHAUSTED for price in answer[1]):
        return None
    amounts = (answer[0], want.amount) if want.exact_output else (want.amount, answer[0])
    return Swap(route, want.exact_output, amounts[0], amounts[1], impact=0)
