"""How positions stand, by the arithmetic of docs/margin.md."""

from prep.keeper.margin.rules import BPS
from prep.keeper.margin.snapshot import Watched
from prep.model.fixed import ceil_div
from prep.model.margin import arithmetic


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
    return is_within(equity_of(watched, owed, value), value, watched, 0)


def is_unhealthy(watched: Watched) -> bool:
    """Whether it is within its threshold at the check price, as pools see it: without interest that
    was not recorded."""
    if (found := health(watched)) is None:
        return False
    value, equity = found
    return is_within(equity, value, watched, 0)


def is_mark_good(watched: Watched, at: int) -> bool:
    """Whether anyone may liquidate it then."""
    return watched.mark is not None and watched.mark.start <= at <= watched.mark.until


def health(watched: Watched) -> tuple[int, int] | None:
    """Value and equity at the check price."""
    price, p = watched.pair.price, watched.position
    if price is None:
        return None
    if watched.id.is_long:
        value = arithmetic.value_down(p.collateral, price)
    else:
        value = arithmetic.value_up(p.principal, price)
    return value, equity_of(watched, p.principal, value)


def equity_of(watched: Watched, owed: int, value: int) -> int:
    """What is left when so much is owed and its base tokens are worth so much."""
    return value - owed if watched.id.is_long else watched.position.collateral - value


def is_within(equity: int, value: int, watched: Watched, room: int) -> bool:
    """With `room` basis points of the value to spare; what has nothing left has no need of it."""
    least = arithmetic.least_margin(value, watched.pair.terms.maintenance_margin)
    return equity <= max(0, least - ceil_div(value * room, BPS))
