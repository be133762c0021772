"""What is signed: digests, signatures, and whose they are."""

import json

import pytest
from eth_abi import encode
from eth_account import Account
from eth_account.messages import encode_typed_data
from eth_keys.constants import SECPK1_N
from eth_utils import keccak

from prep.errors import UserError
from prep.margin.data import SOLIDITY
from prep.margin.typed import Domain, digest, recover, sign, typed_data
from tests.unit.margin.messages import CLOSE, COLLATERAL, OPEN, ORDER, POOL, REQUESTS

LONG = Domain(POOL, True, 31_337)
SHORT = Domain(POOL, False, 31_337)
KEY = bytes(31) + b"\x01"
SIGNER = Account.from_key(KEY)
DOMAIN_TYPE = "EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)"


def by_hand(domain, message):
    """The digest from the words of EIP-712, without a library for it."""
    name = b"Prep LongPool" if domain.is_long else b"Prep ShortPool"
    separator = keccak(
        encode(
            ["bytes32", "bytes32", "bytes32", "uint256", "address"],
            [keccak(text=DOMAIN_TYPE), keccak(name), keccak(b"1"), domain.chain_id, domain.pool],
        )
    )
    words = [keccak(text=SOLIDITY[type(message)])]
    for value in message:
        if isinstance(value, bytes):
            words.append(keccak(value))
        elif isinstance(value, str):
            words.append(bytes(12) + bytes.fromhex(value[2:]))
        else:
            words.append((value % 2**256).to_bytes(32))
    return keccak(b"\x19\x01" + separator + keccak(b"".join(words)))


@pytest.mark.parametrize("domain", [LONG, SHORT], ids=["long", "short"])
@pytest.mark.parametrize("message", REQUESTS, ids=lambda m: type(m).__name__)
def test_digest__of_a_message__is_that_of_the_standard(domain, message):
    assert digest(domain, message) == by_hand(domain, message)


@pytest.mark.parametrize("message", REQUESTS, ids=lambda m: type(m).__name__)
def test_typed_data__through_json_and_a_wallet__gives_the_digest(message):
    full = json.loads(json.dumps(typed_data(SHORT, message)))
    signed = Account.sign_message(encode_typed_data(full_message=full), KEY)
    assert signed.message_hash == digest(SHORT, message)


VECTORS = {
    "OpenRequest": "f1560c4f9a6d883bc8e7c59d269f32a14146027d396bfc4b855833c00bcbb345",
    "CloseRequest": "96353e2c7266c055f244a25e4facac88f4508724b422263cd4c58db0279b6a71",
    "CollateralRequest": "904d383b7fae45e3f4a718b03ceaddf6b0658eb9f44444e3c9698f9487a17c55",
    "Order": "56876bfe3194474e5ba71a857fcc23e09dfbfdc3c619b9bf28d0e55503b2f069",
}


@pytest.mark.parametrize("message", REQUESTS, ids=lambda m: type(m).__name__)
def test_digest__of_a_known_message__has_not_changed(message):
    assert digest(LONG, message).hex() == VECTORS[type(message).__name__]


def changed(value):
    if isinstance(value, bool):
        return not value
    if isinstance(value, int):
        return value + 1
    return value[:-1] + (b"\0" if isinstance(value, bytes) else "0")


@pytest.mark.parametrize(
    "message, field",
    [(m, f) for m in REQUESTS for f in m._fields],
    ids=lambda v: v if isinstance(v, str) else type(v).__name__,
)
def test_digest__one_field_changed__is_another(message, field):
    other = message._replace(**{field: changed(getattr(message, field))})
    assert other != message
    assert digest(LONG, other) != digest(LONG, message)


@pytest.mark.parametrize(
    "other",
    [SHORT, Domain(POOL, True, 1), Domain("0x" + 40 * "1", True, 31_337)],
    ids=["direction", "chain", "pool"],
)
def test_digest__of_another_domain__is_another(other):
    assert digest(other, OPEN) != digest(LONG, OPEN)


@pytest.mark.parametrize("message", REQUESTS, ids=lambda m: type(m).__name__)
def test_recover__what_a_key_signed__names_its_address(message):
    signature = sign(SIGNER, LONG, message)
    assert len(signature) == 65
    assert recover(LONG, message, signature) == SIGNER.address
    assert recover(SHORT, message, signature) != SIGNER.address


def test_sign__an_account_of_ape__signs_alike(accounts):
    account = accounts[3]
    local = Account.from_key(account.private_key)
    assert sign(account, LONG, ORDER) == sign(local, LONG, ORDER)
    assert recover(LONG, ORDER, sign(account, LONG, ORDER)) == account.address


def test_sign__an_account_that_does_not__says_so(accounts, monkeypatch):
    monkeypatch.setattr(type(accounts[3]), "sign_message", lambda *_, **__: None)
    with pytest.raises(UserError, match=f"^the account {accounts[3].address} did not sign$"):
        sign(accounts[3], LONG, ORDER)


@pytest.mark.parametrize(
    "damage",
    [
        lambda s: b"",
        lambda s: s[:-1],
        lambda s: s + b"\0",
        lambda s: bytes(65),
        lambda s: s[:32] + bytes(32) + s[64:],
        lambda s: b"\xff" * 32 + s[32:],
        lambda s: s[:64] + bytes([s[64] - 27]),
        lambda s: s[:64] + b"\x1d",
    ],
    ids=["empty", "short", "long", "zeros", "s of 0", "r too high", "v of 0", "v of 29"],
)
def test_recover__what_is_no_signature__is_nobody(damage):
    assert recover(LONG, CLOSE, damage(sign(SIGNER, LONG, CLOSE))) is None


def test_recover__the_twin_of_a_signature__is_nobody():
    signature = sign(SIGNER, LONG, COLLATERAL)
    s = SECPK1_N - int.from_bytes(signature[32:64])
    twin = signature[:32] + s.to_bytes(32) + bytes([27 + 28 - signature[64]])
    # It is a signature of the same key, by the curve alone.
    assert Account._recover_hash(digest(LONG, COLLATERAL), signature=twin) == SIGNER.address
    assert recover(LONG, COLLATERAL, twin) is None
