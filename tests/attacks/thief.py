"""Who has stolen the key of an order signer, trades with it, and owns an exchange."""

from tests.attacks.backed import (
    BPS,
    ceil,
    highest_cost,
    least_proceeds,
    wealth,
)
from tests.margin_suite import (
    DEVIATION,
    LEVERAGE,
    MAINTENANCE,
)
from tests.suite import WAD


class Thief:
    """Trader, order signer and exchange in one: every swap is with himself, at a price he names."""

    def __init__(self, margin, pool, hostile, trader, pair):
        self.margin, self.pool, self.hostile = margin, pool, hostile
        self.trader, self.pair = trader, pair
        self.recorded = dict[int, int]()
        """Interest that became principal, by position: it is on top of the bound."""

    @property
    def price(self):
        return self.margin.price(self.pair)

    def wealth(self) -> int:
        """Of his accounts, at the check price, in quote units times WAD: nothing is rounded."""
        base, quote = self.pair
        owns = wealth(self.margin, self.trader, self.hostile.address)
        return owns[base] * self.price + owns[quote] * WAD

    def worst_opening(self, given: int) -> int:
        """The least that a swap of `given` may bring."""
        price, limit = self.price, DEVIATION
        if not self.pool.is_long:
            return least_proceeds(given, price, limit)
        low, high = 0, given * WAD // price + 1
        while low < high:
            middle = (low + high) // 2
            fits = highest_cost(middle, price, limit) >= given
            low, high = (low, middle) if fits else (middle + 1, high)
        return low

    def trade(self, opening: bool, given: int, brought: int) -> None:
        sold, bought = self.pool.owed(self.pair), self.pool.held(self.pair)
        if not opening:
            sold, bought = bought, sold
        missing = brought - self.margin.balance(self.hostile.address, bought)
        assert missing <= 0, "his exchange has what it gives"
        self.hostile.arm(
            self.hostile.take(self.pool, sold, given), self.hostile.give(self.pool, bought, brought)
        )

    def max_principal(self, down: int) -> int:
        if self.pool.is_long:
            return down * (LEVERAGE - BPS) // BPS
        return down * LEVERAGE * WAD // (BPS * self.price)

    def grow(self, down: int, position=None):
        """Opens or increases, with the highest leverage at the worst price, and the highest fee."""
        margin, pool = self.margin, self.pool
        principal = self.max_principal(down)
        given = principal + down if pool.is_long else principal
        brought = self.worst_opening(given)
        self.trade(True, given, brought)
        fee = (given if pool.is_long else brought) // 100
        changes = {"fee": fee} | self.hostile.route
        if position is None:
            request = margin.open_request(pool, self.trader, self.pair, down, principal, **changes)
            logs = margin.do(self.trader, pool, "open", request, margin.signed(pool, request))
            return margin.after(logs, "PositionOpened")
        request = margin.increase_request(pool, position, down, principal, **changes)
        request = request._replace(interest=self.least_interest(position))
        self.recorded[position.id] = self.recorded.get(position.id, 0) + request.interest
        args = request, margin.signed(pool, request), position
        return margin.after(margin.do(self.trader, pool, "increase", *args), "PositionIncreased")

    def least_interest(self, position) -> int:
        """1 unit, where any is due in a block of this time."""
        self.margin.node.at(self.margin.time() + 60)
        self.margin.node.mine()
        return 1

    def close(self, position, amount: int):
        """At the worst price for the position: it gets nothing beyond what is due."""
        interest = self.least_interest(position)
        due = ceil(position.principal * amount, position.collateral) + interest
        self.trade(False, amount, due)
        route = self.hostile.route
        return self.margin.close(
            self.pool, self.trader, position, amount, interest=interest, **route
        )[0]

    def remove_most(self, position):
        """As much collateral as he can, at interest of a block."""
        margin, price = self.margin, self.price
        self.margin.node.at(self.margin.time() + 60)
        margin.node.mine()
        debt = position.principal + margin.max_interest(self.pool, position, margin.time() + 60)
        if self.pool.is_long:
            margin_needed = ceil(debt * BPS, LEVERAGE - BPS)
            left = ceil((debt + margin_needed) * WAD, price)
        else:
            margin_needed = ceil(debt * BPS * price, LEVERAGE * WAD)
            left = ceil(debt * price, WAD) + margin_needed
        amount = position.collateral - left
        if amount <= 0:
            return position
        margin.node.at(margin.time() + 60)
        return margin.change_collateral(self.pool, self.trader, position, -amount)

    def check(self, position) -> None:
        """The bound, exactly; and no born victim of a liquidation."""
        if not position.collateral:
            return
        borrowed = position.principal - self.recorded.get(position.id, 0)
        value, equity = self.value_and_equity(position.collateral, borrowed)
        assert equity * LEVERAGE * BPS >= value * (BPS * BPS - LEVERAGE * DEVIATION), "A5"
        value, equity = self.value_and_equity(position.collateral, position.principal)
        assert equity > ceil(value * MAINTENANCE, BPS), "A5"

    def value_and_equity(self, collateral, principal):
        if self.pool.is_long:
            value = collateral * self.price // WAD
            return value, value - principal
        value = ceil(principal * self.price, WAD)
        return value, collateral - value
