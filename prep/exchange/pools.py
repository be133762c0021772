"""Pools on a local node that holds its accounts' keys: made, filled, swapped in and moved."""

from dataclasses import dataclass
from typing import Any, Final

from eth_utils.address import to_checksum_address

from prep.errors import UserError
from prep.exchange.calldata import MAX_UINT, exact_input_single
from prep.exchange.contracts import Contracts
from prep.exchange.prices import Amount, full_range, in_order, range_around
from prep.exchange.prices import sqrt_price as price_of
from prep.exchange.quotes import Quoter
from prep.exchange.route import Route
from prep.node import Log, Node

ROOM_AT_ONCE: Final = 200
"""Observations for which a pool makes room in one transaction: each costs 22,000 gas."""


@dataclass(frozen=True, slots=True)
class Pool:
    """A pool of two tokens."""

    address: str
    tokens: tuple[str, str]
    """Token 0 first."""
    fee: int


@dataclass(frozen=True, slots=True)
class Position:
    """Liquidity that was added."""

    token_id: int
    liquidity: int
    amounts: tuple[int, int]
    """Taken of token 0 and token 1: at most what was offered."""
    ticks: tuple[int, int]


class Pools:
    """Acts for any account of the node, which needs the tokens. Raises `Reverted` with what a
    contract refuses."""

    def __init__(self, node: Node, contracts: Contracts) -> None:
        """The node knows the contracts (`prep.exchange.contracts.types`) and the tokens."""
        self.node, self.contracts = node, contracts
        self.quoter = Quoter(node, contracts)

    # -------------------------------------------------------------------------------------- making

    def create(self, sender: str, a: Amount, b: Amount, fee: int) -> Pool:
        """A new pool in which `a` is worth `b`. Raises `UserError` where there is one with another
        price; one with this price is as good as new."""
        first, second = in_order(a, b)
        tokens, price = (first.token, second.token), price_of(a, b)
        self._spacing(fee)
        signature = "createAndInitializePoolIfNecessary(address,address,uint24,uint160)"
        self.node.execute(sender, self.contracts.positions, signature, *tokens, fee, price)
        pool = self.pool(*tokens, fee)
        if self.sqrt_price(pool) != price:
            raise UserError(f"there is a pool of {tokens[0]} and {tokens[1]} with another price")
        return pool

    def pool(self, token: str, other: str, fee: int) -> Pool:
        """One that there is; raises `UserError`."""
        (found,) = self.quoter.pools(Route((token, other), (fee,)))
        low, high = sorted((token, other), key=lambda address: int(address, 16))
        return Pool(found, (to_checksum_address(low), to_checksum_address(high)), fee)

    def remember(self, sender: str, pool: Pool, observations: int) -> None:
        """Makes room for so many blocks with swaps, over which the pool can then tell averages."""
        _, _, _, _, room, _, _ = self._slot(pool)
        signature = "increaseObservationCardinalityNext(uint16)"
        while room < observations:
            room = min(room + ROOM_AT_ONCE, observations)
            self.node.execute(sender, pool.address, signature, room)

    # --------------------------------------------------------------------------------- liquidity

    def add_liquidity(
        self, sender: str, pool: Pool, offered: tuple[Amount, Amount], width: int | None = None
    ) -> Position:
        """As much as the amounts offered suffice for, between the tick `width` below the pool's and
        the one `width` above, rounded outward to ticks that the pool allows; over all prices
        without a width."""
        first, second = in_order(*offered)
        spacing = self._spacing(pool.fee)
        lower, upper = full_range(spacing)
        if width is not None:
            lower, upper = range_around(self.tick(pool), width, spacing)
        self.allow(sender, self.contracts.positions, *pool.tokens)
        amounts, no_minimum = (first.units, second.units), (0, 0)
        terms = (*pool.tokens, pool.fee, lower, upper, *amounts, *no_minimum, sender, MAX_UINT)
        fields = "address,address,uint24,int24,int24,uint256,uint256,uint256,uint256,address"
        call = self.contracts.positions, f"mint(({fields},uint256))"
        logs = self.node.execute(sender, *call, terms)
        token_id, liquidity, *taken = _the("IncreaseLiquidity", logs).args
        return Position(token_id, liquidity, (taken[0], taken[1]), (lower, upper))

    # ------------------------------------------------------------------------------------- swaps

    def swap(self, sender: str, data: bytes) -> list[Log]:
        """A call of the router (`prep.exchange.calldata`), which the sender has allowed to take the
        token that goes in."""
        return self.node.execute_data(sender, self.contracts.router, f"0x{data.hex()}")

    def move(self, sender: str, pool: Pool, target: int) -> None:
        """One swap that leaves the pool at exactly this price. The sender pays with all he has, if
        need be; raises `UserError` if that is too little, or would not move a pool at all."""
        price = self.sqrt_price(pool)
        if price == target:
            return
        token_in, token_out = pool.tokens if target < price else pool.tokens[::-1]
        (balance,) = self.node.read((token_in, "balanceOf(address)", sender))
        hop = token_in, token_out, pool.fee, sender
        data = exact_input_single(*hop, MAX_UINT, balance, 0, sqrt_price_limit=target)
        self.allow(sender, self.contracts.router, token_in)
        self.swap(sender, data)
        if (reached := self.sqrt_price(pool)) != target:
            raise UserError(f"{balance} of {token_in} move the price to {reached}, not to {target}")

    def allow(self, owner: str, spender: str, *tokens: str) -> None:
        """Without a limit."""
        for token in tokens:
            self.node.execute(owner, token, "approve(address,uint256)", spender, MAX_UINT)

    # ------------------------------------------------------------------------------------ looking

    def sqrt_price(self, pool: Pool) -> int:
        return int(self._slot(pool)[0])

    def tick(self, pool: Pool) -> int:
        """Of the price, rounded down."""
        return int(self._slot(pool)[1])

    def _slot(self, pool: Pool) -> tuple[Any, ...]:
        slot: tuple[Any, ...] = self.node.read((pool.address, "slot0()"))[0]
        return slot

    def _spacing(self, fee: int) -> int:
        call = self.contracts.factory, "feeAmountTickSpacing(uint24)", fee
        spacing = int(self.node.read(call)[0])
        if spacing == 0:
            raise UserError(f"the factory allows no pools with a fee of {fee} millionths")
        return spacing


def _the(event: str, logs: list[Log]) -> Log:
    (found,) = (log for log in logs if log.name == event)
    return found
