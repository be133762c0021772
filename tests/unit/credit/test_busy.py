"""An account does not change hands while the manager is at work: a token calls in between."""

import pytest
from eth_utils import function_signature_to_4byte_selector as selector_of

from prep.credit.actions import deposit, withdraw
from tests.credit import USD
from tests.suite import ZERO_ADDRESS
from tests.unit.credit.acting import config_of, holdings

BUSY = selector_of("AccountBusy()")
ENTERED = selector_of("ReentrancyGuardReentrantCall()")


@pytest.fixture
def hostile(credit, trader, project):
    """A token that is an asset, and that may transfer the trader's accounts."""
    token = credit.suite.admin.deploy(project.HostileToken)
    config = config_of(credit, USD, token=token, lendingVault=ZERO_ADDRESS)
    credit.manager.addAsset(config, sender=credit.suite.risk_manager)
    credit.manager.setApprovalForAll(token, True, sender=trader)
    token.mint(trader, 100, sender=trader)
    token.approve(credit.manager, 100, sender=trader)
    return token


@pytest.fixture
def asset(credit, hostile):
    return credit.manager.assetCount() - 1


@pytest.mark.parametrize("afterwards", [True, False])
@pytest.mark.parametrize("leaving", [True, False], ids=["withdraw", "deposit"])
def test_transfer__while_a_list_is_carried_out__busy(
    credit, trader, other_trader, hostile, asset, afterwards, leaving
):
    account = credit.open(trader)
    if leaving:
        credit.act(trader, account, deposit(asset, 50))
    manager = credit.manager
    calls = [
        (manager, manager.transferFrom.encode_input(trader, other_trader, account)),
        (manager, manager.open.encode_input(trader)),
        (manager, manager.execute.encode_input(account, [])),
        (manager, manager.liquidate.encode_input(account, 0, 0, 0)),
    ]
    hostile.arm(calls, afterwards, sender=trader)
    count = manager.accountCount()
    credit.act(trader, account, withdraw(asset, 20) if leaving else deposit(asset, 30))
    assert [(ok, data[:4]) for ok, data in hostile.answers()] == [
        (False, BUSY),
        (False, BUSY),
        (False, ENTERED),
        (False, ENTERED),
    ]
    assert manager.ownerOf(account) == trader
    assert manager.accountCount() == count
    assert holdings(credit, account) == {asset: (30, 0)}
    # And when it is done, it may.
    hostile.run(*calls[0], sender=trader)
    assert manager.ownerOf(account) == other_trader
