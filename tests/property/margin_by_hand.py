"""Long and short positions that can be computed by hand.

Dollars have 6 decimals, bitcoin 8: at 50,000 dollars a bitcoin the check price is 500 WAD. Pools
have lenders, and take 10 % a year at most.
"""

from collections.abc import Callable
from typing import Any

import pytest

from prep.model import WAD, Rejected
from prep.model.interest import BorrowerKind, RateCurve
from prep.model.lending import LendingPool
from prep.model.margin import (
    CloseRequest,
    CollateralRequest,
    Controller,
    MarginPool,
    OpenRequest,
    PairTerms,
    Position,
    Swap,
)

USD, BTC = 10**6, 10**8
YEAR = 365 * 86_400
NOW = 1_000_000
PRICE = 500 * WAD
TERMS = {"max_leverage": 50_000, "maintenance_margin": 500, "liquidation_fee": 200}
CHECKED = PairTerms(oracle="oracle", max_deviation=100, **TERMS)
GOOD = Swap(50_000 * USD, BTC)
"""One bitcoin for all that a long gives."""
LIMITED = PairTerms(long_limit=50_000 * USD, short_limit=2 * BTC, **TERMS)


def create(is_long: bool, terms: PairTerms = CHECKED) -> MarginPool:
    """A pool with lenders' 1,000,000 dollars and 100 bitcoins; 10 % a year at most."""
    controller = Controller(NOW)
    controller.prices["oracle"] = PRICE
    controller.set_pair("btc", "usd", terms)
    vaults: dict[Any, LendingPool] = {}
    for token, amount in (("usd", 10**6 * USD), ("btc", 100 * BTC)):
        vaults[token] = LendingPool(NOW, RateCurve(0, 0, 0, 1))
        vaults[token].deposit("lender", amount)
        vaults[token].register_borrower("pool", BorrowerKind.QUOTED, amount)
        controller.set_max_apy(token, WAD // 10)
    pool = MarginPool(controller, vaults, is_long=is_long, name="pool", weth="weth")
    pool.executors.add("executor")
    pool.liquidators.add("liquidator")
    return pool


def wait(pool: MarginPool, seconds: int) -> None:
    pool.controller.now += seconds
    for vault in pool.vaults.values():
        vault.now = pool.controller.now


def opening(**changes: Any) -> OpenRequest:
    """10,000 dollars down; a long borrows 40,000."""
    request = OpenRequest(
        id=7,
        nonce=0,
        trader="trader",
        base="btc",
        quote="usd",
        down_payment=10_000 * USD,
        principal=40_000 * USD,
        min_output=0,
        interest=0,
        fee=100 * USD,
        expiry=NOW,
    )
    return request._replace(**changes)


def opened_long(terms: PairTerms = CHECKED) -> tuple[MarginPool, Position]:
    """One bitcoin for 50,000 dollars, of which 10,000 are the trader's."""
    pool = create(True, terms)
    return pool, pool.open(opening(), Swap(50_000 * USD, BTC))


def opened_short(terms: PairTerms = CHECKED) -> tuple[MarginPool, Position]:
    """0.8 bitcoin sold for 40,000 dollars."""
    pool = create(False, terms)
    request = opening(principal=8 * BTC // 10)
    return pool, pool.open(request, Swap(8 * BTC // 10, 40_000 * USD))


def closing(position: Position, **changes: Any) -> CloseRequest:
    request = CloseRequest(
        id=position.id,
        nonce=position.nonce,
        trader="trader",
        amount=position.collateral,
        min_payout=0,
        interest=0,
        fee=0,
        expiry=NOW + YEAR,
    )
    return request._replace(**changes)


def change(position: Position, amount: int) -> CollateralRequest:
    return CollateralRequest(position.id, position.nonce, "trader", amount, NOW + YEAR)


def refusal(action: Callable[..., Any], *args: Any, **options: Any) -> Rejected:
    with pytest.raises(Rejected) as refused:
        action(*args, **options)
    return refused.value
