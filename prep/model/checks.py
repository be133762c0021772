"""Invariants recomputed from the state alone, position by position, without the O(1) formulas.

Each function returns what is wrong as messages that begin with the invariant's id; an empty list is
good. The prices here are computed anew, so that one slip cannot hide in both places.
docs/invariants.md.
"""

from collections.abc import Iterable

from prep.model.book import MARKET
from prep.model.errors import Rejected
from prep.model.fixed import WAD
from prep.model.market import Market, Quote
from prep.model.orders import Orders
from prep.model.position import Position


def all_checks(system: Orders) -> list[str]:
    """Every check of this module."""
    return [
        *check_aggregates(system),
        *check_unrealised(system),
        *check_ids(system),
        *check_liquidity(system),
    ]


def positions_of(system: Orders, market_id: int) -> list[Position]:
    """The open positions of a market: isolated ones in the order of their owners' first deposits,
    then margin positions in the order of opening."""
    isolated = system.traders.values() if market_id == MARKET else ()
    return [
        *(trader.position for trader in isolated if trader.position.size),
        *system.margin_positions[market_id].values(),
    ]


def eps(sizes: Iterable[int], price: int, skew_scale: int) -> int:
    """What rounding may add up to over fills of these sizes at a price, PREP base units.

    Without price impact: a product and a cost, each rounded by less than one, for every fill. With
    it, two premiums and their mean are rounded by less than 1.5 in all, which moves the price by
    less than 1.5 P / WAD + 1, and the rate applied to that price by less than 2 more.
    """
    moduli = [abs(size) for size in sizes]
    if skew_scale == 0:
        return 2 * len(moduli) + 1
    per_unit = 2 * price // WAD + 4
    return sum(size * per_unit // WAD + 2 for size in moduli) + price // WAD + 2


def check_aggregates(system: Orders) -> list[str]:
    """P1: the aggregates of every market are the sums over its open positions, exactly."""
    wrong = []
    for market_id, market in enumerate(system.markets):
        for name, expected in _sums(positions_of(system, market_id), market).items():
            actual = getattr(market, name)
            if actual != expected:
                wrong.append(f"P1 market {market_id}: {name} is {actual}, the sum {expected}")
    return wrong


def check_unrealised(system: Orders) -> list[str]:
    """P2: what is unrealised is what the positions would realise, within `eps`: each as if it alone
    closed first, and all one after the other. A market without a usable price is left out."""
    wrong = []
    for market_id in range(len(system.markets)):
        try:
            quote = system.quote(market_id)
        except Rejected:
            continue
        positions = positions_of(system, market_id)
        tolerance = eps((p.size for p in positions), quote.price, quote.skew_scale)
        reported = quote.unrealised()
        for name, expected in {
            **_closing_alone(positions, quote),
            "seq_pnl": _closing_in_turn(positions, quote),
        }.items():
            actual = getattr(reported, name)
            if abs(actual - expected) > tolerance:
                wrong.append(
                    f"P2 market {market_id}: {name} is {actual}, "
                    f"over positions {expected}, eps {tolerance}"
                )
        turned = _closing_in_turn(positions[::-1], quote)
        if abs(reported.seq_pnl - turned) > tolerance:
            wrong.append(f"P2 market {market_id}: seq_pnl depends on the order of closing")
    return wrong


def check_ids(system: Orders) -> list[str]:
    """P3: ids in use and ids free are disjoint and together are 1..n, each with its owner."""
    wrong = []
    used = sorted(trader.id for trader in system.traders.values() if trader.id)
    free = sorted(system.free_ids)
    if sorted(used + free) != list(range(1, system.highest_id + 1)):
        wrong.append(f"P3 used {used} and free {free} are not 1..{system.highest_id}")
    if used != sorted(system.owners):
        wrong.append(f"P3 ids {sorted(system.owners)} have an owner, {used} are in use")
    for position_id, owner in system.owners.items():
        if system.traders[owner].id != position_id:
            wrong.append(f"P3 id {position_id} is not its owner's")
    for owner, trader in system.traders.items():
        if (trader.id == 0) != (trader.position.size == 0):
            wrong.append(f"P3 {owner} has id {trader.id} and size {trader.position.size}")
    return wrong


def check_liquidity(system: Orders) -> list[str]:
    """M2: net deposits and realised cash flow are the vault's liquidity, to the unit."""
    vault, wrong = system.vault, []
    flow = sum(
        market.price_pnl
        + market.opening_fee
        + market.closing_fee
        + market.accrued_funding
        + market.borrowing_fee
        + market.bad_debt
        for market in system.markets
    )
    if vault.net_deposits + flow != vault.liquidity:
        wrong.append(
            f"M2 net deposits {vault.net_deposits} and cash flow {flow} "
            f"are not the liquidity {vault.liquidity}"
        )
    if vault.liquidity < 0:
        wrong.append(f"M2 liquidity is {vault.liquidity}")
    if sum(vault.shares.values()) != vault.supply:
        wrong.append("M2 shares do not add up to the supply")
    return wrong


def _trunc(a: int, b: int) -> int:
    quotient = abs(a) // abs(b)
    return quotient if (a < 0) == (b < 0) else -quotient


def _sums(positions: list[Position], market: Market) -> dict[str, int]:
    """The aggregates, by brute force."""
    rows = [(p.size, _trunc(p.size * p.entry_price, WAD), p) for p in positions]
    squared = market.config.skew_scale > 0
    return {
        "long_oi": sum(size for size, _, _ in rows if size > 0),
        "short_oi": sum(-size for size, _, _ in rows if size < 0),
        "cost_long": sum(cost for size, cost, _ in rows if size > 0),
        "cost_short": sum(-cost for size, cost, _ in rows if size < 0),
        "borrow_cost": sum(abs(cost) * p.borrow_index // WAD for _, cost, p in rows),
        "funding_cost": sum(_trunc(size * p.funding_index, WAD) for size, _, p in rows),
        "sum_squares": sum(size * size for size, _, _ in rows) if squared else 0,
        "sum_signed_squares": sum(size * abs(size) for size, _, _ in rows) if squared else 0,
    }


def _close_price(skew: int, size: int, quote: Quote) -> int:
    """The execution price of closing `size`."""
    skew_scale = quote.skew_scale
    if skew_scale == 0:
        return quote.price
    before = _trunc(skew * WAD, skew_scale)
    after = _trunc((skew - size) * WAD, skew_scale)
    return _trunc((WAD + max(_trunc(before + after, 2), -WAD)) * quote.price, WAD)


def _closing_alone(positions: list[Position], quote: Quote) -> dict[str, int]:
    """What each position would realise if it alone closed, summed."""
    skew = sum(p.size for p in positions)
    price_pnl = funding = borrowing = closing_fee = 0
    for p in positions:
        px = _close_price(skew, p.size, quote)
        cost = abs(_trunc(p.size * p.entry_price, WAD))
        price_pnl += _trunc(p.size * (px - p.entry_price), WAD)
        funding += _trunc(p.size * (quote.funding_index - p.funding_index), WAD)
        borrowing -= -(-cost * (quote.borrow_index - p.borrow_index) // WAD)
        rate = _trunc(px * quote.config.closing_fee_rate, WAD)
        closing_fee -= -(-abs(p.size) * rate // WAD)
    return {
        "price_pnl": price_pnl,
        "funding": funding,
        "borrowing": borrowing,
        "closing_fee": closing_fee,
    }


def _closing_in_turn(positions: list[Position], quote: Quote) -> int:
    """What all positions realise through the price when they close one after the other."""
    skew = sum(p.size for p in positions)
    total = 0
    for p in positions:
        px = _close_price(skew, p.size, quote)
        total += _trunc(p.size * (px - p.entry_price), WAD)
        skew -= p.size
    return total
