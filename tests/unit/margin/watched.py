"""Asset-backed positions by hand, for the keeper's decisions."""

from prep.exchange.route import Route
from prep.keeper.margin.ids import PoolId
from prep.keeper.margin.snapshot import Loan, MarginSnapshot, Pair, SignedOrder, Watched
from prep.margin.data import ZERO_ADDRESS, Order, PairTerms, Payout, Position
from prep.model import WAD
from prep.model.interest import RateCurve
from prep.quotes.swaps import Swap

BASE, QUOTE, TRADER, ORACLE = (f"0x{n:040x}" for n in (4, 5, 6, 7))
NOW = 1_800_000_000
DAY = 86_400
YEAR = 31_536_000
FREE = Loan(0, 0, RateCurve(0, 0, 0, WAD // 2))
"""Charges nothing, and must not."""
COSTLY = Loan(WAD, WAD // 2, RateCurve(WAD // 10, WAD // 10, WAD // 10, WAD // 2))
"""A tenth a year, of at most all."""
TERMS = PairTerms(ORACLE, 50_000, 500, 200, 300, 0, 0, False)
"""Threshold at a twentieth of the value, a fiftieth to who liquidates, 3 % off the check price."""
UNCHECKED = TERMS._replace(oracle=ZERO_ADDRESS, max_deviation=0, long_limit=1, short_limit=1)


def position(is_long=True, principal=9_000, collateral=100, number=1, **changes):
    """A long of 100 base tokens that owes 9,000; or with other numbers."""
    values = {
        "id": number,
        "trader": TRADER,
        "base": BASE,
        "quote": QUOTE,
        "principal": principal,
        "collateral": collateral,
        "last_funding_timestamp": NOW - DAY,
        "nonce": 1,
    }
    return Position(**values | changes)


def pair(price=100 * WAD, terms=TERMS, value=WAD, **changes):
    return Pair(terms, price, value=value, **changes)


def exact_input(given, got, is_long=True):
    tokens = (BASE, QUOTE) if is_long else (QUOTE, BASE)
    return Swap(Route(tokens, (3_000,)), False, given, got, 0)


def exact_output(given, got):
    return Swap(Route((QUOTE, BASE), (3_000,)), True, given, got, 0)


def long(proceeds=None, of=None, **changes):
    """Whose collateral sells for `proceeds`."""
    of = of or position()
    values = {
        "id": PoolId(True, of.id),
        "position": of,
        "pair": pair(),
        "loan": FREE,
        "sale": None if proceeds is None else exact_input(of.collateral, proceeds),
    }
    return Watched(**values | changes)


def short(cost=None, of=None, brings=0, **changes):
    """That owes 100 base tokens for 11,000 unless it is another, and buys them for `cost`; or sells
    all it has for `brings`."""
    of = of or position(False, principal=100, collateral=11_000)
    values = {
        "id": PoolId(False, of.id),
        "position": of,
        "pair": pair(),
        "loan": FREE,
        "purchase": None if cost is None else exact_output(cost, of.principal),
        "sale": exact_input(of.collateral, brings, False) if brings else None,
    }
    return Watched(**values | changes)


def order(of, quote, base, take_profit, **changes):
    p = of.position
    values = {
        "id": p.id,
        "trader": p.trader,
        "signer": p.trader,
        "take_profit": take_profit,
        "quote_amount": quote,
        "base_amount": base,
        "min_payout": 0,
        "payout": Payout.TOKEN,
        "expiry": NOW + DAY,
    }
    return SignedOrder(of.id, Order(**values | changes), b"", "0x")


def snapshot(*positions, **changes):
    values = {
        "block": 100,
        "timestamp": NOW - 1,
        "next": NOW,
        "gas_price": 0,
        "is_liquidator": True,
        "is_executor": True,
        "grace_period": 3_600,
        "positions": positions,
    }
    return MarginSnapshot(**values | changes)
