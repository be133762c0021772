"""A deployment as a whole: what is on the chain then, who may do what, and what is written."""

import json
from decimal import Decimal
from functools import partial
from pathlib import Path

import ape
import pytest
from ape_ethereum.trace import Trace
from eth_utils import function_signature_to_4byte_selector as selector_of

from prep.deploy.deployer import deploy
from prep.deploy.params import Parameters, Sequencer
from prep.deploy.record import Deployment
from prep.errors import UserError
from tests.suite import WAD

LOCAL = Path(__file__).parents[2] / "deployments" / "params" / "local.yml"
CHAIN = 31337
MADE_BY_PROTOCOL = ("Vault", "Deleverager")


@pytest.fixture(autouse=True)
def quiet(monkeypatch):
    """Ape draws no call trees of reverts that are expected."""
    monkeypatch.setattr(Trace, "show", lambda *_, **__: None)


@pytest.fixture(scope="module")
def params():
    """Those of local networks."""
    return Parameters.load(LOCAL)


@pytest.fixture(scope="module")
def deployer(crowd):
    """Deploys, and holds no role afterwards unless the parameters say so."""
    return crowd[0]


@pytest.fixture(scope="module")
def separate(params, admin, guardian, risk_manager, minter, treasury):
    """The same with a holder of its own for every role."""
    holders = {
        "admin": admin.address,
        "guardian": guardian.address,
        "risk_manager": risk_manager.address,
        "minter": minter.address,
        "treasury": treasury.address,
    }
    return params.model_copy(
        update={
            "roles": params.roles.model_copy(update=holders),
            "protocol_fee_rate": WAD // 10,
            "target_collateralization_ratio": 3 * WAD // 2,
            "deposit_cap": 1_000_000 * WAD,
            "cooldown_period": 3 * 86_400,
            "redeem_window": 86_400,
            "reserves_by_larger_side": True,
        }
    )


@pytest.fixture
def path(tmp_path):
    """Of the record."""
    return tmp_path / "deployments" / f"{CHAIN}.json"


@pytest.fixture(scope="module")
def deploy_at(project, deployer):
    """Deploys with a record there, and gives the contracts by their names in it."""

    def deploy_at(path, params, account=deployer):
        deployment = deploy(project, account, params, path)
        return {name: deployment.instance(project, name) for name in deployment.contracts}

    return deploy_at


@pytest.fixture(scope="module")
def deployed(deploy_at, separate, tmp_path_factory):
    """All contracts, every role held by another account."""
    return deploy_at(tmp_path_factory.mktemp("separate") / f"{CHAIN}.json", separate)


@pytest.fixture
def run(deploy_at, path):
    """The same for one test."""
    return partial(deploy_at, path)


# ---------------------------------------------------------------------------------------- contracts


def test_deploy__local_parameters__are_on_the_chain(run, params, deployer):
    contracts = run(params)
    token, protocol, vault = (contracts[name] for name in ("PrepToken", "Protocol", "Vault"))
    assert (token.faucetAmount(), token.faucetInterval()) == (10_000 * WAD, 3600)
    assert (protocol.vault(), vault.protocol(), vault.asset()) == (vault, protocol, token)
    assert vault.reservesByLargerSide() is False
    assert (vault.targetCollateralizationRatio(), vault.depositCap()) == (0, 10**37)
    assert (vault.cooldownPeriod(), vault.redeemWindow()) == (0, 7 * 86_400)
    assert vault.withdrawalsStopped() is False
    assert contracts["ProtocolLens"].protocol() == protocol
    deleverager = contracts["Deleverager"]
    assert (protocol.deleverager(), deleverager.protocol()) == (deleverager, protocol)
    assert tuple(protocol.protocolFees()) == (0, 0, deployer.address)
    assert contracts["Authority"].hasRole(0, deployer).isMember

    assert protocol.marketCount() == 1
    config = contracts["ProtocolLens"].marketConfig(0)
    expected = params.markets[0].config_struct(contracts["BTC/oracle"].address)
    assert {name: getattr(config, name) for name in expected} == expected
    assert contracts["BTC/oracle"].price() == 10_000 * WAD
    assert contracts["BTC/oracle"].heartbeat() == 7200
    assert contracts["BTC/feed"].description() == "BTC / USD"


def test_deploy__other_settings__are_on_the_chain(deployed, treasury):
    vault = deployed["Vault"]
    assert vault.reservesByLargerSide() is True
    assert (vault.targetCollateralizationRatio(), vault.depositCap()) == (15 * 10**17, 10**24)
    assert (vault.cooldownPeriod(), vault.redeemWindow()) == (3 * 86_400, 86_400)
    assert tuple(deployed["Protocol"].protocolFees()) == (WAD // 10, 0, treasury.address)


SETTERS = {
    "setProtocolFeeRate": {"protocol_fee_rate": 1},
    "setTargetCollateralizationRatio": {"target_collateralization_ratio": 1},
    "setDepositCap": {"deposit_cap": 10**37 - 1},
    "setRedeemWindow": {"redeem_window": 0},
    "setCooldownPeriod": {"cooldown_period": 1},
}


@pytest.mark.parametrize("changed", [None, *SETTERS])
def test_deploy__contracts_default__is_not_set_again(run, params, path, changed):
    run(params.model_copy(update=SETTERS.get(changed, {})))
    steps = Deployment.read(path).steps
    assert [step for step in SETTERS if step in steps] == [step for step in [changed] if step]


def test_deploy__deposit_cap_of_zero__is_set(run, params):
    vault = run(params.model_copy(update={"deposit_cap": 0}))["Vault"]
    assert vault.depositCap() == 0


def test_deploy__positions__can_be_traded_by_the_faucet_alone(run, params, lp, trader):
    contracts = run(params)
    token, protocol, vault = (contracts[name] for name in ("PrepToken", "Protocol", "Vault"))
    for account, spender in ((lp, vault), (trader, protocol)):
        token.mint(sender=account)
        token.approve(spender, 10_000 * WAD, sender=account)
    vault.deposit(10_000 * WAD, sender=lp)
    protocol.depositCollateral(1_000 * WAD, sender=trader)
    protocol.openPositionWithSize(15_000 * WAD, True, sender=trader)
    view = contracts["ProtocolLens"].position(trader)
    assert (view.entryNotional, view.leverage) == (15_000 * WAD, 15 * WAD), "P4"


def test_deploy__several_markets__in_their_order(run, params, create_feed):
    btc = params.markets[0]
    feed, uptime = create_feed(answer=3_000 * 10**8), create_feed(decimals=0, answer=0)
    eth = btc.model_copy(
        update={
            "name": "ETH",
            "feed": feed.address,
            "min_price": Decimal(100),
            "sequencer": Sequencer.model_construct(feed=uptime.address, grace=600),
            "skew_scale": Decimal(5_000),
        }
    )
    contracts = run(params.model_copy(update={"markets": (btc, eth)}))
    assert "ETH/feed" not in contracts
    oracle = contracts["ETH/oracle"]
    assert (oracle.feed(), oracle.minPrice()) == (feed.address, 100 * WAD)
    assert (oracle.sequencerFeed(), oracle.sequencerGrace()) == (uptime.address, 600)
    protocol = contracts["Protocol"]
    assert protocol.marketCount() == 2
    assert contracts["ProtocolLens"].marketConfig(0).oracle == contracts["BTC/oracle"].address
    assert contracts["ProtocolLens"].marketConfig(1).oracle == oracle.address
    assert contracts["ProtocolLens"].marketConfig(1).skewScale == 5_000 * WAD


# -------------------------------------------------------------------------------------------- roles

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


# ------------------------------------------------------------------------------------------- record


def test_record__finished__tells_how_each_contract_was_made(run, separate, path, deployer, chain):
    begun = chain.blocks.head.timestamp
    nonce = deployer.nonce
    contracts = run(separate)
    raw = json.loads(path.read_text())
    assert (raw["chainId"], raw["deployer"], raw["pending"]) == (CHAIN, deployer.address, None)
    assert raw["compiler"] == {
        "version": "0.8.30+commit.73712a01",
        "evmVersion": "cancun",
        "optimizer": True,
        "optimizerRuns": 200,
    }
    assert begun == raw["startedAt"] <= raw["finishedAt"] == chain.blocks.head.timestamp
    assert list(raw["contracts"]) == [
        "Authority",
        "PrepToken",
        "BTC/feed",
        "BTC/oracle",
        "Protocol",
        "Vault",
        "Deleverager",
        "ProtocolLens",
    ]
    address = {name: contract.address for name, contract in contracts.items()}
    assert {name: c["arguments"] for name, c in raw["contracts"].items()} == {
        "Authority": {"admin": deployer.address},
        "PrepToken": {
            "authority_": address["Authority"],
            "faucetAmount_": str(10_000 * WAD),
            "faucetInterval_": "3600",
        },
        "BTC/feed": {"decimals_": "8", "description_": "BTC / USD", "answer": str(10**12)},
        "BTC/oracle": {
            "config": {
                "feed": address["BTC/feed"],
                "heartbeat": "7200",
                "assetDecimals": "18",
                "minPrice": "0",
                "maxPrice": "0",
                "sequencerFeed": "0x" + 40 * "0",
                "sequencerGrace": "0",
            }
        },
        "Protocol": {
            "prep": address["PrepToken"],
            "authority": address["Authority"],
            "reservesByLargerSide": True,
        },
        "Vault": {
            "prep": address["PrepToken"],
            "protocol_": address["Protocol"],
            "authority": address["Authority"],
            "reservesByLargerSide_": True,
        },
        "Deleverager": {"protocol_": address["Protocol"], "vault": address["Vault"]},
        "ProtocolLens": {"protocol_": address["Protocol"]},
    }
    assert list(raw["steps"]) == [
        "setTreasury",
        "setProtocolFeeRate",
        "setTargetCollateralizationRatio",
        "setDepositCap",
        "setRedeemWindow",
        "setCooldownPeriod",
        "addMarket BTC",
        "setTargetFunctionRole MINTER PrepToken",
        "grantRole MINTER",
        "setTargetFunctionRole RISK_MANAGER Protocol",
        "setTargetFunctionRole RISK_MANAGER Vault",
        "grantRole RISK_MANAGER",
        "setTargetFunctionRole GUARDIAN Protocol",
        "setTargetFunctionRole GUARDIAN Vault",
        "grantRole GUARDIAN",
        "grantRole ADMIN",
        "renounceRole ADMIN",
    ]
    made = [c for name, c in raw["contracts"].items() if name not in MADE_BY_PROTOCOL]
    assert deployer.nonce == nonce + len(made) + len(raw["steps"])
    for index, entry in enumerate([*made, *raw["steps"].values()]):
        receipt = chain.provider.get_receipt(entry["transaction"])
        assert (receipt.sender, receipt.nonce) == (deployer.address, nonce + index)
        assert (receipt.block_number, receipt.timestamp) == (entry["block"], entry["timestamp"])
        assert receipt.contract_address == entry.get("address")


def test_record__constructor_arguments_and_source__rebuild_the_creation_code(
    run, params, path, project, chain
):
    run(params)
    for name, contract in Deployment.read(path).contracts.items():
        if name in MADE_BY_PROTOCOL:
            continue
        container = project.get_contract(contract.name)
        abi = container.constructor.abi
        assert contract.source == container.contract_type.source_id
        code = container.contract_type.deployment_bytecode.bytecode.removeprefix("0x")
        encoded = container.constructor.encode_input(*contract.arguments.values())
        sent = chain.provider.web3.eth.get_transaction(contract.transaction)["input"]
        assert sent.hex().removeprefix("0x") == code + encoded.hex().removeprefix("0x"), abi


def test_load__finished__answers_by_name(run, params, path):
    contracts = run(params)
    deployment = Deployment.load(CHAIN, path.parent)
    assert deployment.address("BTC/oracle") == contracts["BTC/oracle"].address
    for name in MADE_BY_PROTOCOL:
        assert deployment.block(name) == deployment.block("Protocol")
    assert deployment.block("Protocol") == deployment.block("ProtocolLens") - 1
    with pytest.raises(UserError, match="has no ETH/oracle, only Authority, PrepToken, BTC/feed"):
        deployment.address("ETH/oracle")


def test_deploy__again__changes_nothing(run, params, path, deployer, chain):
    first = run(params)
    nonce, text, height = deployer.nonce, path.read_text(), chain.blocks.height
    assert run(params) == first
    assert (deployer.nonce, path.read_text(), chain.blocks.height) == (nonce, text, height)


# ----------------------------------------------------------------------------------------- refusals


@pytest.fixture
def refused(run, deployer, params, path):
    """Expects this message, not a transaction, and the record untouched."""

    def refused(message, params=params, account=deployer):
        nonce, before = account.nonce, path.read_text() if path.exists() else None
        with pytest.raises(UserError) as raised:
            run(params, account)
        assert message in raised.value.format_message()
        assert account.nonce == nonce
        assert (path.read_text() if path.exists() else None) == before

    return refused


@pytest.fixture
def edited(path):
    """Writes the record with these fields changed, None to leave one out."""

    def edited(**changes):
        raw = json.loads(path.read_text()) | changes
        kept = {key: value for key, value in raw.items() if key not in changes or value is not ...}
        path.write_text(json.dumps(kept))

    return edited


def test_deploy__parameters_of_another_chain__names_both(refused, params):
    other = params.model_copy(update={"chain_id": 11155111})
    refused("the parameters are for chain 11155111, but this is chain 31337", other)


def test_deploy__feed_without_code__refused_before_anything_is_sent(refused, params, stranger):
    market = params.markets[0].model_copy(update={"feed": stranger.address})
    message = f"market BTC: there is no contract at its feed {stranger.address}"
    refused(message, params.model_copy(update={"markets": (market,)}))


def test_deploy__account_without_funds__refused(refused, stranger, chain):
    poor = stranger
    chain.set_balance(poor, 0)
    refused(f"{poor.address} has no funds on chain 31337", account=poor)


def test_deploy__other_parameters_than_recorded__names_the_field(run, refused, params):
    run(params)
    market = params.markets[0].model_copy(update={"heartbeat": 7201})
    refused(
        "was begun with other parameters: markets[0].heartbeat has changed; --fresh starts over",
        params.model_copy(update={"markets": (market,)}),
    )
    refused(
        "was begun with other parameters: markets has changed",
        params.model_copy(update={"markets": 2 * params.markets}),
    )


def test_deploy__unfinished_by_another_account__refused(run, refused, params, edited, stranger):
    run(params)
    edited(finishedAt=None)
    refused(f", not by {stranger.address}", account=stranger)


def test_deploy__unfinished_with_other_code__refused(run, refused, params, edited):
    run(params)
    edited(codeHash="0x00")
    run(params)  # finished: nothing more is made with this code
    edited(finishedAt=None)
    refused("was begun with other contracts: their code has changed")


def test_deploy__record_of_a_chain_that_is_gone__refused(run, refused, params, isolated):
    with isolated():
        run(params)
    refused("is on another chain with id 31337 (its node ended with the command that deployed)")


def test_deploy__record_of_a_restarted_node__says_so(run, refused, params, edited, isolated):
    with isolated():
        run(params)
    edited(temporary=False)
    refused("there is no Authority on this one")


def test_deploy__same_addresses_on_another_chain__refused(run, refused, params, edited, path):
    run(params)
    steps = json.loads(path.read_text())["steps"]
    steps["grantRole GUARDIAN"]["transaction"] = "0x" + 64 * "1"
    edited(steps=steps)
    refused("its transactions are unknown on this one; --fresh starts over")


def test_deploy__record_of_another_chain_id__refused(run, refused, params, edited):
    run(params)
    edited(chainId=1)
    refused("is about chain 1, not 31337")


@pytest.mark.parametrize(
    "text, reason",
    [
        ("", "Invalid JSON"),
        ("{", "Invalid JSON"),
        ("[]", "Input should be an object"),
        ("{}", "chainId: Field required"),
    ],
)
def test_deploy__broken_record__refused(refused, path, text, reason):
    path.parent.mkdir()
    path.write_text(text)
    refused(f"{path} is not a record of a deployment: {reason}")
    with pytest.raises(UserError, match="is not a record of a deployment"):
        Deployment.load(CHAIN, path.parent)


def test_deploy__record_with_an_unknown_field__refused(run, refused, params, edited):
    run(params)
    edited(owner="me")
    refused("is not a record of a deployment: owner: Extra inputs are not permitted")


def test_deploy__record_that_cannot_be_read__refused(refused, path):
    path.mkdir(parents=True)
    with pytest.raises(UserError, match="cannot be read: "):
        Deployment.load(CHAIN, path.parent)


def test_load__nothing_deployed__says_so(tmp_path):
    with pytest.raises(UserError, match=r"nothing is deployed on chain 7: .*7\.json is missing"):
        Deployment.load(7, tmp_path)


def test_load__another_chains_record__refused(run, params, path, edited):
    run(params)
    edited(chainId=1)
    with pytest.raises(UserError, match="is about chain 1, not 31337"):
        Deployment.load(CHAIN, path.parent)


def test_load__unfinished__refused(run, params, path, edited):
    run(params)
    edited(finishedAt=None)
    with pytest.raises(UserError, match="unfinished deployment: run `ape run deploy` again"):
        Deployment.load(CHAIN, path.parent)


def test_save__write_fails__old_record_stays(run, params, path, monkeypatch):
    run(params)
    before = path.read_text()
    record = Deployment.read(path)
    record.finished_at = None

    def full(_):
        raise OSError("No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(UserError, match=r"cannot be written: No space left on device"):
        record.save(path)
    assert path.read_text() == before
