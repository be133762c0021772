"""What a liquidation would realise, as a whole or in parts, and which of them to do.

A part is judged by the price that it realises: the smaller, the better that price, and the better
the whole position looks. So a part can be too large for the check price, and another one too small
to find the position within its threshold.
"""

from dataclasses import dataclass
from typing import Final

from prep.keeper.decide import Settings
from prep.keeper.margin.actions import Seize
from prep.keeper.margin.health import equity_of, is_unhealthy, is_within, may_be_seized
from prep.keeper.margin.rules import Rules
from prep.keeper.margin.snapshot import MarginSnapshot, Part, Watched
from prep.model.fixed import WAD, ceil_div
from prep.model.margin import arithmetic
from prep.quotes.arithmetic import less, more
from prep.quotes.swaps import Swap

MAX_PARTS: Final = 100
"""No part is below a hundredth of the collateral, coded in the pools."""
HALVINGS: Final = 6
"""Parts that are looked into first: a half, a quarter, ..., and the least."""
BETWEEN: Final = 7
"""Parts that are looked into then, between the best of them and those next to it."""


@dataclass(frozen=True, slots=True)
class Unfit:
    """Why something cannot be liquidated that is worth saying."""

    reason: str
    too_large: bool = False
    """A smaller part may do."""


Verdict = Seize | Unfit | None
"""None: it is not within its threshold."""


def liquidate(snapshot: MarginSnapshot, watched: Watched, rules: Rules) -> Seize | str | None:
    """By the role: of the whole and the parts that were quoted what pays most, of equal ones the
    largest. Why not, where that is worth saying."""
    if watched.pair.terms.has_check_price and watched.pair.price is None:
        return f"no check price: {watched.pair.no_price}"
    if not may_be_seized(watched, snapshot.next):
        return None
    whole, *parts = (
        _by_role(snapshot, watched, part, rules) for part in (watched.whole, *watched.parts)
    )
    found = [verdict for verdict in (whole, *parts) if isinstance(verdict, Seize)]
    if found:
        return max(found, key=lambda seize: (seize.fee, seize.amount))
    if isinstance(whole, Unfit):
        return whole.reason + ("; nor can a part be liquidated" if parts else "")
    return None


def liquidate_marked(
    snapshot: MarginSnapshot, watched: Watched, rules: Rules
) -> Seize | str | None:
    """By anyone, as a whole, at the highest interest."""
    if not is_unhealthy(watched):
        return None
    whole = Part(watched.position.collateral, watched.sale, watched.late_purchase)
    swap = _swap_of(watched, whole)
    if swap is None:
        return "no pool can swap its collateral now"
    interest = watched.most_interest(snapshot.next)
    return _deviation(watched, swap) or _seize(watched, whole, swap, interest, True, rules)


# -------------------------------------------------------------------------------------------- parts


def first_parts(
    snapshot: MarginSnapshot, watched: Watched, settings: Settings, rules: Rules
) -> list[int]:
    """Amounts of collateral to be quoted: none if the whole can be liquidated and earns its gas."""
    if not snapshot.is_liquidator or watched.differs:
        return []
    if not may_be_seized(watched, snapshot.next):
        return []
    whole = _by_role(snapshot, watched, watched.whole, rules)
    if isinstance(whole, Seize):
        wanted = not _earns_its_gas(whole, snapshot, settings)
    else:
        wanted = whole is not None and whole.too_large
    if not wanted:
        return []
    collateral = watched.position.collateral
    least = ceil_div(collateral, MAX_PARTS)
    amounts = {max(least, collateral >> i) for i in range(1, HALVINGS + 1)} | {least}
    return sorted(amounts - {collateral})


def more_parts(snapshot: MarginSnapshot, watched: Watched, _: object, rules: Rules) -> list[int]:
    """More of them, if there are any: around the best of those that were quoted, or, where none can
    be done, between those that are too small and those that are too large."""
    if not watched.parts:
        return []
    tried = sorted((*watched.parts, watched.whole), key=lambda part: part.amount)
    verdicts = [_by_role(snapshot, watched, part, rules) for part in tried]
    last = len(tried) - 1
    found = [(verdict.fee, i) for i, verdict in enumerate(verdicts) if isinstance(verdict, Seize)]
    if found:
        _, best = max(found)
        if best == last:
            return []
        low, high = max(0, best - 1), best + 1
    else:
        large = [i for i, v in enumerate(verdicts) if isinstance(v, Unfit) and v.too_large]
        high = min(large, default=0)
        low = high - 1
        if high == 0:
            return []
    first, end = tried[low].amount, tried[high].amount
    amounts = {first + (end - first) * i // (BETWEEN + 1) for i in range(1, BETWEEN + 1)}
    return sorted(amounts - {part.amount for part in tried})


def _earns_its_gas(seize: Seize, snapshot: MarginSnapshot, settings: Settings) -> bool:
    """By what gas is reckoned to be: the node estimates it only later."""
    if seize.value is None:
        return seize.fee > 0
    cost = settings.gas_cost(snapshot.gas_price)
    return seize.value > 0 and seize.value - cost >= settings.min_profit


# ------------------------------------------------------------------------------------------ judging


def _by_role(snapshot: MarginSnapshot, watched: Watched, part: Part, rules: Rules) -> Verdict:
    interest = watched.interest(snapshot.next)
    swap = _swap_of(watched, part)
    if swap is None:
        return Unfit("no pool can swap its collateral now", too_large=True)
    _, whole, equity = _realised(watched, part, swap, interest)
    if not is_within(equity, whole, watched, 0):
        return None
    if not is_within(equity, whole, watched, rules.room):
        return Unfit(
            f"equity {equity} is within the threshold, but not by {rules.room} basis points"
        )
    if deviation := _deviation(watched, swap):
        return Unfit(deviation, too_large=True)
    return _seize(watched, part, swap, interest, False, rules)


def _swap_of(watched: Watched, part: Part) -> Swap | None:
    """A short that can pay buys what it owes; one that cannot spends all it has."""
    if watched.id.is_long or part.purchase is None:
        return part.sale
    return part.purchase if part.purchase.amount_in <= part.amount else part.sale


def _realised(watched: Watched, part: Part, swap: Swap, interest: int) -> tuple[int, int, int]:
    """The values of the part and of the whole at the price of the swap, and the whole's equity."""
    p = watched.position
    owed, due = p.principal + interest, watched.due_of(part.amount) + interest
    if watched.id.is_long:
        value = swap.amount_out
        whole = ceil_div(value * p.collateral, part.amount)
    else:
        value = part.amount
        if swap.amount_out >= due:
            value = swap.amount_in * due // swap.amount_out
        whole = value if due == owed else value * owed // due
    return value, whole, equity_of(watched, owed, whole)


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
    watched: Watched, part: Part, swap: Swap, interest: int, marked: bool, rules: Rules
) -> Seize:
    value, _, equity = _realised(watched, part, swap, interest)
    if watched.id.is_long:
        left = max(0, swap.amount_out - watched.due_of(part.amount) - interest)
    else:
        left = part.amount - swap.amount_in
    fee = min(left, arithmetic.liquidation_fee(value, watched.pair.terms.liquidation_fee))
    return Seize(
        id=watched.id,
        position=watched.position,
        amount=part.amount,
        swap=swap,
        bound=bound_of(swap, part.amount, rules),
        interest=None if marked else interest,
        equity=equity,
        fee=fee,
        value=worth(watched, fee),
    )


def bound_of(swap: Swap, most: int, rules: Rules) -> int:
    """What the router is told: nobody is to gain from what the swap loses. `most`: that it may
    spend."""
    if swap.exact_output:
        return min(most, more(swap.amount_in, rules.slippage))
    return less(swap.amount_out, rules.slippage)


def worth(watched: Watched, fee: int) -> int | None:
    """PREP base units, rounded down; None where nothing says it."""
    return None if watched.pair.value is None else fee * watched.pair.value // WAD
