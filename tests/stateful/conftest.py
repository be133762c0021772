"""Credit accounts for contracts and model side by side."""

import pytest

from tests.credit import PREP, SHARES, WETH, deploy_credit
from tests.credit_desk import CreditDesk
from tests.suite import WAD

FEE_RATE = WAD // 10


@pytest.fixture(scope="session")
def credit_venue(create_suite, project, lp):
    """Lenders, LPs and nobody else; the protocol takes a part of fees."""
    return deploy_credit(project, create_suite(protocol_fee_rate=FEE_RATE), lp)


@pytest.fixture(scope="session")
def people(credit_venue, crowd):
    """Have tokens of all kinds and allow manager and vaults to take them."""
    people = crowd[:5]
    for who in people:
        for asset, vault in [(SHARES, None), *credit_venue.lending.items()]:
            spenders = [credit_venue.manager.address]
            if asset == SHARES:
                credit_venue.give(who, PREP, 10**13 * WAD)
                credit_venue.approve(who, PREP, credit_venue.suite.vault.address)
            else:
                credit_venue.give(who, asset, 10**13 * 10 ** (18 if asset in (PREP, WETH) else 8))
                spenders.append(vault.address)
            for spender in spenders:
                credit_venue.approve(who, asset, spender)
    return people


@pytest.fixture
def desk(credit_venue, people):
    return CreditDesk(credit_venue, FEE_RATE)
