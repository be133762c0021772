"""Where a quote is given, and what will come of it."""

from dataclasses import dataclass

from prep.margin.data import PairTerms
from prep.margin.read import Pool
from prep.quotes import answers, arithmetic
from prep.quotes.arithmetic import Standing
from prep.quotes.config import Pair
from prep.quotes.desk import Now
from prep.quotes.swaps import Swap
from prep.quotes.wire import Side


@dataclass(frozen=True, slots=True)
class Scene:
    """Where a quote is given."""

    now: Now
    side: Side
    pool: Pool
    pair: Pair
    terms: PairTerms

    @property
    def is_long(self) -> bool:
        return self.pool.is_long

    @property
    def owed(self) -> str:
        """The token of the principal."""
        return self.pool.borrows(self.pair.base, self.pair.quote)

    @property
    def held(self) -> str:
        """The token of the collateral."""
        return self.pool.holds(self.pair.base, self.pair.quote)


def expectation(
    scene: Scene, swap: Swap | None, after: Standing, price: int | None, **amounts: int
) -> answers.Expected:
    """What will come of it. `price`: at which leverage is told where nothing is swapped."""
    terms = None
    if swap is not None:
        buys_base = swap.route.tokens[-1] == scene.pair.base
        base, quote = (
            (swap.amount_out, swap.amount_in) if buys_base else (swap.amount_in, swap.amount_out)
        )
        price = arithmetic.price_of(quote, base, up=buys_base)
        terms = answers.SwapTerms(
            tokens=swap.route.tokens,
            fees=swap.route.fees,
            amount_in=swap.amount_in,
            amount_out=swap.amount_out,
            price=price,
            price_impact=swap.impact,
        )
    nothing = dict.fromkeys(
        (
            "borrowed",
            "interest",
            "fee",
            "payment",
            "principal_paid",
            "payout",
            "least_payout",
        ),
        0,
    )
    return answers.Expected(
        swap=terms,
        **(nothing | amounts),
        principal=after.principal,
        collateral=after.collateral,
        leverage=None if price is None else after.leverage(price),
        liquidation_price=after.liquidation_price(scene.terms.maintenance_margin),
    )
