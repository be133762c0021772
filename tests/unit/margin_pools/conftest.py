"""Pools over a real exchange, deployed once, and over one that does what it is told."""

import pytest
from eth_utils import function_signature_to_4byte_selector as selector_of

from tests.margin_suite import (
    DEVIATION,
    LEVERAGE,
    LIQUIDATION_FEE,
    MAINTENANCE,
    SIDES,
    TERMS,
    create_margin_suite,
)
from tests.suite import WAD
from tests.unit.margin_pools.stand import (
    CALL_AND_SWAP,
    COARSE,
    ETHER,
    LIMITED,
    ODD,
    PAIRS,
    SWAP,
    Stand,
)

OF_A_LIBRARY = ("TransferFromFailed", "TransferFailed", "ETHTransferFailed", "ApproveFailed")
"""Errors that no contract declares."""


@pytest.fixture(scope="session")
def margin(project, accounts):
    """The whole suite. A test may change it as it likes: that is undone."""
    return create_margin_suite(project, accounts)


@pytest.fixture(params=SIDES)
def side(request, margin):
    """Both pools."""
    return margin.sides[request.param]


@pytest.fixture(scope="session")
def scripted(project, margin, trader):
    """The address of a router that both pools allow. There is another checked pair, of few digits,
    and the trader has tokens."""
    router = margin.admin.deploy(project.ScriptedRouter)
    for error in OF_A_LIBRARY:
        margin.node.interface.errors[selector_of(f"{error}()")] = (error, [])
    for side in margin.sides.values():
        for signature in (SWAP, CALL_AND_SWAP):
            side.contract.setRouter(router, selector_of(signature), True, sender=margin.admin)
    oracle = margin.admin.deploy(project.MockOracle, 500 * WAD + ODD)
    margin.oracles[COARSE] = oracle
    base, quote = (margin.tokens[symbol].address for symbol in COARSE)
    terms = (oracle.address, LEVERAGE, MAINTENANCE, LIQUIDATION_FEE, DEVIATION, 0, 0, False)
    margin.send(
        margin.risk_manager,
        margin.controller,
        f"setPair(address,address,{TERMS})",
        base,
        quote,
        terms,
    )
    for symbol in margin.tokens:
        margin.give(trader, symbol, 10**30)
    return router.address


@pytest.fixture
def create_stand(margin, scripted, trader, stranger):
    """`create_stand(side, pair)`."""

    def create(side, pair):
        return Stand(margin, side, pair, trader, stranger, scripted)

    return create


@pytest.fixture
def stand(create_stand, side):
    """Of each side, in a pair whose check price has digits to be rounded."""
    return create_stand(side, COARSE)


@pytest.fixture(params=PAIRS, ids="/".join)
def any_stand(request, create_stand, side):
    """Of each side, in pairs of all kinds."""
    return create_stand(side, request.param)


@pytest.fixture
def limited(create_stand, side):
    """Of each side, in a pair with limits for a day."""
    return create_stand(side, LIMITED)


@pytest.fixture
def ether(create_stand, side):
    """Of each side, in a pair quoted in wrapped ether."""
    return create_stand(side, ETHER)


@pytest.fixture
def position(stand):
    """Of the stand, an hour old."""
    opened = stand.open()
    stand.wait(3_600)
    return opened
