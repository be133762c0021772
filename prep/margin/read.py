"""What pools, their controller and the lending vaults say about pairs and positions."""

from dataclasses import dataclass
from typing import Final

from prep.margin.chain import Chain, Head, ask, function
from prep.margin.data import (
    NEVER_OPENED,
    ZERO_ADDRESS,
    PairTerms,
    Position,
    abi_type,
    position_hash,
    struct_of,
)
from prep.model.interest import RateCurve

_POSITION: Final = abi_type(Position)

IS_LONG: Final = function("isLong", (), "bool")
CONTROLLER: Final = function("controller", (), "address")
WETH: Final = function("weth", (), "address")
AUTHORITY: Final = function("authority", (), "address")
LENDING_VAULT: Final = function("lendingVault", ["address"], "address")
POSITION_HASH: Final = function("positionHash", ["uint256"], "bytes32")
MARK_OF: Final = function("markOf", ["uint256"], "uint256", "uint256")
IS_AUTHORISED: Final = function("isAuthorised", ["address", "address"], "bool")
IS_CANCELLED: Final = function("isCancelled", ["bytes32"], "bool")

TERMS: Final = function("terms", ["address", "address"], abi_type(PairTerms))
MAX_APY: Final = function("maxApy", ["address"], "uint256")
MAX_INTEREST: Final = function("computeMaxInterest", ["address", "uint256", "uint256"], "uint256")

PRICE: Final = function("price", (), "uint256")
HAS_ROLE: Final = function("hasRole", ["uint64", "address"], "bool", "uint32")

IDLE: Final = function("idle", (), "uint256")
TOTAL_DEBT: Final = function("totalDebt", (), "uint256", "uint256")
UTILISATION: Final = function("utilisation", (), "uint256")
RATE_CURVE: Final = function("rateCurve", (), "(uint256,uint256,uint256,uint256)")
MAX_BORROW: Final = function("maxBorrow", ["address"], "uint256")

BALANCE_OF: Final = function("balanceOf", ["address"], "uint256")
ALLOWANCE: Final = function("allowance", ["address", "address"], "uint256")
DECIMALS: Final = function("decimals", (), "uint8")

ORDER_SIGNER: Final = 4
"""The role of whose signatures pools take. Coded in `Authority`."""


@dataclass(frozen=True, slots=True)
class Pool:
    """What a pool is for good, except for its authority."""

    address: str
    is_long: bool
    controller: str
    weth: str
    authority: str

    def borrows(self, base: str, quote: str) -> str:
        """The token of a position's principal."""
        return quote if self.is_long else base

    def holds(self, base: str, quote: str) -> str:
        """The token of a position's collateral."""
        return base if self.is_long else quote


@dataclass(frozen=True, slots=True)
class Lending:
    """A lending vault as one borrower sees it. Base units of its token."""

    vault: str
    idle: int
    debt: int
    """Of all borrowers."""
    utilisation: int
    """WAD."""
    curve: RateCurve
    """Of the vault, for its indexed borrowers."""
    max_borrow: int
    """What the borrower could take now."""


@dataclass(frozen=True, slots=True)
class Stored:
    """What a pool keeps of a position."""

    hash: bytes
    marked_from: int
    """0 without a mark."""
    marked_until: int

    @property
    def is_unused(self) -> bool:
        """No position had this id."""
        return self.hash == NEVER_OPENED

    def is_of(self, position: Position) -> bool:
        """The position is open, and as given."""
        return self.hash == position_hash(position)


def read_pool(chain: Chain, head: Head, address: str) -> Pool:
    """Raises `Refused` if there is something else."""
    facts = ask(chain, head, *((address, f) for f in (IS_LONG, CONTROLLER, WETH, AUTHORITY)))
    return Pool(address, *facts)


def read_terms(chain: Chain, head: Head, pool: Pool, base: str, quote: str) -> PairTerms:
    """Raises `Refused` (`PairNotListed`)."""
    (terms,) = ask(chain, head, (pool.controller, TERMS, base, quote))
    return struct_of(PairTerms, terms)


def read_stored(chain: Chain, head: Head, pool: Pool, id_: int) -> Stored:
    """By the id of a position."""
    stored, mark = ask(
        chain, head, (pool.address, POSITION_HASH, id_), (pool.address, MARK_OF, id_)
    )
    return Stored(stored, *mark)


def read_lending(chain: Chain, head: Head, pool: Pool, token: str) -> Lending | None:
    """Where the pool borrows a token; None if nowhere."""
    (vault,) = ask(chain, head, (pool.address, LENDING_VAULT, token))
    if vault == ZERO_ADDRESS:
        return None
    views = (IDLE, TOTAL_DEBT, UTILISATION, RATE_CURVE)
    idle, debts, utilisation, curve, max_borrow = ask(
        chain, head, *((vault, view) for view in views), (vault, MAX_BORROW, pool.address)
    )
    return Lending(vault, idle, sum(debts), utilisation, RateCurve(*curve), max_borrow)


def read_max_interest(
    chain: Chain, head: Head, pool: Pool, position: Position, at: int | None = None
) -> int:
    """The highest interest on a position, as of `at` (the head's time by default)."""
    token = pool.borrows(position.base, position.quote)
    arguments = token, position.principal, position.last_funding_timestamp
    (interest,) = ask(chain, head, (pool.controller, MAX_INTEREST, *arguments), at=at)
    return int(interest)
