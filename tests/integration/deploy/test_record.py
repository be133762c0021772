"""What a deployment writes down, and reads again."""

import json

import pytest
from ape.contracts import ContractContainer

from prep.artifacts import COMPILED, contract_type
from prep.deploy.record import Deployment
from prep.errors import UserError
from tests.integration.deploy.conftest import CHAIN, MADE_BY_OTHERS
from tests.suite import WAD


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
        "TradeRequests",
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
        "TradeRequests": {"prep": address["PrepToken"]},
        "Protocol": {
            "prep": address["PrepToken"],
            "authority": address["Authority"],
            "reservesByLargerSide": True,
            "requests_": address["TradeRequests"],
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
    made = [c for name, c in raw["contracts"].items() if name not in MADE_BY_OTHERS]
    assert deployer.nonce == nonce + len(made) + len(raw["steps"])
    for index, entry in enumerate([*made, *raw["steps"].values()]):
        receipt = chain.provider.get_receipt(entry["transaction"])
        assert (receipt.sender, receipt.nonce) == (deployer.address, nonce + index)
        assert (receipt.block_number, receipt.timestamp) == (entry["block"], entry["timestamp"])
        assert receipt.contract_address == entry.get("address")


def test_record__constructor_arguments_and_source__rebuild_the_creation_code(
    run, local, path, project, chain
):
    run(local)
    for name, contract in Deployment.read(path).contracts.items():
        if name in MADE_BY_OTHERS:
            continue
        source = contract.source if contract.source.endswith(COMPILED) else contract.name
        container = ContractContainer(contract_type(project, source))
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
    for name in ("Vault", "Deleverager"):
        assert deployment.block(name) == deployment.block("Protocol")
    assert deployment.block("Protocol") == deployment.block("ProtocolLens") - 1
    with pytest.raises(UserError, match="has no ETH/oracle, only Authority, PrepToken, BTC/feed"):
        deployment.address("ETH/oracle")


def test_deploy__again__changes_nothing(run, params, path, deployer, chain):
    first = run(params)
    nonce, text, height = deployer.nonce, path.read_text(), chain.blocks.height
    assert run(params) == first
    assert (deployer.nonce, path.read_text(), chain.blocks.height) == (nonce, text, height)
