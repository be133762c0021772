"""What order signers and traders sign: EIP-712 digests and signatures.

    domain = Domain(pool, is_long=True, chain_id=1)
    signature = sign(account, domain, request)

A signature is 65 bytes: r, s, v.
"""

from dataclasses import dataclass
from typing import Any, Final, TypeAlias

from ape.api import AccountAPI
from eth_account import Account
from eth_account.messages import SignableMessage, encode_typed_data
from eth_account.signers.local import LocalAccount
from eth_keys.constants import SECPK1_N
from eth_keys.exceptions import BadSignature
from eth_utils.crypto import keccak
from eth_utils.exceptions import ValidationError

from prep.errors import UserError
from prep.margin.data import (
    CloseRequest,
    CollateralRequest,
    OpenRequest,
    Order,
    fields_of,
    to_json,
)

VERSION: Final = "1"
_HIGHEST_S: Final = SECPK1_N // 2
"""Every signature has a twin beyond it, which the contracts refuse."""
_DOMAIN: Final = [
    {"name": "name", "type": "string"},
    {"name": "version", "type": "string"},
    {"name": "chainId", "type": "uint256"},
    {"name": "verifyingContract", "type": "address"},
]

Message = OpenRequest | CloseRequest | CollateralRequest | Order
Signer: TypeAlias = AccountAPI | LocalAccount


@dataclass(frozen=True, slots=True)
class Domain:
    """For which contract on which chain something is signed."""

    pool: str
    """Its address, checksummed."""
    is_long: bool
    chain_id: int

    @property
    def name(self) -> str:
        """As the contract has it."""
        return "Prep LongPool" if self.is_long else "Prep ShortPool"


def typed_data(domain: Domain, message: Message) -> dict[str, Any]:
    """What a wallet takes for `eth_signTypedData_v4`."""
    struct = type(message)
    return {
        "types": {
            "EIP712Domain": _DOMAIN,
            struct.__name__: [{"name": n, "type": kind} for n, kind in fields_of(struct)],
        },
        "primaryType": struct.__name__,
        "domain": {
            "name": domain.name,
            "version": VERSION,
            "chainId": domain.chain_id,
            "verifyingContract": domain.pool,
        },
        "message": to_json(message),
    }


def signable(domain: Domain, message: Message) -> SignableMessage:
    """As accounts of eth_account and Ape sign it."""
    return encode_typed_data(full_message=typed_data(domain, message))


def digest(domain: Domain, message: Message) -> bytes:
    """What is signed, 32 bytes."""
    return digest_of(signable(domain, message))


def digest_of(message: SignableMessage) -> bytes:
    """Of any typed data."""
    return keccak(b"\x19" + message.version + message.header + message.body)


def sign(signer: Signer, domain: Domain, message: Message) -> bytes:
    """Raises `UserError` if the account does not sign: it is locked, or somebody said no."""
    data = signable(domain, message)
    if isinstance(signer, LocalAccount):
        return bytes(signer.sign_message(data).signature)
    signature = signer.sign_message(data)
    if signature is None:
        raise UserError(f"the account {signer.address} did not sign")
    return bytes(signature.encode_rsv())


def recover(domain: Domain, message: Message, signature: bytes) -> str | None:
    """Whose key signed; None if the contracts would take that for no signature. Contracts that sign
    (ERC-1271) have no key."""
    return recover_from(signable(domain, message), signature)


def recover_from(message: SignableMessage, signature: bytes) -> str | None:
    """As `recover`, of any message."""
    s, v = int.from_bytes(signature[32:64]), signature[64:]
    if len(signature) != 65 or s > _HIGHEST_S or v not in (b"\x1b", b"\x1c"):
        return None
    try:
        return str(Account.recover_message(message, signature=signature))
    except (BadSignature, ValidationError):
        return None
