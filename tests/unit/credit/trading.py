"""The market with skew and fees as docs/whitepaper.md has it, at a time that stands still."""

from tests.credit import ETHER, ETHER_MARKET, CreditSuite
from tests.expected import Position, execution_price, fee
from tests.suite import WAD, market_config

SCALE = ETHER_MARKET["skewScale"]
PRICE = 2_000 * WAD
SOL_UNIT = 10**6
"""A whole SOL, at 100 dollars; its market has neither skew nor fees."""


def fill(size: int, skew: int = 0, price: int = PRICE) -> int:
    """The price at which `size` moves the skew of the ether market, WAD."""
    return execution_price(price, SCALE, skew, skew + size)


def opening_fee(size: int, skew: int = 0, price: int = PRICE) -> int:
    return fee(ETHER_MARKET["openingFeeRate"], size, fill(size, skew, price))


def closing(size: int, entry: int, skew: int, price: int = PRICE, skewed: bool = True) -> int:
    """What closing the whole position realises; `skewed`: at the execution price or the oracle's.
    The closing fee is on the execution price in both."""
    at = fill(-size, skew, price)
    pnl = Position(size, entry).realised(size, at if skewed else price).price_pnl
    return pnl - fee(ETHER_MARKET["closingFeeRate"], size, at)


def sol_pnl(size: int, entry: int, dollars: int) -> int:
    """Of a position on SOL, where a unit's price has 30 digits."""
    return Position(size, entry * 10**30).realised(size, dollars * 10**30).price_pnl


def add_markets(credit: CreditSuite, count: int) -> list[int]:
    """More markets like SOL, over its oracle, without weights."""
    protocol, oracle = credit.suite.protocol, credit.market_oracles[2]
    first = protocol.marketCount()
    for _ in range(count):
        config = market_config(oracle, ETHER_MARKET | NO_FRILLS)
        protocol.addMarket(config, sender=credit.suite.risk_manager)
    return list(range(first, first + count))


NO_FRILLS = {"skewScale": 0, "maxFundingVelocity": 0, "openingFeeRate": 0, "closingFeeRate": 0}


def configure(credit: CreditSuite, market: int, **changes: int | bool) -> None:
    """Changes parameters of a market of the suite."""
    from tests.suite import BTC

    config = (ETHER_MARKET if market == ETHER else BTC) | changes
    oracle = credit.market_oracles.get(market, credit.suite.oracle)
    args = market, market_config(oracle, config)
    credit.suite.protocol.setMarket(*args, sender=credit.suite.risk_manager)
