"""Who may do what after a deployment."""

import ape
import pytest
from eth_utils import function_signature_to_4byte_selector as selector_of

from tests.suite import WAD

ROLES = {"admin": 0, "guardian": 1, "risk_manager": 2, "minter": 3}
RESTRICTED = {
    ("PrepToken", "mint(address,uint256)"): "minter",
    ("Protocol", "addMarket"): "risk_manager",
    ("Protocol", "setMarket"): "risk_manager",
    ("Protocol", "setProtocolFeeRate"): "risk_manager",
    ("Protocol", "disableMarket"): "guardian",
    ("Protocol", "setTreasury"): "admin",
    ("Protocol", "setMarginClient"): "admin",
    ("Protocol", "settleMarket"): "admin",
    ("Vault", "setTargetCollateralizationRatio"): "risk_manager",
    ("Vault", "setDepositCap"): "risk_manager",
    ("Vault", "setCooldownPeriod"): "risk_manager",
    ("Vault", "setRedeemWindow"): "risk_manager",
    ("Vault", "stopWithdrawals"): "guardian",
    ("Vault", "resumeWithdrawals"): "admin",
}


@pytest.fixture(scope="module")
def everybody(deployer, admin, guardian, risk_manager, minter, treasury, stranger):
    """By name: the holders of the roles, and those who hold none."""
    return {
        "admin": admin,
        "guardian": guardian,
        "risk_manager": risk_manager,
        "minter": minter,
        "treasury": treasury,
        "deployer": deployer,
        "stranger": stranger,
    }


@pytest.mark.parametrize("target", ["PrepToken", "Protocol", "Vault"])
def test_deploy__every_function__has_the_declared_role(deployed, target):
    contract = deployed[target]
    for abi in contract.contract_type.mutable_methods:
        role = RESTRICTED.get((target, abi.selector)) or RESTRICTED.get((target, abi.name), "admin")
        found = deployed["Authority"].getTargetFunctionRole(contract, selector_of(abi.selector))
        assert found == ROLES[role], f"{target}.{abi.selector}"


@pytest.mark.parametrize("target, function", RESTRICTED)
def test_deploy__restricted_function__is_for_its_role_alone(
    deployed, everybody, reverts, chain, target, function
):
    if function == "settleMarket":
        chain.pending_timestamp += 3 * 86_400  # the feed is dead then
    contract, stranger = deployed[target], everybody["stranger"]
    config = deployed["ProtocolLens"].marketConfig(0)
    arguments = {
        "mint(address,uint256)": (stranger, 1),
        "addMarket": (config,),
        "setMarket": (0, config),
        "setProtocolFeeRate": (1,),
        "disableMarket": (0,),
        "setTreasury": (stranger,),
        "setMarginClient": (stranger, True),
        "settleMarket": (0, 10_000 * WAD),
        "setTargetCollateralizationRatio": (1,),
        "setDepositCap": (1,),
        "setCooldownPeriod": (1,),
        "setRedeemWindow": (0,),
        "stopWithdrawals": (),
        "resumeWithdrawals": (),
    }[function]
    method = getattr(contract, function.partition("(")[0])
    for name, account in everybody.items():
        if name == RESTRICTED[target, function]:
            method(*arguments, sender=account)
        else:
            with reverts(contract.AccessManagedUnauthorized, caller=account.address):
                method(*arguments, sender=account)


def test_deploy__stopped_withdrawals__are_resumed_by_the_admin_alone(
    deployed, everybody, lp, reverts
):
    token, vault = deployed["PrepToken"], deployed["Vault"]
    vault.setCooldownPeriod(0, sender=everybody["risk_manager"])
    token.mint(sender=lp)
    token.approve(vault, 2 * WAD, sender=lp)
    vault.deposit(2 * WAD, sender=lp)
    vault.stopWithdrawals(sender=everybody["guardian"])
    with reverts(vault.WithdrawalsStopped):
        vault.withdraw(WAD, lp, lp, sender=lp)
    for name in set(everybody) - {"admin"}:
        with reverts(vault.AccessManagedUnauthorized, caller=everybody[name].address):
            vault.resumeWithdrawals(sender=everybody[name])
    vault.resumeWithdrawals(sender=everybody["admin"])
    vault.withdraw(WAD, lp, lp, sender=lp)
    assert token.balanceOf(vault) == WAD


def test_deploy__roles__are_given_out_by_the_admin_alone(deployed, everybody, reverts):
    authority = deployed["Authority"]
    unauthorized = authority.AccessManagerUnauthorizedAccount
    for name, account in everybody.items():
        if name == "admin":
            authority.grantRole(ROLES["guardian"], account, 0, sender=account)
        else:
            with reverts(unauthorized, msgsender=account.address, roleId=0):
                authority.grantRole(ROLES["guardian"], account, 0, sender=account)


def test_deploy__holders__are_the_declared_ones(deployed, everybody):
    for role, number in ROLES.items():
        for name, account in everybody.items():
            found = deployed["Authority"].hasRole(number, account)
            assert tuple(found) == (name == role, 0), f"{name} as {role}"


def test_deploy__admin_delay__makes_the_admin_announce(run, separate, admin, stranger, chain):
    roles = separate.roles.model_copy(update={"admin_delay": 3600})
    contracts = run(separate.model_copy(update={"roles": roles}))
    authority, protocol = contracts["Authority"], contracts["Protocol"]
    assert tuple(authority.hasRole(0, admin)) == (True, 3600)
    call = protocol.setTreasury.encode_input(stranger)
    with ape.reverts(authority.AccessManagerNotScheduled):
        authority.execute(protocol, call, sender=admin)
    authority.schedule(protocol, call, 0, sender=admin)
    with ape.reverts(authority.AccessManagerNotReady):
        authority.execute(protocol, call, sender=admin)
    chain.pending_timestamp += 3600
    authority.execute(protocol, call, sender=admin)
    assert protocol.protocolFees().treasury == stranger.address


def test_deploy__deployer_as_admin_with_a_delay__keeps_the_role(run, params, deployer):
    roles = params.roles.model_copy(update={"admin_delay": 60})
    authority = run(params.model_copy(update={"roles": roles}))["Authority"]
    assert tuple(authority.hasRole(0, deployer)) == (True, 60)
