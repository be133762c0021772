"""The formulas of the reference model against exact fractions, and that no path is cheaper."""

from fractions import Fraction
from math import ceil, floor, trunc

from hypothesis import given
from hypothesis import strategies as st

from prep.model import UNLIMITED, WAD, MarketConfig, limits
from prep.model.checks import eps
from prep.model.fixed import ceil_div, trunc_div, wmul
from prep.model.market import Market
from prep.model.position import FLAT, Position, increased, leverage, reduced, settle
from prep.model.pricing import borrowing_fee, execution_price, fee, premium, protocol_share
from tests.property.world import PRICES

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
