"""Gas of orders and deleverage, and what each further market with positions adds to it."""

import pytest

from tests.gas.ceilings import FURTHER_MARKET, ORDERS
from tests.gas.orders import LIQUIDITY, PLAIN, SKEWED, WITH_RESERVE, Desk, by_further_markets
from tests.gas.scenario import Meter
from tests.gas.test_snapshot import compare
from tests.suite import FULL, WAD

KINDS = {"plain": PLAIN, "skewed": SKEWED}


@pytest.fixture
def create_desk(create_suite, project, chain, crowd):
    def create(market: dict, rate: int = 0) -> Desk:
        suite = create_suite(protocol_fee_rate=rate)
        suite.provide(suite.admin, LIQUIDITY)
        return Desk(Meter(suite, chain), project, crowd[0], market)

    return create


@pytest.mark.parametrize(
    ("section", "market", "rate"),
    [
        ("orders, skew and funding", SKEWED, 0),
        ("orders, everything on", FULL, WAD // 10),
        ("orders, no skew", PLAIN, 0),
    ],
    ids=["skewed", "full", "plain"],
)
def test_gas__orders__as_committed(create_desk, section, market, rate):
    desk = create_desk(market, rate)
    desk.trade()
    desk.deleverage()
    gas = desk.meter.gas
    if market is SKEWED:
        over = {name: gas[name] for name, ceiling in ORDERS.items() if gas[name] > ceiling}
        assert not over, f"above the ceilings: {over}"
    compare(section, gas)


@pytest.mark.parametrize("kind", KINDS)
def test_gas__further_markets__each_adds_the_same_and_as_committed(create_desk, isolated, lp, kind):
    measured = []
    for further in range(3):
        with isolated():
            desk = create_desk(SKEWED | WITH_RESERVE)
            for _ in range(further):
                desk.add_market(KINDS[kind])
            measured.append(by_further_markets(desk, lp))
    names = list(measured[0])
    first, second = (
        {name: measured[i + 1][name] - measured[i][name] for name in names} for i in range(2)
    )
    # Costs of memory and bytes of call data aside, that is within a thousandth of the whole.
    for name in names:
        assert abs(second[name] - first[name]) < measured[2][name] // 1_000, name
    added = {name: max(first[name], second[name]) for name in names}
    over = {name: added[name] for name, most in FURTHER_MARKET[kind].items() if added[name] > most}
    assert not over, f"above the ceilings: {over}"
    compare(f"added by a further {kind} market", added)
