"""The cost of an action does not depend on how many positions are open: the same day is lived with
10, 100 and 1,000 of them, and every number is the same to the unit.

Without call data: a position's id takes one byte there, or two, and 12 gas more for the second.
"""

from tests.gas.scenario import Meter, measure, prepare
from tests.gas.test_snapshot import compare, people  # noqa: F401 - a fixture
from tests.suite import WAD

OPEN = (10, 100, 1_000)
COLLATERAL, NOTIONAL = 100 * WAD, 500 * WAD
# What fits into a block.
BATCH = 45


def populate(suite, project, count: int) -> None:
    """Opens positions, each of an address of its own, until `count` are open."""
    crowd = suite.admin.deploy(project.Crowd)
    missing = count - suite.protocol.getNumOfOpenPositionsIds()
    suite.prep.mint(crowd, missing * COLLATERAL, sender=suite.admin)
    while missing:
        batch = min(missing, BATCH)
        crowd.trade(suite.protocol, suite.prep, batch, COLLATERAL, NOTIONAL, sender=suite.admin)
        missing -= batch
    assert suite.protocol.getNumOfOpenPositionsIds() == count
    assert len(suite.lens.positions(1, count)) == count


def test_gas__more_positions__same_cost(create_suite, project, chain, crowd, people):  # noqa: F811
    measured = {}
    for count in OPEN:
        suite = create_suite()
        meter = Meter(suite, chain, with_calldata=False)
        prepare(meter, people["lp"], crowd[:4])
        populate(suite, project, count)
        meter.price(10_010)
        measured[count] = measure(meter, **people)
    for count in OPEN[1:]:
        assert measured[count] == measured[OPEN[0]], f"{count} open positions cost something else"
    compare("without call data, with 10, 100 or 1,000 positions", measured[OPEN[0]])
