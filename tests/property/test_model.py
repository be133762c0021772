"""The reference model against exact fractions and against its own invariants. No chain.

Messages of failed assertions begin with the invariant's id (docs/invariants.md).
"""

import copy
import random
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from fractions import Fraction
from math import ceil, floor, trunc
from typing import Any

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from prep.model import UNLIMITED, WAD, MarketConfig, Rejected, ReserveBasis, System, limits
from prep.model.book import Trader
from prep.model.checks import all_checks, eps
from prep.model.fixed import ceil_div, trunc_div, wmul
from prep.model.market import Market, Quote
from prep.model.position import FLAT, Position, equity, increased, leverage, reduced, settle
from prep.model.pricing import borrowing_fee, execution_price, fee, premium, protocol_share
from prep.model.results import PositionLiquidated
from prep.model.vault import VaultState

UNIT = 10**18
TRADERS = ("maker", "taker", "hedger", "swinger")
LPS = ("senior", "junior")
PRICES = (60_123 * 10**28 + 7, 3_001 * 10**18 + 1, 3 * 10**17 + 1, WAD)
"""PREP base units per base unit, WAD: assets with 8 and with 18 decimals, dear and cheap."""

quick = settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.too_slow])

sizes = st.integers(-(10**30), 10**30)
whole = st.integers(0, 10**30)
prices = st.integers(1, 10**36) | st.integers(10**20, 10**24)
rates = st.integers(0, WAD // 10)
scales = st.integers(1, 10**36) | st.integers(10**29, 10**31)


# ------------------------------------------------------------------------------ formulas, exactly


@given(st.integers(-(10**60), 10**60), st.integers(1, 10**40))
def test_trunc_div__any_sign__rounds_toward_zero(a: int, b: int) -> None:
    assert trunc_div(a, b) == trunc(Fraction(a, b))
    assert ceil_div(a, b) == ceil(Fraction(a, b))
    assert wmul(a, b) == trunc(Fraction(a * b, WAD))


def test_wmul__negative_remainder__differs_from_floor() -> None:
    assert (wmul(-1, 1), -1 * 1 // WAD) == (0, -1)
    assert wmul(-3 * WAD - 1, 1) == -3


@given(sizes, sizes, scales, prices)
def test_execution_price__any_trade__rounds_three_times_toward_zero(
    skew: int, to: int, scale: int, price: int
) -> None:
    before, after = Fraction(skew * WAD, scale), Fraction(to * WAD, scale)
    assert abs(premium(skew, scale)) <= abs(before) < abs(premium(skew, scale)) + 1
    mean = trunc(Fraction(trunc(before) + trunc(after), 2))
    expected = trunc(Fraction((WAD + max(mean, -WAD)) * price, WAD))
    assert execution_price(skew, to, scale, price) == expected
    exact = (1 + max((before + after) / 2 / WAD, Fraction(-1))) * price
    assert abs(expected - exact) < Fraction(3 * price, 2 * WAD) + 1
    assert execution_price(skew, to, 0, price) == price


@given(rates, sizes, prices)
def test_fee__any_size__is_a_cost_rounded_up(rate: int, size: int, px: int) -> None:
    unit = trunc(Fraction(px * rate, WAD))
    assert fee(rate, size, px) == -ceil(Fraction(abs(size) * unit, WAD))
    paid = -fee(rate, size, px)
    assert protocol_share(paid, rate) == ceil(Fraction(paid * rate, WAD))


@given(whole, st.integers(0, 2**64))
def test_borrowing_fee__any_notional__is_a_cost_rounded_up(notional: int, change: int) -> None:
    assert borrowing_fee(notional, change) == -ceil(Fraction(notional * change, WAD))


@given(
    st.tuples(whole, whole, scales, st.integers(0, 1000 * WAD)),
    st.integers(-limits.MAX_FUNDING_RATE, limits.MAX_FUNDING_RATE),
    st.integers(-(10**36), 10**36),
    st.integers(0, 10**8),
    prices,
)
def test_at__time_passes__funding_follows_the_formula(
    terms: tuple[int, int, int, int], rate: int, index: int, elapsed: int, price: int
) -> None:
    longs, shorts, scale, velocity = terms
    since = 2**32 + 5  # the stored clock has wrapped around
    market = Market(MarketConfig(skew_scale=scale, max_funding_velocity=velocity), since)
    market.long_oi, market.short_oi = longs, shorts
    market.funding_rate, market.funding_index = rate, index
    quote = market.at(since + elapsed, price)
    days = floor(Fraction(elapsed * WAD, 86_400))
    tilt = max(-WAD, min(WAD, trunc(Fraction((longs - shorts) * WAD, scale))))
    speed = trunc(Fraction(tilt * velocity, WAD))
    limit = 96 * WAD // 100
    after = max(-limit, min(limit, rate + trunc(Fraction(speed * days, WAD))))
    mean = trunc(Fraction(rate + after, 2))
    step = trunc(Fraction(trunc(Fraction(mean * days, WAD)) * price, WAD))
    assert (quote.funding_rate, quote.funding_index) == (
        (after, index - step) if elapsed else (rate, index)
    )


@given(st.integers(0, 10 * WAD), st.integers(0, WAD), st.integers(0, 2**32 - 1))
def test_at__time_passes__borrowing_follows_the_formula_and_saturates(
    rate: int, factor: int, elapsed: int
) -> None:
    market = Market(MarketConfig(borrow_rate=rate, reserve_factor=factor), 17)
    market.borrow_index = 5
    yearly = floor(Fraction(rate * factor, WAD))
    expected = min(5 + floor(Fraction(yearly * elapsed, 31_536_000)), 2**64 - 1)
    assert market.at(17 + elapsed, 0).borrow_index == expected


def positions(sign: int) -> st.SearchStrategy[Position]:
    """Positions of one sign within the coded bounds."""
    return st.builds(
        lambda size, price, f, b: Position(sign * size, price, f, b),
        st.integers(1, 10**28),
        st.integers(1, 10**27),
        st.integers(-(10**30), 10**30),
        st.integers(0, 2**64 - 1),
    )


@given(st.sampled_from((1, -1)).flatmap(lambda sign: st.tuples(positions(sign), positions(sign))))
def test_increased__two_lots__averages_are_rounded_against_the_trader(
    lots: tuple[Position, Position],
) -> None:
    old, lot = lots
    quote = Market(MarketConfig(), 0).at(0, 1)
    quote.funding_index, quote.borrow_index = lot.funding_index, lot.borrow_index
    new = increased(old, lot.size, lot.entry_price, quote)
    total = old.size + lot.size
    against = ceil if total > 0 else floor
    assert new.size == total
    assert new.entry_price == against(
        Fraction(old.size * old.entry_price + lot.size * lot.entry_price, total)
    )
    assert new.funding_index == against(
        Fraction(old.size * old.funding_index + lot.size * lot.funding_index, total)
    )
    costs = old.notional, lot.notional
    if sum(costs):
        weighted = costs[0] * old.borrow_index + costs[1] * lot.borrow_index
        assert new.borrow_index == floor(Fraction(weighted, sum(costs)))
    else:
        assert new.borrow_index == lot.borrow_index
    assert increased(FLAT, lot.size, lot.entry_price, quote) == lot


@given(
    st.sampled_from((1, -1)).flatmap(positions),
    st.tuples(st.integers(1, 3), st.integers(0, 10**6), rates, rates, st.integers(0, 10**30)),
    st.tuples(st.integers(-(10**28), 10**28), scales, st.integers(1, 10**27)),
    st.tuples(st.integers(-(10**30), 10**30), st.integers(0, 2**64 - 1)),
)
def test_settle__any_part__follows_the_formulas_and_adds_up(
    position: Position,
    terms: tuple[int, int, int, int, int],
    at: tuple[int, int, int],
    indices: tuple[int, int],
) -> None:
    (divisor, offset, rate, share_rate, collateral), (skew, scale, price) = terms, at
    quote = Market(MarketConfig(skew_scale=scale, closing_fee_rate=rate), 0).at(0, price)
    quote.funding_index = indices[0]
    quote.borrow_index = max(indices[1], position.borrow_index)
    part = trunc_div(position.size, divisor) or position.size
    part = part - offset if offset < part else part
    it = settle(position, part, collateral, quote, skew, share_rate)
    px = execution_price(skew, skew - part, scale, price)
    notional = abs(trunc(Fraction(part * position.entry_price, WAD)))
    assert it.price == px
    assert it.price_pnl == trunc(Fraction(part * (px - position.entry_price), WAD))
    assert it.funding == trunc(Fraction(part * (indices[0] - position.funding_index), WAD))
    assert it.borrowing_fee == -ceil(
        Fraction(notional * (quote.borrow_index - position.borrow_index), WAD)
    )
    assert it.closing_fee == fee(rate, part, px)
    after = collateral + it.price_pnl + it.funding + it.borrowing_fee + it.closing_fee
    assert it.collateral == max(0, after)
    assert it.protocol_share == ceil(Fraction(-it.closing_fee * share_rate, WAD))
    assert it.protocol_fee == max(0, it.protocol_share - max(0, -after))
    assert it.bad_debt == max(0, -after - it.protocol_share)
    given = it.collateral - collateral + it.protocol_fee + it.liquidity_change
    assert given == 0, "M3 trader, protocol and vault do not add up"


@given(st.integers(0, 10**37), st.integers(-(10**38), 10**38))
def test_leverage__any_equity__compares_with_bounds_exactly(notional: int, own: int) -> None:
    result = leverage(notional, own)
    for bound in (15, 30):
        assert (result > bound * WAD) == (own <= 0 or notional > bound * own), "P4 P5"
    assert result == (UNLIMITED if own <= 0 else ceil(Fraction(notional * WAD, own)))


@given(
    st.lists(st.integers(-(10**26), 10**26).filter(bool), min_size=1, max_size=6),
    st.integers(10**27, 10**30),
    st.integers(1, 10**22),
    rates,
)
def test_unrealised__any_positions__aggregates_round_as_written(
    parts: list[int], scale: int, price: int, rate: int
) -> None:
    market = Market(MarketConfig(skew_scale=scale, closing_fee_rate=rate), 0)
    for size in parts:
        market.replace(FLAT, Position(size, price + 1 + size % 7, 3, 4))
    s, t = sum(parts), sum(map(abs, parts))
    q, a = sum(x * x for x in parts), sum(x * abs(x) for x in parts)
    cost = sum(trunc(Fraction(x * (price + 1 + x % 7), WAD)) for x in parts)

    def impact(twice: int) -> int:
        area = trunc(Fraction(twice * WAD, 2 * scale))
        return floor(Fraction(trunc(Fraction(area * price, WAD)), WAD))

    mark = trunc(Fraction(s * price, WAD)) - cost
    fee_unit = trunc(Fraction(price * rate, WAD))
    area = floor(Fraction(trunc(Fraction((a - 2 * s * t) * WAD, 2 * scale)), WAD))
    result = market.at(0, price).unrealised()
    assert result.price_pnl == mark + impact(2 * s * s - q), "P2 pricePnl"
    assert result.seq_pnl == mark + impact(s * s), "P2 seqPnl"
    assert result.closing_fee == trunc(Fraction((area - t) * fee_unit, WAD)), "P2 closingFee"


# ------------------------------------------------------------------------------ path independence


@given(
    st.sampled_from(PRICES),
    st.integers(-(10**24), 10**24),
    st.lists(st.integers(1, 10**23), min_size=1, max_size=8),
    st.sampled_from((1, -1)),
)
def test_execution_price__in_pieces__costs_what_one_trade_costs(
    price: int, skew: int, pieces: list[int], sign: int
) -> None:
    scale, parts = 10**25 + 1, [sign * piece for piece in pieces]
    total = sum(parts)
    in_one = wmul(total, execution_price(skew, skew + total, scale, price))
    in_pieces, at = 0, skew
    for part in parts:
        in_pieces += wmul(part, execution_price(at, at + part, scale, price))
        at += part
    assert abs(in_one - in_pieces) <= eps([total, *parts], price, scale), "M6 path dependence"


@given(
    st.sampled_from(PRICES),
    st.integers(-(10**24), 10**24),
    st.lists(st.integers(1, 10**23), min_size=1, max_size=8),
    st.sampled_from((1, -1)),
    st.sampled_from((0, 10**25 + 1)),
)
def test_settle__in_pieces__realises_what_one_close_realises(
    price: int, skew: int, pieces: list[int], sign: int, scale: int
) -> None:
    market = Market(MarketConfig(skew_scale=scale), 0)
    quote = market.at(0, price)
    position = Position(sign * sum(pieces), price + price // 50, 0, 0)
    one = settle(position, position.size, UNLIMITED, quote, skew, 0)
    rest, realised = position, 0
    for piece in pieces:
        step = settle(rest, sign * piece, UNLIMITED, quote, skew, 0)
        realised += step.realised
        skew -= step.size
        rest = reduced(rest, step.size)
    assert rest == FLAT
    tolerance = eps([position.size, *pieces], price, scale)
    assert abs(one.realised - realised) <= tolerance, "M6 path dependence"


# ---------------------------------------------------------------------------------- random action


def outcome(action: Callable[..., Any], *args: Any) -> Any:
    """What an action returns, or the `Rejected` that it raises."""
    try:
        return action(*args)
    except Rejected as rejected:
        return rejected


def accepted(action: Callable[..., Any], *args: Any) -> bool:
    """Whether an action is not rejected."""
    return not isinstance(outcome(action, *args), Rejected)


def reach(works: Callable[[int], bool], limit: int) -> int:
    """The largest number up to `limit` that works, if all below it do."""
    low, high = 0, limit
    while low < high:
        middle = (low + high + 1) // 2
        low, high = (middle, high) if works(middle) else (low, middle - 1)
    return low


class World:
    """A system with a few traders and LPs, and what tokens went in and out of it."""

    def __init__(self, price: int, config: MarketConfig, **options: Any) -> None:
        self.system = System(**options)
        self.system.add_market(config)
        self.system.set_price(0, price)
        self.tokens = 0
        self.seen: Counter[str] = Counter()
        self.fills: list[int] = []
        self.act("lp_deposit", 0, 9_000)

    def act(self, kind: str, who: int, x: int) -> Any:
        """One action, its amount scaled by `x` out of 10,000. The result, or the `Rejected`; a
        rejected action must not have changed anything."""
        before = picture(self.system)
        result = outcome(getattr(self, kind), who, x)
        if isinstance(result, Rejected):
            assert picture(self.system) == before, f"atomicity: {kind} was refused: {result}"
            self.seen[result.name] += 1
            return result
        self.seen[kind] += 1
        decreases = getattr(result, "decreases", ())
        for step in (*decreases, result):
            fill = getattr(step, "size_added", 0) or getattr(step, "size_removed", 0)
            if fill:
                self.fills.append(fill)
        if decreases:
            self.seen[f"liquidate: {len(decreases)} steps, flat {decreases[-1].size == 0}"] += 1
            self.seen["liquidate: bad debt"] += any(step.bad_debt for step in decreases)
            self.seen["liquidate: vault rewards"] += result.from_vault > 0
            self.seen["liquidate: share waived"] += any(
                step.bad_debt and not step.protocol_fee and step.closing_fee for step in decreases
            )
        return result

    # Positions of up to 60,000 PREP, collateral in steps of up to 5,000, a vault of 900,000.

    def price(self, _: int, x: int) -> None:
        old = self.system.price(0)
        self.system.set_price(0, max(1, old * (95_000 + x) // 100_000))

    def wait(self, _: int, x: int) -> None:
        self.system.now += x * x // 100

    def lp_deposit(self, who: int, x: int) -> Any:
        result = self.system.deposit(LPS[who % 2], 100 * UNIT * x)
        self.tokens += result.assets
        return result

    def lp_mint(self, who: int, x: int) -> Any:
        result = self.system.mint(LPS[who % 2], 10**6 * UNIT * x)
        self.tokens += result.assets
        return result

    def lp_withdraw(self, who: int, x: int) -> Any:
        most = self.system.max_withdraw(LPS[who % 2])
        result = self.system.withdraw(LPS[who % 2], most * x // 9_000)
        self.tokens -= result.assets
        return result

    def lp_redeem(self, who: int, x: int) -> Any:
        most = self.system.max_redeem(LPS[who % 2])
        result = self.system.redeem(LPS[who % 2], most * x // 9_000)
        self.tokens -= result.assets
        return result

    def pay_in(self, who: int, x: int) -> Any:
        result = self.system.deposit_collateral(TRADERS[who], UNIT * x // 2)
        self.tokens += result.amount
        return result

    def take_out(self, who: int, x: int) -> Any:
        collateral = self.system.position(TRADERS[who]).collateral
        result = self.system.withdraw_collateral(TRADERS[who], collateral * x // 9_000)
        self.tokens += result.amount
        return result

    def open_size(self, who: int, x: int) -> Any:
        return self.system.open_position_with_size(TRADERS[who], 6 * UNIT * x, x % 2 == 0)

    def open_token(self, who: int, x: int) -> Any:
        base = 6 * UNIT * x * WAD // self.system.price(0)
        return self.system.open_position_with_token(TRADERS[who], base, x % 2 == 0)

    def increase(self, who: int, x: int) -> Any:
        return self.system.increase_position(TRADERS[who], 2 * UNIT * x)

    def decrease(self, who: int, x: int) -> Any:
        notional = self.system.position(TRADERS[who]).entry_notional
        return self.system.decrease_position(TRADERS[who], notional * x // 9_500)

    def close(self, who: int, _: int) -> Any:
        return self.system.close_position(TRADERS[who])

    def liquidate(self, who: int, x: int) -> Any:
        target = self.system.position(TRADERS[who]).id
        return self.system.liquidate_position(TRADERS[(who + x) % 4], target)

    def collect(self, _: int, __: int) -> Any:
        result = self.system.collect_protocol_fees()
        self.tokens -= result.amount
        return result


KINDS = tuple(name for name in vars(World) if not name.startswith("_") and name != "act")
TRADES = (
    "pay_in",
    "take_out",
    "open_size",
    "open_token",
    "increase",
    "decrease",
    "close",
    "liquidate",
)


def picture(item: Any) -> Any:
    """All state below `item` as a value that can be compared."""
    if isinstance(item, System):
        return picture(vars(item))
    if isinstance(item, dict):
        return {key: picture(value) for key, value in item.items()}
    if isinstance(item, list):
        return [picture(value) for value in item]
    if isinstance(item, (Market, Trader, VaultState)):
        return {name: picture(getattr(item, name)) for name in item.__slots__}
    return item


def actions(kinds: tuple[str, ...], most: int) -> st.SearchStrategy[list[tuple[str, int, int]]]:
    """Sequences of actions for `World.act`."""
    one = st.tuples(st.sampled_from(kinds), st.integers(0, 3), st.integers(0, 10_000))
    return st.lists(one, min_size=most // 2, max_size=most)


@st.composite
def worlds(draw: st.DrawFn, *, impact: bool = False) -> World:
    """A market, free or with fees, on any scale of prices, with or without price impact.

    `impact`: only with.
    """
    price = draw(st.sampled_from(PRICES))
    depth = draw(st.sampled_from((900_000, 3_000_000) if impact else (0, 900_000, 3_000_000)))
    scale = depth * UNIT * WAD // price
    costly = draw(st.booleans())
    config = MarketConfig(
        skew_scale=scale,
        max_funding_velocity=draw(st.sampled_from((0, 9 * WAD))),
        opening_fee_rate=WAD // 999 if costly else 0,
        closing_fee_rate=WAD // 777 if costly else 0,
        borrow_rate=15 * WAD // 100,
        reserve_factor=draw(st.sampled_from((0, 15 * WAD // 100))),
        min_position_value=draw(st.sampled_from((0, 500 * UNIT))),
    )
    return World(
        price,
        config,
        protocol_fee_rate=draw(st.sampled_from((0, WAD // 7))),
        reserve_basis=draw(st.sampled_from(ReserveBasis)),
    )


def values(system: System) -> tuple[int, int, int]:
    """Upper and lower value and the supply, with the virtual parts."""
    upper, lower = system.upper_value(), system.lower_value()
    return upper + 1, lower + 1, system.vault.supply + 10**6


def solvent(system: System) -> bool:
    """Whether the vault could pay all that traders have coming."""
    it = system.exposure()
    profit = max(it.seq_pnl + it.funding + it.borrowing, max(0, it.seq_pnl) + max(0, it.funding))
    return system.vault.liquidity >= profit


def run(world: World, kind: str, who: int, x: int) -> None:
    """One action and everything that must hold after it."""
    system, lps = world.system, kind.startswith("lp_")
    was_solvent, old = solvent(system), values(system)
    above = None
    if kind == "liquidate" and (target := system.position(TRADERS[who]).id):
        above = system.leverage_and_liquidability(target)[1]
    held, quote = copy.copy(system.traders.get(TRADERS[who], Trader())), system.quote(0)
    skew = start = quote.market.skew
    result = world.act(kind, who, x)
    assert all_checks(system) == []
    for step in getattr(result, "decreases", (result,)):
        if removed := getattr(step, "size_removed", 0):
            px = execution_price(skew, skew - removed, quote.config.skew_scale, quote.price)
            assert step.price == px, f"{kind}: filled at {step.price}, the closing price is {px}"
            skew -= removed
    if isinstance(result, PositionLiquidated):
        check_liquidation(result, held, quote, start)

    collateral = sum(trader.collateral for trader in system.traders.values())
    total = system.vault.liquidity + collateral + system.unpaid_protocol_fees
    assert total == world.tokens, f"M3 {kind}: tokens {world.tokens}, on the books {total}"

    if above is not None and x % 4:
        failed = isinstance(result, Rejected) and result.name != "VaultCannotPay"
        assert failed != above, f"P5 {result} though above 30x is {above}"
    if isinstance(result, Rejected):
        return
    new = values(system)
    if lps and was_solvent:
        for name, i in (("upper", 0), ("lower", 1)):
            fell = new[i] * old[2] < old[i] * new[2]
            assert not fell, f"V1 {kind}: the {name} value per share fell"
    if kind in ("lp_withdraw", "lp_redeem"):
        exposure = system.exposure(system.vault.reserve_basis is ReserveBasis.LARGER_SIDE)
        assert system.vault.liquidity >= exposure.reserves, "V4 less than the reserve is left"
    details = system.position(TRADERS[who])
    if details.id and kind in ("open_size", "open_token", "increase", "take_out"):
        own = own_capital(system, TRADERS[who])
        assert details.entry_notional <= 15 * own, "P4 leverage above 15x"
        assert not system.leverage_and_liquidability(details.id)[1], "P4 born liquidatable"
    if details.id and kind == "liquidate":
        assert not system.leverage_and_liquidability(details.id)[1], "P5 still above 30x"


def check_liquidation(result: PositionLiquidated, before: Trader, quote: Quote, skew: int) -> None:
    """A third goes first if it can be paid; the rest goes only if it must."""
    first, *others = result.decreases
    held = before.position
    third = trunc(Fraction(held.size, 3))
    if first.size_removed == held.size:
        own = equity(held, before.collateral, quote, skew, strict=False)
        short = settle(held, third, before.collateral, quote, skew, 0).shortfall
        assert own <= 0 or not third or short, "P5 a third could have been closed first"
    else:
        assert (first.size_removed, first.bad_debt) == (third, 0), "P5 not a third"
    reward = wmul(held.notional, 5 * WAD // 1_000)
    at_first = from_trader = min(reward, first.collateral)
    if first.size:  # not out of what the rest owes
        rest = reduced(held, third)
        closing = settle(rest, rest.size, first.collateral, quote, skew - third, 0)
        at_first = from_trader = min(reward, first.collateral, closing.collateral)
        if others:  # but out of what the rest has won
            from_trader = min(reward, closing.collateral)
            assert not from_trader or not others[0].bad_debt, "V1 paid by the vault"
    assert result.reward - result.from_vault == from_trader, "P5 the trader's part of the reward"
    assert result.from_vault == min(reward - from_trader, 50 * UNIT), "P5 the vault's part"
    if others:
        rest, left = reduced(held, third), first.collateral - at_first
        own = equity(rest, left, quote, skew - third, strict=False)
        small = abs(rest.size) * quote.price < quote.config.min_position_value * WAD
        assert small or leverage(rest.notional, own) > 30 * WAD, "P5 the rest could stay"


def own_capital(system: System, trader: str) -> int:
    """Collateral and PnL at the worse of the two prices, written out."""
    it, quote = system.position(trader), system.quote(0)
    skew = quote.market.skew
    px = execution_price(skew, skew - it.size, quote.config.skew_scale, quote.price)
    return (
        it.collateral
        + min(wmul(it.size, px - it.entry_price), wmul(it.size, quote.price - it.entry_price))
        + wmul(it.size, quote.funding_index - it.funding_index)
        - ceil(Fraction(it.entry_notional * (quote.borrow_index - it.borrow_index), WAD))
        + fee(quote.config.closing_fee_rate, it.size, px)
    )


@settings(quick, max_examples=120)
@given(worlds(), actions(KINDS, 40))
def test_any_sequence__after_each_action__invariants_hold(
    world: World, sequence: list[tuple[str, int, int]]
) -> None:
    for who in range(4):
        run(world, "pay_in", who, 4_000)
    for kind, who, x in sequence:
        run(world, kind, who, x)


def test_long_walks__fixed_seeds__reach_every_outcome() -> None:
    seen: Counter[str] = Counter()
    for seed, (price, depth) in enumerate(zip(PRICES, (0, 4, 12, 0), strict=True)):
        config = MarketConfig(
            skew_scale=depth * 10**6 * UNIT * WAD // price,
            max_funding_velocity=9 * WAD,
            opening_fee_rate=WAD // 2_000,
            closing_fee_rate=WAD // 1_500,
            borrow_rate=15 * WAD // 100,
            reserve_factor=15 * WAD // 100,
            min_position_value=3_000 * UNIT,
            max_position_value=50_000 * UNIT,
            max_long_oi_value=70_000 * UNIT,
            max_short_oi_value=70_000 * UNIT,
            max_net_oi_value=60_000 * UNIT,
        )
        world, dice = World(price, config, protocol_fee_rate=WAD // 3), random.Random(seed)
        for step in range(2_000):
            x = dice.randrange(10_001)
            if step % 4 == 0:  # now and then back toward where it started
                back = step // 500 % 2 and world.system.price(0) < price
                run(world, "price", 0, x // 2 + 5_000 * back)
            elif step % 4 == 1:
                for who in range(4):
                    run(world, "liquidate", who, 1)
            else:
                run(world, dice.choice(KINDS), dice.randrange(4), x)
        seen += world.seen
    expected = {
        *KINDS,
        "DecreaseTooLarge",
        "ERC4626ExceededMaxRedeem",
        "ERC4626ExceededMaxWithdraw",
        "InsufficientCollateral",
        "LeverageTooHigh",
        "NetOpenInterestCapExceeded",
        "NoPosition",
        "OpenInterestCapExceeded",
        "PositionExists",
        "PositionHealthy",
        "PositionTooLarge",
        "PositionTooSmall",
        "SelfLiquidation",
        "UnknownPosition",
        "liquidate: 1 steps, flat False",
        "liquidate: 1 steps, flat True",
        "liquidate: 2 steps, flat True",
        "liquidate: bad debt",
        "liquidate: share waived",
        "liquidate: vault rewards",
    }
    assert expected <= set(seen), expected - set(seen)


# ------------------------------------------------------------------------- money and manipulation

ATTACK = (*TRADES, "lp_deposit", "lp_mint", "lp_withdraw", "lp_redeem")


def attack(world: World, before: list[Any], sequence: list[Any]) -> tuple[int, int]:
    """What somebody with three trading addresses and one LP address, none of them used before,
    gains by a sequence of actions within one block at one price, once he is flat again; and the
    bad debt that the vault booked meanwhile."""
    system = world.system
    world.act("pay_in", 0, 9_000)
    world.act("pay_in", 0, 9_000)
    world.act("open_size", 0, before[0][2])
    for kind, _, x in before:  # a price, funding and fees that are not those of the start
        world.act("price" if kind in TRADES else "wait", 0, x)
    world.fills.clear()
    start, mine, owed = world.tokens, TRADERS[1:], system.cash_flow().bad_debt
    for who in (1, 2, 3):
        world.act("pay_in", who, 9_000)
    for kind, who, x in sequence:
        world.act(kind, 1 if kind.startswith("lp_") else max(1, who), x)
    for trader in mine:
        if system.position(trader).id:
            world.fills.append(system.close_position(trader).size_removed)
    for trader in mine:
        if collateral := system.position(trader).collateral:
            world.tokens += system.withdraw_collateral(trader, collateral).amount
    if shares := system.max_redeem("junior"):
        world.tokens -= system.redeem("junior", shares).assets
    assert all_checks(system) == []
    assert system.vault.shares.get("junior", 0) == 0 or system.lower_value() == 0
    return start - world.tokens, owed - system.cash_flow().bad_debt


@settings(quick, max_examples=120)
@given(worlds(), actions(ATTACK, 4), actions(ATTACK, 25))
def test_attack__one_block_one_price__gains_nothing(
    world: World, before: list[Any], sequence: list[Any]
) -> None:
    gain, bad_debt = attack(world, before, sequence)
    assert bad_debt == 0, "M6 somebody left a debt behind"
    quote = world.system.quote(0)
    tolerance = eps(world.fills, quote.price, quote.config.skew_scale)
    assert gain <= tolerance, f"M6 gained {gain}, eps {tolerance}"


@quick
@given(
    st.sampled_from(PRICES), st.booleans(), st.integers(0, 99), st.integers(1, 99), st.booleans()
)
def test_attack__skew_moved_against_the_thinnest_margin__leaves_no_debt(
    price: int, is_long: bool, before: int, share: int, costly: bool
) -> None:
    depth = 120_000_000 * UNIT * WAD // price
    rate = WAD // 1_000 if costly else 0
    config = MarketConfig(skew_scale=depth, opening_fee_rate=rate, closing_fee_rate=rate)
    system, rich, fills = World(price, config).system, 10**9 * UNIT, []
    system.deposit("senior", rich)
    for trader in ("leaver", "victim", "mover"):
        system.deposit_collateral(trader, rich)

    def largest(trader: str, side: bool, percent: int) -> None:
        """Opens that part of the largest position which is accepted."""
        allowed = reach(
            lambda size: accepted(
                copy.deepcopy(system).open_position_with_token, trader, size, side
            ),
            2 * depth,
        )
        if size := allowed * percent // 100:
            fills.append(system.open_position_with_token(trader, size, side).size_added)

    largest("leaver", is_long, before)  # moves the skew once by going with and once by leaving
    largest("victim", is_long, share)
    thin = reach(
        lambda out: accepted(copy.deepcopy(system).withdraw_collateral, "victim", out), rich
    )
    system.withdraw_collateral("victim", thin)
    if before:
        fills.append(system.close_position("leaver").size_removed)
    largest("mover", not is_long, 100)
    closed = system.close_position("victim")
    assert closed.bad_debt == 0, f"M6 a debt of {closed.bad_debt} is left to the vault"
    fills += [closed.size_removed, system.close_position("mover").size_removed]
    out = thin + sum(trader.collateral for trader in system.traders.values())
    assert out - 3 * rich <= eps(fills, price, depth), "M6 gained"


@quick
@given(worlds(impact=True), actions(("open_size", "open_token"), 4), st.integers(1, 10**6))
def test_funding__nobody_trades__what_one_side_pays_the_other_and_the_vault_get(
    world: World, opens: list[tuple[str, int, int]], elapsed: int
) -> None:
    system = world.system
    for who in range(4):
        world.act("pay_in", who, 10_000)
    for kind, who, x in opens:
        world.act(kind, who, x)
    assume(system.owners)
    before = system.quote(0)
    system.now += elapsed
    quote = system.quote(0)
    step, skew = quote.funding_index - before.funding_index, quote.market.skew
    assert (quote.funding_rate - before.funding_rate) * skew >= 0, "P7 larger side is not charged"
    held = {trader: system.position(trader).size for trader in system.owners.values()}
    unrealised = system.unrealised(0).funding
    received = {trader: system.close_position(trader).funding for trader in held}
    for trader, amount in received.items():
        assert amount == trunc(Fraction(held[trader] * step, WAD)), "P7 one position's funding"
    tolerance = eps(held.values(), quote.price, quote.config.skew_scale)
    vault = -trunc(Fraction(skew * step, WAD))
    lost = sum(received.values()) + vault
    assert abs(lost) <= tolerance, f"P7 {lost} came from nowhere, eps {tolerance}"
    assert abs(unrealised + vault) <= tolerance, f"P7 reported {unrealised}, vault {vault}"
    assert system.cash_flow().accrued_funding == -sum(received.values()), "P7 not booked"


# -------------------------------------------------------------------------------------- the vault


@quick
@given(worlds(), actions(KINDS, 20), st.integers(1, 10**30))
def test_limits__any_state__are_exact(world: World, sequence: list[Any], extra: int) -> None:
    for who in range(4):
        world.act("pay_in", who, 4_000)
    for kind, who, x in sequence:
        world.act(kind, who, x)
    system = world.system
    for name, args in (("deposit", ()), ("mint", ()), ("withdraw", LPS), ("redeem", LPS)):
        for owner in args or ("anybody",):
            most = getattr(system, f"max_{name}")(*((owner,) if args else ()))
            for more in (1, extra):
                beyond = getattr(copy.deepcopy(system), name)
                assert not accepted(beyond, owner, most + more), f"V3 {name} above {most}"
            if most:
                at = getattr(copy.deepcopy(system), name)
                assert accepted(at, owner, most), f"V3 {name} of {most}"


@quick
@given(worlds(), actions(KINDS, 20), st.integers(1, 10**24), st.integers(1, 10**30))
def test_deposit__then_out_at_once__never_returns_more(
    world: World, sequence: list[Any], assets: int, shares: int
) -> None:
    for who in range(4):
        world.act("pay_in", who, 4_000)
    for kind, who, x in sequence:
        world.act(kind, who, x)
    system = world.system
    with_assets, with_shares = copy.deepcopy(system), copy.deepcopy(system)
    if accepted(with_assets.deposit, "new", assets):
        out = with_assets.preview_redeem(with_assets.vault.balance_of("new"))
        assert out <= assets, f"V2 {assets} in, {out} out"
    if assets <= system.max_deposit() and shares <= system.max_mint():
        paid = with_shares.mint("new", shares).assets
        assert paid == system.preview_mint(shares)
        most = with_shares.max_withdraw("new")
        assert most <= paid, f"V2 {paid} in, {most} out"


@quick
@given(worlds(), actions(KINDS, 20))
def test_values__any_state__follow_the_formulas(world: World, sequence: list[Any]) -> None:
    for who in range(4):
        world.act("pay_in", who, 4_000)
    for kind, who, x in sequence:
        world.act(kind, who, x)
    system, it = world.system, world.system.unrealised()
    liquidity, market = system.vault.liquidity, system.markets[0]
    traders = it.seq_pnl + it.funding
    assert system.upper_value() == max(0, liquidity - traders - it.borrowing)
    assert system.lower_value() == max(0, liquidity - max(0, it.seq_pnl) - max(0, it.funding))
    assert system.lower_value() <= system.upper_value()
    assert system.total_debt() == max(0, traders)
    ratio = liquidity * WAD // traders if traders > 0 else UNLIMITED
    assert system.collateralization_ratio() == ratio
    sides, factor = (market.cost_long, market.cost_short), market.config.reserve_factor
    for by_larger, notional in ((False, abs(sides[0] - sides[1])), (True, max(sides))):
        expected = max(0, wmul(notional, factor) + traders) if system.owners else 0
        assert system.exposure(by_larger).reserves == expected
    flow, own, out = system.cash_flow(), system.balance(), system.withdrawal_balance()
    assert own.total == flow.total - (it.price_pnl + it.closing_fee + it.funding + it.borrowing)
    assert out.total == flow.total - max(0, it.price_pnl) - max(0, it.funding)
    assert system.total_withdrawal_balance() == max(0, system.vault.net_deposits + out.total)


def test_limits__target_ratio__keeps_liquidity_above_debt_times_target() -> None:
    system = small()
    system.set_target_collateralization_ratio(3 * WAD + 1)
    system.deposit_collateral("a", 10_000)
    system.open_position_with_size("a", 100_000, True)
    system.set_price(0, 2 * WAD)
    assert system.total_debt() == 100_000
    assert system.max_withdraw("lp") == 699_999
    system.withdraw("lp", 699_999)
    assert system.collateralization_ratio() == 3 * WAD + 10 * 10**12, "V4"
    assert system.max_redeem("lp") == 0


# ---------------------------------------------------------------------------------------- by hand


def small(config: MarketConfig | None = None, **options: Any) -> System:
    """A market at a price of one, and a vault of a million."""
    system = System(**options)
    system.add_market(config or MarketConfig())
    system.set_price(0, WAD)
    system.deposit("lp", 1_000_000)
    return system


def in_distress(price: int, collateral: int, config: MarketConfig | None = None) -> System:
    """A long of 30,000 entered at one, when the price is `price` ten-thousandths."""
    system = small(config, protocol_fee_rate=WAD // 2)
    system.deposit_collateral("a", collateral)
    system.open_position_with_size("a", 30_000, True)
    system.set_price(0, price * WAD // 10_000)
    return system


def test_liquidate__a_third_helps__the_rest_stays() -> None:
    system = in_distress(9_620, 2_100)  # equity 2,100 - 1,140 = 960, below 1,000
    result = system.liquidate_position("keeper", 1)
    assert result.leverage == 31_250 * WAD // 1_000
    assert [step.size_removed for step in result.decreases] == [10_000]
    assert (result.reward, result.from_vault) == (150, 0)
    assert system.position("a").size == 20_000
    assert system.position("a").collateral == result.collateral == 2_100 - 380 - 150
    assert system.leverage_and_liquidability(1) == (-(-20_000 * WAD // 810), False), "P5"
    assert system.position("keeper").collateral == 150


def test_liquidate__a_third_does_not_help__all_goes() -> None:
    system = in_distress(9_550, 2_100)  # equity 750; after a third and the reward 600 for 20,000
    result = system.liquidate_position("keeper", 1)
    assert [step.size_removed for step in result.decreases] == [10_000, 20_000]
    assert [step.collateral for step in result.decreases] == [1_650, 600]
    assert (result.collateral, result.reward, result.from_vault) == (600, 150, 0)
    assert system.position("a").id == 0, "P5"


def test_liquidate__the_rest_is_too_small__all_goes() -> None:
    config = MarketConfig(min_position_value=19_241)  # two thirds are worth 19,240
    result = in_distress(9_620, 2_100, config).liquidate_position("keeper", 1)
    assert [step.size for step in result.decreases] == [20_000, 0]


def test_liquidate__nothing_left__vault_bears_debt_and_reward() -> None:
    system = in_distress(9_200, 2_100)
    result = system.liquidate_position("keeper", 1)
    assert result.leverage == UNLIMITED
    assert [step.bad_debt for step in result.decreases] == [300]
    assert (result.collateral, result.reward, result.from_vault) == (0, 150, 150)
    flow = system.cash_flow()
    assert (flow.price_pnl, flow.bad_debt) == (2_400, -450)
    assert system.vault.liquidity == 1_000_000 + 2_100 - 150


def test_liquidate__profit_is_all_there_is__pays_the_reward() -> None:
    system = in_distress(10_700, 2_000)
    system.withdraw_collateral("a", 2_000)  # the profit alone backs the position
    system.set_price(0, 1_006 * WAD // 1_000)
    system.withdraw("lp", system.max_withdraw("lp"))
    assert system.vault.liquidity == 180
    result = system.liquidate_position("keeper", 1)
    assert [step.price_pnl for step in result.decreases] == [60, 120], "P5"
    assert (result.reward, result.from_vault, result.collateral) == (150, 0, 30)
    assert system.vault.liquidity == 0


def test_liquidate__vault_has_less_than_its_part__reward_shrinks_and_nothing_fails() -> None:
    system = in_distress(10_700, 2_000)
    system.withdraw_collateral("a", 2_000)
    system.set_price(0, WAD)
    system.withdraw("lp", system.max_withdraw("lp") - 60)
    result = system.liquidate_position("keeper", 1)
    assert (result.reward, result.from_vault, result.collateral) == (60, 60, 0)
    assert system.vault.liquidity == 0


@pytest.mark.parametrize(
    ("collateral", "protocol_fee", "bad_debt"),
    [(3_288, 144, 0), (3_287, 143, 0), (3_145, 1, 0), (3_144, 0, 0), (3_143, 0, 1)],
)
def test_close__collateral_falls_short__protocol_waives_first(
    collateral: int, protocol_fee: int, bad_debt: int
) -> None:
    config = MarketConfig(closing_fee_rate=WAD * 288 // 27_000)
    system = in_distress(9_000, collateral, config)  # 3,000 lost, a fee of 288, half the protocol's
    result = system.close_position("a")
    assert (result.price_pnl, result.closing_fee, result.collateral) == (-3_000, -288, 0)
    assert (result.protocol_fee, result.bad_debt) == (protocol_fee, bad_debt)
    assert system.unpaid_protocol_fees == protocol_fee
    assert system.cash_flow().total == collateral - protocol_fee, "M2"
    assert all_checks(system) == []


def test_liquidate__exactly_at_the_threshold__is_refused() -> None:
    system = in_distress(9_600, 2_200)  # equity 1,000
    with pytest.raises(Rejected) as caught:
        system.liquidate_position("keeper", 1)
    assert caught.value == Rejected("PositionHealthy", 30 * WAD, 30 * WAD), "P5"
    system.set_price(0, 96 * WAD // 100 - 10**14)  # 3 less
    assert system.liquidate_position("keeper", 1).leverage == -(-30_000 * WAD // 997)


# So deep that no order moves the price, for positions that meet a small skew scale later.
NO_IMPACT = MarketConfig(skew_scale=10**30)


def test_liquidate__price_impact_eats_a_third__all_goes() -> None:
    system = small(NO_IMPACT)
    for trader, collateral, size, is_long in (("a", 2_600, 30_000, 1), ("b", 90_000, 60_000, 0)):
        system.deposit_collateral(trader, collateral)
        system.open_position_with_token(trader, size, bool(is_long))
    system.set_market(0, MarketConfig(skew_scale=2_000_000))
    assert not system.leverage_and_liquidability(1)[1], "P5 the skew alone must not liquidate"
    system.set_price(0, 12 * WAD // 10)
    system.withdraw_collateral("a", 2_600)  # the profit alone backs the position
    system.set_price(0, 101 * WAD // 100)  # 300 of it is left, but closing a third loses 76
    result = system.liquidate_position("keeper", 1)
    assert result.leverage == 100 * WAD
    assert [step.size_removed for step in result.decreases] == [30_000]
    px = 101 * WAD // 100 * 9_775 // 10_000
    assert (result.decreases[0].price, result.decreases[0].bad_debt) == (px, 381)
    assert (result.reward, result.from_vault) == (150, 150)


def test_liquidate__rest_is_judged_by_the_skew_that_is_left__all_goes() -> None:
    system = small(NO_IMPACT)
    for trader, collateral, size in (("b", 200_000, 200_000), ("a", 8_655, 90_000)):
        system.deposit_collateral(trader, collateral)
        system.open_position_with_token(trader, size, False)
    system.set_market(0, MarketConfig(skew_scale=9_000_000))
    system.set_price(0, 11 * WAD // 10)
    result = system.liquidate_position("keeper", 2)
    # With the skew before, the closing price flatters the rest: 28 instead of 31 times.
    assert [step.size_removed for step in result.decreases] == [-30_000, -60_000], "P5"
    assert [step.price_pnl for step in result.decreases] == [-1_991, -4_313]


def at(system: System, price: int) -> System:
    """The system once the price has moved."""
    system.set_price(0, price)
    return system


REFUSALS: list[tuple[dict[str, int], Callable[[System], Any], tuple[Any, ...] | None]] = [
    # A long of `a` against a short of 30,000 that `b` holds, all at one.
    ({"skew_scale": 6_000_119}, lambda s: s.open_position_with_token("a", 50_000, True), None),
    (
        {"skew_scale": 6_000_119},
        lambda s: s.open_position_with_token("a", 50_001, True),
        ("SkewScaleExceeded", 50_001, 50_000),
    ),
    ({"max_net_oi_value": 30_000}, lambda s: s.open_position_with_size("a", 60_000, True), None),
    (
        {"max_net_oi_value": 30_000},
        lambda s: s.open_position_with_size("a", 60_001, True),
        ("NetOpenInterestCapExceeded", 30_001, 30_000),
    ),
    (
        {"max_net_oi_value": 30_000},  # above the cap by the price, but the skew shrinks
        lambda s: at(s, 2 * WAD).open_position_with_token("a", 9_000, True),
        None,
    ),
    (
        {"reserve_factor": WAD // 2},
        lambda s: s.open_position_with_size("a", 1_970_002, True),
        ("ReservesExceeded", 1_000_001, 1_000_000),
    ),
    (
        {},
        lambda s: s.open_position_with_size("a", 1_500_001, True),
        ("LeverageTooHigh", 15 * WAD + 10**13, 15 * WAD),
    ),
    ({}, lambda s: s.open_position_with_size("a", 1_500_000, True), None),
    (
        {},
        lambda s: s.open_position_with_size("a", 9, True, WAD - 1),
        ("PriceNotAcceptable", WAD, WAD - 1),
    ),
    (
        {},
        lambda s: s.open_position_with_size("a", 9, False, WAD + 1),
        ("PriceNotAcceptable", WAD, WAD + 1),
    ),
    ({}, lambda s: s.open_position_with_size("a", 9, False, WAD, 100), None),
    ({}, lambda s: s.close_position("b", WAD - 1), ("PriceNotAcceptable", WAD, WAD - 1)),
    ({}, lambda s: s.decrease_position("b", 9, WAD, 99), ("DeadlinePassed", 99)),
    ({}, lambda s: s.decrease_position("b", 9, WAD, 100), None),
    ({}, lambda s: s.decrease_position("b", 30_001), ("DecreaseTooLarge", 30_001, 30_000)),
    (
        {"min_position_value": 10_000},
        lambda s: s.decrease_position("b", 20_001),
        ("PositionTooSmall", 9_999, 10_000),
    ),
    ({"min_position_value": 10_000}, lambda s: s.decrease_position("b", 30_000), None),
    (
        {"min_position_value": 10_000},
        lambda s: at(s, WAD // 10).increase_position("b", 1),
        None,
    ),
    (
        {},
        lambda s: at(s, 5 * WAD).decrease_position("b", 27_000),
        ("InsufficientCollateral", 100_000, 108_000),
    ),
    (
        {},
        lambda s: (s.withdraw("lp", 990_000), at(s, WAD // 2).close_position("b")),
        ("VaultCannotPay", 15_000, 10_000),
    ),
    (
        {},
        lambda s: (
            s.open_position_with_size("a", 60_000, True),
            at(s, 40 * WAD).deposit("lp", 1),
        ),
        ("ERC4626ExceededMaxDeposit", "lp", 1, 0),
    ),
]


@pytest.mark.parametrize(("config", "action", "error"), REFUSALS)
def test_action__at_and_beyond_its_bound__is_refused_beyond(
    config: dict[str, Any], action: Callable[[System], Any], error: tuple[Any, ...] | None
) -> None:
    system = small(MarketConfig(**config), now=100)
    for trader in "ab":
        system.deposit_collateral(trader, 100_000)
    system.open_position_with_token("b", 30_000, False)
    result = outcome(action, system)
    if error:
        assert result == Rejected(*error)
    else:
        assert not isinstance(result, Rejected), result


def test_ids__positions_close__last_freed_is_first_reused() -> None:
    system = small()
    for trader in "abcd":
        system.deposit_collateral(trader, 100)
        system.open_position_with_size(trader, 1_000, True)
    for trader in "bda":
        system.close_position(trader)
    assert (system.ids_not_in_use(), system.highest_id) == ([1, 4, 2], 4), "P3"
    assert system.open_position_with_size("b", 1_000, False).id == 1, "P3"
    assert (system.position_owner(1), system.position_owner(4)) == ("b", None)


def test_price__unusable__stops_what_depends_on_it_and_nothing_else() -> None:
    system = small()
    for trader in "ab":
        system.deposit_collateral(trader, 100)
    system.open_position_with_size("a", 1_000, True)
    stale = Rejected("StalePrice", 17)
    system.set_price(0, stale)
    for stopped in (
        lambda: system.close_position("a"),
        lambda: system.withdraw_collateral("a", 1),
        lambda: system.open_position_with_size("b", 1_000, True),
        lambda: system.liquidate_position("b", 1),
        lambda: system.deposit("lp", 1),
        lambda: system.redeem("lp", 10**6),
        system.total_assets,
        system.liquidity_reserves_to_hold,
    ):
        with pytest.raises(Rejected) as caught:
            stopped()
        assert caught.value == stale, "R6"
    assert not any((system.max_deposit(), system.max_mint())), "V3"
    assert not any((system.max_withdraw("lp"), system.max_redeem("lp"))), "V3"
    system.deposit_collateral("a", 1)
    system.withdraw_collateral("b", 100)
    for price in (0, 10**36 + 1):
        system.set_price(0, price)
        with pytest.raises(Rejected, match=f"^PriceOutOfBounds\\({price}, {10**36}\\)$"):
            system.close_position("a")
    system.set_price(0, WAD)
    system.close_position("a")
    system.set_price(0, None)
    assert system.max_withdraw("lp") == 1_000_000, "a market without positions is not asked"


def test_set_market__time_has_passed__accrues_with_the_old_parameters() -> None:
    config = MarketConfig(borrow_rate=WAD // 5, reserve_factor=WAD // 2, skew_scale=6 * 10**7)
    system = small(replace(config, max_funding_velocity=4 * WAD // 10))
    system.deposit_collateral("a", 200_000)
    system.open_position_with_token("a", 500_000, True)
    system.now += 86_400 * 365
    system.set_market(0, config)
    market = system.markets[0]
    assert market.borrow_index == WAD // 10
    assert market.funding_rate == 96 * WAD // 100
    assert market.funding_index == -(96 * WAD // 200) * 365
    for scale, error in (
        (0, Rejected("SkewScaleLocked", 500_000)),
        (499_999, Rejected("ParameterOutOfBounds", "skewScale", 499_999, 500_000, 10**36)),
    ):
        with pytest.raises(Rejected) as caught:
            system.set_market(0, replace(config, skew_scale=scale))
        assert caught.value == error
    system.disable_market(0)
    with pytest.raises(Rejected, match=r"^MarketClosed\(0\)$"):
        system.increase_position("a", 1)
    assert system.close_position("a").size == 0, "P6"


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"oracle": 0}, ("oracle", 0, 1, 2**160 - 1)),
        ({"skew_scale": 10**36 + 1}, ("skewScale", 10**36 + 1, 0, 10**36)),
        ({"closing_fee_rate": WAD // 10 + 1}, ("closingFeeRate", WAD // 10 + 1, 0, WAD // 10)),
        ({"borrow_rate": 10 * WAD + 1}, ("borrowRate", 10 * WAD + 1, 0, 10 * WAD)),
        (
            {"borrow_rate": 10 * WAD, "reserve_factor": WAD // 10},
            ("borrowRate", WAD, 0, WAD // 2),
        ),
        (
            {"min_position_value": 7, "max_position_value": 6},
            ("maxPositionValue", 6, 7, 10**37),
        ),
        ({"max_net_oi_value": UNLIMITED - 1}, ("maxNetOIValue", UNLIMITED - 1, 0, 10**37)),
    ],
)
def test_add_market__parameter_out_of_bounds__is_refused(
    changes: dict[str, Any], error: tuple[Any, ...]
) -> None:
    with pytest.raises(Rejected) as caught:
        System().add_market(MarketConfig(**changes))
    assert caught.value == Rejected("ParameterOutOfBounds", *error)
