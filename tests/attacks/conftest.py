"""Who attacks whom, and on which markets."""

import pytest

from prep.node import Node
from tests.attacks.backed import deploy_hostile
from tests.attacks.backed_acts import Acts
from tests.attacks.venue import LIQUIDITY as VENUE_LIQUIDITY
from tests.attacks.venue import Venue
from tests.credit import deploy_credit
from tests.margin_suite import SIDES, create_margin_suite
from tests.suite import BTC, FULL, UNLIMITED, WAD

LIQUIDITY = 10_000_000 * WAD

# Price impact, and nothing that an attacker would have to pay for it.
SKEWED = FULL | {
    "openingFeeRate": 0,
    "closingFeeRate": 0,
    "maxPositionValue": UNLIMITED,
    "maxLongOIValue": UNLIMITED,
    "maxShortOIValue": UNLIMITED,
    "maxNetOIValue": UNLIMITED,
}


# The same with an impact that money can make: 60 bitcoin move the price by 1 %.
STEEP = SKEWED | {"skewScale": 6_000 * WAD}


@pytest.fixture(scope="session")
def attacker(crowd):
    return crowd[0]


@pytest.fixture(scope="session")
def accomplice(crowd):
    """The attacker's second address."""
    return crowd[1]


@pytest.fixture(scope="session")
def second_accomplice(crowd):
    """The attacker's third address."""
    return crowd[2]


@pytest.fixture(scope="session")
def victim(trader):
    """Trades in good faith."""
    return trader


@pytest.fixture(scope="session")
def victim_lp(other_trader):
    """Provides liquidity in good faith, after the first `lp`."""
    return other_trader


@pytest.fixture(scope="session")
def markets(create_suite, lp, admin, treasury):
    """One suite of each kind, with liquidity."""
    suites = {
        "btc": create_suite(market=BTC),
        "skewed": create_suite(market=SKEWED),
        "steep": create_suite(market=STEEP),
        "full": create_suite(market=FULL, protocol_fee_rate=WAD // 10),
    }
    suites["full"].protocol.setTreasury(treasury, sender=admin)
    for suite in suites.values():
        suite.provide(lp, LIQUIDITY)
    return suites


@pytest.fixture
def btc(markets):
    """No price impact, no fees."""
    return markets["btc"]


@pytest.fixture
def skewed(markets):
    """Price impact and funding, no fees, no caps."""
    return markets["skewed"]


@pytest.fixture
def steep(markets):
    """A large price impact and funding, no fees, no caps."""
    return markets["steep"]


@pytest.fixture
def full(markets):
    """Everything on; the protocol takes 10 % of fees."""
    return markets["full"]


@pytest.fixture(scope="session")
def venue(create_suite, project, lp):
    """Market 0 without price impact, and three more: as market 0, steep, and steep with fees. Empty
    but for liquidity."""
    suite = create_suite(market=BTC)
    contracts = (suite.protocol, suite.vault, suite.prep, suite.feed, suite.oracle, suite.lens)
    names = ("Deleverager", "MarginClient", "MockOracle", "HostileClient", "Churner")
    types = [contract.contract_type for contract in contracts]
    types += [getattr(project, name).contract_type for name in names]
    venue = Venue(suite, Node(suite.prep.provider.uri, *types))
    fees = {"openingFeeRate": WAD // 1_000, "closingFeeRate": WAD // 500}
    for market in (BTC, STEEP, STEEP | fees):
        venue.add_market(project, market)
    suite.provide(lp, VENUE_LIQUIDITY)
    return venue


@pytest.fixture(scope="session")
def villain(venue, project):
    """Attacks, with as many accounts as it likes."""
    return venue.party(project)


@pytest.fixture(scope="session")
def honest(venue, project):
    """Trades in good faith."""
    return venue.party(project)


@pytest.fixture(scope="session")
def credit(create_suite, project, lp):
    """Credit accounts on markets of three kinds, a million dollars in each vault."""
    return deploy_credit(project, create_suite(), lp)


@pytest.fixture(scope="session")
def margin(project, accounts):
    """Asset-backed positions on a real exchange. A test may change it as it likes."""
    return create_margin_suite(project, accounts)


@pytest.fixture(scope="session")
def rogue(crowd):
    """Attacks asset-backed positions, where the first of the crowd holds a role."""
    return crowd[3]


@pytest.fixture(params=SIDES)
def pool(request, margin):
    """Of either direction."""
    return margin.sides[request.param]


@pytest.fixture
def hostile(project, margin):
    """A router of the attacker's that the admin has allowed in both pools."""
    return deploy_hostile(project, margin)


@pytest.fixture
def acts(margin, pool):
    """What traders do there with requests."""
    return Acts(margin, pool)
