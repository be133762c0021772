"""The arbitrageur, who keeps an exchange at given prices."""

from collections.abc import Mapping

from prep.errors import UserError
from prep.exchange.calldata import MAX_AMOUNT, MAX_UINT, exact_input_single
from prep.exchange.pools import Pool, Pools
from prep.node import Reverted


def bring(exchange: Pools, sender: str, targets: Mapping[Pool, int]) -> None:
    """Swaps until every pool has exactly its price. The sender, who has allowed the router to take
    tokens, must have enough of them; raises `UserError`."""
    slots = exchange.node.read(*((pool.address, "slot0()") for pool in targets))
    for (pool, target), (price, *_) in zip(targets.items(), slots, strict=True):
        if price == target:
            continue
        token_in, token_out = pool.tokens if target < price else pool.tokens[::-1]
        # More than anybody has: the swap ends at the limit, or is refused.
        most, least = MAX_AMOUNT, 0
        hop = token_in, token_out, pool.fee, sender
        data = exact_input_single(*hop, MAX_UINT, most, least, sqrt_price_limit=target)
        try:
            exchange.swap(sender, data)
        except Reverted as error:
            raise UserError(
                f"no swap brings the pool {pool.address} to its price: {error}"
            ) from None
