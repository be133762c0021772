"""Which pools a swap goes through."""

from dataclasses import dataclass
from itertools import pairwise
from typing import Final

from eth_utils.address import is_checksum_address, is_hex_address, to_checksum_address

from prep.errors import UserError

MILLION: Final = 10**6
"""Fees of pools are fractions of it."""
_FEE_BYTES: Final = 3


@dataclass(frozen=True, slots=True)
class Route:
    """Tokens in the order in which they are swapped, and the fee of the pool between each two.
    Raises `UserError`."""

    tokens: tuple[str, ...]
    fees: tuple[int, ...]

    def __post_init__(self) -> None:
        tokens = tuple(address(token, "a token") for token in self.tokens)
        object.__setattr__(self, "tokens", tokens)
        if len(tokens) != len(self.fees) + 1 or not self.fees:
            raise UserError(f"a route of {len(tokens)} tokens does not have {len(self.fees)} fees")
        for token, following in pairwise(tokens):
            if token == following:
                raise UserError(f"{token} cannot be swapped for itself")
        for fee in self.fees:
            if not 0 < fee < MILLION:
                raise UserError(f"no pool can have a fee of {fee} millionths")

    @property
    def hops(self) -> list[tuple[str, str, int]]:
        """Token in, token out and fee of each pool, in the order of the swap."""
        pairs = zip(pairwise(self.tokens), self.fees, strict=True)
        return [(token_in, token_out, fee) for (token_in, token_out), fee in pairs]

    def reverse(self) -> "Route":
        """The way back."""
        return Route(self.tokens[::-1], self.fees[::-1])

    def packed(self) -> bytes:
        """As Uniswap's contracts take it for an exact input; for an exact output they want it
        reversed."""
        path = bytes.fromhex(self.tokens[0][2:])
        for _, token, fee in self.hops:
            path += fee.to_bytes(_FEE_BYTES) + bytes.fromhex(token[2:])
        return path

    def __str__(self) -> str:
        return " > ".join(self.tokens)


def address(value: str, what: str) -> str:
    """With its checksum. Raises `UserError` for what is none, and for the zero address."""
    if not is_hex_address(value) or not value.startswith("0x") or int(value, 16) == 0:
        raise UserError(f"{value} is not the address of {what}")
    if value != value.lower() and not is_checksum_address(value):
        raise UserError(f"{value} has a wrong checksum: a character was changed")
    return to_checksum_address(value)
