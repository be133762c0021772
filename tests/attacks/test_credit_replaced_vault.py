"""Attack: a lending vault that the risk manager has replaced, perhaps because it is not what it
seemed, takes the tokens of accounts by the allowance that it had.

It has none any more. One that somebody still owes to cannot be replaced.
"""

import pytest

from prep.credit.actions import ALL, borrow, deposit, repay
from tests.attacks.till import refusal
from tests.credit import CONFIG, CURVE, LTVS, USD
from tests.suite import UNLIMITED, WAD, ZERO_ADDRESS

SET_ASSET = f"setAsset(uint256,{CONFIG})"


@pytest.fixture
def replaced(credit, project):
    """The configuration of USD with another vault, or with none."""
    authority = credit.suite.authority
    other = credit.suite.admin.deploy(project.LendingVault, credit.tokens[USD], authority, CURVE)
    return {"another": other.address, "none": ZERO_ADDRESS}


def config(credit, vault):
    oracle = credit.oracles[USD].address
    return (credit.tokens[USD].address, oracle, vault, *LTVS[USD], UNLIMITED)


@pytest.mark.parametrize("by", ["another", "none"])
def test_set_asset__other_lending_vault__old_one_may_take_nothing(credit, replaced, by):
    token, old = credit.tokens[USD], credit.lending[USD]
    assert token.allowance(credit.manager, old) == UNLIMITED
    risk_manager = credit.suite.risk_manager
    credit.must(risk_manager, credit.manager, SET_ASSET, USD, config(credit, replaced[by]))
    assert token.allowance(credit.manager, old) == 0
    if by == "another":
        assert token.allowance(credit.manager, replaced[by]) == UNLIMITED


def test_set_asset__the_same_lending_vault__keeps_its_allowance(credit):
    """The control."""
    token, old = credit.tokens[USD], credit.lending[USD]
    risk_manager = credit.suite.risk_manager
    credit.must(risk_manager, credit.manager, SET_ASSET, USD, config(credit, old.address))
    assert token.allowance(credit.manager, old) == UNLIMITED


def test_set_asset__vault_that_is_owed_to__refused_until_it_is_not(credit, attacker, replaced):
    account = credit.funded(attacker, prep=1_000 * WAD)
    credit.act(attacker, account, borrow(USD, 10**6))
    call = credit.suite.risk_manager, credit.manager, SET_ASSET, USD
    error = refusal(credit, *call, config(credit, replaced["another"]))
    assert error[0] == "AssetRefused"
    credit.give(attacker, USD, 10)
    credit.act(attacker, account, deposit(USD, 10), repay(USD, ALL))
    credit.must(*call, config(credit, replaced["another"]))
