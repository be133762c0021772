"""What tests send past Ape is what Ape sends, and comes back as from Ape."""

import pytest
from ape.api.accounts import AccountAPI
from ape.contracts import ContractInstance
from ape.contracts.base import ContractCallHandler, ContractTransactionHandler
from ape.exceptions import ContractLogicError

from prep.node import Node, Reverted
from tests.suite import WAD

CALL = ContractCallHandler.__call__
TRANSACT = ContractTransactionHandler.__call__
DEPLOY = AccountAPI.deploy


def both(isolated, quick, *args, **kwargs):
    """What comes back from each, with the time of the block, from the same state."""
    answers = []
    for function in (quick, quick.__wrapped__):
        with isolated():
            answers.append(function(*args, **kwargs))
    return answers


def described(receipt):
    events = [(e.event_name, e.event_arguments, e.contract_address) for e in receipt.events]
    return (events, receipt.gas_used, receipt.block_number, receipt.sender, receipt.data)


def test_call__numbers_structs_and_texts__as_from_ape(btc, isolated, trader):
    btc.open(trader, 1_000 * WAD, 5_000 * WAD, True)
    calls = [
        (btc.vault.totalSupply,),
        (btc.vault.convertToShares, 10**18 + 7),
        (btc.protocol.getPositionDetails, trader),
        (btc.protocol.getIdsNotInUse,),
        (btc.lens.marketConfig, 0),
        (btc.lens.positions, 1, 10),
        (btc.feed.description,),
        (btc.protocol.vault,),
    ]
    for handler, *args in calls:
        quick, own = both(isolated, CALL, handler, *args)
        assert (repr(quick), type(quick).__name__) == (repr(own), type(own).__name__)


def test_call__of_a_transaction_and_of_the_past__as_from_ape(btc, isolated, chain, trader):
    before = chain.blocks.head.number
    btc.give_collateral(trader, 1_000 * WAD)
    opening = btc.protocol.openPositionWithSize.call
    for handler, args, kwargs in [
        (opening, (5_000 * WAD, True), {"sender": trader}),
        (btc.protocol.getPositionDetails, (trader,), {"block_id": before}),
    ]:
        quick, own = both(isolated, CALL, handler, *args, **kwargs)
        assert quick == own


def test_transact__overloaded_and_with_a_struct__as_by_ape(btc, isolated, lp, trader, risk_manager):
    btc.give(lp, 1_000 * WAD)
    config = btc.lens.marketConfig(0)
    sent = [
        (lp, btc.vault.deposit, 1_000 * WAD),
        (lp, btc.vault.deposit, 1_000 * WAD, trader),
        (risk_manager, btc.protocol.setMarket, 0, config),
    ]
    for sender, handler, *args in sent:
        quick, own = both(isolated, TRANSACT, handler, *args, sender=sender)
        assert described(quick) == described(own)
        assert quick.events


def test_transact__refused__a_block_and_the_error_of_ape(btc, chain, isolated, trader):
    def refuse(transact):
        with isolated():
            height = chain.blocks.height
            with pytest.raises(ContractLogicError) as raised:
                transact(btc.protocol.withdrawCollateral, 7 * WAD, sender=trader)
            return raised.value, chain.blocks.height - height

    (quick, blocks), (own, of_ape) = refuse(TRANSACT), refuse(TRANSACT.__wrapped__)
    assert (repr(quick), type(quick)) == (repr(own), type(own))
    assert blocks == of_ape == 1


def test_deploy__with_a_struct__as_by_ape(btc, isolated, admin, project):
    config = (btc.feed, 3_600, 8, 0, 0, "0x" + 40 * "0", 0)
    code = []
    for deploy in (DEPLOY, DEPLOY.__wrapped__):
        with isolated():
            oracle = deploy(admin, project.ChainlinkOracle, config)
            code.append((oracle.address, oracle.code, oracle.price()))
    assert code[0] == code[1]


def test_try_read__one_fails__the_others_are_read(btc):
    node: Node = btc.node
    vault = btc.vault.address
    calls = [(vault, "totalSupply()"), (btc.lens.address, "marketState(uint256)", 9)]
    supply, refused, again = node.try_read(*calls, calls[0])
    assert supply == again == btc.vault.totalSupply()
    assert isinstance(refused, Reverted)
    assert refused.name


def test_undo__the_same_nonce_at_once__is_mined(btc, trader):
    """A moment after a block the node still takes out what it has mined."""
    node, call = btc.node, ("approve(address,uint256)", btc.vault.address)
    for amount in range(200):
        snapshot = node.rpc("evm_snapshot")
        assert node.send(trader.address, btc.prep.address, *call, amount)[0]
        node.undo(snapshot)


def test_undo__unknown_snapshot__raises(btc):
    with pytest.raises(RuntimeError, match="does not know its snapshot 0xffffffff"):
        btc.node.undo("0xffffffff")


def test_attribute__functions_events_and_errors__as_from_ape(btc):
    contract_type, own = btc.vault.contract_type, ContractInstance.__getattr__.__wrapped__
    kinds = (contract_type.methods, contract_type.events, contract_type.errors)
    names = {abi.name for kind in kinds for abi in kind}
    assert {"deposit", "totalSupply", "Deposit", "ERC4626ExceededMaxRedeem"} <= names
    for name in names:
        quick, apes = getattr(btc.vault, name), own(btc.vault, name)
        assert (quick, type(quick)) == (apes, type(apes))
    for wrong in ("nothing", "_nothing_"):
        with pytest.raises(AttributeError, match=wrong):
            getattr(btc.vault, wrong)
