"""For random walks through the reference model: a system with traders, LPs and a purse, and the
checks after each of its actions.

Messages of failed assertions begin with the invariant's id (docs/invariants.md).
"""

import copy
from collections import Counter
from collections.abc import Callable
from fractions import Fraction
from math import ceil, trunc
from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st

from prep.model import WAD, MarketConfig, Rejected, ReserveBasis, System
from prep.model.book import Trader
from prep.model.checks import all_checks
from prep.model.fixed import wmul
from prep.model.market import Market, Quote
from prep.model.position import equity, leverage, reduced, settle
from prep.model.pricing import execution_price, fee
from prep.model.results import PositionLiquidated
from prep.model.vault import VaultState

UNIT = 10**18
TRADERS = ("maker", "taker", "hedger", "swinger")
LPS = ("senior", "junior")
PRICES = (60_123 * 10**28 + 7, 3_001 * 10**18 + 1, 3 * 10**17 + 1, WAD)
"""PREP base units per base unit, WAD: assets with 8 and with 18 decimals, dear and cheap."""

quick = settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.too_slow])


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


def tight(price: int, depth: int, side: int) -> MarketConfig:
    """A market whose limits walks run into. `depth`: its skew scale, million PREP; `side`: the most
    that each side may have, PREP, 10,000 more than both net."""
    return MarketConfig(
        skew_scale=depth * 10**6 * UNIT * WAD // price,
        max_funding_velocity=9 * WAD,
        opening_fee_rate=WAD // 2_000,
        closing_fee_rate=WAD // 1_500,
        borrow_rate=15 * WAD // 100,
        reserve_factor=15 * WAD // 100,
        min_position_value=3_000 * UNIT,
        max_position_value=50_000 * UNIT,
        max_long_oi_value=side * UNIT,
        max_short_oi_value=side * UNIT,
        max_net_oi_value=(side - 10_000) * UNIT,
    )


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


def kinds_of(world: type[World]) -> tuple[str, ...]:
    """The kinds of actions that a class of worlds adds."""
    return tuple(name for name in vars(world) if not name.startswith("_") and name != "act")


KINDS = kinds_of(World)
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
    if isinstance(item, set):
        return set(item)
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
            px = execution_price(skew, skew - removed, quote.skew_scale, quote.price)
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
            assert not from_trader or not others[0].bad_debt, "P8 paid by the vault"
    assert result.reward - result.from_vault == from_trader, "P8 the trader's part of the reward"
    assert result.from_vault == min(reward - from_trader, 50 * UNIT), "P8 the vault's part"
    if others:
        rest, left = reduced(held, third), first.collateral - at_first
        own = equity(rest, left, quote, skew - third, strict=False)
        small = abs(rest.size) * quote.price < quote.config.min_position_value * WAD
        assert small or leverage(rest.notional, own) > 30 * WAD, "P5 the rest could stay"


def own_capital(system: System, trader: str) -> int:
    """Collateral and PnL at the worse of the two prices, written out."""
    it, quote = system.position(trader), system.quote(0)
    skew = quote.market.skew
    px = execution_price(skew, skew - it.size, quote.skew_scale, quote.price)
    return (
        it.collateral
        + min(wmul(it.size, px - it.entry_price), wmul(it.size, quote.price - it.entry_price))
        + wmul(it.size, quote.funding_index - it.funding_index)
        - ceil(Fraction(it.entry_notional * (quote.borrow_index - it.borrow_index), WAD))
        + fee(quote.config.closing_fee_rate, it.size, px)
    )
