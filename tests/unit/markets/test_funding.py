"""Funding: rate and index step by step, who pays whom, and its caps."""

import pytest

from tests.expected import MAX_FUNDING_RATE, Funding, trunc, wmul
from tests.suite import WAD
from tests.unit.books import audit, books, both_sides, held, logs, open_position, sign

HOUR, DAY = 3_600, 86_400
COLLATERAL = 50_000 * WAD


@pytest.fixture
def terms(full):
    """Scale and velocity of the market."""
    return {"scale": full.market["skewScale"], "velocity": full.market["maxFundingVelocity"]}


def accrual(tx, suite) -> Funding | None:
    """What the transaction has logged of funding."""
    values = dict(logs(tx, suite.protocol)).get("FundingAccrued")
    return values and Funding(values["fundingRate"], values["fundingIndex"])


def stored(suite) -> Funding:
    state = suite.lens.marketState(0)
    return Funding(state.fundingRate, state.fundingIndex)


@both_sides
def test_funding__every_action_on_a_position__accrues_with_the_skew_before_it(
    full, trader, other_trader, liquidator, clock, terms, is_long
):
    protocol = full.protocol
    open_position(full, trader, COLLATERAL, 200_000 * WAD, is_long)
    protocol.depositCollateral(COLLATERAL, sender=other_trader)
    funding, price = stored(full), full.price()
    against = sign(is_long)
    actions = [
        (10_100, lambda: protocol.increasePosition(1_000 * WAD, sender=trader)),
        (
            9_900,
            lambda: protocol.openPositionWithSize(300_000 * WAD, not is_long, sender=other_trader),
        ),
        (9_950, lambda: protocol.decreasePosition(30_000 * WAD, sender=other_trader)),
        (10_000 - against * 2_500, lambda: protocol.liquidatePosition(1, sender=liquidator)),
        (9_000, lambda: protocol.closePosition(sender=other_trader)),
    ]
    for hours, (dollars, act) in enumerate(actions, start=1):
        state = full.lens.marketState(0)
        clock.advance(hours * HOUR + 1)
        full.set_price(dollars)
        tx = act()
        skew, price = state.longOI - state.shortOI, dollars * WAD
        funding = funding.after(hours * HOUR + 1, skew=skew, price=price, **terms)
        assert accrual(tx, full) == stored(full) == funding
        assert full.lens.marketState(0).updatedAt == clock.now
        audit(full, trader, other_trader, liquidator)
    assert full.lens.marketState(0).longOI == full.lens.marketState(0).shortOI == 0


def test_funding__nobody_has_a_position__rate_stays_and_index_goes_on(full, trader, clock, terms):
    open_position(full, trader, COLLATERAL, 100_000 * WAD, True)
    clock.advance(DAY)
    full.protocol.closePosition(sender=trader)
    left = stored(full)
    assert left.rate > 0
    clock.advance(DAY)
    full.protocol.openPositionWithSize(100_000 * WAD, True, sender=trader)
    assert stored(full) == left.after(DAY, skew=0, price=full.price(), **terms)
    assert stored(full).rate == left.rate
    assert held(full, trader).funding_index == stored(full).index


def test_funding__no_time_has_passed__nothing_accrues_or_is_logged(full, trader, other_trader):
    open_position(full, trader, COLLATERAL, 100_000 * WAD, True)
    full.protocol.depositCollateral(COLLATERAL, sender=other_trader)
    before = stored(full)
    tx = full.protocol.openPositionWithSize(100_000 * WAD, True, sender=other_trader)
    assert accrual(tx, full) is None
    assert stored(full) == before


def test_funding__market_without_skew__none(btc, trader, clock):
    open_position(btc, trader, COLLATERAL, 100_000 * WAD, True)
    clock.advance(DAY)
    tx = btc.protocol.closePosition(sender=trader)
    assert accrual(tx, btc) is None
    assert stored(btc) == (0, 0)
    ((_, values),) = logs(tx, btc.protocol)
    assert values["realised"][1] == 0


@both_sides
def test_funding__collateral_moves__not_stored(full, trader, clock, is_long):
    open_position(full, trader, COLLATERAL, 100_000 * WAD, is_long)
    before = full.lens.marketState(0)
    clock.advance(HOUR)
    full.protocol.depositCollateral(1, sender=trader)
    tx = full.protocol.withdrawCollateral(1, sender=trader)
    assert accrual(tx, full) is None
    assert full.lens.marketState(0) == before


@both_sides
def test_funding__larger_side_pays__smaller_receives_and_vault_takes_the_difference(
    full, trader, other_trader, clock, is_long
):
    payer = open_position(full, trader, COLLATERAL, 300_000 * WAD, is_long)
    receiver = open_position(full, other_trader, COLLATERAL, 100_000 * WAD, not is_long)
    clock.advance(6 * HOUR)
    first = full.protocol.closePosition(sender=trader)
    index = stored(full).index
    second = full.protocol.closePosition(sender=other_trader)
    paid, received = (dict(logs(tx, full.protocol))["PositionDecreased"] for tx in (first, second))
    assert paid["realised"][1] == wmul(payer.size, index - payer.funding_index) < 0
    assert received["realised"][1] == wmul(receiver.size, index - receiver.funding_index) > 0
    taken = -paid["realised"][1] - received["realised"][1]
    assert books(full).cash_flow.accrued_funding == taken, "P7"
    audit(full, trader, other_trader)


@both_sides
def test_funding__long_time__rate_capped_at_96_percent_a_day(full, trader, clock, is_long):
    velocity = 1_000 * WAD
    full.configure(maxFundingVelocity=velocity)
    p = open_position(full, trader, COLLATERAL, 123_456 * WAD + 789, is_long)
    # The last second before the cap, the one in which it is reached, and long after it.
    speed = abs(wmul(trunc(p.size * WAD, full.market["skewScale"]), velocity))
    to_cap = next(s for s in range(DAY) if wmul(speed, s * WAD // DAY) >= MAX_FUNDING_RATE)
    funding = stored(full)
    skew, scale = p.size, full.market["skewScale"]
    for seconds, capped in ((to_cap - 1, False), (1, True), (HOUR, True)):
        clock.advance(seconds)
        full.configure(maxFundingVelocity=velocity)  # brings funding up to date
        funding = funding.after(
            seconds, skew=skew, scale=scale, velocity=velocity, price=full.price()
        )
        assert stored(full) == funding
        assert (abs(funding.rate) == MAX_FUNDING_RATE) == capped
        assert (funding.rate > 0) == is_long


@both_sides
def test_funding__skew_turns__rate_comes_back_through_zero(
    full, trader, other_trader, clock, terms, is_long
):
    open_position(full, trader, COLLATERAL, 100_000 * WAD, is_long)
    clock.advance(HOUR)
    second = open_position(full, other_trader, COLLATERAL, 300_000 * WAD, not is_long)
    turned = stored(full)
    assert (turned.rate > 0) == is_long
    skew = held(full, trader).size + second.size
    clock.advance(DAY)
    full.configure()
    after = turned.after(DAY, skew=skew, price=full.price(), **terms)
    assert stored(full) == after
    assert (after.rate < 0) == is_long
