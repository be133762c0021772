"""Gas of credit accounts, and what each position and collateral adds to a health check."""

import pytest

from tests.gas.ceilings import CREDIT, HEALTH_CHECK
from tests.gas.credit import KINDS, Floor
from tests.gas.scenario import Meter
from tests.gas.test_snapshot import compare


@pytest.fixture
def create_floor(create_suite, project, chain, lp, crowd):
    def create(kind: str) -> Floor:
        return Floor(Meter(create_suite(), chain), project, lp, crowd, KINDS[kind])

    return create


@pytest.mark.parametrize("kind", KINDS)
def test_gas__credit__as_committed(create_floor, kind):
    floor = create_floor(kind)
    floor.lenders()
    floor.trade()
    floor.liquidate()
    floor.quoted()
    floor.quoted_only()
    gas = floor.meter.gas
    over = {name: gas[name] for name, ceiling in CREDIT.items() if gas[name] > ceiling}
    compare(f"credit, {kind}", gas)
    assert not over, f"above the ceilings: {over}"


@pytest.mark.parametrize("kind", KINDS)
def test_gas__health_check__each_adds_as_committed(create_floor, kind):
    floor = create_floor(kind)
    floor.health_checks()
    added = floor.added()
    compare(f"added to a health check, {kind}", added)
    over = {
        name: added[name] for name, ceiling in HEALTH_CHECK[kind].items() if added[name] > ceiling
    }
    assert not over, f"above the ceilings: {over}"
