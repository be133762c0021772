"""Markets.addMarket and setMarket: bounds of parameters, and changes that never reach back."""

import pytest

from tests.expected import UNLIMITED, Funding, borrow_index, wmul_up
from tests.suite import BTC, WAD, ZERO_ADDRESS, market_config
from tests.unit.books import accrued, audit, both_sides, held, logs, open_position

MAX_VALUE = 10**37
MAX_SKEW_SCALE = 10**36
ADDRESSES = 2**160 - 1
DAY = 86_400
SKEWED = BTC | {"skewScale": 1_000 * WAD, "maxFundingVelocity": 3 * WAD}
COLLATERAL = 1_000 * WAD
NOTIONAL = 5_000 * WAD

# Parameters that are just within their bounds.
GOOD = [
    {"skewScale": MAX_SKEW_SCALE},
    {"maxFundingVelocity": 1_000 * WAD},
    {"openingFeeRate": WAD // 10, "closingFeeRate": WAD // 10},
    {"borrowRate": 10 * WAD, "reserveFactor": WAD // 20},
    {"borrowRate": WAD // 2, "reserveFactor": WAD},
    {"borrowRate": 0, "reserveFactor": 0},
    {"minPositionValue": MAX_VALUE, "maxPositionValue": MAX_VALUE},
    {"minPositionValue": MAX_VALUE, "maxPositionValue": UNLIMITED},
    {"maxLongOIValue": 0, "maxShortOIValue": 0, "maxNetOIValue": 0},
    {"maxLongOIValue": MAX_VALUE, "maxShortOIValue": MAX_VALUE, "maxNetOIValue": MAX_VALUE},
    {"minExecutionDelay": 1},
    {"minExecutionDelay": 3_600},
    {"minExecutionDelay": 3_600, "enabled": False, "minPositionValue": 0},
    {"enabled": False},
]


def beyond(name: str, value: int, most: int, least: int = 0, **others: int) -> tuple:
    """Parameters of which one is out of bounds, and what the error says."""
    return {**others, name: value}, name, value, least, most


# Parameters that are just beyond them.
BAD = [
    beyond("skewScale", MAX_SKEW_SCALE + 1, MAX_SKEW_SCALE),
    beyond("maxFundingVelocity", 1_000 * WAD + 1, 1_000 * WAD),
    beyond("openingFeeRate", WAD // 10 + 1, WAD // 10),
    beyond("closingFeeRate", WAD // 10 + 1, WAD // 10),
    beyond("borrowRate", 10 * WAD + 1, 10 * WAD, reserveFactor=0),
    beyond("reserveFactor", WAD + 1, WAD, borrowRate=0),
    beyond("borrowRate", WAD // 2 + 1, WAD // 2, reserveFactor=WAD),
    beyond("minPositionValue", MAX_VALUE + 1, MAX_VALUE),
    beyond("maxPositionValue", 6, MAX_VALUE, 7, minPositionValue=7),
    beyond("maxPositionValue", MAX_VALUE + 1, MAX_VALUE, 7, minPositionValue=7),
    *(
        beyond(name, value, MAX_VALUE)
        for name in ("maxLongOIValue", "maxShortOIValue", "maxNetOIValue")
        for value in (MAX_VALUE + 1, UNLIMITED - 1)
    ),
    *(beyond("minExecutionDelay", value, 3_600) for value in (3_601, 4_096, UNLIMITED)),
]


def short(name: str) -> bytes:
    return name.encode().ljust(32, b"\0")


def logged(config: tuple) -> dict:
    return {"marketId": 0, "config": config}


@pytest.fixture(params=["addMarket", "setMarket"])
def configure(btc, risk_manager, request):
    """Adds a market, or changes the first: `configure(config)`."""

    def act(config: tuple):
        market = () if request.param == "addMarket" else (0,)
        return getattr(btc.protocol, request.param)(*market, config, sender=risk_manager)

    return act


def test_configure__within_bounds__stored_and_logged(btc, configure, chain):
    for changes in GOOD:
        config = market_config(btc.oracle, BTC | changes)
        tx = configure(config)
        name, values = logs(tx, btc.protocol)[-1]
        assert (name, values["config"]) == ("MarketConfigured", config)
        assert tuple(btc.lens.marketConfig(values["marketId"])) == config


def test_configure__beyond_bounds__reverts(btc, configure, reverts):
    for changes, name, value, least, most in BAD:
        error = {"parameter": short(name), "value": value, "min": least, "max": most}
        with reverts(btc.protocol.ParameterOutOfBounds, **error):
            configure(market_config(btc.oracle, BTC | changes))


def test_configure__no_oracle__reverts(btc, configure, reverts):
    error = {"parameter": short("oracle"), "value": 0, "min": 1, "max": ADDRESSES}
    with reverts(btc.protocol.ParameterOutOfBounds, **error):
        configure(market_config(ZERO_ADDRESS, BTC))


def test_add_market__second__next_id_and_empty(btc, risk_manager, clock):
    config = market_config(btc.oracle, SKEWED)
    clock.advance(DAY)
    assert btc.protocol.addMarket.call(config, sender=risk_manager) == 1
    tx = btc.protocol.addMarket(config, sender=risk_manager)
    values = {"marketId": 1, "config": config}
    assert logs(tx, btc.protocol) == [("MarketConfigured", values)]
    assert btc.protocol.marketCount() == 2
    assert tuple(btc.lens.marketState(1)) == (0, 0, 0, 0, 0, 0, clock.now, 0, 0, 0, 0, 0)
    assert tuple(btc.lens.marketConfig(0)) == market_config(btc.oracle, BTC)


def test_set_market__unknown__reverts(btc, risk_manager, reverts):
    config = market_config(btc.oracle, BTC)
    with reverts(btc.protocol.UnknownMarket, marketId=1):
        btc.protocol.setMarket(1, config, sender=risk_manager)


def test_set_market__several_parameters_wrong__the_first_names_the_error(
    btc, risk_manager, reverts
):
    config, cap = BTC, MAX_VALUE + 1
    wrong = {
        "minExecutionDelay": cap,
        "maxNetOIValue": cap,
        "maxShortOIValue": cap,
        "maxLongOIValue": cap,
    }
    wrong |= {"maxPositionValue": cap, "minPositionValue": cap, "reserveFactor": cap}
    wrong |= {"borrowRate": cap, "closingFeeRate": cap, "openingFeeRate": cap}
    wrong |= {"maxFundingVelocity": cap, "skewScale": cap}
    bounds = {"maxPositionValue": (10 * WAD, MAX_VALUE), "skewScale": (0, MAX_SKEW_SCALE)}
    bounds |= {"minExecutionDelay": (0, 3_600)}
    bounds |= {"reserveFactor": (0, WAD), "borrowRate": (0, 10 * WAD)}
    bounds |= {"closingFeeRate": (0, WAD // 10), "openingFeeRate": (0, WAD // 10)}
    bounds |= {"maxFundingVelocity": (0, 1_000 * WAD)}
    for name, value in wrong.items():
        config = config | {name: value}
        least, most = bounds.get(name, (0, MAX_VALUE))
        error = {"parameter": short(name), "value": value, "min": least, "max": most}
        with reverts(btc.protocol.ParameterOutOfBounds, **error):
            btc.protocol.setMarket(0, market_config(btc.oracle, config), sender=risk_manager)


@both_sides
def test_set_market__skew_scale_comes_while_somebody_has_a_position__reverts(
    btc, trader, other_trader, reverts, is_long
):
    first = open_position(btc, trader, COLLATERAL, NOTIONAL, is_long)
    second = open_position(btc, other_trader, COLLATERAL, NOTIONAL, not is_long)
    both = abs(first.size) + abs(second.size)
    with reverts(btc.protocol.SkewScaleLocked, openInterest=both):
        btc.configure(skewScale=1_000 * WAD)
    btc.protocol.closePosition(sender=trader)
    with reverts(btc.protocol.SkewScaleLocked, openInterest=abs(second.size)):
        btc.configure(skewScale=1_000 * WAD)
    btc.protocol.closePosition(sender=other_trader)
    btc.configure(skewScale=1_000 * WAD)
    assert btc.lens.marketConfig(0).skewScale == 1_000 * WAD


@both_sides
def test_set_market__skew_scale_goes_while_somebody_has_a_position__reverts(
    full, trader, reverts, is_long
):
    p = open_position(full, trader, COLLATERAL, NOTIONAL, is_long)
    with reverts(full.protocol.SkewScaleLocked, openInterest=abs(p.size)):
        full.configure(skewScale=0)
    full.protocol.closePosition(sender=trader)
    full.configure(skewScale=0)


@both_sides
def test_set_market__skew_scale_at_larger_side__accepted_and_one_unit_less_not(
    full, trader, other_trader, reverts, is_long
):
    open_position(full, other_trader, COLLATERAL, NOTIONAL - WAD, not is_long)
    larger = abs(open_position(full, trader, COLLATERAL, NOTIONAL, is_long).size)
    error = {"parameter": short("skewScale"), "value": larger - 1, "min": larger}
    with reverts(full.protocol.ParameterOutOfBounds, **error, max=MAX_SKEW_SCALE):
        full.configure(skewScale=larger - 1)
    full.configure(skewScale=larger)
    assert full.lens.marketConfig(0).skewScale == larger


@both_sides
@pytest.mark.parametrize(
    "changes, yearly",
    [
        ({"borrowRate": 30 * WAD // 100}, 45 * WAD // 1_000),
        ({"reserveFactor": 45 * WAD // 100}, 675 * WAD // 10_000),
        ({"borrowRate": 0}, 0),
    ],
)
def test_set_market__borrowing_fee_changed__what_has_passed_is_at_the_old_one(
    btc, trader, clock, changes, yearly, is_long
):
    p = open_position(btc, trader, COLLATERAL, NOTIONAL, is_long)
    changed = clock.advance(DAY)
    config = market_config(btc.oracle, BTC | changes)
    tx = btc.protocol.setMarket(0, config, sender=btc.risk_manager)
    before = borrow_index(p.borrow_index, 15 * WAD // 100, 15 * WAD // 100, DAY)
    assert logs(tx, btc.protocol) == [
        ("BorrowingAccrued", {"marketId": 0, "borrowIndex": before}),
        ("MarketConfigured", logged(config)),
    ]
    state = btc.lens.marketState(0)
    assert (state.borrowIndex, state.updatedAt) == (before, changed)
    clock.advance(2 * DAY)
    tx = btc.protocol.closePosition(sender=trader)
    after = borrow_index(before, yearly, WAD, 2 * DAY)
    ((_, values),) = logs(tx, btc.protocol)
    assert values["borrowIndex"] == after
    assert values["realised"][2] == -wmul_up(p.notional, after - p.borrow_index)
    audit(btc, trader)


@both_sides
@pytest.mark.parametrize(
    "changes", [{"maxFundingVelocity": 9 * WAD}, {"skewScale": 500 * WAD}, {"borrowRate": WAD}]
)
def test_set_market__funding_terms_changed__what_has_passed_is_at_the_old_ones(
    full, trader, clock, changes, is_long
):
    p = open_position(full, trader, 20_000 * WAD, 100_000 * WAD, is_long)
    stored = full.lens.marketState(0)
    clock.advance(DAY)
    price = full.price()
    then = accrued(full, clock.now)
    config = market_config(full.oracle, full.market | changes)
    tx = full.protocol.setMarket(0, config, sender=full.risk_manager)
    rate, index = then.funding
    assert rate != stored.fundingRate
    assert logs(tx, full.protocol) == [
        ("FundingAccrued", {"marketId": 0, "fundingRate": rate, "fundingIndex": index}),
        ("BorrowingAccrued", {"marketId": 0, "borrowIndex": then.borrow_index}),
        ("MarketConfigured", logged(config)),
    ]
    state = full.lens.marketState(0)
    assert (state.fundingRate, state.fundingIndex) == (rate, index)
    clock.advance(DAY)
    tx = full.protocol.closePosition(sender=trader)
    new = full.market | changes
    scale, velocity = new["skewScale"], new["maxFundingVelocity"]
    later = Funding(rate, index).after(
        DAY, skew=p.size, scale=scale, velocity=velocity, price=price
    )
    values = dict(logs(tx, full.protocol))["FundingAccrued"]
    assert (values["fundingRate"], values["fundingIndex"]) == later


def test_set_market__dead_feed__can_be_replaced_without_a_skew_scale(btc, trader, create_oracle):
    open_position(btc, trader, COLLATERAL, NOTIONAL, True)
    position = held(btc, trader)
    btc.set_answer(0)
    oracle = create_oracle(asset_decimals=18)
    config = market_config(oracle, BTC)
    btc.protocol.setMarket(0, config, sender=btc.risk_manager)
    btc.protocol.increasePosition(WAD, sender=trader)
    new = held(btc, trader)
    assert new == position.increased(
        WAD * WAD // oracle.price(), oracle.price(), 0, new.borrow_index
    )


def test_set_market__dead_feed_with_a_skew_scale__reverts(full, reverts):
    """Funding up to now needs a price."""
    full.set_answer(0)
    with reverts(full.oracle.AnswerNotPositive, answer=0):
        full.configure(maxFundingVelocity=0)
