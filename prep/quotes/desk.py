"""What all quotes share: the chain now, checks before and after, the signature."""

import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, TypeVar

from prep.connect import is_local
from prep.errors import UserError
from prep.margin import read
from prep.margin.chain import Call, Chain, Function, Head, Refused, ask, function
from prep.margin.data import (
    CloseRequest,
    CollateralRequest,
    OpenRequest,
    PairTerms,
    Position,
    abi_type,
    position_hash,
)
from prep.margin.errors import Refusal
from prep.margin.read import Pool
from prep.margin.typed import Domain, Signer, sign
from prep.quotes import arithmetic
from prep.quotes.config import Pair, Settings
from prep.quotes.problems import Problem, invalid, refused, unavailable, unknown_pair
from prep.quotes.wire import Side

_POSITION: Final = abi_type(Position)
OPEN: Final = function("open", [abi_type(OpenRequest), "bytes"])
INCREASE: Final = function("increase", [abi_type(OpenRequest), "bytes", _POSITION])
CLOSE: Final = function("close", [abi_type(CloseRequest), "bytes", _POSITION, "uint8"])
ADD: Final = function("addCollateral", [abi_type(CollateralRequest), "bytes", _POSITION])
REMOVE: Final = function("removeCollateral", [abi_type(CollateralRequest), "bytes", _POSITION])

Request = OpenRequest | CloseRequest | CollateralRequest
R = TypeVar("R", bound=Request)


@dataclass(frozen=True, slots=True)
class Now:
    """One block, and the time for those who act after it."""

    head: Head
    time: int
    """What clocks show: of a local chain, its own."""


@dataclass(frozen=True, slots=True)
class Charge:
    """Interest, and until when it is neither too little nor too much."""

    interest: int
    good_until: int


@dataclass(frozen=True, slots=True)
class Signed:
    """A request that the chain would take."""

    signature: bytes
    data: bytes
    """Of the transaction."""
    value: int


class Desk:
    """Reads the chain and signs. Raises `Problem`; `ChainUnreachable` passes through."""

    def __init__(
        self,
        chain: Chain,
        settings: Settings,
        signer: Signer,
        clock: Callable[[], float] = time.time,
    ) -> None:
        """Raises `UserError` if the chain is another one, or has other contracts."""
        self.chain, self.settings, self.signer = chain, settings, signer
        self._clock = clock
        self.local = is_local(settings.chain_id)
        if (found := chain.chain_id()) != settings.chain_id:
            raise UserError(f"the settings are for chain {settings.chain_id}, not {found}")
        head = chain.head()
        self.pools = {
            Side.LONG: self._pool(head, settings.pools.long, True),
            Side.SHORT: self._pool(head, settings.pools.short, False),
        }

    def _pool(self, head: Head, address: str, is_long: bool) -> Pool:
        name = "long" if is_long else "short"
        try:
            pool = read.read_pool(self.chain, head, address)
        except Refused:
            raise UserError(f"pools.{name}: there is no pool at {address}") from None
        if pool.is_long != is_long:
            raise UserError(f"pools.{name}: {address} is a pool of the other direction")
        return pool

    # ------------------------------------------------------------------------------------- reading

    def wall_clock(self) -> int:
        """Seconds."""
        return int(self._clock())

    def now(self) -> Now:
        """Raises `Problem` where the node is too far behind to quote by it."""
        head = self.chain.head()
        if self.local:
            return Now(head, head.next)
        now = self.wall_clock()
        if now - head.timestamp > self.settings.max_head_age:
            raise unavailable("ChainBehind", f"the latest block is {now - head.timestamp} s old")
        return Now(head, max(now, head.next))

    def pair(self, base: str, quote: str) -> Pair:
        """From the settings."""
        pair = self.settings.pair(base, quote)
        if pair is None:
            raise unknown_pair(base, quote)
        return pair

    def terms(self, head: Head, pool: Pool, pair: Pair) -> PairTerms:
        """What the chain says of a pair."""
        try:
            return read.read_terms(self.chain, head, pool, pair.base, pair.quote)
        except Refused as error:
            raise refused(error.refusal) from None

    def check_price(self, head: Head, terms: PairTerms) -> int | None:
        """None without an oracle, or without a price of it now."""
        if not terms.has_check_price:
            return None
        try:
            (price,) = ask(self.chain, head, (terms.oracle, read.PRICE), at=head.next)
        except Refused:
            return None
        return int(price)

    def check_stored(self, head: Head, pool: Pool, position: Position) -> None:
        """The position is open, and as it was given."""
        stored = read.read_stored(self.chain, head, pool, position.id)
        if not stored.is_of(position):
            given = f"0x{position_hash(position).hex()}"
            values = {"id": position.id, "stored": f"0x{stored.hash.hex()}", "given": given}
            raise refused(Refusal("UnknownPosition", values))

    def unused_id(self, head: Head, pool: Pool) -> int:
        """Nobody can guess it, and so nobody can take it before."""
        for _ in range(8):
            id_ = secrets.randbits(128)
            if id_ and read.read_stored(self.chain, head, pool, id_).is_unused:
                return id_
        raise RuntimeError("eight random ids in a row were used")

    def charge(self, now: Now, pool: Pool, position: Position) -> Charge:
        """Interest on the whole principal, until the next block can be mined."""
        token = pool.borrows(position.base, position.quote)
        lending = read.read_lending(self.chain, now.head, pool, token)
        if lending is None:
            raise refused(Refusal("NoLendingVault", {"token": token}))
        at = now.head.next
        since = position.last_funding_timestamp
        highest = read.read_max_interest(self.chain, now.head, pool, position, at)
        curve = self.settings.curve(token) or lending.curve
        try:
            interest = arithmetic.interest_due(
                position.principal, at - since, curve, lending.utilisation, highest
            )
        except arithmetic.InterestTooHighError as error:
            values = {"interest": error.interest, "max": error.max}
            raise Problem(
                503, "InterestTooHigh", f"by the service's rates {error}", values
            ) from None
        if highest:
            return Charge(interest, arithmetic.FOREVER)
        (max_apy,) = ask(self.chain, now.head, (pool.controller, read.MAX_APY, token))
        until = arithmetic.interest_free_until(position.principal, max_apy, since)
        return Charge(0, until)

    # ------------------------------------------------------------------------------------- checking

    def slippage(self, wanted: int | None) -> int:
        """Basis points."""
        most = self.settings.max_slippage
        if wanted is not None and wanted > most:
            raise invalid("slippage", f"{wanted} is above {most} basis points")
        return self.settings.slippage if wanted is None else wanted

    def expiry(self, now: Now, good_until: int = arithmetic.FOREVER) -> int:
        """Of a request that is signed now."""
        return min(now.time + self.settings.lifetime, good_until)

    def check_funds(
        self, head: Head, pool: Pool, trader: str, token: str, amount: int, *, ether: bool
    ) -> int:
        """The trader has what he pays, and lets the pool take it. Returns the ether to send."""
        if ether:
            if token != pool.weth:
                raise refused(Refusal("WrongEther", {"sent": amount, "expected": 0}))
            self._check_enough("ether", self.chain.balance(trader, head), amount)
            return amount
        if amount:
            balance, allowance = ask(
                self.chain,
                head,
                (token, read.BALANCE_OF, trader),
                (token, read.ALLOWANCE, trader, pool.address),
            )
            self._check_enough(token, balance, amount)
            if allowance < amount:
                values = {"token": token, "allowance": allowance, "needed": amount}
                detail = f"the pool may take {allowance} of {token}, and {amount} are needed"
                raise Problem(422, "InsufficientAllowance", f"{detail}: approve it first", values)
        return 0

    @staticmethod
    def _check_enough(token: str, balance: int, needed: int) -> None:
        if balance < needed:
            values = {"token": token, "balance": balance, "needed": needed}
            detail = f"the trader has {balance} of {token}, and {needed} are needed"
            raise Problem(422, "InsufficientBalance", detail, values)

    # ------------------------------------------------------------------------------------- signing

    def sign(
        self,
        now: Now,
        pool: Pool,
        function_: Function,
        request: Request,
        *rest: tuple[object, ...] | int,
        value: int = 0,
    ) -> Signed:
        """Signs, and gives nothing away before the very transaction has gone through on the state
        of the latest block. Raises `Problem` with what the chain says no to."""
        domain = Domain(pool.address, pool.is_long, self.settings.chain_id)
        signature = sign(self.signer, domain, request)
        data = function_.encode(tuple(request), signature, *rest)
        call = Call(pool.address, data, request.trader, value, self.settings.gas_limit)
        (outcome,) = self.chain.call([call], now.head, at=now.head.next)
        if isinstance(outcome, Refusal):
            if outcome.name == "NotOrderSigner":
                raise unavailable("SignerWithoutRole", "the service's signer has not its role")
            raise refused(outcome)
        return Signed(signature, data, value)
