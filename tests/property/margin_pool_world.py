"""For random walks through the model of asset-backed margin: both pools over the same lending
vaults, an exchange that moves and deceives, traders, lenders, and prices to check against."""

import copy
from collections import Counter
from typing import Any

from prep.model import WAD, Rejected
from prep.model.interest import BorrowerKind, RateCurve
from prep.model.lending import LendingPool
from prep.model.margin import (
    CloseRequest,
    CollateralRequest,
    Controller,
    MarginPool,
    OpenRequest,
    Order,
    PairTerms,
    Payout,
    Position,
    Swap,
)
from prep.model.margin.arithmetic import BPS, principal_part

DAY = 86_400
CURVE = RateCurve(0, WAD // 25, WAD, 8 * WAD // 10)
UNITS = {"usd": 10**6, "btc": 10**8, "eth": 10**18}
CHECKED, LIMITED = ("btc", "usd"), ("eth", "usd")
PAIRS = (CHECKED, LIMITED)
PRICES = {CHECKED: 60_000 * 10**6 * WAD // 10**8, LIMITED: 3_000 * 10**6 * WAD // 10**18}
TRADERS = ("bull", "bear", "hedger", "loser")
LONG_LIMIT, SHORT_LIMIT = 60_000 * 10**6 + 7, 20 * 10**18 + 7
SLIPS = (0, 5, 5, 20, 30, 30, 100, 400)
"""What a swap costs, basis points."""


class MarginWorld:
    """`who`, 0 to 3, chooses, and `x`, out of 10,000, scales and chooses. `paid`: tokens by holder
    and token, as the moves of all actions say; nobody has any at first."""

    def __init__(self, unlock: int = DAY, share: int = WAD // 10) -> None:
        self.controller = Controller(1_000)
        self.vaults: dict[Any, LendingPool] = {}
        for token, unit in UNITS.items():
            vault = LendingPool(1_000, CURVE, reserve_share=share, profit_unlock_time=unlock)
            self.vaults[token] = vault
            for pool in ("long", "short"):
                vault.register_borrower(pool, BorrowerKind.QUOTED, 10**6 * unit)
            self.controller.set_max_apy(token, WAD // 2)
        self.lent: Counter[Any] = Counter()
        common = {"max_leverage": 50_000, "maintenance_margin": 500, "liquidation_fee": 200}
        self.controller.prices["oracle"] = PRICES[CHECKED]
        self.terms = {
            CHECKED: PairTerms(oracle="oracle", max_deviation=100, **common),
            LIMITED: PairTerms(long_limit=LONG_LIMIT, short_limit=SHORT_LIMIT, **common),
        }
        for pair, terms in self.terms.items():
            self.controller.set_pair(*pair, terms)
        self.pools = [
            MarginPool(
                self.controller, self.vaults, is_long=is_long, name=("short", "long")[is_long],
                weth="eth",
            )
            for is_long in (True, False)
        ]  # fmt: skip
        for pool in self.pools:
            pool.executors.add("executor")
            pool.liquidators.add("liquidator")
        self.prices = dict(PRICES)
        self.paid: Counter[tuple[Any, Any]] = Counter()
        self.seen: Counter[str] = Counter()
        self.ids = 0
        for token in UNITS:
            self._lend(token, 10**5)

    # ------------------------------------------------------------------------------ what traders do

    def open(self, pool: MarginPool, who: int, x: int) -> Any:
        pair = PAIRS[who % 2]
        self.ids += who != 3 or x % 7 > 0
        request = self._opening(
            pool, pair, who, x, Position(self.ids, TRADERS[who], *pair, *4 * (0,))
        )
        given = request.principal + (request.down_payment if pool.is_long else 0)
        return pool.open(request, self._sold(pool, pair, given, x))

    def increase(self, pool: MarginPool, who: int, x: int) -> Any:
        position = self._worst(pool, x, CHECKED) if x % 3 == 0 else self._any(pool, x)
        pair = position.base, position.quote
        request = self._opening(pool, pair, who, x, position)
        interest = self._interest(pool, position, x)
        request = request._replace(interest=interest, principal=request.principal * (x % 5 > 0))
        given = request.principal + (request.down_payment if pool.is_long else 0)
        return pool.increase(request, position, self._sold(pool, pair, given, x))

    def close(self, pool: MarginPool, who: int, x: int) -> Any:
        position = self._any(pool, x)
        part = position.collateral if x % 3 == 0 else position.collateral * x // 9_900
        worth = self._worth(pool, position, part)
        fee = worth * (x % 12) // 1_000
        request = CloseRequest(
            position.id, position.nonce, position.trader, part, worth * (x % 7 == 0),
            self._interest(pool, position, x), fee, self.controller.now + x % 4 - (x % 97 == 0),
        )  # fmt: skip
        swap = self._bought_back(pool, position, part, request.interest, x)
        return pool.close(request, position, swap, self._payout(x))

    def exit(self, pool: MarginPool, who: int, x: int) -> Any:
        position = self._any(pool, x)
        interest = pool.max_interest(position)
        swap = self._bought_back(pool, position, position.collateral, interest, x)
        return pool.exit(position.trader, position, swap, x % 3, self._payout(x))

    def order(self, pool: MarginPool, who: int, x: int) -> Any:
        position = self._any(pool, x)
        signer = TRADERS[x % 4] if x % 5 == 0 else position.trader
        if x % 7 == 0:
            pool.authorise_signer(position.trader, signer, x % 2 == 0)
        pair = position.base, position.quote
        price = self.prices[pair] * (9_900 + x % 200) // BPS
        order = Order(
            position.id, position.trader, signer, x % 2 == 0, price, WAD, x % 4, self._payout(x),
            self.controller.now + who - (x % 50 == 0) * 4,
        )  # fmt: skip
        if x % 31 == 0:
            pool.cancel_order(position.trader, order)
        interest = self._interest(pool, position, x)
        request = CloseRequest(
            position.id, position.nonce, position.trader, position.collateral - (x % 41 == 0), 0,
            interest, 0, self.controller.now,
        )  # fmt: skip
        swap = self._bought_back(pool, position, position.collateral, interest, x)
        return pool.execute_order("executor", order, request, position, swap)

    def add(self, pool: MarginPool, who: int, x: int) -> Any:
        position = self._any(pool, x)
        return pool.add_collateral(
            self._change(position, position.collateral * x // 40_000), position
        )

    def remove(self, pool: MarginPool, who: int, x: int) -> Any:
        position = self._any(pool, x)
        amount = position.collateral * (x % 100 if x % 2 else x // 4) // 9_990
        return pool.remove_collateral(self._change(position, -amount), position)

    def claim(self, pool: MarginPool, who: int, x: int) -> Any:
        trader, token = next(iter(pool.claimable), (TRADERS[who], "usd"))
        pool.refusing.pop((trader, token), None)
        return pool.claim(trader, token, TRADERS[x % 4])

    # ------------------------------------------------------------------------------- what others do

    def record(self, pool: MarginPool, who: int, x: int) -> Any:
        first = self._any(pool, x)
        token = pool.owed_token(first)
        same = [it for it in pool.open_positions() if pool.owed_token(it) == token]
        if x % 13 == 0:
            same.append(self._any(pool, x + 1))
        interests = [self._interest(pool, it, x) for it in same]
        return pool.record_interest("executor", same, interests[x % 29 == 0 :])

    def liquidate(self, pool: MarginPool, who: int, x: int) -> Any:
        position = self._worst(pool, x)
        interest = self._interest(pool, position, x)
        swap = self._bought_back(pool, position, position.collateral, interest, x, whole=True)
        return pool.liquidate("liquidator", position, interest, swap)

    def liquidate_part(self, pool: MarginPool, who: int, x: int) -> Any:
        position = self._worst(pool, x)
        part = position.collateral * (x % 110) // 100
        interest = self._interest(pool, position, x)
        swap = self._bought_back(pool, position, part, interest, x, whole=True)
        return pool.liquidate_part("liquidator", position, part, interest, swap)

    def mark(self, pool: MarginPool, who: int, x: int) -> Any:
        return pool.mark(self._worst(pool, x, PAIRS[x % 17 == 0]))

    def unmark(self, pool: MarginPool, who: int, x: int) -> Any:
        return pool.unmark(self._marked(pool, x))

    def liquidate_marked(self, pool: MarginPool, who: int, x: int) -> Any:
        position = self._marked(pool, x)
        if x % 3:
            self._wait(max(0, pool.mark_of(position.id).start - pool.now))
        interest = pool.max_interest(position)
        swap = self._bought_back(pool, position, position.collateral, interest, x, whole=True)
        return pool.liquidate_marked(TRADERS[who], position, swap)

    def block(self, pool: MarginPool, who: int, x: int) -> None:
        for token in UNITS:
            pool.refusing[TRADERS[who], token] = Rejected("Blocked", TRADERS[who])
        if x % 4 == 0:
            pool.refusing.clear()

    def move(self, pool: MarginPool, who: int, x: int) -> None:
        """Of the exchange, by up to 6 %; the check price follows, not always."""
        pair = PAIRS[who % 2]
        self.prices[pair] = max(1, self.prices[pair] * (96_000 + x * 8 // 10) // 100_000)
        if who < 3:
            dead = x % 13 == 0
            price = Rejected("AnswerStale", 1, 2) if dead else self.prices[CHECKED]
            self.controller.prices["oracle"] = price

    def press(self, pool: MarginPool, who: int, x: int) -> None:
        """The price at which the riskiest position has a margin of -1 % to 9 %."""
        it = self._worst(pool, x, PAIRS[who == 3])
        owed = it.principal * (9_900 + x // 10) // BPS
        sides = (owed, it.collateral) if pool.is_long else (it.collateral, owed)
        if min(sides) > 0 and it.id in pool.stored:
            self.prices[it.base, it.quote] = sides[0] * WAD // sides[1] + 1
            self.controller.prices["oracle"] = self.prices[CHECKED]

    def wait(self, pool: MarginPool, who: int, x: int) -> None:
        self._wait(x * x // (10_000 >> 2 * who) + x % 2)

    def lend(self, pool: MarginPool, who: int, x: int) -> None:
        self._lend(tuple(UNITS)[who % 3], x)

    def take_back(self, pool: MarginPool, who: int, x: int) -> None:
        token = tuple(UNITS)[who % 3]
        vault = self.vaults[token]
        amount = vault.max_withdraw("lender") * x // (10_000 if x % 8 == 0 else 100_000)
        vault.withdraw("lender", amount)
        self.lent[token] -= amount

    def settings(self, pool: MarginPool, who: int, x: int) -> None:
        pair = PAIRS[x % 2]
        if x % 5 == 0:
            token = tuple(UNITS)[who % 3]
            cap = (x * UNITS[token] // 10, 10**6 * UNITS[token])[x % 2]
            self.vaults[token].set_borrow_cap(pool.name, cap)
        elif who == 0:
            self.controller.set_max_apy(tuple(UNITS)[x % 3], x * WAD // 5_000 * (x % 4 > 0))
        elif who == 1 and x % 4 == 0:
            self.controller.disable_pair(*pair)
        elif who < 3:
            self.controller.set_pair(*pair, self.terms[pair])
        else:
            self.controller.set_grace_period(600 + x)

    # -------------------------------------------------------------------------------------- choices

    def _opening(
        self, pool: MarginPool, pair: Any, who: int, x: int, position: Position
    ) -> OpenRequest:
        down = (x * 10**6 + x % 3) * (x % 11 > 0)
        leverage = (8_000 + x * 5 + who) if x % 3 else 39_800
        principal = down * leverage // BPS
        if not pool.is_long:
            principal = principal * WAD // self.prices[pair]
        return OpenRequest(
            position.id, position.nonce, position.trader, *pair, down, principal * (x % 23 > 0), 0,
            0, down * (x % 12) // 2_000, self.controller.now + x % 50 - (x % 67 == 0) * 50,
        )  # fmt: skip

    def _sold(self, pool: MarginPool, pair: Any, given: int, x: int) -> Swap:
        """Quote for base tokens by the long pool, else the other way; sometimes less than given."""
        spent = given - given * (x % 9 == 0) * (x % 5) // 4
        slip = BPS - SLIPS[x % 8]
        price = self.prices[pair]
        received = spent * WAD // price if pool.is_long else spent * price // WAD
        return Swap(spent, received * slip // BPS)

    def _bought_back(
        self,
        pool: MarginPool,
        it: Position,
        part: int,
        interest: int,
        x: int,
        *,
        whole: bool = False,
    ) -> Swap:
        """What closes `part`: a sale of it, or a purchase of what is owed, or of what it buys."""
        price, slip = self.prices[it.base, it.quote], BPS - SLIPS[x % 8]
        if pool.is_long:
            return Swap(part - (x % 71 == 0), part * price // WAD * slip // BPS)
        due = principal_part(it.principal, part, it.collateral) + interest
        cost = -(-due * price // WAD * BPS // slip)
        if cost <= part:
            return Swap(cost, due + (x % 5 == 0) * (x % 3) - (x % 73 == 0))
        return Swap(part - (x % 71 == 0), part * WAD // price * slip // BPS)

    def _interest(self, pool: MarginPool, position: Position, x: int) -> int:
        """Mostly good."""
        most = pool.max_interest(position)
        return (
            (most + 1, 0)[x % 2] if x % 37 == 0 else (most, max(1, most // 3))[x % 2] if most else 0
        )

    def _any(self, pool: MarginPool, x: int) -> Position:
        """An open position, as it is or as it was; or none that was ever opened."""
        mine = pool.open_positions()
        if not mine or x % 53 == 0:
            return Position(self.ids, TRADERS[0], *CHECKED, 10, 1_000, 0, 1)
        return mine[x % len(mine)]._replace(**{"nonce": x % 4} if x % 59 == 0 else {})

    def _worst(self, pool: MarginPool, x: int, *pairs: Any) -> Position:
        """Whose debt is largest for what it holds, at the exchange's price."""
        pairs = pairs or PAIRS
        mine = [it for it in pool.open_positions() if (it.base, it.quote) in pairs]
        if not mine or x % 10 == 0:
            return self._any(pool, x)

        def risk(it: Position) -> float:
            price = self.prices[it.base, it.quote] / WAD
            held, owed = it.collateral, it.principal
            return owed / (held * price + 1) if pool.is_long else owed * price / (held + 1)

        return max(mine, key=risk)

    def _marked(self, pool: MarginPool, x: int) -> Position:
        marked = [it for it in pool.open_positions() if it.id in pool.marks]
        return marked[x % len(marked)] if marked else self._any(pool, x)

    def _worth(self, pool: MarginPool, it: Position, part: int) -> int:
        return part * self.prices[it.base, it.quote] // WAD if pool.is_long else part

    def _change(self, it: Position, amount: int) -> CollateralRequest:
        return CollateralRequest(it.id, it.nonce, it.trader, amount, self.controller.now)

    @staticmethod
    def _payout(x: int) -> Payout:
        return (Payout.TOKEN, Payout.TOKEN, Payout.LEND, Payout.NATIVE)[x % 4 if x % 5 == 0 else 0]

    def _lend(self, token: Any, amount: int) -> None:
        assets = amount * UNITS[token] // 10
        self.vaults[token].deposit("lender", assets)
        self.lent[token] += assets

    def _wait(self, seconds: int) -> None:
        self.controller.now += seconds
        for vault in self.vaults.values():
            vault.now = self.controller.now


KINDS = tuple(name for name in vars(MarginWorld) if not name.startswith("_"))

AROUND = ("block", "move", "press", "wait", "lend", "take_back", "settings")
"""Kinds that are no action of a pool."""
SHARED = ("controller", "vaults", "undo")


def photograph(world: MarginWorld) -> Any:
    """All state of pools, vaults and controller, to be compared."""
    pools = [
        {name: copy.copy(value) for name, value in vars(pool).items() if name not in SHARED}
        for pool in world.pools
    ]
    vaults = []
    for vault in world.vaults.values():
        names = [name for cls in type(vault).__mro__ for name in getattr(cls, "__slots__", ())]
        state = {name: copy.copy(getattr(vault, name)) for name in names}
        borrowers = vault.borrowers.items()
        state["borrowers"] = {name: (it.kind, it.cap, it.quoted) for name, it in borrowers}
        vaults.append(state)
    return pools, vaults, dict(world.controller.pairs), dict(world.controller.apys)
