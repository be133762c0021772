"""What is not signed although the chain would take it: a change of a position within its threshold
that leaves it there.

Every change makes a liquidation that is on its way void, as that is of the state before. Who could
have one signed for a unit of collateral, again and again, could not be liquidated.
"""

from collections.abc import Iterator

from prep.margin.data import Position
from prep.margin.errors import Refusal
from prep.margin.read import read_max_interest
from prep.model.margin.arithmetic import highest_cost, least_proceeds
from prep.quotes import arithmetic
from prep.quotes.arithmetic import Standing
from prep.quotes.desk import Desk
from prep.quotes.problems import refused
from prep.quotes.scene import Scene
from prep.quotes.swaps import NoRouteError, best_purchase, best_sale


def owing(desk: Desk, scene: Scene, position: Position) -> Standing:
    """A position with the highest interest until now."""
    head = scene.now.head
    interest = read_max_interest(desk.chain, head, scene.pool, position, head.next)
    return Standing(scene.is_long, position.principal + interest, position.collateral)


def check_change(desk: Desk, scene: Scene, before: Standing, after: Standing) -> None:
    """Raises `Problem` where it would only put a liquidation off. Both owe what is unpaid by then;
    `after` without collateral is no position."""
    if before.principal == 0 or after.collateral == 0:
        return
    share = scene.terms.maintenance_margin
    for price in _prices(desk, scene, before):
        (equity, least), (equity_after, least_after) = (
            standing.health(price, share) for standing in (before, after)
        )
        if equity <= least and equity_after <= least_after:
            values = {"equity": equity_after, "minMargin": least_after}
            raise refused(Refusal("StillLiquidatable", values))


def _prices(desk: Desk, scene: Scene, standing: Standing) -> Iterator[int]:
    """At which it may be liquidated: the check price, and what the exchange gives for all of it, as
    far as the check price allows that."""
    checked = desk.check_price(scene.now.head, scene.terms)
    if checked is not None:
        yield checked
    exchange = desk.chain, scene.now.head, desk.settings.exchange
    routes = scene.pair.routes_of(selling_base=scene.is_long)
    deviation = scene.terms.max_deviation
    try:
        if scene.is_long:
            swap = best_sale(*exchange, routes, standing.collateral)
            base, quote = swap.amount_in, swap.amount_out
            allowed = checked is None or quote >= least_proceeds(base, checked, deviation)
        else:
            swap = best_purchase(*exchange, routes, standing.principal)
            base, quote = swap.amount_out, swap.amount_in
            allowed = checked is None or quote <= highest_cost(base, checked, deviation)
    except NoRouteError:
        return
    if allowed:
        yield arithmetic.price_of(quote, base, up=not scene.is_long)
