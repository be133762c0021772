"""An account that trades ETH by orders."""

from prep.model import WAD, MarketConfig
from prep.model.credit import Credit
from prep.model.credit_results import ActionKind as A
from prep.model.credit_results import OrderTerms
from tests.property.bench import ETH, PREP, UNIT, bench, do, set_market


def price(coins: int) -> int:
    """Of one ETH, WAD."""
    return coins * WAD


def trading(delay: int = 0) -> Credit:
    """An account, the first, with 2,000 PREP; the last price was published 100 s ago."""
    credit = bench(MarketConfig(min_execution_delay=delay))
    account = credit.open("owner")
    do(credit, account, A.DEPOSIT, PREP, 2_000 * UNIT)
    credit.order_book.publish(ETH, price(3_000), credit.system.now - 100)
    return credit


def place(credit: Credit, size: int, order_terms: OrderTerms, limit: int = 0) -> int:
    """An order of the first account on ETH. Its id."""
    do(credit, 1, A.PLACE_ORDER, ETH, size, limit, terms=order_terms)
    return credit.order_book.ids[1][-1]


def tell(credit: Credit, coins: int, after: int = 0) -> None:
    """A price of ETH is published, so many seconds later."""
    credit.system.now += after
    set_market(credit, ETH, coins)
    credit.order_book.publish(ETH, price(coins), credit.system.now)
