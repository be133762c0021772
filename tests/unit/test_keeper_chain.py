"""How the keeper encodes its calls: as web3 does, whose own way takes longer than the answer."""

import pytest
from web3 import HTTPProvider, Web3
from web3.exceptions import MismatchedABI

from prep.keeper.chain import Chain

NODE = Web3(HTTPProvider("http://127.0.0.1:1"))
WHO = "0x" + 40 * "2"
ACTION = (1, 2, -3, 4, b"five")
CALLS = [
    ("CreditManager", "execute", (7, [ACTION, ACTION])),
    ("CreditManager", "assetCount", ()),
    ("CreditManager", "open", (WHO,)),
    ("Vault", "deposit(uint256)", (2**256 - 1,)),
    ("Vault", "deposit(uint256,address)", (5, WHO)),
    ("ProtocolLens", "marginPositions", ([(WHO, 1, 2), (WHO, 3, 4)],)),
]


@pytest.fixture
def encoders(project):
    """Of a contract: the keeper's, and web3's."""

    def encoders(name):
        contract = Chain(NODE).at(WHO, project.get_contract(name).contract_type)
        return contract.encode_abi, NODE.eth.contract(WHO, abi=contract.abi).encode_abi

    return encoders


@pytest.mark.parametrize("name, function, arguments", CALLS)
def test_encode_abi__any_arguments__as_by_web3(encoders, name, function, arguments):
    ours, by_web3 = encoders(name)
    # The second time it knows the function.
    for _ in range(2):
        assert ours(function, arguments) == by_web3(function, arguments)


def test_encode_abi__struct_with_names__as_by_web3(encoders, project):
    ours, by_web3 = encoders("CreditManager")
    execute = project.CreditManager.contract_type.methods["execute"]
    names = [part.name for part in execute.inputs[1].components]
    action = dict(zip(names, ACTION, strict=True))
    assert ours("execute", (7, [action])) == by_web3("execute", (7, [ACTION]))


@pytest.mark.parametrize(
    "name, function, arguments",
    [
        ("CreditManager", "open", (1,)),
        ("CreditManager", "open", ()),
        ("CreditManager", "execute", (-1, [])),
        ("CreditManager", "nothing", ()),
        ("Vault", "deposit", (1, 2, 3)),
    ],
)
def test_encode_abi__arguments_that_do_not_fit__refused_in_the_words_of_web3(
    encoders, name, function, arguments
):
    ours, by_web3 = encoders(name)
    refused = MismatchedABI, TypeError
    with pytest.raises(refused) as expected:
        by_web3(function, arguments)
    with pytest.raises(refused) as raised:
        ours(function, arguments)
    assert repr(raised.value) == repr(expected.value)
