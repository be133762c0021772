"""An order of the reference model against exact fractions, written once more from the document."""

from fractions import Fraction
from math import ceil, trunc
from typing import NamedTuple

from hypothesis import example, given
from hypothesis import strategies as st

from prep.model import WAD, MarketConfig, System
from prep.model.checks import all_checks
from prep.model.position import FLAT, Position
from prep.model.results import OrderExecuted

DAY, YEAR = 86_400, 31_536_000


def wmul(a: int, b: int) -> int:
    return trunc(Fraction(a * b, WAD))


class Scene(NamedTuple):
    """A market, a position in it, what others hold, and an order."""

    scale: int
    velocity: int
    opening_rate: int
    closing_rate: int
    yearly: int
    share_rate: int
    elapsed: int
    prices: tuple[int, int]
    held: int
    others: int
    size: int


def executed(scene: Scene) -> tuple[System, Position, OrderExecuted]:
    """The position is opened, time passes, the price moves, the order is executed."""
    config = MarketConfig(
        skew_scale=scene.scale,
        max_funding_velocity=scene.velocity,
        opening_fee_rate=scene.opening_rate,
        closing_fee_rate=scene.closing_rate,
        borrow_rate=scene.yearly,
        reserve_factor=WAD,
    )
    system = System(protocol_fee_rate=scene.share_rate)
    for market_id in range(2):
        system.add_market(config)
        system.set_price(market_id, scene.prices[0])
    system.deposit("lp", 10**37)
    system.set_margin_client("desk", True)
    if scene.others:
        system.execute_order("desk", "others", 1, scene.others)
    if scene.held:
        system.execute_order("desk", "own", 1, scene.held)
    system.now += scene.elapsed
    system.set_price(1, scene.prices[1])
    old = system.margin_position("desk", "own", 1)
    return system, old, system.execute_order("desk", "own", 1, scene.size)


class Indices(NamedTuple):
    funding: int
    borrow: int


def indices(scene: Scene) -> Indices:
    """After the time that has passed, from nothing."""
    days = scene.elapsed * WAD // DAY
    tilt = 0
    if scene.scale:
        tilt = trunc(Fraction((scene.held + scene.others) * WAD, scene.scale))
    rate = wmul(wmul(max(-WAD, min(WAD, tilt)), scene.velocity), days)
    rate = max(-96 * WAD // 100, min(96 * WAD // 100, rate))
    funding = -wmul(wmul(trunc(Fraction(rate, 2)), days), scene.prices[1])
    return Indices(funding, wmul(scene.yearly, WAD) * scene.elapsed // YEAR)


def price_of(scene: Scene, start: int, end: int) -> int:
    """The execution price."""
    price = scene.prices[1]
    if not scene.scale:
        return price
    premiums = [trunc(Fraction(skew * WAD, scene.scale)) for skew in (start, end)]
    return wmul(WAD + max(trunc(Fraction(sum(premiums), 2)), -WAD), price)


@st.composite
def scenes(draw: st.DrawFn) -> Scene:
    price = draw(st.sampled_from((WAD, 10**14 + 3, 3_001 * WAD + 7, 601 * 10**30 + 11)))
    moved = price * draw(st.integers(700, 1_400)) // 1_000
    base = 10**6 * WAD * WAD // price  # worth a million
    sizes = st.integers(-base, base)
    held = draw(sizes)
    kinds = st.one_of(sizes, st.just(-held), st.integers(-abs(held), abs(held)), st.integers(-9, 9))
    return Scene(
        scale=draw(st.sampled_from((0, 4 * base, 1_000 * base + 1))),
        velocity=draw(st.sampled_from((0, 9 * WAD, WAD // 3))),
        opening_rate=draw(st.sampled_from((0, WAD // 999))),
        closing_rate=draw(st.sampled_from((0, WAD // 777))),
        yearly=draw(st.sampled_from((0, WAD // 7))),
        share_rate=draw(st.sampled_from((0, WAD // 3))),
        elapsed=draw(st.sampled_from((0, 1, DAY + 1, YEAR))),
        prices=(price, moved),
        held=held,
        others=draw(sizes),
        size=draw(kinds.filter(bool)),
    )


CALM = Scene(0, 0, WAD // 999, WAD // 777, 0, WAD // 3, 0, (WAD, WAD), 0, 0, 1)


@given(scenes())
@example(CALM)
@example(CALM._replace(held=1, size=-2))
@example(CALM._replace(held=-5, size=3))
def test_execute_order__any_order__follows_the_formulas_and_adds_up(scene: Scene) -> None:
    system, old, it = executed(scene)
    held, target = scene.held, scene.held + scene.size
    skew = scene.held + scene.others
    now = indices(scene)
    removed = held if held * target <= 0 else max(0, abs(held) - abs(target)) * (held // abs(held))
    added = target if held * target <= 0 else max(0, abs(target) - abs(held)) * (held // abs(held))
    closing_price = price_of(scene, skew, skew - removed)
    opening_price = price_of(scene, skew - removed, skew - removed + added)

    assert it.size == scene.size
    assert it.close_price == (price_of(scene, skew, skew - held) if held else 0)
    assert it.price_pnl == wmul(held, it.close_price - old.entry_price)
    assert it.funding == wmul(held, now.funding - old.funding_index)
    cost = abs(wmul(held, old.entry_price))
    assert it.borrowing_fee == -ceil(Fraction(cost * (now.borrow - old.borrow_index), WAD))
    fee = ceil(Fraction(abs(removed) * wmul(closing_price, scene.closing_rate), WAD))
    assert it.closing_fee == -fee
    paid = ceil(Fraction(abs(added) * wmul(opening_price, scene.opening_rate), WAD))
    assert it.opening_fee == paid
    shares = (
        ceil(Fraction(fee * scene.share_rate, WAD)),
        ceil(Fraction(paid * scene.share_rate, WAD)),
    )
    assert it.protocol_fee == sum(shares)
    assert it.settlement == it.price_pnl + it.funding + it.borrowing_fee - fee - paid
    assert it.settlement + it.protocol_fee + it.liquidity_change == 0, "M3"
    entry = price_of(scene, skew - held, skew - held + target)
    expected = Position(target, entry, now.funding, now.borrow) if target else FLAT
    assert it.position == expected == system.margin_position("desk", "own", 1)
    market = system.markets[1]
    assert (market.funding_index, market.borrow_index) == now
    assert all_checks(system) == []
