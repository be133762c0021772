"""Calls as bytes: the same as web3's own, and nothing made up where an answer is missing."""

import pytest
from web3 import Web3

from prep.keeper.chain import Chain, NodeError
from prep.keeper.codec import codec_of
from prep.keeper.credit.calls import Ask

ADDRESS = Web3.to_checksum_address("0x" + 20 * "ab")
CLIENT = Web3.to_checksum_address("0x" + 20 * "cd")


@pytest.fixture(scope="module")
def nowhere():
    return Chain(Web3(Web3.HTTPProvider("http://127.0.0.1:1")))


@pytest.fixture(scope="module")
def deleverager(nowhere, project):
    return nowhere.at(ADDRESS, project.Deleverager.contract_type)


@pytest.fixture(scope="module")
def manager(nowhere, project):
    return nowhere.at(ADDRESS, project.CreditManager.contract_type)


@pytest.fixture(scope="module")
def pool(nowhere, project):
    return nowhere.at(ADDRESS, project.LongPool.contract_type)


POSITION = (7, CLIENT, ADDRESS, CLIENT, 10**30, 2**200, 1_800_000_000, 3)


@pytest.mark.parametrize(
    "of, function, arguments",
    [
        ("deleverager", "deleverage(address,uint256)", (CLIENT, 2**255)),
        ("deleverager", "deleverage(address,uint256,uint256,uint256)", (CLIENT, 1, 2, 3)),
        ("manager", "liquidate", (1, 2, 3, 2**256 - 1)),
        ("manager", "accountCount", ()),
        ("pool", "liquidatePart", (POSITION, 5, 6, ADDRESS, b"\x01\x02\x03")),
        ("pool", "recordInterest", ([POSITION, POSITION], [1, 2])),
    ],
)
def test_encode__as_web3_does(request, of, function, arguments):
    contract = request.getfixturevalue(of)
    assert codec_of(contract, function).encode(arguments) == contract.encode_abi(
        function, arguments
    )


def test_at__the_same_contract_again__is_the_same_object(nowhere, project, manager, pool):
    again = nowhere.at(ADDRESS.lower(), project.CreditManager.contract_type)
    assert again is manager
    assert pool is not manager
    assert codec_of(again, "accountCount") is codec_of(manager, "accountCount")


@pytest.mark.parametrize("answer", ["0x", "0x" + 31 * "00"])
def test_decoded__too_short__is_not_taken_for_zero(manager, answer):
    """Which accounts there are, of a node that does not know the contract yet."""
    with pytest.raises(NodeError, match="no contract at"):
        Ask(manager, "accountCount").decoded(answer)
    assert Ask(manager, "accountCount").decoded("0x" + 31 * "00" + "07") == (7,)
