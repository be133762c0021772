"""Worlds in which margin accounts trade on three markets beside isolated traders on the first."""

from typing import Any

from hypothesis import strategies as st

from prep.model import WAD, MarketConfig, Rejected, ReserveBasis
from prep.model.checks import eps
from prep.model.fixed import UNLIMITED
from prep.model.results import Deleveraged, OrderExecuted
from tests.property.world import KINDS, PRICES, TRADERS, UNIT, World, kinds_of, outcome, run

CLIENT = "desk"


class MarginWorld(World):
    """A world with two more markets and a client with an account for each trader. `who` names an
    account; digits of `x` choose market and direction."""

    def __init__(
        self, prices: tuple[int, ...], configs: tuple[MarketConfig, ...], **options: Any
    ) -> None:
        super().__init__(prices[0], configs[0], **options)
        for price, config in zip(prices[1:], configs[1:], strict=True):
            self.system.add_market(config)
            self.system.set_price(len(self.system.markets) - 1, price)
        self.system.set_margin_client(CLIENT, True)
        self._fills: dict[int, list[int]] = {0: self.fills, 1: [], 2: []}

    def price(self, _: int, x: int) -> None:
        old = self.system.price(x % 3)
        self.system.set_price(x % 3, max(1, old * (95_000 + x) // 100_000))

    # Orders of up to 60,000 PREP.

    def order(self, who: int, x: int) -> OrderExecuted:
        base = 6 * UNIT * x * WAD // self.system.price(x % 3)
        return self._order(who, x % 3, base if x // 3 % 2 else -base, x // 6 % 5 == 0)

    def grow(self, who: int, x: int) -> OrderExecuted:
        held = self._held(who, x % 3)
        base = 2 * UNIT * x * WAD // self.system.price(x % 3)
        return self._order(who, x % 3, base if held > 0 else -base, False)

    def cut(self, who: int, x: int) -> OrderExecuted:
        """Up to more than all, which flips unless it is reduce-only."""
        return self._order(who, x % 3, -self._held(who, x % 3) * x // 9_000, x // 3 % 2 == 0)

    def leave(self, who: int, x: int) -> OrderExecuted:
        return self._order(who, x % 3, -self._held(who, x % 3), x // 3 % 2 == 0)

    def flip(self, who: int, x: int) -> OrderExecuted:
        return self._order(who, x % 3, -self._held(who, x % 3) * (9_000 + x) // 9_000, False)

    def leave_all(self, who: int, _: int) -> list[OrderExecuted]:
        held = [self._held(who, market_id) for market_id in range(3)]
        results = self.system.close_all(CLIENT, who)
        for result in results:
            self.tokens -= result.settlement
            self._fills[result.market_id].append(held[result.market_id])
        assert [result.size for result in results] == [-size for size in held if size]
        return results

    def push_out(self, who: int, x: int) -> Deleveraged:
        before = self.system.collateralization_ratio(), self.system.total_debt()
        over = self._too_large(x % 3, self._held(who, x % 3))
        size = UNLIMITED if x % 2 else abs(self._held(who, x % 3)) * x // 10_000
        result = self.system.deleverage_account(CLIENT, who, x % 3, size)
        self.tokens -= result.settlement
        self._check_pushed(result, *before, over)
        return result

    def push_trader_out(self, who: int, x: int) -> Deleveraged:
        before = self.system.collateralization_ratio(), self.system.total_debt()
        held = self.system.position(TRADERS[who]).size
        over = self._too_large(0, held)
        size = UNLIMITED if x % 2 else abs(held) * x // 10_000
        result = self.system.deleverage_trader(TRADERS[who], size)
        self.fills.append(result.size)
        self._check_pushed(result, *before, over)
        return result

    # ------------------------------------------------------------------------------------- helpers

    def _held(self, who: int, market_id: int) -> int:
        return self.system.margin_position(CLIENT, who, market_id).size

    def _order(self, who: int, market_id: int, size: int, reduce_only: bool) -> OrderExecuted:
        arguments = CLIENT, who, market_id, size, reduce_only
        held = self._held(who, market_id)
        seen = outcome(self.system.preview_order, *arguments)
        result = outcome(self.system.execute_order, *arguments)
        assert seen == result, f"preview {seen}, executed {result}"
        if isinstance(result, Rejected):
            raise result
        self.tokens -= result.settlement
        self._fills[market_id] += [held, result.position.size]
        return result

    def _too_large(self, market_id: int, size: int) -> bool:
        market = self.system.markets[market_id]
        config, price = market.config, self.system.price(market_id)
        if size > 0:
            return market.long_oi * price // WAD > config.max_long_oi_value
        return market.short_oi * price // WAD > config.max_short_oi_value

    def _check_pushed(self, result: Deleveraged, ratio: int, debt: int, over: bool) -> None:
        target = self.system.vault.target_collateralization_ratio
        after = self.system.collateralization_ratio()
        assert (result.ratio_before, result.ratio_after) == (ratio, after), "R1 ratios"
        assert ratio < target or over, "R1 neither ratio nor open interest allowed it"
        assert result.settlement > 0 or over, "R1 a loser was closed"
        better = after >= min(ratio, target) or (ratio < WAD and self.system.total_debt() < debt)
        assert better, f"R1 from {ratio} to {after}, target {target}"
        self.seen["pushed: loser"] += result.settlement <= 0
        self.seen["pushed: low ratio"] += ratio < target
        self.seen["pushed: large side"] += over and ratio >= target

    def tolerance(self) -> int:
        """What rounding may add up to over all fills so far."""
        return sum(
            eps(sizes, self.system.price(market_id), self.system.markets[market_id].skew_scale)
            for market_id, sizes in self._fills.items()
        )


MARGIN_KINDS = tuple(kind for kind in kinds_of(MarginWorld) if kind not in KINDS)
MARGIN_KINDS = tuple(kind for kind in MARGIN_KINDS if kind != "tolerance")
ORDERS = ("order", "grow", "cut", "leave", "flip", "leave_all")


@st.composite
def margin_worlds(draw: st.DrawFn, *, costly: bool | None = None) -> MarginWorld:
    """Three markets on different scales of prices, each with or without price impact."""
    prices = draw(st.permutations(PRICES))[:3]
    fees = draw(st.booleans()) if costly is None else costly
    configs = tuple(
        MarketConfig(
            skew_scale=draw(st.sampled_from(scales)) * UNIT * WAD // price,
            max_funding_velocity=draw(st.sampled_from((0, 9 * WAD))),
            opening_fee_rate=WAD // 999 if fees else 0,
            closing_fee_rate=WAD // 777 if fees else 0,
            borrow_rate=15 * WAD // 100,
            reserve_factor=draw(st.sampled_from((0, 15 * WAD // 100))),
            min_position_value=draw(st.sampled_from((0, 500 * UNIT))),
        )
        for price, scales in zip(
            prices, ((0, 9_000_000), (0, 100_000), (80_000, 400_000)), strict=True
        )
    )
    return MarginWorld(
        tuple(prices),
        configs,
        protocol_fee_rate=draw(st.sampled_from((0, WAD // 7))) if fees else 0,
        reserve_basis=draw(st.sampled_from(ReserveBasis)),
    )


__all__ = ["CLIENT", "MARGIN_KINDS", "ORDERS", "MarginWorld", "margin_worlds", "run"]
