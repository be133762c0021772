"""How the keeper encodes its calls: as web3 does, whose own way takes longer than the answer."""

import pytest
from eth_abi.exceptions import EncodingError
from web3 import HTTPProvider, Web3

from prep.keeper.chain import Chain
from prep.keeper.codec import codec_of

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
def contract_of(project):
    """A web3 contract, as the keeper has it."""
    return lambda name: Chain(NODE).at(WHO, project.get_contract(name).contract_type)


@pytest.mark.parametrize("name, function, arguments", CALLS)
def test_encode__any_arguments__as_by_web3(contract_of, name, function, arguments):
    contract = contract_of(name)
    expected = contract.encode_abi(function, arguments)
    # The second time it knows the function.
    for _ in range(2):
        assert codec_of(contract, function).encode(arguments) == expected


@pytest.mark.parametrize(
    "name, function, arguments",
    [
        ("CreditManager", "open", (1,)),
        ("CreditManager", "open", ()),
        ("CreditManager", "execute", (-1, [])),
    ],
)
def test_encode__arguments_that_do_not_fit__refused(contract_of, name, function, arguments):
    with pytest.raises((EncodingError, ValueError)):
        codec_of(contract_of(name), function).encode(arguments)
